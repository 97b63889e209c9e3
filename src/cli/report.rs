//! `waypost report`: a week beside the one before, ready to be read, mailed or put into a spreadsheet.

use jiff::civil::Date;

use super::client::block_on;
use super::connect::Connect;
use super::{Usage, print, when};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The last seven days beside the seven before; the only report there is
    #[arg(long)]
    weekly: bool,
    /// The last of the days, such as 2026-11-15 [default: yesterday]
    #[arg(long, value_name = "DAY", value_parser = when::day)]
    to: Option<Date>,
    /// Markdown, which is also what you get without a form
    #[arg(long, group = "form")]
    md: bool,
    /// A page of its own, for mail
    #[arg(long, group = "form")]
    html: bool,
    /// A table for a spreadsheet
    #[arg(long, group = "form")]
    csv: bool,
    #[command(flatten)]
    connect: Connect,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    if !args.weekly {
        return Err(Usage("say which report: --weekly is the only one there is".to_owned()).into());
    }
    let client = args.connect.open()?;
    let form = match (args.html, args.csv) {
        (true, _) => "html",
        (_, true) => "csv",
        _ if args.connect.json => "json",
        _ => "md",
    };
    let query = [("to", args.to.map(|day| day.to_string())), ("format", Some(form.to_owned()))];
    Ok(print(&block_on(client.get("/api/v1/report/weekly", &query))?.text)?)
}
