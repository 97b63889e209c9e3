//! What people once said about the columns of a file, so that the next file with these columns needs no word.
//!
//! It must never be used for a file that a dialect knows, nor silently: a table that is read so says it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::record::{Expected, Record, RecordKey, RecordKind, RecordValue, Saved};
use crate::impressions::mapping::Mapping;
use crate::impressions::options::{Options, Span};
use crate::store::{Store, StoreError};

/// The most that is told to the child that reads a file, in bytes: it comes as one variable of its environment.
const TOLD_BYTES_MAX: usize = 48 << 10;
/// The most that is read from the store.
const KNOWN_MAX: usize = 1000;

/// One mapping, and what else was said about files with these columns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Known {
    pub(crate) options: Options,
    pub(crate) at: Timestamp,
}

/// Keeps what was said about an unknown file, over what was said about these columns before. Nothing is kept of a file
/// that was read without a mapping.
pub(super) async fn keep(store: &dyn Store, options: &Options, now: Timestamp) -> Result<(), StoreError> {
    let Some(map) = &options.map else { return Ok(()) };
    let lasting = Options {
        map: options.map.clone(),
        platform: options.platform.clone(),
        account: options.account.clone(),
        tz: options.tz.clone(),
        dates: options.dates,
        currency: options.currency.clone(),
        // The days of one file are not those of the next.
        period: options.period.filter(|period| *period == Span::Lifetime),
        ..Options::default()
    };
    let known = serde_json::to_vec(&Known { options: lasting, at: now }).ok().and_then(RecordValue::new);
    let (Some(key), Some(value)) = (key(map), known) else { return Ok(()) };
    let before = store.record(RecordKind::Columns, &key).await?;
    let expected = before.map_or(Expected::Absent, |record| Expected::At(record.revision));
    match store.put_record(RecordKind::Columns, &key, expected, &value).await? {
        Saved::Yes(_) => {}
        // Somebody else said it at the same time, or too much is known: the next import says it again.
        Saved::Changed | Saved::Full => tracing::warn!("the columns of an import are not kept for the next one"),
    }
    Ok(())
}

fn key(map: &Mapping) -> Option<RecordKey> {
    RecordKey::new(&blake3::hash(map.to_string().as_bytes()).to_hex())
}

/// The newest first.
pub(super) async fn list(store: &dyn Store) -> Result<Vec<Known>, StoreError> {
    let records = store.records(RecordKind::Columns, None, KNOWN_MAX).await?;
    let read = |record: &Record| serde_json::from_slice::<Known>(record.value.as_bytes()).ok();
    let mut known: Vec<Known> = records.iter().filter_map(read).collect();
    known.sort_by_key(|known| std::cmp::Reverse(known.at));
    Ok(known)
}

/// As much of it as a child can be told.
pub(super) async fn told(store: &dyn Store) -> Result<Vec<Options>, StoreError> {
    let mut left = TOLD_BYTES_MAX;
    let fits = |known: &Known| {
        let size = serde_json::to_string(&known.options).map_or(usize::MAX, |json| json.len());
        left.checked_sub(size).map(|rest| left = rest).is_some()
    };
    Ok(list(store).await?.into_iter().take_while(fits).map(|known| known.options).collect())
}

/// `false` when nothing was known.
pub(super) async fn forget(store: &dyn Store, map: &Mapping) -> Result<bool, StoreError> {
    match key(map) {
        Some(key) => store.remove_record(RecordKind::Columns, &key).await,
        None => Ok(false),
    }
}
