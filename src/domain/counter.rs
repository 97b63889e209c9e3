//! Counters: what is added up per link and report day, and the caps that keep a stranger from growing them.

use std::collections::BTreeMap;

use compact_str::CompactString;
use jiff::civil::Date;

use super::link::LinkId;
use super::position::{Incarnation, Position, Shard};
use super::visitor::Visitor;

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
}

impl Dimension {
    pub(crate) const ALL: [Self; 13] = [
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
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dimension| dimension.as_str() == text)
    }

    pub(crate) fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|dimension| *dimension as u8 == code)
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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counters {
    values: BTreeMap<(Dimension, CompactString), u64>,
}

impl Counters {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Adds `count` under `value`, or under [`OTHER`] once the dimension is full.
    pub(crate) fn add(&mut self, dimension: Dimension, value: &str, count: u64) {
        let key = (dimension, CompactString::from(value));
        if let Some(sum) = self.values.get_mut(&key) {
            *sum = sum.saturating_add(count);
            return;
        }
        let key =
            if self.distinct(dimension) < VALUES_MAX { key } else { (dimension, CompactString::const_new(OTHER)) };
        let sum = self.values.entry(key).or_insert(0);
        *sum = sum.saturating_add(count);
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        for (dimension, value, count) in other.iter() {
            self.add(dimension, value, count);
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Dimension, &str, u64)> {
        self.values.iter().map(|((dimension, value), count)| (*dimension, value.as_str(), *count))
    }

    pub(crate) fn get(&self, dimension: Dimension, value: &str) -> u64 {
        self.values.get(&(dimension, CompactString::from(value))).copied().unwrap_or(0)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    fn distinct(&self, dimension: Dimension) -> usize {
        let from = (dimension, CompactString::const_new(""));
        self.values.range(from..).take_while(|((of, _), _)| *of == dimension).count()
    }
}

/// What one batch adds to one link and day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Delta {
    pub(crate) link: LinkId,
    /// The day in the report time zone.
    pub(crate) day: Date,
    pub(crate) counters: Counters,
    /// Visitors of human clicks, without repeats.
    pub(crate) visitors: Vec<Visitor>,
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
    pub(crate) deltas: Vec<Delta>,
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
}
