//! Click files read back as clicks, and written again under the name they had, so that new rules reach the past.
//!
//! A file is replaced whole or not at all, batch by batch in constant memory, and never with fewer clicks than it had.

use std::path::PathBuf;
use std::sync::Arc;

use arrow_array::RecordBatch;
use jiff::civil::Date;

use super::click_file::{self, FileName, ROW_GROUP_ROWS};
use super::files::{Files, Opened, StoredFile};
use super::filter::ClickQuery;
use super::pending::Gathered;
use super::read::ClickFile;
use super::row_group::RowGroup;
use super::rows::Rows;
use super::{Archive, ArchiveError};
use crate::domain::click::Click;

impl Archive {
    /// The click files of UTC days from `first` on, oldest first.
    pub(crate) fn files_from(&self, first: Date) -> Result<Vec<StoredFile>, ArchiveError> {
        self.files.list(&(first..=Date::MAX))
    }

    /// Hands every click of `file` to `judge`, in the order of time.
    ///
    /// # Errors
    /// When the file cannot be read to its end.
    pub(crate) fn read_clicks(&self, file: &StoredFile, mut judge: impl FnMut(Click)) -> Result<(), ArchiveError> {
        let mut rows = Rows::default();
        for batch in Batches::open(&self.files, file)?.into_iter().flatten() {
            rows.read(&batch?, &mut judge);
        }
        Ok(())
    }

    /// Replaces every click of `file` by what `judge` makes of it, durably.
    ///
    /// # Errors
    /// When the file cannot be read to its end or the new one not be written. The old one then stays.
    pub(crate) fn rewrite(&self, file: &StoredFile, mut judge: impl FnMut(Click) -> Click) -> Result<(), ArchiveError> {
        let Some(name) = FileName::parse(file.day, &file.name) else {
            let message = "its name is none of ours".to_owned();
            return Err(ArchiveError::Damaged { path: self.files.path(file), message });
        };
        let mut rows = Rows::default();
        // A file that is gone was removed on purpose; its clicks are not to come back.
        let Some(mut batches) = Batches::open(&self.files, file)? else { return Ok(()) };
        let _sealing = self.sealing.begin();
        let mut next_group = || {
            let (mut judged, mut count) = (Gathered::default(), 0);
            while count < ROW_GROUP_ROWS
                && let Some(batch) = batches.next()
            {
                let batch = batch?;
                rows.read(&batch, &mut |click| judged.add(&judge(click)));
                count += batch.num_rows();
            }
            let chunks = judged.into_chunks().into_iter().map(Arc::new).collect();
            Ok((count > 0).then(|| RowGroup::whole(chunks)))
        };
        click_file::write(&self.files.folder, name, std::iter::from_fn(|| next_group().transpose()))?;
        self.ring();
        Ok(())
    }

    /// Hands every click that `query` asks for to `take`, pending and sealed, each once.
    ///
    /// # Errors
    /// When the archive cannot be read.
    pub(crate) fn clicks(&self, query: ClickQuery, mut take: impl FnMut(Click)) -> Result<(), ArchiveError> {
        let mut rows = Rows::default();
        for batch in self.scan(query)? {
            rows.read(&batch?, &mut take);
        }
        Ok(())
    }
}

/// The batches of one file. A damaged place is an error here, not something to be left out.
pub(super) struct Batches {
    path: PathBuf,
    file: Option<ClickFile>,
}

impl Batches {
    /// `None` when the file is gone.
    pub(super) fn open(files: &Files, file: &StoredFile) -> Result<Option<Self>, ArchiveError> {
        let (path, everything) = (files.path(file), ClickQuery::default());
        let Opened::File(opened) = files.open_file(file, &everything)? else { return Ok(None) };
        let file = ClickFile::open(opened, &everything, |_| None).map_err(|damage| {
            files.distrust(file);
            ArchiveError::Damaged { path: path.clone(), message: damage.to_string() }
        })?;
        Ok(Some(Self { path, file }))
    }
}

impl Iterator for Batches {
    type Item = Result<RecordBatch, ArchiveError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.file.as_mut()?.next_batch() {
            Ok(batch) => batch.map(Ok),
            Err(damage) => {
                self.file = None;
                Some(Err(ArchiveError::Damaged { path: self.path.clone(), message: damage.to_string() }))
            }
        }
    }
}
