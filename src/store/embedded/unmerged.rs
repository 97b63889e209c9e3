//! Reading what waits to be merged into counters, link by link in the order in which those stand.

use jiff::civil::Date;
use rusqlite::Connection;

use super::additions::Additions;
use super::error::Result;
use super::link_day::{Bucket, LinkDay};
use super::stored::{Counted, name};
use super::waiting;
use crate::domain::link::LinkId;

const NEXT: &str = "SELECT min(key) FROM additions WHERE key BETWEEN ?1 AND ?2";

/// One bucket of it is in memory at a time.
pub(super) struct Unmerged<'f, 'l> {
    file: &'f Connection,
    /// Those that come later.
    buckets: std::vec::IntoIter<Bucket>,
    /// In order; every link if there is no list.
    links: Option<&'l [LinkId]>,
    /// Those of one bucket.
    additions: Additions,
    /// How many of them were taken.
    taken: usize,
}

impl<'f, 'l> Unmerged<'f, 'l> {
    /// Of all links from one day to another.
    pub(super) fn of_days(file: &'f Connection, first: Date, last: Date) -> Result<Self> {
        let (mut next, mut buckets) = (file.prepare_cached(NEXT)?, Vec::new());
        let (mut from, last) = (LinkDay::first_of(first), LinkDay::last_of(last));
        while let Some(key) = next.query_row([from, last], |row| row.get::<_, Option<LinkDay>>(0))? {
            let bucket = waiting::bucket_of(key)?;
            buckets.push(bucket);
            from = bucket.last_key().next();
        }
        Ok(Self::new(file, buckets, None))
    }

    /// Of some links on one day; they are in order.
    pub(super) fn of_links(file: &'f Connection, links: &'l [LinkId], day: Date) -> Self {
        let mut buckets: Vec<_> = links.iter().map(|link| Bucket::of(*link, day)).collect();
        buckets.dedup();
        Self::new(file, buckets, Some(links))
    }

    fn new(file: &'f Connection, buckets: Vec<Bucket>, links: Option<&'l [LinkId]>) -> Self {
        Self { file, buckets: buckets.into_iter(), links, additions: Additions::default(), taken: 0 }
    }

    /// Takes the next one, if it comes before this link and day.
    pub(super) fn before(&mut self, day: Date, link: LinkId) -> Result<Option<Counted<'_>>> {
        self.take_if(|next| next < (day, link))
    }

    /// Takes what waits for this link and day; those before it are taken already.
    pub(super) fn at(&mut self, day: Date, link: LinkId) -> Result<Option<Counted<'_>>> {
        self.take_if(|next| next == (day, link))
    }

    /// Takes the next one.
    pub(super) fn next(&mut self) -> Result<Option<Counted<'_>>> {
        self.take_if(|_| true)
    }

    fn take_if(&mut self, is_wanted: impl FnOnce((Date, LinkId)) -> bool) -> Result<Option<Counted<'_>>> {
        while self.additions.entry(self.taken).is_none() {
            let Some(bucket) = self.buckets.next() else { return Ok(None) };
            self.load(bucket)?;
        }
        let next = self.additions.entry(self.taken);
        let wanted = next.filter(|(day, entry)| is_wanted((*day, entry.link)));
        self.taken += usize::from(wanted.is_some());
        Ok(wanted.map(|(day, entry)| Counted::new(day, entry)))
    }

    fn load(&mut self, bucket: Bucket) -> Result<()> {
        let (rows, day, mut all) = (waiting::read(self.file, bucket)?, bucket.day(), Vec::new());
        for row in &rows {
            let entries = waiting::entries(bucket, row).map_err(|reason| {
                reason.in_row(|| format!("what was added to the links from {} on {day}", bucket.first()))
            })?;
            let is_wanted = |link| self.links.is_none_or(|links| links.binary_search(&link).is_ok());
            all.extend(entries.into_iter().filter(|entry| is_wanted(entry.link)));
        }
        let unreadable =
            |entry: super::block::Entry<'_>, reason: super::error::Reason| Err(reason.in_row(|| name(entry.link, day)));
        self.additions = Additions::merged(day, all, unreadable)?;
        self.taken = 0;
        Ok(())
    }
}
