//! Cells: a batch of columns, read as rows of text, numbers and times.
//!
//! Nothing is copied or formatted here; what a cell looks like is the matter of each encoding.

use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, TimestampMillisecondType, UInt32Type, UInt64Type};
use arrow_array::{Array, ArrayRef, Int32Array, RecordBatch, StringArray, UInt32Array, UInt64Array};

/// One value of one click.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::archive) enum Cell<'a> {
    Absent,
    Text(&'a str),
    Number(u64),
    /// Milliseconds since 1970-01-01T00:00:00Z.
    Time(i64),
}

/// One column of a batch.
pub(in crate::archive) enum Cells<'a> {
    Absent,
    Text(&'a StringArray),
    Dictionary(&'a Int32Array, &'a StringArray),
    Number(&'a UInt64Array),
    SmallNumber(&'a UInt32Array),
    Time(&'a [i64]),
}

impl<'a> Cells<'a> {
    /// The columns of `batch`, in order.
    pub(in crate::archive) fn of(batch: &'a RecordBatch) -> Vec<Self> {
        batch.columns().iter().map(Self::of_column).collect()
    }

    fn of_column(column: &'a ArrayRef) -> Self {
        if let Some(cells) = column.as_dictionary_opt::<Int32Type>()
            && let Some(values) = cells.values().as_string_opt()
        {
            Self::Dictionary(cells.keys(), values)
        } else if let Some(cells) = column.as_string_opt() {
            Self::Text(cells)
        } else if let Some(cells) = column.as_primitive_opt::<UInt64Type>() {
            Self::Number(cells)
        } else if let Some(cells) = column.as_primitive_opt::<UInt32Type>() {
            Self::SmallNumber(cells)
        } else if let Some(cells) = column.as_primitive_opt::<TimestampMillisecondType>() {
            Self::Time(cells.values())
        } else {
            // Click files have no other types, and a file that is not one is never read this far.
            Self::Absent
        }
    }

    pub(in crate::archive) fn at(&self, row: usize) -> Cell<'a> {
        match self {
            Self::Absent => Cell::Absent,
            Self::Text(cells) => text_at(cells, row),
            Self::Dictionary(keys, values) => match usize::try_from(keys.value(row)) {
                Ok(key) if keys.is_valid(row) => text_at(values, key),
                _ => Cell::Absent,
            },
            Self::Number(cells) => Cell::Number(cells.value(row)),
            Self::SmallNumber(cells) => Cell::Number(cells.value(row).into()),
            Self::Time(cells) => Cell::Time(cells[row]),
        }
    }
}

fn text_at(cells: &StringArray, row: usize) -> Cell<'_> {
    if cells.is_valid(row) { Cell::Text(cells.value(row)) } else { Cell::Absent }
}

/// Appends an instant as RFC 3339 in UTC with milliseconds; nothing for an instant outside the calendar.
pub(in crate::archive) fn append_time(out: &mut String, time_ms: i64) {
    use std::fmt::Write;
    if let Ok(instant) = jiff::Timestamp::from_millisecond(time_ms) {
        write!(out, "{instant:.3}").expect("a String takes whatever is written to it");
    }
}
