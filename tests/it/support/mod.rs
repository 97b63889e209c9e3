//! What the tests are written with. Nothing here knows the inside of Waypost.
#![allow(dead_code, reason = "each verb is here for the tests that come to need it")]

pub(crate) mod agents;
pub(crate) mod app;
pub(crate) mod browser;
pub(crate) mod faults;
pub(crate) mod http;
pub(crate) mod load;
pub(crate) mod mmdb;
pub(crate) mod process;
pub(crate) mod redis;
pub(crate) mod s3;

/// How much of something a test does: a little every time, a lot with `tests/run faults`.
pub(crate) fn size(quick: usize, full: usize) -> usize {
    if is_full_size() { full } else { quick }
}

fn is_full_size() -> bool {
    std::env::var_os("WAYPOST_FAULTS").is_some()
}
