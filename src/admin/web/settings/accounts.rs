//! The accounts of people, for owners. What is done here is what `/api/v1/accounts` does.

use axum::Form;
use axum::extract::rejection::FormRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use serde::Deserialize;

use super::super::layout::{Place, Question};
use super::super::text::when;
use super::super::{Refused, unreadable};
use super::{refusal, told_once};
use crate::admin::Admin;
use crate::admin::access::{Account, Password, Role};
use crate::admin::api::problem::Problem;

const PATH: &str = "/settings/accounts";

pub(super) async fn page(State(admin): State<Admin>) -> Result<Markup, Refused> {
    draw(&admin, None, None).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewAccount {
    name: String,
    role: Role,
}

/// Makes an account and shows the password it got.
pub(super) async fn add(
    State(admin): State<Admin>,
    wanted: Result<Form<NewAccount>, FormRejection>,
) -> Result<Response, Refused> {
    let Form(wanted) = wanted.map_err(unreadable)?;
    let password = Password::generated()?;
    match admin.access.accounts.add(&wanted.name, wanted.role, &password, admin.clock.now()).await {
        Ok(account) => {
            let told = told(&account, &password);
            Ok((StatusCode::CREATED, draw(&admin, Some(told), None).await?).into_response())
        }
        Err(error) => refused(&admin, &error.into()).await,
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewRole {
    role: Role,
}

pub(super) async fn set_role(
    State(admin): State<Admin>,
    Path(name): Path<String>,
    wanted: Result<Form<NewRole>, FormRejection>,
) -> Result<Response, Refused> {
    let Form(wanted) = wanted.map_err(unreadable)?;
    match admin.access.accounts.set_role(&name, wanted.role).await {
        Ok(_) => Ok(Redirect::to(PATH).into_response()),
        Err(error) => refused(&admin, &error.into()).await,
    }
}

/// Sets a random password and shows it.
pub(super) async fn set_password(State(admin): State<Admin>, Path(name): Path<String>) -> Result<Response, Refused> {
    let password = Password::generated()?;
    let account = admin.access.set_password(&name, &password, None).await?;
    Ok(draw(&admin, Some(told(&account, &password)), None).await?.into_response())
}

pub(super) async fn confirm_removal(Path(name): Path<String>) -> Markup {
    Question {
        at: Place::Settings,
        title: &format!("Remove the account {name}?"),
        consequence: "Whoever has it is signed out everywhere. What they made stays, and so does their name in histories.",
        verb: "Remove it",
        action: &format!("{}/remove", path(&name)),
        back: PATH,
    }
    .page()
}

pub(super) async fn remove(State(admin): State<Admin>, Path(name): Path<String>) -> Result<Response, Refused> {
    match admin.access.remove_account(&name).await {
        Ok(()) => Ok(Redirect::to(PATH).into_response()),
        Err(error) => refused(&admin, &error.into()).await,
    }
}

async fn refused(admin: &Admin, problem: &Problem) -> Result<Response, Refused> {
    Ok((problem.status(), draw(admin, None, Some(problem)).await?).into_response())
}

fn told(account: &Account, password: &Password) -> Markup {
    told_once(
        &format!("This is the password of {}. Hand it over; they change it under “You”.", account.name),
        password.as_str(),
    )
}

fn path(name: &str) -> String {
    let name = percent_encoding::utf8_percent_encode(name, percent_encoding::NON_ALPHANUMERIC);
    format!("{PATH}/{name}")
}

async fn draw(admin: &Admin, told: Option<Markup>, problem: Option<&Problem>) -> Result<Markup, Refused> {
    let accounts = admin.access.accounts.list().await?;
    let content = html! {
        @if let Some(told) = told { (told) }
        section.card {
            h1 { "Accounts" }
            (refusal(problem))
            @if accounts.is_empty() {
                p.hint { "Nobody has an account yet. The first one is an owner." }
            } @else { (table(admin, &accounts)) }
        }
        (form(accounts.is_empty()))
    };
    Ok(super::page(PATH, "Accounts", &content))
}

fn table(admin: &Admin, accounts: &[Account]) -> Markup {
    html! {
        table {
            thead { tr { th scope="col" { "Name" } th scope="col" { "Role" } th.roomy scope="col" { "Signed in" } th scope="col" { span.unseen { "Changes" } } } }
            tbody {
                @for account in accounts {
                    tr {
                        th scope="row" { (account.name) }
                        td { (role(account)) }
                        td.roomy { @match account.signed_in_at { Some(at) => (when(at, &admin.report_zone)), None => span.unknown { "never" } } }
                        td {
                            div.actions {
                                form method="post" action={ (path(&account.name)) "/password" } {
                                    button.plain aria-label={ "New password for " (account.name) } { "New password" }
                                }
                                a.button.plain href={ (path(&account.name)) "/remove" } aria-label={ "Remove " (account.name) } { "Remove" }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn role(account: &Account) -> Markup {
    html! {
        form.actions method="post" action={ (path(&account.name)) "/role" } {
            select.short name="role" aria-label={ "Role of " (account.name) } { (roles(account.role)) }
            button.plain aria-label={ "Save the role of " (account.name) } { "Save" }
        }
    }
}

fn roles(chosen: Role) -> Markup {
    html! {
        @for role in Role::ALL { option value=(role.as_str()) selected[role == chosen] { (role.as_str()) } }
    }
}

fn form(is_first: bool) -> Markup {
    html! {
        section.card {
            h2 { "New account" }
            form.stack.narrow method="post" action=(PATH) {
                div {
                    label for="name" { "Name" }
                    input #name name="name" autocomplete="off" autocapitalize="none" spellcheck="false" required maxlength="64";
                }
                div {
                    label for="role" { "Role" }
                    select #role name="role" aria-describedby="about-roles" { (roles(if is_first { Role::Owner } else { Role::Editor })) }
                }
                p.hint #about-roles {
                    @for role in Role::ALL { b { (role.as_str()) } " " (role.about()) ". " }
                }
                p.hint { "It gets a random password, which you see once." }
                div { button { "Make the account" } }
            }
        }
    }
}
