//! Clicks by value: the counts of one dimension over many days and links, largest first.
//!
//! Pure. It must never lose a count: what is not listed under its own value is in `(other)` or `(unknown)`.

use std::collections::HashMap;
use std::sync::Arc;

use crate::domain::counter::{Count, Dimension, OTHER, UNKNOWN};
use crate::stats::days::DaySum;

/// The most values an answer lists; the smallest are added to `(other)`.
pub(crate) const VALUES_LISTED_MAX: usize = 1000;

/// What `dimension` was, and how often: largest first, equal ones by name, `(other)` and then `(unknown)` last.
///
/// `total` is what the counts should add up to; what is missing had no value and is `(unknown)`.
pub(crate) fn by_value(dimension: Dimension, counters: &[Arc<DaySum>], total: Option<u64>) -> Vec<(String, u64)> {
    let mut sums: HashMap<&str, u64> = HashMap::new();
    for (value, count) in counters.iter().flat_map(|day| day.values(dimension)) {
        let sum = sums.entry(if value.is_empty() { UNKNOWN } else { value }).or_insert(0);
        *sum = sum.saturating_add(count);
    }
    let counted = sums.values().fold(0_u64, |sum, count| sum.saturating_add(*count));
    let missing = total.map_or(0, |total| total.saturating_sub(counted));
    let unknown = sums.entry(UNKNOWN).or_insert(0);
    *unknown = unknown.saturating_add(missing);
    let sums = sums.into_iter().map(|(value, clicks)| (value.to_owned(), Count { clicks, hits: 0 }));
    listed(sums.collect(), |count| count.clicks).into_iter().map(|(value, count)| (value, count.clicks)).collect()
}

/// The values with the largest counts, equal ones by name, then [`OTHER`] with what is left over, then [`UNKNOWN`]. What
/// counts nothing is not listed.
pub(crate) fn listed(mut rows: Vec<(String, Count)>, size: impl Fn(&Count) -> u64) -> Vec<(String, Count)> {
    let mut other = take(&mut rows, OTHER);
    let unknown = take(&mut rows, UNKNOWN);
    rows.retain(|(_, count)| size(count) > 0);
    rows.sort_unstable_by(|a, b| size(&b.1).cmp(&size(&a.1)).then_with(|| a.0.cmp(&b.0)));
    let beyond = rows.split_off(rows.len().min(VALUES_LISTED_MAX));
    beyond.into_iter().for_each(|(_, count)| other.add(count));
    let rest = [(OTHER, other), (UNKNOWN, unknown)].into_iter().filter(|(_, count)| size(count) > 0);
    rows.extend(rest.map(|(value, count)| (value.to_owned(), count)));
    rows
}

fn take(rows: &mut Vec<(String, Count)>, value: &str) -> Count {
    let at = rows.iter().position(|(known, _)| known == value);
    at.map_or_else(Count::default, |at| rows.swap_remove(at).1)
}

/// The part of `total` that `count` is, 0 to 1; 0 of nothing is 0.
pub(crate) fn share(count: u64, total: u64) -> f64 {
    if total == 0 { 0.0 } else { count as f64 / total as f64 }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::domain::counter::{Counters, DayCounters};
    use crate::domain::link::LinkId;

    fn counted(values: &[(&str, u64)]) -> DayCounters {
        let mut counters = Counters::new();
        for (value, count) in values {
            counters.add(Dimension::Country, value, *count);
        }
        DayCounters { link: LinkId(1), day: date(2026, 11, 21), counters, visitors: 0 }
    }

    #[test]
    fn the_largest_comes_first_and_other_and_unknown_come_last_however_large() {
        let counters = [counted(&[("SE", 3), (UNKNOWN, 50), ("DE", 1)]), counted(&[(OTHER, 40), ("DE", 5), ("AT", 3)])];
        let rows = by_value(Dimension::Country, &DaySum::of_all(counters.to_vec()), None);
        let values: Vec<_> = rows.iter().map(|(value, count)| (value.as_str(), *count)).collect();
        assert_eq!(values, [("DE", 6), ("AT", 3), ("SE", 3), (OTHER, 40), (UNKNOWN, 50)]);
    }

    #[test]
    fn clicks_without_a_value_are_unknown_so_that_the_sum_is_the_total() {
        let rows = by_value(Dimension::Country, &DaySum::of_all(vec![counted(&[("SE", 3), ("", 1)])]), Some(10));
        assert_eq!(rows, [("SE".to_owned(), 3), (UNKNOWN.to_owned(), 7)]);
    }

    #[test]
    fn values_beyond_the_bound_are_added_to_other() {
        let days: Vec<_> = (0..3)
            .map(|day| {
                let names: Vec<_> = (0..600).map(|n| format!("{day}-{n}")).collect();
                counted(&names.iter().map(|name| (name.as_str(), 1)).collect::<Vec<_>>())
            })
            .collect();
        let rows = by_value(Dimension::Country, &DaySum::of_all(days), None);
        assert_eq!(rows.len(), VALUES_LISTED_MAX + 1);
        assert_eq!(rows.last().unwrap(), &(OTHER.to_owned(), 800));
    }

    #[test]
    fn a_share_of_nothing_is_nothing() {
        assert_eq!(share(0, 0), 0.0);
        assert_eq!(share(6, 10), 0.6);
    }
}
