//! `GET /api/v1/stats`: clicks by day, hour or dimension.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::Asked;
use super::problem::Problem;
use crate::admin::Admin;
use crate::stats::query::{QueryError, StatsParams, StatsQuery};
use crate::stats::wire::StatsReport;
use crate::stats::{StatsError, stats};

pub(super) fn router() -> OpenApiRouter<Admin> {
    OpenApiRouter::new().routes(routes!(show))
}

/// Clicks of one link, of a campaign or of all links, by day, hour or dimension.
#[utoipa::path(get, path = "/stats", operation_id = "showStats", tag = "Statistics", params(StatsParams),
    responses((status = OK, body = StatsReport)))]
async fn show(State(admin): State<Admin>, Asked(params): Asked<StatsParams>) -> Result<Json<StatsReport>, Problem> {
    let query = StatsQuery::parse(&params, &admin.report_zone, admin.clock.now())?;
    Ok(Json(stats(&*admin.store, &query, &admin.report_zone).await?))
}

impl From<QueryError> for Problem {
    fn from(error: QueryError) -> Self {
        Self::invalid(error.field, error.message)
    }
}

impl From<StatsError> for Problem {
    fn from(error: StatsError) -> Self {
        match error {
            StatsError::Store(error) => error.into(),
            StatsError::Query(error) => error.into(),
            StatsError::Zone(error) => Self::invalid("tz", error.to_string()),
            StatsError::NoLink(_) => Self::not_found(error.to_string()),
            StatsError::TooManyLinks => Self::new(StatusCode::UNPROCESSABLE_ENTITY, error.to_string()),
        }
    }
}
