//! `GET /api/v1/report/weekly`: a week beside the one before, for machines, mail and spreadsheets.

use axum::Json;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::ctr::csv;
use super::extract::Asked;
use super::problem::Problem;
use crate::admin::Admin;
use crate::stats::query::{Form, parse_day};
use crate::stats::wire::WeeklyReport;
use crate::stats::{rates, weekly};

const FORMS: [Form; 4] = [Form::Json, Form::Markdown, Form::Html, Form::Csv];

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Params {
    /// The last of the seven days; yesterday when nothing is said.
    to: Option<String>,
    /// `json` (unless said), `md`, `html` or `csv`.
    format: Option<String>,
}

pub(super) fn router() -> OpenApiRouter<Admin> {
    OpenApiRouter::new().routes(routes!(show))
}

/// A week beside the one before: what changed beyond chance, what is worsening, best and worst posts, campaigns.
#[utoipa::path(get, path = "/report/weekly", operation_id = "showWeek", tag = "Statistics", params(Params),
    responses((status = OK, content(
        (WeeklyReport = "application/json"),
        (String = "text/markdown; charset=utf-8"),
        (String = "text/html; charset=utf-8"),
        (String = "text/csv; charset=utf-8"),
    ))))]
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
