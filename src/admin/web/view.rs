//! What a page was asked to show, read from its address and written back into addresses: any view can be shared.
//!
//! It must never forget a part of the question when another part of it changes.

use jiff::Span;
use jiff::civil::Date;
use maud::{Markup, html};

use super::parts::{Tab, chip, tabs};
use super::text::{plain, short_day};
use crate::admin::api::problem::Problem;
use crate::domain::facet::{Facet, LinkFacet};
use crate::domain::filter::Filter;
use crate::domain::link::LinkId;
use crate::stats::query::{By, QueryError, Window, parse_day, wrong};

/// The days of a page that is not asked for other ones.
pub(super) const DAYS: i32 = 28;

/// Spans that are offered, in days and in words; each ends today.
const SPANS: [(i32, &str); 5] = [(1, "Today"), (7, "7 days"), (28, "28 days"), (90, "90 days"), (365, "1 year")];

/// The parameters by which days are chosen.
const DAYS_BY: [&str; 3] = ["days", "from", "to"];

/// The parameters by which the days are chosen that they are compared with.
const COMPARED_BY: [&str; 2] = ["from2", "to2"];

/// A page's address, taken apart.
#[derive(Clone, Debug)]
pub(super) struct View {
    path: String,
    /// The link that the page is about, which is in its path.
    link: Option<LinkId>,
    pub(super) window: Window,
    /// The days that these are compared with, if somebody chose them.
    compared: Option<Window>,
    pub(super) filter: Filter,
    /// The days as they were asked for, and what else the page knows; empty ones are left out.
    pairs: Vec<(String, String)>,
}

impl View {
    /// Of a page that knows the parameters `known` besides days and filters.
    ///
    /// # Errors
    /// When a parameter is unknown or cannot be understood.
    pub(super) fn parse(
        path: &str,
        asked: Vec<(String, String)>,
        known: &[&str],
        today: Date,
    ) -> Result<Self, Problem> {
        let (mut filter, mut pairs) = (Filter::default(), Vec::new());
        for (name, value) in added(asked)?.into_iter().filter(|(_, value)| !value.trim().is_empty()) {
            match Facet::parse(&name) {
                _ if known.iter().chain(&DAYS_BY).chain(&COMPARED_BY).any(|known| *known == name) => {
                    pairs.push((name, value));
                }
                Some(facet) => filter.add(facet, value.trim()).map_err(QueryError::from)?,
                None => {
                    let name: String = name.chars().take(40).collect();
                    return Err(Problem::malformed(format!("this page has no parameter {name:?}")));
                }
            }
        }
        let get = |wanted: &str| pairs.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.trim());
        let window = match (get("from"), get("to"), get("days")) {
            (None, None, days) => last_days(days, today)?,
            (from, to, _) => Window::parse(from, to, today)?,
        };
        let compared = compared(window, get("from2"), get("to2"))?;
        Ok(Self { path: path.to_owned(), link: None, window, compared, filter, pairs })
    }

    /// The view of one link's page.
    pub(super) fn of_link(self, link: LinkId) -> Self {
        Self { link: Some(link), ..self }
    }

    /// What the clicks are filtered by, the page's own link included.
    pub(super) fn asked(&self) -> Filter {
        let filter = self.filter.clone();
        match self.link {
            Some(link) => filter.with(Facet::Link(LinkFacet::Link), &link.to_string()),
            None => filter,
        }
    }

    pub(super) fn get(&self, wanted: &str) -> Option<&str> {
        self.pairs.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.trim())
    }

    /// What a bar of its chart stands for.
    pub(super) fn step(&self) -> By {
        if self.window.first() == self.window.last() { By::Hour } else { By::Day }
    }

    /// The days that these are compared with: those that somebody chose, or else as many right before these.
    pub(super) fn before(&self) -> Window {
        let days = length(self.window);
        let back = |day: Date| day.saturating_sub(Span::new().days(days));
        let before = || Window::new(back(self.window.first()), back(self.window.last())).unwrap_or(self.window);
        self.compared.unwrap_or_else(before)
    }

    /// What the days are called that these are compared with.
    pub(super) fn before_name(&self) -> &'static str {
        if self.compared.is_some() { "the other days" } else { "the time before" }
    }

    /// How many of these days come to one of those that they are compared with, if they are not as many.
    pub(super) fn scale(&self) -> Option<f64> {
        let (days, others) = (length(self.window), length(self.before()));
        (days != others).then(|| f64::from(days) / f64::from(others))
    }

    /// This view with one parameter set, or without it.
    pub(super) fn with(&self, name: &str, value: Option<&str>) -> Self {
        let mut view = self.clone();
        view.pairs.retain(|(known, _)| known != name);
        view.pairs.extend(value.map(|value| (name.to_owned(), value.to_owned())));
        view
    }

    /// This view from its first page on.
    pub(super) fn without_page(&self) -> Self {
        self.with("page", None)
    }

    /// Which page of a long list is asked for, from 1.
    pub(super) fn page_number(&self) -> usize {
        self.get("page").and_then(|page| page.parse::<usize>().ok()).unwrap_or(1).max(1)
    }

    /// Where to go on from a page of a long list: the page with this number, of `found` things in pages of `size`.
    pub(super) fn around(&self, number: usize, found: usize, size: usize) -> Markup {
        let page = |number: usize| {
            self.without_page().with("page", (number > 1).then(|| number.to_string()).as_deref()).href()
        };
        html! {
            @if found > size {
                nav.actions aria-label="Pages" {
                    @if number > 1 { a.button.plain rel="prev" href=(page(number - 1)) { "Back" } }
                    span.soft { "Page " (number) " of " (found.div_ceil(size)) }
                    @if number * size < found { a.button.plain rel="next" href=(page(number + 1)) { "On" } }
                }
            }
        }
    }

    /// This view narrowed down, or widened again.
    pub(super) fn filtered(&self, filter: Filter) -> Self {
        Self { filter, ..self.clone() }
    }

    pub(super) fn href(&self) -> String {
        self.href_of(&self.path)
    }

    /// The part of its address after `?`.
    pub(super) fn query(&self) -> String {
        self.href_of("").trim_start_matches('?').to_owned()
    }

    /// The same question to another page.
    pub(super) fn href_of(&self, path: &str) -> String {
        let (pairs, filters) = (&self.pairs, self.filter.pairs());
        if pairs.is_empty() && self.filter.is_empty() {
            return path.to_owned();
        }
        let query =
            url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).extend_pairs(filters).finish();
        format!("{path}?{query}")
    }

    /// Only the days, for a page that answers other questions.
    pub(super) fn days_only(&self, path: &str) -> String {
        let mut view = self.filtered(Filter::default());
        view.pairs.retain(|(name, _)| DAYS_BY.contains(&name.as_str()));
        view.href_of(path)
    }

    /// The first and the last day, for a page that knows no other way to choose them.
    pub(super) fn first_to_last(&self, path: &str) -> String {
        format!("{path}?from={}&to={}", self.window.first(), self.window.last())
    }

    /// What a form that changes a part of the question has to send along of the rest.
    pub(super) fn hidden(&self, but: &[&str]) -> Markup {
        html! {
            @for (name, value) in self.pairs.iter().filter(|(name, _)| !but.contains(&name.as_str())) {
                input type="hidden" name=(name) value=(value);
            }
            @for (name, value) in self.filter.pairs() { input type="hidden" name=(name) value=(value); }
        }
    }

    /// The days alone, for a form of a page that answers another question.
    pub(super) fn hidden_days(&self) -> Markup {
        html! {
            @for (name, value) in self.pairs.iter().filter(|(name, _)| DAYS_BY.contains(&name.as_str())) {
                input type="hidden" name=(name) value=(value);
            }
        }
    }

    /// The filters in force, each with the way out of it, and a form to add one of those `offered`.
    pub(super) fn filters(&self, offered: impl Iterator<Item = Facet>) -> Markup {
        let values = self.filter.iter().flat_map(|(facet, choice)| {
            let [only, not] = choice.lists();
            let of = move |is_not: bool| move |value: String| (facet, value, is_not);
            only.into_iter().map(of(false)).chain(not.into_iter().map(of(true)))
        });
        html! {
            div.chips {
                @for (facet, value, is_not) in values {
                    (chip(&plain(facet.as_str()), &value, is_not, &self.filtered(self.filter.clone().without(facet, &value)).href()))
                }
                @if !self.filter.is_empty() { a href=(self.filtered(Filter::default()).href()) { "Without filters" } }
                details.menu.left name="menu" {
                    summary { "Add a filter" }
                    form method="get" action=(self.path) {
                        (self.hidden(&[]))
                        (adding(offered))
                    }
                }
            }
        }
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
        days(self.window)
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
                details.menu name="menu" {
                    summary { @if self.span().is_none() { b { (self.days()) } } @else { "Other days" } }
                    form method="get" action=(self.path) {
                        (self.hidden(&DAYS_BY))
                        div.field { label for="from" { "From" } input #from type="date" name="from" value=(self.window.first()) required; }
                        div.field { label for="to" { "To" } input #to type="date" name="to" value=(self.window.last()) required; }
                        button.plain { "Show" }
                    }
                }
            }
        }
    }

    /// The choice of the days that these are compared with.
    pub(super) fn comparing(&self) -> Markup {
        let before = self.before();
        html! {
            details.menu name="menu" {
                summary { "Compared with " @if self.compared.is_some() { b { (days(before)) } } @else { "the time before" } }
                form method="get" action=(self.path) {
                    (self.hidden(&COMPARED_BY))
                    div.field { label for="from2" { "From" } input #from2 type="date" name="from2" value=(before.first()) required; }
                    div.field { label for="to2" { "To" } input #to2 type="date" name="to2" value=(before.last()); }
                    button.plain { "Compare" }
                    @if self.compared.is_some() { a href=(self.with("from2", None).with("to2", None).href()) { "With the time before" } }
                }
            }
        }
    }
}

/// The days that somebody wants to compare with; as many as there are in `window` unless both ends are said.
fn compared(window: Window, from: Option<&str>, to: Option<&str>) -> Result<Option<Window>, QueryError> {
    let from = from.map(|text| parse_day("from2", text)).transpose()?;
    let to = to.map(|text| parse_day("to2", text)).transpose()?;
    let more = Span::new().days(length(window) - 1);
    let (first, last) = match (from, to) {
        (None, None) => return Ok(None),
        (Some(first), Some(last)) => (first, last),
        (Some(first), None) => (first, first.saturating_add(more)),
        (None, Some(last)) => (last.saturating_sub(more), last),
    };
    Window::new(first, last).map(Some).map_err(|error| wrong("from2", error.message))
}

fn length(window: Window) -> i32 {
    i32::try_from(window.days().count()).unwrap_or(DAYS)
}

fn days(window: Window) -> String {
    let (first, last) = (window.first(), window.last());
    match first == last {
        true => format!("{}, {}", short_day(last), last.year()),
        false if first.year() == last.year() => {
            format!("{} to {}, {}", short_day(first), short_day(last), last.year())
        }
        false => format!("{}, {} to {}, {}", short_day(first), first.year(), short_day(last), last.year()),
    }
}

/// `facet=country&value=SE&not=1`, as the form for filters sends it, is `country=!SE`.
fn added(asked: Vec<(String, String)>) -> Result<Vec<(String, String)>, Problem> {
    let (form, mut pairs): (Vec<_>, Vec<_>) =
        asked.into_iter().partition(|(name, _)| ["facet", "value", "not"].contains(&name.as_str()));
    let get = |wanted: &str| form.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.trim());
    if let (Some(facet), Some(values)) = (get("facet"), get("value")) {
        if Facet::parse(facet).is_none() {
            return Err(Problem::invalid("facet", "clicks cannot be filtered by that"));
        }
        let sign = if get("not").is_some() { "!" } else { "" };
        pairs.push((facet.to_owned(), format!("{sign}{}", spaced(values))));
    }
    Ok(pairs)
}

/// People write a space after a comma; a comma that is part of a value has a backslash before it and keeps its own.
fn spaced(values: &str) -> String {
    let mut parts = values.split(", ").peekable();
    let mut text = String::new();
    while let Some(part) = parts.next() {
        text.push_str(part);
        if parts.peek().is_some() {
            text.push_str(if part.ends_with('\\') { ", " } else { "," });
        }
    }
    text
}

/// A form without a script cannot name a parameter after a choice, so [`added`] puts the two together.
fn adding(offered: impl Iterator<Item = Facet>) -> Markup {
    html! {
        div.field {
            label for="facet" { "What" }
            select #facet name="facet" { @for facet in offered { option value=(facet.as_str()) { (plain(facet.as_str())) } } }
        }
        div.field { label for="value" { "Is one of (separated by commas)" } input #value name="value" required placeholder="SE, NO"; }
        label.check { input type="checkbox" name="not" value="1"; "Is none of these" }
        button.plain { "Filter" }
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

    fn view(query: &str) -> Result<View, Problem> {
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
    fn any_other_days_can_be_compared_with_and_a_missing_end_makes_as_many() {
        let before = |query: &str| view(&format!("days=7&{query}")).map(|view| view.before());
        for query in ["from2=2025-11-16&to2=2025-11-22", "from2=2025-11-16", "to2=2025-11-22"] {
            let before = before(query).unwrap();
            assert_eq!((before.first(), before.last()), (date(2025, 11, 16), date(2025, 11, 22)), "{query}");
        }
        assert_eq!(view("days=7&from2=2025-11-01&to2=2025-11-14").unwrap().scale(), Some(0.5));
        assert_eq!(view("days=7&from2=2025-11-01").unwrap().scale(), None);
        assert_eq!(before("from2=2025-11-02&to2=2025-11-01").unwrap_err().field(), Some("from2"));
        assert_eq!(before("to2=yesterday").unwrap_err().field(), Some("to2"));
        let asked = view("days=7&from2=2025-11-16&country=SE").unwrap();
        assert_eq!(asked.href(), "/?days=7&from2=2025-11-16&country=SE");
        assert_eq!(asked.days_only("/links/7"), "/links/7?days=7");
        assert_eq!(asked.first_to_last("/ctr"), "/ctr?from=2026-11-16&to=2026-11-22");
    }

    #[test]
    fn filters_are_part_of_the_address_and_stay_when_days_change() {
        let asked = view("country=SE,NO&device=!mobile").unwrap();
        assert_eq!(asked.with("days", Some("7")).href(), "/?days=7&country=NO%2CSE&device=%21mobile");
        assert_eq!(asked.days_only("/ctr"), "/ctr");
        let asked = view("days=7&facet=country&value=SE,+NO&not=1").unwrap();
        assert_eq!(asked.href(), "/?days=7&country=%21NO%2CSE");
        assert_eq!(view(r"facet=organisation&value=Acme\,+Inc.").unwrap().href(), "/?organisation=Acme%5C%2C+Inc.");
        assert!(view("facet=colour&value=red").is_err());
    }

    #[test]
    fn what_a_page_does_not_know_is_refused_by_name() {
        assert!(view("x=1").unwrap_err().detail().contains("\"x\""));
        assert_eq!(view("days=0").unwrap_err().field(), Some("days"));
        assert_eq!(view("from=2026-11-02&to=2026-11-01").unwrap_err().field(), Some("from"));
        assert_eq!(view("level=top").unwrap_err().field(), Some("level"));
    }
}
