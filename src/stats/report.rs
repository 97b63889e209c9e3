//! Puts the answer to one stats question together from counters. Pure: it must never read a store or a clock.

use std::collections::BTreeMap;
use std::sync::Arc;

use hashbrown::HashMap;
use jiff::tz::TimeZone;

use crate::domain::counter::{Count, Dimension, Dimensions};
use crate::domain::facet::{Facet, LinkFacet};
use crate::domain::link::Link;
use crate::stats::asked::Asked;
use crate::stats::breakdown::{by_value, listed, share};
use crate::stats::days::DaySum;
use crate::stats::query::{By, StatsQuery, Window};
use crate::stats::series::{self, Misfit, Totals};
use crate::stats::wire::{CountedFrom, FilterPart, Seen, StatsReport, StatsRow};

/// Whether the question is asked in another zone than the counters are kept in.
pub(crate) fn is_elsewhere(query: &StatsQuery, report_zone: &TimeZone) -> bool {
    query.zone != *report_zone
}

/// The days whose counters the answer needs.
pub(crate) fn days_needed(query: &StatsQuery, report_zone: &TimeZone) -> Window {
    if is_elsewhere(query, report_zone) { query.window.widened() } else { query.window }
}

/// What counters are needed to answer by all of `by`; `alone` when one link is asked about, which may say where it stands.
pub(crate) fn dimensions_needed(query: &StatsQuery, by: &[By], report_zone: &TimeZone, alone: bool) -> Dimensions {
    let by_hour = |by: &By| *by == By::Hour || is_elsewhere(query, report_zone);
    let needed = |by: &By| by.dimension().or(by_hour(by).then_some(Dimension::Hour));
    let verdicts = Dimensions::of(&[Dimension::Verdict]);
    let needed = by.iter().filter_map(needed).fold(verdicts, Dimensions::and);
    if alone { needed.and(Dimension::Source).and(Dimension::SeenOn) } else { needed }
}

/// Whether counters tell clicks apart by `by`; in another zone they may not even tell days apart.
pub(crate) fn is_counted(query: &StatsQuery, by: By, report_zone: &TimeZone) -> bool {
    let by_is_counted = match by {
        By::Day | By::Hour => true,
        By::Value(Facet::Link(_)) => !is_elsewhere(query, report_zone),
        By::Value(Facet::Click(facet)) => facet.dimension().is_some() && !is_elsewhere(query, report_zone),
    };
    by_is_counted && query.filter.of_clicks().next().is_none()
}

/// Answers `query` from the counters of [`days_needed`], if [`is_counted`].
///
/// # Errors
/// When the counters cannot tell the days of the zone apart that was asked for.
pub(crate) fn report(
    query: &StatsQuery,
    by: By,
    asked: &Asked,
    report_zone: &TimeZone,
    counters: &[Arc<DaySum>],
) -> Result<StatsReport, Misfit> {
    if is_elsewhere(query, report_zone) {
        elsewhere(query, by, report_zone, counters)
    } else {
        at_home(query, by, asked, counters)
    }
}

/// In the report time zone: everything is known.
fn at_home(query: &StatsQuery, by: By, asked: &Asked, counters: &[Arc<DaySum>]) -> Result<StatsReport, Misfit> {
    let mut totals = Totals::default();
    counters.iter().for_each(|day| totals.add(Totals::of(day)));
    let rows = match (by, by.dimension()) {
        (By::Day, _) => day_rows(series::days(query.window, counters), totals.clicks),
        (By::Value(Facet::Link(facet)), _) => link_rows(facet, asked, counters, totals),
        (_, Some(dimension @ (Dimension::Verdict | Dimension::Reason))) => hit_rows(dimension, counters, totals),
        (_, Some(dimension)) => click_rows(dimension, counters, totals),
        (_, None) => hour_rows(query, &query.zone, counters)?,
    };
    let verdicts = by_value(Dimension::Verdict, counters, None).into_iter().collect();
    let known = Known {
        clicks: totals.clicks,
        visitors: Some(totals.visitors),
        hits: Some(totals.hits),
        verdicts: Some(verdicts),
    };
    Ok(answer(query, by, known, rows))
}

/// In another zone: only human clicks are known by the hour, so only they can be put into other days.
fn elsewhere(
    query: &StatsQuery,
    by: By,
    report_zone: &TimeZone,
    counters: &[Arc<DaySum>],
) -> Result<StatsReport, Misfit> {
    let rows = if by == By::Day {
        let days = series::days_elsewhere(query.window, &query.zone, report_zone, counters)?;
        plain_rows(days.into_iter().map(|(day, clicks)| (day.to_string(), clicks)).collect())
    } else {
        hour_rows(query, report_zone, counters)?
    };
    let clicks = rows.iter().fold(0_u64, |sum, row| sum.saturating_add(row.clicks));
    Ok(answer(query, by, Known { clicks, visitors: None, hits: None, verdicts: None }, rows))
}

/// The sums of an answer, as far as they are known.
#[derive(Clone)]
pub(crate) struct Known {
    pub(crate) clicks: u64,
    pub(crate) visitors: Option<u64>,
    pub(crate) hits: Option<u64>,
    pub(crate) verdicts: Option<BTreeMap<String, u64>>,
}

pub(crate) fn answer(query: &StatsQuery, by: By, known: Known, rows: Vec<StatsRow>) -> StatsReport {
    let single = |facet| query.filter.single(Facet::Link(facet));
    let part = |(facet, choice): (Facet, &crate::domain::filter::Choice)| {
        let [only, not] = choice.lists();
        FilterPart { facet: facet.as_str().to_owned(), only, not }
    };
    StatsReport {
        link: single(LinkFacet::Link).and_then(|id| id.parse().ok()),
        campaign: single(LinkFacet::Campaign).map(str::to_owned),
        filter: query.filter.iter().map(part).collect(),
        counted_from: CountedFrom::Counters,
        files_left_out: 0,
        from: query.window.first(),
        to: query.window.last(),
        time_zone: query.zone.iana_name().unwrap_or("UTC").to_owned(),
        by: by.as_str().to_owned(),
        clicks: known.clicks,
        visitors: known.visitors,
        hits: known.hits,
        verdicts: known.verdicts,
        rows,
        seen: None,
    }
}

/// Whether the clicks of `link` came from where it says; nothing if it says nothing, or in another zone.
pub(crate) fn seen(link: &Link, query: &StatsQuery, report_zone: &TimeZone, counters: &[Arc<DaySum>]) -> Option<Seen> {
    let spec = &link.spec;
    if (spec.utm.source.is_none() && spec.placement.platform.is_none()) || is_elsewhere(query, report_zone) {
        return None;
    }
    let rows = |dimension| plain_rows(by_value(dimension, counters, None));
    super::seen::of(spec.placement.level, &rows(Dimension::Source), &rows(Dimension::SeenOn))
}

fn day_rows(days: BTreeMap<jiff::civil::Date, Totals>, clicks: u64) -> Vec<StatsRow> {
    let row = |(day, totals): (jiff::civil::Date, Totals)| StatsRow {
        visitors: Some(totals.visitors),
        hits: Some(totals.hits),
        ..plain_row(day.to_string(), totals.clicks, clicks)
    };
    days.into_iter().map(row).collect()
}

fn hour_rows(query: &StatsQuery, report_zone: &TimeZone, counters: &[Arc<DaySum>]) -> Result<Vec<StatsRow>, Misfit> {
    let hours = series::hours(query.window, &query.zone, report_zone, counters)?;
    Ok(plain_rows(hours.into_iter().map(|(hour, clicks)| (series::hour_value(hour), clicks)).collect()))
}

/// Rows of what links declare, or of links.
fn link_rows(facet: LinkFacet, asked: &Asked, counters: &[Arc<DaySum>], totals: Totals) -> Vec<StatsRow> {
    let mut counts: HashMap<u64, Count> = HashMap::new();
    for link in counters.iter().flat_map(|day| day.links.iter()) {
        counts.entry(link.link.0).or_default().add(link.count());
    }
    let row = |(value, count): (String, Count)| StatsRow {
        label: asked.label(&value).filter(|_| facet == LinkFacet::Link),
        hits: Some(count.hits),
        ..plain_row(value, count.clicks, totals.clicks)
    };
    listed(asked.by_declared(facet, &counts), |count| count.clicks).into_iter().map(row).collect()
}

fn click_rows(dimension: Dimension, counters: &[Arc<DaySum>], totals: Totals) -> Vec<StatsRow> {
    if dimension != Dimension::Unfilled {
        return plain_rows(by_value(dimension, counters, Some(totals.clicks)));
    }
    // Most clicks bring no unfilled macro and some bring several, so these rows are parts of all clicks.
    let counts = by_value(dimension, counters, None).into_iter();
    counts.map(|(value, clicks)| plain_row(value, clicks, totals.clicks)).collect()
}

/// Rows of clicks whose shares are of their own sum.
fn plain_rows(counts: Vec<(String, u64)>) -> Vec<StatsRow> {
    let sum = counts.iter().fold(0_u64, |sum, (_, count)| sum.saturating_add(*count));
    counts.into_iter().map(|(value, clicks)| plain_row(value, clicks, sum)).collect()
}

fn plain_row(value: String, clicks: u64, of: u64) -> StatsRow {
    StatsRow { value, label: None, clicks, share: share(clicks, of), visitors: None, hits: None }
}

/// Rows of hits: a click without an adjective is a human one, so the clicks of every other verdict are 0.
fn hit_rows(dimension: Dimension, counters: &[Arc<DaySum>], totals: Totals) -> Vec<StatsRow> {
    let human = crate::domain::verdict::Verdict::Human.as_str();
    let row = |(value, hits): (String, u64)| StatsRow {
        clicks: if dimension == Dimension::Verdict && value == human { hits } else { 0 },
        share: share(hits, totals.hits),
        hits: Some(hits),
        ..plain_row(value, 0, 0)
    };
    by_value(dimension, counters, None).into_iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::domain::counter::{Counters, DayCounters};
    use crate::domain::filter::Filter;
    use crate::domain::link::LinkId;
    use crate::stats::query::StatsParams;

    fn counted() -> Vec<Arc<DaySum>> {
        let mut counters = Counters::new();
        for (dimension, value, count) in [
            (Dimension::Verdict, "human", 6),
            (Dimension::Verdict, "bot", 4),
            (Dimension::Reason, "bot:user-agent", 4),
            (Dimension::Country, "SE", 4),
            (Dimension::Country, "DE", 2),
            (Dimension::Hour, "2026-11-20T23:00Z", 6),
        ] {
            counters.add(dimension, value, count);
        }
        DaySum::of_all(vec![DayCounters { link: LinkId(1), day: date(2026, 11, 20), counters, visitors: 5 }])
    }

    fn ask(by: &str, tz: &str) -> Option<StatsReport> {
        let text = |text: &str| Some(text.to_owned());
        let params = StatsParams { by: text(by), tz: text(tz), from: text("2026-11-20"), to: text("2026-11-21") };
        let now = jiff::Timestamp::UNIX_EPOCH;
        let (query, by) = StatsQuery::parse(&params, Filter::default(), &TimeZone::UTC, now).unwrap();
        let is_counted = is_counted(&query, by, &TimeZone::UTC);
        is_counted.then(|| report(&query, by, &Asked::default(), &TimeZone::UTC, &counted()).ok()).flatten()
    }

    fn brief(report: &StatsReport) -> Vec<(&str, u64, f64)> {
        report.rows.iter().map(|row| (row.value.as_str(), row.clicks, row.share)).collect()
    }

    #[test]
    fn days_carry_clicks_visitors_hits_and_their_share() {
        let report = ask("day", "UTC").unwrap();
        assert_eq!((report.clicks, report.visitors, report.hits), (6, Some(5), Some(10)));
        assert_eq!(brief(&report), [("2026-11-20", 6, 1.0), ("2026-11-21", 0, 0.0)]);
        assert_eq!((report.rows[0].visitors, report.rows[0].hits), (Some(5), Some(10)));
    }

    #[test]
    fn a_dimension_shares_out_the_clicks_and_verdicts_the_hits() {
        let report = ask("country", "UTC").unwrap();
        assert_eq!(brief(&report), [("SE", 4, 4.0 / 6.0), ("DE", 2, 2.0 / 6.0)]);
        let report = ask("verdict", "UTC").unwrap();
        assert_eq!(brief(&report), [("human", 6, 0.6), ("bot", 0, 0.4)]);
        assert_eq!(report.rows[1].hits, Some(4));
        let report = ask("reason", "UTC").unwrap();
        assert_eq!((report.rows[0].hits, report.rows[0].share), (Some(4), 0.4));
    }

    #[test]
    fn another_zone_moves_clicks_to_its_own_days_and_leaves_the_rest_unknown() {
        let report = ask("day", "Europe/Berlin").unwrap();
        assert_eq!(brief(&report), [("2026-11-20", 0, 0.0), ("2026-11-21", 6, 1.0)]);
        assert_eq!((report.clicks, report.visitors, report.hits, report.verdicts), (6, None, None, None));
        let report = ask("hour", "America/New_York").unwrap();
        assert_eq!(report.rows.len(), 48);
        assert_eq!(report.rows[0].value, "2026-11-20T05:00Z");
        assert_eq!(report.clicks, 6);
    }

    #[test]
    fn what_counters_cannot_know_of_another_zone_they_do_not_answer() {
        for (by, tz) in [("country", "Europe/Berlin"), ("day", "Asia/Kolkata"), ("hour", "Asia/Kathmandu")] {
            assert_eq!(ask(by, tz), None, "{by} {tz}");
        }
        assert_eq!(ask("asn", "UTC"), None);
    }

    #[test]
    fn links_are_told_apart_by_number_with_their_hits() {
        let report = ask("link", "UTC").unwrap();
        assert_eq!((brief(&report), report.rows[0].hits), (vec![("1", 6, 1.0)], Some(10)));
    }

    #[test]
    fn an_answer_is_read_back_as_it_was_written() {
        let report = ask("verdict", "UTC").unwrap();
        let text = serde_json::to_string(&report).unwrap();
        assert!(
            text.contains(r#""from":"2026-11-20""#) && text.contains(r#""verdicts":{"bot":4,"human":6}"#),
            "{text}"
        );
        assert_eq!(serde_json::from_str::<StatsReport>(&text).unwrap(), report);
    }
}
