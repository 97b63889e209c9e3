//! Rows of pending clicks on their way out, column by column: as pages of a click file, or as arrays for a reader.
//!
//! Rows are put in order here, while they are encoded: texts as numbers (see `text_chunk.rs`), everything else through
//! the `parquet` crate's own column writers. It must never copy a text per row.

use std::cell::OnceCell;
use std::io::Write;
use std::ops::Range;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, StringArray, TimestampMillisecondArray, UInt32Array, UInt64Array};
use arrow_buffer::OffsetBuffer;
use arrow_schema::Field;
use parquet::arrow::arrow_writer::{ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves};
use parquet::basic::ZstdLevel;
use parquet::errors::Result;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use uuid::Uuid;

use super::batch;
use super::chunk::{Chunk, OwnTexts};
use super::columns::{COLUMNS, Column, Content, SCHEMA};
use super::digits::{hexadecimal, hyphenated};
use super::text_chunk::{self, NULL, Texts, Zstd};
use crate::domain::click::{Look, Origin, Place};
use crate::domain::link::LinkFacts;
use crate::domain::visitor::Visitor;

/// Rows in the order they are written in. Chunks are shared, not copied.
pub(super) struct RowGroup {
    chunks: Vec<Arc<Chunk>>,
    runs: Vec<Run>,
}

/// Rows that follow each other in their chunk too, as nearly all do.
struct Run {
    chunk: usize,
    rows: Range<usize>,
}

impl RowGroup {
    /// `places` are which row of which chunk comes next.
    pub(super) fn new(chunks: Vec<Arc<Chunk>>, places: impl Iterator<Item = (usize, usize)>) -> Self {
        let mut runs: Vec<Run> = Vec::new();
        for (chunk, row) in places {
            match runs.last_mut() {
                Some(run) if run.chunk == chunk && run.rows.end == row => run.rows.end += 1,
                _ => runs.push(Run { chunk, rows: row..row + 1 }),
            }
        }
        Self { chunks, runs }
    }

    /// All rows of some chunks as they stand.
    pub(super) fn whole(chunks: Vec<Arc<Chunk>>) -> Self {
        let runs = chunks.iter().enumerate().map(|(number, chunk)| Run { chunk: number, rows: 0..chunk.rows() });
        Self { runs: runs.collect(), chunks }
    }

    fn rows(&self) -> usize {
        self.runs.iter().map(|run| run.rows.len()).sum()
    }

    /// The columns that are `wanted`.
    pub(super) fn columns(&self, wanted: impl Fn(&Column) -> bool) -> RecordBatch {
        let wanted: Vec<usize> = (0..COLUMNS.len()).filter(|place| wanted(&COLUMNS[*place])).collect();
        let cells = Columns::of(self);
        batch::of(self.rows(), &wanted, |place| cells.at(place))
    }

    /// Encodes the rows and appends them to a file.
    ///
    /// # Errors
    /// When a column cannot be encoded or the file cannot be written.
    pub(super) fn write<W: Write + Send>(
        &self,
        file: &mut SerializedFileWriter<W>,
        others: &ArrowRowGroupWriterFactory,
        level: ZstdLevel,
    ) -> Result<()> {
        let others = others.create_column_writers(file.flushed_row_groups().len())?;
        let schema = file.schema_descr().clone();
        let mut zstd = Zstd::new(level)?;
        let mut group = file.next_row_group()?;
        let columns = Columns::of(self);
        for (place, (field, writer)) in SCHEMA.fields().iter().zip(others).enumerate() {
            match columns.at(place) {
                Cells::Texts(rows, texts) => {
                    let (bytes, close) = text_chunk::encode(schema.column(place), &texts, rows, &mut zstd)?;
                    group.append_column(&bytes, close)?;
                }
                Cells::Others(cells) => write_others(&mut group, writer, field, &cells)?,
            }
        }
        group.close()?;
        Ok(())
    }

    /// What each row has in a column that is kept row by row.
    fn gathered<T: Copy>(&self, of: impl Fn(&Chunk) -> &[T]) -> Vec<T> {
        let mut cells = Vec::with_capacity(self.rows());
        self.runs.iter().for_each(|run| cells.extend_from_slice(&of(&self.chunks[run.chunk])[run.rows.clone()]));
        cells
    }

    /// What the rows share, by `of`, which tells what a chunk has and which of it each of its rows.
    fn shared<'a, T>(&'a self, of: impl Fn(&'a Chunk) -> (&'a [T], &'a [u32])) -> Shared<'a, T> {
        let (mut all, mut rows) = (Vec::new(), Vec::with_capacity(self.rows()));
        let mut numbers: Vec<Vec<u32>> = self.chunks.iter().map(|chunk| vec![NULL; of(chunk).0.len()]).collect();
        for run in &self.runs {
            let ((in_chunk, keys), numbers) = (of(&self.chunks[run.chunk]), &mut numbers[run.chunk]);
            rows.extend(keys[run.rows.clone()].iter().map(|key| {
                let number = &mut numbers[*key as usize];
                if *number == NULL {
                    *number = u32::try_from(all.len()).expect("a row group has fewer rows than a u32 counts");
                    all.push(&in_chunk[*key as usize]);
                }
                *number
            }));
        }
        Shared { all, rows }
    }

    fn rare_texts(&self, number: usize) -> StringArray {
        let rows = self.runs.iter().flat_map(|run| run.rows.clone().map(|row| (run.chunk, row)));
        rows.map(|(chunk, row)| self.chunks[chunk].rare_texts[number].of_row(row)).collect()
    }
}

fn write_others<W: Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    mut writer: ArrowColumnWriter,
    field: &Field,
    cells: &ArrayRef,
) -> Result<()> {
    for leaf in compute_leaves(field, cells)? {
        writer.write(&leaf)?;
    }
    writer.close()?.append_to_row_group(group)
}

/// What the rows of a row group share, in the order in which they first have it, and which of it each row has. What only
/// rows have that go elsewhere is not here, or its texts would be in a file that has no row with them.
struct Shared<'a, T> {
    all: Vec<&'a T>,
    rows: Vec<u32>,
}

impl<T> Shared<'_, T> {
    /// A column of what `text` says of each.
    fn texts<'t>(&'t self, text: impl Fn(&'t T) -> &'t str) -> Cells<'t> {
        Cells::Texts(&self.rows, self.all.iter().map(|one| text(one)).collect())
    }
}

/// The cells of one column.
pub(super) enum Cells<'a> {
    /// For each row which of some values it has, and the texts of these.
    Texts(&'a [u32], Texts<'a>),
    Others(ArrayRef),
}

/// The columns of a row group. What several of them share is put in order once, for the first that asks.
struct Columns<'a> {
    group: &'a RowGroup,
    links: OnceCell<Shared<'a, Arc<LinkFacts>>>,
    looks: OnceCell<Shared<'a, Arc<Look>>>,
    origins: OnceCell<Shared<'a, Arc<Origin>>>,
    places: OnceCell<Shared<'a, Arc<Place>>>,
    own: OnceCell<Shared<'a, OwnTexts>>,
}

impl<'a> Columns<'a> {
    fn of(group: &'a RowGroup) -> Self {
        let (links, looks, origins) = (OnceCell::new(), OnceCell::new(), OnceCell::new());
        Self { group, links, looks, origins, places: OnceCell::new(), own: OnceCell::new() }
    }

    fn links(&self) -> &Shared<'a, Arc<LinkFacts>> {
        self.links.get_or_init(|| self.group.shared(|chunk| chunk.links.parts()))
    }

    /// The column at `place` of [`COLUMNS`].
    fn at(&self, place: usize) -> Cells<'_> {
        let group = self.group;
        let others: ArrayRef = match COLUMNS[place].content {
            Content::LinkText(text) => return self.links().texts(|link| text(link)),
            Content::LookText(text) => {
                let looks = || group.shared(|chunk| chunk.looks.parts());
                return self.looks.get_or_init(looks).texts(|look| text(look));
            }
            Content::OriginText(text) => {
                let origins = || group.shared(|chunk| chunk.origins.parts());
                return self.origins.get_or_init(origins).texts(|origin| text(origin));
            }
            Content::PlaceText(text) => {
                let places = || group.shared(|chunk| chunk.places.parts());
                return self.places.get_or_init(places).texts(|place| text(place));
            }
            Content::Text(_) => {
                let number = before(place, |content| matches!(content, Content::Text(_)));
                let own = || group.shared(|chunk| chunk.own.parts());
                return self.own.get_or_init(own).texts(|own| &own[number]);
            }
            Content::RareText(_) => {
                Arc::new(group.rare_texts(before(place, |content| matches!(content, Content::RareText(_)))))
            }
            Content::Id => Arc::new(ids(&group.gathered(|chunk| &chunk.ids))),
            Content::Time => {
                let times = TimestampMillisecondArray::from(group.gathered(|chunk| &chunk.times));
                Arc::new(times.with_timezone("UTC"))
            }
            Content::Link => {
                let Shared { all, rows } = self.links();
                let ids: Vec<u64> = all.iter().map(|link| link.id.0).collect();
                Arc::new(UInt64Array::from_iter_values(rows.iter().map(|row| ids[*row as usize])))
            }
            Content::Visitor => Arc::new(visitors(&group.gathered(|chunk| &chunk.visitors))),
            Content::RulesVersion => Arc::new(UInt32Array::from(group.gathered(|chunk| &chunk.rules_versions))),
        };
        Cells::Others(others)
    }
}

/// How many columns of a kind stand before `place`.
fn before(place: usize, is_one: fn(&Content) -> bool) -> usize {
    COLUMNS[..place].iter().filter(|column| is_one(&column.content)).count()
}

fn ids(ids: &[Uuid]) -> StringArray {
    of_length(ids.iter().map(|id| hyphenated(*id)).collect())
}

fn visitors(visitors: &[Visitor]) -> StringArray {
    of_length(visitors.iter().map(|visitor| hexadecimal(visitor.0)).collect())
}

/// Texts that all have one length, in ASCII.
fn of_length<const LENGTH: usize>(texts: Vec<[u8; LENGTH]>) -> StringArray {
    let ends = OffsetBuffer::from_repeated_length(LENGTH, texts.len());
    StringArray::new(ends, texts.into_flattened().into(), None)
}
