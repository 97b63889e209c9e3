//! `waypost ctr`: click-through rates, never as a bare percentage; and below it two of them compared, the platforms' own
//! numbers, and theirs beside ours.

mod platform;
mod reconcile;
mod sheet;
mod versus;

use std::collections::HashSet;

use clap::builder::PossibleValuesParser;
use jiff::civil::Date;

use super::client::block_on;
use super::connect::Connect;
use super::figures;
use super::table::{self, Left, Right, Table};
use super::{print, tell, when};
use crate::stats::ctr::{Grouping, Numerator, Order};
use crate::stats::wire::{ConversionRate, CtrReport, CtrRow, StandingVerdict};

/// The longest name of a row, in characters: that of a post is its text.
const NAME_CHARS_MAX: usize = 40;

#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    /// What a row stands for
    #[arg(long, default_value = "link", value_parser = groupings())]
    by: String,
    /// The first day, such as 2026-11-01 [default: the first day with impressions]
    #[arg(long, value_name = "DAY", value_parser = when::day)]
    from: Option<Date>,
    /// The last day [default: today]
    #[arg(long, value_name = "DAY", value_parser = when::day)]
    to: Option<Date>,
    /// Which clicks are divided: those of people, those of different visitors, or every hit
    #[arg(long, default_value = "human", value_parser = numerators())]
    clicks: String,
    /// Order: the most impressions first, or by rate with small numbers drawn towards the others
    #[arg(long, default_value = "size", value_parser = PossibleValuesParser::new(Order::ALL.map(Order::as_str)))]
    sort: String,
    #[command(flatten)]
    connect: Connect,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Compare the rates of two posts, links or campaigns
    Compare(versus::Args),
    /// Show the platforms' own clicks, rates, spend and cost per click
    Platform(platform::Args),
    /// Hold the platforms' clicks against ours, and say which causes fit
    Reconcile(reconcile::Args),
}

fn groupings() -> PossibleValuesParser {
    PossibleValuesParser::new(Grouping::ALL.map(Grouping::as_str))
}

fn numerators() -> PossibleValuesParser {
    PossibleValuesParser::new(Numerator::ALL.map(Numerator::as_str))
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    match &args.command {
        None => show(args),
        Some(Command::Compare(args)) => versus::run(args),
        Some(Command::Platform(args)) => platform::run(args),
        Some(Command::Reconcile(args)) => reconcile::run(args),
    }
}

fn show(args: &Args) -> anyhow::Result<()> {
    let client = args.connect.open()?;
    let query = [
        ("by", Some(args.by.clone())),
        ("from", args.from.map(|day| day.to_string())),
        ("to", args.to.map(|day| day.to_string())),
        ("clicks", Some(args.clicks.clone())),
        ("sort", Some(args.sort.clone())),
    ];
    let answer = block_on(client.get("/api/v1/ctr", &query))?;
    if args.connect.json {
        return Ok(print(&answer.text)?);
    }
    let report: CtrReport = answer.read()?;
    if report.rows.is_empty() {
        tell(nothing(args));
        return Ok(());
    }
    Ok(print(&render(&report))?)
}

/// Why there are no rows, and what to do.
fn nothing(args: &Args) -> &'static str {
    let is_time = Grouping::parse(&args.by).is_some_and(Grouping::is_time);
    match (is_time, args.from.or(args.to)) {
        (true, _) => "no numbers of single days and no two readings of a lifetime: `waypost import FILE` brings them",
        (false, Some(_)) => "no impressions of these days: without --from and --to, lifetimes are shown too",
        (false, None) => "no impressions yet: import some with `waypost import FILE`",
    }
}

fn render(report: &CtrReport) -> String {
    let heading = Grouping::parse(&report.by).map_or("link", Grouping::as_str);
    let mut table = Table::new([(heading, Left), ("shown in", Left), ("rate", Right), ("", Left)]);
    for row in &report.rows {
        table.row([short(row), row.level.clone().unwrap_or_default(), rate(row), basis(row, &report.numerator)]);
    }
    let mut text = table.render();
    let rows = || report.rows.iter();
    let converted = rows().filter_map(|row| Some(conversions(row, row.conversions.as_ref()?)));
    let notes = rows().flat_map(|row| row.notes.iter().map(move |note| format!("note: {}: {note}", short(row))));
    // The rows of one post by another kind of impressions often say the same.
    let mut said = HashSet::new();
    for line in rows().flat_map(standings).chain(converted).chain(notes) {
        if said.insert(line.clone()) {
            text.push_str(&format!("{}\n", table::shown(&line)));
        }
    }
    if report.rows_left_out > 0 {
        text.push_str(&format!("note: {} more rows are not listed\n", figures::count(report.rows_left_out)));
    }
    text
}

fn short(row: &CtrRow) -> String {
    table::cut(name(row), NAME_CHARS_MAX)
}

fn name(row: &CtrRow) -> &str {
    row.label.as_deref().filter(|label| !label.is_empty()).unwrap_or(&row.value)
}

/// Where a rate stands, in a line each.
fn standings(row: &CtrRow) -> impl Iterator<Item = String> {
    // What has too little data stands nowhere, and its row says so.
    let known = row.baselines.iter().filter(|standing| standing.verdict != StandingVerdict::NotEnoughData);
    known.map(move |standing| {
        let end = |bound: Option<f64>| bound.map_or_else(String::new, figures::percent);
        let band = match (standing.low, standing.high) {
            (Some(low), Some(high)) if low == high => format!("{}%", figures::percent(low)),
            (low, high) => format!("{}-{}%", end(low), end(high)),
        };
        format!("{}: {} {band} ({})", short(row), standing.verdict.words(), standing.source)
    })
}

/// Another number than the rate: of those who clicked, who did what the destination counts.
fn conversions(row: &CtrRow, converted: &ConversionRate) -> String {
    let rate = converted.rate.map_or_else(String::new, |rate| format!("{}% of ", figures::percent(rate)));
    let worth: Vec<_> = converted.values.iter().map(|(currency, value)| format!("; {value:.2} {currency}")).collect();
    let (count, clicks) = (figures::count(converted.conversions), figures::count(converted.clicks));
    format!("{}: {count} conversions ({rate}{clicks} human clicks{})", short(row), worth.concat())
}

fn rate(row: &CtrRow) -> String {
    match row.ctr {
        Some(ratio) => format!("CTR {}%", figures::percent(ratio)),
        None => "no CTR".to_owned(),
    }
}

/// What the rate stands on, in brackets: both counts, the interval, whose clicks, and until when.
fn basis(row: &CtrRow, numerator: &str) -> String {
    let mut parts = vec![counts(row)];
    if row.ctr.is_some() && !row.enough {
        parts.push("not enough data".to_owned());
    }
    if let (Some(low), Some(high)) = (row.low, row.high) {
        parts.push(format!("95% CI {}-{}%", figures::percent(low), figures::percent(high)));
    }
    parts.push(match numerator {
        "unique" => "visitors".to_owned(),
        "all" => "all hits".to_owned(),
        people => format!("{people} clicks"),
    });
    if let Some(basis) = row.basis {
        parts.push(basis.words().to_owned());
    }
    if row.clicks_outside > 0 {
        parts.push(format!("{} more not divided by these", figures::count(row.clicks_outside)));
    }
    if let Some(as_of) = &row.as_of {
        parts.push(format!("as of {}", when::minute(&as_of.to_string())));
    }
    format!("({})", parts.join("; "))
}

fn counts(row: &CtrRow) -> String {
    let clicks = row.clicks.map_or_else(|| "?".to_owned(), figures::count);
    let kind = row.kind.as_deref().unwrap_or("impressions").replace('_', " ");
    match row.impressions {
        Some(impressions) => format!("{clicks} / {} {kind}", figures::count(impressions)),
        None => format!("{clicks} / unknown impressions"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn report(rows: serde_json::Value) -> CtrReport {
        let answer =
            json!({"by": "link", "from": "2026-11-01", "to": "2026-11-21", "numerator": "human", "rows": rows});
        serde_json::from_value(answer).unwrap()
    }

    #[test]
    fn a_rate_is_never_bare() {
        let text = render(&report(json!([{"value": "1", "label": "spring", "level": "story", "kind": "story_views",
            "clicks": 50, "impressions": 5000, "ctr": 0.01, "low": 0.0076, "high": 0.0132, "interval": "wilson",
            "enough": true, "as_of": "2026-11-21T12:00:00Z", "clicks_outside": 3, "notes": []}])));
        let expected = "CTR 1.00%  (50 / 5,000 story views; 95% CI 0.76-1.32%; human clicks; \
            3 more not divided by these; as of 2026-11-21 12:00Z)";
        assert!(text.contains(expected), "{text}");
    }

    #[test]
    fn unknown_is_not_zero_and_too_little_is_said() {
        let text = render(&report(json!([
            {"value": "1", "label": "bio", "level": "profile", "kind": null, "clicks": 7, "impressions": null,
             "ctr": null, "low": null, "high": null, "interval": null, "enough": false, "as_of": null,
             "clicks_outside": 0, "notes": ["no impressions imported"]},
            {"value": "https://x.example/1", "label": "", "level": "post", "kind": "impressions", "clicks": 1,
             "impressions": 50, "ctr": 0.02, "low": 0.0035, "high": 0.105, "interval": "wilson", "enough": false,
             "as_of": "2026-11-21T12:00:00Z", "clicks_outside": 0, "notes": []}])));
        assert!(text.contains("no CTR  (7 / unknown impressions; human clicks)"), "{text}");
        assert!(text.contains("CTR 2.00%  (1 / 50 impressions; not enough data; 95% CI"), "{text}");
        assert!(text.contains("https://x.example/1"), "{text}");
        assert!(text.ends_with("note: bio: no impressions imported\n"), "{text}");
    }
}
