//! How many human clicks links ever had. Days long past are added up once; what came since is in the sums of its days.
//!
//! It must never give out a number that is older than the last change of any day.

use hashbrown::HashMap;
use jiff::Span;
use jiff::civil::Date;
use tokio::sync::Mutex;

use super::{DAYS_AT_ONCE, Days};
use crate::domain::counter::{Dimension, Dimensions};
use crate::domain::link::LinkId;
use crate::domain::verdict::Verdict;
use crate::stats::query::Window;
use crate::store::{CountStore, Result};

/// Days that are not added up for good, because they may still change: at least, and at most.
const RECENT_DAYS_MIN: i32 = 32;
const RECENT_DAYS_MAX: i32 = 64;

/// Links asked for at a time where no sums are kept: one with years of clicks has thousands of days of counters.
const LINKS_AT_ONCE: usize = 10;

/// The past, once somebody asked for it: one number for each link that was ever clicked.
#[derive(Default)]
pub(super) struct Ever(Mutex<Option<Past>>);

struct Past {
    /// The first day that is not part of it.
    end: Date,
    /// How often its days had changed when they were read.
    as_of: u64,
    clicks: HashMap<LinkId, u64>,
}

impl Ever {
    /// Of a store that knows how often each day changed.
    pub(super) async fn clicks(
        &self,
        days: &Days,
        store: &dyn CountStore,
        links: &[LinkId],
    ) -> Result<HashMap<LinkId, u64>> {
        let Some((first, last)) = store.days_counted().await? else { return Ok(HashMap::new()) };
        let mut kept = self.0.lock().await;
        let past = match kept.take().filter(|past| past.is_current(store, first, last)) {
            Some(past) => past,
            None => Past::read(days, store, first, last).await?,
        };
        let mut clicks: HashMap<LinkId, u64> =
            links.iter().map(|link| (*link, past.clicks.get(link).copied().unwrap_or(0))).collect();
        let end = past.end;
        *kept = Some(past);
        drop(kept);
        for window in windows(end, last) {
            for sum in days.kept(store, window).await? {
                for (link, clicks) in &mut clicks {
                    *clicks = clicks.saturating_add(sum.links.get(*link).map_or(0, |day| day.count().clicks));
                }
            }
        }
        Ok(clicks)
    }
}

impl Past {
    /// As long as none of its days has changed, and not too many days came after it.
    fn is_current(&self, store: &dyn CountStore, first: Date, last: Date) -> bool {
        self.end >= back(last, RECENT_DAYS_MAX) && self.as_of == changes(store, first, self.end)
    }

    async fn read(days: &Days, store: &dyn CountStore, first: Date, last: Date) -> Result<Self> {
        let end = back(last, RECENT_DAYS_MIN);
        let as_of = changes(store, first, end);
        let mut clicks: HashMap<LinkId, u64> = HashMap::new();
        for window in windows(first, end.yesterday().unwrap_or(end)) {
            for sum in days.kept(store, window).await? {
                for day in sum.links.iter() {
                    let sum = clicks.entry(day.link).or_insert(0);
                    *sum = sum.saturating_add(day.count().clicks);
                }
            }
        }
        Ok(Self { end, as_of, clicks })
    }
}

/// How often the days from `first` on and before `end` have changed.
fn changes(store: &dyn CountStore, first: Date, end: Date) -> u64 {
    days_from(first).take_while(|day| *day < end).filter_map(|day| store.changes(day)).fold(0, u64::wrapping_add)
}

fn days_from(first: Date) -> impl Iterator<Item = Date> {
    std::iter::successors(Some(first), |day| day.tomorrow().ok())
}

/// The days from `first` to `last` in portions; none if they are reversed.
fn windows(first: Date, last: Date) -> impl Iterator<Item = Window> {
    days_from(first).step_by(DAYS_AT_ONCE).take_while(move |day| *day <= last).filter_map(move |day| {
        let end = day.saturating_add(Span::new().days(DAYS_AT_ONCE as i64 - 1));
        Window::new(day, end.min(last)).ok()
    })
}

fn back(day: Date, days: i32) -> Date {
    day.saturating_sub(Span::new().days(days))
}

/// Of a store that others write to: all days of these links.
pub(super) async fn unkept(store: &dyn CountStore, links: &[LinkId]) -> Result<HashMap<LinkId, u64>> {
    let mut totals = HashMap::new();
    for links in links.chunks(LINKS_AT_ONCE) {
        let verdicts = Dimensions::of(&[Dimension::Verdict]);
        for day in store.counters_of(verdicts, Some(links), Date::MIN, Date::MAX).await? {
            let clicks = day.counters.get(Dimension::Verdict, Verdict::Human.as_str());
            *totals.entry(day.link).or_insert(0) += clicks;
        }
    }
    Ok(totals)
}
