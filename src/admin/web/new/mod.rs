//! Making links: a campaign of many placements in one go, one link, or a table of them.
//!
//! The form is one for all of its buttons: what was typed comes back with every answer, and nothing is made before the
//! button that says so is pressed. What a link will be is asked of the catalog; no rule stands here.

use axum::Form;
use axum::extract::rejection::{FormRejection, QueryRejection};
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use maud::Markup;
use serde::Deserialize;

use super::form::{self, Inputs, Purpose};
use super::layout::{self, Place};
use super::{Refused, unreadable};
use crate::admin::Admin;
use crate::admin::api::problem::Problem;
use crate::links::catalog::CatalogError;
use crate::links::kit::{Foreseen, KitError};
use crate::links::templates::{self, Template, TemplateError};

mod draw;
mod inputs;
pub(super) mod made;
mod preview;
pub(super) mod table;

pub(super) use draw::lists;
use inputs::{Campaign, Pressed};

/// What a form says of each of its picked rows: the row, and the link it would become or why it cannot.
type Answers = Vec<(usize, Result<Foreseen, CatalogError>)>;

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Params {
    /// The name of a template to begin with.
    template: Option<String>,
    /// A destination to begin with.
    url: Option<String>,
}

pub(super) async fn page(
    State(admin): State<Admin>,
    params: Result<Query<Params>, QueryRejection>,
) -> Result<Markup, Refused> {
    let Query(params) = params?;
    let mut campaign = Campaign::of(&template(&admin, params.template.as_deref()).await?);
    campaign.url = params.url.unwrap_or_default();
    campaign.template = params.template.unwrap_or_default();
    draw(&admin, &campaign, None).await
}

/// Whatever button was pressed.
pub(super) async fn submit(
    State(admin): State<Admin>,
    pairs: Result<Form<Vec<(String, String)>>, FormRejection>,
) -> Result<Response, Refused> {
    let Form(pairs) = pairs.map_err(unreadable)?;
    let (mut campaign, pressed) = Campaign::read(pairs)?;
    match pressed {
        Pressed::Add => campaign.add(),
        Pressed::Template => {
            let chosen = template(&admin, Some(&campaign.template)).await?;
            campaign.follow(&chosen);
        }
        Pressed::Preview => {
            let answers = foresee(&admin, &campaign).await;
            return Ok(draw(&admin, &campaign, Some(answers)).await?.into_response());
        }
        Pressed::Make => return make(&admin, &campaign).await,
    }
    Ok(draw(&admin, &campaign, None).await?.into_response())
}

/// What the links would be, as a part of the page: what the page's script asks for while somebody types.
pub(super) async fn preview(
    State(admin): State<Admin>,
    pairs: Result<Form<Vec<(String, String)>>, FormRejection>,
) -> Result<Markup, Refused> {
    let Form(pairs) = pairs.map_err(unreadable)?;
    let (campaign, _) = Campaign::read(pairs)?;
    Ok(preview::draw(&admin, &campaign, &foresee(&admin, &campaign).await))
}

/// One answer for each row that is picked.
async fn foresee(admin: &Admin, campaign: &Campaign) -> Answers {
    let (rows, fields): (Vec<_>, Vec<_>) = campaign.links(today(admin)).unzip();
    rows.into_iter().zip(admin.catalog.foresee_all(&fields).await).collect()
}

async fn make(admin: &Admin, campaign: &Campaign) -> Result<Response, Refused> {
    let (rows, fields): (Vec<_>, Vec<_>) = campaign.links(today(admin)).unzip();
    if rows.is_empty() {
        return Ok(refused(draw(admin, campaign, Some(Vec::new())).await?));
    }
    match admin.catalog.create_all(&fields).await {
        Ok(made) => Ok(Redirect::to(&made::path(made.iter().map(|saved| saved.link.id))).into_response()),
        Err(KitError::Lines(wrong)) => {
            if let Some((_, CatalogError::Store(_) | CatalogError::Full)) = wrong.first() {
                return Err(Problem::from(KitError::Lines(wrong)).into());
            }
            let answers = wrong.into_iter().map(|(at, error)| (rows[at], Err(error))).collect();
            Ok(refused(draw(admin, campaign, Some(answers)).await?))
        }
        Err(error) => Err(Problem::from(error).into()),
    }
}

fn refused(page: Markup) -> Response {
    (axum::http::StatusCode::UNPROCESSABLE_ENTITY, page).into_response()
}

async fn draw(admin: &Admin, campaign: &Campaign, answers: Option<Answers>) -> Result<Markup, Refused> {
    let templates = templates::list(&*admin.store).await?;
    Ok(draw::page(admin, campaign, &templates, answers.as_ref()))
}

/// The template of this name; without one, the usual places.
async fn template(admin: &Admin, name: Option<&str>) -> Result<Template, TemplateError> {
    match name.map(str::trim).filter(|name| !name.is_empty()) {
        Some(name) => templates::get(&*admin.store, name).await,
        None => Ok(templates::usual()),
    }
}

fn today(admin: &Admin) -> jiff::civil::Date {
    admin.clock.now().to_zoned(admin.report_zone.clone()).date()
}

/// Makes one link and shows it, or shows its form again with what was wrong.
pub(super) async fn create(
    State(admin): State<Admin>,
    inputs: Result<Form<Inputs>, FormRejection>,
) -> Result<Response, Refused> {
    let Form(inputs) = inputs.map_err(unreadable)?;
    match admin.catalog.create(&inputs.fields()).await {
        Ok(saved) => Ok(Redirect::to(&format!("/links/{}", saved.link.id)).into_response()),
        Err(error) => {
            let problem = Problem::from(error);
            Ok((problem.status(), one(&admin, &inputs, &problem)).into_response())
        }
    }
}

fn one(admin: &Admin, inputs: &Inputs, wrong: &Problem) -> Markup {
    let content = maud::html! {
        section.card {
            h1 { "New link" }
            (form::draw(admin, &Purpose::New, inputs, Some(wrong)))
        }
    };
    layout::page(Place::Elsewhere, "Not saved: new link", &content)
}
