//! The page on which a campaign is made: what its links share, the places, what they will be.

use maud::{Markup, html};

use super::inputs::{Campaign, Row};
use super::{Answers, preview};
use crate::admin::Admin;
use crate::admin::web::field::{self, Field};
use crate::admin::web::form::{PLATFORMS, level_names};
use crate::admin::web::layout::{self, Place};
use crate::admin::web::text::sentence;
use crate::domain::utm::UtmField;
use crate::links::templates::{PLACEHOLDERS, SPOTS_MAX, Template};

/// Inputs of the form that are not in a row, by what the API calls them.
const SHARED: [(&str, &str); 6] = [
    ("url", "url"),
    ("utm", "url"),
    ("domain", "domain"),
    ("utm.campaign", "campaign"),
    ("title", "title"),
    ("tags", "tags"),
];
/// Inputs of a row.
const IN_ROW: [(&str, &str); 9] = [
    ("slug", "slug"),
    ("platform", "platform"),
    ("level", "level"),
    ("posts", "posts"),
    ("utm.source", "source"),
    ("utm.medium", "medium"),
    ("utm.term", "term"),
    ("utm.content", "content"),
    ("utm.id", "utm_id"),
];

/// What is wrong with one input, or with the form.
pub(super) struct Wrong {
    /// None for an input that the rows share.
    row: Option<usize>,
    /// The input's name; none when no input is to blame.
    name: Option<&'static str>,
    message: String,
}

/// What is wrong, each thing once: what is shared is wrong in every row.
fn wrongs(answers: Option<&Answers>) -> Vec<Wrong> {
    let mut found: Vec<Wrong> = Vec::new();
    for (row, answer) in answers.into_iter().flatten() {
        let Err(error) = answer else { continue };
        let wrong = Wrong::of(*row, error);
        if !found.iter().any(|known| known.row == wrong.row && known.name == wrong.name) {
            found.push(wrong);
        }
    }
    found
}

impl Wrong {
    fn of(row: usize, error: &crate::links::catalog::CatalogError) -> Self {
        use crate::links::catalog::CatalogError::{Invalid, Taken};
        let path = match error {
            Invalid(invalid) => invalid.field,
            Taken { .. } => "slug",
            _ => "",
        };
        let input = |among: &[(&str, &'static str)]| among.iter().find(|(of, _)| *of == path).map(|(_, name)| *name);
        let message = error.to_string();
        match input(&SHARED) {
            Some(name) => Self { row: None, name: Some(name), message },
            None => Self { row: Some(row), name: input(&IN_ROW), message },
        }
    }
}

pub(super) fn page(admin: &Admin, campaign: &Campaign, templates: &[Template], answers: Option<&Answers>) -> Markup {
    let form = Drawn { wrongs: wrongs(answers) };
    let none_picked = answers.is_some() && !campaign.rows.iter().any(|row| row.is_picked);
    let is_refused = none_picked || !form.wrongs.is_empty();
    let content = html! {
        form.kit #kit method="post" action="/links/new" data-preview="/links/new/preview" {
            // Enter presses a form's first button: that one must make nothing.
            button.unseen name="do" value="preview" tabindex="-1" aria-hidden="true" { "Preview" }
            section.card {
                div.head {
                    h1 { "New links" }
                    a href="/links/new/table" { "Many at once, from a table" }
                }
                p.hint { "One link for each place you post in: only then can their clicks be told apart." }
                (form.summary(none_picked))
                (shared(admin, &form, campaign))
            }
            section.card {
                h2 #places { "Where you will post it" }
                (template_choice(campaign, templates))
                (rows(&form, campaign, none_picked))
                @if campaign.rows.len() < SPOTS_MAX {
                    p { button.plain name="do" value="add" { "Add another place" } }
                }
            }
            section.card.foresight aria-labelledby="foresight" {
                h2 #foresight { "What will be made" }
                div.actions {
                    button name="do" value="make" { "Make links" }
                    button.plain name="do" value="preview" { "Preview" }
                }
                div.preview #preview { (foreseen(admin, campaign, answers)) }
            }
        }
        (lists(admin))
    };
    layout::page(Place::New, if is_refused { "Not saved: new links" } else { "New links" }, &content)
}

fn foreseen(admin: &Admin, campaign: &Campaign, answers: Option<&Answers>) -> Markup {
    match answers {
        Some(answers) => preview::draw(admin, campaign, answers),
        None => html! { p.hint { "Choose places to see where each link will lead." } },
    }
}

fn shared(admin: &Admin, form: &Drawn, campaign: &Campaign) -> Markup {
    let mut hosts: Vec<&str> = admin.catalog.domains().hosts().collect();
    let domain = campaign.domain.as_deref().unwrap_or_default();
    if !domain.is_empty() && !hosts.contains(&domain) {
        hosts.push(domain);
    }
    let title = Field::new("title", "Title").hint("For you; each link's title ends with its place.");
    let named = Field::new("campaign", "Campaign").example("spring-sale").hint("utm_campaign of all of them.");
    html! {
        div.inner {
            (form.shared(Field::new("url", "Destination").wide().example("https://example.com/page"), "url").text(&campaign.url))
            (form.shared(named, "campaign").offered(&campaign.campaign, "campaign-values"))
            (form.shared(title, "title").text(&campaign.title))
            (form.shared(Field::new("tags", "Tags").hint("Separated by commas."), "tags").text(&campaign.tags))
            @if hosts.len() > 1 { (form.shared(Field::new("domain", "Domain"), "domain").choice(domain, &hosts)) }
        }
    }
}

fn template_choice(campaign: &Campaign, templates: &[Template]) -> Markup {
    let mut options: Vec<(&str, &str)> = vec![("", "Usual places")];
    options.extend(templates.iter().map(|template| (template.name.as_str(), template.name.as_str())));
    html! {
        div.line.templates {
            (Field::new("template", "Template").named_choice(&campaign.template, &options))
            button.plain name="do" value="template" { "Use" }
            a href="/templates" { "Edit templates" }
        }
    }
}

fn rows(form: &Drawn, campaign: &Campaign, none_picked: bool) -> Markup {
    html! {
        @if none_picked { p.wrong #pick-wrong { "Choose at least one place." } }
        ol.places aria-labelledby="places" {
            @for (at, row) in campaign.rows.iter().enumerate() { li { (place(form, at, row)) } }
        }
        p.hint {
            "UTM may hold " @for placeholder in PLACEHOLDERS { code { (placeholder) } " " } "which are filled in."
        }
    }
}

/// One place: a box to pick it, and once it is picked, everything that its link gets.
fn place(form: &Drawn, at: usize, row: &Row) -> Markup {
    let called = if row.spot.name.is_empty() { "Another place" } else { &row.spot.name };
    let pick = field::id("pick", Some(at));
    let says_more = !row.spot.term.is_empty() || !row.spot.id.is_empty() || !row.posts.is_empty();
    let folded = ["platform", "level", "posts", "term", "utm_id"];
    let is_new = row.spot.name.is_empty();
    let blames_more =
        form.wrongs.iter().any(|wrong| wrong.row == Some(at) && wrong.name.is_some_and(|name| folded.contains(&name)));
    html! {
        div.place role="group" aria-labelledby={ (pick) "-label" } {
            input type="hidden" name="row" value=(at);
            input.pick type="checkbox" id=(pick) name="pick" value=(at) checked[row.is_picked];
            label id={ (pick) "-label" } for=(pick) { (called) }
            span.soft { (summary(row)) }
            div.details {
                (in_row(form, at, row))
                details open[says_more || blames_more || is_new] {
                    summary { "Name, platform, level, posts and more" }
                    (more(form, at, row))
                }
            }
        }
    }
}

/// What a place is, for whoever did not unfold it.
fn summary(row: &Row) -> String {
    let parts = [row.spot.source.as_str(), row.spot.medium.as_str(), row.spot.content.as_str()];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" / ")
}

fn in_row(form: &Drawn, at: usize, row: &Row) -> Markup {
    let field = |name, label| form.of_row(Field::new(name, label), name, at);
    html! {
        div.inner {
            (field("source", "Source").offered(&row.spot.source, "source-values"))
            (field("medium", "Medium").offered(&row.spot.medium, "medium-values"))
            (field("content", "Content").offered(&row.spot.content, "content-values"))
            (field("slug", "Slug").example("made for you").text(&row.slug))
        }
    }
}

fn more(form: &Drawn, at: usize, row: &Row) -> Markup {
    let field = |name, label| form.of_row(Field::new(name, label), name, at);
    let level = field("level", "Level").hint("Decides which impressions its clicks are divided by.");
    html! {
        div.inner {
            (field("name", "Called").example("Instagram story").text(&row.spot.name))
            (field("platform", "Platform").offered(&row.spot.platform, "platform-values"))
            (level.choice(&row.spot.level, &level_names()))
            (field("term", "Term").offered(&row.spot.term, "term-values"))
            (field("utm_id", "Campaign id").text(&row.spot.id))
            (field("posts", "Posts").wide().hint("Permalink or id of each post it stands in, one on a line.").lines(&row.posts))
        }
    }
}

/// What is offered in the inputs of all rows: platforms, and the values that the configuration allows.
pub(in crate::admin::web) fn lists(admin: &Admin) -> Markup {
    let policy = admin.catalog.utm_policy();
    html! {
        datalist #platform-values { @for name in PLATFORMS { option value=(name) {} } }
        @for field in UtmField::ALL {
            @if field != UtmField::Id {
                datalist id={ (field.name()) "-values" } { @for value in policy.allowed(field) { option value=(value) {} } }
            }
        }
    }
}

/// The form with what is wrong with it.
struct Drawn {
    wrongs: Vec<Wrong>,
}

impl Drawn {
    /// Everything that is wrong, each leading to its input.
    fn summary(&self, none_picked: bool) -> Markup {
        html! {
            @if none_picked || !self.wrongs.is_empty() {
                div.refusal.summary role="alert" {
                    p.wrong { "Nothing was made yet:" }
                    ul {
                        @if none_picked { li { a href="#pick-0" { "Choose at least one place." } } }
                        @for wrong in &self.wrongs {
                            li {
                                @match wrong.name {
                                    Some(name) => a href={ "#" (field::id(name, wrong.row)) } { (sentence(&wrong.message)) },
                                    None => (sentence(&wrong.message)),
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    fn wrong(&self, row: Option<usize>, name: &str) -> Option<&str> {
        let found = self.wrongs.iter().find(|wrong| wrong.row == row && wrong.name == Some(name));
        found.map(|wrong| wrong.message.as_str())
    }

    fn shared<'a>(&'a self, field: Field<'a>, name: &str) -> Field<'a> {
        field.wrong(self.wrong(None, name))
    }

    fn of_row<'a>(&'a self, field: Field<'a>, name: &str, row: usize) -> Field<'a> {
        field.row(row).wrong(self.wrong(Some(row), name))
    }
}
