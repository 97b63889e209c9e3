//! The section of a link's page that says what was changed about it.

use maud::{Markup, html};

use super::Refused;
use super::text::{counted, when};
use crate::admin::Admin;
use crate::domain::link::Link;
use crate::links::history::{Edit, of_link};

/// Changes that are not folded away.
const SHOWN: usize = 3;

/// The changes of a link, the newest first; nothing where there are none.
pub(super) async fn section(admin: &Admin, link: &Link) -> Result<Markup, Refused> {
    let mut edits = of_link(&*admin.store, link.id).await?;
    edits.reverse();
    let (first, others) = edits.split_at(edits.len().min(SHOWN));
    Ok(html! {
        @if !first.is_empty() {
            section.card {
                h2 { "History" }
                (list(admin, first))
                @if !others.is_empty() {
                    details { summary { (counted(others.len() as u64, "earlier change")) } (list(admin, others)) }
                }
            }
        }
    })
}

fn list(admin: &Admin, edits: &[Edit]) -> Markup {
    html! {
        ol.hits {
            @for edit in edits {
                li {
                    b { (edit.by) } ", " (when(edit.at, &admin.report_zone))
                    @for field in &edit.fields {
                        p { (field.field) ": " (value(&field.from)) " → " (value(&field.to)) }
                    }
                }
            }
        }
    }
}

fn value(text: &str) -> Markup {
    html! { @if text.is_empty() { span.unknown { "nothing" } } @else { code { (text) } } }
}
