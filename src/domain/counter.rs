//! Counters: what is added up per link and report day, and the caps that keep a stranger from growing them.

use std::ops::Range;

use compact_str::CompactString;
use jiff::civil::Date;

use super::delta::Deltas;
use super::link::LinkId;
use super::position::{Incarnation, Position, Shard};

/// What a counter counts by. `Verdict` and `Reason` count every hit; the others count human clicks only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Dimension {
    Verdict = 0,
    /// `verdict:reason` of everything that is not human.
    Reason = 1,
    Source = 2,
    SeenOn = 3,
    Referrer = 4,
    Country = 5,
    /// `SE/Stockholm County`
    Region = 6,
    /// `SE/Stockholm`
    City = 7,
    Device = 8,
    Os = 9,
    Browser = 10,
    Language = 11,
    /// The instant at which the hour of the report time zone began, `2026-11-21T13:00Z`.
    Hour = 12,
    /// Channel group by the rules of Analytics 4.
    Channel = 13,
    /// A `utm_*` parameter that arrived as a macro which nobody had filled in. Most clicks have none.
    Unfilled = 14,
}

/// Some of the dimensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Dimensions(u16);

const _: () = assert!(Dimension::ALL.len() <= u16::BITS as usize);

impl Dimensions {
    pub(crate) const ALL: Self = Self::of(&Dimension::ALL);

    pub(crate) const fn of(dimensions: &[Dimension]) -> Self {
        let (mut bits, mut at) = (0, 0);
        while at < dimensions.len() {
            bits |= 1 << dimensions[at] as u16;
            at += 1;
        }
        Self(bits)
    }

    pub(crate) fn contains(self, dimension: Dimension) -> bool {
        self.0 & 1 << dimension as u16 != 0
    }

    /// Whether all of `others` are among these.
    pub(crate) fn cover(self, others: Self) -> bool {
        others.0 & !self.0 == 0
    }

    /// These and another one.
    pub(crate) fn and(self, dimension: Dimension) -> Self {
        Self(self.0 | 1 << dimension as u16)
    }
}

impl Dimension {
    pub(crate) const ALL: [Self; 15] = [
        Self::Verdict,
        Self::Reason,
        Self::Source,
        Self::SeenOn,
        Self::Referrer,
        Self::Country,
        Self::Region,
        Self::City,
        Self::Device,
        Self::Os,
        Self::Browser,
        Self::Language,
        Self::Hour,
        Self::Channel,
        Self::Unfilled,
    ];

    /// The word for it in API, CLI and pages.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Verdict => "verdict",
            Self::Reason => "reason",
            Self::Source => "source",
            Self::SeenOn => "seen_on",
            Self::Referrer => "referrer",
            Self::Country => "country",
            Self::Region => "region",
            Self::City => "city",
            Self::Device => "device",
            Self::Os => "os",
            Self::Browser => "browser",
            Self::Language => "language",
            Self::Hour => "hour",
            Self::Channel => "channel",
            Self::Unfilled => "unfilled",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dimension| dimension.as_str() == text)
    }

    pub(crate) fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }
}

/// The most different values one dimension of one link and day keeps; the rest is added to [`OTHER`].
pub(crate) const VALUES_MAX: usize = 1000;

/// Where the counts go that found no room under their own value. Sums stay exact.
pub(crate) const OTHER: &str = "(other)";

/// The word for a value that nobody knows, such as the country of a private address.
pub(crate) const UNKNOWN: &str = "(unknown)";

/// The longest value, in bytes.
pub(crate) const VALUE_BYTES_MAX: usize = 128;

/// Counters of one link and day: dimension and value to count.
///
/// One sorted list instead of a tree: most link-days hold a dozen values, and a merge walks both lists once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counters {
    /// By dimension, then by value.
    entries: Vec<(CompactString, u64)>,
    /// Where each dimension's entries end.
    ends: [u16; Dimension::ALL.len()],
}

// Offsets into a list that is full in every dimension fit their type.
const _: () = assert!(Dimension::ALL.len() * (VALUES_MAX + 1) <= u16::MAX as usize);

impl Counters {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Counters of different `(dimension, value)` pairs in the order of [`Self::iter`]; values are at most
    /// [`VALUE_BYTES_MAX`] long.
    pub(crate) fn in_order(counts: impl ExactSizeIterator<Item = (Dimension, CompactString, u64)>) -> Self {
        let mut counters = Self::new();
        counters.entries.reserve_exact(counts.len());
        for (dimension, value, count) in counts {
            if counters.range(dimension).len() < VALUES_MAX {
                counters.entries.push((value, count));
                counters.ends[dimension as usize..].iter_mut().for_each(|end| *end += 1);
            } else {
                counters.add(dimension, &value, count);
            }
        }
        counters
    }

    /// Adds `count` under `value`, or under [`OTHER`] once the dimension is full. A value is cut to
    /// [`VALUE_BYTES_MAX`].
    pub(crate) fn add(&mut self, dimension: Dimension, value: &str, count: u64) {
        let value = &value[..value.floor_char_boundary(VALUE_BYTES_MAX)];
        match self.find(dimension, value) {
            Ok(at) => self.raise(at, count),
            Err(at) if value == OTHER || !self.is_full(dimension) => self.insert(dimension, at, value, count),
            Err(_) => match self.find(dimension, OTHER) {
                Ok(at) => self.raise(at, count),
                Err(at) => self.insert(dimension, at, OTHER, count),
            },
        }
    }

    /// The same as [`Self::add`], and faster for values that come in the order of [`Self::iter`].
    pub(crate) fn push(&mut self, dimension: Dimension, value: &str, count: u64) {
        let range = self.range(dimension);
        let is_last = range.end == self.entries.len()
            && self.entries[range.clone()].last().is_none_or(|(last, _)| last.as_str() < value);
        if is_last && range.len() < VALUES_MAX && value.len() <= VALUE_BYTES_MAX {
            self.insert(dimension, range.end, value, count);
        } else {
            self.add(dimension, value, count);
        }
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        for (dimension, value, count) in other.iter() {
            self.add(dimension, value, count);
        }
    }

    /// Ordered by dimension, then by the bytes of the value.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Dimension, &str, u64)> {
        let mut dimensions = Dimension::ALL.into_iter().zip(self.ends);
        let mut current = dimensions.next();
        self.entries.iter().enumerate().map_while(move |(at, (value, count))| {
            while current.is_some_and(|(_, end)| usize::from(end) <= at) {
                current = dimensions.next();
            }
            current.map(|(dimension, _)| (dimension, value.as_str(), *count))
        })
    }

    pub(crate) fn get(&self, dimension: Dimension, value: &str) -> u64 {
        self.find(dimension, value).map_or(0, |at| self.entries[at].1)
    }

    /// Hits of every verdict.
    pub(crate) fn hits(&self) -> u64 {
        let verdicts = &self.entries[self.range(Dimension::Verdict)];
        verdicts.iter().fold(0, |sum, (_, count)| sum.saturating_add(*count))
    }

    fn range(&self, dimension: Dimension) -> Range<usize> {
        let index = dimension as usize;
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        usize::from(start)..usize::from(self.ends[index])
    }

    /// Where `value` stands, or where it would.
    fn find(&self, dimension: Dimension, value: &str) -> Result<usize, usize> {
        let range = self.range(dimension);
        let start = range.start;
        let found = self.entries[range].binary_search_by(|(other, _)| other.as_str().cmp(value));
        found.map(|at| start + at).map_err(|at| start + at)
    }

    /// [`OTHER`] takes no room from the named values, so that the order of additions does not matter to it.
    fn is_full(&self, dimension: Dimension) -> bool {
        let values = self.range(dimension).len();
        values >= VALUES_MAX && values - usize::from(self.find(dimension, OTHER).is_ok()) >= VALUES_MAX
    }

    fn raise(&mut self, at: usize, count: u64) {
        let sum = &mut self.entries[at].1;
        *sum = sum.saturating_add(count);
    }

    fn insert(&mut self, dimension: Dimension, at: usize, value: &str, count: u64) {
        if self.entries.is_empty() {
            // A click that is a person's counts in every dimension, so the first entry rarely stays alone.
            self.entries.reserve(Dimension::ALL.len());
        }
        self.entries.insert(at, (CompactString::from(value), count));
        self.ends[dimension as usize..].iter_mut().for_each(|end| *end += 1);
    }
}

/// Clicks and hits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    /// Human clicks.
    pub(crate) clicks: u64,
    /// Hits of every verdict.
    pub(crate) hits: u64,
}

impl Count {
    pub(crate) fn add(&mut self, other: Self) {
        self.clicks = self.clicks.saturating_add(other.clicks);
        self.hits = self.hits.saturating_add(other.hits);
    }
}

/// A range of one journal, ready to be counted in one atomic step.
///
/// `from` must equal the store's watermark or nothing is applied: "newer than the watermark" lost 26,353 of
/// 200,000 batches in one failover (ADR 001).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Batch {
    pub(crate) incarnation: Incarnation,
    pub(crate) shard: Shard,
    pub(crate) from: Position,
    pub(crate) to: Position,
    pub(crate) deltas: Deltas,
}

/// How the store took a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Applied {
    /// Counted; the watermark is now the batch's `to`.
    Yes,
    /// Not counted, because the store stands at this position; go on from here.
    No { watermark: Position },
}

/// The counters of one link and day, as read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DayCounters {
    pub(crate) link: LinkId,
    pub(crate) day: Date,
    pub(crate) counters: Counters,
    /// Different visitors of human clicks; exact up to 1,024, within 1 % beyond.
    pub(crate) visitors: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_dimension_sends_the_rest_to_other_and_the_sum_stays_exact() {
        let mut counters = Counters::new();
        for n in 0..VALUES_MAX as u64 + 500 {
            counters.add(Dimension::City, &format!("city {n}"), 2);
        }
        counters.add(Dimension::City, "city 0", 1);
        assert_eq!(counters.get(Dimension::City, OTHER), 1000);
        assert_eq!(counters.get(Dimension::City, "city 0"), 3);
        let sum: u64 = counters.iter().map(|(_, _, count)| count).sum();
        assert_eq!(sum, 2 * (VALUES_MAX as u64 + 500) + 1);
    }

    #[test]
    fn counters_made_at_once_are_those_made_one_by_one() {
        let mut counts = vec![(Dimension::Verdict, CompactString::const_new("human"), 3)];
        counts.extend((0..VALUES_MAX + 7).map(|n| (Dimension::City, CompactString::from(format!("city {n:05}")), 1)));
        counts.push((Dimension::Hour, CompactString::const_new("2026-11-21T13:00Z"), 3));
        let mut one_by_one = Counters::new();
        counts.iter().for_each(|(dimension, value, count)| one_by_one.add(*dimension, value, *count));
        assert_eq!(Counters::in_order(counts.into_iter()), one_by_one);
    }

    #[test]
    fn other_takes_no_room_from_the_named_values() {
        let mut counters = Counters::new();
        counters.add(Dimension::City, OTHER, 1);
        for n in 0..VALUES_MAX {
            counters.add(Dimension::City, &format!("city {n}"), 1);
        }
        assert_eq!(counters.get(Dimension::City, OTHER), 1);
        counters.add(Dimension::City, "one city more", 1);
        assert_eq!(counters.get(Dimension::City, OTHER), 2);
    }

    #[test]
    fn values_are_listed_by_dimension_then_value_whatever_the_order_they_came_in() {
        let mut counters = Counters::new();
        for (dimension, value) in
            [(Dimension::Hour, "b"), (Dimension::Verdict, "human"), (Dimension::Hour, "a"), (Dimension::Os, "ios")]
        {
            counters.add(dimension, value, 1);
        }
        let listed: Vec<_> = counters.iter().map(|(dimension, value, _)| (dimension, value)).collect();
        let expected =
            [(Dimension::Verdict, "human"), (Dimension::Os, "ios"), (Dimension::Hour, "a"), (Dimension::Hour, "b")];
        assert_eq!(listed, expected);
    }

    #[test]
    fn a_value_that_is_too_long_is_cut_between_characters() {
        let mut counters = Counters::new();
        counters.add(Dimension::City, &"å".repeat(VALUE_BYTES_MAX), 1);
        assert_eq!(counters.get(Dimension::City, &"å".repeat(VALUE_BYTES_MAX / 2)), 1);
    }

    #[test]
    fn every_dimension_has_its_code() {
        for dimension in Dimension::ALL {
            assert_eq!(Dimension::from_code(dimension as u8), Some(dimension));
        }
        assert_eq!(Dimension::from_code(15), None);
    }
}
