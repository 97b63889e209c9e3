//! A link: a slug on a domain, its destination, its UTM, its placement, its rules.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::destination::Destination;
use super::placement::Placement;
use super::slug::Slug;
use super::utm::Utm;

/// The store's number for a link, from 1, never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct LinkId(pub(crate) u64);

impl fmt::Display for LinkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// The host a link is served on, lower-case, without port; empty for the default domain.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct DomainName(pub(crate) String);

impl DomainName {
    pub(crate) const DEFAULT: Self = Self(String::new());

    pub(crate) fn is_default(&self) -> bool {
        self.0.is_empty()
    }
}

/// The status of a link's answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Status {
    MovedPermanently,
    #[default]
    Found,
    TemporaryRedirect,
    PermanentRedirect,
}

impl Status {
    pub(crate) const ALL: [Self; 4] =
        [Self::MovedPermanently, Self::Found, Self::TemporaryRedirect, Self::PermanentRedirect];

    pub(crate) fn code(self) -> u16 {
        match self {
            Self::MovedPermanently => 301,
            Self::Found => 302,
            Self::TemporaryRedirect => 307,
            Self::PermanentRedirect => 308,
        }
    }

    pub(crate) fn from_code(code: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.code() == code)
    }

    /// Browsers keep a permanent redirect, so repeat clicks may never be seen.
    pub(crate) fn is_permanent(self) -> bool {
        matches!(self, Self::MovedPermanently | Self::PermanentRedirect)
    }
}

/// What a link does beyond leading somewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rules {
    pub(crate) status: Status,
    /// A disabled link answers like an unknown one.
    pub(crate) enabled: bool,
    /// Whether the visitor's query is merged into the destination.
    pub(crate) passthrough: bool,
    /// Whether the visitor's `utm_*` win over the link's.
    pub(crate) visitor_utm: bool,
    /// From this instant on the link is gone.
    pub(crate) expires_at: Option<Timestamp>,
    /// Where an expired link leads instead of answering 410.
    pub(crate) expired_url: Option<Destination>,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            status: Status::Found,
            enabled: true,
            passthrough: true,
            visitor_utm: false,
            expires_at: None,
            expired_url: None,
        }
    }
}

/// What a link brought along from the tool that it was imported from. Its clicks there were counted by another rule, so
/// they are shown beside ours and never added to them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Brought {
    /// The import that made the link; undoing that import removes it.
    pub(crate) import: u64,
    /// The tool, such as `bitly`.
    pub(crate) from: String,
    /// What the tool had counted, if it said.
    pub(crate) clicks: Option<u64>,
}

/// By what way something was done to a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Way {
    /// On a page of the dashboard.
    Web,
    Api,
    Cli,
    /// With a file of links from another tool.
    Import,
}

impl Way {
    pub(crate) const ALL: [Self; 4] = [Self::Web, Self::Api, Self::Cli, Self::Import];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Web => "web",
            Self::Api => "api",
            Self::Cli => "cli",
            Self::Import => "import",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|way| way.as_str() == text)
    }
}

/// Who did something to a link, and by what way; nobody knows the way of what the program does by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Author {
    pub(crate) by: String,
    pub(crate) way: Option<Way>,
}

/// Everything an owner decides about a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LinkSpec {
    pub(crate) domain: DomainName,
    pub(crate) slug: Slug,
    /// The URL as the owner gave it, before UTM.
    pub(crate) url: Destination,
    /// The UTM in force: what the owner set, and what `url` already carried.
    pub(crate) utm: Utm,
    /// `url` with `utm` merged in.
    pub(crate) destination: Destination,
    pub(crate) placement: Placement,
    pub(crate) title: Option<String>,
    pub(crate) tags: Vec<String>,
    /// Out of the way: lists leave it out unless they are asked. It answers and counts as before.
    pub(crate) archived: bool,
    pub(crate) rules: Rules,
    pub(crate) brought: Option<Brought>,
    /// Who made it; nobody knows that of a link which is older than this is kept.
    pub(crate) made: Option<Author>,
}

/// A saved link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) id: LinkId,
    /// Grows by one with every change of this link.
    pub(crate) revision: u64,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
    pub(crate) spec: LinkSpec,
}

impl Link {
    pub(crate) fn facts(&self) -> LinkFacts {
        let spec = &self.spec;
        LinkFacts {
            id: self.id,
            domain: spec.domain.0.clone(),
            slug: spec.slug.as_str().to_owned(),
            utm: spec.utm.clone(),
            platform: spec.placement.platform.as_ref().map(|platform| platform.as_str().to_owned()),
            level: spec.placement.level,
        }
    }
}

/// What classification needs to know of a link. Written into every click, so that a click file explains itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LinkFacts {
    pub(crate) id: LinkId,
    pub(crate) domain: String,
    pub(crate) slug: String,
    pub(crate) utm: Utm,
    pub(crate) platform: Option<String>,
    pub(crate) level: super::placement::Level,
}
