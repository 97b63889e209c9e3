//! How numbers, times and names are written on pages. Pure.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::stats::wire::CtrRow;

/// `5,000`
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() * 4 / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// `1 click`, `5,000 clicks`
pub(super) fn counted(number: u64, one: &str) -> String {
    format!("{} {one}{}", count(number), if number == 1 { "" } else { "s" })
}

/// `60 %`
pub(super) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent > 0.0 && percent < 1.0 { "<1 %".to_owned() } else { format!("{percent:.0} %") }
}

/// `1.00 %`, with as many digits as a tiny rate needs.
pub(super) fn rate(ratio: f64) -> String {
    let percent = ratio * 100.0;
    if percent > 0.0 && percent < 0.1 { format!("{percent:.4} %") } else { format!("{percent:.2} %") }
}

/// `1.02 to 1.14 %`
pub(super) fn interval(row: &CtrRow) -> Option<String> {
    let (low, high) = (rate(row.low?), rate(row.high?));
    Some(format!("{} to {high}", low.trim_end_matches(" %")))
}

/// `50 clicks / 5,000 impressions`, the two numbers of a click-through rate.
pub(super) fn parts(row: &CtrRow) -> String {
    let known = |number: Option<u64>| number.map_or_else(|| "unknown".to_owned(), count);
    let clicks = row.clicks.map_or_else(|| "unknown clicks".to_owned(), |clicks| counted(clicks, "click"));
    match &row.kind {
        Some(kind) => format!("{clicks} / {} {}", known(row.impressions), plain(kind)),
        None => clicks,
    }
}

/// A word of the API as people read it: `profile visits` for `profile_visits`.
pub(super) fn plain(word: &str) -> String {
    word.replace('_', " ")
}

/// `2026-11-21 13:05 UTC`
pub(super) fn when(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M %Z").to_string()
}

/// `Nov 21, 13:05:09`, where the zone is told elsewhere.
pub(super) fn at_second(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%b %-d, %H:%M:%S").to_string()
}

/// `Nov 21`, for an axis that has no room for more.
pub(super) fn short_day(day: Date) -> String {
    day.strftime("%b %-d").to_string()
}

/// What is wrong, as a sentence: with a capital and a full stop.
pub(super) fn sentence(text: &str) -> String {
    let text = text.trim();
    let mut letters = text.chars();
    let Some(first) = letters.next() else { return String::new() };
    let stop = if text.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{}{}{stop}", first.to_uppercase(), letters.as_str())
}

/// An address without its scheme, cut to what a table has room for.
pub(super) fn short(url: &str, chars: usize) -> String {
    let text = url.split_once("://").map_or(url, |(_, rest)| rest);
    if text.chars().count() <= chars {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(chars).collect();
    cut.push('…');
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_and_shares_rounded_but_never_to_nothing() {
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(counted(1, "click"), "1 click");
        assert_eq!(counted(0, "click"), "0 clicks");
        assert_eq!(
            (percent(0.6), percent(0.001), percent(0.0)),
            ("60 %".to_owned(), "<1 %".to_owned(), "0 %".to_owned())
        );
        assert_eq!((rate(0.01), rate(0.000_07)), ("1.00 %".to_owned(), "0.0070 %".to_owned()));
        assert_eq!(short("https://example.com/abc", 11), "example.com…");
    }

    #[test]
    fn an_instant_is_written_with_its_zone() {
        let at = "2026-11-21T13:05:09Z".parse().unwrap();
        assert_eq!(when(at, &TimeZone::UTC), "2026-11-21 13:05 UTC");
        assert_eq!(when(at, &TimeZone::get("Europe/Stockholm").unwrap()), "2026-11-21 14:05 CET");
        assert_eq!(at_second(at, &TimeZone::get("Europe/Stockholm").unwrap()), "Nov 21, 14:05:09");
        assert_eq!(short_day("2026-11-02".parse().unwrap()), "Nov 2");
    }

    #[test]
    fn what_is_wrong_is_a_sentence() {
        assert_eq!(sentence("link 9 does not exist"), "Link 9 does not exist.");
        assert_eq!(sentence("Is it?"), "Is it?");
        assert_eq!(sentence(" "), "");
        assert_eq!(sentence("été"), "Été.");
    }
}
