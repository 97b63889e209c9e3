//! Click-through rates: a table by link, post, campaign, platform or level, each rate with its interval, and with
//! everything that a reader has to know about it. It must never show a bare percentage.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use maud::{Markup, html};

use super::layout::{self, Place};
use super::text::{count, counted, interval, parts, plain, when};
use super::words::{Word, defined};
use super::{Refused, figures, text, whisker};
use crate::admin::Admin;
use crate::stats::ctr::{Grouping, Numerator};
use crate::stats::query::{CtrParams, CtrQuery};
use crate::stats::wire::{CtrReport, CtrRow};

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
    };
    let choice = Choice::of(&params);
    match answer(&admin, &params).await {
        Ok(report) => Ok(draw(&choice, &params, &rates(&report, &choice, &admin.report_zone)).into_response()),
        Err(Refused(problem)) if problem.field().is_some() => {
            let wrong = html! { p.wrong role="alert" { (text::sentence(problem.detail())) } };
            Ok((problem.status(), draw(&choice, &params, &wrong)).into_response())
        }
        Err(refused) => Err(refused),
    }
}

async fn answer(admin: &Admin, params: &CtrParams) -> Result<CtrReport, Refused> {
    figures::ctr(admin, &CtrQuery::parse(params)?).await
}

/// What the page's inputs show, whatever was asked.
struct Choice {
    by: Grouping,
    numerator: Numerator,
}

impl Choice {
    fn of(params: &CtrParams) -> Self {
        Self {
            by: params.by.as_deref().and_then(Grouping::parse).unwrap_or(Grouping::Link),
            numerator: params.clicks.as_deref().and_then(Numerator::parse).unwrap_or(Numerator::Human),
        }
    }
}

fn draw(choice: &Choice, params: &CtrParams, answer: &Markup) -> Markup {
    let content = html! {
        section.card {
            h1 { "Click-through rates" }
            (tabs(choice, params))
            (inputs(choice, params))
            (answer)
        }
    };
    layout::page(Place::Ctr, &format!("Click-through rates by {}", choice.by.as_str()), &content)
}

fn rates(report: &CtrReport, choice: &Choice, zone: &TimeZone) -> Markup {
    html! {
        p.hint {
            (numerator_name(choice.numerator)) " divided by the impressions of the same level and days, "
            (report.from) " to " (report.to) " (" (zone_name(zone)) ")."
        }
        (body(report, choice.by, zone))
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
        let kept = [("from", &params.from), ("to", &params.to), ("clicks", &params.clicks)];
        let kept = kept.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?)));
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("by", by.as_str())
            .extend_pairs(kept)
            .finish();
        format!("/ctr?{query}")
    };
    html! {
        nav.tabs aria-label="Rows" {
            @for by in Grouping::ALL {
                a href=(path(by)) aria-current=[(by == choice.by).then_some("true")] { "By " (by.as_str()) }
            }
        }
    }
}

fn inputs(choice: &Choice, params: &CtrParams) -> Markup {
    html! {
        form.line method="get" action="/ctr" {
            input type="hidden" name="by" value=(choice.by.as_str());
            div.field { label for="from" { "From" } input #from name="from" type="date" value=[params.from.as_deref()]; }
            div.field { label for="to" { "To" } input #to name="to" type="date" value=[params.to.as_deref()]; }
            div.field {
                label for="clicks" { "What is divided" }
                select #clicks name="clicks" {
                    @for numerator in Numerator::ALL {
                        option value=(numerator.as_str()) selected[numerator == choice.numerator] { (numerator_name(numerator)) }
                    }
                }
            }
            button.plain { "Show" }
        }
    }
}

fn body(report: &CtrReport, by: Grouping, zone: &TimeZone) -> Markup {
    let left_out = report.rows.len().saturating_sub(ROWS) as u64 + report.rows_left_out;
    html! {
        @if report.rows.is_empty() {
            p { "Nothing to divide yet: there are neither clicks nor impressions in these days." }
            p { a href="/imports" { "Import impressions" } }
        } @else {
            (table(&report.rows[..report.rows.len().min(ROWS)], by, zone))
            @if left_out > 0 { p.hint { (counted(left_out, "row")) " with fewer impressions are not shown: " code { "waypost ctr" } " lists them." } }
        }
    }
}

/// One row for each rate. The whiskers of a table share their scale; what holds for all of its rows is said once.
pub(super) fn table(rows: &[CtrRow], by: Grouping, zone: &TimeZone) -> Markup {
    let scale = whisker::Scale::of(rows);
    let shared = shared_as_of(rows);
    html! {
        table.rates {
            thead {
                tr {
                    th scope="col" { (capital(by.as_str())) }
                    th.number scope="col" { (defined(Word::Click, "Clicks")) " / " (defined(Word::Impressions, "impressions")) }
                    th.number scope="col" { (defined(Word::Ctr, "CTR")) ", " (defined(Word::Interval, "95 % interval")) }
                    th.roomy scope="col" { (scale.ends()) }
                }
            }
            @for row in rows { (group(row, by, scale, shared.is_none().then_some(zone))) }
        }
        @if let Some(as_of) = shared { p.hint { "Impressions " (defined(Word::AsOf, "as of")) " " (when(as_of, zone)) "." } }
    }
}

/// The instant until which the impressions of all rows hold, if it is one.
fn shared_as_of(rows: &[CtrRow]) -> Option<Timestamp> {
    let mut instants = rows.iter().filter_map(|row| row.as_of);
    let first = instants.next()?;
    instants.all(|instant| instant == first).then_some(first)
}

/// A rate, and below it, over the whole width, what has to be known about it.
fn group(row: &CtrRow, by: Grouping, scale: whisker::Scale, zone: Option<&TimeZone>) -> Markup {
    html! {
        tbody {
            tr {
                td { (name(row, by)) }
                td.number { (counts(row)) }
                td.number { (ratio(row)) }
                td.roomy { (whisker::draw(row, scale)) }
            }
            (notes(row, zone))
        }
    }
}

fn counts(row: &CtrRow) -> Markup {
    let known = |number: Option<u64>| html! { @match number { Some(number) => (count(number)), None => span.unknown { "unknown" } } };
    html! {
        (known(row.clicks)) " / " (known(row.impressions))
        @if let Some(kind) = &row.kind { small { (plain(kind)) } }
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

/// Until when the row holds (in `zone`, if it is to be said), what it leaves out, and what else its reader has to know.
fn notes(row: &CtrRow, zone: Option<&TimeZone>) -> Markup {
    let outside = (row.clicks_outside > 0).then(|| {
        format!("{} not divided: on days without impressions, or after the as-of", counted(row.clicks_outside, "click"))
    });
    let notes: Vec<String> = outside.into_iter().chain(row.notes.iter().map(|note| plain_note(note))).collect();
    let as_of = zone.and_then(|zone| Some(when(row.as_of?, zone)));
    html! {
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
