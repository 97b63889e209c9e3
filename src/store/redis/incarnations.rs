//! Watermarks of journals that are long gone. Each start of a node leaves one in every shard; those that nobody has
//! used for long are written down once, as the place where they all ended, and then removed from the shards.
//!
//! Nothing here may make a watermark lower: a journal that comes back after all goes on from where it ended.

use std::collections::HashMap;

use jiff::Timestamp;
use redis::cmd;

use super::Server;
use super::counts::EPOCH;
use super::line::Call;
use super::reaction::Result;
use super::scripts;
use crate::domain::position::{Incarnation, Position, Shard};

/// Incarnations looked at in one go; the others have their turn at the next start of a node.
const LOOKED_AT_MAX: usize = 50;

/// Writes down or removes incarnations that are not in `kept` and were not seen since `idle_since`; returns how many
/// were removed. What is written down in one call is removed in the next: should a failover take back the one, it has
/// not happened to the other.
pub(super) async fn forget(server: &Server, kept: &[Incarnation], idle_since: Timestamp) -> Result<usize> {
    let now = Timestamp::now().as_second();
    for incarnation in kept {
        see(server, *incarnation, now, &[]).await?;
    }
    let mut idle = Vec::new();
    for name in unkept(server, kept).await? {
        // One that is met for the first time is idle from now on.
        see(server, name, now, &["NX"]).await?;
        let seen: Option<i64> = server.counts.read(cmd("ZSCORE").arg(server.keys.seen()).arg(name.to_string())).await?;
        if seen.is_some_and(|seen| seen < idle_since.as_second()) {
            idle.push(name);
        }
    }
    let mut removed = 0;
    for (incarnation, end) in ends(server, &idle).await? {
        match ended(server, incarnation).await? {
            Some(written) if written == end => {
                remove(server, incarnation, end).await?;
                removed += 1;
            }
            _ => write_down(server, incarnation, end).await?,
        }
    }
    Ok(removed)
}

async fn see(server: &Server, incarnation: Incarnation, now: i64, how: &[&str]) -> Result<()> {
    let mut add = cmd("ZADD");
    add.arg(server.keys.seen()).arg(how).arg(now).arg(incarnation.to_string());
    server.counts.ask(&add).await
}

/// Those that have a watermark in the first shard; every batch moves all shards.
async fn unkept(server: &Server, kept: &[Incarnation]) -> Result<Vec<Incarnation>> {
    let names: Vec<String> = server.counts.read(cmd("HKEYS").arg(server.keys.marks(Shard(0)))).await?;
    let parsed = names.iter().filter(|name| *name != EPOCH).filter_map(|name| Incarnation::parse(name));
    Ok(parsed.filter(|incarnation| !kept.contains(incarnation)).take(LOOKED_AT_MAX).collect())
}

/// Where each of these ended, if all shards and the archive stand there.
async fn ends(server: &Server, incarnations: &[Incarnation]) -> Result<HashMap<Incarnation, Position>> {
    if incarnations.is_empty() {
        return Ok(HashMap::new());
    }
    let names: Vec<_> = incarnations.iter().map(Incarnation::to_string).collect();
    let mut hashes = vec![server.keys.archived()];
    hashes.extend((0..server.shards).map(|shard| server.keys.marks(Shard(shard))));
    let mut ends: HashMap<Incarnation, Option<u64>> = HashMap::new();
    for hash in hashes {
        let positions: Vec<Option<u64>> = server.counts.read(cmd("HMGET").arg(hash).arg(&names)).await?;
        for (incarnation, position) in incarnations.iter().zip(positions) {
            let end = ends.entry(*incarnation).or_insert(position);
            *end = end.filter(|end| Some(*end) == position);
        }
    }
    Ok(ends.into_iter().filter_map(|(incarnation, end)| Some((incarnation, Position(end?)))).collect())
}

async fn write_down(server: &Server, incarnation: Incarnation, end: Position) -> Result<()> {
    let mut set = cmd("HSET");
    set.arg(server.keys.ended()).arg(incarnation.to_string()).arg(end.to_string());
    server.counts.ask(&set).await
}

/// Removes the positions that still are `end`.
async fn remove(server: &Server, incarnation: Incarnation, end: Position) -> Result<()> {
    let mut hashes = vec![server.keys.archived()];
    hashes.extend((0..server.shards).map(|shard| server.keys.marks(Shard(shard))));
    for hash in hashes {
        let call = Call::new(&scripts::REMOVE_POSITION).key(hash).arg(incarnation.to_string()).arg(end.to_string());
        server.counts.run_again::<()>(&call).await?;
    }
    server.counts.ask(cmd("ZREM").arg(server.keys.seen()).arg(incarnation.to_string())).await
}

/// Where an incarnation ended that was written down.
pub(super) async fn ended(server: &Server, incarnation: Incarnation) -> Result<Option<Position>> {
    let ask = cmd("HGET").arg(server.keys.ended()).arg(incarnation.to_string()).to_owned();
    Ok(server.counts.read::<Option<u64>>(&ask).await?.map(Position))
}

/// Puts the watermark of an incarnation that ended back into a shard, so that it can be counted on from there.
pub(super) async fn revive(server: &Server, incarnation: Incarnation, shard: Shard, end: Position) -> Result<()> {
    let mut set = cmd("HSETNX");
    set.arg(server.keys.marks(shard)).arg(incarnation.to_string()).arg(end.to_string());
    server.counts.ask(&set).await
}
