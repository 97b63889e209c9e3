//! Additions that wait: what rounds added to counters and is not merged into them yet, in the table `additions`.
//!
//! A link's counters and visitors are a page or several, and a round adds some bytes to each link that was clicked. Changing
//! them in every round would cost more than everything else a click costs, and more with every visitor of the day. So
//! each round writes one row for a [`Bucket`] of links, in the form of a [block] of any size, and what came
//! together is merged into the table of counters at once. Whoever reads counters adds what waits ([`super::unmerged`]).
//!
//! It must never merge a row without removing it in the same transaction. What cannot be read goes into the quarantine.

use jiff::civil::Date;
use rusqlite::{CachedStatement, Connection, params};

use super::additions::{Additions, OfDay};
use super::block::{self, Entries, Entry};
use super::error::{Reason, Result};
use super::link_day::{Bucket, LinkDay};
use super::number::Number;
use super::quarantine::{self, Moved};
use super::rows::{How, Rows};
use crate::domain::link::LinkId;

const READ: &str = "SELECT entries FROM additions WHERE key BETWEEN ?1 AND ?2 ORDER BY key";
const SIZE: &str =
    "SELECT count(*), ifnull(sum(length(entries)), 0), max(key) FROM additions WHERE key BETWEEN ?1 AND ?2";
const WRITE: &str = "INSERT INTO additions (key, entries) VALUES (?1, ?2)";
const FORGET: &str = "DELETE FROM additions WHERE key BETWEEN ?1 AND ?2";
const FIRST: &str = "SELECT min(key) FROM additions";

/// The most bytes that wait in one bucket: they are in memory together while they are merged or read.
const BYTES_MAX: u64 = 8 << 20;

/// How many buckets of earlier days are merged beside a round, so that reading those days does not stay dear.
const EARLIER_MAX: usize = 2;

/// Buffers and statements serve every bucket.
pub(super) struct Waiting<'f> {
    file: &'f Connection,
    size: CachedStatement<'f>,
    write: CachedStatement<'f>,
    counters: Rows<'f>,
    row: Vec<u8>,
}

impl<'f> Waiting<'f> {
    pub(super) fn prepare(file: &'f Connection) -> Result<Self> {
        let (size, write) = (file.prepare_cached(SIZE)?, file.prepare_cached(WRITE)?);
        Ok(Self { file, size, write, counters: Rows::prepare(file, How::Add)?, row: Vec::new() })
    }

    /// What had to be set aside.
    pub(super) fn moved(self) -> Vec<Moved> {
        self.counters.moved
    }

    /// What one round adds to a day.
    pub(super) fn add(&mut self, additions: OfDay<'_>) -> Result<()> {
        additions.buckets().try_for_each(|(bucket, these)| self.add_to(bucket, these))
    }

    fn add_to(&mut self, bucket: Bucket, additions: OfDay<'_>) -> Result<()> {
        let ends = [bucket.first_key(), bucket.last_key()];
        let (Number(rows), Number(bytes), last): (_, _, Option<LinkDay>) =
            self.size.query_row(ends, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        let is_full = rows + 1 >= bucket.rows_max() || bytes + additions.len() as u64 > BYTES_MAX;
        match bucket.next_key(last).filter(|_| !is_full) {
            None => self.merge(bucket, additions),
            Some(key) => {
                block::write_whole(bucket.first(), additions.entries(), &mut self.row);
                self.write.execute(params![key, self.row])?;
                Ok(())
            }
        }
    }

    /// Some of what waits for days before `day`.
    pub(super) fn merge_earlier(&mut self, day: Date) -> Result<()> {
        for _ in 0..EARLIER_MAX {
            match self.first()? {
                Some(bucket) if bucket.day() < day => self.merge(bucket, OfDay::NOTHING)?,
                _ => break,
            }
        }
        Ok(())
    }

    /// Everything that waits.
    pub(super) fn merge_all(&mut self) -> Result<()> {
        while let Some(bucket) = self.first()? {
            self.merge(bucket, OfDay::NOTHING)?;
        }
        Ok(())
    }

    /// The bucket of the first row. Rows before it whose keys name none were made by hand: they are set aside, or no batch
    /// would get past them.
    fn first(&mut self) -> Result<Option<Bucket>> {
        let mut first = self.file.prepare_cached(FIRST)?;
        while let Some(key) = first.query_row([], |row| row.get::<_, Option<i64>>(0))? {
            if let Some(bucket) = LinkDay::of_number(key).and_then(Bucket::of_row) {
                return Ok(Some(bucket));
            }
            let row: Vec<u8> = self.file.prepare_cached(READ)?.query_row([key, key], |row| row.get(0))?;
            let row = Entry { link: LinkId(0), counts: &row, visitors: &[] };
            let reason = Reason::of(format!("its key among the additions, {key}, names no day"));
            self.counters.moved.push(quarantine::keep_entry(self.file, row, Date::ZERO, reason)?);
            self.file.prepare_cached(FORGET)?.execute([key, key])?;
        }
        Ok(None)
    }

    /// Merges what waits in a bucket, and `more` that comes later, into the counters.
    fn merge(&mut self, bucket: Bucket, more: OfDay<'_>) -> Result<()> {
        let (rows, day) = (read(self.file, bucket)?, bucket.day());
        let mut all = Vec::new();
        for row in &rows {
            match entries(bucket, row) {
                Ok(entries) => all.extend(entries),
                Err(reason) => {
                    let row = Entry { link: bucket.first(), counts: row, visitors: &[] };
                    self.counters.moved.push(quarantine::keep_entry(self.file, row, day, reason)?);
                }
            }
        }
        all.extend(more.entries());
        let merged = Additions::merged(day, all, |entry, reason| {
            self.counters.moved.push(quarantine::keep_entry(self.file, entry, day, reason)?);
            Ok(())
        })?;
        for (_, of_day) in merged.days() {
            self.counters.put(day, of_day)?;
        }
        forget(self.file, bucket.first_key(), bucket.last_key())
    }
}

/// The rows of a bucket, the earliest round first.
pub(super) fn read(file: &Connection, bucket: Bucket) -> Result<Vec<Vec<u8>>> {
    let mut read = file.prepare_cached(READ)?;
    let rows = read.query_map([bucket.first_key(), bucket.last_key()], |row| row.get(0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// What stands in a row of `bucket`.
pub(super) fn entries(bucket: Bucket, row: &[u8]) -> Result<Vec<Entry<'_>>, Reason> {
    let (mut entries, mut all) = (Entries::new(row, bucket.first())?, Vec::new());
    while let Some(found) = entries.next()? {
        all.push(found.entry);
    }
    match all.last() {
        Some(last) if Bucket::of(last.link, bucket.day()) != bucket => Err(Reason::of("a link of another row")),
        _ => Ok(all),
    }
}

/// Forgets what waits from one key to the other.
pub(super) fn forget(file: &Connection, first: LinkDay, last: LinkDay) -> Result<()> {
    file.prepare_cached(FORGET)?.execute([first, last])?;
    Ok(())
}

pub(super) fn bucket_of(key: LinkDay) -> Result<Bucket> {
    Bucket::of_row(key)
        .ok_or_else(|| Reason::of("its key names no day").in_row(|| format!("the additions under {key:?}")))
}
