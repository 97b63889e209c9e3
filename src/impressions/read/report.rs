//! What a person is told about a table: sums to compare with the platform's own, columns used and ignored.
//!
//! Pure. It must never add up what does not add up.

use std::collections::{BTreeMap, BTreeSet};

use super::bind::Bound;
use crate::domain::metric::Metric;
use crate::impressions::dialects::Role;
use crate::impressions::reading::{Grain, Reading, Sum, UsedColumn};

/// The sum of each metric and grain.
pub(super) fn sums(readings: &[Reading]) -> Vec<Sum> {
    let mut found: BTreeMap<(&str, &str), (Metric, u64, u64)> = BTreeMap::new();
    for reading in readings {
        let key = (reading.metric.as_str(), grain(reading));
        let (_, numbers, sum) = found.entry(key).or_insert((reading.metric, 0, 0));
        *numbers += 1;
        *sum = sum.saturating_add(reading.value);
    }
    let sum = |((metric, grain), (of, numbers, sum)): ((&str, &str), (Metric, u64, u64))| Sum {
        metric: metric.to_owned(),
        grain: grain.to_owned(),
        numbers,
        sum: of.is_additive().then_some(sum),
    };
    found.into_iter().map(sum).collect()
}

fn grain(reading: &Reading) -> &'static str {
    match reading.grain {
        Grain::Lifetime => "lifetime",
        Grain::Day(_) => "day",
        Grain::Period(..) => "period",
    }
}

pub(super) fn grains(readings: &[Reading]) -> Vec<String> {
    readings.iter().map(grain).collect::<BTreeSet<_>>().into_iter().map(str::to_owned).collect()
}

/// The columns that are read, with how often they say something.
pub(super) fn used(bound: &Bound, filled: &[u64], rows: u64) -> Vec<UsedColumn> {
    let mut columns: Vec<(usize, Role)> = bound.columns().collect();
    columns.sort_by_key(|(at, _)| *at);
    let used = |(at, role): (usize, Role)| {
        let filled = filled.get(at).copied().unwrap_or(0);
        UsedColumn { header: bound.headers[at].clone(), role: role.word(), filled, blank: rows.saturating_sub(filled) }
    };
    columns.into_iter().map(used).collect()
}

/// The headers of the others; a header that stands in the file twice says which of them.
pub(super) fn ignored(bound: &Bound) -> Vec<String> {
    let used: BTreeSet<usize> = bound.columns().map(|(at, _)| at).collect();
    let mut seen: BTreeMap<&str, u32> = BTreeMap::new();
    let mut ignored = Vec::new();
    for (at, header) in bound.headers.iter().enumerate() {
        let times = seen.entry(header).or_insert(0);
        *times += 1;
        if used.contains(&at) || header.is_empty() {
            continue;
        }
        ignored.push(if *times > 1 { format!("{header} ({times})") } else { header.clone() });
    }
    ignored
}
