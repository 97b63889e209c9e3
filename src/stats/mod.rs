//! The read side: series, breakdowns and click-through rates, computed from counters and impressions.
//!
//! This file reads the store and hands over to pure parts: `report` answers what happened when and how, `ctr` divides
//! clicks by impressions. It must never decide what a number means.

pub(crate) mod breakdown;
pub(crate) mod compare;
pub(crate) mod ctr;
pub(crate) mod interval;
pub(crate) mod pooled;
pub(crate) mod query;
pub(crate) mod report;
pub(crate) mod series;
pub(crate) mod shrink;
pub(crate) mod special;
pub(crate) mod wire;

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Deserialize;

use crate::domain::impression::StoredImpression;
use crate::domain::link::{Link, LinkId};
use crate::stats::ctr::Material;
use crate::stats::ctr::groups::LinkEntry;
use crate::stats::ctr::pairing::{ClickDays, days_cut};
use crate::stats::query::{CtrQuery, QueryError, StatsQuery, WINDOW_DAYS_MAX, Window};
use crate::stats::report::{ZoneError, days_needed, report};
use crate::stats::wire::{CtrReport, StatsReport};
use crate::store::{Store, StoreError};

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) time_zone: String,
}

/// How many links are read from the store at a time.
const LINKS_PAGE: usize = 1000;
/// The most links that one question is answered about.
const LINKS_MAX: usize = 1_000_000;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StatsError {
    #[error(transparent)]
    Query(#[from] QueryError),
    /// Whose `field` is `tz`.
    #[error(transparent)]
    Zone(#[from] ZoneError),
    #[error("there is no link {0}")]
    NoLink(LinkId),
    #[error("there are more than {LINKS_MAX} links; ask about one of them")]
    TooManyLinks,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Answers `GET /api/v1/stats`.
///
/// # Errors
/// When the link is unknown, the zone cannot be answered for, or the store fails.
pub(crate) async fn stats(
    store: &dyn Store,
    query: &StatsQuery,
    report_zone: &TimeZone,
) -> Result<StatsReport, StatsError> {
    let links = asked_links(store, query).await?;
    let days = days_needed(query, report_zone);
    let counters = store.counters(links.as_deref(), days.first(), days.last()).await?;
    Ok(report(query, report_zone, &counters)?)
}

/// The links that a question is about; `None` means all, those that were removed included.
async fn asked_links(store: &dyn Store, query: &StatsQuery) -> Result<Option<Vec<LinkId>>, StatsError> {
    let of_campaign = |link: &Link| link.spec.utm.campaign == query.campaign;
    match (query.link, &query.campaign) {
        (None, None) => Ok(None),
        (Some(id), campaign) => {
            let link = store.link(id).await?.ok_or(StatsError::NoLink(id))?;
            Ok(Some(if campaign.is_none() || of_campaign(&link) { vec![id] } else { Vec::new() }))
        }
        (None, Some(_)) => read_links(store, |link| of_campaign(link).then_some(link.id)).await.map(Some),
    }
}

/// Answers `GET /api/v1/ctr`. `now` ends the window of a question that names no end.
///
/// # Errors
/// When the window is not one, or the store fails.
pub(crate) async fn ctr(
    store: &dyn Store,
    query: &CtrQuery,
    report_zone: &TimeZone,
    now: Timestamp,
) -> Result<CtrReport, StatsError> {
    let today = now.to_zoned(report_zone.clone()).date();
    let impressions = read_impressions(store, query, today).await?;
    let window = ctr_window(query, &impressions, today)?;
    let links = read_links(store, |link| Some(LinkEntry::of(link))).await?;
    let cut = days_cut(&impressions, report_zone);
    let clicks = read_clicks(store, &links, window, &cut).await?;
    let material = Material { links: &links, clicks: &clicks, impressions: &impressions, zone: report_zone, window };
    Ok(ctr::report(query.by, query.numerator, &material))
}

/// The imported numbers of the days asked for; of the longest window when no first day is.
async fn read_impressions(
    store: &dyn Store,
    query: &CtrQuery,
    today: Date,
) -> Result<Vec<StoredImpression>, StatsError> {
    let days = i64::from(WINDOW_DAYS_MAX - 1);
    // A file may speak of a day that has not begun here.
    let newest = query.from.map_or_else(|| today.tomorrow().unwrap_or(today), |from| from.max(today));
    let last = query.to.unwrap_or(newest);
    let first = query.from.unwrap_or_else(|| last.saturating_sub(jiff::Span::new().days(days)));
    let window = Window::new(first, last)?;
    Ok(store.impressions(window.first(), window.last()).await?)
}

/// From the first day asked for (else the first that has impressions) to the last asked for (else today, so that
/// the clicks since the last import are seen).
fn ctr_window(query: &CtrQuery, impressions: &[StoredImpression], today: Date) -> Result<Window, QueryError> {
    let days = || impressions.iter().map(|stored| stored.impression.day);
    let last = query.to.unwrap_or_else(|| days().max().map_or(today, |day| day.max(today)));
    let Some(first) = query.from.or_else(|| days().min()) else {
        return Ok(Window::recent(last));
    };
    Window::new(first, last.max(query.to.unwrap_or(first)))
}

/// The clicks of links, a thousand links at a time, kept without the values that a ratio does not need.
async fn read_clicks(
    store: &dyn Store,
    links: &[LinkEntry],
    window: Window,
    with_hours: &BTreeSet<Date>,
) -> Result<ClickDays, StoreError> {
    let mut clicks = ClickDays::default();
    for page in links.chunks(LINKS_PAGE) {
        let ids: Vec<_> = page.iter().map(|link| link.id).collect();
        for day in store.counters(Some(&ids), window.first(), window.last()).await? {
            clicks.add(&day, with_hours.contains(&day.day));
        }
    }
    Ok(clicks)
}

/// What `choose` takes of every link.
async fn read_links<T>(store: &dyn Store, choose: impl Fn(&Link) -> Option<T>) -> Result<Vec<T>, StatsError> {
    let mut chosen = Vec::new();
    let mut after = LinkId(0);
    for _ in 0..LINKS_MAX.div_ceil(LINKS_PAGE) {
        let page = store.links(after, LINKS_PAGE).await?;
        let Some(last) = page.last() else { return Ok(chosen) };
        after = last.id;
        chosen.extend(page.iter().filter_map(&choose));
    }
    if store.links(after, 1).await?.is_empty() { Ok(chosen) } else { Err(StatsError::TooManyLinks) }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::domain::counter::{Counters, DayCounters, Dimension};
    use crate::domain::impression::{ImportId, Impression, Kind, Subject};
    use crate::domain::placement::PostRef;
    use crate::impressions::fake_store::FakeStore;
    use crate::stats::query::{CtrParams, StatsParams};

    const NOW: &str = "2026-11-21T12:00:00Z";

    fn now() -> Timestamp {
        NOW.parse().unwrap()
    }

    fn counted(link: u64, day: Date) -> DayCounters {
        let mut counters = Counters::new();
        counters.add(Dimension::Verdict, "human", 2);
        DayCounters { link: LinkId(link), day, counters, visitors: 2 }
    }

    fn imported(day: Date) -> StoredImpression {
        let subject = Subject::Post(PostRef::parse("p").unwrap());
        let impression = Impression { subject, day, kind: Kind::Views, count: 10 };
        StoredImpression { impression, as_of: now(), import: ImportId(1) }
    }

    #[tokio::test]
    async fn stats_without_a_link_count_all_links_of_the_window() {
        let days = [counted(1, date(2026, 11, 20)), counted(9, date(2026, 11, 21)), counted(1, date(2026, 1, 1))];
        let store = FakeStore { counters: days.to_vec(), ..FakeStore::default() };
        let query = StatsQuery::parse(&StatsParams::default(), &TimeZone::UTC, now()).unwrap();
        let report = stats(&store, &query, &TimeZone::UTC).await.unwrap();
        assert_eq!((report.clicks, report.rows.len(), report.link), (4, 28, None));
    }

    #[tokio::test]
    async fn stats_of_a_link_that_is_not_there_are_an_error() {
        let params = StatsParams { link: Some("7".to_owned()), ..StatsParams::default() };
        let query = StatsQuery::parse(&params, &TimeZone::UTC, now()).unwrap();
        let refused = stats(&FakeStore::default(), &query, &TimeZone::UTC).await.unwrap_err();
        assert!(matches!(refused, StatsError::NoLink(LinkId(7))), "{refused}");
    }

    #[tokio::test]
    async fn a_ctr_window_runs_from_the_first_imported_day_to_today() {
        let impressions = vec![imported(date(2026, 3, 5)), imported(date(2026, 11, 22))];
        let store = FakeStore { impressions, ..FakeStore::default() };
        let query = CtrQuery::parse(&CtrParams { by: Some("post".to_owned()), ..CtrParams::default() }).unwrap();
        let report = ctr(&store, &query, &TimeZone::UTC, now()).await.unwrap();
        assert_eq!((report.from, report.to), (date(2026, 3, 5), date(2026, 11, 22)));
        assert_eq!((report.rows[0].clicks, report.rows[0].impressions), (None, Some(20)));
        let empty = ctr(&FakeStore::default(), &query, &TimeZone::UTC, now()).await.unwrap();
        assert_eq!((empty.from, empty.to, empty.rows.len()), (date(2026, 10, 25), date(2026, 11, 21), 0));
    }

    #[tokio::test]
    async fn a_ctr_window_is_bounded_like_any_other() {
        let ask = |from: &str, to: Option<&str>| {
            CtrQuery::parse(&CtrParams {
                from: Some(from.to_owned()),
                to: to.map(str::to_owned),
                ..CtrParams::default()
            })
        };
        assert!(ask("2026-11-02", Some("2026-11-01")).is_err());
        let refused = ctr(&FakeStore::default(), &ask("2001-01-01", None).unwrap(), &TimeZone::UTC, now()).await;
        assert!(matches!(refused, Err(StatsError::Query(_))));
        let future =
            ctr(&FakeStore::default(), &ask("2027-01-01", None).unwrap(), &TimeZone::UTC, now()).await.unwrap();
        assert_eq!((future.from, future.to), (date(2027, 1, 1), date(2027, 1, 1)));
    }
}
