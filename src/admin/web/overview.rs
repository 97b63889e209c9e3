//! The overview: what happened lately, all links, and the form for a new one.

use std::collections::HashMap;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use maud::{Markup, html};
use serde::Deserialize;

use super::form::Inputs;
use super::text::{count, counted, ctr, short};
use super::{Refused, chart, figures, form, layout};
use crate::admin::Admin;
use crate::admin::api::problem::Problem;
use crate::admin::totals::clicks_of;
use crate::domain::link::{Link, LinkId};
use crate::links::{LinkFilter, LinkPage};
use crate::stats::query::By;
use crate::stats::wire::{CtrRow, StatsReport};

/// Links of one page.
const LINKS: usize = 50;

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Params {
    after: Option<u64>,
}

pub(super) async fn page(
    State(admin): State<Admin>,
    params: Result<Query<Params>, QueryRejection>,
) -> Result<Markup, Refused> {
    let Query(params) = params?;
    draw(&admin, params.after.map(LinkId), &Inputs::default(), None).await
}

/// Draws the page with `inputs` in its form and what was `wrong` with them.
pub(super) async fn draw(
    admin: &Admin,
    after: Option<LinkId>,
    inputs: &Inputs,
    wrong: Option<&Problem>,
) -> Result<Markup, Refused> {
    let page = admin.catalog.list(&LinkFilter { after, limit: LINKS, ..LinkFilter::default() }).await?;
    let is_new_here = page.links.is_empty() && after.is_none();
    let report = figures::recent(admin, None, By::Day).await?;
    let content = html! {
        @if is_new_here {
            section.card.welcome {
                h1 { "Make your first link" }
                p {
                    "Give the page it shall lead to and say where you will post it. Make one link for each place: "
                    "only then can clicks be told apart and divided by the impressions of that place."
                }
            }
        } @else {
            (recent(&report))
            (links(admin, &page).await?)
        }
        section.card {
            h2 { "New link" }
            (form::draw(admin, inputs, wrong))
        }
    };
    Ok(layout::page("Overview", &content))
}

/// Totals, bars, and what was not counted as a click.
pub(super) fn recent(report: &StatsReport) -> Markup {
    html! {
        section.card {
            h2 { "The last " (figures::DAYS) " days" }
            dl.totals {
                div { dt { "Clicks" } dd { (count(report.clicks)) } }
                @if let Some(visitors) = report.visitors { div { dt { "Visitors, day by day" } dd { (count(visitors)) } } }
                @if let Some(hits) = report.hits { div { dt { "Hits" } dd { (count(hits)) } } }
            }
            (chart::days(report))
            (filtered(report))
        }
    }
}

/// Nothing is dropped silently: every hit that was no click is shown with its verdict.
fn filtered(report: &StatsReport) -> Markup {
    let verdicts = report.verdicts.iter().flatten().filter(|(verdict, hits)| *verdict != "human" && **hits > 0);
    let mut verdicts: Vec<_> = verdicts.collect();
    verdicts.sort_by_key(|(_, hits)| std::cmp::Reverse(**hits));
    html! {
        p.filtered {
            @if verdicts.is_empty() { "No hit was filtered out." } @else {
                "Not counted as clicks: "
                @for (verdict, hits) in verdicts { span.tag { (verdict) " " (count(*hits)) } " " }
            }
        }
    }
}

async fn links(admin: &Admin, page: &LinkPage) -> Result<Markup, Refused> {
    let ids: Vec<LinkId> = page.links.iter().map(|link| link.id).collect();
    let clicks = clicks_of(&*admin.store, &ids).await?;
    let rates = figures::rates(admin).await?;
    Ok(html! {
        section.card {
            h2 { "Links" }
            div.scroll {
                table {
                    thead { tr { th { "Link" } th { "Leads to" } th { "Placement" } th.number { "Clicks" } th.number { "CTR" } } }
                    tbody {
                        @for link in &page.links {
                            (row(admin, link, clicks.get(&link.id).copied().unwrap_or(0), &rates))
                        }
                    }
                }
            }
            @if let Some(next) = page.next { p { a href={ "/?after=" (next) } { "More links" } } }
        }
    })
}

fn row(admin: &Admin, link: &Link, clicks: u64, rates: &HashMap<u64, CtrRow>) -> Markup {
    let spec = &link.spec;
    let name = admin.catalog.domains().readable(&spec.domain, &spec.slug);
    html! {
        tr.off[!spec.rules.enabled] {
            td {
                a href={ "/links/" (link.id) } { (short(&name, 40)) }
                @if let Some(title) = &spec.title { small { (title) } }
            }
            td title=(spec.destination.as_str()) { (short(spec.url.as_str(), 48)) }
            td { (placement(link)) }
            td.number { (count(clicks)) }
            td.number { (rate(rates.get(&link.id.0))) }
        }
    }
}

pub(super) fn placement(link: &Link) -> Markup {
    let placement = &link.spec.placement;
    html! {
        @if let Some(platform) = &placement.platform { (platform.as_str()) " " }
        span.tag { (placement.level) }
        @if !placement.posts.is_empty() { small { "in " (counted(placement.posts.len() as u64, "post")) } }
    }
}

pub(super) fn rate(row: Option<&CtrRow>) -> Markup {
    let Some(row) = row else { return html! { span.unknown title="no impressions imported" { "-" } } };
    let (rate, basis) = ctr(row);
    html! { (rate) small { (basis) } }
}
