//! `/api/v1/imports`: files of impressions come in, are listed, and are undone.

use axum::Json;
use axum::extract::{DefaultBodyLimit, FromRequest, Request, State};
use axum::http::StatusCode;
use bytes::Bytes;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{Asked, Number};
use super::problem::Problem;
use crate::admin::names::CatalogNames;
use crate::admin::{Admin, wire};
use crate::domain::impression::ImportId;
use crate::impressions::child::ParseError;
use crate::impressions::csv::FILE_BYTES_MAX;
use crate::impressions::import::{ImportError, Upload, import};
use crate::impressions::wire::ImportReport;

/// The name of a file that came without one.
const UNNAMED: &str = "upload.csv";

pub(super) fn router() -> OpenApiRouter<Admin> {
    OpenApiRouter::new()
        .routes(routes!(list, upload))
        .routes(routes!(undo))
        .layer(DefaultBodyLimit::max(FILE_BYTES_MAX))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Params {
    /// The name that `imports` shows.
    file_name: Option<String>,
    /// Until when the numbers hold, RFC 3339; now, unless said.
    as_of: Option<String>,
    #[serde(default)]
    /// Tells what would happen, and changes nothing.
    dry_run: bool,
}

/// Import a file of impressions: all of its rows or none.
#[utoipa::path(post, path = "/imports", operation_id = "importImpressions", tag = "Impressions", params(Params),
    request_body(content = Vec<u8>, content_type = "application/octet-stream", description = "The file as it is"),
    responses((status = OK, body = ImportReport)))]
async fn upload(
    State(admin): State<Admin>,
    Asked(params): Asked<Params>,
    request: Request,
) -> Result<Json<ImportReport>, Problem> {
    let as_of = params.as_of.as_deref().map(instant).transpose()?;
    let upload = Upload {
        bytes: Bytes::from_request(request, &()).await?.into(),
        file_name: params.file_name.unwrap_or_else(|| UNNAMED.to_owned()),
        as_of,
        dry_run: params.dry_run,
    };
    let names = CatalogNames(&admin.catalog);
    Ok(Json(import(&admin.parser, &*admin.store, &names, &upload, admin.clock.now()).await?))
}

fn instant(text: &str) -> Result<Timestamp, Problem> {
    let wrong = |_| Problem::invalid("as_of", format!("{text:?} is no instant: write it like 2026-11-21T12:00:00Z"));
    text.parse().map_err(wrong)
}

/// List imports.
#[utoipa::path(get, path = "/imports", operation_id = "listImports", tag = "Impressions",
    responses((status = OK, body = wire::Imports)))]
async fn list(State(admin): State<Admin>) -> Result<Json<wire::Imports>, Problem> {
    let imports = admin.store.imports().await?;
    let entry = |import: crate::domain::impression::ImportSummary| wire::ImportEntry {
        id: import.id.0,
        file_name: import.file_name,
        as_of: wire::instant(import.as_of),
        imported_at: wire::instant(import.imported_at),
        rows: import.rows,
    };
    Ok(Json(wire::Imports { imports: imports.into_iter().map(entry).collect() }))
}

/// Undo an import: its numbers go, and what they replaced stands again.
#[utoipa::path(delete, path = "/imports/{id}", operation_id = "undoImport", tag = "Impressions",
    params(("id" = u64, Path, description = "The import's id")), responses((status = NO_CONTENT)))]
async fn undo(State(admin): State<Admin>, Number(id): Number) -> Result<StatusCode, Problem> {
    match admin.store.undo_import(ImportId(id)).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Problem::not_found(format!("import {id} does not exist"))),
    }
}

impl From<ImportError> for Problem {
    fn from(error: ImportError) -> Self {
        let detail = error.to_string();
        match error {
            ImportError::TooLarge => Self::new(StatusCode::PAYLOAD_TOO_LARGE, detail),
            ImportError::AsOf(_) => Self::invalid("as_of", detail),
            ImportError::Rows(rows) => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail).with_errors(json!(rows.first))
            }
            ImportError::Parse(ParseError::Busy) => Self::unavailable(detail),
            ImportError::Parse(ParseError::Start(_)) => Self::internal(detail),
            ImportError::Parse(_) => Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail),
            ImportError::Store(error) => error.into(),
        }
    }
}
