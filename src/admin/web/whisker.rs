//! A click-through rate with its interval, drawn as a dot and whiskers on a scale that the rows of a table share.

use maud::{Markup, html};

use super::help::{Word, defined};
use super::text::{interval, parts, rate};
use crate::stats::wire::{CtrRow, Standing, StandingVerdict};

/// From 0 to the ratio at the right end, a round one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Scale {
    top: f64,
}

impl Scale {
    /// Reaches over every interval that rests on enough data; a wild guess must not squeeze the others.
    pub(super) fn of(rows: &[CtrRow]) -> Self {
        let high = |only_enough: bool| {
            let rows = rows.iter().filter(move |row| row.enough || !only_enough);
            rows.filter_map(|row| row.high).fold(0.0, f64::max)
        };
        let high = if high(true) > 0.0 { high(true) } else { high(false) };
        Self { top: round_up(high) }
    }

    /// Where a ratio is, in per cent of the width; what lies beyond is at the end.
    fn place(self, ratio: f64) -> String {
        format!("{:.2}%", (100.0 * ratio / self.top).clamp(0.0, 100.0))
    }

    /// What stands above the whiskers.
    pub(super) fn ends(self) -> Markup {
        html! { span.ends { span { "0 %" } span { (rate(self.top)) } } }
    }
}

/// The next of 1, 2, 3, 4, 5 times a power of ten; 1 when there is nothing.
fn round_up(ratio: f64) -> f64 {
    if !ratio.is_finite() || ratio <= 0.0 {
        return 1.0;
    }
    let power = 10_f64.powf(ratio.log10().floor());
    let times = [1.0, 2.0, 3.0, 4.0, 5.0, 10.0];
    times.iter().map(|times| times * power).find(|end| *end >= ratio * (1.0 - 1e-9)).unwrap_or(ratio)
}

/// Nothing where there is no ratio. The words beside it say the same, so it is hidden from those who cannot see it.
pub(super) fn draw(row: &CtrRow, scale: Scale) -> Markup {
    let (Some(ctr), Some(low), Some(high)) = (row.ctr, row.low, row.high) else { return html! {} };
    let (from, to) = (scale.place(low), scale.place(high));
    html! {
        svg.whisker.faint[!row.enough] aria-hidden="true" {
            @if let Some((from, width)) = usual(row, scale) { rect.band x=(from) width=(width) y="10%" height="80%" {} }
            line.scale x1="0%" x2="100%" y1="50%" y2="50%" {}
            line x1=(from) x2=(to) y1="50%" y2="50%" {}
            line x1=(from) x2=(from) y1="25%" y2="75%" {}
            // Beyond the end of the scale there is no end to draw.
            @if high <= scale.top { line x1=(to) x2=(to) y1="25%" y2="75%" {} }
            @if ctr <= scale.top { circle cx=(scale.place(ctr)) cy="50%" r="3.5" {} }
        }
    }
}

/// Where the usual band lies, and how wide it is, in per cent.
fn usual(row: &CtrRow, scale: Scale) -> Option<(String, String)> {
    let band = row.baselines.iter().find(|standing| standing.of == "usual")?;
    let place = |ratio: f64| (100.0 * ratio / scale.top).clamp(0.0, 100.0);
    let (from, to) = (place(band.low.unwrap_or(0.0)), band.high.map_or(100.0, place));
    (from < to).then(|| (format!("{from:.2}%"), format!("{:.2}%", to - from)))
}

/// Rates with the band that is usual beside each, for a page that has room for one line of words.
pub(super) fn table(rows: &[CtrRow]) -> Markup {
    let scale = Scale::of(rows);
    html! {
        table.levels {
            thead {
                tr {
                    th scope="col" { (defined(Word::Level, "Placement")) }
                    th.number scope="col" { (defined(Word::Ctr, "CTR")) ", " (defined(Word::Interval, "95 % interval")) }
                    th.roomy scope="col" { (scale.ends()) }
                }
            }
            tbody {
                @for row in rows {
                    @let usual = row.baselines.iter().find(|standing| standing.verdict != StandingVerdict::NotEnoughData);
                    tr {
                        th scope="row" { (row.label.as_deref().unwrap_or(&row.value)) small { (parts(row)) } }
                        td.number { b { (rate(row.ctr.unwrap_or_default())) } @if let Some(interval) = interval(row) { small { (interval) } } }
                        td.roomy { (draw(row, scale)) @if let Some(usual) = usual { small { (stands(usual)) } } }
                    }
                }
            }
        }
    }
}

fn stands(usual: &Standing) -> Markup {
    html! { (usual.verdict.words()) " " (defined(Word::Baseline, "the usual")) @if let Some(band) = band(usual) { " " (band) } }
}

fn band(usual: &Standing) -> Option<String> {
    match (usual.low, usual.high) {
        (Some(low), Some(high)) if low < high => {
            Some(format!("{} to {}", rate(low).trim_end_matches(" %"), rate(high)))
        }
        (Some(low), None) => Some(format!("from {}", rate(low))),
        (None, Some(high)) => Some(format!("up to {}", rate(high))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(low: f64, high: f64, enough: bool) -> CtrRow {
        let json = serde_json::json!({"value": "1", "label": null, "level": null, "kind": null, "clicks": 1,
            "impressions": 1, "ctr": f64::midpoint(low, high), "low": low, "high": high, "interval": "wilson",
            "enough": enough, "as_of": null, "clicks_outside": 0, "notes": []});
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn the_scale_ends_on_a_round_rate_over_every_interval_that_means_something() {
        assert_eq!(Scale::of(&[row(0.01, 0.038, true), row(0.1, 0.9, false)]), Scale { top: 0.04 });
        assert_eq!(Scale::of(&[row(0.1, 0.9, false)]), Scale { top: 1.0 });
        assert_eq!(Scale::of(&[]), Scale { top: 1.0 });
        assert_eq!(Scale::of(&[row(1.0, 2.0, true)]), Scale { top: 2.0 });
    }

    #[test]
    fn an_interval_beyond_the_scale_has_no_end_inside_it() {
        let scale = Scale { top: 0.04 };
        assert_eq!(draw(&row(0.01, 0.03, true), scale).into_string().matches("<line").count(), 4);
        let beyond = draw(&row(0.1, 0.9, false), scale).into_string();
        assert_eq!((beyond.matches("<line").count(), beyond.contains("circle")), (3, false));
    }
}
