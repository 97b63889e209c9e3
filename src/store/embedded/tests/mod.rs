//! The contract on SQLite, and what only a file can get wrong.

mod waiting;

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use jiff::civil::date;
use rusqlite::Connection;
use tempfile::TempDir;

use super::file::FILE_NAME;
use super::waiting::Waiting;
use super::{Embedded, copy, schema};
use crate::domain::counter::{Applied, Batch, Counters, DayCounters, Dimension};
use crate::domain::delta::Delta;
use crate::domain::link::LinkId;
use crate::domain::position::{Incarnation, Position, Shard};
use crate::domain::visitor::Visitor;
use crate::store::contract::{Home, store_contract};
use crate::store::{CountStore, LinkStore, OpenError, Store, StoreError};

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn file(&self) -> std::path::PathBuf {
        self.path().join(FILE_NAME)
    }

    fn open(&self) -> Result<Embedded, OpenError> {
        Embedded::open(self.path())
    }

    /// The message with which this folder is refused.
    fn refused(&self) -> String {
        match self.open() {
            Ok(_) => panic!("it was opened"),
            Err(error) => error.to_string(),
        }
    }

    /// What somebody with sqlite3 can do to the file.
    fn edit(&self, sql: &str) {
        Connection::open(self.file()).unwrap().execute_batch(sql).unwrap();
    }
}

impl Home for Folder {
    fn open(&self) -> Arc<dyn Store> {
        Arc::new(Folder::open(self).unwrap())
    }
}

store_contract!(Folder::new());

fn batch(from: u64) -> Batch {
    batch_of(from, vec![click(3)])
}

/// What one click adds to a link.
fn click(link: u64) -> Delta {
    let mut counters = Counters::new();
    counters.add(Dimension::Verdict, "human", 1);
    Delta { link: LinkId(link), day: date(2026, 11, 21), counters, visitors: Vec::new() }
}

fn batch_of(from: u64, deltas: Vec<Delta>) -> Batch {
    Batch {
        incarnation: Incarnation(1),
        shard: Shard(0),
        from: Position(from),
        to: Position(from + 1),
        deltas: deltas.into(),
    }
}

#[test]
fn a_second_opener_of_the_same_folder_is_refused_until_the_first_is_gone() {
    let folder = Folder::new();
    let first = folder.open().unwrap();
    assert!(matches!(folder.open(), Err(OpenError::InUse(_))));
    drop(first);
    folder.open().unwrap();
}

#[test]
fn a_newer_schema_is_refused_and_left_alone() {
    let folder = Folder::new();
    drop(folder.open().unwrap());
    folder.edit(&format!("PRAGMA user_version = {}", schema::NEWEST + 1));
    let message = folder.refused();
    let told = format!("newer Waypost (schema {}, this one knows up to {})", schema::NEWEST + 1, schema::NEWEST);
    assert!(message.contains(&told), "{message}");
    folder.edit(&format!("PRAGMA user_version = {}", schema::NEWEST));
    folder.open().unwrap();
}

#[test]
fn a_file_that_is_no_database_is_refused_with_its_path_and_what_to_do() {
    let folder = Folder::new();
    std::fs::write(folder.file(), "not a database".repeat(1000)).unwrap();
    let message = folder.refused();
    assert!(message.contains(&folder.file().display().to_string()) && message.contains("backup"), "{message}");
    assert!(matches!(folder.open(), Err(OpenError::Store(StoreError::Corrupt(_)))));
}

#[test]
fn the_database_of_another_program_is_refused_and_left_alone() {
    let folder = Folder::new();
    folder.edit("CREATE TABLE recipes (name TEXT)");
    let before = std::fs::read(folder.file()).unwrap();
    assert!(folder.refused().contains("another program"));
    assert_eq!(std::fs::read(folder.file()).unwrap(), before);
}

#[test]
fn a_lost_file_whose_wal_is_still_there_is_not_taken_for_a_fresh_start() {
    let folder = Folder::new();
    let wal = folder.path().join(format!("{FILE_NAME}-wal"));
    std::fs::write(&wal, "frames").unwrap();
    for _ in 0..2 {
        let message = folder.refused();
        assert!(message.contains("is missing"), "{message}");
    }
    assert!(wal.exists());
}

#[test]
fn the_file_and_what_stands_beside_it_are_for_their_owner_only() {
    let folder = Folder::new();
    let store = folder.open().unwrap();
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", entry.path());
    }
    drop(store);
}

impl Folder {
    /// As versions before schema 7 wrote it: two hits of people on link 3, by one visitor.
    fn add_older_row(&self) {
        self.edit(
            "INSERT OR REPLACE INTO counters
             VALUES (2026112100000000003, x'010001000568756d616e02', x'010700000000000000')",
        );
    }

    /// Merges everything that waits, as rounds do by and by.
    fn merge_all(&self) {
        let mut file = Connection::open(self.file()).unwrap();
        let file = file.transaction().unwrap();
        Waiting::prepare(&file).unwrap().merge_all().unwrap();
        file.commit().unwrap();
    }

    fn counts_of_rows(&self) -> Vec<Vec<u8>> {
        let file = Connection::open(self.file()).unwrap();
        let mut read = file.prepare("SELECT counts FROM counters ORDER BY key").unwrap();
        read.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    }
}

fn of_links(from: u64, links: impl IntoIterator<Item = u64>) -> Batch {
    batch_of(from, links.into_iter().map(|link| visit(from, link)).collect())
}

/// A click by a visitor of the link and by one of the round.
fn visit(from: u64, link: u64) -> Delta {
    let mut visitors = vec![Visitor(link), Visitor(from)];
    visitors.sort();
    Delta { visitors, ..click(link) }
}

#[tokio::test]
async fn many_links_share_rows_and_none_is_lost_or_counted_for_another() {
    let folder = Folder::new();
    let store = folder.open().unwrap();
    let day = date(2026, 11, 21);
    let batches: [Vec<u64>; 5] = [
        (1..4_000).step_by(7).collect(),
        (1..4_000).rev().collect(),
        vec![4_000, 99_999_999_999, 1 << 33],
        (3_000..9_000).chain([5, 5]).collect(),
        vec![0, 2],
    ];
    let mut expected = BTreeMap::new();
    for (from, links) in (0..).zip(&batches) {
        links.iter().for_each(|link| *expected.entry(*link).or_insert(0) += 1);
        assert_eq!(store.apply(&of_links(from, links.iter().copied())).await.unwrap(), Applied::Yes);
    }
    let human = |day: &DayCounters| (day.link.0, day.counters.get(Dimension::Verdict, "human"));
    let waiting = store.counters(None, day, day).await.unwrap();
    folder.merge_all();
    let all = store.counters(None, day, day).await.unwrap();
    assert!(all == waiting && all.iter().map(human).collect::<BTreeMap<_, _>>() == expected);
    assert_eq!(all.len(), expected.len());
    let some = [0, 1, 2, 3, 5, 699, 8_999, 9_000, 1 << 33, 99_999_999_999].map(LinkId);
    let few = store.counters(Some(&some), day, day).await.unwrap();
    let wanted = |(link, count): (&u64, &u64)| some.contains(&LinkId(*link)).then_some((*link, *count));
    assert_eq!(few.iter().map(human).collect::<Vec<_>>(), expected.iter().filter_map(wanted).collect::<Vec<_>>());
    let rows = folder.counts_of_rows();
    assert!(rows.len() < 100, "{} rows", rows.len());
    assert_eq!((store.quarantined(), rows.iter().filter(|row| row.len() > 4_096).count()), (0, 0));
}

#[tokio::test]
async fn a_garbled_row_of_an_older_file_is_named_when_read_and_set_aside_when_something_is_added_to_it() {
    let folder = Folder::new();
    let store = folder.open().unwrap();
    let day = date(2026, 11, 21);
    let changes = ["counts = x'0199'", "visitors = x'07'", "visitors = x''"];
    for (n, change) in (0..).zip(changes) {
        folder.add_older_row();
        folder.edit(&format!("UPDATE counters SET {change}"));
        let error = store.counters(None, day, day).await.unwrap_err();
        assert!(matches!(error, StoreError::Corrupt(_)));
        assert!(error.to_string().contains("the counters of link 3 on 2026-11-21"), "{error}");
        assert_eq!(store.apply(&batch(n)).await.unwrap(), Applied::Yes);
        let fresh = store.counters(None, day, day).await.unwrap();
        assert_eq!(fresh[0].counters.get(Dimension::Verdict, "human"), 1);
        assert_eq!(store.watermark(Incarnation(1), Shard(0)).await.unwrap(), Position(n + 1));
        assert_eq!(store.quarantined(), n + 1);
    }
    drop(store);
    assert_eq!(folder.open().unwrap().quarantined(), 3);
    let kept = "SELECT count(*) FROM quarantine WHERE link = 3 AND day = '2026-11-21' AND reason <> ''
                AND moved_at > '2026' AND (counts = x'0199' OR visitors IN (x'07', x''))";
    let found: i64 = Connection::open(folder.file()).unwrap().query_row(kept, [], |row| row.get(0)).unwrap();
    assert_eq!(found, 3);
}

#[tokio::test]
async fn a_garbled_row_of_many_links_is_set_aside_whole_and_no_other_row_is() {
    let folder = Folder::new();
    let store = folder.open().unwrap();
    let (day, next) = (date(2026, 11, 21), date(2026, 11, 22));
    let deltas = vec![visit(0, 3), visit(0, 4), Delta { day: next, ..visit(0, 3) }];
    store.apply(&batch_of(0, deltas)).await.unwrap();
    folder.merge_all();
    for (n, change) in (1..).zip(["x''", "x'07'", "x'02030101'", "substr(counts, 1, length(counts) - 1)"]) {
        folder.edit(&format!("UPDATE counters SET counts = {change} WHERE key < 2026112200000000000"));
        let error = store.counters(None, day, day).await.unwrap_err();
        assert!(matches!(error, StoreError::Corrupt(_)));
        assert!(error.to_string().contains("the counters of the links from 0 on 2026-11-21"), "{error}");
        assert_eq!(store.apply(&of_links(n, [3, 4])).await.unwrap(), Applied::Yes);
        let fresh = store.counters(None, day, next).await.unwrap();
        assert_eq!(fresh.iter().map(|day| day.counters.get(Dimension::Verdict, "human")).collect::<Vec<_>>(), [1; 3]);
        assert_eq!(store.quarantined(), n);
    }
}

#[tokio::test]
async fn a_garbled_link_is_set_aside_and_its_neighbours_in_the_row_go_on() {
    let folder = Folder::new();
    let store = folder.open().unwrap();
    let day = date(2026, 11, 21);
    for (n, (good, bad)) in (0..).zip([([32, 1, 1], [255, 1, 1]), ([32, 3, 1], [32, 3, 9])]) {
        let links = if n == 0 { vec![3, 4] } else { vec![4] };
        store.apply(&of_links(2 * n, links)).await.unwrap();
        folder.merge_all();
        let mut row = folder.counts_of_rows().remove(0);
        let at = row.windows(3).position(|window| window == good).unwrap();
        row[at..at + 3].copy_from_slice(&bad);
        let file = Connection::open(folder.file()).unwrap();
        file.execute("UPDATE counters SET counts = ?1", [row]).unwrap();
        let error = store.counters(None, day, day).await.unwrap_err();
        assert!(error.to_string().contains(&format!("the counters of link {} on 2026-11-21", 3 + n)), "{error}");
        assert_eq!(store.apply(&of_links(2 * n + 1, [3, 4])).await.unwrap(), Applied::Yes);
        assert_eq!(store.quarantined(), n + 1);
        let found = store.counters(None, day, day).await.unwrap();
        let human = found.iter().map(|day| (day.link.0, day.counters.get(Dimension::Verdict, "human")));
        assert_eq!(human.collect::<Vec<_>>(), [[(3, 1), (4, 2)], [(3, 2), (4, 1)]][n as usize]);
    }
}

#[tokio::test]
async fn a_file_of_schema_six_is_read_and_counted_on() {
    let folder = Folder::new();
    drop(folder.open().unwrap());
    folder.add_older_row();
    folder.edit("DROP TABLE additions; PRAGMA user_version = 6");
    let store = folder.open().unwrap();
    let day = date(2026, 11, 21);
    let numbers = |found: Vec<DayCounters>| {
        let numbers = found.iter().map(|day| (day.link.0, day.counters.get(Dimension::Verdict, "human"), day.visitors));
        numbers.collect::<Vec<_>>()
    };
    assert_eq!(numbers(store.counters(None, day, day).await.unwrap()), [(3, 2, 1)]);
    store.apply(&of_links(0, [2, 3, 4])).await.unwrap();
    let expected = [(2, 1, 2), (3, 3, 3), (4, 1, 2)];
    assert_eq!(numbers(store.counters(None, day, day).await.unwrap()), expected);
    let some = [LinkId(2), LinkId(3), LinkId(4)];
    assert_eq!(numbers(store.counters(Some(&some), day, day).await.unwrap()), expected);
    folder.merge_all();
    assert_eq!(numbers(store.counters(None, day, day).await.unwrap()), expected);
    assert!(folder.counts_of_rows().iter().all(|counts| counts[0] == 2));
    assert_eq!(store.quarantined(), 0);
}

#[tokio::test]
async fn a_batch_that_is_refused_sets_nothing_aside() {
    let folder = Folder::new();
    let store = folder.open().unwrap();
    store.apply(&batch(0)).await.unwrap();
    folder.merge_all();
    folder.edit("UPDATE counters SET counts = x''");
    assert!(store.counters(None, date(2026, 11, 21), date(2026, 11, 21)).await.is_err());
    assert_eq!(store.apply(&batch(5)).await.unwrap(), Applied::No { watermark: Position(1) });
    assert_eq!(store.quarantined(), 0);
}

#[tokio::test]
async fn incarnations_whose_journal_is_gone_are_forgotten_once_they_are_old() {
    let folder = Folder::new();
    let store = folder.open().unwrap();
    let of = |number| Batch { incarnation: Incarnation(number), ..batch(0) };
    for number in 1..=4 {
        store.apply(&of(number)).await.unwrap();
        store.set_archived(Incarnation(number), Position(1)).await.unwrap();
    }
    folder.edit(&format!("UPDATE watermarks SET moved_at = '2026-01-01' WHERE incarnation <> '{}'", Incarnation(4)));
    folder.edit(&format!("UPDATE archived SET moved_at = '2026-01-01' WHERE incarnation <> '{}'", Incarnation(3)));
    let half_year: jiff::Timestamp = "2026-07-01T00:00:00Z".parse().unwrap();
    assert_eq!(store.forget_incarnations(&[Incarnation(2)], half_year).await.unwrap(), 1);
    for (number, position) in [(1, Position::START), (2, Position(1)), (3, Position(1)), (4, Position(1))] {
        assert_eq!(store.watermark(Incarnation(number), Shard(0)).await.unwrap(), position, "{number}");
        assert_eq!(store.archived(Incarnation(number)).await.unwrap(), position, "{number}");
    }
}

#[tokio::test]
async fn an_unreadable_salt_is_replaced_because_nothing_can_be_counted_without_one() {
    let folder = Folder::new();
    let store = folder.open().unwrap();
    let day = date(2026, 11, 21);
    store.salt(day).await.unwrap();
    folder.edit("UPDATE salts SET salt = x'00'");
    let fresh = store.salt(day).await.unwrap();
    assert!(store.salt(day).await.unwrap() == fresh);
}

#[tokio::test]
async fn a_file_of_the_first_schema_keeps_its_watermarks_and_they_begin_to_age() {
    let folder = Folder::new();
    let store = folder.open().unwrap();
    store.apply(&batch(0)).await.unwrap();
    drop(store);
    folder.edit(
        "ALTER TABLE watermarks DROP COLUMN moved_at; ALTER TABLE archived DROP COLUMN moved_at;
         DROP TABLE quarantine; DROP TABLE imports; DROP TABLE records;
         ALTER TABLE links DROP COLUMN import; ALTER TABLE links DROP COLUMN imported_from;
         ALTER TABLE links DROP COLUMN imported_clicks; ALTER TABLE links DROP COLUMN made_by;
         ALTER TABLE links DROP COLUMN made_way; ALTER TABLE links DROP COLUMN archived; DROP TABLE day_sums;
         DROP TABLE additions;
         CREATE TABLE imports (id INTEGER); CREATE TABLE impressions (day TEXT); PRAGMA user_version = 1",
    );
    let store = folder.open().unwrap();
    assert_eq!(store.forget_incarnations(&[], "2026-01-01T00:00:00Z".parse().unwrap()).await.unwrap(), 0);
    assert_eq!(store.watermark(Incarnation(1), Shard(0)).await.unwrap(), Position(1));
}

#[tokio::test]
async fn a_link_edited_by_hand_into_nonsense_is_named() {
    let folder = Folder::new();
    let store = folder.open().unwrap();
    folder.edit(
        "INSERT INTO links VALUES (7, 1, '2026-11-21T00:00:00Z', '2026-11-21T00:00:00Z', '', 'a', 'a',
         'https://example.com/', 'https://example.com/', NULL, NULL, NULL, NULL, NULL, NULL,
         NULL, 'post', '[]', NULL, '[]', 302, 1, 1, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0)",
    );
    store.link(LinkId(7)).await.unwrap().unwrap();
    for change in
        ["destination = 'javascript:alert(1)'", "posts = 'x'", "status = 200", "level = 'x'", "created_at = 'x'"]
    {
        folder.edit(&format!("CREATE TABLE saved AS SELECT * FROM links; UPDATE links SET {change}"));
        let error = store.link(LinkId(7)).await.unwrap_err();
        assert!(matches!(&error, StoreError::Corrupt(message) if message.contains("link 7")), "{error}");
        folder.edit("DELETE FROM links; INSERT INTO links SELECT * FROM saved; DROP TABLE saved");
    }
}

#[tokio::test]
async fn a_missing_table_is_damage_not_an_outage() {
    let folder = Folder::new();
    let store = folder.open().unwrap();
    folder.edit("DROP TABLE links");
    assert!(matches!(store.link(LinkId(1)).await, Err(StoreError::Corrupt(_))));
}

#[tokio::test]
async fn a_destroyed_salt_is_found_nowhere_in_the_folder() {
    let folder = Folder::new();
    let store = folder.open().unwrap();
    let salt = store.salt(date(2026, 11, 21)).await.unwrap();
    let is_in_folder = || {
        let files = std::fs::read_dir(folder.path()).unwrap();
        files
            .map(|entry| std::fs::read(entry.unwrap().path()).unwrap())
            .any(|bytes| bytes.windows(32).any(|w| w == salt.0))
    };
    assert!(is_in_folder());
    store.salt(date(2026, 11, 24)).await.unwrap();
    assert!(!is_in_folder());
}

#[tokio::test]
async fn closing_folds_everything_into_one_file() {
    let folder = Folder::new();
    let store = folder.open().unwrap();
    store.apply(&batch(0)).await.unwrap();
    drop(store);
    let mut left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, [FILE_NAME, "waypost.db.lock"]);
}

#[tokio::test]
async fn a_copy_holds_the_same_and_is_opened_only_when_it_is_whole() {
    use crate::store::contract::copies;
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    copies::fill(&Embedded::open(folder.path()).unwrap()).await;
    assert!(matches!(copy::source(other.path()), Err(OpenError::Absent(_))));
    let source = copy::source(folder.path()).unwrap();
    assert!(matches!(copy::source(folder.path()), Err(OpenError::InUse(_))));
    let destination = copy::destination(other.path(), "there").unwrap();
    copies::assert_goes_on_after_any_interruption(&source, &destination).await;
    drop((source, destination));
    let holds = copy::destination(folder.path(), "there").err().unwrap();
    assert!(holds.to_string().contains("holds a store already"), "{holds}");
    copies::assert_goes_on(&Embedded::open(other.path()).unwrap()).await;
}

#[test]
fn an_unfinished_copy_is_refused_by_everyone_but_its_own() {
    let folder = tempfile::tempdir().unwrap();
    drop(Embedded::open(folder.path()).unwrap());
    drop(copy::destination(folder.path(), "there").unwrap());
    let unfinished = Embedded::open(folder.path()).err().unwrap();
    assert!(unfinished.to_string().contains("a copy of there that was not finished"), "{unfinished}");
    assert!(matches!(copy::destination(folder.path(), "elsewhere"), Err(OpenError::Unfinished { .. })));
    drop(copy::destination(folder.path(), "there").unwrap());
}
