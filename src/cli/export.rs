//! `waypost export`: streams clicks to a file or to standard output, in constant memory.
//!
//! A file appears under its name only when it is complete, so half an export is never mistaken for one.

use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::ValueEnum;
use clap::builder::PossibleValuesParser;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::civil::Date;
use reqwest::Method;

use super::client::{Body, Client, block_on, innermost};
use super::connect::Connect;
use super::figures;
use super::filter::Conditions;
use super::lookup::{self, LinkName};
use super::{Usage, tell, when};
use crate::archive::Receiver;
use crate::domain::link::LinkId;
use crate::domain::verdict::Verdict;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    connect: Connect,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Write clicks, one row each
    Clicks(Clicks),
    /// Write links, one row each, as `link import` reads them
    Links(Links),
    /// Write clicks as a file that an advertising platform or Analytics 4 takes
    Upload(Upload),
}

#[derive(Debug, clap::Args)]
struct Links {
    /// The form of the file [default: by the name of the file, else csv]
    #[arg(long)]
    format: Option<Format>,
    /// Only links of this domain
    #[arg(long)]
    domain: Option<String>,
    /// Only links of this campaign
    #[arg(long)]
    campaign: Option<String>,
    /// Only links with this tag
    #[arg(long)]
    tag: Option<String>,
    /// Only links with this text in slug, title or destination
    #[arg(long, value_name = "TEXT")]
    query: Option<String>,
    /// The file to write [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
struct Upload {
    /// Who takes the file
    #[arg(value_name = "RECEIVER", value_parser = PossibleValuesParser::new(Receiver::ALL.map(Receiver::as_str)))]
    receiver: String,
    /// What each click is called there [default: Link click]
    #[arg(long)]
    name: Option<String>,
    /// What each click is worth, such as 1.50
    #[arg(long, requires = "currency")]
    value: Option<String>,
    /// ISO 4217, such as EUR
    #[arg(long, requires = "value")]
    currency: Option<String>,
    /// The first day, such as 2026-11-01
    #[arg(long, value_name = "DAY", value_parser = when::day)]
    from: Option<Date>,
    /// The last day
    #[arg(long, value_name = "DAY", value_parser = when::day)]
    to: Option<Date>,
    #[command(flatten)]
    filter: Conditions,
    /// The file to write [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
struct Clicks {
    /// The form of the file [default: by the name of the file, else csv]
    #[arg(long)]
    format: Option<Format>,
    /// The first day, such as 2026-11-01
    #[arg(long, value_name = "DAY", value_parser = when::day)]
    from: Option<Date>,
    /// The last day
    #[arg(long, value_name = "DAY", value_parser = when::day)]
    to: Option<Date>,
    /// Only clicks of this link: a slug, a short URL, or id:NUMBER
    #[arg(long, value_parser = LinkName::parse)]
    link: Option<LinkName>,
    /// The domain of the link, if the slug is on several
    #[arg(long, requires = "link")]
    domain: Option<String>,
    #[command(flatten)]
    filter: Conditions,
    /// Which clicks: human, all, or one verdict [default: human]
    #[arg(long, value_parser = PossibleValuesParser::new(verdicts()))]
    verdict: Option<String>,
    /// The file to write [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

fn verdicts() -> impl Iterator<Item = &'static str> {
    Verdict::ALL.map(Verdict::as_str).into_iter().chain(["all"])
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Csv,
    Jsonl,
    Parquet,
}

impl Format {
    fn as_str(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Jsonl => "jsonl",
            Self::Parquet => "parquet",
        }
    }

    fn of_file(path: &Path) -> Option<Self> {
        let extension = path.extension()?.to_str()?.to_ascii_lowercase();
        Self::value_variants().iter().copied().find(|format| format.as_str() == extension)
    }
}

/// Where a file that the server makes goes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Output {
    Stdout,
    /// Written beside its name and renamed when complete.
    File(PathBuf),
    /// A device or a pipe, which cannot be renamed onto.
    Special(PathBuf),
}

impl Output {
    pub(super) fn of(path: Option<&Path>) -> anyhow::Result<Self> {
        let Some(path) = path.filter(|path| *path != Path::new("-")) else { return Ok(Self::Stdout) };
        match fs::metadata(path) {
            Ok(about) if about.is_dir() => Err(Usage(format!("{} is a folder", path.display())).into()),
            Ok(about) if !about.is_file() => Ok(Self::Special(path.to_owned())),
            _ => Ok(Self::File(path.to_owned())),
        }
    }

    /// Writes the whole answer, and tells of a file that is complete.
    pub(super) async fn write(&self, response: reqwest::Response) -> anyhow::Result<()> {
        let progress = progress_bar(*self == Self::Stdout && io::stdout().is_terminal());
        match self {
            Self::Stdout => drop(copy(response, &mut io::stdout().lock(), &progress).await?),
            Self::Special(path) => {
                let mut file = fs::OpenOptions::new().write(true).open(path).with_context(|| cannot_write(path))?;
                copy(response, &mut file, &progress).await?;
            }
            Self::File(path) => {
                let mut part = Part::create(path)?;
                let bytes = copy(response, &mut part.file, &progress).await?;
                part.finish()?;
                tell(&format!("wrote {} ({})", path.display(), figures::bytes(bytes)));
            }
        }
        Ok(())
    }
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let (asked, output) = match &args.command {
        Command::Clicks(Clicks { format, output, .. }) | Command::Links(Links { format, output, .. }) => {
            (*format, output)
        }
        Command::Upload(upload) => (Some(Format::Csv), &upload.output),
    };
    let format = asked.or_else(|| Format::of_file(output.as_deref()?)).unwrap_or(Format::Csv);
    let output = Output::of(output.as_deref())?;
    if output == Output::Stdout && format == Format::Parquet && io::stdout().is_terminal() {
        let message = "Parquet is not for reading on a terminal: give -o FILE or send it through a pipe";
        return Err(Usage(message.to_owned()).into());
    }
    let client = args.connect.open()?;
    block_on(async {
        let response = match &args.command {
            Command::Clicks(clicks) => ask(&client, clicks, format).await?,
            Command::Links(links) => ask_links(&client, links, format).await?,
            Command::Upload(upload) => ask_upload(&client, upload).await?,
        };
        output.write(response).await
    })
}

async fn ask_links(client: &Client, links: &Links, format: Format) -> anyhow::Result<reqwest::Response> {
    let query = [
        ("format", Some(format.as_str().to_owned())),
        ("domain", links.domain.clone()),
        ("campaign", links.campaign.clone()),
        ("tag", links.tag.clone()),
        ("q", links.query.clone()),
    ];
    client.stream(Method::GET, "/api/v1/links/export", &query, Body::None).await
}

async fn ask_upload(client: &Client, upload: &Upload) -> anyhow::Result<reqwest::Response> {
    let mut query = upload.filter.pairs(None)?;
    query.extend([
        ("for", Some(upload.receiver.clone())),
        ("name", upload.name.clone()),
        ("value", upload.value.clone()),
        ("currency", upload.currency.clone()),
        ("from", upload.from.map(|day| day.to_string())),
        ("to", upload.to.map(|day| day.to_string())),
    ]);
    client.stream(Method::GET, "/api/v1/clicks/upload", &query, Body::None).await
}

async fn ask(client: &Client, clicks: &Clicks, format: Format) -> anyhow::Result<reqwest::Response> {
    let link = match &clicks.link {
        Some(name) => Some(LinkId(lookup::find(client, name, clicks.domain.as_deref()).await?.id)),
        None => None,
    };
    let mut query = clicks.filter.pairs(link)?;
    query.extend([
        ("format", Some(format.as_str().to_owned())),
        ("from", clicks.from.map(|day| day.to_string())),
        ("to", clicks.to.map(|day| day.to_string())),
        ("verdict", clicks.verdict.clone()),
    ]);
    client.stream(Method::GET, "/api/v1/clicks", &query, Body::None).await
}

fn cannot_write(path: &Path) -> String {
    format!("cannot write {}", path.display())
}

/// Writes the body piece by piece. A body that ends early is an error, never a shorter export.
async fn copy(mut response: reqwest::Response, out: &mut impl Write, progress: &ProgressBar) -> anyhow::Result<u64> {
    let broke_off = |error: reqwest::Error| anyhow::anyhow!("the file broke off: {}", innermost(&error));
    while let Some(chunk) = response.chunk().await.map_err(broke_off)? {
        out.write_all(&chunk).context("cannot write the file")?;
        progress.inc(chunk.len() as u64);
    }
    out.flush().context("cannot write the file")?;
    progress.finish_and_clear();
    Ok(progress.position())
}

/// Drawn on standard error if that is a terminal, unless the rows themselves go to a terminal.
fn progress_bar(rows_on_terminal: bool) -> ProgressBar {
    let target = if rows_on_terminal { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
    let style = ProgressStyle::with_template("{spinner} {bytes} written, {bytes_per_sec}, {elapsed}")
        .expect("the template is a constant that a test draws");
    ProgressBar::with_draw_target(None, target).with_style(style)
}

/// `FILE.part`, which becomes FILE when it is complete and is removed when it never is.
struct Part {
    file: fs::File,
    path: PathBuf,
    name: PathBuf,
    finished: bool,
}

impl Part {
    fn create(name: &Path) -> anyhow::Result<Self> {
        let mut path = name.as_os_str().to_owned();
        path.push(".part");
        let path = PathBuf::from(path);
        let file = fs::File::create(&path).with_context(|| cannot_write(&path))?;
        Ok(Self { file, path, name: name.to_owned(), finished: false })
    }

    fn finish(mut self) -> anyhow::Result<()> {
        self.file.sync_all().with_context(|| cannot_write(&self.path))?;
        fs::rename(&self.path, &self.name).with_context(|| cannot_write(&self.name))?;
        self.finished = true;
        Ok(())
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if !self.finished {
            // The export has failed already, and that is what is told.
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_file_says_its_format() {
        assert_eq!(Format::of_file(Path::new("a/clicks.PARQUET")), Some(Format::Parquet));
        assert_eq!(Format::of_file(Path::new("clicks.txt")), None);
        assert_eq!(Format::of_file(Path::new(".csv")), None);
    }

    #[test]
    fn a_device_is_written_to_and_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Output::of(Some(Path::new("/dev/null"))).unwrap(), Output::Special("/dev/null".into()));
        assert_eq!(Output::of(Some(Path::new("-"))).unwrap(), Output::Stdout);
        assert!(Output::of(Some(folder.path())).unwrap_err().is::<Usage>());
    }

    #[test]
    fn a_file_appears_only_when_it_is_complete() {
        let folder = tempfile::tempdir().unwrap();
        let name = folder.path().join("clicks.csv");
        fs::write(&name, "old").unwrap();
        let mut given_up = Part::create(&name).unwrap();
        given_up.file.write_all(b"ne").unwrap();
        drop(given_up);
        assert_eq!(fs::read_to_string(&name).unwrap(), "old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        let mut complete = Part::create(&name).unwrap();
        complete.file.write_all(b"new").unwrap();
        complete.finish().unwrap();
        assert_eq!(fs::read_to_string(&name).unwrap(), "new");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn the_progress_bar_can_be_drawn() {
        assert!(progress_bar(true).is_hidden());
    }
}
