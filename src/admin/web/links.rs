//! All links: found, narrowed down and put in order. Any list is an address.

use std::collections::HashMap;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use maud::{Markup, html};

use super::ctr::rate;
use super::help::{Word, defined};
use super::layout::{self, Place};
use super::parts::{chip, empty, head};
use super::text::{count, counted, short};
use super::view::View;
use super::{Refused, figures};
use crate::admin::Admin;
use crate::admin::totals::clicks_of;
use crate::domain::link::{Link, LinkId};
use crate::links::{LinkFilter, LinkPage};
use crate::stats::wire::CtrRow;

/// Links of one page.
const LINKS: usize = 50;

/// What a list can be asked for, in the order of the chips.
const FILTERS: [(&str, &str); 3] = [("q", "Contains"), ("tag", "Tag"), ("campaign", "Campaign")];

pub(super) async fn page(
    State(admin): State<Admin>,
    pairs: Result<Query<Vec<(String, String)>>, QueryRejection>,
) -> Result<Markup, Refused> {
    let Query(pairs) = pairs?;
    let view = View::parse("/links", pairs, &["q", "tag", "campaign", "after"], admin.today())?;
    let filter = LinkFilter {
        after: view.get("after").and_then(|after| after.parse().ok()).map(LinkId),
        limit: LINKS,
        part: view.get("q").map(str::to_owned),
        tag: view.get("tag").map(str::to_owned),
        campaign: view.get("campaign").map(str::to_owned),
        ..LinkFilter::default()
    };
    let page = admin.catalog.list(&filter).await?;
    let content = html! {
        (head("Links", "", html! { a.button href="/links/new" { "New link" } }))
        section.card {
            (narrowing(&view))
            (links(&admin, &page).await?)
            @if let Some(next) = page.next {
                p.actions { a.button.plain href=(view.with("after", Some(&next.to_string())).href()) { "More links" } }
            }
        }
    };
    Ok(layout::page(Place::Links, "Links", &content))
}

/// The search, and what is in force.
fn narrowing(view: &View) -> Markup {
    let kept = view.with("q", None).with("after", None);
    html! {
        div.head {
            form.search method="get" action="/links" role="search" {
                @for (name, _) in &FILTERS[1..] { @if let Some(value) = kept.get(name) { input type="hidden" name=(name) value=(value); } }
                input type="search" name="q" value=(view.get("q").unwrap_or_default()) placeholder="Slug, title or destination" aria-label="Find links";
                button.plain { "Find" }
            }
            div.chips {
                @for (name, words) in FILTERS {
                    @if let Some(value) = view.get(name) { (chip(words, value, &view.with(name, None).with("after", None).href())) }
                }
            }
        }
    }
}

async fn links(admin: &Admin, page: &LinkPage) -> Result<Markup, Refused> {
    let ids: Vec<LinkId> = page.links.iter().map(|link| link.id).collect();
    let clicks = clicks_of(&*admin.store, &ids).await?;
    let rates = figures::by_link(figures::rates(admin).await?);
    Ok(html! {
        @if page.links.is_empty() { (empty("No link here matches.", Some(("/links/new", "New link")))) } @else {
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
    })
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
