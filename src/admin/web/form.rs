//! The form of a link, for a new one and for an edit. What it says goes to the catalog as it is: an empty input
//! clears, and what is wrong with a value is decided there.

use maud::{Markup, html};
use serde::Deserialize;

use super::field::Field;
use super::text::sentence;
use crate::admin::Admin;
use crate::admin::api::problem::Problem;
use crate::domain::link::{Link, LinkSpec};
use crate::domain::placement::Level;
use crate::domain::utm::{Utm, UtmField};
use crate::links::{Change, LinkFields, UtmFields, UtmPolicy};

/// Platforms that are offered; any other name can be typed.
pub(super) const PLATFORMS: [&str; 12] = [
    "instagram",
    "facebook",
    "tiktok",
    "youtube",
    "linkedin",
    "x",
    "threads",
    "bluesky",
    "mastodon",
    "pinterest",
    "reddit",
    "newsletter",
];

/// The inputs as they were sent.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Inputs {
    url: String,
    slug: String,
    /// Asked for only where there is a choice.
    domain: Option<String>,
    title: String,
    /// Separated by commas.
    tags: String,
    platform: String,
    level: String,
    /// One on each line.
    posts: String,
    source: String,
    medium: String,
    campaign: String,
    term: String,
    content: String,
    utm_id: String,
    /// The revision that an edit is based on.
    revision: Option<u64>,
}

impl Inputs {
    /// What a link's owner gave, as it can be given again. UTM that its URL carries by itself is left to the URL.
    pub(super) fn of(link: &Link) -> Self {
        let spec = &link.spec;
        let own = spec.utm.without(&carried(spec));
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        Self {
            url: spec.url.as_str().to_owned(),
            slug: spec.slug.as_str().to_owned(),
            domain: (!spec.domain.is_default()).then(|| spec.domain.0.clone()),
            title: text(&spec.title),
            tags: spec.tags.join(", "),
            platform: spec.placement.platform.as_ref().map(|name| name.as_str().to_owned()).unwrap_or_default(),
            level: spec.placement.level.as_str().to_owned(),
            posts: spec.placement.posts.iter().map(|post| post.as_str()).collect::<Vec<_>>().join("\n"),
            source: text(&own.source),
            medium: text(&own.medium),
            campaign: text(&own.campaign),
            term: text(&own.term),
            content: text(&own.content),
            utm_id: text(&own.id),
            revision: Some(link.revision),
        }
    }

    pub(super) fn fields(&self) -> LinkFields {
        LinkFields {
            url: given(&self.url),
            slug: given(&self.slug),
            domain: self.domain.as_deref().map_or(Change::Keep, given),
            utm: Change::Set(UtmFields {
                source: given(&self.source),
                medium: given(&self.medium),
                campaign: given(&self.campaign),
                term: given(&self.term),
                content: given(&self.content),
                id: given(&self.utm_id),
            }),
            platform: given(&self.platform),
            level: given(&self.level),
            posts: list(self.posts.lines()),
            title: given(&self.title),
            tags: list(self.tags.split(',')),
            revision: Change::from(self.revision),
            ..LinkFields::default()
        }
    }

    /// Whether the inputs that most links do without say something.
    fn says_more(&self) -> bool {
        [&self.title, &self.tags, &self.term, &self.content, &self.utm_id].iter().any(|text| !text.trim().is_empty())
    }
}

fn given(text: &str) -> Change<String> {
    let text = text.trim();
    if text.is_empty() { Change::Clear } else { Change::Set(text.to_owned()) }
}

fn list<'a>(parts: impl Iterator<Item = &'a str>) -> Change<Vec<String>> {
    let parts: Vec<String> = parts.map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect();
    if parts.is_empty() { Change::Clear } else { Change::Set(parts) }
}

/// The UTM that a link's URL has by itself.
fn carried(spec: &LinkSpec) -> Utm {
    Utm::read(spec.url.parts().query.unwrap_or_default())
}

/// Where a form is sent to, and how it is told from the other one.
pub(super) enum Purpose<'a> {
    New,
    Edit(&'a Link),
}

/// The form with `inputs` in it; `wrong` stands at the input it blames, or above them all.
pub(super) fn draw(admin: &Admin, purpose: &Purpose<'_>, inputs: &Inputs, wrong: Option<&Problem>) -> Markup {
    let form = Drawn { wrong };
    let carried = match purpose {
        Purpose::New => Utm::default(),
        Purpose::Edit(link) => carried(&link.spec),
    };
    let action = match purpose {
        Purpose::New => "/links".to_owned(),
        Purpose::Edit(link) => format!("/links/{}/edit", link.id),
    };
    html! {
        form.fields method="post" action=(action) {
            @if let Some(revision) = inputs.revision { input type="hidden" name="revision" value=(revision); }
            (form.alert())
            (leads_to(admin, purpose, &form, inputs))
            (placed(&form, inputs))
            (campaign(admin.catalog.utm_policy(), &form, inputs, &carried))
            details open[inputs.says_more() || form.blames_more()] {
                summary { "Title, tags and more UTM" }
                (more(&form, inputs, &carried))
            }
            div.actions {
                @match purpose {
                    Purpose::New => button { "Make link" },
                    Purpose::Edit(link) => {
                        button { "Save" }
                        a.button.plain href={ "/links/" (link.id) } { "Cancel" }
                    }
                }
            }
        }
    }
}

fn leads_to(admin: &Admin, purpose: &Purpose<'_>, form: &Drawn<'_>, inputs: &Inputs) -> Markup {
    let domain = inputs.domain.as_deref().unwrap_or_default();
    let mut hosts: Vec<&str> = admin.catalog.domains().hosts().collect();
    // A domain that is no longer configured stays what it is until its owner chooses another.
    if !domain.is_empty() && !hosts.contains(&domain) {
        hosts.push(domain);
    }
    let slug = match purpose {
        Purpose::New => "The end of the short URL. Left empty, one is made.",
        Purpose::Edit(_) => "The end of the short URL.",
    };
    html! {
        fieldset {
            legend { "Where it leads" }
            (form.field("url", "url", "Destination").wide().example("https://example.com/page").text(&inputs.url))
            @if hosts.len() > 1 {
                (form.field("domain", "domain", "Domain").choice(domain, &hosts))
            }
            (form.field("slug", "slug", "Slug").hint(slug).text(&inputs.slug))
        }
    }
}

fn placed(form: &Drawn<'_>, inputs: &Inputs) -> Markup {
    let platform = form.field("platform", "platform", "Platform").hint("Such as instagram, x, newsletter.");
    let level = form.field("level", "level", "Level").hint("Decides which impressions its clicks are divided by.");
    let posts =
        form.field("posts", "posts", "Posts").wide().hint("Permalink or id of each post it stands in, one on a line.");
    html! {
        fieldset {
            legend { "Where you post it" }
            (platform.suggested(&inputs.platform, &PLATFORMS))
            (level.choice(&inputs.level, &level_names()))
            (posts.lines(&inputs.posts))
        }
    }
}

fn campaign(policy: &UtmPolicy, form: &Drawn<'_>, inputs: &Inputs, carried: &Utm) -> Markup {
    let listed = |field| policy.allowed(field).iter().map(String::as_str).collect::<Vec<_>>();
    html! {
        fieldset {
            legend { "UTM" }
            (form.utm(UtmField::Source, "Source", carried, "instagram").suggested(&inputs.source, &listed(UtmField::Source)))
            (form.utm(UtmField::Medium, "Medium", carried, "social").suggested(&inputs.medium, &listed(UtmField::Medium)))
            (form.utm(UtmField::Campaign, "Campaign", carried, "spring-sale").suggested(&inputs.campaign, &listed(UtmField::Campaign)))
        }
    }
}

fn more(form: &Drawn<'_>, inputs: &Inputs, carried: &Utm) -> Markup {
    let tags = form.field("tags", "tags", "Tags").hint("Separated by commas.");
    html! {
        div.inner {
            (form.field("title", "title", "Title").hint("For you; nobody else sees it.").text(&inputs.title))
            (tags.text(&inputs.tags))
            (form.utm(UtmField::Term, "Term", carried, "").text(&inputs.term))
            (form.utm(UtmField::Content, "Content", carried, "").text(&inputs.content))
            (form.utm(UtmField::Id, "Campaign id", carried, "").text(&inputs.utm_id))
        }
    }
}

/// `other` comes first: it is what a link is when nobody says.
pub(super) fn level_names() -> Vec<&'static str> {
    let mut names: Vec<&str> = Level::ALL.iter().map(|level| level.as_str()).collect();
    names.rotate_right(1);
    names
}

/// Every field that has an input of its own, and those of them that are folded away.
const FIELDS: [&str; 13] = [
    "url",
    "slug",
    "domain",
    "platform",
    "level",
    "posts",
    "utm.source",
    "utm.medium",
    "utm.campaign",
    "title",
    "tags",
    "utm.term",
    "utm.content",
];
const FOLDED: [&str; 5] = ["title", "tags", "utm.term", "utm.content", "utm.id"];

/// A form with what is wrong with it.
struct Drawn<'a> {
    wrong: Option<&'a Problem>,
}

impl<'a> Drawn<'a> {
    /// What is wrong with no input in particular.
    fn alert(&self) -> Markup {
        let blamed =
            |wrong: &&Problem| wrong.field().is_some_and(|field| FIELDS.contains(&field) || FOLDED.contains(&field));
        html! {
            @if let Some(wrong) = self.wrong {
                @if blamed(&wrong) { p.wrong role="alert" { "Nothing was saved: see what is wrong below." } }
                @else { p.wrong role="alert" { (sentence(wrong.detail())) } }
            }
        }
    }

    fn blames_more(&self) -> bool {
        self.wrong.and_then(Problem::field).is_some_and(|field| FOLDED.contains(&field))
    }

    /// `path` is what the API calls it.
    fn field(&self, path: &str, name: &'static str, label: &'static str) -> Field<'a> {
        let wrong = self.wrong.filter(|wrong| wrong.field() == Some(path)).map(Problem::detail);
        Field::new(name, label).wrong(wrong)
    }

    /// `carried` is what stands in the destination already.
    fn utm(&self, of: UtmField, label: &'static str, carried: &'a Utm, example: &'a str) -> Field<'a> {
        let name = if of == UtmField::Id { "utm_id" } else { of.name() };
        let field = self.field(of.path(), name, label);
        match carried.get(of) {
            Some(value) => field.hint("The destination has one already.").example(value),
            None => field.example(example),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_input_clears_and_lists_are_split() {
        let inputs = Inputs {
            url: " https://e.com ".to_owned(),
            posts: "a\r\n\r\n b \n".to_owned(),
            tags: "x, ,y".to_owned(),
            revision: Some(3),
            ..Inputs::default()
        };
        let fields = inputs.fields();
        assert_eq!((&fields.url, &fields.slug), (&Change::Set("https://e.com".to_owned()), &Change::Clear));
        assert_eq!(fields.posts, Change::Set(vec!["a".to_owned(), "b".to_owned()]));
        assert_eq!(fields.tags, Change::Set(vec!["x".to_owned(), "y".to_owned()]));
        assert_eq!(
            (&fields.domain, &fields.enabled, &fields.revision),
            (&Change::Keep, &Change::Keep, &Change::Set(3))
        );
    }
}
