//! A scan: the clicks a query asks for, file by file in the order of days, then those that are still pending.
//!
//! It holds one file open and one batch in memory, and never makes a writer wait. A click that is both pending and
//! in a file is yielded once.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;
use arrow_select::filter::filter_record_batch;
use jiff::civil::Date;

use super::ArchiveError;
use super::click_file;
use super::filter::{ClickQuery, Shadow};
use super::read::{ClickFile, Damage};
use super::seal::date_of;

/// Yields batches of [`COLUMNS`](super::columns::COLUMNS), none of them empty.
///
/// An error means that the archive itself cannot be read (permissions, descriptors); a damaged or foreign file is
/// left out, reported once in the log, and counted.
pub(crate) struct Scan {
    query: ClickQuery,
    folders: std::vec::IntoIter<PathBuf>,
    files: std::vec::IntoIter<PathBuf>,
    reading: Option<(PathBuf, ClickFile)>,
    pending: Vec<RecordBatch>,
    /// How many batches of `pending` were yielded.
    pending_read: usize,
    shadow: Shadow,
    damaged: usize,
}

impl Scan {
    /// `pending` must be taken before this is called: clicks that are sealed in between are then in both, and a
    /// click in both is told apart by its id. The other way round it would be in neither.
    pub(super) fn new(root: &Path, query: ClickQuery, pending: Vec<RecordBatch>) -> Result<Self, ArchiveError> {
        let first = query.from_ms.map_or(Date::MIN, date_of);
        let last = query.to_ms.map_or(Date::MAX, |to| date_of(to.saturating_sub(1)));
        let folders = click_file::day_folders(root, |day| first <= day && day <= last)?;
        Ok(Self {
            query,
            folders: folders.into_iter(),
            files: Vec::new().into_iter(),
            reading: None,
            shadow: Shadow::of(&pending),
            pending,
            pending_read: 0,
            damaged: 0,
        })
    }

    /// Files that were left out, wholly or from the damaged place on, because they are not whole click files.
    #[cfg(test)]
    pub(crate) fn damaged(&self) -> usize {
        self.damaged
    }

    fn step(&mut self) -> Result<Option<RecordBatch>, ArchiveError> {
        loop {
            if let Some(rows) = self.read_on() {
                return Ok(Some(rows));
            }
            if let Some(path) = self.files.next() {
                self.open(path)?;
            } else if let Some(folder) = self.folders.next() {
                self.files = click_file::files_of(&folder)?.into_iter();
            } else {
                return self.next_pending();
            }
        }
    }

    /// The next rows of the file that is open.
    fn read_on(&mut self) -> Option<RecordBatch> {
        let (path, mut file) = self.reading.take()?;
        match file.next_batch() {
            Ok(rows) => {
                let rows = rows?;
                self.reading = Some((path, file));
                Some(rows)
            }
            Err(damage) => {
                self.leave_out(&path, &damage);
                None
            }
        }
    }

    fn open(&mut self, path: PathBuf) -> Result<(), ArchiveError> {
        let file = match File::open(&path) {
            Ok(file) => file,
            // Somebody tidied up while the scan went on.
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(cause) => return Err(ArchiveError::io("read", &path, cause)),
        };
        let (shadow, pending) = (&mut self.shadow, &self.pending);
        let shadow_on = |span: &_| {
            shadow.meets(span).then(|| {
                shadow.collect(pending);
                shadow.clone()
            })
        };
        match ClickFile::open(file, &self.query, shadow_on) {
            Ok(file) => self.reading = file.map(|file| (path, file)),
            Err(damage) => self.leave_out(&path, &damage),
        }
        Ok(())
    }

    fn leave_out(&mut self, path: &Path, damage: &Damage) {
        self.damaged += 1;
        tracing::warn!(path = %path.display(), %damage, "left a damaged or foreign click file out");
    }

    fn next_pending(&mut self) -> Result<Option<RecordBatch>, ArchiveError> {
        while let Some(batch) = self.pending.get(self.pending_read) {
            self.pending_read += 1;
            let rows = filter_record_batch(batch, &self.query.admits(batch)).map_err(ArchiveError::Columns)?;
            if rows.num_rows() > 0 {
                return Ok(Some(rows));
            }
        }
        Ok(None)
    }
}

impl Iterator for Scan {
    type Item = Result<RecordBatch, ArchiveError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.step().transpose()
    }
}
