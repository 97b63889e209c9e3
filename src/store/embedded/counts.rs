//! Counters, uniques and watermarks: what moves together, in one transaction, or not at all.

use jiff::Timestamp;
use jiff::civil::Date;
use rusqlite::{Connection, OptionalExtension, params};

use super::additions::{Additions, Sum};
use super::block::Entry;
use super::error::{Reason, Result};
use super::link_day::LinkDay;
use super::number::Number;
use super::quarantine::Moved;
use super::rows::{FIND, How, Rows};
use super::stored::{Counted, Stored};
use super::sums;
use super::unmerged::Unmerged;
use super::waiting::{self, Waiting};
use crate::domain::counter::{Applied, Batch, DayCounters, Dimension, Dimensions};
use crate::domain::link::LinkId;
use crate::domain::position::{Incarnation, Position, Shard};

pub(super) const READ_ALL: &str = "SELECT counts, visitors, key, NULL FROM counters WHERE key BETWEEN ?1 AND ?2";
const NEXT: &str = "SELECT min(key) FROM (SELECT min(key) AS key FROM counters WHERE key BETWEEN ?1 AND ?2
    UNION ALL SELECT min(key) FROM additions WHERE key BETWEEN ?1 AND ?2)";

/// Counts `range` if the store stands exactly where it begins. Also returns what it had to set aside.
pub(super) fn apply(
    file: &Connection,
    range: &Range,
    additions: &Additions,
    merge: Merge,
) -> Result<(Applied, Vec<Moved>)> {
    let watermark = watermark(file, range.incarnation, range.shard)?;
    if watermark != range.from || !moves_forward(range, additions) {
        return Ok((Applied::No { watermark }, Vec::new()));
    }
    let mut waiting = Waiting::prepare(file)?;
    for (day, of_day) in additions.days() {
        sums::forget(file, day)?;
        waiting.add(of_day)?;
    }
    match merge {
        Merge::WhatIsDue => additions.days().next().map_or(Ok(()), |(first, _)| waiting.merge_earlier(first))?,
        Merge::All => waiting.merge_all()?,
    }
    set_watermark(file, range.incarnation, range.shard.0, range.to)?;
    Ok((Applied::Yes, waiting.moved()))
}

/// What of the additions that wait is merged beside a batch.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Merge {
    WhatIsDue,
    /// So that what cannot be read is found and set aside.
    All,
}

/// What of the journal a batch is.
#[derive(Clone, Copy)]
pub(super) struct Range {
    incarnation: Incarnation,
    shard: Shard,
    from: Position,
    to: Position,
}

impl Range {
    pub(super) fn of(batch: &Batch) -> Self {
        Self { incarnation: batch.incarnation, shard: batch.shard, from: batch.from, to: batch.to }
    }
}

/// Forgets what was counted on `day` and counts `additions`, as far as they are of that day; `false`, and nothing is
/// changed, if the day does not have this many hits.
pub(super) fn replace_day(file: &Connection, day: Date, hits: u64, additions: &Additions) -> Result<bool> {
    let counted = read_all(file, Dimensions::of(&[Dimension::Verdict]), day, day)?;
    if counted.iter().map(|found| found.counters.hits()).sum::<u64>() != hits {
        return Ok(false);
    }
    let mut forget = file.prepare_cached("DELETE FROM counters WHERE key BETWEEN ?1 AND ?2")?;
    forget.execute([LinkDay::first_of(day), LinkDay::last_of(day)])?;
    waiting::forget(file, LinkDay::first_of(day), LinkDay::last_of(day))?;
    sums::forget(file, day)?;
    let mut rows = Rows::prepare(file, How::Add)?;
    for (_, of_day) in additions.days().filter(|(of, _)| *of == day) {
        rows.put(day, of_day)?;
    }
    Ok(true)
}

/// What counts something must end after it begins, or sending it again would count it again.
fn moves_forward(range: &Range, additions: &Additions) -> bool {
    range.from < range.to || (range.from == range.to && additions.is_empty())
}

pub(super) fn watermark(file: &Connection, incarnation: Incarnation, shard: Shard) -> Result<Position> {
    let mut find = file.prepare_cached("SELECT position FROM watermarks WHERE incarnation = ?1 AND shard = ?2")?;
    let found = find.query_row(params![incarnation.to_string(), shard.0], |row| row.get(0)).optional()?;
    Ok(found.map_or(Position::START, |Number(position)| Position(position)))
}

pub(super) fn set_watermark(file: &Connection, incarnation: Incarnation, shard: u16, to: Position) -> Result<()> {
    let mut set = file.prepare_cached(
        "INSERT INTO watermarks (incarnation, shard, position, moved_at)
         VALUES (?1, ?2, ?3, strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))
         ON CONFLICT DO UPDATE SET position = excluded.position, moved_at = excluded.moved_at",
    )?;
    set.execute(params![incarnation.to_string(), shard, Number(to.0)])?;
    Ok(())
}

pub(super) fn archived(file: &Connection, incarnation: Incarnation) -> Result<Position> {
    let mut find = file.prepare_cached("SELECT position FROM archived WHERE incarnation = ?1")?;
    let found = find.query_row([incarnation.to_string()], |row| row.get(0)).optional()?;
    Ok(found.map_or(Position::START, |Number(position)| Position(position)))
}

pub(super) fn set_archived(file: &Connection, incarnation: Incarnation, to: Position) -> Result<()> {
    let mut set = file.prepare_cached(
        "INSERT INTO archived (incarnation, position, moved_at)
         VALUES (?1, ?2, strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))
         ON CONFLICT DO UPDATE SET position = excluded.position, moved_at = excluded.moved_at",
    )?;
    set.execute(params![incarnation.to_string(), Number(to.0)])?;
    Ok(())
}

/// Forgets every incarnation that is not in `kept` and has not moved since `idle_since`; returns how many.
pub(super) fn forget(file: &Connection, kept: &[Incarnation], idle_since: Timestamp) -> Result<usize> {
    let mut find = file.prepare_cached(
        "SELECT incarnation FROM watermarks GROUP BY incarnation HAVING max(moved_at) < ?1
         EXCEPT SELECT incarnation FROM archived WHERE moved_at >= ?1",
    )?;
    let idle_since = idle_since.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let idle = find.query_map([idle_since], |row| row.get(0))?.collect::<rusqlite::Result<Vec<String>>>()?;
    let is_kept = |text: &str| Incarnation::parse(text).is_some_and(|incarnation| kept.contains(&incarnation));
    let gone: Vec<String> = idle.into_iter().filter(|incarnation| !is_kept(incarnation)).collect();
    for incarnation in &gone {
        file.prepare_cached("DELETE FROM watermarks WHERE incarnation = ?1")?.execute([incarnation])?;
        file.prepare_cached("DELETE FROM archived WHERE incarnation = ?1")?.execute([incarnation])?;
    }
    Ok(gone.len())
}

/// Ordered by link, then day.
pub(super) fn read(
    file: &Connection,
    of: Dimensions,
    links: Option<Vec<LinkId>>,
    first: Date,
    last: Date,
) -> Result<Vec<DayCounters>> {
    let mut found = match links {
        None => read_all(file, of, first, last)?,
        Some(links) => read_some(file, of, links, first, last)?,
    };
    found.sort_unstable_by_key(|counters| (counters.link, counters.day));
    Ok(found)
}

fn read_all(file: &Connection, of: Dimensions, first: Date, last: Date) -> Result<Vec<DayCounters>> {
    let mut read = file.prepare_cached(READ_ALL)?;
    let mut rows = read.query([LinkDay::first_of(first), LinkDay::last_of(last)])?;
    let mut found = Found::new(of, Unmerged::of_days(file, first, last)?);
    while let Some(row) = rows.next()? {
        Stored::read(row)?.each(|counted| found.push(&counted))?;
    }
    found.finish()
}

/// One search for each row of a day that holds some of the links: the table lies by day, and a few links are a small
/// part of each.
fn read_some(
    file: &Connection,
    of: Dimensions,
    mut links: Vec<LinkId>,
    first: Date,
    last: Date,
) -> Result<Vec<DayCounters>> {
    links.sort_unstable();
    links.dedup();
    let mut found = Vec::new();
    for day in days_counted(file, first, last)? {
        found.append(&mut read_day(file, of, &links, day)?);
    }
    Ok(found)
}

fn read_day(file: &Connection, of: Dimensions, links: &[LinkId], day: Date) -> Result<Vec<DayCounters>> {
    let mut find = file.prepare_cached(FIND)?;
    let mut found = Found::new(of, Unmerged::of_links(file, links, day));
    let mut left = links;
    while let Some(first) = left.first() {
        let mut rows = find.query([LinkDay::new(*first, day), LinkDay::first_of(day), LinkDay::last_of(day)])?;
        let Some(row) = rows.next()? else {
            left = &left[1..];
            continue;
        };
        let row = Stored::read(row)?;
        let these = row.end.map_or(left.len(), |end| left.partition_point(|link| *link < end).max(1));
        let (wanted, others) = left.split_at(these);
        row.each(|counted| match wanted.binary_search(&counted.entry.link) {
            Ok(_) => found.push(&counted),
            Err(_) => Ok(()),
        })?;
        left = others;
    }
    found.finish()
}

/// The days from `first` to `last` on which anything was counted.
fn days_counted(file: &Connection, first: Date, last: Date) -> Result<Vec<Date>> {
    let mut next = file.prepare_cached(NEXT)?;
    let mut days = Vec::new();
    let mut from = Some(first);
    while let Some(start) = from.filter(|start| *start <= last) {
        let range = [LinkDay::first_of(start), LinkDay::last_of(last)];
        let Some(key) = next.query_row(range, |row| row.get::<_, Option<LinkDay>>(0))? else { break };
        let day = day_of(key)?;
        days.push(day);
        from = day.tomorrow().ok();
    }
    Ok(days)
}

/// What is read of counters, with what waits to be merged into them.
struct Found<'f, 'l> {
    of: Dimensions,
    days: Vec<DayCounters>,
    unmerged: Unmerged<'f, 'l>,
    sum: Sum,
}

impl<'f, 'l> Found<'f, 'l> {
    fn new(of: Dimensions, unmerged: Unmerged<'f, 'l>) -> Self {
        Self { of, days: Vec::new(), unmerged, sum: Sum::default() }
    }

    /// Rows come by day and link, and so do the links in them.
    fn push(&mut self, counted: &Counted<'_>) -> Result<()> {
        let (day, link) = (counted.day, counted.entry.link);
        if self.days.last().is_some_and(|last| (last.day, last.link) >= (day, link)) {
            return Err(Reason::of("they are there twice").in_row(|| counted.name()));
        }
        while let Some(alone) = self.unmerged.before(day, link)? {
            self.days.push(day_counters(&alone, self.of)?);
        }
        let Some(more) = self.unmerged.at(day, link)? else {
            self.days.push(day_counters(counted, self.of)?);
            return Ok(());
        };
        self.sum.begin(Entry { counts: &counted.packed()?, ..counted.entry });
        self.sum.add(more.entry, day).map_err(|reason| reason.in_row(|| counted.name()))?;
        self.days.push(day_counters(&Counted::new(day, self.sum.entry(link)), self.of)?);
        Ok(())
    }

    fn finish(mut self) -> Result<Vec<DayCounters>> {
        while let Some(alone) = self.unmerged.next()? {
            self.days.push(day_counters(&alone, self.of)?);
        }
        Ok(self.days)
    }
}

fn day_counters(counted: &Counted<'_>, of: Dimensions) -> Result<DayCounters> {
    let (counters, visitors) = (counted.counters(of)?, counted.visitors()?.count());
    Ok(DayCounters { link: counted.entry.link, day: counted.day, counters, visitors })
}

pub(super) fn day_of(key: LinkDay) -> Result<Date> {
    key.day().ok_or_else(|| Reason::of("its key names no day").in_row(|| format!("the counters under {key:?}")))
}
