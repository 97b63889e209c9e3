//! What somebody says about a file that the file itself does not say.
//!
//! It must never override what a file does say; only what it leaves open.

use std::fmt;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::impressions::date::Order;
use crate::impressions::mapping::Mapping;

/// All of it may be left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Options {
    /// What the file is called: a hint at its days and at the day on which it was made, and nothing else.
    pub(crate) file_name: String,
    /// The day on which this is asked. Days after it are in the future.
    pub(crate) today: Option<Date>,
    /// The day on which the numbers were read.
    pub(crate) as_of: Option<Date>,
    /// An IANA time zone in which the file's days begin.
    pub(crate) tz: Option<String>,
    /// The year of the newest day of a file whose days have none.
    pub(crate) year: Option<i16>,
    /// Whether `3/4/2026` is a day of April or of March.
    pub(crate) dates: Option<Order>,
    /// An ISO 4217 code, of files that show money without one.
    pub(crate) currency: Option<String>,
    pub(crate) platform: Option<String>,
    /// The account that the file is about.
    pub(crate) account: Option<String>,
    /// The days that the whole file is about.
    pub(crate) period: Option<Span>,
    /// Which column holds what, of a file that no dialect knows.
    pub(crate) map: Option<Mapping>,
    /// What was said before about files that no dialect knows, the newest first: each with a mapping.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) known: Vec<Options>,
}

impl Options {
    /// These, and what `earlier` says where they say nothing.
    pub(crate) fn or(&self, earlier: &Self) -> Self {
        let earlier = earlier.clone();
        let own = self.clone();
        Self {
            tz: own.tz.or(earlier.tz),
            dates: own.dates.or(earlier.dates),
            currency: own.currency.or(earlier.currency),
            platform: own.platform.or(earlier.platform),
            account: own.account.or(earlier.account),
            period: own.period.or(earlier.period),
            map: own.map.or(earlier.map),
            ..own
        }
    }
}

/// What a file without dates is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Span {
    /// Each post from its publication on.
    Lifetime,
    /// Both days included.
    Days(Date, Date),
}

impl Span {
    /// Reads `lifetime`, `2026-11-01` or `2026-11-01..2026-11-30`.
    ///
    /// # Errors
    /// In words.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if text.trim().eq_ignore_ascii_case("lifetime") {
            return Ok(Self::Lifetime);
        }
        let (from, to) = text.split_once("..").unwrap_or((text, text));
        let day = |text: &str| text.trim().parse::<Date>().ok();
        match (day(from), day(to)) {
            (Some(from), Some(to)) if from <= to => Ok(Self::Days(from, to)),
            _ => Err(format!("{text:?} is not a period: write lifetime, or 2026-11-01..2026-11-30")),
        }
    }
}

/// As [`Span::parse`] reads it.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lifetime => f.write_str("lifetime"),
            Self::Days(from, to) => write!(f, "{from}..{to}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn a_period_is_read_and_anything_else_named() {
        let november = Span::Days(date(2026, 11, 1), date(2026, 11, 30));
        assert_eq!(Span::parse("2026-11-01..2026-11-30"), Ok(november));
        assert_eq!(Span::parse("2026-11-01"), Ok(Span::Days(date(2026, 11, 1), date(2026, 11, 1))));
        assert_eq!(Span::parse("Lifetime"), Ok(Span::Lifetime));
        for wrong in ["", "november", "2026-11-30..2026-11-01", "2026-11-01.."] {
            assert!(Span::parse(wrong).is_err(), "{wrong}");
        }
    }
}
