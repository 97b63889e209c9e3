//! A link as JSON, the form in which Redis holds it. Every field is parsed again on its way out: keys can be edited by
//! hand, and what is read here becomes a `Location` header.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::destination::Destination;
use crate::domain::link::{Author, Brought, DomainName, Link, LinkId, LinkSpec, Rules, Status, Way};
use crate::domain::placement::{Level, Placement, Platform, PostRef};
use crate::domain::slug::Slug;
use crate::domain::utm::Utm;

#[derive(Serialize, Deserialize)]
struct Record {
    id: u64,
    revision: u64,
    created_at: Timestamp,
    updated_at: Timestamp,
    domain: String,
    slug: String,
    /// Its field in the hash of slugs; the scripts read it.
    place: String,
    url: String,
    destination: String,
    utm: UtmRecord,
    platform: Option<String>,
    level: String,
    posts: Vec<String>,
    title: Option<String>,
    tags: Vec<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    archived: bool,
    status: u16,
    enabled: bool,
    passthrough: bool,
    visitor_utm: bool,
    expires_at: Option<Timestamp>,
    expired_url: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    imported: Option<BroughtRecord>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    made: Option<MadeRecord>,
}

#[derive(Serialize, Deserialize)]
struct MadeRecord {
    by: String,
    way: Option<Way>,
}

#[derive(Serialize, Deserialize)]
struct BroughtRecord {
    import: u64,
    from: String,
    clicks: Option<u64>,
}

#[derive(Serialize, Deserialize)]
struct UtmRecord {
    source: Option<String>,
    medium: Option<String>,
    campaign: Option<String>,
    term: Option<String>,
    content: Option<String>,
    id: Option<String>,
}

/// The field of a slug in the hash of slugs. A host has no `/`, so the two parts stay apart.
pub(super) fn place(domain: &DomainName, folded: &str) -> String {
    format!("{}/{folded}", domain.0)
}

pub(super) fn encode(link: &Link, folded: &str) -> String {
    let spec = &link.spec;
    let utm = spec.utm.clone();
    let record = Record {
        id: link.id.0,
        revision: link.revision,
        created_at: link.created_at,
        updated_at: link.updated_at,
        domain: spec.domain.0.clone(),
        slug: spec.slug.as_str().to_owned(),
        place: place(&spec.domain, folded),
        url: spec.url.as_str().to_owned(),
        destination: spec.destination.as_str().to_owned(),
        utm: UtmRecord {
            source: utm.source,
            medium: utm.medium,
            campaign: utm.campaign,
            term: utm.term,
            content: utm.content,
            id: utm.id,
        },
        platform: spec.placement.platform.as_ref().map(|platform| platform.as_str().to_owned()),
        level: spec.placement.level.as_str().to_owned(),
        posts: spec.placement.posts.iter().map(|post| post.as_str().to_owned()).collect(),
        title: spec.title.clone(),
        tags: spec.tags.clone(),
        archived: spec.archived,
        status: spec.rules.status.code(),
        enabled: spec.rules.enabled,
        passthrough: spec.rules.passthrough,
        visitor_utm: spec.rules.visitor_utm,
        expires_at: spec.rules.expires_at,
        expired_url: spec.rules.expired_url.as_ref().map(|url| url.as_str().to_owned()),
        imported: spec.brought.clone().map(|Brought { import, from, clicks }| BroughtRecord { import, from, clicks }),
        made: spec.made.clone().map(|Author { by, way }| MadeRecord { by, way }),
    };
    serde_json::to_string(&record).expect("a record has no map and no number that JSON cannot hold")
}

/// The form of its slug that is unique on its domain, of a link as JSON.
pub(super) fn folded(json: &str) -> Option<String> {
    let record: Record = serde_json::from_str(json).ok()?;
    record.place.strip_prefix(&record.domain)?.strip_prefix('/').map(str::to_owned)
}

/// # Errors
/// What is wrong with the text, in words for an operator.
pub(super) fn decode(id: LinkId, json: &str) -> Result<Link, String> {
    let record: Record = serde_json::from_str(json).map_err(|error| error.to_string())?;
    if record.id != id.0 {
        return Err(format!("it says that it is link {}", record.id));
    }
    Ok(Link {
        id,
        revision: record.revision,
        created_at: record.created_at,
        updated_at: record.updated_at,
        spec: spec(record)?,
    })
}

fn spec(record: Record) -> Result<LinkSpec, String> {
    let utm = record.utm;
    let platform = record.platform.map(|name| Platform::parse(&name)).transpose().map_err(text)?;
    let posts = record.posts.iter().map(|post| PostRef::parse(post)).collect::<Result<_, _>>().map_err(text)?;
    Ok(LinkSpec {
        domain: DomainName(record.domain),
        slug: Slug::parse(&record.slug).map_err(text)?,
        url: destination(&record.url)?,
        utm: Utm {
            source: utm.source,
            medium: utm.medium,
            campaign: utm.campaign,
            term: utm.term,
            content: utm.content,
            id: utm.id,
        },
        destination: destination(&record.destination)?,
        placement: Placement {
            platform,
            level: Level::parse(&record.level).ok_or_else(|| format!("its level {:?} is none", record.level))?,
            posts,
        },
        title: record.title,
        tags: record.tags,
        archived: record.archived,
        rules: Rules {
            status: Status::from_code(record.status).ok_or_else(|| format!("its status {} is none", record.status))?,
            enabled: record.enabled,
            passthrough: record.passthrough,
            visitor_utm: record.visitor_utm,
            expires_at: record.expires_at,
            expired_url: record.expired_url.as_deref().map(destination).transpose()?,
        },
        brought: record.imported.map(|BroughtRecord { import, from, clicks }| Brought { import, from, clicks }),
        made: record.made.map(|MadeRecord { by, way }| Author { by, way }),
    })
}

/// The longest allowed one may have been lowered since, which must not take a link away.
fn destination(url: &str) -> Result<Destination, String> {
    Destination::parse(url, usize::MAX).map_err(text)
}

fn text(error: impl ToString) -> String {
    error.to_string()
}
