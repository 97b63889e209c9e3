//! `/api/v1/imports`: files of impressions come in, are listed, and are undone.

use axum::extract::{DefaultBodyLimit, FromRequest, Request, State};
use axum::http::StatusCode;
use axum::{Json, Router, routing};
use bytes::Bytes;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

use super::extract::{Asked, Number};
use super::problem::Problem;
use crate::admin::names::CatalogNames;
use crate::admin::{Admin, wire};
use crate::domain::import::{ImportId, ImportSummary};
use crate::impressions::child::ParseError;
use crate::impressions::csv::FILE_BYTES_MAX;
use crate::impressions::import::{ImportError, Upload};
use crate::impressions::wire::ImportReport;

/// The name of a file that came without one.
const UNNAMED: &str = "upload.csv";

pub(super) fn router() -> Router<Admin> {
    Router::new()
        .route("/imports", routing::get(list).post(upload).layer(DefaultBodyLimit::max(FILE_BYTES_MAX)))
        .route("/imports/{id}", routing::delete(undo))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    file_name: Option<String>,
    as_of: Option<String>,
    #[serde(default)]
    dry_run: bool,
}

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
    Ok(Json(admin.imports.import(&names, &upload, admin.clock.now()).await?))
}

fn instant(text: &str) -> Result<Timestamp, Problem> {
    let wrong = |_| Problem::invalid("as_of", format!("{text:?} is no instant: write it like 2026-11-21T12:00:00Z"));
    text.parse().map_err(wrong)
}

async fn list(State(admin): State<Admin>) -> Result<Json<wire::Imports>, Problem> {
    let imports = admin.imports.list().await?;
    let entry = |ImportSummary { id, about }| wire::ImportEntry {
        id: id.0,
        file_name: about.file_name,
        as_of: wire::instant(about.as_of),
        imported_at: wire::instant(about.imported_at),
        rows: about.numbers,
    };
    Ok(Json(wire::Imports { imports: imports.into_iter().map(entry).collect() }))
}

async fn undo(State(admin): State<Admin>, Number(id): Number) -> Result<StatusCode, Problem> {
    match admin.imports.undo(ImportId(id)).await? {
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
            ImportError::Full => Self::new(StatusCode::INSUFFICIENT_STORAGE, detail),
            ImportError::Parse(_) | ImportError::Wrong(_) => Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail),
            ImportError::Store(error) => error.into(),
        }
    }
}
