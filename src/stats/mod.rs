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
pub(crate) mod rates;
pub(crate) mod report;
pub(crate) mod seen;
pub(crate) mod series;
pub(crate) mod sheet;
pub(crate) mod shrink;
pub(crate) mod special;
pub(crate) mod weekly;
pub(crate) mod wire;

use jiff::tz::TimeZone;
use serde::Deserialize;

use crate::domain::link::{Link, LinkId};
use crate::stats::query::{QueryError, StatsQuery};
use crate::stats::report::{ZoneError, days_needed, report};
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
    let ids = links.as_ref().map(Asked::ids);
    let counters = store.counters(ids.as_deref(), days.first(), days.last()).await?;
    let mut report = report(query, report_zone, &counters)?;
    if let Some(Asked::One(link)) = &links {
        report.seen = report::seen(link, query, report_zone, &counters);
    }
    Ok(report)
}

/// The links that a question is about.
enum Asked {
    One(Box<Link>),
    Some(Vec<LinkId>),
}

impl Asked {
    fn ids(&self) -> Vec<LinkId> {
        match self {
            Self::One(link) => vec![link.id],
            Self::Some(ids) => ids.clone(),
        }
    }
}

/// `None` means all links, those that were removed included.
async fn asked_links(store: &dyn Store, query: &StatsQuery) -> Result<Option<Asked>, StatsError> {
    let of_campaign = |link: &Link| link.spec.utm.campaign == query.campaign;
    match (query.link, &query.campaign) {
        (None, None) => Ok(None),
        (Some(id), campaign) => {
            let link = store.link(id).await?.ok_or(StatsError::NoLink(id))?;
            let is_asked = campaign.is_none() || of_campaign(&link);
            Ok(Some(if is_asked { Asked::One(Box::new(link)) } else { Asked::Some(Vec::new()) }))
        }
        (None, Some(_)) => {
            let ids = read_links(store, |link| of_campaign(link).then_some(link.id)).await?;
            Ok(Some(Asked::Some(ids)))
        }
    }
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

    const NOW: &str = "2026-11-21T12:00:00Z";

    fn now() -> Timestamp {
        NOW.parse().unwrap()
    }

    fn counted(link: u64, day: Date) -> DayCounters {
        let mut counters = Counters::new();
        counters.add(Dimension::Verdict, "human", 2);
        DayCounters { link: LinkId(link), day, counters, visitors: 2 }
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
}
