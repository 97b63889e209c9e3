//! Links in use: the catalog (the one path by which links change) and the cache (what redirects are answered from).

mod aliases;
pub(crate) mod bulk;
mod by_id;
pub(crate) mod cache;
pub(crate) mod catalog;
mod check;
mod domains;
pub(crate) mod export;
#[cfg(test)]
pub(crate) mod fake_store;
mod fields;
pub(crate) mod follow;
mod generate;
pub(crate) mod history;
pub(crate) mod import;
pub(crate) mod kit;
mod list;
mod listener;
pub(crate) mod misses;
mod names;
pub(crate) mod packed;
mod policy;
mod spelling;
pub(crate) mod table;
pub(crate) mod templates;
mod warnings;

pub(crate) use check::Invalid;
pub(crate) use domains::Domains;
pub(crate) use fields::{Change, LinkFields, UtmFields};
pub(crate) use list::{Archived, LIST_MAX, LinkFilter, mentions};
pub(crate) use policy::UtmPolicy;

use std::ops::RangeInclusive;

use serde::Deserialize;

/// What `links.slug_chars` may be: shorter slugs could be tried one by one (5 and 6 characters were scanned whole: arXiv
/// 1604.02734).
pub(crate) const SLUG_CHARS: RangeInclusive<usize> = 6..=64;

/// What `links.destination_bytes_max` may be: longer `Location` headers break clients.
pub(crate) const DESTINATION_BYTES: RangeInclusive<usize> = 1..=8192;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) slug_chars: usize,
    pub(crate) destination_bytes_max: usize,
    pub(crate) cache_links_max: usize,
    pub(crate) cache_unknown_max: usize,
    pub(crate) cache_unknown_s: u64,
    pub(crate) store_deadline_ms: u64,
    pub(crate) utm: UtmPolicy,
}

/// One host that links are served on.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DomainConfig {
    pub(crate) host: String,
    #[serde(default)]
    pub(crate) scheme: Scheme,
    #[serde(default)]
    pub(crate) slugs: SlugMatching,
    /// Hosts under which its links were posted before: not served, but known in texts that are imported.
    #[serde(default)]
    pub(crate) former: Vec<String>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Scheme {
    Http,
    #[default]
    Https,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum SlugMatching {
    #[default]
    IgnoreCase,
    Strict,
}
