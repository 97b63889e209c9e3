//! Cells of a spreadsheet to the text of a table, so that everything behind it reads one kind of table.
//!
//! Pure. It must never hold more than its bounds, however far apart a file says that its cells stand, nor write a
//! number that could be read in two ways.

use calamine::{ExcelDateTime, ExcelDateTimeType};

use crate::impressions::table::{COLUMNS_MAX, Epoch, Numbering, ROWS_MAX, Sheet};

/// The most text that a spreadsheet may hold, in bytes.
pub(super) const TEXT_BYTES_MAX: usize = 200_000_000;

/// Numbers from here on are not exact any more: an id of that size was damaged before it came here.
const EXACT_MAX: f64 = 1e15;

/// A table being written, row by row.
pub(super) struct Grid {
    text: String,
    row: usize,
    column: usize,
    epoch: Option<Epoch>,
}

impl Grid {
    pub(super) fn new(epoch: Option<Epoch>) -> Self {
        Self { text: String::new(), row: 0, column: 0, epoch }
    }

    /// Writes one cell; row and column count from 0 and only ever grow.
    ///
    /// # Errors
    /// In words, when the cell is beyond the bounds or before another one.
    pub(super) fn put(&mut self, row: usize, column: usize, cell: &str) -> Result<(), String> {
        if row >= ROWS_MAX || column >= COLUMNS_MAX {
            return Err(format!("a sheet has more than {ROWS_MAX} rows or {COLUMNS_MAX} columns"));
        }
        if row < self.row || (row == self.row && column < self.column) {
            return Err("the cells of a sheet are out of order: the file is damaged".to_owned());
        }
        while self.row < row {
            self.end_row();
        }
        for _ in self.column..column {
            self.text.push(',');
        }
        // The delimiter before this cell is the last one written.
        self.write(cell);
        self.text.push(',');
        self.column = column + 1;
        if self.text.len() > TEXT_BYTES_MAX {
            return Err(format!("a sheet holds more than {} MB of text", TEXT_BYTES_MAX / 1_000_000));
        }
        Ok(())
    }

    fn write(&mut self, cell: &str) {
        if !cell.contains([',', '"', '\n', '\r']) {
            return self.text.push_str(cell);
        }
        self.text.push('"');
        self.text.push_str(&cell.replace('"', "\"\""));
        self.text.push('"');
    }

    /// An empty row is written too, as one quoted cell, so that rows keep their numbers.
    fn end_row(&mut self) {
        if self.column == 0 {
            self.text.push_str("\"\"");
        } else {
            // The delimiter after the last cell.
            self.text.pop();
        }
        if self.text.is_empty() || self.text.ends_with('\n') {
            self.text.push_str("\"\"");
        }
        self.text.push('\n');
        (self.row, self.column) = (self.row + 1, 0);
    }

    pub(super) fn finish(mut self, name: &str) -> Sheet {
        if self.column > 0 {
            self.end_row();
        }
        let numbering = Numbering::Rows;
        Sheet {
            name: name.to_owned(),
            text: self.text,
            delimiter: b',',
            numbering,
            epoch: self.epoch,
            notes: Vec::new(),
        }
    }
}

/// A number as text: whole ones without a fraction, others never with a fraction of three digits, which could be read
/// as thousands, and those that are not exact in a form that shows it.
pub(super) fn number(value: f64) -> String {
    if value.abs() >= EXACT_MAX {
        return format!("{value:E}").replace('E', "E+");
    }
    let text = value.to_string();
    let fraction = text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    if fraction == 3 { text + "0" } else { text }
}

/// An instant of a spreadsheet as `2026-11-21T10:00:00`, a day as `2026-11-21`, a duration in days.
pub(super) fn moment(at: ExcelDateTime) -> String {
    if at.is_duration() {
        return number(at.as_f64());
    }
    let (year, month, day, hour, minute, second, _) = at.to_ymd_hms_milli();
    let date = format!("{year:04}-{month:02}-{day:02}");
    if (hour, minute, second) == (0, 0, 0) { date } else { format!("{date}T{hour:02}:{minute:02}:{second:02}") }
}

/// The day that a bare number means, counted from an epoch.
pub(crate) fn serial(value: f64, epoch: Epoch) -> String {
    moment(ExcelDateTime::new(value, ExcelDateTimeType::DateTime, epoch == Epoch::Y1904))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(cells: &[(usize, usize, &str)]) -> String {
        let mut grid = Grid::new(None);
        cells.iter().for_each(|(row, column, cell)| grid.put(*row, *column, cell).unwrap());
        grid.finish("").text
    }

    #[test]
    fn cells_keep_their_places_and_empty_rows_stay() {
        assert_eq!(written(&[(0, 0, "a"), (0, 2, "b"), (2, 1, "c, \"d\"\n")]), "a,,b\n\"\"\n,\"c, \"\"d\"\"\n\"\n");
        assert_eq!(written(&[(1, 0, "")]), "\"\"\n\"\"\n");
        assert_eq!(written(&[]), "");
    }

    #[test]
    fn cells_far_apart_or_out_of_order_are_refused() {
        let mut grid = Grid::new(None);
        grid.put(5, 5, "a").unwrap();
        assert!(grid.put(4, 0, "a").is_err());
        assert!(grid.put(5, 5, "a").is_err());
        assert!(grid.put(ROWS_MAX, 0, "a").is_err());
        assert!(grid.put(6, COLUMNS_MAX, "a").is_err());
    }

    #[test]
    fn e43_numbers_are_written_so_that_they_can_be_read_in_one_way_only() {
        for (value, text) in
            [(1042.0, "1042"), (1.234, "1.2340"), (0.5, "0.5"), (18_000_000_000_000_000.0, "1.8E+16"), (-1.0, "-1")]
        {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn e53_days_count_from_1900_or_1904() {
        assert_eq!(serial(44_008.0, Epoch::Y1900), "2020-06-26");
        assert_eq!(serial(44_008.0 - 1462.0, Epoch::Y1904), "2020-06-26");
        assert_eq!(serial(44_008.5, Epoch::Y1900), "2020-06-26T12:00:00");
    }
}
