//! What the tests are written with. Nothing here knows the inside of Waypost.
#![allow(dead_code, reason = "each verb is here for the tests that come to need it")]

pub(crate) mod agents;
pub(crate) mod app;
pub(crate) mod browser;
pub(crate) mod faults;
pub(crate) mod http;
pub(crate) mod load;
pub(crate) mod mmdb;
pub(crate) mod outage;
pub(crate) mod process;
pub(crate) mod redis;
pub(crate) mod relay;
pub(crate) mod s3;
pub(crate) mod target;
pub(crate) mod visit;

/// How much of something a test does: a little every time, a lot with `tests/run faults`.
pub(crate) fn size(quick: usize, full: usize) -> usize {
    if is_full_size() { full } else { quick }
}

/// Tells `tests/run faults` a figure of a row of its table.
pub(crate) fn figure(row: &str, what: &str, value: impl std::fmt::Display) {
    use std::io::Write;
    let Some(path) = std::env::var_os("WAYPOST_FAULTS_TABLE") else { return };
    let mut table = std::fs::File::options().create(true).append(true).open(path).unwrap();
    writeln!(table, "{row}\t{what}\t{value}").unwrap();
}

fn is_full_size() -> bool {
    std::env::var_os("WAYPOST_FAULTS").is_some()
}
