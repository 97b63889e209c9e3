//! `/api/v1/links`: make, list, show, change and remove links. All of it ends in the catalog.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use axum::{Json, Router, routing};
use serde::Deserialize;

use super::extract::{Asked, Number, Sent};
use super::problem::Problem;
use crate::admin::Admin;
use crate::admin::totals::clicks_of;
use crate::admin::wire;
use crate::domain::link::{Link, LinkId};
use crate::links::{LIST_MAX, LinkFields, LinkFilter};

/// Links of a page when nobody says how many.
const LIST_DEFAULT: usize = 100;

pub(super) fn router() -> Router<Admin> {
    Router::new()
        .route("/links", routing::get(list).post(create))
        .route("/links/{id}", routing::get(show).patch(edit).delete(remove))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListParams {
    after: Option<u64>,
    limit: Option<usize>,
    slug: Option<String>,
    domain: Option<String>,
    tag: Option<String>,
    campaign: Option<String>,
    q: Option<String>,
}

async fn list(State(admin): State<Admin>, Asked(params): Asked<ListParams>) -> Result<Json<wire::LinkList>, Problem> {
    let limit = params.limit.unwrap_or(LIST_DEFAULT);
    if !(1..=LIST_MAX).contains(&limit) {
        return Err(Problem::invalid("limit", format!("limit is {limit}: use 1 to {LIST_MAX}")));
    }
    let filter = LinkFilter {
        after: params.after.map(LinkId),
        limit,
        slug: params.slug,
        domain: params.domain,
        tag: params.tag,
        campaign: params.campaign,
        part: params.q,
    };
    let page = admin.catalog.list(&filter).await?;
    let links = with_clicks(&admin, &page.links).await?;
    Ok(Json(wire::LinkList { links, next: page.next.map(|id| id.0) }))
}

async fn with_clicks(admin: &Admin, links: &[Link]) -> Result<Vec<wire::Link>, Problem> {
    let ids: Vec<LinkId> = links.iter().map(|link| link.id).collect();
    let clicks = clicks_of(&*admin.store, &ids).await?;
    let wired =
        |link: &Link| wire::Link::new(link, admin.catalog.domains(), clicks.get(&link.id).copied().unwrap_or(0));
    Ok(links.iter().map(wired).collect())
}

async fn one(admin: &Admin, link: &Link) -> Result<wire::Link, Problem> {
    let clicks = clicks_of(&*admin.store, &[link.id]).await?;
    Ok(wire::Link::new(link, admin.catalog.domains(), clicks.get(&link.id).copied().unwrap_or(0)))
}

async fn create(State(admin): State<Admin>, Sent(fields): Sent<LinkFields>) -> Result<Response, Problem> {
    let made = admin.catalog.create(&fields).await?;
    let location = format!("/api/v1/links/{}", made.link.id);
    // A new link has no clicks, so nothing is asked of the store that could fail after the link was made.
    let link = wire::Link { warnings: made.warnings, ..wire::Link::new(&made.link, admin.catalog.domains(), 0) };
    Ok((StatusCode::CREATED, [(LOCATION, location)], Json(link)).into_response())
}

async fn show(State(admin): State<Admin>, number: Number) -> Result<Json<wire::Link>, Problem> {
    let link = admin.catalog.get(number.link()).await?;
    Ok(Json(one(&admin, &link).await?))
}

async fn edit(
    State(admin): State<Admin>,
    number: Number,
    Sent(fields): Sent<LinkFields>,
) -> Result<Json<wire::Link>, Problem> {
    let edited = admin.catalog.edit(number.link(), &fields).await?;
    Ok(Json(wire::Link { warnings: edited.warnings, ..one(&admin, &edited.link).await? }))
}

async fn remove(State(admin): State<Admin>, number: Number) -> Result<StatusCode, Problem> {
    admin.catalog.remove(number.link()).await?;
    Ok(StatusCode::NO_CONTENT)
}
