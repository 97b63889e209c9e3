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
    ArrowPredicate, ArrowPredicateFn, ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
    ParquetRecordBatchReaderBuilder, RowFilter,
};
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};
use parquet::schema::types::SchemaDescriptor;

use super::checksum;
use super::columns::{FORMAT, ID, SCHEMA};
use super::filter::{ClickQuery, Shadow};
use super::outline::{Outline, recorded_checksum};

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

/// A click file whose checksums hold, and which of its row groups may have what a query asks for.
pub(super) struct Sound {
    file: PositionedFile,
    metadata: ArrowReaderMetadata,
    span: RangeInclusive<i64>,
    groups: Vec<usize>,
}

impl Sound {
    /// Opens a click file, or `None` when its statistics show that it has nothing the query asks for.
    pub(super) fn open(file: File, query: &ClickQuery) -> Result<Option<Self>, Damage> {
        guarded(|| Self::open_unguarded(file, query))
    }

    fn open_unguarded(file: File, query: &ClickQuery) -> Result<Option<Self>, Damage> {
        let data = checksum::check_footer(&file)?;
        let file = PositionedFile::new(file)?;
        let options = ArrowReaderOptions::new().with_schema(SCHEMA.clone());
        let metadata = ArrowReaderMetadata::load(&file, options)?;
        let outline = Outline::of(metadata.metadata())?;
        let Some(span) = outline.span() else { return Ok(None) };
        let groups = outline.matching(query);
        if groups.is_empty() {
            return Ok(None);
        }
        data.check(&file.file, recorded_checksum(metadata.metadata()).ok_or(Damage::Foreign)?)?;
        Ok(Some(Self { file, metadata, span, groups }))
    }

    /// From its first to its last time.
    pub(super) fn span(&self) -> &RangeInclusive<i64> {
        &self.span
    }

    /// The row groups that matter.
    pub(super) fn groups(&self) -> &[usize] {
        &self.groups
    }

    /// Some columns of one row group, whole: their texts stay the few that the row group has.
    pub(super) fn columns(&self, group: usize, names: &[&str]) -> Result<RecordBatch, Damage> {
        guarded(|| {
            let metadata = self.metadata.metadata();
            let rows = usize::try_from(metadata.row_group(group).num_rows()).map_err(|_| Damage::Foreign)?;
            let projection = ProjectionMask::columns(self.schema(), names.iter().copied());
            let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(self.file.clone(), self.metadata.clone());
            let builder = builder.with_batch_size(rows).with_row_groups(vec![group]).with_projection(projection);
            let batch = builder.build()?.next().transpose()?;
            batch.filter(|batch| batch.num_rows() == rows).ok_or(Damage::Foreign)
        })
    }

    fn schema(&self) -> &SchemaDescriptor {
        self.metadata.metadata().file_metadata().schema_descr()
    }
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
        let Some(sound) = Sound::open(file, query)? else { return Ok(None) };
        guarded(|| {
            let filter = row_filter(sound.schema(), query.within(&sound.span), shadow(&sound.span));
            let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(sound.file, sound.metadata);
            let builder = builder.with_batch_size(BATCH_ROWS).with_row_groups(sound.groups).with_row_filter(filter);
            Ok(Some(Self(builder.build()?)))
        })
    }

    /// The next rows, or `None` at the end.
    pub(super) fn next_batch(&mut self) -> Result<Option<RecordBatch>, Damage> {
        guarded(|| Ok(self.0.next().transpose()?))
    }
}

/// The decoder has asserts that a file made on purpose can reach; a report must not end on one.
pub(super) fn guarded<T>(read: impl FnOnce() -> Result<T, Damage>) -> Result<T, Damage> {
    catch_unwind(AssertUnwindSafe(read)).unwrap_or(Err(Damage::Decoder))
}

/// Cheap tests first, and text is decoded only for the rows that passed.
fn row_filter(schema: &SchemaDescriptor, query: ClickQuery, shadow: Option<Shadow>) -> RowFilter {
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
