//! What counting adds to counters, by link and day.

use std::sync::Arc;

use compact_str::CompactString;
use hashbrown::HashMap;
use jiff::civil::Date;

use super::counter::{Counters, Dimension};
use super::link::LinkId;
use super::visitor::Visitor;

/// What is added to one link and day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Delta {
    pub(crate) link: LinkId,
    /// The day in the report time zone.
    pub(crate) day: Date,
    pub(crate) counters: Counters,
    /// Visitors of human clicks, without repeats.
    pub(crate) visitors: Vec<Visitor>,
}

/// A value of a dimension.
pub(crate) type Value = (Dimension, CompactString);

/// Many deltas. Most have the same few dozen values, which stand here once: a delta is a list of their numbers, and
/// a store looks at each text once and not once for each link.
#[derive(Clone, Debug, Default)]
pub(crate) struct Deltas {
    values: Arc<[Value]>,
    places: Vec<Place>,
    /// Of one delta behind the other: a value's number and its count.
    counts: Vec<(u32, u64)>,
    visitors: Vec<Visitor>,
}

/// Where a delta ends in the lists.
#[derive(Clone, Copy, Debug)]
struct Place {
    link: LinkId,
    day: Date,
    counts: usize,
    visitors: usize,
}

/// One of many.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DeltaOf<'d> {
    pub(crate) link: LinkId,
    pub(crate) day: Date,
    /// The number of a value among [`Deltas::values`], and its count: in the order of [`Counters::iter`], each value once,
    /// with the caps of [`Counters`].
    pub(crate) counts: &'d [(u32, u64)],
    /// Without repeats.
    pub(crate) visitors: &'d [Visitor],
    values: &'d [Value],
}

impl Deltas {
    /// For some `links` and days, to which as many `clicks` add.
    pub(crate) fn with_room(values: Arc<[Value]>, links: usize, clicks: usize) -> Self {
        /// What clicks of one link and day mostly have: one of each dimension, and more of some.
        const VALUES_OF_A_LINK: usize = Dimension::ALL.len() + 4;
        let (counts, visitors) = (Vec::with_capacity(links * VALUES_OF_A_LINK), Vec::with_capacity(clicks));
        Self { values, places: Vec::with_capacity(links), counts, visitors }
    }

    /// As [`DeltaOf`] has them.
    pub(crate) fn push(
        &mut self,
        link: LinkId,
        day: Date,
        counts: impl IntoIterator<Item = (u32, u64)>,
        visitors: &[Visitor],
    ) {
        self.counts.extend(counts);
        self.visitors.extend_from_slice(visitors);
        self.places.push(Place { link, day, counts: self.counts.len(), visitors: self.visitors.len() });
    }

    /// The values that deltas give the numbers of.
    pub(crate) fn values(&self) -> &[Value] {
        &self.values
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    /// How many counts they have together.
    pub(crate) fn counts_len(&self) -> usize {
        self.counts.len()
    }

    /// The one that was pushed as this, from 0; it must be there.
    pub(crate) fn at(&self, at: usize) -> DeltaOf<'_> {
        let Place { link, day, counts, visitors } = self.places[at];
        let before = at.checked_sub(1).map(|before| self.places[before]);
        let (first_count, first_visitor) = before.map_or((0, 0), |before| (before.counts, before.visitors));
        DeltaOf {
            link,
            day,
            counts: &self.counts[first_count..counts],
            visitors: &self.visitors[first_visitor..visitors],
            values: &self.values,
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = DeltaOf<'_>> {
        (0..self.len()).map(|at| self.at(at))
    }
}

impl<'d> DeltaOf<'d> {
    /// As [`Counters::iter`].
    pub(crate) fn named(self) -> impl ExactSizeIterator<Item = (Dimension, &'d str, u64)> {
        self.counts.iter().map(move |(number, count)| {
            let (dimension, value) = &self.values[*number as usize];
            (*dimension, value.as_str(), *count)
        })
    }

    pub(crate) fn to_owned(self) -> Delta {
        let mut counters = Counters::new();
        self.named().for_each(|(dimension, value, count)| counters.push(dimension, value, count));
        Delta { link: self.link, day: self.day, counters, visitors: self.visitors.to_vec() }
    }
}

impl<'a> FromIterator<&'a Delta> for Deltas {
    fn from_iter<T: IntoIterator<Item = &'a Delta>>(deltas: T) -> Self {
        let (mut all, mut values, mut numbers) = (Self::default(), Vec::new(), HashMap::new());
        for delta in deltas {
            let counts = delta.counters.iter().map(|(dimension, value, count)| {
                let number = *numbers.entry((dimension, value)).or_insert_with(|| {
                    values.push((dimension, CompactString::from(value)));
                    u32::try_from(values.len() - 1).expect("deltas in memory have fewer values than a u32 counts")
                });
                (number, count)
            });
            all.push(delta.link, delta.day, counts, &delta.visitors);
        }
        Self { values: values.into(), ..all }
    }
}

impl From<Vec<Delta>> for Deltas {
    fn from(deltas: Vec<Delta>) -> Self {
        deltas.iter().collect()
    }
}

/// Whatever numbers the values have.
impl PartialEq for Deltas {
    fn eq(&self, other: &Self) -> bool {
        self.iter().map(DeltaOf::to_owned).eq(other.iter().map(DeltaOf::to_owned))
    }
}

impl Eq for Deltas {}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn deltas_come_back_as_they_were() {
        let mut counters = Counters::new();
        let all: Vec<Delta> = (1..4)
            .map(|link| {
                counters.add(Dimension::Verdict, "human", link);
                counters.add(Dimension::Country, ["SE", "NO"][link as usize % 2], 1);
                let visitors = (0..link).map(Visitor).collect();
                Delta { link: LinkId(link), day: date(2026, 11, 21), counters: counters.clone(), visitors }
            })
            .collect();
        let deltas: Deltas = all.iter().collect();
        assert_eq!(deltas.iter().map(DeltaOf::to_owned).collect::<Vec<_>>(), all);
        assert_eq!(deltas.values().len(), 3);
        assert!(deltas == all.into() && deltas != Deltas::default());
    }
}
