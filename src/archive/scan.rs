//! A scan: the clicks a query asks for, file by file in the order of days, then those that are still pending.
//!
//! It reads one file at a time, holds one batch in memory, and never makes a writer wait. A click that is both pending and
//! in a file is yielded once.

use std::sync::Arc;

use arrow_array::RecordBatch;

use super::ArchiveError;
use super::ahead::Ahead;
use super::chunk::Chunk;
use super::files::{Files, Opened, StoredFile};
use super::filter::{ClickQuery, Shadow};
use super::read::{ClickFile, Damage};

/// Yields batches of [`COLUMNS`](super::columns::COLUMNS), none of them empty.
///
/// An error means that the archive itself cannot be read (permissions, descriptors); a damaged or foreign file is
/// left out, reported once in the log, and counted.
pub(crate) struct Scan {
    query: ClickQuery,
    files: Ahead,
    reading: Option<(StoredFile, ClickFile)>,
    /// What of the pending clicks was not yielded yet.
    pending: std::vec::IntoIter<Arc<Chunk>>,
    shadow: Shadow,
    damaged: usize,
}

impl Scan {
    /// `pending` must be taken before this is called: clicks that are sealed in between are then in both, and a
    /// click in both is told apart by its id. The other way round it would be in neither.
    pub(super) fn new(files: Arc<Files>, query: ClickQuery, pending: Vec<Arc<Chunk>>) -> Result<Self, ArchiveError> {
        let files = Ahead::new(files, query.clone())?;
        let shadow = Shadow::of(&pending);
        Ok(Self { query, files, reading: None, shadow, pending: pending.into_iter(), damaged: 0 })
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
            match self.files.next() {
                Some((stored, opened)) => self.open(stored, opened?)?,
                None => return Ok(self.next_pending()),
            }
        }
    }

    /// The next rows of the file that is open.
    fn read_on(&mut self) -> Option<RecordBatch> {
        let (stored, mut file) = self.reading.take()?;
        match file.next_batch() {
            Ok(rows) => {
                let rows = rows?;
                self.reading = Some((stored, file));
                Some(rows)
            }
            Err(damage) => {
                self.leave_out(&stored, &damage);
                None
            }
        }
    }

    fn open(&mut self, stored: StoredFile, opened: Opened) -> Result<(), ArchiveError> {
        let mut file = self.read(opened);
        if file.is_err() && self.files.distrust(&stored) {
            // It may be the copy on this disk that is damaged.
            let opened = self.files.open_again(&stored)?;
            file = self.read(opened);
        }
        match file {
            Ok(file) => self.reading = file.map(|file| (stored, file)),
            Err(damage) => self.leave_out(&stored, &damage),
        }
        Ok(())
    }

    fn read(&self, opened: Opened) -> Result<Option<ClickFile>, Damage> {
        let Opened::File(file) = opened else { return Ok(None) };
        ClickFile::open(file, &self.query, |span| self.shadow.meets(span).then(|| self.shadow.clone()))
    }

    fn leave_out(&mut self, stored: &StoredFile, damage: &Damage) {
        self.damaged += 1;
        self.files.distrust(stored);
        tracing::warn!(file = %stored, %damage, "left a damaged or foreign click file out");
    }

    /// The next pending clicks. Columns are made of none but those that are asked for.
    fn next_pending(&mut self) -> Option<RecordBatch> {
        let query = &self.query;
        self.pending.by_ref().filter(|chunk| chunk.span().is_some_and(|span| query.meets(&span))).find_map(|chunk| {
            let admitted = query.admitted(&chunk.columns(&query.columns()));
            admitted.contains(&true).then(|| chunk.admitted(&admitted))
        })
    }
}

impl Iterator for Scan {
    type Item = Result<RecordBatch, ArchiveError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.step().transpose()
    }
}
