//! `/api/v1/node`, `/metrics` and `/healthz`: what the node says of itself.

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::{Json, Router, routing};
use serde_json::json;

use crate::admin::{Admin, wire};

pub(super) fn router() -> Router<Admin> {
    Router::new().route("/node", routing::get(node))
}

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
