//! The latest hits that were no clicks, each with why: where the counts of what was filtered lead to.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use maud::{Markup, html};
use serde::Deserialize;

use super::Refused;
use super::help::{Word, defined};
use super::layout::{self, Place};
use super::text::{short, when};
use crate::admin::Admin;
use crate::admin::api::filtered::verdict;
use crate::admin::filtered::{DAYS, Wanted, latest};
use crate::admin::wire;
use crate::domain::click::Click;
use crate::domain::explain;
use crate::domain::link::LinkId;

/// Hits on one page; the API has more.
const HITS: usize = 50;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Params {
    link: Option<u64>,
    verdict: Option<String>,
    reason: Option<String>,
}

/// The page's address for one link or all, and one verdict and reason.
pub(super) fn address(link: Option<u64>, verdict: &str, reason: &str) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(link.map(|id| ("link", id.to_string())));
    query.extend_pairs([("verdict", verdict), ("reason", reason)].into_iter().filter(|(_, value)| !value.is_empty()));
    format!("/filtered?{}", query.finish())
}

pub(super) async fn page(
    State(admin): State<Admin>,
    params: Result<Query<Params>, QueryRejection>,
) -> Result<Markup, Refused> {
    let Query(params) = params?;
    let wanted = Wanted {
        link: params.link.map(LinkId),
        verdict: params.verdict.as_deref().map(verdict).transpose()?,
        reason: params.reason.clone(),
        limit: HITS,
    };
    let hits = latest(&admin, wanted).await?;
    let content = html! {
        section.card {
            h1 { "Not counted as clicks" }
            p {
                "The latest hits that had another " (defined(Word::Verdict, "verdict")) " than human, newest first, of the last "
                (DAYS) " days" (narrowed(&params)) "."
                @if params.link.is_some() || params.verdict.is_some() { " " a href="/filtered" { "All of them" } }
            }
            @if hits.is_empty() { p.hint { "There is none." } } @else {
                ul.hits { @for hit in &hits { (item(&admin, hit)) } }
            }
            p.hint {
                "A rule took a person for a program? A row in a table of your own sets it right, for the past too: "
                code { "waypost reclassify" } "."
            }
        }
    };
    Ok(layout::page(Place::Elsewhere, "Not counted as clicks", &content))
}

fn narrowed(params: &Params) -> Markup {
    let parts = [params.verdict.as_deref(), params.reason.as_deref()];
    html! {
        @if let Some(link) = params.link { ", on " a href={ "/links/" (link) } { "this link" } }
        @for part in parts.into_iter().flatten() { ", " span.tag { (part) } }
    }
}

fn item(admin: &Admin, hit: &Click) -> Markup {
    let at = jiff::Timestamp::from_millisecond(hit.time_ms).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    let shown = wire::Click::new(hit);
    html! {
        li {
            a.tag href=(address(Some(hit.link.id.0), hit.verdict.as_str(), &hit.reason)) { (hit.verdict) } " "
            (explain::verdict(hit))
            small { (when(at, &admin.report_zone)) ", " a href={ "/links/" (hit.link.id) } { (short(&hit.link.slug, 32)) } }
            details {
                summary { "Evidence" }
                dl.facts {
                    div { dt { "id" } dd { code { (shown.id) } } }
                    div { dt { "reason" } dd { (hit.reason) } }
                    div { dt { "source" } dd { (hit.origin.source) ": " (explain::source(hit)) } }
                    @for (name, value) in &shown.evidence {
                        @if let Some(value) = value { div { dt { (super::text::plain(name)) } dd { (value) } } }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_carries_what_it_is_narrowed_to_and_nothing_more() {
        assert_eq!(address(None, "", ""), "/filtered?");
        assert_eq!(address(Some(7), "bot", "user-agent:a&b"), "/filtered?link=7&verdict=bot&reason=user-agent%3Aa%26b");
    }
}
