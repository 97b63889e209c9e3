//! The tally: turns journal records into classified clicks, counter deltas and click files.
//!
//! One thread reads what is synced, judges it, adds it up, applies it to the store, and hands the clicks to the
//! archive, in this order; a position is counted before it is archived and archived before it is released. It must
//! never slow a redirect: it shares nothing with the redirect plane but the journal's files and the link cache.

mod accounts;
mod calendar;
mod earlier;
pub(crate) mod geo;
mod held;
mod judge;
pub(crate) mod memory;
mod outage;
pub(crate) mod recount;
mod revisit;
mod rollup;
pub(crate) mod rules;
mod running;
mod sealing;
mod stream;
mod urgency;
mod values;
pub(crate) mod verify;
mod worker;

#[cfg(test)]
mod tests;

use std::ops::RangeInclusive;

use serde::Deserialize;

pub(crate) use accounts::Accounts;
pub(crate) use running::{Order, Tally};
pub(crate) use worker::Tools;

/// What `tally.batch_hits_max` may be: what a round numbers has to fit 32 bits, and its hits some gigabytes.
pub(crate) const BATCH_HITS: RangeInclusive<usize> = 1..=10_000_000;

/// `[tally]` of the configuration.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) interval_ms: u64,
    pub(crate) batch_hits_max: usize,
}
