//! The embedded store as something to be copied, or filled by a copy. A file that is being filled has the table
//! `copying`, which keeps everybody else out of it.

use std::path::Path;

use async_trait::async_trait;
use jiff::civil::Date;
use rusqlite::{Connection, OptionalExtension, params};

use super::additions::Additions;
use super::error::{Reason, Result as FileResult};
use super::file::{FILE_NAME, Held};
use super::link_day::LinkDay;
use super::number::Number;
use super::packed::Packer;
use super::rows::{self, How};
use super::stored::{Counted, Stored};
use super::waiting::Waiting;
use super::{Durability, Embedded, counts, imports, links, records};
use crate::domain::counter::Dimensions;
use crate::domain::import::ImportId;
use crate::domain::link::LinkId;
use crate::domain::position::{Incarnation, Position};
use crate::domain::record::{Record, RecordKind, Revision};
use crate::domain::visitor::Salt;
use crate::store::copy::{self, Bookmark, CountedDay, KeptImport, KeptLink, PAGE_ROWS, Page, Part, Rows};
use crate::store::{CopyStore, OpenError, Result, about};

const BEGIN: &str = "CREATE TABLE copying (source TEXT NOT NULL, bookmark TEXT NOT NULL) STRICT";

/// What a store that was never used has none of.
const USED: &str = "SELECT EXISTS (SELECT 1 FROM links) OR EXISTS (SELECT 1 FROM counters)
    OR EXISTS (SELECT 1 FROM additions) OR EXISTS (SELECT 1 FROM watermarks) OR EXISTS (SELECT 1 FROM imports) OR EXISTS (SELECT 1 FROM misses)
    OR EXISTS (SELECT 1 FROM records)";

/// Opens the store in `folder` to read from, with no additions that wait.
pub(in crate::store) fn source(folder: &Path) -> Result<Embedded, OpenError> {
    if !folder.join(FILE_NAME).exists() {
        return Err(OpenError::Absent(folder.display().to_string()));
    }
    let (held, mut connection) = super::hold(folder)?;
    let merge_all = |file: &Connection| Waiting::prepare(file)?.merge_all();
    super::transact(&mut connection, Durability::Replayed, merge_all)
        .map_err(|failure| failure.in_file(held.file()))?;
    Embedded::start(held, connection)
}

/// Begins a copy of `from` in `folder`, or goes on with it.
pub(in crate::store) fn destination(folder: &Path, from: &str) -> Result<Embedded, OpenError> {
    let held = Held::take(folder)?;
    let mut connection = held.open_writer()?;
    let place = || folder.display().to_string();
    begin(&mut connection, from).map_err(|failure| failure.in_file(held.file()))?.map_err(|refusal| match refusal {
        Refusal::Holds => OpenError::Holds(place()),
        Refusal::Other(source_name) => OpenError::Unfinished { place: place(), source_name },
    })?;
    Embedded::start(held, connection)
}

/// Refuses a file whose copy was not finished.
pub(super) fn refuse_unfinished(connection: &Connection, file: &Path) -> Result<(), OpenError> {
    match source_of(connection).map_err(|failure| failure.in_file(file))? {
        None => Ok(()),
        Some(source_name) => Err(OpenError::Unfinished { place: file.display().to_string(), source_name }),
    }
}

enum Refusal {
    Holds,
    /// The name of the store that was being copied into it.
    Other(String),
}

fn begin(connection: &mut Connection, from: &str) -> FileResult<Result<(), Refusal>> {
    let file = connection.transaction()?;
    match source_of(&file)? {
        Some(source) if source == from => return Ok(Ok(())),
        Some(other) => return Ok(Err(Refusal::Other(other))),
        None => {}
    }
    if file.query_row(USED, [], |row| row.get(0))? {
        return Ok(Err(Refusal::Holds));
    }
    file.execute_batch(BEGIN)?;
    file.execute("INSERT INTO copying VALUES (?1, '')", [from])?;
    file.commit()?;
    Ok(Ok(()))
}

/// What is being copied into this file, if its copy was not finished.
fn source_of(file: &Connection) -> FileResult<Option<String>> {
    if !file.table_exists(None, "copying")? {
        return Ok(None);
    }
    Ok(file.query_row("SELECT source FROM copying", [], |row| row.get(0)).optional()?)
}

#[async_trait]
impl CopyStore for Embedded {
    fn shard_count(&self) -> u16 {
        1
    }

    async fn extent(&self, part: Part) -> Result<u64> {
        self.report(move |file| extent(file, part)).await
    }

    async fn dump(&self, part: Part, after: &str) -> Result<Page> {
        let after = after.to_owned();
        self.report(move |file| dump(file, part, &after)).await
    }

    async fn load(&self, rows: &Rows) -> Result<()> {
        let rows = rows.clone();
        self.write(Durability::Replayed, move |file| load(file, &rows)).await
    }

    async fn bookmark(&self) -> Result<Bookmark> {
        let read = |file: &Connection| -> FileResult<String> {
            Ok(file.query_row("SELECT bookmark FROM copying", [], |row| row.get(0))?)
        };
        Ok(Bookmark::parse(&self.report(read).await?))
    }

    async fn set_bookmark(&self, bookmark: &Bookmark) -> Result<()> {
        let text = bookmark.to_string();
        let set = move |file: &Connection| Ok(file.execute("UPDATE copying SET bookmark = ?1", [text]).map(|_| ())?);
        self.write(Durability::Replayed, set).await
    }

    async fn finish(&self) -> Result<()> {
        self.write(Durability::Synced, |file| Ok(file.execute_batch("DROP TABLE copying")?)).await
    }

    async fn set_aside(&self) -> Result<u64> {
        self.report(super::quarantine::count).await
    }
}

fn extent(file: &Connection, part: Part) -> FileResult<u64> {
    let table = match part {
        Part::Ids => return Ok(1),
        Part::Counters => return counted_days(file),
        part => part.as_str(),
    };
    Ok(file.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get::<_, Number>(0))?.0)
}

/// Rows of counters hold many links each, so they are looked through.
fn counted_days(file: &Connection) -> FileResult<u64> {
    let mut read = file.prepare_cached(counts::READ_ALL)?;
    let mut rows = read.query([LinkDay::first_of(Date::MIN), LinkDay::last_of(Date::MAX)])?;
    let mut days = 0;
    while let Some(row) = rows.next()? {
        Stored::read(row)?.each(|_| {
            days += 1;
            Ok(())
        })?;
    }
    Ok(days)
}

fn dump(file: &Connection, part: Part, after: &str) -> FileResult<Page> {
    match part {
        Part::Ids => Ok(Page::whole(dump_ids(file)?)),
        Part::Links => dump_links(file, after),
        Part::Imports => dump_imports(file, after),
        Part::Records => dump_records(file, after),
        Part::Misses => dump_misses(file, after),
        Part::Salts => Ok(Page::whole(Rows::Salts(dump_salts(file)?))),
        Part::Counters => dump_counters(file, after),
        Part::Archived => Ok(Page::whole(Rows::Archived(positions(file, "archived")?))),
        Part::Watermarks => {
            let marks = positions(file, "watermarks")?.into_iter();
            Ok(Page::whole(Rows::Watermarks(marks.map(|(incarnation, at)| (incarnation, vec![at])).collect())))
        }
    }
}

fn dump_ids(file: &Connection) -> FileResult<Rows> {
    let last = |table: &str| -> FileResult<u64> {
        let mut find = file.prepare_cached("SELECT seq FROM sqlite_sequence WHERE name = ?1")?;
        Ok(find.query_row([table], |row| row.get::<_, Number>(0)).optional()?.map_or(0, |last| last.0))
    };
    let (link, import, revision) = (last("links")?, last("imports")?, last("records")?);
    Ok(Rows::Ids { link: LinkId(link), import: ImportId(import), revision: Revision(revision) })
}

/// The bookmark is the id of the last link.
fn dump_links(file: &Connection, after: &str) -> FileResult<Page> {
    let mut read = file.prepare_cached(links::SELECT_AFTER)?;
    let mut rows = read.query(params![after.parse().unwrap_or(0_i64), Number(PAGE_ROWS as u64)])?;
    let mut kept = Vec::new();
    while let Some(row) = rows.next()? {
        kept.push(KeptLink { link: links::link(row)?, folded: row.get(links::Column::Folded as usize)? });
    }
    let next = next_of(&kept, |last| last.link.id.to_string());
    Ok(Page { rows: Rows::Links(kept), next })
}

/// Where to go on after a full page.
fn next_of<T>(rows: &[T], bookmark: impl FnOnce(&T) -> String) -> Option<String> {
    (rows.len() >= PAGE_ROWS).then(|| rows.last().map(bookmark)).flatten()
}

/// A page is one import, because a body can be large; the bookmark is its id.
fn dump_imports(file: &Connection, after: &str) -> FileResult<Page> {
    let after = ImportId(after.parse().unwrap_or(0));
    let Some(summary) = imports::next(file, after)? else { return Ok(Page::whole(Rows::Imports(Vec::new()))) };
    let next = Some(summary.id.to_string());
    // An import that is undone between the two questions is none.
    let kept = imports::body(file, summary.id)?.map(|body| KeptImport { summary, body });
    Ok(Page { rows: Rows::Imports(kept.into_iter().collect()), next })
}

/// Kind by kind; the bookmark is a [`copy::record_bookmark`].
fn dump_records(file: &Connection, after: &str) -> FileResult<Page> {
    let (mut kept, begin) = (Vec::new(), copy::record_after(after));
    for kind in RecordKind::ALL {
        let after = match &begin {
            Some((first, _)) if kind < *first => continue,
            Some((first, key)) if kind == *first => Some(key),
            _ => None,
        };
        let records = records::list(file, kind, after, PAGE_ROWS - kept.len())?;
        kept.extend(records.into_iter().map(|record| (kind, record)));
    }
    let next = next_of(&kept, |(kind, record)| copy::record_bookmark(*kind, &record.key));
    Ok(Page { rows: Rows::Records(kept), next })
}

/// A page is a day; the bookmark names it.
fn dump_misses(file: &Connection, after: &str) -> FileResult<Page> {
    let Some(day) = next_day(file, "misses", after)? else { return Ok(Page::whole(Rows::Misses(vec![]))) };
    let date: Date = date(&day).map_err(|reason| reason.in_row(|| format!("a miss of the day {day:?}")))?;
    let rows = Rows::Misses(super::misses::read(file, date, date)?);
    Ok(Page { rows, next: Some(day) })
}

/// Days are texts that sort like days. Ordinary dates never begin with anything below a minus.
fn next_day(file: &Connection, table: &str, after: &str) -> FileResult<Option<String>> {
    let mut find = file.prepare_cached(&format!("SELECT min(day) FROM {table} WHERE day > ?1"))?;
    Ok(find.query_row([after], |row| row.get(0))?)
}

fn dump_salts(file: &Connection) -> FileResult<Vec<(Date, Salt)>> {
    let mut read = file.prepare_cached("SELECT day, salt FROM salts ORDER BY day")?;
    let rows = read.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.map(|row| {
        let (day, salt): (String, [u8; 32]) = row?;
        Ok((date(&day).map_err(|reason| reason.in_row(|| format!("the salt of {day:?}")))?, Salt(salt)))
    })
    .collect()
}

/// The bookmark is the key of the last row. A page ends with a row, so it may be larger by what that holds.
fn dump_counters(file: &Connection, after: &str) -> FileResult<Page> {
    let mut read =
        file.prepare_cached("SELECT counts, visitors, key, NULL FROM counters WHERE key > ?1 ORDER BY key")?;
    let mut rows = read.query(params![after.parse().unwrap_or(-1_i64)])?;
    let (mut kept, mut read) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        let stored = Stored::read(row)?;
        stored.each(|counted| {
            read += 1;
            let day = counted_day(&counted)?;
            // A link-day of which nothing was counted is none in a store that keeps each counter by itself.
            if day.counters.iter().next().is_some() {
                kept.push(day);
            }
            Ok(())
        })?;
        if read >= PAGE_ROWS {
            let last = row.get::<_, i64>(2)?.to_string();
            return Ok(Page { rows: Rows::Counters(kept), next: Some(last) });
        }
    }
    Ok(Page { rows: Rows::Counters(kept), next: None })
}

fn counted_day(counted: &Counted<'_>) -> FileResult<CountedDay> {
    let (link, day) = (counted.entry.link, counted.day);
    Ok(CountedDay { link, day, counters: counted.counters(Dimensions::ALL)?, visitors: counted.visitors()? })
}

/// Incarnations and their positions; those at the start say nothing.
fn positions(file: &Connection, table: &str) -> FileResult<Vec<(Incarnation, Position)>> {
    let sql = format!("SELECT incarnation, position FROM {table} WHERE position > 0 ORDER BY incarnation");
    let mut read = file.prepare_cached(&sql)?;
    let rows = read.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, Number>(1)?)))?;
    rows.map(|row| {
        let (text, Number(position)) = row?;
        let unreadable = || Reason::of("it is no incarnation").in_row(|| format!("{text:?} in the table {table}"));
        Ok((Incarnation::parse(&text).ok_or_else(unreadable)?, Position(position)))
    })
    .collect()
}

fn date(day: &str) -> Result<Date, Reason> {
    day.parse().map_err(|_| Reason::of(format!("{day:?} is no date")))
}

fn load(file: &Connection, rows: &Rows) -> FileResult<()> {
    match rows {
        Rows::Ids { link, import, revision } => {
            set_last_id(file, "links", link.0)?;
            set_last_id(file, "imports", import.0)?;
            set_last_id(file, "records", revision.0)
        }
        Rows::Links(rows) => rows.iter().try_for_each(|row| load_link(file, row)),
        Rows::Imports(rows) => rows.iter().try_for_each(|row| load_import(file, row)),
        Rows::Records(rows) => rows.iter().try_for_each(|(kind, record)| load_record(file, *kind, record)),
        Rows::Misses(rows) => rows.iter().try_for_each(|(day, kind, slug, count)| {
            let sql = "INSERT OR REPLACE INTO misses (day, kind, slug, count) VALUES (?1, ?2, ?3, ?4)";
            file.prepare_cached(sql)?.execute(params![day.to_string(), kind, slug, Number(*count)])?;
            Ok(())
        }),
        Rows::Salts(rows) => rows.iter().try_for_each(|(day, salt)| {
            let sql = "INSERT OR REPLACE INTO salts (day, salt) VALUES (?1, ?2)";
            file.prepare_cached(sql)?.execute(params![day.to_string(), salt.0])?;
            Ok(())
        }),
        Rows::Counters(rows) => load_counters(file, rows),
        Rows::Archived(rows) => {
            rows.iter().try_for_each(|(incarnation, at)| counts::set_archived(file, *incarnation, *at))
        }
        Rows::Watermarks(rows) => rows.iter().try_for_each(|(incarnation, positions)| {
            positions.iter().zip(0..).try_for_each(|(at, shard)| counts::set_watermark(file, *incarnation, shard, *at))
        }),
    }
}

fn set_last_id(file: &Connection, table: &str, last: u64) -> FileResult<()> {
    file.execute("DELETE FROM sqlite_sequence WHERE name = ?1", [table])?;
    file.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?1, ?2)", params![table, Number(last)])?;
    Ok(())
}

fn load_link(file: &Connection, KeptLink { link, folded }: &KeptLink) -> FileResult<()> {
    links::remove(file, link.id, None)?;
    let times = links::Times { created_at: link.created_at, now: link.created_at };
    links::save(file, links::INSERT, Some(link.id), &link.spec, folded, times)?;
    let sql = "UPDATE links SET revision = ?2, updated_at = ?3 WHERE id = ?1";
    let (id, revision) = (Number(link.id.0), Number(link.revision));
    file.prepare_cached(sql)?.execute(params![id, revision, link.updated_at.to_string()])?;
    Ok(())
}

fn load_import(file: &Connection, KeptImport { summary, body }: &KeptImport) -> FileResult<()> {
    let sql = "INSERT OR REPLACE INTO imports (id, digest, about, body) VALUES (?1, ?2, ?3, ?4)";
    let (id, digest, about) = (Number(summary.id.0), summary.about.digest.0, about::encode(&summary.about));
    file.prepare_cached(sql)?.execute(params![id, digest, about, body.as_bytes()])?;
    Ok(())
}

fn load_record(file: &Connection, kind: RecordKind, record: &Record) -> FileResult<()> {
    let sql = "INSERT OR REPLACE INTO records (revision, kind, key, value) VALUES (?1, ?2, ?3, ?4)";
    let (revision, key) = (Number(record.revision.0), record.key.as_str());
    file.prepare_cached(sql)?.execute(params![revision, kind.as_str(), key, record.value.as_bytes()])?;
    Ok(())
}

fn load_counters(file: &Connection, days: &[CountedDay]) -> FileResult<()> {
    let mut sorted: Vec<_> = days.iter().collect();
    sorted.sort_unstable_by_key(|counted| (counted.day, counted.link));
    let (mut packer, mut additions) = (Packer::default(), Additions::default());
    for CountedDay { link, day, counters, visitors } in sorted {
        additions.push(*day, *link, |bytes| {
            packer.pack(counters, *day, bytes);
            let begin = bytes.len();
            visitors.write_to(bytes);
            begin
        });
    }
    let mut rows = rows::Rows::prepare(file, How::Replace)?;
    additions.days().try_for_each(|(day, of_day)| rows.put(day, of_day))
}
