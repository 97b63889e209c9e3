//! All links: found, narrowed down and put in order. Any list is an address.

use std::collections::HashMap;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use maud::{Markup, html};

use super::ctr::rate;
use super::help::{Word, defined};
use super::layout::{self, Place};
use super::parts::{Tab, empty, head, tabs};
use super::text::{count, counted, short};
use super::view::View;
use super::{Refused, chart, figures, may, selection};
use crate::admin::Admin;
use crate::admin::api::problem::Problem;
use crate::domain::facet::{Facet, LinkFacet};
use crate::domain::link::{Link, LinkId};
use crate::links::{Archived, mentions};
use crate::stats::ctr::Grouping;
use crate::stats::wire::CtrRow;
use crate::stats::{click_filter, read_links};

/// Links of one page.
const LINKS: usize = 50;

/// What the page knows besides days and filters.
const KNOWN: [&str; 4] = ["q", "sort", "page", "archived"];

/// In which order links stand.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sort {
    Newest,
    Clicks,
    Name,
}

impl Sort {
    const ALL: [Self; 3] = [Self::Newest, Self::Clicks, Self::Name];

    fn as_str(self) -> &'static str {
        match self {
            Self::Newest => "newest",
            Self::Clicks => "clicks",
            Self::Name => "name",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Newest => "Newest first",
            Self::Clicks => "Most clicks",
            Self::Name => "By name",
        }
    }
}

pub(super) async fn page(
    State(admin): State<Admin>,
    pairs: Result<Query<Vec<(String, String)>>, QueryRejection>,
) -> Result<Markup, Refused> {
    let Query(pairs) = pairs?;
    let view = view(&admin, pairs)?;
    let found = found(&admin, &view).await?;
    let number = view.page_number();
    let ids: Vec<LinkId> = found.iter().copied().skip((number - 1).saturating_mul(LINKS)).take(LINKS).collect();
    let content = html! {
        (head("Links", counted(found.len() as u64, "link"), html! { @if may::open("/links/new") { a.button.plain href="/links/import" { "Bring links" } " " a.button href="/links/new" { "New link" } } }))
        section.card {
            (narrowing(&view))
            (view.without_page().filters(LinkFacet::ALL.into_iter().filter(|facet| !matches!(facet, LinkFacet::Link | LinkFacet::Archived)).map(Facet::Link)))
            @if ids.is_empty() { (empty("No link here matches.", Some(("/links/new", "New link")))) } @else {
                (selection::form(&view.query(), found.len(), ids.len(), &table(&admin, &view, &ids).await?))
            }
            (view.around(number, found.len(), LINKS))
        }
    };
    Ok(layout::page(Place::Links, "Links", &content))
}

/// What a list of links was asked for.
pub(super) fn view(admin: &Admin, pairs: Vec<(String, String)>) -> Result<View, Problem> {
    let view = View::parse("/links", pairs, &KNOWN, admin.today())?;
    if let Some((facet, _)) = view.filter.of_clicks().next() {
        let detail = format!("links do not differ in {}: only clicks do", facet.as_str());
        return Err(Problem::invalid(facet.as_str(), detail));
    }
    archived(&view)?;
    Ok(view)
}

/// Whether links are listed that were put out of the way.
fn archived(view: &View) -> Result<Archived, Problem> {
    let asked = view.get("archived");
    let which = asked.map_or(Some(Archived::USUAL), Archived::parse);
    which.ok_or_else(|| Problem::invalid("archived", "links are listed by archived=no, archived=yes or archived=all"))
}

/// The numbers of the links that are asked for, in the order that is asked for.
pub(super) async fn found(admin: &Admin, view: &View) -> Result<Vec<LinkId>, Refused> {
    let admitted = click_filter(&*admin.store, &view.filter).await?.links;
    let part = view.get("q").map(str::to_lowercase);
    let (sort, archived) = (sort(view), archived(view)?);
    let mut links: Vec<(LinkId, String)> = read_links(&*admin.store, |link| {
        let is_asked = admitted.holds(link.id)
            && archived.admits(&link.spec)
            && part.as_deref().is_none_or(|part| mentions(&link.spec, part));
        let name = || if sort == Sort::Name { link.spec.slug.as_str().to_lowercase() } else { String::new() };
        is_asked.then(|| (link.id, name()))
    })
    .await?;
    links.sort_unstable_by_key(|(id, _)| std::cmp::Reverse(*id));
    match sort {
        Sort::Newest => {}
        Sort::Name => links.sort_by(|(_, name), (_, than)| name.cmp(than)),
        Sort::Clicks => {
            let clicks = figures::by_link(admin, view).await?;
            links.sort_by_key(|(id, _)| std::cmp::Reverse(clicks.get(id).copied().unwrap_or(0)));
        }
    }
    Ok(links.into_iter().map(|(id, _)| id).collect())
}

fn sort(view: &View) -> Sort {
    Sort::ALL.into_iter().find(|sort| Some(sort.as_str()) == view.get("sort")).unwrap_or(Sort::Newest)
}

/// The search and the order.
fn narrowing(view: &View) -> Markup {
    let tab = |order: Sort| Tab {
        name: order.name(),
        href: view.without_page().with("sort", (order != Sort::Newest).then(|| order.as_str())).href(),
        is_current: order == sort(view),
    };
    html! {
        div.head {
            form.search method="get" action="/links" role="search" {
                (view.hidden(&["q", "page"]))
                input type="search" name="q" value=(view.get("q").unwrap_or_default()) placeholder="Slug, title or destination" aria-label="Find links";
                button.plain { "Find" }
            }
            (tabs("Order", &Sort::ALL.map(tab)))
            (tabs("Archived links", &Archived::ALL.map(|which| shelf(view, which))))
        }
    }
}

/// The way to links that are in use, archived, or either.
fn shelf(view: &View, which: Archived) -> Tab<'static> {
    let name = match which {
        Archived::No => "In use",
        Archived::Yes => "Archived",
        Archived::All => "All",
    };
    let href = view.without_page().with("archived", (which != Archived::USUAL).then(|| which.as_str())).href();
    Tab { name, href, is_current: archived(view).is_ok_and(|now| now == which) }
}

async fn table(admin: &Admin, view: &View, ids: &[LinkId]) -> Result<Markup, Refused> {
    let ever = admin.clicks_ever(ids).await?;
    let [rates] = figures::rates(admin, ids, [Grouping::Link]).await?;
    let (rates, days) = (figures::best(rates), figures::by_day(admin, view, ids).await?);
    let mut links = Vec::with_capacity(ids.len());
    for id in ids {
        links.extend(admin.store.link(*id).await?);
    }
    Ok(html! {
        table.list {
            caption.unseen { "Links" }
            thead {
                tr {
                    th.tick scope="col" { input.scripted type="checkbox" data-tick="id" aria-label="Tick all of this page"; }
                    th scope="col" { "Link" }
                    th.roomy scope="col" { (defined(Word::Level, "Placement")) }
                    th.roomy scope="col" { span.unseen { "Clicks day by day" } }
                    th.number scope="col" { (defined(Word::Click, "Clicks")) ", " (view.days()) }
                    th.number.roomy scope="col" { "All time" }
                    th.number scope="col" { (defined(Word::Ctr, "CTR")) ", " (defined(Word::Interval, "95 % interval")) }
                }
            }
            tbody {
                @for link in &links {
                    (row(link, view, &days[&link.id], ever.get(&link.id).copied().unwrap_or(0), &rates))
                }
            }
        }
    })
}

fn row(link: &Link, view: &View, days: &[u64], ever: u64, rates: &HashMap<u64, CtrRow>) -> Markup {
    let spec = &link.spec;
    let host = if spec.domain.is_default() { String::new() } else { format!("{}/", spec.domain.0) };
    html! {
        tr {
            td.tick { (selection::tick(link.id, spec.slug.as_str())) }
            th scope="row" {
                a href=(view.days_only(&format!("/links/{}", link.id))) { (short(&format!("{host}{}", spec.slug.as_str()), 48)) }
                @if !spec.rules.enabled { " " span.tag.off { "disabled" } }
                @if spec.archived { " " span.tag { "archived" } }
                @for tag in &spec.tags { " " span.tag { (tag) } }
                @if let Some(title) = &spec.title { small { (title) } }
                small.roomy title=(spec.destination.as_str()) { (short(spec.url.as_str(), 56)) }
            }
            td.roomy { (placement(link)) }
            td.spark.roomy { (chart::spark(days)) }
            td.number { (count(days.iter().sum())) }
            td.number.roomy { (count(ever)) }
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
