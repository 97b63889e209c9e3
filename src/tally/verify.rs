//! Proof that what is kept in several places agrees: the counters of the store with the clicks of the click files, and
//! the watermarks with the journals.
//!
//! Runs on the tally's own thread, between two rounds, so that nothing is counted meanwhile. It changes nothing.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::counter::{Counters, DayCounters, Delta, Dimension, OTHER};
use crate::domain::link::LinkId;
use crate::domain::uniques::Uniques;

/// One number that is not the same in the store and in the click files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Difference {
    pub(super) link: LinkId,
    /// `dimension:value`, `dimension:(all)` where values went to `(other)`, or `visitors`.
    pub(super) what: String,
    pub(super) in_store: u64,
    pub(super) in_files: u64,
}

/// What the store says of a day, against the clicks of that day added up. Pure.
pub(super) fn compare(counted: &[DayCounters], found: &[Delta]) -> Vec<Difference> {
    let counted: BTreeMap<LinkId, &DayCounters> = counted.iter().map(|day| (day.link, day)).collect();
    let found: BTreeMap<LinkId, &Delta> = found.iter().map(|delta| (delta.link, delta)).collect();
    let links: BTreeSet<LinkId> = counted.keys().chain(found.keys()).copied().collect();
    let nothing = Counters::new();
    let mut differences = Vec::new();
    for link in links {
        let (in_store, in_files) = (counted.get(&link), found.get(&link));
        let mut note = |what: String, in_store: u64, in_files: u64| {
            if in_store != in_files {
                differences.push(Difference { link, what, in_store, in_files });
            }
        };
        let store_counters = in_store.map_or(&nothing, |day| &day.counters);
        compare_counters(store_counters, in_files.map_or(&nothing, |delta| &delta.counters), &mut note);
        note(
            "visitors".to_owned(),
            in_store.map_or(0, |day| day.visitors),
            in_files.map_or(0, |delta| visitors(delta)),
        );
    }
    differences
}

fn visitors(delta: &Delta) -> u64 {
    let mut uniques = Uniques::new();
    delta.visitors.iter().for_each(|visitor| uniques.add(*visitor));
    uniques.count()
}

fn compare_counters(in_store: &Counters, in_files: &Counters, note: &mut impl FnMut(String, u64, u64)) {
    for dimension in Dimension::ALL {
        let (store, files) = (values(in_store, dimension), values(in_files, dimension));
        // Which values kept their names depends on the order in which they came; their sum does not.
        if store.contains_key(OTHER) || files.contains_key(OTHER) {
            note(format!("{}:(all)", dimension.as_str()), store.values().sum(), files.values().sum());
            continue;
        }
        let names: BTreeSet<&str> = store.keys().chain(files.keys()).copied().collect();
        for value in names {
            let count = |of: &BTreeMap<&str, u64>| of.get(value).copied().unwrap_or(0);
            note(format!("{}:{value}", dimension.as_str()), count(&store), count(&files));
        }
    }
}

fn values(counters: &Counters, dimension: Dimension) -> BTreeMap<&str, u64> {
    let of_dimension = counters.iter().filter(|(of, ..)| *of == dimension);
    of_dimension.map(|(_, value, count)| (value, count)).collect()
}
