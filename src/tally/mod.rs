//! The tally: turns journal records into classified clicks, counter deltas and click files.

pub(crate) mod geo;

use serde::Deserialize;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub interval_ms: u64,
    pub batch_hits_max: usize,
}
