//! A fuzzer over the fixtures: it changes their bytes in ways that files are damaged, and reads what comes out. Each
//! round is known by its seed; `WAYPOST_FUZZ_SEED` begins elsewhere and `WAYPOST_FUZZ_ROUNDS` goes on for longer.
//!
//! Binary workbooks are read in the limited child only, and so their fuzzer is in `tests/it/files.rs`.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::fixture_tests::{fixture, names};
use super::tests::options;
use super::*;
use crate::impressions::mapping::Mapping;
use crate::impressions::options::Span;

const ROUNDS: u64 = 1500;

/// Bytes that mean something to some reader.
const PIECES: [&[u8]; 30] = [
    b"\"",
    b",",
    b";",
    b"\t",
    b"\n",
    b"\r",
    b"\r\n",
    b"\0",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"sep=;\n",
    b"Total",
    b"-",
    b"--",
    b"NAN",
    b"E+17",
    b"%",
    b"2026-02-30",
    b"29 February",
    b"13/13/2026",
    b"18446744073709551616",
    b"1,2,3.4.5",
    b"\xc3",
    b"&amp;",
    b"<Cell>",
    b"</Row>",
    b"<Row ss:Index=\"9999999\">",
    b"&lol;",
    b"status/undefined",
    b"\xf0\x9f\xa5\x96",
];

/// A generator of numbers that is the same everywhere (PCG's step, its high bits taken).
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % end.max(1)
    }
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

fn damaged(mut bytes: Vec<u8>, other: &[u8], chance: &mut Chance) -> Vec<u8> {
    for _ in 0..=chance.below(4) {
        let at = chance.below(bytes.len() + 1);
        let end = (at + chance.below(64)).min(bytes.len());
        match chance.below(7) {
            0 if at < bytes.len() => bytes[at] = chance.below(256) as u8,
            1 => drop(bytes.splice(at..at, PIECES[chance.below(PIECES.len())].iter().copied())),
            2 => drop(bytes.drain(at..end)),
            3 => bytes.truncate(at),
            4 => {
                let again = bytes[at..end].to_vec();
                bytes.splice(at..at, again);
            }
            5 => {
                let from = chance.below(other.len() + 1);
                bytes.truncate(at);
                bytes.extend(&other[from..]);
            }
            _ => drop(bytes.splice(at..end, PIECES[chance.below(PIECES.len())].iter().copied())),
        }
    }
    bytes
}

fn said(chance: &mut Chance) -> Options {
    let period = [None, None, Some(Span::Lifetime)][chance.below(3)];
    let map = (chance.below(8) == 0).then(|| Mapping::parse("post=post,date=date,views=views").unwrap());
    let platform = (chance.below(2) == 0).then(|| "instagram".to_owned());
    Options { period, map, platform, ..options() }
}

/// What holds of anything that is read.
fn check(contents: &Contents) {
    for table in &contents.tables {
        let (posts, slices) = (table.file.posts.len(), table.file.slices.len());
        assert!(!table.file.readings.is_empty() && posts <= POSTS_MAX);
        for reading in &table.file.readings {
            assert!((reading.post as usize) < posts && (reading.slice as usize) < slices);
        }
        assert!(table.file.posts.iter().all(|post| !post.names.is_empty() && post.text.chars().count() <= 200));
    }
}

#[test]
fn no_damage_to_a_file_makes_the_reader_panic_or_lie_about_its_parts() {
    let names: Vec<String> = names().into_iter().filter(|name| !name.starts_with("linkedin-page")).collect();
    let files: Vec<Vec<u8>> = names.iter().map(|name| fixture(name)).collect();
    let first = number("WAYPOST_FUZZ_SEED").unwrap_or(1);
    for seed in first..first + number("WAYPOST_FUZZ_ROUNDS").unwrap_or(ROUNDS) {
        let mut chance = Chance(seed);
        let (at, other) = (chance.below(files.len()), chance.below(files.len()));
        let bytes = damaged(files[at].clone(), &files[other], &mut chance);
        let options = said(&mut chance);
        let outcome = catch_unwind(AssertUnwindSafe(|| read(bytes.clone(), &options).map(|contents| check(&contents))));
        let shown = || bytes.escape_ascii().to_string();
        assert!(outcome.is_ok(), "WAYPOST_FUZZ_SEED={seed} ({}), {options:?}: b\"{}\"", names[at], shown());
    }
}
