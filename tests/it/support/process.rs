//! A child process that is ended by its own id and never outlives its test.

use std::process::{Child, Command, ExitStatus};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// How long a process may take to end after it was asked to.
const STOP_DEADLINE: Duration = Duration::from_secs(20);
/// How often a condition is looked at again.
pub(crate) const POLL: Duration = Duration::from_millis(10);

/// A process that this test started.
pub(crate) struct Running {
    child: Child,
    name: &'static str,
}

impl Running {
    /// # Panics
    /// When the program cannot be started.
    pub(crate) fn start(name: &'static str, command: &mut Command) -> Self {
        let child = command.spawn().unwrap_or_else(|error| panic!("cannot start {name}: {error}"));
        Self { child, name }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// The exit status, once there is one.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap_or_else(|error| panic!("cannot wait for {}: {error}", self.name))
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal)
            .unwrap_or_else(|error| panic!("cannot signal {}: {error}", self.name));
    }

    /// Ends it at once, as a crash would.
    pub(crate) fn kill(mut self) {
        self.end_hard();
    }

    /// Asks it to end and waits for that.
    ///
    /// # Panics
    /// When it is still there after [`STOP_DEADLINE`]; it is killed then.
    pub(crate) fn stop(mut self) -> ExitStatus {
        self.end_softly().unwrap_or_else(|| panic!("{} did not stop within {STOP_DEADLINE:?}", self.name))
    }

    fn end_softly(&mut self) -> Option<ExitStatus> {
        if let Some(status) = self.ended() {
            return Some(status);
        }
        self.signal(Signal::TERM);
        let deadline = Instant::now() + STOP_DEADLINE;
        while Instant::now() < deadline {
            if let Some(status) = self.ended() {
                return Some(status);
            }
            sleep(POLL);
        }
        None
    }

    fn end_hard(&mut self) {
        // Both fail only when it has ended already, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end_hard();
    }
}
