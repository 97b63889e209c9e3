//! A fuzzer over the fixtures: it changes their bytes in ways that files are damaged, and reads what comes out. Each
//! round is known by its seed; `WAYPOST_FUZZ_SEED` begins elsewhere and `WAYPOST_FUZZ_ROUNDS` goes on for longer.
//!
//! Among the fixtures are CSV with each delimiter, UTF-16 and legacy encodings, and SpreadsheetML; archives are made of
//! them. Workbooks (XLSX, BIFF) are read in the limited child only, and so their fuzzer is in `tests/it/files.rs`.

use std::io::{Cursor, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

use zip::write::SimpleFileOptions;

use super::fixture_tests::{fixture, names};
use super::tests::options;
use super::*;
use crate::impressions::mapping::Mapping;
use crate::impressions::options::Span;

const ROUNDS: u64 = 1500;
/// Of archives, each of which holds up to three files.
const ARCHIVES: u64 = 500;

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

/// An archive of damaged files, damaged itself every other time.
fn archive(files: &[Vec<u8>], chance: &mut Chance) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for member in 0..=chance.below(3) {
        let name = [format!("Chart {member}.csv"), "../Totals.csv".to_owned(), format!("__MACOSX/{member}")];
        let file = damaged(files[chance.below(files.len())].clone(), &files[chance.below(files.len())], chance);
        // Two of one name are refused by the writer, and one is enough.
        if archive.start_file(name[chance.below(3)].clone(), SimpleFileOptions::default()).is_ok() {
            archive.write_all(&file).unwrap();
        }
    }
    let bytes = archive.finish().unwrap().into_inner();
    if chance.below(2) == 0 { bytes } else { damaged(bytes, &files[0], chance) }
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
        reads(&bytes, &said(&mut chance), &format!("WAYPOST_FUZZ_SEED={seed} ({})", names[at]));
    }
}

#[test]
fn no_damage_to_an_archive_or_to_what_it_holds_makes_the_reader_panic() {
    let names: Vec<String> = names().into_iter().filter(|name| !name.starts_with("linkedin-page")).collect();
    let files: Vec<Vec<u8>> = names.iter().map(|name| fixture(name)).collect();
    let first = number("WAYPOST_FUZZ_SEED").unwrap_or(1);
    for seed in first..first + number("WAYPOST_FUZZ_ROUNDS").unwrap_or(ARCHIVES) {
        let mut chance = Chance(seed);
        let bytes = archive(&files, &mut chance);
        reads(&bytes, &said(&mut chance), &format!("WAYPOST_FUZZ_SEED={seed} (an archive)"));
    }
}

fn reads(bytes: &[u8], options: &Options, which: &str) {
    let outcome = catch_unwind(AssertUnwindSafe(|| read(bytes.to_vec(), options).map(|contents| check(&contents))));
    assert!(outcome.is_ok(), "{which}, {options:?}: b\"{}\"", bytes.escape_ascii());
}
