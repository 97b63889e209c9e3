//! The overview: what happened lately, against the time before, by what can be done about it.

use std::collections::HashMap;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use maud::{Markup, html};

use super::figures::{self, Counted};
use super::form::{self, Inputs, Purpose};
use super::help::{Word, defined};
use super::layout::{self, Place};
use super::parts::{Change, card, empty, head, share, tile};
use super::text::{count, counted, percent};
use super::view::View;
use super::{Refused, breakdown, chart, filtered, whisker};
use crate::admin::Admin;
use crate::domain::counter::Dimension;
use crate::domain::link::{Link, LinkId};
use crate::domain::verdict::Verdict;
use crate::links::LinkFilter;
use crate::stats::ctr::{Grouping, Numerator, Order};
use crate::stats::query::{By, CtrQuery};
use crate::stats::read_links;
use crate::stats::wire::{CtrRow, StatsReport, StatsRow};

/// Rows of a list on this page; the pages behind them have all.
const TOP: usize = 8;

/// Reasons that are named on a page.
const REASONS: usize = 6;

pub(super) async fn page(
    State(admin): State<Admin>,
    pairs: Result<Query<Vec<(String, String)>>, QueryRejection>,
) -> Result<Markup, Refused> {
    let Query(pairs) = pairs?;
    let view = View::parse("/", pairs, &[], admin.today())?;
    let first = LinkFilter { limit: 1, ..LinkFilter::default() };
    if admin.catalog.list(&first).await?.links.is_empty() {
        return Ok(layout::page(Place::Overview, "Make your first link", &welcome(&admin)));
    }
    let counted = Counted::read(&admin, None, &view).await?;
    let content = html! {
        (head("Overview", html! { (view.days()) ", " (zone_name(&admin)) ", all links" }, view.picker()))
        (over_time(&admin, &view, &counted)?)
        div.grid {
            (levels(&admin, &view).await?)
            (top_links(&admin, &view, &counted).await?)
            (breakdown::card(&counted.by(By::Value(Dimension::Source))?, "Sources", Some(Word::Source), "third"))
            (breakdown::card(&counted.by(By::Value(Dimension::Country))?, "Countries", Some(Word::Country), "third"))
            (breakdown::card(&counted.by(By::Value(Dimension::Device))?, "Devices", Some(Word::Device), "third"))
        }
        (filtered(&counted.by(By::Day)?, &counted.by(By::Value(Dimension::Reason))?))
    };
    Ok(layout::page(Place::Overview, "Overview", &content))
}

fn zone_name(admin: &Admin) -> &str {
    admin.report_zone.iana_name().unwrap_or("UTC")
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

/// The sums of the view beside those of the time before, and the bars of both.
pub(super) fn over_time(admin: &Admin, view: &View, counted: &Counted<'_>) -> Result<Markup, Refused> {
    let step = if view.window.first() == view.window.last() { By::Hour } else { By::Day };
    let (now, before) = (counted.by(step)?, counted.before_by(step)?);
    let change = |now, before| Change { now, before }.draw();
    let visitors = now.visitors.zip(before.visitors);
    let hits = now.hits.zip(before.hits);
    Ok(html! {
        section.card {
            h2.unseen { "Clicks over time" }
            dl.tiles {
                (tile(Word::Click, "Clicks", count(now.clicks), change(now.clicks, before.clicks)))
                @if let Some((now, before)) = visitors {
                    (tile(Word::Visitor, "Visitors, day by day", count(now), change(now, before)))
                }
                @if let Some((hits, _)) = hits {
                    (tile(Word::Hit, "Hits", count(hits), html! {
                        (percent((hits - now.clicks.min(hits)) as f64 / hits.max(1) as f64)) " were no clicks"
                    }))
                }
            }
            (chart::draw(&now, Some(&before), &admin.report_zone))
        }
    })
}

/// What was divided in these days, by platform and level, each rate against the band that is usual there.
async fn levels(admin: &Admin, view: &View) -> Result<Markup, Refused> {
    let query = CtrQuery {
        by: Grouping::Placement,
        from: Some(view.window.first()),
        to: Some(view.window.last()),
        numerator: Numerator::Human,
        order: Order::Size,
    };
    let report = figures::ctr(admin, &query).await?;
    let rows: Vec<CtrRow> = report.rows.into_iter().filter(|row| row.ctr.is_some()).take(TOP).collect();
    let content = html! {
        @if rows.is_empty() {
            (empty("Clicks alone are half of the story. Import impressions to see rates.", Some(("/imports", "Import impressions"))))
        } @else {
            (whisker::table(&rows))
            p.hint { a href=(view.days_only("/ctr")) { "All rates, with what they rest on" } }
        }
    };
    Ok(card(html! { (defined(Word::Ctr, "CTR")) " against its " (defined(Word::Baseline, "baseline")) }, content))
}

/// The links and campaigns with the most clicks of these days.
async fn top_links(admin: &Admin, view: &View, counted: &Counted<'_>) -> Result<Markup, Refused> {
    let mut clicks: HashMap<LinkId, u64> = HashMap::new();
    for day in &counted.now {
        *clicks.entry(day.link).or_default() += day.counters.get(Dimension::Verdict, Verdict::Human.as_str());
    }
    let campaigns = read_links(&*admin.store, |link| Some((link.spec.utm.campaign.clone()?, link.id))).await?;
    let mut by_campaign: HashMap<String, u64> = HashMap::new();
    for (campaign, link) in campaigns {
        *by_campaign.entry(campaign).or_default() += clicks.get(&link).copied().unwrap_or(0);
    }
    let all = clicks.values().sum();
    let mut rows = Vec::new();
    for (id, clicks) in most(clicks) {
        rows.push((named(admin, id).await?, view.days_only(&format!("/links/{id}")), clicks));
    }
    let campaigns = most(by_campaign).into_iter().map(|(name, clicks)| {
        let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("campaign", &name).finish();
        (name, format!("/links?{query}"), clicks)
    });
    Ok(html! {
        (card("Links", ranked("Link", &rows, all)))
        (card(html! { (defined(Word::Campaign, "Campaigns")) }, ranked("Campaign", &campaigns.collect::<Vec<_>>(), all)))
    })
}

fn most<K: Ord>(clicks: HashMap<K, u64>) -> Vec<(K, u64)> {
    let mut rows: Vec<_> = clicks.into_iter().filter(|(_, clicks)| *clicks > 0).collect();
    rows.sort_by(|(a, clicks), (b, than)| than.cmp(clicks).then(a.cmp(b)));
    rows.truncate(TOP);
    rows
}

/// A link that was removed keeps its clicks and loses its name.
async fn named(admin: &Admin, id: LinkId) -> Result<String, Refused> {
    let name = |link: Link| admin.catalog.domains().readable(&link.spec.domain, &link.spec.slug);
    Ok(admin.store.link(id).await?.map_or_else(|| format!("removed link {id}"), name))
}

/// Names, where they lead, and clicks; shares are of `all`.
fn ranked(what: &str, rows: &[(String, String, u64)], all: u64) -> Markup {
    html! {
        @if rows.is_empty() { (empty("No clicks in these days.", None)) } @else {
            table.values {
                thead { tr { th scope="col" { span.unseen { (what) } } th.number scope="col" { (defined(Word::Click, "Clicks")) } } }
                tbody {
                    @for (name, href, clicks) in rows {
                        tr {
                            th scope="row" { a href=(href) { (name) } (share(*clicks as f64 / all.max(1) as f64)) }
                            td.number { (count(*clicks)) }
                        }
                    }
                }
            }
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
