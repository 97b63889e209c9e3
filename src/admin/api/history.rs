//! `GET /api/v1/links/{id}/history`: what was done to a link, when, by whom and by what way.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::Number;
use super::problem::Problem;
use crate::admin::{Admin, wire};
use crate::domain::link::Way;
use crate::links::catalog::CatalogError;
use crate::links::history::{self, Edit};

pub(super) fn router() -> OpenApiRouter<Admin> {
    OpenApiRouter::new().routes(routes!(list))
}

#[derive(Serialize, ToSchema)]
struct LinkHistory {
    /// The making and the latest 50 changes, the newest first; fewer where texts are long. Of a link that was removed,
    /// for a year, with its removal.
    edits: Vec<LinkEdit>,
}

#[derive(Serialize, ToSchema)]
struct LinkEdit {
    /// RFC 3339, in UTC.
    at: String,
    /// An account's name, `key "NAME"`, `the admin key`, or `Waypost` itself.
    by: String,
    /// `web`, `api`, `cli` or `import`; `null` of what Waypost did itself, and of changes from before this was kept.
    via: Option<Way>,
    /// `made`, `changed` or `removed`.
    what: &'static str,
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
        Self {
            at: wire::instant(edit.at),
            by: edit.by,
            via: edit.way,
            what: edit.deed.as_str(),
            revision: edit.revision,
            fields: fields.collect(),
        }
    }
}

/// Show what was done to a link.
#[utoipa::path(get, path = "/links/{id}/history", operation_id = "showLinkHistory", tag = "Links",
    params(("id" = u64, Path, description = "The link's id")), responses((status = OK, body = LinkHistory)))]
async fn list(State(admin): State<Admin>, number: Number) -> Result<Json<LinkHistory>, Problem> {
    let edits = match admin.catalog.get(number.link()).await {
        Ok(link) => history::of_link(&*admin.store, &link).await?,
        Err(CatalogError::NotFound(id)) => {
            history::of_removed(&*admin.store, id).await?.ok_or(CatalogError::NotFound(id))?
        }
        Err(error) => return Err(error.into()),
    };
    Ok(Json(LinkHistory { edits: edits.into_iter().rev().map(LinkEdit::from).collect() }))
}
