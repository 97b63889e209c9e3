//! Which server holds which slot, and the slot of a key. Pure; how it is found out is in `topology.rs`.

use redis::{Value, from_redis_value};

use super::address::Endpoint;

/// Slots of a cluster (redis.io, "Redis cluster specification", key distribution model).
const SLOTS: u16 = 16_384;

/// The slot of a key: the CRC16 of what its first braces hold, or of all of it.
pub(super) fn slot(key: &[u8]) -> u16 {
    let tag = key.iter().position(|byte| *byte == b'{').and_then(|open| {
        let rest = &key[open + 1..];
        let close = rest.iter().position(|byte| *byte == b'}')?;
        (close > 0).then(|| &rest[..close])
    });
    crc16(tag.unwrap_or(key)) % SLOTS
}

/// CRC-16/XMODEM: polynomial 0x1021, nothing reflected, begun with zero.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ (u16::from(*byte) << 8), |crc, _| (crc << 1) ^ if crc & 0x8000 == 0 { 0 } else { 0x1021 })
    })
}

/// Ranges of slots, first and last included; where two hold a slot, the first one counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Routes(Vec<(u16, u16, Endpoint)>);

impl Routes {
    /// One server holds everything.
    pub(super) fn all_at(server: Endpoint) -> Self {
        Self(vec![(0, SLOTS - 1, server)])
    }

    /// The answer to `CLUSTER SLOTS` that the server `said` gave; `None` when it is none.
    pub(super) fn parse(answer: Value, said: &Endpoint) -> Option<Self> {
        let ranges: Vec<Vec<Value>> = from_redis_value(answer).ok()?;
        let range = |range: Vec<Value>| {
            let mut parts = range.into_iter();
            let (first, last) = (number(parts.next()?)?, number(parts.next()?)?);
            let master: Vec<Value> = from_redis_value(parts.next()?).ok()?;
            let mut master = master.into_iter();
            // A server that does not know under which name it is reached leaves it out.
            let host: Option<String> = from_redis_value(master.next()?).ok()?;
            let port = number(master.next()?)?;
            (first <= last && last < SLOTS)
                .then(|| (first, last, said.neighbour(host.as_deref().unwrap_or_default(), port)))
        };
        ranges.into_iter().map(range).collect::<Option<_>>().map(Self)
    }

    pub(super) fn server(&self, slot: u16) -> Option<&Endpoint> {
        self.0.iter().find(|(first, last, _)| (*first..=*last).contains(&slot)).map(|(_, _, server)| server)
    }

    /// The same, but for one slot that another server has now.
    pub(super) fn with(&self, slot: u16, server: Endpoint) -> Self {
        let mut ranges = vec![(slot, slot, server)];
        ranges.extend(self.0.iter().filter(|(first, last, _)| (*first, *last) != (slot, slot)).cloned());
        Self(ranges)
    }

    /// Every server once, in the order of its slots.
    pub(super) fn servers(&self) -> Vec<Endpoint> {
        let mut servers: Vec<Endpoint> = Vec::new();
        for (_, _, server) in &self.0 {
            if !servers.contains(server) {
                servers.push(server.clone());
            }
        }
        servers
    }
}

fn number(value: Value) -> Option<u16> {
    from_redis_value(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(port: u16) -> Endpoint {
        Endpoint { host: "10.0.0.1".to_owned(), port }
    }

    /// `12739` and `31C3` are the check of the specification; the others are what `CLUSTER KEYSLOT` of redis-server
    /// 7.0.15 says.
    #[test]
    fn a_key_is_in_the_slot_that_redis_says() {
        assert_eq!(crc16(b"123456789"), 0x31C3);
        for (key, expected) in [("123456789", 12_739), ("foo", 12_182), ("waypost:{m}:layout", 15_627), ("{}x", 10_595)]
        {
            assert_eq!(slot(key.as_bytes()), expected, "{key}");
        }
        assert_eq!(slot(b"a{b}c{d}"), slot(b"b"));
    }

    fn range(first: i64, last: i64, host: Value, port: i64) -> Value {
        let master = Value::Array(vec![host, Value::Int(port), Value::BulkString(b"id".to_vec())]);
        Value::Array(vec![Value::Int(first), Value::Int(last), master.clone(), master])
    }

    #[test]
    fn the_answer_of_a_cluster_is_read_with_the_names_it_leaves_out() {
        let other = Value::BulkString(b"10.0.0.2".to_vec());
        let answer = Value::Array(vec![range(0, 99, other, 1), range(100, 16_383, Value::Nil, 2)]);
        let routes = Routes::parse(answer, &server(7)).unwrap();
        assert_eq!(routes.server(99).unwrap().to_string(), "10.0.0.2:1");
        assert_eq!(routes.server(100), Some(&server(2)));
        for wrong in [Value::Int(1), Value::Array(vec![range(0, 16_384, Value::Nil, 2)])] {
            assert_eq!(Routes::parse(wrong, &server(7)), None);
        }
        assert_eq!(Routes::parse(Value::Array(vec![]), &server(7)).unwrap().server(0), None);
    }

    #[test]
    fn a_slot_that_moved_is_found_where_it_went_and_the_others_where_they_were() {
        let routes = Routes::all_at(server(1)).with(7, server(2)).with(7, server(3));
        assert_eq!((routes.server(6), routes.server(7)), (Some(&server(1)), Some(&server(3))));
        assert_eq!(routes.servers(), [server(3), server(1)]);
    }
}
