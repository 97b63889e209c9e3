//! Asks click files what counters do not know: clicks under a filter, by anything they show, by days of any time zone.
//!
//! `answers` is pure and puts reports together from what a scan counted. It must never decide what a number means.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

use crate::archive::{Archive, ArchiveError, ClickQuery, CountQuery, Counted, Grouping, Groups};
use crate::domain::counter::Count;
use crate::domain::facet::{ClickFacet, Facet};
use crate::domain::filter::ClickFilter;
use crate::domain::verdict::Verdict;
use crate::stats::asked::Asked;
use crate::stats::breakdown::{listed, share};
use crate::stats::query::{By, StatsQuery};
use crate::stats::report::{Known, answer};
use crate::stats::series::{begin, begins_of_days, begins_of_hours, hour_value};
use crate::stats::wire::{CountedFrom, StatsReport, StatsRow};
use crate::stats::{Sources, StatsError};

/// Questions that read click files at once; each holds a few threads.
pub(crate) const SCANS_MAX: usize = 2;

/// How long a question waits for its turn, and how long it may then read.
const TURN_MAX: Duration = Duration::from_secs(20);
const SCAN_MAX: Duration = Duration::from_secs(25);

/// Answers `query` once for each of `by`, from one reading of the click files.
///
/// # Errors
/// When it takes too long, or the archive cannot be read.
pub(crate) async fn reports(
    sources: &Sources<'_>,
    query: &StatsQuery,
    asked: &Asked,
    by: &[By],
) -> Result<Vec<StatsReport>, StatsError> {
    let counted = count(sources.archive, sources.scans, question(query, asked), groupings(query, by)).await?;
    Ok(answers(query, asked, by, counted))
}

async fn count(
    archive: &Arc<Archive>,
    scans: &Arc<Semaphore>,
    clicks: ClickQuery,
    groupings: Vec<Grouping>,
) -> Result<Counted, StatsError> {
    let turn = tokio::time::timeout(TURN_MAX, Arc::clone(scans).acquire_owned());
    let Ok(Ok(turn)) = turn.await else { return Err(StatsError::Busy) };
    let archive = Arc::clone(archive);
    let scan = tokio::task::spawn_blocking(move || {
        let counted = archive.count(&CountQuery { clicks, groupings, until: Instant::now() + SCAN_MAX });
        drop(turn);
        counted
    });
    Ok(scan.await.unwrap_or(Err(ArchiveError::Thread))?)
}

/// The clicks of the window that the filter admits.
pub(crate) fn question(query: &StatsQuery, asked: &Asked) -> ClickQuery {
    let end = query.window.last().tomorrow().unwrap_or(query.window.last());
    let choices = query.filter.of_clicks().map(|(facet, choice)| (facet, choice.clone())).collect();
    ClickQuery {
        from_ms: Some(begin(query.window.first(), &query.zone).as_millisecond()),
        to_ms: Some(begin(end, &query.zone).as_millisecond()),
        filter: ClickFilter { links: asked.links.clone(), choices },
    }
}

fn groupings(query: &StatsQuery, by: &[By]) -> Vec<Grouping> {
    let spans = |begins: Vec<jiff::Timestamp>, visitors| Grouping::Spans {
        begins: begins.into_iter().map(jiff::Timestamp::as_millisecond).collect(),
        visitors,
    };
    let grouping = |by: &By| match by {
        By::Day => spans(begins_of_days(query.window, &query.zone), true),
        By::Hour => spans(begins_of_hours(query.window, &query.zone), false),
        By::Value(Facet::Link(_)) => Grouping::Link,
        By::Value(Facet::Click(facet)) => Grouping::Facet(*facet),
    };
    by.iter().map(grouping).collect()
}

fn answers(query: &StatsQuery, asked: &Asked, by: &[By], counted: Counted) -> Vec<StatsReport> {
    let verdicts = Verdict::ALL.into_iter().zip(counted.verdicts);
    let total = Count {
        clicks: counted.verdicts[Verdict::Human as usize],
        hits: counted.verdicts.iter().fold(0, |sum, hits| sum.saturating_add(*hits)),
    };
    let known = Known {
        clicks: total.clicks,
        visitors: Some(counted.visitors.count()),
        hits: Some(total.hits),
        verdicts: Some(
            verdicts.filter(|(_, hits)| *hits > 0).map(|(verdict, hits)| (verdict.as_str().to_owned(), hits)).collect(),
        ),
    };
    let report = |(by, groups): (&By, Groups)| {
        let rows = rows(query, asked, *by, groups, total);
        let report = answer(query, *by, known.clone(), rows);
        StatsReport { counted_from: CountedFrom::ClickFiles, files_left_out: counted.files_left_out as u64, ..report }
    };
    by.iter().zip(counted.groups).map(report).collect()
}

fn rows(query: &StatsQuery, asked: &Asked, by: By, groups: Groups, total: Count) -> Vec<StatsRow> {
    match groups {
        Groups::Spans(counts, visitors) => {
            spans(query, by, &counts, &visitors.iter().map(|of| of.count()).collect::<Vec<_>>())
        }
        Groups::Links(counts) => match by {
            By::Value(Facet::Link(facet)) => values(query, asked, by, asked.by_declared(facet, &counts), total),
            _ => Vec::new(),
        },
        Groups::Values(counts) => {
            let counts = counts.into_iter().map(|(value, count)| (value.into_string(), count));
            values(query, asked, by, counts.collect(), total)
        }
    }
}

fn spans(query: &StatsQuery, by: By, counts: &[Count], visitors: &[u64]) -> Vec<StatsRow> {
    let names: Vec<String> = match by {
        By::Day => query.window.days().map(|day| day.to_string()).collect(),
        _ => begins_of_hours(query.window, &query.zone).into_iter().map(hour_value).collect(),
    };
    let size = size_of(query, by);
    let sum = counts.iter().fold(0_u64, |sum, count| sum.saturating_add(size(count)));
    let row = |(at, (value, count)): (usize, (String, &Count))| StatsRow {
        value,
        label: None,
        clicks: count.clicks,
        share: share(size(count), sum),
        visitors: visitors.get(at).copied(),
        hits: Some(count.hits),
    };
    names.into_iter().zip(counts).enumerate().map(row).collect()
}

fn values(query: &StatsQuery, asked: &Asked, by: By, counts: Vec<(String, Count)>, total: Count) -> Vec<StatsRow> {
    let size = size_of(query, by);
    let all = size(&total);
    let row = |(value, count): (String, Count)| StatsRow {
        label: asked.label(&value).filter(|_| by.as_str() == "link"),
        share: share(size(&count), all),
        clicks: count.clicks,
        visitors: None,
        hits: Some(count.hits),
        value,
    };
    listed(counts, size).into_iter().map(row).collect()
}

/// What shares are parts of, and lists are ordered by: hits where clicks of people are not all that was asked for.
fn size_of(query: &StatsQuery, by: By) -> fn(&Count) -> u64 {
    let verdicts = [Facet::Click(ClickFacet::Verdict), Facet::Click(ClickFacet::Reason)];
    let asks_for_hits = verdicts.iter().any(|facet| by == By::Value(*facet) || query.filter.choice(*facet).is_some());
    if asks_for_hits { |count| count.hits } else { |count| count.clicks }
}
