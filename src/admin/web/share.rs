//! What a share link shows: the clicks of one link or one campaign in the last weeks, to whoever has its address.
//!
//! It must never show anything else, set a cookie, or lead into the dashboard.

use axum::extract::{Path, State};
use axum::http::HeaderValue;
use axum::http::header::HeaderName;
use axum::response::{IntoResponse, Response};
use jiff::tz::TimeZone;
use maud::{Markup, html};

use super::text::{count, counted, percent};
use super::{Refused, chart, figures, layout};
use crate::admin::Admin;
use crate::admin::access::{SHARE_VIEWS, Share, Shared};
use crate::admin::api::problem::Problem;
use crate::admin::listener::Peer;
use crate::domain::counter::Dimension;
use crate::domain::facet::{Facet, LinkFacet};
use crate::domain::filter::Filter;
use crate::domain::link::LinkId;
use crate::links::catalog::CatalogError;
use crate::stats::query::By;
use crate::stats::wire::StatsReport;

/// The most values of one breakdown.
const ROWS: usize = 10;

const BREAKDOWNS: [(Dimension, &str); 4] = [
    (Dimension::Source, "Source"),
    (Dimension::Country, "Country"),
    (Dimension::Device, "Device"),
    (Dimension::Browser, "Browser"),
];

pub(super) async fn page(
    State(admin): State<Admin>,
    peer: Peer,
    Path(token): Path<String>,
) -> Result<Response, Refused> {
    admin.access.limiter.take(SHARE_VIEWS, &peer.network(), admin.clock.now_ms())?;
    let share = admin.access.shares.known(&token, admin.clock.now()).await?.ok_or_else(unknown)?;
    let (title, filter) = subject(&admin, &share).await?;
    let [source, country, device, browser] = BREAKDOWNS.map(|(dimension, _)| By::from(dimension));
    let reports = figures::recent(&admin, filter, [By::Day, source, country, device, browser]).await?;
    let noindex = (HeaderName::from_static("x-robots-tag"), HeaderValue::from_static("noindex, nofollow"));
    Ok(([noindex], draw(&title, &admin.report_zone, &reports)).into_response())
}

/// Revoked, ended and never made look alike.
fn unknown() -> Problem {
    Problem::not_found("nothing is shared here, or not any more: ask whoever gave you the address")
}

/// What it is called, and which clicks it is about.
async fn subject(admin: &Admin, share: &Share) -> Result<(String, Filter), Refused> {
    match &share.of {
        Shared::Link(id) => {
            let link = match admin.catalog.get(LinkId(*id)).await {
                Err(CatalogError::NotFound(_)) => return Err(unknown().into()),
                link => link?,
            };
            let name = admin.catalog.domains().readable(&link.spec.domain, &link.spec.slug);
            Ok((link.spec.title.unwrap_or(name), Filter::of_link(link.id)))
        }
        Shared::Campaign(name) => {
            Ok((format!("Campaign {name}"), Filter::default().with(Facet::Link(LinkFacet::Campaign), name)))
        }
    }
}

fn draw(title: &str, zone: &TimeZone, [days, breakdowns @ ..]: &[StatsReport; 5]) -> Markup {
    layout::document(
        title,
        &html! {
            main {
                section.card {
                    h1 { (title) }
                    dl.totals {
                        div { dt { "Clicks of people" } dd { (count(days.clicks)) } }
                        @if let Some(visitors) = days.visitors { div { dt { "Visitors" } dd { (count(visitors)) } } }
                    }
                    (chart::draw(days, None, zone))
                }
                @if days.clicks > 0 {
                    div.columns { @for ((_, title), report) in BREAKDOWNS.iter().zip(breakdowns) { (breakdown(title, report)) } }
                }
                p.hint { "Counted by Waypost: each click of a person once, without robots, previews and double taps." }
            }
        },
    )
}

fn breakdown(title: &str, report: &StatsReport) -> Markup {
    let others = report.rows.len().saturating_sub(ROWS);
    html! {
        section.card {
            h2 { (title) }
            table.values {
                thead { tr { th scope="col" { span.unseen { (title) } } th.number scope="col" { "Clicks" } th.number scope="col" { "Share" } } }
                tbody {
                    @for row in report.rows.iter().take(ROWS) {
                        tr { td { (row.value) } td.number { (count(row.clicks)) } td.number { (percent(row.share)) } }
                    }
                }
            }
            @if others > 0 { p.hint { "and " (counted(others as u64, "other")) } }
        }
    }
}
