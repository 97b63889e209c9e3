//! Counters, uniques and watermarks: what moves together, in one transaction, or not at all.
//!
//! One row that cannot be read must never stop the counting of all others: it goes into the quarantine.

use jiff::Timestamp;
use jiff::civil::Date;
use rusqlite::types::ValueRef;
use rusqlite::{CachedStatement, Connection, OptionalExtension, Row, params};

use super::error::{Reason, Result};
use super::link_day::LinkDay;
use super::number::Number;
use super::packed;
use super::quarantine::{self, Moved};
use super::sums;
use crate::domain::counter::{Applied, Batch, DayCounters, Delta, Dimension, Dimensions};
use crate::domain::link::LinkId;
use crate::domain::position::{Incarnation, Position, Shard};
use crate::domain::uniques::Uniques;
use crate::domain::visitor::Visitor;

const READ_ONE: &str = "SELECT counts, visitors FROM counters WHERE key = ?1";
pub(super) const WRITE_ONE: &str = "INSERT INTO counters (key, counts, visitors) VALUES (?1, ?2, ?3)
    ON CONFLICT DO UPDATE SET counts = excluded.counts, visitors = excluded.visitors";
const READ_ALL: &str = "SELECT counts, visitors, key FROM counters WHERE key BETWEEN ?1 AND ?2";
const NEXT: &str = "SELECT min(key) FROM counters WHERE key BETWEEN ?1 AND ?2";

/// Adds `batch` if the store stands exactly where it begins. Also returns the rows it had to set aside.
pub(super) fn apply(file: &Connection, batch: &Batch) -> Result<(Applied, Vec<Moved>)> {
    let watermark = watermark(file, batch.incarnation, batch.shard)?;
    if watermark != batch.from || !moves_forward(batch) {
        return Ok((Applied::No { watermark }, Vec::new()));
    }
    let mut rows = Rows::prepare(file)?;
    let sorted = in_table_order(&batch.deltas);
    for of_day in sorted.chunk_by(|a, b| a.day == b.day) {
        sums::forget(file, of_day[0].day)?;
        of_day.iter().try_for_each(|delta| rows.add(delta))?;
    }
    set_watermark(file, batch.incarnation, batch.shard.0, batch.to)?;
    Ok((Applied::Yes, rows.moved))
}

/// Forgets what was counted on `day` and counts `deltas`, as far as they are of that day; `false`, and nothing is
/// changed, if the day does not have this many hits.
pub(super) fn replace_day(file: &Connection, day: Date, hits: u64, deltas: &[Delta]) -> Result<bool> {
    let counted = read_all(file, Dimensions::of(&[Dimension::Verdict]), day, day)?;
    if counted.iter().map(|found| found.counters.hits()).sum::<u64>() != hits {
        return Ok(false);
    }
    let mut forget = file.prepare_cached("DELETE FROM counters WHERE key BETWEEN ?1 AND ?2")?;
    forget.execute([LinkDay::first_of(day), LinkDay::last_of(day)])?;
    sums::forget(file, day)?;
    let mut rows = Rows::prepare(file)?;
    for delta in in_table_order(deltas).into_iter().filter(|delta| delta.day == day) {
        rows.add(delta)?;
    }
    Ok(true)
}

/// A batch that counts something must end after it begins, or sending it again would count it again.
fn moves_forward(batch: &Batch) -> bool {
    batch.from < batch.to || (batch.from == batch.to && batch.deltas.is_empty())
}

/// Neighbours in the table one after another: each page is found, changed and left once.
fn in_table_order(deltas: &[Delta]) -> Vec<&Delta> {
    let mut sorted: Vec<_> = deltas.iter().collect();
    sorted.sort_unstable_by_key(|delta| (delta.day, delta.link));
    sorted
}

/// The rows of the table while a batch is added to them; buffers and statements serve every row.
struct Rows<'f> {
    file: &'f Connection,
    read: CachedStatement<'f>,
    write: CachedStatement<'f>,
    counts: Vec<u8>,
    visitors: Vec<u8>,
    moved: Vec<Moved>,
}

impl<'f> Rows<'f> {
    fn prepare(file: &'f Connection) -> Result<Self> {
        let (read, write) = (file.prepare_cached(READ_ONE)?, file.prepare_cached(WRITE_ONE)?);
        Ok(Self { file, read, write, counts: Vec::new(), visitors: Vec::new(), moved: Vec::new() })
    }

    fn add(&mut self, delta: &Delta) -> Result<()> {
        let key = LinkDay::new(delta.link, delta.day);
        let mut found = self.read.query([key])?;
        let merged = match found.next()? {
            Some(row) => merge(row, delta, &mut self.counts, &mut self.visitors).map(|()| true),
            None => Ok(false),
        };
        drop(found);
        if let Err(reason) = merged {
            self.moved.push(quarantine::keep(self.file, delta.link, delta.day, reason)?);
            begin(delta, &mut self.counts, &mut self.visitors);
        } else if merged.is_ok_and(|merged| !merged) {
            begin(delta, &mut self.counts, &mut self.visitors);
        }
        self.write.execute(params![key, self.counts, self.visitors])?;
        Ok(())
    }
}

pub(super) fn name(link: LinkId, day: Date) -> String {
    format!("the counters of link {link} on {day}")
}

fn begin(delta: &Delta, counts: &mut Vec<u8>, visitors: &mut Vec<u8>) {
    packed::encode(&delta.counters, counts);
    let mut uniques = Uniques::new();
    add_visitors(&mut uniques, &delta.visitors);
    visitors.clear();
    uniques.write_to(visitors);
}

fn merge(row: &Row<'_>, delta: &Delta, counts: &mut Vec<u8>, visitors: &mut Vec<u8>) -> Result<(), Reason> {
    packed::merge(blob(row, 0)?, &delta.counters, counts)?;
    let mut uniques = Uniques::from_bytes(blob(row, 1)?)?;
    add_visitors(&mut uniques, &delta.visitors);
    visitors.clear();
    uniques.write_to(visitors);
    Ok(())
}

fn add_visitors(uniques: &mut Uniques, visitors: &[Visitor]) {
    visitors.iter().for_each(|visitor| uniques.add(*visitor));
}

pub(super) fn blob<'r>(row: &'r Row<'_>, column: usize) -> Result<&'r [u8], Reason> {
    match row.get_ref(column)? {
        ValueRef::Blob(bytes) => Ok(bytes),
        other => Err(Reason::of(format!("it holds {} instead of bytes", other.data_type()))),
    }
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
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let key: LinkDay = row.get(2)?;
        found.push(unpack(row, of, key.link(), day_of(key)?)?);
    }
    Ok(found)
}

/// One search for each day and link: the table lies by day, and a few links are a small part of each.
fn read_some(
    file: &Connection,
    of: Dimensions,
    mut links: Vec<LinkId>,
    first: Date,
    last: Date,
) -> Result<Vec<DayCounters>> {
    links.sort_unstable();
    links.dedup();
    let mut read = file.prepare_cached(READ_ONE)?;
    let mut found = Vec::new();
    for day in days_counted(file, first, last)? {
        for link in &links {
            let mut rows = read.query([LinkDay::new(*link, day)])?;
            if let Some(row) = rows.next()? {
                found.push(unpack(row, of, *link, day)?);
            }
        }
    }
    Ok(found)
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

pub(super) fn day_of(key: LinkDay) -> Result<Date> {
    key.day().ok_or_else(|| Reason::of("its key names no day").in_row(|| format!("the counters under {key:?}")))
}

fn unpack(row: &Row<'_>, of: Dimensions, link: LinkId, day: Date) -> Result<DayCounters> {
    let parts = || -> Result<_, Reason> {
        Ok((packed::decode(blob(row, 0)?, of)?, Uniques::from_bytes(blob(row, 1)?)?.count()))
    };
    let (counters, visitors) = parts().map_err(|reason| reason.in_row(|| name(link, day)))?;
    Ok(DayCounters { link, day, counters, visitors })
}
