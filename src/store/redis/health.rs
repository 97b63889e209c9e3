//! What a Redis is set up to lose, looked for at the start and twice a minute, and said when it is new.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use redis::cmd;

use super::Server;

/// How often servers are looked at: a policy can be changed while they run.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// Looks again and again, for as long as the runtime lives.
pub(super) async fn watch(server: Arc<Server>) {
    let mut known = BTreeSet::new();
    loop {
        for warning in look(&server, &mut known).await {
            tracing::warn!("{warning}");
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// What is to be said of each server and was not `known` at the last look. A user that may not ask `INFO` hears nothing.
pub(super) async fn look(server: &Server, known: &mut BTreeSet<String>) -> Vec<String> {
    let mut found = BTreeSet::new();
    for (endpoint, info) in server.reports.ask_each::<String>(&cmd("INFO")).await {
        let info = info.unwrap_or_default();
        found.extend(warnings(&info).into_iter().map(|warning| format!("Redis at {endpoint}: {warning}")));
    }
    let new = found.difference(known).cloned().collect();
    *known = found;
    new
}

/// From the text of `INFO` to sentences for the operator; none when there is nothing to say.
fn warnings(info: &str) -> Vec<String> {
    let value = |name: &str| info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim);
    let mut warnings = Vec::new();
    match value("maxmemory_policy") {
        None | Some("noeviction") => {}
        Some(policy) => warnings.push(format!(
            "maxmemory-policy is {policy}: once memory is full, Redis drops counters and links without an error; set it \
             to noeviction"
        )),
    }
    if value("evicted_keys").is_some_and(|number| number != "0") {
        warnings.push("Redis has dropped keys for want of memory: counters may be missing (evicted_keys)".to_owned());
    }
    if value("aof_enabled") == Some("0") {
        warnings.push(
            "appendonly is off: when Redis ends, everything since its last snapshot is gone; clicks are counted again \
             from the journals, links made meanwhile are not"
                .to_owned(),
        );
    }
    if value("aof_last_write_status").is_some_and(|status| status != "ok") {
        warnings.push("Redis cannot write its append-only file: look at its disk".to_owned());
    }
    if value("connected_slaves").is_some_and(|number| number != "0") && value("min_slaves_good_slaves").is_none() {
        warnings.push(
            "min-replicas-to-write is not set: a master that is cut off from its replicas goes on taking links that \
             are forgotten when one of them takes over"
                .to_owned(),
        );
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOUND: &str = "# Memory\r\nmaxmemory_policy:noeviction\r\n# Persistence\r\naof_enabled:1\r\n\
                         aof_last_write_status:ok\r\n# Stats\r\nevicted_keys:0\r\n";

    #[test]
    fn a_sound_redis_is_passed_over_in_silence() {
        assert!(warnings(SOUND).is_empty());
        assert!(warnings("").is_empty());
    }

    #[test]
    fn what_can_lose_counters_is_said() {
        for (from, to, word) in [
            ("noeviction", "allkeys-lru", "allkeys-lru"),
            ("evicted_keys:0", "evicted_keys:3", "evicted_keys"),
            ("aof_enabled:1", "aof_enabled:0", "appendonly is off"),
            ("status:ok", "status:err", "disk"),
            ("evicted_keys:0", "evicted_keys:0\r\nconnected_slaves:1", "min-replicas-to-write"),
        ] {
            let said = warnings(&SOUND.replace(from, to));
            assert!(said.len() == 1 && said[0].contains(word), "{said:?}");
        }
    }
}
