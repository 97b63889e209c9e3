//! One link: what it is, how it was clicked, what its clicks were like, and what they are divided by.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use maud::{Markup, html};

use super::layout::{self, Place};
use super::overview::{filtered, placement, recent};
use super::text::{count, counted, percent, when};
use super::words::{Word, defined};
use super::{Refused, ctr, figures};
use crate::admin::Admin;
use crate::admin::totals::clicks_of;
use crate::domain::counter::Dimension;
use crate::domain::filter::Filter;
use crate::domain::link::{Link, LinkId};
use crate::domain::passthrough::NO_TRACK;
use crate::stats::ctr::{Grouping, Numerator};
use crate::stats::query::By;
use crate::stats::seen;
use crate::stats::wire::{CtrRow, StatsReport};

/// What is broken down, the words above it, and what they mean where that is not plain.
const BREAKDOWNS: [(Dimension, &str, Option<Word>); 7] = [
    (Dimension::Source, "Source", Some(Word::Source)),
    (Dimension::SeenOn, "Seen on", Some(Word::SeenOn)),
    (Dimension::Country, "Country", None),
    (Dimension::Device, "Device", None),
    (Dimension::Os, "System", None),
    (Dimension::Browser, "Browser", None),
    (Dimension::Referrer, "Referrer", None),
];

/// Values of one breakdown that are not folded away.
const ROWS: usize = 6;

/// The most values of one breakdown on the page; API and CLI have all of them.
const ROWS_MAX: usize = 200;

pub(super) async fn page(
    State(admin): State<Admin>,
    number: Result<Path<u64>, PathRejection>,
) -> Result<Markup, Refused> {
    let Path(id) = number?;
    let link = admin.catalog.get(LinkId(id)).await?;
    let [source, seen_on, country, device, os, browser, referrer] =
        BREAKDOWNS.map(|(dimension, ..)| By::from(dimension));
    let by = [
        By::Day,
        By::from(Dimension::Reason),
        By::from(Dimension::Unfilled),
        source,
        seen_on,
        country,
        device,
        os,
        browser,
        referrer,
    ];
    let [days, reasons, macros, breakdowns @ ..] = figures::recent(&admin, Filter::of_link(link.id), by).await?;
    let ever = clicks_of(&*admin.store, &[link.id]).await?.get(&link.id).copied().unwrap_or(0);
    let rates: Vec<CtrRow> =
        figures::rates(&admin).await?.rows.into_iter().filter(|row| row.value == id.to_string()).collect();
    let name = admin.catalog.domains().readable(&link.spec.domain, &link.spec.slug);
    let content = html! {
        (about(&admin, &link, &name))
        (recent("Last 28 days", &days, Some(ever)))
        (unfilled(&macros))
        (divided(&admin, &rates))
        (place(&link, &breakdowns[0], &breakdowns[1]))
        @if days.clicks > 0 {
            div.columns {
                @for ((_, title, word), report) in BREAKDOWNS.iter().zip(&breakdowns) { (breakdown(title, *word, report)) }
            }
        }
        (filtered(&days, &reasons))
    };
    Ok(layout::page(Place::Elsewhere, &name, &content))
}

fn about(admin: &Admin, link: &Link, name: &str) -> Markup {
    let spec = &link.spec;
    let short_url = admin.catalog.domains().short_url(&spec.domain, &spec.slug);
    html! {
        section.card {
            div.head {
                h1 { (spec.title.as_deref().unwrap_or(name)) @if !spec.rules.enabled { " " span.tag.off { "disabled" } } }
                (actions(link))
            }
            p.copying {
                // One click selects the whole address, without a script.
                span.copy title="Click to select all of it" { (short_url) }
                a href={ (short_url) "?" (NO_TRACK) } rel="noreferrer noopener" title="Your visit is recorded as the owner's, not as a click" {
                    "Try it, uncounted"
                }
            }
            @for warning in admin.catalog.warnings(link) { p.warning { (super::text::sentence(&warning)) } }
            (facts(admin, link))
        }
    }
}

fn actions(link: &Link) -> Markup {
    let enabled = link.spec.rules.enabled;
    html! {
        div.actions {
            a.button.plain href={ "/links/" (link.id) "/edit" } { "Edit" }
            form method="post" action={ "/links/" (link.id) "/enabled" } {
                input type="hidden" name="enabled" value=(!enabled);
                button.plain { @if enabled { "Disable" } @else { "Enable" } }
            }
            a.button.plain href={ "/links/" (link.id) "/remove" } { "Remove" }
        }
    }
}

fn facts(admin: &Admin, link: &Link) -> Markup {
    let spec = &link.spec;
    html! {
        dl.facts {
            div { dt { "Leads to" } dd { a href=(spec.destination.as_str()) rel="noreferrer noopener" { (spec.destination.as_str()) } } }
            div { dt { (defined(Word::Level, "Placement")) } dd { (placement(link)) } }
            @for post in &spec.placement.posts { div { dt { "Post" } dd { (post.as_str()) } } }
            @for (field, value) in spec.utm.iter() { div { dt { (field.key()) } dd { (value) } } }
            @if !spec.tags.is_empty() { div { dt { "Tags" } dd { @for tag in &spec.tags { span.tag { (tag) } " " } } } }
            div { dt { "Answers" } dd { (answer(admin, link)) } }
            div {
                dt { "Made" }
                dd {
                    (when(link.created_at, &admin.report_zone))
                    @if link.updated_at != link.created_at { ", changed " (when(link.updated_at, &admin.report_zone)) }
                }
            }
        }
    }
}

fn answer(admin: &Admin, link: &Link) -> String {
    let rules = &link.spec.rules;
    let code = rules.status.code();
    let until = rules.expires_at.map(|at| when(at, &admin.report_zone));
    match (rules.enabled, until, &rules.expired_url) {
        (false, ..) => "404, because it is disabled".to_owned(),
        (true, None, _) => format!("{code} to the destination"),
        (true, Some(until), None) => format!("{code} to the destination until {until}, then 410"),
        (true, Some(until), Some(url)) => format!("{code} to the destination until {until}, then to {}", url.as_str()),
    }
}

/// The link's click-through rates over all imported days.
fn divided(admin: &Admin, rates: &[CtrRow]) -> Markup {
    let table = ctr::Table { by: Grouping::Link, numerator: Numerator::Human, zone: &admin.report_zone };
    html! {
        section.card {
            h2 { "Click-through rate, all imported days" }
            @if rates.is_empty() {
                p.hint { "No impressions yet. " a href="/imports" { "Import what the platform reports" } " to get a rate." }
            } @else { (table.draw(rates)) }
        }
    }
}

/// Whether the clicks came from where the link was made for.
fn place(link: &Link, sources: &StatsReport, seen_on: &StatsReport) -> Markup {
    let spec = &link.spec;
    let is_declared = spec.utm.source.is_some() || spec.placement.platform.is_some();
    let seen = is_declared.then(|| seen::of(spec.placement.level, &sources.rows, &seen_on.rows)).flatten();
    html! {
        @if let Some((seen, leak)) = seen.and_then(|seen| seen.leak().map(|leak| (seen, leak))) {
            section.card {
                h2 { (defined(Word::SeenOn, "Seen")) " where it was meant to stand?" }
                p {
                    b { (percent(leak)) } " of the " (counted(seen.observed(), "click")) " that showed a place came from elsewhere"
                    @if let Some(most) = &seen.most { ", most of them from " (most) }
                    ": " (count(seen.there)) " were seen on " (seen.declared.join(", ")) ", " (count(seen.elsewhere))
                    " were not. " (count(seen.unknown)) " more showed no place."
                }
            }
        }
    }
}

/// Macros that arrived as they were written, because nobody filled them in.
fn unfilled(report: &StatsReport) -> Markup {
    html! {
        @for row in report.rows.iter().take(ROWS) {
            p.warning {
                (counted(row.clicks, "click")) " of these days arrived with " code { (row.value) }
                " unfilled: the tool that shows the link did not replace its macro."
            }
        }
    }
}

fn breakdown(title: &str, word: Option<Word>, report: &StatsReport) -> Markup {
    let shown = &report.rows[..report.rows.len().min(ROWS_MAX)];
    let (first, others) = shown.split_at(shown.len().min(ROWS));
    html! {
        section.card {
            h2 { @match word { Some(word) => (defined(word, title)), None => (title) } }
            @if first.is_empty() { p.hint { "No clicks in the last 28 days." } } @else {
                (values(title, first))
                @if !others.is_empty() { details { summary { (others.len()) " more" } (values(title, others)) } }
            }
        }
    }
}

fn values(title: &str, rows: &[crate::stats::wire::StatsRow]) -> Markup {
    html! {
        table.values {
            thead {
                tr {
                    th scope="col" { span.unseen { (title) } }
                    th.number scope="col" { (defined(Word::Click, "Clicks")) }
                    th.number scope="col" { "Share" }
                }
            }
            tbody {
                @for row in rows {
                    tr {
                        td { (row.value) (share(row.share)) }
                        td.number { (count(row.clicks)) }
                        td.number { (percent(row.share)) }
                    }
                }
            }
        }
    }
}

/// A bar as long as the share; the number stands beside it.
fn share(share: f64) -> Markup {
    html! { svg.share aria-hidden="true" { rect width=(format!("{:.2}%", share * 100.0)) height="100%" {} } }
}
