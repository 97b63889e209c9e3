//! Logs and metrics: their names, in one place. Neither may ever hold an address, a key or a whole user agent.

use std::io::IsTerminal;

use std::sync::atomic::{AtomicU64, Ordering};

use serde::Deserialize;
use thread_local::ThreadLocal;
use tracing::Level;

/// `[log]` of the configuration.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) level: Severity,
}

/// The least severe message that is printed.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Severity {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl From<Severity> for Level {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Error => Self::ERROR,
            Severity::Warn => Self::WARN,
            Severity::Info => Self::INFO,
            Severity::Debug => Self::DEBUG,
            Severity::Trace => Self::TRACE,
        }
    }
}

/// Sends log lines to standard error from now on, one line each, colours only for a terminal.
///
/// # Errors
/// When logging was started before.
pub(crate) fn start_logging(config: &Config) -> anyhow::Result<()> {
    tracing_subscriber::fmt()
        .with_max_level(Level::from(config.level))
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .try_init()
        .map_err(|error| anyhow::anyhow!("cannot start logging: {error}"))
}

/// The statuses that the redirect plane answers with.
const STATUSES: [u16; 12] = [200, 301, 302, 307, 308, 400, 404, 405, 410, 414, 421, 503];

/// What the redirect plane counts: hits on known links, and answers by status and to plain clicks. Each thread has
/// counters of its own: adding to those that threads share waits for everything that was written before.
#[derive(Debug, Default)]
pub(crate) struct RedirectCounts(ThreadLocal<OfThread>);

#[derive(Debug, Default)]
struct OfThread {
    received: Counter,
    plain: Counter,
    answered: [Counter; STATUSES.len()],
}

/// One thread adds, any may read.
#[derive(Debug, Default)]
struct Counter(AtomicU64);

impl Counter {
    fn add_one(&self) {
        self.0.store(self.get() + 1, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl RedirectCounts {
    pub(crate) fn received(&self) {
        self.0.get_or_default().received.add_one();
    }

    pub(crate) fn plain(&self) {
        self.0.get_or_default().plain.add_one();
    }

    pub(crate) fn answered(&self, status: u16) {
        if let Some(index) = STATUSES.iter().position(|known| *known == status) {
            self.0.get_or_default().answered[index].add_one();
        }
    }

    /// Hits on known links since the start.
    pub(crate) fn hits(&self) -> u64 {
        self.0.iter().map(|thread| thread.received.get()).sum()
    }

    /// Answers to plain clicks since the start.
    pub(crate) fn plain_answers(&self) -> u64 {
        self.0.iter().map(|thread| thread.plain.get()).sum()
    }

    /// Answers since the start, by status.
    pub(crate) fn by_status(&self) -> impl Iterator<Item = (u16, u64)> {
        let count = |index: usize| self.0.iter().map(|thread| thread.answered[index].get()).sum();
        STATUSES.iter().enumerate().map(move |(index, status)| (*status, count(index)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_threads_count_by_themselves_adds_up_and_outlives_them() {
        let counts = RedirectCounts::default();
        for thread in 1..=3 {
            std::thread::scope(|scope| {
                for _ in 0..2 {
                    scope.spawn(|| {
                        for _ in 0..1000 {
                            counts.received();
                            counts.answered(302);
                        }
                    });
                }
            });
            assert_eq!(counts.hits(), thread * 2000);
        }
        counts.answered(404);
        let answered: Vec<_> = counts.by_status().filter(|(_, count)| *count > 0).collect();
        assert_eq!(answered, [(302, 6000), (404, 1)]);
    }
}
