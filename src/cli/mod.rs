//! The command line: one file per command. Everything but `serve` and the offline tools speaks to the admin API.
//!
//! It must never change data by another way than the server does, and never print data that could act on a terminal.

mod check_config;
pub(crate) mod classify;
mod client;
mod completions;
mod connect;
mod corpora;
pub(crate) mod crowd;
mod ctr;
pub(crate) mod demo;
mod doctor;
mod dry_run;
mod export;
mod figures;
mod filter;
mod hook;
mod import;
mod link;
mod lookup;
mod man;
mod matching;
mod owner;
mod reclassify;
mod report;
mod serve;
mod stats;
mod store;
mod table;
mod template;
mod verify;
mod when;
mod why;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use self::table::shown;

/// Makes UTM-tagged links, counts every human click once, and divides clicks by impressions.
#[derive(Debug, Parser)]
#[command(name = "waypost", version, about, after_help = EXAMPLES, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  waypost serve
  waypost link add https://example.com/shop --slug spring --source instagram --level story
  waypost link list --query shop
  waypost stats spring --by country
  waypost export clicks --from 2026-11-01 -o november.csv
  waypost import impressions.csv --dry-run
  waypost match list --unmatched
  waypost ctr --by campaign
  waypost ctr reconcile
  waypost report --weekly

Client commands find the server through its data folder (--data, ./data if not given) or through --server and --key.
Exit codes: 0 done, 1 failed, 2 asked wrongly.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server: the redirects, the dashboard and the API
    Serve(serve::Args),
    /// Make, list, show, change and remove links
    Link(Box<link::Args>),
    /// Keep UTM templates, and make a campaign's links from one
    Template(template::Args),
    /// Show the clicks of one link or of all
    Stats(stats::Args),
    /// Say why hits were not counted as clicks
    Why(why::Args),
    /// Write clicks to a file, for a spreadsheet or a database
    Export(export::Args),
    /// Import impressions from platforms' files or your own, or list and undo imports
    Import(import::Args),
    /// Show which links stand in which imported posts, and decide about it
    Match(matching::Args),
    /// Show click-through rates: clicks divided by impressions
    Ctr(ctr::Args),
    /// Report on a week: what changed, what is worsening, the best and the worst posts, each campaign
    Report(report::Args),
    /// Pass clicks and changes on: webhooks, Analytics, Plausible, Umami, Matomo
    Hook(hook::Args),
    /// Judge past clicks again by the rules of now, and count them anew
    Reclassify(reclassify::Args),
    /// Prove that counters, click files and journals agree
    Verify(verify::Args),
    /// Print the addresses that mark a browser as yours, so that its visits are not counted
    Owner(owner::Args),
    /// Say of hits on standard input what they are and why (JSON lines; no server needed)
    Classify(serve::ConfigFile),
    /// Check the configuration as `serve` would read it (no server needed)
    CheckConfig(check_config::Args),
    /// Look for what is wrong with this machine, its folder and its settings
    Doctor(doctor::Args),
    /// Copy links, counters and everything else from one store into another (no server needed)
    Store(store::Args),
    /// Fill an empty data folder with a believable campaign (no server needed)
    Demo(demo::Args),
    /// Print what lets a shell complete waypost's commands and options (no server needed)
    Completions(completions::Args),
    /// Write the manual pages into a folder (no server needed)
    Man(man::Args),
    /// Measure classification on public corpora in a folder (no server needed)
    #[command(hide = true)]
    Corpora(corpora::Args),
    /// Measure what judging a click costs; reads user agents on standard input (benches/run classify)
    #[command(hide = true)]
    MeasureClassify,
    /// Fill an empty data folder with very many posts, links and clicks (no server needed)
    #[command(hide = true)]
    Crowd(crowd::Args),
    /// Read an impressions file on standard input; what the server runs to keep uploads at arm's length
    #[command(hide = true)]
    ParseImpressions,
}

/// The command was understood but cannot be meant: exit code 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Usage(pub(crate) String);

/// The command failed and has already said all there is to say: exit code 1, no further line.
#[derive(Debug, thiserror::Error)]
#[error("failed; see above")]
pub(crate) struct AlreadyTold;

const FAILED: u8 = 1;
const ASKED_WRONGLY: u8 = 2;

/// Runs the program; the exit code is 0, 1 (it failed) or 2 (it was asked wrongly).
#[must_use]
pub fn main() -> ExitCode {
    match Cli::try_parse() {
        Ok(Cli { command }) => run(command).unwrap_or_else(|error| report(&error)),
        Err(error) => {
            // Nobody is left to tell when even this cannot be written.
            let _ = error.print();
            u8::try_from(error.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from)
        }
    }
}

fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Serve(args) => serve::run(&args),
        Command::Link(args) => link::run(&args),
        Command::Template(args) => template::run(&args),
        Command::Stats(args) => stats::run(&args),
        Command::Why(args) => why::run(&args),
        Command::Export(args) => export::run(&args),
        Command::Import(args) => import::run(&args),
        Command::Match(args) => matching::run(&args),
        Command::Ctr(args) => ctr::run(&args),
        Command::Report(args) => report::run(&args),
        Command::Hook(args) => hook::run(&args),
        Command::Reclassify(args) => reclassify::run(&args),
        Command::Verify(args) => verify::run(&args),
        Command::Owner(args) => owner::run(&args),
        Command::Classify(file) => classify::run(&file.load()?),
        Command::CheckConfig(args) => check_config::run(&args),
        Command::Doctor(args) => doctor::run(&args),
        Command::Store(args) => store::run(&args),
        Command::Demo(args) => demo::run(&args),
        Command::Completions(args) => completions::run(&args, Cli::command()),
        Command::Man(args) => man::run(&args, Cli::command()),
        Command::Corpora(args) => corpora::run(&args, &serve::ConfigFile::default().load()?),
        Command::MeasureClassify => corpora::speed::run(&serve::ConfigFile::default().load()?),
        Command::Crowd(args) => crowd::run(&args),
        Command::ParseImpressions => return Ok(crate::impressions::child::parse_child_main()),
    }?;
    Ok(ExitCode::SUCCESS)
}

/// Tells a person what failed and turns it into an exit code.
fn report(error: &anyhow::Error) -> ExitCode {
    if is_closed_pipe(error) {
        return ExitCode::SUCCESS;
    }
    if !error.is::<AlreadyTold>() {
        tell(&format!("waypost: {error:#}"));
    }
    ExitCode::from(if error.is::<Usage>() { ASKED_WRONGLY } else { FAILED })
}

/// Whether the reader of standard output went away, as `head` does once it has enough.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
}

/// Writes an answer to standard output, as it is.
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    if !text.ends_with('\n') {
        out.write_all(b"\n")?;
    }
    out.flush()
}

/// Writes a remark to standard error, control characters shown. Nobody can be told when that fails.
pub(crate) fn tell(text: &str) {
    let mut err = io::stderr().lock();
    for line in text.lines() {
        let _ = writeln!(err, "{}", shown(line));
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn exit_of(arguments: &[&str]) -> i32 {
        Cli::try_parse_from(arguments).map_or_else(|error| error.exit_code(), |_| -1)
    }

    #[test]
    fn the_commands_fit_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_of_the_contract_is_understood() {
        let lines = [
            "waypost serve --config w.toml --data d --redirect 127.0.0.1:1 --admin 127.0.0.1:2 --store embedded:x --archive y",
            "waypost link add https://example.com/ --slug s --domain d --source a --medium b --campaign c --term d \
             --content e --utm-id f --platform x --level post --post p --post q --title t --tag u --status 302 \
             --no-passthrough --visitor-utm --expires-at 2026-12-01 --expired-url https://example.com/ --data d --json",
            "waypost link list --campaign c --tag t --query q --limit 5 --server http://localhost:1 --key k",
            "waypost link show spring",
            "waypost link edit spring --new-slug s --url https://example.com/ --disable --json",
            "waypost link remove spring --yes",
            "waypost link import bitly.csv --from bitly --domain d --dry-run --skip-refused --data d --json",
            "waypost link import list",
            "waypost export links --format jsonl --domain d --tag t --campaign c --query q -o f",
            "waypost export upload google-ads --name Sale --value 1.50 --currency EUR --from 2026-11-01 -o f --data d",
            "waypost link import undo 3 --json",
            "waypost template add Launch --campaign c --tag t --placement Story,platform=x,level=post,source=x --data d",
            "waypost template list --json",
            "waypost template make Launch https://example.com/ --campaign c --title t --domain d --dry-run",
            "waypost template remove Launch --data d",
            "waypost stats",
            "waypost stats spring --from 2026-11-01 --to 2026-11-02 --tz Europe/Stockholm --by seen_on",
            "waypost why spring --verdict bot --reason user-agent:curl --limit 5 --data d --json",
            "waypost why --hit 018bcfe5-6800-7000-8000-000000000000",
            "waypost export clicks --format parquet --from 2026-11-01 --link spring --campaign c --verdict all -o f",
            "waypost import a.csv b.csv --dry-run --as-of 2026-11-21T10:00:00Z --data d",
            "waypost import list --data d --json",
            "waypost import --data d list",
            "waypost import undo 3",
            "waypost ctr --by platform --from 2026-11-01 --to 2026-11-02 --clicks unique",
            "waypost owner --unmark --data d --json",
            "waypost ctr --by platform --from 2026-11-01 --to 2026-11-02 --clicks unique --sort rank",
            "waypost ctr compare x:1 x:2 --by post --clicks unique --data d",
            "waypost ctr platform --by age --from 2026-11-01 --csv",
            "waypost ctr reconcile --from 2026-11-01 --csv",
            "waypost report --weekly --to 2026-11-15 --html --data d",
            "waypost classify --config w.toml",
            "waypost reclassify --since 2026-11-01 --dry-run --data d --json",
            "waypost hook add https://h.example/ --tell clicks --verdict human --campaign c --domain d --name n --data d",
            "waypost hook add --kind ga4 --site G-1 --event click --secret --json",
            "waypost hook list --json",
            "waypost hook edit 1 --url https://h.example/ --on",
            "waypost hook deliveries 1",
            "waypost hook replay 1 2 3",
            "waypost verify --since 2026-11-01 --data d --json",
            "waypost check-config --config w.toml --print",
            "waypost doctor --data d --json",
            "waypost store copy --from embedded:d --to redis://h/1 --config w.toml --json",
            "waypost doctor --live",
            "waypost doctor --peer 10.0.0.1 --introduced 10.0.0.2 --address-of X-Real-IP:1.2.3.4 --address-of a:b",
            "waypost demo --data d",
            "waypost corpora DIR --misses",
            "waypost measure-classify",
            "waypost crowd --data d --links 5 --posts 10",
            "waypost parse-impressions",
        ];
        for line in lines {
            assert_eq!(exit_of(&line.split_whitespace().collect::<Vec<_>>()), -1, "{line}");
        }
    }

    #[test]
    fn a_wrong_argument_is_exit_code_2_and_help_is_0() {
        assert_eq!(exit_of(&["waypost", "link", "add"]), 2);
        assert_eq!(exit_of(&["waypost", "stats", "--by", "colour"]), 2);
        assert_eq!(exit_of(&["waypost", "stats", "--from", "yesterday"]), 2);
        assert_eq!(exit_of(&["waypost", "ctr", "--help"]), 0);
        assert_eq!(exit_of(&["waypost", "--version"]), 0);
    }

    #[test]
    fn a_reader_that_went_away_is_no_failure() {
        let gone = anyhow::Error::from(io::Error::from(io::ErrorKind::BrokenPipe)).context("cannot write the answer");
        assert!(is_closed_pipe(&gone));
        assert!(!is_closed_pipe(&anyhow::anyhow!("no")));
    }
}
