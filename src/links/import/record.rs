//! What is kept of an import of links: enough to list it, and to undo it. Its links say themselves that they are of it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::record::{Expected, Record, RecordKey, RecordKind, RecordValue, Saved};
use crate::store::{RecordStore, Result, StoreError};

/// The most imports that are kept.
const IMPORTS_MAX: usize = 1000;

/// How often a number is tried while others take it.
const ATTEMPTS: usize = 16;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct About {
    /// From 1; never the one of an import that is listed.
    pub(crate) id: u64,
    pub(crate) file_name: String,
    pub(crate) from: String,
    pub(crate) imported_at: Timestamp,
    pub(crate) rows: u64,
    /// Links that it made; 0 while it is under way, or if it was cut off.
    pub(crate) made: u64,
    /// What had been counted of them elsewhere.
    pub(crate) clicks: u64,
}

/// By id, the oldest first.
pub(crate) async fn list(records: &dyn RecordStore) -> Result<Vec<About>> {
    records.records(RecordKind::LinkImport, None, IMPORTS_MAX).await?.iter().map(read).collect()
}

pub(super) async fn find(records: &dyn RecordStore, id: u64) -> Result<Option<About>> {
    records.record(RecordKind::LinkImport, &key(id)).await?.as_ref().map(read).transpose()
}

/// Keeps a new import under the next number; `None` when there are too many.
pub(super) async fn begin(records: &dyn RecordStore, about: About) -> Result<Option<About>> {
    let known = list(records).await?;
    if known.len() >= IMPORTS_MAX {
        return Ok(None);
    }
    let next = known.last().map_or(1, |last| last.id + 1);
    for id in next..next + ATTEMPTS as u64 {
        let about = About { id, ..about.clone() };
        if let Saved::Yes(_) =
            records.put_record(RecordKind::LinkImport, &key(id), Expected::Absent, &value(&about)).await?
        {
            return Ok(Some(about));
        }
    }
    Err(StoreError::Unavailable("others import links at the same time".to_owned()))
}

/// Nobody else writes the record of an import that is under way.
pub(super) async fn save(records: &dyn RecordStore, about: &About) -> Result<()> {
    let Some(record) = records.record(RecordKind::LinkImport, &key(about.id)).await? else { return Ok(()) };
    let at = Expected::At(record.revision);
    records.put_record(RecordKind::LinkImport, &key(about.id), at, &value(about)).await.map(drop)
}

pub(super) async fn remove(records: &dyn RecordStore, id: u64) -> Result<()> {
    records.remove_record(RecordKind::LinkImport, &key(id)).await.map(drop)
}

/// Digits of one length sort as text.
fn key(id: u64) -> RecordKey {
    RecordKey::new(&format!("{id:020}")).expect("digits are a key")
}

fn value(about: &About) -> RecordValue {
    let bytes = serde_json::to_vec(about).unwrap_or_default();
    RecordValue::new(bytes).expect("a name is cut where it comes in, and the rest is numbers")
}

fn read(record: &Record) -> Result<About> {
    let unreadable = |error| StoreError::Corrupt(format!("the import of links {}: {error}", record.key.as_str()));
    serde_json::from_slice(record.value.as_bytes()).map_err(unreadable)
}
