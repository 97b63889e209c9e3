//! All values of one facet of a view's clicks, largest first: where a breakdown leads to that has not room for all.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use maud::{Markup, html};

use super::breakdown::Breakdown;
use super::layout::{self, Place};
use super::parts::{empty, head};
use super::text::{count, counted, plain, sentence};
use super::view::View;
use super::{Refused, figures};
use crate::admin::Admin;
use crate::admin::api::problem::Problem;
use crate::domain::facet::Facet;
use crate::stats::query::By;

/// Values on one page.
const VALUES: usize = 100;

/// Where all values of `facet` in the clicks of `view` are.
pub(super) fn address(view: &View, facet: Facet) -> String {
    let view = view.filtered(view.asked());
    view.with("by", Some(facet.as_str())).href_of("/values")
}

pub(super) async fn page(
    State(admin): State<Admin>,
    pairs: Result<Query<Vec<(String, String)>>, QueryRejection>,
) -> Result<Markup, Refused> {
    let Query(pairs) = pairs?;
    let view = View::parse("/values", pairs, &["by", "page"], admin.today())?;
    let by = view.get("by").unwrap_or("country");
    let facet = Facet::parse(by).ok_or_else(|| Problem::invalid("by", "clicks do not differ in that"))?;
    let [report] = figures::clicks(&admin, &view, [By::Value(facet)]).await?;
    let number = view.page_number();
    let name = sentence(&plain(facet.as_str())).trim_end_matches('.').to_owned();
    let shown = report.rows.iter().skip((number - 1).saturating_mul(VALUES)).take(VALUES);
    let shown: Vec<_> = shown.cloned().collect();
    let about = html! {
        (counted(report.rows.len() as u64, "value")) " of " (counted(report.clicks, "click")) ", " (view.days())
        @if let Some(link) = report.link { ", of " a href=(view.days_only(&format!("/links/{link}"))) { "one link" } }
    };
    let drawn = Breakdown { facet, title: &name, word: None };
    let content = html! {
        (head(&name, about, view.without_page().picker()))
        section.card {
            (view.without_page().filters(Facet::all()))
            @if shown.is_empty() { (empty("No clicks in these days.", None)) } @else { (drawn.values(&view.without_page(), &shown)) }
            @if report.files_left_out > 0 { p.hint { (count(report.files_left_out)) " click files could not be read." } }
            (view.around(number, report.rows.len(), VALUES))
        }
    };
    Ok(layout::page(Place::Elsewhere, &name, &content))
}
