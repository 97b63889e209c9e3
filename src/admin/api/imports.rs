//! `/api/v1/imports`: files and single numbers come in, are listed, shown, and undone.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_LENGTH;
use http_body_util::BodyExt;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::cursor::Page;
use super::extract::{Asked, Number, Sent};
use super::problem::Problem;
use crate::admin::{Admin, wire};
use crate::domain::import::{ImportId, ImportSummary};
use crate::impressions::child::ParseError;
use crate::impressions::columns::Known;
use crate::impressions::container::FILE_BYTES_MAX;
use crate::impressions::date::Order;
use crate::impressions::import::{ImportError, Upload};
use crate::impressions::manual::Manual;
use crate::impressions::mapping::Mapping;
use crate::impressions::options::{Options, Span};
use crate::impressions::wire::{ImportReport, KnownColumn, KnownColumns};

/// The most uploads that are read at a time; others wait.
pub(in crate::admin) const UPLOADS_MAX: usize = 2;

/// The name of a file that came without one.
const UNNAMED: &str = "upload.csv";

pub(super) fn router() -> OpenApiRouter<Admin> {
    OpenApiRouter::new()
        .routes(routes!(list, upload))
        .routes(routes!(manual))
        .routes(routes!(columns, forget_columns))
        .routes(routes!(show, undo))
}

#[derive(Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::admin) struct Params {
    /// The name that `imports` shows.
    pub(in crate::admin) file_name: Option<String>,
    /// Until when the numbers hold, RFC 3339; now, unless said.
    pub(in crate::admin) as_of: Option<String>,
    /// Tells what would happen, and changes nothing.
    #[serde(default)]
    pub(in crate::admin) dry_run: bool,
    /// The platform, where the file does not show it.
    pub(in crate::admin) platform: Option<String>,
    /// The account that the file is of, where it does not say.
    pub(in crate::admin) account: Option<String>,
    /// `post=URL,date=Day,views=Views`
    pub(in crate::admin) map: Option<String>,
    /// `lifetime` or `2026-11-01..2026-11-30`
    pub(in crate::admin) period: Option<String>,
    /// `day-first` or `month-first`
    pub(in crate::admin) dates: Option<String>,
    /// Of dates that have none.
    pub(in crate::admin) year: Option<i16>,
    /// The time zone in which the file's days begin, such as `Europe/Stockholm`.
    pub(in crate::admin) tz: Option<String>,
    /// ISO 4217, where the file does not say.
    pub(in crate::admin) currency: Option<String>,
}

impl Params {
    pub(in crate::admin) fn as_of(&self) -> Result<Option<Timestamp>, Problem> {
        self.as_of.as_deref().map(instant).transpose()
    }

    pub(in crate::admin) fn options(self) -> Result<Options, Problem> {
        let invalid = |field: &'static str| move |why: String| Problem::invalid(field, why);
        Ok(Options {
            file_name: self.file_name.unwrap_or_else(|| UNNAMED.to_owned()),
            platform: self.platform,
            account: self.account,
            map: self.map.as_deref().map(Mapping::parse).transpose().map_err(invalid("map"))?,
            period: self.period.as_deref().map(Span::parse).transpose().map_err(invalid("period"))?,
            dates: self.dates.as_deref().map(order).transpose().map_err(invalid("dates"))?,
            year: self.year,
            tz: self.tz,
            currency: self.currency,
            ..Options::default()
        })
    }
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
    let as_of = params.as_of()?;
    // Whoever waits too long is told so by the deadline of every handler.
    let _turn = admin.uploads.acquire().await.map_err(|_| Problem::unavailable("the server is stopping"))?;
    let dry_run = params.dry_run;
    let options = params.options()?;
    let upload = Upload { bytes: received(request).await?, options, as_of, dry_run };
    Ok(Json(admin.imports.import(upload, admin.clock.now()).await?))
}

/// The body of a request in memory that is asked for once: to put its parts together afterwards would take it twice.
async fn received(request: Request) -> Result<Vec<u8>, Problem> {
    let length = request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    let length: usize = length.unwrap_or(0);
    if length > FILE_BYTES_MAX {
        return Err(ImportError::TooLarge.into());
    }
    let mut file: Vec<u8> = Vec::with_capacity(length);
    let mut body = request.into_body();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Problem::malformed(format!("the file did not arrive whole: {error}")))?;
        let Ok(part) = frame.into_data() else { continue };
        if file.len() + part.len() > FILE_BYTES_MAX {
            return Err(ImportError::TooLarge.into());
        }
        file.extend_from_slice(&part);
    }
    Ok(file)
}

fn order(word: &str) -> Result<Order, String> {
    Order::parse(word).ok_or_else(|| format!("{word:?} is neither day-first nor month-first"))
}

fn instant(text: &str) -> Result<Timestamp, Problem> {
    let wrong = |_| Problem::invalid("as_of", format!("{text:?} is no instant: write it like 2026-11-21T12:00:00Z"));
    text.parse().map_err(wrong)
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ManualParams {
    /// Tells what would happen, and changes nothing.
    #[serde(default)]
    dry_run: bool,
}

/// Enter numbers by hand, for what nothing can be exported from.
#[utoipa::path(post, path = "/imports/manual", operation_id = "enterImpressions", tag = "Impressions",
    params(ManualParams), request_body = Manual, responses((status = OK, body = ImportReport)))]
async fn manual(
    State(admin): State<Admin>,
    Asked(params): Asked<ManualParams>,
    Sent(entry): Sent<Manual>,
) -> Result<Json<ImportReport>, Problem> {
    Ok(Json(admin.imports.manual(&entry, params.dry_run, admin.clock.now()).await?))
}

/// Columns that were mapped by hand, used again for files with the same header.
#[utoipa::path(get, path = "/imports/columns", operation_id = "listColumns", tag = "Impressions",
    responses((status = OK, body = KnownColumns)))]
async fn columns(State(admin): State<Admin>) -> Result<Json<KnownColumns>, Problem> {
    let line = |Known { options, at }| KnownColumn {
        map: options.map.map(|map| map.to_string()).unwrap_or_default(),
        platform: options.platform,
        said_at: at,
    };
    Ok(Json(KnownColumns { columns: admin.imports.known_columns().await?.into_iter().map(line).collect() }))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ForgetParams {
    /// As `columns` says it.
    map: String,
}

/// Forget what was said about the columns of a file.
#[utoipa::path(delete, path = "/imports/columns", operation_id = "forgetColumns", tag = "Impressions",
    params(ForgetParams), responses((status = NO_CONTENT)))]
async fn forget_columns(State(admin): State<Admin>, Asked(params): Asked<ForgetParams>) -> Result<StatusCode, Problem> {
    let map = Mapping::parse(&params.map).map_err(|why| Problem::invalid("map", why))?;
    match admin.imports.forget_columns(&map).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Problem::not_found("nothing was said about these columns")),
    }
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListParams {
    /// `next` of the page before.
    after: Option<String>,
    /// Imports of a page, 100 unless said.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
}

/// List imports, the oldest first.
#[utoipa::path(get, path = "/imports", operation_id = "listImports", tag = "Impressions", params(ListParams),
    responses((status = OK, body = wire::Imports)))]
async fn list(State(admin): State<Admin>, Asked(params): Asked<ListParams>) -> Result<Json<wire::Imports>, Problem> {
    let page = Page::asked(params.after.as_deref(), params.limit)?;
    let all = admin.imports.list().await?;
    let mut sorted: Vec<&ImportSummary> = all.iter().collect();
    sorted.sort_by_key(|import| import.id);
    let (page, next) = page.of(sorted, |import| import.id.0);
    let imports = page.into_iter().map(|import| wire::ImportEntry::new(import, &all)).collect();
    Ok(Json(wire::Imports { imports, next }))
}

/// One import: what its file said and what became of it.
#[utoipa::path(get, path = "/imports/{id}", operation_id = "showImport", tag = "Impressions",
    params(("id" = u64, Path, description = "The import's id")), responses((status = OK, body = wire::ShownImport)))]
async fn show(State(admin): State<Admin>, Number(id): Number) -> Result<Json<wire::ShownImport>, Problem> {
    let imports = admin.imports.list().await?;
    let (import, report) = admin.imports.show(ImportId(id)).await?.ok_or_else(|| no_import(id))?;
    Ok(Json(wire::ShownImport { import: wire::ImportEntry::new(&import, &imports), report }))
}

/// Undo an import: its numbers go, and what they replaced stands again.
#[utoipa::path(delete, path = "/imports/{id}", operation_id = "undoImport", tag = "Impressions",
    params(("id" = u64, Path, description = "The import's id")), responses((status = NO_CONTENT)))]
async fn undo(State(admin): State<Admin>, Number(id): Number) -> Result<StatusCode, Problem> {
    match admin.imports.undo(ImportId(id)).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(no_import(id)),
    }
}

fn no_import(id: u64) -> Problem {
    Problem::not_found(format!("import {id} does not exist"))
}

impl wire::ImportEntry {
    pub(in crate::admin) fn new(import: &ImportSummary, all: &[ImportSummary]) -> Self {
        let about = &import.about;
        let later = all.iter().rfind(|other| other.about.file == about.file && other.id > import.id);
        Self {
            id: import.id.0,
            file_name: about.file_name.clone(),
            dialects: about.dialects.clone(),
            as_of: wire::instant(about.as_of),
            imported_at: wire::instant(about.imported_at),
            rows: about.numbers,
            posts: about.posts,
            first: about.first,
            last: about.last,
            superseded_by: later.map(|later| later.id.0),
        }
    }
}

impl From<ImportError> for Problem {
    fn from(error: ImportError) -> Self {
        let detail = error.to_string();
        match error {
            ImportError::TooLarge => Self::new(StatusCode::PAYLOAD_TOO_LARGE, detail),
            ImportError::AsOf(_) => Self::invalid("as_of", detail),
            ImportError::Parse(ParseError::NotRead(refusal)) if !refusal.rows.is_empty() => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail).with_errors(json!(refusal.rows.first))
            }
            ImportError::Parse(ParseError::Busy) => Self::unavailable(detail),
            ImportError::Parse(ParseError::Start(_)) => Self::internal(detail),
            ImportError::Full => Self::new(StatusCode::CONFLICT, detail),
            ImportError::Parse(_) | ImportError::Wrong(_) => Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail),
            ImportError::Store(error) => error.into(),
        }
    }
}
