//! Which links stand in which imported posts: what the rules found and why, what they only propose, and what people
//! decide. It must never decide by itself, nor show a proposal as if it were found.

use axum::Form;
use axum::extract::rejection::{FormRejection, QueryRejection};
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use serde::{Deserialize, Serialize};

use super::field::Field;
use super::imports::{Tab, tabs};
use super::layout::{self, Place};
use super::text::{count, counted, sentence, when};
use super::{Refused, may, unreadable};
use crate::admin::Admin;
use crate::admin::api::matches::matched_post;
use crate::admin::api::problem::Problem;
use crate::domain::link::LinkId;
use crate::impressions::book::PostId;
use crate::impressions::desk::Matched;
use crate::impressions::effect::label;
use crate::impressions::matching::decision::{Decision, Says};
use crate::impressions::wire::{MatchLine, MatchedPost, SuggestionLine};

/// Posts, or decisions, of a page.
const SHOWN: usize = 50;

/// Which posts are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
enum View {
    /// Those that no link stands in, and of them first those that have a suggestion.
    #[default]
    Open,
    All,
    Decided,
}

impl View {
    const ALL: [Self; 3] = [Self::Open, Self::All, Self::Decided];

    fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::All => "all",
            Self::Decided => "decided",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Open => "Without a link",
            Self::All => "All posts",
            Self::Decided => "Decided by hand",
        }
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Params {
    view: View,
    /// The last post of the page before.
    after: Option<String>,
}

pub(super) async fn page(
    State(admin): State<Admin>,
    params: Result<Query<Params>, QueryRejection>,
) -> Result<Markup, Refused> {
    let Query(params) = params?;
    draw(&admin, &params, None).await
}

/// What somebody decides about a link and a post, or takes back.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Decide {
    /// A slug, a short URL, or `id:7`.
    link: String,
    post: String,
    says: Word,
    /// Where the button was.
    #[serde(default)]
    view: View,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Word {
    Confirmed,
    Refused,
    /// Confirmed, although no rule proposes it and the post may not be imported yet.
    Made,
    /// Nothing any more: the rules decide again.
    TakenBack,
}

pub(super) async fn decide(
    State(admin): State<Admin>,
    form: Result<Form<Decide>, FormRejection>,
) -> Result<Response, Refused> {
    let Form(decide) = form.map_err(unreadable)?;
    match decided(&admin, &decide).await {
        Ok(()) => Ok(Redirect::to(&format!("/matches?view={}", decide.view.word())).into_response()),
        Err(problem) if problem.status().is_server_error() => Err(problem.into()),
        Err(problem) => {
            let params = Params { view: decide.view, after: None };
            let page = draw(&admin, &params, Some((&decide, &problem))).await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
    }
}

async fn decided(admin: &Admin, decide: &Decide) -> Result<(), Problem> {
    let link = meant(admin, &decide.link).await?;
    let (says, made) = match decide.says {
        Word::Confirmed => (Says::Confirmed, false),
        Word::Refused => (Says::Refused, false),
        Word::Made => (Says::Confirmed, true),
        Word::TakenBack => return Ok(admin.imports.take_back(link, &decide.post).await?),
    };
    admin.imports.decide(link, &decide.post, says, made, admin.clock.now()).await?;
    Ok(())
}

/// The link that somebody typed.
pub(super) async fn meant(admin: &Admin, text: &str) -> Result<LinkId, Problem> {
    if let Some(id) = text.trim().strip_prefix("id:").and_then(|id| id.parse().ok()) {
        return Ok(LinkId(id));
    }
    let found = admin.catalog.resolve_link_cell(text).await?;
    found.ok_or_else(|| {
        Problem::invalid("link", format!("there is no link {:?}: give its slug or its short URL", text.trim()))
    })
}

async fn draw(admin: &Admin, params: &Params, wrong: Option<(&Decide, &Problem)>) -> Result<Markup, Refused> {
    let matched = admin.imports.matched().await?;
    let decisions = admin.imports.decisions().await?;
    let content = html! {
        header.head.top {
            div {
                h1 { "Posts and links" }
                div.about { "A click-through rate needs to know which links stand in a post." }
            }
        }
        (tabs(Tab::Matches))
        section.card {
            nav.tabs.views aria-label="Posts" {
                @for view in View::ALL {
                    a href={ "/matches?view=" (view.word()) } aria-current=[(view == params.view).then_some("true")] { (view.name()) }
                }
            }
            @match params.view {
                View::Decided => (decided_list(&decisions, &matched, admin)),
                view => (posts(&matched, view, params.after.as_deref())),
            }
        }
        @if may::send("/matches") { (connect(wrong, params.view)) }
    };
    let title = if wrong.is_some() { "Not decided: posts and links" } else { "Posts and links" };
    Ok(layout::page(Place::Imports, title, &content))
}

/// The posts of a view, in its order.
fn in_view(matched: &Matched, view: View) -> Vec<PostId> {
    let is_open = |id: &PostId| matched.matches.of_post(*id).is_empty();
    let all = matched.book.posts().map(|(id, _)| id).filter(|id| view == View::All || is_open(id));
    let mut ids: Vec<PostId> = all.collect();
    if view == View::Open {
        ids.sort_by_key(|id| matched.matches.suggestions(*id).is_empty());
    }
    ids
}

fn posts(matched: &Matched, view: View, after: Option<&str>) -> Markup {
    let ids = in_view(matched, view);
    let after = after.and_then(|name| matched.book.find(name));
    let from = after.and_then(|after| ids.iter().position(|id| *id == after)).map_or(0, |at| at + 1);
    let shown: Vec<_> = ids.iter().skip(from).take(SHOWN).map(|id| matched_post(matched, *id)).collect();
    let left = ids.len().saturating_sub(from + shown.len());
    html! {
        @if ids.is_empty() { (none(view, matched)) }
        @else {
            p.hint { (counted(ids.len() as u64, "post")) "." }
            ul.posts { @for post in &shown { li { (one(post, view)) } } }
            @if let Some(last) = shown.last().filter(|_| left > 0) {
                p { a.button.plain href=(next(view, &last.post)) { "Next " (count(left.min(SHOWN) as u64)) } }
            }
        }
    }
}

fn next(view: View, after: &str) -> String {
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("view", view.word())
        .append_pair("after", after)
        .finish();
    format!("/matches?{query}")
}

/// Why there is no post, and what to do.
fn none(view: View, matched: &Matched) -> Markup {
    let is_empty = matched.book.posts().next().is_none();
    html! {
        div.empty {
            @if is_empty {
                p { "No posts are imported yet." }
                p { a.button.plain href="/imports" { "Import impressions" } }
            } @else if view == View::Open {
                p { "A link stands in every imported post." }
                p { a.button.plain href="/ctr?by=post" { "See their click-through rates" } }
            }
        }
    }
}

fn one(post: &MatchedPost, view: View) -> Markup {
    html! {
        div.post {
            p.text {
                @if post.text.is_empty() { code { (post.post) } } @else { (post.text) }
            }
            p.soft {
                span.tag { (post.platform) } " " span.tag { (post.level) } " "
                @if let Some(account) = &post.account { (account) " " }
                @if let Some(published) = &post.published { (published) " " }
                @if let Some(permalink) = post.permalink.as_deref().filter(|link| link.starts_with("https://")) {
                    a href=(permalink) rel="noreferrer noopener" { "Open" }
                } @else { code { (post.post) } }
            }
            @for link in &post.links { (found(post, link, view)) }
            @if post.shared { p.warning { "Its link stands in other posts too: their rate is that of all of them together." } }
            @for suggestion in &post.suggestions { (proposed(post, suggestion, view)) }
            @if post.links.is_empty() && post.suggestions.is_empty() {
                p.hint { "Nothing points to a link. Connect it below, or save its permalink with the link." }
            }
        }
    }
}

fn found(post: &MatchedPost, link: &MatchLine, view: View) -> Markup {
    html! {
        div.pair {
            p {
                a href={ "/links/" (link.link) } { @if link.label.is_empty() { "link " (link.link) } @else { (link.label) } }
                " " span.soft { "because " (rule(&link.rule)) ": " (link.evidence) }
            }
            div.actions {
                @if link.rule == "decision" { (button(post, link.link, Word::TakenBack, view, "Take back", &link.label)) }
                @else { (button(post, link.link, Word::Refused, view, "Not this link", &link.label)) }
            }
        }
    }
}

fn proposed(post: &MatchedPost, link: &SuggestionLine, view: View) -> Markup {
    html! {
        div.pair.proposed {
            p {
                span.soft { "Perhaps " } a href={ "/links/" (link.link) } { (link.label) }
                " " span.soft { (hint(&link.hint)) ": " (link.evidence) }
            }
            div.actions {
                (button(post, link.link, Word::Confirmed, view, "Yes", &link.label))
                (button(post, link.link, Word::Refused, view, "No", &link.label))
            }
        }
    }
}

fn button(post: &MatchedPost, link: u64, says: Word, view: View, called: &str, label: &str) -> Markup {
    let word = match says {
        Word::Confirmed => "confirmed",
        Word::Refused => "refused",
        Word::Made => "made",
        Word::TakenBack => "taken_back",
    };
    html! {
        @if may::send("/matches") {
            form method="post" action="/matches" {
                input type="hidden" name="link" value={ "id:" (link) };
                input type="hidden" name="post" value=(post.post);
                input type="hidden" name="says" value=(word);
                input type="hidden" name="view" value=(view.word());
                button.plain[says != Word::Confirmed] aria-label={ (called) ": " (label) " in " (post.post) } { (called) }
            }
        }
    }
}

/// How a link was found, in words.
fn rule(word: &str) -> &'static str {
    match word {
        "link" => "the file names the link",
        "permalink" => "the link has its permalink",
        "url" => "it leads to the short URL",
        "text" => "its text has the short URL",
        "profile" => "it is the bio link of the only account",
        "utm" => "campaign and ad are those of its UTM",
        "decision" => "somebody said so",
        _ => "a rule found it",
    }
}

/// Why a link may stand in a post.
fn hint(word: &str) -> &'static str {
    match word {
        "mentioned" => "its short URL is mentioned",
        "made-later" => "made after the post",
        "profile" => "one of several bio links",
        "campaign" => "of the same campaign",
        "time" => "about the same time",
        _ => "a likeness",
    }
}

fn decided_list(decisions: &[Decision], matched: &Matched, admin: &Admin) -> Markup {
    let mut newest: Vec<&Decision> = decisions.iter().collect();
    newest.sort_by_key(|decision| std::cmp::Reverse(decision.at));
    html! {
        @if newest.is_empty() { div.empty { p { "Nothing was decided by hand." } } }
        @else {
            ul.posts {
                @for decision in newest.iter().take(SHOWN) {
                    @let name = label(&matched.links, decision.link);
                    @let post = MatchedPost { post: decision.post.clone(), ..MatchedPost::default() };
                    li {
                        div.pair {
                            p {
                                a href={ "/links/" (decision.link) } { @if name.is_empty() { "link " (decision.link) } @else { (name) } }
                                @if decision.says == Says::Confirmed { " stands in " } @else { " does not stand in " }
                                code { (decision.post) }
                                small { (when(decision.at, &admin.report_zone)) }
                            }
                            div.actions { (button(&post, decision.link.0, Word::TakenBack, View::Decided, "Take back", name)) }
                        }
                    }
                }
            }
            @if newest.len() > SHOWN { p.hint { "and " (count((newest.len() - SHOWN) as u64)) " more: " code { "waypost match decisions" } } }
        }
    }
}

/// For a post that nothing points to, or that is still to be imported.
fn connect(wrong: Option<(&Decide, &Problem)>, view: View) -> Markup {
    let typed = wrong.map(|(decide, _)| decide);
    let wrong_at =
        |name: &str| wrong.filter(|(_, problem)| problem.field() == Some(name)).map(|(_, problem)| problem.detail());
    html! {
        section.card {
            h2 { "Connect a link with a post" }
            form.fields method="post" action="/matches" {
                @if let Some((_, problem)) = wrong { p.wrong role="alert" { (sentence(problem.detail())) } }
                div.inner {
                    (Field::new("link", "Link").hint("Its slug or short URL.").wrong(wrong_at("link")).text(typed.map_or("", |typed| typed.link.as_str())))
                    (Field::new("post", "Post").hint("Its permalink or id; it may still be to come.").wrong(wrong_at("post")).text(typed.map_or("", |typed| typed.post.as_str())))
                }
                input type="hidden" name="says" value="made";
                input type="hidden" name="view" value=(view.word());
                div.actions { button { "Connect" } }
            }
        }
    }
}
