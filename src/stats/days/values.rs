//! What all links together counted on one day, by dimension and value: packed, so that all days of a year stay in memory.

use hashbrown::HashMap;
use jiff::Timestamp;

use super::links::DayLinks;
use super::pack::{Reader, put, put_text};
use crate::domain::counter::{DayCounters, Dimension};
use crate::domain::verdict::Verdict;
use crate::stats::series::hour_value;

/// By dimension, in the order of [`Dimension::ALL`].
type Sums<'a> = [HashMap<&'a str, u64>; Dimension::ALL.len()];

fn add<'a>(sums: &mut Sums<'a>, dimension: Dimension, value: &'a str, count: u64) {
    let sum = sums[dimension as usize].entry(value).or_insert(0);
    *sum = sum.saturating_add(count);
}

/// The human clicks of all links by the hour.
fn hours_of(links: &DayLinks) -> Vec<(String, u64)> {
    let mut hours: HashMap<Timestamp, u64> = HashMap::new();
    for (hour, count) in links.iter().flat_map(|day| day.hours()) {
        let sum = hours.entry(hour).or_insert(0);
        *sum = sum.saturating_add(count);
    }
    hours.into_iter().map(|(hour, count)| (hour_value(hour), count)).collect()
}

/// The counts of one day by value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct DayValues {
    /// Value and count, one after the other; a dimension's begin where the one before ends.
    bytes: Vec<u8>,
    /// Where the values of each dimension end, in the order of [`Dimension::ALL`].
    ends: [u32; Dimension::ALL.len()],
}

impl DayValues {
    pub(super) fn of(counters: &[DayCounters]) -> Self {
        let mut sums = Sums::default();
        for (dimension, value, count) in counters.iter().flat_map(|link| link.counters.iter()) {
            add(&mut sums, dimension, value, count);
        }
        Self::packed(sums)
    }

    /// As far as days of links tell: of [`LinkDay::COUNTERS`](super::LinkDay::COUNTERS).
    pub(super) fn of_links(links: &DayLinks) -> Self {
        let hours = hours_of(links);
        let mut sums = Sums::default();
        hours.iter().for_each(|(hour, count)| add(&mut sums, Dimension::Hour, hour, *count));
        for day in links.iter() {
            for (verdict, count) in Verdict::ALL.iter().zip(day.verdicts).filter(|(_, count)| *count > 0) {
                add(&mut sums, Dimension::Verdict, verdict.as_str(), count);
            }
            day.seen_on().for_each(|(name, count)| add(&mut sums, Dimension::SeenOn, name, count));
            day.source().for_each(|(name, count)| add(&mut sums, Dimension::Source, name, count));
        }
        Self::packed(sums)
    }

    fn packed(sums: Sums<'_>) -> Self {
        let mut values = Self::default();
        for (end, sums) in values.ends.iter_mut().zip(sums) {
            let mut sorted: Vec<_> = sums.into_iter().collect();
            sorted.sort_unstable();
            for (value, count) in sorted {
                put_text(&mut values.bytes, value);
                put(&mut values.bytes, count);
            }
            *end = u32::try_from(values.bytes.len()).unwrap_or(u32::MAX);
        }
        values
    }

    /// In the order of the values' bytes.
    pub(super) fn iter(&self, dimension: Dimension) -> impl Iterator<Item = (&str, u64)> {
        let mut reader = Reader(self.section(dimension as usize).unwrap_or_default());
        std::iter::from_fn(move || Some((reader.text()?, reader.number()?)))
    }

    fn section(&self, dimension: usize) -> Option<&[u8]> {
        let begin = if dimension == 0 { 0 } else { *self.ends.get(dimension - 1)? };
        self.bytes.get(begin as usize..*self.ends.get(dimension)? as usize)
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        for dimension in 0..self.ends.len() {
            let section = self.section(dimension).unwrap_or_default();
            put(out, section.len() as u64);
            out.extend_from_slice(section);
        }
    }

    /// `None` when the bytes are none of ours.
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let mut values = Self::default();
        for end in &mut values.ends {
            let length = usize::try_from(reader.number()?).ok()?;
            let section = reader.take(length)?;
            let mut rest = Reader(section);
            while !rest.is_empty() {
                rest.text()?;
                rest.number()?;
            }
            values.bytes.extend_from_slice(section);
            *end = u32::try_from(values.bytes.len()).ok()?;
        }
        Some(values)
    }

    pub(super) fn bytes_held(&self) -> usize {
        size_of::<Self>() + self.bytes.len()
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::domain::counter::Counters;
    use crate::domain::link::LinkId;

    fn counted(values: &[(Dimension, &str, u64)]) -> DayCounters {
        let mut counters = Counters::new();
        values.iter().for_each(|(dimension, value, count)| counters.add(*dimension, value, *count));
        DayCounters { link: LinkId(1), day: date(2026, 11, 21), counters, visitors: 0 }
    }

    fn values() -> DayValues {
        DayValues::of(&[
            counted(&[(Dimension::Country, "SE", 3), (Dimension::Unfilled, "utm_term", 1)]),
            counted(&[
                (Dimension::Country, "SE", 4),
                (Dimension::Country, "DE", u64::MAX),
                (Dimension::Verdict, "human", 1),
            ]),
            counted(&[(Dimension::Country, "DE", 9)]),
        ])
    }

    #[test]
    fn the_counts_of_all_links_are_added_up_by_value() {
        let of =
            |dimension| values().iter(dimension).map(|(value, count)| (value.to_owned(), count)).collect::<Vec<_>>();
        assert_eq!(of(Dimension::Country), [("DE".to_owned(), u64::MAX), ("SE".to_owned(), 7)]);
        assert_eq!((of(Dimension::Verdict).len(), of(Dimension::City).len(), of(Dimension::Unfilled).len()), (1, 0, 1));
    }

    #[test]
    fn the_sums_of_some_links_are_those_of_their_counters() {
        let mut counters = Counters::new();
        for (dimension, value, count) in [
            (Dimension::Verdict, "human", 4),
            (Dimension::Verdict, "bot", 1),
            (Dimension::Source, "x", 4),
            (Dimension::SeenOn, "(unknown)", 3),
            (Dimension::SeenOn, "x", 1),
            (Dimension::Hour, "2026-11-21T13:00Z", 4),
        ] {
            counters.add(dimension, value, count);
        }
        let days = [1, 2].map(|link| DayCounters { link: LinkId(link), counters: counters.clone(), ..counted(&[]) });
        assert_eq!(DayValues::of_links(&DayLinks::of(&days)), DayValues::of(&days));
    }

    #[test]
    fn what_was_written_is_read_and_cut_or_changed_bytes_are_refused_or_harmless() {
        let mut bytes = Vec::new();
        values().write(&mut bytes);
        assert_eq!(DayValues::read(&mut Reader(&bytes)).unwrap(), values());
        for end in 0..bytes.len() {
            assert!(DayValues::read(&mut Reader(&bytes[..end])).is_none(), "{end}");
        }
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 0x55;
            if let Some(values) = DayValues::read(&mut Reader(&changed)) {
                Dimension::ALL.iter().for_each(|dimension| values.iter(*dimension).for_each(drop));
            }
        }
    }
}
