//! A table as text: what every kind of file becomes before anything is read from it.
//!
//! It must never hold more than one row beside the text, nor a row or a cell beyond its bounds: a quote that is not
//! closed would otherwise be a cell as long as the file.

use csv_core::ReadRecordResult;

/// The most bytes of one row and of one cell, and the most columns.
pub(crate) const ROW_BYTES_MAX: usize = 1 << 20;
pub(crate) const CELL_BYTES_MAX: usize = 128 << 10;
pub(crate) const COLUMNS_MAX: usize = 1024;
/// The most rows of one table.
pub(crate) const ROWS_MAX: usize = 1_100_000;

/// The day from which a spreadsheet counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Epoch {
    Y1900,
    Y1904,
}

/// How the rows of a table are numbered for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Numbering {
    /// By the line of the file on which a row begins; so many lines stand before the text.
    Lines { before: u64 },
    /// By the row of the spreadsheet.
    Rows,
}

/// One table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sheet {
    /// The file in the archive, the sheet of the workbook; empty for a file that is one table.
    pub(crate) name: String,
    pub(crate) text: String,
    pub(crate) delimiter: u8,
    pub(crate) numbering: Numbering,
    /// Numbers may be days of a spreadsheet, counted from here.
    pub(crate) epoch: Option<Epoch>,
    /// What was unusual about its bytes.
    pub(crate) notes: Vec<String>,
}

/// Where a row stands in its table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    byte: u32,
    row: u32,
}

impl Place {
    pub(crate) fn byte(self) -> usize {
        self.byte as usize
    }
}

impl Sheet {
    pub(crate) fn rows(&self) -> Rows<'_> {
        Rows::of(&self.text, self.delimiter)
    }

    /// The numbers of rows as people see them, in the order given, which must be that of the rows.
    pub(crate) fn numbers(&self, places: impl Iterator<Item = Place>) -> Vec<u64> {
        let Numbering::Lines { before } = self.numbering else {
            return places.map(|place| u64::from(place.row) + 1).collect();
        };
        let mut lines = Lines { text: self.text.as_bytes(), at: 0, line: before + 1 };
        places.map(|place| lines.of_row(place.byte as usize)).collect()
    }
}

/// Counts lines. A row's place stands before the empty lines that were passed over to reach it.
struct Lines<'a> {
    text: &'a [u8],
    at: usize,
    line: u64,
}

impl Lines<'_> {
    fn of_row(&mut self, byte: usize) -> u64 {
        while let Some(here) = self.text.get(self.at) {
            let is_break = *here == b'\n' || (*here == b'\r' && self.text.get(self.at + 1) != Some(&b'\n'));
            if self.at >= byte && !matches!(here, b'\n' | b'\r') {
                break;
            }
            self.line += u64::from(is_break);
            self.at += 1;
        }
        self.line
    }
}

/// The rows of a text, one at a time. Empty lines are no rows.
pub(crate) struct Rows<'a> {
    reader: csv_core::Reader,
    text: &'a [u8],
    at: usize,
    count: usize,
    cells: Vec<u8>,
    ends: Vec<usize>,
}

impl<'a> Rows<'a> {
    pub(crate) fn of(text: &'a str, delimiter: u8) -> Self {
        let reader = csv_core::ReaderBuilder::new().delimiter(delimiter).build();
        Self {
            reader,
            text: text.as_bytes(),
            at: 0,
            count: 0,
            cells: vec![0; ROW_BYTES_MAX],
            ends: vec![0; COLUMNS_MAX],
        }
    }

    /// The next row; `None` at the end.
    ///
    /// # Errors
    /// In words, when a row is beyond its bounds; nothing can be read after it.
    pub(crate) fn next(&mut self) -> Result<Option<Row<'_>>, String> {
        let place = Place { byte: clamp(self.at), row: clamp(self.count) };
        let (mut bytes, mut columns) = (0, 0);
        loop {
            let (result, taken, written, ended) =
                self.reader.read_record(&self.text[self.at..], &mut self.cells[bytes..], &mut self.ends[columns..]);
            self.at += taken;
            bytes += written;
            columns += ended;
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::Record => break,
                ReadRecordResult::End => return Ok(None),
                ReadRecordResult::OutputFull => return Err(self.too_long()),
                ReadRecordResult::OutputEndsFull => return Err(self.too_wide()),
            }
        }
        self.count += 1;
        if self.count > ROWS_MAX {
            return Err(format!("the table has more than {ROWS_MAX} rows: split the file by date"));
        }
        self.row(bytes, columns, place).map(Some)
    }

    fn row(&self, bytes: usize, columns: usize, place: Place) -> Result<Row<'_>, String> {
        let cells = std::str::from_utf8(&self.cells[..bytes]).map_err(|_| "a row is not text".to_owned())?;
        let row = Row { cells, ends: &self.ends[..columns], place };
        let longest = row.iter().map(str::len).max().unwrap_or(0);
        if longest > CELL_BYTES_MAX { Err(self.too_long()) } else { Ok(row) }
    }

    fn too_long(&self) -> String {
        format!(
            "row {} has a cell of more than {CELL_BYTES_MAX} bytes, or {ROW_BYTES_MAX} in all; is a quote not closed?",
            self.count.max(1)
        )
    }

    fn too_wide(&self) -> String {
        format!("row {} has more than {COLUMNS_MAX} columns", self.count + 1)
    }
}

/// Files are smaller than 4 GB by far.
fn clamp(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// One row. Asking beyond its last cell gives an empty text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row<'a> {
    cells: &'a str,
    ends: &'a [usize],
    pub(crate) place: Place,
}

impl<'a> Row<'a> {
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// A cell without the spaces around it.
    pub(crate) fn get(&self, column: usize) -> &'a str {
        let start = column.checked_sub(1).map_or(Some(0), |before| self.ends.get(before).copied());
        let bounds = start.zip(self.ends.get(column).copied());
        bounds.and_then(|(start, end)| self.cells.get(start..end)).unwrap_or("").trim()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let row = *self;
        (0..row.len()).map(move |column| row.get(column))
    }

    pub(crate) fn is_blank(&self) -> bool {
        self.cells.trim().is_empty()
    }

    /// How many cells there are up to the last that is not empty.
    pub(crate) fn used(&self) -> usize {
        (0..self.len()).rev().find(|column| !self.get(*column).is_empty()).map_or(0, |column| column + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sheet(text: &str) -> Sheet {
        let numbering = Numbering::Lines { before: 0 };
        Sheet { name: String::new(), text: text.to_owned(), delimiter: b',', numbering, epoch: None, notes: Vec::new() }
    }

    fn cells(text: &str) -> Vec<(u64, Vec<String>)> {
        let sheet = sheet(text);
        let mut rows = sheet.rows();
        let (mut places, mut found) = (Vec::new(), Vec::new());
        while let Some(row) = rows.next().unwrap() {
            places.push(row.place);
            found.push(row.iter().map(str::to_owned).collect());
        }
        sheet.numbers(places.into_iter()).into_iter().zip(found).collect()
    }

    fn row(line: u64, cells: &[&str]) -> (u64, Vec<String>) {
        (line, cells.iter().map(|cell| (*cell).to_owned()).collect())
    }

    #[test]
    fn e07_e08_lines_may_end_in_any_way_and_rows_keep_the_number_of_their_line() {
        let expected = [row(1, &["a", "b"]), row(3, &["c", "d"]), row(5, &["e", "f"])];
        for text in ["a,b\n\nc,d\n\ne,f\n", "a,b\r\n\r\nc,d\n\ne,f", "a,b\r\rc,d\n\r\ne,f\n"] {
            assert_eq!(cells(text), expected, "{text:?}");
        }
    }

    #[test]
    fn e09_a_quoted_cell_may_hold_quotes_delimiters_and_line_breaks() {
        let text = "a,\"x \"\"y\"\", z\"\n\"two\nlines\",b\nc,d\n";
        assert_eq!(cells(text), [row(1, &["a", "x \"y\", z"]), row(2, &["two\nlines", "b"]), row(4, &["c", "d"])]);
    }

    #[test]
    fn e12_e17_a_row_without_an_end_is_refused_and_never_held() {
        let text = format!("a,b\nc,\"{}", "d,e\n".repeat(ROW_BYTES_MAX));
        let sheet = sheet(&text);
        let mut rows = sheet.rows();
        rows.next().unwrap();
        assert!(rows.next().unwrap_err().contains("is a quote not closed?"));
        let wide = ",".repeat(COLUMNS_MAX + 1);
        assert!(Rows::of(&wide, b',').next().unwrap_err().contains("columns"));
    }

    #[test]
    fn a_cell_that_is_not_there_is_empty() {
        let sheet = sheet(" a , ,\n");
        let mut rows = sheet.rows();
        let row = rows.next().unwrap().unwrap();
        assert_eq!((row.get(0), row.get(1), row.get(7), row.len(), row.used()), ("a", "", "", 3, 1));
    }
}
