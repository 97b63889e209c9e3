//! The keys of programs, for owners. What is done here is what `/api/v1/keys` does.

use axum::Form;
use axum::extract::rejection::FormRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use jiff::Timestamp;
use maud::{Markup, html};
use serde::Deserialize;

use super::super::layout::{Place, Question};
use super::super::text::when;
use super::super::{Refused, unreadable};
use super::{end_of, refusal, told_once};
use crate::admin::Admin;
use crate::admin::access::{Caller, Key, Scope, Wanted};
use crate::admin::api::problem::Problem;

const PATH: &str = "/settings/keys";

pub(super) async fn page(State(admin): State<Admin>) -> Result<Markup, Refused> {
    draw(&admin, &NewKey::default(), None, None).await
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewKey {
    name: String,
    /// A day of the report time zone, or nothing.
    #[serde(default)]
    ends: String,
    #[serde(default)]
    read: bool,
    #[serde(default)]
    links: bool,
    #[serde(default)]
    imports: bool,
    #[serde(default)]
    admin: bool,
}

impl NewKey {
    fn scopes(&self) -> Vec<Scope> {
        let chosen = [self.read, self.links, self.imports, self.admin];
        Scope::ALL.into_iter().zip(chosen).filter(|(_, chosen)| *chosen).map(|(scope, _)| scope).collect()
    }
}

/// Makes a key and shows it.
pub(super) async fn make(
    State(admin): State<Admin>,
    caller: Caller,
    wanted: Result<Form<NewKey>, FormRejection>,
) -> Result<Response, Refused> {
    let Form(wanted) = wanted.map_err(unreadable)?;
    match made(&admin, &caller, &wanted).await {
        Ok(key) => {
            let told = told_once("This is the new key.", &key);
            Ok((StatusCode::CREATED, draw(&admin, &NewKey::default(), Some(told), None).await?).into_response())
        }
        Err(problem) => Ok((problem.status(), draw(&admin, &wanted, None, Some(&problem)).await?).into_response()),
    }
}

async fn made(admin: &Admin, caller: &Caller, wanted: &NewKey) -> Result<String, Problem> {
    let expires_at = end_of(admin, &wanted.ends)?;
    let (scopes, made_by) = (wanted.scopes(), caller.name());
    let wanted = Wanted { name: &wanted.name, scopes: &scopes, expires_at, made_by: &made_by };
    let (_, _, key) = admin.access.keys.make(&wanted, admin.clock.now()).await?;
    Ok(key)
}

pub(super) async fn confirm_revocation(State(admin): State<Admin>, Path(id): Path<String>) -> Result<Markup, Refused> {
    let keys = admin.access.keys.list().await?;
    let (id, key) = keys.into_iter().find(|(known, _)| *known == id).ok_or_else(unknown)?;
    let question = Question {
        at: Place::Settings,
        title: &format!("Revoke the key {:?}?", key.name),
        consequence: "Whatever uses it is refused from now on. There is no way back; you can make another one.",
        verb: "Revoke it",
        action: &format!("{PATH}/{id}/revoke"),
        back: PATH,
    };
    Ok(question.page())
}

pub(super) async fn revoke(State(admin): State<Admin>, Path(id): Path<String>) -> Result<Redirect, Refused> {
    if admin.access.keys.revoke(&id).await? {
        return Ok(Redirect::to(PATH));
    }
    Err(unknown().into())
}

fn unknown() -> Problem {
    Problem::not_found("there is no such key: it may have been revoked already")
}

async fn draw(
    admin: &Admin,
    wanted: &NewKey,
    told: Option<Markup>,
    problem: Option<&Problem>,
) -> Result<Markup, Refused> {
    let keys = admin.access.keys.list().await?;
    let content = html! {
        @if let Some(told) = told { (told) }
        section.card {
            h1 { "Keys" }
            p { "A key lets a program use the " a href="/api" { "API" } ", " code { "Authorization: Bearer KEY" } ", as far as its scopes go." }
            @if keys.is_empty() { p.hint { "There is none yet." } } @else { (table(admin, &keys)) }
        }
        (form(wanted, problem))
    };
    Ok(super::page(PATH, "Keys", &content))
}

fn table(admin: &Admin, keys: &[(String, Key)]) -> Markup {
    let at = |at: Option<Timestamp>| {
        html! {
            @match at { Some(at) => (when(at, &admin.report_zone)), None => span.unknown { "never" } }
        }
    };
    html! {
        table {
            thead {
                tr {
                    th scope="col" { "For" } th scope="col" { "May" } th.roomy scope="col" { "Made" }
                    th.roomy scope="col" { "Used" } th.roomy scope="col" { "Ends" } th scope="col" { span.unseen { "Revoke" } }
                }
            }
            tbody {
                @for (id, key) in keys {
                    tr {
                        th scope="row" { (key.name) small { (id) } }
                        td { @for scope in &key.scopes { span.tag { (scope.as_str()) } " " } }
                        td.roomy { (when(key.made_at, &admin.report_zone)) small { "by " (key.made_by) } }
                        td.roomy { (at(key.used_at)) }
                        td.roomy { (at(key.expires_at)) }
                        td { a.button.plain href={ (PATH) "/" (id) "/revoke" } aria-label={ "Revoke " (key.name) } { "Revoke" } }
                    }
                }
            }
        }
    }
}

fn form(wanted: &NewKey, problem: Option<&Problem>) -> Markup {
    let chosen = wanted.scopes();
    html! {
        section.card {
            h2 { "New key" }
            form.stack.narrow method="post" action=(PATH) {
                div {
                    label for="name" { "What it is for" }
                    input #name name="name" value=(wanted.name) required maxlength="60" autocomplete="off" aria-describedby=[problem.map(|_| "wrong")];
                }
                fieldset.ticks {
                    legend { "It may" }
                    @for scope in Scope::ALL {
                        label { input type="checkbox" name=(scope.as_str()) value="true" checked[chosen.contains(&scope)]; span { b { (scope.as_str()) } ": " (scope.about()) } }
                    }
                }
                div {
                    label for="ends" { "Ends at the beginning of (empty: when it is revoked)" }
                    input #ends name="ends" type="date" value=(wanted.ends);
                }
                (refusal(problem))
                div { button { "Make the key" } }
            }
        }
    }
}
