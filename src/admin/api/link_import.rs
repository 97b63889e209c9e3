//! `/api/v1/links/import`: links of other tools move in, are listed by import, and move out again.

use std::time::Duration;

use axum::Json;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::json;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::cursor::Page;
use super::extract::{Asked, Number};
use super::problem::Problem;
use crate::admin::Admin;
use crate::admin::access::{as_caller, current};
use crate::links::import::wire::{LinkImportEntry, LinkImportList, LinkImportReport, LinkImportUndone};
use crate::links::import::{self, About, FILE_BYTES_MAX, How, LinkImportError, Source, Upload};

/// The name of a file that came without one, and how much of a name is kept.
const UNNAMED: &str = "links.csv";
const FILE_NAME_CHARS_MAX: usize = 200;

pub(super) fn router() -> OpenApiRouter<Admin> {
    OpenApiRouter::new().routes(routes!(list, upload)).routes(routes!(undo))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Params {
    /// The name that the list shows.
    file_name: Option<String>,
    /// `bitly`, `dub`, `shlink`, `yourls`, `kutt`, `short.io`, `rebrandly`, `sink`, `chhoto`, `waypost` or `csv`; known by
    /// its columns, unless said.
    from: Option<String>,
    /// The domain that all of them go to; else each goes to that of its host, or to the default one.
    domain: Option<String>,
    /// Tells what would happen, and makes nothing.
    #[serde(default)]
    dry_run: bool,
    /// Makes the links that can be, although others cannot; else all or none.
    #[serde(default)]
    skip_refused: bool,
}

impl Params {
    fn how(self) -> Result<How, Problem> {
        Ok(How {
            file_name: cut(self.file_name.as_deref().unwrap_or(UNNAMED)),
            from: self.from.as_deref().map(source).transpose()?,
            domain: self.domain.filter(|domain| !domain.is_empty()),
            dry_run: self.dry_run,
            skip_refused: self.skip_refused,
        })
    }
}

pub(in crate::admin) fn cut(file_name: &str) -> String {
    file_name.chars().filter(|letter| !letter.is_control()).take(FILE_NAME_CHARS_MAX).collect()
}

pub(in crate::admin) fn source(word: &str) -> Result<Source, Problem> {
    let known = || Source::ALL.map(Source::as_str).join(", ");
    Source::parse(word).ok_or_else(|| Problem::invalid("from", format!("{word:?} is none of {}", known())))
}

/// Import links from another tool's file: CSV or JSON, up to 64 MiB and 200,000 links.
#[utoipa::path(post, path = "/links/import", operation_id = "importLinks", tag = "Links", params(Params),
    request_body(content = Vec<u8>, content_type = "application/octet-stream", description = "The file as it is"),
    responses((status = OK, body = LinkImportReport)))]
async fn upload(
    State(admin): State<Admin>,
    Asked(params): Asked<Params>,
    request: Request,
) -> Result<Json<LinkImportReport>, Problem> {
    let how = params.how()?;
    let _turn = admin.uploads.acquire().await.map_err(|_| Problem::unavailable("the server is stopping"))?;
    let too_large = |_| {
        let detail = format!("the file did not arrive whole, or is larger than {} MiB: split it", FILE_BYTES_MAX >> 20);
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
    };
    let bytes = to_bytes(request.into_body(), FILE_BYTES_MAX).await.map_err(too_large)?.to_vec();
    Ok(Json(run(&admin, Upload { bytes, how }).await?))
}

/// How long an answer waits for an import, which is less than a handler may take.
const WAIT_MAX: Duration = Duration::from_secs(50);

/// Goes on to its end when nobody waits for it any more: links that are half moved help nobody.
pub(in crate::admin) async fn run(admin: &Admin, upload: Upload) -> Result<LinkImportReport, Problem> {
    let (of_task, now) = (admin.clone(), admin.clock.now());
    let work = async move { import::import(&of_task.catalog, &*of_task.store, upload, now).await };
    let task = match current() {
        Some(caller) => tokio::spawn(as_caller(caller, work)),
        None => tokio::spawn(work),
    };
    match tokio::time::timeout(WAIT_MAX, task).await {
        Ok(Ok(done)) => Ok(done?),
        Ok(Err(error)) => Err(Problem::internal(format!("the import broke off: {error}"))),
        Err(_) => Err(Problem::unavailable(
            "the import takes long and goes on behind this answer: the list of imports tells how many links it made once \
             it is done",
        )),
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

/// List imports of links, the oldest first.
#[utoipa::path(get, path = "/links/import", operation_id = "listLinkImports", tag = "Links", params(ListParams),
    responses((status = OK, body = LinkImportList)))]
async fn list(State(admin): State<Admin>, Asked(params): Asked<ListParams>) -> Result<Json<LinkImportList>, Problem> {
    let page = Page::asked(params.after.as_deref(), params.limit)?;
    let mut all = import::list(&*admin.store).await?;
    all.sort_by_key(|about| about.id);
    let (page, next) = page.of(all, |about| about.id);
    Ok(Json(LinkImportList { imports: page.into_iter().map(LinkImportEntry::from).collect(), next }))
}

/// Undo an import of links: the links that it made are removed, changed ones too. Their clicks stay.
#[utoipa::path(delete, path = "/links/import/{id}", operation_id = "undoLinkImport", tag = "Links",
    params(("id" = u64, Path, description = "The import's id")), responses((status = OK, body = LinkImportUndone)))]
async fn undo(State(admin): State<Admin>, Number(id): Number) -> Result<Json<LinkImportUndone>, Problem> {
    let removed = import::undo(&admin.catalog, &*admin.store, id).await?;
    Ok(Json(LinkImportUndone { import: id, removed }))
}

impl From<About> for LinkImportEntry {
    fn from(about: About) -> Self {
        Self {
            id: about.id,
            file_name: about.file_name,
            from: about.from,
            imported_at: about.imported_at,
            rows: about.rows,
            made: about.made,
            imported_clicks: about.clicks,
        }
    }
}

impl From<LinkImportError> for Problem {
    fn from(error: LinkImportError) -> Self {
        let detail = error.to_string();
        match error {
            LinkImportError::File(_) => Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail),
            LinkImportError::Refused(report) => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail).with_errors(json!(report.refusals))
            }
            LinkImportError::Full => Self::new(StatusCode::CONFLICT, detail),
            LinkImportError::NoImport(_) => Self::not_found(detail),
            LinkImportError::Catalog(error) => error.into(),
        }
    }
}
