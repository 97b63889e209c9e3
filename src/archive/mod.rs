//! The archive: the click files, columnar and immutable, one writer per file.
//!
//! A click is pushed and waits as a row of [`columns`] ([`pending`]). When enough of them wait they are sealed into
//! Parquet files, one per UTC day ([`mod@seal`], [`click_file`], [`row_group`], [`text_chunk`], [`checksum`]). A scan reads both as one ([`scan`],
//! [`read`], [`filter`]), and [`mod@export`] turns what it yields into CSV, JSON lines or one Parquet file.
//! [`mod@rewrite`] reads files back as clicks ([`rows`]) and replaces them by the same clicks judged anew.
//!
//! The archive must never change a file that is in place, except that a retry replaces it with at least the same
//! clicks and [`mod@rewrite`] with the same clicks judged anew; and it must never hold an address: a click has none.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use parquet::errors::ParquetError;
use serde::Deserialize;

use crate::domain::position::{Incarnation, Position};

mod columns;

mod pending;

mod seal;

mod click_file;

mod row_group;

mod text_chunk;

mod checksum;

mod scan;

mod read;

mod filter;

mod rewrite;

mod rows;

mod export;

#[cfg(test)]
mod tests;

use pending::Pending;

pub(crate) use export::{Format, export};
pub(crate) use filter::ClickQuery;
pub(crate) use pending::Gathered;
pub(crate) use rewrite::StoredFile;
pub(crate) use scan::Scan;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) url: String,
    pub(crate) seal_rows: usize,
    pub(crate) seal_minutes: u64,
}

/// Pending clicks beyond which [`Archive::is_full`] asks to wait: some 300 MB, reached only if sealing keeps failing.
const PENDING_ROWS_MAX: usize = 2_000_000;

/// Why the archive could not do something. Pending clicks are never lost by it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ArchiveError {
    #[error(
        "archive.url {0:?} is an object store, which is not in this build yet; use a folder, or \"\" for DATA/clicks"
    )]
    ObjectStore(String),
    #[error("cannot {action} {path}: {cause}", path = path.display())]
    Io { action: &'static str, path: PathBuf, cause: io::Error },
    #[error("cannot encode {path}: {cause}", path = path.display())]
    Encode { path: PathBuf, cause: ParquetError },
    #[error("cannot use {path}: {message}", path = path.display())]
    Damaged { path: PathBuf, message: String },
    #[error("cannot gather clicks: {0}")]
    Columns(arrow_schema::ArrowError),
}

impl ArchiveError {
    fn io(action: &'static str, path: &Path, cause: io::Error) -> Self {
        Self::Io { action, path: path.to_owned(), cause }
    }
}

/// The folder that `config.url` names; empty means `clicks` in the data folder.
pub(crate) fn root_of(config: &Config, data: &Path) -> Result<PathBuf, ArchiveError> {
    match config.url.as_str() {
        "" => Ok(data.join("clicks")),
        url if url.contains("://") => Err(ArchiveError::ObjectStore(url.to_owned())),
        folder => Ok(PathBuf::from(folder)),
    }
}

/// The click files of one folder and the clicks on their way into it.
///
/// One thread pushes and seals; any number scan.
pub(crate) struct Archive {
    root: PathBuf,
    seal_rows: usize,
    seal_after_ms: i64,
    pending: Mutex<Pending>,
    /// Held while click files are written, so that two seals never take the same clicks.
    sealing: Mutex<()>,
}

impl Archive {
    /// Opens the archive in `root`: creates the folder, for its owner only, and removes half-written files.
    pub(crate) fn open(root: PathBuf, config: &Config) -> Result<Self, ArchiveError> {
        click_file::prepare_root(&root)?;
        let seal_after_ms = i64::try_from(config.seal_minutes).unwrap_or(i64::MAX).saturating_mul(60_000);
        let (pending, sealing) = (Mutex::new(Pending::new()), Mutex::new(()));
        Ok(Self { root, seal_rows: config.seal_rows, seal_after_ms, pending, sealing })
    }

    /// The folder of the click files.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Adds clicks that follow the ones pushed before. A scan sees them at once; the disk does not have them yet,
    /// so the journal must keep their hits until [`Archive::seal`] returns.
    pub(crate) fn push(&self, clicks: Gathered) {
        for chunk in clicks.into_chunks() {
            // The lock is taken for a chunk at a time, so that a reader waits for no more than one.
            self.lock_pending().adopt(chunk);
        }
    }

    /// Clicks that are in no click file yet.
    pub(crate) fn pending(&self) -> usize {
        self.lock_pending().rows()
    }

    /// Whether more clicks must wait in the journal until a seal succeeds. [`Archive::push`] takes them even so.
    pub(crate) fn is_full(&self) -> bool {
        self.pending() >= PENDING_ROWS_MAX
    }

    /// Whether it is time to seal: enough clicks wait, or some have waited long enough.
    ///
    /// Their waiting is measured from the first call that found them, so it needs to be called regularly.
    pub(crate) fn is_due(&self, now_ms: i64) -> bool {
        let mut pending = self.lock_pending();
        let rows = pending.rows();
        if rows == 0 {
            return false;
        }
        // A clock that was set back starts the wait anew instead of stretching it.
        let since = pending.since_ms.filter(|since| *since <= now_ms).unwrap_or(now_ms);
        pending.since_ms = Some(since);
        rows >= self.seal_rows || now_ms.saturating_sub(since) >= self.seal_after_ms
    }

    /// Writes all pending clicks into click files, durably, then forgets them. Returns how many files.
    ///
    /// `from` is where the first pending click stands in `incarnation`. The files are named by the two and the UTC
    /// day, so after a crash the same clicks, pushed and sealed again from the same place, replace the same files.
    ///
    /// # Errors
    /// When a file cannot be written. All clicks then stay pending and can be sealed again.
    pub(crate) fn seal(&self, incarnation: Incarnation, from: Position) -> Result<usize, ArchiveError> {
        let _sealing = self.sealing.lock().unwrap_or_else(PoisonError::into_inner);
        let chunks = self.lock_pending().close_all();
        if chunks.is_empty() {
            return Ok(0);
        }
        let files = seal::seal(&self.root, incarnation, from, &chunks)?;
        self.lock_pending().forget(chunks.len());
        Ok(files)
    }

    /// Removes the click files of `incarnation` that begin at or after `from`: a process that died before it could say
    /// how far it had sealed left them, and whoever goes on at `from` writes those clicks again, maybe cut differently.
    pub(crate) fn discard(&self, incarnation: Incarnation, from: Position) -> Result<usize, ArchiveError> {
        let _sealing = self.sealing.lock().unwrap_or_else(PoisonError::into_inner);
        click_file::remove_from(&self.root, incarnation, from)
    }

    /// The least position at or after `from` at which a click file of `incarnation` begins.
    pub(crate) fn first_from(
        &self,
        incarnation: Incarnation,
        from: Position,
    ) -> Result<Option<Position>, ArchiveError> {
        click_file::first_from(&self.root, incarnation, from)
    }

    /// The clicks `query` asks for, pending and sealed, each once, as of now.
    pub(crate) fn scan(&self, query: ClickQuery) -> Result<Scan, ArchiveError> {
        let pending = self.lock_pending().snapshot();
        Scan::new(&self.root, query, pending)
    }

    fn lock_pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
