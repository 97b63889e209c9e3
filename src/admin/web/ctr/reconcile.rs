//! Platforms' clicks beside ours, with the causes that fit where they differ. Neither number is corrected by the other.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use serde::Deserialize;

use super::{Days, View, download, frame};
use crate::admin::Admin;
use crate::admin::api::problem::Problem;
use crate::admin::web::Refused;
use crate::admin::web::help::{Word, defined};
use crate::admin::web::parts::empty;
use crate::admin::web::text::{count, counted, percent, plain, sentence};
use crate::stats::query::parse_ends;
use crate::stats::rates;
use crate::stats::wire::{Balance, Cause, Discrepancy, Reconciliation};

/// The most rows of a page; the download has all of them.
const ROWS: usize = 200;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::admin::web) struct Params {
    from: String,
    to: String,
}

pub(in crate::admin::web) async fn page(
    State(admin): State<Admin>,
    params: Result<Query<Params>, QueryRejection>,
) -> Result<Response, Refused> {
    let Query(params) = params?;
    match answer(&admin, &params).await {
        Ok(report) => Ok(draw(&params, &body(&report)).into_response()),
        Err(problem) if problem.status().is_server_error() => Err(problem.into()),
        Err(problem) => {
            let answer = html! { section.card { p.wrong role="alert" { (sentence(problem.detail())) } } };
            Ok((problem.status(), draw(&params, &answer)).into_response())
        }
    }
}

async fn answer(admin: &Admin, params: &Params) -> Result<Reconciliation, Problem> {
    let days = Days { from: &params.from, to: &params.to };
    let (from, to) = parse_ends(days.from(), days.to())?;
    Ok(rates::reconcile(&admin.ratings().await?, from, to).await?)
}

fn draw(params: &Params, answer: &Markup) -> Markup {
    let days = Days { from: &params.from, to: &params.to };
    let content = html! {
        section.card { form.line method="get" action="/ctr/reconcile" { (days.inputs()) button.plain { "Show" } } }
        (answer)
    };
    let action = download("/api/v1/ctr/reconcile", &[("from", &params.from), ("to", &params.to)]);
    let about = html! { "Their link clicks beside ours in the same spans, and what explains the difference." };
    frame(View::Reconcile, "Theirs and ours", &about, &action, &content)
}

fn body(report: &Reconciliation) -> Markup {
    let shown = &report.rows[..report.rows.len().min(ROWS)];
    let left = (report.rows.len() - shown.len()) as u64 + report.rows_left_out;
    html! {
        @if shown.is_empty() {
            section.card { (empty("No platform's own clicks are imported in these days.", Some(("/imports", "Import impressions")))) }
        } @else {
            p.hint {
                (report.from) " to " (report.to) ". A ratio of ours to theirs between " (report.expected_low) " and " (report.expected_high)
                " is as expected. " a href="/docs/ctr.md" { "How the causes are told" } "."
            }
            @for row in shown { (gap(row)) }
            @if left > 0 { p.hint { (counted(left, "row")) " more are in the download." } }
        }
    }
}

fn gap(row: &Discrepancy) -> Markup {
    let is_off = matches!(row.balance, Balance::OursFewer | Balance::OursMore);
    html! {
        section.card.gap {
            div.head {
                h2 { (row.label.as_deref().unwrap_or(&row.value)) }
                span.tag.off[is_off].on[row.balance == Balance::AsExpected] { (row.balance.words()) }
            }
            p.soft {
                @if let Some(platform) = &row.platform { span.tag { (platform) } " " }
                span.tag { (row.level) } " " (row.basis.words())
            }
            dl.tiles {
                div {
                    dt { "Theirs" }
                    dd { (known(row.platform_link)) }
                    dd.under { (row.platform_link_is.as_deref().map_or("no link clicks".to_owned(), plain)) }
                }
                div { dt { "Their taps of every kind" } dd { (known(row.platform_all)) } }
                div {
                    dt { (defined(Word::Click, "Ours")) }
                    dd { (count(row.human)) }
                    dd.under { (counted(row.unique, "visitor")) ", " (counted(row.all, "hit")) }
                }
                @if let Some(ratio) = row.ratio { div { dt { "Ours over theirs" } dd { (format!("{ratio:.2}")) } } }
            }
            @if !row.causes.is_empty() { (causes(&row.causes)) }
            (details(row))
        }
    }
}

fn known(number: Option<u64>) -> Markup {
    html! { @match number { Some(number) => (count(number)), None => span.unknown { "unknown" } } }
}

fn causes(causes: &[Cause]) -> Markup {
    html! {
        h3 { "What may explain it" }
        ul.causes {
            @for cause in causes {
                li {
                    (sentence(&cause.text))
                    @if let Some(share) = cause.explains { " " span.tag { "explains " (percent(share)) } }
                }
            }
        }
    }
}

/// What was filtered on our side, and what theirs is made of.
fn details(row: &Discrepancy) -> Markup {
    html! {
        @if !row.filtered.is_empty() || row.parts.is_some() {
            details {
                summary { "What both are made of" }
                dl.facts {
                    @for (verdict, hits) in &row.filtered { div { dt { "Ours: " (verdict) } dd { (counted(*hits, "hit")) " filtered" } } }
                    @if let Some(parts) = &row.parts {
                        @for (part, clicks) in &parts.of { div { dt { "Theirs: " (plain(part)) } dd { (count(*clicks)) } } }
                        @if !parts.adds_up { div { dt { "Their parts" } dd.wrong { "give " (count(parts.sum)) ", not their sum" } } }
                    }
                }
            }
        }
    }
}
