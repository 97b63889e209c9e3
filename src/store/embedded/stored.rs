//! A row of the table of counters as it was found: a block of links, or one link in the first form.
//!
//! Whoever reads it learns which link and day cannot be read, and why.

use std::borrow::Cow;

use jiff::civil::Date;
use rusqlite::Row;
use rusqlite::types::ValueRef;

use super::block::{Entries, Entry};
use super::counts::day_of;
use super::error::{Reason, Result};
use super::first_form;
use super::link_day::LinkDay;
use super::packed::{self, Packer};
use crate::domain::counter::{Counters, Dimensions};
use crate::domain::link::LinkId;
use crate::domain::uniques::Uniques;

/// A row that says counters, visitors, key and the key of the row behind it on the same day, if that is of interest.
pub(super) struct Stored<'r> {
    pub(super) key: LinkDay,
    pub(super) day: Date,
    /// The first link that is not in it.
    pub(super) end: Option<LinkId>,
    row: &'r Row<'r>,
}

/// One link of a row.
pub(super) struct Counted<'r> {
    pub(super) day: Date,
    pub(super) entry: Entry<'r>,
    is_first_form: bool,
}

impl<'r> Stored<'r> {
    pub(super) fn read(row: &'r Row<'r>) -> Result<Self> {
        let key: LinkDay = row.get(2)?;
        Ok(Self { key, day: day_of(key)?, end: row.get::<_, Option<LinkDay>>(3)?.map(LinkDay::link), row })
    }

    /// The counters, as they stand there.
    pub(super) fn counts(&self) -> Result<&'r [u8], Reason> {
        blob(self.row, 0)
    }

    /// The one link of a row in the first form; `None` for a block.
    pub(super) fn first_form(&self) -> Result<Option<Entry<'r>>, Reason> {
        let counts = self.counts()?;
        if counts.first() != Some(&first_form::VERSION) {
            return Ok(None);
        }
        Ok(Some(Entry { link: self.key.link(), counts, visitors: blob(self.row, 1)? }))
    }

    /// Every link, in order.
    pub(super) fn each(&self, mut each: impl FnMut(Counted<'r>) -> Result<()>) -> Result<()> {
        let nameless = |reason: Reason| reason.in_row(|| self.name());
        if let Some(entry) = self.first_form().map_err(nameless)? {
            return each(Counted { day: self.day, entry, is_first_form: true });
        }
        let counts = self.counts().map_err(nameless)?;
        let mut entries = Entries::new(counts, self.key.link()).map_err(|garbled| nameless(garbled.into()))?;
        while let Some(found) = entries.next().map_err(|garbled| nameless(garbled.into()))? {
            each(Counted::new(self.day, found.entry))?;
        }
        Ok(())
    }

    fn name(&self) -> String {
        let (link, day) = (self.key.link(), self.day);
        match self.counts() {
            Ok([first_form::VERSION, ..]) => name(link, day),
            _ => format!("the counters of the links from {link} on {day}"),
        }
    }
}

impl<'r> Counted<'r> {
    /// An entry of a block.
    pub(super) fn new(day: Date, entry: Entry<'r>) -> Self {
        Self { day, entry, is_first_form: false }
    }
}

impl Counted<'_> {
    pub(super) fn counters(&self, of: Dimensions) -> Result<Counters> {
        let counters = match self.is_first_form {
            true => first_form::decode(self.entry.counts, of),
            false => packed::decode(self.entry.counts, self.day, of),
        };
        counters.map_err(|garbled| Reason::from(garbled).in_row(|| self.name()))
    }

    /// The counters in the [packed] form.
    pub(super) fn packed(&self) -> Result<Cow<'_, [u8]>> {
        if !self.is_first_form {
            return Ok(Cow::Borrowed(self.entry.counts));
        }
        let mut bytes = Vec::new();
        Packer::default().pack(&self.counters(Dimensions::ALL)?, self.day, &mut bytes);
        Ok(Cow::Owned(bytes))
    }

    pub(super) fn visitors(&self) -> Result<Uniques> {
        Uniques::from_bytes(self.entry.visitors).map_err(|error| Reason::from(error).in_row(|| self.name()))
    }

    pub(super) fn name(&self) -> String {
        name(self.entry.link, self.day)
    }
}

pub(super) fn name(link: LinkId, day: Date) -> String {
    format!("the counters of link {link} on {day}")
}

fn blob<'r>(row: &'r Row<'_>, column: usize) -> Result<&'r [u8], Reason> {
    match row.get_ref(column)? {
        ValueRef::Blob(bytes) => Ok(bytes),
        other => Err(Reason::of(format!("it holds {} instead of bytes", other.data_type()))),
    }
}
