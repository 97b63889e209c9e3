//! What platforms said, in the shape that a click-through rate is computed from: posts, and the numbers in force.
//!
//! Pure. It must never hold a number that was not read: a blank is no number, and 0 is one.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;

use crate::domain::link::LinkId;
use crate::domain::metric::Metric;
use crate::domain::placement::Level;
use crate::impressions::reading::Slice;

/// A post, an account or an ad, as imports and links know it.
#[derive(Clone, Debug, Default)]
pub(crate) struct PostEntry {
    /// The one form of its name (`domain::permalink`).
    pub(crate) name: String,
    /// The beginning of its text, for people.
    pub(crate) text: String,
    /// Empty when nobody said.
    pub(crate) platform: String,
    /// Of its file; `None` for a post that is known from links alone.
    pub(crate) level: Option<Level>,
    pub(crate) account: Option<String>,
    pub(crate) format: Option<String>,
    /// When it was published, if the hour is known.
    pub(crate) published: Option<Timestamp>,
    /// Of ads.
    pub(crate) campaign: Option<String>,
    pub(crate) ad_set: Option<String>,
    pub(crate) ad: Option<String>,
    /// The one link that its numbers are about, when it is no post but stands for a link.
    pub(crate) about_link: Option<LinkId>,
    /// Of what was spent, where that is one currency.
    pub(crate) currency: Option<String>,
    /// About the whole audience.
    pub(crate) whole: Numbers,
    /// About parts of it, such as an age or a country.
    pub(crate) slices: Vec<(Slice, Numbers)>,
}

/// The numbers of one post, by what they count.
pub(crate) type Numbers = BTreeMap<Metric, Series>;

/// What was read of one metric. The three grains are about different spans and are never added to each other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Series {
    /// From publication until each was read, oldest first; the last one is in force, the others are its history.
    pub(crate) lifetime: Vec<Snapshot>,
    /// Of single days.
    pub(crate) days: BTreeMap<Date, Number>,
    /// Of longer spans, first and last day included; they do not overlap.
    pub(crate) periods: BTreeMap<(Date, Date), Number>,
}

/// A lifetime number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Snapshot {
    pub(crate) value: u64,
    pub(crate) as_of: Timestamp,
}

/// A number of a day or a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Number {
    pub(crate) value: u64,
    pub(crate) as_of: Timestamp,
    /// The instants at which its first day begins and its last one ends, in the file's time zone.
    pub(crate) start: Timestamp,
    pub(crate) end: Timestamp,
}

impl PostEntry {
    /// A post that only links speak of.
    pub(crate) fn named(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }
}
