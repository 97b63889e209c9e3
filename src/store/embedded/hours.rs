//! The hours of a day as one byte each.
//!
//! A value of the dimension `hour` is the instant at which an hour of the report day began, `2026-11-21T13:00Z`. It lies
//! from 14 h before the day begins in UTC to 36 h after, whatever the time zone, and on a quarter of an hour.

use compact_str::CompactString;
use jiff::civil::{Date, Time};
use jiff::{Timestamp, tz};

const MINUTES_BEFORE: i64 = 14 * 60;
const MINUTES: i64 = 15;

/// The number of `hour` among the hours of `day`; `None` for any other text.
pub(super) fn quarters(day: Date, hour: &str) -> Option<u8> {
    let instant: Timestamp = hour.parse().ok()?;
    let begin = day.to_datetime(Time::midnight());
    let minutes = tz::Offset::UTC.to_datetime(instant).duration_since(begin).as_mins() + MINUTES_BEFORE;
    let quarters = u8::try_from(minutes / MINUTES).ok()?;
    (text(day, quarters) == hour).then_some(quarters)
}

/// The hour with this number. Near the ends of time it is one of the last day there is.
pub(super) fn text(day: Date, quarters: u8) -> CompactString {
    const DAY: i64 = 24 * 60;
    let minutes = i64::from(quarters) * MINUTES - MINUTES_BEFORE;
    let day = match minutes.div_euclid(DAY) {
        ..0 => day.yesterday(),
        0 => Ok(day),
        1 => day.tomorrow(),
        _ => day.tomorrow().and_then(Date::tomorrow),
    }
    .unwrap_or(day);
    let minutes = minutes.rem_euclid(DAY) as u16;
    let mut text = *b"0000-00-00T00:00Z";
    let year = day.year().unsigned_abs();
    digits(&mut text, 0, year / 100);
    digits(&mut text, 2, year % 100);
    digits(&mut text, 5, day.month().unsigned_abs().into());
    digits(&mut text, 8, day.day().unsigned_abs().into());
    digits(&mut text, 11, minutes / 60);
    digits(&mut text, 14, minutes % 60);
    CompactString::from_utf8_lossy(&text)
}

/// Two of them.
fn digits(text: &mut [u8; 17], at: usize, of: u16) {
    text[at] = b'0' + (of / 10) as u8;
    text[at + 1] = b'0' + (of % 10) as u8;
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn every_hour_of_a_day_has_a_number_in_whatever_zone() {
        let day = date(2026, 3, 1);
        for (hour, number) in [
            ("2026-02-28T10:00Z", 0),
            ("2026-02-28T18:15Z", 33),
            ("2026-03-01T00:00Z", 56),
            ("2026-03-01T13:30Z", 110),
            ("2026-03-02T11:00Z", 196),
        ] {
            assert_eq!(quarters(day, hour), Some(number), "{hour}");
            assert_eq!(text(day, number), hour);
        }
    }

    #[test]
    fn other_texts_have_none() {
        for other in
            ["", "(other)", "2026-03-01T13:07Z", "2026-03-01T13:00:00Z", "2026-02-27T13:00Z", "2026-03-05T00:00Z"]
        {
            assert_eq!(quarters(date(2026, 3, 1), other), None, "{other}");
        }
    }

    #[test]
    fn every_number_is_some_hour_to_the_ends_of_time() {
        for day in [Date::MIN, date(0, 1, 1), date(2026, 3, 1), Date::MAX] {
            (0..=u8::MAX).for_each(|number| assert_eq!(text(day, number).len(), 17));
        }
    }
}
