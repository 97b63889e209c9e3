//! The dashboard: pages drawn on the server, which work without a script. They call what the API calls and hold no rule.
//!
//! A page is one file: its handlers, and how it is drawn. What pages share is in `layout` (the frame), `parts` (cards,
//! tiles, chips and other small things), `form` (a link's inputs), `view` (which days), `chart` and `whisker` (drawings), `help` (what numbers
//! mean), `text` (how they are written) and `assets` (styles and script).

use std::time::Duration;

use axum::Router;
use axum::extract::rejection::FormRejection;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use axum::http::{StatusCode, Uri};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};

use super::Admin;
use super::api::problem::Problem;

mod assets;
mod breakdown;
mod bring;
mod chart;
mod ctr;
mod edit;
mod field;
mod figures;
mod filtered;
mod form;
mod help;
mod history;
mod hook_form;
mod hooks;
mod icons;
pub(super) mod imports;
mod layout;
pub(super) use layout::document;
mod link;
mod links;
mod live;
mod map;
mod matches;
mod may;
mod new;
mod overview;
mod owner;
mod pair;
mod parts;
mod qr;
mod selection;
mod set_up;
mod settings;
mod share;
mod shares;
mod sign_in;
mod templates;
mod text;
mod values;
mod view;
mod whisker;

/// The largest form but that of an import, in bytes: a hundred posts of 512 bytes, encoded, and the rest.
const FORM_BYTES_MAX: usize = 256 * 1024;

/// How long a page may take, reading the form included.
const PAGE_TIMEOUT: Duration = Duration::from_secs(60);

pub(super) fn router(admin: &Admin) -> Router {
    let forms = Router::new()
        .route("/", get(overview::page))
        .route("/links", get(links::page).post(new::create))
        .route("/links/new", get(new::page).post(new::submit))
        .route("/links/new/preview", post(new::preview))
        .route("/links/selected", get(|| async { Redirect::to("/links") }).post(selection::act))
        .route("/links/export", get(selection::export))
        .route("/links/made", get(new::made::page))
        .route("/links/compare", get(pair::page))
        .route("/values", get(values::page))
        .route("/templates", get(templates::page).post(templates::keep))
        .route("/templates/edit", get(templates::edit))
        .route("/templates/remove", get(templates::confirm_removal).post(templates::remove))
        .route("/links/{id}", get(link::page))
        .route("/links/{id}/edit", get(edit::page).post(edit::save))
        .route("/links/{id}/enabled", post(edit::switch))
        .route("/links/{id}/archived", post(edit::archive))
        .route("/links/{id}/remove", get(edit::confirm_removal).post(edit::remove))
        .route("/ctr", get(ctr::page))
        .route("/ctr/compare", get(ctr::compare))
        .route("/ctr/platform", get(ctr::platform))
        .route("/ctr/reconcile", get(ctr::reconcile))
        .route("/matches", get(matches::page).post(matches::decide))
        .route("/imports", get(imports::page).post(imports::store))
        .route("/imports/explain", post(imports::explain))
        .route("/imports/manual", get(imports::manual_page).post(imports::keep_manual))
        .route("/imports/columns", post(imports::forget_columns))
        .route("/imports/{id}", get(imports::show))
        .route("/imports/{id}/undo", get(imports::confirm_undo).post(imports::undo))
        .route("/filtered", get(filtered::page))
        .route("/live", get(live::page))
        .route("/live/hits", get(live::fragment))
        .merge(hooks::routes())
        .route("/owner", get(owner::page))
        .route("/help", get(help::page))
        .route("/docs/ctr.md", get(about_rates))
        .route("/sign-in", get(sign_in::page).post(sign_in::sign_in))
        .route("/share/{token}", get(share::page))
        .route("/shares", get(shares::page).post(shares::make))
        .route("/shares/{id}/revoke", get(shares::confirm_revocation).post(shares::revoke))
        .route("/set-up", get(set_up::page).post(set_up::make))
        .route("/sign-out", post(sign_in::sign_out))
        .merge(assets::routes())
        .merge(settings::routes())
        .layer(DefaultBodyLimit::max(FORM_BYTES_MAX));
    let uploads = Router::new()
        .route("/imports/check", get(imports::check_page).post(imports::receive))
        .layer(DefaultBodyLimit::max(imports::FORM_BYTES_MAX));
    let moving = Router::new()
        .route("/links/import", get(bring::page).post(bring::store))
        .route("/links/import/check", get(|| async { Redirect::to("/links/import") }).post(bring::check))
        .route("/links/import/{id}/undo", get(bring::confirm_undo).post(bring::undo))
        .layer(DefaultBodyLimit::max(bring::FORM_BYTES_MAX));
    let tables = Router::new()
        .route("/links/new/table", get(new::table::page).post(new::table::submit))
        .layer(DefaultBodyLimit::max(new::table::FORM_BYTES_MAX));
    forms
        .merge(uploads)
        .merge(moving)
        .merge(tables)
        .layer(from_fn(in_time))
        .fallback(not_found)
        .method_not_allowed_fallback(wrong_method)
        .with_state(admin.clone())
}

/// The page of the documentation that says what each number means, as it is in the repository.
async fn about_rates() -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/plain; charset=utf-8")], include_str!("../../../docs/ctr.md"))
}

async fn in_time(request: Request, next: Next) -> Response {
    match tokio::time::timeout(PAGE_TIMEOUT, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Refused(Problem::unavailable("this took too long and was given up: try again later")).into_response(),
    }
}

/// For programs a problem: they may ask for a version of the API that is none.
async fn not_found(path: Uri) -> Response {
    match path.path().starts_with("/api/") {
        true => Problem::not_found("the API has no such path").into_response(),
        false => Refused(Problem::not_found("there is no such page")).into_response(),
    }
}

async fn wrong_method() -> Refused {
    Refused(super::api::wrong_method().await)
}

/// A form that no page of ours sends.
fn unreadable(error: FormRejection) -> Problem {
    match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "this is too much for a form: `waypost import FILE` takes files of up to 200 MB",
        ),
        _ => Problem::malformed(format!("the form is not understood: {}", error.body_text())),
    }
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
        let status = self.0.status();
        let page = layout::notice(heading(status), &text::sentence(self.0.detail()));
        let mut response = (status, page).into_response();
        if let Some(seconds) = self.0.retry_s() {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// A status in plain words.
fn heading(status: StatusCode) -> &'static str {
    match status {
        StatusCode::NOT_FOUND => "Nothing here",
        StatusCode::SERVICE_UNAVAILABLE => "Not available just now",
        StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => "This was not understood",
        StatusCode::FORBIDDEN => "Not from here",
        StatusCode::CONFLICT => "Changed meanwhile",
        other => other.canonical_reason().unwrap_or("Refused"),
    }
}
