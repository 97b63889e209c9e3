//! `GET /api/v1/stats`: clicks by day, hour or dimension.

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Json, Router, routing};

use super::extract::Asked;
use super::problem::Problem;
use crate::admin::Admin;
use crate::stats::query::{QueryError, StatsParams, StatsQuery};
use crate::stats::wire::StatsReport;
use crate::stats::{StatsError, stats};

pub(super) fn router() -> Router<Admin> {
    Router::new().route("/stats", routing::get(show))
}

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
