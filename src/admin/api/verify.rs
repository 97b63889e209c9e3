//! `/api/v1/verify`: compares counters, click files and journals. Begun by POST and watched by GET.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::Asked;
use super::problem::Problem;
use crate::admin::Admin;
use crate::admin::verification::Verification;
use crate::stats::query::parse_day;

pub(super) fn router() -> OpenApiRouter<Admin> {
    OpenApiRouter::new().routes(routes!(state, begin))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Params {
    /// The first day that is compared, `2026-11-01`.
    since: String,
}

/// How comparing counters, click files and journals stands.
#[utoipa::path(get, path = "/verify", operation_id = "showVerification", tag = "Clicks",
    responses((status = OK, body = Verification)))]
async fn state(State(admin): State<Admin>) -> Json<Verification> {
    Json(admin.past.verification())
}

/// Compare counters, click files and journals: 202 when it goes on after the answer, 409 while another comparison does.
#[utoipa::path(post, path = "/verify", operation_id = "verify", tag = "Clicks", params(Params),
    responses((status = ACCEPTED, body = Verification)))]
async fn begin(State(admin): State<Admin>, Asked(params): Asked<Params>) -> Result<Response, Problem> {
    let since = parse_day("since", &params.since)?;
    admin.past.verify(since).map_err(|busy| Problem::new(StatusCode::CONFLICT, busy))?;
    Ok((StatusCode::ACCEPTED, Json(admin.past.verification())).into_response())
}
