//! Real redis-servers: one, a master with replicas under sentinels, or a cluster; with certificates where a test wants
//! them. The tests of the store inside the program are written with the same ones.

mod certificates;
mod cluster;
mod sentinels;
mod server;

pub(crate) use self::certificates::Certificates;
pub(crate) use self::cluster::Cluster;
pub(crate) use self::sentinels::Sentinels;
pub(crate) use self::server::RedisServer;

use std::thread::sleep;
use std::time::{Duration, Instant};

use super::process::POLL;

/// How long servers may take to start, and to agree with each other, on a busy machine: a sentinel that was held up for two
/// seconds does nothing for the next thirty.
const AGREED_WITHIN: Duration = Duration::from_secs(120);

/// Waits until `condition` holds.
///
/// # Panics
/// When it does not within [`AGREED_WITHIN`].
fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + AGREED_WITHIN;
    while !condition() {
        assert!(Instant::now() < deadline, "never: {what}");
        sleep(POLL);
    }
}

/// A configuration that counts into the Redis at `url`.
pub(crate) fn config(url: &str) -> String {
    format!("[store]\nurl = \"{url}\"\n")
}
