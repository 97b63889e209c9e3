//! The API, version 1: one file for each noun. Handlers translate; what is true is decided where it is computed.

use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use utoipa_axum::router::OpenApiRouter;

use super::{Admin, idempotency};

mod accounts;
pub(super) mod bulk;
mod click;
mod clicks;
mod conversions;
mod ctr;
pub(super) mod cursor;
mod etag;
mod extract;
pub(super) mod filtered;
mod history;
pub(super) mod hooks;
pub(super) mod imports;
mod keys;
pub(super) mod link_import;
mod links;
pub(super) mod links_export;
pub(super) mod matches;
mod misses;
mod node;
pub(super) mod openapi;
pub(super) mod owner;
pub(super) mod problem;
mod qr;
mod reclassify;
mod reference;
mod report;
pub(super) mod shares;
pub(super) mod shown_once;
mod stats;
pub(super) mod templates;
mod verify;

pub(super) use clicks::EXPORTS_MAX;
pub(super) use imports::UPLOADS_MAX;
use problem::Problem;

/// The largest body of a request, in bytes; imports have their own limit.
const BODY_BYTES_MAX: usize = 1024 * 1024;

/// How long a handler may take until its answer begins, reading the body included. An export streams after that.
const HANDLER_TIMEOUT: Duration = Duration::from_secs(60);

/// Everything under `/api/v1`, and the refusals of what is not there.
pub(super) fn router(admin: &Admin) -> Router {
    described().0.layer(from_fn_with_state(admin.clone(), idempotency::once)).with_state(admin.clone())
}

/// The routes, and what they say of themselves.
fn described() -> (Router<Admin>, utoipa::openapi::OpenApi) {
    let (routes, document) = OpenApiRouter::new()
        .merge(links::router())
        .merge(links_export::router())
        .merge(qr::router())
        .merge(history::router())
        .merge(accounts::router())
        .merge(keys::router())
        .merge(shares::router())
        .merge(stats::router())
        .merge(click::router())
        .merge(clicks::router())
        .merge(conversions::router())
        .merge(ctr::router())
        .merge(filtered::router())
        .merge(hooks::router())
        .merge(matches::router())
        .merge(misses::router())
        .merge(node::router())
        .merge(owner::router())
        .merge(reclassify::router())
        .merge(verify::router())
        .merge(report::router())
        .merge(templates::router())
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .merge(bulk::router())
        .merge(link_import::router())
        .merge(imports::router())
        .split_for_parts();
    let routes = routes
        .fallback(|| async { Problem::not_found("the API has no such path") })
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn(in_time));
    (routes, document)
}

/// The API's description, which is no secret: `/api/openapi.json` for programs, `/api` for people.
pub(super) fn description() -> Router {
    Router::new()
        .route("/api/openapi.json", get(openapi::document))
        .route("/api", get(reference::page))
        .method_not_allowed_fallback(wrong_method)
}

/// `/metrics`, which needs a key, and `/healthz`, which does not.
pub(super) fn operator_routes(admin: &Admin) -> Router {
    Router::new()
        .route("/healthz", get(node::health))
        .route("/metrics", get(node::metrics))
        .method_not_allowed_fallback(wrong_method)
        .with_state(admin.clone())
}

pub(super) async fn wrong_method() -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "this path does not answer to this method: `Allow` lists those it does",
    )
}

async fn in_time(request: Request, next: Next) -> Response {
    match tokio::time::timeout(HANDLER_TIMEOUT, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            Problem::unavailable("this took too long and was given up: ask for less, or again later").into_response()
        }
    }
}
