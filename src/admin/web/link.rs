//! One link: what it is, how it was clicked, what its clicks were like, and what they are divided by.

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};

use super::breakdown::Breakdown;
use super::help::{Word, defined};
use super::layout::{self, Place};
use super::links::placement;
use super::overview::{filtered, over_time};
use super::parts::copyable;
use super::text::{count, counted, percent, when};
use super::view::View;
use super::{Refused, ctr, figures, history, map, may, pair, qr};
use crate::admin::Admin;
use crate::domain::facet::{ClickFacet, Facet};
use crate::domain::link::{Brought, Link, LinkId};
use crate::domain::passthrough::NO_TRACK;
use crate::links::catalog::CatalogError;
use crate::stats::ctr::{Grouping, Numerator};
use crate::stats::query::By;
use crate::stats::wire::{CtrRow, Seen, StatsReport};

pub(super) const SOURCE: Breakdown<'_> = broken_down(ClickFacet::Source, "Source", Some(Word::Source));
pub(super) const SEEN_ON: Breakdown<'_> = broken_down(ClickFacet::SeenOn, "Seen on", Some(Word::SeenOn));
const REGION: Breakdown<'_> = broken_down(ClickFacet::Region, "Region", None);
const CITY: Breakdown<'_> = broken_down(ClickFacet::City, "City", None);
pub(super) const DEVICE: Breakdown<'_> = broken_down(ClickFacet::Device, "Device", Some(Word::Device));
const OS: Breakdown<'_> = broken_down(ClickFacet::Os, "System", None);
const BROWSER: Breakdown<'_> = broken_down(ClickFacet::Browser, "Browser", None);
pub(super) const LANGUAGE: Breakdown<'_> = broken_down(ClickFacet::Language, "Language", None);
const REFERRER: Breakdown<'_> = broken_down(ClickFacet::Referrer, "Referrer", None);
const CHANNEL: Breakdown<'_> = broken_down(ClickFacet::Channel, "Channel", None);

const fn broken_down(facet: ClickFacet, title: &'static str, word: Option<Word>) -> Breakdown<'static> {
    Breakdown { facet: Facet::Click(facet), title, word }
}

/// Rows of its posts; the report on rates has all.
const POSTS: usize = 20;

/// Unfilled macros that are named.
const UNFILLED: usize = 6;

pub(super) async fn page(
    State(admin): State<Admin>,
    number: Result<Path<u64>, PathRejection>,
    pairs: Result<Query<Vec<(String, String)>>, QueryRejection>,
) -> Result<Response, Refused> {
    let (Path(id), Query(pairs)) = (number?, pairs?);
    let Some(link) = admin.store.link(LinkId(id)).await? else { return gone(&admin, LinkId(id)).await };
    let view = View::parse(&format!("/links/{id}"), pairs, &[], admin.today())?.of_link(link.id);
    let drawn = [map::COUNTRIES, SOURCE, SEEN_ON, REGION, CITY, DEVICE, OS, BROWSER, LANGUAGE, REFERRER, CHANNEL];
    let [reason, unfilled_by] = [ClickFacet::Reason, ClickFacet::Unfilled].map(|facet| By::Value(Facet::Click(facet)));
    let [a, b, c, d, e, f, g, h, i, j, k] = drawn.map(Breakdown::by);
    let by = [view.step(), reason, unfilled_by, a, b, c, d, e, f, g, h, i, j, k];
    let [days, reasons, macros, breakdowns @ ..] = figures::clicks(&admin, &view, by).await?;
    let rates = figures::rates(&admin, &[link.id], [Grouping::Link, Grouping::Post]).await?;
    let name = admin.catalog.domains().readable(&link.spec.domain, &link.spec.slug);
    let short_url = admin.catalog.domains().short_url(&link.spec.domain, &link.spec.slug);
    let content = html! {
        (about(&admin, &link, &name, &short_url))
        (head_of_numbers(&view))
        (over_time(&admin, &view, &days).await?)
        (unfilled(&macros))
        (divided(&admin, &rates))
        (place(days.seen.as_ref()))
        @if days.clicks > 0 {
            (map::card(&view, &breakdowns[0]))
            div.columns {
                @for (drawn, report) in drawn.iter().zip(&breakdowns).skip(1) { (drawn.card(&view, report, "")) }
            }
        }
        (filtered(&days, &reasons))
        (pair::other(&view, &link))
        (qr::section(&view, &link, &short_url))
        (history::section(&admin, &link).await?)
    };
    Ok(layout::page(Place::Elsewhere, &name, &content).into_response())
}

/// A link that is not there: never was, or was removed.
async fn gone(admin: &Admin, id: LinkId) -> Result<Response, Refused> {
    let page = history::removed(admin, id).await?.ok_or(CatalogError::NotFound(id))?;
    Ok((StatusCode::GONE, page).into_response())
}

fn head_of_numbers(view: &View) -> Markup {
    html! {
        div.head.top { h2 { "Clicks, " (view.days()) } div.actions { (view.picker()) (view.comparing()) } }
        (view.filters(Facet::all()))
    }
}

fn about(admin: &Admin, link: &Link, name: &str, short_url: &str) -> Markup {
    let spec = &link.spec;
    html! {
        section.card {
            div.head {
                h1 { (spec.title.as_deref().unwrap_or(name)) @if !spec.rules.enabled { " " span.tag.off { "disabled" } } @if spec.archived { " " span.tag { "archived" } } }
                (actions(link))
            }
            p.copying {
                (copyable(short_url))
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
    let (enabled, archived) = (link.spec.rules.enabled, link.spec.archived);
    let [edit, switch, archive, remove] =
        ["edit", "enabled", "archived", "remove"].map(|what| format!("/links/{}/{what}", link.id));
    html! {
        @if may::send(&edit) {
            div.actions {
                a.button.plain href=(edit) { "Edit" }
                form method="post" action=(switch) {
                    input type="hidden" name="enabled" value=(!enabled);
                    button.plain { @if enabled { "Disable" } @else { "Enable" } }
                }
                form method="post" action=(archive) {
                    input type="hidden" name="archived" value=(!archived);
                    button.plain title="An archived link is left out of lists; it answers and counts as before" { @if archived { "Unarchive" } @else { "Archive" } }
                }
                a.button.plain href={ "/shares?link=id%3A" (link.id) } { "Share" }
                a.button.plain href=(remove) { "Remove" }
            }
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
            @if let Some(Brought { from, clicks: Some(clicks), .. }) = &spec.brought {
                div { dt { "Before it moved here" } dd { (counted(*clicks, "click")) ", as " (from) " counted them" } }
            }
            div {
                dt { "Made" }
                dd {
                    (when(link.created_at, &admin.report_zone)) @if let Some(made) = &spec.made { " by " (made.by) }
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

/// The click-through rates of the link and of its posts over all imported days.
fn divided(admin: &Admin, [rates, posts]: &[Vec<CtrRow>; 2]) -> Markup {
    let table = |by| ctr::Table { by, numerator: Numerator::Human, zone: &admin.report_zone };
    let shown = &posts[..posts.len().min(POSTS)];
    html! {
        section.card {
            h2 { "Click-through rate, all imported days" }
            @if rates.is_empty() {
                p.hint { "No impressions yet. " a href="/imports" { "Import what the platform reports" } " to get a rate." }
            } @else { (table(Grouping::Link).draw(rates)) }
            @if !shown.is_empty() {
                h3 { "The posts it stands in" }
                (table(Grouping::Post).draw(shown))
            }
            p.hint {
                @if shown.len() < posts.len() { (counted((posts.len() - shown.len()) as u64, "more row")) ": " a href="/ctr?by=post" { "rates of all posts" } ". " }
                a href="/matches" { "Which posts a link stands in" } " is found out from what was imported, and decided by you."
            }
        }
    }
}

/// Whether the clicks came from where the link was made for.
fn place(seen: Option<&Seen>) -> Markup {
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
        @for row in report.rows.iter().take(UNFILLED) {
            p.warning {
                (counted(row.clicks, "click")) " of these days arrived with " code { (row.value) }
                " unfilled: the tool that shows the link did not replace its macro."
            }
        }
    }
}
