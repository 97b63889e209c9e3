//! Puts the answer to one stats question together from counters. Pure: it must never read a store or a clock.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;

use crate::domain::counter::{DayCounters, Dimension};
use crate::domain::link::Link;
use crate::stats::breakdown::{by_value, share};
use crate::stats::query::{By, StatsQuery, Window};
use crate::stats::series::{self, Misfit, Totals};
use crate::stats::wire::{Seen, StatsReport, StatsRow};

/// Why counters cannot answer in the time zone that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ZoneError {
    #[error(
        "days and hours of {asked} begin within hours of {report}, by which clicks are counted; \
         ask without tz, or set report.time_zone to \"{asked}\""
    )]
    Misfit { asked: String, report: String },
    #[error(
        "clicks by {by} are counted by the day of {report} and cannot be told apart by the day of {asked}; \
         ask without tz, or set report.time_zone to \"{asked}\""
    )]
    ByDay { by: &'static str, asked: String, report: String },
}

/// Whether the question is asked in another zone than the counters are kept in.
pub(crate) fn is_elsewhere(query: &StatsQuery, report_zone: &TimeZone) -> bool {
    query.zone != *report_zone
}

/// The days whose counters the answer needs.
pub(crate) fn days_needed(query: &StatsQuery, report_zone: &TimeZone) -> Window {
    if is_elsewhere(query, report_zone) { query.window.widened() } else { query.window }
}

/// Answers `query` from the counters of [`days_needed`].
///
/// # Errors
/// When the counters cannot tell the days of the zone apart that was asked for.
pub(crate) fn report(
    query: &StatsQuery,
    report_zone: &TimeZone,
    counters: &[DayCounters],
) -> Result<StatsReport, ZoneError> {
    if is_elsewhere(query, report_zone) { elsewhere(query, report_zone, counters) } else { at_home(query, counters) }
}

/// In the report time zone: everything is known.
fn at_home(query: &StatsQuery, counters: &[DayCounters]) -> Result<StatsReport, ZoneError> {
    let mut totals = Totals::default();
    counters.iter().for_each(|day| totals.add(Totals::of(day)));
    let rows = match query.by {
        By::Day => day_rows(series::days(query.window, counters), totals.clicks),
        By::Hour => hour_rows(query, &query.zone, counters)?,
        By::Value(dimension @ (Dimension::Verdict | Dimension::Reason)) => hit_rows(dimension, counters, totals),
        By::Value(dimension) => click_rows(dimension, counters, totals),
    };
    let verdicts = by_value(Dimension::Verdict, counters, None).into_iter().collect();
    let known = Known {
        clicks: totals.clicks,
        visitors: Some(totals.visitors),
        hits: Some(totals.hits),
        verdicts: Some(verdicts),
    };
    Ok(answer(query, known, rows))
}

/// In another zone: only human clicks are known by the hour, so only they can be put into other days.
fn elsewhere(query: &StatsQuery, report_zone: &TimeZone, counters: &[DayCounters]) -> Result<StatsReport, ZoneError> {
    let rows = match query.by {
        By::Day => {
            let days = series::days_elsewhere(query.window, &query.zone, report_zone, counters);
            let days = days.map_err(|Misfit| misfit(query, report_zone))?;
            plain_rows(days.into_iter().map(|(day, clicks)| (day.to_string(), clicks)).collect())
        }
        By::Hour => hour_rows(query, report_zone, counters)?,
        By::Value(_) => {
            let (asked, report) = (zone_name(&query.zone), zone_name(report_zone));
            return Err(ZoneError::ByDay { by: query.by.as_str(), asked, report });
        }
    };
    let clicks = rows.iter().fold(0_u64, |sum, row| sum.saturating_add(row.clicks));
    Ok(answer(query, Known { clicks, visitors: None, hits: None, verdicts: None }, rows))
}

/// The sums of an answer, as far as they are known.
struct Known {
    clicks: u64,
    visitors: Option<u64>,
    hits: Option<u64>,
    verdicts: Option<BTreeMap<String, u64>>,
}

fn answer(query: &StatsQuery, known: Known, rows: Vec<StatsRow>) -> StatsReport {
    StatsReport {
        link: query.link.map(|link| link.0),
        campaign: query.campaign.clone(),
        from: query.window.first(),
        to: query.window.last(),
        time_zone: zone_name(&query.zone),
        by: query.by.as_str().to_owned(),
        clicks: known.clicks,
        visitors: known.visitors,
        hits: known.hits,
        verdicts: known.verdicts,
        rows,
        seen: None,
    }
}

/// Whether the clicks of `link` came from where it says; nothing if it says nothing, or in another zone.
pub(crate) fn seen(link: &Link, query: &StatsQuery, report_zone: &TimeZone, counters: &[DayCounters]) -> Option<Seen> {
    let spec = &link.spec;
    if (spec.utm.source.is_none() && spec.placement.platform.is_none()) || is_elsewhere(query, report_zone) {
        return None;
    }
    let rows = |dimension| plain_rows(by_value(dimension, counters, None));
    super::seen::of(spec.placement.level, &rows(Dimension::Source), &rows(Dimension::SeenOn))
}

fn day_rows(days: BTreeMap<jiff::civil::Date, Totals>, clicks: u64) -> Vec<StatsRow> {
    let row = |(day, totals): (jiff::civil::Date, Totals)| StatsRow {
        value: day.to_string(),
        clicks: totals.clicks,
        share: share(totals.clicks, clicks),
        visitors: Some(totals.visitors),
        hits: Some(totals.hits),
    };
    days.into_iter().map(row).collect()
}

fn hour_rows(query: &StatsQuery, report_zone: &TimeZone, counters: &[DayCounters]) -> Result<Vec<StatsRow>, ZoneError> {
    let hours = series::hours(query.window, &query.zone, report_zone, counters);
    let hours = hours.map_err(|Misfit| misfit(query, report_zone))?;
    Ok(plain_rows(hours.into_iter().map(|(hour, clicks)| (series::hour_value(hour), clicks)).collect()))
}

fn click_rows(dimension: Dimension, counters: &[DayCounters], totals: Totals) -> Vec<StatsRow> {
    if dimension != Dimension::Unfilled {
        return plain_rows(by_value(dimension, counters, Some(totals.clicks)));
    }
    // Most clicks bring no unfilled macro and some bring several, so these rows are parts of all clicks.
    let mut rows = plain_rows(by_value(dimension, counters, None));
    rows.iter_mut().for_each(|row| row.share = share(row.clicks, totals.clicks));
    rows
}

/// Rows of clicks whose shares are of their own sum.
fn plain_rows(counts: Vec<(String, u64)>) -> Vec<StatsRow> {
    let sum = counts.iter().fold(0_u64, |sum, (_, count)| sum.saturating_add(*count));
    let row = |(value, clicks)| StatsRow { value, clicks, share: share(clicks, sum), visitors: None, hits: None };
    counts.into_iter().map(row).collect()
}

/// Rows of hits: a click without an adjective is a human one, so the clicks of every other verdict are 0.
fn hit_rows(dimension: Dimension, counters: &[DayCounters], totals: Totals) -> Vec<StatsRow> {
    let human = crate::domain::verdict::Verdict::Human.as_str();
    let row = |(value, hits): (String, u64)| StatsRow {
        clicks: if dimension == Dimension::Verdict && value == human { hits } else { 0 },
        share: share(hits, totals.hits),
        visitors: None,
        hits: Some(hits),
        value,
    };
    by_value(dimension, counters, None).into_iter().map(row).collect()
}

fn misfit(query: &StatsQuery, report_zone: &TimeZone) -> ZoneError {
    ZoneError::Misfit { asked: zone_name(&query.zone), report: zone_name(report_zone) }
}

fn zone_name(zone: &TimeZone) -> String {
    zone.iana_name().unwrap_or("UTC").to_owned()
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::domain::counter::Counters;
    use crate::domain::link::LinkId;
    use crate::stats::query::StatsParams;

    fn counted() -> Vec<DayCounters> {
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
        vec![DayCounters { link: LinkId(1), day: date(2026, 11, 20), counters, visitors: 5 }]
    }

    fn ask(by: &str, tz: &str) -> Result<StatsReport, ZoneError> {
        let text = |text: &str| Some(text.to_owned());
        let params = StatsParams {
            by: text(by),
            tz: text(tz),
            from: text("2026-11-20"),
            to: text("2026-11-21"),
            ..StatsParams::default()
        };
        let query = StatsQuery::parse(&params, &TimeZone::UTC, jiff::Timestamp::UNIX_EPOCH).unwrap();
        report(&query, &TimeZone::UTC, &counted())
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
    fn what_another_zone_cannot_know_is_an_error_that_says_what_to_set() {
        for (by, tz) in [("country", "Europe/Berlin"), ("day", "Asia/Kolkata"), ("hour", "Asia/Kathmandu")] {
            let refused = ask(by, tz).unwrap_err().to_string();
            assert!(refused.contains(&format!("set report.time_zone to \"{tz}\"")), "{refused}");
        }
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
