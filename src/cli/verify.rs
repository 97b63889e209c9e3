//! `waypost verify`: has the server compare its counters with its click files and journals, and shows what differs.

use std::time::Duration;

use jiff::ToSpan;
use jiff::civil::Date;
use reqwest::Method;

use super::client::{Answer, Body, Client, block_on};
use super::connect::Connect;
use super::figures;
use super::table::{Left, Right, Table};
use super::{AlreadyTold, print, tell, when};
use crate::admin::verification::{Comparison, Differing, JournalBehind, Verification};

/// Pauses between two looks at how it stands.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// How far back it looks unless it is told.
const DAYS: i64 = 31;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The first day that is compared, such as 2026-11-01 [default: 31 days ago]
    #[arg(long, value_name = "DAY", value_parser = when::day)]
    since: Option<Date>,
    #[command(flatten)]
    connect: Connect,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let client = args.connect.open()?;
    let since = args.since.unwrap_or_else(|| jiff::Zoned::now().date().saturating_sub(DAYS.days()));
    let answer = block_on(wait_for_end(&client, since))?;
    let state: Verification = answer.read()?;
    if args.connect.json {
        print(&answer.text)?;
    }
    match (state.error, state.report) {
        (Some(error), _) => anyhow::bail!("{error}"),
        (None, Some(report)) => {
            if !args.connect.json {
                print(&render(&report))?;
            }
            if report.agrees { Ok(()) } else { Err(AlreadyTold.into()) }
        }
        (None, None) => anyhow::bail!("the server forgot about it: it was started anew meanwhile"),
    }
}

async fn wait_for_end(client: &Client, since: Date) -> anyhow::Result<Answer> {
    let query = [("since", Some(since.to_string()))];
    let mut answer = client.send(Method::POST, "/api/v1/verify", &query, Body::None).await?;
    tell("comparing; redirects go on, new clicks are counted afterwards …");
    while answer.read::<Verification>()?.is_running() {
        tokio::time::sleep(LOOK_EVERY).await;
        answer = client.get("/api/v1/verify", &[]).await?;
    }
    Ok(answer)
}

fn render(report: &Comparison) -> String {
    let counted = figures::counted;
    let mut text = format!(
        "{} in {} of counters against {}; {} of earlier processes\n",
        counted(report.hits, "hit", "hits"),
        counted(report.days, "day", "days"),
        counted(report.files, "click file", "click files"),
        counted(report.journals, "journal", "journals"),
    );
    text.push_str(&format!(
        "books of this process: {} received + {} recovered = {} counted + {} lost + {} in the journal\n",
        figures::count(report.received),
        figures::count(report.recovered),
        figures::count(report.counted),
        figures::count(report.lost),
        figures::count(report.in_journal),
    ));
    if report.hits_of_other_nodes > 0 {
        let hits = counted(report.hits_of_other_nodes, "hit", "hits");
        text.push_str(&format!("{hits} more in the store: other nodes counted them, and have their click files\n"));
    }
    report.files_damaged.iter().for_each(|file| text.push_str(&format!("DAMAGED {file}\n")));
    for JournalBehind { journal, hits, counted, in_files } in &report.journals_behind {
        text.push_str(&format!(
            "BEHIND journal {journal}: {hits} hits, {counted} counted, {in_files} in click files\n"
        ));
    }
    text.push_str(&differing(report));
    text.push_str(if report.agrees { "everything agrees\n" } else { "NOT everything agrees\n" });
    text
}

fn differing(report: &Comparison) -> String {
    if report.differing.is_empty() {
        return String::new();
    }
    let mut table =
        Table::new([("day", Left), ("link", Right), ("counter", Left), ("in store", Right), ("in files", Right)]);
    for Differing { day, link, what, in_store, in_files } in &report.differing {
        table.row([day.clone(), link.to_string(), what.clone(), in_store.to_string(), in_files.to_string()]);
    }
    let more = report.differences - report.differing.len() as u64;
    let rest = if more > 0 { format!("and {more} more\n") } else { String::new() };
    format!("{}{rest}", table.render())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_shown_with_both_numbers() {
        let differing = Differing {
            day: "2026-11-21".to_owned(),
            link: 7,
            what: "country:SE".to_owned(),
            in_store: 5,
            in_files: 4,
        };
        let text = render(&Comparison { differences: 3, differing: vec![differing], ..Comparison::default() });
        assert!(text.contains("2026-11-21     7  country:SE         5         4\nand 2 more\n"), "{text}");
        assert!(text.ends_with("NOT everything agrees\n"), "{text}");
        assert!(render(&Comparison { agrees: true, ..Comparison::default() }).ends_with("\neverything agrees\n"));
    }
}
