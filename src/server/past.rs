//! Judging the past again and comparing it, between the API that asks for it and the tally that does it.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use tokio::runtime::{Handle, Runtime};

use super::parts::{Parts, report_zone};
use crate::admin;
use crate::admin::verification::{Comparison, Differing, JournalBehind, Verification};
use crate::admin::wire::Reclassification;
use crate::config::Config;
use crate::judged::{self, Days, Reign};
use crate::store::Store;
use crate::tally::recount::{RecountError, Report, Request};
use crate::tally::{Order, verify};

/// Between two tries to write down by which rules this node judges.
const WRITE_DOWN_AGAIN: Duration = Duration::from_secs(2);

pub(crate) struct Past {
    orders: SyncSender<Order>,
    store: Arc<dyn Store>,
    /// The report time zone.
    zone: TimeZone,
    runtime: Handle,
    /// By which rules this node judges.
    rules_version: Arc<AtomicU32>,
    state: Arc<Mutex<Reclassification>>,
    verification: Arc<Mutex<Verification>>,
}

impl Past {
    /// # Errors
    /// When the report time zone is none.
    pub(crate) fn new(
        orders: SyncSender<Order>,
        parts: &Parts,
        config: &Config,
        runtime: &Runtime,
        rules_version: Arc<AtomicU32>,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            orders,
            store: parts.store.clone(),
            zone: report_zone(config)?,
            runtime: runtime.handle().clone(),
            rules_version,
            state: Arc::new(Mutex::new(Reclassification::idle())),
            verification: Arc::new(Mutex::new(Verification::idle())),
        })
    }

    /// Writes down by which rules this node judges from now on, as soon as the store answers.
    pub(super) fn write_down(&self, rules: Reign) {
        let store = self.store.clone();
        self.runtime.spawn(async move {
            while let Err(error) = judged::begin(&*store, rules).await {
                tracing::warn!(%error, "rates do not know yet by which rules hits are judged");
                tokio::time::sleep(WRITE_DOWN_AGAIN).await;
            }
        });
    }

    /// What is done once the past was judged again: rates are told, then whoever asked for it.
    fn when_judged(&self, since: Date, dry_run: bool) -> Box<dyn FnOnce(Result<Report, RecountError>) + Send> {
        let (store, zone, ended) = (self.store.clone(), self.zone.clone(), self.state.clone());
        let (runtime, rules_version) = (self.runtime.clone(), self.rules_version.clone());
        Box::new(move |outcome| {
            runtime.spawn(async move {
                if let (Ok(report), false) = (&outcome, dry_run) {
                    rules_version.store(report.rules_version, Ordering::Relaxed);
                    write_down_again(&*store, report, since, &zone).await;
                }
                let told = outcome.map_err(|error| error.to_string());
                let told = told.and_then(|report| serde_json::to_value(report).map_err(|error| error.to_string()));
                let mut state = lock(&ended);
                *state = state.clone().ended(told);
            });
        })
    }
}

impl admin::Past for Past {
    fn begin(&self, since: Date, dry_run: bool) -> Result<(), String> {
        let mut state = lock(&self.state);
        if state.is_running() {
            return Err("the past is being judged again already: wait until that is done".to_owned());
        }
        let order = Order::Recount(Request { since, dry_run, done: self.when_judged(since, dry_run) });
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

/// Without this, rows of CTR go on to say that several versions judged; judging again mends it.
async fn write_down_again(store: &dyn Store, report: &Report, since: Date, zone: &TimeZone) {
    let begins = |day: Date| Some(day.to_zoned(zone.clone()).ok()?.timestamp());
    let kept = report.days_kept.iter().filter_map(|day| {
        let day: Date = day.parse().ok()?;
        Some((begins(day)?, begins(day.tomorrow().ok()?)?))
    });
    let Some(since) = begins(since) else { return };
    let rules = Reign { since, rules: report.rules_version };
    if let Err(error) = judged::judged_again(store, rules, &kept.collect::<Vec<Days>>()).await {
        tracing::warn!(%error, "rates do not know that the past was judged again: judge it again");
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
