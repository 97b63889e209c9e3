//! Click-through rates: a table by link, post, campaign, platform or level, each rate with its interval, and with
//! everything that a reader has to know about it. It must never show a bare percentage.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use maud::{Markup, html};

mod compare;
mod platform;
mod reconcile;

pub(super) use compare::{answer as versus, page as compare};
pub(super) use platform::page as platform;
pub(super) use reconcile::page as reconcile;

use super::field::Field;
use super::help::{Word, defined};
use super::layout::{self, Place};
use super::parts::{self, empty, head};
use super::text::{count, counted, interval, parts, plain, when};
use super::{Refused, figures, text, whisker};
use crate::admin::Admin;
use crate::stats::ctr::{Grouping, Numerator, Order};
use crate::stats::query::{CtrParams, CtrQuery};
use crate::stats::wire::{ConversionRate, CtrReport, CtrRow, Standing, StandingVerdict};

/// The most rows of a page; API and CLI have all of them.
const ROWS: usize = 300;

pub(super) async fn page(
    State(admin): State<Admin>,
    params: Result<Query<CtrParams>, QueryRejection>,
) -> Result<Response, Refused> {
    let Query(params) = params?;
    let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
    let params = CtrParams {
        by: filled(params.by),
        from: filled(params.from),
        to: filled(params.to),
        clicks: filled(params.clicks),
        sort: filled(params.sort),
        format: None,
    };
    let choice = Choice::of(&params);
    match answer(&admin, &params).await {
        Ok(report) => {
            let levels = levels(&admin, &choice, &params).await?;
            Ok(draw(&choice, &params, &rates(&report, &choice, &admin.report_zone), &levels).into_response())
        }
        Err(Refused(problem)) if problem.field().is_some() => {
            let wrong = html! { p.wrong role="alert" { (text::sentence(problem.detail())) } };
            Ok((problem.status(), draw(&choice, &params, &wrong, &html! {})).into_response())
        }
        Err(refused) => Err(refused),
    }
}

async fn answer(admin: &Admin, params: &CtrParams) -> Result<CtrReport, Refused> {
    figures::ctr(admin, &CtrQuery::parse(params)?).await
}

/// The rate of each level side by side, above rows of something else: what is a good rate for a post is none for a
/// story.
async fn levels(admin: &Admin, choice: &Choice, params: &CtrParams) -> Result<Markup, Refused> {
    if choice.by == Grouping::Level {
        return Ok(html! {});
    }
    let by_level = CtrParams { by: Some(Grouping::Level.as_str().to_owned()), sort: None, ..params.clone() };
    let rows: Vec<CtrRow> = answer(admin, &by_level).await?.rows.into_iter().filter(|row| row.ctr.is_some()).collect();
    Ok(html! { @if !rows.is_empty() { (parts::card("Levels side by side", whisker::table(&rows))) } })
}

/// The pages about rates.
#[derive(Clone, Copy, PartialEq, Eq)]
enum View {
    Rates,
    Compare,
    Platform,
    Reconcile,
}

const VIEWS: [(View, &str, &str); 4] = [
    (View::Rates, "/ctr", "Rates"),
    (View::Compare, "/ctr/compare", "Compare two"),
    (View::Platform, "/ctr/platform", "Platforms' numbers"),
    (View::Reconcile, "/ctr/reconcile", "Theirs and ours"),
];

/// A page about rates: its name, what it is about, what can be done, and the way to the others.
fn frame(view: View, title: &str, about: &Markup, actions: &Markup, content: &Markup) -> Markup {
    let tabs: Vec<_> = VIEWS
        .iter()
        .map(|(of, path, name)| parts::Tab { name, href: (*path).to_owned(), is_current: *of == view })
        .collect();
    let content = html! {
        (head(title, about, actions))
        (parts::tabs("Click-through rates", &tabs))
        (content)
    };
    layout::page(Place::Ctr, title, &content)
}

/// The days that a page is about, as they were typed; empty means all.
#[derive(Clone, Copy)]
struct Days<'a> {
    from: &'a str,
    to: &'a str,
}

impl<'a> Days<'a> {
    fn inputs(self) -> Markup {
        html! { (Field::new("from", "From").typed("date", self.from)) (Field::new("to", "To").typed("date", self.to)) }
    }

    fn from(self) -> Option<&'a str> {
        Some(self.from).filter(|day| !day.is_empty())
    }

    fn to(self) -> Option<&'a str> {
        Some(self.to).filter(|day| !day.is_empty())
    }
}

/// The way to the same numbers for a spreadsheet.
fn download(path: &str, asked: &[(&str, &str)]) -> Markup {
    let asked = asked.iter().filter(|(_, value)| !value.is_empty());
    let query =
        url::form_urlencoded::Serializer::new(String::new()).extend_pairs(asked).append_pair("format", "csv").finish();
    html! { a.button.plain href={ (path) "?" (query) } download { "Download CSV" } }
}

/// What the page's inputs show, whatever was asked.
struct Choice {
    by: Grouping,
    numerator: Numerator,
    order: Order,
}

impl Choice {
    fn of(params: &CtrParams) -> Self {
        Self {
            by: params.by.as_deref().and_then(Grouping::parse).unwrap_or(Grouping::Link),
            numerator: params.clicks.as_deref().and_then(Numerator::parse).unwrap_or(Numerator::Human),
            order: params.sort.as_deref().and_then(Order::parse).unwrap_or(Order::Size),
        }
    }
}

fn draw(choice: &Choice, params: &CtrParams, answer: &Markup, levels: &Markup) -> Markup {
    let content = html! {
        (levels)
        section.card {
            (tabs(choice, params))
            (inputs(choice, params))
            (answer)
        }
    };
    let about =
        html! { "Clicks divided by what platforms counted. " a href="/docs/ctr.md" { "What each number means" } };
    let given = |text: &Option<String>| text.clone().unwrap_or_default();
    let (from, to) = (given(&params.from), given(&params.to));
    let asked = [
        ("by", choice.by.as_str()),
        ("from", &from),
        ("to", &to),
        ("clicks", choice.numerator.as_str()),
        ("sort", choice.order.as_str()),
    ];
    frame(View::Rates, "Click-through rates", &about, &download("/api/v1/ctr", &asked), &content)
}

fn rates(report: &CtrReport, choice: &Choice, zone: &TimeZone) -> Markup {
    html! {
        p.hint {
            (numerator_name(choice.numerator)) " divided by the impressions of the same level and span, "
            (report.from) " to " (report.to) " (" (zone_name(zone)) "). A shaded band is what is usual."
        }
        (body(report, Table { by: choice.by, numerator: choice.numerator, zone }))
    }
}

fn zone_name(zone: &TimeZone) -> &str {
    zone.iana_name().unwrap_or("report time zone")
}

fn numerator_name(numerator: Numerator) -> &'static str {
    match numerator {
        Numerator::Human => "Human clicks",
        Numerator::Unique => "Different visitors",
        Numerator::All => "Hits of every verdict",
    }
}

fn tabs(choice: &Choice, params: &CtrParams) -> Markup {
    let path = |by: Grouping| {
        let kept = [("from", &params.from), ("to", &params.to), ("clicks", &params.clicks), ("sort", &params.sort)];
        let kept = kept.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?)));
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("by", by.as_str())
            .extend_pairs(kept)
            .finish();
        format!("/ctr?{query}")
    };
    html! {
        nav.tabs.views aria-label="Rows" {
            @for by in Grouping::ALL {
                a href=(path(by)) aria-current=[(by == choice.by).then_some("true")] { "By " (by.as_str()) }
            }
        }
    }
}

fn inputs(choice: &Choice, params: &CtrParams) -> Markup {
    let given = |text: &Option<String>| text.clone().unwrap_or_default();
    let (from, to) = (given(&params.from), given(&params.to));
    let numerators = Numerator::ALL.map(|numerator| (numerator.as_str(), numerator_name(numerator)));
    let orders = Order::ALL.map(|order| (order.as_str(), order_name(order)));
    html! {
        form.line method="get" action="/ctr" {
            input type="hidden" name="by" value=(choice.by.as_str());
            (Days { from: &from, to: &to }.inputs())
            (Field::new("clicks", "What is divided").named_choice(choice.numerator.as_str(), &numerators))
            (Field::new("sort", "First").named_choice(choice.order.as_str(), &orders))
            button.plain { "Show" }
        }
    }
}

fn order_name(order: Order) -> &'static str {
    match order {
        Order::Size => "Most impressions",
        Order::Rank => "Best, without luck",
    }
}

fn body(report: &CtrReport, table: Table<'_>) -> Markup {
    let left_out = report.rows.len().saturating_sub(ROWS) as u64 + report.rows_left_out;
    html! {
        @if report.rows.is_empty() {
            (empty("Nothing to divide yet: there are neither clicks nor impressions in these days.", Some(("/imports", "Import impressions"))))
        } @else {
            (table.draw(&report.rows[..report.rows.len().min(ROWS)]))
            @if left_out > 0 { p.hint { (counted(left_out, "row")) " with fewer impressions are not shown: " code { "waypost ctr" } " lists them." } }
        }
    }
}

/// How a table of rates is to be read.
#[derive(Clone, Copy)]
pub(super) struct Table<'a> {
    pub(super) by: Grouping,
    pub(super) numerator: Numerator,
    pub(super) zone: &'a TimeZone,
}

impl Table<'_> {
    /// One group of rows for each rate. The whiskers share their scale; what holds for every rate is said once.
    pub(super) fn draw(self, rows: &[CtrRow]) -> Markup {
        let scale = whisker::Scale::of(rows);
        let shared = shared_as_of(rows);
        html! {
            table.rates {
                thead {
                    tr {
                        th scope="col" { (capital(self.by.as_str())) }
                        th.number scope="col" { (self.dividend()) " / " (defined(Word::Impressions, "impressions")) }
                        th.number scope="col" { (defined(Word::Ctr, "CTR")) ", " (defined(Word::Interval, "95 % interval")) }
                        th.roomy scope="col" { (scale.ends()) }
                    }
                }
                @for row in rows { (self.group(row, scale, shared.is_none())) }
            }
            @if let Some(as_of) = shared { p.hint { "Impressions " (defined(Word::AsOf, "as of")) " " (when(as_of, self.zone)) "." } }
        }
    }

    fn dividend(self) -> Markup {
        match self.numerator {
            Numerator::Human => defined(Word::Click, "Clicks"),
            Numerator::Unique => defined(Word::Visitor, "Visitors"),
            Numerator::All => defined(Word::Hit, "Hits"),
        }
    }

    /// A rate, and below it, over the whole width, what has to be known about it.
    fn group(self, row: &CtrRow, scale: whisker::Scale, says_as_of: bool) -> Markup {
        let as_of = row.as_of.filter(|_| says_as_of).map(|as_of| when(as_of, self.zone));
        let notes = self.notes(row);
        html! {
            tbody {
                tr {
                    td { (name(row, self.by)) }
                    td.number { (counts(row)) }
                    td.number { (ratio(row)) }
                    td.roomy { (whisker::draw(row, scale)) }
                }
                @if as_of.is_some() || !notes.is_empty() {
                    tr.about {
                        td colspan="4" {
                            ul.notes {
                                @if let Some(as_of) = &as_of { li { (defined(Word::AsOf, "As of")) " " (as_of) "." } }
                                @for note in &notes { li { (text::sentence(note)) } }
                            }
                        }
                    }
                }
            }
        }
    }

    /// What the rate leaves out, and what else its reader has to know.
    fn notes(self, row: &CtrRow) -> Vec<String> {
        let noun = match self.numerator {
            Numerator::Human => "click",
            Numerator::Unique => "visitor",
            Numerator::All => "hit",
        };
        let place = if self.by == Grouping::Link { "on days" } else { "of links or days" };
        let outside =
            format!("{} more, {place} without such impressions or after the as-of", counted(row.clicks_outside, noun));
        let outside = (row.clicks_outside > 0).then_some(outside);
        let notes = outside.into_iter().chain(row.notes.iter().map(|note| plain_note(note)));
        notes.chain(row.baselines.iter().map(standing)).chain(row.conversions.iter().map(converted)).collect()
    }
}

/// The instant until which the impressions of all rows hold, if it is one.
fn shared_as_of(rows: &[CtrRow]) -> Option<Timestamp> {
    let mut instants = rows.iter().filter_map(|row| row.as_of);
    let first = instants.next()?;
    instants.all(|instant| instant == first).then_some(first)
}

fn counts(row: &CtrRow) -> Markup {
    let known = |number: Option<u64>| html! { @match number { Some(number) => (count(number)), None => span.unknown { "unknown" } } };
    html! {
        (known(row.clicks)) " / " (known(row.impressions))
        @if let Some(kind) = &row.kind {
            small { (plain(kind)) @if let Some(basis) = row.basis { ", " (basis.words()) } }
        }
    }
}

fn name(row: &CtrRow, by: Grouping) -> Markup {
    let name = row.label.as_deref().unwrap_or(&row.value);
    html! {
        @if by == Grouping::Link && row.level.is_some() { a href={ "/links/" (row.value) } { (name) } }
        @else if by == Grouping::Link { "link " (name) }
        @else { (name) }
        " "
        @if let Some(level) = row.level.as_ref().filter(|level| by != Grouping::Level || **level != row.value) { span.tag { (level) } }
    }
}

/// Where the rate stands, and who says what is usual.
fn standing(standing: &Standing) -> String {
    let beside = if standing.of == "own" { "your own posts" } else { "what is usual" };
    let how = match standing.verdict {
        StandingVerdict::NotEnoughData => return format!("Too little data to hold against {beside}"),
        StandingVerdict::Above => "Above",
        StandingVerdict::Within => "Like",
        StandingVerdict::Below => "Below",
    };
    format!("{how} {beside}: {}", standing.source)
}

fn converted(converted: &ConversionRate) -> String {
    let rate = converted.rate.map_or_else(String::new, |rate| format!(" ({})", text::rate(rate)));
    let worth: Vec<_> = converted.values.iter().map(|(currency, value)| format!(", {value:.2} {currency}")).collect();
    let count = counted(converted.conversions, "conversion");
    format!("{count} of {}{rate}{}", counted(converted.clicks, "human click"), worth.concat())
}

/// Kinds are written as people read them.
fn plain_note(note: &str) -> String {
    note.replace("profile_visits", "profile visits").replace("story_views", "story views")
}

/// The rate with its interval, or why there is none.
fn ratio(row: &CtrRow) -> Markup {
    html! {
        @match row.ctr {
            None => span.unknown { "no CTR" },
            Some(ctr) => {
                @if row.enough { b { (text::rate(ctr)) } } @else { (text::rate(ctr)) small { "not enough data" } }
                @if let Some(interval) = interval(row) { small { (interval) } }
                @if ctr > 1.0 { small.wrong { "over 100 %" } }
            }
        }
    }
}

/// A rate in the list of links: with its interval, and what it rests on.
pub(super) fn rate(row: Option<&CtrRow>) -> Markup {
    let Some(row) = row else { return html! { span.unknown { "no impressions" } } };
    let basis = parts(row);
    let notes = Some(row.notes.join("; ")).filter(|notes| !notes.is_empty());
    html! { span title=[notes] { (ratio(row)) small.roomy { (basis) } } }
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| format!("{}{}", first.to_uppercase(), letters.as_str())).unwrap_or_default()
}
