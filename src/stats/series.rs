//! Clicks over time: days as they are stored, hours, and days of another time zone put together from hours.
//!
//! Pure. It must never show a day or hour of the window as missing: one without clicks is 0.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::domain::counter::Count;
use crate::stats::days::DaySum;
use crate::stats::query::Window;

/// What happened on one day of the report time zone, or in a whole window of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    /// Human clicks.
    pub(crate) clicks: u64,
    /// Visitors of each day and link added up.
    pub(crate) visitors: u64,
    /// Hits of every verdict.
    pub(crate) hits: u64,
}

impl Totals {
    pub(crate) fn of(day: &DaySum) -> Self {
        let Count { clicks, hits } = day.count();
        Self { clicks, visitors: day.visitors(), hits }
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.clicks = self.clicks.saturating_add(other.clicks);
        self.visitors = self.visitors.saturating_add(other.visitors);
        self.hits = self.hits.saturating_add(other.hits);
    }
}

/// Two zones of which one's hours do not begin when the other's do, such as Kolkata's and Berlin's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Misfit;

/// Every day of the window with its totals, in the report time zone.
pub(crate) fn days(window: Window, counters: &[Arc<DaySum>]) -> BTreeMap<Date, Totals> {
    let mut days: BTreeMap<_, _> = window.days().map(|day| (day, Totals::default())).collect();
    for counted in counters {
        if let Some(totals) = days.get_mut(&counted.day) {
            totals.add(Totals::of(counted));
        }
    }
    days
}

/// Every day of the window in `zone` with its human clicks, put together from the hours of `report_zone`.
///
/// `counters` must reach one day beyond the window on both sides.
///
/// # Errors
/// When a day of `zone` begins within an hour of `report_zone`.
pub(crate) fn days_elsewhere(
    window: Window,
    zone: &TimeZone,
    report_zone: &TimeZone,
    counters: &[Arc<DaySum>],
) -> Result<BTreeMap<Date, u64>, Misfit> {
    let mut days: BTreeMap<_, _> = window.days().map(|day| (day, 0_u64)).collect();
    let end = window.widened().last();
    if !days.keys().chain([&end]).all(|day| begins_an_hour(begin(*day, zone), report_zone)) {
        return Err(Misfit);
    }
    for (hour, count) in counters.iter().flat_map(|day| day.hours()) {
        if let Some(sum) = days.get_mut(&hour.to_zoned(zone.clone()).date()) {
            *sum = sum.saturating_add(count);
        }
    }
    Ok(days)
}

/// Every hour of the window in `zone` with its human clicks; 23 or 25 of them on the days that a clock change
/// makes shorter or longer. `counters` must reach one day beyond the window if the zones differ.
///
/// # Errors
/// When an hour of `zone` begins within an hour of `report_zone`.
pub(crate) fn hours(
    window: Window,
    zone: &TimeZone,
    report_zone: &TimeZone,
    counters: &[Arc<DaySum>],
) -> Result<BTreeMap<Timestamp, u64>, Misfit> {
    let (start, end) = (begin(window.first(), zone), begin(window.widened().last(), zone));
    let mut hours: BTreeMap<_, _> = begins_of_hours(window, zone).into_iter().map(|hour| (hour, 0_u64)).collect();
    if zone != report_zone && !hours.keys().all(|hour| begins_an_hour(*hour, report_zone)) {
        return Err(Misfit);
    }
    for (hour, count) in counters.iter().flat_map(|day| day.hours()) {
        if start <= hour && hour < end {
            let sum = hours.entry(hour).or_insert(0);
            *sum = sum.saturating_add(count);
        }
    }
    Ok(hours)
}

/// When each day of the window begins in `zone`.
pub(crate) fn begins_of_days(window: Window, zone: &TimeZone) -> Vec<Timestamp> {
    window.days().map(|day| begin(day, zone)).collect()
}

/// When each hour of the window begins on the clocks of `zone`.
pub(crate) fn begins_of_hours(window: Window, zone: &TimeZone) -> Vec<Timestamp> {
    let (start, end) = (begin(window.first(), zone), begin(window.widened().last(), zone));
    std::iter::successors(Some(start), |hour| Some(next_hour(*hour, zone))).take_while(|hour| *hour < end).collect()
}

/// The first instant of a day, which is not midnight where a clock change skips midnight.
pub(crate) fn begin(day: Date, zone: &TimeZone) -> Timestamp {
    day.to_zoned(zone.clone()).map_or(Timestamp::MAX, |midnight| midnight.timestamp())
}

/// `2026-11-21T13:00Z`, as the hour counters name it.
pub(crate) fn hour_value(hour: Timestamp) -> String {
    hour.strftime("%Y-%m-%dT%H:%MZ").to_string()
}

pub(crate) fn parse_hour(value: &str) -> Option<Timestamp> {
    value.parse().ok()
}

/// When the next hour begins on the clocks of `zone`; always later than `hour`.
fn next_hour(hour: Timestamp, zone: &TimeZone) -> Timestamp {
    let local = hour.to_zoned(zone.clone());
    let passed = i64::from(local.minute()) * 60 + i64::from(local.second());
    hour.saturating_add(SignedDuration::from_secs(3600 - passed)).unwrap_or(Timestamp::MAX)
}

fn begins_an_hour(instant: Timestamp, zone: &TimeZone) -> bool {
    let local = instant.to_zoned(zone.clone());
    local.minute() == 0 && local.second() == 0
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::domain::counter::{Counters, DayCounters, Dimension};
    use crate::domain::link::LinkId;

    fn zone(name: &str) -> TimeZone {
        TimeZone::get(name).unwrap()
    }

    fn day(day: Date, hours: &[(&str, u64)]) -> DayCounters {
        let mut counters = Counters::new();
        for (hour, count) in hours {
            counters.add(Dimension::Hour, hour, *count);
            counters.add(Dimension::Verdict, "human", *count);
        }
        DayCounters { link: LinkId(1), day, counters, visitors: 1 }
    }

    fn summed<const N: usize>(days: [DayCounters; N]) -> Vec<Arc<DaySum>> {
        DaySum::of_all(days.to_vec())
    }

    fn window(first: Date, last: Date) -> Window {
        Window::new(first, last).unwrap()
    }

    #[test]
    fn days_without_clicks_are_there_with_0_and_days_outside_are_not() {
        let counters = summed([
            day(date(2026, 11, 2), &[("2026-11-02T10:00Z", 3)]),
            day(date(2026, 11, 9), &[("2026-11-09T10:00Z", 5)]),
        ]);
        let days: Vec<_> = days(window(date(2026, 11, 1), date(2026, 11, 3)), &counters)
            .into_values()
            .map(|totals| totals.clicks)
            .collect();
        assert_eq!(days, [0, 3, 0]);
    }

    #[test]
    fn totals_tell_human_clicks_from_all_hits() {
        let mut counted = day(date(2026, 11, 2), &[("2026-11-02T10:00Z", 3)]);
        counted.counters.add(Dimension::Verdict, "bot", 4);
        assert_eq!(Totals::of(&summed([counted])[0]), Totals { clicks: 3, visitors: 1, hits: 7 });
    }

    #[test]
    fn a_day_has_23_24_or_25_hours() {
        let berlin = zone("Europe/Berlin");
        let hours_of = |day| hours(window(day, day), &berlin, &berlin, &[]).unwrap().len();
        assert_eq!(hours_of(date(2026, 3, 29)), 23);
        assert_eq!(hours_of(date(2026, 3, 30)), 24);
        assert_eq!(hours_of(date(2026, 10, 25)), 25);
    }

    #[test]
    fn both_hours_that_clocks_call_two_are_kept_apart_when_summer_time_ends() {
        let berlin = zone("Europe/Berlin");
        let sunday = date(2026, 10, 25);
        let counters = summed([day(sunday, &[("2026-10-25T00:00Z", 1), ("2026-10-25T01:00Z", 2)])]);
        let hours = hours(window(sunday, sunday), &berlin, &berlin, &counters).unwrap();
        let named: Vec<_> =
            hours.iter().filter(|(_, count)| **count > 0).map(|(hour, count)| (hour_value(*hour), *count)).collect();
        assert_eq!(named, [("2026-10-25T00:00Z".to_owned(), 1), ("2026-10-25T01:00Z".to_owned(), 2)]);
    }

    #[test]
    fn days_of_another_zone_are_put_together_from_hours() {
        let counters = summed([
            day(date(2026, 11, 20), &[("2026-11-20T14:00Z", 1), ("2026-11-20T15:00Z", 2)]),
            day(date(2026, 11, 21), &[("2026-11-21T14:00Z", 4), ("2026-11-21T15:00Z", 8)]),
        ]);
        let asked = window(date(2026, 11, 20), date(2026, 11, 21));
        let tokyo = days_elsewhere(asked, &zone("Asia/Tokyo"), &TimeZone::UTC, &counters).unwrap();
        assert_eq!(tokyo.into_values().collect::<Vec<_>>(), [1, 6]);
    }

    #[test]
    fn a_zone_with_half_hours_fits_its_own_kind_only() {
        let asked = window(date(2026, 11, 20), date(2026, 11, 21));
        let (kolkata, colombo) = (zone("Asia/Kolkata"), zone("Asia/Colombo"));
        assert_eq!(days_elsewhere(asked, &kolkata, &TimeZone::UTC, &[]), Err(Misfit));
        assert_eq!(hours(asked, &kolkata, &TimeZone::UTC, &[]), Err(Misfit));
        assert!(days_elsewhere(asked, &kolkata, &colombo, &[]).is_ok());
        assert_eq!(hours(asked, &kolkata, &kolkata, &[]).unwrap().len(), 48);
    }

    #[test]
    fn zones_that_skip_midnight_or_a_whole_day_or_half_an_hour_are_walked_to_the_end() {
        let count = |name, first, last| hours(window(first, last), &zone(name), &zone(name), &[]).unwrap().len();
        assert_eq!(count("Africa/Cairo", date(2026, 4, 24), date(2026, 4, 24)), 23);
        assert_eq!(count("Pacific/Apia", date(2011, 12, 29), date(2011, 12, 31)), 48);
        assert_eq!(count("Australia/Lord_Howe", date(2026, 4, 5), date(2026, 4, 5)), 25);
    }

    #[test]
    fn an_hour_without_a_readable_name_counts_nowhere() {
        let counters = summed([day(date(2026, 11, 20), &[("(other)", 1), ("2026-11-20T14:00Z", 2)])]);
        let one = window(date(2026, 11, 20), date(2026, 11, 20));
        let sum: u64 = hours(one, &TimeZone::UTC, &TimeZone::UTC, &counters).unwrap().into_values().sum();
        assert_eq!(sum, 2);
    }
}
