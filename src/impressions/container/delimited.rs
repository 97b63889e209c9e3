//! Text to a table: which character divides its cells, and rows that a spreadsheet has wrapped once more.
//!
//! Pure. It must never change a cell.

use crate::impressions::container::text::Decoded;
use crate::impressions::table::{Numbering, Rows, Sheet};

const DELIMITERS: [u8; 3] = [b',', b';', b'\t'];

/// How many rows show how a file is divided.
const LOOK_ROWS: usize = 40;

/// More columns than this inside of single cells mean that whole rows were wrapped.
const WRAPPED_COLUMNS_MIN: usize = 3;

/// Makes a table of a text.
///
/// # Errors
/// In words, when there is nothing in it.
pub(crate) fn sheet(name: &str, decoded: Decoded) -> Result<Sheet, String> {
    let mut notes: Vec<String> = decoded.note.into_iter().collect();
    let (mut text, mut before) = (decoded.text, 0);
    let mut delimiter = match named(&text) {
        Some((delimiter, line_bytes)) => {
            text.drain(..line_bytes);
            before = 1;
            delimiter
        }
        None => most_regular(&text),
    };
    if text.trim().is_empty() {
        return Err("the file is empty".to_owned());
    }
    if let Some((inner, by)) = unwrapped(&text, delimiter) {
        (text, delimiter) = (inner, by);
        notes.push("a spreadsheet has put each row into quotes once more; they were taken off".to_owned());
    }
    let numbering = Numbering::Lines { before };
    Ok(Sheet { name: name.to_owned(), text, delimiter, numbering, epoch: None, notes })
}

/// Spreadsheets may say `sep=;` on a line of its own. The delimiter, and how long that line is.
fn named(text: &str) -> Option<(u8, usize)> {
    let line = text.split_inclusive('\n').next()?;
    let named = line.trim_end().trim_matches('"').strip_prefix("sep=")?;
    let delimiter = *named.as_bytes().first().filter(|_| named.len() == 1)?;
    DELIMITERS.contains(&delimiter).then_some((delimiter, line.len()))
}

/// The delimiter by which most rows have the same number of cells, weighed by that number: titles and captions hold
/// commas too, but not the same number of them again and again. A comma when none divides anything.
fn most_regular(text: &str) -> u8 {
    let regular = |delimiter: u8| {
        let widths = widths(text, delimiter);
        let same = |width: usize| widths.iter().filter(|other| **other == width).count();
        widths.iter().map(|width| (width - 1) * same(*width)).max().unwrap_or(0)
    };
    // The first of the best.
    DELIMITERS.into_iter().rev().max_by_key(|delimiter| regular(*delimiter)).unwrap_or(b',')
}

/// How many cells the first rows have.
fn widths(text: &str, delimiter: u8) -> Vec<usize> {
    let mut rows = Rows::of(text, delimiter);
    let mut widths = Vec::new();
    while let Ok(Some(row)) = rows.next()
        && widths.len() < LOOK_ROWS
    {
        widths.push(row.len().max(1));
    }
    widths
}

/// The text inside, where each row is one cell that is itself a row.
fn unwrapped(text: &str, delimiter: u8) -> Option<(String, u8)> {
    if widths(text, delimiter).into_iter().any(|width| width > 1) {
        return None;
    }
    let mut rows = Rows::of(text, delimiter);
    let mut inner = String::new();
    while let Some(row) = rows.next().ok()? {
        inner.push_str(row.get(0));
        inner.push('\n');
    }
    let by = most_regular(&inner);
    let widest = widths(&inner, by).into_iter().max().unwrap_or(0);
    (widest >= WRAPPED_COLUMNS_MIN).then_some((inner, by))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Sheet {
        sheet("", Decoded { text: text.to_owned(), note: None }).unwrap()
    }

    #[test]
    fn e06_the_delimiter_is_the_one_that_divides_all_rows_alike() {
        for (text, delimiter) in [
            ("post,date,views\np,2026-11-01,5\n", b','),
            ("post;date;\"a,b,c,d\"\np;2026-11-01;5\n", b';'),
            ("post\tdate\tviews", b'\t'),
            ("post", b','),
            ("Report in UTC\nStart: October 1, 2026, 12:00 AM\n\nDate\tClicks\tName\tA\n1\t2\ta, b, c\t\n", b'\t'),
            ("Views;\nDate;Primary\n2026-05-25;20701\n2026-05-26;1\n", b';'),
        ] {
            assert_eq!(char::from(read(text).delimiter), char::from(delimiter), "{text}");
        }
    }

    #[test]
    fn a_line_that_names_the_delimiter_is_not_part_of_the_table() {
        for first in ["sep=,\r\n", "\"sep=,\"\n"] {
            let sheet = read(&format!("{first}post,date\n"));
            assert_eq!((sheet.text.as_str(), sheet.numbering), ("post,date\n", Numbering::Lines { before: 1 }));
        }
    }

    #[test]
    fn e11_rows_that_were_wrapped_in_quotes_are_unwrapped_and_it_is_said() {
        let sheet = read("\"Post ID,\"\"Account ID\"\",Views\"\n\"1,\"\"2, or 3\"\",4\"\n");
        assert_eq!(sheet.text, "Post ID,\"Account ID\",Views\n1,\"2, or 3\",4\n");
        assert!(sheet.notes[0].contains("quotes"));
        assert!(read("post\n\"a, b\"\n").notes.is_empty());
    }

    #[test]
    fn e14_an_empty_file_is_refused() {
        for text in ["", " \r\n\n"] {
            assert!(sheet("", Decoded { text: text.to_owned(), note: None }).unwrap_err().contains("empty"));
        }
    }
}
