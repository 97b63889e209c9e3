//! Classification: a named list of pure steps that turns a hit into a click. The raw address ends here.

use std::path::PathBuf;

use serde::Deserialize;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub geo: Vec<PathBuf>,
    pub geo_poll_s: u64,
    pub duplicate_ms: i64,
    pub own_networks: Vec<ipnet::IpNet>,
}
