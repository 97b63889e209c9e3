//! Reports as CSV, for spreadsheets: RFC 4180, and no cell that a spreadsheet would run.
//!
//! Pure. It must never leave a column out because a row has nothing in it: unknown is an empty cell, and 0 is 0.

use std::fmt::Display;

use csv::{Terminator, WriterBuilder};

use crate::domain::spreadsheet::guarded;
use crate::stats::wire::{
    Basis, CtrReport, CtrRow, Discrepancy, Interval, PlatformReport, PlatformRow, Reconciliation,
};

/// A header and rows of as many cells.
pub(crate) fn sheet(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut writer = WriterBuilder::new().terminator(Terminator::CRLF).flexible(true).from_writer(Vec::new());
    let mut write = |cells: Vec<String>| {
        let cells = cells.iter().map(|cell| guarded(cell).into_owned());
        writer.write_record(cells).expect("a vector takes whatever is written to it");
    };
    write(header.iter().map(|name| (*name).to_owned()).collect());
    rows.into_iter().for_each(&mut write);
    let bytes = writer.into_inner().expect("a vector takes whatever is written to it");
    String::from_utf8(bytes).expect("cells are text")
}

/// An unknown value is an empty cell.
pub(crate) fn cell<T: Display>(value: Option<T>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

pub(crate) fn ctr(report: &CtrReport) -> String {
    let header = [
        report.by.as_str(),
        "name",
        "level",
        "platform",
        "kind",
        "basis",
        report.numerator.as_str(),
        "impressions",
        "ctr",
        "low",
        "high",
        "interval",
        "enough",
        "posts",
        "median",
        "usual",
        "own",
        "as_of",
        "outside",
        "notes",
    ];
    sheet(&header, report.rows.iter().map(ctr_row))
}

fn ctr_row(row: &CtrRow) -> Vec<String> {
    let rate = |rate: Option<f64>| cell(rate.map(|rate| format!("{rate:.6}")));
    let beside = |of: &str| cell(row.baselines.iter().find(|found| found.of == of).map(|found| found.verdict.words()));
    vec![
        row.value.clone(),
        cell(row.label.as_ref()),
        cell(row.level.as_ref()),
        cell(row.platform.as_ref()),
        cell(row.kind.as_ref()),
        cell(row.basis.map(Basis::words)),
        cell(row.clicks),
        cell(row.impressions),
        rate(row.ctr),
        rate(row.low),
        rate(row.high),
        cell(row.interval.map(Interval::as_str)),
        row.enough.to_string(),
        row.pooled.to_string(),
        rate(row.median),
        beside("usual"),
        beside("own"),
        cell(row.as_of),
        row.clicks_outside.to_string(),
        row.notes.join("; "),
    ]
}

pub(crate) fn reconciliation(report: &Reconciliation) -> String {
    let header = [
        "post",
        "text",
        "platform",
        "level",
        "basis",
        "from",
        "to",
        "platform_link",
        "platform_link_is",
        "platform_all",
        "human",
        "unique",
        "all",
        "filtered",
        "ratio",
        "balance",
        "causes",
    ];
    sheet(&header, report.rows.iter().map(discrepancy))
}

fn discrepancy(row: &Discrepancy) -> Vec<String> {
    let filtered: Vec<_> = row.filtered.iter().map(|(verdict, count)| format!("{verdict} {count}")).collect();
    let causes: Vec<_> = row.causes.iter().map(|cause| cause.name.as_str()).collect();
    vec![
        row.value.clone(),
        cell(row.label.as_ref()),
        cell(row.platform.as_ref()),
        row.level.clone(),
        row.basis.words().to_owned(),
        cell(row.from),
        cell(row.to),
        cell(row.platform_link),
        cell(row.platform_link_is.as_ref()),
        cell(row.platform_all),
        row.human.to_string(),
        row.unique.to_string(),
        row.all.to_string(),
        filtered.join("; "),
        cell(row.ratio.map(|ratio| format!("{ratio:.4}"))),
        row.balance.words().to_owned(),
        causes.join("; "),
    ]
}

pub(crate) fn platform(report: &PlatformReport) -> String {
    let header = [
        report.by.as_str(),
        "text",
        "basis",
        "posts",
        "kind",
        "impressions",
        "reach",
        "clicks_all",
        "clicks_link",
        "ctr_all",
        "ctr_link",
        "unique_ctr",
        "currency",
        "spend",
        "cpc_all",
        "cpc_link",
        "human",
        "cpc_human",
        "as_of",
    ];
    sheet(&header, report.rows.iter().map(platform_row))
}

fn platform_row(row: &PlatformRow) -> Vec<String> {
    let rate = |rate: Option<f64>| cell(rate.map(|rate| format!("{rate:.6}")));
    let money = |amount: Option<f64>| cell(amount.map(|amount| format!("{amount:.4}")));
    vec![
        row.value.clone(),
        cell(row.label.as_ref()),
        row.basis.words().to_owned(),
        row.posts.to_string(),
        cell(row.kind.as_ref()),
        cell(row.impressions),
        cell(row.reach),
        cell(row.clicks_all),
        cell(row.clicks_link),
        rate(row.ctr_all),
        rate(row.ctr_link),
        rate(row.unique_ctr),
        cell(row.currency.as_ref()),
        money(row.spend),
        money(row.cpc_all),
        money(row.cpc_link),
        cell(row.human),
        money(row.cpc_human),
        cell(row.as_of),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_where_needed_and_never_formulas() {
        let text =
            sheet(&["a", "b"], [vec!["=1+1".to_owned(), "x,\"y\"".to_owned()], vec![String::new(), cell(Some(0))]]);
        assert_eq!(text, "a,b\r\n'=1+1,\"x,\"\"y\"\"\"\r\n,0\r\n");
    }
}
