//! The read side: series, breakdowns and click-through rates, computed from counters and impressions.

use serde::Deserialize;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub time_zone: String,
}
