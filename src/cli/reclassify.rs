//! `waypost reclassify`: has the server judge the past again by the rules of now, and shows what moved.

use std::time::Duration;

use jiff::civil::Date;
use reqwest::Method;
use serde::Deserialize;

use super::client::{Answer, Body, Client, block_on};
use super::connect::Connect;
use super::figures;
use super::table::{Left, Right, Table};
use super::{print, tell, when};

/// Pauses between two looks at how it stands.
const LOOK_EVERY: Duration = Duration::from_millis(500);

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The first day whose clicks are judged again, such as 2026-11-01
    #[arg(long, value_name = "DAY", value_parser = when::day)]
    since: Date,
    /// Only show what would move
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    connect: Connect,
}

#[derive(Debug, Deserialize)]
struct State {
    state: String,
    dry_run: bool,
    error: Option<String>,
    report: Option<Report>,
}

#[derive(Debug, Deserialize)]
struct Report {
    rules_version: u32,
    files: u64,
    files_left_out: u64,
    hits: u64,
    changed: u64,
    verdicts: Vec<Move>,
    sources: Vec<Move>,
    days: Vec<Day>,
    days_kept: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Move {
    from: String,
    to: String,
    hits: u64,
}

#[derive(Debug, Deserialize)]
struct Day {
    day: String,
    clicks_before: u64,
    clicks_after: u64,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let client = args.connect.open()?;
    let answer = block_on(wait_for_end(&client, args))?;
    let state: State = answer.read()?;
    if args.connect.json {
        print(&answer.text)?;
    }
    match (state.error, state.report) {
        (Some(error), _) => anyhow::bail!("{error}"),
        (None, Some(_)) if args.connect.json => Ok(()),
        (None, Some(report)) => Ok(print(&render(&report, state.dry_run))?),
        (None, None) => anyhow::bail!("the server forgot about it: it was started anew meanwhile"),
    }
}

async fn wait_for_end(client: &Client, args: &Args) -> anyhow::Result<Answer> {
    let query = [("since", Some(args.since.to_string())), ("dry_run", Some(args.dry_run.to_string()))];
    let mut answer = client.send(Method::POST, "/api/v1/reclassify", &query, Body::None).await?;
    let mut told = false;
    while answer.read::<State>()?.state == "running" {
        if !told {
            tell("the server is judging the past again; redirects go on, new clicks are counted afterwards …");
            told = true;
        }
        tokio::time::sleep(LOOK_EVERY).await;
        answer = client.get("/api/v1/reclassify", &[]).await?;
    }
    Ok(answer)
}

fn render(report: &Report, dry_run: bool) -> String {
    let would = if dry_run { "would change (nothing was written)" } else { "changed" };
    let mut text = format!(
        "{} in {} judged by rules {}; {} {would}\n",
        figures::counted(report.hits, "hit", "hits"),
        figures::counted(report.files, "file", "files"),
        report.rules_version,
        report.changed,
    );
    text.push_str(&moves("verdict before", &report.verdicts));
    text.push_str(&moves("source before", &report.sources));
    text.push_str(&days(&report.days));
    if report.files_left_out > 0 {
        let files = figures::counted(report.files_left_out, "file", "files");
        text.push_str(&format!("\n{files} could not be read and stayed; the server's log names them\n"));
    }
    for day in &report.days_kept {
        text.push_str(&format!("{day}: the click files do not hold every hit, so its counters stay\n"));
    }
    text
}

fn moves(heading: &'static str, moves: &[Move]) -> String {
    if moves.is_empty() {
        return String::new();
    }
    let mut table = Table::new([(heading, Left), ("after", Left), ("hits", Right)]);
    for moved in moves {
        table.row([moved.from.clone(), moved.to.clone(), moved.hits.to_string()]);
    }
    format!("\n{}", table.render())
}

fn days(days: &[Day]) -> String {
    if days.is_empty() {
        return String::new();
    }
    let mut table = Table::new([("day", Left), ("clicks before", Right), ("after", Right)]);
    for day in days {
        table.row([day.day.clone(), day.clicks_before.to_string(), day.clicks_after.to_string()]);
    }
    format!("\n{}", table.render())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moved_is_shown_and_what_had_to_stay_is_said() {
        let report = Report {
            rules_version: 2,
            files: 1,
            files_left_out: 1,
            hits: 10,
            changed: 3,
            verdicts: vec![Move { from: "human:browser".to_owned(), to: "bot:user-agent:acme".to_owned(), hits: 3 }],
            sources: Vec::new(),
            days: vec![Day { day: "2026-11-21".to_owned(), clicks_before: 9, clicks_after: 6 }],
            days_kept: vec!["2026-11-20".to_owned()],
        };
        let text = render(&report, true);
        assert!(
            text.starts_with("10 hits in 1 file judged by rules 2; 3 would change (nothing was written)\n"),
            "{text}"
        );
        assert!(text.contains("human:browser   bot:user-agent:acme     3"), "{text}");
        assert!(text.contains("2026-11-21              9      6"), "{text}");
        assert!(text.ends_with("2026-11-20: the click files do not hold every hit, so its counters stay\n"), "{text}");
        assert!(text.contains("1 file could not be read and stayed"), "{text}");
        assert!(!text.contains("source before"));
    }
}
