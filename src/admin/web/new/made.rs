//! What was just made, ready to be copied into posts: each short URL, and all of them as text.
//!
//! The page's address names the links, so it can be kept and shared; it makes nothing.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use maud::{Markup, html};
use serde::Deserialize;

use crate::admin::Admin;
use crate::admin::api::problem::Problem;
use crate::admin::web::Refused;
use crate::admin::web::layout::{self, Place};
use crate::admin::web::parts::copyable;
use crate::admin::web::text::{counted, sentence};
use crate::domain::link::{Link, LinkId};
use crate::links::catalog::CatalogError;
use crate::links::kit::LINKS_MAX;

/// The page of these links.
pub(super) fn path(links: impl Iterator<Item = LinkId>) -> String {
    format!("/links/made?ids={}", ranges(links.map(|id| id.0)))
}

/// `12-17,20`
fn ranges(ids: impl Iterator<Item = u64>) -> String {
    let mut ranges: Vec<(u64, u64)> = Vec::new();
    for id in ids {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == id => *last = id,
            _ => ranges.push((id, id)),
        }
    }
    let written = |(first, last): (u64, u64)| match first == last {
        true => first.to_string(),
        false => format!("{first}-{last}"),
    };
    ranges.into_iter().map(written).collect::<Vec<_>>().join(",")
}

/// The ids that [`ranges`] wrote; `None` for anything else, and for more than are made at once.
fn read_ranges(text: &str) -> Option<Vec<u64>> {
    let mut ids = Vec::new();
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
        if last.checked_sub(first)? >= LINKS_MAX as u64 {
            return None;
        }
        ids.extend(first..=last);
        if ids.len() > LINKS_MAX {
            return None;
        }
    }
    Some(ids)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::admin::web) struct Params {
    ids: String,
}

pub(in crate::admin::web) async fn page(
    State(admin): State<Admin>,
    params: Result<Query<Params>, QueryRejection>,
) -> Result<Markup, Refused> {
    let Query(Params { ids }) = params?;
    let ids = read_ranges(&ids).ok_or_else(|| Problem::not_found("there is no such list of links"))?;
    let mut links = Vec::with_capacity(ids.len());
    for id in ids {
        match admin.catalog.get(LinkId(id)).await {
            Ok(link) => links.push(link),
            // Removed since; the others are still there.
            Err(CatalogError::NotFound(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(draw(&admin, &links))
}

fn draw(admin: &Admin, links: &[Link]) -> Markup {
    let short = |link: &Link| admin.catalog.domains().short_url(&link.spec.domain, &link.spec.slug);
    let line = |link: &Link| format!("{}\t{}", title(link), short(link));
    let all: Vec<String> = links.iter().map(line).collect();
    let content = html! {
        section.card {
            div.head {
                h1 { (counted(links.len() as u64, "link")) }
                a.button.plain href="/links/new" { "Make more" }
            }
            @if links.is_empty() { p { "These links have been removed." } }
            @else {
                p.hint { "Put each into the post that it is for. Clicks show up within seconds." }
                ul.made { @for link in links { (one(admin, link, &short(link))) } }
            }
        }
        @if !links.is_empty() {
            section.card {
                h2 { "All as text" }
                textarea #all aria-label="All as text" rows=(links.len().clamp(2, 12)) readonly { "\n" (all.join("\n")) }
                div.actions { button.plain.scripted type="button" data-copy=(all.join("\n")) { "Copy all" } }
            }
        }
    };
    layout::page(Place::New, "Links", &content)
}

fn one(admin: &Admin, link: &Link, short: &str) -> Markup {
    html! {
        li {
            div {
                a href={ "/links/" (link.id) } { (title(link)) }
                small { (link.spec.destination.as_str()) }
                @for warning in admin.catalog.warnings(link) { p.warning { (sentence(&warning)) } }
            }
            (copyable(short))
        }
    }
}

fn title(link: &Link) -> &str {
    link.spec.title.as_deref().unwrap_or(link.spec.slug.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_written_as_ranges_and_read_back() {
        assert_eq!(ranges([3, 4, 5, 9, 11, 12].into_iter()), "3-5,9,11-12");
        assert_eq!(read_ranges("3-5,9,11-12"), Some(vec![3, 4, 5, 9, 11, 12]));
        for wrong in ["", "a", "5-3", "1-", "1-1001", "1-600,700-1200", "18446744073709551615-0"] {
            assert_eq!(read_ranges(wrong), None, "{wrong}");
        }
        assert_eq!(read_ranges("18446744073709551615"), Some(vec![u64::MAX]));
    }
}
