//! The form of a link, for a new one and for an edit. What it says goes to the catalog as it is: an empty input
//! clears, and what is wrong with a value is decided there.

use maud::{Markup, html};
use serde::Deserialize;

use super::text::sentence;
use crate::admin::Admin;
use crate::admin::api::problem::Problem;
use crate::domain::link::{Link, LinkSpec};
use crate::domain::placement::Level;
use crate::domain::utm::{Utm, UtmField};
use crate::links::{Change, LinkFields, UtmFields, UtmPolicy};

/// Platforms that are offered; any other name can be typed.
const PLATFORMS: [&str; 12] = [
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
            (form.field("url", "Destination").wide().example("https://example.com/page").text("url", &inputs.url))
            @if hosts.len() > 1 {
                (form.field("domain", "Domain").choice("domain", domain, &hosts))
            }
            (form.field("slug", "Slug").hint(slug).text("slug", &inputs.slug))
        }
    }
}

fn placed(form: &Drawn<'_>, inputs: &Inputs) -> Markup {
    let platform = form.field("platform", "Platform").hint("Such as instagram, x, newsletter.");
    let level = form.field("level", "Level").hint("Decides which impressions its clicks are divided by.");
    let posts = form.field("posts", "Posts").wide().hint("Permalink or id of each post it stands in, one on a line.");
    html! {
        fieldset {
            legend { "Where you post it" }
            (platform.suggested("platform", &inputs.platform, &PLATFORMS))
            (level.choice("level", &inputs.level, &level_names()))
            (posts.lines("posts", &inputs.posts))
        }
    }
}

fn campaign(policy: &UtmPolicy, form: &Drawn<'_>, inputs: &Inputs, carried: &Utm) -> Markup {
    let listed = |field| policy.allowed(field).iter().map(String::as_str).collect::<Vec<_>>();
    html! {
        fieldset {
            legend { "UTM" }
            (form.utm("utm.source", "Source", carried.source.as_deref(), "instagram").suggested("source", &inputs.source, &listed(UtmField::Source)))
            (form.utm("utm.medium", "Medium", carried.medium.as_deref(), "social").suggested("medium", &inputs.medium, &listed(UtmField::Medium)))
            (form.utm("utm.campaign", "Campaign", carried.campaign.as_deref(), "spring-sale").suggested("campaign", &inputs.campaign, &listed(UtmField::Campaign)))
        }
    }
}

fn more(form: &Drawn<'_>, inputs: &Inputs, carried: &Utm) -> Markup {
    let tags = form.field("tags", "Tags").hint("Separated by commas.");
    html! {
        div.inner {
            (form.field("title", "Title").hint("For you; nobody else sees it.").text("title", &inputs.title))
            (tags.text("tags", &inputs.tags))
            (form.utm("utm.term", "Term", carried.term.as_deref(), "").text("term", &inputs.term))
            (form.utm("utm.content", "Content", carried.content.as_deref(), "").text("content", &inputs.content))
            (form.utm("utm.id", "Campaign id", carried.id.as_deref(), "").text("utm_id", &inputs.utm_id))
        }
    }
}

/// `other` comes first: it is what a link is when nobody says.
fn level_names() -> Vec<&'static str> {
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

    fn field(&self, name: &'static str, label: &'static str) -> Field<'a> {
        let wrong = self.wrong.filter(|wrong| wrong.field() == Some(name)).map(Problem::detail);
        Field { label, wrong, hint: None, example: "", is_wide: false }
    }

    /// `carried` is what stands in the destination already.
    fn utm(&self, name: &'static str, label: &'static str, carried: Option<&'a str>, example: &'a str) -> Field<'a> {
        let field = self.field(name, label);
        match carried {
            Some(value) => Field { hint: Some("The destination has one already."), example: value, ..field },
            None => Field { example, ..field },
        }
    }
}

/// One input with its label, its hint, and what is wrong with it.
struct Field<'a> {
    label: &'static str,
    wrong: Option<&'a str>,
    hint: Option<&'static str>,
    example: &'a str,
    is_wide: bool,
}

impl<'a> Field<'a> {
    fn wide(self) -> Self {
        Self { is_wide: true, ..self }
    }

    fn hint(self, hint: &'static str) -> Self {
        Self { hint: Some(hint), ..self }
    }

    fn example(self, example: &'a str) -> Self {
        Self { example, ..self }
    }

    fn text(&self, name: &str, value: &str) -> Markup {
        let input = html! {
            input id=(name) name=(name) value=(value) placeholder=[self.placeholder()] autocomplete="off" spellcheck="false"
                autocapitalize="off" aria-invalid=[self.invalid()] aria-describedby=[self.described(name)] autofocus[self.wrong.is_some()];
        };
        self.around(name, &input)
    }

    fn suggested(&self, name: &str, value: &str, options: &[&str]) -> Markup {
        let list = format!("{name}-names");
        let input = html! {
            input id=(name) name=(name) value=(value) list=(list) placeholder=[self.placeholder()] autocomplete="off"
                spellcheck="false" autocapitalize="off"
                aria-invalid=[self.invalid()] aria-describedby=[self.described(name)] autofocus[self.wrong.is_some()];
            datalist id=(list) { @for option in options { option value=(option) {} } }
        };
        self.around(name, &input)
    }

    fn lines(&self, name: &str, value: &str) -> Markup {
        let input = html! {
            textarea id=(name) name=(name) rows=(value.lines().count().clamp(2, 8)) spellcheck="false" autocapitalize="off"
                aria-invalid=[self.invalid()] aria-describedby=[self.described(name)] autofocus[self.wrong.is_some()] {
                // A line break right after the tag is dropped by browsers; one of the value's own is not.
                "\n" (value)
            }
        };
        self.around(name, &input)
    }

    fn choice(&self, name: &str, value: &str, options: &[&str]) -> Markup {
        let select = html! {
            select id=(name) name=(name) aria-invalid=[self.invalid()] aria-describedby=[self.described(name)] {
                @for option in options { option selected[*option == value] { (option) } }
            }
        };
        self.around(name, &select)
    }

    fn around(&self, name: &str, input: &Markup) -> Markup {
        html! {
            div.field.wide[self.is_wide] {
                label for=(name) { (self.label) }
                (input)
                @if let Some(wrong) = self.wrong { p.wrong id={ (name) "-wrong" } { (sentence(wrong)) } }
                @if let Some(hint) = self.hint { p.hint id={ (name) "-hint" } { (hint) } }
            }
        }
    }

    fn placeholder(&self) -> Option<&str> {
        (!self.example.is_empty()).then_some(self.example)
    }

    fn invalid(&self) -> Option<&'static str> {
        self.wrong.map(|_| "true")
    }

    fn described(&self, name: &str) -> Option<String> {
        let parts = [self.wrong.map(|_| format!("{name}-wrong")), self.hint.map(|_| format!("{name}-hint"))];
        let ids: Vec<String> = parts.into_iter().flatten().collect();
        (!ids.is_empty()).then(|| ids.join(" "))
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
