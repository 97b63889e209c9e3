//! `waypost ctr reconcile`: the platforms' clicks beside ours, and the causes that fit.

use super::super::figures::{count, percent};
use super::super::table::{self, Left, Right, Table};
use super::sheet::{self, Sheet};
use crate::stats::wire::{Cause, Discrepancy, Reconciliation};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    sheet: Sheet,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let Some(report) = args.sheet.ask::<Reconciliation>("/api/v1/ctr/reconcile", None)? else { return Ok(()) };
    sheet::show(report.rows.is_empty(), &render(&report))
}

fn render(report: &Reconciliation) -> String {
    let headings =
        [("post", Left), ("theirs", Right), ("all taps", Right), ("ours", Right), ("ratio", Right), ("", Left)];
    let mut table = Table::new(headings);
    for row in &report.rows {
        let known = |number: Option<u64>| number.map_or_else(|| "?".to_owned(), count);
        let ratio = row.ratio.map_or_else(String::new, |ratio| format!("{ratio:.2}"));
        let cells = [known(row.platform_link), known(row.platform_all), count(row.human), ratio];
        let [link, all, ours, ratio] = cells;
        table.row([table::cut(name(row), 40), link, all, ours, ratio, row.balance.words().to_owned()]);
    }
    let mut text = if report.rows.is_empty() { String::new() } else { table.render() };
    for row in &report.rows {
        for line in row.causes.iter().map(|cause| because(row, cause)).chain(sums(row)) {
            text.push_str(&format!("{}\n", table::shown(&line)));
        }
    }
    if report.rows_left_out > 0 {
        text.push_str(&format!("note: {} more rows are not listed\n", count(report.rows_left_out)));
    }
    text
}

fn name(row: &Discrepancy) -> &str {
    row.label.as_deref().unwrap_or(&row.value)
}

fn because(row: &Discrepancy, cause: &Cause) -> String {
    let share = cause.explains.map(|share| format!(" (explains {}%)", percent(share)));
    format!("{}: {}{}", table::cut(name(row), 40), cause.text, share.unwrap_or_default())
}

/// Says when the platform's parts do not give its own sum.
fn sums(row: &Discrepancy) -> Option<String> {
    let parts = row.parts.as_ref().filter(|parts| !parts.adds_up)?;
    let all = row.platform_all.map_or_else(String::new, count);
    Some(format!("{}: the parts of the platform's clicks give {} and not {all}", name(row), count(parts.sum)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_gap_is_shown_with_the_causes_that_fit() {
        let report = json!({"from": "2026-11-01", "to": "2026-11-21", "expected_low": 0.8, "expected_high": 1.2, "rows": [
            {"value": "x:1", "label": null, "platform": "x", "level": "post", "basis": "lifetime", "from": null, "to": null,
             "platform_link": 100, "platform_link_is": "clicks_link", "platform_all": 300, "parts": {"of": {}, "sum": 290,
             "adds_up": false}, "human": 50, "unique": 40, "all": 95, "filtered": {"bot": 45}, "ratio": 0.5,
             "balance": "ours_fewer", "causes": [{"name": "bots_on_platform", "explains": 0.9, "text": "45 hits"}]}]});
        let text = render(&serde_json::from_value(report).unwrap());
        assert!(text.contains("x:1      100       300    50   0.50  ours are fewer"), "{text}");
        assert!(text.contains("x:1: 45 hits (explains 90.00%)"), "{text}");
        assert!(text.contains("give 290 and not 300"), "{text}");
    }
}
