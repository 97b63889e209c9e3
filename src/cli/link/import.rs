//! `waypost link import`: brings links from another tool's file, lists such imports, and takes one back.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::builder::PossibleValuesParser;
use reqwest::Method;

use crate::cli::client::{Body, Client, Refused};
use crate::cli::table::{self, Left, Right, Table};
use crate::cli::{AlreadyTold, Usage, figures, print, tell, when};
use crate::links::import::wire::{LinkImportList, LinkImportReport, LinkImportUndone};
use crate::links::import::{FILE_BYTES_MAX, Source};

/// Refused rows that are shown one by one.
const SHOWN_MAX: usize = 20;

#[derive(Debug, clap::Args)]
#[command(subcommand_negates_reqs = true)]
pub(super) struct Import {
    #[command(subcommand)]
    command: Option<Command>,
    /// The file that the other tool lets you download: CSV, JSON, or JSON lines
    #[arg(required = true, value_name = "FILE")]
    file: Option<PathBuf>,
    /// The tool that wrote the file [default: known by its columns]
    #[arg(long, value_parser = PossibleValuesParser::new(Source::ALL.map(Source::as_str)))]
    from: Option<String>,
    /// Put all links on this domain [default: that of their short URLs if it is configured, else the default domain]
    #[arg(long)]
    domain: Option<String>,
    /// Only say what would happen
    #[arg(long)]
    dry_run: bool,
    /// Import the links that can be, although others cannot
    #[arg(long)]
    skip_refused: bool,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List the imports of links
    List,
    /// Remove the links that an import made; their clicks stay
    Undo {
        /// The number of the import, as `link import list` shows it
        id: u64,
    },
}

pub(super) async fn run(client: &Client, import: &Import, json: bool) -> anyhow::Result<()> {
    match (&import.command, &import.file) {
        (Some(Command::List), _) => list(client, json).await,
        (Some(Command::Undo { id }), _) => undo(client, *id, json).await,
        (None, Some(file)) => upload(client, import, file, json).await,
        (None, None) => Err(Usage("name the file to import".to_owned()).into()),
    }
}

async fn upload(client: &Client, import: &Import, path: &Path, json: bool) -> anyhow::Result<()> {
    let shown = path.display();
    let about = std::fs::metadata(path).with_context(|| format!("cannot read {shown}"))?;
    anyhow::ensure!(about.len() <= FILE_BYTES_MAX as u64, "{shown} is larger than {FILE_BYTES_MAX} bytes; split it");
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {shown}"))?;
    let query = [
        ("file_name", path.file_name().map(|name| name.to_string_lossy().into_owned())),
        ("from", import.from.clone()),
        ("domain", import.domain.clone()),
        ("dry_run", Some(import.dry_run.to_string())),
        ("skip_refused", Some(import.skip_refused.to_string())),
    ];
    let answer = client.send(Method::POST, "/api/v1/links/import", &query, Body::Csv(bytes)).await;
    let answer = answer.map_err(|error| explain(error, &shown.to_string()))?;
    if json {
        return Ok(print(&answer.text)?);
    }
    Ok(print(&render(&answer.read()?))?)
}

/// Tells the refused rows one by one; the rest is told by whoever ends the program.
fn explain(error: anyhow::Error, file: &str) -> anyhow::Error {
    let error = error.context(format!("{file} was not imported"));
    let Some(refused) = error.downcast_ref::<Refused>().filter(|refused| !refused.rows.is_empty()) else {
        return error;
    };
    tell(&format!("waypost: {error:#}"));
    for row in refused.rows.iter().take(SHOWN_MAX) {
        tell(&format!("  row {}: {}", row.row, row.message));
    }
    tell("`--dry-run` shows all of them, `--skip-refused` imports the others");
    AlreadyTold.into()
}

fn render(report: &LinkImportReport) -> String {
    let mut text = format!("{}\n", headline(report));
    let pairs = [
        ("there already", if report.there == 0 { String::new() } else { figures::count(report.there) }),
        ("refused", if report.refused == 0 { String::new() } else { figures::count(report.refused) }),
        ("clicks there", clicks(report)),
        ("hosts", hosts(report)),
    ];
    text.push_str(&table::description(&pairs));
    for (what, links) in &report.left_out {
        text.push_str(&format!("note: {} had {what}, which is not brought along\n", links_of(*links)));
    }
    for row in report.refusals.iter().take(SHOWN_MAX) {
        text.push_str(&format!(
            "refused: row {} {}: {}\n",
            row.row,
            table::shown(&row.slug),
            table::shown(&row.message)
        ));
    }
    if report.refused > SHOWN_MAX as u64 {
        text.push_str(&format!(
            "and {} more; --json tells the first hundred\n",
            figures::count(report.refused - SHOWN_MAX as u64)
        ));
    }
    text
}

fn headline(report: &LinkImportReport) -> String {
    let links = links_of(report.made);
    match (report.dry_run, report.import) {
        (true, _) => format!("{links} from {} would be imported; nothing changed yet", report.from),
        (false, Some(id)) => {
            format!(
                "imported {links} from {} as import {id}; `waypost link import undo {id}` takes them back",
                report.from
            )
        }
        (false, None) => format!("nothing to import from {}", report.from),
    }
}

fn links_of(count: u64) -> String {
    figures::counted(count, "link", "links")
}

fn clicks(report: &LinkImportReport) -> String {
    if report.imported_clicks == 0 {
        return String::new();
    }
    format!(
        "{} ({}); kept apart from clicks that are counted here",
        figures::count(report.imported_clicks),
        report.counted
    )
}

fn hosts(report: &LinkImportReport) -> String {
    let mut by_domain: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for host in &report.hosts {
        by_domain.entry(&host.to).or_default().push(format!("{} ({})", host.host, figures::count(host.links)));
    }
    by_domain.into_iter().map(|(to, hosts)| format!("{} -> {to}", hosts.join(", "))).collect::<Vec<_>>().join("; ")
}

async fn list(client: &Client, json: bool) -> anyhow::Result<()> {
    let answer = client.get_all("/api/v1/links/import", "imports").await?;
    if json {
        return Ok(print(&answer.text)?);
    }
    let all: LinkImportList = answer.read()?;
    if all.imports.is_empty() {
        tell("no links were imported yet: `waypost link import FILE`");
        return Ok(());
    }
    let columns =
        [("import", Right), ("from", Left), ("links", Right), ("clicks there", Right), ("at", Left), ("file", Left)];
    let mut table = Table::new(columns);
    for import in all.imports {
        table.row([
            import.id.to_string(),
            import.from,
            figures::count(import.made),
            figures::count(import.imported_clicks),
            when::minute(&import.imported_at.to_string()),
            import.file_name,
        ]);
    }
    Ok(print(&table.render())?)
}

async fn undo(client: &Client, id: u64, json: bool) -> anyhow::Result<()> {
    let answer = client.send(Method::DELETE, &format!("/api/v1/links/import/{id}"), &[], Body::None).await?;
    if json {
        return Ok(print(&answer.text)?);
    }
    let undone: LinkImportUndone = answer.read()?;
    tell(&format!("import {id} is undone: {} removed; their clicks stay", links_of(undone.removed)));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_says_what_came_what_did_not_and_how_to_take_it_back() {
        let report: LinkImportReport = serde_json::from_value(serde_json::json!({
            "import": 3, "dry_run": false, "file_name": "b.csv", "from": "bitly", "format": "csv", "counted": "clicks",
            "rows": 4, "made": 2, "there": 1, "refused": 1, "imported_clicks": 1204,
            "hosts": [{"host": "bit.ly", "links": 4, "to": "go.example.com"}], "left_out": {"an end": 1},
            "refusals": [{"row": 3, "slug": "api", "message": "it is reserved"}], "sample": [],
        }))
        .unwrap();
        let expected = "\
imported 2 links from bitly as import 3; `waypost link import undo 3` takes them back
there already  1
refused        1
clicks there   1,204 (clicks); kept apart from clicks that are counted here
hosts          bit.ly (4) -> go.example.com
note: 1 link had an end, which is not brought along
refused: row 3 api: it is reserved
";
        assert_eq!(render(&report), expected);
        assert!(headline(&LinkImportReport { dry_run: true, ..report }).contains("nothing changed yet"));
    }
}
