//! Sums of days that are over: what somebody made of their counters, so that it need not be made again.
//!
//! They must never outlive the counters that they were made of: whoever writes those calls [`forget`] in the same
//! transaction.

use std::collections::BTreeMap;

use jiff::civil::Date;
use rusqlite::{Connection, params};

use super::counts::day_of;
use super::error::Result;
use super::link_day::LinkDay;

pub(super) fn read(file: &Connection, first: Date, last: Date) -> Result<BTreeMap<Date, Vec<u8>>> {
    let mut read = file.prepare_cached("SELECT day, sum FROM day_sums WHERE day BETWEEN ?1 AND ?2")?;
    let mut rows = read.query([first.to_string(), last.to_string()])?;
    let mut sums = BTreeMap::new();
    while let Some(row) = rows.next()? {
        // A day that is none was written by hand, and nobody asks for it.
        if let Ok(day) = row.get_ref(0)?.as_str().unwrap_or_default().parse() {
            sums.insert(day, row.get(1)?);
        }
    }
    Ok(sums)
}

pub(super) fn keep(file: &Connection, day: Date, sum: &[u8]) -> Result<()> {
    let mut keep = file.prepare_cached(
        "INSERT INTO day_sums (day, sum) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET sum = excluded.sum",
    )?;
    keep.execute(params![day.to_string(), sum])?;
    Ok(())
}

/// The counters of `day` are about to change.
pub(super) fn forget(file: &Connection, day: Date) -> Result<()> {
    file.prepare_cached("DELETE FROM day_sums WHERE day = ?1")?.execute([day.to_string()])?;
    Ok(())
}

/// The first and the last day that has counters.
pub(super) fn ends(file: &Connection) -> Result<Option<(Date, Date)>> {
    let end = |sql: &str| -> Result<Option<Date>> {
        let key: Option<LinkDay> = file.prepare_cached(sql)?.query_row([], |row| row.get(0))?;
        key.map(day_of).transpose()
    };
    let first = "SELECT min(key) FROM (SELECT min(key) AS key FROM counters UNION ALL SELECT min(key) FROM additions)";
    let last = "SELECT max(key) FROM (SELECT max(key) AS key FROM counters UNION ALL SELECT max(key) FROM additions)";
    Ok(end(first)?.zip(end(last)?))
}
