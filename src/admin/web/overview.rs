//! The overview: what happened lately, and all links.

use std::collections::HashMap;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use maud::{Markup, html};
use serde::Deserialize;

use super::ctr::rate;
use super::form::{self, Inputs, Purpose};
use super::layout::{self, Place};
use super::text::{count, counted, short};
use super::words::{Word, defined};
use super::{Refused, chart, figures, filtered};
use crate::admin::Admin;
use crate::admin::totals::clicks_of;
use crate::domain::counter::Dimension;
use crate::domain::filter::Filter;
use crate::domain::link::{Link, LinkId};
use crate::links::{LinkFilter, LinkPage};
use crate::stats::query::By;
use crate::stats::wire::{CtrRow, StatsReport, StatsRow};

/// Links of one page.
const LINKS: usize = 50;

/// Reasons that are named on a page.
const REASONS: usize = 6;

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Params {
    after: Option<u64>,
    /// A part of slug, title or destination.
    #[serde(default)]
    q: String,
}

pub(super) async fn page(
    State(admin): State<Admin>,
    params: Result<Query<Params>, QueryRejection>,
) -> Result<Markup, Refused> {
    let Query(params) = params?;
    let part = Some(params.q.trim()).filter(|part| !part.is_empty());
    let filter = LinkFilter {
        after: params.after.map(LinkId),
        limit: LINKS,
        part: part.map(str::to_owned),
        ..LinkFilter::default()
    };
    let page = admin.catalog.list(&filter).await?;
    if page.links.is_empty() && filter.after.is_none() && part.is_none() {
        return Ok(layout::page(Place::Overview, "Make your first link", &welcome(&admin)));
    }
    let [days, reasons] = figures::recent(&admin, Filter::default(), [By::Day, By::from(Dimension::Reason)]).await?;
    let content = html! {
        h1.unseen { "Links" }
        (recent("Last 28 days, all links", &days, None))
        (links(&admin, &page, part.unwrap_or_default()).await?)
        (filtered(&days, &reasons))
    };
    Ok(layout::page(Place::Overview, "Links", &content))
}

fn welcome(admin: &Admin) -> Markup {
    html! {
        section.card.welcome {
            h1 { "Make your first link" }
            p {
                "Give the page it shall lead to and say where you will post it. Make one link for each place: only "
                "then can clicks be told apart and divided by the impressions of that place."
            }
        }
        section.card {
            h2 { "New link" }
            (form::draw(admin, &Purpose::New, &Inputs::default(), None))
        }
    }
}

/// Totals and bars. `ever` is the number of human clicks of all time, where it is known.
pub(super) fn recent(title: &str, report: &StatsReport, ever: Option<u64>) -> Markup {
    html! {
        section.card {
            h2 { (title) }
            dl.totals {
                div { dt { (defined(Word::Click, "Clicks")) } dd { (count(report.clicks)) } }
                @if let Some(visitors) = report.visitors {
                    div { dt { (defined(Word::Visitor, "Visitors, day by day")) } dd { (count(visitors)) } }
                }
                @if let Some(hits) = report.hits {
                    div { dt { (defined(Word::Hit, "Hits")) } dd { (count(hits)) } }
                }
                @if let Some(ever) = ever {
                    div { dt { (defined(Word::Click, "Clicks of all time")) } dd { (count(ever)) } }
                }
            }
            (chart::days(report))
        }
    }
}

/// Nothing is dropped silently: every hit that was no click is shown with its verdict, and why.
pub(super) fn filtered(days: &StatsReport, reasons: &StatsReport) -> Markup {
    let verdicts = days.verdicts.iter().flatten().filter(|(verdict, hits)| *verdict != "human" && **hits > 0);
    let mut verdicts: Vec<_> = verdicts.collect();
    verdicts.sort_by_key(|(_, hits)| std::cmp::Reverse(**hits));
    let sum = verdicts.iter().fold(0_u64, |sum, (_, hits)| sum.saturating_add(**hits));
    html! {
        section.card {
            h2 { "Not counted as clicks" }
            @if verdicts.is_empty() { p.hint { "No hit was filtered out in these days." } } @else {
                p {
                    (counted(sum, "hit")) " of " (count(days.hits.unwrap_or(sum))) " had another "
                    (defined(Word::Verdict, "verdict")) " than human:"
                }
                ul.tags {
                    @for (verdict, hits) in &verdicts {
                        li { a.tag href=(filtered::address(days.link, verdict, "")) { (verdict) " " b { (count(**hits)) } } }
                    }
                }
                (why(reasons))
                p { a href=(filtered::address(days.link, "", "")) { "The latest of them, and why" } }
            }
            p.hint { "Your own visits need not be among the clicks: " a href="/owner" { "mark your browsers" } "." }
        }
    }
}

/// The reasons with the most hits, and the others folded away.
fn why(reasons: &StatsReport) -> Markup {
    let (named, others) = reasons.rows.split_at(reasons.rows.len().min(REASONS));
    html! {
        (reasons_table(reasons.link, named))
        @if !others.is_empty() {
            details { summary { (counted(others.len() as u64, "further reason")) } (reasons_table(reasons.link, others)) }
        }
    }
}

fn reasons_table(link: Option<u64>, rows: &[StatsRow]) -> Markup {
    html! {
        table {
            thead { tr { th scope="col" { "Verdict and reason" } th.number scope="col" { (defined(Word::Hit, "Hits")) } } }
            tbody {
                @for row in rows {
                    @let (verdict, reason) = row.value.split_once(':').unwrap_or((&row.value, ""));
                    tr { td { a href=(filtered::address(link, verdict, reason)) { (verdict) " " (reason) } } td.number { (count(row.hits.unwrap_or(row.clicks))) } }
                }
            }
        }
    }
}

async fn links(admin: &Admin, page: &LinkPage, part: &str) -> Result<Markup, Refused> {
    let ids: Vec<LinkId> = page.links.iter().map(|link| link.id).collect();
    let clicks = clicks_of(&*admin.store, &ids).await?;
    let rates = figures::by_link(figures::rates(admin).await?);
    Ok(html! {
        section.card {
            div.head {
                h2 { "Links" }
                form.search method="get" action="/" role="search" {
                    input type="search" name="q" value=(part) placeholder="Slug, title or destination" aria-label="Find links";
                    button.plain { "Find" }
                }
                a.button href="/links/new" { "New link" }
            }
            @if page.links.is_empty() { p { "No link here matches." } } @else {
                table {
                    thead {
                        tr {
                            th scope="col" { "Link" }
                            th.roomy scope="col" { "Leads to" }
                            th.roomy scope="col" { (defined(Word::Level, "Placement")) }
                            th.number scope="col" { (defined(Word::Click, "Clicks, all time")) }
                            th.number scope="col" { (defined(Word::Ctr, "CTR")) ", " (defined(Word::Interval, "95 % interval")) }
                        }
                    }
                    tbody {
                        @for link in &page.links {
                            (row(link, clicks.get(&link.id).copied().unwrap_or(0), &rates))
                        }
                    }
                }
            }
            (around(page, part))
        }
    })
}

/// Where to go on from here.
fn around(page: &LinkPage, part: &str) -> Markup {
    let more = page.next.map(|next| {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("after", &next.to_string())
            .extend_pairs(Some(("q", part)).filter(|_| !part.is_empty()))
            .finish();
        format!("/?{query}")
    });
    html! {
        @if more.is_some() || !part.is_empty() {
            p.actions {
                @if let Some(more) = more { a href=(more) { "More links" } }
                @if !part.is_empty() { a href="/" { "All links" } }
            }
        }
    }
}

fn row(link: &Link, clicks: u64, rates: &HashMap<u64, CtrRow>) -> Markup {
    let spec = &link.spec;
    let host = if spec.domain.is_default() { String::new() } else { format!("{}/", spec.domain.0) };
    html! {
        tr {
            td {
                a href={ "/links/" (link.id) } { (short(&format!("{host}{}", spec.slug.as_str()), 48)) }
                @if !spec.rules.enabled { " " span.tag.off { "disabled" } }
                @if let Some(title) = &spec.title { small { (title) } }
            }
            td.roomy title=(spec.destination.as_str()) { (short(spec.url.as_str(), 48)) }
            td.roomy { (placement(link)) }
            td.number { (count(clicks)) }
            td.number { (rate(rates.get(&link.id.0))) }
        }
    }
}

pub(super) fn placement(link: &Link) -> Markup {
    let placement = &link.spec.placement;
    html! {
        span.together { @if let Some(platform) = &placement.platform { (platform.as_str()) " " } span.tag { (placement.level) } }
        @if !placement.posts.is_empty() { small { "in " (counted(placement.posts.len() as u64, "post")) } }
    }
}
