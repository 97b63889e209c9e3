//! What a Redis is set up to lose, found out at the start and said once. Pure: from the text of `INFO` to sentences.

/// Sentences for the operator; none when there is nothing to say.
pub(super) fn warnings(info: &str) -> Vec<String> {
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
        ] {
            let said = warnings(&SOUND.replace(from, to));
            assert!(said.len() == 1 && said[0].contains(word), "{said:?}");
        }
    }
}
