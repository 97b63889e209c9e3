//! Reading: bytes in, readings out, with everything that a person wants to know about it.
//!
//! Open the container, find each table's header and dialect, learn once how the table writes numbers and days, read
//! its rows, check what comes out. Pure, and run in a limited child. All of an upload is read or none of it.

mod bind;
mod check;
mod finish;
mod notation;
mod posts;
mod report;
mod rows;
mod span;
mod words;

#[cfg(test)]
mod edge_tests;
#[cfg(test)]
mod fixture_tests;
#[cfg(test)]
mod fuzz_tests;
#[cfg(test)]
mod tests;

use self::bind::{Bound, NotRead};
use self::span::Period;
use crate::impressions::container::{self, Opened, PassedOver};
use crate::impressions::mapping::Mapping;
use crate::impressions::options::Options;
use crate::impressions::reading::{Contents, Refusal, Table};
use crate::impressions::table::Sheet;

/// The most posts and the most numbers of one table.
pub(crate) const POSTS_MAX: usize = 250_000;
pub(crate) const NUMBERS_MAX: usize = 2_000_000;

/// Reads an upload.
///
/// # Errors
/// When it is no file that can be read, or a row of it is wrong; nothing of it counts then.
pub(crate) fn read(bytes: Vec<u8>, options: &Options) -> Result<Contents, Refusal> {
    let opened = container::open(bytes)?;
    // An archive has tables of several shapes, so its mapping must be said.
    let recalled = if let [sheet] = &opened.sheets[..] { bind::recalled(sheet, options) } else { None };
    let Some(known) = recalled else { return read_opened(opened, options) };
    let mut contents = read_opened(opened, &options.or(known))?;
    let map = known.map.as_ref().map(Mapping::to_string).unwrap_or_default();
    let said = format!("read with the columns that were said about such a file before: {map}");
    contents.tables.iter_mut().for_each(|table| table.report.warnings.push(said.clone()));
    Ok(contents)
}

fn read_opened(opened: Opened, options: &Options) -> Result<Contents, Refusal> {
    let Opened { sheets, mut passed_over } = opened;
    let alone = sheets.len() == 1 && passed_over.is_empty();
    let mut bound = Vec::new();
    let mut why_not = None;
    for sheet in sheets {
        let name = sheet.name.clone();
        match bind::bind(sheet, options) {
            Ok(found) => bound.push(found),
            Err(reason) => {
                // What is known and refused on purpose says more than what nobody knows.
                passed_over.push(PassedOver { name, reason: reason.message.clone() });
                if alone || why_not.is_none() || reason.is_known {
                    why_not = Some(reason);
                }
            }
        }
    }
    if bound.is_empty() {
        let Some(NotRead { message, columns, .. }) = why_not else {
            return Err("there is no table in the file".to_owned().into());
        };
        return Err(Refusal { columns, ..Refusal::from(message) });
    }
    let mut contents = Contents { tables: Vec::new(), passed_over };
    read_tables(bound, options, &mut contents)?;
    Ok(contents)
}

/// Tables that say which days they are about are read first, because they may say it for their neighbours too.
fn read_tables(mut bound: Vec<Bound>, options: &Options, contents: &mut Contents) -> Result<(), Refusal> {
    bound.sort_by_key(Bound::needs_a_period);
    let mut of_neighbours: Option<Period> = None;
    for bound in &bound {
        let table = rows::read_table(bound, options, of_neighbours).map_err(|refusal| named(&bound.sheet, refusal))?;
        of_neighbours = span::wider(of_neighbours, table.file.period);
        contents.tables.push(table);
    }
    let is_empty = |table: &Table| table.file.readings.is_empty();
    if contents.tables.iter().all(is_empty) {
        return Err(nothing_read(contents));
    }
    let (empty, tables) = std::mem::take(&mut contents.tables).into_iter().partition(is_empty);
    contents.tables = tables;
    let without = |table: Table| PassedOver { name: table.name, reason: "it has no row with a number".to_owned() };
    contents.passed_over.extend(empty.into_iter().map(without));
    Ok(())
}

/// A file without a number, and what it had instead.
fn nothing_read(contents: &Contents) -> Refusal {
    let report = contents.tables.first().map(|table| &table.report);
    let what = report.map(|report| format!(" ({})", report.title)).unwrap_or_default();
    let skipped = report.and_then(|report| report.skipped.first.first());
    let why = skipped.map(|skipped| format!("; row {}: {}", skipped.row, skipped.reason)).unwrap_or_default();
    format!("the file{what} has no row with a number: nothing was delivered, or nothing was filled in{why}").into()
}

fn named(sheet: &Sheet, mut refusal: Refusal) -> Refusal {
    if !sheet.name.is_empty() {
        refusal.message = format!("{}: {}", sheet.name, refusal.message);
    }
    refusal
}
