//! `waypost import`: hands impression files to the server, lists what was imported, takes an import back.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use jiff::Timestamp;
use reqwest::Method;
use serde::Deserialize;
use serde_json::json;

use super::client::{Answer, Body, Client, Refused, RowError, block_on};
use super::connect::Connect;
use super::dry_run;
use super::figures;
use super::table::{self, Left, Right, Table};
use super::{AlreadyTold, Usage, print, tell, when};
use crate::impressions::child::ParseError;

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
    reading: dry_run::Reading,
    #[command(flatten)]
    connect: Connect,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List what was imported
    List,
    /// Take an import back; what it had replaced holds again
    Undo {
        /// The number of the import, as `import list` shows it
        id: u64,
    },
}

/// What is shown of the answer to an import.
#[derive(Debug, Deserialize)]
struct Report {
    import: Option<u64>,
    same: bool,
    dry_run: bool,
    rows: u64,
    added: u64,
    replaced: u64,
    kept: u64,
    sum: BTreeMap<String, u64>,
    first: Option<String>,
    last: Option<String>,
    #[serde(default)]
    skipped: Vec<Skipped>,
    matched: u64,
    #[serde(default)]
    unmatched: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Skipped {
    row: u64,
    reason: String,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    if args.command.is_some() && (args.dry_run || args.as_of.is_some()) {
        return Err(Usage("--dry-run and --as-of go with files, not with `list` or `undo`".to_owned()).into());
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
            Some(Command::Undo { id }) => undo(&client, *id, args.connect.json).await,
        }
    })
}

/// What each file holds, where no server can say what would become of it.
async fn read_all(args: &Args, files: Vec<File>) -> anyhow::Result<()> {
    let as_of = args.as_of.map(|at| at.to_zoned(jiff::tz::TimeZone::UTC).date());
    for file in files {
        let options = args.reading.options(&file.name, as_of);
        if let Err(error) = dry_run::tell(&file.bytes, &file.name, &options, args.connect.json).await {
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
            print(&format!("{}{}", table::shown(&heading), render(&answer.read()?)))?;
        }
    }
    Ok(())
}

async fn import_one(client: &Client, args: &Args, file: File) -> anyhow::Result<Answer> {
    let query = [
        ("file_name", Some(file.name)),
        ("as_of", args.as_of.map(|at| at.to_string())),
        ("dry_run", Some(args.dry_run.to_string())),
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

fn render(report: &Report) -> String {
    let mut text = format!("{}\n", table::shown(&headline(report)));
    let days = match (&report.first, &report.last) {
        (Some(first), Some(last)) if first == last => first.clone(),
        (Some(first), Some(last)) => format!("{first} to {last}"),
        _ => String::new(),
    };
    let sum: Vec<_> =
        report.sum.iter().map(|(kind, sum)| format!("{} {}", figures::count(*sum), words(kind))).collect();
    text.push_str(&table::description(&[
        ("days", days),
        ("sum", sum.join(", ")),
        ("rows", changes(report)),
        (
            "matched",
            format!("{} of {} rows belong to a link", figures::count(report.matched), figures::count(report.rows)),
        ),
    ]));
    text.push_str(&several(&report.unmatched, |post| format!("no link stands in {post}")));
    text.push_str(&several(&report.skipped, |skipped| format!("row {} was skipped: {}", skipped.row, skipped.reason)));
    text
}

fn headline(report: &Report) -> String {
    let rows = figures::counted(report.rows, "row", "rows");
    match (report.import, report.same, report.dry_run) {
        (_, true, _) => "the same file was imported before; nothing changed".to_owned(),
        (_, _, true) => format!("{rows} would be imported; nothing changed yet"),
        (Some(id), ..) => format!("imported {rows} as import {id}; `waypost import undo {id}` takes it back"),
        (None, ..) => format!("imported {rows}"),
    }
}

fn changes(report: &Report) -> String {
    let parts =
        [(report.added, "new"), (report.replaced, "replaced"), (report.kept, "older than what is known, left out")];
    let happened = parts.iter().filter(|(rows, _)| *rows > 0);
    happened.map(|(rows, what)| format!("{} {what}", figures::count(*rows))).collect::<Vec<_>>().join(", ")
}

fn words(kind: &str) -> String {
    kind.replace('_', " ")
}

fn several<T>(items: &[T], line: impl Fn(&T) -> String) -> String {
    let mut text = String::new();
    for item in items.iter().take(SHOWN_MAX) {
        text.push_str(&format!("note: {}\n", table::shown(&line(item))));
    }
    if items.len() > SHOWN_MAX {
        text.push_str(&format!("note: and {} more like this; --json has them all\n", items.len() - SHOWN_MAX));
    }
    text
}

#[derive(Deserialize)]
struct Imports {
    imports: Vec<Summary>,
}

#[derive(Deserialize)]
struct Summary {
    id: u64,
    file_name: String,
    as_of: String,
    imported_at: String,
    rows: u64,
}

async fn list(client: &Client, json: bool) -> anyhow::Result<()> {
    let answer = client.get("/api/v1/imports", &[]).await?;
    if json {
        return Ok(print(&answer.text)?);
    }
    let all: Imports = answer.read()?;
    if all.imports.is_empty() {
        tell("nothing was imported yet: `waypost import FILE`");
        return Ok(());
    }
    let mut table =
        Table::new([("import", Right), ("rows", Right), ("as of", Left), ("imported at", Left), ("file", Left)]);
    for import in all.imports {
        table.row([
            import.id.to_string(),
            figures::count(import.rows),
            when::minute(&import.as_of),
            when::minute(&import.imported_at),
            import.file_name,
        ]);
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

    fn report() -> Report {
        serde_json::from_value(json!({"import": 3, "same": false, "dry_run": false, "rows": 10, "added": 8,
            "replaced": 2, "kept": 0, "sum": {"impressions": 5000, "story_views": 20}, "first": "2026-11-01",
            "last": "2026-11-10", "skipped": [{"row": 3, "reason": "empty"}], "matched": 8,
            "unmatched": ["https://x.example/9"]}))
        .unwrap()
    }

    #[test]
    fn an_import_says_what_it_did_and_how_to_take_it_back() {
        let text = render(&report());
        let expected = "\
imported 10 rows as import 3; `waypost import undo 3` takes it back
days     2026-11-01 to 2026-11-10
sum      5,000 impressions, 20 story views
rows     8 new, 2 replaced
matched  8 of 10 rows belong to a link
note: no link stands in https://x.example/9
note: row 3 was skipped: empty
";
        assert_eq!(text, expected);
    }

    #[test]
    fn a_dry_run_and_a_known_file_say_that_nothing_changed() {
        assert!(headline(&Report { dry_run: true, import: None, ..report() }).contains("would be imported"));
        assert!(headline(&Report { same: true, ..report() }).contains("imported before"));
    }

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
