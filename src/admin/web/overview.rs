//! The overview: what happened lately, against the time before, by what can be done about it.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use maud::{Markup, html};

use super::breakdown::Breakdown;
use super::form::{self, Inputs, Purpose};
use super::help::{Word, defined};
use super::layout::{self, Place};
use super::parts::{Change, card, empty, head, share, tile};
use super::text::{count, counted, percent};
use super::view::View;
use super::{Refused, chart, figures, filtered, map, may, whisker};
use crate::admin::Admin;
use crate::domain::counter::OTHER;
use crate::domain::explain;
use crate::domain::facet::{ClickFacet, Facet, LinkFacet};
use crate::domain::verdict::Verdict;
use crate::links::LinkFilter;
use crate::stats::ctr::{Grouping, Numerator, Order};
use crate::stats::query::{By, CtrQuery};
use crate::stats::wire::{CtrRow, StatsReport, StatsRow};

const LINK: Facet = Facet::Link(LinkFacet::Link);
const CAMPAIGN: Facet = Facet::Link(LinkFacet::Campaign);

const SOURCE: Breakdown<'_> =
    Breakdown { facet: Facet::Click(ClickFacet::Source), title: "Sources", word: Some(Word::Source) };
const DEVICE: Breakdown<'_> =
    Breakdown { facet: Facet::Click(ClickFacet::Device), title: "Devices", word: Some(Word::Device) };

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
    let by = [
        view.step(),
        By::Value(Facet::Click(ClickFacet::Reason)),
        By::Value(LINK),
        By::Value(CAMPAIGN),
        SOURCE.by(),
        map::COUNTRIES.by(),
        DEVICE.by(),
    ];
    let [now, reasons, links, campaigns, sources, countries, devices] = figures::clicks(&admin, &view, by).await?;
    let content = html! {
        (head("Overview", html! { (view.days()) ", " (zone_name(&admin)) ", all links, " a href="/live" { "Live" } }, html! { (view.picker()) (view.comparing()) }))
        (view.filters(Facet::all()))
        (over_time(&admin, &view, &now).await?)
        div.grid {
            (levels(&admin, &view).await?)
            (card("Links", ranked("Link", &links, |row| view.href_of(&format!("/links/{}", row.value)))))
            (SOURCE.card(&view, &sources, "third"))
            (DEVICE.card(&view, &devices, "third"))
            section.card.third {
                h2 { (defined(Word::Campaign, "Campaigns")) }
                (ranked("Campaign", &campaigns, |row| view.filtered(view.filter.clone().with(CAMPAIGN, &row.value)).href()))
            }
            (map::card(&view, &countries))
        }
        (filtered(&now, &reasons))
    };
    Ok(layout::page(Place::Overview, "Overview", &content))
}

pub(super) fn zone_name(admin: &Admin) -> &str {
    admin.report_zone.iana_name().unwrap_or("UTC")
}

fn welcome(admin: &Admin) -> Markup {
    html! {
        section.card.welcome {
            h1 { "Make your first link" }
            @if !may::send("/links") { p { "There is none yet. You may look at links; an editor makes them." } } @else { p {
                "Give the page it shall lead to and say where you will post it. Make one link for each place: only "
                "then can clicks be told apart and divided by the impressions of that place."
            } }
        }
        section.card {
            h2 { "New link" }
            (form::draw(admin, &Purpose::New, &Inputs::default(), None))
        }
    }
}

/// The sums of the view beside those of the days it is compared with, and the bars of both.
pub(super) async fn over_time(admin: &Admin, view: &View, now: &StatsReport) -> Result<Markup, Refused> {
    let before = figures::clicks_before(admin, view, view.step()).await?;
    let scaled = |before: u64| view.scale().map_or(before, |by| (before as f64 * by).round() as u64);
    let change = |now, before| Change { now, before: scaled(before), than: view.before_name() }.draw();
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
            @if view.scale().is_some() {
                p.hint {
                    "The other days are not as many as these: they had " (counted(before.clicks, "click"))
                    ", and the sums above are held against as many days of theirs as these have."
                }
            }
            (chart::draw(now, Some(chart::Against::Days(&before, view.before_name())), &admin.report_zone))
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
            p.hint { a href=(view.first_to_last("/ctr")) { "All rates, with what they rest on" } }
        }
    };
    Ok(card(html! { (defined(Word::Ctr, "CTR")) " against its " (defined(Word::Baseline, "baseline")) }, content))
}

/// The first rows of a report, each leading somewhere.
fn ranked(what: &str, report: &StatsReport, leads_to: impl Fn(&StatsRow) -> String) -> Markup {
    let rows = report.rows.iter().filter(|row| row.clicks > 0 && row.value != OTHER).take(TOP);
    html! {
        @if report.clicks == 0 { (empty("No clicks in these days.", None)) } @else {
            table.values {
                thead { tr { th scope="col" { span.unseen { (what) } } th.number scope="col" { (defined(Word::Click, "Clicks")) } th.number scope="col" { "Share" } } }
                tbody {
                    @for row in rows {
                        tr {
                            th scope="row" {
                                // What was removed keeps its clicks and loses its name.
                                a href=(leads_to(row)) { (row.label.as_deref().unwrap_or(&row.value)) }
                                (share(row.share))
                            }
                            td.number { (count(row.clicks)) }
                            td.number { (percent(row.share)) }
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
                    tr {
                        td {
                            a.tag href=(filtered::address(link, verdict, reason)) { (verdict) } " " (in_words(verdict, reason))
                            small { (reason) }
                        }
                        td.number { (count(row.hits.unwrap_or(row.clicks))) }
                    }
                }
            }
        }
    }
}

/// Rare reasons are one row together, whose name is no reason.
fn in_words(verdict: &str, reason: &str) -> String {
    Verdict::parse(verdict)
        .filter(|_| !reason.is_empty())
        .map_or_else(String::new, |verdict| explain::reason(verdict, reason))
}
