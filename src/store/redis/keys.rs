//! The names of all keys: `docs/redis.md` in code. Keys that change together carry one hash tag, so that a cluster
//! keeps them together: `{s7}` for the counters of shard 7, `{m}` for everything else.

use jiff::civil::Date;
use redis::Arg;

use crate::domain::import::ImportId;
use crate::domain::link::LinkId;
use crate::domain::position::Shard;
use crate::domain::record::RecordKind;
use crate::store::OpenError;

/// The longest prefix; every key carries it.
const PREFIX_BYTES_MAX: usize = 64;

#[derive(Clone, Debug)]
pub(super) struct Keys {
    prefix: String,
}

impl Keys {
    /// # Errors
    /// When the prefix has a brace, which would move the hash tag, or is not plain and short.
    pub(super) fn new(prefix: &str) -> Result<Self, OpenError> {
        let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"{}*?[]\\".contains(&byte);
        if prefix.len() > PREFIX_BYTES_MAX || !prefix.bytes().all(is_plain) {
            let form = "letters, digits and marks such as \"waypost:\", without braces and wildcards";
            return Err(OpenError::Url(format!("store.prefix is at most {PREFIX_BYTES_MAX} {form}")));
        }
        Ok(Self { prefix: prefix.to_owned() })
    }

    /// The first of our keys that `command` names. Scripts, hashes and numbers before it begin otherwise.
    pub(super) fn first_of<'c>(&self, command: &'c redis::Cmd) -> Option<&'c [u8]> {
        command.args_iter().find_map(|arg| match arg {
            Arg::Simple(text) => {
                let rest = text.strip_prefix(self.prefix.as_bytes())?;
                rest.starts_with(b"{").then_some(text)
            }
            _ => None,
        })
    }

    fn shared(&self, name: &str) -> String {
        format!("{}{{m}}:{name}", self.prefix)
    }

    fn sharded(&self, shard: Shard, name: &str) -> String {
        format!("{}{{s{}}}:{name}", self.prefix, shard.0)
    }

    /// Hash: version, shards, id, begun.
    pub(super) fn layout(&self) -> String {
        self.shared("layout")
    }

    /// String: the link as JSON.
    pub(super) fn link(&self, id: LinkId) -> String {
        self.shared(&format!("link:{id}"))
    }

    /// String: the last id that was given out.
    pub(super) fn link_ids(&self) -> String {
        self.shared("link-ids")
    }

    /// Hash: `domain/slug` to id.
    pub(super) fn slugs(&self) -> String {
        self.shared("slugs")
    }

    /// Stream: which links were made, changed or removed.
    pub(super) fn changes(&self) -> String {
        self.shared("changes")
    }

    /// Hash: incarnation to position.
    pub(super) fn archived(&self) -> String {
        self.shared("archived")
    }

    /// Hash: incarnation to the position where all shards stood when it had not been seen for long.
    pub(super) fn ended(&self) -> String {
        self.shared("ended")
    }

    /// Sorted set: incarnations by when a node last had them in its journal.
    pub(super) fn seen(&self) -> String {
        self.shared("seen")
    }

    /// Hash: day to 32 bytes.
    pub(super) fn salts(&self) -> String {
        self.shared("salts")
    }

    /// Hash: `kind:slug` to count.
    pub(super) fn misses(&self, day: Date) -> String {
        self.shared(&format!("misses:{day}"))
    }

    /// Sorted set of the days with misses.
    pub(super) fn miss_days(&self) -> String {
        self.shared("miss-days")
    }

    /// Hash: import id to what it says of itself, as JSON.
    pub(super) fn imports(&self) -> String {
        self.shared("imports")
    }

    /// String: the last id that was given out.
    pub(super) fn import_ids(&self) -> String {
        self.shared("import-ids")
    }

    /// Hash: digest of an import to its id.
    pub(super) fn digests(&self) -> String {
        self.shared("import-digests")
    }

    /// Sorted set: imports whose body is being written, by when that began.
    pub(super) fn open_imports(&self) -> String {
        self.shared("imports-open")
    }

    /// Hash: number of the portion to portion.
    pub(super) fn import_body(&self, import: ImportId) -> String {
        self.shared(&format!("import-body:{import}"))
    }

    /// Hash: key to revision and value.
    pub(super) fn records(&self, kind: RecordKind) -> String {
        self.shared(&format!("records:{}", kind.as_str()))
    }

    /// Sorted set: the keys of a kind, all with one score.
    pub(super) fn record_keys(&self, kind: RecordKind) -> String {
        self.shared(&format!("record-keys:{}", kind.as_str()))
    }

    /// String: the last revision that was given out.
    pub(super) fn record_revisions(&self) -> String {
        self.shared("record-revisions")
    }

    /// What every key of a shard begins with.
    pub(super) fn stem(&self, shard: Shard) -> String {
        self.sharded(shard, "")
    }

    /// Hash: `epoch` to the id of the store, and incarnation to watermark.
    pub(super) fn marks(&self, shard: Shard) -> String {
        self.sharded(shard, "marks")
    }

    /// Sorted set of the days on which the shard counted.
    pub(super) fn days(&self, shard: Shard) -> String {
        self.sharded(shard, "days")
    }

    /// Hash: what could not be added where it belongs.
    pub(super) fn aside(&self, shard: Shard) -> String {
        self.sharded(shard, "aside")
    }

    /// Set: the links that the shard counted on a day.
    pub(super) fn links_of(&self, shard: Shard, day: Date) -> String {
        self.sharded(shard, &format!("links:{day}"))
    }

    /// Hash: `dimension:value` to count.
    pub(super) fn counts(&self, shard: Shard, day: Date, link: LinkId) -> String {
        self.sharded(shard, &format!("counts:{day}:{link}"))
    }

    /// Set: the visitors of a link and day while they are few.
    pub(super) fn visitors(&self, shard: Shard, day: Date, link: LinkId) -> String {
        self.sharded(shard, &format!("visitors:{day}:{link}"))
    }

    /// HyperLogLog: the visitors of a link and day when they are many.
    pub(super) fn sketch(&self, shard: Shard, day: Date, link: LinkId) -> String {
        self.sharded(shard, &format!("sketch:{day}:{link}"))
    }
}

/// A day as a number that sorts like the day: 20261121.
pub(super) fn score(day: Date) -> i64 {
    i64::from(day.year()) * 10_000 + i64::from(day.month()) * 100 + i64::from(day.day())
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn keys_of_one_shard_carry_one_tag_and_can_be_read_by_eye() {
        let keys = Keys::new("waypost:").unwrap();
        let day = date(2026, 11, 21);
        assert_eq!(keys.link(LinkId(7)), "waypost:{m}:link:7");
        assert_eq!(keys.counts(Shard(3), day, LinkId(67)), "waypost:{s3}:counts:2026-11-21:67");
        assert_eq!(keys.marks(Shard(3)), "waypost:{s3}:marks");
    }

    #[test]
    fn the_key_of_a_command_is_found_wherever_it_stands() {
        let keys = Keys::new("w:").unwrap();
        let found = |command: &redis::Cmd| keys.first_of(command).map(|key| String::from_utf8(key.to_vec()).unwrap());
        let key = keys.changes();
        for command in [
            redis::cmd("GET").arg(&key),
            redis::cmd("EVALSHA").arg("0f").arg(2).arg(&key).arg(keys.layout()).arg("w:{x"),
            redis::cmd("XREAD").arg("BLOCK").arg(9).arg("STREAMS").arg(&key).arg("0-0"),
        ] {
            assert_eq!(found(command).as_deref(), Some("w:{m}:changes"));
        }
        assert_eq!(found(redis::cmd("INFO").arg("server")), None);
    }

    #[test]
    fn a_prefix_that_would_move_the_tag_is_refused() {
        for prefix in ["a{b}:", "a b", "å", "a*", &"a".repeat(65)] {
            assert!(Keys::new(prefix).is_err(), "{prefix}");
        }
        assert!(Keys::new("").is_ok());
    }

    #[test]
    fn scores_sort_like_days_up_to_the_ends_of_time() {
        let days = [Date::MIN, date(-1, 1, 1), date(-1, 12, 31), date(2026, 9, 30), date(2026, 10, 1), Date::MAX];
        assert!(days.is_sorted_by(|a, b| score(*a) < score(*b)));
        assert_eq!(score(date(2026, 11, 21)), 20_261_121);
    }
}
