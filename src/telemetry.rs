//! Logs and metrics: their names, in one place. Neither may ever hold an address, a key or a whole user agent.

use std::io::IsTerminal;

use std::sync::atomic::{AtomicU64, Ordering};

use serde::Deserialize;
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
