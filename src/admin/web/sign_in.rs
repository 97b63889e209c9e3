//! Signing in with a name and a password or with the admin key, and out again.
//!
//! It must never tell whether a name is known: a wrong name and a wrong password look alike and take as long.

use axum::Form;
use axum::extract::Query;
use axum::extract::State;
use axum::extract::rejection::{FormRejection, QueryRejection};
use axum::http::StatusCode;
use axum::http::header::{HeaderMap, SET_COOKIE, USER_AGENT};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use maud::{Markup, html};
use serde::Deserialize;

use super::{Refused, layout, unreadable};
use crate::admin::Admin;
use crate::admin::access::{AccessError, GUESSES, GUESSES_OF_A_NETWORK, Wait, folded};
use crate::admin::cookie;
use crate::admin::listener::Peer;

/// The longest name or password that is looked at.
const TEXT_BYTES_MAX: usize = 1024;

#[derive(Default, Deserialize)]
pub(super) struct Asked {
    /// The page to go on to.
    #[serde(default)]
    to: String,
    /// `key` to sign in with the admin key although there are accounts.
    #[serde(default)]
    with: String,
}

pub(super) async fn page(
    State(admin): State<Admin>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Markup, Refused> {
    let asked = asked.map(|Query(asked)| asked).unwrap_or_default();
    let has_accounts = has_accounts(&admin).await?;
    Ok(Shown { to: &asked.to, has_accounts, by_key: asked.with == "key" || !has_accounts, wrong: None }.draw())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Credentials {
    #[serde(default)]
    name: String,
    #[serde(default)]
    password: String,
    /// The admin key, in the place of both.
    #[serde(default)]
    key: String,
    #[serde(default)]
    to: String,
}

/// Takes key or password once and hands out a session, so that neither is in a cookie or an address.
pub(super) async fn sign_in(
    State(admin): State<Admin>,
    peer: Peer,
    headers: HeaderMap,
    credentials: Result<Form<Credentials>, FormRejection>,
) -> Result<Response, Refused> {
    let Form(credentials) = credentials.map_err(unreadable)?;
    match holder(&admin, peer, &credentials).await {
        Ok(Some(holder)) => Ok(enter(&admin, &holder, &headers, safe(&credentials.to)).await?),
        Ok(None) => {
            let wrong = if credentials.key.is_empty() { WRONG } else { WRONG_KEY };
            refused(&admin, &credentials, StatusCode::UNAUTHORIZED, wrong).await
        }
        Err(Refusal::Wait(wait)) => {
            let wrong = format!("That were too many tries. Try again in {}.", minutes(wait));
            refused(&admin, &credentials, StatusCode::TOO_MANY_REQUESTS, &wrong).await
        }
        Err(Refusal::Broken(error)) => Err(error.into()),
    }
}

const WRONG: &str = "Name or password are not right.";
const WRONG_KEY: &str = "This is not the admin key.";

enum Refusal {
    Wait(Wait),
    Broken(AccessError),
}

impl From<Wait> for Refusal {
    fn from(wait: Wait) -> Self {
        Self::Wait(wait)
    }
}

impl From<AccessError> for Refusal {
    fn from(error: AccessError) -> Self {
        Self::Broken(error)
    }
}

/// Whose session it will be. Each guess counts, for the name and for the network it comes from, until one is right.
async fn holder(admin: &Admin, peer: Peer, credentials: &Credentials) -> Result<Option<String>, Refusal> {
    let (limiter, now) = (&admin.access.limiter, admin.clock.now());
    let network = peer.network();
    // A name has no space, so nothing that is typed there can be taken for the key.
    let whom = if credentials.key.is_empty() { folded(&credentials.name) } else { "the key".to_owned() };
    let guess = format!("{network} {}", cut(&whom));
    limiter.take(GUESSES_OF_A_NETWORK, &network, now.as_millisecond())?;
    limiter.take(GUESSES, &guess, now.as_millisecond())?;
    let holder = if credentials.key.is_empty() {
        let account = admin.access.accounts.known(cut(&credentials.name), cut(&credentials.password), now).await?;
        account.map(|account| account.id)
    } else {
        admin.key.matches(credentials.key.trim()).then(|| admin.key.holder())
    };
    if holder.is_some() {
        limiter.forgive(GUESSES, &guess);
        limiter.forgive(GUESSES_OF_A_NETWORK, &network);
    }
    Ok(holder)
}

fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(TEXT_BYTES_MAX)]
}

/// Begins a session. It is a new one each time, so nobody can have laid one ready.
pub(super) async fn enter(admin: &Admin, holder: &str, headers: &HeaderMap, to: &str) -> Result<Response, AccessError> {
    let browser = headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
    let session = admin.access.sessions.start(holder, browser, admin.clock.now()).await?;
    if let Some(before) = cookie::session_name(headers) {
        admin.access.sessions.end(before).await?;
    }
    Ok(([(SET_COOKIE, cookie::keeping(&session, headers))], Redirect::to(to)).into_response())
}

pub(super) async fn sign_out(State(admin): State<Admin>, headers: HeaderMap) -> Result<Response, Refused> {
    if let Some(name) = cookie::session_name(&headers) {
        admin.access.sessions.end(name).await?;
    }
    Ok(leave())
}

pub(super) fn leave() -> Response {
    let cookies = AppendHeaders(cookie::forgetting().map(|cookie| (SET_COOKIE, cookie)));
    (cookies, Redirect::to("/sign-in")).into_response()
}

/// A page of ours, or the first one: nobody is led to another site by an address of ours.
fn safe(to: &str) -> &str {
    let is_ours = to.starts_with('/')
        && !to.starts_with("//")
        && !to.contains('\\')
        && to.bytes().all(|byte| byte.is_ascii_graphic());
    if is_ours { to } else { "/" }
}

fn minutes(wait: Wait) -> String {
    match wait.seconds {
        0..=90 => format!("{} seconds", wait.seconds),
        seconds => format!("{} minutes", (seconds + 59) / 60),
    }
}

async fn has_accounts(admin: &Admin) -> Result<bool, Refused> {
    Ok(!admin.access.accounts.list().await?.is_empty())
}

async fn refused(
    admin: &Admin,
    credentials: &Credentials,
    status: StatusCode,
    wrong: &str,
) -> Result<Response, Refused> {
    let has_accounts = has_accounts(admin).await?;
    let by_key = !credentials.key.is_empty() || !has_accounts;
    Ok((status, Shown { to: &credentials.to, has_accounts, by_key, wrong: Some(wrong) }.draw()).into_response())
}

struct Shown<'a> {
    to: &'a str,
    has_accounts: bool,
    by_key: bool,
    wrong: Option<&'a str>,
}

impl Shown<'_> {
    fn draw(&self) -> Markup {
        layout::document(
            if self.wrong.is_some() { "Not signed in" } else { "Sign in" },
            &html! {
                main.alone {
                    p.brand { (layout::mark()) "Waypost" }
                    h1 { "Sign in" }
                    form.stack method="post" action="/sign-in" {
                        @if self.by_key { (self.key()) } @else { (self.name_and_password()) }
                        @if let Some(wrong) = self.wrong { p.wrong #wrong role="alert" { (wrong) } }
                        @if !self.to.is_empty() { input type="hidden" name="to" value=(self.to); }
                        button { "Sign in" }
                    }
                    (self.hint())
                }
            },
        )
    }

    fn key(&self) -> Markup {
        html! {
            label for="key" { "Admin key" }
            input #key name="key" type="password" autocomplete="off" required autofocus
                aria-invalid=[self.wrong.map(|_| "true")] aria-describedby=(self.described("hint"));
        }
    }

    fn name_and_password(&self) -> Markup {
        html! {
            label for="name" { "Name" }
            input #name name="name" autocomplete="username" autocapitalize="none" spellcheck="false" required autofocus
                aria-invalid=[self.wrong.map(|_| "true")] aria-describedby=(self.described("hint"));
            label for="password" { "Password" }
            input #password name="password" type="password" autocomplete="current-password" required
                aria-invalid=[self.wrong.map(|_| "true")];
        }
    }

    fn described(&self, hint: &str) -> String {
        if self.wrong.is_some() { format!("wrong {hint}") } else { hint.to_owned() }
    }

    fn hint(&self) -> Markup {
        html! {
            @if !self.by_key {
                p.hint #hint {
                    "An owner makes accounts and sets passwords anew. "
                    a href="/sign-in?with=key" { "Use the admin key" }
                }
            } @else {
                p.hint #hint {
                    "The key is in the file " code { "admin.key" } " of the data folder."
                    @if !self.has_accounts {
                        " Nobody has an account yet: the server prints a link at its start with which you make the first."
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_led_to_another_site() {
        for ours in ["/", "/ctr?by=link", "/links/7#x"] {
            assert_eq!(safe(ours), ours);
        }
        for theirs in ["", "//evil.example", "https://evil.example", "/\\evil.example", "evil", "/\t/evil", "/a b"] {
            assert_eq!(safe(theirs), "/", "{theirs:?}");
        }
    }
}
