//! CSV as RFC 4180 has it: a header, CR LF, quotes where needed, and no cell that a spreadsheet would run.
//!
//! Referrers, user agents and parameters are what strangers sent. A spreadsheet takes a cell that begins like a
//! formula for one, so such text gets a leading `'`, which spreadsheets read as "this is text".

use std::io;

use csv::{Terminator, WriterBuilder};

use super::super::columns::COLUMNS;
use super::Scan;
use super::cells::{Cell, Cells, append_time};
use crate::domain::spreadsheet::guarded;

pub(super) fn write(scan: Scan, out: impl io::Write) -> io::Result<u64> {
    let mut writer = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(out);
    writer.write_record(COLUMNS.iter().map(|column| column.name))?;
    let mut rows = 0;
    let mut cell = String::new();
    for batch in scan {
        let batch = batch?;
        let columns = Cells::of(&batch);
        for row in 0..batch.num_rows() {
            for column in &columns {
                cell.clear();
                append(&mut cell, column.at(row));
                writer.write_field(&cell)?;
            }
            writer.write_record(None::<&[u8]>)?;
        }
        rows += batch.num_rows() as u64;
    }
    writer.flush()?;
    Ok(rows)
}

fn append(out: &mut String, cell: Cell<'_>) {
    match cell {
        Cell::Absent => {}
        Cell::Text(text) => out.push_str(&guarded(text)),
        Cell::Number(number) => append_number(out, number),
        Cell::Time(time_ms) => append_time(out, time_ms),
    }
}

fn append_number(out: &mut String, number: u64) {
    use std::fmt::Write;
    write!(out, "{number}").expect("a String takes whatever is written to it");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> String {
        let mut out = String::new();
        append(&mut out, Cell::Text(text));
        out
    }

    #[test]
    fn text_that_begins_like_a_formula_gets_an_apostrophe() {
        let signs = ["=", "+", "-", "@", "\t", "\r", "\n", "\u{ff1d}", "\u{ff0b}", "\u{ff0d}", "\u{ff20}"];
        for sign in signs {
            assert_eq!(written(&format!("{sign}1+1")), format!("'{sign}1+1"));
        }
        assert_eq!(written("=HYPERLINK(\"http://x\")"), "'=HYPERLINK(\"http://x\")");
        assert_eq!(written("'=1"), "''=1");
    }

    #[test]
    fn other_text_stays_as_it_is() {
        for text in ["", "spring", "a=b", "1-1", "'quoted'", "'", "\u{e9}t\u{e9}", " =1"] {
            assert_eq!(written(text), text);
        }
    }

    #[test]
    fn numbers_and_times_are_never_written() {
        let mut out = String::new();
        append(&mut out, Cell::Number(7));
        append(&mut out, Cell::Time(-1));
        assert_eq!(out, "71969-12-31T23:59:59.999Z");
    }
}
