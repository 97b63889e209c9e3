//! A row group on its way into a click file: which rows of which batches, column by column.
//!
//! Rows are put in order here, while they are encoded: texts as numbers (see `text_chunk.rs`), everything else through
//! the `parquet` crate's own column writers. It must never copy a text per row.

use std::io::Write;

use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{Array, ArrayRef, DictionaryArray, RecordBatch, StringArray};
use arrow_schema::{DataType, Field};
use arrow_select::interleave::interleave;
use parquet::arrow::arrow_writer::{ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves};
use parquet::basic::ZstdLevel;
use parquet::errors::{ParquetError, Result};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::ColumnDescPtr;

use super::columns::SCHEMA;
use super::text_chunk::{self, Dictionary, NULL, Zstd};

/// Rows in the order they are written in. Batches are shared, not copied.
pub(super) struct RowGroup {
    pub(super) batches: Vec<RecordBatch>,
    /// Which row of which batch comes next.
    pub(super) places: Vec<(usize, usize)>,
}

impl RowGroup {
    /// All rows of some batches as they stand.
    pub(super) fn whole(batches: Vec<RecordBatch>) -> Self {
        let rows = |(number, batch): (usize, &RecordBatch)| (0..batch.num_rows()).map(move |row| (number, row));
        Self { places: batches.iter().enumerate().flat_map(rows).collect(), batches }
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
        let columns = file.schema_descr().clone();
        let mut zstd = Zstd::new(level)?;
        let mut group = file.next_row_group()?;
        for (index, (field, writer)) in SCHEMA.fields().iter().zip(others).enumerate() {
            let arrays: Vec<&ArrayRef> = self.batches.iter().map(|batch| batch.column(index)).collect();
            match field.data_type() {
                DataType::Dictionary(..) => self.write_texts(&mut group, columns.column(index), &arrays, &mut zstd)?,
                _ => self.write_others(&mut group, writer, field, &arrays)?,
            }
        }
        group.close()?;
        Ok(())
    }

    fn write_texts<W: Write + Send>(
        &self,
        group: &mut SerializedRowGroupWriter<'_, W>,
        column: ColumnDescPtr,
        arrays: &[&ArrayRef],
        zstd: &mut Zstd,
    ) -> Result<()> {
        let mut dictionary = Dictionary::default();
        let mut batches: Vec<Numbered<'_>> = arrays.iter().map(|array| Numbered::new(array)).collect();
        let mut cells = Vec::with_capacity(self.places.len());
        for places in self.places.chunk_by(|one, next| one.0 == next.0) {
            batches[places[0].0].append(places, &mut dictionary, &mut cells);
        }
        let (bytes, close) = text_chunk::encode(column, &dictionary, &cells, zstd)?;
        group.append_column(&bytes, close)
    }

    fn write_others<W: Write + Send>(
        &self,
        group: &mut SerializedRowGroupWriter<'_, W>,
        mut writer: ArrowColumnWriter,
        field: &Field,
        arrays: &[&ArrayRef],
    ) -> Result<()> {
        let arrays: Vec<&dyn Array> = arrays.iter().map(|array| array.as_ref()).collect();
        let column = interleave(&arrays, &self.places).map_err(|error| ParquetError::ArrowError(error.to_string()))?;
        for leaf in compute_leaves(field, &column)? {
            writer.write(&leaf)?;
        }
        writer.close()?.append_to_row_group(group)
    }
}

/// A column of one batch, and what its texts are numbered in the whole row group. Texts of rows that go elsewhere get no
/// number, or they would be in a file that has no row with them.
struct Numbered<'a> {
    cells: &'a DictionaryArray<Int32Type>,
    texts: &'a StringArray,
    /// [`NULL`] as long as no row had this text.
    numbers: Vec<u32>,
}

impl<'a> Numbered<'a> {
    fn new(array: &'a ArrayRef) -> Self {
        let cells = array.as_dictionary::<Int32Type>();
        let texts = cells.values().as_string::<i32>();
        Self { cells, texts, numbers: vec![NULL; texts.len()] }
    }

    fn append(&mut self, places: &[(usize, usize)], dictionary: &mut Dictionary<'a>, cells: &mut Vec<u32>) {
        let keys = self.cells.keys();
        if self.texts.len() == 1 && keys.nulls().is_none() {
            let number = dictionary.number(self.texts.value(0));
            return cells.resize(cells.len() + places.len(), number);
        }
        let number = |row: usize| {
            let Ok(key) = usize::try_from(keys.values()[row]) else { return NULL };
            let Some(number) = self.numbers.get_mut(key) else { return NULL };
            if *number == NULL {
                *number = dictionary.number(self.texts.value(key));
            }
            *number
        };
        match keys.nulls() {
            None => cells.extend(places.iter().map(|(_, row)| *row).map(number)),
            Some(nulls) if nulls.null_count() == keys.len() => cells.resize(cells.len() + places.len(), NULL),
            Some(nulls) => {
                let mut number = number;
                cells.extend(places.iter().map(|(_, row)| if nulls.is_valid(*row) { number(*row) } else { NULL }));
            }
        }
    }
}
