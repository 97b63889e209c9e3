//! The key of a counters row: a link and a day in one integer that sorts by day, then link.
//!
//! An integer key makes the table an ordinary B+tree, whose leaves hold rows of up to a page. Under a key of two
//! columns a row beyond 1 KB would spill into a page of its own, and a busy link's row is larger than that.
//!
//! In decimal it can be read: `2026112100000000003` is link 3 on 2026-11-21.

use jiff::civil::Date;
use rusqlite::ToSql;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, ValueRef};

use crate::domain::link::LinkId;

/// What a day's digits are moved up by, to make room for those of the link.
const LINKS: i64 = 100_000_000_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LinkDay(i64);

impl LinkDay {
    /// A link beyond the last that fits is taken for that one, and a year likewise: the table of links gives out
    /// ids one by one and never gets there, and a hit's year comes from a clock.
    pub(super) fn new(link: LinkId, day: Date) -> Self {
        let year = i64::from(day.year().clamp(0, 9222));
        let date = (year * 100 + i64::from(day.month())) * 100 + i64::from(day.day());
        Self(date * LINKS + i64::try_from(link.0).unwrap_or(i64::MAX).min(LINKS - 1))
    }

    pub(super) fn first_of(day: Date) -> Self {
        Self::new(LinkId(0), day)
    }

    pub(super) fn last_of(day: Date) -> Self {
        Self::new(LinkId(u64::MAX), day)
    }

    /// The one behind it.
    pub(super) fn next(self) -> Self {
        Self(self.0 + 1)
    }

    pub(super) fn link(self) -> LinkId {
        LinkId((self.0 % LINKS).unsigned_abs())
    }

    /// `None` when it was made by hand and is none.
    pub(super) fn of_number(key: i64) -> Option<Self> {
        (key >= 0).then_some(Self(key))
    }

    /// `None` when the key was made by hand and names no day.
    pub(super) fn day(self) -> Option<Date> {
        let date = self.0 / LINKS;
        let (year, month, day) = (date / 10_000, date / 100 % 100, date % 100);
        Date::new(year.try_into().ok()?, month.try_into().ok()?, day.try_into().ok()?).ok()
    }
}

/// Neighbouring links on one day: what is added to them is written together and merged together. Its rows in the table
/// of additions have the keys of its links, one after another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bucket {
    day: Date,
    first: LinkId,
}

impl Bucket {
    const LINKS: u64 = 1024;

    pub(super) fn of(link: LinkId, day: Date) -> Self {
        Self { day, first: LinkId(link.0 - link.0 % Self::LINKS) }
    }

    /// The one whose row it is; `None` when the key was made by hand and names no day.
    pub(super) fn of_row(key: LinkDay) -> Option<Self> {
        Some(Self::of(key.link(), key.day()?))
    }

    pub(super) fn day(self) -> Date {
        self.day
    }

    pub(super) fn first(self) -> LinkId {
        self.first
    }

    /// How many rows it may have: not as many as the next bucket, so that not all are merged in one round.
    pub(super) fn rows_max(self) -> u64 {
        const ROWS: u64 = 16;
        ROWS + self.first.0 / Self::LINKS % ROWS
    }

    pub(super) fn first_key(self) -> LinkDay {
        LinkDay::new(self.first, self.day)
    }

    pub(super) fn last_key(self) -> LinkDay {
        LinkDay::new(LinkId(self.first.0 + (Self::LINKS - 1)), self.day)
    }

    /// The key of the row behind `last`, if there is room for one.
    pub(super) fn next_key(self, last: Option<LinkDay>) -> Option<LinkDay> {
        Some(last.map_or(self.first_key(), LinkDay::next)).filter(|key| *key <= self.last_key())
    }
}

impl ToSql for LinkDay {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.0.into())
    }
}

impl FromSql for LinkDay {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let key = value.as_i64()?;
        Self::of_number(key).ok_or(FromSqlError::OutOfRange(key))
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn a_key_names_its_link_and_day_and_can_be_read_by_eye() {
        let key = LinkDay::new(LinkId(3), date(2026, 11, 21));
        assert_eq!(key, LinkDay(2_026_112_100_000_000_003));
        assert_eq!((key.link(), key.day()), (LinkId(3), Some(date(2026, 11, 21))));
        assert_eq!(LinkDay(3).day(), None);
    }

    #[test]
    fn every_bucket_has_the_keys_of_its_links_and_no_other() {
        let day = date(2026, 11, 21);
        for (link, first, last) in
            [(0, 0, 1_023), (1_024, 1_024, 2_047), (99_999_999_999, 99_999_998_976, 99_999_999_999)]
        {
            let bucket = Bucket::of(LinkId(link), day);
            assert_eq!(
                (bucket.first_key(), bucket.last_key()),
                (LinkDay::new(LinkId(first), day), LinkDay::new(LinkId(last), day))
            );
            assert_eq!([Bucket::of_row(bucket.first_key()), Bucket::of_row(bucket.last_key())], [Some(bucket); 2]);
            assert!(bucket.rows_max() < Bucket::LINKS);
            assert_eq!(bucket.next_key(None), Some(bucket.first_key()));
            assert_eq!(bucket.next_key(Some(bucket.last_key())), None);
        }
        assert_eq!(Bucket::of_row(LinkDay(3)), None);
    }

    #[test]
    fn keys_sort_by_day_then_link_up_to_the_ends_of_time() {
        let days = [Date::MIN, date(2026, 11, 30), date(2026, 12, 1), date(9222, 12, 31)];
        let keys: Vec<_> = days.iter().flat_map(|day| [LinkDay::first_of(*day), LinkDay::last_of(*day)]).collect();
        assert!(keys.is_sorted_by(|a, b| a < b));
        assert_eq!(LinkDay::last_of(Date::MAX), *keys.last().unwrap());
    }
}
