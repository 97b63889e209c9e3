//! One facet of the clicks, largest first, as a table with bars. A click on a bar filters the whole page by it.

use maud::{Markup, html};

use super::help::{Word, defined};
use super::map;
use super::parts::{empty, share};
use super::text::{count, percent};
use super::values;
use super::view::View;
use crate::domain::counter::OTHER;
use crate::domain::facet::{ClickFacet, Facet};
use crate::stats::query::By;
use crate::stats::wire::{StatsReport, StatsRow};

/// Values on a page that shows more than one breakdown; `values` has all of them.
const ROWS: usize = 8;

/// What is broken down, the words above it, and what they mean where that is not plain.
#[derive(Clone, Copy)]
pub(super) struct Breakdown<'a> {
    pub(super) facet: Facet,
    pub(super) title: &'a str,
    pub(super) word: Option<Word>,
}

impl Breakdown<'_> {
    pub(super) fn by(self) -> By {
        By::Value(self.facet)
    }

    /// `class` says how much room the card takes in its grid.
    pub(super) fn card(self, view: &View, report: &StatsReport, class: &str) -> Markup {
        html! {
            section class={ "card " (class) } {
                h2 { (self.heading()) }
                (self.table(view, report))
            }
        }
    }

    /// Its title, explained where that is not plain.
    pub(super) fn heading(self) -> Markup {
        html! { @match self.word { Some(word) => (defined(word, self.title)), None => (self.title) } }
    }

    pub(super) fn table(self, view: &View, report: &StatsReport) -> Markup {
        let (first, others) = report.rows.split_at(report.rows.len().min(ROWS));
        html! {
            @if first.is_empty() { (empty("No clicks in these days.", None)) } @else {
                (self.values(view, first))
                @if !others.is_empty() { p { a href=(values::address(view, self.facet)) { "All " (count(report.rows.len() as u64)) } } }
            }
        }
    }

    /// A row for each value, each with the ways to see nothing but it, and everything else.
    pub(super) fn values(self, view: &View, rows: &[StatsRow]) -> Markup {
        html! {
            table.values {
                thead {
                    tr {
                        th scope="col" { span.unseen { (self.title) } }
                        th.number scope="col" { (defined(Word::Click, "Clicks")) }
                        th.number scope="col" { "Share" }
                    }
                }
                tbody { @for row in rows { (self.row(view, row)) } }
            }
        }
    }

    /// A value as people call it.
    pub(super) fn name(self, value: &str) -> &str {
        if self.facet == Facet::Click(ClickFacet::Country) { map::name(value) } else { value }
    }

    fn row(self, view: &View, row: &StatsRow) -> Markup {
        let name = row.label.as_deref().unwrap_or_else(|| self.name(&row.value));
        let only = view.filtered(view.filter.clone().with(self.facet, &row.value)).href();
        let but = view.filtered(view.filter.clone().but(self.facet, &row.value)).href();
        html! {
            tr {
                th scope="row" {
                    @if row.value == OTHER { (name) } @else {
                        span.pick {
                            a href=(only) { (name) }
                            a.but href=(but) aria-label={ "All but " (name) } { "not" }
                        }
                    }
                    (share(row.share))
                }
                td.number { (count(row.clicks)) }
                td.number { (percent(row.share)) }
            }
        }
    }
}
