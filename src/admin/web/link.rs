//! One link: what it is, how it was clicked, and what its clicks were like.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use maud::{Markup, html};

use super::overview::{placement, rate, recent};
use super::text::{count, percent, short};
use super::{Refused, figures, layout};
use crate::admin::Admin;
use crate::domain::counter::Dimension;
use crate::domain::link::{Link, LinkId};
use crate::stats::query::By;
use crate::stats::wire::StatsReport;

/// What is broken down, with the words above it.
const BREAKDOWNS: [(Dimension, &str); 8] = [
    (Dimension::Source, "Source"),
    (Dimension::SeenOn, "Seen on"),
    (Dimension::Country, "Country"),
    (Dimension::Device, "Device"),
    (Dimension::Os, "System"),
    (Dimension::Browser, "Browser"),
    (Dimension::Referrer, "Referrer"),
    (Dimension::Reason, "Filtered out, and why"),
];

/// Values of one breakdown.
const ROWS: usize = 8;

pub(super) async fn page(
    State(admin): State<Admin>,
    number: Result<Path<u64>, PathRejection>,
) -> Result<Markup, Refused> {
    let Path(id) = number?;
    let link = admin.catalog.get(LinkId(id)).await?;
    let report = figures::recent(&admin, Some(link.id), By::Day).await?;
    let rates = figures::rates(&admin).await?;
    let mut breakdowns = Vec::with_capacity(BREAKDOWNS.len());
    for (dimension, title) in BREAKDOWNS {
        breakdowns.push((title, figures::recent(&admin, Some(link.id), By::Value(dimension)).await?));
    }
    let content = html! {
        (about(&admin, &link, &rate(rates.get(&id))))
        (recent(&report))
        div.columns { @for (title, report) in &breakdowns { (breakdown(title, report)) } }
    };
    Ok(layout::page(link.spec.slug.as_str(), &content))
}

fn about(admin: &Admin, link: &Link, rate: &Markup) -> Markup {
    let spec = &link.spec;
    let domains = admin.catalog.domains();
    html! {
        section.card {
            h1 {
                a href=(domains.short_url(&spec.domain, &spec.slug)) rel="noreferrer noopener" {
                    (short(&domains.readable(&spec.domain, &spec.slug), 80))
                }
            }
            @if let Some(title) = &spec.title { p { (title) } }
            dl.facts {
                dt { "Leads to" }
                dd { a href=(spec.destination.as_str()) rel="noreferrer noopener" { (spec.destination.as_str()) } }
                dt { "Placement" } dd { (placement(link)) }
                @for post in &spec.placement.posts { dt { "Post" } dd { (post.as_str()) } }
                @for (field, value) in spec.utm.iter() { dt { (field.key()) } dd { (value) } }
                @if !spec.tags.is_empty() { dt { "Tags" } dd { @for tag in &spec.tags { span.tag { (tag) } " " } } }
                dt { "Answers" } dd { (state(link)) }
                dt { "CTR" } dd { (rate) }
            }
        }
    }
}

fn state(link: &Link) -> String {
    let rules = &link.spec.rules;
    let code = rules.status.code();
    match (rules.enabled, rules.expires_at, &rules.expired_url) {
        (false, ..) => "404, because it is disabled".to_owned(),
        (true, None, _) => code.to_string(),
        (true, Some(at), None) => format!("{code} until {at}, then 410"),
        (true, Some(at), Some(url)) => format!("{code} until {at}, then leads to {}", url.as_str()),
    }
}

fn breakdown(title: &str, report: &StatsReport) -> Markup {
    html! {
        section.card {
            h2 { (title) }
            @if report.rows.is_empty() { p.hint { "Nothing yet." } } @else {
                table {
                    tbody {
                        @for row in report.rows.iter().take(ROWS) {
                            tr {
                                td { (row.value) meter min="0" max="1" value=(format!("{:.4}", row.share)) {} }
                                td.number { (count(row.hits.unwrap_or(row.clicks))) small { (percent(row.share)) } }
                            }
                        }
                    }
                }
                @if report.rows.len() > ROWS { p.hint { "and " (report.rows.len() - ROWS) " more" } }
            }
        }
    }
}
