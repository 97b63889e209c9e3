//! `waypost stats`: the clicks of one link, of a campaign, or of all.

use std::collections::BTreeMap;

use clap::builder::PossibleValuesParser;
use jiff::civil::Date;
use serde::Deserialize;

use super::client::block_on;
use super::connect::Connect;
use super::figures;
use super::lookup::{self, LinkName};
use super::table::{self, Left, Right, Table};
use super::{print, when};
use crate::domain::counter::Dimension;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A slug, a short URL, or id:NUMBER; without one, all links together
    #[arg(value_name = "LINK", value_parser = LinkName::parse)]
    link: Option<LinkName>,
    /// The domain of the link, if the slug is on several
    #[arg(long)]
    domain: Option<String>,
    /// Only links of this campaign
    #[arg(long, conflicts_with = "link")]
    campaign: Option<String>,
    /// The first day, such as 2026-11-01 [default: four weeks ago]
    #[arg(long, value_name = "DAY", value_parser = when::day)]
    from: Option<Date>,
    /// The last day [default: today]
    #[arg(long, value_name = "DAY", value_parser = when::day)]
    to: Option<Date>,
    /// The time zone of days and hours, such as Europe/Stockholm [default: the server's]
    #[arg(long, value_name = "ZONE")]
    tz: Option<String>,
    /// What to break the clicks down by
    #[arg(long, default_value = "day", value_parser = PossibleValuesParser::new(breakdowns()))]
    by: String,
    #[command(flatten)]
    connect: Connect,
}

fn breakdowns() -> impl Iterator<Item = &'static str> {
    std::iter::once("day").chain(Dimension::ALL.map(Dimension::as_str))
}

/// What is shown of the API's answer.
#[derive(Debug, Deserialize)]
struct Report {
    from: String,
    to: String,
    time_zone: String,
    by: String,
    clicks: u64,
    visitors: u64,
    hits: u64,
    verdicts: BTreeMap<String, u64>,
    rows: Vec<Row>,
    #[serde(default)]
    notes: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Row {
    value: String,
    clicks: u64,
    share: Option<f64>,
    visitors: Option<u64>,
    hits: Option<u64>,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let client = args.connect.open()?;
    let answer = block_on(async {
        let link = match &args.link {
            Some(name) => Some(lookup::find(&client, name, args.domain.as_deref()).await?.id.to_string()),
            None => None,
        };
        let query = [
            ("link", link),
            ("campaign", args.campaign.clone()),
            ("from", args.from.map(|day| day.to_string())),
            ("to", args.to.map(|day| day.to_string())),
            ("tz", args.tz.clone()),
            ("by", Some(args.by.clone())),
        ];
        client.get("/api/v1/stats", &query).await
    })?;
    if args.connect.json {
        return Ok(print(&answer.text)?);
    }
    Ok(print(&render(&answer.read()?))?)
}

fn render(report: &Report) -> String {
    let mut text = format!("{}\n{}\n", table::shown(&totals(report)), table::shown(&filtered(report)));
    if !report.rows.is_empty() {
        text.push('\n');
        text.push_str(&rows(report));
    }
    for note in &report.notes {
        text.push_str(&format!("note: {}\n", table::shown(note)));
    }
    text
}

fn totals(report: &Report) -> String {
    format!(
        "{} by {}, out of {}, {} to {} ({})",
        figures::counted(report.clicks, "click", "clicks"),
        figures::counted(report.visitors, "visitor", "visitors"),
        figures::counted(report.hits, "hit", "hits"),
        report.from,
        report.to,
        report.time_zone
    )
}

/// What was not counted as a click. It is said even when it is nothing, because "clicks" alone hides a decision.
fn filtered(report: &Report) -> String {
    let mut verdicts: Vec<_> = report.verdicts.iter().filter(|(name, hits)| *name != "human" && **hits > 0).collect();
    verdicts.sort_by(|(a, m), (b, n)| n.cmp(m).then(a.cmp(b)));
    if verdicts.is_empty() {
        return "filtered out: nothing".to_owned();
    }
    let parts: Vec<_> = verdicts.iter().map(|(name, hits)| format!("{} {name}", figures::count(**hits))).collect();
    format!("filtered out: {}", parts.join(", "))
}

fn rows(report: &Report) -> String {
    let largest = report.rows.iter().map(|row| row.clicks).max().unwrap_or(0);
    if report.by == "day" { day_rows(report, largest) } else { value_rows(report, largest) }
}

fn day_rows(report: &Report, largest: u64) -> String {
    let mut table = Table::new([("day", Left), ("clicks", Right), ("visitors", Right), ("hits", Right), ("", Left)]);
    let optional = |number: Option<u64>| number.map(figures::count).unwrap_or_default();
    for row in &report.rows {
        table.row([
            row.value.clone(),
            figures::count(row.clicks),
            optional(row.visitors),
            optional(row.hits),
            figures::bar(row.clicks, largest),
        ]);
    }
    table.render()
}

fn value_rows(report: &Report, largest: u64) -> String {
    let (heading, counted) = headings(&report.by);
    let mut table = Table::new([(heading, Left), (counted, Right), ("share", Right), ("", Left)]);
    for row in &report.rows {
        table.row([
            row.value.clone(),
            figures::count(row.clicks),
            row.share.map(|share| format!("{:.1}%", share * 100.0)).unwrap_or_default(),
            figures::bar(row.clicks, largest),
        ]);
    }
    table.render()
}

/// Verdicts and reasons count every hit; everything else counts human clicks.
fn headings(by: &str) -> (&'static str, &'static str) {
    match Dimension::parse(by) {
        Some(dimension @ (Dimension::Verdict | Dimension::Reason)) => (dimension.as_str(), "hits"),
        Some(dimension) => (dimension.as_str(), "clicks"),
        None => ("value", "clicks"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn report(by: &str, rows: serde_json::Value) -> Report {
        serde_json::from_value(json!({
            "link": 1, "campaign": null, "from": "2026-11-01", "to": "2026-11-21", "time_zone": "UTC", "by": by,
            "clicks": 1200, "visitors": 1, "hits": 1500, "verdicts": {"human": 1200, "bot": 100, "preview": 200},
            "rows": rows
        }))
        .unwrap()
    }

    #[test]
    fn the_totals_come_first_and_say_what_was_filtered_out() {
        let text = render(&report(
            "country",
            json!([{"value": "SE", "clicks": 900, "share": 0.75},
            {"value": "NO\u{1b}", "clicks": 300, "share": 0.25}]),
        ));
        let expected = "\
1,200 clicks by 1 visitor, out of 1,500 hits, 2026-11-01 to 2026-11-21 (UTC)
filtered out: 200 preview, 100 bot

country   clicks  share
SE           900  75.0%  ██████████████████████████████
NO\\u{1b}     300  25.0%  ██████████
";
        assert_eq!(text, expected);
    }

    #[test]
    fn days_carry_visitors_and_hits() {
        let text = render(&report(
            "day",
            json!([{"value": "2026-11-01", "clicks": 2, "visitors": 1, "hits": 4},
            {"value": "2026-11-02", "clicks": 0, "visitors": 0, "hits": 0}]),
        ));
        assert!(text.contains("day         clicks  visitors  hits\n"), "{text}");
        assert!(text.contains("2026-11-01       2         1     4  ███"), "{text}");
        assert!(text.ends_with("2026-11-02       0         0     0\n"), "{text}");
    }

    #[test]
    fn every_dimension_can_be_asked_for() {
        assert_eq!(breakdowns().count(), 15);
        assert_eq!(headings("reason"), ("reason", "hits"));
    }
}
