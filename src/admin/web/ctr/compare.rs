//! Two rates beside each other: how far apart they are, and how sure that is.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use serde::Deserialize;

use super::{Days, Table, View, frame};
use crate::admin::Admin;
use crate::admin::web::field::Field;
use crate::admin::web::help::{Word, defined};
use crate::admin::web::text::{self, sentence};
use crate::admin::web::{Refused, figures};
use crate::stats::compare::p_text;
use crate::stats::ctr::{Grouping, Numerator};
use crate::stats::query::{CtrParams, CtrQuery};
use crate::stats::rates;
use crate::stats::wire::{CtrReport, CtrRow, Versus};

/// The most rows that one can be chosen from; any other can be typed into the address.
const CHOICES: usize = 300;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::admin::web) struct Params {
    by: String,
    a: String,
    b: String,
    from: String,
    to: String,
}

impl Params {
    fn query(&self) -> CtrParams {
        let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        CtrParams {
            by: given(&self.by).or_else(|| Some(Grouping::Post.as_str().to_owned())),
            from: given(&self.from),
            to: given(&self.to),
            ..CtrParams::default()
        }
    }
}

pub(in crate::admin::web) async fn page(
    State(admin): State<Admin>,
    params: Result<Query<Params>, QueryRejection>,
) -> Result<Response, Refused> {
    let Query(params) = params?;
    let report = match CtrQuery::parse(&params.query()) {
        Ok(query) => figures::ctr(&admin, &query).await?,
        Err(wrong) => {
            let answer = html! { p.wrong role="alert" { (sentence(&wrong.message)) } };
            return Ok((axum::http::StatusCode::UNPROCESSABLE_ENTITY, draw(&params, None, &answer)).into_response());
        }
    };
    if params.a.is_empty() || params.b.is_empty() {
        return Ok(draw(&params, Some(&report), &html! {}).into_response());
    }
    let query = CtrQuery::parse(&params.query())?;
    match rates::compare(&admin.ratings().await?, &query, &params.a, &params.b).await {
        Ok(versus) => Ok(draw(&params, Some(&report), &answer(&admin, &versus, query.by)).into_response()),
        Err(error) => {
            let problem = crate::admin::api::problem::Problem::from(error);
            if problem.status().is_server_error() {
                return Err(problem.into());
            }
            let answer = html! { p.wrong role="alert" { (sentence(problem.detail())) } };
            Ok((problem.status(), draw(&params, Some(&report), &answer)).into_response())
        }
    }
}

fn draw(params: &Params, report: Option<&CtrReport>, answer: &Markup) -> Markup {
    let content = html! {
        section.card {
            form.fields method="get" action="/ctr/compare" {
                div.inner {
                    (Field::new("by", "What is compared").choice(by(params), &Grouping::ALL.map(Grouping::as_str)))
                    (Days { from: &params.from, to: &params.to }.inputs())
                    @if let Some(report) = report {
                        (choice("a", "The first", &params.a, report))
                        (choice("b", "The second", &params.b, report))
                    }
                }
                div.actions { button { "Compare" } }
            }
        }
        @if !answer.0.is_empty() { section.card { h2 { "The two" } (answer) } }
    };
    frame(
        View::Compare,
        "Two rates compared",
        &html! { "How far apart two rates are, and whether that may be chance." },
        &html! {},
        &content,
    )
}

fn by(params: &Params) -> &str {
    if params.by.is_empty() { Grouping::Post.as_str() } else { &params.by }
}

/// The rows that have a rate, by what people call them.
fn choice(name: &'static str, label: &str, chosen: &str, report: &CtrReport) -> Markup {
    let mut options: Vec<(&str, String)> = vec![("", "Choose".to_owned())];
    for row in report.rows.iter().filter(|row| row.ctr.is_some()).take(CHOICES) {
        if options.iter().all(|(value, _)| *value != row.value) {
            options.push((&row.value, called(row)));
        }
    }
    if options.iter().all(|(value, _)| *value != chosen) {
        options.push((chosen, chosen.to_owned()));
    }
    let options: Vec<(&str, &str)> = options.iter().map(|(value, called)| (*value, called.as_str())).collect();
    Field::new(name, label).wide().named_choice(chosen, &options)
}

fn called(row: &CtrRow) -> String {
    let name = row.label.as_deref().unwrap_or(&row.value);
    let name: String = name.chars().take(70).collect();
    match row.ctr {
        Some(ctr) => format!("{name} ({})", text::rate(ctr)),
        None => name,
    }
}

/// What the comparison of two rates says.
pub(in crate::admin::web) fn answer(admin: &Admin, versus: &Versus, by: Grouping) -> Markup {
    let rows = [versus.a.clone(), versus.b.clone()];
    html! {
        @if let Some(verdict) = verdict(versus) { (verdict) }
        (Table { by, numerator: Numerator::Human, zone: &admin.report_zone }.draw(&rows))
        @if !versus.notes.is_empty() { ul.notes { @for note in &versus.notes { li { (sentence(note)) } } } }
    }
}

/// The difference in percentage points with its interval, the test, and which is likely the better one.
fn verdict(versus: &Versus) -> Option<Markup> {
    let points = |share: f64| format!("{:+.2}", share * 100.0);
    let difference = versus.difference?;
    let (low, high) = (versus.low?, versus.high?);
    let (p, test) = (p_text(versus.p?), versus.test.as_deref()?);
    let better = versus.b_better?;
    let (likely, sure) = if better > 0.5 { (&versus.b, better) } else { (&versus.a, 1.0 - better) };
    let is_clear = low > 0.0 || high < 0.0;
    let name = likely.label.as_deref().unwrap_or(&likely.value);
    let test = if test == "fisher" { "Fisher's exact test" } else { "a test of two proportions" };
    Some(html! {
        p.verdict {
            b { (name) }
            @if is_clear { " has the higher rate." }
            @else { " has the higher rate with a probability of " (text::percent(sure)) ": that may be chance." }
        }
        p.hint {
            "The first less the second: " (points(difference)) " percentage points (" (defined(Word::Interval, "95 % interval")) " "
            (points(low)) " to " (points(high)) "; " (p) ", " (test) ")."
        }
    })
}
