//! Requests that met no link: counted by slug up to a bound, never stored one by one.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::domain::counter::OTHER;
use crate::store::MISSED_SLUGS_MAX;

/// Why a request met no link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Miss {
    Unknown,
    Disabled,
    Expired,
}

impl Miss {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Disabled => "disabled",
            Self::Expired => "expired",
        }
    }
}

/// The longest slug that is told apart, in bytes.
const SLUG_BYTES_MAX: usize = 128;

/// The misses since they were last taken. Kept in memory only: a killed process forgets at most one round of them.
#[derive(Debug, Default)]
pub(crate) struct Misses(Mutex<Counts>);

type Counts = HashMap<(Miss, String), u64>;

impl Misses {
    pub(crate) fn count(&self, miss: Miss, slug: &str) {
        let slug = slug[..slug.floor_char_boundary(SLUG_BYTES_MAX)].to_owned();
        add(&mut self.lock(), (miss, slug), 1);
    }

    /// Takes what was counted: kind, slug, count.
    pub(crate) fn take(&self) -> Vec<(String, String, u64)> {
        let taken = std::mem::take(&mut *self.lock());
        taken.into_iter().map(|((miss, slug), count)| (miss.as_str().to_owned(), slug, count)).collect()
    }

    /// Puts back what could not be stored, into the same bounded room: an outage may last.
    pub(crate) fn put_back(&self, taken: Vec<(String, String, u64)>) {
        let mut counts = self.lock();
        for (kind, slug, count) in taken {
            let miss = [Miss::Unknown, Miss::Disabled, Miss::Expired].into_iter().find(|miss| miss.as_str() == kind);
            add(&mut counts, (miss.unwrap_or(Miss::Unknown), slug), count);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn add(counts: &mut Counts, mut key: (Miss, String), count: u64) {
    if counts.len() >= MISSED_SLUGS_MAX && !counts.contains_key(&key) {
        key.1 = OTHER.to_owned();
    }
    let sum = counts.entry(key).or_insert(0);
    *sum = sum.saturating_add(count);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_made_up_slugs_is_counted_exactly_in_bounded_room() {
        let misses = Misses::default();
        for n in 0..10 * MISSED_SLUGS_MAX {
            misses.count(Miss::Unknown, &format!("x{n}"));
        }
        let taken = misses.take();
        assert!(taken.len() <= MISSED_SLUGS_MAX + 3);
        assert_eq!(taken.iter().map(|(_, _, count)| count).sum::<u64>(), 10 * MISSED_SLUGS_MAX as u64);
        assert!(misses.take().is_empty());
    }

    #[test]
    fn an_outage_of_the_store_during_a_flood_grows_nothing_and_loses_no_count() {
        let misses = Misses::default();
        for round in 0..20 {
            for n in 0..2 * MISSED_SLUGS_MAX {
                misses.count(Miss::Unknown, &format!("x{round}-{n}"));
            }
            let taken = misses.take();
            assert!(taken.len() <= MISSED_SLUGS_MAX + 3, "{}", taken.len());
            misses.put_back(taken);
        }
        let taken = misses.take();
        assert_eq!(taken.iter().map(|(_, _, count)| count).sum::<u64>(), 40 * MISSED_SLUGS_MAX as u64);
    }
}
