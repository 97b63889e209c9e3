//! The geo files: read at start, looked at again now and then, replaced only by sound ones.
//!
//! The only IO of classification. A file that is missing or damaged never stops anything: the one in use stays, or
//! places are unknown, and the log says so once per change of the file.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;

use crate::classify::place::{FILE_BYTES_MAX, PlaceFile, Places};

/// How one configured file stands, for `doctor` and the node's report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GeoState {
    pub(crate) path: PathBuf,
    /// What the file in use calls itself; empty if none is.
    pub(crate) database_type: String,
    /// The day the file in use was built, `YYYY-MM-DD`; empty if none is or it does not say.
    pub(crate) built: String,
    /// `in use`, or what is wrong with the file as it lies there now.
    pub(crate) state: String,
}

impl GeoState {
    pub(crate) const IN_USE: &'static str = "in use";
}

/// The geo files of a node.
pub(crate) struct Geo {
    places: ArcSwap<Places>,
    files: Mutex<Vec<Watched>>,
}

impl Geo {
    /// Reads the files at `paths`, which are asked in this order.
    pub(crate) fn new(paths: Vec<PathBuf>) -> Self {
        let files = paths.into_iter().map(Watched::new).collect();
        let geo = Self { places: ArcSwap::default(), files: Mutex::new(files) };
        geo.refresh();
        geo
    }

    /// The files in use at this moment.
    pub(crate) fn places(&self) -> Arc<Places> {
        self.places.load_full()
    }

    /// Reads those files again that changed on disk. It reads and verifies whole files, so it belongs on a thread
    /// that may block. Whoever asks for places meanwhile gets the old ones.
    pub(crate) fn refresh(&self) {
        let mut files = self.lock();
        let changed = files.iter_mut().filter_map(|file| file.look().then_some(())).count();
        if changed > 0 {
            let in_use = files.iter().filter_map(|file| file.in_use.clone()).collect();
            self.places.store(Arc::new(Places::new(in_use)));
        }
    }

    /// How each configured file stands.
    pub(crate) fn state(&self) -> Vec<GeoState> {
        self.lock().iter().map(Watched::state).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Watched>> {
        // A panic while holding it leaves whole files behind, old or new; both are usable.
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What tells one state of a file on disk from another: time of change in ns, size, inode.
type Mark = (i64, i64, u64, u64);

/// One configured file.
struct Watched {
    path: PathBuf,
    /// The state on disk that was last read or given up on; `None` while the file cannot be seen.
    mark: Option<Mark>,
    in_use: Option<Arc<PlaceFile>>,
    error: String,
}

impl Watched {
    fn new(path: PathBuf) -> Self {
        Self { path, mark: None, in_use: None, error: String::new() }
    }

    /// Looks at the file; true if another one is in use afterwards.
    fn look(&mut self) -> bool {
        match mark(&self.path) {
            Ok(mark) if self.mark == Some(mark) => false,
            Ok(mark) => {
                self.mark = Some(mark);
                self.take(read(&self.path))
            }
            Err(error) => {
                self.mark = None;
                self.take(Err(error))
            }
        }
    }

    fn take(&mut self, read: Result<PlaceFile, String>) -> bool {
        match read {
            Ok(file) => {
                tracing::info!(path = %self.path.display(), kind = file.database_type(), "geo file in use");
                self.in_use = Some(Arc::new(file));
                self.error.clear();
                true
            }
            Err(error) => {
                self.complain(error);
                false
            }
        }
    }

    /// Warns unless the last look found the same.
    fn complain(&mut self, error: String) {
        if self.error != error {
            let meanwhile = if self.in_use.is_some() { "the old one stays in use" } else { "places are unknown" };
            tracing::warn!(path = %self.path.display(), "geo file cannot be used: {error}; {meanwhile}");
            self.error = error;
        }
    }

    fn state(&self) -> GeoState {
        let in_use = self.in_use.as_deref();
        GeoState {
            path: self.path.clone(),
            database_type: in_use.map(|file| file.database_type().to_owned()).unwrap_or_default(),
            built: in_use.map(|file| day(file.built_s())).unwrap_or_default(),
            state: if self.error.is_empty() { GeoState::IN_USE.to_owned() } else { self.error.clone() },
        }
    }
}

fn day(seconds: i64) -> String {
    let time = jiff::Timestamp::from_second(seconds).ok().filter(|_| seconds > 0);
    time.map(|time| time.strftime("%Y-%m-%d").to_string()).unwrap_or_default()
}

fn mark(path: &Path) -> Result<Mark, String> {
    let facts = std::fs::metadata(path).map_err(|error| explain(&error))?;
    if !facts.is_file() {
        return Err("it is not a file".to_owned());
    }
    Ok((facts.mtime(), facts.mtime_nsec(), facts.size(), facts.ino()))
}

/// Reads a whole file of at most [`FILE_BYTES_MAX`] bytes, however much it grows meanwhile.
fn read(path: &Path) -> Result<PlaceFile, String> {
    let file = File::open(path).map_err(|error| explain(&error))?;
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|error| explain(&error))?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(format!("it is larger than {} MiB", FILE_BYTES_MAX / (1024 * 1024)));
    }
    PlaceFile::parse(bytes).map_err(|error| error.to_string())
}

fn explain(error: &std::io::Error) -> String {
    if error.kind() == ErrorKind::NotFound { "there is no such file".to_owned() } else { error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classify::place::tests::country_file;

    fn country(geo: &Geo) -> String {
        geo.places().find("192.0.2.1".parse().unwrap()).country.to_string()
    }

    #[test]
    fn a_missing_file_means_unknown_and_is_found_when_it_appears() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("geo.mmdb");
        let geo = Geo::new(vec![path.clone()]);
        assert_eq!(country(&geo), "");
        assert_eq!(geo.state()[0].state, "there is no such file");
        std::fs::write(&path, country_file("SE")).unwrap();
        geo.refresh();
        assert_eq!(country(&geo), "SE");
        assert_eq!(geo.state()[0].state, GeoState::IN_USE);
        assert_eq!(geo.state()[0].database_type, "Test-Country");
    }

    #[test]
    fn a_damaged_file_is_refused_and_the_old_one_stays_in_use() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("geo.mmdb");
        std::fs::write(&path, country_file("SE")).unwrap();
        let geo = Geo::new(vec![path.clone()]);
        std::fs::write(&path, b"this is no database").unwrap();
        geo.refresh();
        assert_eq!(country(&geo), "SE");
        assert_ne!(geo.state()[0].state, GeoState::IN_USE);
        std::fs::remove_file(&path).unwrap();
        geo.refresh();
        assert_eq!(country(&geo), "SE");
        std::fs::write(&path, country_file("NO")).unwrap();
        geo.refresh();
        assert_eq!((country(&geo).as_str(), geo.state()[0].state.as_str()), ("NO", GeoState::IN_USE));
    }
}
