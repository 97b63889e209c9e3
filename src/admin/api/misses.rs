//! `GET /api/v1/misses`: requests that met no link, by day, kind and slug.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::cursor::Page;
use super::extract::Asked;
use super::problem::Problem;
use crate::admin::{Admin, wire};
use crate::stats::query::Window;

pub(super) fn router() -> OpenApiRouter<Admin> {
    OpenApiRouter::new().routes(routes!(list))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Params {
    /// The first day, `2026-11-01`.
    from: Option<String>,
    /// The last day.
    to: Option<String>,
    /// `next` of the page before.
    after: Option<String>,
    /// Rows of a page, 100 unless said.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
}

/// Requests that met no link, by day, kind and slug.
#[utoipa::path(get, path = "/misses", operation_id = "listMisses", tag = "Statistics", params(Params),
    responses((status = OK, body = wire::Misses)))]
async fn list(State(admin): State<Admin>, Asked(params): Asked<Params>) -> Result<Json<wire::Misses>, Problem> {
    let today = admin.clock.now().to_zoned(admin.report_zone.clone()).date();
    let window = Window::parse(params.from.as_deref(), params.to.as_deref(), today)?;
    let page = Page::asked(params.after.as_deref(), params.limit)?;
    let misses = admin.store.misses(window.first(), window.last()).await?.into_iter();
    let mut rows: Vec<_> =
        misses.map(|(day, kind, slug, count)| wire::Miss { day: day.to_string(), kind, slug, count }).collect();
    let place = |miss: &wire::Miss| format!("{} {} {}", miss.day, miss.kind, miss.slug);
    rows.sort_by_cached_key(place);
    let (rows, next) = page.of(rows, place);
    Ok(Json(wire::Misses { rows, next }))
}
