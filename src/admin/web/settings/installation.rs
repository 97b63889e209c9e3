//! What holds for the whole installation: how it is, what its rules and places are made of, and every setting with the
//! key of `waypost.toml` that changes it. Nothing here can be changed from the page: the file is the one place.

use axum::extract::State;
use maud::{Markup, html};

use super::super::text::{count, counted};
use crate::admin::wire::{GeoFile, Node};
use crate::admin::{Admin, Setting};

/// What people look for most, by the beginnings of its keys, before everything else.
const GROUPS: [(&str, &[&str]); 5] = [
    ("Domains", &["domains", "links.utm."]),
    ("Time zone", &["report.time_zone"]),
    (
        "Privacy and retention",
        &["journal.keep_hours", "journal.total_mib_max", "redirect.trusted_proxies", "redirect.client_address_headers"],
    ),
    ("Own networks and rules", &["classify."]),
    ("Where things are kept", &["data", "store.url", "archive.url", "archive.endpoint"]),
];

pub(super) async fn page(State(admin): State<Admin>) -> Markup {
    let node = admin.node.report();
    let content = html! {
        (health(&node))
        (geo(&node.geo))
        @for (title, beginnings) in GROUPS {
            @let of_group = admin.config.settings.iter().filter(|setting| beginnings.iter().any(|start| setting.key.starts_with(start)));
            section.card { h2 { (title) } (table(of_group)) }
        }
        section.card {
            h2 { "Every setting" }
            p.hint {
                "A value that is marked differs from the default. To change one, write its key into your "
                code { "waypost.toml" } " and start Waypost again."
            }
            details { summary { (counted(admin.config.settings.len() as u64, "setting")) } (table(admin.config.settings.iter())) }
        }
    };
    super::page("/settings", "Installation", &content)
}

fn health(node: &Node) -> Markup {
    let lost: u64 = node.hits.lost.values().sum();
    html! {
        section.card {
            h1 { "Installation" }
            dl.facts {
                div { dt { "Version" } dd { "Waypost " (node.version) ", running since " (node.started_at) } }
                div { dt { "Redirects" } dd { (node.redirect) } }
                div { dt { "Dashboard" } dd { (node.admin) } }
                div { dt { "Store" } dd { (node.store) ", " (counted(node.links_cached, "link")) " in memory" } }
                div { dt { "Journal" } dd { (counted(node.hits.in_journal, "hit")) " wait to be counted, " (count(node.hits.counted)) " counted since the start" } }
                div { dt { "Lost" } dd { @if lost == 0 { "none" } @else { b { (counted(lost, "hit")) } ": " (reasons(node)) } } }
                div { dt { "Click files" } dd { (node.archive) (undelivered(node)) } }
                div { dt { "Rules" } dd { "version " (node.rules_version) ", as each click has it" } }
                div { dt { "Time zone" } dd { (node.time_zone) } }
            }
        }
    }
}

fn reasons(node: &Node) -> String {
    let lost = node.hits.lost.iter().filter(|(_, count)| **count > 0);
    lost.map(|(reason, lost)| format!("{} {reason}", count(*lost))).collect::<Vec<_>>().join(", ")
}

fn undelivered(node: &Node) -> Markup {
    let waiting = &node.undelivered;
    html! {
        @if waiting.files > 0 { "; " (counted(waiting.files, "file")) " wait to be delivered" }
        @if let Some(trouble) = &waiting.trouble { p.warning { (super::super::text::sentence(trouble)) } }
    }
}

fn geo(files: &[GeoFile]) -> Markup {
    html! {
        section.card {
            h2 { "Places of clicks" }
            @if files.is_empty() {
                p.hint { "No geo file: places are unknown. " code { "classify.geo" } " names files in MaxMind's format." }
            } @else {
                table {
                    thead { tr { th scope="col" { "File" } th scope="col" { "Built" } th scope="col" { "State" } } }
                    tbody {
                        @for file in files {
                            tr { td { (file.path) small { (file.r#type) } } td { (file.built.as_deref().unwrap_or("unknown")) } td { (file.state) } }
                        }
                    }
                }
            }
        }
    }
}

fn table<'a>(settings: impl Iterator<Item = &'a Setting>) -> Markup {
    html! {
        table {
            thead { tr { th scope="col" { "Key" } th scope="col" { "Value" } } }
            tbody {
                @for setting in settings {
                    tr {
                        td { code { (setting.key) } small { (setting.about) } }
                        td { code { (setting.value) } @if !setting.is_default { " " span.tag { "changed" } } }
                    }
                }
            }
        }
    }
}
