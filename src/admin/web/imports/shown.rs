//! One import: what its file said, and how much of it is in force now.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use maud::{Markup, html};

use super::{gone, report};
use crate::admin::Admin;
use crate::admin::web::Refused;
use crate::admin::web::layout::{self, Place};
use crate::admin::web::may;
use crate::admin::web::text::when;
use crate::domain::import::ImportId;

pub(in crate::admin::web) async fn page(
    State(admin): State<Admin>,
    number: Result<Path<u64>, PathRejection>,
) -> Result<Markup, Refused> {
    let Path(id) = number?;
    let (import, told) = admin.imports.show(ImportId(id)).await?.ok_or_else(|| gone(id))?;
    let name = &import.about.file_name;
    let undo = format!("/imports/{id}/undo");
    let content = html! {
        header.head.top {
            div {
                h1 { (name) }
                div.about { "Imported " (when(import.about.imported_at, &admin.report_zone)) }
            }
            @if may::open(&undo) { div.actions { a.button.plain href=(undo) { "Undo" } } }
        }
        section.card {
            h2 { "What it says" }
            @if let Some(later) = told.superseded_by {
                p.warning { a href={ "/imports/" (later) } { "Import " (later) } " of the same file stands in its place." }
            }
            (report::foreseen(&told, &admin.report_zone))
            @if !told.sum.is_empty() && told.tables.is_empty() {
                dl.facts { @for (metric, sum) in &told.sum { div { dt { (super::super::text::plain(metric)) } dd { (super::super::text::count(*sum)) } } } }
            }
            @if !told.options.is_empty() {
                p.hint { "Read with " @for (key, value) in &told.options { code { (key) "=" (value) } " " } }
            }
        }
    };
    Ok(layout::page(Place::Imports, name, &content))
}
