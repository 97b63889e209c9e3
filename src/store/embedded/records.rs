//! Records: small documents under a kind and a key. A saved record gets a new row number, which is its revision.

use rusqlite::{Connection, Row, params};

use super::error::{Failure, Reason, Result};
use super::number::Number;
use crate::domain::record::{Expected, RECORDS_MAX, Record, RecordKey, RecordKind, RecordValue, Revision, Saved};

const READ: &str = "SELECT key, revision, value FROM records WHERE kind = ?1 AND key = ?2";
const LIST: &str = "SELECT key, revision, value FROM records WHERE kind = ?1 AND key > ?2 ORDER BY key LIMIT ?3";
const COUNT: &str = "SELECT count(*) FROM records WHERE kind = ?1";
const REMOVE: &str = "DELETE FROM records WHERE kind = ?1 AND key = ?2";
const INSERT: &str = "INSERT INTO records (kind, key, value) VALUES (?1, ?2, ?3)";

pub(super) fn put(
    file: &Connection,
    kind: RecordKind,
    key: &RecordKey,
    expected: Expected,
    value: &RecordValue,
) -> Result<Saved> {
    let stored = get(file, kind, key)?;
    if let Some(stored) = stored.as_ref().filter(|stored| stored.value == *value) {
        return Ok(Saved::Yes(stored.revision));
    }
    match (&stored, expected) {
        (None, Expected::Absent) if is_full(file, kind)? => return Ok(Saved::Full),
        (None, Expected::Absent) => {}
        (Some(stored), Expected::At(revision)) if stored.revision == revision => {}
        _ => return Ok(Saved::Changed),
    }
    remove(file, kind, key)?;
    file.prepare_cached(INSERT)?.execute(params![kind.as_str(), key.as_str(), value.as_bytes()])?;
    Ok(Saved::Yes(Revision(file.last_insert_rowid().unsigned_abs())))
}

fn is_full(file: &Connection, kind: RecordKind) -> Result<bool> {
    let count: Number = file.prepare_cached(COUNT)?.query_row([kind.as_str()], |row| row.get(0))?;
    Ok(count.0 >= RECORDS_MAX as u64)
}

pub(super) fn get(file: &Connection, kind: RecordKind, key: &RecordKey) -> Result<Option<Record>> {
    let mut read = file.prepare_cached(READ)?;
    let mut rows = read.query([kind.as_str(), key.as_str()])?;
    rows.next()?.map(|row| record(kind, row)).transpose()
}

pub(super) fn remove(file: &Connection, kind: RecordKind, key: &RecordKey) -> Result<bool> {
    Ok(file.prepare_cached(REMOVE)?.execute([kind.as_str(), key.as_str()])? > 0)
}

/// By the bytes of their keys.
pub(super) fn list(
    file: &Connection,
    kind: RecordKind,
    after: Option<&RecordKey>,
    limit: usize,
) -> Result<Vec<Record>> {
    let mut list = file.prepare_cached(LIST)?;
    let after = after.map_or("", RecordKey::as_str);
    let mut rows = list.query(params![kind.as_str(), after, Number(limit as u64)])?;
    let mut records = Vec::new();
    while let Some(row) = rows.next()? {
        records.push(record(kind, row)?);
    }
    Ok(records)
}

fn record(kind: RecordKind, row: &Row<'_>) -> Result<Record> {
    let (key, revision, value): (String, Number, Vec<u8>) = (row.get(0)?, row.get(1)?, row.get(2)?);
    let unreadable = |what: &str| -> Failure {
        Reason::of(format!("its {what} is none that is written"))
            .in_row(|| format!("the {} record {key:?}", kind.as_str()))
    };
    Ok(Record {
        key: RecordKey::new(&key).ok_or_else(|| unreadable("key"))?,
        revision: Revision(revision.0),
        value: RecordValue::new(value).ok_or_else(|| unreadable("value"))?,
    })
}
