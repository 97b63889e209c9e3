//! A link as people read it: whole, or one line of a list.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::admin::wire::Brought;
use crate::cli::table::{self, Left, Right, Table};
use crate::cli::{figures, when};

/// A link as it is shown.
#[derive(Debug, Deserialize)]
pub(super) struct Link {
    id: u64,
    short_url: String,
    url: String,
    destination: String,
    utm: BTreeMap<String, String>,
    platform: Option<String>,
    level: String,
    posts: Vec<String>,
    title: Option<String>,
    tags: Vec<String>,
    #[serde(default)]
    archived: bool,
    status: u16,
    enabled: bool,
    passthrough: bool,
    visitor_utm: bool,
    expires_at: Option<String>,
    expired_url: Option<String>,
    created_at: String,
    updated_at: String,
    clicks: u64,
    #[serde(default)]
    imported: Option<Brought>,
    #[serde(default)]
    pub(super) warnings: Vec<String>,
}

/// The short URL alone on the first line, so that a script can take it, then what the link is.
pub(super) fn describe(link: &Link) -> String {
    let given = |text: &Option<String>| text.clone().unwrap_or_default();
    let pairs = [
        ("id", link.id.to_string()),
        ("destination", link.destination.clone()),
        ("given as", if link.url == link.destination { String::new() } else { link.url.clone() }),
        ("title", given(&link.title)),
        ("tags", link.tags.join(", ")),
        ("utm", link.utm.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")),
        ("placement", placement(link)),
        ("posts", link.posts.join(" ")),
        ("answers", rules(link)),
        ("expires", given(&link.expires_at)),
        ("then leads to", given(&link.expired_url)),
        ("clicks", figures::count(link.clicks)),
        ("imported", link.imported.as_ref().map(brought).unwrap_or_default()),
        ("made", when::minute(&link.created_at)),
        ("changed", if link.updated_at == link.created_at { String::new() } else { when::minute(&link.updated_at) }),
    ];
    format!("{}\n{}", table::shown(&link.short_url), table::description(&pairs))
}

fn brought(brought: &Brought) -> String {
    let Brought { import, from, clicks } = brought;
    match clicks {
        Some(clicks) => format!("{} clicks, as {from} had counted them (import {import})", figures::count(*clicks)),
        None => format!("from {from}, which had counted nothing (import {import})"),
    }
}

fn placement(link: &Link) -> String {
    match &link.platform {
        Some(platform) => format!("{platform} {}", link.level),
        None => link.level.clone(),
    }
}

fn rules(link: &Link) -> String {
    let mut text = if link.enabled { link.status.to_string() } else { "404: it is disabled".to_owned() };
    if !link.passthrough {
        text.push_str(", without the visitor's query");
    }
    if link.archived {
        text.push_str(", archived");
    }
    if link.visitor_utm {
        text.push_str(", the visitor's utm_* win");
    }
    text
}

/// How much of a destination a list shows; `link show` shows it whole.
const DESTINATION_CHARS: usize = 60;

pub(super) fn list_table(links: &[Link]) -> String {
    let mut table = Table::new([
        ("short URL", Left),
        ("clicks", Right),
        ("placement", Left),
        ("campaign", Left),
        ("state", Left),
        ("destination", Left),
    ]);
    for link in links {
        table.row([
            link.short_url.clone(),
            figures::count(link.clicks),
            placement(link),
            link.utm.get("campaign").cloned().unwrap_or_default(),
            state(link).to_owned(),
            table::cut(&link.url, DESTINATION_CHARS),
        ]);
    }
    table.render()
}

fn state(link: &Link) -> &'static str {
    match (link.archived, link.enabled, &link.expires_at) {
        (true, false, _) => "archived, disabled",
        (true, true, _) => "archived",
        (false, false, _) => "disabled",
        (false, true, Some(_)) => "expires",
        (false, true, None) => "",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn link() -> Link {
        serde_json::from_value(json!({
            "id": 1, "short_url": "http://127.0.0.1:8080/spring", "domain": "", "slug": "spring",
            "url": "https://example.com/a?b=1", "destination": "https://example.com/a?b=1&utm_source=instagram",
            "utm": {"source": "instagram"}, "platform": "instagram", "level": "story",
            "posts": ["https://www.instagram.com/p/x/"], "title": null, "tags": ["spring"], "status": 302,
            "enabled": true, "passthrough": true, "visitor_utm": false, "expires_at": null, "expired_url": null,
            "revision": 1, "created_at": "2026-11-21T10:00:00Z", "updated_at": "2026-11-21T10:00:00Z", "clicks": 1204
        }))
        .unwrap()
    }

    #[test]
    fn the_short_url_stands_alone_on_the_first_line() {
        let text = describe(&link());
        let mut lines = text.lines();
        assert_eq!(lines.next(), Some("http://127.0.0.1:8080/spring"));
        assert!(text.contains("placement    instagram story\n"), "{text}");
        assert!(text.contains("clicks       1,204\n"), "{text}");
        assert!(!text.contains("expires"), "{text}");
    }

    #[test]
    fn a_list_has_one_line_for_each_link() {
        let text = list_table(&[link(), Link { enabled: false, ..link() }]);
        assert_eq!(text.lines().count(), 3);
        assert!(text.lines().nth(2).unwrap().contains("disabled"), "{text}");
    }
}
