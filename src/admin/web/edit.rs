//! Changing a link: its fields, whether it answers at all, and removing it.

use axum::Form;
use axum::extract::rejection::{FormRejection, PathRejection};
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use serde::Deserialize;

use super::form::{self, Inputs, Purpose};
use super::layout::{self, Place, Question};
use super::{Refused, unreadable};
use crate::admin::Admin;
use crate::admin::api::problem::Problem;
use crate::domain::link::{Link, LinkId};
use crate::links::{Change, LinkFields};

/// The number in the path.
type Number = Result<Path<u64>, PathRejection>;

pub(super) async fn page(State(admin): State<Admin>, number: Number) -> Result<Markup, Refused> {
    let link = asked(&admin, number).await?;
    Ok(draw(&admin, &link, &Inputs::of(&link), None))
}

/// Saves the link and shows it, or shows the form again with what was wrong.
pub(super) async fn save(
    State(admin): State<Admin>,
    number: Number,
    inputs: Result<Form<Inputs>, FormRejection>,
) -> Result<Response, Refused> {
    let link = asked(&admin, number).await?;
    let Form(inputs) = inputs.map_err(unreadable)?;
    match admin.catalog.edit(link.id, &inputs.fields()).await {
        Ok(saved) => Ok(to_link(saved.link.id)),
        Err(error) => {
            let problem = Problem::from(error);
            Ok((problem.status(), draw(&admin, &link, &inputs, Some(&problem))).into_response())
        }
    }
}

/// The button that turns a link off or on.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Switch {
    enabled: bool,
}

pub(super) async fn switch(
    State(admin): State<Admin>,
    number: Number,
    switch: Result<Form<Switch>, FormRejection>,
) -> Result<Response, Refused> {
    let Path(id) = number?;
    let Form(Switch { enabled }) = switch.map_err(unreadable)?;
    let fields = LinkFields { enabled: Change::Set(enabled), ..LinkFields::default() };
    Ok(to_link(admin.catalog.edit(LinkId(id), &fields).await?.link.id))
}

/// The button that takes a link out of lists or puts it back.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Putting {
    archived: bool,
}

pub(super) async fn archive(
    State(admin): State<Admin>,
    number: Number,
    putting: Result<Form<Putting>, FormRejection>,
) -> Result<Response, Refused> {
    let Path(id) = number?;
    let Form(Putting { archived }) = putting.map_err(unreadable)?;
    let fields = LinkFields { archived: Change::Set(archived), ..LinkFields::default() };
    Ok(to_link(admin.catalog.edit(LinkId(id), &fields).await?.link.id))
}

pub(super) async fn confirm_removal(State(admin): State<Admin>, number: Number) -> Result<Markup, Refused> {
    let link = asked(&admin, number).await?;
    let question = Question {
        at: Place::Elsewhere,
        title: &format!("Remove {}?", name(&admin, &link)),
        consequence: "From then on the short URL answers 404, wherever it was posted. Its clicks are kept, and stay in \
                      the totals and in exports. A link that is disabled instead can be enabled again, and one that is \
                      archived goes on working out of sight.",
        verb: "Remove link",
        action: &format!("/links/{}/remove", link.id),
        back: &format!("/links/{}", link.id),
    };
    Ok(question.page())
}

pub(super) async fn remove(State(admin): State<Admin>, number: Number) -> Result<Redirect, Refused> {
    let Path(id) = number?;
    admin.catalog.remove(LinkId(id), None).await?;
    Ok(Redirect::to("/"))
}

async fn asked(admin: &Admin, number: Number) -> Result<Link, Refused> {
    let Path(id) = number?;
    Ok(admin.catalog.get(LinkId(id)).await?)
}

fn to_link(id: LinkId) -> Response {
    Redirect::to(&format!("/links/{id}")).into_response()
}

fn name(admin: &Admin, link: &Link) -> String {
    admin.catalog.domains().readable(&link.spec.domain, &link.spec.slug)
}

fn draw(admin: &Admin, link: &Link, inputs: &Inputs, wrong: Option<&Problem>) -> Markup {
    let name = name(admin, link);
    let content = html! {
        section.card {
            h1 { "Edit " (name) }
            p.hint { "A new destination is in force at once. A new slug leaves the old one without an answer." }
            (form::draw(admin, &Purpose::Edit(link), inputs, wrong))
        }
    };
    let title = if wrong.is_some() { format!("Not saved: edit {name}") } else { format!("Edit {name}") };
    layout::page(Place::Elsewhere, &title, &content)
}
