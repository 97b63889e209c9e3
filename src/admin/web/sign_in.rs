//! Signing in with the admin key, and out again.

use axum::Form;
use axum::extract::State;
use axum::extract::rejection::FormRejection;
use axum::http::StatusCode;
use axum::http::header::{HeaderMap, SET_COOKIE};
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use serde::Deserialize;

use super::{Refused, layout};
use crate::admin::Admin;
use crate::admin::api::problem::Problem;
use crate::admin::guard::{COOKIE_NAME, session_name};
use crate::admin::session::SESSION_SECONDS;

pub(super) async fn page() -> Markup {
    form(None)
}

#[derive(Deserialize)]
pub(super) struct Credentials {
    key: String,
}

/// Takes the key once and hands out a session, so that the key itself is in no cookie and no address.
pub(super) async fn sign_in(
    State(admin): State<Admin>,
    credentials: Result<Form<Credentials>, FormRejection>,
) -> Result<Response, Refused> {
    let key = credentials.map(|Form(credentials)| credentials.key).unwrap_or_default();
    if !admin.key.matches(key.trim()) {
        return Ok((StatusCode::UNAUTHORIZED, form(Some("This is not the admin key."))).into_response());
    }
    let random = |error| Problem::internal(format!("no session can be made: {error}"));
    let name = admin.sessions.start(admin.clock.now_ms()).map_err(random)?;
    Ok(([(SET_COOKIE, cookie(&name, SESSION_SECONDS))], Redirect::to("/")).into_response())
}

pub(super) async fn sign_out(State(admin): State<Admin>, headers: HeaderMap) -> Response {
    if let Some(name) = session_name(&headers) {
        admin.sessions.end(name);
    }
    ([(SET_COOKIE, cookie("", 0))], Redirect::to("/sign-in")).into_response()
}

/// Not `Secure`: the admin plane speaks plain http on the loopback, where browsers would drop such a cookie.
fn cookie(value: &str, seconds: i64) -> String {
    format!("{COOKIE_NAME}={value}; Path=/; HttpOnly; SameSite=Strict; Max-Age={seconds}")
}

fn form(wrong: Option<&str>) -> Markup {
    layout::document(
        if wrong.is_some() { "Not signed in" } else { "Sign in" },
        &html! {
            main.alone {
                p.brand { (layout::mark()) "Waypost" }
                h1 { "Sign in" }
                form.stack method="post" action="/sign-in" {
                    label for="key" { "Admin key" }
                    input #key name="key" type="password" autocomplete="current-password" required autofocus
                        aria-invalid=[wrong.map(|_| "true")] aria-describedby=(if wrong.is_some() { "wrong hint" } else { "hint" });
                    @if let Some(wrong) = wrong { p.wrong #wrong role="alert" { (wrong) } }
                    button { "Sign in" }
                }
                p.hint #hint { "The key is in the file " code { "admin.key" } " of the data folder." }
            }
        },
    )
}
