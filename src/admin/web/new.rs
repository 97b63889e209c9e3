//! Making a link.

use axum::Form;
use axum::extract::State;
use axum::extract::rejection::FormRejection;
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};

use super::form::{self, Inputs, Purpose};
use super::layout::{self, Place};
use super::{Refused, unreadable};
use crate::admin::Admin;
use crate::admin::api::problem::Problem;

pub(super) async fn page(State(admin): State<Admin>) -> Markup {
    draw(&admin, &Inputs::default(), None)
}

/// Makes the link and shows it, or shows the form again with what was wrong.
pub(super) async fn create(
    State(admin): State<Admin>,
    inputs: Result<Form<Inputs>, FormRejection>,
) -> Result<Response, Refused> {
    let Form(inputs) = inputs.map_err(unreadable)?;
    match admin.catalog.create(&inputs.fields()).await {
        Ok(saved) => Ok(Redirect::to(&format!("/links/{}", saved.link.id)).into_response()),
        Err(error) => {
            let problem = Problem::from(error);
            Ok((problem.status(), draw(&admin, &inputs, Some(&problem))).into_response())
        }
    }
}

fn draw(admin: &Admin, inputs: &Inputs, wrong: Option<&Problem>) -> Markup {
    let content = html! {
        section.card {
            h1 { "New link" }
            p.hint { "One link for each place you post in: only then can their clicks be told apart." }
            (form::draw(admin, &Purpose::New, inputs, wrong))
        }
    };
    layout::page(Place::Elsewhere, if wrong.is_some() { "Not saved: new link" } else { "New link" }, &content)
}
