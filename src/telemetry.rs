//! Logs and metrics: their names, in one place.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::Deserialize;

/// `[log]` of the configuration.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub level: String,
}

/// The statuses that the redirect plane answers with.
const STATUSES: [u16; 12] = [200, 301, 302, 307, 308, 400, 404, 405, 410, 414, 421, 503];

/// What the redirect plane counts: hits on known links, and answers by status.
#[derive(Debug, Default)]
pub(crate) struct RedirectCounts {
    received: AtomicU64,
    answered: [AtomicU64; STATUSES.len()],
}

impl RedirectCounts {
    pub(crate) fn received(&self) {
        self.received.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn answered(&self, status: u16) {
        if let Some(index) = STATUSES.iter().position(|known| *known == status) {
            self.answered[index].fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Hits on known links since the start.
    pub(crate) fn hits(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    /// Answers since the start, by status.
    pub(crate) fn by_status(&self) -> impl Iterator<Item = (u16, u64)> {
        STATUSES.iter().zip(&self.answered).map(|(status, count)| (*status, count.load(Ordering::Relaxed)))
    }
}
