//! The platforms' own files, from the outside: the dry run without a server, and the limited child that reads them.

use std::io::{Cursor, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use rust_xlsxwriter::Workbook;
use zip::write::SimpleFileOptions;

/// Rounds of the fuzzer of binary workbooks; `WAYPOST_FUZZ_ROUNDS` goes on for longer.
const ROUNDS: u64 = 150;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/impressions").join(name)
}

/// Runs the program in an empty folder, where no server is.
fn waypost(arguments: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_waypost"));
    command.args(arguments).current_dir(folder.path()).env_clear().stdin(Stdio::null()).output().unwrap()
}

fn dry_run(file: &Path, more: &[&str]) -> Output {
    let file = file.to_str().unwrap();
    waypost(&[&["import", file, "--dry-run"], more].concat())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What the child makes of some bytes, as the server runs it.
fn child(bytes: &[u8]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_waypost"));
    command.arg("parse-impressions").env_clear().env("WAYPOST_OPTIONS", "{}").current_dir("/");
    command.env("WAYPOST_FILE_BYTES", bytes.len().to_string()).env("MIMALLOC_ARENA_RESERVE", "0");
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let bytes = bytes.to_vec();
    let give = std::thread::spawn(move || drop(stdin.write_all(&bytes)));
    let output = child.wait_with_output().unwrap();
    give.join().unwrap();
    output
}

#[test]
fn a_dry_run_without_a_server_tells_all_that_a_file_holds() {
    let told = dry_run(&fixture("facebook-posts.csv"), &[]);
    let out = text(&told.stdout);
    assert!(told.status.success(), "{}", text(&told.stderr));
    for part in [
        "Facebook posts (Meta Business Suite)",
        "facebook-posts, numbers by lifetime",
        "4 read, 0 skipped",
        "2,330 views",
        "Views (views, 1 blank)",
        "ignored  Page name",
        "warning: 1 row has clicks of all kinds that are not the sum of their parts",
    ] {
        assert!(out.contains(part), "{part} is not in\n{out}");
    }
    let json = dry_run(&fixture("x-posts-2025.csv"), &["--json"]);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    let table = &json["tables"][0];
    assert_eq!((table["dialect"].as_str(), table["posts"].as_u64()), (Some("x-posts"), Some(2)), "{json}");
    assert!(table["skipped"][0]["reason"].as_str().unwrap().contains("undefined"));
}

#[test]
fn a_file_that_leaves_something_open_says_which_flag_answers_it() {
    for (name, flags, asked) in [
        ("youtube-videos.csv", &["--period", "lifetime"][..], "--period"),
        ("meta-overview-views.csv", &["--platform", "instagram"], "--platform"),
        ("linkedin-ads-ungrouped.csv", &["--period", "2024-10-01"], "--period"),
    ] {
        let asks = dry_run(&fixture(name), &[]);
        assert!(!asks.status.success() && text(&asks.stderr).contains(asked), "{}", text(&asks.stderr));
        let told = dry_run(&fixture(name), flags);
        assert!(told.status.success(), "{}", text(&told.stderr));
    }
}

#[test]
fn a_small_workbook_that_asks_for_the_world_is_refused_within_the_limits() {
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    sheet.write(0, 0, "post").unwrap().write(1_048_575, 16_383, "far away").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("far.xlsx");
    std::fs::write(&path, book.save_to_buffer().unwrap()).unwrap();
    let told = dry_run(&path, &[]);
    assert!(text(&told.stderr).contains("columns"), "{}", text(&told.stderr));
}

#[test]
fn a_file_as_large_as_is_taken_and_one_line_as_long_is_refused_within_the_limits() {
    let mut line = b"post,date,views\n\"".to_vec();
    line.resize(150_000_000, b'x');
    let told = child(&line);
    assert!(told.status.success() && text(&told.stdout).contains("quote not closed"), "{:?}", told.status);
}

/// A generator of numbers that is the same everywhere.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % end.max(1)
    }
}

fn workbook() -> Vec<u8> {
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    for (column, header) in (0..).zip(["post", "date", "views"]) {
        sheet.write(0, column, header).unwrap();
    }
    sheet.write(1, 0, "p").unwrap().write(1, 1, "2026-11-01").unwrap().write(1, 2, 5).unwrap();
    book.save_to_buffer().unwrap()
}

/// A workbook whose parts are whole for the archive and damaged for the reader behind it.
fn damaged_inside(workbook: &[u8], chance: &mut Chance) -> Vec<u8> {
    const PIECES: [&str; 12] = [
        "<row r=\"99999999\">",
        "<c r=\"XFD1048576\">",
        "</sheetData>",
        "<v>1e309</v>",
        "t=\"s\"",
        "<v>-1</v>",
        "&#0;",
        "<",
        "r=\"A0\"",
        "count=\"4294967295\"",
        "<mergeCell ref=\"A1:XFD1048576\"/>",
        "s=\"99\"",
    ];
    let mut from = zip::ZipArchive::new(Cursor::new(workbook)).unwrap();
    let mut to = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let which = chance.below(from.len());
    for at in 0..from.len() {
        let mut member = from.by_index(at).unwrap();
        let mut bytes = Vec::new();
        member.read_to_end(&mut bytes).unwrap();
        for _ in 0..if at == which { 1 + chance.below(4) } else { 0 } {
            let begin = chance.below(bytes.len());
            let end = (begin + chance.below(24)).min(bytes.len());
            bytes.splice(begin..end, PIECES[chance.below(PIECES.len())].bytes());
        }
        to.start_file(member.name().unwrap().into_owned(), SimpleFileOptions::default()).unwrap();
        to.write_all(&bytes).unwrap();
    }
    to.finish().unwrap().into_inner()
}

#[test]
fn no_damage_to_a_workbook_does_more_than_end_the_child() {
    let files = [
        std::fs::read(fixture("linkedin-page.xls")).unwrap(),
        std::fs::read(fixture("linkedin-page-2020-1904.xls")).unwrap(),
        workbook(),
    ];
    let number = |name: &str| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let first = number("WAYPOST_FUZZ_SEED").unwrap_or(1);
    for seed in first..first + number("WAYPOST_FUZZ_ROUNDS").unwrap_or(ROUNDS) {
        let mut chance = Chance(seed);
        let mut bytes = files[chance.below(files.len())].clone();
        let is_inside = bytes.starts_with(b"PK") && chance.below(4) > 0;
        if is_inside {
            bytes = damaged_inside(&bytes, &mut chance);
        }
        for _ in 0..if is_inside { 0 } else { 1 + chance.below(6) } {
            let at = chance.below(bytes.len());
            match chance.below(4) {
                0 => bytes.truncate(at.max(16)),
                1 => bytes[at] = 0xff,
                _ => bytes[at] = chance.below(256) as u8,
            }
        }
        let told = child(&bytes);
        // Memory that cannot be had aborts the child, and time that is over ends it; both are its limits at work.
        let at_a_limit = matches!(told.status.signal(), Some(6 | 9 | 24));
        let answered = told.status.success() && !told.stdout.is_empty();
        assert!(answered || at_a_limit, "WAYPOST_FUZZ_SEED={seed}: {:?} {}", told.status, text(&told.stderr));
    }
}
