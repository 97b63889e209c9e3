//! One's own settings: who one is, the password, and where one is signed in.

use axum::Form;
use axum::extract::State;
use axum::extract::rejection::FormRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use serde::Deserialize;

use super::super::text::when;
use super::super::{Refused, sign_in, unreadable};
use super::{YOU, refusal};
use crate::admin::Admin;
use crate::admin::access::{Caller, GUESSES, Password, SessionShown, Who};
use crate::admin::api::problem::Problem;

pub(super) async fn page(State(admin): State<Admin>, caller: Caller) -> Result<Markup, Refused> {
    draw(&admin, &caller, None).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Passwords {
    current: String,
    new: String,
}

/// Sets one's own password, if one knows the current one, and ends the other sessions.
pub(super) async fn set_password(
    State(admin): State<Admin>,
    caller: Caller,
    passwords: Result<Form<Passwords>, FormRejection>,
) -> Result<Response, Refused> {
    let Form(passwords) = passwords.map_err(unreadable)?;
    match change(&admin, &caller, &passwords).await {
        Ok(()) => Ok(Redirect::to("/settings/you?changed").into_response()),
        Err(problem) => Ok((problem.status(), draw(&admin, &caller, Some(&problem)).await?).into_response()),
    }
}

async fn change(admin: &Admin, caller: &Caller, passwords: &Passwords) -> Result<(), Problem> {
    let Who::Account { id, name, .. } = &caller.who else { return Err(no_account()) };
    let password = Password::new(&passwords.new)?;
    let now = admin.clock.now();
    // Whoever finds an open session shall not guess the password with it.
    admin.access.limiter.take(GUESSES, id, now.as_millisecond())?;
    if admin.access.accounts.known(name, &passwords.current, now).await?.is_none() {
        return Err(Problem::invalid("current", "the current password is not right"));
    }
    admin.access.limiter.forgive(GUESSES, id);
    admin.access.set_password(name, &password, caller.session.as_deref()).await?;
    Ok(())
}

fn no_account() -> Problem {
    Problem::new(StatusCode::FORBIDDEN, "a key has no password and no sessions: sign in with an account")
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ended {
    id: String,
}

/// Ends one of one's own sessions.
pub(super) async fn end_session(
    State(admin): State<Admin>,
    caller: Caller,
    ended: Result<Form<Ended>, FormRejection>,
) -> Result<Redirect, Refused> {
    let Form(ended) = ended.map_err(unreadable)?;
    let holder = holder(&admin, &caller)?;
    admin.access.sessions.end_id(&holder, &ended.id).await?;
    Ok(Redirect::to(YOU))
}

/// Ends all of one's own sessions, this one too.
pub(super) async fn end_all_sessions(State(admin): State<Admin>, caller: Caller) -> Result<Response, Refused> {
    admin.access.sessions.end_all(&holder(&admin, &caller)?, None).await?;
    Ok(sign_in::leave())
}

/// Whom the caller's sessions belong to.
fn holder(admin: &Admin, caller: &Caller) -> Result<String, Problem> {
    match &caller.who {
        Who::Account { id, .. } => Ok(id.clone()),
        Who::AdminKey => Ok(admin.key.holder()),
        Who::Key { .. } => Err(no_account()),
    }
}

async fn draw(admin: &Admin, caller: &Caller, problem: Option<&Problem>) -> Result<Markup, Refused> {
    let now = admin.clock.now();
    let sessions = match holder(admin, caller) {
        Ok(holder) => admin.access.sessions.list(&holder, caller.session.as_deref(), now).await?,
        Err(_) => Vec::new(),
    };
    let content = html! {
        section.card {
            h1 { (caller.name()) }
            p { (about(caller)) }
        }
        @if let Who::Account { name, .. } = &caller.who { (password(name, problem)) }
        (places(admin, &sessions))
    };
    Ok(super::page(YOU, "You", &content))
}

fn about(caller: &Caller) -> String {
    match &caller.who {
        Who::Account { role, .. } => format!("Your role is {}: it {}.", role.as_str(), role.about()),
        Who::AdminKey => "You signed in with the key of this server, which may do everything.".to_owned(),
        Who::Key { .. } => "You ask with an API key.".to_owned(),
    }
}

fn password(name: &str, problem: Option<&Problem>) -> Markup {
    html! {
        section.card {
            h2 { "Password" }
            form.stack.narrow method="post" action="/settings/you/password" {
                // So that password managers know whose it is.
                input.unseen name="" value=(name) autocomplete="username" aria-label="Name" readonly tabindex="-1";
                div {
                    label for="current" { "Current password" }
                    input #current name="current" type="password" autocomplete="current-password" required;
                }
                div {
                    label for="new" { "New password" }
                    input #new name="new" type="password" autocomplete="new-password" required
                        aria-describedby=(if problem.is_some() { "wrong about-new" } else { "about-new" });
                }
                (refusal(problem))
                p.hint #about-new { "At least 15 characters. Your other sessions end." }
                div { button { "Change the password" } }
            }
        }
    }
}

fn places(admin: &Admin, sessions: &[SessionShown]) -> Markup {
    html! {
        section.card {
            h2 { "Where you are signed in" }
            table {
                thead { tr { th scope="col" { "Browser" } th scope="col" { "Since" } th scope="col" { "Last seen" } th scope="col" { span.unseen { "End" } } } }
                tbody {
                    @for session in sessions {
                        tr {
                            td { (browser(&session.browser)) @if session.is_this { " " span.tag { "this one" } } }
                            td { (when(session.made_at, &admin.report_zone)) }
                            td { (when(session.seen_at, &admin.report_zone)) }
                            td {
                                @if !session.is_this {
                                    form method="post" action="/settings/you/sessions/end" {
                                        input type="hidden" name="id" value=(session.id);
                                        button.plain aria-label={ "Sign out " (session.id) } { "Sign out" }
                                    }
                                }
                            }
                        }
                    }
                }
            }
            form method="post" action="/settings/you/sessions/end-all" { button.plain { "Sign out everywhere" } }
        }
    }
}

fn browser(name: &str) -> &str {
    if name.is_empty() { "unknown" } else { name }
}
