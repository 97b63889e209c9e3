//! Counters that cannot be read: set aside as they were found, so that counting goes on with a fresh row.
//!
//! It must never touch a row that can be read, and it never interprets the ones that cannot: whoever mends them finds
//! the very bytes.

use jiff::civil::Date;
use rusqlite::{Connection, params};

use super::block::Entry;
use super::error::{Reason, Result};
use super::link_day::LinkDay;
use super::number::Number;
use crate::domain::link::LinkId;

/// The most rows that are kept; beyond it the oldest go.
const ROWS_MAX: i64 = 10_000;

const KEEP: &str = "INSERT INTO quarantine (moved_at, link, day, reason, counts, visitors)
    VALUES (strftime('%Y-%m-%dT%H:%M:%SZ', 'now'), ?1, ?2, ?3, ?4, ?5)";
const COPY: &str = "INSERT INTO quarantine (moved_at, link, day, reason, counts, visitors)
    SELECT strftime('%Y-%m-%dT%H:%M:%SZ', 'now'), ?2, ?3, ?4, counts, visitors FROM counters WHERE key = ?1";
const FORGET_OLDEST: &str = "DELETE FROM quarantine WHERE id <= ?1";

/// A row that was set aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Moved {
    pub(super) link: LinkId,
    pub(super) day: Date,
    pub(super) reason: String,
}

/// Keeps what stands in a block for one link on `day`. The caller writes something else in its place.
pub(super) fn keep_entry(file: &Connection, entry: Entry<'_>, day: Date, reason: Reason) -> Result<Moved> {
    let moved = Moved { link: entry.link, day, reason: reason.into_text() };
    let Entry { link, counts, visitors } = entry;
    file.prepare_cached(KEEP)?.execute(params![Number(link.0), day.to_string(), moved.reason, counts, visitors])?;
    forget_oldest(file)?;
    Ok(moved)
}

/// Copies the whole row of `key`, which is one of `day`. The caller writes another one over it.
pub(super) fn keep_row(file: &Connection, key: LinkDay, day: Date, reason: Reason) -> Result<Moved> {
    let moved = Moved { link: key.link(), day, reason: reason.into_text() };
    file.prepare_cached(COPY)?.execute(params![key, Number(moved.link.0), day.to_string(), moved.reason])?;
    forget_oldest(file)?;
    Ok(moved)
}

fn forget_oldest(file: &Connection) -> Result<()> {
    file.prepare_cached(FORGET_OLDEST)?.execute([file.last_insert_rowid() - ROWS_MAX])?;
    Ok(())
}

/// Rows in the quarantine.
pub(super) fn count(file: &Connection) -> Result<u64> {
    let mut count = file.prepare_cached("SELECT count(*) FROM quarantine")?;
    Ok(count.query_row([], |row| row.get::<_, Number>(0))?.0)
}
