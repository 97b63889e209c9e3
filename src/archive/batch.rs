//! Columns as an Arrow batch, for whoever reads pending clicks.

use std::cell::OnceCell;
use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, DictionaryArray, Int32Array, RecordBatch, RecordBatchOptions, StringArray};

use super::columns::SCHEMA;
use super::row_group::Cells;
use super::text_chunk::{NULL, Texts};

/// A batch of `rows` rows with the columns at `places`; `cells` tells what is in each.
pub(super) fn of<'a>(rows: usize, places: &[usize], cells: impl Fn(usize) -> Cells<'a>) -> RecordBatch {
    let alike = Alike::of(rows);
    let column = |place: &usize| match cells(*place) {
        Cells::Texts(rows, texts) => alike.column(rows, &texts),
        Cells::Others(column) => column,
    };
    let columns = places.iter().map(column).collect();
    let schema = SCHEMA.project(places).expect("the places are those of columns");
    // Without columns a batch does not know how many rows it has.
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Arc::new(schema), columns, &options)
        .expect("each column got one cell per click, of its own type")
}

/// What most columns of texts have alike: no text in any row, or the same one in every row. It is made once for a batch.
struct Alike {
    rows: usize,
    without: OnceCell<ArrayRef>,
    throughout: OnceCell<DictionaryArray<Int32Type>>,
}

impl Alike {
    fn of(rows: usize) -> Self {
        Self { rows, without: OnceCell::new(), throughout: OnceCell::new() }
    }

    fn column(&self, rows: &[u32], texts: &Texts<'_>) -> ArrayRef {
        let values = || Arc::new(StringArray::from_iter_values(texts.all()));
        let numbers = rows.iter().map(|row| texts.number(*row));
        match (texts.all().len(), texts.is_sparse()) {
            (0, _) => {
                let column = || DictionaryArray::new(Int32Array::new_null(self.rows), values());
                Arc::clone(self.without.get_or_init(|| Arc::new(column())))
            }
            (1, false) => {
                let column = || DictionaryArray::new(Int32Array::from(vec![0; self.rows]), values());
                Arc::new(self.throughout.get_or_init(column).with_values(values()))
            }
            (_, false) => {
                let keys = Int32Array::from_iter_values(numbers.map(u32::cast_signed));
                Arc::new(DictionaryArray::new(keys, values()))
            }
            (_, true) => {
                let keys: Int32Array = numbers.map(|number| (number != NULL).then_some(number.cast_signed())).collect();
                Arc::new(DictionaryArray::new(keys, values()))
            }
        }
    }
}
