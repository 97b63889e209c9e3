//! Counting: one script call per batch, in which counters, visitors and watermark move together or not at all.

use std::sync::atomic::Ordering;

use futures_util::StreamExt;
use futures_util::future::try_join_all;
use futures_util::stream;
use jiff::civil::Date;
use redis::{Value, cmd};

use super::keys::score;
use super::line::Call;
use super::reaction::{Failure, Reaction, Result};
use super::scripts::{self, Text};
use super::wire::check_role;
use super::{Server, incarnations};
use crate::domain::counter::{Applied, Batch, VALUES_MAX};
use crate::domain::delta::{Delta, DeltaOf, Deltas};
use crate::domain::link::LinkId;
use crate::domain::position::{Incarnation, Position, Shard};
use crate::domain::uniques::EXACT_MAX;
use crate::store;

/// The field of `marks` that names the store.
pub(super) const EPOCH: &str = "epoch";

/// Where a shard stands that never heard of an incarnation.
const NOWHERE: &str = "0";

/// Batches that Redis has before it at the same time. Each has a deadline, so the last of them must not wait long for the
/// others.
const APPLIED_AT_ONCE: usize = 16;

/// Adds each batch to its shard, side by side.
pub(super) async fn apply_all(server: &Server, batches: Vec<Batch>) -> Vec<store::Result<Applied>> {
    let calls = batches.into_iter().map(|batch| async move { apply(server, &batch).await });
    let named = stream::iter(calls)
        .buffered(APPLIED_AT_ONCE)
        .map(|applied| applied.map_err(|failure| failure.at(&server.name)));
    named.collect().await
}

/// Adds `batch` if the shard stands exactly where it begins.
pub(super) async fn apply(server: &Server, batch: &Batch) -> Result<Applied> {
    if !moves_forward(batch) {
        return Ok(Applied::No { watermark: watermark(server, batch.incarnation, batch.shard).await? });
    }
    let head = [batch.incarnation.to_string(), batch.from.to_string(), batch.to.to_string()];
    let deltas: Vec<DeltaOf<'_>> = batch.deltas.iter().collect();
    let reply: Vec<String> = server.counts.run(&call(server, &scripts::APPLY, batch.shard, head, &deltas)).await?;
    let text = |at: usize| reply.get(at).map_or("", String::as_str);
    match text(0) {
        "yes" => {
            report_aside(server, batch.shard, text(1), text(2));
            Ok(Applied::Yes)
        }
        // Nobody knows this incarnation here, unless it was written down elsewhere.
        "at" if text(1) == NOWHERE => {
            Ok(Applied::No { watermark: watermark(server, batch.incarnation, batch.shard).await? })
        }
        "at" => Ok(Applied::No { watermark: position(server, batch.shard, text(1))? }),
        "epoch" => Err(other_epoch(server, batch.shard, text(1))),
        _ => Err(server.unexpected(&reply)),
    }
}

/// A batch that counts something must end after it begins, or sending it again would count it again.
fn moves_forward(batch: &Batch) -> bool {
    batch.from < batch.to || (batch.from == batch.to && batch.deltas.is_empty())
}

/// Puts `deltas` in the place of what was counted on `day`, as far as they are of that day: shard by shard, each in
/// one step that may be repeated. `false` when a shard has neither the hits that were `counted` nor those of `deltas`.
pub(super) async fn replace_day(
    server: &Server,
    day: Date,
    counted: &[(LinkId, u64)],
    deltas: &[Delta],
) -> Result<bool> {
    for shard in (0..server.shards).map(Shard) {
        let of_shard = |delta: &&Delta| delta.day == day && shard_of(server, delta.link) == shard;
        let of_shard: Vec<&Delta> = deltas.iter().filter(of_shard).collect();
        let before: u64 =
            counted.iter().filter(|(link, _)| shard_of(server, *link) == shard).map(|(_, hits)| hits).sum();
        let after: u64 = of_shard.iter().map(|delta| delta.counters.hits()).sum();
        let numbered: Deltas = of_shard.into_iter().collect();
        let head = [day.to_string(), server.keys.stem(shard), format!("{before} {after}")];
        let deltas: Vec<DeltaOf<'_>> = numbered.iter().collect();
        let reply: Vec<String> =
            server.counts.run_again(&call(server, &scripts::REPLACE_DAY, shard, head, &deltas)).await?;
        let text = |at: usize| reply.get(at).map_or("", String::as_str);
        match text(0) {
            "yes" => report_aside(server, shard, text(1), text(2)),
            "epoch" => return Err(other_epoch(server, shard, text(1))),
            "moving" => return Err(Failure::of(Reaction::Wait, format!("the slot of shard {} moves", shard.0))),
            "changed" => return Ok(false),
            _ => return Err(server.unexpected(&reply)),
        }
    }
    Ok(true)
}

/// The shard that a link is counted in.
pub(super) fn shard_of(server: &Server, link: LinkId) -> Shard {
    Shard((link.0 % u64::from(server.shards)) as u16)
}

/// A call of a script that adds link-days; `head` is what it is told besides.
fn call<'s>(server: &Server, script: &'s Text, shard: Shard, head: [String; 3], deltas: &[DeltaOf<'_>]) -> Call<'s> {
    let keys = &server.keys;
    let mut call =
        Call::new(script).key(keys.marks(shard)).key(keys.days(shard)).key(keys.aside(shard)).arg(server.id.as_str());
    head.into_iter().for_each(|arg| call.push(arg));
    call.push(VALUES_MAX.to_string());
    call.push(EXACT_MAX.to_string());
    call.push(deltas.len().to_string());
    for delta in deltas {
        call.push_key(keys.counts(shard, delta.day, delta.link));
        call.push_key(keys.visitors(shard, delta.day, delta.link));
        call.push_key(keys.sketch(shard, delta.day, delta.link));
        call.push_key(keys.links_of(shard, delta.day));
        push_delta(&mut call, *delta);
    }
    call
}

fn push_delta(call: &mut Call<'_>, delta: DeltaOf<'_>) {
    call.push(delta.day.to_string());
    call.push(score(delta.day).to_string());
    call.push(delta.link.to_string());
    call.push(delta.counts.len().to_string());
    for (dimension, value, count) in delta.named() {
        call.push(format!("{}:{value}", dimension.as_str()));
        call.push(number(count));
    }
    // Both forms of a visitor: the bytes that a sketch hashes, and the number that a small set packs best.
    let packed: Vec<u8> = delta.visitors.iter().flat_map(|visitor| visitor.0.to_le_bytes()).collect();
    call.push(packed);
    call.push(delta.visitors.len().to_string());
    delta.visitors.iter().for_each(|visitor| call.push(visitor.0.cast_signed().to_string()));
}

/// Redis counts up to 2^63 - 1 and stops there; that number stands for "as many as can be counted" (see
/// [`super::report::count`]).
pub(super) fn number(count: u64) -> String {
    i64::try_from(count).unwrap_or(i64::MAX).to_string()
}

fn report_aside(server: &Server, shard: Shard, number: &str, first: &str) {
    if number != "0" {
        let aside = server.keys.aside(shard);
        server.aside.fetch_add(number.parse().unwrap_or(1), Ordering::Relaxed);
        tracing::error!(
            counters = number,
            first,
            "keys in Redis hold what no Waypost writes; what belongs there was added to {aside} instead"
        );
    }
}

fn other_epoch(server: &Server, shard: Shard, found: &str) -> Failure {
    let (marks, id) = (server.keys.marks(shard), &server.id);
    let found = if found.is_empty() { "nothing".to_owned() } else { format!("the store {found}") };
    Failure::poison(format!(
        "{marks} belongs to {found} instead of the store {id}: it was wiped, or this is another database. Redirects go \
         on and hits wait in the journal. Put back a backup; or, to count again only what the journals still hold: \
         HSET {marks} {EPOCH} {id}"
    ))
}

pub(super) async fn watermark(server: &Server, incarnation: Incarnation, shard: Shard) -> Result<Position> {
    if shard.0 >= server.shards {
        return Ok(Position::START);
    }
    match marked(server, incarnation, shard).await? {
        Some(at) => Ok(at),
        None => unmarked(server, incarnation, &[shard]).await,
    }
}

/// Of every shard. Also asks whether this server still is the master, because one that was put aside goes on
/// answering as if nothing had happened.
pub(super) async fn watermarks(server: &Server, incarnation: Incarnation) -> Result<Vec<Position>> {
    check_role(&server.counts.ask::<Value>(&cmd("ROLE")).await?)?;
    let shards = (0..server.shards).map(Shard);
    let marks = try_join_all(shards.clone().map(|shard| marked(server, incarnation, shard))).await?;
    let missing: Vec<_> = shards.zip(&marks).filter(|(_, mark)| mark.is_none()).map(|(shard, _)| shard).collect();
    let elsewhere = unmarked(server, incarnation, &missing).await?;
    Ok(marks.into_iter().map(|mark| mark.unwrap_or(elsewhere)).collect())
}

/// What the shard itself says.
async fn marked(server: &Server, incarnation: Incarnation, shard: Shard) -> Result<Option<Position>> {
    let mut ask = cmd("HMGET");
    ask.arg(server.keys.marks(shard)).arg(EPOCH).arg(incarnation.to_string());
    let (epoch, at): (Option<String>, Option<String>) = server.counts.read(&ask).await?;
    if epoch.as_deref() != Some(&server.id) {
        return Err(other_epoch(server, shard, epoch.as_deref().unwrap_or("")));
    }
    at.map(|at| position(server, shard, &at)).transpose()
}

/// Where shards stand that say nothing of an incarnation: nowhere, or where it ended if that was written down.
async fn unmarked(server: &Server, incarnation: Incarnation, shards: &[Shard]) -> Result<Position> {
    if shards.is_empty() {
        return Ok(Position::START);
    }
    let Some(end) = incarnations::ended(server, incarnation).await? else { return Ok(Position::START) };
    for shard in shards {
        incarnations::revive(server, incarnation, *shard, end).await?;
    }
    Ok(end)
}

fn position(server: &Server, shard: Shard, text: &str) -> Result<Position> {
    let unreadable = |_| Failure::poison(format!("{}: {text:?} is no position", server.keys.marks(shard)));
    text.parse().map(Position).map_err(unreadable)
}

pub(super) async fn archived(server: &Server, incarnation: Incarnation) -> Result<Position> {
    let ask = cmd("HGET").arg(server.keys.archived()).arg(incarnation.to_string()).to_owned();
    match server.counts.read::<Option<u64>>(&ask).await? {
        Some(at) => Ok(Position(at)),
        None => Ok(incarnations::ended(server, incarnation).await?.unwrap_or_default()),
    }
}

pub(super) async fn set_archived(server: &Server, incarnation: Incarnation, to: Position) -> Result<()> {
    let mut set = cmd("HSET");
    set.arg(server.keys.archived()).arg(incarnation.to_string()).arg(to.to_string());
    server.counts.ask(&set).await
}
