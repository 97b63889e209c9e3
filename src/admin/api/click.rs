//! `GET /api/v1/clicks/{id}`: one click with its verdict, the reason in words, and the evidence that it keeps.

use axum::Json;
use axum::extract::{Path, State};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::problem::Problem;
use crate::admin::{Admin, wire};
use crate::archive::{Archive, ArchiveError, ClickQuery};
use crate::domain::click::Click;

pub(super) fn router() -> OpenApiRouter<Admin> {
    OpenApiRouter::new().routes(routes!(show))
}

/// One click with its verdict, the reason in words, and the evidence that is kept.
#[utoipa::path(get, path = "/clicks/{id}", operation_id = "showClick", tag = "Clicks",
    params(("id" = String, Path, description = "The click's id, a UUID: the first column of exports")),
    responses((status = OK, body = wire::Click)))]
async fn show(State(admin): State<Admin>, Path(id): Path<String>) -> Result<Json<wire::Click>, Problem> {
    let wrong = |_| Problem::malformed(format!("{id:?} is no click's id: exports have it in their first column"));
    let id = Uuid::try_parse(&id).map_err(wrong)?;
    let archive = admin.archive.clone();
    let found = tokio::task::spawn_blocking(move || find(&archive, id)).await;
    match found.map_err(|error| error.to_string()).and_then(|found| found.map_err(|error| error.to_string())) {
        Ok(Some(click)) => Ok(Json(wire::Click::new(&click))),
        Ok(None) => Err(Problem::not_found("there is no such click; a hit is one a moment after it arrived")),
        Err(error) => {
            tracing::error!("the archive cannot be read: {error}");
            Err(Problem::internal("the archive cannot be read: the server's log says why"))
        }
    }
}

/// The id begins with the click's time (RFC 9562, version 7), so one millisecond is all that has to be read.
fn find(archive: &Archive, id: Uuid) -> Result<Option<Click>, ArchiveError> {
    let time_ms = i64::try_from(id.as_u128() >> 80).unwrap_or(i64::MAX);
    let query = ClickQuery { from_ms: Some(time_ms), to_ms: Some(time_ms.saturating_add(1)), ..ClickQuery::default() };
    let mut found = None;
    archive.clicks(query, |click| {
        if click.id == id {
            found = Some(click);
        }
    })?;
    Ok(found)
}
