//! Recalls: files of the bucket that must go, because the clicks in them are being written again.
//!
//! A process that died may have sealed clicks that the store was never told of; its successor writes them again, maybe
//! cut differently. The folder forgets such files at once. The bucket may be away, so what it has to forget is noted in
//! the folder, and until that is done those files are not shown. A recall must never outlive its execution: it would
//! remove the files that were written instead.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::ArchiveError;
use super::bucket::Object;
use super::click_file::{FileName, sync_folder};
use crate::domain::position::{Incarnation, Position};

const PREFIX: &str = ".recall-";
const FILE_MODE: u32 = 0o600;

/// Recalls that wait. There is one for each journal that a start found, and one start finds few.
const RECALLS_MAX: usize = 10_000;

/// Files of `incarnation` that begin at or after `from`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Recall {
    incarnation: Incarnation,
    from: Position,
}

pub(super) struct Recalls {
    folder: PathBuf,
    waiting: Mutex<Vec<Recall>>,
}

impl Recall {
    fn parse(name: &str) -> Option<Self> {
        let (incarnation, from) = name.strip_prefix(PREFIX)?.split_once('-')?;
        Some(Self { incarnation: Incarnation::parse(incarnation)?, from: Position(from.parse().ok()?) })
    }

    fn path(self, folder: &Path) -> PathBuf {
        folder.join(format!("{PREFIX}{}-{:020}", self.incarnation, self.from.0))
    }

    fn holds(self, object: &Object) -> bool {
        FileName::parse(object.day, &object.name)
            .is_some_and(|name| name.incarnation == self.incarnation && name.from >= self.from)
    }
}

impl Recalls {
    /// Those that an earlier process noted in `folder`.
    pub(super) fn open(folder: &Path) -> Result<Self, ArchiveError> {
        let list = || fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name())).collect::<std::io::Result<Vec<_>>>();
        let names = list().map_err(|cause| ArchiveError::io("list", folder, cause))?;
        let waiting = names.iter().filter_map(|name| Recall::parse(name.to_str()?)).collect();
        Ok(Self { folder: folder.to_owned(), waiting: Mutex::new(waiting) })
    }

    /// Notes a recall, durably.
    pub(super) fn add(&self, incarnation: Incarnation, from: Position) -> Result<(), ArchiveError> {
        let recall = Recall { incarnation, from };
        let mut waiting = self.lock();
        if waiting.contains(&recall) {
            return Ok(());
        }
        let path = recall.path(&self.folder);
        let failed = |cause| ArchiveError::io("note", &path, cause);
        if waiting.len() >= RECALLS_MAX {
            return Err(failed(std::io::Error::other("too many wait for the object store")));
        }
        OpenOptions::new().write(true).create(true).truncate(true).mode(FILE_MODE).open(&path).map_err(failed)?;
        sync_folder(&self.folder)?;
        waiting.push(recall);
        Ok(())
    }

    /// Those that wait.
    pub(super) fn waiting(&self) -> Vec<Recall> {
        self.lock().clone()
    }

    /// Whether this file is to go.
    pub(super) fn hold(&self, object: &Object) -> bool {
        self.lock().iter().any(|recall| recall.holds(object))
    }

    /// The files of `recalls` are gone.
    pub(super) fn done(&self, recalls: &[Recall]) -> Result<(), ArchiveError> {
        for recall in recalls {
            let path = recall.path(&self.folder);
            fs::remove_file(&path).map_err(|cause| ArchiveError::io("remove", &path, cause))?;
        }
        // Before a file that one of them names can be written again, it must not come back in a power cut.
        sync_folder(&self.folder)?;
        self.lock().retain(|waiting| !recalls.contains(waiting));
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Recall>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
