//! Links as JSON texts under their ids, a hash of slugs, and a stream that tells other nodes of every change.

use futures_util::{StreamExt, TryStreamExt};
use jiff::Timestamp;
use redis::{cmd, from_redis_value, pipe};

use super::Server;
use super::line::Call;
use super::reaction::{Failure, Result};
use super::record::{decode, encode, place};
use super::scripts;
use crate::domain::link::{DomainName, Link, LinkId, LinkSpec};
use crate::store::{CreatedAll, NewLink, Removed, Replaced};

/// The most links that one call lists, whatever it asks for.
const LISTED_MAX: usize = 10_000;

/// Links fetched in one go.
const FETCHED_MAX: u64 = 1_000;

/// Links that are being removed at the same time.
const REMOVED_AT_ONCE: usize = 64;

/// Changes kept for nodes that were away; a node that missed more reads every link again.
const CHANGES_KEPT: &str = "10000";

/// What is taken already costs no id.
pub(super) async fn create(server: &Server, new: Vec<NewLink>, now: Timestamp) -> Result<CreatedAll> {
    let taken = holders(server, &new).await?;
    if !taken.is_empty() || new.is_empty() {
        return Ok(if new.is_empty() { CreatedAll::Yes(Vec::new()) } else { CreatedAll::Taken(taken) });
    }
    let last: u64 = server.lookups.ask(cmd("INCRBY").arg(server.keys.link_ids()).arg(new.len())).await?;
    let first = last + 1 - new.len() as u64;
    let mut call = Call::new(&scripts::CREATE_LINKS)
        .key(server.keys.slugs())
        .key(server.keys.changes())
        .key(server.keys.layout())
        .arg(CHANGES_KEPT)
        .arg(server.id.as_str());
    let mut links = Vec::with_capacity(new.len());
    for (id, NewLink { spec, folded, created_at }) in (first..).map(LinkId).zip(new) {
        let link = Link { id, revision: 1, created_at, updated_at: now, spec };
        call.push_key(server.keys.link(id));
        call.push(id.to_string());
        call.push(place(&link.spec.domain, &folded));
        call.push(encode(&link, &folded));
        links.push(link);
    }
    let reply: Vec<String> = server.lookups.run_again(&call).await?;
    match reply.first().map(String::as_str) {
        Some("yes") => Ok(CreatedAll::Yes(links)),
        Some("taken") => pairs(&reply[1..]).map(CreatedAll::Taken).ok_or_else(|| server.unexpected(&reply)),
        _ => Err(server.unexpected(&reply)),
    }
}

/// Places from 0, each followed by the link that is there.
fn pairs(words: &[String]) -> Option<Vec<(usize, LinkId)>> {
    words.chunks(2).map(|pair| Some((pair.first()?.parse().ok()?, LinkId(pair.get(1)?.parse().ok()?)))).collect()
}

async fn holders(server: &Server, new: &[NewLink]) -> Result<Vec<(usize, LinkId)>> {
    let mut ask = cmd("HMGET");
    ask.arg(server.keys.slugs());
    new.iter().for_each(|link| {
        ask.arg(place(&link.spec.domain, &link.folded));
    });
    if new.is_empty() {
        return Ok(Vec::new());
    }
    let holders: Vec<Option<u64>> = server.lookups.read(&ask).await?;
    Ok(holders.into_iter().enumerate().filter_map(|(at, id)| Some((at, LinkId(id?)))).collect())
}

pub(super) async fn replace(
    server: &Server,
    id: LinkId,
    revision: u64,
    spec: LinkSpec,
    folded: &str,
    now: Timestamp,
) -> Result<Replaced> {
    let Some((stored, json)) = fetch(server, id).await? else { return Ok(Replaced::Changed) };
    if stored.revision != revision {
        return Ok(Replaced::Changed);
    }
    let link = Link { id, revision: revision + 1, created_at: stored.created_at, updated_at: now, spec };
    let call = call(server, &scripts::REPLACE_LINK, &link, folded).arg(json);
    let reply: Vec<String> = server.lookups.run_again(&call).await?;
    match read(&reply) {
        ("yes", _) => Ok(Replaced::Yes(Box::new(link))),
        ("changed", _) => Ok(Replaced::Changed),
        ("taken", Some(by)) => Ok(Replaced::Taken(by)),
        _ => Err(server.unexpected(&reply)),
    }
}

fn call(server: &Server, script: &'static (&'static str, redis::Script), link: &Link, folded: &str) -> Call<'static> {
    Call::new(script)
        .key(server.keys.slugs())
        .key(server.keys.link(link.id))
        .key(server.keys.changes())
        .key(server.keys.layout())
        .arg(link.id.to_string())
        .arg(place(&link.spec.domain, folded))
        .arg(encode(link, folded))
        .arg(CHANGES_KEPT)
        .arg(server.id.as_str())
}

fn read(reply: &[String]) -> (&str, Option<LinkId>) {
    let word = reply.first().map_or("", String::as_str);
    (word, reply.get(1).and_then(|id| id.parse().ok()).map(LinkId))
}

pub(super) async fn remove(server: &Server, links: &[(LinkId, Option<u64>)]) -> Result<Vec<Removed>> {
    let calls: Vec<_> = links.iter().map(|(id, revision)| remove_one(server, *id, *revision)).collect();
    futures_util::stream::iter(calls).buffered(REMOVED_AT_ONCE).try_collect().await
}

async fn remove_one(server: &Server, id: LinkId, revision: Option<u64>) -> Result<Removed> {
    let call = Call::new(&scripts::REMOVE_LINK)
        .key(server.keys.slugs())
        .key(server.keys.link(id))
        .key(server.keys.changes())
        .arg(id.to_string())
        .arg(CHANGES_KEPT)
        .arg(revision.map(|revision| revision.to_string()).unwrap_or_default());
    let reply: u64 = server.lookups.run(&call).await?;
    Ok(match reply {
        0 => Removed::Absent,
        1 => Removed::Yes,
        _ => Removed::Changed,
    })
}

pub(super) async fn by_id(server: &Server, id: LinkId) -> Result<Option<Link>> {
    Ok(fetch(server, id).await?.map(|(link, _)| link))
}

async fn fetch(server: &Server, id: LinkId) -> Result<Option<(Link, String)>> {
    let json: Option<String> = server.lookups.read(cmd("GET").arg(server.keys.link(id))).await?;
    json.map(|json| Ok((parse(server, id, &json)?, json))).transpose()
}

pub(super) fn parse(server: &Server, id: LinkId, json: &str) -> Result<Link> {
    decode(id, json).map_err(|why| Failure::poison(format!("{}: {why}", server.keys.link(id))))
}

pub(super) async fn by_slug(server: &Server, domain: &DomainName, folded: &str) -> Result<Option<Link>> {
    let Some(id) = holder(server, domain, folded).await? else { return Ok(None) };
    let link = by_id(server, id).await?;
    // Between the two questions the link may have moved to another slug.
    Ok(link.filter(|link| link.spec.domain == *domain))
}

async fn holder(server: &Server, domain: &DomainName, folded: &str) -> Result<Option<LinkId>> {
    let id: Option<u64> = server.lookups.read(cmd("HGET").arg(server.keys.slugs()).arg(place(domain, folded))).await?;
    Ok(id.map(LinkId))
}

/// Ids are given out one by one, so walking them needs no index; ids of removed links are stepped over.
pub(super) async fn list(server: &Server, after: LinkId, limit: usize) -> Result<Vec<Link>> {
    let newest: Option<u64> = server.reports.read(cmd("GET").arg(server.keys.link_ids())).await?;
    let newest = newest.unwrap_or(0);
    let limit = limit.min(LISTED_MAX);
    let (mut links, mut last) = (Vec::new(), after.0);
    while links.len() < limit && last < newest {
        let wanted = FETCHED_MAX.min((limit - links.len()) as u64).min(newest - last);
        let ids: Vec<_> = (last + 1..=last + wanted).map(LinkId).collect();
        last += wanted;
        // One command for all would be refused while a cluster moves their slot.
        let mut fetch = pipe();
        ids.iter().for_each(|id| {
            fetch.cmd("GET").arg(server.keys.link(*id));
        });
        for (id, reply) in ids.into_iter().zip(server.reports.read_all(&fetch).await?) {
            let json: Option<String> = from_redis_value(reply?).map_err(|error| Failure::poison(error.to_string()))?;
            if let Some(json) = json {
                links.push(parse(server, id, &json)?);
            }
        }
    }
    Ok(links)
}
