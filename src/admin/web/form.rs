//! The form "New link". What it says goes to the catalog as it is; only empty inputs are left out.

use axum::Form;
use axum::extract::State;
use axum::extract::rejection::FormRejection;
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use serde::Deserialize;

use super::{Refused, overview};
use crate::admin::Admin;
use crate::admin::api::problem::Problem;
use crate::domain::placement::Level;
use crate::links::{Change, LinkFields, UtmFields};

/// The inputs of the form as they were sent.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Inputs {
    url: String,
    slug: String,
    domain: String,
    source: String,
    medium: String,
    campaign: String,
    platform: String,
    level: String,
    post: String,
}

impl Inputs {
    fn fields(&self) -> LinkFields {
        let given = |text: &str| Change::from(Some(text.to_owned()).filter(|text| !text.trim().is_empty()));
        LinkFields {
            url: given(&self.url),
            slug: given(self.slug.trim()),
            domain: given(&self.domain),
            utm: Change::Set(UtmFields {
                source: given(&self.source),
                medium: given(&self.medium),
                campaign: given(&self.campaign),
                ..UtmFields::default()
            }),
            platform: given(&self.platform),
            level: given(&self.level),
            posts: Change::from(Some(vec![self.post.clone()]).filter(|_| !self.post.trim().is_empty())),
            ..LinkFields::default()
        }
    }
}

/// Makes the link and shows it, or shows the form again with what was wrong.
pub(super) async fn create(
    State(admin): State<Admin>,
    inputs: Result<Form<Inputs>, FormRejection>,
) -> Result<Response, Refused> {
    let Form(inputs) = inputs.map_err(|error| Problem::malformed(error.body_text()))?;
    match admin.catalog.create(&inputs.fields()).await {
        Ok(saved) => Ok(Redirect::to(&format!("/links/{}", saved.link.id)).into_response()),
        Err(error) => {
            let problem = Problem::from(error);
            let status = problem.status();
            Ok((status, overview::draw(&admin, None, &inputs, Some(&problem)).await?).into_response())
        }
    }
}

/// Draws the form; `wrong` stands at the input it blames.
pub(super) fn draw(admin: &Admin, inputs: &Inputs, wrong: Option<&Problem>) -> Markup {
    let hosts: Vec<&str> = admin.catalog.domains().hosts().collect();
    let field = |field| Field { name: field, wrong };
    html! {
        form.grid #new method="post" action="/links" {
            (field("url").text("Destination", "url", &inputs.url, "https://example.com/page"))
            (field("slug").text("Slug", "slug", &inputs.slug, "generated when empty"))
            @if hosts.len() > 1 { (field("domain").choice("Domain", "domain", &inputs.domain, &hosts)) }
            (field("utm.source").text("Source", "source", &inputs.source, "instagram"))
            (field("utm.medium").text("Medium", "medium", &inputs.medium, "social"))
            (field("utm.campaign").text("Campaign", "campaign", &inputs.campaign, "spring_sale"))
            (field("platform").text("Platform", "platform", &inputs.platform, "instagram"))
            (field("level").choice("Level", "level", &inputs.level, &level_names()))
            (field("posts").text("Post", "post", &inputs.post, "permalink, if it is out already"))
            div.wide {
                @if let Some(wrong) = wrong.filter(|wrong| !is_beside_an_input(wrong)) {
                    p.wrong role="alert" { (wrong.detail()) }
                }
                button { "Make link" }
            }
        }
    }
}

/// `other` comes first: it is what a link is when nobody says.
fn level_names() -> Vec<&'static str> {
    let mut names: Vec<&str> = Level::ALL.iter().map(|level| level.as_str()).collect();
    names.rotate_right(1);
    names
}

fn is_beside_an_input(problem: &Problem) -> bool {
    let shown = ["url", "slug", "utm.source", "utm.medium", "utm.campaign", "platform", "level", "posts"];
    problem.field().is_some_and(|field| shown.contains(&field))
}

/// One input with its label and what is wrong with it.
struct Field<'a> {
    name: &'static str,
    wrong: Option<&'a Problem>,
}

impl Field<'_> {
    fn text(&self, label: &str, name: &str, value: &str, example: &str) -> Markup {
        self.around(label, name, &html! { input id=(name) name=(name) value=(value) placeholder=(example) autocomplete="off" spellcheck="false"; })
    }

    fn choice(&self, label: &str, name: &str, value: &str, options: &[&str]) -> Markup {
        let select = html! {
            select id=(name) name=(name) {
                @for option in options { option selected[*option == value] { (option) } }
            }
        };
        self.around(label, name, &select)
    }

    fn around(&self, label: &str, name: &str, input: &Markup) -> Markup {
        let wrong = self.wrong.filter(|wrong| wrong.field() == Some(self.name));
        html! {
            div.field.wide[name == "url"] {
                label for=(name) { (label) }
                (input)
                @if let Some(wrong) = wrong { p.wrong role="alert" { (wrong.detail()) } }
            }
        }
    }
}
