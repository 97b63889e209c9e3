//! The dashboard: pages drawn on the server, without a script. They call what the API calls and hold no rule.

use std::sync::LazyLock;

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use super::api::problem::Problem;
use super::{Admin, guard};

mod chart;
mod figures;
mod form;
mod layout;
mod link;
mod overview;
mod sign_in;
mod text;

const STYLE: &str = include_str!("style.css");

/// The style sheet's path changes with its content, so browsers may keep it for ever.
static STYLE_PATH: LazyLock<String> =
    LazyLock::new(|| format!("/assets/{}.css", &blake3::hash(STYLE.as_bytes()).to_hex()[..16]));

pub(super) fn router(admin: &Admin) -> Router {
    let pages = Router::new()
        .route("/", get(overview::page))
        .route("/links", post(form::create))
        .route("/links/{id}", get(link::page))
        .route("/sign-out", post(sign_in::sign_out))
        .layer(from_fn_with_state(admin.clone(), guard::require_session));
    let open = Router::new()
        .route("/sign-in", get(sign_in::page).post(sign_in::sign_in))
        .layer(from_fn(guard::only_own_pages))
        .route(&STYLE_PATH, get(style));
    pages
        .merge(open)
        .fallback(not_found)
        .method_not_allowed_fallback(super::api::wrong_method)
        .with_state(admin.clone())
}

async fn style() -> impl IntoResponse {
    let headers = [(CONTENT_TYPE, "text/css; charset=utf-8"), (CACHE_CONTROL, "public, max-age=31536000, immutable")];
    (headers, STYLE)
}

async fn not_found() -> Response {
    (StatusCode::NOT_FOUND, layout::notice("Nothing here", "There is no such page.")).into_response()
}

/// A refusal, as a page.
pub(super) struct Refused(Problem);

impl<E: Into<Problem>> From<E> for Refused {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let title = self.0.status().canonical_reason().unwrap_or("Refused");
        (self.0.status(), layout::notice(title, self.0.detail())).into_response()
    }
}
