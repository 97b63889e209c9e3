//! The read side: series, breakdowns and click-through rates, computed from counters, click files and impressions.
//!
//! This file finds the links that a question is about ([`asked`]), reads the store and hands over to pure parts: [`mod@report`]
//! answers what happened when and how, [`ctr`] divides clicks by impressions. What counters cannot tell is counted from
//! click files ([`scanned`]). It must never decide what a number means.

mod asked;
pub(crate) mod breakdown;
pub(crate) mod compare;
pub(crate) mod ctr;
pub(crate) mod days;
pub(crate) mod interval;
pub(crate) mod pooled;
pub(crate) mod query;
pub(crate) mod rates;
pub(crate) mod report;
pub(crate) mod scanned;
pub(crate) mod seen;
pub(crate) mod series;
pub(crate) mod sheet;
pub(crate) mod shrink;
pub(crate) mod special;
pub(crate) mod weekly;
pub(crate) mod wire;

use std::sync::Arc;

use jiff::tz::TimeZone;
use serde::Deserialize;
use tokio::sync::Semaphore;

use crate::archive::{Archive, ArchiveError};
use crate::domain::filter::{ClickFilter, Filter};
use crate::domain::link::{Link, LinkId};
use crate::stats::asked::{Asked, named};
use crate::stats::days::Days;
use crate::stats::query::{By, QueryError, StatsQuery};
use crate::stats::report::{days_needed, dimensions_needed, is_counted, report};
use crate::stats::wire::StatsReport;
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

/// What questions about clicks are asked of.
pub(crate) struct Sources<'a> {
    pub(crate) store: &'a dyn Store,
    pub(crate) days: &'a Days,
    pub(crate) archive: &'a Arc<Archive>,
    /// Turns for reading click files: [`SCANS_MAX`](scanned::SCANS_MAX).
    pub(crate) scans: &'a Arc<Semaphore>,
    /// The report time zone.
    pub(crate) zone: &'a TimeZone,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StatsError {
    #[error(transparent)]
    Query(#[from] QueryError),
    #[error("there is no link {0}")]
    NoLink(LinkId),
    #[error("there are more than {LINKS_MAX} links; ask about one of them")]
    TooManyLinks,
    #[error("other questions are reading the click files: try again")]
    Busy,
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Answers `GET /api/v1/stats`.
///
/// # Errors
/// As [`reports`].
pub(crate) async fn stats(sources: &Sources<'_>, query: &StatsQuery, by: By) -> Result<StatsReport, StatsError> {
    let [report] = reports(sources, query, [by]).await?;
    Ok(report)
}

/// Answers `query` once for each of `by`: from one reading of the counters what they know, and from one reading of the
/// click files what they do not.
///
/// # Errors
/// When a link is unknown, it takes too long, or the store or the archive fails.
pub(crate) async fn reports<const N: usize>(
    sources: &Sources<'_>,
    query: &StatsQuery,
    by: [By; N],
) -> Result<[StatsReport; N], StatsError> {
    let named = named(sources.store, &query.filter).await?;
    let asked = Asked::read(sources.store, &query.filter, &by).await?;
    let mut reports = counted(sources, query, &asked, &named, by).await?;

    let left: Vec<By> = by.iter().zip(&reports).filter(|(_, report)| report.is_none()).map(|(by, _)| *by).collect();
    if !left.is_empty() {
        let scanned = scanned::reports(sources, query, &asked, &left).await?;
        reports
            .iter_mut()
            .filter(|report| report.is_none())
            .zip(scanned)
            .for_each(|(none, report)| *none = Some(report));
    }
    Ok(reports.map(|report| report.expect("what counters did not answer, click files did")))
}

/// What counters know; `None` of everything else.
async fn counted<const N: usize>(
    sources: &Sources<'_>,
    query: &StatsQuery,
    asked: &Asked,
    named: &[Link],
    by: [By; N],
) -> Result<[Option<StatsReport>; N], StatsError> {
    let zone = sources.zone;
    if !by.iter().any(|by| is_counted(query, *by, zone)) {
        return Ok(by.map(|_| None));
    }
    let alone = named.first().filter(|_| query.filter.only_link().is_some());
    let asked_for = dimensions_needed(query, &by, zone, alone.is_some());
    let counters = sources.days.read(sources.store, asked_for, &asked.links, days_needed(query, zone)).await?;
    let seen = alone.and_then(|link| report::seen(link, query, zone, &counters));
    let answer = |by: By| {
        let report = report(query, by, asked, zone, &counters).ok()?;
        Some(StatsReport { seen: seen.clone(), ..report })
    };
    Ok(by.map(|by| if is_counted(query, by, zone) { answer(by) } else { None }))
}

/// The links and clicks that an export is asked for.
///
/// # Errors
/// When the store fails.
pub(crate) async fn click_filter(store: &dyn Store, filter: &Filter) -> Result<ClickFilter, StatsError> {
    let links = Asked::read(store, filter, &[]).await?.links;
    let choices = filter.of_clicks().map(|(facet, choice)| (facet, choice.clone())).collect();
    Ok(ClickFilter { links, choices })
}

/// What `choose` takes of every link.
pub(crate) async fn read_links<T>(
    store: &dyn Store,
    choose: impl Fn(&Link) -> Option<T>,
) -> Result<Vec<T>, StatsError> {
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
    use jiff::Timestamp;
    use jiff::civil::{Date, date};

    use super::*;
    use crate::domain::counter::{Counters, DayCounters, Dimension};
    use crate::impressions::fake_store::FakeStore;
    use crate::stats::query::StatsParams;

    fn counted(link: u64, day: Date) -> DayCounters {
        let mut counters = Counters::new();
        counters.add(Dimension::Verdict, "human", 2);
        DayCounters { link: LinkId(link), day, counters, visitors: 2 }
    }

    async fn ask(store: &dyn Store, filter: Filter) -> Result<StatsReport, StatsError> {
        let folder = tempfile::TempDir::new().unwrap();
        let config = crate::config::Config::default_values().archive;
        let archive = Archive::open(&config, folder.path(), &tokio::runtime::Handle::current()).unwrap();
        let (archive, scans) = (Arc::new(archive), Arc::new(Semaphore::new(1)));
        let now: Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
        let (query, by) = StatsQuery::parse(&StatsParams::default(), filter, &TimeZone::UTC, now).unwrap();
        let sources = Sources { store, days: &Days::default(), archive: &archive, scans: &scans, zone: &TimeZone::UTC };
        stats(&sources, &query, by).await
    }

    #[tokio::test]
    async fn stats_without_a_link_count_all_links_of_the_window() {
        let days = [counted(1, date(2026, 11, 20)), counted(9, date(2026, 11, 21)), counted(1, date(2026, 1, 1))];
        let store = FakeStore { counters: days.to_vec(), ..FakeStore::default() };
        let report = ask(&store, Filter::default()).await.unwrap();
        assert_eq!((report.clicks, report.rows.len(), report.link), (4, 28, None));
    }

    #[tokio::test]
    async fn stats_of_a_link_that_is_not_there_are_an_error() {
        let refused = ask(&FakeStore::default(), Filter::of_link(LinkId(7))).await.unwrap_err();
        assert!(matches!(refused, StatsError::NoLink(LinkId(7))), "{refused}");
    }
}
