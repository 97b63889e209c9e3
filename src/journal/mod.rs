//! The journal: the append-only local log of hits, the truth until they are counted and archived.
use serde::Deserialize;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub durability: Durability,
    pub sync_ms: u64,
    pub segment_mib: u64,
    pub keep_hours: u64,
    pub total_mib_max: u64,
}

/// When an answer may leave.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// Once the hit survives a killed process; a sync follows within `sync_ms`.
    Fast,
    /// Once the hit survives a power cut.
    Strict,
}
