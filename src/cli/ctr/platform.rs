//! `waypost ctr platform`: what platforms say of their own clicks, and what one cost.

use super::super::figures::{count, percent};
use super::super::table::{self, Left, Right, Table};
use super::sheet::{self, Sheet};
use crate::stats::wire::{PlatformReport, PlatformRow};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What a row stands for: post, ad, ad_set, campaign, platform, account, format, level, or a part of audience or
    /// delivery that your files tell apart, such as age, country, device or placement
    #[arg(long, default_value = "post")]
    by: String,
    #[command(flatten)]
    sheet: Sheet,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let Some(report) = args.sheet.ask::<PlatformReport>("/api/v1/ctr/platform", Some(&args.by))? else { return Ok(()) };
    sheet::show(report.rows.is_empty(), &render(&report))
}

fn render(report: &PlatformReport) -> String {
    let mut table = Table::new([
        ("", Left),
        ("clicks (all)", Right),
        ("CTR (all)", Right),
        ("link", Right),
        ("CTR (link)", Right),
        ("ours", Right),
        ("of", Left),
        ("spend", Right),
        ("CPC (all)", Right),
        ("CPC (ours)", Right),
    ]);
    for row in &report.rows {
        table.row(cells(row));
    }
    let mut text = if report.rows.is_empty() { String::new() } else { table.render() };
    let remarks = |row: &PlatformRow| row.notes.iter().cloned().chain(sums(row)).collect::<Vec<_>>();
    for row in &report.rows {
        for note in remarks(row) {
            text.push_str(&format!("note: {}: {}\n", table::shown(&table::cut(name(row), 40)), table::shown(&note)));
        }
    }
    if !report.slices.is_empty() {
        text.push_str(&format!("also by: {}\n", table::shown(&report.slices.join(", "))));
    }
    text
}

fn cells(row: &PlatformRow) -> [String; 10] {
    let known = |number: Option<u64>| number.map_or_else(|| "?".to_owned(), count);
    let rate = |rate: Option<f64>| rate.map_or_else(String::new, |rate| format!("{}%", percent(rate)));
    let currency = row.currency.as_deref().unwrap_or_default();
    let money = |amount: Option<f64>| amount.map_or_else(String::new, |amount| format!("{amount:.2} {currency}"));
    let kind = row.kind.as_deref().unwrap_or("impressions").replace('_', " ");
    [
        table::cut(name(row), 40),
        known(row.clicks_all),
        rate(row.ctr_all),
        known(row.clicks_link),
        rate(row.ctr_link),
        known(row.human),
        format!("{} {kind}", known(row.impressions)),
        money(row.spend),
        money(row.cpc_all),
        money(row.cpc_human),
    ]
}

fn name(row: &PlatformRow) -> &str {
    row.label.as_deref().unwrap_or(&row.value)
}

fn sums(row: &PlatformRow) -> Option<String> {
    let parts = row.parts.as_ref().filter(|parts| !parts.adds_up)?;
    match row.posts {
        1 => Some(format!("the parts of its clicks give {} and not {}", count(parts.sum), count(row.clicks_all?))),
        _ => Some("the parts of the clicks of some of its posts do not give their sum".to_owned()),
    }
}
