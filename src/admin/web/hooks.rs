//! Settings, Hooks: where clicks and changes are passed on to; making, changing and testing it, and what became of it.
//!
//! A secret is on the page that answers its making, and on no other.

use axum::extract::rejection::{FormRejection, PathRejection};
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Form, Router};
use jiff::tz::TimeZone;
use maud::{Markup, html};
use serde::Deserialize;

use super::hook_form::{self, Inputs};
use super::layout::{Place, Question};
use super::text::{count, counted, sentence, short, when};
use super::{Refused, unreadable};
use crate::admin::Admin;
use crate::admin::api::problem::Problem;
use crate::forward::{DeadLetter, Delivery, HookFields, HookId, Kind, Shown};
use crate::links::Change;

pub(super) const PATH: &str = "/settings/hooks";

/// Dead letters of one page, the latest first.
const LETTERS: usize = 100;
/// Characters of an address in the list.
const URL_CHARS: usize = 48;

pub(super) fn routes() -> Router<Admin> {
    Router::new()
        .route("/settings/hooks", get(list).post(make))
        .route("/settings/hooks/{id}", get(show).post(edit))
        .route("/settings/hooks/{id}/active", post(switch))
        .route("/settings/hooks/{id}/secret", post(rotate))
        .route("/settings/hooks/{id}/test", post(test))
        .route("/settings/hooks/{id}/replay", post(replay))
        .route("/settings/hooks/{id}/remove", get(confirm_removal).post(remove))
}

/// What stands above a page of one hook.
enum Notice<'a> {
    None,
    Secret(&'a str),
    Tested(&'a Result<Option<String>, String>),
    Wrong(&'a Problem),
}

async fn list(State(admin): State<Admin>) -> Result<Markup, Refused> {
    draw_list(&admin, &Inputs::blank(), None).await
}

async fn make(State(admin): State<Admin>, inputs: Result<Form<Inputs>, FormRejection>) -> Result<Response, Refused> {
    let Form(inputs) = inputs.map_err(unreadable)?;
    match admin.hooks.make(&inputs.fields()).await {
        Ok(made) => match made.secret {
            Some(secret) => Ok(draw(&admin, &made.shown, None, &Notice::Secret(&secret)).await?.into_response()),
            None => Ok(Redirect::to(&format!("{PATH}/{}", made.shown.id)).into_response()),
        },
        Err(error) => {
            let problem = Problem::from(error);
            Ok((problem.status(), draw_list(&admin, &inputs, Some(&problem)).await?).into_response())
        }
    }
}

type Id = Result<Path<u64>, PathRejection>;

fn id_of(id: Id) -> Result<HookId, Problem> {
    Ok(HookId(id?.0))
}

async fn show(State(admin): State<Admin>, id: Id) -> Result<Markup, Refused> {
    let shown = admin.hooks.show(id_of(id)?).await?;
    draw(&admin, &shown, None, &Notice::None).await
}

async fn edit(
    State(admin): State<Admin>,
    id: Id,
    inputs: Result<Form<Inputs>, FormRejection>,
) -> Result<Response, Refused> {
    let (id, Form(inputs)) = (id_of(id)?, inputs.map_err(unreadable)?);
    match admin.hooks.edit(id, &inputs.fields()).await {
        Ok(_) => Ok(Redirect::to(&format!("{PATH}/{id}")).into_response()),
        Err(error) => {
            let problem = Problem::from(error);
            let shown = admin.hooks.show(id).await?;
            let page = draw(&admin, &shown, Some(&inputs), &Notice::Wrong(&problem)).await?;
            Ok((problem.status(), page).into_response())
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Switch {
    active: bool,
}

async fn switch(
    State(admin): State<Admin>,
    id: Id,
    switch: Result<Form<Switch>, FormRejection>,
) -> Result<Redirect, Refused> {
    let (id, Form(Switch { active })) = (id_of(id)?, switch.map_err(unreadable)?);
    admin.hooks.edit(id, &HookFields { active: Change::Set(active), ..HookFields::default() }).await?;
    Ok(Redirect::to(&format!("{PATH}/{id}")))
}

async fn rotate(State(admin): State<Admin>, id: Id) -> Result<Markup, Refused> {
    let made = admin.hooks.rotate(id_of(id)?).await?;
    let notice = made.secret.as_deref().map_or(Notice::None, Notice::Secret);
    draw(&admin, &made.shown, None, &notice).await
}

async fn test(State(admin): State<Admin>, id: Id) -> Result<Markup, Refused> {
    let id = id_of(id)?;
    let tested = admin.hooks.test(id).await?;
    let shown = admin.hooks.show(id).await?;
    draw(&admin, &shown, None, &Notice::Tested(&tested)).await
}

async fn replay(State(admin): State<Admin>, id: Id) -> Result<Redirect, Refused> {
    let id = id_of(id)?;
    admin.hooks.replay(id, &[]).await?;
    Ok(Redirect::to(&format!("{PATH}/{id}")))
}

async fn confirm_removal(State(admin): State<Admin>, id: Id) -> Result<Markup, Refused> {
    let shown = admin.hooks.show(id_of(id)?).await?;
    let (path, title) = (format!("{PATH}/{}", shown.id), format!("Remove {}?", title_of(&shown)));
    let question = Question {
        at: Place::Elsewhere,
        title: &title,
        consequence: "What waits for it and its dead letters go with it. Nothing else changes.",
        verb: "Remove",
        action: &format!("{path}/remove"),
        back: &path,
    };
    Ok(question.page())
}

async fn remove(State(admin): State<Admin>, id: Id) -> Result<Redirect, Refused> {
    admin.hooks.remove(id_of(id)?).await?;
    Ok(Redirect::to(PATH))
}

fn page(title: &str, content: &Markup) -> Markup {
    super::settings::page(PATH, title, content)
}

fn title_of(shown: &Shown) -> String {
    let name = if shown.hook.name.is_empty() { shown.hook.kind.name() } else { &shown.hook.name };
    format!("hook {}: {name}", shown.id)
}

async fn draw_list(admin: &Admin, inputs: &Inputs, wrong: Option<&Problem>) -> Result<Markup, Refused> {
    let hooks = admin.hooks.list().await?;
    let content = html! {
        section.card {
            h1 { "Hooks" }
            p.hint {
                "A hook passes clicks on as they are counted, and what is done to links and imports: to a server of yours, or to "
                "Google Analytics, Plausible, Umami or Matomo. No visitor's address is ever sent."
            }
            @if hooks.is_empty() {
                p { "There are none yet. The form below makes one; it is told of what comes from then on." }
            } @else {
                table {
                    thead {
                        tr {
                            th scope="col" { "Hook" }
                            th.roomy scope="col" { "Sent to" }
                            th scope="col" { "How it fares" }
                            th.number scope="col" { "Clicks passed on" }
                            th.number scope="col" { "Dead letters" }
                        }
                    }
                    tbody { @for shown in &hooks { (row(shown)) } }
                }
            }
        }
        section.card {
            h2 { "New hook" }
            (hook_form::draw(inputs, wrong, None))
        }
    };
    Ok(page(if wrong.is_some() { "Not saved: new hook" } else { "Hooks" }, &content))
}

fn row(shown: &Shown) -> Markup {
    let hook = &shown.hook;
    html! {
        tr {
            th scope="row" {
                a href={ (PATH) "/" (shown.id) } { @if hook.name.is_empty() { "Hook " (shown.id) } @else { (hook.name) } }
                small { (hook.kind.name()) }
            }
            td.roomy { (short(&hook.url, URL_CHARS)) }
            td { (standing(shown)) }
            td.number { (count(shown.standing.counts.clicks)) }
            td.number { (count(shown.standing.dead_letters)) }
        }
    }
}

fn standing(shown: &Shown) -> Markup {
    let standing = &shown.standing;
    html! {
        @match (shown.hook.active, &standing.paused, &standing.error) {
            (false, ..) => span.tag.off { "off" },
            (true, Some(paused), _) => { span.tag.off { "paused" } small { (sentence(&paused.why)) } }
            (true, None, Some(error)) => { span.tag.off { "failing" } small { (sentence(error)) } }
            (true, None, None) => span.tag { "well" },
        }
    }
}

async fn draw(admin: &Admin, shown: &Shown, inputs: Option<&Inputs>, notice: &Notice<'_>) -> Result<Markup, Refused> {
    let (hook, zone) = (&shown.hook, &admin.report_zone);
    let letters = admin.hooks.dead_letters(shown.id, 0, usize::MAX).await?;
    let default_host = admin.catalog.domains().hosts().next().unwrap_or_default();
    let own = Inputs::of(hook, default_host);
    let wrong = if let Notice::Wrong(problem) = notice { Some(*problem) } else { None };
    let content = html! {
        (noticed(notice))
        section.card {
            div.head {
                h1 { @if hook.name.is_empty() { "Hook " (shown.id) } @else { (hook.name) } }
                (standing(shown))
            }
            (facts(admin, shown, zone))
            (buttons(shown))
        }
        section.card { h2 { "Settings" } (hook_form::draw(inputs.unwrap_or(&own), wrong, Some(shown))) }
        (dead(shown, &letters, zone))
        (recent(&shown.standing.recent, zone))
    };
    Ok(page(&title_of(shown), &content))
}

fn noticed(notice: &Notice<'_>) -> Markup {
    html! {
        @match notice {
            Notice::None | Notice::Wrong(_) => {}
            Notice::Secret(secret) => section.card.welcome role="status" {
                p { "This is the secret that messages are signed with. It is not shown again." }
                p.copying { span.copy { (secret) } }
            },
            Notice::Tested(Ok(said)) => p.done role="status" {
                "The test was taken. " @if let Some(said) = said { (sentence(said)) }
            },
            Notice::Tested(Err(why)) => section.card.refusal role="alert" { p { "The test was not taken: " (why) } },
        }
    }
}

fn facts(admin: &Admin, shown: &Shown, zone: &TimeZone) -> Markup {
    let (hook, standing) = (&shown.hook, &shown.standing);
    let sums = &standing.counts;
    html! {
        dl.facts {
            div { dt { "Speaks" } dd { (hook.kind.name()) } }
            div { dt { "Sent to" } dd { (hook.url) } }
            div { dt { "Made" } dd { (when(hook.created_at, zone)) } }
            @if let Some(until) = hook.former_until(admin.clock.now_ms()) {
                div { dt { "Two secrets" } dd { "sign until " (when(until, zone)) } }
            }
            div { dt { "Passed on" } dd { (counted(sums.messages, "message")) " with " (counted(sums.clicks, "click")) } }
            div { dt { "Not taken" } dd { (counted(sums.failures, "attempt")) ", " (counted(sums.dead, "message")) " given up" } }
            @if sums.skipped > 0 { div { dt { "Skipped" } dd { (count(sums.skipped)) " that were too old" } } }
            div { dt { "Behind" } dd { (count(standing.behind)) " to look at" } }
            @if let (Some(since), None) = (standing.failing_since, &standing.paused) {
                div { dt { "Failing since" } dd { (when(since, zone)) } }
            }
            @if let (Some(next), None) = (standing.next_try, &standing.paused) { div { dt { "Next try" } dd { (when(next, zone)) } } }
        }
        p.hint { "As this node has it: each node passes on what it counted itself." }
    }
}

fn buttons(shown: &Shown) -> Markup {
    let path = format!("{PATH}/{}", shown.id);
    let is_paused = shown.standing.paused.is_some();
    html! {
        div.actions {
            form method="post" action={ (path) "/test" } { button { "Send a test" } }
            @if is_paused && shown.hook.active {
                form method="post" action={ (path) "/active" } { input type="hidden" name="active" value="true"; button { "Go on" } }
            }
            form method="post" action={ (path) "/active" } {
                input type="hidden" name="active" value=(!shown.hook.active);
                button.plain { @if shown.hook.active { "Switch off" } @else { "Switch on" } }
            }
            @if shown.hook.kind == Kind::Webhook {
                form method="post" action={ (path) "/secret" } { button.plain { "New secret" } }
            }
            a.button.plain href={ (path) "/remove" } { "Remove" }
        }
    }
}

fn dead(shown: &Shown, letters: &[DeadLetter], zone: &TimeZone) -> Markup {
    html! {
        @if !letters.is_empty() {
            section.card {
                div.head {
                    h2 { "Dead letters" }
                    form method="post" action={ (PATH) "/" (shown.id) "/replay" } { button { "Send all again" } }
                }
                table {
                    thead { tr { th scope="col" { "Given up" } th scope="col" { "What" } th.number.roomy scope="col" { "Clicks" } th scope="col" { "Why" } } }
                    tbody {
                        @for letter in letters.iter().rev().take(LETTERS) {
                            tr {
                                td { (when(letter.at, zone)) }
                                td { (letter.event) }
                                td.number.roomy { (count(letter.clicks)) }
                                td { (sentence(&letter.error)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn recent(deliveries: &[Delivery], zone: &TimeZone) -> Markup {
    html! {
        section.card {
            h2 { "Sent last" }
            @if deliveries.is_empty() { p.hint { "Nothing was sent yet." } } @else {
                table {
                    thead {
                        tr {
                            th scope="col" { "When" }
                            th scope="col" { "What" }
                            th.number.roomy scope="col" { "Clicks" }
                            th.number.roomy scope="col" { "Milliseconds" }
                            th scope="col" { "Answer" }
                        }
                    }
                    tbody {
                        @for one in deliveries {
                            tr {
                                td { (when(one.at, zone)) }
                                td { (one.event) @if one.attempt > 1 { small { "try " (one.attempt) } } }
                                td.number.roomy { (count(one.clicks)) }
                                td.number.roomy { (count(one.took_ms)) }
                                td { (one.error.as_ref().or(one.note.as_ref()).map_or_else(|| "Taken.".to_owned(), |said| sentence(said))) }
                            }
                        }
                    }
                }
            }
        }
    }
}
