//! `GET /api/v1/report/weekly`: a week beside the one before, for machines, mail and spreadsheets.

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::{Json, Router, routing};
use serde::Deserialize;

use super::ctr::csv;
use super::extract::Asked;
use super::problem::Problem;
use crate::admin::Admin;
use crate::stats::query::{Form, parse_day};
use crate::stats::{rates, weekly};

const FORMS: [Form; 4] = [Form::Json, Form::Markdown, Form::Html, Form::Csv];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    /// The last of the seven days; yesterday when nothing is said.
    to: Option<String>,
    format: Option<String>,
}

pub(super) fn router() -> Router<Admin> {
    Router::new().route("/report/weekly", routing::get(show))
}

async fn show(State(admin): State<Admin>, Asked(params): Asked<Params>) -> Result<Response, Problem> {
    let form = Form::parse(params.format.as_deref(), &FORMS)?;
    let last = params.to.as_deref().map(|text| parse_day("to", text)).transpose()?;
    let report = rates::weekly(&admin.ratings().await?, last).await?;
    Ok(match form {
        Form::Json => Json(report).into_response(),
        Form::Markdown => ([(CONTENT_TYPE, "text/markdown; charset=utf-8")], weekly::markdown(&report)).into_response(),
        Form::Html => weekly::html(&report).into_response(),
        Form::Csv => csv("weekly.csv", weekly::csv(&report)),
    })
}
