//! What can be asked of the read side, parsed at the edge. It must never let a window through that is reversed or
//! longer than the bound, nor guess what a misspelt parameter meant.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::domain::counter::Dimension;
use crate::domain::facet::{ClickFacet, Facet};
use crate::domain::filter::{Filter, FilterError};
use crate::stats::ctr::{Grouping, Numerator, Order};

/// The most days one question may span: ten years.
pub(crate) const WINDOW_DAYS_MAX: i32 = 3660;

/// The days of a question that names none.
const DEFAULT_DAYS: i32 = 28;

/// The years in which a day can be asked for; everything that is computed from one then stays in range.
const YEARS: std::ops::RangeInclusive<i16> = 1970..=2199;

/// A parameter that cannot be understood. `field` is its name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct QueryError {
    pub(crate) field: &'static str,
    pub(crate) message: String,
}

pub(crate) fn wrong(field: &'static str, message: String) -> QueryError {
    QueryError { field, message }
}

/// The parameters of `GET /api/v1/stats` but its filter, as they arrive.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct StatsParams {
    /// The first day, `2026-11-01`; four weeks ago unless said
    pub(crate) from: Option<String>,
    /// The last day; today unless said
    pub(crate) to: Option<String>,
    /// The time zone of days and hours, `Europe/Stockholm`; the report time zone unless said
    pub(crate) tz: Option<String>,
    /// `day` (unless said), `hour`, or anything that clicks can be filtered by
    pub(crate) by: Option<String>,
}

/// The parameters of `GET /api/v1/ctr`, as they arrive.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct CtrParams {
    pub(crate) by: Option<String>,
    pub(crate) from: Option<String>,
    pub(crate) to: Option<String>,
    pub(crate) clicks: Option<String>,
    pub(crate) sort: Option<String>,
    /// `json` or `csv`.
    pub(crate) format: Option<String>,
}

/// The parameters of `GET /api/v1/ctr/compare`, as they arrive.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct CompareParams {
    pub(crate) a: String,
    pub(crate) b: String,
    pub(crate) by: Option<String>,
    pub(crate) from: Option<String>,
    pub(crate) to: Option<String>,
    pub(crate) clicks: Option<String>,
}

/// The parameters of `GET /api/v1/ctr/reconcile`, as they arrive.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ReconcileParams {
    pub(crate) from: Option<String>,
    pub(crate) to: Option<String>,
    /// `json` or `csv`.
    pub(crate) format: Option<String>,
}

/// The parameters of `GET /api/v1/ctr/platform`, as they arrive.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PlatformParams {
    pub(crate) by: Option<String>,
    pub(crate) from: Option<String>,
    pub(crate) to: Option<String>,
    pub(crate) format: Option<String>,
}

/// Days, both ends included; never reversed, never longer than [`WINDOW_DAYS_MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    first: Date,
    last: Date,
}

impl Window {
    /// # Errors
    /// When `first` is after `last`, the days are too many, or a year lies outside 1970 to 2199.
    pub(crate) fn new(first: Date, last: Date) -> Result<Self, QueryError> {
        if !YEARS.contains(&first.year()) || !YEARS.contains(&last.year()) {
            let message = format!("{first} to {last}: days are counted from {} to {}", YEARS.start(), YEARS.end());
            return Err(wrong("from", message));
        }
        if first > last {
            return Err(wrong("from", format!("the window ends before it begins: {first} is after {last}")));
        }
        let days = days_between(first, last) + 1;
        if days > WINDOW_DAYS_MAX {
            let message =
                format!("{first} to {last} are {days} days; at most {WINDOW_DAYS_MAX} can be asked for at once");
            return Err(wrong("from", message));
        }
        Ok(Self { first, last })
    }

    /// The window that `from` and `to` name; one end alone is completed to the default length, ending `today`.
    pub(crate) fn parse(from: Option<&str>, to: Option<&str>, today: Date) -> Result<Self, QueryError> {
        let last = to.map(|text| parse_day("to", text)).transpose()?;
        let first = from.map(|text| parse_day("from", text)).transpose()?;
        let last = last.unwrap_or_else(|| first.map_or(today, |first| first.max(today)));
        let first = first.unwrap_or_else(|| back(last, DEFAULT_DAYS - 1));
        Self::new(first, last)
    }

    pub(crate) fn first(self) -> Date {
        self.first
    }

    pub(crate) fn last(self) -> Date {
        self.last
    }

    pub(crate) fn contains(self, day: Date) -> bool {
        self.first <= day && day <= self.last
    }

    /// Every day from first to last.
    pub(crate) fn days(self) -> impl Iterator<Item = Date> {
        std::iter::successors(Some(self.first), |day| day.tomorrow().ok()).take_while(move |day| *day <= self.last)
    }

    /// One day more at both ends: every instant of these days in any time zone lies within.
    pub(crate) fn widened(self) -> Self {
        Self { first: back(self.first, 1), last: self.last.tomorrow().unwrap_or(self.last) }
    }
}

/// How many days `last` is after `first`.
fn days_between(first: Date, last: Date) -> i32 {
    last.since(first).map_or(i32::MAX - 1, |span| span.get_days())
}

/// `days` days before `day`.
fn back(day: Date, days: i32) -> Date {
    day.saturating_sub(jiff::Span::new().days(days))
}

/// Reads `YYYY-MM-DD`, and nothing else.
pub(crate) fn parse_day(field: &'static str, text: &str) -> Result<Date, QueryError> {
    let shape = text.len() == 10
        && text.bytes().enumerate().all(|(at, byte)| matches!((at, byte), (4 | 7, b'-') | (_, b'0'..=b'9')));
    let day = if shape { text.parse().ok() } else { None };
    day.ok_or_else(|| wrong(field, format!("{:?} is not a day such as 2026-11-21", head(text))))
}

/// What a stats answer is told apart by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    Day,
    Hour,
    Value(Facet),
}

impl By {
    /// Every word for it.
    pub(crate) fn words() -> impl Iterator<Item = &'static str> {
        ["day", "hour"].into_iter().chain(Facet::all().map(Facet::as_str))
    }

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Hour => "hour",
            Self::Value(facet) => facet.as_str(),
        }
    }

    fn parse(text: &str) -> Result<Self, QueryError> {
        match (text, Facet::parse(text)) {
            ("day", _) => Ok(Self::Day),
            ("hour", _) => Ok(Self::Hour),
            (_, Some(facet)) => Ok(Self::Value(facet)),
            (_, None) => {
                let words: Vec<_> = Self::words().collect();
                Err(wrong("by", format!("{:?} is none of {}", head(text), words.join(", "))))
            }
        }
    }

    /// What counters count it by, if it is one dimension.
    pub(crate) fn dimension(self) -> Option<Dimension> {
        match self {
            Self::Value(Facet::Click(facet)) => facet.dimension(),
            _ => None,
        }
    }
}

impl From<Dimension> for By {
    fn from(dimension: Dimension) -> Self {
        ClickFacet::of(dimension).map_or(Self::Hour, |facet| Self::Value(Facet::Click(facet)))
    }
}

impl From<FilterError> for QueryError {
    fn from(error: FilterError) -> Self {
        wrong(error.facet.as_str(), error.message)
    }
}

/// Which clicks `stats` is asked about.
#[derive(Clone, Debug)]
pub(crate) struct StatsQuery {
    pub(crate) filter: Filter,
    pub(crate) window: Window,
    /// The zone whose days and hours are asked for.
    pub(crate) zone: TimeZone,
}

impl StatsQuery {
    /// # Errors
    /// When a parameter cannot be understood; it is named.
    pub(crate) fn parse(
        params: &StatsParams,
        filter: Filter,
        report_zone: &TimeZone,
        now: Timestamp,
    ) -> Result<(Self, By), QueryError> {
        let zone = params.tz.as_deref().map_or_else(|| Ok(report_zone.clone()), parse_zone)?;
        let today = now.to_zoned(zone.clone()).date();
        let window = Window::parse(params.from.as_deref(), params.to.as_deref(), today)?;
        let by = params.by.as_deref().map_or(Ok(By::Day), By::parse)?;
        Ok((Self { filter, window, zone }, by))
    }
}

fn parse_zone(text: &str) -> Result<TimeZone, QueryError> {
    let zone = TimeZone::get(text).ok().filter(|zone| zone.iana_name().is_some());
    zone.ok_or_else(|| wrong("tz", format!("{:?} is not an IANA time zone such as \"Europe/Stockholm\"", head(text))))
}

/// One question to `ctr`. No window means all days that have impressions, and the clicks since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CtrQuery {
    pub(crate) by: Grouping,
    pub(crate) from: Option<Date>,
    pub(crate) to: Option<Date>,
    pub(crate) numerator: Numerator,
    pub(crate) order: Order,
}

impl CtrQuery {
    /// # Errors
    /// When a parameter cannot be understood; it is named.
    pub(crate) fn parse(params: &CtrParams) -> Result<Self, QueryError> {
        let (from, to) = parse_ends(params.from.as_deref(), params.to.as_deref())?;
        Ok(Self {
            by: word(
                "by",
                params.by.as_deref(),
                Grouping::Link,
                Grouping::parse,
                &Grouping::ALL.map(Grouping::as_str),
            )?,
            from,
            to,
            numerator: numerator(params.clicks.as_deref())?,
            order: word("sort", params.sort.as_deref(), Order::Size, Order::parse, &Order::ALL.map(Order::as_str))?,
        })
    }
}

/// Two days that may each be missing.
pub(crate) fn parse_ends(from: Option<&str>, to: Option<&str>) -> Result<(Option<Date>, Option<Date>), QueryError> {
    let from = from.map(|text| parse_day("from", text)).transpose()?;
    let to = to.map(|text| parse_day("to", text)).transpose()?;
    if let (Some(from), Some(to)) = (from, to) {
        Window::new(from, to)?;
    }
    Ok((from, to))
}

/// The form of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Json,
    Csv,
    Markdown,
    Html,
}

impl Form {
    /// One of `among`, the first of which stands for nothing said.
    pub(crate) fn parse(text: Option<&str>, among: &[Self]) -> Result<Self, QueryError> {
        let words: Vec<_> = among.iter().map(|form| form.as_str()).collect();
        let find = |text: &str| among.iter().copied().find(|form| form.as_str() == text);
        word("format", text, among[0], find, &words)
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Csv => "csv",
            Self::Markdown => "md",
            Self::Html => "html",
        }
    }
}

/// Which clicks are asked for; human ones when nothing is said.
pub(crate) fn numerator(text: Option<&str>) -> Result<Numerator, QueryError> {
    word("clicks", text, Numerator::Human, Numerator::parse, &Numerator::ALL.map(Numerator::as_str))
}

/// One of a few words.
pub(crate) fn word<T>(
    field: &'static str,
    text: Option<&str>,
    default: T,
    parse: impl Fn(&str) -> Option<T>,
    words: &[&str],
) -> Result<T, QueryError> {
    let Some(text) = text else { return Ok(default) };
    parse(text).ok_or_else(|| wrong(field, format!("{:?} is none of {}", head(text), words.join(", "))))
}

/// The beginning of what somebody sent, short enough for a message.
pub(crate) fn head(text: &str) -> String {
    text.chars().take(64).collect()
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    const TODAY: Date = date(2026, 11, 21);

    #[test]
    fn a_window_without_ends_is_the_last_28_days() {
        let window = Window::parse(None, None, TODAY).unwrap();
        assert_eq!((window.first(), window.last()), (date(2026, 10, 25), TODAY));
        assert_eq!(window.days().count(), 28);
    }

    #[test]
    fn one_end_alone_is_completed() {
        let window = Window::parse(Some("2026-11-01"), None, TODAY).unwrap();
        assert_eq!((window.first(), window.last()), (date(2026, 11, 1), TODAY));
        let window = Window::parse(None, Some("2026-01-28"), TODAY).unwrap();
        assert_eq!((window.first(), window.last()), (date(2026, 1, 1), date(2026, 1, 28)));
        let window = Window::parse(Some("2027-01-01"), None, TODAY).unwrap();
        assert_eq!((window.first(), window.last()), (date(2027, 1, 1), date(2027, 1, 1)));
    }

    #[test]
    fn a_window_that_is_reversed_too_long_or_out_of_time_is_refused() {
        for (from, to) in [
            ("2026-11-02", "2026-11-01"),
            ("2016-01-01", "2026-11-01"),
            ("1969-12-31", "1970-01-02"),
            ("9999-12-31", "9999-12-31"),
        ] {
            let refused = Window::parse(Some(from), Some(to), TODAY).unwrap_err();
            assert_eq!(refused.field, "from", "{refused}");
        }
        let longest = Window::parse(Some("2016-01-01"), Some("2026-01-07"), TODAY).unwrap();
        assert_eq!(longest.days().count(), 3660);
    }

    #[test]
    fn a_day_is_ten_characters_and_exists() {
        for text in
            ["2026-11-1", "20261121", "2026-11-21T00:00", "2026-02-30", "-026-11-21", "٢٠٢٦-11-21", "", "+2026-1-01"]
        {
            let refused = parse_day("from", text).unwrap_err();
            assert!(refused.message.contains("2026-11-21"), "{text}: {refused}");
        }
        assert_eq!(parse_day("to", "2028-02-29").unwrap(), date(2028, 2, 29));
    }

    #[test]
    fn a_stats_question_is_understood_or_its_wrong_parameter_named() {
        let now: Timestamp = "2026-11-21T23:30:00Z".parse().unwrap();
        let ask = |params: StatsParams| StatsQuery::parse(&params, Filter::default(), &TimeZone::UTC, now);
        let text = |text: &str| Some(text.to_owned());
        let (query, by) =
            ask(StatsParams { tz: text("Asia/Tokyo"), by: text("seen_on"), ..Default::default() }).unwrap();
        assert_eq!(query.window.last(), date(2026, 11, 22), "today is asked of the zone");
        assert_eq!((by, by.dimension()), (By::from(Dimension::SeenOn), Some(Dimension::SeenOn)));
        let refused = [
            ask(StatsParams { tz: text("Mars/Olympus"), ..Default::default() }),
            ask(StatsParams { by: text("colour"), ..Default::default() }),
            ask(StatsParams { to: text("soon"), ..Default::default() }),
        ];
        let fields: Vec<_> = refused.into_iter().map(|answer| answer.unwrap_err().field).collect();
        assert_eq!(fields, ["tz", "by", "to"]);
    }

    #[test]
    fn an_unknown_parameter_is_refused_by_name() {
        let refused = serde_json::from_str::<StatsParams>(r#"{"group":"day"}"#).unwrap_err();
        assert!(refused.to_string().contains("group"), "{refused}");
    }

    #[test]
    fn a_ctr_question_defaults_to_human_clicks_by_link() {
        let query = CtrQuery::parse(&CtrParams::default()).unwrap();
        assert_eq!((query.by, query.numerator, query.from), (Grouping::Link, Numerator::Human, None));
        let wrong = CtrParams { clicks: Some("robots".to_owned()), ..Default::default() };
        assert_eq!(CtrQuery::parse(&wrong).unwrap_err().field, "clicks");
    }
}
