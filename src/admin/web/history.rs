//! What was done to a link: the section of its page, and the page of a link that was removed.

use maud::{Markup, html};

use super::Refused;
use super::layout::{self, Place};
use super::parts::head;
use super::text::{plain, when};
use crate::admin::Admin;
use crate::domain::link::{Link, LinkId, Way};
use crate::links::history::{Deed, Edit, REMOVED_KEPT_DAYS, of_link, of_removed};

/// Changes that are not folded away.
const SHOWN: usize = 3;

/// What was done to a link, the newest first; nothing where nobody knows of anything.
pub(super) async fn section(admin: &Admin, link: &Link) -> Result<Markup, Refused> {
    Ok(told(admin, of_link(&*admin.store, link).await?))
}

/// The page of a link that was removed, while its history is kept.
pub(super) async fn removed(admin: &Admin, id: LinkId) -> Result<Option<Markup>, Refused> {
    let Some(edits) = of_removed(&*admin.store, id).await? else { return Ok(None) };
    let was = |field: &str| {
        let last = edits.last()?.fields.iter().find(|edit| edit.field == field)?;
        Some(last.from.clone())
    };
    let name = was("slug").unwrap_or_else(|| format!("link {id}"));
    let content = html! {
        (head(html! { (name) " " span.tag.off { "removed" } }, "", ""))
        section.card {
            p {
                "This link was removed. Its clicks are kept, and stay in the totals and in exports; this page is there for "
                (REMOVED_KEPT_DAYS) " days after the removal."
            }
            @if let Some(url) = was("url") { p { "It led to " code { (url) } } }
        }
        (told(admin, edits))
    };
    Ok(Some(layout::page(Place::Elsewhere, &format!("{name}, removed"), &content)))
}

fn told(admin: &Admin, mut edits: Vec<Edit>) -> Markup {
    edits.reverse();
    let (first, others) = edits.split_at(edits.len().min(SHOWN));
    html! {
        @if !first.is_empty() {
            section.card {
                h2 { "History" }
                (list(admin, first))
                @if !others.is_empty() {
                    details { summary { (others.len()) " earlier" } (list(admin, others)) }
                }
            }
        }
    }
}

fn list(admin: &Admin, edits: &[Edit]) -> Markup {
    html! {
        ol.hits {
            @for edit in edits {
                li {
                    b { (edit.by) } @if let Some(way) = edit.way { " " (by_way(way)) }
                    @match edit.deed { Deed::Made => " made it", Deed::Changed => "", Deed::Removed => " removed it" }
                    ", " (when(edit.at, &admin.report_zone))
                    @for field in edit.fields.iter().filter(|_| edit.deed == Deed::Changed) {
                        p { (plain(&field.field)) ": " (value(&field.from)) " → " (value(&field.to)) }
                    }
                    @if edit.deed == Deed::Removed {
                        details {
                            summary { "What it was" }
                            dl.facts { @for field in &edit.fields { div { dt { (plain(&field.field)) } dd { (field.from) } } } }
                        }
                    }
                }
            }
        }
    }
}

fn by_way(way: Way) -> &'static str {
    match way {
        Way::Web => "on the dashboard",
        Way::Api => "by the API",
        Way::Cli => "on the command line",
        Way::Import => "with a file",
    }
}

fn value(text: &str) -> Markup {
    html! { @if text.is_empty() { span.unknown { "nothing" } } @else { code { (text) } } }
}
