//! `/api/v1/reclassify`: judges the past again by the rules of now; `/api/v1/verify`: compares counters, click files and
//! journals. Both are begun by POST and watched by GET.

use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Json, Router, routing};
use serde::Deserialize;

use super::extract::Asked;
use super::problem::Problem;
use crate::admin::{Admin, wire};
use crate::stats::query::parse_day;

/// How long a POST waits for the end before it answers that the work goes on.
const WAIT: Duration = Duration::from_secs(5);
const LOOK_EVERY: Duration = Duration::from_millis(50);

pub(super) fn router() -> Router<Admin> {
    Router::new()
        .route("/reclassify", routing::get(state).post(begin))
        .route("/verify", routing::get(verification).post(verify))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    since: String,
    #[serde(default)]
    dry_run: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct VerifyParams {
    since: String,
}

async fn verification(State(admin): State<Admin>) -> Json<wire::Reclassification> {
    Json(admin.past.verification())
}

/// 202 if it goes on, 409 while another one does; what was found is told by GET.
async fn verify(State(admin): State<Admin>, Asked(params): Asked<VerifyParams>) -> Result<Response, Problem> {
    let since = parse_day("since", &params.since)?;
    admin.past.verify(since).map_err(|busy| Problem::new(StatusCode::CONFLICT, busy))?;
    Ok((StatusCode::ACCEPTED, Json(admin.past.verification())).into_response())
}

async fn state(State(admin): State<Admin>) -> Json<wire::Reclassification> {
    Json(admin.past.state())
}

/// 200 with the report if it is done soon, 202 if it goes on, 409 while another one does.
async fn begin(State(admin): State<Admin>, Asked(params): Asked<Params>) -> Result<Response, Problem> {
    let since = parse_day("since", &params.since)?;
    let today = admin.clock.now().to_zoned(admin.report_zone.clone()).date();
    if since > today {
        return Err(Problem::invalid("since", format!("{since} has not begun: today is {today}")));
    }
    admin.past.begin(since, params.dry_run).map_err(|busy| Problem::new(StatusCode::CONFLICT, busy))?;
    let mut waited = Duration::ZERO;
    while waited < WAIT && admin.past.state().is_running() {
        tokio::time::sleep(LOOK_EVERY).await;
        waited += LOOK_EVERY;
    }
    let state = admin.past.state();
    let status = if state.is_running() { StatusCode::ACCEPTED } else { StatusCode::OK };
    Ok((status, Json(state)).into_response())
}
