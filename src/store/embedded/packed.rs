//! The packed form of one link-day's counters: what stands in `counters.counts`.
//!
//! One row per counter costs 1.4 to 2.2 us each and a click moves a dozen, so a link-day is one row and its
//! counters are packed. The layout, little-endian:
//!
//! ```text
//! version u8 = 1
//! per dimension that has values, ascending:  code u8 · number of values u16
//!     per value, ascending by its bytes:     length u8 · UTF-8 · count LEB128 (u64)
//! ```
//!
//! Reading must answer any bytes with an error or counters, never with a panic or with more memory than the caps
//! of a link-day allow.

use std::cmp::Ordering;

use crate::domain::counter::{Counters, Dimension, Dimensions, OTHER, VALUE_BYTES_MAX, VALUES_MAX};

const VERSION: u8 = 1;

// A length fits its byte.
const _: () = assert!(VALUE_BYTES_MAX <= u8::MAX as usize);

/// Why bytes are not packed counters, and where that shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("at byte {at}: {what}")]
pub(super) struct Garbled {
    at: usize,
    what: &'static str,
}

type Entry<'a> = (Dimension, &'a str, u64);

/// Replaces `out` by the packed form of `counters`.
pub(super) fn encode(counters: &Counters, out: &mut Vec<u8>) {
    let mut packer = Packer::new(out);
    for entry in counters.iter() {
        packer.put(entry);
    }
}

/// All of it is looked at, and only the dimensions of `of` are kept.
pub(super) fn decode(bytes: &[u8], of: Dimensions) -> Result<Counters, Garbled> {
    let mut entries = Entries::new(bytes)?;
    let mut counters = Counters::new();
    while let Some((dimension, value, count)) = entries.next()? {
        if of.contains(dimension) {
            counters.push(dimension, value, count);
        }
    }
    Ok(counters)
}

/// Replaces `out` by the packed form of `stored` plus `delta`, with the caps of [`Counters::merge`].
pub(super) fn merge(stored: &[u8], delta: &Counters, out: &mut Vec<u8>) -> Result<(), Garbled> {
    if interleave(stored, delta, out)? == Fits::No {
        let mut sum = decode(stored, Dimensions::ALL)?;
        sum.merge(delta);
        encode(&sum, out);
    }
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fits {
    Yes,
    /// A dimension is full, so that values have to move to [`OTHER`]; what was written so far is of no use.
    No,
}

/// Merges two sorted lists in one pass, without building the sum in memory.
fn interleave(stored: &[u8], delta: &Counters, out: &mut Vec<u8>) -> Result<Fits, Garbled> {
    let mut packer = Packer::new(out);
    let (mut olds, mut news) = (Entries::new(stored)?, delta.iter());
    let (mut old, mut new) = (olds.next()?, news.next());
    loop {
        let (entry, first) = match (old, new) {
            (None, None) => return Ok(Fits::Yes),
            (Some(old), None) => (old, Ordering::Less),
            (None, Some(new)) => (new, Ordering::Greater),
            (Some(old), Some(new)) => match order(&old, &new) {
                Ordering::Less => (old, Ordering::Less),
                Ordering::Greater => (new, Ordering::Greater),
                Ordering::Equal => ((old.0, old.1, old.2.saturating_add(new.2)), Ordering::Equal),
            },
        };
        if packer.put(entry) == Fits::No {
            return Ok(Fits::No);
        }
        if first != Ordering::Greater {
            old = olds.next()?;
        }
        if first != Ordering::Less {
            new = news.next();
        }
    }
}

fn order(a: &Entry<'_>, b: &Entry<'_>) -> Ordering {
    a.0.cmp(&b.0).then_with(|| a.1.cmp(b.1))
}

/// Writes entries that come in order.
struct Packer<'o> {
    out: &'o mut Vec<u8>,
    section: Option<Section>,
}

/// The values of one dimension.
struct Section {
    dimension: Dimension,
    /// Where the number of values stands, which is known only at the end.
    number_at: usize,
    number: u16,
    /// How many of them are not [`OTHER`].
    named: usize,
}

impl<'o> Packer<'o> {
    fn new(out: &'o mut Vec<u8>) -> Self {
        out.clear();
        out.push(VERSION);
        Self { out, section: None }
    }

    fn put(&mut self, (dimension, value, count): Entry<'_>) -> Fits {
        let section = match &mut self.section {
            Some(section) if section.dimension == dimension => section,
            section => {
                self.out.extend_from_slice(&[dimension as u8, 0, 0]);
                section.insert(Section { dimension, number_at: self.out.len() - 2, number: 0, named: 0 })
            }
        };
        section.named += usize::from(value != OTHER);
        if section.named > VALUES_MAX {
            return Fits::No;
        }
        section.number += 1;
        self.out[section.number_at..section.number_at + 2].copy_from_slice(&section.number.to_le_bytes());
        self.out.push(value.len() as u8);
        self.out.extend_from_slice(value.as_bytes());
        put_count(self.out, count);
        Fits::Yes
    }
}

fn put_count(out: &mut Vec<u8>, mut count: u64) {
    while count >= 0x80 {
        out.push(count as u8 | 0x80);
        count >>= 7;
    }
    out.push(count as u8);
}

/// Reads entries in order and believes nothing.
struct Entries<'a> {
    bytes: &'a [u8],
    at: usize,
    dimension: Dimension,
    /// Values of `dimension` that are still to come.
    left: u16,
    /// The value before, when it was of the same dimension.
    before: Option<&'a str>,
}

impl<'a> Entries<'a> {
    fn new(bytes: &'a [u8]) -> Result<Self, Garbled> {
        let mut entries = Self { bytes, at: 0, dimension: Dimension::Verdict, left: 0, before: None };
        match entries.byte()? {
            VERSION => Ok(entries),
            _ => Err(Garbled { at: 0, what: "a version that this Waypost does not know" }),
        }
    }

    fn next(&mut self) -> Result<Option<Entry<'a>>, Garbled> {
        if self.left == 0 {
            if self.at == self.bytes.len() {
                return Ok(None);
            }
            self.open_section()?;
        }
        let value = self.value()?;
        let count = self.count()?;
        self.left -= 1;
        Ok(Some((self.dimension, value, count)))
    }

    fn open_section(&mut self) -> Result<(), Garbled> {
        let dimension = Dimension::from_code(self.byte()?).ok_or(self.garbled("an unknown dimension"))?;
        // The version byte alone lies before the first section.
        let is_first = self.at == 2;
        if !is_first && dimension <= self.dimension {
            return Err(self.garbled("dimensions out of order"));
        }
        self.left = u16::from_le_bytes([self.byte()?, self.byte()?]);
        if self.left == 0 || usize::from(self.left) > VALUES_MAX + 1 {
            return Err(self.garbled("a number of values that no dimension has"));
        }
        self.dimension = dimension;
        self.before = None;
        Ok(())
    }

    fn value(&mut self) -> Result<&'a str, Garbled> {
        let len = usize::from(self.byte()?);
        if len > VALUE_BYTES_MAX {
            return Err(self.garbled("a value that is too long"));
        }
        let bytes = self.bytes.get(self.at..self.at + len).ok_or(self.garbled("the end, inside a value"))?;
        let value = std::str::from_utf8(bytes).map_err(|_| self.garbled("a value that is not UTF-8"))?;
        if self.before.is_some_and(|before| before >= value) {
            return Err(self.garbled("values out of order"));
        }
        self.at += len;
        self.before = Some(value);
        Ok(value)
    }

    fn count(&mut self) -> Result<u64, Garbled> {
        let mut count = 0_u64;
        for shift in (0..u64::BITS).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if bits << shift >> shift != bits {
                break;
            }
            count |= bits << shift;
            if byte < 0x80 {
                return Ok(count);
            }
        }
        Err(self.garbled("a count above 64 bits"))
    }

    fn byte(&mut self) -> Result<u8, Garbled> {
        let byte = *self.bytes.get(self.at).ok_or(self.garbled("the end, too early"))?;
        self.at += 1;
        Ok(byte)
    }

    fn garbled(&self, what: &'static str) -> Garbled {
        Garbled { at: self.at, what }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A random number generator of two lines (xorshift64), so that a failure can be repeated.
    struct Dice(u64);

    impl Dice {
        fn below(&mut self, end: u64) -> u64 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            self.0 % end
        }

        fn counters(&mut self, adds: u64, values: u64) -> Counters {
            let mut counters = Counters::new();
            for _ in 0..adds {
                let dimension = Dimension::ALL[self.below(14) as usize];
                let value = match self.below(50) {
                    0 => OTHER.to_owned(),
                    1 => String::new(),
                    _ => format!("värde {}", self.below(values)),
                };
                let shift = self.below(64);
                counters.add(dimension, &value, u64::MAX >> shift);
            }
            counters
        }
    }

    fn packed(counters: &Counters) -> Vec<u8> {
        let mut out = Vec::new();
        encode(counters, &mut out);
        out
    }

    #[test]
    fn what_is_packed_comes_back() {
        let mut dice = Dice(1);
        for round in 0..200 {
            let counters = dice.counters(round * 3, 1 + round);
            assert_eq!(decode(&packed(&counters), Dimensions::ALL).unwrap(), counters);
        }
        let full = dice.counters(40_000, 1_500);
        assert!(full.get(Dimension::City, OTHER) > 0);
        assert_eq!(decode(&packed(&full), Dimensions::ALL).unwrap(), full);
    }

    #[test]
    fn a_packed_merge_equals_a_merge_in_memory() {
        let mut dice = Dice(2);
        let mut out = vec![7; 3];
        for (adds, values) in [(0, 1), (1, 1), (20, 3), (300, 50), (4_000, 900), (20_000, 1_200), (30_000, 3_000)] {
            for _ in 0..4 {
                let (stored, delta) = (dice.counters(adds, values), dice.counters(adds / 2, values));
                merge(&packed(&stored), &delta, &mut out).unwrap();
                let mut sum = stored;
                sum.merge(&delta);
                assert_eq!(out, packed(&sum));
            }
        }
    }

    #[test]
    fn bytes_cut_short_or_changed_never_panic_and_a_cut_is_always_seen() {
        let mut dice = Dice(3);
        let bytes = packed(&dice.counters(60, 8));
        let mut out = Vec::new();
        for end in 0..bytes.len() {
            let counters = decode(&bytes[..end], Dimensions::ALL);
            assert!(counters.is_err() || packed(&counters.unwrap()) == bytes[..end]);
        }
        for at in 0..bytes.len() {
            for value in 0..=255 {
                let mut changed = bytes.clone();
                changed[at] = value;
                let _ = decode(&changed, Dimensions::ALL);
                let _ = merge(&changed, &Counters::new(), &mut out);
            }
        }
    }

    #[test]
    fn random_bytes_never_panic() {
        let mut dice = Dice(4);
        for _ in 0..20_000 {
            let len = dice.below(60);
            let mut bytes: Vec<u8> = (0..len).map(|_| dice.below(256) as u8).collect();
            if let Some(first) = bytes.first_mut() {
                *first = VERSION;
            }
            let _ = decode(&bytes, Dimensions::ALL);
        }
    }

    #[test]
    fn each_kind_of_garbage_is_named() {
        let what = |bytes: &[u8]| decode(bytes, Dimensions::ALL).unwrap_err().what;
        assert_eq!(what(&[]), "the end, too early");
        assert_eq!(what(&[2]), "a version that this Waypost does not know");
        assert_eq!(what(&[1, 99, 1, 0]), "an unknown dimension");
        assert_eq!(what(&[1, 3, 1, 0, 0, 1, 3, 1, 0, 0, 1]), "dimensions out of order");
        assert_eq!(what(&[1, 3, 0, 0]), "a number of values that no dimension has");
        assert_eq!(what(&[1, 3, 255, 255]), "a number of values that no dimension has");
        assert_eq!(what(&[1, 3, 1, 0, 200]), "a value that is too long");
        assert_eq!(what(&[1, 3, 1, 0, 9, b'a']), "the end, inside a value");
        assert_eq!(what(&[1, 3, 1, 0, 1, 0xff, 1]), "a value that is not UTF-8");
        assert_eq!(what(&[1, 3, 2, 0, 1, b'b', 1, 1, b'a', 1]), "values out of order");
        assert_eq!(what(&[[1, 3, 1, 0, 0].as_slice(), &[0xff; 10]].concat()), "a count above 64 bits");
    }
}
