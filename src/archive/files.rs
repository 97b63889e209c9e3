//! The click files wherever they are: in the folder of this node, in the bucket, or on their way between the two.
//!
//! Without a bucket the folder is all there is. With one, a file is written into the folder first and moves to the
//! bucket ([`courier`](super::courier)); where both have one of the same name, the folder's counts, because it is what
//! the bucket's will be. This must never show a file of the bucket that is [recalled](super::recalls).

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File};
use std::io;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::civil::Date;
use quick_cache::sync::Cache as Remembered;
use tokio::runtime::Handle;

use super::address::{Address, BucketAddress};
use super::bucket::{Bucket, Object};
use super::cache::{self, Cache, Incoming};
use super::click_file::{self, FileName};
use super::filter::ClickQuery;
use super::outline::Outline;
use super::recalls::Recalls;
use super::{ArchiveError, Config, Waiting};
use crate::domain::position::{Incarnation, Position};

/// Outlines that are remembered, each some 100 bytes: what a file of the bucket holds is asked for once.
const OUTLINES_MAX: usize = 65_536;

/// Bytes from the end of a file that have its footer in them, nearly always: it takes some 10 KiB for two row groups.
/// A file that is not much longer is fetched whole at once.
const TAIL_BYTES: u64 = 32 * 1024;
const WORTH_A_LOOK_BYTES: u64 = 4 * TAIL_BYTES;

/// Bytes of a file that is fetched. The largest that is ever written has the clicks that may wait at once, 2,000,000 of
/// some 40 bytes.
const FILE_BYTES_MAX: u64 = 1 << 30;

/// A click file, and which of its places had it when it was listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoredFile {
    pub(super) day: Date,
    pub(super) name: String,
    /// Set if the bucket has it and the folder does not.
    object: Option<Object>,
}

impl StoredFile {
    /// The UTC day of its clicks.
    pub(crate) fn day(&self) -> Date {
        self.day
    }

    #[cfg(test)]
    pub(crate) fn named(day: Date, name: String) -> Self {
        Self { day, name, object: None }
    }

    /// The hit that its first click was, by its name; `None` if the name is none of ours.
    pub(crate) fn begin(&self) -> Option<(Incarnation, Position)> {
        FileName::parse(self.day, &self.name).map(|name| (name.incarnation, name.from))
    }
}

impl fmt::Display for StoredFile {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{}/{}", click_file::day_folder(self.day), self.name)
    }
}

/// What came of opening a file.
pub(super) enum Opened {
    File(File),
    /// Its footer tells that it holds nothing of what is asked for.
    NothingAsked,
    /// Somebody removed it.
    Gone,
}

pub(super) struct Files {
    pub(super) folder: PathBuf,
    pub(super) far: Option<Far>,
}

/// What belongs to a bucket.
pub(super) struct Far {
    pub(super) bucket: Bucket,
    pub(super) recalls: Arc<Recalls>,
    fetched: Cache,
    outlines: Remembered<String, Arc<Outline>>,
}

impl Files {
    /// Makes the folder, for its owner only, and looks whether the bucket is there.
    ///
    /// # Errors
    /// When the folder cannot be made, or the bucket says no. One that does not answer is waited for.
    pub(super) fn open(address: Address, config: &Config, data: &Path, runtime: &Handle) -> Result<Self, ArchiveError> {
        let (folder, address) = match address {
            Address::Folder(folder) => (folder, None),
            Address::Bucket(address) => (data.join("clicks"), Some(address)),
        };
        click_file::prepare_root(&folder)?;
        let far = address.map(|address| Far::open(&address, config, &folder, data, runtime)).transpose()?;
        Ok(Self { folder, far })
    }

    /// The click files of `days`, by day and name.
    pub(super) fn list(&self, days: &RangeInclusive<Date>) -> Result<Vec<StoredFile>, ArchiveError> {
        // The folder first: what moves to the bucket meanwhile is then found twice, not never.
        let near = click_file::list(&self.folder, days)?;
        let of_near = |(day, name)| StoredFile { day, name, object: None };
        let Some(far) = &self.far else { return Ok(near.into_iter().map(of_near).collect()) };
        let of_far = |object: Object| StoredFile { day: object.day, name: object.name.clone(), object: Some(object) };
        let all = far.list(days)?.into_iter().map(of_far).chain(near.into_iter().map(of_near));
        // Of two in one place the later one stays, which is the folder's.
        let places: BTreeMap<_, _> = all.map(|file| ((file.day, file.name.clone()), file)).collect();
        Ok(places.into_values().collect())
    }

    /// Opens a file that was listed, if it may hold what `query` asks for.
    pub(super) fn open_file(&self, file: &StoredFile, query: &ClickQuery) -> Result<Opened, ArchiveError> {
        if file.object.is_none() {
            let path = self.path(file);
            match File::open(&path) {
                Ok(file) => return Ok(Opened::File(file)),
                // It has moved to the bucket, or somebody tidied up.
                Err(cause) if cause.kind() == io::ErrorKind::NotFound => {}
                Err(cause) => return Err(ArchiveError::io("read", &path, cause)),
            }
        }
        match &self.far {
            Some(far) => far.open_file(file, query),
            None => Ok(Opened::Gone),
        }
    }

    /// Where the file is or would be in the folder.
    pub(super) fn path(&self, file: &StoredFile) -> PathBuf {
        click_file::path(&self.folder, file.day, &file.name)
    }

    /// What is in the folder.
    pub(super) fn waiting(&self) -> Waiting {
        // A folder that cannot be listed is told by whoever writes there.
        let files = click_file::list(&self.folder, &(Date::MIN..=Date::MAX)).unwrap_or_default();
        let bytes =
            files.iter().filter_map(|(day, name)| fs::metadata(click_file::path(&self.folder, *day, name)).ok());
        Waiting { files: files.len() as u64, bytes: bytes.map(|about| about.len()).sum() }
    }

    /// A file that was opened is damaged. If that was a copy of what the bucket has, the copy goes, and the answer is yes.
    pub(super) fn distrust(&self, file: &StoredFile) -> bool {
        let (Some(far), Some(object)) = (&self.far, &file.object) else { return false };
        far.fetched.forget(&object.identity())
    }

    /// Removes the files of `incarnation` that begin at or after `from`: from the folder at once, and from the bucket
    /// before anything more goes there. They are not shown from now on. Returns how many the folder had.
    pub(super) fn discard(&self, incarnation: Incarnation, from: Position) -> Result<usize, ArchiveError> {
        if let Some(far) = &self.far {
            far.recalls.add(incarnation, from)?;
        }
        let mut files = click_file::list(&self.folder, &(Date::MIN..=Date::MAX))?;
        files.retain(|(day, name)| begin_of(*day, name, incarnation).is_some_and(|begin| begin >= from));
        click_file::remove(&self.folder, &files)?;
        Ok(files.len())
    }

    /// The least position at or after `from` at which a file of `incarnation` begins.
    pub(super) fn first_from(
        &self,
        incarnation: Incarnation,
        from: Position,
    ) -> Result<Option<Position>, ArchiveError> {
        let files = self.list(&(Date::MIN..=Date::MAX))?;
        let begins = files.iter().filter_map(|file| begin_of(file.day, &file.name, incarnation));
        Ok(begins.filter(|begin| *begin >= from).min())
    }
}

/// Where a click file of `incarnation` begins; `None` for files of others.
pub(super) fn begin_of(day: Date, name: &str, incarnation: Incarnation) -> Option<Position> {
    FileName::parse(day, name).filter(|name| name.incarnation == incarnation).map(|name| name.from)
}

impl Far {
    fn open(
        address: &BucketAddress,
        config: &Config,
        folder: &Path,
        data: &Path,
        runtime: &Handle,
    ) -> Result<Self, ArchiveError> {
        let bucket = Bucket::open(address, runtime.clone())?;
        match bucket.check() {
            Ok(()) => {}
            Err(cause) if cause.is_final() => {
                return Err(cause.into_error("use", &address.told()));
            }
            Err(error) => tracing::warn!(
                archive = address.told(),
                %error,
                "the object store does not answer; click files wait in the data folder until it does"
            ),
        }
        let kept = cache::folder_in(data);
        let fetched = Cache::open(kept.clone(), config.cache_mb.saturating_mul(1 << 20));
        let fetched = fetched.map_err(|cause| ArchiveError::io("prepare", &kept, cause))?;
        let recalls = Arc::new(Recalls::open(folder)?);
        Ok(Self { bucket, recalls, fetched, outlines: Remembered::new(OUTLINES_MAX) })
    }

    fn list(&self, days: &RangeInclusive<Date>) -> Result<Vec<Object>, ArchiveError> {
        let mut objects = self.bucket.list(days)?;
        objects.retain(|object| {
            if object.bytes > FILE_BYTES_MAX {
                tracing::warn!(
                    name = object.name,
                    bytes = object.bytes,
                    "left a file out that is too large to be ours"
                );
            }
            object.bytes <= FILE_BYTES_MAX && !self.recalls.hold(object)
        });
        Ok(objects)
    }

    fn open_file(&self, file: &StoredFile, query: &ClickQuery) -> Result<Opened, ArchiveError> {
        let Some(object) = &file.object else { return self.fetch(file, None) };
        if let Some(file) = self.fetched.get(&object.identity()) {
            return Ok(Opened::File(file));
        }
        match self.outline(object, query)? {
            Some(outline) if outline.matching(query).is_empty() => Ok(Opened::NothingAsked),
            _ => self.fetch(file, Some(object)),
        }
    }

    /// What the file holds, by its footer; `None` where that is not worth a request, or tells nothing. Whether the file
    /// is damaged is for whoever reads it whole to say.
    fn outline(&self, object: &Object, query: &ClickQuery) -> Result<Option<Arc<Outline>>, ArchiveError> {
        let identity = object.identity();
        if let Some(outline) = self.outlines.get(&identity) {
            return Ok(Some(outline));
        }
        if !query.can_leave_out(object.day) || object.bytes < WORTH_A_LOOK_BYTES {
            return Ok(None);
        }
        let Some(tail) = self.bucket.tail(object, TAIL_BYTES)? else { return Ok(None) };
        let outline = Outline::of_tail(&tail).ok().flatten().map(Arc::new);
        if let Some(outline) = &outline {
            self.outlines.insert(identity, Arc::clone(outline));
        }
        Ok(outline)
    }

    /// Fetches a file whole, and keeps it if it is the one that was listed.
    fn fetch(&self, file: &StoredFile, listed: Option<&Object>) -> Result<Opened, ArchiveError> {
        let failed = |cause| ArchiveError::io("keep", Path::new(&file.name), cause);
        let mut incoming = self.fetched.incoming().map_err(failed)?;
        let Some(object) = self.bucket.fetch(file.day, &file.name, &mut incoming.file)? else {
            return Ok(Opened::Gone);
        };
        if let Some(listed) = listed.filter(|listed| listed.is_same(&object)) {
            self.fetched.keep(&listed.identity(), &incoming).map_err(failed)?;
        }
        Incoming::into_file(incoming).map(Opened::File).map_err(failed)
    }
}
