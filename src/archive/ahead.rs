//! Opening click files a few ahead of whoever reads them, because most of an object store's answer is waiting for it.
//!
//! It must never hold more than a named number of files open, and never open a folder's files before they are read.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::task::JoinHandle;

use super::ArchiveError;
use super::bucket::BucketError;
use super::files::{Files, Opened, StoredFile};
use super::filter::ClickQuery;

/// Files that one reader has asked the object store for at once.
const AHEAD_MAX: usize = 4;

type Opening = JoinHandle<Result<Opened, ArchiveError>>;

/// Yields files in the order in which they were listed, each opened.
pub(super) struct Ahead {
    files: Arc<Files>,
    query: ClickQuery,
    listed: std::vec::IntoIter<StoredFile>,
    opening: VecDeque<(StoredFile, Opening)>,
}

impl Ahead {
    pub(super) fn new(files: Arc<Files>, query: ClickQuery) -> Result<Self, ArchiveError> {
        let listed = files.list(&query.days())?.into_iter();
        Ok(Self { files, query, listed, opening: VecDeque::new() })
    }

    /// One that was yielded is damaged. Tells whether it was a copy, so that asking again may help.
    pub(super) fn distrust(&self, file: &StoredFile) -> bool {
        self.files.distrust(file)
    }

    pub(super) fn open_again(&self, file: &StoredFile) -> Result<Opened, ArchiveError> {
        self.files.open_file(file, &self.query)
    }
}

impl Iterator for Ahead {
    type Item = (StoredFile, Result<Opened, ArchiveError>);

    fn next(&mut self) -> Option<Self::Item> {
        let Some(far) = &self.files.far else {
            let file = self.listed.next()?;
            let opened = self.files.open_file(&file, &self.query);
            return Some((file, opened));
        };
        let runtime = far.bucket.runtime();
        for file in self.listed.by_ref().take(AHEAD_MAX - self.opening.len()) {
            let (files, query, wanted) = (Arc::clone(&self.files), self.query.clone(), file.clone());
            self.opening.push_back((file, runtime.spawn_blocking(move || files.open_file(&wanted, &query))));
        }
        let (file, opening) = self.opening.pop_front()?;
        let unopened = |_| Err(BucketError::Stopping.into_error("fetch", &file.to_string()));
        let opened = runtime.block_on(opening).unwrap_or_else(unopened);
        Some((file, opened))
    }
}
