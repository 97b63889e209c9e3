//! Click files read back as clicks, and written again under the name they had, so that new rules reach the past.
//!
//! A file is replaced whole or not at all, batch by batch in constant memory, and never with fewer clicks than it had.

use std::fs::File;
use std::path::PathBuf;

use arrow_array::RecordBatch;
use jiff::civil::Date;

use super::click_file::{self, FileName, ROW_GROUP_ROWS};
use super::filter::ClickQuery;
use super::pending::Gathered;
use super::read::ClickFile;
use super::row_group::RowGroup;
use super::rows::Rows;
use super::{Archive, ArchiveError};
use crate::domain::click::Click;

/// One click file that is in place.
#[derive(Clone, Debug)]
pub(crate) struct StoredFile(PathBuf);

impl Archive {
    /// The click files of UTC days from `first` on, oldest first.
    pub(crate) fn files_from(&self, first: Date) -> Result<Vec<StoredFile>, ArchiveError> {
        let mut files = Vec::new();
        for folder in click_file::day_folders(self.root(), |day| day >= first)? {
            files.extend(click_file::files_of(&folder)?.into_iter().map(StoredFile));
        }
        Ok(files)
    }

    /// Hands every click of `file` to `judge`, in the order of time.
    ///
    /// # Errors
    /// When the file cannot be read to its end.
    pub(crate) fn read_clicks(&self, file: &StoredFile, mut judge: impl FnMut(Click)) -> Result<(), ArchiveError> {
        let mut rows = Rows::default();
        for batch in Batches::open(file)? {
            rows.read(&batch?, &mut judge);
        }
        Ok(())
    }

    /// Replaces every click of `file` by what `judge` makes of it, durably.
    ///
    /// # Errors
    /// When the file cannot be read to its end or the new one not be written. The old one then stays.
    pub(crate) fn rewrite(&self, file: &StoredFile, mut judge: impl FnMut(Click) -> Click) -> Result<(), ArchiveError> {
        let _sealing = self.sealing.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let Some(name) = FileName::parse(&file.0) else {
            return Err(ArchiveError::Damaged { path: file.0.clone(), message: "its name is none of ours".to_owned() });
        };
        let mut rows = Rows::default();
        let mut batches = Batches::open(file)?;
        let mut next_group = || {
            let (mut group, mut count) = (Vec::new(), 0);
            while count < ROW_GROUP_ROWS
                && let Some(batch) = batches.next()
            {
                let mut judged = Gathered::default();
                let batch = batch?;
                rows.read(&batch, &mut |click| judged.add(judge(click)));
                count += batch.num_rows();
                group.extend(judged.into_batches());
            }
            Ok((count > 0).then(|| RowGroup::whole(group)))
        };
        click_file::write(self.root(), name, std::iter::from_fn(|| next_group().transpose()))
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
struct Batches {
    path: PathBuf,
    file: Option<ClickFile>,
}

impl Batches {
    fn open(file: &StoredFile) -> Result<Self, ArchiveError> {
        let path = file.0.clone();
        let opened = File::open(&path).map_err(|cause| ArchiveError::io("read", &path, cause))?;
        let file = ClickFile::open(opened, &ClickQuery::default(), |_| None)
            .map_err(|damage| ArchiveError::Damaged { path: path.clone(), message: damage.to_string() })?;
        Ok(Self { path, file })
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
