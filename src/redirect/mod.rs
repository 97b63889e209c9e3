//! The redirect plane: the public listener and everything between a request and its answer.
use std::net::SocketAddr;

use serde::Deserialize;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub address: SocketAddr,
    pub threads: usize,
    pub trusted_proxies: Vec<ipnet::IpNet>,
    pub client_address_header: String,
    pub connections_max: usize,
    pub connections_per_network_max: usize,
    pub header_timeout_ms: u64,
    pub connection_age_s: u64,
}
