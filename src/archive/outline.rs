//! What the footer of a click file tells: whether it is one, and which times and links its row groups hold.
//!
//! It must never believe a footer whose checksum does not hold.

use std::ops::RangeInclusive;

use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader, RowGroupMetaData};
use parquet::file::statistics::Statistics;

use super::checksum::{self, DATA_KEY};
use super::click_file::FORMAT_KEY;
use super::columns::{COLUMNS, FORMAT, LINK, TIME};
use super::filter::{ClickQuery, span_of};
use super::read::{Damage, guarded};
use crate::domain::link::LinkId;

/// The row groups of a click file, each with the least and the greatest of its times and of its links.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Outline(Vec<Group>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Group {
    times: RangeInclusive<i64>,
    links: RangeInclusive<u64>,
}

impl Outline {
    /// # Errors
    /// When the file is none of ours, or damaged.
    pub(super) fn of(metadata: &ParquetMetaData) -> Result<Self, Damage> {
        if !is_click_file(metadata) {
            return Err(Damage::Foreign);
        }
        metadata.row_groups().iter().map(Group::of).collect::<Result<_, _>>().map(Self)
    }

    /// Reads it from the last bytes of a file; `None` when its footer is longer than they are.
    ///
    /// # Errors
    /// When the file is none of ours, or damaged.
    pub(super) fn of_tail(tail: &[u8]) -> Result<Option<Self>, Damage> {
        let bytes = checksum::footer_bytes(tail)?;
        let Some(start) = tail.len().checked_sub(bytes) else { return Ok(None) };
        let footer = &tail[start..];
        checksum::check(footer)?;
        let metadata = &footer[..footer.len() - checksum::TAIL_BYTES];
        guarded(|| Self::of(&ParquetMetaDataReader::decode_metadata(metadata)?)).map(Some)
    }

    /// From the first to the last time; `None` when there are no rows.
    pub(super) fn span(&self) -> Option<RangeInclusive<i64>> {
        span_of(self.0.iter().flat_map(|group| [*group.times.start(), *group.times.end()]))
    }

    /// The row groups that may hold what `query` asks for.
    pub(super) fn matching(&self, query: &ClickQuery) -> Vec<usize> {
        let links = &query.filter.links;
        let holds = |group: &Group| {
            query.meets(&group.times) && links.meets(LinkId(*group.links.start()), LinkId(*group.links.end()))
        };
        self.0.iter().enumerate().filter_map(|(index, group)| holds(group).then_some(index)).collect()
    }
}

impl Group {
    fn of(group: &RowGroupMetaData) -> Result<Self, Damage> {
        let links = range_of(group, LINK)?;
        // The file compares links without a sign, so its first and last are those of the unsigned numbers.
        let links = links.start().cast_unsigned()..=links.end().cast_unsigned();
        Ok(Self { times: range_of(group, TIME)?, links })
    }
}

fn is_click_file(metadata: &ParquetMetaData) -> bool {
    let names = metadata.file_metadata().schema_descr().columns().iter().map(|column| column.name());
    note(metadata, FORMAT_KEY) == Some(FORMAT) && names.eq(COLUMNS.iter().map(|column| column.name))
}

/// The checksum of all bytes before the footer.
pub(super) fn recorded_checksum(metadata: &ParquetMetaData) -> Option<u32> {
    u32::from_str_radix(note(metadata, DATA_KEY)?, 16).ok()
}

/// What the writer noted under `key`.
fn note<'a>(metadata: &'a ParquetMetaData, key: &str) -> Option<&'a str> {
    let notes = metadata.file_metadata().key_value_metadata()?;
    notes.iter().find(|note| note.key == key)?.value.as_deref()
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

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::archive::tests::{a_sealed_file, at_second};
    use crate::domain::filter::ClickFilter;

    #[test]
    fn the_end_of_a_file_tells_what_is_in_it() {
        let file = fs::read(a_sealed_file().path()).unwrap();
        let whole = Outline::of_tail(&file).unwrap().unwrap();
        let footer = checksum::footer_bytes(&file).unwrap();
        assert_eq!(Outline::of_tail(&file[file.len() - footer..]).unwrap().as_ref(), Some(&whole));
        assert_eq!(Outline::of_tail(&file[file.len() - footer + 1..]).unwrap(), None);
        let asked = |query: ClickQuery| !whole.matching(&query).is_empty();
        assert!(asked(ClickQuery::default()));
        let of_link = |id| ClickQuery { filter: ClickFilter::default().on(LinkId(id)), ..ClickQuery::default() };
        assert!(asked(of_link(1)));
        assert!(!asked(of_link(2)));
        assert!(asked(ClickQuery { from_ms: Some(at_second(9)), ..ClickQuery::default() }));
        assert!(!asked(ClickQuery { from_ms: Some(at_second(10)), ..ClickQuery::default() }));
    }

    #[test]
    fn a_damaged_end_tells_nothing() {
        let file = fs::read(a_sealed_file().path()).unwrap();
        let footer = checksum::footer_bytes(&file).unwrap();
        for place in [file.len() - footer, file.len() - footer / 2] {
            let mut damaged = file.clone();
            damaged[place] ^= 1;
            assert!(Outline::of_tail(&damaged).is_err());
        }
        assert!(Outline::of_tail(b"PAR1").is_err());
    }
}
