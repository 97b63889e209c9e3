//! The days and hours of the report time zone.

use compact_str::CompactString;
use jiff::civil::Date;
use jiff::tz::TimeZone;

const HOUR_MS: i64 = 3_600_000;

/// The day and hour of instants in the report time zone. Clicks come nearly in order, so the last answer is kept.
pub(crate) struct Calendar {
    zone: TimeZone,
    /// `from_ms..to_ms` lies within one local hour.
    from_ms: i64,
    to_ms: i64,
    day: Date,
    hour: CompactString,
}

impl Calendar {
    pub(crate) fn new(zone: TimeZone) -> Self {
        Self { zone, from_ms: 0, to_ms: 0, day: Date::ZERO, hour: CompactString::const_new("") }
    }

    pub(crate) fn day(&mut self, time_ms: i64) -> Date {
        self.look_up(time_ms);
        self.day
    }

    /// The instant at which the local hour began, such as `2026-11-21T13:00Z`.
    pub(super) fn hour(&mut self, time_ms: i64) -> &str {
        self.look_up(time_ms);
        &self.hour
    }

    /// The same in milliseconds.
    pub(super) fn hour_begins(&mut self, time_ms: i64) -> i64 {
        self.look_up(time_ms);
        self.from_ms
    }

    fn look_up(&mut self, time_ms: i64) {
        if (self.from_ms..self.to_ms).contains(&time_ms) {
            return;
        }
        let instant = jiff::Timestamp::from_millisecond(time_ms).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        let local = self.zone.to_datetime(instant);
        let into_hour_ms =
            i64::from(local.minute()) * 60_000 + i64::from(local.second()) * 1000 + i64::from(local.millisecond());
        self.from_ms = instant.as_millisecond() - into_hour_ms;
        // An offset that changes within the hour (Lord Howe Island) ends the answer early.
        let next_change =
            self.zone.following(instant).next().map_or(i64::MAX, |change| change.timestamp().as_millisecond());
        self.to_ms = (self.from_ms + HOUR_MS).min(next_change);
        self.day = local.date();
        let start = jiff::Timestamp::from_millisecond(self.from_ms).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        self.hour = CompactString::from(start.strftime("%Y-%m-%dT%H:%MZ").to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calendar(zone: &str) -> Calendar {
        Calendar::new(TimeZone::get(zone).unwrap())
    }

    fn ms(text: &str) -> i64 {
        text.parse::<jiff::Timestamp>().unwrap().as_millisecond()
    }

    #[test]
    fn a_day_and_its_hours_are_those_of_the_report_time_zone() {
        let mut stockholm = calendar("Europe/Stockholm");
        assert_eq!(stockholm.day(ms("2026-11-20T23:30:00Z")).to_string(), "2026-11-21");
        assert_eq!(stockholm.hour(ms("2026-11-20T23:30:00Z")), "2026-11-20T23:00Z");
        assert_eq!(stockholm.day(ms("2026-11-20T22:59:59.999Z")).to_string(), "2026-11-20");
        let mut kolkata = calendar("Asia/Kolkata");
        assert_eq!(kolkata.hour(ms("2026-11-21T13:10:00Z")), "2026-11-21T12:30Z");
    }

    #[test]
    fn the_hour_that_comes_twice_in_autumn_is_two_hours() {
        let mut stockholm = calendar("Europe/Stockholm");
        assert_eq!(stockholm.hour(ms("2026-10-25T00:30:00Z")), "2026-10-25T00:00Z");
        assert_eq!(stockholm.hour(ms("2026-10-25T01:30:00Z")), "2026-10-25T01:00Z");
        assert_eq!(stockholm.day(ms("2026-10-25T01:30:00Z")).to_string(), "2026-10-25");
    }

    #[test]
    fn half_an_hour_of_daylight_saving_does_not_confuse_the_hours() {
        let mut lord_howe = calendar("Australia/Lord_Howe");
        let change = ms("2026-04-04T15:00:00Z");
        assert_eq!(lord_howe.hour(change - 60_000), "2026-04-04T14:00Z");
        assert_eq!(lord_howe.hour(change + 60_000), "2026-04-04T14:30Z");
    }
}
