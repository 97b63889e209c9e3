//! `/api/v1/node`, `/metrics` and `/healthz`: what the node says of itself.

use axum::Json;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use serde_json::json;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::admin::{Admin, wire};

pub(super) fn router() -> OpenApiRouter<Admin> {
    OpenApiRouter::new().routes(routes!(node))
}

/// What this node says of itself: addresses, store, hits, geo files.
#[utoipa::path(get, path = "/node", operation_id = "showNode", tag = "Node",
    responses((status = OK, body = wire::Node)))]
async fn node(State(admin): State<Admin>) -> Json<wire::Node> {
    Json(admin.node.report())
}

/// Prometheus' text format, version 0.0.4.
pub(super) async fn metrics(State(admin): State<Admin>) -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], admin.node.metrics())
}

/// Open to everybody, so it tells nothing but that the process lives.
pub(super) async fn health() -> impl IntoResponse {
    Json(json!({ "status": "ok", "version": env!("CARGO_PKG_VERSION") }))
}
