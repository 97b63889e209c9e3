//! `/api/v1/templates`: named lists of placements with their UTM, and making a campaign's links from one.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{Named, Sent};
use super::problem::Problem;
use crate::admin::{Admin, wire};
use crate::links::kit::{Kit, KitError, Line};
use crate::links::templates::{self, Checked, Spot, Template, TemplateError};

pub(super) fn router() -> OpenApiRouter<Admin> {
    OpenApiRouter::new().routes(routes!(list, keep)).routes(routes!(show, remove)).routes(routes!(make))
}

/// `GET /api/v1/templates`.
#[derive(Serialize, ToSchema)]
struct Templates {
    /// All of them: at most 200.
    templates: Vec<Template>,
    /// The places that the dashboard offers where no template is chosen.
    usual: Vec<Spot>,
}

/// List UTM templates, by name.
#[utoipa::path(get, path = "/templates", operation_id = "listTemplates", tag = "Templates",
    responses((status = OK, body = Templates)))]
async fn list(State(admin): State<Admin>) -> Result<Json<Templates>, Problem> {
    let usual = templates::usual().placements;
    Ok(Json(Templates { templates: templates::list(&*admin.store).await?, usual }))
}

/// Keep a UTM template, in the place of one of the same name.
#[utoipa::path(post, path = "/templates", operation_id = "keepTemplate", tag = "Templates", request_body = Template,
    responses((status = OK, body = Template), (status = CREATED, body = Template)))]
async fn keep(State(admin): State<Admin>, Sent(sent): Sent<Template>) -> Result<Response, Problem> {
    let checked = Checked::of(sent, admin.catalog.utm_policy()).map_err(|wrong| invalid(&wrong))?;
    let is_new = templates::put(&*admin.store, &checked).await?;
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(checked.template())).into_response())
}

/// Show a UTM template.
#[utoipa::path(get, path = "/templates/{name}", operation_id = "showTemplate", tag = "Templates",
    params(("name" = String, Path, description = "The template's name")), responses((status = OK, body = Template)))]
async fn show(State(admin): State<Admin>, Named(name): Named) -> Result<Json<Template>, Problem> {
    Ok(Json(templates::get(&*admin.store, &name).await?))
}

/// Remove a UTM template. Links that were made from it stay as they are.
#[utoipa::path(delete, path = "/templates/{name}", operation_id = "removeTemplate", tag = "Templates",
    params(("name" = String, Path, description = "The template's name")), responses((status = NO_CONTENT)))]
async fn remove(State(admin): State<Admin>, Named(name): Named) -> Result<StatusCode, Problem> {
    templates::remove(&*admin.store, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What the links of a campaign share.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
struct Make {
    /// Where all of them lead.
    url: String,
    domain: Option<String>,
    /// The template's, unless said.
    campaign: Option<String>,
    /// Each link's title begins with it and ends with the placement.
    title: String,
    /// Besides the template's.
    tags: Vec<String>,
    /// Tells what would be made, and makes nothing.
    dry_run: bool,
}

/// What was made, or would be.
#[derive(Serialize, ToSchema)]
struct Made {
    dry_run: bool,
    /// In the order of the template's placements; none on a dry run.
    links: Vec<wire::Link>,
    /// Where each link leads or would lead.
    destinations: Vec<String>,
}

/// Make a link for each placement of a template: all of them or none.
#[utoipa::path(post, path = "/templates/{name}/links", operation_id = "makeFromTemplate", tag = "Templates",
    params(("name" = String, Path, description = "The template's name")), request_body = Make,
    responses((status = OK, body = Made), (status = CREATED, body = Made)))]
async fn make(State(admin): State<Admin>, Named(name): Named, Sent(sent): Sent<Make>) -> Result<Response, Problem> {
    let template = templates::get(&*admin.store, &name).await?;
    let today = admin.clock.now().to_zoned(admin.report_zone.clone()).date();
    let kit = Kit {
        url: sent.url,
        domain: sent.domain,
        campaign: sent.campaign.unwrap_or(template.campaign),
        title: sent.title,
        tags: template.tags.into_iter().chain(sent.tags).collect(),
        day: today,
    };
    let lines = template.placements.into_iter().map(|spot| Line { spot, ..Line::default() });
    let fields: Vec<_> = lines.map(|line| kit.fields(&line)).collect();
    if sent.dry_run {
        let mut destinations = Vec::with_capacity(fields.len());
        for (at, foreseen) in admin.catalog.foresee_all(&fields).await.into_iter().enumerate() {
            let foreseen = foreseen.map_err(|error| KitError::Lines(vec![(at, error)]))?;
            destinations.push(foreseen.spec.destination.as_str().to_owned());
        }
        return Ok(Json(Made { dry_run: true, links: Vec::new(), destinations }).into_response());
    }
    let made = admin.catalog.create_all(&fields).await?;
    let domains = admin.catalog.domains();
    let link = |saved: crate::links::catalog::Saved| wire::Link {
        warnings: saved.warnings,
        ..wire::Link::new(&saved.link, domains, 0)
    };
    let links: Vec<_> = made.into_iter().map(link).collect();
    let destinations = links.iter().map(|link| link.destination.clone()).collect();
    Ok((StatusCode::CREATED, Json(Made { dry_run: false, links, destinations })).into_response())
}

fn invalid(wrong: &crate::links::Invalid) -> Problem {
    Problem::invalid(wrong.field, wrong.message.clone())
}

impl From<TemplateError> for Problem {
    fn from(error: TemplateError) -> Self {
        let detail = error.to_string();
        match error {
            TemplateError::Absent(_) => Self::not_found(detail),
            TemplateError::Changed => Self::new(StatusCode::CONFLICT, detail),
            TemplateError::Full => Self::new(StatusCode::CONFLICT, detail),
            TemplateError::Store(error) => error.into(),
        }
    }
}

impl From<KitError> for Problem {
    /// One wrong line is refused as its own link would be; what is wrong with the others stands in `errors`.
    fn from(error: KitError) -> Self {
        let detail = error.to_string();
        let KitError::Lines(lines) = error else { return Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail) };
        let each = lines.iter().map(|(at, error)| json!({"row": at + 1, "message": error.to_string()})).collect();
        let Some((_, first)) = lines.into_iter().next() else { return Self::internal(detail) };
        let first = Self::from(first);
        let all = Self::new(first.status(), detail).with_errors(each);
        match first.field() {
            Some(field) => all.with_field(field),
            None => all,
        }
    }
}
