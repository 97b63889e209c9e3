//! JSON lines: one object per click and line, every column in each, `null` where there is nothing.
//!
//! `null` is written rather than left out so that an engine which guesses the columns from the first lines finds
//! them all.

use std::io::{self, BufWriter, Write};

use super::super::columns::COLUMNS;
use super::Scan;
use super::cells::{Cell, Cells, append_time};

/// Bytes that are collected before they go to the writer below.
const BUFFER_BYTES: usize = 64 * 1024;

pub(super) fn write(scan: Scan, out: impl io::Write) -> io::Result<u64> {
    let mut out = BufWriter::with_capacity(BUFFER_BYTES, out);
    let keys = keys();
    let mut rows = 0;
    for batch in scan {
        let batch = batch?;
        let columns = Cells::of(&batch);
        for row in 0..batch.num_rows() {
            write_object(&mut out, &keys, &columns, row)?;
        }
        rows += batch.num_rows() as u64;
    }
    out.flush()?;
    Ok(rows)
}

/// What stands before each value of an object: `{"id":`, `,"time":` and so on.
fn keys() -> Vec<String> {
    let key = |(place, name)| format!("{}\"{name}\":", if place == 0 { '{' } else { ',' });
    COLUMNS.iter().map(|column| column.name).enumerate().map(key).collect()
}

fn write_object(out: &mut impl Write, keys: &[String], columns: &[Cells<'_>], row: usize) -> io::Result<()> {
    for (key, cells) in keys.iter().zip(columns) {
        out.write_all(key.as_bytes())?;
        write_cell(out, cells.at(row))?;
    }
    out.write_all(b"}\n")
}

fn write_cell(out: &mut impl Write, cell: Cell<'_>) -> io::Result<()> {
    match cell {
        Cell::Absent => out.write_all(b"null"),
        Cell::Text(text) => Ok(serde_json::to_writer(out, text)?),
        Cell::Number(number) => write!(out, "{number}"),
        Cell::Time(time_ms) => {
            let mut text = String::new();
            append_time(&mut text, time_ms);
            Ok(serde_json::to_writer(out, &text)?)
        }
    }
}
