//! What a page was asked to show, read from its address and written back into addresses: any view can be shared.
//!
//! It must never forget a part of the question when another part of it changes.

use jiff::Span;
use jiff::civil::Date;
use maud::{Markup, html};

use super::parts::{Tab, tabs};
use super::text::short_day;
use crate::stats::query::{QueryError, Window, wrong};

/// The days of a page that is not asked for other ones.
const DAYS: i32 = 28;

/// Spans that are offered, in days and in words; each ends today.
const SPANS: [(i32, &str); 5] = [(1, "Today"), (7, "7 days"), (28, "28 days"), (90, "90 days"), (365, "1 year")];

/// The parameters by which days are chosen.
const DAYS_BY: [&str; 3] = ["days", "from", "to"];

/// A page's address without its path, taken apart.
#[derive(Clone, Debug)]
pub(super) struct View {
    pub(super) path: String,
    pub(super) window: Window,
    /// As they were asked for; empty ones are left out.
    pairs: Vec<(String, String)>,
}

impl View {
    /// # Errors
    /// When a parameter is none of `known` and those that choose days, or names days that cannot be.
    pub(super) fn parse(
        path: &str,
        pairs: Vec<(String, String)>,
        known: &[&str],
        today: Date,
    ) -> Result<Self, QueryError> {
        let mut pairs = pairs;
        pairs.retain(|(_, value)| !value.trim().is_empty());
        if let Some((name, _)) =
            pairs.iter().find(|(name, _)| !known.contains(&name.as_str()) && !DAYS_BY.contains(&name.as_str()))
        {
            let name: String = name.chars().take(40).collect();
            return Err(wrong("query", format!("this page has no parameter {name:?}")));
        }
        let get = |wanted: &str| pairs.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.trim());
        let window = match (get("from"), get("to"), get("days")) {
            (None, None, days) => last_days(days, today)?,
            (from, to, _) => Window::parse(from, to, today)?,
        };
        Ok(Self { path: path.to_owned(), window, pairs })
    }

    pub(super) fn get(&self, wanted: &str) -> Option<&str> {
        self.pairs.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.trim())
    }

    /// As many days, right before these.
    pub(super) fn before(&self) -> Window {
        let days = i32::try_from(self.window.days().count()).unwrap_or(DAYS);
        let back = |day: Date| day.saturating_sub(Span::new().days(days));
        Window::new(back(self.window.first()), back(self.window.last())).unwrap_or(self.window)
    }

    /// This view with one parameter set, or without it.
    pub(super) fn with(&self, name: &str, value: Option<&str>) -> Self {
        let mut view = self.clone();
        view.pairs.retain(|(known, _)| known != name);
        view.pairs.extend(value.map(|value| (name.to_owned(), value.to_owned())));
        view
    }

    pub(super) fn href(&self) -> String {
        self.href_of(&self.path)
    }

    /// The same question to another page.
    pub(super) fn href_of(&self, path: &str) -> String {
        if self.pairs.is_empty() {
            return path.to_owned();
        }
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.pairs).finish();
        format!("{path}?{query}")
    }

    /// Only the days, for a page that answers other questions.
    pub(super) fn days_only(&self, path: &str) -> String {
        let mut view = self.clone();
        view.pairs.retain(|(name, _)| DAYS_BY.contains(&name.as_str()));
        view.href_of(path)
    }

    /// The number of days that is chosen by name.
    fn span(&self) -> Option<i32> {
        match (self.get("from"), self.get("to"), self.get("days")) {
            (None, None, days) => Some(days.and_then(|days| days.parse().ok()).unwrap_or(DAYS)),
            _ => None,
        }
    }

    /// `Oct 26 to Nov 22, 2026`
    pub(super) fn days(&self) -> String {
        let (first, last) = (self.window.first(), self.window.last());
        match first == last {
            true => format!("{}, {}", short_day(last), last.year()),
            false if first.year() == last.year() => {
                format!("{} to {}, {}", short_day(first), short_day(last), last.year())
            }
            false => format!("{}, {} to {}, {}", short_day(first), first.year(), short_day(last), last.year()),
        }
    }

    /// The choice of days: spans that end today, and any other days.
    pub(super) fn picker(&self) -> Markup {
        let named = self.with("from", None).with("to", None);
        let tab = |(days, name): &(i32, &'static str)| Tab {
            name,
            href: named.with("days", (*days != DAYS).then(|| days.to_string()).as_deref()).href(),
            is_current: self.span() == Some(*days),
        };
        let spans: Vec<_> = SPANS.iter().map(tab).collect();
        html! {
            div.picker {
                (tabs("Days", &spans))
                details.menu {
                    summary { @if self.span().is_none() { b { (self.days()) } } @else { "Other days" } }
                    form method="get" action=(self.path) {
                        @for (name, value) in self.pairs.iter().filter(|(name, _)| !DAYS_BY.contains(&name.as_str())) {
                            input type="hidden" name=(name) value=(value);
                        }
                        div.field { label for="from" { "From" } input #from type="date" name="from" value=(self.window.first()) required; }
                        div.field { label for="to" { "To" } input #to type="date" name="to" value=(self.window.last()) required; }
                        button.plain { "Show" }
                    }
                }
            }
        }
    }
}

fn last_days(days: Option<&str>, today: Date) -> Result<Window, QueryError> {
    let days = match days {
        None => DAYS,
        Some(text) => {
            let number = text.parse::<i32>().ok().filter(|days| *days > 0);
            number.ok_or_else(|| wrong("days", format!("{text:?} is no number of days")))?
        }
    };
    Window::new(today.saturating_sub(Span::new().days(days - 1)), today)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn view(query: &str) -> Result<View, QueryError> {
        let pairs = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        View::parse("/", pairs, &["q"], date(2026, 11, 22))
    }

    #[test]
    fn a_view_is_its_address() {
        let asked = view("days=7&q=a%26b&from=").unwrap();
        assert_eq!(asked.href(), "/?days=7&q=a%26b");
        assert_eq!(asked.with("q", None).href(), "/?days=7");
        assert_eq!(asked.days_only("/links/7"), "/links/7?days=7");
        assert_eq!(view("").unwrap().href(), "/");
    }

    #[test]
    fn days_are_compared_with_as_many_before_them() {
        let asked = view("days=7").unwrap();
        assert_eq!((asked.window.first(), asked.before().first()), (date(2026, 11, 16), date(2026, 11, 9)));
        assert_eq!(asked.before().last(), date(2026, 11, 15));
        let asked = view("from=2026-11-02&to=2026-11-02").unwrap();
        assert_eq!((asked.days().as_str(), asked.before().last()), ("Nov 2, 2026", date(2026, 11, 1)));
    }

    #[test]
    fn what_a_page_does_not_know_is_refused_by_name() {
        assert!(view("x=1").unwrap_err().message.contains("\"x\""));
        assert_eq!(view("days=0").unwrap_err().field, "days");
        assert_eq!(view("from=2026-11-02&to=2026-11-01").unwrap_err().field, "from");
    }
}
