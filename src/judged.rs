//! Which rules judged what: versions of the rules that turn hits into clicks, each from an instant on. Written down when
//! a node begins to judge by others than before, and when the past was judged again.
//!
//! It must never be needed to count: it only tells which counts were not made alike.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::record::{Expected, RecordKey, RecordKind, RecordValue, Saved};
use crate::store::{Store, StoreError};

/// The only record of its kind.
const KEY: &str = "judged";
/// The most changes that are remembered, of about 60 bytes each; the oldest are forgotten first.
const REIGNS_MAX: usize = 500;
/// How often the record is read and written again when other nodes write it at the same time.
const ATTEMPTS: usize = 16;

/// From an instant until the next one, hits were judged by these rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reign {
    pub(crate) since: Timestamp,
    /// Their version, as each click in a click file has it.
    pub(crate) rules: u32,
}

/// All reigns, in order of time. What is before the first of them counts as its part.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Judged(Vec<Reign>);

/// Instants from the first on and before the second.
pub(crate) type Days = (Timestamp, Timestamp);

impl Judged {
    /// What the store knows.
    ///
    /// # Errors
    /// When the store fails or holds what cannot be read.
    pub(crate) async fn load(store: &dyn Store) -> Result<Self, StoreError> {
        let record = store.record(RecordKind::Rules, &key()).await?;
        record.map_or_else(|| Ok(Self::default()), |record| read(&record.value))
    }

    /// The rules that took over within a span, after those that judged its beginning.
    pub(crate) fn changes(&self, (start, end): Days) -> impl Iterator<Item = Reign> {
        self.0.iter().copied().skip(1).filter(move |reign| start < reign.since && reign.since < end)
    }

    /// How many versions of the rules judged a span, and since when the newest did; `None` when it was one.
    pub(crate) fn several(&self, (start, end): Days) -> Option<(usize, Timestamp)> {
        let newest = self.changes((start, end)).last()?.since;
        let versions: BTreeSet<u32> =
            self.at(start).into_iter().chain(self.changes((start, end))).map(|reign| reign.rules).collect();
        Some((versions.len(), newest))
    }

    fn at(&self, instant: Timestamp) -> Option<Reign> {
        self.0.iter().copied().rfind(|reign| reign.since <= instant).or_else(|| self.0.first().copied())
    }

    /// These rules judge from now on, unless they did already.
    fn begin(&self, new: Reign) -> Self {
        if self.0.last().is_some_and(|last| last.rules == new.rules) { self.clone() } else { self.replaced(new, &[]) }
    }

    /// All from `new.since` on was judged by these rules, but for some days, which are in order.
    fn replaced(&self, new: Reign, kept: &[Days]) -> Self {
        let mut all = Self(self.0.iter().copied().filter(|reign| reign.since < new.since).collect());
        all.push(new);
        for (from, to) in kept {
            let before = self.at(*from).map(|reign| Reign { since: *from, ..reign });
            before.into_iter().chain(self.changes((*from, *to))).for_each(|reign| all.push(reign));
            all.push(Reign { since: *to, ..new });
        }
        let forgotten = all.0.len().saturating_sub(REIGNS_MAX);
        all.0.drain(..forgotten);
        all
    }

    fn push(&mut self, reign: Reign) {
        self.0.pop_if(|last| last.since == reign.since);
        if self.0.last().is_none_or(|last| last.rules != reign.rules) {
            self.0.push(reign);
        }
    }
}

/// Writes down that a node judges by these rules from now on.
///
/// # Errors
/// When the store fails.
pub(crate) async fn begin(store: &dyn Store, new: Reign) -> Result<(), StoreError> {
    change(store, |judged| judged.begin(new)).await
}

/// Writes down that everything since an instant was judged again, but for some days, which are in order.
///
/// # Errors
/// When the store fails.
pub(crate) async fn judged_again(store: &dyn Store, new: Reign, kept: &[Days]) -> Result<(), StoreError> {
    change(store, |judged| judged.replaced(new, kept)).await
}

async fn change(store: &dyn Store, change: impl Fn(&Judged) -> Judged) -> Result<(), StoreError> {
    for _ in 0..ATTEMPTS {
        let record = store.record(RecordKind::Rules, &key()).await?;
        let (expected, known) = match &record {
            Some(record) => (Expected::At(record.revision), read(&record.value)?),
            None => (Expected::Absent, Judged::default()),
        };
        let changed = change(&known);
        if changed == known {
            return Ok(());
        }
        let bytes = serde_json::to_vec(&changed).map_err(|error| StoreError::Corrupt(error.to_string()))?;
        let value = RecordValue::new(bytes).expect("500 reigns have room in a record");
        if let Saved::Yes(_) = store.put_record(RecordKind::Rules, &key(), expected, &value).await? {
            return Ok(());
        }
    }
    Err(StoreError::Unavailable("too many nodes write down their rules at the same time".to_owned()))
}

fn key() -> RecordKey {
    RecordKey::new(KEY).expect("it is short and has no control characters")
}

fn read(value: &RecordValue) -> Result<Judged, StoreError> {
    let unreadable = |error| StoreError::Corrupt(format!("the versions of the rules: {error}"));
    serde_json::from_slice(value.as_bytes()).map_err(unreadable)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::impressions::fake_store::FakeStore;

    fn at(hour: i64) -> Timestamp {
        Timestamp::from_second(hour * 3600).unwrap()
    }

    fn reign(hour: i64, rules: u32) -> Reign {
        Reign { since: at(hour), rules }
    }

    fn judged(reigns: &[(i64, u32)]) -> Judged {
        Judged(reigns.iter().map(|(hour, rules)| reign(*hour, *rules)).collect())
    }

    #[test]
    fn rules_begin_once_and_the_first_ones_judged_all_that_was_before() {
        let first = Judged::default().begin(reign(10, 3));
        assert_eq!(first, judged(&[(10, 3)]));
        assert_eq!(first.begin(reign(20, 3)), first);
        let second = first.begin(reign(30, 4));
        assert_eq!(second, judged(&[(10, 3), (30, 4)]));
        assert_eq!(second.several((at(0), at(30))), None);
        assert_eq!(second.several((at(30), at(99))), None);
        assert_eq!(second.several((at(0), at(31))), Some((2, at(30))));
        assert_eq!(second.begin(reign(40, 3)).several((at(0), at(50))), Some((2, at(40))));
    }

    #[test]
    fn what_was_judged_again_was_judged_alike_but_for_the_days_that_were_kept() {
        let before = judged(&[(10, 3), (30, 4), (50, 5)]);
        assert_eq!(before.replaced(reign(0, 5), &[]), judged(&[(0, 5)]));
        assert_eq!(before.replaced(reign(40, 5), &[]), judged(&[(10, 3), (30, 4), (40, 5)]));
        let kept = before.replaced(reign(0, 6), &[(at(20), at(32)), (at(32), at(35)), (at(70), at(80))]);
        assert_eq!(kept, judged(&[(0, 6), (20, 3), (30, 4), (35, 6), (70, 5), (80, 6)]));
    }

    #[test]
    fn the_oldest_changes_are_forgotten_first_and_the_record_keeps_its_room() {
        let mut all = Judged::default();
        for n in 0..600 {
            all = all.begin(reign(i64::from(n), u32::MAX - n));
        }
        assert_eq!((all.0.len(), all.0[0]), (REIGNS_MAX, reign(100, u32::MAX - 100)));
        assert!(serde_json::to_vec(&all).unwrap().len() < RecordValue::BYTES_MAX);
    }

    #[tokio::test]
    async fn nodes_that_start_again_write_nothing_new() {
        let store = FakeStore::default();
        for (hour, rules) in [(1, 3), (2, 3), (3, 4)] {
            begin(&store, reign(hour, rules)).await.unwrap();
        }
        assert_eq!(Judged::load(&store).await.unwrap(), judged(&[(1, 3), (3, 4)]));
        judged_again(&store, reign(0, 4), &[]).await.unwrap();
        assert_eq!(Judged::load(&store).await.unwrap(), judged(&[(0, 4)]));
    }
}
