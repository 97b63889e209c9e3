//! The journal: the append-only local log of hits, the truth until they are counted and archived.
//!
//! A hit is a frame copied into a preallocated, memory-mapped segment: no system call and no wait on the hot
//! path, and a killed process loses nothing, because the page belongs to the kernel. A thread of its own syncs
//! what is new, together, within `sync_ms`; another keeps the next segment ready and removes old ones.
//!
//! It must never make a redirect fail or wait: when it cannot take a hit, it says so and counts it.
//! The reasons behind the format are in `docs/adr/001-journal.md`.

mod append;
mod frame;
mod keep;
mod read;
mod segment;

use std::ops::RangeInclusive;

use serde::Deserialize;

pub(crate) use append::Journal;
pub(crate) use read::Reader;

/// What `journal.sync_ms` may be: 0 begins a sync as soon as the last one is through.
pub(crate) const SYNC_MS: RangeInclusive<u64> = 0..=1000;

/// What `journal.segment_mib` may be: a file is mapped as a whole, and what is not counted keeps it.
pub(crate) const SEGMENT_MIB: RangeInclusive<u64> = 1..=1024;

/// `[journal]` of the configuration.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) durability: Durability,
    pub(crate) sync_ms: u64,
    pub(crate) segment_mib: u64,
    pub(crate) keep_hours: u64,
    pub(crate) total_mib_max: u64,
}

/// When an answer may leave.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Durability {
    /// Once the hit survives a killed process; a sync follows within `sync_ms`.
    Fast,
    /// Once the hit survives a power cut.
    Strict,
}
