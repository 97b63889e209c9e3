//! `/api/v1/links`: make, list, show, change and remove links. All of it ends in the catalog.

use axum::Json;
use axum::extract::State;
use axum::http::header::{IF_MATCH, IF_NONE_MATCH, LOCATION};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::cursor::{self, Page};
use super::etag;
use super::extract::{Asked, Number, Sent};
use super::problem::Problem;
use crate::admin::Admin;
use crate::admin::wire;
use crate::domain::link::{Link, LinkId};
use crate::links::catalog::CatalogError;
use crate::links::{Archived, Change, LinkFields, LinkFilter};

pub(super) fn router() -> OpenApiRouter<Admin> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(show, edit, remove))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListParams {
    /// `next` of the page before.
    after: Option<String>,
    /// Links of a page, 100 unless said.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
    /// The link with this slug, on `domain` or the default domain.
    slug: Option<String>,
    /// Empty means the default domain.
    domain: Option<String>,
    tag: Option<String>,
    /// `utm_campaign`, without regard to case.
    campaign: Option<String>,
    /// A part of slug, title or destination.
    q: Option<String>,
    /// Links that were put out of the way: `no` unless said, and `all` where a slug is asked for.
    #[param(inline)]
    archived: Option<Archived>,
}

/// List links, oldest first.
#[utoipa::path(get, path = "/links", operation_id = "listLinks", tag = "Links", params(ListParams),
    responses((status = OK, body = wire::LinkList)))]
async fn list(State(admin): State<Admin>, Asked(params): Asked<ListParams>) -> Result<Json<wire::LinkList>, Problem> {
    let page = Page::asked(params.after.as_deref(), params.limit)?;
    let usual = if params.slug.is_some() { Archived::All } else { Archived::USUAL };
    let filter = LinkFilter {
        after: page.after.map(LinkId),
        limit: page.limit,
        slug: params.slug,
        domain: params.domain,
        tag: params.tag,
        campaign: params.campaign,
        part: params.q,
        archived: params.archived.unwrap_or(usual),
        ids: None,
    };
    let page = admin.catalog.list(&filter).await?;
    let links = with_clicks(&admin, &page.links).await?;
    Ok(Json(wire::LinkList { links, next: page.next.map(|id| cursor::write(&id.to_string())) }))
}

async fn with_clicks(admin: &Admin, links: &[Link]) -> Result<Vec<wire::Link>, Problem> {
    let ids: Vec<LinkId> = links.iter().map(|link| link.id).collect();
    let clicks = admin.clicks_ever(&ids).await?;
    let wired =
        |link: &Link| wire::Link::new(link, admin.catalog.domains(), clicks.get(&link.id).copied().unwrap_or(0));
    Ok(links.iter().map(wired).collect())
}

async fn one(admin: &Admin, link: &Link) -> Result<wire::Link, Problem> {
    let clicks = admin.clicks_ever(&[link.id]).await?;
    Ok(wire::Link::new(link, admin.catalog.domains(), clicks.get(&link.id).copied().unwrap_or(0)))
}

/// Make a link. UTM is merged into the destination now; a missing slug is generated.
#[utoipa::path(post, path = "/links", operation_id = "createLink", tag = "Links", request_body = LinkFields,
    responses((status = CREATED, body = wire::Link, headers(("Location" = String, description = "The new link's path")))))]
async fn create(State(admin): State<Admin>, Sent(fields): Sent<LinkFields>) -> Result<Response, Problem> {
    let made = admin.catalog.create(&fields).await?;
    let location = format!("/api/v1/links/{}", made.link.id);
    // A new link has no clicks, so nothing is asked of the store that could fail after the link was made.
    let link = wire::Link { warnings: made.warnings, ..wire::Link::new(&made.link, admin.catalog.domains(), 0) };
    Ok((StatusCode::CREATED, [(LOCATION, location)], [etag::of(made.link.revision)], Json(link)).into_response())
}

/// Show a link. Its `ETag` is its revision: with `If-None-Match` the answer is 304 while the link is the same.
#[utoipa::path(get, path = "/links/{id}", operation_id = "showLink", tag = "Links",
    params(("id" = u64, Path, description = "The link's id")),
    responses((status = OK, body = wire::Link, headers(("ETag" = String, description = "The link's revision"))),
        (status = NOT_MODIFIED, description = "The link is as it was")))]
async fn show(State(admin): State<Admin>, headers: HeaderMap, number: Number) -> Result<Response, Problem> {
    let link = admin.catalog.get(number.link()).await?;
    let tag = [etag::of(link.revision)];
    etag::if_match(&headers, link.revision)?;
    if etag::is_known(&headers, link.revision) {
        return Ok((StatusCode::NOT_MODIFIED, tag).into_response());
    }
    Ok((tag, Json(one(&admin, &link).await?)).into_response())
}

/// Change a link. Fields that are not sent stay as they are; `null` clears. With `If-Match`, only the revision that is
/// named: else 412.
#[utoipa::path(patch, path = "/links/{id}", operation_id = "editLink", tag = "Links",
    params(("id" = u64, Path, description = "The link's id")), request_body = LinkFields,
    responses((status = OK, body = wire::Link)))]
async fn edit(
    State(admin): State<Admin>,
    headers: HeaderMap,
    number: Number,
    Sent(mut fields): Sent<LinkFields>,
) -> Result<Response, Problem> {
    let expected = expected(&admin, &headers, number.link()).await?;
    if let (Some(revision), true) = (expected, fields.revision.is_keep()) {
        fields.revision = Change::Set(revision);
    }
    let edited = match admin.catalog.edit(number.link(), &fields).await {
        Err(CatalogError::Changed(_)) if expected.is_some() => return Err(etag::changed()),
        edited => edited?,
    };
    let link = wire::Link { warnings: edited.warnings, ..one(&admin, &edited.link).await? };
    Ok(([etag::of(edited.link.revision)], Json(link)).into_response())
}

/// Remove a link. Its clicks stay; its slug is free again. With `If-Match`, only the revision that is named: else 412.
#[utoipa::path(delete, path = "/links/{id}", operation_id = "removeLink", tag = "Links",
    params(("id" = u64, Path, description = "The link's id")), responses((status = NO_CONTENT)))]
async fn remove(State(admin): State<Admin>, headers: HeaderMap, number: Number) -> Result<StatusCode, Problem> {
    let expected = expected(&admin, &headers, number.link()).await?;
    match admin.catalog.remove(number.link(), expected).await {
        Err(CatalogError::Changed(_)) => Err(etag::changed()),
        removed => Ok(removed.map(|()| StatusCode::NO_CONTENT)?),
    }
}

/// The revision that the headers let a change be made to; without any, each.
async fn expected(admin: &Admin, headers: &HeaderMap, id: LinkId) -> Result<Option<u64>, Problem> {
    if !headers.contains_key(IF_MATCH) && !headers.contains_key(IF_NONE_MATCH) {
        return Ok(None);
    }
    etag::expected(headers, admin.catalog.get(id).await?.revision)
}
