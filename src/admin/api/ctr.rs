//! `GET /api/v1/ctr` and what is below it: rates, two of them compared, platforms' own numbers, and theirs beside ours.

use axum::extract::State;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router, routing};

use super::extract::Asked;
use super::problem::Problem;
use crate::admin::Admin;
use crate::stats::query::{CompareParams, CtrParams, CtrQuery, Form, PlatformParams, ReconcileParams, parse_ends};
use crate::stats::wire::{CtrReport, Versus};
use crate::stats::{rates, sheet};

/// The forms of a table.
const TABLES: [Form; 2] = [Form::Json, Form::Csv];

pub(super) fn router() -> Router<Admin> {
    Router::new()
        .route("/ctr", routing::get(show))
        .route("/ctr/compare", routing::get(compare))
        .route("/ctr/platform", routing::get(platform))
        .route("/ctr/reconcile", routing::get(reconcile))
}

async fn show(State(admin): State<Admin>, Asked(params): Asked<CtrParams>) -> Result<Json<CtrReport>, Problem> {
    let query = CtrQuery::parse(&params)?;
    Ok(Json(rates::ctr(&admin.ratings().await?, &query).await?))
}

async fn compare(State(admin): State<Admin>, Asked(params): Asked<CompareParams>) -> Result<Json<Versus>, Problem> {
    let CompareParams { a, b, by, from, to, clicks } = params;
    let by = by.or_else(|| Some("post".to_owned()));
    let query = CtrQuery::parse(&CtrParams { by, from, to, clicks, sort: None })?;
    Ok(Json(rates::compare(&admin.ratings().await?, &query, &a, &b).await?))
}

async fn platform(State(admin): State<Admin>, Asked(params): Asked<PlatformParams>) -> Result<Response, Problem> {
    let (from, to) = parse_ends(params.from.as_deref(), params.to.as_deref())?;
    let form = Form::parse(params.format.as_deref(), &TABLES)?;
    let by = params.by.as_deref().unwrap_or("post");
    let report = rates::platform(&admin.ratings().await?, by, from, to).await?;
    Ok(match form {
        Form::Csv => csv("platform.csv", sheet::platform(&report)),
        _ => Json(report).into_response(),
    })
}

async fn reconcile(State(admin): State<Admin>, Asked(params): Asked<ReconcileParams>) -> Result<Response, Problem> {
    let (from, to) = parse_ends(params.from.as_deref(), params.to.as_deref())?;
    let form = Form::parse(params.format.as_deref(), &TABLES)?;
    let report = rates::reconcile(&admin.ratings().await?, from, to).await?;
    Ok(match form {
        Form::Csv => csv("reconcile.csv", sheet::reconciliation(&report)),
        _ => Json(report).into_response(),
    })
}

pub(super) fn csv(name: &str, text: String) -> Response {
    let headers = [
        (CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
    ];
    (headers, text).into_response()
}
