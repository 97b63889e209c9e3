//! Clicks per day as bars, drawn as SVG without a script or an inline style. Everything is placed in per cent, so
//! that bars stretch with the page and letters do not. The numbers are in a table below it.

use jiff::civil::Date;
use maud::{Markup, html};

use super::text::{count, counted, short_day};
use super::words::{Word, defined};
use crate::stats::wire::{StatsReport, StatsRow};

/// How much of its day a bar fills, in per cent.
const BAR: f64 = 76.0;

/// Days between two labels, counted back from the last one.
const LABEL_DAYS: usize = 7;

/// The most lines above the ground line.
const LINES_MAX: u64 = 4;

/// One bar for each day of `report`, which is by day.
pub(super) fn days(report: &StatsReport) -> Markup {
    let most = report.rows.iter().max_by_key(|row| row.clicks).filter(|row| row.clicks > 0);
    let scale = Scale::up_to(most.map_or(0, |row| row.clicks));
    html! {
        figure.chart {
            div.plot {
                div.steps aria-hidden="true" { @for line in scale.lines().rev() { span { (count(line)) } } }
                (bars(report, scale))
                (dates(&report.rows))
            }
            figcaption {
                "Clicks per day, " (report.from) " to " (report.to) " (" (report.time_zone) "). "
                @if let Some(row) = most {
                    "Most on one day: " (counted(row.clicks, "click")) " on " (row.value) ". The last day is not over."
                } @else { "No clicks in these days yet." }
            }
            (numbers(report))
        }
    }
}

fn bars(report: &StatsReport, scale: Scale) -> Markup {
    let slot = 100.0 / report.rows.len().max(1) as f64;
    html! {
        svg.bars role="img" aria-label={ "Clicks per day, " (report.from) " to " (report.to) "; the table below has the numbers" } {
            @for line in scale.lines() {
                @let y = per_cent(100.0 - scale.height(line));
                line.ground[line == 0] x1="0%" x2="100%" y1=(y) y2=(y) {}
            }
            @for (place, row) in report.rows.iter().enumerate() { (bar(place as f64 * slot, slot, row, scale)) }
        }
    }
}

/// A bar, and the whole of its day to point at.
fn bar(left: f64, slot: f64, row: &StatsRow, scale: Scale) -> Markup {
    let height = scale.height(row.clicks);
    html! {
        g {
            title { (row.value) ": " (counted(row.clicks, "click")) }
            rect.reach x=(per_cent(left)) y="0%" width=(per_cent(slot)) height="100%" {}
            @if row.clicks > 0 {
                rect.some x=(per_cent(left + slot * (100.0 - BAR) / 200.0)) y=(per_cent(100.0 - height))
                    width=(per_cent(slot * BAR / 100.0)) height=(per_cent(height)) {}
            }
        }
    }
}

/// A date under every seventh bar, back from the last.
fn dates(rows: &[StatsRow]) -> Markup {
    let slot = 100.0 / rows.len().max(1) as f64;
    let labelled = rows.iter().enumerate().rev().step_by(LABEL_DAYS);
    html! {
        svg.dates aria-hidden="true" {
            @for (place, row) in labelled {
                @let is_last = place + 1 == rows.len();
                @let x = if is_last { 100.0 } else { (place as f64 + 0.5) * slot };
                text x=(per_cent(x)) y="1em" text-anchor=(if is_last { "end" } else { "middle" }) {
                    (row.value.parse::<Date>().map_or_else(|_| row.value.clone(), short_day))
                }
            }
        }
    }
}

fn numbers(report: &StatsReport) -> Markup {
    let known = |number: Option<u64>| number.map_or_else(|| "unknown".to_owned(), count);
    html! {
        details {
            summary { "The numbers of each day" }
            table {
                thead {
                    tr {
                        th scope="col" { (defined(Word::Day, "Day")) " (" (report.time_zone) ")" }
                        th.number scope="col" { (defined(Word::Click, "Clicks")) }
                        th.number scope="col" { (defined(Word::Visitor, "Visitors")) }
                        th.number scope="col" { (defined(Word::Hit, "Hits")) }
                    }
                }
                tbody {
                    @for row in report.rows.iter().rev() {
                        tr {
                            th scope="row" { (row.value) }
                            td.number { (count(row.clicks)) }
                            td.number { (known(row.visitors)) }
                            td.number { (known(row.hits)) }
                        }
                    }
                }
            }
        }
    }
}

fn per_cent(number: f64) -> String {
    format!("{number:.2}%")
}

/// Lines at 0, `step`, `2 * step` … up to `top`: round numbers that people can read between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Scale {
    step: u64,
    top: u64,
}

impl Scale {
    /// The steps are 1, 2 or 5 times a power of ten.
    fn up_to(most: u64) -> Self {
        let most = most.max(1);
        let powers = std::iter::successors(Some(1_u64), |power| power.checked_mul(10));
        let steps = powers.flat_map(|power| [1, 2, 5].map(|times| power.saturating_mul(times)));
        let step = steps.into_iter().find(|step| most.div_ceil(*step) <= LINES_MAX).unwrap_or(most);
        Self { step, top: step.saturating_mul(most.div_ceil(step)) }
    }

    fn lines(self) -> impl DoubleEndedIterator<Item = u64> {
        (0..=self.top / self.step).map(move |line| line * self.step)
    }

    /// In per cent of the chart. What is not zero is seen.
    fn height(self, clicks: u64) -> f64 {
        if clicks == 0 { 0.0 } else { (100.0 * clicks as f64 / self.top as f64).max(1.5) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_round_and_reach_over_the_longest_bar() {
        for (most, step, top) in
            [(0, 1, 1), (1, 1, 1), (4, 1, 4), (5, 2, 6), (19, 5, 20), (212, 100, 300), (1_234, 500, 1_500)]
        {
            assert_eq!(Scale::up_to(most), Scale { step, top }, "{most}");
        }
        let scale = Scale::up_to(u64::MAX);
        assert!(scale.lines().count() <= 5, "{scale:?}");
    }

    #[test]
    fn what_is_not_zero_is_seen() {
        let scale = Scale::up_to(1_000_000);
        assert!(scale.height(1) > 1.0);
        assert!((scale.height(1_000_000) - 100.0).abs() < 1e-9);
    }
}
