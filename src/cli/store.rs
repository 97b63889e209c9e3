//! `waypost store copy`: everything that one store holds into another one, and the proof that both hold the same.
//!
//! An offline tool: it opens the stores itself, and never one that a server of this machine has open.

use std::io::IsTerminal;
use std::sync::Arc;

use anyhow::Context;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;

use super::client::block_on;
use super::serve::ConfigFile;
use super::table::{Left, Right, Table};
use super::{AlreadyTold, Usage, figures, print, tell};
use crate::config::Config;
use crate::store::copy::{self, Compared, Part};
use crate::store::{self, CopyStore};

/// How often the progress bar is drawn anew at most.
const DRAWS_PER_SECOND: u8 = 5;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Copy everything from one store into another that holds nothing yet; run it again to go on after an interruption
    Copy(CopyArgs),
}

#[derive(Debug, clap::Args)]
struct CopyArgs {
    /// The store to read, such as embedded:./data; no server may be using it
    #[arg(long, value_name = "URL")]
    from: String,
    /// The store to fill, such as redis://HOST/0; prefix, shards and deadlines are those of the configuration
    #[arg(long, value_name = "URL")]
    to: String,
    /// Print the comparison as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    file: ConfigFile,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let Action::Copy(args) = &args.action;
    let config = args.file.load()?;
    let (from, to) = (at(&config, &args.from), at(&config, &args.to));
    let (from_name, to_name) = (store::name(&from, &config.data), store::name(&to, &config.data));
    if from_name == to_name {
        return Err(Usage(format!("--from and --to are the same store, {from_name}")).into());
    }
    let source = store::open_source(&from, &config.data).with_context(|| format!("cannot read {from_name}"))?;
    // A store of the same kind keeps its number of shards: positions then move as they are.
    let shards = if source.shard_count() > 1 { source.shard_count() } else { to.shards };
    let to = store::Config { shards, ..to };
    let destination =
        store::open_destination(&to, &config.data, &from_name).with_context(|| format!("cannot fill {to_name}"))?;
    let compared = block_on(copy_and_compare(&source, &destination))?;
    let set_aside = block_on(async { Ok(source.set_aside().await?) })?;
    if args.json {
        print(&as_json(&compared, set_aside).to_string())?;
    } else {
        print(&render(&compared))?;
        say_what_is_next(&compared, set_aside, &args.to);
    }
    if compared.iter().all(Compared::is_same) { Ok(()) } else { Err(AlreadyTold.into()) }
}

fn at(config: &Config, url: &str) -> store::Config {
    store::Config { url: url.to_owned(), ..config.store.clone() }
}

async fn copy_and_compare(from: &Arc<dyn CopyStore>, to: &Arc<dyn CopyStore>) -> anyhow::Result<Vec<Compared>> {
    let bar = progress_bar(from).await?;
    copy::run(&**from, &**to, |part, rows| {
        bar.set_message(part.as_str());
        if is_shown(part) {
            bar.inc(rows);
        }
    })
    .await?;
    bar.set_message("comparing");
    let compared = copy::compare(&**from, &**to).await?;
    bar.finish_and_clear();
    Ok(compared)
}

/// The parts that are most of a store and whose size is known beforehand.
fn is_shown(part: Part) -> bool {
    matches!(part, Part::Links | Part::Counters)
}

async fn progress_bar(from: &Arc<dyn CopyStore>) -> anyhow::Result<ProgressBar> {
    let mut rows = 0;
    for part in Part::ALL.into_iter().filter(|part| is_shown(*part)) {
        rows += from.extent(part).await?;
    }
    let target = if std::io::stderr().is_terminal() {
        ProgressDrawTarget::stderr_with_hz(DRAWS_PER_SECOND)
    } else {
        ProgressDrawTarget::hidden()
    };
    let style = ProgressStyle::with_template("{msg:12} {wide_bar} {human_pos} of {human_len}, {eta} left")?;
    Ok(ProgressBar::with_draw_target(Some(rows), target).with_style(style))
}

fn render(compared: &[Compared]) -> String {
    let columns = [("", Left), ("rows", Right), ("copied", Right), ("sum", Right), ("copied", Right), ("", Left)];
    let mut table = Table::new(columns);
    for line in compared {
        let (source, destination) = (line.source, line.destination);
        let verdict = if line.is_same() { "same" } else { "DIFFERENT" };
        table.row([
            line.part.as_str().to_owned(),
            figures::count(source.rows),
            figures::count(destination.rows),
            figures::count(source.total),
            figures::count(destination.total),
            verdict.to_owned(),
        ]);
    }
    table.render()
}

fn say_what_is_next(compared: &[Compared], set_aside: u64, to: &str) {
    if set_aside > 0 {
        tell(&format!(
            "{} that had been set aside as unreadable stay in the source",
            figures::counted(set_aside, "counter", "counters")
        ));
    }
    if compared.iter().all(Compared::is_same) {
        let scheme = to.split(':').next().unwrap_or_default();
        tell(&format!(
            "both stores hold the same; start the nodes with the new store ({scheme}:…). A node that counted into \
             another Redis before needs its DATA/redis-store.id removed first. Journals and click files stay where they are"
        ));
    } else {
        tell(
            "the stores differ: somebody counted into the source or changed links meanwhile, or the copy has what the \
             source has no more. Stop every node on both and run it again; if that does not help, empty the destination first",
        );
    }
}

fn as_json(compared: &[Compared], set_aside: u64) -> serde_json::Value {
    let part = |line: &Compared| {
        json!({
            "part": line.part.as_str(),
            "rows": line.source.rows,
            "rows_copied": line.destination.rows,
            "sum": line.source.total,
            "sum_copied": line.destination.total,
            "same": line.is_same(),
        })
    };
    let same = compared.iter().all(Compared::is_same);
    json!({ "same": same, "set_aside": set_aside, "parts": compared.iter().map(part).collect::<Vec<_>>() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::copy::Sum;

    #[test]
    fn a_difference_is_shown_in_its_line() {
        let sum = |rows| {
            let mut sum = Sum::default();
            (sum.rows, sum.total) = (rows, 2 * rows);
            sum
        };
        let line = |part, source, destination| Compared { part, source: sum(source), destination: sum(destination) };
        let text = render(&[line(Part::Links, 1_200, 1_200), line(Part::Counters, 7, 6)]);
        assert!(text.contains("links     1,200   1,200  2,400   2,400  same"), "{text}");
        assert!(text.contains("counters      7       6     14      12  DIFFERENT"), "{text}");
    }
}
