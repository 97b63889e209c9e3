//! Clicks per day as bars, drawn as SVG without a script or an inline style.

use maud::{Markup, html};

use super::text::counted;
use crate::stats::wire::{StatsReport, StatsRow};

const HEIGHT: f64 = 96.0;
const STEP: usize = 20;
const BAR: usize = 16;

/// One bar for each day of `report`, which is by day.
pub(super) fn days(report: &StatsReport) -> Markup {
    let most = report.rows.iter().map(|row| row.clicks).max().unwrap_or(0);
    let width = report.rows.len() * STEP;
    html! {
        figure.chart {
            svg viewBox={ "0 0 " (width) " " (HEIGHT) } preserveAspectRatio="none" role="img"
                aria-label={ "Clicks per day, " (report.from) " to " (report.to) } {
                @for (place, row) in report.rows.iter().enumerate() { (bar(place, row, most)) }
            }
            figcaption {
                span { (report.from) }
                span { "most on one day: " (counted(most, "click")) }
                span { (report.to) }
            }
        }
    }
}

/// What is not zero is seen: a bar is at least two units high.
fn bar(place: usize, row: &StatsRow, most: u64) -> Markup {
    let height = if row.clicks == 0 { 1.0 } else { (HEIGHT * row.clicks as f64 / most as f64).max(2.0) };
    html! {
        rect class=(if row.clicks == 0 { "none" } else { "some" }) x=(place * STEP + (STEP - BAR) / 2)
            y=(format!("{:.1}", HEIGHT - height)) width=(BAR) height=(format!("{height:.1}")) {
            title { (row.value) ": " (counted(row.clicks, "click")) }
        }
    }
}
