//! What is kept of days is what their counters say, whatever happens to those.

use std::sync::Arc;

use jiff::civil::{Date, date};
use tempfile::TempDir;

use super::*;
use crate::domain::counter::{Applied, Batch, Counters};
use crate::domain::delta::Delta;
use crate::domain::position::{Incarnation, Position, Shard};
use crate::store::Store;

const DAY: Date = date(2026, 11, 21);

/// A store on a disk, and how many batches were counted into it.
struct Home(TempDir, u64);

impl Home {
    fn new() -> Self {
        Self(TempDir::new().unwrap(), 0)
    }

    fn open(&self) -> Arc<dyn Store> {
        crate::store::open(&crate::config::Config::default_values().store, self.0.path()).unwrap()
    }

    async fn count(&mut self, store: &dyn Store, deltas: Vec<Delta>) {
        let (from, to) = (Position(self.1), Position(self.1 + 1));
        self.1 += 1;
        let batch = Batch { incarnation: Incarnation(1), shard: Shard(0), from, to, deltas: deltas.into() };
        assert_eq!(store.apply(&batch).await.unwrap(), Applied::Yes);
    }
}

fn delta(link: u64, day: Date, clicks: u64) -> Delta {
    let mut counters = Counters::new();
    counters.add(Dimension::Verdict, "human", clicks);
    counters.add(Dimension::Country, "SE", clicks);
    counters.add(Dimension::Hour, &format!("{day}T13:00Z"), clicks);
    Delta { link: LinkId(link), day, counters, visitors: Vec::new() }
}

async fn read(days: &Days, store: &dyn Store, of: Dimensions, links: &LinkSet) -> Vec<Arc<DaySum>> {
    days.read(store, of, links, Window::new(DAY.yesterday().unwrap(), DAY).unwrap()).await.unwrap()
}

async fn counted(days: &Days, store: &dyn Store) -> (u64, usize) {
    let sums = read(days, store, Dimensions::ALL, &LinkSet::All).await;
    assert_eq!(sums.iter().map(|sum| sum.day).collect::<Vec<_>>(), [DAY.yesterday().unwrap(), DAY]);
    (sums[1].count().clicks, sums[1].hours().count())
}

#[tokio::test]
async fn a_kept_sum_is_never_older_than_the_last_batch_or_recount() {
    let mut home = Home::new();
    let (store, days) = (home.open(), Days::default());
    assert_eq!(counted(&days, &*store).await, (0, 0));
    for (clicks, sum) in [(3, 6), (10, 26)] {
        home.count(&*store, vec![delta(1, DAY, clicks), delta(2, DAY, clicks)]).await;
        assert_eq!(counted(&days, &*store).await, (sum, 1));
    }
    let counted_before = store.counters(None, DAY, DAY).await.unwrap();
    assert!(store.replace_day(DAY, &counted_before, &[delta(1, DAY, 1)]).await.unwrap());
    assert_eq!(counted(&days, &*store).await, (1, 1));
}

#[tokio::test]
async fn a_start_finds_sums_as_they_were_and_makes_damaged_ones_anew() {
    let mut home = Home::new();
    let tomorrow = DAY.tomorrow().unwrap();
    {
        let store = home.open();
        home.count(&*store, vec![delta(1, DAY, 3), delta(2, DAY, 4), delta(1, tomorrow, 1)]).await;
        assert_eq!(counted(&Days::default(), &*store).await, (7, 1));
        let kept = store.day_sums(DAY, tomorrow).await.unwrap();
        assert_eq!(kept.keys().copied().collect::<Vec<_>>(), [DAY]);
    }
    let store = home.open();
    let kept = store.day_sums(DAY, DAY).await.unwrap().remove(&DAY).unwrap();
    let sum = DaySum::from_bytes(DAY, &kept).unwrap();
    assert_eq!(sum.values(Dimension::Country).collect::<Vec<_>>(), [("SE", 7)]);
    assert_eq!(counted(&Days::default(), &*store).await, (7, 1));
    for damaged in [&kept[..kept.len() - 1], &[FORM + 1], &[]] {
        store.keep_day_sum(DAY, 0, damaged.to_vec()).await.unwrap();
        assert_eq!(counted(&Days::default(), &*store).await, (7, 1));
    }
    home.count(&*store, vec![delta(1, DAY, 1), delta(1, tomorrow, 1)]).await;
    assert_eq!(counted(&Days::default(), &*store).await, (8, 1));
}

#[tokio::test]
async fn some_links_are_answered_alike_from_what_is_kept_and_from_their_counters() {
    let mut home = Home::new();
    let (store, days) = (home.open(), Days::default());
    home.count(&*store, vec![delta(1, DAY, 3), delta(2, DAY, 4), delta(3, DAY, 5)]).await;
    for (links, clicks) in [(LinkSet::only(vec![LinkId(1), LinkId(3)]), 8), (LinkSet::not(vec![LinkId(1)]), 9)] {
        for of in [LinkDay::COUNTERS, Dimensions::ALL] {
            let sums = read(&days, &*store, of, &links).await;
            let sum = sums.iter().find(|sum| sum.day == DAY).unwrap();
            let hours: Vec<_> = sum.hours().map(|(_, count)| count).collect();
            assert_eq!((sum.count().clicks, sum.links.iter().count(), hours), (clicks, 2, vec![clicks]));
        }
    }
}

#[tokio::test]
async fn clicks_of_all_time_follow_every_day_however_long_ago() {
    let mut home = Home::new();
    let (store, days) = (home.open(), Days::default());
    let (one, two) = (LinkId(1), LinkId(2));
    assert!(days.ever(&*store, &[one]).await.unwrap().is_empty());
    let long_ago = date(2026, 6, 1);
    let steps = [
        (vec![delta(1, DAY, 1)], [1, 0]),
        (vec![delta(1, long_ago, 10), delta(2, long_ago, 7)], [11, 7]),
        (vec![delta(2, long_ago.tomorrow().unwrap(), 1), delta(1, DAY, 5)], [16, 8]),
        (vec![delta(1, date(2027, 1, 31), 100)], [116, 8]),
        (vec![delta(1, DAY, 1), delta(2, date(2026, 5, 1), 2)], [117, 10]),
    ];
    for (deltas, expected) in steps {
        home.count(&*store, deltas).await;
        for _ in 0..2 {
            let ever = days.ever(&*store, &[one, two]).await.unwrap();
            assert_eq!([one, two].map(|link| ever.get(&link).copied().unwrap_or(0)), expected);
            assert_eq!(ever::unkept(&*store, &[one, two]).await.unwrap().get(&one), Some(&expected[0]));
        }
    }
}
