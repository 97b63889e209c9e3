//! Sealing: pending chunks become click files, one per UTC day, rows in time order.
//!
//! It must never touch the pending clicks themselves: until the files are durable those are all there is.

use std::path::Path;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMillisecondType;
use jiff::civil::Date;

use super::ArchiveError;
use super::chunk::Chunk;
use super::click_file::{self, FileName, ROW_GROUP_ROWS};
use super::columns::TIME;
use super::row_group::RowGroup;
use crate::domain::position::{Incarnation, Position};

pub(super) const DAY_MS: i64 = 86_400_000;

/// Where a row is, with the time it is sorted by.
#[derive(Clone, Copy)]
struct Row {
    time_ms: i64,
    chunk: usize,
    index: usize,
}

impl Row {
    /// Days since 1970-01-01.
    fn day(self) -> i64 {
        self.time_ms.div_euclid(DAY_MS)
    }
}

/// Writes `chunks` into click files below `root` and returns how many.
pub(super) fn seal(
    root: &Path,
    incarnation: Incarnation,
    from: Position,
    chunks: &[Arc<Chunk>],
) -> Result<usize, ArchiveError> {
    let rows = in_time_order(chunks);
    let (mut rest, mut files) = (&rows[..], 0);
    while let Some(first) = rest.first() {
        let day = first.day();
        let (of_day, later) = rest.split_at(rest.partition_point(|row| row.day() == day));
        let name = FileName { day: date_of(first.time_ms), incarnation, from };
        click_file::write(root, name, of_day.chunks(ROW_GROUP_ROWS).map(|rows| Ok(in_group(chunks, rows))))?;
        (rest, files) = (later, files + 1);
    }
    click_file::sync_folder(root)?;
    Ok(files)
}

fn in_time_order(chunks: &[Arc<Chunk>]) -> Vec<Row> {
    let mut rows = Vec::with_capacity(chunks.iter().map(|chunk| chunk.rows()).sum());
    for (number, chunk) in chunks.iter().enumerate() {
        let times = chunk.times.iter().enumerate();
        rows.extend(times.map(|(index, &time_ms)| Row { time_ms, chunk: number, index }));
    }
    // Stable, and linear on rows that are in order already, as nearly all are.
    rows.sort_by_key(|row| row.time_ms);
    rows
}

/// The rows with no more chunks than they are in, which are few: rows come nearly in order.
fn in_group(chunks: &[Arc<Chunk>], rows: &[Row]) -> RowGroup {
    let first = rows.iter().map(|row| row.chunk).min().unwrap_or(0);
    let end = rows.iter().map(|row| row.chunk + 1).max().unwrap_or(0);
    RowGroup::new(chunks[first..end].to_vec(), rows.iter().map(|row| (row.chunk - first, row.index)))
}

/// The times of the clicks in `batch`; none if it has no such column.
pub(super) fn times_of(batch: &RecordBatch) -> &[i64] {
    let column = batch.column_by_name(TIME).and_then(|column| column.as_primitive_opt::<TimestampMillisecondType>());
    column.map_or(&[], |times| times.values())
}

/// The UTC day of an instant. Instants beyond the calendar count as its first or last day.
pub(super) fn date_of(time_ms: i64) -> Date {
    match jiff::Timestamp::from_millisecond(time_ms) {
        Ok(instant) => jiff::tz::Offset::UTC.to_datetime(instant).date(),
        Err(_) if time_ms < 0 => Date::MIN,
        Err(_) => Date::MAX,
    }
}
