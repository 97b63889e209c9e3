//! `GET /api/v1/ctr`: clicks divided by impressions, with an interval and everything it rests on.

use axum::extract::State;
use axum::{Json, Router, routing};

use super::extract::Asked;
use super::problem::Problem;
use crate::admin::Admin;
use crate::stats::query::{CtrParams, CtrQuery};
use crate::stats::rates;
use crate::stats::wire::CtrReport;

pub(super) fn router() -> Router<Admin> {
    Router::new().route("/ctr", routing::get(show))
}

async fn show(State(admin): State<Admin>, Asked(params): Asked<CtrParams>) -> Result<Json<CtrReport>, Problem> {
    let query = CtrQuery::parse(&params)?;
    Ok(Json(rates::ctr(&admin.ratings().await?, &query).await?))
}
