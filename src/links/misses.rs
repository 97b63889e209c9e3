//! Requests that met no link: counted by slug up to a bound, never stored one by one.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

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
pub(crate) struct Misses(Mutex<HashMap<(Miss, String), u64>>);

impl Misses {
    pub(crate) fn count(&self, miss: Miss, slug: &str) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut key = (miss, slug[..slug.floor_char_boundary(SLUG_BYTES_MAX)].to_owned());
        if counts.len() >= MISSED_SLUGS_MAX && !counts.contains_key(&key) {
            key.1 = crate::domain::counter::OTHER.to_owned();
        }
        *counts.entry(key).or_insert(0) += 1;
    }

    /// Takes what was counted: kind, slug, count.
    pub(crate) fn take(&self) -> Vec<(String, String, u64)> {
        let taken = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        taken.into_iter().map(|((miss, slug), count)| (miss.as_str().to_owned(), slug, count)).collect()
    }

    /// Puts back what could not be stored.
    pub(crate) fn put_back(&self, taken: Vec<(String, String, u64)>) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (kind, slug, count) in taken {
            let miss = [Miss::Unknown, Miss::Disabled, Miss::Expired].into_iter().find(|miss| miss.as_str() == kind);
            *counts.entry((miss.unwrap_or(Miss::Unknown), slug)).or_insert(0) += count;
        }
    }
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
}
