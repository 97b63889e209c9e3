//! `/api/v1/keys`: what programs may ask with. For owners.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{Named, Sent};
use super::problem::Problem;
use super::shown_once::ShownOnce;
use crate::admin::access::{self, Caller, Scope, Wanted};
use crate::admin::{Admin, wire};

pub(super) fn router() -> OpenApiRouter<Admin> {
    OpenApiRouter::new().routes(routes!(list, make)).routes(routes!(revoke))
}

/// A key, without what opens.
#[derive(Serialize, ToSchema)]
struct Key {
    id: String,
    /// What it is for.
    name: String,
    scopes: Vec<Scope>,
    /// RFC 3339, in UTC.
    made_at: String,
    made_by: String,
    expires_at: Option<String>,
    /// To the hour.
    used_at: Option<String>,
}

impl Key {
    fn new(id: String, key: access::Key) -> Self {
        Self {
            id,
            name: key.name,
            scopes: key.scopes,
            made_at: wire::instant(key.made_at),
            made_by: key.made_by,
            expires_at: key.expires_at.map(wire::instant),
            used_at: key.used_at.map(wire::instant),
        }
    }
}

#[derive(Serialize, ToSchema)]
struct KeyList {
    /// All of them, the oldest first: at most 200.
    keys: Vec<Key>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewKey {
    /// What it is for.
    #[schema(max_length = 60)]
    name: String,
    #[schema(min_items = 1)]
    scopes: Vec<Scope>,
    /// RFC 3339. Without one it is good until it is revoked.
    expires_at: Option<String>,
}

/// A key that was just made.
#[derive(Serialize, ToSchema)]
struct MadeKey {
    #[serde(flatten)]
    about: Key,
    /// The key itself. It is not told again.
    key: String,
}

/// List the keys.
#[utoipa::path(get, path = "/keys", operation_id = "listKeys", tag = "Accounts",
    responses((status = OK, body = KeyList)))]
async fn list(State(admin): State<Admin>) -> Result<Json<KeyList>, Problem> {
    let keys = admin.access.keys.list().await?;
    Ok(Json(KeyList { keys: keys.into_iter().map(|(id, key)| Key::new(id, key)).collect() }))
}

/// Make a key. It is told in the answer and never again.
#[utoipa::path(post, path = "/keys", operation_id = "makeKey", tag = "Accounts", request_body = NewKey,
    responses((status = CREATED, body = MadeKey)))]
async fn make(
    State(admin): State<Admin>,
    caller: Caller,
    Sent(wanted): Sent<NewKey>,
) -> Result<(StatusCode, ShownOnce<MadeKey>), Problem> {
    let expires_at = instant("expires_at", wanted.expires_at.as_deref())?;
    let wanted = Wanted { name: &wanted.name, scopes: &wanted.scopes, expires_at, made_by: &caller.name() };
    let (id, about, key) = admin.access.keys.make(&wanted, admin.clock.now()).await?;
    Ok((StatusCode::CREATED, ShownOnce(MadeKey { about: Key::new(id, about), key })))
}

/// Revoke a key. It opens nothing from now on.
#[utoipa::path(delete, path = "/keys/{id}", operation_id = "revokeKey", tag = "Accounts",
    params(("id" = String, Path, description = "The key's id")), responses((status = NO_CONTENT)))]
async fn revoke(State(admin): State<Admin>, Named(id): Named) -> Result<StatusCode, Problem> {
    if admin.access.keys.revoke(&id).await? {
        return Ok(StatusCode::NO_CONTENT);
    }
    Err(Problem::not_found(format!("there is no key {id:?}")))
}

/// An instant that somebody named.
pub(super) fn instant(field: &str, text: Option<&str>) -> Result<Option<Timestamp>, Problem> {
    let wrong = |text| Problem::invalid(field, format!("{text:?} is not an instant such as 2026-12-31T00:00:00Z"));
    text.map(|text| text.parse().map_err(|_| wrong(text))).transpose()
}
