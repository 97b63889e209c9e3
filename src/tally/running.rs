//! The running tally as others see it: started, told what to do, and stopped.
//!
//! It must never make its caller wait for counting, except for a named time at start and at the end.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use super::worker::{Tools, Worker};
use super::{recount, verify};
use crate::priority::Priority;

/// Orders that may wait: one of each kind, and one to spare.
const ORDERS_MAX: usize = 4;

/// How long a start waits for the survey of what earlier processes left behind.
const SURVEY_WAIT_MAX: Duration = Duration::from_secs(10);

/// What the tally is told while it runs.
pub(crate) enum Order {
    Stop,
    /// Judge the past again.
    Recount(recount::Request),
    /// Prove that what is kept in several places agrees.
    Verify(verify::Request),
}

/// How the tally lets time pass, and what it is told meanwhile.
pub(super) trait Pace: Send {
    fn now(&self) -> Instant;
    fn sleep(&mut self, pause: Duration);
    /// Sleeps, or hears an order that comes sooner.
    fn wait(&mut self, pause: Duration) -> Option<Order>;
    /// Gives the calling thread its place in the queue for the processor. Simulated time has no queue.
    fn take_place(&self, _priority: Priority) {}
}

/// Real time, and the orders that the server sends.
struct Orders(Receiver<Order>);

impl Pace for Orders {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn sleep(&mut self, pause: Duration) {
        std::thread::sleep(pause);
    }

    fn wait(&mut self, pause: Duration) -> Option<Order> {
        match self.0.recv_timeout(pause) {
            Ok(order) => Some(order),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => Some(Order::Stop),
        }
    }

    fn take_place(&self, priority: Priority) {
        priority.take();
    }
}

/// The running tally.
pub(crate) struct Tally {
    orders: SyncSender<Order>,
    thread: std::thread::JoinHandle<()>,
    survey: Receiver<()>,
}

impl Tally {
    /// # Errors
    /// When the thread or its runtime cannot be made.
    pub(crate) fn start(tools: Tools) -> std::io::Result<Self> {
        let (sender, orders) = sync_channel(ORDERS_MAX);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (surveyed, survey) = sync_channel(1);
        // This one hardly ever works itself: see `urgency.rs`.
        let run = move || Worker::new(tools, runtime, Box::new(Orders(orders))).run(&surveyed);
        let thread = std::thread::Builder::new().name("tally-urgent".to_owned()).spawn(run)?;
        Ok(Self { orders: sender, thread, survey })
    }

    /// Waits until the books know what earlier processes left uncounted; a store that is away ends the wait.
    pub(crate) fn wait_for_survey(&self) {
        let _ = self.survey.recv_timeout(SURVEY_WAIT_MAX);
    }

    /// Where orders can be sent to.
    pub(crate) fn orders(&self) -> SyncSender<Order> {
        self.orders.clone()
    }

    /// Counts and archives what is left, within a bounded time, and ends the thread.
    pub(crate) fn stop(self) {
        let _ = self.orders.try_send(Order::Stop);
        let _ = self.thread.join();
    }
}
