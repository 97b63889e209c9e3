//! The rows of the table of counters while something is written to them: each is found, merged and written once.
//!
//! What cannot be read must never stop the counting of all the rest: it goes into the quarantine.

use jiff::civil::Date;
use rusqlite::{CachedStatement, Connection, params};

use super::additions::{OfDay, Place, is_sound};
use super::block::{Blocks, Entries, Entry};
use super::error::{Reason, Result};
use super::first_form;
use super::link_day::LinkDay;
use super::packed::{self, Packer};
use super::quarantine::{self, Moved};
use super::stored::Stored;
use crate::domain::counter::Dimensions;
use crate::domain::link::LinkId;
use crate::domain::uniques::{self, Uniques};

/// The row that holds a link of a day, if any does, and the key of the row behind it.
pub(super) const FIND: &str = "SELECT counts, visitors, key,
    (SELECT min(key) FROM counters WHERE key > ?1 AND key <= ?3)
    FROM counters WHERE key BETWEEN ?2 AND ?1 ORDER BY key DESC LIMIT 1";
const NEXT: &str = "SELECT min(key) FROM counters WHERE key > ?1 AND key <= ?2";
const WRITE: &str = "INSERT OR REPLACE INTO counters (key, counts, visitors) VALUES (?1, ?2, x'')";

/// What becomes of a link that is there already.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    Add,
    Replace,
}

/// Buffers and statements serve every row.
pub(super) struct Rows<'f> {
    file: &'f Connection,
    find: CachedStatement<'f>,
    next: CachedStatement<'f>,
    write: CachedStatement<'f>,
    sum: Sum,
    block: Vec<u8>,
    how: How,
    /// What had to be set aside.
    pub(super) moved: Vec<Moved>,
}

impl<'f> Rows<'f> {
    pub(super) fn prepare(file: &'f Connection, how: How) -> Result<Self> {
        let (find, next, write) = (file.prepare_cached(FIND)?, file.prepare_cached(NEXT)?, file.prepare_cached(WRITE)?);
        Ok(Self { file, find, next, write, sum: Sum::new(), block: Vec::new(), how, moved: Vec::new() })
    }

    pub(super) fn put(&mut self, day: Date, additions: OfDay<'_>) -> Result<()> {
        let mut left = additions;
        while let Some(first) = left.places().first() {
            left = self.put_some(day, first.link, left)?;
        }
        Ok(())
    }

    /// Writes those that belong into one row with `first`, and returns the others.
    fn put_some<'a>(&mut self, day: Date, first: LinkId, additions: OfDay<'a>) -> Result<OfDay<'a>> {
        let (key, first_of_day, last_of_day) =
            (LinkDay::new(first, day), LinkDay::first_of(day), LinkDay::last_of(day));
        let mut found = self.find.query([key, first_of_day, last_of_day])?;
        if let Some(row) = found.next()? {
            let row = Stored::read(row)?;
            let (these, others) = additions.split(row.end);
            match self.sum.merge(&row, these, self.how) {
                Ok(bad) => {
                    for (entry, reason) in bad {
                        self.moved.push(quarantine::keep_entry(self.file, entry, day, reason)?);
                    }
                }
                Err(reason) => {
                    self.moved.push(quarantine::keep_row(self.file, row.key, day, reason)?);
                    self.sum.begin(row.key, these);
                }
            }
            let key = row.key;
            drop(found);
            self.write_blocks(key, day)?;
            return Ok(others);
        }
        drop(found);
        let end: Option<LinkDay> = self.next.query_row([key, last_of_day], |row| row.get(0))?;
        let (these, others) = additions.split(end.map(LinkDay::link));
        self.sum.begin(first_of_day, these);
        // Links that come later and stand before this one belong to the same row.
        self.write_blocks(first_of_day, day)?;
        Ok(others)
    }

    fn write_blocks(&mut self, first: LinkDay, day: Date) -> Result<()> {
        let (mut key, mut done) = (first, 0);
        loop {
            done = self.sum.blocks.write(done, key.link(), &mut self.block);
            self.write.execute(params![key, self.block])?;
            let Some(link) = self.sum.blocks.link(done) else { return Ok(()) };
            key = LinkDay::new(link, day);
        }
    }
}

/// What becomes of a row.
struct Sum {
    blocks: Blocks,
    counts: Vec<u8>,
    visitors: Vec<u8>,
}

impl Sum {
    fn new() -> Self {
        Self { blocks: Blocks::new(), counts: Vec::new(), visitors: Vec::new() }
    }

    /// Begins with nothing but `additions`.
    fn begin(&mut self, key: LinkDay, additions: OfDay<'_>) {
        self.blocks.begin(key.link());
        self.push(additions, additions.places());
    }

    /// Puts `additions` into what is stored. Returns the entries that cannot be read, in place of which there is the
    /// other one alone.
    fn merge<'r>(
        &mut self,
        stored: &Stored<'r>,
        additions: OfDay<'r>,
        how: How,
    ) -> Result<Vec<(Entry<'r>, Reason)>, Reason> {
        if let Some(only) = stored.first_form()? {
            return self.merge_first_form(only, stored.day, additions, how).map(|()| Vec::new());
        }
        self.blocks.begin(stored.key.link());
        let bytes = stored.counts()?;
        let (mut entries, mut bad, mut left) =
            (Entries::new(bytes, stored.key.link())?, Vec::new(), additions.places());
        while let Some(old) = entries.next()? {
            let link = old.entry.link;
            if stored.end.is_some_and(|end| link >= end) {
                return Err(Reason::of("a link of the next row"));
            }
            let stays = left.first().is_none_or(|new| new.link > link);
            if stays && self.blocks.keep(&old) {
                continue;
            }
            self.blocks.copy_kept(bytes, old.begin);
            let (smaller, rest) = left.split_at(left.iter().take_while(|new| new.link < link).count());
            self.push(additions, smaller);
            left = rest;
            match left.split_first().filter(|(new, _)| new.link == link) {
                None => self.blocks.push(old.entry),
                Some((new, rest)) => {
                    left = rest;
                    let new = additions.entry(new);
                    if let Err(reason) = self.join(old.entry, new, stored.day, how) {
                        let (good, unreadable) =
                            if is_sound(new, stored.day) { (new, old.entry) } else { (old.entry, new) };
                        self.blocks.push(good);
                        bad.push((unreadable, reason));
                    }
                }
            }
        }
        self.blocks.copy_kept(bytes, bytes.len());
        self.push(additions, left);
        Ok(bad)
    }

    /// Puts `additions` beside or into the one link of a row of the first form.
    fn merge_first_form(&mut self, only: Entry<'_>, day: Date, additions: OfDay<'_>, how: How) -> Result<(), Reason> {
        let counters = first_form::decode(only.counts, Dimensions::ALL)?;
        Uniques::from_bytes(only.visitors)?;
        let mut counts = Vec::new();
        Packer::default().pack(&counters, day, &mut counts);
        let old = Entry { counts: &counts, ..only };
        self.blocks.begin(old.link);
        // Nothing stands before the link that the key names.
        let same = additions.places().split_first().filter(|(new, _)| new.link == old.link);
        match same {
            None => self.blocks.push(old),
            Some((new, _)) => self.join(old, additions.entry(new), day, how)?,
        }
        self.push(additions, same.map_or(additions.places(), |(_, rest)| rest));
        Ok(())
    }

    fn push(&mut self, additions: OfDay<'_>, places: &[Place]) {
        places.iter().for_each(|place| self.blocks.push(additions.entry(place)));
    }

    /// What becomes of a link that is there already.
    fn join(&mut self, old: Entry<'_>, new: Entry<'_>, day: Date, how: How) -> Result<(), Reason> {
        if how == How::Replace {
            self.blocks.push(new);
            return Ok(());
        }
        self.counts.clear();
        self.visitors.clear();
        packed::merge(old.counts, new.counts, day, &mut self.counts)?;
        uniques::merge_bytes(old.visitors, new.visitors, &mut self.visitors)?;
        self.blocks.push(Entry { link: old.link, counts: &self.counts, visitors: &self.visitors });
        Ok(())
    }
}
