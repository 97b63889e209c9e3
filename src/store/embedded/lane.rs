//! A lane: one thread that owns one connection and does one piece of work at a time.
//!
//! SQLite blocks, and the callers are async: they hand work over and wait for the answer without holding a thread.
//! A lane must never make its caller wait for room; when it is full it says so.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::error::Failure;
use crate::priority::Priority;
use crate::store::{Result, StoreError};

/// The most pieces of work that wait in one lane.
pub(super) const WAITING_MAX: usize = 1024;

type Work = Box<dyn FnOnce(&mut Connection) + Send>;

/// Dropping a lane lets it finish what waits, then closes its connection.
pub(super) struct Lane {
    /// `None` only while the lane is dropped.
    queue: Option<SyncSender<Work>>,
    thread: Option<JoinHandle<()>>,
    file: Arc<Path>,
}

impl Lane {
    pub(super) fn start(name: &str, priority: Priority, connection: Connection, file: Arc<Path>) -> io::Result<Self> {
        let (queue, waiting) = sync_channel(WAITING_MAX);
        let run = move || {
            priority.take();
            serve(connection, &waiting);
        };
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(run)?;
        Ok(Self { queue: Some(queue), thread: Some(thread), file })
    }

    /// Does `work` on the lane's thread. Work whose caller stopped waiting before its turn is not begun.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T> {
        let (reply, answer) = oneshot::channel();
        self.enqueue(Box::new(move |connection| {
            if !reply.is_closed() {
                // A caller that stopped waiting meanwhile needs no answer.
                let _ = reply.send(work(connection));
            }
        }))?;
        match answer.await {
            Ok(result) => result.map_err(|failure| failure.in_file(&self.file)),
            Err(_) => Err(StoreError::Unavailable("a request ended without an answer".to_owned())),
        }
    }

    fn enqueue(&self, work: Work) -> Result<()> {
        let ended = || StoreError::Unavailable("the store is closed".to_owned());
        let queue = self.queue.as_ref().ok_or_else(ended)?;
        queue.try_send(work).map_err(|error| match error {
            TrySendError::Full(_) => StoreError::Unavailable(format!("{WAITING_MAX} requests are waiting already")),
            TrySendError::Disconnected(_) => ended(),
        })
    }
}

/// A defect that one request meets must not take the store away from all others; its transaction is rolled back
/// while the stack unwinds, and its caller is told that no answer came.
fn serve(mut connection: Connection, waiting: &Receiver<Work>) {
    while let Ok(work) = waiting.recv() {
        let _ = catch_unwind(AssertUnwindSafe(|| work(&mut connection)));
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            // The thread catches what its work throws, so there is nothing to learn from how it ended.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn lane() -> Lane {
        Lane::start("test", Priority::Ordinary, Connection::open_in_memory().unwrap(), PathBuf::from("file").into())
            .unwrap()
    }

    #[tokio::test]
    async fn a_lane_outlives_work_that_panics() {
        let lane = lane();
        let panicked = lane.run(|_| -> Result<(), Failure> { panic!("a defect, on purpose") }).await;
        assert!(matches!(panicked, Err(StoreError::Unavailable(_))));
        assert_eq!(lane.run(|_| Ok(7)).await.unwrap(), 7);
    }

    #[tokio::test]
    async fn a_full_lane_says_so_instead_of_making_its_caller_wait() {
        let lane = lane();
        let (release, gate) = sync_channel::<()>(0);
        let (started, is_started) = sync_channel(0);
        let hold = move |_: &mut Connection| {
            started.send(()).unwrap();
            let _ = gate.recv();
        };
        lane.enqueue(Box::new(hold)).unwrap();
        is_started.recv().unwrap();
        for _ in 0..WAITING_MAX {
            lane.enqueue(Box::new(|_| ())).unwrap();
        }
        assert!(matches!(lane.run(|_| Ok(())).await, Err(StoreError::Unavailable(_))));
        drop(release);
    }
}
