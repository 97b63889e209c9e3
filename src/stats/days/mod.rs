//! Days of counters, added up over all links: what pages ask for again and again.
//!
//! A day that is over hardly ever changes, and adding up a thousand links takes a thousand times as long as reading the sum. A
//! sum is kept in memory as long as the store says that the day's counters are the same ones, and the store itself keeps
//! those of days that are over, so that a start need not add them up again. It must never be given out after the counters
//! changed, and all that is kept must never be more than its bytes.

mod ever;
mod links;
mod pack;
#[cfg(test)]
mod tests;
mod values;

use std::collections::BTreeMap;
use std::sync::Arc;

use hashbrown::HashMap;
use jiff::Timestamp;
use jiff::civil::Date;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

pub(crate) use self::links::{DayLinks, LinkDay, Verdicts};
use self::pack::Reader;
use self::values::DayValues;
use crate::domain::counter::{Count, DayCounters, Dimension, Dimensions};
use crate::domain::filter::LinkSet;
use crate::domain::link::LinkId;
use crate::stats::query::Window;
use crate::stats::series::parse_hour;
use crate::store::{CountStore, Result};

/// Bytes of all sums that are kept in memory.
const KEPT_BYTES_MAX: u64 = 128 << 20;

/// About how many days that is, if each has a few links.
const DAYS_EXPECTED: usize = 1000;

/// Days that are asked of the store at a time, so that counters or sums of all days are never in memory at once.
const DAYS_AT_ONCE: usize = 16;

/// The form of a sum that the store keeps; one of another form is made anew.
const FORM: u8 = 1;

/// What all asked links counted on one day of the report time zone.
#[derive(Clone, Debug, Default)]
pub(crate) struct DaySum {
    pub(crate) day: Date,
    pub(crate) links: DayLinks,
    values: DayValues,
}

impl DaySum {
    /// The counters of one day.
    fn of(day: Date, counters: &[DayCounters]) -> Self {
        Self { day, links: DayLinks::of(counters), values: DayValues::of(counters) }
    }

    /// The days of some counters, in order.
    pub(crate) fn of_all(counters: Vec<DayCounters>) -> Vec<Arc<Self>> {
        let mut days: BTreeMap<Date, Vec<DayCounters>> = BTreeMap::new();
        for counted in counters {
            days.entry(counted.day).or_default().push(counted);
        }
        days.into_iter().map(|(day, counters)| Arc::new(Self::of(day, &counters))).collect()
    }

    /// The same of some of its links, without the values of other dimensions than [`LinkDay::COUNTERS`].
    pub(crate) fn only(&self, asked: impl Fn(LinkId) -> bool) -> Self {
        let links = self.links.only(asked);
        Self { day: self.day, values: DayValues::of_links(&links), links }
    }

    /// The counts of one dimension, in no order.
    pub(crate) fn values(&self, dimension: Dimension) -> impl Iterator<Item = (&str, u64)> {
        self.values.iter(dimension)
    }

    /// Human clicks by the instant at which their hour began.
    pub(crate) fn hours(&self) -> impl Iterator<Item = (Timestamp, u64)> {
        self.values(Dimension::Hour).filter_map(|(value, count)| Some((parse_hour(value)?, count)))
    }

    pub(crate) fn count(&self) -> Count {
        self.links.count
    }

    /// Visitors of each link added up.
    pub(crate) fn visitors(&self) -> u64 {
        self.links.visitors
    }

    /// As the store keeps it.
    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![FORM];
        self.links.write(&mut bytes);
        self.values.write(&mut bytes);
        bytes
    }

    /// `None` when it is of another form, or damaged.
    fn from_bytes(day: Date, bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        if reader.take(1)? != [FORM] {
            return None;
        }
        let sum = Self { day, links: DayLinks::read(&mut reader)?, values: DayValues::read(&mut reader)? };
        reader.is_empty().then_some(sum)
    }

    fn bytes_held(&self) -> u64 {
        (self.links.bytes_held() + self.values.bytes_held()) as u64
    }
}

/// Sums that are kept from one question to the next.
pub(crate) struct Days {
    kept: Cache<Date, Kept, Bytes>,
    ever: ever::Ever,
}

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
        kept.sum.bytes_held()
    }
}

impl Default for Days {
    fn default() -> Self {
        Self { kept: Cache::with_weighter(DAYS_EXPECTED, KEPT_BYTES_MAX, Bytes), ever: ever::Ever::default() }
    }
}

impl Days {
    /// The days of the window, in order, `links` added up; of a store that others write to, those on which anything was
    /// counted. Where nothing beyond [`LinkDay::COUNTERS`] is asked for, or of all links, sums that are kept answer; anything
    /// else is read from the store each time, and no more of it than `of`.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn read(
        &self,
        store: &dyn CountStore,
        of: Dimensions,
        links: &LinkSet,
        window: Window,
    ) -> Result<Vec<Arc<DaySum>>> {
        match links {
            _ if !is_known(store) => unkept(store, of, links, window).await,
            LinkSet::All => self.kept(store, window).await,
            _ if LinkDay::COUNTERS.cover(of) => {
                let sums = self.kept(store, window).await?;
                Ok(sums.iter().map(|sum| Arc::new(sum.only(|link| links.holds(link)))).collect())
            }
            _ => unkept(store, of, links, window).await,
        }
    }

    async fn kept(&self, store: &dyn CountStore, window: Window) -> Result<Vec<Arc<DaySum>>> {
        let (mut sums, days) = (Vec::new(), window.days().collect::<Vec<_>>());
        for days in days.chunks(DAYS_AT_ONCE) {
            let found: Vec<_> = days.iter().map(|day| self.found(store, *day)).collect();
            let missing = || days.iter().zip(&found).filter(|(_, (_, sum))| sum.is_none()).map(|(day, _)| *day);
            let mut stored = match (missing().next(), missing().next_back()) {
                (Some(first), Some(last)) => store.day_sums(first, last).await?,
                _ => BTreeMap::new(),
            };
            for (day, (as_of, sum)) in days.iter().zip(found) {
                sums.push(match sum {
                    Some(sum) => sum,
                    None => self.make(store, *day, as_of, stored.remove(day)).await?,
                });
            }
        }
        Ok(sums)
    }

    /// Human clicks of all time, by link; a link without clicks may be left out.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn ever(&self, store: &dyn CountStore, links: &[LinkId]) -> Result<HashMap<LinkId, u64>> {
        if is_known(store) { self.ever.clicks(self, store, links).await } else { ever::unkept(store, links).await }
    }

    /// How often the day has changed, and its sum if that is kept and current.
    fn found(&self, store: &dyn CountStore, day: Date) -> (u64, Option<Arc<DaySum>>) {
        let as_of = store.changes(day).unwrap_or(0);
        (as_of, self.kept.get(&day).filter(|kept| kept.as_of == as_of).map(|kept| kept.sum))
    }

    /// Takes the sum that the store kept, or adds the day up and has it kept.
    async fn make(
        &self,
        store: &dyn CountStore,
        day: Date,
        as_of: u64,
        stored: Option<Vec<u8>>,
    ) -> Result<Arc<DaySum>> {
        let sum = match stored.and_then(|bytes| DaySum::from_bytes(day, &bytes)) {
            Some(sum) => sum,
            None => add_up(store, day, as_of).await?,
        };
        let sum = Arc::new(sum);
        self.kept.insert(day, Kept { as_of, sum: Arc::clone(&sum) });
        Ok(sum)
    }
}

/// Whether the store knows of each day how often it changed.
fn is_known(store: &dyn CountStore) -> bool {
    store.changes(Date::MIN).is_some()
}

/// Adds a day up, and has the sum kept; a page does not fail because that failed.
async fn add_up(store: &dyn CountStore, day: Date, as_of: u64) -> Result<DaySum> {
    let counters = store.counters(None, day, day).await?;
    let sum = DaySum::of(day, &counters);
    if !counters.is_empty()
        && let Err(error) = store.keep_day_sum(day, as_of, sum.to_bytes()).await
    {
        tracing::warn!(%day, %error, "the sum of a day was not kept: the next start will add it up again");
    }
    Ok(sum)
}

async fn unkept(store: &dyn CountStore, of: Dimensions, links: &LinkSet, window: Window) -> Result<Vec<Arc<DaySum>>> {
    let ids = if let LinkSet::Only(ids) = links { Some(&ids[..]) } else { None };
    let (mut sums, days) = (Vec::new(), window.days().collect::<Vec<_>>());
    for days in days.chunks(DAYS_AT_ONCE) {
        if let (Some(first), Some(last)) = (days.first(), days.last()) {
            let mut counters = store.counters_of(of, ids, *first, *last).await?;
            counters.retain(|counted| links.holds(counted.link));
            sums.extend(DaySum::of_all(counters));
        }
    }
    Ok(sums)
}
