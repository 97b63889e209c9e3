//! `GET /api/v1/ctr` and what is below it: rates, two of them compared, platforms' own numbers, and theirs beside ours.

use axum::Json;
use axum::extract::State;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::Asked;
use super::problem::Problem;
use crate::admin::Admin;
use crate::stats::query::{CompareParams, CtrParams, CtrQuery, Form, PlatformParams, ReconcileParams, parse_ends};
use crate::stats::wire::{CtrReport, PlatformReport, Reconciliation, Versus};
use crate::stats::{rates, sheet};

/// The forms of a table.
const TABLES: [Form; 2] = [Form::Json, Form::Csv];

pub(super) fn router() -> OpenApiRouter<Admin> {
    OpenApiRouter::new()
        .routes(routes!(show))
        .routes(routes!(compare))
        .routes(routes!(platform))
        .routes(routes!(reconcile))
}

/// Click-through rates: clicks divided by impressions of the same level and kind, each with its interval.
#[utoipa::path(get, path = "/ctr", operation_id = "showCtr", tag = "Statistics", params(CtrParams),
    responses((status = OK, content((CtrReport = "application/json"), (String = "text/csv; charset=utf-8")))))]
async fn show(State(admin): State<Admin>, Asked(params): Asked<CtrParams>) -> Result<Response, Problem> {
    let query = CtrQuery::parse(&params)?;
    let form = Form::parse(params.format.as_deref(), &TABLES)?;
    let report = rates::ctr(&admin.ratings().await?, &query).await?;
    Ok(match form {
        Form::Csv => csv("ctr.csv", sheet::ctr(&report)),
        _ => Json(report).into_response(),
    })
}

/// Two rates side by side: the difference with its interval, and how likely chance alone would show it.
#[utoipa::path(get, path = "/ctr/compare", operation_id = "compareCtr", tag = "Statistics", params(CompareParams),
    responses((status = OK, body = Versus)))]
async fn compare(State(admin): State<Admin>, Asked(params): Asked<CompareParams>) -> Result<Json<Versus>, Problem> {
    let CompareParams { a, b, by, from, to, clicks } = params;
    let by = by.or_else(|| Some("post".to_owned()));
    let query = CtrQuery::parse(&CtrParams { by, from, to, clicks, ..CtrParams::default() })?;
    Ok(Json(rates::compare(&admin.ratings().await?, &query, &a, &b).await?))
}

/// What platforms count themselves: clicks by kind, rates, spend, by post or by a part of the audience.
#[utoipa::path(get, path = "/ctr/platform", operation_id = "showPlatformCtr", tag = "Statistics", params(PlatformParams),
    responses((status = OK, content((PlatformReport = "application/json"), (String = "text/csv; charset=utf-8")))))]
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

/// Platforms' clicks beside ours, with the causes that fit where they differ.
#[utoipa::path(get, path = "/ctr/reconcile", operation_id = "reconcileCtr", tag = "Statistics", params(ReconcileParams),
    responses((status = OK, content((Reconciliation = "application/json"), (String = "text/csv; charset=utf-8")))))]
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
