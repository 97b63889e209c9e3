//! From what an owner wrote to a link that may be saved. Pure; every error names its field and what to do.

use jiff::Timestamp;

use crate::domain::destination::{Destination, DestinationError};
use crate::domain::link::{Author, Brought, DomainName, LinkSpec, Rules, Status};
use crate::domain::placement::{Level, Placement, Platform, PostRef};
use crate::domain::slug::Slug;
use crate::domain::utm::{Utm, UtmField};

use super::Domains;
use super::fields::{Change, LinkFields, UtmFields};
use super::policy::UtmPolicy;

/// One field is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Invalid {
    /// Its name in the API, such as `slug` or `utm.source`.
    pub(crate) field: &'static str,
    pub(crate) message: String,
}

impl Invalid {
    pub(super) fn new(field: &'static str, message: impl ToString) -> Self {
        Self { field, message: message.to_string() }
    }
}

type Result<T> = std::result::Result<T, Invalid>;

/// The longest title and the longest tag, in characters; the most tags.
const TITLE_CHARS_MAX: usize = 255;
const TAG_CHARS_MAX: usize = 64;
const TAGS_MAX: usize = 50;

/// What a check needs to know besides the fields.
#[derive(Clone, Copy)]
pub(super) struct Limits<'a> {
    pub(super) domains: &'a Domains,
    pub(super) bytes_max: usize,
    pub(super) utm: &'a UtmPolicy,
    /// A link that moves in has been posted already: its words stay as they are.
    pub(super) is_moving_in: bool,
}

/// A checked link, except for its slug, which may still have to be generated.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub(super) slug: Option<Slug>,
    pub(super) domain: DomainName,
    url: Destination,
    pub(super) utm: Utm,
    destination: Destination,
    placement: Placement,
    title: Option<String>,
    tags: Vec<String>,
    archived: bool,
    rules: Rules,
    pub(super) brought: Option<Brought>,
    pub(super) made: Option<Author>,
}

impl Draft {
    /// A link that leads to `url` and nothing else.
    fn new(url: Destination) -> Self {
        Self {
            slug: None,
            domain: DomainName::DEFAULT,
            utm: carried(&url),
            destination: url.clone(),
            url,
            placement: Placement::default(),
            title: None,
            tags: Vec::new(),
            archived: false,
            rules: Rules::default(),
            brought: None,
            made: None,
        }
    }

    fn of(spec: &LinkSpec) -> Self {
        let spec = spec.clone();
        Self {
            slug: Some(spec.slug),
            domain: spec.domain,
            url: spec.url,
            utm: spec.utm,
            destination: spec.destination,
            placement: spec.placement,
            title: spec.title,
            tags: spec.tags,
            archived: spec.archived,
            rules: spec.rules,
            brought: spec.brought,
            made: spec.made,
        }
    }

    pub(super) fn into_spec(self, slug: Slug) -> LinkSpec {
        LinkSpec {
            domain: self.domain,
            slug,
            url: self.url,
            utm: self.utm,
            destination: self.destination,
            placement: self.placement,
            title: self.title,
            tags: self.tags,
            archived: self.archived,
            rules: self.rules,
            brought: self.brought,
            made: self.made,
        }
    }
}

/// A new link. Whether its UTM is allowed is asked by whoever makes it: a link that moves in has been posted already.
pub(super) fn draft(fields: &LinkFields, limits: Limits<'_>) -> Result<Draft> {
    let Some(url) = fields.url.set() else {
        return Err(Invalid::new("url", "a link needs a url: the page it leads to, such as https://example.com/page"));
    };
    if !fields.revision.is_keep() {
        return Err(Invalid::new("revision", "a link that is made has no revision yet: leave it out"));
    }
    let mut draft = Draft::new(destination("url", url, limits)?);
    draft.slug = fields.slug.set().map(|text| slug(text)).transpose()?;
    draft.apply(fields, limits, None)
}

/// A saved link with changes.
pub(super) fn edited(before: &LinkSpec, fields: &LinkFields, limits: Limits<'_>) -> Result<LinkSpec> {
    let required = |field, message| Err(Invalid::new(field, message));
    let slug = match &fields.slug {
        Change::Keep => before.slug.clone(),
        Change::Clear => return required("slug", "a link cannot be without a slug: give another one or leave it out"),
        Change::Set(text) => slug(text)?,
    };
    let mut draft = Draft::of(before);
    match &fields.url {
        Change::Keep => {}
        Change::Clear => return required("url", "a link cannot be without a url: give another one or leave it out"),
        Change::Set(text) => draft.lead_to(destination("url", text, limits)?),
    }
    let draft = draft.apply(fields, limits, Some(&before.utm))?;
    limits.utm.check(&draft.utm, Some(&before.utm))?;
    Ok(draft.into_spec(slug))
}

impl Draft {
    /// A new URL brings its own UTM; what the owner set besides the old URL's stays.
    fn lead_to(&mut self, url: Destination) {
        self.utm = self.utm.without(&carried(&self.url)).over(&carried(&url));
        self.url = url;
    }

    /// Everything but slug and URL, which create and edit treat differently.
    fn apply(mut self, fields: &LinkFields, limits: Limits<'_>, before: Option<&Utm>) -> Result<Self> {
        if !fields.domain.is_keep() {
            self.domain = domain(fields.domain.set().map_or("", String::as_str), limits.domains)?;
        }
        if !fields.utm.is_keep() || !fields.url.is_keep() {
            self.merge_utm(&fields.utm, limits, before)?;
        }
        self.place(fields)?;
        if !fields.title.is_keep() {
            self.title = title(fields.title.set())?;
        }
        if !fields.tags.is_keep() {
            self.tags = tags(fields.tags.set())?;
        }
        self.archived = fields.archived.over(self.archived, false, |archived| *archived);
        self.rules = rules(self.rules, fields, limits)?;
        Ok(self)
    }

    fn merge_utm(&mut self, changes: &Change<UtmFields>, limits: Limits<'_>, before: Option<&Utm>) -> Result<()> {
        let carried = carried(&self.url);
        let mut own = self.utm.without(&carried);
        match changes {
            Change::Keep => {}
            Change::Clear => own = Utm::default(),
            Change::Set(values) => change_utm(&mut own, values)?,
        }
        if !limits.is_moving_in {
            let written = own.over(&carried);
            for (field, meant) in limits.utm.aliases().in_place_of(&written, before) {
                own.set(field, meant).map_err(|error| Invalid::new(field.path(), error))?;
            }
        }
        self.utm = own.over(&carried);
        self.destination = own.merge_into(&self.url, limits.bytes_max).map_err(|error| Invalid::new("utm", error))?;
        Ok(())
    }

    fn place(&mut self, fields: &LinkFields) -> Result<()> {
        let placement = &mut self.placement;
        if !fields.platform.is_keep() {
            let text = fields.platform.set().filter(|text| !text.trim().is_empty());
            let platform = text.map(|text| Platform::parse(text)).transpose();
            placement.platform = platform.map_err(|error| Invalid::new("platform", error))?;
        }
        if !fields.level.is_keep() {
            placement.level = fields.level.set().map_or(Ok(Level::default()), |text| level(text))?;
        }
        if !fields.posts.is_keep() {
            placement.posts = posts(fields.posts.set())?;
        }
        Ok(())
    }
}

fn carried(url: &Destination) -> Utm {
    Utm::read(url.parts().query.unwrap_or_default())
}

fn change_utm(own: &mut Utm, values: &UtmFields) -> Result<()> {
    for field in UtmField::ALL {
        let text = match values.get(field) {
            Change::Keep => continue,
            Change::Clear => "",
            Change::Set(text) => text,
        };
        own.set(field, text).map_err(|error| Invalid::new(field.path(), error))?;
    }
    Ok(())
}

fn slug(text: &str) -> Result<Slug> {
    Slug::parse(text).map_err(|error| Invalid::new("slug", error))
}

/// The domain an owner names.
pub(super) fn domain(text: &str, domains: &Domains) -> Result<DomainName> {
    domains.named(text.trim()).cloned().ok_or_else(|| {
        let known: Vec<&str> = domains.hosts().collect();
        let message = match known.as_slice() {
            [] => "no domain is configured, so every host serves every link: leave `domain` out".to_owned(),
            known => format!("{text:?} is not a configured domain: use one of {}", known.join(", ")),
        };
        Invalid::new("domain", message)
    })
}

fn destination(field: &'static str, text: &str, limits: Limits<'_>) -> Result<Destination> {
    let invalid = |error: DestinationError| Invalid::new(field, error);
    let destination = Destination::parse(text, limits.bytes_max).map_err(invalid)?;
    if limits.domains.is_own(&destination) {
        let (host, _) = destination.host_and_port();
        return Err(Invalid::new(
            field,
            format!("{host} is this server itself: give the page that visitors shall see"),
        ));
    }
    Ok(destination)
}

fn level(text: &str) -> Result<Level> {
    let known = || Level::ALL.map(Level::as_str).join(", ");
    Level::parse(text).ok_or_else(|| Invalid::new("level", format!("{text:?} is not a level: use one of {}", known())))
}

fn posts(given: Option<&Vec<String>>) -> Result<Vec<PostRef>> {
    let mut posts = Vec::new();
    for text in given.into_iter().flatten() {
        let post = PostRef::parse(text).map_err(|error| Invalid::new("posts", error))?;
        if !posts.contains(&post) {
            posts.push(post);
        }
        if posts.len() > Placement::POSTS_MAX {
            return Err(Invalid::new("posts", format!("a link stands in at most {} posts", Placement::POSTS_MAX)));
        }
    }
    Ok(posts)
}

fn title(given: Option<&String>) -> Result<Option<String>> {
    let text = given.map_or("", |text| text.trim());
    short_text("title", text, TITLE_CHARS_MAX)?;
    Ok((!text.is_empty()).then(|| text.to_owned()))
}

fn tags(given: Option<&Vec<String>>) -> Result<Vec<String>> {
    let mut tags: Vec<String> = Vec::new();
    for text in given.into_iter().flatten() {
        let text = text.trim();
        if text.is_empty() {
            return Err(Invalid::new("tags", "a tag is empty: leave it out"));
        }
        short_text("tags", text, TAG_CHARS_MAX)?;
        if !tags.iter().any(|tag| tag == text) {
            tags.push(text.to_owned());
        }
        if tags.len() > TAGS_MAX {
            return Err(Invalid::new("tags", format!("a link has at most {TAGS_MAX} tags")));
        }
    }
    Ok(tags)
}

fn short_text(field: &'static str, text: &str, chars_max: usize) -> Result<()> {
    let chars = text.chars().count();
    if chars > chars_max {
        return Err(Invalid::new(field, format!("{chars} characters are too many: use at most {chars_max}")));
    }
    if text.chars().any(char::is_control) {
        return Err(Invalid::new(field, "there is a control character or line break in it: remove it"));
    }
    Ok(())
}

fn rules(before: Rules, fields: &LinkFields, limits: Limits<'_>) -> Result<Rules> {
    let default = Rules::default();
    let set = |change: &Change<bool>, before, default| change.over(before, default, |value| *value);
    Ok(Rules {
        status: fields.status.over(Ok(before.status), Ok(default.status), |code| status(*code))?,
        enabled: set(&fields.enabled, before.enabled, default.enabled),
        passthrough: set(&fields.passthrough, before.passthrough, default.passthrough),
        visitor_utm: set(&fields.visitor_utm, before.visitor_utm, default.visitor_utm),
        expires_at: fields.expires_at.over(Ok(before.expires_at), Ok(None), |text| instant(text))?,
        expired_url: fields.expired_url.over(Ok(before.expired_url), Ok(None), |text| {
            let text = text.trim();
            if text.is_empty() { Ok(None) } else { destination("expired_url", text, limits).map(Some) }
        })?,
    })
}

fn status(code: u16) -> Result<Status> {
    Status::from_code(code)
        .ok_or_else(|| Invalid::new("status", format!("{code} is no redirect status: use 301, 302, 307 or 308")))
}

fn instant(text: &str) -> Result<Option<Timestamp>> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let wrong = |_| Invalid::new("expires_at", format!("{text:?} is no instant: write it like 2026-12-31T23:59:59Z"));
    text.parse().map(Some).map_err(wrong)
}
