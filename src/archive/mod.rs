//! The archive: the click files, columnar and immutable, one writer per file.
//!
//! A click is pushed and waits as a row of a [`chunk`] ([`pending`]). When enough of them wait they are sealed into
//! Parquet files, one per UTC day ([`mod@seal`], [`click_file`], [`row_group`], [`text_chunk`], [`digits`], [`checksum`]);
//! whoever reads them before gets a [`batch`] of the same [`columns`]. A scan reads both as one ([`scan`], [`read`],
//! [`outline`], [`filter`]); [`count`] counts them by what they show ([`facets`]), and [`mod@export`] turns what it yields
//! into CSV, JSON lines or one Parquet file.
//! [`mod@rewrite`] reads files back as clicks ([`rows`]) and replaces them by the same clicks judged anew; [`hits`] reads
//! them in the order in which they are judged.
//!
//! [`mod@passage`] reads on from where somebody stopped.
//!
//! Files are written into a folder. If `archive.url` names an object store ([`address`], [`bucket`]), a [`courier`] moves
//! them there, after what has to go from there ([`recalls`]), and readers see both as one ([`files`],
//! [`ahead`], [`cache`]).
//!
//! The archive must never change a file that is in place, except that a retry replaces it with at least the same
//! clicks and [`mod@rewrite`] with the same clicks judged anew; and it must never hold an address: a click has none.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use parquet::errors::ParquetError;
use serde::Deserialize;
use tokio::runtime::Handle;

use crate::domain::position::{Incarnation, Position};

mod columns;

mod pending;

mod chunk;

mod seal;

mod click_file;

mod row_group;

mod text_chunk;

mod batch;

mod digits;

mod checksum;

mod scan;

mod count;

mod facets;

mod read;

mod outline;

mod filter;

mod rewrite;

mod rows;

mod passage;

mod hits;

mod export;

mod address;

mod files;

mod ahead;

mod bucket;

mod cache;

mod recalls;

mod courier;

#[cfg(test)]
mod tests;

use bucket::{Bucket, BucketError};
use courier::Courier;
use files::{Far, Files};
use pending::Pending;

pub(crate) use address::Address;
pub(crate) use count::{CountQuery, Counted, Grouping, Groups};
pub(crate) use courier::Deliveries;
pub(crate) use export::{Conversion, Format, Receiver, export, upload};
pub(crate) use files::StoredFile;
pub(crate) use filter::ClickQuery;
pub(crate) use passage::click_json;
pub(crate) use pending::Gathered;
pub(crate) use scan::Scan;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) url: String,
    pub(crate) endpoint: String,
    pub(crate) region: String,
    pub(crate) cache_mb: u64,
    pub(crate) seal_rows: usize,
    pub(crate) seal_minutes: u64,
}

/// Pending clicks beyond which [`Archive::is_full`] asks to wait: some 120 MB beside what they share, reached
/// only if sealing keeps failing.
const PENDING_ROWS_MAX: usize = 2_000_000;

/// Why the archive could not do something. Pending clicks are never lost by it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ArchiveError {
    #[error("archive.url {url:?}: {message}")]
    Address { url: String, message: String },
    #[error("cannot {action} {what}: {cause}")]
    Bucket { action: &'static str, what: String, cause: BucketError },
    #[error("cannot {action} {path}: {cause}", path = path.display())]
    Io { action: &'static str, path: PathBuf, cause: io::Error },
    #[error("cannot encode {path}: {cause}", path = path.display())]
    Encode { path: PathBuf, cause: ParquetError },
    #[error("cannot use {path}: {message}", path = path.display())]
    Damaged { path: PathBuf, message: String },
    #[error("cannot gather clicks: {0}")]
    Columns(arrow_schema::ArrowError),
    /// Nothing is wrong; there are more clicks than can be counted in the time.
    #[error("the time for counting is over")]
    Deadline,
    #[error("a thread that read click files has ended")]
    Thread,
}

impl ArchiveError {
    fn io(action: &'static str, path: &Path, cause: io::Error) -> Self {
        Self::Io { action, path: path.to_owned(), cause }
    }
}

/// Whether the bucket that `config.url` names is there and open to this machine. A folder always is.
///
/// # Errors
/// With what is wrong, in words for the person who wrote the configuration.
pub(crate) fn check(config: &Config, data: &Path, runtime: &Handle) -> Result<(), ArchiveError> {
    let Address::Bucket(address) = Address::of(config, data)? else { return Ok(()) };
    let bucket = Bucket::open(&address, runtime.clone())?;
    bucket.check().map_err(|cause| cause.into_error("use", &address.told()))
}

/// The click files of one folder or bucket and the clicks on their way into it.
///
/// One thread pushes and seals; any number scan.
pub(crate) struct Archive {
    files: Arc<Files>,
    /// Runs if there is a bucket.
    courier: Option<Courier>,
    seal_rows: usize,
    seal_after_ms: i64,
    pending: Mutex<Pending>,
    sealing: Arc<Sealing>,
}

/// Held while click files are written into the folder or taken from it, so that two seals never take the same clicks
/// and no file goes while another takes its name.
#[derive(Default)]
struct Sealing(Mutex<()>);

impl Sealing {
    fn begin(&self) -> MutexGuard<'_, ()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Files that are in the folder and not yet in the bucket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Waiting {
    pub(crate) files: u64,
    pub(crate) bytes: u64,
}

impl Archive {
    /// Opens the archive that `config.url` names: creates the folder, for its owner only, and removes half-written
    /// files. Requests to an object store run on `runtime`; the calls that make them wait, so no task may make them.
    ///
    /// # Errors
    /// When the folder cannot be made, or the object store refuses. One that does not answer is waited for.
    pub(crate) fn open(config: &Config, data: &Path, runtime: &Handle) -> Result<Self, ArchiveError> {
        let files = Arc::new(Files::open(Address::of(config, data)?, config, data, runtime)?);
        let sealing: Arc<Sealing> = Arc::default();
        let start = |far: &Far| {
            let (folder, recalls) = (files.folder.clone(), Arc::clone(&far.recalls));
            Courier::start(folder, far.bucket.another(), recalls, Arc::clone(&sealing))
        };
        let courier = files.far.as_ref().map(start).transpose();
        let courier = courier.map_err(|cause| ArchiveError::io("start the courier of", &files.folder, cause))?;
        let seal_after_ms = i64::try_from(config.seal_minutes).unwrap_or(i64::MAX).saturating_mul(60_000);
        let (pending, seal_rows) = (Mutex::new(Pending::new()), config.seal_rows);
        Ok(Self { files, courier, seal_rows, seal_after_ms, pending, sealing })
    }

    /// Where the click files are, for people.
    pub(crate) fn name(&self) -> String {
        match &self.files.far {
            Some(far) => far.bucket.url().to_owned(),
            None => self.files.folder.display().to_string(),
        }
    }

    /// What waits to be delivered to the object store. Without one nothing does.
    pub(crate) fn waiting(&self) -> Waiting {
        if self.courier.is_some() { self.files.waiting() } else { Waiting::default() }
    }

    /// How the deliveries to the object store stand.
    pub(crate) fn deliveries(&self) -> Deliveries {
        self.courier.as_ref().map(Courier::deliveries).unwrap_or_default()
    }

    /// Ends what reads from the object store, so that nobody waits for it any more. A folder goes on being read.
    pub(crate) fn stop_reading(&self) {
        if let Some(far) = &self.files.far {
            far.bucket.give_up();
        }
    }

    /// Delivers what can be delivered to the object store within this time. Files that are left wait in the data folder
    /// for the next start.
    pub(crate) fn stop(&self, within: Duration) {
        if let Some(courier) = &self.courier {
            courier.stop(within);
        }
    }

    fn ring(&self) {
        if let Some(courier) = &self.courier {
            courier.ring();
        }
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
        let _sealing = self.sealing.begin();
        let chunks = self.lock_pending().close_all();
        if chunks.is_empty() {
            return Ok(0);
        }
        let files = seal::seal(&self.files.folder, incarnation, from, &chunks)?;
        self.lock_pending().forget(chunks.len());
        self.ring();
        Ok(files)
    }

    /// Removes the click files of `incarnation` that begin at or after `from`: a process that died before it could say
    /// how far it had sealed left them, and whoever goes on at `from` writes those clicks again, maybe cut differently.
    pub(crate) fn discard(&self, incarnation: Incarnation, from: Position) -> Result<usize, ArchiveError> {
        let _sealing = self.sealing.begin();
        let discarded = self.files.discard(incarnation, from)?;
        self.ring();
        Ok(discarded)
    }

    /// The least position at or after `from` at which a click file of `incarnation` begins.
    pub(crate) fn first_from(
        &self,
        incarnation: Incarnation,
        from: Position,
    ) -> Result<Option<Position>, ArchiveError> {
        self.files.first_from(incarnation, from)
    }

    /// The clicks `query` asks for, pending and sealed, each once, as of now.
    pub(crate) fn scan(&self, query: ClickQuery) -> Result<Scan, ArchiveError> {
        let pending = self.lock_pending().snapshot();
        Scan::new(Arc::clone(&self.files), query, pending)
    }

    fn lock_pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
