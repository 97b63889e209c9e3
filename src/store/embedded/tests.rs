//! The contract on SQLite, and what only a file can get wrong.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use jiff::civil::date;
use rusqlite::Connection;
use tempfile::TempDir;

use super::file::FILE_NAME;
use super::{Embedded, schema};
use crate::domain::counter::{Batch, Counters, Delta, Dimension};
use crate::domain::link::LinkId;
use crate::domain::position::{Incarnation, Position, Shard};
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
    let mut counters = Counters::new();
    counters.add(Dimension::Verdict, "human", 1);
    let day = date(2026, 11, 21);
    Batch {
        incarnation: Incarnation(1),
        shard: Shard(0),
        from: Position(from),
        to: Position(from + 1),
        deltas: vec![Delta { link: LinkId(3), day, counters, visitors: Vec::new() }],
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
    assert!(message.contains("newer Waypost (schema 2, this one knows up to 1)"), "{message}");
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

#[tokio::test]
async fn a_garbled_row_is_named_and_neither_panics_nor_moves_the_watermark() {
    let folder = Folder::new();
    let store = folder.open().unwrap();
    store.apply(&batch(0)).await.unwrap();
    for change in ["counts = x'0199'", "counts = x''", "visitors = x'07'", "visitors = x''"] {
        folder.edit(&format!("UPDATE counters SET {change}"));
        let day = date(2026, 11, 21);
        let read = store.counters(None, day, day).await.unwrap_err();
        let applied = store.apply(&batch(1)).await.unwrap_err();
        for error in [read, applied] {
            assert!(matches!(error, StoreError::Corrupt(_)));
            assert!(error.to_string().contains("the counters of link 3 on 2026-11-21"), "{error}");
        }
        assert_eq!(store.watermark(Incarnation(1), Shard(0)).await.unwrap(), Position(1));
        folder.edit("DELETE FROM counters; DELETE FROM watermarks");
        store.apply(&batch(0)).await.unwrap();
    }
}

#[tokio::test]
async fn a_link_edited_by_hand_into_nonsense_is_named() {
    let folder = Folder::new();
    let store = folder.open().unwrap();
    folder.edit(
        "INSERT INTO links VALUES (7, 1, '2026-11-21T00:00:00Z', '2026-11-21T00:00:00Z', '', 'a', 'a',
         'https://example.com/', 'https://example.com/', NULL, NULL, NULL, NULL, NULL, NULL,
         NULL, 'post', '[]', NULL, '[]', 302, 1, 1, 0, NULL, NULL)",
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
