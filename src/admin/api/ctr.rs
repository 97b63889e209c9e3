//! `GET /api/v1/ctr`: clicks divided by impressions, with an interval and everything it rests on.

use axum::Json;
use axum::extract::State;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::Asked;
use super::problem::Problem;
use crate::admin::Admin;
use crate::stats::ctr;
use crate::stats::query::{CtrParams, CtrQuery};
use crate::stats::wire::CtrReport;

pub(super) fn router() -> OpenApiRouter<Admin> {
    OpenApiRouter::new().routes(routes!(show))
}

/// Click-through rates: clicks divided by impressions of the same level and kind, each with its interval.
#[utoipa::path(get, path = "/ctr", operation_id = "showCtr", tag = "Statistics", params(CtrParams),
    responses((status = OK, body = CtrReport)))]
async fn show(State(admin): State<Admin>, Asked(params): Asked<CtrParams>) -> Result<Json<CtrReport>, Problem> {
    let query = CtrQuery::parse(&params)?;
    Ok(Json(ctr(&*admin.store, &query, &admin.report_zone, admin.clock.now()).await?))
}
