//! Who goes first when there is less processor time than work: redirects before people at the dashboard, both before
//! what can be done later.
//!
//! It must never be called on a thread that a redirect waits for, nor on one that keeps hits from being lost.
//!
//! Niceness alone says how much of the processor a thread gets, not how soon another one gets it: since Linux 6.6 whoever
//! runs may go on to the end of its time slice, whose niceness it has, and a redirect that wakes up waits for half a
//! millisecond. But a waking thread displaces one with a longer slice than its own at once, and since Linux 6.12 a
//! thread can ask for one (`sched_setattr(2)`; kernel, `sched/eevdf: Use sched_attr::sched_runtime to set request/slice
//! suggestion`). So everybody behind the redirects runs for long at once, and gives way at any time.

#[cfg(target_os = "linux")]
use std::time::Duration;

/// A thread's place in the queue for the processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Priority {
    /// Redirects, what they wait for, and what keeps their hits.
    Ordinary,
    /// Somebody waits for an answer, but not a visitor: a third of what an ordinary thread gets.
    AfterRedirects,
    /// What only has to be done sometime: a seventieth of what an ordinary thread gets. Counting after a burst instead of
    /// between its redirects also costs less, because whatever runs then finds its data in the processor's caches.
    WhenIdle,
}

impl Priority {
    /// What is added to the thread's niceness; 19 is the most there is.
    #[cfg(target_os = "linux")]
    fn niceness(self) -> i32 {
        match self {
            Self::Ordinary => 0,
            Self::AfterRedirects => 5,
            Self::WhenIdle => 19,
        }
    }

    /// Lowers the calling thread, and the threads that it starts from then on. There is no way back: who may not lower
    /// others may not raise itself.
    pub(crate) fn take(self) {
        // Elsewhere it would lower all of the process.
        #[cfg(target_os = "linux")]
        if self != Self::Ordinary {
            give_way();
            // A system that refuses leaves the thread where it is, which is slower and not wrong.
            let _ = rustix::process::nice(self.niceness());
        }
    }
}

/// Several times the slice that threads have who ask for none.
#[cfg(target_os = "linux")]
const SLICE: Duration = Duration::from_millis(10);

/// Has every waking thread that asked for no slice displace the calling one at once.
#[cfg(target_os = "linux")]
fn give_way() {
    use thread_priority::{
        DeadlineFlags, RealtimeThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy,
        set_thread_priority_and_policy,
    };
    /// `SCHED_FLAG_KEEP_POLICY` of `linux/sched.h`. With it the call is not about deadlines: an ordinary thread remains
    /// one, and the runtime is its slice.
    const KEEP_POLICY: u64 = 0x08;
    const THIS_THREAD: thread_priority::ThreadId = 0;
    // The call puts niceness to 0 besides, which is not for us to do where somebody has lowered all of the process.
    if rustix::process::nice(0) != Ok(0) {
        return;
    }
    let flags = DeadlineFlags::from_bits_retain(KEEP_POLICY);
    let slice = ThreadPriority::Deadline { runtime: SLICE, deadline: SLICE, period: SLICE, flags };
    let policy = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::Deadline);
    // A system that knows no such slices has threads wait for a while and does nothing wrong.
    let _ = set_thread_priority_and_policy(THIS_THREAD, slice, policy);
}

#[cfg(target_os = "linux")]
#[cfg(test)]
mod tests {
    use super::*;

    /// The calling thread's niceness, and its slice where the kernel tells it.
    fn place() -> (i32, Option<Duration>) {
        let told = std::fs::read_to_string("/proc/thread-self/sched").unwrap_or_default();
        let slice = told.lines().find_map(|line| line.strip_prefix("se.slice")?.split(':').nth(1)?.trim().parse().ok());
        (rustix::process::nice(0).unwrap(), slice.map(Duration::from_nanos))
    }

    fn taken(priority: Priority) -> (i32, Option<Duration>) {
        let look = move || {
            priority.take();
            place()
        };
        std::thread::spawn(look).join().unwrap()
    }

    /// Whether the kernel gives the slices that threads ask for.
    fn gives_slices() -> bool {
        let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
        let mut numbers = release.split(['.', '-']).map_while(|part| part.parse().ok());
        (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) >= (6, 12)
    }

    #[test]
    fn who_comes_later_is_nicer_and_gives_way_and_nobody_else_changes() {
        let (here, slice) = place();
        assert_eq!(taken(Priority::Ordinary), (here, slice));
        for (priority, niceness) in [(Priority::AfterRedirects, here + 5), (Priority::WhenIdle, 19)] {
            let (found, long) = taken(priority);
            assert_eq!(found, niceness.min(19), "{priority:?}");
            if let (true, 0, Some(long)) = (gives_slices(), here, long) {
                assert_eq!(long, SLICE, "{priority:?}");
                assert!(Some(long) > slice);
            }
        }
    }
}
