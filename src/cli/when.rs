//! Days and instants as people type them, and instants as people read them.

use jiff::Timestamp;
use jiff::civil::Date;

/// `2026-11-21`.
pub(crate) fn day(text: &str) -> Result<Date, String> {
    const CHARS: usize = "2026-11-21".len();
    let wrong = || "not a day; write it as 2026-11-21".to_owned();
    if text.len() != CHARS {
        return Err(wrong());
    }
    text.parse().map_err(|_| wrong())
}

/// `2026-11-21T10:00:00Z`, the same with another offset, or a day, which means its first instant in UTC.
pub(crate) fn instant(text: &str) -> Result<Timestamp, String> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at);
    }
    let first = day(text).ok().and_then(|day| day.to_zoned(jiff::tz::TimeZone::UTC).ok());
    first.map(|zoned| zoned.timestamp()).ok_or_else(|| "not an instant; write it as 2026-11-21T10:00:00Z".to_owned())
}

/// An [`instant`], or nothing, which clears the setting; in the form the API takes.
pub(crate) fn instant_or_nothing(text: &str) -> Result<String, String> {
    if text.is_empty() { Ok(String::new()) } else { instant(text).map(|at| at.to_string()) }
}

/// `2026-11-21 10:00Z` for people. A text that is not an instant is returned as it is.
pub(crate) fn minute(text: &str) -> String {
    text.parse::<Timestamp>().map_or_else(|_| text.to_owned(), |at| at.strftime("%Y-%m-%d %H:%MZ").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_only_the_iso_form() {
        assert_eq!(day("2026-11-21").unwrap().to_string(), "2026-11-21");
        for wrong in ["21.11.2026", "2026-11-31", "2026-11-21T10", "", "2026-1-2", "ååååå"] {
            assert!(day(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_instant_is_normalised_to_utc_and_a_day_is_its_midnight() {
        assert_eq!(instant("2026-11-21T10:00:00+01:00").unwrap().to_string(), "2026-11-21T09:00:00Z");
        assert_eq!(instant("2026-11-21").unwrap().to_string(), "2026-11-21T00:00:00Z");
        assert!(instant("2026-11-21T10:00").is_err());
        assert_eq!(instant_or_nothing("").unwrap(), "");
    }

    #[test]
    fn people_read_minutes() {
        assert_eq!(minute("2026-11-21T10:00:59.5Z"), "2026-11-21 10:00Z");
        assert_eq!(minute("soon"), "soon");
    }
}
