//! The page that files are dropped on, and below it what was imported.

use jiff::tz::TimeZone;
use maud::{Markup, html};

use super::report::rest;
use super::{Said, UNNAMED};
use crate::admin::Admin;
use crate::admin::web::Refused;
use crate::admin::web::field::Field;
use crate::admin::web::layout::{self, Place};
use crate::admin::web::may;
use crate::admin::web::text::{count, counted, when};
use crate::domain::import::ImportSummary;
use crate::impressions::columns::Known;

/// Imports of one page; the newest come first.
const IMPORTS: usize = 200;

const EXAMPLE: &str = "link,date,impressions\nspring,2026-11-20,1200\nspring,2026-11-21,1350";

pub(super) async fn page(admin: &Admin, done: &[u64], wrong: Option<&str>) -> Result<Markup, Refused> {
    let imports = admin.imports.list().await?;
    let known = admin.imports.known_columns().await?;
    let stored: Vec<_> = imports.iter().filter(|import| done.contains(&import.id.0)).collect();
    let content = html! {
        header.head.top {
            div {
                h1 { "Impressions" }
                div.about { "What platforms counted, for your clicks to be divided by." }
            }
        }
        (tabs(Tab::Files))
        (announced(&stored))
        @if may::send("/imports/check") { (form(wrong)) }
        (list(&imports, &admin.report_zone))
        (columns(&known))
    };
    Ok(layout::page(Place::Imports, "Impressions", &content))
}

/// The pages about impressions.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::admin::web) enum Tab {
    Files,
    Manual,
    Matches,
}

pub(in crate::admin::web) fn tabs(current: Tab) -> Markup {
    let tabs = [
        (Tab::Files, "/imports", "Files"),
        (Tab::Manual, "/imports/manual", "By hand"),
        (Tab::Matches, "/matches", "Posts and links"),
    ];
    html! {
        nav.tabs aria-label="Impressions" {
            @for (tab, path, name) in tabs.into_iter().filter(|(_, path, _)| may::open(path)) { a href=(path) aria-current=[(tab == current).then_some("true")] { (name) } }
        }
    }
}

/// What was just imported, and what comes next.
fn announced(stored: &[&ImportSummary]) -> Markup {
    html! {
        @if !stored.is_empty() {
            div.done role="status" {
                @for import in stored {
                    p { "Imported: " (import.about.file_name) ", " (counted(import.about.numbers, "number")) ". " a href={ "/imports/" (import.id.0) } { "What it says" } }
                }
                p { a href="/ctr" { "See the click-through rates" } " or " a href="/matches" { "say which links stand in which posts" } "." }
            }
        }
    }
}

fn form(wrong: Option<&str>) -> Markup {
    html! {
        section.card {
            h2 { "Import files" }
            form.fields method="post" action="/imports/check" enctype="multipart/form-data" data-drop="file" {
                div.drop {
                    label for="file" { "Files from your platforms" }
                    input #file type="file" name="file" multiple accept=".csv,.tsv,.txt,.xls,.xlsx,.zip" aria-describedby="file-hint"
                        aria-invalid=[wrong.map(|_| "true")];
                    @if let Some(wrong) = wrong { p.wrong role="alert" { (wrong) } }
                    p.hint #file-hint {
                        span.scripted { "Drop them anywhere on this page, or choose them. " }
                        "As you downloaded them: Meta, X, LinkedIn, TikTok, YouTube, Google, Pinterest, Mailchimp and more; don't open them in a spreadsheet program first."
                    }
                }
                details {
                    summary { "Paste a table instead" }
                    div.inner {
                        (Field::new("csv", "CSV").wide().example(EXAMPLE).hint("A header with link or post, date, and one or more of impressions, views, reach, profile_visits, story_views, delivered.").lines(""))
                        (Field::new("file_name", "Name").example(UNNAMED).hint("To find it in the list below.").text(""))
                    }
                }
                details {
                    summary { "Say what the files leave open" }
                    (Said::default().inputs(None, None))
                }
                div.actions { button { "Check" } span.hint { "Nothing is stored yet." } }
            }
        }
    }
}

fn list(imports: &[ImportSummary], zone: &TimeZone) -> Markup {
    let mut newest: Vec<&ImportSummary> = imports.iter().collect();
    newest.sort_by_key(|import| std::cmp::Reverse(import.id.0));
    html! {
        section.card {
            h2 { "Imported" }
            @if newest.is_empty() {
                p.hint { "No impressions yet. Until there are, clicks have nothing to be divided by." }
            } @else {
                table {
                    caption.unseen { "Imports, the newest first" }
                    thead {
                        tr {
                            th scope="col" { "Name" }
                            th scope="col" { "As of" }
                            th.roomy scope="col" { "Imported" }
                            th.number.roomy scope="col" { "Posts" }
                            th.number scope="col" { "Numbers" }
                            th.number scope="col" { span.unseen { "Undo" } }
                        }
                    }
                    tbody { @for import in newest.iter().take(IMPORTS) { (row(import, zone)) } }
                }
                (rest(newest.len() as u64, newest.len().min(IMPORTS)))
            }
        }
    }
}

fn row(import: &ImportSummary, zone: &TimeZone) -> Markup {
    let about = &import.about;
    let undo = format!("/imports/{}/undo", import.id.0);
    html! {
        tr {
            td { a href={ "/imports/" (import.id.0) } { (about.file_name) } small { (about.dialects.join(", ")) } }
            td { (when(about.as_of, zone)) }
            td.roomy { (when(about.imported_at, zone)) }
            td.number.roomy { (count(about.posts)) }
            td.number { (count(about.numbers)) }
            td.number { @if may::open(&undo) { a href=(undo) aria-label={ "Undo the import of " (about.file_name) } { "Undo" } } }
        }
    }
}

/// What was once said about the columns of a file, which is used again.
fn columns(known: &[Known]) -> Markup {
    html! {
        @if !known.is_empty() {
            section.card {
                h2 { "Columns you explained" }
                p.hint { "Files with these columns are read this way without asking." }
                ul.explained {
                    @for known in known {
                        @let map = known.options.map.as_ref().map(ToString::to_string).unwrap_or_default();
                        li {
                            code { (map) }
                            @if may::send("/imports/columns") {
                                form method="post" action="/imports/columns" {
                                    input type="hidden" name="map" value=(map);
                                    button.plain aria-label={ "Forget " (map) } { "Forget" }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
