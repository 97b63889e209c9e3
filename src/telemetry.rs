//! Logs and metrics: their names, in one place. Neither may ever hold an address, a key or a whole user agent.

use std::io::IsTerminal;

use serde::Deserialize;
use tracing::Level;

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
