//! Requests that met no link: how often, per day, kind and slug. A stranger picks the slugs, so their number is capped.

use std::collections::HashMap;

use jiff::civil::Date;
use rusqlite::{Connection, params};

use super::error::{Reason, Result};
use super::number::Number;
use crate::domain::counter::{OTHER, VALUE_BYTES_MAX};

/// The most slugs with a name of their own, per kind and day.
const MISSED_SLUGS_MAX: u64 = crate::store::MISSED_SLUGS_MAX as u64;

const IS_KNOWN: &str = "SELECT 1 FROM misses WHERE day = ?1 AND kind = ?2 AND slug = ?3";
const NAMED: &str = "SELECT count(*) FROM misses WHERE day = ?1 AND kind = ?2 AND slug <> ?3";
/// The sum saturates, as SQLite would turn it into a REAL, which the table refuses.
const ADD: &str = "INSERT INTO misses (day, kind, slug, count) VALUES (?1, ?2, ?3, ?4)
    ON CONFLICT DO UPDATE SET count = min(count, 9223372036854775807 - excluded.count) + excluded.count";
const READ: &str = "SELECT day, kind, slug, count FROM misses WHERE day BETWEEN ?1 AND ?2
    ORDER BY count DESC, day, kind, slug";

pub(super) fn add(file: &Connection, day: Date, misses: &[(String, String, u64)]) -> Result<()> {
    let day = day.to_string();
    let mut room = HashMap::new();
    for (kind, slug, count) in misses {
        let slug = &slug[..slug.floor_char_boundary(VALUE_BYTES_MAX)];
        let slug = if has_room(file, &mut room, &day, kind, slug)? { slug } else { OTHER };
        file.prepare_cached(ADD)?.execute(params![day, kind, slug, Number(*count)])?;
    }
    Ok(())
}

/// Whether `slug` may be counted under its own name. `room` remembers how many more names each kind can take.
fn has_room<'k>(
    file: &Connection,
    room: &mut HashMap<&'k str, u64>,
    day: &str,
    kind: &'k str,
    slug: &str,
) -> Result<bool> {
    if slug == OTHER || file.prepare_cached(IS_KNOWN)?.exists(params![day, kind, slug])? {
        return Ok(true);
    }
    if !room.contains_key(kind) {
        let named: Number = file.prepare_cached(NAMED)?.query_row(params![day, kind, OTHER], |row| row.get(0))?;
        room.insert(kind, MISSED_SLUGS_MAX.saturating_sub(named.0));
    }
    let left = room.entry(kind).or_default();
    let has_room = *left > 0;
    *left = left.saturating_sub(1);
    Ok(has_room)
}

pub(super) fn read(file: &Connection, first: Date, last: Date) -> Result<Vec<(Date, String, String, u64)>> {
    let mut read = file.prepare_cached(READ)?;
    let mut rows = read.query(params![first.to_string(), last.to_string()])?;
    let mut misses = Vec::new();
    while let Some(row) = rows.next()? {
        let day: String = row.get(0)?;
        let date = day.parse().map_err(|_| Reason::of("no date").in_row(|| format!("a miss of the day {day:?}")))?;
        misses.push((date, row.get(1)?, row.get(2)?, row.get::<_, Number>(3)?.0));
    }
    Ok(misses)
}
