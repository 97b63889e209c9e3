//! The JSON of the API, in the shape that is sent. It must never hold a rule.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::explain;
use crate::domain::link as domain;
use crate::impressions::wire::ImportReport;
use crate::links::Domains;

/// A link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Link {
    pub(crate) id: u64,
    pub(crate) short_url: String,
    /// Empty for the default domain.
    pub(crate) domain: String,
    pub(crate) slug: String,
    /// As its owner gave it.
    pub(crate) url: String,
    /// With UTM merged in: where it leads.
    pub(crate) destination: String,
    /// The values in force, without `utm_`; only those that are set.
    pub(crate) utm: BTreeMap<String, String>,
    pub(crate) platform: Option<String>,
    pub(crate) level: String,
    pub(crate) posts: Vec<String>,
    pub(crate) title: Option<String>,
    pub(crate) tags: Vec<String>,
    /// Out of the way: lists leave it out unless they are asked. It answers and counts as before.
    #[serde(default)]
    pub(crate) archived: bool,
    pub(crate) status: u16,
    pub(crate) enabled: bool,
    pub(crate) passthrough: bool,
    pub(crate) visitor_utm: bool,
    /// RFC 3339, in UTC.
    pub(crate) expires_at: Option<String>,
    pub(crate) expired_url: Option<String>,
    pub(crate) revision: u64,
    pub(crate) created_at: String,
    pub(crate) updated_at: String,
    /// Human clicks of all time.
    pub(crate) clicks: u64,
    /// Where it was imported from, and what had been counted there.
    #[serde(default)]
    pub(crate) imported: Option<Brought>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) warnings: Vec<String>,
}

impl Link {
    pub(super) fn new(link: &domain::Link, domains: &Domains, clicks: u64) -> Self {
        let spec = &link.spec;
        Self {
            id: link.id.0,
            short_url: domains.short_url(&spec.domain, &spec.slug),
            domain: spec.domain.0.clone(),
            slug: spec.slug.as_str().to_owned(),
            url: spec.url.as_str().to_owned(),
            destination: spec.destination.as_str().to_owned(),
            utm: spec.utm.iter().map(|(field, value)| (field.name().to_owned(), value.to_owned())).collect(),
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
            expires_at: spec.rules.expires_at.map(instant),
            expired_url: spec.rules.expired_url.as_ref().map(|url| url.as_str().to_owned()),
            revision: link.revision,
            created_at: instant(link.created_at),
            updated_at: instant(link.updated_at),
            clicks,
            imported: spec.brought.as_ref().map(Brought::new),
            warnings: Vec::new(),
        }
    }
}

/// What a link brought along from the tool that it was imported from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Brought {
    /// The import that made the link.
    pub(crate) import: u64,
    /// The tool, such as `bitly`.
    pub(crate) from: String,
    /// What that tool had counted, by its own rule: never part of `clicks`, nor of a rate. `null` if it did not say.
    pub(crate) clicks: Option<u64>,
}

impl Brought {
    fn new(brought: &domain::Brought) -> Self {
        Self { import: brought.import, from: brought.from.clone(), clicks: brought.clicks }
    }
}

/// A page of links; `next` is what `after` shall be for the following page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct LinkList {
    pub(crate) links: Vec<Link>,
    pub(crate) next: Option<String>,
}

/// Requests that met no link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Misses {
    pub(crate) rows: Vec<Miss>,
    /// Where the list goes on: `after` of the next request. `null` on its last page.
    pub(crate) next: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Miss {
    pub(crate) day: String,
    pub(crate) kind: String,
    pub(crate) slug: String,
    pub(crate) count: u64,
}

/// The imports there are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Imports {
    pub(crate) imports: Vec<ImportEntry>,
    /// Where the list goes on: `after` of the next request. `null` on its last page.
    pub(crate) next: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct ImportEntry {
    pub(crate) id: u64,
    pub(crate) file_name: String,
    pub(crate) dialects: Vec<String>,
    pub(crate) as_of: String,
    pub(crate) imported_at: String,
    /// Numbers.
    pub(crate) rows: u64,
    pub(crate) posts: u64,
    pub(crate) first: Option<Date>,
    pub(crate) last: Option<Date>,
    /// The later import of the same file that stands in its place.
    pub(crate) superseded_by: Option<u64>,
}

/// `GET /api/v1/imports/{id}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct ShownImport {
    pub(crate) import: ImportEntry,
    /// What it says, and how much of it is in force now.
    pub(crate) report: ImportReport,
}

/// What a node says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Node {
    pub(crate) version: String,
    /// `http://127.0.0.1:8080`
    pub(crate) redirect: String,
    pub(crate) admin: String,
    /// The zone whose days the counters use.
    pub(crate) time_zone: String,
    pub(crate) store: String,
    pub(crate) archive: String,
    /// Click files on their way to an object store; without one there are none.
    pub(crate) undelivered: Undelivered,
    pub(crate) hits: NodeHits,
    pub(crate) links_cached: u64,
    pub(crate) geo: Vec<GeoFile>,
    /// The version of the rules by which hits are judged, as each click has it.
    #[serde(default)]
    pub(crate) rules_version: u32,
    pub(crate) started_at: String,
}

/// Click files that wait in the data folder for the object store.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Undelivered {
    pub(crate) files: u64,
    pub(crate) bytes: u64,
    /// What keeps the object store from taking them; `null` while it does.
    pub(crate) trouble: Option<String>,
}

/// Hits since the start: received + recovered = counted + lost + in the journal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct NodeHits {
    pub(crate) received: u64,
    /// Found in the journal at the start.
    pub(crate) recovered: u64,
    pub(crate) counted: u64,
    /// By reason.
    pub(crate) lost: BTreeMap<String, u64>,
    pub(crate) in_journal: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct GeoFile {
    pub(crate) path: String,
    pub(crate) r#type: String,
    /// The day it was built.
    pub(crate) built: Option<String>,
    /// `in use`, or what is wrong with it.
    pub(crate) state: String,
}

/// The latest hits that were no clicks, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Filtered {
    pub(crate) hits: Vec<Click>,
}

/// Addresses for the owner's browsers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct OwnerTickets {
    /// RFC 3339: until when they are good.
    pub(crate) expires_at: String,
    pub(crate) domains: Vec<OwnerDomain>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct OwnerDomain {
    /// What its short URLs begin with.
    pub(crate) url: String,
    /// Opened in a browser, it marks it.
    pub(crate) mark: String,
    /// Takes the mark off again.
    pub(crate) unmark: String,
    /// Answers which address the request is taken to come from.
    pub(crate) address: String,
}

/// RFC 3339 in UTC, without a fraction where there is none.
pub(super) fn instant(at: Timestamp) -> String {
    at.to_string()
}

/// How judging the past again stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Reclassification {
    /// `idle` (nobody asked since the start), `running`, `done` or `failed`.
    pub(crate) state: String,
    /// The first day.
    pub(crate) since: Option<String>,
    pub(crate) dry_run: bool,
    /// Why it failed.
    pub(crate) error: Option<String>,
    /// What moved, once it is done.
    pub(crate) report: Option<serde_json::Value>,
}

impl Reclassification {
    const RUNNING: &str = "running";

    pub(crate) fn idle() -> Self {
        Self { state: "idle".to_owned(), ..Self::default() }
    }

    pub(crate) fn running(since: jiff::civil::Date, dry_run: bool) -> Self {
        Self { state: Self::RUNNING.to_owned(), since: Some(since.to_string()), dry_run, ..Self::default() }
    }

    pub(crate) fn ended(self, outcome: Result<serde_json::Value, String>) -> Self {
        match outcome {
            Ok(report) => Self { state: "done".to_owned(), report: Some(report), ..self },
            Err(error) => Self { state: "failed".to_owned(), error: Some(error), ..self },
        }
    }

    pub(crate) fn is_running(&self) -> bool {
        self.state == Self::RUNNING
    }
}

/// One click with the reasons for what it is. Unknown is `null`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Click {
    pub(crate) id: String,
    pub(crate) time: String,
    pub(crate) link: u64,
    pub(crate) slug: String,
    pub(crate) verdict: &'static str,
    pub(crate) reason: String,
    /// The verdict in words.
    pub(crate) why: String,
    pub(crate) source: String,
    pub(crate) source_rule: String,
    /// The source in words.
    pub(crate) source_why: String,
    pub(crate) rules_version: u32,
    pub(crate) evidence: BTreeMap<&'static str, Option<String>>,
}

impl Click {
    pub(super) fn new(click: &crate::domain::click::Click) -> Self {
        let time = Timestamp::from_millisecond(click.time_ms).unwrap_or(Timestamp::UNIX_EPOCH);
        Self {
            id: click.id.to_string(),
            time: format!("{time:.3}"),
            link: click.link.id.0,
            slug: click.link.slug.clone(),
            verdict: click.verdict.as_str(),
            reason: click.reason.to_string(),
            why: explain::verdict(click),
            source: click.origin.source.to_string(),
            source_rule: click.origin.source_rule.to_string(),
            source_why: explain::source(click),
            rules_version: click.rules_version,
            evidence: evidence(click),
        }
    }
}

fn evidence(click: &crate::domain::click::Click) -> BTreeMap<&'static str, Option<String>> {
    let kept = [
        ("user_agent", click.look.user_agent.as_str()),
        ("purpose", &click.look.purpose),
        ("hints", &click.look.hints),
        ("referrer_host", &click.look.referrer_host),
        ("referrer_path", &click.look.referrer_path),
        ("click_ids", &click.click_ids),
        ("click_id_values", &click.click_id_values),
        ("visitor_utm_source", &click.visitor_utm_source),
        ("visitor_utm_medium", &click.visitor_utm_medium),
        ("unfilled", &click.unfilled),
        ("channel", &click.origin.channel),
        ("seen_on", &click.origin.seen_on),
        ("app", &click.look.app),
        ("device", click.look.device.as_str()),
        ("os", &click.look.os),
        ("browser", &click.look.browser),
        ("language", &click.look.language),
        ("country", &click.place.country),
        ("region", &click.place.region),
        ("city", &click.place.city),
        ("asn", &click.place.asn),
        ("organisation", &click.place.organisation),
    ];
    kept.into_iter().map(|(name, text)| (name, Some(text.to_owned()).filter(|text| !text.is_empty()))).collect()
}
