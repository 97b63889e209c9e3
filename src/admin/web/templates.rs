//! UTM templates: the list of them, and the form in which one is made and changed.

use axum::Form;
use axum::extract::rejection::{FormRejection, QueryRejection};
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use serde::Deserialize;

use super::field::{self, Field};
use super::form::{PLATFORMS, level_names};
use super::layout::{self, Place, Question};
use super::text::sentence;
use super::{Refused, may, unreadable};
use crate::admin::Admin;
use crate::admin::api::problem::Problem;
use crate::links::templates::{self, Checked, PLACEHOLDERS, SPOTS_MAX, Spot, Template};

pub(super) async fn page(State(admin): State<Admin>) -> Result<Markup, Refused> {
    let all = templates::list(&*admin.store).await?;
    let content = html! {
        header.head.top {
            div {
                h1 { "UTM templates" }
                div.about { "Lists of places you post in, each with its UTM, so that nobody types it twice." }
            }
            @if may::open("/templates/edit") { div.actions { a.button href="/templates/edit" { "New template" } } }
        }
        @if all.is_empty() {
            section.card { div.empty {
                p { "No templates yet. New links begin with the usual places." }
                @if may::open("/templates/edit") { p { a.button.plain href="/templates/edit?like=usual" { "Make one from the usual places" } } }
            } }
        }
        @for template in &all { (one(template)) }
    };
    Ok(layout::page(Place::New, "UTM templates", &content))
}

fn one(template: &Template) -> Markup {
    html! {
        section.card {
            div.head {
                h2 { (template.name) }
                @if may::open("/templates/edit") {
                    div.actions {
                        a.button href=(address("/links/new", "template", &template.name)) { "Use" }
                        a.button.plain href=(address("/templates/edit", "name", &template.name)) { "Edit" }
                        a.button.plain href=(address("/templates/remove", "name", &template.name)) { "Remove" }
                    }
                }
            }
            @if !template.campaign.is_empty() { p { "Campaign " code { (template.campaign) } } }
            table {
                caption.unseen { "Places of " (template.name) }
                thead { tr { th scope="col" { "Place" } th.roomy scope="col" { "Level" } th scope="col" { "UTM" } } }
                tbody {
                    @for spot in &template.placements {
                        tr {
                            th scope="row" { (spot.name) }
                            td.roomy { (spot.platform) " " (spot.level) }
                            td { (utm(spot)) }
                        }
                    }
                }
            }
        }
    }
}

fn utm(spot: &Spot) -> String {
    let parts = [&spot.source, &spot.medium, &spot.content, &spot.term];
    parts.into_iter().map(String::as_str).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" / ")
}

fn address(path: &str, name: &str, value: &str) -> String {
    format!("{path}?{}", url::form_urlencoded::Serializer::new(String::new()).append_pair(name, value).finish())
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Params {
    /// The template to be changed.
    name: Option<String>,
    /// `usual` to begin with the usual places.
    like: Option<String>,
}

pub(super) async fn edit(
    State(admin): State<Admin>,
    params: Result<Query<Params>, QueryRejection>,
) -> Result<Markup, Refused> {
    let Query(Params { name, like }) = params?;
    let template = match (name, like.as_deref()) {
        (Some(name), _) => templates::get(&*admin.store, &name).await?,
        (None, Some("usual")) => templates::usual(),
        _ => Template { placements: vec![empty()], ..Template::default() },
    };
    Ok(draw(&admin, &template, None))
}

fn empty() -> Spot {
    Spot { level: "post".to_owned(), ..Spot::default() }
}

/// Keeps the template, or adds or removes a row of its form.
pub(super) async fn keep(
    State(admin): State<Admin>,
    pairs: Result<Form<Vec<(String, String)>>, FormRejection>,
) -> Result<Response, Refused> {
    let Form(pairs) = pairs.map_err(unreadable)?;
    let (mut template, pressed) = read(pairs)?;
    match pressed.as_str() {
        "add" if template.placements.len() < SPOTS_MAX => template.placements.push(empty()),
        "" | "keep" => return kept(&admin, template).await,
        other => {
            let row = other.strip_prefix("drop-").and_then(|row| row.parse::<usize>().ok());
            if let Some(row) = row.filter(|row| *row < template.placements.len()) {
                template.placements.remove(row);
            }
        }
    }
    Ok(draw(&admin, &template, None).into_response())
}

async fn kept(admin: &Admin, template: Template) -> Result<Response, Refused> {
    match Checked::of(template.clone(), admin.catalog.utm_policy()) {
        Ok(checked) => {
            templates::put(&*admin.store, &checked).await?;
            Ok(Redirect::to("/templates").into_response())
        }
        Err(wrong) => {
            let problem = Problem::invalid(wrong.field, wrong.message);
            Ok((problem.status(), draw(admin, &template, Some(&problem))).into_response())
        }
    }
}

/// The template that a form describes, and the button that was pressed.
fn read(pairs: Vec<(String, String)>) -> Result<(Template, String), Problem> {
    let mut template = Template::default();
    let mut pressed = String::new();
    for (name, value) in pairs {
        match name.as_str() {
            "do" => pressed = value,
            "template" => template.name = value,
            "campaign" => template.campaign = value,
            "tags" => {
                template.tags =
                    value.split(',').map(|tag| tag.trim().to_owned()).filter(|tag| !tag.is_empty()).collect()
            }
            _ => read_in_row(&mut template, &name, value)?,
        }
    }
    Ok((template, pressed))
}

/// Each row begins with its `name`.
fn read_in_row(template: &mut Template, name: &str, value: String) -> Result<(), Problem> {
    let unknown = || Problem::malformed("the form has an input that no page of ours has");
    if name == "name" {
        if template.placements.len() >= SPOTS_MAX {
            return Err(Problem::malformed(format!("a template has at most {SPOTS_MAX} placements")));
        }
        template.placements.push(Spot::default());
    }
    let spot = template.placements.last_mut().ok_or_else(unknown)?;
    let input = match name {
        "name" => &mut spot.name,
        "platform" => &mut spot.platform,
        "level" => &mut spot.level,
        "source" => &mut spot.source,
        "medium" => &mut spot.medium,
        "term" => &mut spot.term,
        "content" => &mut spot.content,
        "utm_id" => &mut spot.id,
        _ => return Err(unknown()),
    };
    *input = value;
    Ok(())
}

fn draw(admin: &Admin, template: &Template, wrong: Option<&Problem>) -> Markup {
    let blamed = |name: &str| wrong.filter(|wrong| wrong.field() == Some(name)).map(Problem::detail);
    let content = html! {
        section.card {
            h1 { @if template.name.is_empty() { "New template" } @else { "Template " (template.name) } }
            form.fields method="post" action="/templates" {
                // Enter presses a form's first button.
                button.unseen name="do" value="keep" tabindex="-1" aria-hidden="true" { "Keep" }
                @if let Some(wrong) = wrong { p.wrong role="alert" { (sentence(wrong.detail())) } }
                div.inner {
                    (Field::new("template", "Name").example("Product launch").wrong(blamed("name")).text(&template.name))
                    (Field::new("campaign", "Campaign").hint("utm_campaign of all; empty to be asked each time.").wrong(blamed("campaign")).offered(&template.campaign, "campaign-values"))
                    (Field::new("tags", "Tags").hint("Separated by commas.").wrong(blamed("tags")).text(&template.tags.join(", ")))
                }
                @for (at, spot) in template.placements.iter().enumerate() { (row(at, spot)) }
                p.hint { "UTM may hold " @for placeholder in PLACEHOLDERS { code { (placeholder) } " " } "which are filled in when a link is made." }
                div.actions {
                    button name="do" value="keep" { "Keep template" }
                    button.plain name="do" value="add" { "Add a place" }
                    a.button.plain href="/templates" { "Cancel" }
                }
            }
        }
        (super::new::lists(admin))
    };
    layout::page(Place::New, if wrong.is_some() { "Not kept: template" } else { "Template" }, &content)
}

fn row(at: usize, spot: &Spot) -> Markup {
    let field = |name, label| Field::new(name, label).row(at);
    let called = if spot.name.is_empty() { "this place" } else { &spot.name };
    html! {
        fieldset.spot aria-label={ "Place " (at + 1) } {
            (field("name", "Place").example("Instagram story").text(&spot.name))
            (field("platform", "Platform").suggested(&spot.platform, &PLATFORMS))
            (field("level", "Level").choice(&spot.level, &level_names()))
            (field("source", "Source").offered(&spot.source, "source-values"))
            (field("medium", "Medium").offered(&spot.medium, "medium-values"))
            (field("content", "Content").offered(&spot.content, "content-values"))
            (field("term", "Term").offered(&spot.term, "term-values"))
            (field("utm_id", "Campaign id").text(&spot.id))
            div.actions { button.plain name="do" value={ "drop-" (at) } aria-label={ "Remove " (called) } id=(field::id("drop", Some(at))) { "Remove" } }
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Named {
    name: String,
}

pub(super) async fn confirm_removal(
    State(admin): State<Admin>,
    params: Result<Query<Named>, QueryRejection>,
) -> Result<Markup, Refused> {
    let Query(Named { name }) = params?;
    let template = templates::get(&*admin.store, &name).await?;
    let question = Question {
        at: Place::New,
        title: &format!("Remove the template {}?", template.name),
        consequence: "Links that were made from it stay as they are.",
        verb: "Remove template",
        action: &address("/templates/remove", "name", &template.name),
        back: "/templates",
    };
    Ok(question.page())
}

pub(super) async fn remove(
    State(admin): State<Admin>,
    params: Result<Query<Named>, QueryRejection>,
) -> Result<Redirect, Refused> {
    let Query(Named { name }) = params?;
    templates::remove(&*admin.store, &name).await?;
    Ok(Redirect::to("/templates"))
}
