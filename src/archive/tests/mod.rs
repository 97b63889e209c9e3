//! What the archive promises, through its own door and on a real folder.

mod chunks;
mod counts;
mod exports;
mod hits;
mod passage;

use std::borrow::Cow;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use arrow_array::cast::AsArray;
use compact_str::CompactString;
use tempfile::TempDir;

use super::*;
use crate::domain::click::{Click, ClickIds, Device, Look, Origin, Place};
use crate::domain::facet::ClickFacet;
use crate::domain::filter::{Choice, ClickFilter};
use crate::domain::link::{LinkFacts, LinkId};
use crate::domain::placement::Level;
use crate::domain::utm::Utm;
use crate::domain::verdict::Verdict;
use crate::domain::visitor::Visitor;

/// 2026-11-21T00:00:00Z.
const MIDNIGHT: i64 = 1_795_219_200_000;
const JOURNAL: Incarnation = Incarnation(0xabc);

pub(super) fn config() -> Config {
    let text = String::new;
    Config { url: text(), endpoint: text(), region: text(), cache_mb: 1, seal_rows: 100, seal_minutes: 60 }
}

fn open(folder: &TempDir) -> Archive {
    // A folder asks nothing of it.
    static RUNTIME: LazyLock<tokio::runtime::Runtime> = LazyLock::new(|| tokio::runtime::Runtime::new().unwrap());
    Archive::open(&config(), folder.path(), RUNTIME.handle()).unwrap()
}

impl Archive {
    fn root(&self) -> &Path {
        &self.files.folder
    }
}

fn push(archive: &Archive, clicks: Vec<Click>) {
    let mut gathered = Gathered::default();
    clicks.iter().for_each(|click| gathered.add(click));
    archive.push(gathered);
}

fn link(id: u64, campaign: &str) -> Arc<LinkFacts> {
    let utm = Utm { campaign: Some(campaign.to_owned()).filter(|text| !text.is_empty()), ..Utm::default() };
    let (domain, slug) = (String::new(), format!("slug-{id}"));
    Arc::new(LinkFacts { id: LinkId(id), domain, slug, utm, platform: None, level: Level::Story })
}

fn click(position: u64, time_ms: i64) -> Click {
    let text = CompactString::const_new;
    let look = Look {
        app: text("instagram"),
        referrer_host: text("l.instagram.com"),
        referrer_path: text("/"),
        device: Device::Mobile,
        os: text("ios"),
        browser: text("instagram"),
        language: text("sv"),
        user_agent: text("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X)"),
        ..Look::default()
    };
    Click {
        id: ClickIds::new(JOURNAL).of(time_ms, Position(position)),
        time_ms,
        link: Cow::Owned(link(1, "spring")),
        look: Cow::Owned(Arc::new(look)),
        verdict: Verdict::Human,
        reason: Cow::Owned(text("default")),
        origin: Cow::Owned(Arc::new(Origin {
            source: text("instagram"),
            source_rule: text("utm"),
            channel: text("Organic Social"),
            seen_on: text("instagram"),
        })),
        place: Cow::Owned(Arc::new(Place { country: text("SE"), city: text("Malm\u{f6}"), ..Place::default() })),
        visitor: Visitor(0xff),
        click_ids: text("igshid"),
        click_id_values: text("fbclid=a1"),
        visitor_utm_source: text(""),
        visitor_utm_medium: text(""),
        unfilled: text(""),
        rules_version: 3,
    }
}

/// Clicks at positions `range`, one second apart, from just after midnight on.
fn clicks(range: std::ops::Range<u64>) -> Vec<Click> {
    range.map(|position| click(position, MIDNIGHT + 1000 * i64::try_from(position).unwrap())).collect()
}

/// A click file of ten clicks of link 1, one second apart, from just after midnight on.
pub(super) fn a_sealed_file() -> tempfile::NamedTempFile {
    let folder = TempDir::new().unwrap();
    let archive = open(&folder);
    push(&archive, clicks(0..10));
    archive.seal(JOURNAL, Position(0)).unwrap();
    let copy = tempfile::NamedTempFile::new().unwrap();
    fs::copy(&files(archive.root())[0], copy.path()).unwrap();
    copy
}

pub(super) fn at_second(second: i64) -> i64 {
    MIDNIGHT + 1000 * second
}

fn ids_of(clicks: &[Click]) -> Vec<String> {
    clicks.iter().map(|click| click.id.to_string()).collect()
}

fn column(scan: Scan, name: &str) -> Vec<String> {
    let mut cells = Vec::new();
    for batch in scan {
        let batch = batch.unwrap();
        let texts = batch.column_by_name(name).unwrap().as_string::<i32>();
        cells.extend(texts.iter().map(|text| text.unwrap().to_owned()));
    }
    cells
}

fn scanned(archive: &Archive, query: ClickQuery) -> Vec<String> {
    column(archive.scan(query).unwrap(), "id")
}

fn all(archive: &Archive) -> Vec<String> {
    scanned(archive, ClickQuery::default())
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(self::files(&path)) } else { files.push(path) }
    }
    files.sort();
    files
}

fn exported(scan: Scan, format: Format) -> (u64, Vec<u8>) {
    let mut out = Vec::new();
    let rows = export(scan, format, &mut out).unwrap();
    (rows, out)
}

fn json_lines(scan: Scan) -> Vec<serde_json::Value> {
    let (_, text) = exported(scan, Format::Jsonl);
    text.split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect()
}

#[test]
fn a_click_comes_back_from_its_file_with_every_column() {
    let folder = TempDir::new().unwrap();
    let archive = open(&folder);
    push(&archive, vec![click(0, MIDNIGHT + 1)]);
    let pending = json_lines(archive.scan(ClickQuery::default()).unwrap());
    assert_eq!(archive.seal(JOURNAL, Position(0)).unwrap(), 1);
    let sealed = json_lines(archive.scan(ClickQuery::default()).unwrap());
    assert_eq!(pending, sealed);
    let mut expected = serde_json::json!({
        "id": click(0, MIDNIGHT + 1).id.to_string(), "time": "2026-11-21T00:00:00.001Z", "link": 1,
        "domain": null, "slug": "slug-1", "campaign": "spring", "medium": null, "utm_source": null, "term": null,
        "content": null, "utm_id": null, "platform": null, "level": "story", "verdict": "human",
        "reason": "default", "source": "instagram", "source_rule": "utm", "channel": "Organic Social", "seen_on": "instagram",
        "app": "instagram", "referrer_host": "l.instagram.com", "referrer_path": "/", "continent": null,
        "country": "SE", "region": null, "city": "Malm\u{f6}", "asn": null, "organisation": null, "device": "mobile", "os": "ios",
        "browser": "instagram", "language": "sv", "visitor": "00000000000000ff", "click_ids": "igshid", "visitor_utm_source": null, "visitor_utm_medium": null,
        "user_agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X)", "purpose": null, "hints": null,
        "rules_version": 3,
    });
    (expected["click_id_values"], expected["unfilled"]) = ("fbclid=a1".into(), serde_json::Value::Null);
    assert_eq!(sealed, [expected]);
}

#[test]
fn a_file_is_named_by_day_and_place_in_the_journal() {
    let folder = TempDir::new().unwrap();
    let archive = open(&folder);
    push(&archive, clicks(0..3));
    archive.seal(JOURNAL, Position(17)).unwrap();
    let expected = "day=2026-11-21/00000000000000000000000000000abc-00000000000000000017.parquet";
    assert_eq!(files(archive.root()), [archive.root().join(expected)]);
}

#[test]
fn pending_and_sealed_clicks_are_each_read_once() {
    let folder = TempDir::new().unwrap();
    let archive = open(&folder);
    let clicks = clicks(0..20_000);
    push(&archive, clicks[..9000].to_vec());
    archive.seal(JOURNAL, Position(0)).unwrap();
    push(&archive, clicks[9000..].to_vec());
    assert_eq!(archive.pending(), 11_000);
    assert_eq!(all(&archive), ids_of(&clicks));
}

#[test]
fn a_scan_that_began_before_a_seal_sees_no_click_twice_and_misses_none() {
    let folder = TempDir::new().unwrap();
    let archive = open(&folder);
    let clicks = clicks(0..500);
    push(&archive, clicks[..200].to_vec());
    archive.seal(JOURNAL, Position(0)).unwrap();
    push(&archive, clicks[200..].to_vec());
    let scan = archive.scan(ClickQuery::default()).unwrap();
    archive.seal(JOURNAL, Position(200)).unwrap();
    assert_eq!(column(scan, "id"), ids_of(&clicks));
    assert_eq!(all(&archive), ids_of(&clicks));
}

#[test]
fn sealing_beside_scans_loses_and_doubles_nothing() {
    let folder = TempDir::new().unwrap();
    let archive = open(&folder);
    let clicks = clicks(0..2000);
    std::thread::scope(|threads| {
        threads.spawn(|| {
            for (round, part) in clicks.chunks(100).enumerate() {
                push(&archive, part.to_vec());
                archive.seal(JOURNAL, Position(100 * round as u64)).unwrap();
            }
        });
        threads.spawn(|| {
            for _ in 0..20 {
                let mut ids = all(&archive);
                let rows = ids.len();
                ids.sort();
                assert_eq!(ids, ids_of(&clicks[..rows]));
            }
        });
    });
    assert_eq!(all(&archive).len(), clicks.len());
}

#[test]
fn a_retry_after_a_crash_replaces_its_own_file() {
    let folder = TempDir::new().unwrap();
    let clicks = clicks(0..300);
    let before = open(&folder);
    push(&before, clicks[..200].to_vec());
    before.seal(JOURNAL, Position(0)).unwrap();
    drop(before);
    let after = open(&folder);
    push(&after, clicks[..120].to_vec());
    let mut ids = all(&after);
    ids.sort();
    assert_eq!(ids, ids_of(&clicks[..200]), "a replay that is half-way doubles nothing");
    push(&after, clicks[120..].to_vec());
    after.seal(JOURNAL, Position(0)).unwrap();
    assert_eq!(all(&after), ids_of(&clicks));
    assert_eq!(files(after.root()).len(), 1);
}

#[test]
fn clicks_on_two_sides_of_midnight_utc_go_to_two_days() {
    let folder = TempDir::new().unwrap();
    let archive = open(&folder);
    push(&archive, vec![click(0, MIDNIGHT - 1), click(1, MIDNIGHT), click(2, MIDNIGHT - 2)]);
    assert_eq!(archive.seal(JOURNAL, Position(0)).unwrap(), 2);
    let days: Vec<_> =
        files(archive.root()).iter().map(|path| path.parent().unwrap().file_name().unwrap().to_owned()).collect();
    assert_eq!(days, ["day=2026-11-20", "day=2026-11-21"]);
    let sorted = [click(2, MIDNIGHT - 2), click(0, MIDNIGHT - 1), click(1, MIDNIGHT)];
    assert_eq!(all(&archive), ids_of(&sorted), "rows of a file are in time order");
}

#[test]
fn a_query_is_answered_alike_by_pending_and_sealed_clicks() {
    let folder = TempDir::new().unwrap();
    let archive = open(&folder);
    let mut clicks = clicks(0..6);
    clicks[1].link = Cow::Owned(link(2, "autumn"));
    clicks[2].link = Cow::Owned(link(2, "autumn"));
    for place in [1, 2] {
        Arc::make_mut(clicks[place].origin.to_mut()).source = "x".into();
    }
    clicks[2].verdict = Verdict::Bot;
    clicks[3].link = Cow::Owned(link(3, ""));
    clicks[5].time_ms = MIDNIGHT + 86_400_000;
    let everything = ClickQuery::default;
    let filtered = |filter| ClickQuery { filter, ..everything() };
    let from_x = ClickFilter { choices: vec![(ClickFacet::Source, Choice::only("x"))], ..ClickFilter::default() };
    let at = |second: i64| Some(MIDNIGHT + 1000 * second);
    let cases: [(ClickQuery, &[usize]); 8] = [
        (ClickQuery { from_ms: at(2), ..everything() }, &[2, 3, 4, 5]),
        (ClickQuery { to_ms: at(2), ..everything() }, &[0, 1]),
        (ClickQuery { from_ms: at(1), to_ms: at(4), ..everything() }, &[1, 2, 3]),
        (ClickQuery { from_ms: at(86_400), ..everything() }, &[5]),
        (filtered(ClickFilter::default().on(LinkId(2))), &[1, 2]),
        (filtered(from_x), &[1, 2]),
        (filtered(ClickFilter::of_verdict(Verdict::Bot)), &[2]),
        (ClickQuery { from_ms: at(9), to_ms: at(3), ..filtered(ClickFilter::default().on(LinkId(9))) }, &[]),
    ];
    push(&archive, clicks.clone());
    for sealed in [false, true] {
        for (query, expected) in &cases {
            let expected: Vec<String> = expected.iter().map(|index| clicks[*index].id.to_string()).collect();
            assert_eq!(scanned(&archive, query.clone()), expected, "{query:?}, sealed: {sealed}");
        }
        archive.seal(JOURNAL, Position(0)).unwrap();
    }
}

#[test]
fn links_of_one_chunk_keep_their_own_names() {
    let folder = TempDir::new().unwrap();
    let archive = open(&folder);
    let mut clicks = clicks(0..4);
    clicks[1].link = Cow::Owned(link(2, "spring"));
    clicks[2].link = clicks[0].link.clone();
    clicks[3].link = Cow::Owned(link(3, ""));
    push(&archive, clicks);
    let slugs: Vec<_> = json_lines(archive.scan(ClickQuery::default()).unwrap())
        .iter()
        .map(|click| (click["link"].as_u64().unwrap(), click["slug"].clone(), click["campaign"].clone()))
        .collect();
    let null = serde_json::Value::Null;
    assert_eq!(slugs[1], (2, "slug-2".into(), "spring".into()));
    assert_eq!(slugs[2], (1, "slug-1".into(), "spring".into()));
    assert_eq!(slugs[3], (3, "slug-3".into(), null));
}

#[test]
fn a_truncated_or_foreign_file_is_left_out_and_counted() {
    let folder = TempDir::new().unwrap();
    let archive = open(&folder);
    let clicks = clicks(0..30);
    push(&archive, clicks[..10].to_vec());
    archive.seal(JOURNAL, Position(0)).unwrap();
    let whole = fs::read(&files(archive.root())[0]).unwrap();
    let day = archive.root().join("day=2026-11-21");
    fs::write(day.join("0-truncated.parquet"), &whole[..whole.len() / 2]).unwrap();
    fs::write(day.join("0-garbage.parquet"), "not a click file").unwrap();
    fs::write(day.join("0-empty.parquet"), "").unwrap();
    fs::write(day.join("notes.txt"), "not looked at").unwrap();
    let (_, foreign) = exported(archive.scan(ClickQuery::default()).unwrap(), Format::Parquet);
    fs::write(day.join("0-export.parquet"), foreign).unwrap();
    let mut scan = archive.scan(ClickQuery::default()).unwrap();
    let rows: usize = scan.by_ref().map(|batch| batch.unwrap().num_rows()).sum();
    assert_eq!((rows, scan.damaged()), (10, 4));
}

#[test]
fn one_damaged_byte_anywhere_takes_a_file_out_whole() {
    let folder = TempDir::new().unwrap();
    let archive = open(&folder);
    push(&archive, clicks(0..50));
    archive.seal(JOURNAL, Position(0)).unwrap();
    let path = files(archive.root()).remove(0);
    let whole = fs::read(&path).unwrap();
    for place in (0..whole.len()).step_by(23).chain(whole.len() - 8..whole.len()) {
        let mut damaged = whole.clone();
        damaged[place] ^= 0x10;
        fs::write(&path, damaged).unwrap();
        let mut scan = archive.scan(ClickQuery::default()).unwrap();
        let rows: usize = scan.by_ref().map(|batch| batch.unwrap().num_rows()).sum();
        assert_eq!((rows, scan.damaged()), (0, 1), "byte {place} of {}", whole.len());
    }
}

#[test]
fn reopening_removes_half_written_files_and_nothing_else() {
    let folder = TempDir::new().unwrap();
    let archive = open(&folder);
    push(&archive, clicks(0..3));
    archive.seal(JOURNAL, Position(0)).unwrap();
    let before = files(archive.root());
    fs::write(archive.root().join(".2026-11-21-abc-1.parquet.tmp"), "half").unwrap();
    let archive = open(&folder);
    assert_eq!(files(archive.root()), before);
    assert_eq!(all(&archive).len(), 3);
}

#[test]
fn only_its_owner_can_look_into_the_archive() {
    use std::os::unix::fs::PermissionsExt;
    let folder = TempDir::new().unwrap();
    let archive = open(&folder);
    let mode = fs::metadata(archive.root()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[test]
fn clicks_stay_pending_when_sealing_fails() {
    let folder = TempDir::new().unwrap();
    let archive = open(&folder);
    let clicks = clicks(0..5);
    push(&archive, clicks.clone());
    let obstacle = archive.root().join("day=2026-11-21");
    fs::write(&obstacle, "a file where a folder should be").unwrap();
    archive.seal(JOURNAL, Position(0)).unwrap_err();
    assert_eq!(archive.pending(), 5);
    assert_eq!(files(archive.root()), std::slice::from_ref(&obstacle), "nothing half-written stays behind");
    fs::remove_file(&obstacle).unwrap();
    archive.seal(JOURNAL, Position(0)).unwrap();
    assert_eq!((archive.pending(), all(&archive)), (0, ids_of(&clicks)));
}

#[test]
fn sealing_is_due_after_enough_clicks_or_enough_time() {
    let folder = TempDir::new().unwrap();
    let archive = open(&folder);
    let hour = 3_600_000;
    assert!(!archive.is_due(0));
    push(&archive, clicks(0..99));
    assert!(!archive.is_due(10 * hour), "the wait begins when the clicks are first seen");
    assert!(!archive.is_due(11 * hour - 1));
    assert!(archive.is_due(11 * hour));
    archive.seal(JOURNAL, Position(0)).unwrap();
    assert!(!archive.is_due(20 * hour));
    push(&archive, clicks(99..199));
    assert!(archive.is_due(20 * hour), "there are seal_rows of them");
}

#[test]
fn a_file_holds_no_text_of_a_click_that_is_in_another() {
    let folder = TempDir::new().unwrap();
    let archive = open(&folder);
    let mut of_yesterday = click(0, MIDNIGHT - 1);
    Arc::make_mut(of_yesterday.origin.to_mut()).seen_on = CompactString::const_new("only-yesterday");
    push(&archive, vec![of_yesterday, click(1, MIDNIGHT)]);
    assert_eq!(archive.seal(JOURNAL, Position(0)).unwrap(), 2);
    let holds = |path: &PathBuf| {
        let bytes = fs::read(path).unwrap();
        bytes.windows(14).any(|window| window == b"only-yesterday")
    };
    assert_eq!(files(folder.path()).iter().filter(|path| holds(path)).count(), 1);
}

#[test]
fn a_clock_that_was_set_back_does_not_put_sealing_off_for_ever() {
    let folder = TempDir::new().unwrap();
    let archive = open(&folder);
    let hour = 3_600_000;
    push(&archive, clicks(0..1));
    assert!(!archive.is_due(1000 * hour));
    assert!(!archive.is_due(hour));
    assert!(archive.is_due(2 * hour));
}

#[test]
fn an_instant_outside_the_calendar_does_no_harm() {
    let folder = TempDir::new().unwrap();
    let archive = open(&folder);
    push(&archive, vec![click(0, i64::MIN), click(1, i64::MAX)]);
    assert_eq!(archive.seal(JOURNAL, Position(0)).unwrap(), 2);
    let wide = ClickQuery { from_ms: Some(i64::MIN), to_ms: Some(i64::MAX), ..ClickQuery::default() };
    let times: Vec<_> = json_lines(archive.scan(wide).unwrap()).iter().map(|click| click["time"].clone()).collect();
    assert_eq!(times, ["1970-01-01T00:00:00.000Z", "9999-12-30T21:59:59.999Z"]);
}
