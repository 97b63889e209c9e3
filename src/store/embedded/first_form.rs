//! The first packed form of one link-day's counters, which files from before schema 7 hold. It is read and never
//! written. The layout, little-endian:
//!
//! ```text
//! version u8 = 1
//! per dimension that has values, ascending:  code u8 · number of values u16
//!     per value, ascending by its bytes:     length u8 · UTF-8 · count LEB128 (u64)
//! ```
//!
//! Reading must answer any bytes with an error or counters, never with a panic or with more memory than the caps
//! of a link-day allow.

use super::bytes::{Garbled, Reader};
use crate::domain::counter::{Counters, Dimension, Dimensions, VALUE_BYTES_MAX, VALUES_MAX};

/// The first byte of a row in this form.
pub(super) const VERSION: u8 = 1;

/// All of it is looked at, and only the dimensions of `of` are kept.
pub(super) fn decode(bytes: &[u8], of: Dimensions) -> Result<Counters, Garbled> {
    let mut reader = Reader::new(bytes);
    if reader.byte()? != VERSION {
        return Err(Garbled { at: 0, what: "a version that this Waypost does not know" });
    }
    let (mut counters, mut before) = (Counters::new(), None);
    while !reader.is_at_end() {
        let dimension = Dimension::from_code(reader.byte()?).ok_or(reader.garbled("an unknown dimension"))?;
        if before.is_some_and(|before| dimension <= before) {
            return Err(reader.garbled("dimensions out of order"));
        }
        section(&mut reader, |value, count| {
            if of.contains(dimension) {
                counters.push(dimension, value, count);
            }
        })?;
        before = Some(dimension);
    }
    Ok(counters)
}

fn section<'b>(reader: &mut Reader<'b>, mut each: impl FnMut(&'b str, u64)) -> Result<(), Garbled> {
    let values = u16::from_le_bytes([reader.byte()?, reader.byte()?]);
    if values == 0 || usize::from(values) > VALUES_MAX + 1 {
        return Err(reader.garbled("a number of values that no dimension has"));
    }
    let mut before = None;
    for _ in 0..values {
        let len = usize::from(reader.byte()?);
        if len > VALUE_BYTES_MAX {
            return Err(reader.garbled("a value that is too long"));
        }
        let value = std::str::from_utf8(reader.take(len)?).map_err(|_| reader.garbled("a value that is not UTF-8"))?;
        if before.is_some_and(|before| before >= value) {
            return Err(reader.garbled("values out of order"));
        }
        before = Some(value);
        each(value, reader.number()?);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_from_before_is_read() {
        let bytes =
            [&[1, 0, 1, 0, 5][..], b"human", &[0xac, 2, 9, 2, 0, 3], b"ios", &[2, 7], b"windows", &[1]].concat();
        let counters = decode(&bytes, Dimensions::ALL).unwrap();
        let expected = [(Dimension::Verdict, "human", 300), (Dimension::Os, "ios", 2), (Dimension::Os, "windows", 1)];
        assert_eq!(counters.iter().collect::<Vec<_>>(), expected);
        assert_eq!(decode(&bytes, Dimensions::of(&[Dimension::Os])).unwrap().iter().count(), 2);
    }

    #[test]
    fn bytes_cut_short_or_changed_never_panic() {
        let bytes = [&[1, 0, 1, 0, 5][..], b"human", &[0xac, 2, 9, 1, 0, 3], b"ios", &[2]].concat();
        for (at, value) in (0..bytes.len()).flat_map(|at| (0..=255).map(move |value| (at, value))) {
            let mut changed = bytes.clone();
            changed[at] = value;
            let _ = (decode(&changed, Dimensions::ALL), decode(&changed[..at], Dimensions::ALL));
        }
    }

    #[test]
    fn each_kind_of_garbage_is_named() {
        let what = |bytes: &[u8]| decode(bytes, Dimensions::ALL).unwrap_err().what;
        assert_eq!(what(&[]), "the end, too early");
        assert_eq!(what(&[9]), "a version that this Waypost does not know");
        assert_eq!(what(&[1, 99, 1, 0]), "an unknown dimension");
        assert_eq!(what(&[1, 3, 1, 0, 0, 1, 3, 1, 0, 0, 1]), "dimensions out of order");
        assert_eq!(what(&[1, 3, 0, 0]), "a number of values that no dimension has");
        assert_eq!(what(&[1, 3, 255, 255]), "a number of values that no dimension has");
        assert_eq!(what(&[1, 3, 1, 0, 200]), "a value that is too long");
        assert_eq!(what(&[1, 3, 1, 0, 9, b'a']), "the end, inside a value");
        assert_eq!(what(&[1, 3, 1, 0, 1, 0xff, 1]), "a value that is not UTF-8");
        assert_eq!(what(&[1, 3, 2, 0, 1, b'b', 1, 1, b'a', 1]), "values out of order");
        assert_eq!(what(&[[1, 3, 1, 0, 0].as_slice(), &[0xff; 10]].concat()), "a number above 64 bits");
    }
}
