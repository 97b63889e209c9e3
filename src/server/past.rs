//! Judging the past again and comparing it, between the API that asks for it and the tally that does it.

use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::civil::Date;

use crate::admin;
use crate::admin::verification::{Comparison, Differing, JournalBehind, Verification};
use crate::admin::wire::Reclassification;
use crate::tally::recount::{RecountError, Report, Request};
use crate::tally::{Order, verify};

pub(crate) struct Past {
    orders: SyncSender<Order>,
    state: Arc<Mutex<Reclassification>>,
    verification: Arc<Mutex<Verification>>,
}

impl Past {
    pub(crate) fn new(orders: SyncSender<Order>) -> Self {
        let state = Arc::new(Mutex::new(Reclassification::idle()));
        Self { orders, state, verification: Arc::new(Mutex::new(Verification::idle())) }
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
            let mut state = lock(&ended);
            *state = state.clone().ended(outcome.map(comparison));
        });
        let order = Order::Verify(verify::Request { since, done });
        self.orders.try_send(order).map_err(|_| "the server is stopping".to_owned())?;
        *state = Verification::running(since);
        Ok(())
    }

    fn verification(&self) -> Verification {
        lock(&self.verification).clone()
    }
}

/// Whoever panics while holding it leaves a whole state behind.
fn lock<T>(state: &Mutex<T>) -> MutexGuard<'_, T> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the tally found, as the API tells it.
fn comparison(report: verify::Report) -> Comparison {
    let differing = |of: verify::Differing| {
        let verify::Differing { day, link, what, in_store, in_files } = of;
        Differing { day, link, what, in_store, in_files }
    };
    let behind = |of: verify::JournalBehind| {
        let verify::JournalBehind { journal, hits, counted, in_files } = of;
        JournalBehind { journal, hits, counted, in_files }
    };
    Comparison {
        agrees: report.agrees,
        files: report.files,
        files_damaged: report.files_damaged,
        days: report.days,
        hits: report.hits,
        differences: report.differences,
        differing: report.differing.into_iter().map(differing).collect(),
        hits_of_other_nodes: report.hits_of_other_nodes,
        journals: report.journals,
        journals_behind: report.journals_behind.into_iter().map(behind).collect(),
        received: report.received,
        recovered: report.recovered,
        counted: report.counted,
        lost: report.lost,
        in_journal: report.in_journal,
    }
}
