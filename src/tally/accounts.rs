//! The books: every hit received or recovered is counted, lost for a named reason, or still in the journal.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::domain::position::Position;

/// Running sums since the start of the process.
#[derive(Debug, Default)]
pub(crate) struct Accounts {
    recovered: AtomicU64,
    recovered_waiting: AtomicU64,
    counted: AtomicU64,
    damaged: AtomicU64,
    live_done: AtomicU64,
    store_errors: AtomicU64,
    archive_errors: AtomicU64,
}

/// Which journal a batch came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The incarnation this process writes.
    Live,
    /// One that an earlier process left behind.
    Recovered,
}

impl Accounts {
    /// Hits of an earlier process were found that nobody has counted.
    pub(super) fn found(&self, hits: u64) {
        self.recovered.fetch_add(hits, Ordering::Relaxed);
        self.recovered_waiting.fetch_add(hits, Ordering::Relaxed);
    }

    /// The store took a batch: `hits` counted, `damaged` unreadable, everything below `to` done with.
    pub(super) fn settled(&self, origin: Origin, hits: u64, damaged: u64, to: Position) {
        self.counted.fetch_add(hits, Ordering::Relaxed);
        self.damaged.fetch_add(damaged, Ordering::Relaxed);
        match origin {
            Origin::Live => self.live_done.store(to.0, Ordering::Relaxed),
            Origin::Recovered => subtract(&self.recovered_waiting, hits + damaged),
        }
    }

    /// The store went back from `from` to `to`: what it forgot will be counted again.
    pub(super) fn forgotten(&self, origin: Origin, from: Position, to: Position) {
        let hits = from.0.saturating_sub(to.0);
        match origin {
            Origin::Live => {
                subtract(&self.counted, hits);
                self.live_done.store(to.0, Ordering::Relaxed);
            }
            // An earlier process may have counted them, so these are hits that came to this one, perhaps once more.
            Origin::Recovered => self.found(hits),
        }
    }

    pub(super) fn store_failed(&self) {
        self.store_errors.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn archive_failed(&self) {
        self.archive_errors.fetch_add(1, Ordering::Relaxed);
    }

    /// Hits of the live journal below this are counted, and their clicks are with the archive.
    pub(crate) fn live_done(&self) -> Position {
        Position(self.live_done.load(Ordering::Relaxed))
    }

    pub(crate) fn recovered(&self) -> u64 {
        self.recovered.load(Ordering::Relaxed)
    }

    pub(crate) fn counted(&self) -> u64 {
        self.counted.load(Ordering::Relaxed)
    }

    /// Hits whose frame in the journal cannot be read.
    pub(crate) fn damaged(&self) -> u64 {
        self.damaged.load(Ordering::Relaxed)
    }

    /// Hits that wait to be counted, given where the live journal ends.
    pub(crate) fn in_journal(&self, live_end: Position) -> u64 {
        let live = live_end.0.saturating_sub(self.live_done.load(Ordering::Relaxed));
        live + self.recovered_waiting.load(Ordering::Relaxed)
    }

    pub(crate) fn store_errors(&self) -> u64 {
        self.store_errors.load(Ordering::Relaxed)
    }

    pub(crate) fn archive_errors(&self) -> u64 {
        self.archive_errors.load(Ordering::Relaxed)
    }
}

fn subtract(from: &AtomicU64, count: u64) {
    from.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |sum| Some(sum.saturating_sub(count)))
        .expect("the closure always returns a value");
}
