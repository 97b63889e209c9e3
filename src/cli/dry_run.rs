//! `waypost import FILE… --dry-run` where no server runs: what the files say, and nothing more.
//!
//! It must never read a file in this process: the limited child does, as it does for the server.

use std::collections::BTreeMap;

use jiff::Zoned;
use jiff::civil::Date;
use serde_json::json;

use super::figures;
use super::print;
use super::table::{description, shown};
use crate::impressions::child::{ParseError, Parser};
use crate::impressions::container::PassedOver;
use crate::impressions::date::Order;
use crate::impressions::mapping::Mapping;
use crate::impressions::options::{Options, Span};
use crate::impressions::reading::{Contents, UsedColumn};
use crate::impressions::summary::TableSummary;

/// The most rows and parts of each sort that are shown one by one.
const SHOWN_MAX: usize = 20;

/// What files leave open.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Reading {
    /// Whose file it is, where the file does not say: instagram, facebook, x, …
    #[arg(long, value_name = "NAME", help_heading = "What a file leaves open")]
    pub(crate) platform: Option<String>,
    /// The account that the file is about
    #[arg(long, value_name = "NAME", help_heading = "What a file leaves open")]
    pub(crate) account: Option<String>,
    /// Which column holds what: post=URL,date=Day,views=Views
    #[arg(long, value_name = "ROLE=HEADER,…", value_parser = Mapping::parse, help_heading = "What a file leaves open")]
    pub(crate) map: Option<Mapping>,
    /// The days that the whole file is about: lifetime, or 2026-11-01..2026-11-30
    #[arg(long, value_name = "DAYS", value_parser = Span::parse, help_heading = "What a file leaves open")]
    pub(crate) period: Option<Span>,
    /// Whether 3/4/2026 is a day of April (day-first) or of March (month-first)
    #[arg(long, value_name = "ORDER", value_parser = order, help_heading = "What a file leaves open")]
    pub(crate) dates: Option<Order>,
    /// The year of the newest day, of files whose days have none
    #[arg(long, value_name = "YEAR", value_parser = clap::value_parser!(i16).range(2004..=2100), help_heading = "What a file leaves open")]
    pub(crate) year: Option<i16>,
    /// The time zone in which the file's days begin: Europe/Stockholm
    #[arg(long, value_name = "ZONE", help_heading = "What a file leaves open")]
    pub(crate) tz: Option<String>,
    /// The currency of money without one: EUR
    #[arg(long, value_name = "CODE", help_heading = "What a file leaves open")]
    pub(crate) currency: Option<String>,
}

fn order(text: &str) -> Result<Order, String> {
    Order::parse(text).ok_or_else(|| "say day-first or month-first".to_owned())
}

impl Reading {
    pub(crate) fn options(&self, file_name: &str, as_of: Option<Date>) -> Options {
        Options {
            file_name: file_name.to_owned(),
            today: Some(Zoned::now().date()),
            as_of,
            tz: self.tz.clone(),
            year: self.year,
            dates: self.dates,
            currency: self.currency.clone(),
            platform: self.platform.clone(),
            account: self.account.clone(),
            period: self.period,
            map: self.map.clone(),
            ..Options::default()
        }
    }
}

/// Reads one file and prints what it holds.
///
/// # Errors
/// When it is refused, in words for people; its wrong rows are in [`ParseError::NotRead`].
pub(super) async fn tell(bytes: Vec<u8>, name: &str, options: &Options, as_json: bool) -> Result<(), ParseError> {
    let contents = Parser::new().read(bytes, options).await?;
    let text = if as_json { json_of(name, &contents).to_string() } else { render(name, &contents) };
    print(text.trim_end()).map_err(ParseError::Start)
}

fn json_of(name: &str, contents: &Contents) -> serde_json::Value {
    let tables: Vec<_> = contents.tables.iter().map(TableSummary::of).collect();
    json!({ "file": name, "dry_run": true, "tables": tables, "passed_over": contents.passed_over })
}

fn render(name: &str, contents: &Contents) -> String {
    let mut text = format!("{} would be read; nothing was imported\n", shown(name));
    for table in &contents.tables {
        text.push_str(&render_table(&TableSummary::of(table)));
    }
    text.push_str(&passed_over(&contents.passed_over));
    text
}

/// Parts of an upload that are left out, with the reason.
pub(super) fn passed_over(parts: &[PassedOver]) -> String {
    let lines = parts.iter().take(SHOWN_MAX).map(|part| format!("note: {} is left out: {}\n", part.name, part.reason));
    lines.map(|line| escaped(&line)).collect()
}

/// One table for people.
pub(super) fn render_table(table: &TableSummary) -> String {
    let heading = if table.name.is_empty() { table.title.clone() } else { format!("{}: {}", table.name, table.title) };
    let mut text = format!("{}\n", shown(&heading));
    text.push_str(&description(&[
        ("dialect", format!("{}, numbers by {}", table.dialect, table.grains.join(" and "))),
        ("days", days(table)),
        ("as of", table.as_of.map(|day| day.to_string()).unwrap_or_default()),
        ("rows", format!("{} read, {} skipped", figures::count(table.rows), figures::count(table.skipped_count))),
        ("posts", figures::count(table.posts)),
        ("sum", sums(table)),
        ("read", table.columns.iter().map(column).collect::<Vec<_>>().join(", ")),
        ("ignored", table.ignored.join(", ")),
    ]));
    for warning in &table.warnings {
        text.push_str(&escaped(&format!("warning: {warning}\n")));
    }
    text.push_str(&skipped(table));
    text
}

fn days(table: &TableSummary) -> String {
    let days = match (table.first, table.last) {
        (Some(first), Some(last)) if first == last => first.to_string(),
        (Some(first), Some(last)) => format!("{first} to {last}"),
        _ => return String::new(),
    };
    table.zone.as_ref().map_or_else(|| days.clone(), |zone| format!("{days} ({zone})"))
}

fn sums(table: &TableSummary) -> String {
    let several = table.grains.len() > 1;
    let one = |sum: &crate::impressions::reading::Sum| {
        let words = sum.metric.replace('_', " ");
        let grain = if several { format!(" ({})", sum.grain) } else { String::new() };
        match sum.sum {
            Some(total) if sum.metric == "spend" => {
                format!("{:.2} {} spend{grain}", total as f64 / 1e6, table.currency.as_deref().unwrap_or_default())
            }
            Some(total) => format!("{} {words}{grain}", figures::count(total)),
            None if sum.numbers == 1 => format!("1 number of {words}{grain}"),
            None => format!("{} numbers of {words}, which do not add up{grain}", figures::count(sum.numbers)),
        }
    };
    table.sums.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn column(column: &UsedColumn) -> String {
    let blank = if column.blank > 0 { format!(", {} blank", figures::count(column.blank)) } else { String::new() };
    format!("{} ({}{blank})", column.header, column.role)
}

/// By reason, because one reason mostly holds for many rows.
fn skipped(table: &TableSummary) -> String {
    let mut by_reason: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    for skipped in &table.skipped {
        by_reason.entry(&skipped.reason).or_default().push(skipped.row);
    }
    let line = |(reason, rows): (&str, Vec<u64>)| {
        let first = rows.iter().take(5).map(u64::to_string).collect::<Vec<_>>().join(", ");
        let more = if rows.len() > 5 { format!(" and {} more", rows.len() - 5) } else { String::new() };
        let row = if rows.len() == 1 { "row" } else { "rows" };
        escaped(&format!("note: {row} {first}{more} skipped: {reason}\n"))
    };
    by_reason.into_iter().take(SHOWN_MAX).map(line).collect()
}

/// One line, whatever a file puts into it.
fn escaped(line: &str) -> String {
    format!("{}\n", shown(line.trim_end_matches('\n')))
}
