//! One dimension of the clicks, largest first, as a table with bars.

use maud::{Markup, html};

use super::help::{Word, defined};
use super::parts::{empty, share};
use super::text::{count, percent};
use crate::stats::wire::{StatsReport, StatsRow};

/// Values that are not folded away.
const ROWS: usize = 6;

/// The most values on the page; API and CLI have all of them.
const ROWS_MAX: usize = 200;

/// `class` says how much room the card takes in its grid.
pub(super) fn card(report: &StatsReport, title: &str, word: Option<Word>, class: &str) -> Markup {
    let shown = &report.rows[..report.rows.len().min(ROWS_MAX)];
    let (first, others) = shown.split_at(shown.len().min(ROWS));
    html! {
        section.card class=(class) {
            h2 { @match word { Some(word) => (defined(word, title)), None => (title) } }
            @if first.is_empty() { (empty("No clicks in these days.", None)) } @else {
                (values(title, first))
                @if !others.is_empty() { details { summary { (others.len()) " more" } (values(title, others)) } }
            }
        }
    }
}

fn values(title: &str, rows: &[StatsRow]) -> Markup {
    html! {
        table.values {
            thead {
                tr {
                    th scope="col" { span.unseen { (title) } }
                    th.number scope="col" { (defined(Word::Click, "Clicks")) }
                    th.number scope="col" { "Share" }
                }
            }
            tbody {
                @for row in rows {
                    tr {
                        th scope="row" { (row.value) (share(row.share)) }
                        td.number { (count(row.clicks)) }
                        td.number { (percent(row.share)) }
                    }
                }
            }
        }
    }
}
