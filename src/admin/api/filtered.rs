//! `GET /api/v1/filtered`: the latest hits that were no clicks, each with its verdict, the reason in words, the evidence.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{Asked, maybe_id};
use super::problem::Problem;
use crate::admin::filtered::{LIMIT_MAX, Wanted, latest};
use crate::admin::{Admin, wire};
use crate::domain::link::LinkId;
use crate::domain::verdict::Verdict;

const LIMIT_DEFAULT: usize = 50;

pub(super) fn router() -> OpenApiRouter<Admin> {
    OpenApiRouter::new().routes(routes!(list))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Params {
    /// Only hits on this link, by its id
    #[serde(default, deserialize_with = "maybe_id")]
    link: Option<u64>,
    /// Only hits of this verdict: `preview`, `bot`, `scanner`, `prefetch`, `head`, `duplicate` or `owner`
    verdict: Option<String>,
    /// Only hits of this reason, such as `user-agent:curl`
    reason: Option<String>,
    /// The most hits, 1 to 500; 50 if not given
    limit: Option<usize>,
}

/// The latest hits of 28 days that were no clicks, newest first, each with its reason in words and its evidence.
#[utoipa::path(get, path = "/filtered", operation_id = "listFiltered", tag = "Clicks", params(Params),
    responses((status = OK, body = wire::Filtered)))]
async fn list(State(admin): State<Admin>, Asked(params): Asked<Params>) -> Result<Json<wire::Filtered>, Problem> {
    let limit = params.limit.unwrap_or(LIMIT_DEFAULT);
    if !(1..=LIMIT_MAX).contains(&limit) {
        return Err(Problem::invalid("limit", format!("{limit} is not within 1 and {LIMIT_MAX}")));
    }
    let wanted = Wanted {
        link: params.link.map(LinkId),
        verdict: params.verdict.as_deref().map(verdict).transpose()?,
        reason: params.reason,
        limit,
    };
    let hits = latest(&admin, wanted).await?;
    Ok(Json(wire::Filtered { hits: hits.iter().map(wire::Click::new).collect() }))
}

/// Any verdict but human: a click was not filtered.
pub(in crate::admin) fn verdict(text: &str) -> Result<Verdict, Problem> {
    let filtered = || Verdict::ALL.into_iter().filter(|verdict| *verdict != Verdict::Human);
    let known = || filtered().map(Verdict::as_str).collect::<Vec<_>>().join(", ");
    let found = filtered().find(|verdict| verdict.as_str() == text);
    found.ok_or_else(|| Problem::invalid("verdict", format!("{text:?} is none of {}", known())))
}
