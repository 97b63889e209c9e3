//! Clicks over time as bars, with those of other days behind them or of another link beside them, drawn as SVG without a script or an inline style.
//! Everything is placed in per cent, so that bars stretch with the page and letters do not. The numbers are in a table
//! below it.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use maud::{Markup, html};

use super::help::{Word, defined};
use super::text::{count, counted, short_day};
use crate::stats::wire::{StatsReport, StatsRow};

/// How much of its place a bar fills, and one behind another, and one beside another, in per cent.
const BAR: f64 = 60.0;
const BAR_BEFORE: f64 = 88.0;
const BAR_BESIDE: f64 = 76.0;

/// Beyond this many days a bar is a week.
const BARS_MAX: usize = 120;
const WEEK: usize = 7;

/// About how many labels stand under the bars.
const LABELS: usize = 6;

/// The most lines above the ground line.
const LINES_MAX: u64 = 4;

/// One bar.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Bar {
    /// `2026-11-21`, `week of 2026-11-15`, `13:00`
    name: String,
    label: String,
    clicks: u64,
    /// Of what it is drawn against.
    other: Option<u64>,
    visitors: Option<u64>,
    hits: Option<u64>,
}

/// What a bar stands for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Hour,
    Day,
    Week,
}

impl Step {
    fn name(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
        }
    }
}

/// What clicks are drawn against.
#[derive(Clone, Copy)]
pub(super) enum Against<'a> {
    /// Other days, and what they are called. Their bars stand behind.
    Days(&'a StatsReport, &'a str),
    /// Another link in the same days, after the names of both. Its bars stand beside.
    Link([&'a str; 2], &'a StatsReport),
}

impl<'a> Against<'a> {
    fn report(self) -> &'a StatsReport {
        match self {
            Self::Days(report, _) | Self::Link(_, report) => report,
        }
    }
}

/// The bars of `now`, which is by day or by hour.
pub(super) fn draw(now: &StatsReport, against: Option<Against<'_>>, zone: &TimeZone) -> Markup {
    let step = match (now.by.as_str(), now.rows.len()) {
        ("hour", _) => Step::Hour,
        (_, days) if days > BARS_MAX => Step::Week,
        _ => Step::Day,
    };
    let bars = bars(now, against.map(Against::report), step, zone);
    let scale = Scale::up_to(bars.iter().map(|bar| bar.clicks.max(bar.other.unwrap_or(0))).max().unwrap_or(0));
    html! {
        figure.chart {
            div.plot {
                div.steps aria-hidden="true" { @for line in scale.lines().rev() { span { (count(line)) } } }
                (drawn(now, against, &bars, scale, step))
                (labels(&bars))
            }
            (caption(now, against, &bars, step))
            (numbers(now, against, &bars, step))
        }
    }
}

/// The shape of a series without a scale, to stand beside its sum in a table; screen readers have the sum.
pub(super) fn spark(clicks: &[u64]) -> Markup {
    let most = clicks.iter().copied().max().unwrap_or(0).max(1) as f64;
    let step = 100.0 / clicks.len().max(1) as f64;
    html! {
        svg.spark viewBox="0 0 100 24" preserveAspectRatio="none" aria-hidden="true" {
            @for (place, clicks) in clicks.iter().enumerate().filter(|(_, clicks)| **clicks > 0) {
                @let height = (24.0 * *clicks as f64 / most).max(1.0);
                rect x=(format!("{:.1}", place as f64 * step)) y=(format!("{:.1}", 24.0 - height)) width=(format!("{:.1}", step * 0.8)) height=(format!("{height:.1}")) {}
            }
        }
    }
}

fn bars(now: &StatsReport, other: Option<&StatsReport>, step: Step, zone: &TimeZone) -> Vec<Bar> {
    let other_rows = other.map(|other| other.rows.as_slice());
    let single = now.rows.iter().enumerate().map(|(place, row)| {
        let (name, label) = named(row, step, zone);
        let other = other_rows.map(|rows| rows.get(place).map_or(0, |row| row.clicks));
        Bar { name, label, clicks: row.clicks, other, visitors: row.visitors, hits: row.hits }
    });
    let single: Vec<Bar> = single.collect();
    // Counted back from the last day, so that the first week is the one that may be cut.
    if step == Step::Week { single.rchunks(WEEK).rev().map(week).collect() } else { single }
}

fn named(row: &StatsRow, step: Step, zone: &TimeZone) -> (String, String) {
    if step == Step::Hour {
        let hour = row.value.parse::<Timestamp>().map(|at| at.to_zoned(zone.clone()).strftime("%H:%M").to_string());
        let hour = hour.unwrap_or_else(|_| row.value.clone());
        return (hour.clone(), hour);
    }
    let label = row.value.parse::<Date>().map_or_else(|_| row.value.clone(), short_day);
    (row.value.clone(), label)
}

fn week(days: &[Bar]) -> Bar {
    let sum = |number: fn(&Bar) -> Option<u64>| days.iter().map(number).sum::<Option<u64>>();
    Bar {
        name: format!("{} to {}", days[0].name, days[days.len() - 1].name),
        label: days[0].label.clone(),
        clicks: days.iter().map(|day| day.clicks).sum(),
        other: sum(|day| day.other),
        visitors: sum(|day| day.visitors),
        hits: sum(|day| day.hits),
    }
}

fn drawn(report: &StatsReport, against: Option<Against<'_>>, bars: &[Bar], scale: Scale, step: Step) -> Markup {
    let slot = 100.0 / bars.len().max(1) as f64;
    let half = slot / 2.0;
    html! {
        svg.bars role="img" aria-label={ "Clicks per " (step.name()) ", " (report.from) " to " (report.to) "; the table below has the numbers" } {
            @for line in scale.lines() {
                @let y = per_cent(100.0 - scale.height(line));
                line.ground[line == 0] x1="0%" x2="100%" y1=(y) y2=(y) {}
            }
            @for (place, bar) in bars.iter().enumerate() {
                g {
                    title { (told(bar, against)) }
                    rect.reach x=(per_cent(place as f64 * slot)) y="0%" width=(per_cent(slot)) height="100%" {}
                    @let (left, height, other) = (place as f64 * slot, scale.height(bar.clicks), scale.height(bar.other.unwrap_or(0)));
                    @if let Some(Against::Link(..)) = against {
                        (one("some", left, half, BAR_BESIDE, height))
                        (one("other", left + half, half, BAR_BESIDE, other))
                    } @else {
                        (one("before", left, slot, BAR_BEFORE, other))
                        (one("some", left, slot, BAR, height))
                    }
                }
            }
        }
    }
}

/// What a bar says to whoever points at it.
fn told(bar: &Bar, against: Option<Against<'_>>) -> String {
    let (name, clicks) = (&bar.name, counted(bar.clicks, "click"));
    match (against, bar.other) {
        (Some(Against::Link([one, two], _)), Some(other)) => format!("{name}: {one} {clicks}, {two} {}", count(other)),
        (_, Some(other)) => format!("{name}: {clicks}, before: {}", count(other)),
        (_, None) => format!("{name}: {clicks}"),
    }
}

/// A bar that fills `width` per cent of its place, which begins at `left`.
fn one(class: &str, left: f64, slot: f64, width: f64, height: f64) -> Markup {
    let left = left + slot * (100.0 - width) / 200.0;
    html! {
        @if height > 0.0 {
            rect class=(class) x=(per_cent(left)) y=(per_cent(100.0 - height)) width=(per_cent(slot * width / 100.0)) height=(per_cent(height)) {}
        }
    }
}

/// Some of the labels, counted back from the last one.
fn labels(bars: &[Bar]) -> Markup {
    let slot = 100.0 / bars.len().max(1) as f64;
    let every = if bars.len() > LABELS { bars.len().div_ceil(LABELS) } else { 1 };
    html! {
        svg.dates aria-hidden="true" {
            @for (place, bar) in bars.iter().enumerate().rev().step_by(every) {
                @let is_last = place + 1 == bars.len() && bars.len() > 1;
                @let x = if is_last { 100.0 } else { (place as f64 + 0.5) * slot };
                text x=(per_cent(x)) y="1em" text-anchor=(if is_last { "end" } else { "middle" }) { (bar.label) }
            }
        }
    }
}

fn caption(now: &StatsReport, against: Option<Against<'_>>, bars: &[Bar], step: Step) -> Markup {
    let most = bars.iter().max_by_key(|bar| bar.clicks).filter(|bar| bar.clicks > 0);
    html! {
        figcaption {
            @match against {
                Some(Against::Link([one, two], _)) => {
                    (defined(Word::Click, "Clicks")) " per " (step.name()) " on "
                    span.together { span.key {} (one) } " and " span.together { span.key.other {} (two) } ", " (now.from) " to " (now.to) " (" (now.time_zone) ")"
                },
                _ => { span.together { span.key {} (defined(Word::Click, "Clicks")) " per " (step.name()) } ", " (now.from) " to " (now.to) " (" (now.time_zone) ")" },
            }
            @if let Some(Against::Days(before, name)) = against {
                "; behind them " span.together { span.key.before {} (defined(Word::Before, name)) } ", " (before.from) " to " (before.to)
            }
            ". "
            @match (most, against) {
                (_, Some(Against::Link(..))) => {},
                (Some(bar), _) => { "Most in one " (step.name()) ": " (counted(bar.clicks, "click")) " on " (bar.name) "." },
                (None, _) => { "No clicks in these days." },
            }
        }
    }
}

fn numbers(now: &StatsReport, against: Option<Against<'_>>, bars: &[Bar], step: Step) -> Markup {
    let known = |number: Option<u64>| number.map_or_else(|| "unknown".to_owned(), count);
    let links = if let Some(Against::Link(names, _)) = against { Some(names) } else { None };
    let has_more = step != Step::Hour && links.is_none();
    html! {
        details {
            summary { "The numbers of each " (step.name()) }
            table {
                caption.unseen { "Clicks per " (step.name()) }
                thead {
                    tr {
                        th scope="col" { (defined(Word::Day, if step == Step::Hour { "Hour" } else { "Day" })) " (" (now.time_zone) ")" }
                        th.number scope="col" { @if let Some([one, _]) = links { (one) } @else { (defined(Word::Click, "Clicks")) } }
                        @match against {
                            Some(Against::Link([_, two], _)) => { th.number scope="col" { (two) } },
                            Some(Against::Days(..)) => { th.number scope="col" { (defined(Word::Before, "Before")) } },
                            None => {},
                        }
                        @if has_more {
                            th.number scope="col" { (defined(Word::Visitor, "Visitors")) }
                            th.number scope="col" { (defined(Word::Hit, "Hits")) }
                        }
                    }
                }
                tbody {
                    @for bar in bars.iter().rev() {
                        tr {
                            th scope="row" { (bar.name) }
                            td.number { (count(bar.clicks)) }
                            @if let Some(other) = bar.other { td.number { (count(other)) } }
                            @if has_more { td.number { (known(bar.visitors)) } td.number { (known(bar.hits)) } }
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

    #[test]
    fn a_long_time_is_drawn_by_the_week_and_loses_no_click() {
        let row = |clicks| StatsRow {
            value: "2026-11-21".to_owned(),
            label: None,
            clicks,
            share: 0.0,
            visitors: Some(1),
            hits: None,
        };
        let json = serde_json::json!({"link": null, "campaign": null, "from": "2026-01-01", "to": "2026-12-31",
            "time_zone": "UTC", "by": "day", "clicks": 365, "visitors": null, "hits": null, "verdicts": null, "rows": []});
        let mut report: StatsReport = serde_json::from_value(json).unwrap();
        report.rows = (0..365).map(|_| row(1)).collect();
        let bars = bars(&report, Some(&report), Step::Week, &TimeZone::UTC);
        assert_eq!((bars.len(), bars[0].clicks, bars[1].clicks), (53, 1, 7));
        assert_eq!(bars.iter().map(|bar| bar.other.unwrap()).sum::<u64>(), 365);
        assert_eq!((bars[1].visitors, bars[1].hits), (Some(7), None));
    }
}
