//! Judging the past again, between the API that asks for it and the tally that does it.

use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::civil::Date;

use crate::admin;
use crate::admin::wire::Reclassification;
use crate::tally::recount::{RecountError, Report, Request};
use crate::tally::{Order, verify};

pub(crate) struct Past {
    orders: SyncSender<Order>,
    state: Arc<Mutex<Reclassification>>,
    verification: Arc<Mutex<Reclassification>>,
}

impl Past {
    pub(crate) fn new(orders: SyncSender<Order>) -> Self {
        let idle = || Arc::new(Mutex::new(Reclassification::idle()));
        Self { orders, state: idle(), verification: idle() }
    }
}

impl admin::Past for Past {
    fn begin(&self, since: Date, dry_run: bool) -> Result<(), String> {
        let mut state = lock(&self.state);
        if state.is_running() {
            return Err("the past is being judged again already: wait until that is done".to_owned());
        }
        let ended = Arc::clone(&self.state);
        let done = Box::new(move |outcome: Result<Report, RecountError>| {
            let outcome = outcome.map_err(|error| error.to_string());
            let outcome = outcome.and_then(|report| serde_json::to_value(report).map_err(|error| error.to_string()));
            let mut state = lock(&ended);
            *state = state.clone().ended(outcome);
        });
        let order = Order::Recount(Request { since, dry_run, done });
        self.orders.try_send(order).map_err(|_| "the server is stopping".to_owned())?;
        *state = Reclassification::running(since, dry_run);
        Ok(())
    }

    fn state(&self) -> Reclassification {
        lock(&self.state).clone()
    }

    fn verify(&self, since: Date) -> Result<(), String> {
        let mut state = lock(&self.verification);
        if state.is_running() {
            return Err("it is being verified already: wait until that is done".to_owned());
        }
        let ended = Arc::clone(&self.verification);
        let done = Box::new(move |outcome: Result<verify::Report, String>| {
            let outcome = outcome.and_then(|report| serde_json::to_value(report).map_err(|error| error.to_string()));
            let mut state = lock(&ended);
            *state = state.clone().ended(outcome);
        });
        let order = Order::Verify(verify::Request { since, done });
        self.orders.try_send(order).map_err(|_| "the server is stopping".to_owned())?;
        *state = Reclassification::running(since, true);
        Ok(())
    }

    fn verification(&self) -> Reclassification {
        lock(&self.verification).clone()
    }
}

/// Whoever panics while holding it leaves a whole state behind.
fn lock(state: &Mutex<Reclassification>) -> MutexGuard<'_, Reclassification> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
