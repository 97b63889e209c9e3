//! UTM templates: named lists of places to post in, each with the UTM that its link shall get.
//!
//! It must never make a link: a template only fills in what its owner would have typed, and all of it can be changed.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::check::Invalid;
use super::policy::UtmPolicy;
use crate::domain::object;
use crate::domain::placement::{Level, Platform};
use crate::domain::record::{Expected, Record, RecordKey, RecordKind, RecordValue, Saved};
use crate::domain::utm::{Utm, UtmField};
use crate::store::{Store, StoreError};

/// The longest name of a template or of one of its places, in characters.
const NAME_CHARS_MAX: usize = 60;
/// The most places of a template, the most tags of its links, and the most templates.
pub(crate) const SPOTS_MAX: usize = 50;
const TAGS_MAX: usize = 20;
pub(crate) const TEMPLATES_MAX: usize = 200;

/// What UTM may hold that is filled in when a link is made.
pub(crate) const PLACEHOLDERS: [&str; 4] = ["{platform}", "{level}", "{campaign}", "{day}"];

/// A named list of places with their UTM; what `/api/v1/templates` takes and gives.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Template {
    /// 1 to 60 characters; names that differ in case only are one.
    pub(crate) name: String,
    /// `utm_campaign` of all of its links; empty to be asked each time.
    pub(crate) campaign: String,
    /// Tags of all of its links.
    pub(crate) tags: Vec<String>,
    /// 1 to 50.
    #[serde(deserialize_with = "object::many")]
    pub(crate) placements: Vec<Spot>,
}

/// One place to post in: what a link for it gets. UTM may hold `{platform}`, `{level}`, `{campaign}` and `{day}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Spot {
    /// What people call it: `Instagram story`.
    pub(crate) name: String,
    /// Such as `instagram`; may be empty.
    pub(crate) platform: String,
    /// `post`, `profile`, `story`, `ad`, `email` or `other`.
    pub(crate) level: String,
    pub(crate) source: String,
    pub(crate) medium: String,
    pub(crate) term: String,
    pub(crate) content: String,
    pub(crate) id: String,
}

impl Spot {
    /// A value as it was written, placeholders and all. The campaign is the template's.
    pub(crate) fn value(&self, field: UtmField) -> &str {
        match field {
            UtmField::Source => &self.source,
            UtmField::Medium => &self.medium,
            UtmField::Campaign => "",
            UtmField::Term => &self.term,
            UtmField::Content => &self.content,
            UtmField::Id => &self.id,
        }
    }

    /// `text` with its placeholders filled in.
    pub(super) fn fill(&self, text: &str, campaign: &str, day: Date) -> String {
        let values = [self.platform.trim(), self.level.trim(), campaign.trim(), &day.to_string()];
        let fill = |text: String, (placeholder, value): (&str, &str)| text.replace(placeholder, value);
        PLACEHOLDERS.into_iter().zip(values).fold(text.to_owned(), fill)
    }
}

/// The places that are offered when no template is chosen: name, platform, level, source, medium, content.
const USUAL: [(&str, &str, Level, &str, &str, &str); 14] = [
    ("Instagram story", "instagram", Level::Story, "instagram", "social", "story"),
    ("Instagram bio", "instagram", Level::Profile, "instagram", "social", "bio"),
    ("X post", "x", Level::Post, "x", "social", "post"),
    ("LinkedIn post", "linkedin", Level::Post, "linkedin", "social", "post"),
    ("Facebook post", "facebook", Level::Post, "facebook", "social", "post"),
    ("Newsletter", "newsletter", Level::Email, "newsletter", "email", ""),
    ("TikTok bio", "tiktok", Level::Profile, "tiktok", "social", "bio"),
    ("YouTube description", "youtube", Level::Post, "youtube", "video", "description"),
    ("Threads post", "threads", Level::Post, "threads", "social", "post"),
    ("Bluesky post", "bluesky", Level::Post, "bluesky", "social", "post"),
    ("Mastodon post", "mastodon", Level::Post, "mastodon", "social", "post"),
    ("Pinterest pin", "pinterest", Level::Post, "pinterest", "social", "pin"),
    ("Ad on Instagram or Facebook", "facebook", Level::Ad, "facebook", "paid_social", ""),
    ("Poster or flyer", "", Level::Other, "poster", "print", ""),
];

/// What there is without a template of one's own.
pub(crate) fn usual() -> Template {
    let spot = |(name, platform, level, source, medium, content): (&str, &str, Level, &str, &str, &str)| Spot {
        name: name.to_owned(),
        platform: platform.to_owned(),
        level: level.as_str().to_owned(),
        source: source.to_owned(),
        medium: medium.to_owned(),
        content: content.to_owned(),
        ..Spot::default()
    };
    Template { placements: USUAL.into_iter().map(spot).collect(), ..Template::default() }
}

/// A template that may be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Checked(Template);

impl Checked {
    /// Trims names, and judges everything that does not depend on the link that is made.
    ///
    /// # Errors
    /// When a name is missing, a place is none, or a value could never be a link's.
    pub(crate) fn of(mut template: Template, policy: &UtmPolicy) -> Result<Self, Invalid> {
        template.name = name("name", &template.name)?;
        template.tags.retain(|tag| !tag.trim().is_empty());
        if template.tags.len() > TAGS_MAX {
            return Err(Invalid::new("tags", format!("a template gives at most {TAGS_MAX} tags")));
        }
        if !(1..=SPOTS_MAX).contains(&template.placements.len()) {
            return Err(Invalid::new("placements", format!("a template has 1 to {SPOTS_MAX} placements")));
        }
        value(UtmField::Campaign, &template.campaign, policy, "campaign")?;
        for spot in &mut template.placements {
            spot.name = name("placements", &spot.name)?;
            check_spot(spot, policy)?;
        }
        Ok(Self(template))
    }

    pub(crate) fn template(&self) -> &Template {
        &self.0
    }

    fn value(&self) -> Option<RecordValue> {
        RecordValue::new(serde_json::to_vec(&self.0).ok()?)
    }
}

fn name(field: &'static str, text: &str) -> Result<String, Invalid> {
    let text = text.trim();
    let what = if field == "name" { "a template" } else { "each placement" };
    if text.is_empty() || text.chars().count() > NAME_CHARS_MAX || text.chars().any(char::is_control) {
        return Err(Invalid::new(field, format!("{what} has a name of 1 to {NAME_CHARS_MAX} characters")));
    }
    Ok(text.to_owned())
}

fn check_spot(spot: &Spot, policy: &UtmPolicy) -> Result<(), Invalid> {
    let wrong = |why: &dyn std::fmt::Display| Invalid::new("placements", format!("{}: {why}", spot.name));
    if !spot.platform.trim().is_empty() {
        Platform::parse(spot.platform.trim()).map_err(|error| wrong(&error))?;
    }
    if Level::parse(&spot.level).is_none() {
        let known = Level::ALL.map(Level::as_str).join(", ");
        return Err(wrong(&format!("{:?} is not a level: use one of {known}", spot.level)));
    }
    for field in UtmField::ALL {
        value(field, spot.value(field), policy, "placements").map_err(|error| wrong(&error))?;
    }
    Ok(())
}

/// A value with a placeholder is judged once it is filled in.
fn value(field: UtmField, text: &str, policy: &UtmPolicy, at: &'static str) -> Result<(), Invalid> {
    Utm::default().set(field, text).map_err(|error| Invalid::new(at, error))?;
    if text.trim().is_empty() || PLACEHOLDERS.iter().any(|placeholder| text.contains(placeholder)) {
        return Ok(());
    }
    policy.check_value(field, text.trim()).map_err(|error| Invalid::new(at, error))
}

/// Why a template was not kept.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TemplateError {
    #[error("there is no template {0:?}")]
    Absent(String),
    #[error("somebody else keeps a template under this name at the same time: try again")]
    Changed,
    #[error("there are {TEMPLATES_MAX} templates already: remove one that is no longer used")]
    Full,
    #[error(transparent)]
    Store(#[from] StoreError),
}

type Kept<T> = std::result::Result<T, TemplateError>;

/// Names that differ in case only are one.
fn key(name: &str) -> Kept<RecordKey> {
    RecordKey::new(&name.trim().to_lowercase()).ok_or_else(|| TemplateError::Absent(name.chars().take(80).collect()))
}

/// All of them, by name.
///
/// # Errors
/// When the store fails.
pub(crate) async fn list(store: &dyn Store) -> Result<Vec<Template>, StoreError> {
    let records = store.records(RecordKind::Template, None, TEMPLATES_MAX).await?;
    Ok(records.iter().filter_map(read).collect())
}

/// A record that is none is named in the log.
fn read(record: &Record) -> Option<Template> {
    let read = serde_json::from_slice(record.value.as_bytes());
    read.map_err(|error| tracing::error!(key = record.key.as_str(), %error, "a template cannot be read")).ok()
}

/// # Errors
/// When there is none of this name, or the store fails.
pub(crate) async fn get(store: &dyn Store, name: &str) -> Kept<Template> {
    let record = store.record(RecordKind::Template, &key(name)?).await?;
    record.as_ref().and_then(read).ok_or_else(|| TemplateError::Absent(name.chars().take(80).collect()))
}

/// Keeps a template, over one of the same name. `true` when there was none.
///
/// # Errors
/// When there are too many, somebody else changes it at the same time, or the store fails.
pub(crate) async fn put(store: &dyn Store, checked: &Checked) -> Kept<bool> {
    let key = key(&checked.0.name)?;
    let before = store.record(RecordKind::Template, &key).await?;
    let is_new = before.is_none();
    if is_new && store.records(RecordKind::Template, None, TEMPLATES_MAX).await?.len() >= TEMPLATES_MAX {
        return Err(TemplateError::Full);
    }
    let expected = before.map_or(Expected::Absent, |record| Expected::At(record.revision));
    let value = checked.value().ok_or(TemplateError::Full)?;
    match store.put_record(RecordKind::Template, &key, expected, &value).await? {
        Saved::Yes(_) => Ok(is_new),
        Saved::Changed => Err(TemplateError::Changed),
        Saved::Full => Err(TemplateError::Full),
    }
}

/// # Errors
/// When there is none of this name, or the store fails.
pub(crate) async fn remove(store: &dyn Store, name: &str) -> Kept<()> {
    match store.remove_record(RecordKind::Template, &key(name)?).await? {
        true => Ok(()),
        false => Err(TemplateError::Absent(name.chars().take(80).collect())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy() -> UtmPolicy {
        crate::config::Config::default_values().links.utm
    }

    fn template(json: &str) -> Result<Checked, Invalid> {
        Checked::of(serde_json::from_str(json).unwrap(), &policy())
    }

    #[test]
    fn the_usual_places_are_a_template_that_could_be_kept() {
        let usual = Template { name: "Usual".to_owned(), ..usual() };
        assert_eq!(Checked::of(usual.clone(), &policy()).unwrap().template(), &usual);
    }

    #[test]
    fn what_a_template_must_not_be_is_refused_by_field() {
        for (json, field, words) in [
            (r#"{"placements":[{"name":"a","level":"post"}]}"#, "name", "1 to 60"),
            (r#"{"name":"a"}"#, "placements", "1 to 50 placements"),
            (r#"{"name":"a","placements":[{"level":"post"}]}"#, "placements", "each placement has a name"),
            (r#"{"name":"a","placements":[{"name":"b","level":"reel"}]}"#, "placements", "b: \"reel\" is not a level"),
            (
                r#"{"name":"a","placements":[{"name":"b","level":"post","platform":"No!"}]}"#,
                "placements",
                "b: platform",
            ),
            (r#"{"name":"a","placements":[{"name":"b","level":"post","source":"a\nb"}]}"#, "placements", "control"),
        ] {
            let wrong = template(json).unwrap_err();
            assert!(wrong.field == field && wrong.message.contains(words), "{json}: {wrong:?}");
        }
    }

    #[test]
    fn placeholders_become_what_the_link_is_for() {
        let spot = Spot { platform: "x".to_owned(), level: "post".to_owned(), ..Spot::default() };
        let day = jiff::civil::date(2026, 11, 2);
        assert_eq!(
            spot.fill("{platform}-{level}_{campaign}.{day} {x}", " spring ", day),
            "x-post_spring.2026-11-02 {x}"
        );
    }
}
