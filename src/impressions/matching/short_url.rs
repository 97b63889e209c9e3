//! Finding a short URL in what an export writes of a post. Pure.
//!
//! It must never match a slug by its beginning: what was cut off could have been another link's.

use std::collections::HashMap;

use url::Host;

use super::Candidate;
use crate::domain::link::DomainName;
use crate::domain::slug::{Matching, fold_path};

/// What text may put behind an address without meaning it.
const TRAILING: [char; 21] =
    [')', '.', ',', ';', '!', '?', '"', '\'', '”', '»', '’', '>', ']', '}', ':', '*', '_', '、', '。', '！', '）'];

/// The longest text that is looked at, in bytes.
const TEXT_BYTES_MAX: usize = 2048;

/// The hosts that links are or were served on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hosts {
    /// In lower case and punycode, without port.
    by_host: HashMap<String, DomainName>,
    matching: HashMap<DomainName, Matching>,
}

impl Hosts {
    /// `known`: each host with the domain it stands for and how that compares slugs. The same domain may have several.
    pub(crate) fn new<'a>(known: impl IntoIterator<Item = (&'a str, DomainName, Matching)>) -> Self {
        let mut hosts = Self::default();
        for (host, domain, matching) in known {
            hosts.matching.insert(domain.clone(), matching);
            hosts.by_host.insert(host.to_owned(), domain);
        }
        hosts
    }

    /// A domain that is no longer configured ignores case.
    pub(super) fn matching(&self, domain: &DomainName) -> Matching {
        self.matching.get(domain).copied().unwrap_or_default()
    }
}

/// Links by domain and slug.
pub(super) struct Places<'a> {
    hosts: &'a Hosts,
    /// Domains that have links, and are no longer configured.
    former: HashMap<&'a str, &'a DomainName>,
    links: HashMap<(&'a DomainName, &'a str), &'a Candidate>,
}

impl<'a> Places<'a> {
    pub(super) fn new(links: &'a [Candidate], hosts: &'a Hosts) -> Self {
        let named = links.iter().map(|link| &link.domain).filter(|domain| !domain.is_default());
        let former = named.map(|domain| (domain.0.as_str(), domain)).collect();
        Self { hosts, former, links: links.iter().map(|link| ((&link.domain, link.folded.as_str()), link)).collect() }
    }

    /// The link whose short URL `text` is, with or without scheme, and what was read.
    pub(super) fn named_in(&self, text: &str) -> Option<(&'a Candidate, String)> {
        let text = cleaned(text)?;
        let (host, path) = split(&text)?;
        let domain = self.domain(host)?;
        let matching = self.hosts.matching(domain);
        let mut folded = String::new();
        let mut path = path;
        // The slug may end with a mark that is a part of it, so the whole is tried first.
        loop {
            if fold_path(path, matching, &mut folded)
                && let Some(link) = self.links.get(&(domain, folded.as_str()))
            {
                return Some((link, format!("{host}{path}")));
            }
            path = path.strip_suffix(TRAILING)?;
        }
    }

    fn domain(&self, host: &str) -> Option<&'a DomainName> {
        let host = without_port(host).trim_end_matches('.');
        let host = Host::parse(host).ok()?.to_string();
        self.hosts.by_host.get(&host).or_else(|| self.former.get(host.as_str()).copied())
    }
}

/// Without what cannot be seen and with entities decoded; `None` when its end was cut off.
fn cleaned(text: &str) -> Option<String> {
    let is_visible = |c: &char| !matches!(c, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' | '\u{ad}');
    let text: String = text.trim().chars().filter(is_visible).collect();
    let text = decode_entities(&text);
    let is_cut = text.ends_with('…') || text.ends_with("...") || text.len() > TEXT_BYTES_MAX;
    (!is_cut).then_some(text)
}

/// The entities that exports leave in texts. `&amp;` goes last, so that nothing is decoded twice.
fn decode_entities(text: &str) -> String {
    const ENTITIES: [(&str, &str); 7] = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#39;", "'"),
        ("&#x27;", "'"),
        ("&#x2F;", "/"),
        ("&amp;", "&"),
    ];
    if !text.contains('&') {
        return text.to_owned();
    }
    ENTITIES.iter().fold(text.to_owned(), |text, (entity, character)| text.replace(entity, character))
}

/// Host and path of an address, without scheme, user, query and fragment. Nothing without a path is a short URL.
fn split(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start_matches(['(', '[', '<', '"', '\'', '«', '“']);
    let rest = match text.split_once("://") {
        Some((scheme, rest)) if ["http", "https"].iter().any(|web| scheme.eq_ignore_ascii_case(web)) => rest,
        Some(_) => return None,
        None => text,
    };
    let end = rest.find(['?', '#', '<', '>', '"']).unwrap_or(rest.len());
    let place = &rest[..end];
    let (host, path) = place.split_at(place.find('/')?);
    (!host.is_empty() && !host.contains('@') && path.len() > 1).then_some((host, path))
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}
