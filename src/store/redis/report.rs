//! Reading counters back: which days and links a shard knows, then their hashes, in bounded portions.

use futures_util::future::try_join_all;
use jiff::civil::Date;
use redis::{Value, cmd, from_redis_value, pipe};

use super::Server;
use super::counts::shard_of;
use super::keys::score;
use super::reaction::{Failure, Reaction, Result};
use crate::domain::counter::{Counters, DayCounters, Dimension, Dimensions};
use crate::domain::link::LinkId;
use crate::domain::position::Shard;

/// Link-days asked for with one pipeline.
const PORTION: usize = 200;

/// Ordered by link, then day.
pub(super) async fn read(
    server: &Server,
    of: Dimensions,
    links: Option<Vec<LinkId>>,
    first: Date,
    last: Date,
) -> Result<Vec<DayCounters>> {
    let mut found = match links {
        None => {
            let shards = (0..server.shards).map(|shard| read_all(server, of, Shard(shard), first, last));
            try_join_all(shards).await?.concat()
        }
        Some(links) => {
            let shards = by_shard(server, links).into_iter();
            let shards = shards.map(|(shard, links)| read_some(server, of, shard, links, first, last));
            try_join_all(shards).await?.concat()
        }
    };
    found.sort_unstable_by_key(|counters| (counters.link, counters.day));
    Ok(found)
}

fn by_shard(server: &Server, mut links: Vec<LinkId>) -> Vec<(Shard, Vec<LinkId>)> {
    let shard_of = |link: &LinkId| shard_of(server, *link);
    links.sort_unstable_by_key(|link| (shard_of(link).0, *link));
    links.dedup();
    links.chunk_by(|a, b| shard_of(a) == shard_of(b)).map(|chunk| (shard_of(&chunk[0]), chunk.to_vec())).collect()
}

async fn read_all(server: &Server, of: Dimensions, shard: Shard, first: Date, last: Date) -> Result<Vec<DayCounters>> {
    let mut keys = Vec::new();
    for day in days(server, &server.keys.days(shard), first, last).await? {
        let members = cmd("SMEMBERS").arg(server.keys.links_of(shard, day)).to_owned();
        let links: Vec<u64> = server.reports.read(&members).await?;
        keys.extend(links.into_iter().map(|link| (day, LinkId(link))));
    }
    fetch(server, of, shard, &keys).await
}

async fn read_some(
    server: &Server,
    of: Dimensions,
    shard: Shard,
    links: Vec<LinkId>,
    first: Date,
    last: Date,
) -> Result<Vec<DayCounters>> {
    let days = days(server, &server.keys.days(shard), first, last).await?;
    let keys: Vec<_> = days.iter().flat_map(|day| links.iter().map(|link| (*day, *link))).collect();
    fetch(server, of, shard, &keys).await
}

/// The days of an index from `first` to `last`, in order.
pub(super) async fn days(server: &Server, index: &str, first: Date, last: Date) -> Result<Vec<Date>> {
    let mut range = cmd("ZRANGEBYSCORE");
    range.arg(index).arg(score(first)).arg(score(last));
    let days: Vec<String> = server.reports.read(&range).await?;
    let parse = |day: String| day.parse().map_err(|_| Failure::poison(format!("{index}: {day:?} is no date")));
    days.into_iter().map(parse).collect()
}

async fn fetch(server: &Server, of: Dimensions, shard: Shard, keys: &[(Date, LinkId)]) -> Result<Vec<DayCounters>> {
    let mut found = Vec::new();
    for portion in keys.chunks(PORTION) {
        let mut commands = pipe();
        for (day, link) in portion {
            commands.cmd("HGETALL").arg(server.keys.counts(shard, *day, *link));
            commands.cmd("SCARD").arg(server.keys.visitors(shard, *day, *link));
            commands.cmd("PFCOUNT").arg(server.keys.sketch(shard, *day, *link));
        }
        let replies = server.reports.read_all(&commands).await?;
        let replies = replies.into_iter().map(readable).collect::<Result<Vec<_>>>()?;
        for ((day, link), replies) in portion.iter().zip(replies.chunks_exact(3)) {
            let key = server.keys.counts(shard, *day, *link);
            found.extend(link_day(of, (*link, *day), replies, &key));
        }
    }
    Ok(found)
}

/// A key of another type must not hide the counters of all others.
fn readable(reply: Result<Value>) -> Result<Option<Value>> {
    match reply {
        Err(failure) if failure.reaction == Reaction::Poison => Ok(None),
        reply => reply.map(Some),
    }
}

/// `None` when nothing was counted. What cannot be read is left out and named in the log.
fn link_day(of: Dimensions, (link, day): (LinkId, Date), replies: &[Option<Value>], key: &str) -> Option<DayCounters> {
    let number = |at: usize| replies[at].clone().and_then(|reply| from_redis_value(reply).ok()).unwrap_or(0);
    let (exact, sketched): (u64, u64) = (number(1), number(2));
    let fields = replies[0].clone().and_then(|reply| from_redis_value(reply).ok());
    let fields: Vec<(String, String)> = fields.unwrap_or_else(|| {
        tracing::error!(key, "a key in Redis does not hold the counters that belong there");
        Vec::new()
    });
    let mut counters = Counters::new();
    for (field, text) in &fields {
        match (parse_field(field), count(text)) {
            (Some((dimension, value)), Some(count)) if of.contains(dimension) => counters.add(dimension, value, count),
            (Some(_), Some(_)) => {}
            _ => tracing::error!(key, field, "a counter in Redis cannot be read and is left out"),
        }
    }
    (!fields.is_empty()).then(|| DayCounters { link, day, counters, visitors: exact.max(sketched) })
}

pub(super) fn parse_field(field: &str) -> Option<(Dimension, &str)> {
    let (dimension, value) = field.split_once(':')?;
    Some((Dimension::parse(dimension)?, value))
}

/// The largest number that Redis counts stands for the largest there is.
pub(super) fn count(text: &str) -> Option<u64> {
    let count: i64 = text.parse().ok()?;
    if count == i64::MAX { Some(u64::MAX) } else { u64::try_from(count).ok() }
}

#[cfg(test)]
mod tests {
    use super::super::counts::number;
    use super::*;

    #[test]
    fn the_largest_count_comes_back_as_the_largest_there_is() {
        for n in [0, 1, i64::MAX as u64 - 1] {
            assert_eq!(count(&number(n)), Some(n));
        }
        assert_eq!(count(&number(u64::MAX)), Some(u64::MAX));
        assert_eq!((count("-1"), count("many"), count("")), (None, None, None));
    }
}
