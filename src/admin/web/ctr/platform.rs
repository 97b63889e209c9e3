//! What platforms count themselves: clicks by kind, rates, spend and cost, beside our human clicks in the same spans.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use serde::Deserialize;

use super::{Days, View, download, frame};
use crate::admin::Admin;
use crate::admin::api::problem::Problem;
use crate::admin::web::Refused;
use crate::admin::web::field::Field;
use crate::admin::web::help::{Word, defined};
use crate::admin::web::parts::empty;
use crate::admin::web::text::{self, count, counted, plain, sentence};
use crate::stats::ctr::theirs::TheirGrouping;
use crate::stats::query::parse_ends;
use crate::stats::rates;
use crate::stats::wire::{PlatformReport, PlatformRow};

/// The most rows of a page; the download has all of them.
const ROWS: usize = 300;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::admin::web) struct Params {
    by: String,
    from: String,
    to: String,
}

pub(in crate::admin::web) async fn page(
    State(admin): State<Admin>,
    params: Result<Query<Params>, QueryRejection>,
) -> Result<Response, Refused> {
    let Query(mut params) = params?;
    if params.by.is_empty() {
        params.by = TheirGrouping::WORDS[0].to_owned();
    }
    match answer(&admin, &params).await {
        Ok(report) => Ok(draw(&params, &report.slices, &table(&report)).into_response()),
        Err(problem) if problem.status().is_server_error() => Err(problem.into()),
        Err(problem) => {
            let answer = html! { p.wrong role="alert" { (sentence(problem.detail())) } };
            Ok((problem.status(), draw(&params, &[], &answer)).into_response())
        }
    }
}

async fn answer(admin: &Admin, params: &Params) -> Result<PlatformReport, Problem> {
    let days = Days { from: &params.from, to: &params.to };
    let (from, to) = parse_ends(days.from(), days.to())?;
    Ok(rates::platform(&admin.ratings().await?, &params.by, from, to).await?)
}

fn draw(params: &Params, slices: &[String], answer: &Markup) -> Markup {
    let words = TheirGrouping::WORDS.into_iter().map(|word| (word, plain(word)));
    let parts = slices.iter().map(|slice| (slice.as_str(), format!("part: {}", plain(slice))));
    let mut options: Vec<(&str, String)> = words.chain(parts).collect();
    if options.iter().all(|(word, _)| *word != params.by) {
        options.push((&params.by, plain(&params.by)));
    }
    let options: Vec<(&str, &str)> = options.iter().map(|(word, called)| (*word, called.as_str())).collect();
    let days = Days { from: &params.from, to: &params.to };
    let content = html! {
        section.card {
            form.line method="get" action="/ctr/platform" {
                (Field::new("by", "Rows").named_choice(&params.by, &options))
                (days.inputs())
                button.plain { "Show" }
            }
            (answer)
        }
    };
    let action = download("/api/v1/ctr/platform", &[("by", &params.by), ("from", &params.from), ("to", &params.to)]);
    let about = html! { "Their own clicks and what they cost. Clicks of every kind are taps on anything; ours are people who arrived." };
    frame(View::Platform, "Platforms' own numbers", &about, &action, &content)
}

fn table(report: &PlatformReport) -> Markup {
    let shown = &report.rows[..report.rows.len().min(ROWS)];
    let left = (report.rows.len() - shown.len()) as u64 + report.rows_left_out;
    let has_money = shown.iter().any(|row| row.spend.is_some());
    html! {
        @if shown.is_empty() {
            (empty("No platform's own clicks are imported in these days.", Some(("/imports", "Import impressions"))))
        } @else {
            div {
                table.theirs {
                    caption { (report.from) " to " (report.to) }
                    thead {
                        tr {
                            th scope="col" { (plain(&report.by)) }
                            th.number.roomy scope="col" { (defined(Word::Impressions, "Impressions")) }
                            th.number.roomy scope="col" { "All clicks" }
                            th.number scope="col" { "Link clicks" }
                            th.number scope="col" { (defined(Word::Click, "Ours")) }
                            @if has_money { th.number.roomy scope="col" { "Spend" } th.number scope="col" { "Per click" } }
                        }
                    }
                    tbody { @for row in shown { (line(row, has_money)) } }
                }
            }
            @if left > 0 { p.hint { (counted(left, "row")) " more are in the download." } }
        }
    }
}

fn line(row: &PlatformRow, has_money: bool) -> Markup {
    let known = |number: Option<u64>| html! { @match number { Some(number) => (count(number)), None => span.unknown { "unknown" } } };
    let rate = |rate: Option<f64>| html! { @if let Some(rate) = rate { small { (text::rate(rate)) } } };
    let currency = row.currency.as_deref().unwrap_or_default();
    let money = |amount: Option<f64>| html! { @match amount { Some(amount) => { (format!("{amount:.2}")) " " (currency) }, None => span.unknown { "unknown" } } };
    html! {
        tr {
            th scope="row" {
                (row.label.as_deref().unwrap_or(&row.value))
                small { (row.basis.words()) @if row.posts > 1 { ", " (counted(row.posts, "post")) } }
                @for note in &row.notes { small { (sentence(note)) } }
                @if row.parts.as_ref().is_some_and(|parts| !parts.adds_up) { small.wrong { "The parts of their clicks do not give their sum." } }
            }
            td.number.roomy { (known(row.impressions)) @if let Some(kind) = &row.kind { small { (plain(kind)) } } }
            td.number.roomy { (known(row.clicks_all)) (rate(row.ctr_all)) }
            td.number { (known(row.clicks_link)) (rate(row.ctr_link)) }
            td.number { (known(row.human)) }
            @if has_money { td.number.roomy { (money(row.spend)) } td.number { (money(row.cpc_human)) } }
        }
    }
}
