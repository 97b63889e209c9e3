//! Days of counters, added up over all links: what pages ask for again and again.
//!
//! A day that is over hardly ever changes, and adding up a thousand links takes a thousand times as long as reading the sum. A
//! sum is kept as long as the store says that the day's counters are the same ones. It must never be given out after they
//! changed, and all that is kept must never be more than its bytes.

use std::collections::BTreeMap;
use std::sync::Arc;

use compact_str::CompactString;
use hashbrown::HashMap;
use jiff::Timestamp;
use jiff::civil::Date;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use crate::domain::counter::{Count, DayCounters, Dimension, Dimensions};
use crate::domain::link::LinkId;
use crate::domain::verdict::Verdict;
use crate::stats::query::Window;
use crate::stats::series::parse_hour;
use crate::store::{CountStore, Result};

/// Bytes of all sums that are kept.
const KEPT_BYTES_MAX: u64 = 128 << 20;

/// About how many days that is, if each has a few links.
const DAYS_EXPECTED: usize = 1000;

/// Hits by verdict, in the order of [`Verdict::ALL`].
pub(crate) type Verdicts = [u64; Verdict::ALL.len()];

/// What all asked links counted on one day of the report time zone.
#[derive(Debug, Default)]
pub(crate) struct DaySum {
    pub(crate) day: Date,
    /// Visitors of each link added up.
    pub(crate) visitors: u64,
    pub(crate) links: Vec<LinkDay>,
    /// By dimension, in the order of [`Dimension::ALL`].
    values: [Vec<(CompactString, u64)>; Dimension::ALL.len()],
}

/// What one link counted on one day, as far as rates and lists of links need it.
#[derive(Debug)]
pub(crate) struct LinkDay {
    pub(crate) link: LinkId,
    pub(crate) verdicts: Verdicts,
    pub(crate) visitors: u64,
    /// Human clicks by the instant at which their hour began, in order.
    pub(crate) hours: Vec<(Timestamp, u64)>,
    /// Human clicks by where they were observed to come from.
    pub(crate) seen_on: Vec<(CompactString, u64)>,
}

impl LinkDay {
    /// What it is made of.
    pub(crate) const COUNTERS: Dimensions = Dimensions::of(&[Dimension::Verdict, Dimension::SeenOn, Dimension::Hour]);

    #[cfg(test)]
    pub(crate) fn of(counters: &DayCounters) -> Self {
        Self::with(counters, parse_hour)
    }

    fn with(counters: &DayCounters, mut hour: impl FnMut(&str) -> Option<Timestamp>) -> Self {
        let mut day = Self {
            link: counters.link,
            verdicts: Verdicts::default(),
            visitors: counters.visitors,
            hours: Vec::new(),
            seen_on: Vec::new(),
        };
        for (dimension, value, count) in counters.counters.iter() {
            match dimension {
                Dimension::Verdict => {
                    if let Some(verdict) = Verdict::parse(value) {
                        day.verdicts[verdict as usize] = count;
                    }
                }
                Dimension::Hour => day.hours.extend(hour(value).map(|began| (began, count))),
                Dimension::SeenOn => day.seen_on.push((value.into(), count)),
                _ => {}
            }
        }
        day
    }

    pub(crate) fn count(&self) -> Count {
        let hits = self.verdicts.iter().fold(0_u64, |sum, count| sum.saturating_add(*count));
        Count { clicks: self.verdicts[Verdict::Human as usize], hits }
    }

    fn bytes(&self) -> u64 {
        (size_of::<Self>() + self.hours.len() * 24 + self.seen_on.len() * 32) as u64
    }
}

impl DaySum {
    /// The counters of one day.
    fn of(day: Date, counters: &[DayCounters]) -> Self {
        let mut sum = Self { day, ..Self::default() };
        let mut sums: Vec<HashMap<CompactString, u64>> = Dimension::ALL.map(|_| HashMap::new()).into();
        let mut hours: HashMap<CompactString, Option<Timestamp>> = HashMap::new();
        for link in counters {
            sum.visitors = sum.visitors.saturating_add(link.visitors);
            sum.links.push(LinkDay::with(link, |hour| *hours.entry(hour.into()).or_insert_with(|| parse_hour(hour))));
            for (dimension, value, count) in link.counters.iter() {
                let sum = sums[dimension as usize].entry(value.into()).or_insert(0);
                *sum = sum.saturating_add(count);
            }
        }
        for (values, sums) in sum.values.iter_mut().zip(sums) {
            *values = sums.into_iter().collect();
        }
        sum
    }

    /// The days of some counters, in order.
    pub(crate) fn of_all(counters: Vec<DayCounters>) -> Vec<Arc<Self>> {
        let mut days: BTreeMap<Date, Vec<DayCounters>> = BTreeMap::new();
        for counted in counters {
            days.entry(counted.day).or_default().push(counted);
        }
        days.into_iter().map(|(day, counters)| Arc::new(Self::of(day, &counters))).collect()
    }

    /// The counts of one dimension, in no order.
    pub(crate) fn values(&self, dimension: Dimension) -> impl Iterator<Item = (&str, u64)> {
        self.values[dimension as usize].iter().map(|(value, count)| (value.as_str(), *count))
    }

    /// Human clicks by the instant at which their hour began.
    pub(crate) fn hours(&self) -> impl Iterator<Item = (Timestamp, u64)> {
        self.values(Dimension::Hour).filter_map(|(value, count)| Some((parse_hour(value)?, count)))
    }

    pub(crate) fn count(&self) -> Count {
        let mut count = Count::default();
        self.links.iter().for_each(|link| count.add(link.count()));
        count
    }

    fn bytes(&self) -> u64 {
        let values: usize = self.values.iter().map(|values| values.len() * size_of::<(CompactString, u64)>()).sum();
        (size_of::<Self>() + values) as u64 + self.links.iter().map(LinkDay::bytes).sum::<u64>()
    }
}

/// Sums that are kept from one question to the next.
pub(crate) struct Days(Cache<Date, Kept, Bytes>);

#[derive(Clone)]
struct Kept {
    /// What [`CountStore::changes`] said before the day was read.
    as_of: u64,
    sum: Arc<DaySum>,
}

#[derive(Clone)]
struct Bytes;

impl Weighter<Date, Kept> for Bytes {
    fn weight(&self, _: &Date, kept: &Kept) -> u64 {
        kept.sum.bytes()
    }
}

impl Default for Days {
    fn default() -> Self {
        Self(Cache::with_weighter(DAYS_EXPECTED, KEPT_BYTES_MAX, Bytes))
    }
}

impl Days {
    /// The days of the window on which anything was counted, in order, all links added up. A store that others write to is
    /// read each time, and no more of it than `of`.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn read(
        &self,
        store: &dyn CountStore,
        of: Dimensions,
        window: Window,
    ) -> Result<Vec<Arc<DaySum>>> {
        let mut sums = Vec::new();
        for day in window.days() {
            let Some(as_of) = store.changes(day) else { return unkept(store, of, window).await };
            let kept = self.0.get(&day).filter(|kept| kept.as_of == as_of);
            let sum = match kept {
                Some(kept) => kept.sum,
                None => {
                    let sum = Arc::new(DaySum::of(day, &store.counters(None, day, day).await?));
                    self.0.insert(day, Kept { as_of, sum: Arc::clone(&sum) });
                    sum
                }
            };
            sums.push(sum);
        }
        Ok(sums)
    }
}

/// Some days at a time, so that the counters of all links are never in memory for all days.
async fn unkept(store: &dyn CountStore, of: Dimensions, window: Window) -> Result<Vec<Arc<DaySum>>> {
    const DAYS_AT_ONCE: usize = 16;
    let (mut sums, days) = (Vec::new(), window.days().collect::<Vec<_>>());
    for days in days.chunks(DAYS_AT_ONCE) {
        if let (Some(first), Some(last)) = (days.first(), days.last()) {
            sums.extend(DaySum::of_all(store.counters_of(of, None, *first, *last).await?));
        }
    }
    Ok(sums)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::domain::counter::{Batch, Counters, Delta};
    use crate::domain::position::{Incarnation, Position, Shard};
    use crate::store::Store;

    const DAY: Date = date(2026, 11, 21);

    fn delta(link: u64, clicks: u64) -> Delta {
        let mut counters = Counters::new();
        counters.add(Dimension::Verdict, "human", clicks);
        counters.add(Dimension::Hour, "2026-11-21T13:00Z", clicks);
        Delta { link: LinkId(link), day: DAY, counters, visitors: Vec::new() }
    }

    async fn counted(days: &Days, store: &dyn Store) -> (u64, usize) {
        let window = Window::new(DAY.yesterday().unwrap(), DAY).unwrap();
        let sums = days.read(store, Dimensions::ALL, window).await.unwrap();
        assert_eq!(sums.iter().map(|sum| sum.day).collect::<Vec<_>>(), window.days().collect::<Vec<_>>());
        (sums[1].count().clicks, sums[1].hours().count())
    }

    #[tokio::test]
    async fn a_kept_sum_is_never_older_than_the_last_batch_or_recount() {
        let folder = tempfile::tempdir().unwrap();
        let store = crate::store::open(&crate::config::Config::default_values().store, folder.path()).unwrap();
        let days = Days::default();
        assert_eq!(counted(&days, &*store).await, (0, 0));
        for (from, clicks) in [(0, 3), (1, 10)] {
            let (from, to) = (Position(from), Position(from + 1));
            let deltas = vec![delta(1, clicks), delta(2, clicks)];
            let batch = Batch { incarnation: Incarnation(1), shard: Shard(0), from, to, deltas };
            store.apply(&batch).await.unwrap();
            assert_eq!(counted(&days, &*store).await, (if from.0 == 0 { 6 } else { 26 }, 1));
        }
        let counted_before = store.counters(None, DAY, DAY).await.unwrap();
        assert!(store.replace_day(DAY, &counted_before, &[delta(1, 1)]).await.unwrap());
        assert_eq!(counted(&days, &*store).await, (1, 1));
    }
}
