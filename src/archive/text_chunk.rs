//! One text column of one row group, encoded for Parquet from texts that are numbered already.
//!
//! Clicks share most of their texts, and pending clicks hold numbers of what they share. The `parquet` crate's writer
//! looks every cell's text up in a hash map again; here each text is looked up once for all rows that share it, and the
//! cells stay numbers. The layout is the most ordinary one there is: a dictionary page, and one data page (version 1) of definition
//! levels and indices, both in Parquet's mix of runs and packed bits (format specification, "Encodings").

use bytes::Bytes;
use hashbrown::HashMap;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::column::page::{CompressedPage, Page, PageWriter};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use parquet::schema::types::ColumnDescPtr;
use zstd::bulk::Compressor;

/// Stands for a cell without a text.
pub(super) const NULL: u32 = u32::MAX;

/// Equal values in a row from which on a run takes less room than packed bits.
const RUN_MIN: usize = 16;

/// Packed bits come in groups of so many values.
const GROUP: usize = 8;

/// The texts of one column: what some values say that rows have, each text once.
#[derive(Default)]
pub(super) struct Texts<'a> {
    all: Vec<&'a str>,
    /// For each value the number of its text, or [`NULL`].
    numbers: Vec<u32>,
}

impl<'a> FromIterator<&'a str> for Texts<'a> {
    /// What values say, each of which at least one row has, in the order in which rows have them first. Empty text is none.
    fn from_iter<I: IntoIterator<Item = &'a str>>(said: I) -> Self {
        let (mut all, mut index, mut last) = (Vec::new(), HashMap::new(), NULL);
        let number = |text: &'a str| {
            if text.is_empty() {
                return NULL;
            }
            // Values that say the same mostly follow each other.
            if all.get(last as usize) != Some(&text) {
                last = *index.entry(text).or_insert_with(|| {
                    all.push(text);
                    u32::try_from(all.len() - 1).expect("a row group has no more texts than rows, and those are few")
                });
            }
            last
        };
        let numbers = said.into_iter().map(number).collect();
        Self { all, numbers }
    }
}

impl<'a> Texts<'a> {
    /// By number.
    pub(super) fn all(&self) -> &[&'a str] {
        &self.all
    }

    /// The number of what a value says, or [`NULL`].
    pub(super) fn number(&self, value: u32) -> u32 {
        self.numbers[value as usize]
    }

    /// Whether there is a value without a text.
    pub(super) fn is_sparse(&self) -> bool {
        self.numbers.contains(&NULL)
    }

    /// Every text with its length before it, as Parquet's encoding PLAIN has it.
    fn page(&self) -> Vec<u8> {
        let mut page = Vec::with_capacity(self.all.iter().map(|text| text.len() + 4).sum());
        for text in &self.all {
            page.extend_from_slice(&length(text.len()));
            page.extend_from_slice(text.as_bytes());
        }
        page
    }
}

/// Compresses pages. One serves a whole row group, because making it costs more than compressing a small page.
pub(super) struct Zstd {
    level: ZstdLevel,
    compressor: Compressor<'static>,
}

impl Zstd {
    /// # Errors
    /// When there is no memory for it.
    pub(super) fn new(level: ZstdLevel) -> Result<Self> {
        Ok(Self { level, compressor: Compressor::new(level.compression_level())? })
    }
}

/// Encodes a column of texts: `rows` has for each row which value it has. Returns its bytes and what the footer has to
/// know of them.
///
/// # Errors
/// When a page cannot be compressed, or there are more texts than any row group has rows.
pub(super) fn encode(
    column: ColumnDescPtr,
    texts: &Texts<'_>,
    rows: &[u32],
    zstd: &mut Zstd,
) -> Result<(Bytes, ColumnCloseResult)> {
    let (level, width) = (zstd.level, width_of(texts.all.len())?);
    let mut out = TrackedWrite::new(Vec::new());
    let mut pages = Pages { out: SerializedPageWriter::new(&mut out), zstd, uncompressed: 0 };
    let is_empty = texts.all.is_empty();
    if !is_empty {
        let count = u32::try_from(texts.all.len()).map_err(|error| ParquetError::General(error.to_string()))?;
        pages.write(texts.page(), |buf| Page::DictionaryPage {
            buf,
            num_values: count,
            encoding: Encoding::PLAIN,
            is_sorted: false,
        })?;
    }
    let count = u32::try_from(rows.len()).map_err(|error| ParquetError::General(error.to_string()))?;
    let encoding = if is_empty { Encoding::PLAIN } else { Encoding::RLE_DICTIONARY };
    let data_page_offset = pages.write(data_page(rows, texts, width), |buf| Page::DataPage {
        buf,
        num_values: count,
        encoding,
        def_level_encoding: Encoding::RLE,
        rep_level_encoding: Encoding::RLE,
        statistics: None,
    })?;
    let uncompressed = pages.uncompressed;
    let bytes = Bytes::from(out.into_inner()?);
    let metadata = ColumnChunkMetaData::builder(column)
        .set_encodings(vec![Encoding::PLAIN, Encoding::RLE, encoding])
        .set_compression(Compression::ZSTD(level))
        .set_total_compressed_size(signed(bytes.len())?)
        .set_total_uncompressed_size(signed(uncompressed)?)
        .set_num_values(i64::from(count))
        .set_data_page_offset(signed(data_page_offset)?)
        .set_dictionary_page_offset((!is_empty).then_some(0))
        .build()?;
    let close = ColumnCloseResult {
        bytes_written: bytes.len() as u64,
        rows_written: u64::from(count),
        metadata,
        bloom_filter: None,
        column_index: None,
        offset_index: None,
    };
    Ok((bytes, close))
}

fn signed(number: usize) -> Result<i64> {
    i64::try_from(number).map_err(|error| ParquetError::General(error.to_string()))
}

struct Pages<'a> {
    out: SerializedPageWriter<'a, Vec<u8>>,
    zstd: &'a mut Zstd,
    /// Bytes of all pages with their heads, before compression.
    uncompressed: usize,
}

impl Pages<'_> {
    /// Compresses and appends a page; returns where it begins.
    fn write(&mut self, bytes: Vec<u8>, page: impl FnOnce(Bytes) -> Page) -> Result<usize> {
        let compressed = self.zstd.compressor.compress(&bytes)?;
        let written = self.out.write_page(CompressedPage::new(page(Bytes::from(compressed)), bytes.len()))?;
        self.uncompressed += written.uncompressed_size;
        usize::try_from(written.offset).map_err(|error| ParquetError::General(error.to_string()))
    }
}

/// Which rows have a text, then the number of each text in so many bits. Rows are walked over only where they differ.
fn data_page(rows: &[u32], texts: &Texts<'_>, width: u32) -> Vec<u8> {
    let mut levels = Vec::new();
    let mut with_text = rows.len();
    if texts.all.is_empty() {
        run(0, rows.len(), 1, &mut levels);
    } else if texts.is_sparse() {
        let has_text: Vec<u32> = rows.iter().map(|row| u32::from(texts.number(*row) != NULL)).collect();
        with_text = has_text.iter().map(|has_text| *has_text as usize).sum();
        mix(&has_text, 1, &mut levels);
    } else {
        run(1, rows.len(), 1, &mut levels);
    }
    let mut page = length(levels.len()).to_vec();
    page.append(&mut levels);
    if texts.all.is_empty() {
        return page;
    }
    page.push(width.to_le_bytes()[0]);
    let numbers = rows.iter().map(|row| texts.number(*row));
    match (texts.all.len(), with_text == rows.len()) {
        (1, _) => run(0, with_text, width, &mut page),
        (_, true) => mix(&numbers.collect::<Vec<u32>>(), width, &mut page),
        (_, false) => {
            let mut some = Vec::with_capacity(with_text);
            some.extend(numbers.filter(|number| *number != NULL));
            mix(&some, width, &mut page);
        }
    }
    page
}

/// Bits that the numbers of so many texts take. A single one gets a bit too: a width of none is legal, and not every
/// engine knows it. More than 16 bits no row group needs, which has some 40,000 rows at most, and none is packed in.
fn width_of(texts: usize) -> Result<u32> {
    let greatest = u16::try_from(texts.saturating_sub(1)).map_err(|error| ParquetError::General(error.to_string()))?;
    Ok((u16::BITS - greatest.leading_zeros()).max(1))
}

/// Runs where values repeat, packed bits where they do not.
fn mix(values: &[u32], width: u32, out: &mut Vec<u8>) {
    let mut rest = values;
    while let Some(first) = rest.first() {
        let repeated = repeated(rest, usize::MAX);
        if repeated >= RUN_MIN {
            run(*first, repeated, width, out);
            rest = &rest[repeated..];
            continue;
        }
        let mut end = GROUP;
        while end < rest.len() && self::repeated(&rest[end..], RUN_MIN) < RUN_MIN {
            end += GROUP;
        }
        let (packed, after) = rest.split_at(end.min(rest.len()));
        pack(packed, width, out);
        rest = after;
    }
}

/// How often the first value stands at the beginning, counted up to `most`.
fn repeated(values: &[u32], most: usize) -> usize {
    values.iter().take(most).take_while(|value| **value == values[0]).count()
}

fn run(value: u32, times: usize, width: u32, out: &mut Vec<u8>) {
    varint(times << 1, out);
    out.extend_from_slice(&value.to_le_bytes()[..width.div_ceil(8) as usize]);
}

/// Whole groups of values, least bits first; zeroes fill the last one, which only the end of a page may need.
fn pack(values: &[u32], width: u32, out: &mut Vec<u8>) {
    let (groups, rest) = values.as_chunks::<GROUP>();
    let count = values.len().div_ceil(GROUP);
    varint(count << 1 | 1, out);
    out.reserve(count * width as usize + size_of::<u128>());
    groups.iter().for_each(|group| pack_group(group, width, out));
    if !rest.is_empty() {
        let mut last = [0; GROUP];
        last[..rest.len()].copy_from_slice(rest);
        pack_group(&last, width, out);
    }
}

/// A group takes as many bytes as a value takes bits. Always sixteen are written and the rest is taken back, because a
/// copy of a length that is known beforehand is no call.
fn pack_group(group: &[u32; GROUP], width: u32, out: &mut Vec<u8>) {
    let (halves, _) = group.as_chunks::<{ GROUP / 2 }>();
    let half = |values: &[u32; GROUP / 2]| values.iter().rev().fold(0, |bits, value| bits << width | u64::from(*value));
    let bits = u128::from(half(&halves[0])) | u128::from(half(&halves[1])) << (width * 4);
    let end = out.len() + width as usize;
    out.extend_from_slice(&bits.to_le_bytes());
    out.truncate(end);
}

fn varint(mut number: usize, out: &mut Vec<u8>) {
    while number > 0x7f {
        out.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    out.push(number.to_le_bytes()[0]);
}

fn length(bytes: usize) -> [u8; 4] {
    u32::try_from(bytes).expect("a page is far below 4 GiB: its texts and rows are bounded").to_le_bytes()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::cast::AsArray;
    use parquet::arrow::arrow_reader::ParquetRecordBatchReader;
    use parquet::file::properties::WriterProperties;
    use parquet::file::writer::SerializedFileWriter;
    use parquet::schema::parser::parse_message_type;

    use super::*;

    /// The cells as another reader finds them in a file.
    fn read_back(texts: &[Option<String>]) -> Vec<Option<String>> {
        let numbered: Texts<'_> = texts.iter().map(|text| text.as_deref().unwrap_or_default()).collect();
        let rows: Vec<u32> = (0..).take(texts.len()).collect();
        let schema = Arc::new(parse_message_type("message m { optional binary a (STRING); }").unwrap());
        let mut file = SerializedFileWriter::new(Vec::new(), schema, Arc::new(WriterProperties::new())).unwrap();
        let column = file.schema_descr().column(0);
        let mut zstd = Zstd::new(ZstdLevel::try_new(1).unwrap()).unwrap();
        let (bytes, close) = encode(column, &numbered, &rows, &mut zstd).unwrap();
        let mut group = file.next_row_group().unwrap();
        group.append_column(&bytes, close).unwrap();
        group.close().unwrap();
        let file = Bytes::from(file.into_inner().unwrap());
        let batches = ParquetRecordBatchReader::try_new(file, 1000).unwrap().map(Result::unwrap);
        batches
            .flat_map(|batch| {
                batch.column(0).as_string::<i32>().iter().map(|text| text.map(str::to_owned)).collect::<Vec<_>>()
            })
            .collect()
    }

    fn check(rows: usize, text: impl Fn(usize) -> Option<usize>) {
        let texts: Vec<Option<String>> =
            (0..rows).map(|row| text(row).map(|number| format!("text {number}"))).collect();
        assert_eq!(read_back(&texts), texts);
    }

    #[test]
    fn texts_come_back_however_many_there_are_and_in_whatever_order() {
        for rows in [1, 7, 8, 9, 63, 64, 65, 3_001] {
            check(rows, |_| Some(0));
            for texts in [2, 3, 5, 31, 129, 2_000] {
                check(rows, |row| Some(row % texts));
                check(rows, |row| Some(row.wrapping_mul(2_654_435_761) / 7 % texts));
                check(rows, |row| Some(row / 20 % texts));
                check(rows, |row| Some(if row % 50 < 30 { 0 } else { row % texts }));
            }
        }
    }

    #[test]
    fn texts_come_back_from_the_largest_row_group_there_is() {
        check(40_000, Some);
    }

    #[test]
    fn rows_without_a_text_stay_without_one() {
        for rows in [1, 8, 17, 1_025] {
            check(rows, |_| None);
            check(rows, |row| (row % 3 > 0).then_some(0));
            check(rows, |row| (row % 3 > 0).then_some(row % 7));
            check(rows, |row| (row / 100 % 2 == 0).then_some(row % 300));
            check(rows, |row| (row + 1 == rows).then_some(row));
        }
    }
}
