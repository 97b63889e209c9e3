//! `GET /api/v1/misses`: requests that met no link, by day, kind and slug.

use axum::extract::State;
use axum::{Json, Router, routing};
use serde::Deserialize;

use super::extract::Asked;
use super::problem::Problem;
use crate::admin::{Admin, wire};
use crate::stats::query::Window;

pub(super) fn router() -> Router<Admin> {
    Router::new().route("/misses", routing::get(list))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    from: Option<String>,
    to: Option<String>,
}

async fn list(State(admin): State<Admin>, Asked(params): Asked<Params>) -> Result<Json<wire::Misses>, Problem> {
    let today = admin.clock.now().to_zoned(admin.report_zone.clone()).date();
    let window = Window::parse(params.from.as_deref(), params.to.as_deref(), today)?;
    let misses = admin.store.misses(window.first(), window.last()).await?;
    let rows =
        misses.into_iter().map(|(day, kind, slug, count)| wire::Miss { day: day.to_string(), kind, slug, count });
    Ok(Json(wire::Misses { rows: rows.collect() }))
}
