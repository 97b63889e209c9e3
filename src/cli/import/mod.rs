//! `waypost import`: hands impression files to the server, lists what was imported, takes an import back.

mod manual;
mod told;

use std::path::{Path, PathBuf};

use anyhow::Context;
use jiff::Timestamp;
use reqwest::Method;
use serde_json::json;

use super::client::{Answer, Body, Client, Refused, RowError, block_on};
use super::connect::Connect;
use super::dry_run::{self, Reading};
use super::figures;
use super::table::{self, Left, Right, Table};
use super::{AlreadyTold, Usage, print, tell, when};
use crate::admin::wire::{ImportEntry, Imports, ShownImport};
use crate::impressions::child::ParseError;
use crate::impressions::wire::KnownColumns;

/// The largest file that is read.
const FILE_BYTES_MAX: u64 = crate::impressions::container::FILE_BYTES_MAX as u64;

/// The most rows of each sort that are shown one by one.
const SHOWN_MAX: usize = 20;

#[derive(Debug, clap::Args)]
#[command(subcommand_negates_reqs = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    /// Files as platforms let you download them (CSV, Excel, ZIP), or CSV with `post` or `link`, `date`, and views, …
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Only say what would happen; without a server, what the files hold
    #[arg(long)]
    dry_run: bool,
    /// Until when the numbers hold, if not until now: 2026-11-21T10:00:00Z
    #[arg(long, value_name = "TIME", value_parser = when::instant)]
    as_of: Option<Timestamp>,
    #[command(flatten)]
    reading: Reading,
    #[command(flatten)]
    connect: Connect,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List what was imported
    List,
    /// Show what an import says, and how much of it is in force now
    Show {
        /// The number of the import, as `import list` shows it
        id: u64,
    },
    /// Take numbers that a platform shows and does not export
    Manual(Box<manual::Manual>),
    /// List what was said with --map about columns that no dialect knows, or forget some of it
    Columns {
        /// Forget these, as they are listed
        #[arg(long, value_name = "ROLE=HEADER,…")]
        forget: Option<String>,
    },
    /// Take an import back; what it had replaced holds again
    Undo {
        /// The number of the import, as `import list` shows it
        id: u64,
    },
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    if args.command.is_some() && (args.dry_run || args.as_of.is_some()) {
        return Err(Usage("--dry-run and --as-of go with files, or stand behind `manual`".to_owned()).into());
    }
    // Folders and files too large are refused before the first file is sent.
    let files = args.files.iter().map(|path| read(path)).collect::<anyhow::Result<Vec<_>>>()?;
    if args.command.is_none() && args.dry_run && !args.connect.finds_a_server() {
        return block_on(read_all(args, files));
    }
    let client = args.connect.open()?;
    block_on(async {
        match &args.command {
            None => import_all(&client, args, files).await,
            Some(Command::List) => list(&client, args.connect.json).await,
            Some(Command::Show { id }) => show(&client, *id, args.connect.json).await,
            Some(Command::Manual(entry)) => manual::run(&client, entry, args.connect.json).await,
            Some(Command::Columns { forget }) => columns(&client, forget.clone(), args.connect.json).await,
            Some(Command::Undo { id }) => undo(&client, *id, args.connect.json).await,
        }
    })
}

/// What each file holds, where no server can say what would become of it.
async fn read_all(args: &Args, files: Vec<File>) -> anyhow::Result<()> {
    let as_of = args.as_of.map(|at| at.to_zoned(jiff::tz::TimeZone::UTC).date());
    for file in files {
        let options = args.reading.options(&file.name, as_of);
        if let Err(error) = dry_run::tell(file.bytes, &file.name, &options, args.connect.json).await {
            let rows = if let ParseError::NotRead(refusal) = &error { refusal.rows.first.clone() } else { Vec::new() };
            let rows = rows.into_iter().map(|row| RowError { row: row.row, message: row.message }).collect();
            let refused = Refused { status: 422, message: error.to_string(), rows };
            return Err(explain(refused.into(), &file.name, 0));
        }
    }
    Ok(())
}

/// A file's name and bytes.
struct File {
    name: String,
    bytes: Vec<u8>,
}

fn read(path: &Path) -> anyhow::Result<File> {
    let shown = path.display();
    let about = std::fs::metadata(path).with_context(|| format!("cannot read {shown}"))?;
    if !about.is_file() {
        return Err(Usage(format!("{shown} is not a file")).into());
    }
    anyhow::ensure!(about.len() <= FILE_BYTES_MAX, "{shown} is larger than {FILE_BYTES_MAX} bytes; split it by date");
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {shown}"))?;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    Ok(File { name, bytes })
}

/// Each file is one import, all of it or nothing. The first that is refused ends the command.
async fn import_all(client: &Client, args: &Args, files: Vec<File>) -> anyhow::Result<()> {
    let several = files.len() > 1;
    for (done, file) in files.into_iter().enumerate() {
        let name = file.name.clone();
        let answer = match import_one(client, args, file).await {
            Ok(answer) => answer,
            Err(error) => return Err(explain(error, &name, done)),
        };
        if args.connect.json {
            print(&answer.text)?;
        } else {
            let heading = if several { format!("{name}: ") } else { String::new() };
            print(&format!("{}{}", table::shown(&heading), told::render(&answer.read()?)))?;
        }
    }
    Ok(())
}

async fn import_one(client: &Client, args: &Args, file: File) -> anyhow::Result<Answer> {
    let Reading { platform, account, map, period, dates, year, tz, currency } = args.reading.clone();
    let query = [
        ("file_name", Some(file.name)),
        ("as_of", args.as_of.map(|at| at.to_string())),
        ("dry_run", Some(args.dry_run.to_string())),
        ("platform", platform),
        ("account", account),
        ("map", map.map(|map| map.to_string())),
        ("period", period.map(|period| period.to_string())),
        ("dates", dates.map(|order| order.as_str().to_owned())),
        ("year", year.map(|year| year.to_string())),
        ("tz", tz),
        ("currency", currency),
    ];
    client.send(Method::POST, "/api/v1/imports", &query, Body::Csv(file.bytes)).await
}

/// Tells the wrong rows one by one; the rest of an error is told by whoever ends the program.
fn explain(error: anyhow::Error, name: &str, done: usize) -> anyhow::Error {
    let before = if done == 0 { String::new() } else { format!(" ({done} before it imported)") };
    let error = error.context(format!("{name} was not imported{before}"));
    let Some(refused) = error.downcast_ref::<Refused>().filter(|refused| !refused.rows.is_empty()) else {
        return error;
    };
    tell(&format!("waypost: {error:#}"));
    for wrong in refused.rows.iter().take(SHOWN_MAX) {
        tell(&format!("  row {}: {}", wrong.row, wrong.message));
    }
    if refused.rows.len() > SHOWN_MAX {
        tell(&format!("  and {} rows more", refused.rows.len() - SHOWN_MAX));
    }
    AlreadyTold.into()
}

async fn list(client: &Client, json: bool) -> anyhow::Result<()> {
    let answer = client.get_all("/api/v1/imports", "imports").await?;
    if json {
        return Ok(print(&answer.text)?);
    }
    let all: Imports = answer.read()?;
    if all.imports.is_empty() {
        tell("nothing was imported yet: `waypost import FILE`");
        return Ok(());
    }
    Ok(print(&list_table(&all.imports))?)
}

fn list_table(imports: &[ImportEntry]) -> String {
    let columns =
        [("import", Right), ("posts", Right), ("numbers", Right), ("days", Left), ("as of", Left), ("file", Left)];
    let mut table = Table::new(columns);
    for import in imports {
        let later = import.superseded_by.map(|id| format!(" (superseded by {id})")).unwrap_or_default();
        table.row([
            import.id.to_string(),
            figures::count(import.posts),
            figures::count(import.rows),
            days(import),
            when::minute(&import.as_of),
            format!("{}{later}", import.file_name),
        ]);
    }
    table.render()
}

fn days(import: &ImportEntry) -> String {
    match (import.first, import.last) {
        (Some(first), Some(last)) if first == last => first.to_string(),
        (Some(first), Some(last)) => format!("{first} to {last}"),
        _ => "lifetime".to_owned(),
    }
}

async fn show(client: &Client, id: u64, json: bool) -> anyhow::Result<()> {
    let answer = client.get(&format!("/api/v1/imports/{id}"), &[]).await?;
    if json {
        return Ok(print(&answer.text)?);
    }
    let ShownImport { import, report } = answer.read()?;
    let options: Vec<_> = report.options.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let sum: Vec<_> = report.sum.iter().map(|(metric, sum)| sum_of(metric, *sum)).collect();
    let about = table::description(&[
        ("file", import.file_name.clone()),
        ("dialect", import.dialects.join(", ")),
        ("options", options.join(", ")),
        ("imported", when::minute(&import.imported_at)),
        ("days", days(&import)),
        ("posts", figures::count(import.posts)),
        ("sum", sum.join(", ")),
        (
            "instead",
            import.superseded_by.map(|id| format!("import {id} of the same file is in force")).unwrap_or_default(),
        ),
    ]);
    Ok(print(&format!("{about}{}", told::standing(&report)))?)
}

fn sum_of(metric: &str, sum: u64) -> String {
    match metric {
        "spend" => format!("{:.2} spend", sum as f64 / 1e6),
        counted => format!("{} {}", figures::count(sum), counted.replace('_', " ")),
    }
}

async fn columns(client: &Client, forget: Option<String>, json: bool) -> anyhow::Result<()> {
    let path = "/api/v1/imports/columns";
    if let Some(map) = forget {
        client.send(Method::DELETE, path, &[("map", Some(map.clone()))], Body::None).await?;
        tell(&format!("{map} is forgotten"));
        return Ok(());
    }
    let answer = client.get(path, &[]).await?;
    if json {
        return Ok(print(&answer.text)?);
    }
    let mut table = Table::new([("columns", Left), ("platform", Left), ("said at", Left)]);
    for known in answer.read::<KnownColumns>()?.columns {
        table.row([known.map, known.platform.unwrap_or_default(), when::minute(&known.said_at.to_string())]);
    }
    Ok(print(&table.render())?)
}

async fn undo(client: &Client, id: u64, json: bool) -> anyhow::Result<()> {
    client.send(Method::DELETE, &format!("/api/v1/imports/{id}"), &[], Body::None).await?;
    if json {
        return Ok(print(&json!({ "undone": id }).to_string())?);
    }
    tell(&format!("import {id} is undone"));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_file_with_wrong_rows_is_told_once() {
        let rows = vec![RowError { row: 3, message: "no date".to_owned() }];
        let refused = Refused { status: 422, message: "1 row is wrong".to_owned(), rows };
        assert!(explain(refused.into(), "a.csv", 0).is::<AlreadyTold>());
        let other = Refused { status: 413, message: "too large".to_owned(), rows: Vec::new() };
        let told = format!("{:#}", explain(other.into(), "b.csv", 1));
        assert_eq!(told, "b.csv was not imported (1 before it imported): too large");
    }

    #[test]
    fn a_folder_is_no_file() {
        let folder = tempfile::tempdir().unwrap();
        assert!(read(folder.path()).err().unwrap().is::<Usage>());
        assert!(read(&folder.path().join("none.csv")).is_err());
    }
}
