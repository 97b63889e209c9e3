//! Click files that were fetched from the bucket, kept on the disk for the next report.
//!
//! Whatever is here can be fetched again, so it may go at any time. It must never take more than its bytes, and never
//! give out a file that is not the one that was asked for: a name is a hash of all that tells one object from another.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Seek};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use hashbrown::HashMap;

/// Only the owner may read what visitors sent.
const FOLDER_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;

const SUFFIX: &str = ".parquet";
const UNFINISHED_SUFFIX: &str = ".tmp";

pub(super) struct Cache {
    folder: PathBuf,
    bytes_max: u64,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    files: HashMap<String, Entry>,
    bytes: u64,
    /// Grows with each use, so that the file with the least number is the one that nobody asked for the longest.
    uses: u64,
}

struct Entry {
    bytes: u64,
    used: u64,
}

/// A file that is being fetched. It goes with this value unless it is kept.
pub(super) struct Incoming {
    path: PathBuf,
    pub(super) file: File,
}

impl Cache {
    /// Opens the cache in `folder` with what an earlier process kept there.
    pub(super) fn open(folder: PathBuf, bytes_max: u64) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(&folder)?;
        let mut found = Vec::new();
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            let (path, about) = (entry.path(), entry.metadata()?);
            match path.file_name().and_then(|name| name.to_str()) {
                Some(name) if name.ends_with(SUFFIX) => found.push((about.modified()?, name.to_owned(), about.len())),
                Some(name) if name.ends_with(UNFINISHED_SUFFIX) => fs::remove_file(&path)?,
                _ => {}
            }
        }
        found.sort();
        let cache = Self { folder, bytes_max, kept: Mutex::default() };
        let mut kept = cache.lock();
        for (_, name, bytes) in found {
            kept.add(name, bytes);
        }
        cache.make_room(&mut kept);
        drop(kept);
        Ok(cache)
    }

    /// The file of the object with this identity, if it is here.
    pub(super) fn get(&self, identity: &str) -> Option<File> {
        let name = name_of(identity);
        let mut kept = self.lock();
        let used = kept.next_use();
        kept.files.get_mut(&name)?.used = used;
        let file = File::open(self.folder.join(&name));
        if file.is_err() {
            // Somebody tidied up.
            kept.remove(&name);
        }
        // How old it is must outlive the process, and it does so best effort.
        file.ok().inspect(|file| drop(file.set_modified(SystemTime::now())))
    }

    /// A file to fetch into.
    pub(super) fn incoming(&self) -> io::Result<Incoming> {
        let path = self.folder.join(format!("{}{UNFINISHED_SUFFIX}", uuid::Uuid::now_v7()));
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(FILE_MODE).open(&path)?;
        Ok(Incoming { path, file })
    }

    /// Keeps what was fetched, and lets go of what was asked for the longest time ago.
    pub(super) fn keep(&self, identity: &str, incoming: &Incoming) -> io::Result<()> {
        let name = name_of(identity);
        let bytes = incoming.file.metadata()?.len();
        let mut kept = self.lock();
        fs::rename(&incoming.path, self.folder.join(&name))?;
        kept.add(name, bytes);
        self.make_room(&mut kept);
        Ok(())
    }

    /// Lets go of a file; `false` when it was not here.
    pub(super) fn forget(&self, identity: &str) -> bool {
        let name = name_of(identity);
        let was_here = self.lock().remove(&name);
        if was_here {
            let _ = fs::remove_file(self.folder.join(name));
        }
        was_here
    }

    fn make_room(&self, kept: &mut Kept) {
        while kept.bytes > self.bytes_max {
            let Some(oldest) = kept.files.iter().min_by_key(|(_, entry)| entry.used).map(|(name, _)| name.clone())
            else {
                return;
            };
            kept.remove(&oldest);
            // Whoever reads it has it open and goes on.
            let _ = fs::remove_file(self.folder.join(oldest));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn next_use(&mut self) -> u64 {
        self.uses += 1;
        self.uses
    }

    fn add(&mut self, name: String, bytes: u64) {
        self.remove(&name);
        let used = self.next_use();
        self.bytes += bytes;
        self.files.insert(name, Entry { bytes, used });
    }

    fn remove(&mut self, name: &str) -> bool {
        let removed = self.files.remove(name);
        self.bytes -= removed.as_ref().map_or(0, |entry| entry.bytes);
        removed.is_some()
    }
}

impl Incoming {
    /// The file, to be read from its beginning. It has no name any more if it was not kept.
    pub(super) fn into_file(self) -> io::Result<File> {
        let mut file = self.file.try_clone()?;
        file.rewind()?;
        Ok(file)
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        // It is not there any more when it was kept.
        let _ = fs::remove_file(&self.path);
    }
}

fn name_of(identity: &str) -> String {
    format!("{}{SUFFIX}", blake3::hash(identity.as_bytes()).to_hex())
}

/// Where the cache of a node is.
pub(super) fn folder_in(data: &Path) -> PathBuf {
    data.join("clicks-fetched")
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use tempfile::TempDir;

    use super::*;

    fn keep(cache: &Cache, identity: &str, bytes: &[u8]) {
        let mut incoming = cache.incoming().unwrap();
        incoming.file.write_all(bytes).unwrap();
        cache.keep(identity, &incoming).unwrap();
    }

    fn text(cache: &Cache, identity: &str) -> Option<String> {
        let mut text = String::new();
        cache.get(identity)?.read_to_string(&mut text).unwrap();
        Some(text)
    }

    #[test]
    fn what_was_not_asked_for_the_longest_goes_first() {
        let folder = TempDir::new().unwrap();
        let cache = Cache::open(folder.path().join("cache"), 10).unwrap();
        keep(&cache, "one", b"1111");
        keep(&cache, "two", b"2222");
        assert_eq!(text(&cache, "one").as_deref(), Some("1111"));
        keep(&cache, "three", b"3333");
        assert_eq!((text(&cache, "two"), text(&cache, "one").as_deref()), (None, Some("1111")));
        keep(&cache, "large", &[b'x'; 11]);
        assert_eq!((text(&cache, "large"), text(&cache, "three")), (None, None));
        assert_eq!(fs::read_dir(folder.path().join("cache")).unwrap().count(), 0);
    }

    #[test]
    fn a_restart_finds_what_was_kept_and_removes_what_was_not() {
        let folder = TempDir::new().unwrap();
        let cache = Cache::open(folder.path().to_owned(), 10).unwrap();
        keep(&cache, "one", b"1111");
        fs::write(folder.path().join("half.tmp"), "half").unwrap();
        drop(cache.incoming().unwrap());
        let cache = Cache::open(folder.path().to_owned(), 10).unwrap();
        assert_eq!(text(&cache, "one").as_deref(), Some("1111"));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        cache.forget("one");
        assert_eq!(text(&cache, "one"), None);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_file_that_somebody_removed_is_not_there() {
        let folder = TempDir::new().unwrap();
        let cache = Cache::open(folder.path().to_owned(), 10).unwrap();
        keep(&cache, "one", b"1111");
        fs::remove_file(folder.path().join(name_of("one"))).unwrap();
        assert_eq!(text(&cache, "one"), None);
    }
}
