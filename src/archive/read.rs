//! Reading one click file: which row groups matter, then their rows in batches.
//!
//! Whatever is in the file, reading must never panic, never hold more than one descriptor, and never yield a row from
//! a file whose checksums do not hold.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::ops::RangeInclusive;
use std::os::unix::fs::FileExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow_array::RecordBatch;
use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowPredicate, ArrowPredicateFn, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
    RowFilter,
};
use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use parquet::file::reader::{ChunkReader, Length};
use parquet::file::statistics::Statistics;

use super::checksum::{self, DATA_KEY};
use super::click_file::FORMAT_KEY;
use super::columns::{COLUMNS, FORMAT, ID, LINK, SCHEMA, TIME};
use super::filter::{ClickQuery, Shadow, span_of};

/// Rows of one batch, which is what a reader holds in memory.
const BATCH_ROWS: usize = 8192;

/// Bytes that are fetched at once where the length to read is not known.
const READ_AHEAD_BYTES: usize = 16 * 1024;

/// Why a file's clicks cannot be had. The rest of the archive can.
#[derive(Debug, thiserror::Error)]
pub(super) enum Damage {
    #[error("it is not a click file of format {FORMAT}")]
    Foreign,
    #[error("its bytes are not those that were written")]
    Checksum,
    #[error("{0}")]
    Read(#[from] io::Error),
    #[error("{0}")]
    Parquet(#[from] ParquetError),
    #[error("{0}")]
    Batch(#[from] arrow_schema::ArrowError),
    #[error("the decoder gave up on it")]
    Decoder,
}

/// The rows of one click file that a query admits.
pub(super) struct ClickFile(ParquetRecordBatchReader);

impl ClickFile {
    /// Opens a click file, or `None` when its statistics show that it has nothing the query asks for.
    /// `shadow` is called only when the file may share clicks with the pending ones.
    pub(super) fn open(
        file: File,
        query: &ClickQuery,
        shadow: impl FnOnce(&RangeInclusive<i64>) -> Option<Shadow>,
    ) -> Result<Option<Self>, Damage> {
        guarded(|| Self::open_unguarded(file, query, shadow))
    }

    fn open_unguarded(
        file: File,
        query: &ClickQuery,
        shadow: impl FnOnce(&RangeInclusive<i64>) -> Option<Shadow>,
    ) -> Result<Option<Self>, Damage> {
        let data = checksum::check_footer(&file)?;
        let file = PositionedFile::new(file)?;
        let options = ArrowReaderOptions::new().with_schema(SCHEMA.clone());
        let builder = ParquetRecordBatchReaderBuilder::try_new_with_options(file.clone(), options)?;
        let metadata = Arc::clone(builder.metadata());
        if !is_click_file(&metadata) {
            return Err(Damage::Foreign);
        }
        let Some(span) = span_of_file(&metadata)? else { return Ok(None) };
        let groups = matching_groups(&metadata, query)?;
        if groups.is_empty() {
            return Ok(None);
        }
        data.check(&file.file, recorded_checksum(&metadata).ok_or(Damage::Foreign)?)?;
        let filter = row_filter(&metadata, query.within(&span), shadow(&span));
        let builder = builder.with_batch_size(BATCH_ROWS).with_row_groups(groups).with_row_filter(filter);
        Ok(Some(Self(builder.build()?)))
    }

    /// The next rows, or `None` at the end.
    pub(super) fn next_batch(&mut self) -> Result<Option<RecordBatch>, Damage> {
        guarded(|| Ok(self.0.next().transpose()?))
    }
}

/// The decoder has asserts that a file made on purpose can reach; a report must not end on one.
fn guarded<T>(read: impl FnOnce() -> Result<T, Damage>) -> Result<T, Damage> {
    catch_unwind(AssertUnwindSafe(read)).unwrap_or(Err(Damage::Decoder))
}

fn is_click_file(metadata: &ParquetMetaData) -> bool {
    let names = metadata.file_metadata().schema_descr().columns().iter().map(|column| column.name());
    note(metadata, FORMAT_KEY) == Some(FORMAT) && names.eq(COLUMNS.iter().map(|column| column.name))
}

fn recorded_checksum(metadata: &ParquetMetaData) -> Option<u32> {
    u32::from_str_radix(note(metadata, DATA_KEY)?, 16).ok()
}

/// What the writer noted under `key`.
fn note<'a>(metadata: &'a ParquetMetaData, key: &str) -> Option<&'a str> {
    let notes = metadata.file_metadata().key_value_metadata()?;
    notes.iter().find(|note| note.key == key)?.value.as_deref()
}

/// Cheap tests first, and text is decoded only for the rows that passed.
fn row_filter(metadata: &ParquetMetaData, query: ClickQuery, shadow: Option<Shadow>) -> RowFilter {
    let schema = metadata.file_metadata().schema_descr();
    let mut predicates: Vec<Box<dyn ArrowPredicate>> = Vec::new();
    let columns = query.columns();
    if !columns.is_empty() {
        let projection = ProjectionMask::columns(schema, columns);
        predicates.push(Box::new(ArrowPredicateFn::new(projection, move |batch| Ok(query.admits(&batch)))));
    }
    if let Some(shadow) = shadow {
        let projection = ProjectionMask::columns(schema, [ID]);
        predicates.push(Box::new(ArrowPredicateFn::new(projection, move |batch| Ok(shadow.admits(&batch)))));
    }
    RowFilter::new(predicates)
}

fn matching_groups(metadata: &ParquetMetaData, query: &ClickQuery) -> Result<Vec<usize>, Damage> {
    let mut groups = Vec::new();
    for (index, group) in metadata.row_groups().iter().enumerate() {
        let is_in_time = query.meets(&range_of(group, TIME)?);
        let links = range_of(group, LINK)?;
        // The file compares links without a sign, so its first and last are those of the unsigned numbers.
        let links = links.start().cast_unsigned()..=links.end().cast_unsigned();
        if is_in_time && query.link.is_none_or(|link| links.contains(&link.0)) {
            groups.push(index);
        }
    }
    Ok(groups)
}

fn span_of_file(metadata: &ParquetMetaData) -> Result<Option<RangeInclusive<i64>>, Damage> {
    let ranges = metadata.row_groups().iter().map(|group| range_of(group, TIME)).collect::<Result<Vec<_>, _>>()?;
    Ok(span_of(ranges.into_iter().flat_map(|range| [*range.start(), *range.end()])))
}

/// The least and the greatest value of a column in a row group. A click file always has them.
fn range_of(group: &RowGroupMetaData, column: &str) -> Result<RangeInclusive<i64>, Damage> {
    let index = COLUMNS.iter().position(|known| known.name == column).ok_or(Damage::Foreign)?;
    match group.columns().get(index).and_then(|column| column.statistics()) {
        Some(Statistics::Int64(range)) => match (range.min_opt(), range.max_opt()) {
            (Some(min), Some(max)) => Ok(*min..=*max),
            _ => Err(Damage::Foreign),
        },
        _ => Err(Damage::Foreign),
    }
}

/// A file that is read by position: one descriptor however many columns are read side by side, and a length that
/// damaged metadata cannot talk past.
#[derive(Clone)]
struct PositionedFile {
    file: Arc<File>,
    length: u64,
}

impl PositionedFile {
    fn new(file: File) -> Result<Self, Damage> {
        let length = file.metadata()?.len();
        Ok(Self { file: Arc::new(file), length })
    }
}

impl Length for PositionedFile {
    fn len(&self) -> u64 {
        self.length
    }
}

impl ChunkReader for PositionedFile {
    type T = BufReader<Cursor>;

    fn get_read(&self, start: u64) -> parquet::errors::Result<Self::T> {
        let cursor = Cursor { file: Arc::clone(&self.file), offset: start };
        Ok(BufReader::with_capacity(READ_AHEAD_BYTES, cursor))
    }

    fn get_bytes(&self, start: u64, length: usize) -> parquet::errors::Result<Bytes> {
        let end = u64::try_from(length).ok().and_then(|length| start.checked_add(length));
        if end.is_none_or(|end| end > self.length) {
            return Err(ParquetError::EOF(format!("{length} bytes from {start} on, in a file of {}", self.length)));
        }
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, start)?;
        Ok(bytes.into())
    }
}

/// Reads on from a position of its own.
struct Cursor {
    file: Arc<File>,
    offset: u64,
}

impl Read for Cursor {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read_at(buffer, self.offset)?;
        self.offset += count as u64;
        Ok(count)
    }
}
