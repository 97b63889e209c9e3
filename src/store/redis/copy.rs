//! The Redis store as something to be copied, or filled by a copy. A store that is being filled says so in its layout,
//! which keeps every node out of it.
//!
//! Everything is written by commands that may run twice, so a lost answer is asked for again.

use std::collections::BTreeMap;
use std::path::Path;

use async_trait::async_trait;
use futures_util::future::try_join_all;
use jiff::civil::Date;
use redis::{Cmd, FromRedisValue, ToRedisArgs, cmd};

use super::counts::{EPOCH, number, shard_of};
use super::keys::score;
use super::layout::{BOOKMARK, COPYING, Purpose};
use super::reaction::{Failure, Result};
use super::{Redis, Server, imports, links, misses, record, records, report, sketch};
use crate::domain::counter::Counters;
use crate::domain::import::ImportId;
use crate::domain::link::LinkId;
use crate::domain::position::{Incarnation, Position, Shard};
use crate::domain::record::{Record, RecordKind, Revision};
use crate::domain::uniques::Uniques;
use crate::domain::visitor::{Salt, Visitor};
use crate::store::copy::{self, Bookmark, CountedDay, KeptImport, KeptLink, PAGE_ROWS, Page, Part, Rows};
use crate::store::{Config, CopyStore, OpenError, Result as StoreResult};

/// Commands that are under way at once.
const TOGETHER: usize = 100;

/// Opens the store of `config` to read from; nothing is written into it.
pub(in crate::store) fn source(config: &Config, data: &Path) -> StoreResult<Redis, OpenError> {
    Redis::open_for(config, data, Purpose::CopyFrom)
}

/// Begins a copy of `from` in the database of `config`, or goes on with it.
pub(in crate::store) fn destination(config: &Config, data: &Path, from: &str) -> StoreResult<Redis, OpenError> {
    Redis::open_for(config, data, Purpose::CopyInto { from: from.to_owned() })
}

#[async_trait]
impl CopyStore for Redis {
    fn shard_count(&self) -> u16 {
        self.server.shards
    }

    async fn extent(&self, part: Part) -> StoreResult<u64> {
        self.call(move |server| async move { extent(&server, part).await }).await
    }

    async fn dump(&self, part: Part, after: &str) -> StoreResult<Page> {
        let after = after.to_owned();
        self.call(move |server| async move { dump(&server, part, &after).await }).await
    }

    async fn load(&self, rows: &Rows) -> StoreResult<()> {
        let rows = rows.clone();
        self.call(|server| async move { write_all(&server, commands(&server, &rows)).await }).await
    }

    async fn bookmark(&self) -> StoreResult<Bookmark> {
        let read = |server: std::sync::Arc<Server>| async move {
            server.reports.read::<Option<String>>(cmd("HGET").arg(server.keys.layout()).arg(BOOKMARK)).await
        };
        Ok(self.call(read).await?.map_or_else(Bookmark::default, |text| Bookmark::parse(&text)))
    }

    async fn set_bookmark(&self, bookmark: &Bookmark) -> StoreResult<()> {
        let text = bookmark.to_string();
        let set = |server: std::sync::Arc<Server>| async move {
            write(&server, cmd("HSET").arg(server.keys.layout()).arg(BOOKMARK).arg(text)).await
        };
        self.call(set).await
    }

    async fn finish(&self) -> StoreResult<()> {
        let finish = |server: std::sync::Arc<Server>| async move {
            write(&server, cmd("HDEL").arg(server.keys.layout()).arg(COPYING).arg(BOOKMARK)).await
        };
        self.call(finish).await
    }

    async fn set_aside(&self) -> StoreResult<u64> {
        self.call(|server| async move { sum_over_shards(&server, "HLEN", |shard| server.keys.aside(shard)).await })
            .await
    }
}

async fn sum_over_shards(server: &Server, command: &str, key: impl Fn(Shard) -> String) -> Result<u64> {
    let mut sum = 0;
    for shard in (0..server.shards).map(Shard) {
        sum += server.reports.read::<u64>(cmd(command).arg(key(shard))).await?;
    }
    Ok(sum)
}

async fn extent(server: &Server, part: Part) -> Result<u64> {
    match part {
        Part::Links => last_id(server, server.keys.link_ids()).await,
        Part::Counters => {
            let mut rows = 0;
            for day in counted_days(server).await? {
                rows += sum_over_shards(server, "SCARD", |shard| server.keys.links_of(shard, day)).await?;
            }
            Ok(rows)
        }
        // Few beside the others.
        _ => Ok(0),
    }
}

async fn dump(server: &Server, part: Part, after: &str) -> Result<Page> {
    match part {
        Part::Ids => dump_ids(server).await.map(Page::whole),
        Part::Links => dump_links(server, after).await,
        Part::Imports => dump_imports(server, after).await,
        Part::Records => dump_records(server, after).await,
        Part::Misses => dump_misses(server, after).await,
        Part::Salts => dump_salts(server).await.map(Page::whole),
        Part::Counters => dump_counters(server, after).await,
        Part::Archived => dump_archived(server).await.map(Page::whole),
        Part::Watermarks => dump_watermarks(server).await.map(Page::whole),
    }
}

async fn read_hash<T: FromRedisValue>(server: &Server, key: &str) -> Result<T> {
    server.reports.read(cmd("HGETALL").arg(key)).await
}

fn incarnation(key: &str, field: &str) -> Result<Incarnation> {
    Incarnation::parse(field).ok_or_else(|| Failure::poison(format!("{key}: {field:?} is no incarnation")))
}

async fn last_id(server: &Server, key: String) -> Result<u64> {
    Ok(server.reports.read::<Option<u64>>(cmd("GET").arg(key)).await?.unwrap_or(0))
}

async fn dump_ids(server: &Server) -> Result<Rows> {
    let link = LinkId(last_id(server, server.keys.link_ids()).await?);
    let import = ImportId(last_id(server, server.keys.import_ids()).await?);
    let revision = Revision(last_id(server, server.keys.record_revisions()).await?);
    Ok(Rows::Ids { link, import, revision })
}

/// The bookmark is the id up to which links were read.
async fn dump_links(server: &Server, after: &str) -> Result<Page> {
    let after = after.parse().unwrap_or(0);
    let newest = last_id(server, server.keys.link_ids()).await?;
    let upto = newest.min(after + PAGE_ROWS as u64);
    let ids: Vec<LinkId> = (after + 1..=upto).map(LinkId).collect();
    let mut kept = Vec::new();
    if !ids.is_empty() {
        let keys: Vec<_> = ids.iter().map(|id| server.keys.link(*id)).collect();
        let texts: Vec<Option<String>> = server.reports.read(cmd("MGET").arg(keys)).await?;
        for (id, json) in ids.into_iter().zip(texts) {
            if let Some(json) = json {
                let link = links::parse(server, id, &json)?;
                let folded = record::folded(&json)
                    .ok_or_else(|| Failure::poison(format!("{}: its place is none", server.keys.link(id))))?;
                kept.push(KeptLink { link, folded });
            }
        }
    }
    Ok(Page { rows: Rows::Links(kept), next: (upto < newest).then(|| upto.to_string()) })
}

/// A page is one import, because a body can be large; the bookmark is its id.
async fn dump_imports(server: &Server, after: &str) -> Result<Page> {
    let after = ImportId(after.parse().unwrap_or(0));
    let summary = imports::list(server).await?.into_iter().find(|summary| summary.id > after);
    let Some(summary) = summary else { return Ok(Page::whole(Rows::Imports(Vec::new()))) };
    let next = Some(summary.id.to_string());
    // An import that is undone between the two questions is none.
    let kept = imports::body(server, summary.id).await?.map(|body| KeptImport { summary, body });
    Ok(Page { rows: Rows::Imports(kept.into_iter().collect()), next })
}

/// Kind by kind; the bookmark is a [`copy::record_bookmark`].
async fn dump_records(server: &Server, after: &str) -> Result<Page> {
    let (mut kept, begin) = (Vec::new(), copy::record_after(after));
    for kind in RecordKind::ALL {
        let after = match &begin {
            Some((first, _)) if kind < *first => continue,
            Some((first, key)) if kind == *first => Some(key.clone()),
            _ => None,
        };
        let records = records::list(server, kind, after, PAGE_ROWS - kept.len()).await?;
        kept.extend(records.into_iter().map(|record| (kind, record)));
    }
    let full = kept.last().filter(|_| kept.len() >= PAGE_ROWS);
    let next = full.map(|(kind, record)| copy::record_bookmark(*kind, &record.key));
    Ok(Page { rows: Rows::Records(kept), next })
}

/// A page is a day; the bookmark names it.
async fn dump_misses(server: &Server, after: &str) -> Result<Page> {
    let Some(day) = next_day(server, &server.keys.miss_days(), after).await? else {
        return Ok(Page::whole(Rows::Misses(Vec::new())));
    };
    Ok(Page { rows: Rows::Misses(misses::read(server, day, day).await?), next: Some(day.to_string()) })
}

/// The first day of an index after the one that a bookmark names.
async fn next_day(server: &Server, index: &str, after: &str) -> Result<Option<Date>> {
    let first = match after.parse::<Date>() {
        Ok(day) => day.tomorrow().ok(),
        Err(_) => Some(Date::MIN),
    };
    let Some(first) = first else { return Ok(None) };
    Ok(report::days(server, index, first, Date::MAX).await?.into_iter().next())
}

async fn dump_salts(server: &Server) -> Result<Rows> {
    let key = server.keys.salts();
    let fields: Vec<(i64, Vec<u8>)> = read_hash(server, &key).await?;
    let read = |(day, bytes): (i64, Vec<u8>)| {
        let unreadable = || Failure::poison(format!("{key}: {day} holds no salt of a day"));
        Ok((day_from(day).ok_or_else(unreadable)?, Salt(bytes.try_into().map_err(|_| unreadable())?)))
    };
    Ok(Rows::Salts(fields.into_iter().map(read).collect::<Result<_>>()?))
}

/// The day of a score.
fn day_from(score: i64) -> Option<Date> {
    let (year, rest) = (score.div_euclid(10_000), score.rem_euclid(10_000));
    Date::new(year.try_into().ok()?, (rest / 100).try_into().ok()?, (rest % 100).try_into().ok()?).ok()
}

/// Where incarnations ended that were written down, and are in no shard any more.
async fn ended(server: &Server) -> Result<BTreeMap<Incarnation, Position>> {
    let key = server.keys.ended();
    let fields: Vec<(String, u64)> = read_hash(server, &key).await?;
    fields.iter().map(|(field, at)| Ok((incarnation(&key, field)?, Position(*at)))).collect()
}

async fn dump_archived(server: &Server) -> Result<Rows> {
    let key = server.keys.archived();
    let mut archived = ended(server).await?;
    let fields: Vec<(String, u64)> = read_hash(server, &key).await?;
    for (field, at) in &fields {
        archived.insert(incarnation(&key, field)?, Position(*at));
    }
    archived.retain(|_, at| *at > Position::START);
    Ok(Rows::Archived(archived.into_iter().collect()))
}

async fn dump_watermarks(server: &Server) -> Result<Rows> {
    let of_all = |(of, end)| (of, vec![end; usize::from(server.shards)]);
    let mut marks: BTreeMap<Incarnation, Vec<Position>> = ended(server).await?.into_iter().map(of_all).collect();
    for shard in (0..server.shards).map(Shard) {
        let key = server.keys.marks(shard);
        let fields: Vec<(String, String)> = read_hash(server, &key).await?;
        for (field, text) in fields.iter().filter(|(field, _)| field != EPOCH) {
            let at = text.parse().map_err(|_| Failure::poison(format!("{key}: {text:?} is no position")))?;
            let positions = marks.entry(incarnation(&key, field)?).or_default();
            positions.resize(usize::from(server.shards), Position::START);
            positions[usize::from(shard.0)] = Position(at);
        }
    }
    marks.retain(|_, positions| positions.iter().any(|at| *at > Position::START));
    Ok(Rows::Watermarks(marks.into_iter().collect()))
}

/// The days on which any shard counted.
async fn counted_days(server: &Server) -> Result<Vec<Date>> {
    let mut days = Vec::new();
    for shard in (0..server.shards).map(Shard) {
        days.extend(report::days(server, &server.keys.days(shard), Date::MIN, Date::MAX).await?);
    }
    days.sort_unstable();
    days.dedup();
    Ok(days)
}

/// Where the counters of a page begin: after a link of a shard on a day.
struct Place {
    day: Date,
    shard: Shard,
    link: Option<LinkId>,
}

impl Place {
    fn parse(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let day = words.next()?.parse().ok()?;
        let shard = Shard(words.next()?.parse().ok()?);
        Some(Self { day, shard, link: Some(LinkId(words.next()?.parse().ok()?)) })
    }
}

/// Day by day, shard by shard, link by link; the bookmark names the last of each.
async fn dump_counters(server: &Server, after: &str) -> Result<Page> {
    let begin = Place::parse(after);
    let mut kept = Vec::new();
    for day in counted_days(server).await? {
        let skipped = begin.as_ref().filter(|place| place.day >= day);
        if skipped.is_some_and(|place| place.day > day) {
            continue;
        }
        let first = skipped.map_or(0, |place| place.shard.0);
        for shard in (first..server.shards).map(Shard) {
            let after = skipped.filter(|place| place.shard == shard).and_then(|place| place.link);
            let mut links = links_after(server, day, shard, after).await?;
            links.truncate(PAGE_ROWS.saturating_sub(kept.len()));
            let reads = links.iter().map(|link| counted_day(server, day, shard, *link));
            kept.extend(try_join_all(reads).await?.into_iter().flatten());
            if let Some(link) = links.last().filter(|_| kept.len() >= PAGE_ROWS) {
                let next = Some(format!("{day} {} {link}", shard.0));
                return Ok(Page { rows: Rows::Counters(kept), next });
            }
        }
    }
    Ok(Page::whole(Rows::Counters(kept)))
}

async fn links_after(server: &Server, day: Date, shard: Shard, after: Option<LinkId>) -> Result<Vec<LinkId>> {
    let members: Vec<u64> = server.reports.read(cmd("SMEMBERS").arg(server.keys.links_of(shard, day))).await?;
    let mut links: Vec<LinkId> = members.into_iter().map(LinkId).collect();
    links.retain(|link| after.is_none_or(|after| *link > after));
    links.sort_unstable();
    Ok(links)
}

/// `None` where the index names a link of which nothing is counted.
async fn counted_day(server: &Server, day: Date, shard: Shard, link: LinkId) -> Result<Option<CountedDay>> {
    let key = server.keys.counts(shard, day, link);
    let fields: Vec<(String, String)> = read_hash(server, &key).await?;
    let mut counters = Counters::new();
    for (field, text) in &fields {
        let unreadable = || Failure::poison(format!("{key}: {field:?} holds {text:?}, which is no counter"));
        let (dimension, value) = report::parse_field(field).ok_or_else(unreadable)?;
        counters.add(dimension, value, report::count(text).ok_or_else(unreadable)?);
    }
    let visitors = visitors(server, day, shard, link).await?;
    Ok((!fields.is_empty()).then_some(CountedDay { link, day, counters, visitors }))
}

async fn visitors(server: &Server, day: Date, shard: Shard, link: LinkId) -> Result<Uniques> {
    let key = server.keys.sketch(shard, day, link);
    let sketch: Option<Vec<u8>> = server.reports.read(cmd("GET").arg(&key)).await?;
    if let Some(bytes) = sketch {
        return sketch::read(&bytes).ok_or_else(|| Failure::poison(format!("{key}: it holds no HyperLogLog")));
    }
    let members: Vec<i64> = server.reports.read(cmd("SMEMBERS").arg(server.keys.visitors(shard, day, link))).await?;
    let mut uniques = Uniques::new();
    members.into_iter().for_each(|member| uniques.add(Visitor(member.cast_unsigned())));
    Ok(uniques)
}

async fn write(server: &Server, command: &Cmd) -> Result<()> {
    match server.reports.ask::<()>(command).await {
        Err(failure) if failure.was_cut() => server.reports.ask(command).await,
        done => done,
    }
}

async fn write_all(server: &Server, commands: Vec<Cmd>) -> Result<()> {
    for portion in commands.chunks(TOGETHER) {
        try_join_all(portion.iter().map(|command| write(server, command))).await?;
    }
    Ok(())
}

/// What writes `rows`. The commands of one call may run in any order.
fn commands(server: &Server, rows: &Rows) -> Vec<Cmd> {
    let keys = &server.keys;
    match rows {
        Rows::Ids { link, import, revision } => vec![
            write_of("SET", &keys.link_ids(), &link.0),
            write_of("SET", &keys.import_ids(), &import.0),
            write_of("SET", &keys.record_revisions(), &revision.0),
        ],
        Rows::Links(rows) => rows.iter().flat_map(|row| link_commands(server, row)).collect(),
        Rows::Imports(rows) => rows.iter().flat_map(|row| import_commands(server, row)).collect(),
        Rows::Records(rows) => rows.iter().flat_map(|(kind, record)| record_commands(server, *kind, record)).collect(),
        Rows::Misses(rows) => rows
            .iter()
            .flat_map(|(day, kind, slug, count)| {
                let field = (format!("{kind}:{slug}"), number(*count));
                let index = (score(*day), day.to_string());
                [write_of("HSET", &keys.misses(*day), &field), write_of("ZADD", &keys.miss_days(), &index)]
            })
            .collect(),
        Rows::Salts(rows) => {
            rows.iter().map(|(day, salt)| write_of("HSET", &keys.salts(), &(score(*day), &salt.0[..]))).collect()
        }
        Rows::Counters(rows) => rows.iter().flat_map(|row| counter_commands(server, row)).collect(),
        Rows::Archived(rows) => {
            rows.iter().map(|(of, at)| write_of("HSET", &keys.archived(), &(of.to_string(), at.0))).collect()
        }
        Rows::Watermarks(rows) => {
            let all = rows.iter().flat_map(|(of, positions)| positions.iter().zip(0..).map(move |(at, n)| (of, at, n)));
            all.map(|(of, at, n)| write_of("HSET", &keys.marks(Shard(n)), &(of.to_string(), at.0))).collect()
        }
    }
}

fn write_of(name: &str, key: &str, args: &impl ToRedisArgs) -> Cmd {
    let mut command = cmd(name);
    command.arg(key).arg(args);
    command
}

fn link_commands(server: &Server, KeptLink { link, folded }: &KeptLink) -> [Cmd; 2] {
    let place = record::place(&link.spec.domain, folded);
    [
        write_of("SET", &server.keys.link(link.id), &record::encode(link, folded)),
        write_of("HSET", &server.keys.slugs(), &(place, link.id.0)),
    ]
}

fn import_commands(server: &Server, KeptImport { summary, body }: &KeptImport) -> Vec<Cmd> {
    let (keys, id) = (&server.keys, summary.id);
    let portions = imports::portions(body).enumerate();
    let mut commands: Vec<_> =
        portions.map(|(number, portion)| write_of("HSET", &keys.import_body(id), &(number, portion))).collect();
    let entry = imports::entry_text(&summary.about, commands.len());
    commands.push(write_of("HSET", &keys.imports(), &(id.0, entry)));
    commands.push(write_of("HSET", &keys.digests(), &(summary.about.digest.to_string(), id.0)));
    commands
}

fn record_commands(server: &Server, kind: RecordKind, record: &Record) -> [Cmd; 2] {
    let (keys, key) = (&server.keys, record.key.as_str());
    [
        write_of("HSET", &keys.records(kind), &(key, records::stored(record))),
        write_of("ZADD", &keys.record_keys(kind), &(0, key)),
    ]
}

fn counter_commands(server: &Server, row: &CountedDay) -> Vec<Cmd> {
    let (keys, shard, day) = (&server.keys, shard_of(server, row.link), row.day);
    let counts =
        row.counters.iter().map(|(dimension, value, count)| (format!("{}:{value}", dimension.as_str()), number(count)));
    let mut commands = vec![
        write_of("HSET", &keys.counts(shard, day, row.link), &counts.collect::<Vec<_>>()),
        write_of("SADD", &keys.links_of(shard, day), &row.link.0),
        write_of("ZADD", &keys.days(shard), &(score(day), day.to_string())),
    ];
    match row.visitors.exact() {
        Some([]) => {}
        Some(visitors) => {
            let members: Vec<i64> = visitors.iter().map(|visitor| visitor.cast_signed()).collect();
            commands.push(write_of("SADD", &keys.visitors(shard, day, row.link), &members));
        }
        None => commands.push(write_of("SET", &keys.sketch(shard, day, row.link), &sketch::write(&row.visitors))),
    }
    commands
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn a_day_comes_back_from_its_score() {
        for day in [Date::MIN, date(-1, 12, 31), date(2026, 11, 21), Date::MAX] {
            assert_eq!(day_from(score(day)), Some(day));
        }
        assert_eq!(day_from(20_261_399), None);
    }
}
