//! Imports and their impressions. Every import keeps its rows; which of them is in force is decided when they are
//! read, so that an undone import leaves no trace and what it replaced stands again by itself.

use std::collections::HashMap;

use jiff::Timestamp;
use jiff::civil::Date;
use rusqlite::{CachedStatement, Connection, OptionalExtension, Row, params};

use super::error::{Failure, Reason, Result};
use super::number::Number;
use crate::domain::impression::{
    Import, ImportId, ImportSummary, Imported, Impression, Kind, StoredImpression, Subject,
};
use crate::domain::link::LinkId;
use crate::domain::placement::PostRef;

const INSERT_IMPORT: &str =
    "INSERT INTO imports (digest, file_name, as_of, imported_at, rows) VALUES (?1, ?2, ?3, ?4, ?5)";
/// One file that names a number twice: the last one counts, as in a spreadsheet that is read from the top.
const INSERT_ROW: &str = "INSERT INTO impressions (day, subject, kind, import, count) VALUES (?1, ?2, ?3, ?4, ?5)
    ON CONFLICT DO UPDATE SET count = excluded.count";
const IMPORTS_OF: &str = "SELECT import FROM impressions WHERE day = ?1 AND subject = ?2 AND kind = ?3";
const READ: &str = "SELECT day, subject, kind, import, count FROM impressions WHERE day BETWEEN ?1 AND ?2
    ORDER BY day, subject, kind, import";

/// The newer as-of wins; of two equal ones the later import.
type Rank = (Timestamp, ImportId);

pub(super) fn put(file: &Connection, import: &Import) -> Result<Imported> {
    if let Some(id) = same(file, import)? {
        return Ok(Imported::Same { id });
    }
    let mut as_of = as_of_by_import(file)?;
    let id = put_summary(file, import)?;
    as_of.insert(id, import.as_of);
    let (mut added, mut replaced, mut kept) = (0, 0, 0);
    let mut find = file.prepare_cached(IMPORTS_OF)?;
    for row in &import.rows {
        match in_force(&mut find, row, &as_of)? {
            None => added += 1,
            Some(rank) if rank <= (import.as_of, id) => replaced += 1,
            Some(_) => kept += 1,
        }
        write(file, id, row)?;
    }
    Ok(Imported::New { id, added, replaced, kept })
}

/// Writes one row of an import, over what it says of the same number already.
pub(super) fn write(file: &Connection, import: ImportId, row: &Impression) -> Result<()> {
    let (day, subject) = (row.day.to_string(), subject_text(&row.subject));
    let values = params![day, subject, row.kind.as_str(), Number(import.0), Number(row.count)];
    file.prepare_cached(INSERT_ROW)?.execute(values)?;
    Ok(())
}

fn same(file: &Connection, import: &Import) -> Result<Option<ImportId>> {
    let mut find = file.prepare_cached("SELECT id FROM imports WHERE digest = ?1")?;
    Ok(find.query_row([import.digest], |row| row.get(0)).optional()?.map(|Number(id)| ImportId(id)))
}

fn put_summary(file: &Connection, import: &Import) -> Result<ImportId> {
    let (as_of, imported_at) = (import.as_of.to_string(), import.imported_at.to_string());
    let rows = Number(import.rows.len() as u64);
    file.prepare_cached(INSERT_IMPORT)?.execute(params![import.digest, import.file_name, as_of, imported_at, rows])?;
    Ok(ImportId(file.last_insert_rowid().unsigned_abs()))
}

/// The rank of the number that is in force where `row` wants to stand.
fn in_force(
    find: &mut CachedStatement<'_>,
    row: &Impression,
    as_of: &HashMap<ImportId, Timestamp>,
) -> Result<Option<Rank>> {
    let mut rows = find.query(params![row.day.to_string(), subject_text(&row.subject), row.kind.as_str()])?;
    let mut highest = None;
    while let Some(found) = rows.next()? {
        highest = highest.max(Some(rank(ImportId(found.get::<_, Number>(0)?.0), as_of)?));
    }
    Ok(highest)
}

fn rank(import: ImportId, as_of: &HashMap<ImportId, Timestamp>) -> Result<Rank> {
    let missing = || Reason::of("it is missing, but has impressions").in_row(|| name(import));
    as_of.get(&import).map(|as_of| (*as_of, import)).ok_or_else(missing)
}

pub(super) fn undo(file: &Connection, id: ImportId) -> Result<bool> {
    file.prepare_cached("DELETE FROM impressions WHERE import = ?1")?.execute([Number(id.0)])?;
    Ok(file.prepare_cached("DELETE FROM imports WHERE id = ?1")?.execute([Number(id.0)])? > 0)
}

/// By id.
pub(super) fn imports(file: &Connection) -> Result<Vec<ImportSummary>> {
    let mut list = file.prepare_cached("SELECT id, file_name, as_of, imported_at, rows FROM imports ORDER BY id")?;
    let mut rows = list.query([])?;
    let mut imports = Vec::new();
    while let Some(row) = rows.next()? {
        imports.push(summary(row)?);
    }
    Ok(imports)
}

fn summary(row: &Row<'_>) -> Result<ImportSummary> {
    let id = ImportId(row.get::<_, Number>(0)?.0);
    Ok(ImportSummary {
        id,
        file_name: row.get(1)?,
        as_of: instant(id, &row.get::<_, String>(2)?)?,
        imported_at: instant(id, &row.get::<_, String>(3)?)?,
        rows: row.get::<_, Number>(4)?.0,
    })
}

fn as_of_by_import(file: &Connection) -> Result<HashMap<ImportId, Timestamp>> {
    Ok(imports(file)?.into_iter().map(|import| (import.id, import.as_of)).collect())
}

/// Ordered by day, then subject, then kind.
pub(super) fn read(file: &Connection, first: Date, last: Date) -> Result<Vec<StoredImpression>> {
    let as_of = as_of_by_import(file)?;
    let mut read = file.prepare_cached(READ)?;
    let mut rows = read.query(params![first.to_string(), last.to_string()])?;
    let mut in_force: Vec<StoredImpression> = Vec::new();
    while let Some(row) = rows.next()? {
        let next = stored(row, &as_of)?;
        match in_force.last_mut() {
            // The rows of one number follow each other, one per import.
            Some(last) if is_same_number(last, &next) => {
                if (next.as_of, next.import) > (last.as_of, last.import) {
                    *last = next;
                }
            }
            _ => in_force.push(next),
        }
    }
    Ok(in_force)
}

fn is_same_number(a: &StoredImpression, b: &StoredImpression) -> bool {
    let (a, b) = (&a.impression, &b.impression);
    a.day == b.day && a.kind == b.kind && a.subject == b.subject
}

fn stored(row: &Row<'_>, as_of: &HashMap<ImportId, Timestamp>) -> Result<StoredImpression> {
    let (as_of, import) = rank(ImportId(row.get::<_, Number>(3)?.0), as_of)?;
    let impression =
        impression(row).map_err(|reason| reason.in_row(|| format!("an impression of {}", name(import))))?;
    Ok(StoredImpression { impression, as_of, import })
}

pub(super) fn impression(row: &Row<'_>) -> Result<Impression, Reason> {
    let (day, subject, kind): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
    Ok(Impression {
        subject: subject_from(&subject)?,
        day: day.parse().map_err(|_| Reason::of(format!("{day:?} is no date")))?,
        kind: Kind::parse(&kind).ok_or_else(|| Reason::of(format!("{kind:?} is no kind of impressions")))?,
        count: row.get::<_, Number>(4)?.0,
    })
}

fn subject_text(subject: &Subject) -> String {
    match subject {
        Subject::Link(id) => format!("link:{id}"),
        Subject::Post(post) => format!("post:{}", post.as_str()),
    }
}

fn subject_from(text: &str) -> Result<Subject, Reason> {
    let unknown = || Reason::of(format!("{text:?} is neither a link nor a post"));
    match text.split_once(':') {
        Some(("link", id)) => id.parse().map(|id| Subject::Link(LinkId(id))).map_err(|_| unknown()),
        Some(("post", post)) => PostRef::parse(post).map(Subject::Post).map_err(Reason::of),
        _ => Err(unknown()),
    }
}

fn name(import: ImportId) -> String {
    format!("import {}", import.0)
}

fn instant(import: ImportId, text: &str) -> Result<Timestamp, Failure> {
    text.parse().map_err(|_| Reason::of(format!("{text:?} is no instant")).in_row(|| name(import)))
}
