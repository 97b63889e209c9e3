//! `/api/v1/matches`: which links stand in which imported posts, and what people decide about it.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::cursor::{self, Page};
use super::extract::{Asked, Sent, maybe_id};
use super::problem::Problem;
use crate::admin::Admin;
use crate::domain::link::LinkId;
use crate::impressions::book::PostId;
use crate::impressions::desk::{DecideError, Matched};
use crate::impressions::effect::{label, suggestion_lines};
use crate::impressions::matching::decision::{Decision, Says};
use crate::impressions::wire::{DecisionLine, DecisionList, MatchLine, MatchList, MatchedPost};

pub(super) fn router() -> OpenApiRouter<Admin> {
    OpenApiRouter::new().routes(routes!(list, decide, take_back)).routes(routes!(decisions))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Params {
    /// Any name of a post.
    post: Option<String>,
    /// Only posts that this link stands in.
    #[serde(default, deserialize_with = "maybe_id")]
    link: Option<u64>,
    /// Only posts that no link stands in.
    #[serde(default)]
    unmatched: bool,
    /// `next` of the page before.
    after: Option<String>,
    /// Posts of a page, 100 unless said.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
}

/// Imported posts, the links that stand in them and why, and suggestions for the others.
#[utoipa::path(get, path = "/matches", operation_id = "listMatches", tag = "Impressions", params(Params),
    responses((status = OK, body = MatchList)))]
async fn list(State(admin): State<Admin>, Asked(params): Asked<Params>) -> Result<Json<MatchList>, Problem> {
    let limit = cursor::limit(params.limit)?;
    let matched = admin.imports.matched().await?;
    let find = |text: &str| matched.book.find_meant(text).ok_or_else(|| unknown(text));
    let asked_post = params.post.as_deref().map(find).transpose()?;
    let place = |after: &str| matched.book.find_meant(&cursor::read(after)?).ok_or_else(cursor::wrong);
    let after = params.after.as_deref().map(place).transpose()?;
    let asked = |id: &PostId| {
        let links = matched.matches.of_post(*id);
        after.is_none_or(|after| *id > after)
            && asked_post.is_none_or(|asked| *id == asked)
            && (!params.unmatched || links.is_empty())
            && params.link.is_none_or(|link| links.iter().any(|found| found.link.0 == link))
    };
    let mut found = matched.book.posts().map(|(id, _)| id).filter(asked);
    let posts: Vec<_> = found.by_ref().take(limit).map(|id| matched_post(&matched, id)).collect();
    let next = found.next().and_then(|_| posts.last().map(|post| cursor::write(&post.post)));
    Ok(Json(MatchList { posts, next }))
}

fn unknown(post: &str) -> Problem {
    Problem::not_found(format!("no imported post is called {post:?}"))
}

pub(in crate::admin) fn matched_post(matched: &Matched, id: PostId) -> MatchedPost {
    let post = matched.book.post(id);
    let links = matched.matches.of_post(id).iter().map(|found| MatchLine {
        link: found.link.0,
        label: label(&matched.links, found.link).to_owned(),
        rule: found.rule.as_str().to_owned(),
        evidence: found.evidence.clone(),
    });
    MatchedPost {
        post: post.key().to_owned(),
        names: post.names.clone(),
        platform: post.platform.clone(),
        level: post.level.as_str().to_owned(),
        account: post.account.clone(),
        permalink: post.permalink.clone(),
        text: post.text.clone(),
        published: post.published.clone(),
        imports: matched.book.imports_of(id).iter().map(|import| import.0).collect(),
        links: links.collect(),
        suggestions: suggestion_lines(&matched.matches, id, &matched.links),
        shared: !matched.matches.is_alone(id),
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Decide {
    /// A link's id.
    link: u64,
    /// Any name of the post: its permalink or id.
    post: String,
    says: Word,
}

#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Word {
    Confirmed,
    Refused,
    /// Confirmed, although no rule proposes it and the post may not be imported yet.
    Made,
}

/// Decide about a link and a post by hand.
#[utoipa::path(post, path = "/matches", operation_id = "decideMatch", tag = "Impressions", request_body = Decide,
    responses((status = OK, body = DecisionLine)))]
async fn decide(State(admin): State<Admin>, Sent(sent): Sent<Decide>) -> Result<Json<DecisionLine>, Problem> {
    let (says, made) = match sent.says {
        Word::Confirmed => (Says::Confirmed, false),
        Word::Refused => (Says::Refused, false),
        Word::Made => (Says::Confirmed, true),
    };
    let decision = admin.imports.decide(LinkId(sent.link), &sent.post, says, made, admin.clock.now()).await?;
    Ok(Json(line(decision)))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Pair {
    /// A link's id.
    link: u64,
    /// Any name of the post.
    post: String,
}

/// Take a decision back: the rules decide again.
#[utoipa::path(delete, path = "/matches", operation_id = "takeBackMatch", tag = "Impressions", params(Pair),
    responses((status = NO_CONTENT)))]
async fn take_back(State(admin): State<Admin>, Asked(pair): Asked<Pair>) -> Result<StatusCode, Problem> {
    admin.imports.take_back(LinkId(pair.link), &pair.post).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct DecisionParams {
    /// `next` of the page before.
    after: Option<String>,
    /// Decisions of a page, 100 unless said.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
}

/// Decisions made by hand, by post and link.
#[utoipa::path(get, path = "/matches/decisions", operation_id = "listDecisions", tag = "Impressions",
    params(DecisionParams), responses((status = OK, body = DecisionList)))]
async fn decisions(
    State(admin): State<Admin>,
    Asked(params): Asked<DecisionParams>,
) -> Result<Json<DecisionList>, Problem> {
    let page = Page::asked(params.after.as_deref(), params.limit)?;
    let place = |decision: &Decision| format!("{} {:020}", decision.post, decision.link.0);
    let mut decisions = admin.imports.decisions().await?;
    decisions.sort_by_cached_key(place);
    let (decisions, next) = page.of(decisions, place);
    Ok(Json(DecisionList { decisions: decisions.into_iter().map(line).collect(), next }))
}

fn line(decision: Decision) -> DecisionLine {
    DecisionLine {
        link: decision.link.0,
        post: decision.post,
        says: decision.says.as_str().to_owned(),
        at: decision.at,
    }
}

impl From<DecideError> for Problem {
    fn from(error: DecideError) -> Self {
        let detail = error.to_string();
        match error {
            DecideError::NoLink(_) => Self::invalid("link", detail),
            DecideError::NoName(_) => Self::invalid("post", detail),
            DecideError::NoPost(_) | DecideError::NoDecision(..) => Self::not_found(detail),
            DecideError::Full => Self::new(StatusCode::CONFLICT, detail),
            DecideError::Store(error) => error.into(),
        }
    }
}
