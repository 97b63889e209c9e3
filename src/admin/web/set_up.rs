//! The first account, by the link that the server prints at its start. It works once.

use axum::Form;
use axum::extract::rejection::{FormRejection, QueryRejection};
use axum::extract::{Query, State};
use axum::http::header::HeaderMap;
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use serde::Deserialize;

use super::{Refused, layout, sign_in, unreadable};
use crate::admin::Admin;
use crate::admin::access::{AccessError, Account, Password};
use crate::admin::api::problem::Problem;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ticket {
    token: String,
}

pub(super) async fn page(
    State(admin): State<Admin>,
    ticket: Result<Query<Ticket>, QueryRejection>,
) -> Result<Markup, Refused> {
    let token = ticket.map(|Query(ticket)| ticket.token).unwrap_or_default();
    checked(&admin, &token)?;
    Ok(draw(&token, "", None))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct First {
    token: String,
    name: String,
    password: String,
}

/// Makes the first account and signs it in.
pub(super) async fn make(
    State(admin): State<Admin>,
    headers: HeaderMap,
    first: Result<Form<First>, FormRejection>,
) -> Result<Response, Refused> {
    let Form(first) = first.map_err(unreadable)?;
    checked(&admin, &first.token)?;
    match add(&admin, &first).await {
        Ok(account) => {
            admin.access.close_set_up();
            Ok(sign_in::enter(&admin, &account.id, &headers, "/").await?)
        }
        Err(error) => {
            let problem = Problem::from(error);
            Ok((problem.status(), draw(&first.token, &first.name, Some(&problem))).into_response())
        }
    }
}

async fn add(admin: &Admin, first: &First) -> Result<Account, AccessError> {
    let password = Password::new(&first.password)?;
    admin.access.accounts.add_first(&first.name, &password, admin.clock.now()).await
}

fn checked(admin: &Admin, token: &str) -> Result<(), Problem> {
    if admin.access.is_set_up_token(token) {
        return Ok(());
    }
    let detail = "this link was used, or the server was started again since: its latest start printed another link if \
                  there is no account yet";
    Err(Problem::not_found(detail))
}

fn draw(token: &str, name: &str, problem: Option<&Problem>) -> Markup {
    let wrong = problem.map(|problem| super::text::sentence(problem.detail()));
    layout::document(
        "Set up",
        &html! {
            main.alone {
                p.brand { (layout::mark()) "Waypost" }
                h1 { "The first account" }
                p { "It is an owner: it makes links, and accounts and keys for others." }
                form.stack method="post" action="/set-up" {
                    input type="hidden" name="token" value=(token);
                    label for="name" { "Name" }
                    input #name name="name" value=(name) autocomplete="username" autocapitalize="none" spellcheck="false"
                        required autofocus;
                    label for="password" { "Password" }
                    input #password name="password" type="password" autocomplete="new-password" required
                        aria-describedby=(if wrong.is_some() { "wrong hint" } else { "hint" });
                    @if let Some(wrong) = &wrong { p.wrong #wrong role="alert" { (wrong) } }
                    p.hint #hint { "At least 15 characters; a few unrelated words are good." }
                    button { "Make the account" }
                }
            }
        },
    )
}
