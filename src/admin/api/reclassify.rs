//! `/api/v1/reclassify`: judges the past again by the rules of now. Begun by POST and watched by GET.

use std::time::Duration;

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
use crate::admin::{Admin, wire};
use crate::stats::query::parse_day;

/// How long a POST waits for the end before it answers that the work goes on.
const WAIT: Duration = Duration::from_secs(5);
const LOOK_EVERY: Duration = Duration::from_millis(50);

pub(super) fn router() -> OpenApiRouter<Admin> {
    OpenApiRouter::new().routes(routes!(state, begin))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Params {
    /// The first day that is judged again, `2026-11-01`.
    since: String,
    #[serde(default)]
    /// Tells what would move, and changes nothing.
    dry_run: bool,
}

/// How judging the past again stands.
#[utoipa::path(get, path = "/reclassify", operation_id = "showReclassification", tag = "Clicks",
    responses((status = OK, body = wire::Reclassification)))]
async fn state(State(admin): State<Admin>) -> Json<wire::Reclassification> {
    Json(admin.past.state())
}

/// Judge past clicks again by the rules of now: 202 when it goes on after the answer, 409 while another one does.
#[utoipa::path(post, path = "/reclassify", operation_id = "reclassify", tag = "Clicks", params(Params),
    responses((status = OK, body = wire::Reclassification), (status = ACCEPTED, body = wire::Reclassification)))]
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
