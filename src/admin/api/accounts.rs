//! `/api/v1/accounts`: the people who may sign in. For owners.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{Named, Sent};
use super::problem::Problem;
use super::shown_once::ShownOnce;
use crate::admin::access::{self, Password, Role};
use crate::admin::{Admin, wire};

pub(super) fn router() -> OpenApiRouter<Admin> {
    OpenApiRouter::new().routes(routes!(list, add)).routes(routes!(edit, remove)).routes(routes!(set_password))
}

/// Somebody who may sign in.
#[derive(Serialize, ToSchema)]
struct Account {
    /// In lower case.
    name: String,
    role: Role,
    /// RFC 3339, in UTC.
    made_at: String,
    signed_in_at: Option<String>,
}

impl From<access::Account> for Account {
    fn from(account: access::Account) -> Self {
        Self {
            name: account.name,
            role: account.role,
            made_at: wire::instant(account.made_at),
            signed_in_at: account.signed_in_at.map(wire::instant),
        }
    }
}

#[derive(Serialize, ToSchema)]
struct AccountList {
    /// All of them, by name: at most 150.
    accounts: Vec<Account>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewAccount {
    /// Letters, digits and `. _ - + @`; a mail address is fine.
    #[schema(max_length = 64)]
    name: String,
    role: Role,
    /// At least 15 characters. Without one, a random one is made and told once.
    password: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AccountRole {
    role: Role,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewPassword {
    /// At least 15 characters. Without one, a random one is made and told once.
    password: Option<String>,
}

/// An account whose password was set.
#[derive(Serialize, ToSchema)]
struct AccountWithPassword {
    #[serde(flatten)]
    account: Account,
    /// The password, if it was made here. It is not told again.
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<String>,
}

/// List the people who may sign in.
#[utoipa::path(get, path = "/accounts", operation_id = "listAccounts", tag = "Accounts",
    responses((status = OK, body = AccountList)))]
async fn list(State(admin): State<Admin>) -> Result<Json<AccountList>, Problem> {
    let accounts = admin.access.accounts.list().await?;
    Ok(Json(AccountList { accounts: accounts.into_iter().map(Account::from).collect() }))
}

/// Make an account. The first one has to be an owner.
#[utoipa::path(post, path = "/accounts", operation_id = "addAccount", tag = "Accounts", request_body = NewAccount,
    responses((status = CREATED, body = AccountWithPassword)))]
async fn add(
    State(admin): State<Admin>,
    Sent(wanted): Sent<NewAccount>,
) -> Result<(StatusCode, ShownOnce<AccountWithPassword>), Problem> {
    let (password, told) = chosen(wanted.password)?;
    let account = admin.access.accounts.add(&wanted.name, wanted.role, &password, admin.clock.now()).await?;
    Ok((StatusCode::CREATED, ShownOnce(AccountWithPassword { account: account.into(), password: told })))
}

/// Change an account's role. Somebody has to stay an owner.
#[utoipa::path(patch, path = "/accounts/{name}", operation_id = "editAccount", tag = "Accounts",
    params(("name" = String, Path, description = "The account's name")), request_body = AccountRole,
    responses((status = OK, body = Account)))]
async fn edit(
    State(admin): State<Admin>,
    Named(name): Named,
    Sent(wanted): Sent<AccountRole>,
) -> Result<Json<Account>, Problem> {
    Ok(Json(admin.access.accounts.set_role(&name, wanted.role).await?.into()))
}

/// Set an account's password and sign it out everywhere.
#[utoipa::path(post, path = "/accounts/{name}/password", operation_id = "setPassword", tag = "Accounts",
    params(("name" = String, Path, description = "The account's name")), request_body = NewPassword,
    responses((status = OK, body = AccountWithPassword)))]
async fn set_password(
    State(admin): State<Admin>,
    Named(name): Named,
    Sent(wanted): Sent<NewPassword>,
) -> Result<ShownOnce<AccountWithPassword>, Problem> {
    let (password, told) = chosen(wanted.password)?;
    let account = admin.access.set_password(&name, &password, None).await?;
    Ok(ShownOnce(AccountWithPassword { account: account.into(), password: told }))
}

/// Remove an account and sign it out everywhere. Somebody has to stay an owner.
#[utoipa::path(delete, path = "/accounts/{name}", operation_id = "removeAccount", tag = "Accounts",
    params(("name" = String, Path, description = "The account's name")), responses((status = NO_CONTENT)))]
async fn remove(State(admin): State<Admin>, Named(name): Named) -> Result<StatusCode, Problem> {
    admin.access.remove_account(&name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The password that is wanted, or a random one and its text, which has to be told.
fn chosen(wanted: Option<String>) -> Result<(Password, Option<String>), Problem> {
    match wanted {
        Some(text) => Ok((Password::new(&text)?, None)),
        None => {
            let password = Password::generated()?;
            let told = password.as_str().to_owned();
            Ok((password, Some(told)))
        }
    }
}
