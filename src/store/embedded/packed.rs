//! The packed form of one link-day's counters, as it stands in a [block](super::block).
//!
//! One row per counter costs 1.4 to 2.2 us each and a click moves a dozen, so a link-day's counters are packed into
//! one list of values, each with its count as LEB128 (u64). The first byte of a value says what follows:
//!
//! ```text
//! 0 ..= 30    this is a dimension's code   length u8 · UTF-8
//! 31          an hour                      quarters of an hour since 14 h before the day began in UTC, u8
//! 32 ..= 255  32 + the number of a word    nothing
//! ```
//!
//! Values ascend by that byte, then by the bytes of their text. So two lists are merged by comparing bytes, without a
//! look at what they mean, and a click whose values are all words takes two bytes for each.
//!
//! Reading must answer any bytes with an error or counters, never with a panic or with more memory than the caps
//! of a link-day allow.

use std::cmp::Ordering;

use compact_str::CompactString;
use jiff::civil::Date;

use super::bytes::{Garbled, Reader, put_number};
use super::{hours, words};
use crate::by_number::ByNumber;
use crate::domain::counter::{Counters, Dimension, Dimensions, VALUE_BYTES_MAX, VALUES_MAX};

const HOUR: u8 = 31;
const FIRST_WORD: u8 = 32;

const LAST_WORD: u8 = FIRST_WORD + words::TOTAL - 1;

const _: () = assert!(Dimension::ALL.len() <= HOUR as usize);
// A length fits its byte.
const _: () = assert!(VALUE_BYTES_MAX <= u8::MAX as usize);

/// The most values of one dimension that a merge writes down without counting its words and looking for `(other)`.
const TEXTS_MAX: usize = VALUES_MAX - words::OF_A_DIMENSION_MAX - 1;

/// Packs counters; its room serves one after the other.
#[derive(Default)]
pub(super) struct Packer {
    hours: Vec<u8>,
    words: ByNumber,
}

/// How a value is written on some day.
#[derive(Clone, Copy)]
pub(super) enum Form {
    Text,
    Hour(u8),
    Word(u8),
}

impl Packer {
    /// Appends the packed form of the `counters` of a link on `day`.
    pub(super) fn pack(&mut self, counters: &Counters, day: Date, out: &mut Vec<u8>) {
        let counts = counters.iter();
        self.pack_each(
            counts.map(|(dimension, value, count)| (form(dimension, value, day), dimension, value, count)),
            out,
        );
    }

    /// The same of counters whose values have forms already.
    pub(super) fn pack_each<'v>(
        &mut self,
        counts: impl Iterator<Item = (Form, Dimension, &'v str, u64)>,
        out: &mut Vec<u8>,
    ) {
        self.hours.clear();
        for (form, dimension, value, count) in counts {
            match form {
                Form::Word(number) => self.words.add(number.into(), count),
                Form::Hour(quarters) => {
                    self.hours.extend_from_slice(&[HOUR, quarters]);
                    put_number(&mut self.hours, count);
                }
                Form::Text => {
                    out.extend_from_slice(&[dimension as u8, value.len() as u8]);
                    out.extend_from_slice(value.as_bytes());
                    put_number(out, count);
                }
            }
        }
        out.extend_from_slice(&self.hours);
        self.words.take_each(|number, count| {
            out.push(FIRST_WORD + number as u8);
            put_number(out, count);
        });
    }
}

pub(super) fn form(dimension: Dimension, value: &str, day: Date) -> Form {
    let hour = || if dimension == Dimension::Hour { hours::quarters(day, value).map(Form::Hour) } else { None };
    words::number(dimension, value).map(Form::Word).or_else(hour).unwrap_or(Form::Text)
}

/// All of it is looked at, and only the dimensions of `of` are kept.
pub(super) fn decode(bytes: &[u8], day: Date, of: Dimensions) -> Result<Counters, Garbled> {
    let mut values = Values::new(bytes);
    // Texts come in the order of counters, then hours, then words in an order of their own.
    let (mut texts, mut others, mut words) = (Vec::new(), Vec::new(), Vec::new());
    while let Some(value) = values.next()? {
        if value.first >= FIRST_WORD {
            words.push((value.first - FIRST_WORD, value.count));
            continue;
        }
        let (dimension, text) = value.meaning(day).ok_or(values.reader.garbled("a value that is not UTF-8"))?;
        if of.contains(dimension) {
            let list = if value.first == HOUR { &mut others } else { &mut texts };
            list.push((dimension, text, value.count));
        }
    }
    words.sort_unstable_by_key(|(number, _)| words::rank(*number));
    let words = words.into_iter().filter_map(|(number, count)| {
        let (dimension, word) = words::word(number)?;
        of.contains(dimension).then(|| (dimension, CompactString::const_new(word), count))
    });
    let words: Vec<Named> = words.collect();
    let before_hours = words.partition_point(|(dimension, ..)| *dimension < Dimension::Hour);
    let mut words = words.into_iter();
    let mut coded: Vec<Named> = words.by_ref().take(before_hours).collect();
    coded.append(&mut others);
    coded.extend(words);
    let all = in_order(texts, coded).ok_or(values.reader.garbled("a value that is there twice"))?;
    Ok(Counters::in_order(all.into_iter()))
}

type Named = (Dimension, CompactString, u64);

/// Two lists that are in the order of counters as one; `None` if they share a value.
fn in_order(ones: Vec<Named>, others: Vec<Named>) -> Option<Vec<Named>> {
    let mut all = Vec::with_capacity(ones.len() + others.len());
    let mut ones = ones.into_iter().peekable();
    for other in others {
        let smaller = |one: &Named| one.0.cmp(&other.0).then_with(|| one.1.cmp(&other.1)) == Ordering::Less;
        while let Some(one) = ones.next_if(smaller) {
            all.push(one);
        }
        if ones.peek().is_some_and(|one| (one.0, &one.1) == (other.0, &other.1)) {
            return None;
        }
        all.push(other);
    }
    all.extend(ones);
    Some(all)
}

/// Appends the packed form of `stored` plus `added`, with the caps of [`Counters::merge`].
pub(super) fn merge(stored: &[u8], added: &[u8], day: Date, out: &mut Vec<u8>) -> Result<(), Garbled> {
    let begin = out.len();
    if interleave(stored, added, out)? == Fits::No {
        out.truncate(begin);
        let mut sum = decode(stored, day, Dimensions::ALL)?;
        sum.merge(&decode(added, day, Dimensions::ALL)?);
        Packer::default().pack(&sum, day, out);
    }
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fits {
    Yes,
    /// A dimension may be full, so that values may have to move to `(other)`; what was written so far is of no use.
    No,
}

/// Merges two sorted lists in one pass, and copies what lies between two changes as it is.
fn interleave(stored: &[u8], added: &[u8], out: &mut Vec<u8>) -> Result<Fits, Garbled> {
    let (mut olds, mut news) = (Values::new(stored), Values::new(added));
    let (mut old, mut copied) = (olds.next()?, 0);
    while let Some(new) = news.next()? {
        while old.is_some_and(|old| old.order(&new) == Ordering::Less) {
            old = olds.next()?;
        }
        match old {
            Some(same) if same.order(&new) == Ordering::Equal => {
                out.extend_from_slice(&stored[copied..same.count_at]);
                put_number(out, same.count.saturating_add(new.count));
                copied = olds.reader.at();
                old = olds.next()?;
            }
            next => {
                let here = next.map_or(stored.len(), |next| next.begin);
                out.extend_from_slice(&stored[copied..here]);
                out.extend_from_slice(&added[new.begin..news.reader.at()]);
                copied = here;
            }
        }
    }
    while old.is_some() {
        old = olds.next()?;
    }
    out.extend_from_slice(&stored[copied..]);
    let fits =
        olds.texts.iter().zip(news.texts).all(|(olds, news)| usize::from(*olds) + usize::from(news) <= TEXTS_MAX);
    Ok(if fits { Fits::Yes } else { Fits::No })
}

/// One value and its count.
#[derive(Clone, Copy)]
struct Value<'b> {
    begin: usize,
    first: u8,
    /// What stands behind the first byte, without its length.
    rest: &'b [u8],
    count_at: usize,
    count: u64,
}

impl Value<'_> {
    #[inline]
    fn order(&self, other: &Self) -> Ordering {
        let by_rest = || match self.first {
            // Nothing follows a word, and an empty slice that points nowhere is not compared for nothing: glibc loads from
            // there under a mask, for which processors with AVX-512 take 100 ns.
            FIRST_WORD.. => Ordering::Equal,
            _ => self.rest.cmp(other.rest),
        };
        self.first.cmp(&other.first).then_with(by_rest)
    }

    /// `None` when it is no text.
    fn meaning(&self, day: Date) -> Option<(Dimension, CompactString)> {
        match self.first {
            HOUR => Some((Dimension::Hour, hours::text(day, *self.rest.first()?))),
            number @ FIRST_WORD.. => {
                let (dimension, word) = words::word(number - FIRST_WORD)?;
                Some((dimension, CompactString::const_new(word)))
            }
            code => Some((Dimension::from_code(code)?, CompactString::from_utf8(self.rest).ok()?)),
        }
    }
}

/// Reads values in order and believes nothing, except that a text is UTF-8, which is found out when it is read.
struct Values<'b> {
    reader: Reader<'b>,
    before: Option<(u8, &'b [u8])>,
    /// How many texts there were of each dimension.
    texts: [u16; HOUR as usize],
}

impl<'b> Values<'b> {
    fn new(bytes: &'b [u8]) -> Self {
        Self { reader: Reader::new(bytes), before: None, texts: [0; HOUR as usize] }
    }

    #[inline]
    fn next(&mut self) -> Result<Option<Value<'b>>, Garbled> {
        if self.reader.is_at_end() {
            return Ok(None);
        }
        let begin = self.reader.at();
        let first = self.reader.byte()?;
        let rest = match first {
            FIRST_WORD..=LAST_WORD => &[],
            HOUR => self.reader.take(1)?,
            code if usize::from(code) < Dimension::ALL.len() => self.text(code)?,
            _ => return Err(self.reader.garbled("a value that means nothing")),
        };
        if self.before.is_some_and(|before| before >= (first, rest)) {
            return Err(self.reader.garbled("values out of order"));
        }
        self.before = Some((first, rest));
        let count_at = self.reader.at();
        let count = self.reader.number()?;
        Ok(Some(Value { begin, first, rest, count_at, count }))
    }

    fn text(&mut self, code: u8) -> Result<&'b [u8], Garbled> {
        let len = usize::from(self.reader.byte()?);
        let of_dimension = &mut self.texts[usize::from(code)];
        *of_dimension += 1;
        let too_many = usize::from(*of_dimension) > VALUES_MAX + 1;
        match len <= VALUE_BYTES_MAX && !too_many {
            true => self.reader.take(len),
            false if too_many => Err(self.reader.garbled("more values than a dimension has")),
            false => Err(self.reader.garbled("a value that is too long")),
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::domain::counter::OTHER;

    const DAY: Date = date(2026, 11, 21);

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
                let dimension = Dimension::ALL[self.below(15) as usize];
                let value = match self.below(50) {
                    0 => OTHER.to_owned(),
                    1 => String::new(),
                    2..10 => hours::text(DAY, self.below(256) as u8).to_string(),
                    10..25 => words::word(self.below(words::TOTAL.into()) as u8).unwrap().1.to_owned(),
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
        Packer::default().pack(counters, DAY, &mut out);
        out
    }

    fn unpacked(bytes: &[u8]) -> Result<Counters, Garbled> {
        decode(bytes, DAY, Dimensions::ALL)
    }

    #[test]
    fn what_is_packed_comes_back() {
        let mut dice = Dice(1);
        for round in 0..200 {
            let counters = dice.counters(round * 3, 1 + round);
            assert_eq!(unpacked(&packed(&counters)).unwrap(), counters);
        }
        let full = dice.counters(80_000, 1_500);
        assert!(full.get(Dimension::City, OTHER) > 0);
        assert_eq!(unpacked(&packed(&full)).unwrap(), full);
    }

    #[test]
    fn a_packer_packs_one_day_after_the_other() {
        let (mut packer, mut dice) = (Packer::default(), Dice(5));
        for day in [DAY, DAY.tomorrow().unwrap(), DAY, date(2027, 3, 1)] {
            for _ in 0..20 {
                let (counters, mut out) = (dice.counters(60, 9), Vec::new());
                packer.pack(&counters, day, &mut out);
                assert_eq!(decode(&out, day, Dimensions::ALL).unwrap(), counters);
            }
        }
    }

    #[test]
    fn a_click_whose_values_are_words_takes_two_bytes_for_each() {
        let mut counters = Counters::new();
        for (dimension, value) in [
            (Dimension::Verdict, "human"),
            (Dimension::Source, "instagram"),
            (Dimension::City, "(unknown)"),
            (Dimension::Device, "mobile"),
            (Dimension::Hour, "2026-11-21T13:00Z"),
            (Dimension::Channel, "Organic Social"),
        ] {
            counters.add(dimension, value, 1);
        }
        assert_eq!(packed(&counters).len(), 5 * 2 + 3);
    }

    #[test]
    fn only_the_dimensions_that_are_asked_for_are_kept() {
        let counters = Dice(6).counters(300, 20);
        let of = Dimensions::of(&[Dimension::Hour, Dimension::Os]);
        let mut expected = Counters::new();
        counters.iter().filter(|(dimension, ..)| of.contains(*dimension)).for_each(|(d, v, c)| expected.add(d, v, c));
        assert_eq!(decode(&packed(&counters), DAY, of).unwrap(), expected);
    }

    #[test]
    fn a_packed_merge_equals_a_merge_in_memory() {
        let mut dice = Dice(2);
        let mut out = vec![7; 3];
        for (adds, values) in [(0, 1), (1, 1), (20, 3), (300, 50), (4_000, 900), (20_000, 1_200), (60_000, 3_000)] {
            for _ in 0..4 {
                let (stored, delta) = (dice.counters(adds, values), dice.counters(adds / 2, values));
                merge(&packed(&stored), &packed(&delta), DAY, &mut out).unwrap();
                let mut sum = stored;
                sum.merge(&delta);
                assert_eq!(out.split_off(3), packed(&sum));
            }
        }
    }

    #[test]
    fn a_dimension_fills_up_to_its_cap_and_no_further() {
        let mut counters = Counters::new();
        let mut stored = packed(&counters);
        for round in 0..30 {
            let mut delta = Counters::new();
            (0..50).for_each(|n| delta.add(Dimension::Referrer, &format!("host{round}-{n}.example"), 1));
            delta.add(Dimension::Referrer, ["(none)", OTHER][round % 2], 1);
            let mut out = Vec::new();
            merge(&stored, &packed(&delta), DAY, &mut out).unwrap();
            counters.merge(&delta);
            stored = out;
            assert_eq!(unpacked(&stored).unwrap(), counters);
        }
        assert_eq!(counters.iter().count(), VALUES_MAX + 1);
    }

    #[test]
    fn bytes_cut_short_or_changed_never_panic_and_a_cut_is_always_seen() {
        let mut dice = Dice(3);
        let bytes = packed(&dice.counters(60, 8));
        let mut out = Vec::new();
        for end in 0..bytes.len() {
            let counters = unpacked(&bytes[..end]);
            assert!(counters.is_err() || packed(&counters.unwrap()) == bytes[..end]);
        }
        for at in 0..bytes.len() {
            for value in 0..=255 {
                let mut changed = bytes.clone();
                changed[at] = value;
                let _ = unpacked(&changed);
                let _ = merge(&changed, &bytes, DAY, &mut out);
            }
        }
    }

    #[test]
    fn random_bytes_never_panic() {
        let mut dice = Dice(4);
        for _ in 0..20_000 {
            let len = dice.below(60);
            let bytes: Vec<u8> = (0..len).map(|_| dice.below(256) as u8).collect();
            let _ = unpacked(&bytes);
        }
    }

    #[test]
    fn each_kind_of_garbage_is_named() {
        let what = |bytes: &[u8]| unpacked(bytes).unwrap_err().what;
        assert_eq!(what(&[0]), "the end, too early");
        assert_eq!(what(&[30, 0, 1]), "a value that means nothing");
        assert_eq!(what(&[255, 1]), "a value that means nothing");
        assert_eq!(what(&[33, 1, 32, 1]), "values out of order");
        assert_eq!(what(&[32, 1, 32, 1]), "values out of order");
        assert_eq!(what(&[3, 200]), "a value that is too long");
        assert_eq!(what(&[3, 9, b'a']), "the end, inside a value");
        assert_eq!(what(&[3, 1, 0xff, 1]), "a value that is not UTF-8");
        assert_eq!(what(&[3, 1, b'b', 1, 3, 1, b'a', 1]), "values out of order");
        assert_eq!(what(&[&[0, 5], "human".as_bytes(), &[1, 32, 1]].concat()), "a value that is there twice");
        assert_eq!(what(&[[3, 0].as_slice(), &[0xff; 10]].concat()), "a number above 64 bits");
    }
}
