//! `GET /api/v1/links/export`: links as CSV, JSON lines or Parquet, streamed a page at a time.
//!
//! A store that fails in between breaks the answer off: half a list is never passed off as a whole one.

use std::io;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::bulk::ids;
use super::clicks::format;
use super::extract::Asked;
use super::problem::Problem;
use crate::admin::Admin;
use crate::archive::Format;
use crate::domain::link::{Link, LinkId};
use crate::links::export::{Encoding, Row, Writer};
use crate::links::{Archived, LIST_MAX, LinkFilter};

pub(super) fn router() -> OpenApiRouter<Admin> {
    OpenApiRouter::new().routes(routes!(download))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Params {
    /// `csv` (unless said), `jsonl` or `parquet`.
    format: Option<String>,
    /// Empty means the default domain.
    domain: Option<String>,
    tag: Option<String>,
    /// `utm_campaign`, without regard to case.
    campaign: Option<String>,
    /// A part of slug, title or destination.
    q: Option<String>,
    /// Links that were put out of the way: `all` unless said.
    #[param(inline)]
    archived: Option<Archived>,
    /// Only these, 1 to 1,000 ids of links, such as `3,7,12`.
    ids: Option<String>,
}

/// Links as a file, streamed: what `POST /links/import` reads. docs/moving.md says what the columns mean.
#[utoipa::path(get, path = "/links/export", operation_id = "exportLinks", tag = "Links", params(Params),
    responses((status = OK, content(
        (String = "text/csv; charset=utf-8; header=present"),
        (String = "application/x-ndjson"),
        (Vec<u8> = "application/vnd.apache.parquet"),
    ))))]
async fn download(State(admin): State<Admin>, Asked(params): Asked<Params>) -> Result<Response, Problem> {
    let format = format(params.format.as_deref())?;
    let filter = LinkFilter {
        limit: LIST_MAX,
        domain: params.domain,
        tag: params.tag,
        campaign: params.campaign,
        part: params.q,
        archived: params.archived.unwrap_or_default(),
        ids: params.ids.as_deref().map(ids).transpose()?,
        ..LinkFilter::default()
    };
    file(admin, filter, format).await
}

/// The links of a filter as a file, streamed.
///
/// # Errors
/// When the filter is wrong or the store cannot answer.
pub(in crate::admin) async fn file(admin: Admin, filter: LinkFilter, format: Format) -> Result<Response, Problem> {
    let encoding = match format {
        Format::Csv => Encoding::Csv,
        Format::Jsonl => Encoding::Jsonl,
        Format::Parquet => Encoding::Parquet,
    };
    let failed = |error: io::Error| Problem::internal(format!("the export cannot begin: {error}"));
    let (writer, begin) = Writer::begin(encoding).map_err(failed)?;
    // The first page before the answer begins, so that a filter that is wrong or a store that is away is a refusal.
    let mut export = Export { admin, filter, writer: Some(writer), is_last: false };
    let first = export.page().await?;
    let begin = futures_util::stream::iter([Ok(Bytes::from(begin)), Ok(first)]);
    let rest = futures_util::stream::unfold(export, |mut export| async move {
        let piece = export.next().await?;
        Some((piece, export))
    });
    let body = Body::from_stream(futures_util::StreamExt::chain(begin, rest));
    let disposition = format!("attachment; filename=\"links.{}\"", format.as_str());
    let headers = [(CONTENT_TYPE, format.content_type().to_owned()), (CONTENT_DISPOSITION, disposition)];
    Ok((headers, body).into_response())
}

/// An export under way.
struct Export {
    admin: Admin,
    filter: LinkFilter,
    /// `None` once the file is written, or broke off.
    writer: Option<Writer>,
    is_last: bool,
}

impl Export {
    async fn next(&mut self) -> Option<io::Result<Bytes>> {
        self.writer.as_ref()?;
        if self.is_last {
            return self.writer.take().map(|writer| Ok(writer.end()?.into()));
        }
        let page = self.page().await;
        Some(page.map_err(|problem| {
            self.writer = None;
            io::Error::other(problem.detail().to_owned())
        }))
    }

    async fn page(&mut self) -> Result<Bytes, Problem> {
        let page = self.admin.catalog.list(&self.filter).await?;
        (self.filter.after, self.is_last) = (page.next, page.next.is_none());
        let rows = rows(&self.admin, page.links).await?;
        let Some(writer) = self.writer.as_mut() else { return Ok(Bytes::new()) };
        let piece = writer.page(&rows).map_err(|error| Problem::internal(error.to_string()))?;
        Ok(piece.into())
    }
}

async fn rows(admin: &Admin, links: Vec<Link>) -> Result<Vec<Row>, Problem> {
    let ids: Vec<LinkId> = links.iter().map(|link| link.id).collect();
    let clicks = admin.clicks_ever(&ids).await?;
    let row = |link: Link| Row {
        short_url: admin.catalog.domains().short_url(&link.spec.domain, &link.spec.slug),
        clicks: clicks.get(&link.id).copied().unwrap_or(0),
        link,
    };
    Ok(links.into_iter().map(row).collect())
}
