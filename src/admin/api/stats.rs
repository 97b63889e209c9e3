//! `GET /api/v1/stats`: clicks by day, hour or dimension.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{AskedOf, FilterParams};
use super::problem::Problem;
use crate::admin::Admin;
use crate::archive::ArchiveError;
use crate::stats::query::{QueryError, StatsParams, StatsQuery};
use crate::stats::wire::StatsReport;
use crate::stats::{StatsError, stats};

pub(super) fn router() -> OpenApiRouter<Admin> {
    OpenApiRouter::new().routes(routes!(show))
}

/// Clicks by day, hour or anything they differ in: all of them, or those that a filter admits.
#[utoipa::path(get, path = "/stats", operation_id = "showStats", tag = "Statistics", params(StatsParams, FilterParams),
    responses((status = OK, body = StatsReport)))]
async fn show(
    State(admin): State<Admin>,
    AskedOf(filter, params): AskedOf<StatsParams>,
) -> Result<Json<StatsReport>, Problem> {
    let (query, by) = StatsQuery::parse(&params, filter, &admin.report_zone, admin.clock.now())?;
    Ok(Json(stats(&admin.sources(), &query, by).await?))
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
            StatsError::Archive(error) => error.into(),
            StatsError::Busy => Self::unavailable(error.to_string()),
            StatsError::NoLink(_) => Self::not_found(error.to_string()),
            StatsError::TooManyLinks => Self::new(StatusCode::UNPROCESSABLE_ENTITY, error.to_string()),
        }
    }
}

impl From<ArchiveError> for Problem {
    fn from(error: ArchiveError) -> Self {
        if let ArchiveError::Deadline = error {
            return Self::unavailable("there are too many clicks to count them in time: ask for fewer days");
        }
        tracing::error!("the archive cannot be read: {error}");
        match error {
            ArchiveError::Bucket { .. } => Self::unavailable(
                "the object store that keeps the clicks cannot be read now: try again; the server's log says why",
            ),
            _ => Self::internal("the archive cannot be read: the server's log says why"),
        }
    }
}
