//! What platforms said, in the shape that a click-through rate is computed from: posts, and the numbers in force.
//!
//! Pure. It must never hold a number that was not read: a blank is no number, and 0 is one.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

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
    /// The last instant at which it may have been, if only the day is known.
    pub(crate) published_by: Option<Timestamp>,
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
    /// What of `whole` no file says, and was added up from slices.
    pub(crate) added_up: Option<AddedUp>,
    /// About parts of it, such as an age or a country.
    pub(crate) slices: Vec<(Slice, Numbers)>,
}

/// Numbers of the whole audience that only their slices tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AddedUp {
    /// The slices' names, such as `age, gender`.
    pub(crate) by: String,
    /// Whether no file says anything of the whole.
    pub(crate) all: bool,
}

/// Slices of it that are no parts: one impression may count in several, as every asset of an ad does.
const NO_PARTS: [&str; 1] = ["asset"];

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

    /// The slices of one way to cut a post up: of several files (by age, by country) each counts everything once, so
    /// only one may be added up; the one with the fewest parts that tells `name` apart.
    pub(crate) fn one_cut(&self, name: Option<&str>) -> Vec<(&Slice, &Numbers)> {
        fn keys(slice: &Slice) -> Vec<&String> {
            slice.keys().collect()
        }
        let tells = |slice: &&(Slice, Numbers)| name.is_none_or(|name| slice.0.contains_key(name));
        let cuts = self.slices.iter().filter(tells).map(|(slice, _)| keys(slice));
        let cut = cuts.min_by_key(|keys| (keys.len(), keys.clone()));
        let of_cut = self.slices.iter().filter(|(slice, _)| Some(keys(slice)) == cut);
        of_cut.map(|(slice, numbers)| (slice, numbers)).collect()
    }

    /// Adds slices up where nothing is said of the whole, as far as they can be added: ads are often exported with a
    /// breakdown only.
    pub(crate) fn add_up(&mut self) {
        let all = self.whole.is_empty();
        let mut sums = Numbers::new();
        let cut = self.one_cut(None);
        let by = cut.first().map(|(slice, _)| slice.keys().cloned().collect::<Vec<_>>()).unwrap_or_default();
        if NO_PARTS.iter().any(|name| by.iter().any(|key| key == name)) {
            return;
        }
        for (metric, series) in cut.into_iter().flat_map(|(_, numbers)| numbers) {
            if metric.is_additive() {
                sums.entry(*metric).or_default().add(series);
            }
        }
        let mut filled = false;
        for (metric, sum) in sums {
            filled |= self.whole.entry(metric).or_default().fill(sum);
        }
        self.added_up = filled.then(|| AddedUp { by: by.join(", "), all });
    }
}

impl Series {
    /// What two parts count together. Where they hold until different instants, the earlier one is sure.
    fn add(&mut self, part: &Self) {
        for snapshot in &part.lifetime {
            match self.lifetime.iter_mut().find(|known| known.as_of == snapshot.as_of) {
                Some(known) => known.value = known.value.saturating_add(snapshot.value),
                None => self.lifetime.push(*snapshot),
            }
        }
        self.lifetime.sort_unstable_by_key(|snapshot| snapshot.as_of);
        for (day, number) in &part.days {
            self.days.entry(*day).and_modify(|sum| sum.add(number)).or_insert(*number);
        }
        for (period, number) in &part.periods {
            self.periods.entry(*period).and_modify(|sum| sum.add(number)).or_insert(*number);
        }
    }

    /// Takes days, and spans of the other kinds where there are none, from `sum`; whether it took any.
    fn fill(&mut self, sum: Self) -> bool {
        let mut filled = false;
        for (day, number) in sum.days {
            if let Entry::Vacant(free) = self.days.entry(day) {
                free.insert(number);
                filled = true;
            }
        }
        if self.lifetime.is_empty() && !sum.lifetime.is_empty() {
            (self.lifetime, filled) = (sum.lifetime, true);
        }
        if self.periods.is_empty() && !sum.periods.is_empty() {
            (self.periods, filled) = (sum.periods, true);
        }
        filled
    }
}

impl Number {
    fn add(&mut self, part: &Self) {
        self.value = self.value.saturating_add(part.value);
        self.as_of = self.as_of.min(part.as_of);
    }
}
