//! How often somebody may ask: a bucket for each, which fills up again steadily (GCRA: one number for each bucket, the
//! time at which it is full again).
//!
//! It must never grow without bound, and never wait. It belongs to this process: a second node has buckets of its own.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The most buckets that are not full. Beyond it, whoever would be full first is forgotten.
const BUCKETS_MAX: usize = 20_000;

/// How often one may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::admin) struct Quota {
    pub(in crate::admin) name: &'static str,
    /// At once, after a rest.
    pub(in crate::admin) at_once: u32,
    /// Milliseconds until there is one more.
    pub(in crate::admin) every_ms: u32,
}

impl Quota {
    /// At least one, at most one each millisecond.
    pub(in crate::admin) fn per_minute(name: &'static str, count: u32) -> Self {
        let count = count.clamp(1, 60_000);
        Self { name, at_once: count, every_ms: 60_000 / count }
    }

    fn full_ms(self) -> i64 {
        i64::from(self.at_once) * i64::from(self.every_ms)
    }

    /// The seconds in which an empty bucket fills, at least 1.
    pub(in crate::admin) fn window_s(self) -> i64 {
        whole_seconds(self.full_ms())
    }
}

/// How a bucket stands after somebody took of it, or could not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::admin) struct Left {
    /// How many may follow at once.
    pub(in crate::admin) remaining: u32,
    /// Seconds until the bucket is full.
    pub(in crate::admin) full_in_s: i64,
}

/// The bucket is empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::admin) struct Wait {
    /// Until there is one more, at least 1.
    pub(in crate::admin) seconds: i64,
    /// Until the bucket is full.
    pub(in crate::admin) full_in_s: i64,
}

#[derive(Default)]
pub(in crate::admin) struct Limiter {
    /// When each bucket is full again, in milliseconds since the epoch, by the hash of its quota and its owner.
    full_at: Mutex<HashMap<u64, i64>>,
    hasher: RandomState,
}

impl Limiter {
    /// Takes one.
    ///
    /// # Errors
    /// When there is none; then nothing is taken.
    pub(in crate::admin) fn take(&self, quota: Quota, who: &str, now_ms: i64) -> Result<Left, Wait> {
        let bucket = self.bucket(quota, who);
        let mut full_at = self.lock();
        let next = full_at.get(&bucket).map_or(now_ms, |at| (*at).max(now_ms)) + i64::from(quota.every_ms);
        let over_ms = next - now_ms - quota.full_ms();
        if over_ms > 0 {
            let full_in_s = whole_seconds(next - now_ms - i64::from(quota.every_ms));
            return Err(Wait { seconds: whole_seconds(over_ms), full_in_s });
        }
        if !full_at.contains_key(&bucket) {
            make_room(&mut full_at, now_ms);
        }
        full_at.insert(bucket, next);
        let remaining = u32::try_from(-over_ms / i64::from(quota.every_ms.max(1))).unwrap_or(0);
        Ok(Left { remaining, full_in_s: whole_seconds(next - now_ms) })
    }

    /// Fills a bucket again, for somebody who turned out to be right.
    pub(in crate::admin) fn forgive(&self, quota: Quota, who: &str) {
        let bucket = self.bucket(quota, who);
        self.lock().remove(&bucket);
    }

    /// Two who share a hash share a bucket, which nobody can bring about: the hash is keyed.
    fn bucket(&self, quota: Quota, who: &str) -> u64 {
        self.hasher.hash_one((quota.name, who))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, i64>> {
        self.full_at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn make_room(full_at: &mut HashMap<u64, i64>, now_ms: i64) {
    if full_at.len() < BUCKETS_MAX {
        return;
    }
    full_at.retain(|_, at| *at > now_ms);
    if full_at.len() >= BUCKETS_MAX
        && let Some(first) = full_at.iter().min_by_key(|(_, at)| **at).map(|(bucket, _)| *bucket)
    {
        full_at.remove(&first);
    }
}

fn whole_seconds(ms: i64) -> i64 {
    (ms + 999).div_euclid(1000).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUOTA: Quota = Quota { name: "q", at_once: 3, every_ms: 2_000 };

    #[test]
    fn a_bucket_gives_what_is_in_it_and_fills_up_steadily() {
        let limiter = Limiter::default();
        let take = |now_ms| limiter.take(QUOTA, "a", now_ms);
        assert_eq!(take(0), Ok(Left { remaining: 2, full_in_s: 2 }));
        assert_eq!(take(0), Ok(Left { remaining: 1, full_in_s: 4 }));
        assert_eq!(take(0), Ok(Left { remaining: 0, full_in_s: 6 }));
        assert_eq!(take(500), Err(Wait { seconds: 2, full_in_s: 6 }));
        assert_eq!(take(2_000), Ok(Left { remaining: 0, full_in_s: 6 }));
        assert_eq!(take(3_999), Err(Wait { seconds: 1, full_in_s: 5 }));
        assert_eq!(take(1_000_000), Ok(Left { remaining: 2, full_in_s: 2 }));
    }

    #[test]
    fn each_has_a_bucket_of_their_own_and_whoever_is_right_has_a_full_one() {
        let limiter = Limiter::default();
        for _ in 0..3 {
            limiter.take(QUOTA, "a", 0).unwrap();
        }
        assert!(limiter.take(QUOTA, "a", 0).is_err());
        assert!(limiter.take(QUOTA, "b", 0).is_ok());
        assert!(limiter.take(Quota { name: "other", ..QUOTA }, "a", 0).is_ok());
        limiter.forgive(QUOTA, "a");
        assert_eq!(limiter.take(QUOTA, "a", 0).unwrap().remaining, 2);
    }

    #[test]
    fn however_many_ask_there_are_only_so_many_buckets() {
        let limiter = Limiter::default();
        for n in 0..BUCKETS_MAX + 100 {
            limiter.take(QUOTA, &n.to_string(), n as i64 / 100).unwrap();
        }
        assert_eq!(limiter.lock().len(), BUCKETS_MAX);
        assert_eq!(limiter.take(QUOTA, &(BUCKETS_MAX + 99).to_string(), 210).unwrap().remaining, 1, "the last is kept");
        limiter.take(QUOTA, "later", 1_000_000).unwrap();
        assert_eq!(limiter.lock().len(), 1, "full buckets are not kept");
    }
}
