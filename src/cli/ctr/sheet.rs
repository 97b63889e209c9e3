//! What the tables of platforms' numbers have in common: the days asked for, and a form for spreadsheets.

use jiff::civil::Date;
use serde::de::DeserializeOwned;

use super::super::client::block_on;
use super::super::connect::Connect;
use super::super::{print, tell, when};

#[derive(Debug, clap::Args)]
pub(super) struct Sheet {
    /// The first day, such as 2026-11-01 [default: all days]
    #[arg(long, value_name = "DAY", value_parser = when::day)]
    from: Option<Date>,
    /// The last day
    #[arg(long, value_name = "DAY", value_parser = when::day)]
    to: Option<Date>,
    /// Write a table for a spreadsheet
    #[arg(long, conflicts_with = "json")]
    csv: bool,
    #[command(flatten)]
    connect: Connect,
}

impl Sheet {
    /// The report at `path`, to be drawn for people; `None` when it was printed as it came, for a program.
    pub(super) fn ask<R: DeserializeOwned>(&self, path: &str, by: Option<&str>) -> anyhow::Result<Option<R>> {
        let client = self.connect.open()?;
        let query = [
            ("by", by.map(str::to_owned)),
            ("from", self.from.map(|day| day.to_string())),
            ("to", self.to.map(|day| day.to_string())),
            ("format", self.csv.then(|| "csv".to_owned())),
        ];
        let answer = block_on(client.get(path, &query))?;
        if self.csv || self.connect.json {
            print(&answer.text)?;
            return Ok(None);
        }
        Ok(Some(answer.read()?))
    }
}

/// Prints a report, and says what to do where it has no rows.
pub(super) fn show(is_empty: bool, text: &str) -> anyhow::Result<()> {
    if is_empty {
        tell("no platform's clicks yet: import a file that has some with `waypost import FILE`");
        return Ok(());
    }
    Ok(print(text)?)
}
