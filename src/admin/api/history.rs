//! `GET /api/v1/links/{id}/history`: what was changed about a link, when and by whom.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::Number;
use super::problem::Problem;
use crate::admin::{Admin, wire};
use crate::links::history::{self, Edit};

pub(super) fn router() -> OpenApiRouter<Admin> {
    OpenApiRouter::new().routes(routes!(list))
}

#[derive(Serialize, ToSchema)]
struct LinkHistory {
    /// The latest 50, the newest first; fewer where texts are long.
    edits: Vec<LinkEdit>,
}

#[derive(Serialize, ToSchema)]
struct LinkEdit {
    /// RFC 3339, in UTC.
    at: String,
    /// An account's name, `key "NAME"`, `the admin key`, or `Waypost` itself.
    by: String,
    /// The link's revision after it.
    revision: u64,
    fields: Vec<LinkFieldEdit>,
}

/// What became of one field, as text; empty where there was or is nothing.
#[derive(Serialize, ToSchema)]
struct LinkFieldEdit {
    /// As in a link, such as `utm.source`.
    field: String,
    from: String,
    to: String,
}

impl From<Edit> for LinkEdit {
    fn from(edit: Edit) -> Self {
        let fields = edit.fields.into_iter();
        let fields = fields.map(|edit| LinkFieldEdit { field: edit.field, from: edit.from, to: edit.to });
        Self { at: wire::instant(edit.at), by: edit.by, revision: edit.revision, fields: fields.collect() }
    }
}

/// Show what was changed about a link.
#[utoipa::path(get, path = "/links/{id}/history", operation_id = "showLinkHistory", tag = "Links",
    params(("id" = u64, Path, description = "The link's id")), responses((status = OK, body = LinkHistory)))]
async fn list(State(admin): State<Admin>, number: Number) -> Result<Json<LinkHistory>, Problem> {
    let link = admin.catalog.get(number.link()).await?;
    let edits = history::of_link(&*admin.store, link.id).await?;
    Ok(Json(LinkHistory { edits: edits.into_iter().rev().map(LinkEdit::from).collect() }))
}
