//! `/api/v1/links/bulk`: up to a thousand links at once, each with a result of its own.

use axum::Json;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{Asked, Sent, many_ids};
use super::problem::Problem;
use crate::admin::{Admin, wire};
use crate::domain::link::LinkId;
use crate::domain::object;
use crate::links::LinkFields;
use crate::links::bulk::{BULK_MAX, Edit, How, Outcome, Wanted};
use crate::links::catalog::CatalogError;

/// The largest body, in bytes: a thousand links with everything in them.
const BODY_BYTES_MAX: usize = 8 << 20;

pub(super) fn router() -> OpenApiRouter<Admin> {
    OpenApiRouter::new().routes(routes!(create, edit, remove)).layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Create {
    /// 1 to 1,000, each as `POST /links` takes it.
    #[serde(deserialize_with = "object::many")]
    links: Vec<LinkFields>,
    /// Say what would happen, and make nothing.
    #[serde(default)]
    dry_run: bool,
    /// If one is refused, none is made, and the answer is 422.
    #[serde(default)]
    all_or_nothing: bool,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct EditMany {
    /// 1 to 1,000 ids of links.
    #[serde(deserialize_with = "many_ids")]
    ids: Vec<u64>,
    /// What all of them get, as `PATCH /links/{id}` takes it: `{"enabled": false}`.
    #[serde(default, deserialize_with = "object::one")]
    set: LinkFields,
    /// Added to the tags that each has.
    #[serde(default)]
    add_tags: Vec<String>,
    /// Taken from the tags that each has.
    #[serde(default)]
    remove_tags: Vec<String>,
    /// Say what would happen, and change nothing.
    #[serde(default)]
    dry_run: bool,
    /// If one is refused, none is changed, and the answer is 422.
    #[serde(default)]
    all_or_nothing: bool,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct RemoveParams {
    /// 1 to 1,000 ids of links, such as `3,7,12`.
    ids: String,
    /// Say what would happen, and remove nothing.
    #[serde(default)]
    dry_run: bool,
    /// If one is not there, none is removed, and the answer is 422.
    #[serde(default)]
    all_or_nothing: bool,
}

/// What became of many links.
#[derive(Serialize, ToSchema)]
struct BulkResults {
    dry_run: bool,
    /// How many were made, changed or removed; in a dry run, how many would be.
    done: usize,
    refused: usize,
    /// One for each that was sent, in that order.
    results: Vec<BulkResult>,
}

#[derive(Serialize, ToSchema)]
struct BulkResult {
    /// Its place in what was sent, from 0.
    index: usize,
    /// The link as it is now, or would be: then its `id` is 0 if there is none yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<wire::Link>,
    /// Why it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<Problem>,
}

/// Make up to 1,000 links: each that can be, or all or nothing.
#[utoipa::path(post, path = "/links/bulk", operation_id = "createLinks", tag = "Links", request_body = Create,
    responses((status = OK, body = BulkResults)))]
async fn create(State(admin): State<Admin>, Sent(sent): Sent<Create>) -> Result<Json<BulkResults>, Problem> {
    bounded("links", sent.links.len())?;
    let how = How { dry_run: sent.dry_run, all_or_nothing: sent.all_or_nothing };
    let wanted: Vec<Wanted> = sent.links.into_iter().map(|fields| Wanted { fields, ..Wanted::default() }).collect();
    let outcomes = admin.catalog.create_many(&wanted, how).await?;
    answer(how, results(&admin, outcomes).await?)
}

/// Change up to 1,000 links in the same way: their tags, whether they answer, or anything else.
#[utoipa::path(patch, path = "/links/bulk", operation_id = "editLinks", tag = "Links", request_body = EditMany,
    responses((status = OK, body = BulkResults)))]
async fn edit(State(admin): State<Admin>, Sent(sent): Sent<EditMany>) -> Result<Json<BulkResults>, Problem> {
    bounded("ids", sent.ids.len())?;
    let how = How { dry_run: sent.dry_run, all_or_nothing: sent.all_or_nothing };
    let ids: Vec<LinkId> = sent.ids.into_iter().map(LinkId).collect();
    let edit = Edit { fields: sent.set, add_tags: sent.add_tags, remove_tags: sent.remove_tags };
    let outcomes = admin.catalog.edit_all(&ids, &edit, how).await?;
    answer(how, results(&admin, outcomes).await?)
}

/// Remove up to 1,000 links. Their clicks stay; their slugs are free again.
#[utoipa::path(delete, path = "/links/bulk", operation_id = "removeLinks", tag = "Links", params(RemoveParams),
    responses((status = OK, body = BulkResults)))]
async fn remove(State(admin): State<Admin>, Asked(params): Asked<RemoveParams>) -> Result<Json<BulkResults>, Problem> {
    let ids = ids(&params.ids)?;
    let how = How { dry_run: params.dry_run, all_or_nothing: params.all_or_nothing };
    let outcomes = admin.catalog.remove_each(&ids, how).await?;
    let result = |outcome: Result<(), CatalogError>| (None, outcome.err().map(Problem::from));
    answer(how, outcomes.into_iter().map(result).collect())
}

/// 1 to 1,000 ids of links.
pub(super) fn ids(text: &str) -> Result<Vec<LinkId>, Problem> {
    let wrong = |_| Problem::invalid("ids", "give ids of links, separated by commas, such as 3,7,12");
    let ids: Vec<_> =
        text.split(',').map(|id| id.trim().parse().map(LinkId)).collect::<Result<_, _>>().map_err(wrong)?;
    bounded("ids", ids.len())?;
    Ok(ids)
}

pub(in crate::admin) fn bounded(field: &str, count: usize) -> Result<(), Problem> {
    if (1..=BULK_MAX).contains(&count) {
        return Ok(());
    }
    Err(Problem::invalid(field, format!("{count} links: send 1 to {BULK_MAX} at a time")))
}

async fn results(admin: &Admin, outcomes: Vec<Outcome>) -> Result<Vec<(Option<wire::Link>, Option<Problem>)>, Problem> {
    let ids: Vec<LinkId> = outcomes.iter().filter_map(Outcome::link).map(|link| link.id).collect();
    let clicks = admin.clicks_ever(&ids).await?;
    let result = |outcome| match outcome {
        Outcome::Done(saved) | Outcome::Fit(saved) => {
            let clicks = clicks.get(&saved.link.id).copied().unwrap_or(0);
            let link = wire::Link::new(&saved.link, admin.catalog.domains(), clicks);
            (Some(wire::Link { warnings: saved.warnings, ..link }), None)
        }
        Outcome::Refused(error) => (None, Some(error.into())),
    };
    Ok(outcomes.into_iter().map(result).collect())
}

fn answer(how: How, results: Vec<(Option<wire::Link>, Option<Problem>)>) -> Result<Json<BulkResults>, Problem> {
    let refused = results.iter().filter(|(_, problem)| problem.is_some()).count();
    let done = results.len() - refused;
    let results = results.into_iter().enumerate();
    let results: Vec<_> = results.map(|(index, (link, problem))| BulkResult { index, link, problem }).collect();
    if how.all_or_nothing && !how.dry_run && refused > 0 {
        let refused: Vec<_> = results.iter().filter(|result| result.problem.is_some()).collect();
        let detail =
            format!("{} of {} links are refused, so nothing was done: see errors", refused.len(), results.len());
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail).with_errors(json!(refused)));
    }
    Ok(Json(BulkResults { dry_run: how.dry_run, done, refused, results }))
}
