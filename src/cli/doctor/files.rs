//! The files a server stands on: the store's, the folder of click files, the geo files.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use jiff::{Timestamp, ToSpan};

use super::finding::Finding;
use super::machine::{existing, may_write};
use crate::archive::{self, Address};

/// The name of the embedded store's file in its folder.
const STORE_FILE: &str = "waypost.db";
/// How every SQLite database begins (sqlite.org/fileformat2.html, section 1.3).
const SQLITE_MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// The embedded store, looked at from outside: it is not opened, because a doctor must not lock or change it.
pub(super) fn store(config: &crate::store::Config, data: &Path) -> Finding {
    const WHAT: &str = "store";
    let Some(folder) = store_folder(config, data) else {
        return Finding::warn(WHAT, "it is on another machine; start the server to see whether it answers");
    };
    let path = folder.join(STORE_FILE);
    let shown = path.display();
    match is_sqlite(&path) {
        Ok(true) => Finding::ok(WHAT, format!("{shown} is a SQLite file")),
        Ok(false) => Finding::fail(WHAT, format!("{shown} is not a SQLite file: bring it back from a backup")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Finding::ok(WHAT, format!("{shown} does not exist yet; `waypost serve` makes it"))
        }
        Err(error) => Finding::fail(WHAT, format!("cannot read {shown}: {error}")),
    }
}

fn store_folder(config: &crate::store::Config, data: &Path) -> Option<PathBuf> {
    match config.url.as_str() {
        "" => Some(data.to_owned()),
        url => url.strip_prefix("embedded:").map(PathBuf::from),
    }
}

fn is_sqlite(path: &Path) -> io::Result<bool> {
    let mut magic = Vec::with_capacity(SQLITE_MAGIC.len());
    fs::File::open(path)?.take(SQLITE_MAGIC.len() as u64).read_to_end(&mut magic)?;
    Ok(magic == SQLITE_MAGIC)
}

/// The folder of click files, or the bucket. A server that runs has the credentials, and says itself how it stands.
pub(super) fn archive(config: &archive::Config, data: &Path, is_running: bool) -> Option<Finding> {
    const WHAT: &str = "click files";
    Some(match Address::of(config, data) {
        Ok(Address::Folder(folder)) => {
            let parent = existing(&folder);
            match may_write(parent) {
                Ok(()) => Finding::ok(WHAT, format!("{} can be written to", folder.display())),
                Err(error) => {
                    Finding::fail(WHAT, format!("cannot write in {}: {error}; change its owner", parent.display()))
                }
            }
        }
        Ok(Address::Bucket(_)) if is_running => return None,
        Ok(Address::Bucket(bucket)) => match ask(config, data) {
            Ok(()) => Finding::ok(WHAT, format!("{bucket} answers and lets its files be listed")),
            Err(error) => Finding::fail(WHAT, format!("{error:#}")),
        },
        Err(error) => Finding::fail(WHAT, error.to_string()),
    })
}

fn ask(config: &archive::Config, data: &Path) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    Ok(archive::check(config, data, runtime.handle())?)
}

/// Countries and cities wander: after two months a file is out of date.
const GEO_DAYS_MAX: i64 = 60;

pub(super) fn geo(config: &crate::classify::Config, now: Timestamp) -> Vec<Finding> {
    if config.geo.is_empty() {
        let why = "no file is configured (classify.geo), so clicks have no country; the README says where to get one";
        return vec![Finding::warn("geo file", why)];
    }
    config.geo.iter().map(|path| geo_file(path, now)).collect()
}

fn geo_file(path: &Path, now: Timestamp) -> Finding {
    const WHAT: &str = "geo file";
    let shown = path.display();
    let about = match maxminddb::Reader::open_readfile(path) {
        Ok(reader) => reader.metadata().clone(),
        Err(error) => return Finding::fail(WHAT, format!("{shown} cannot be read: {error}; get it again")),
    };
    let built = i64::try_from(about.build_epoch).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    let Some(built) = built else { return Finding::warn(WHAT, format!("{shown} does not say when it was built")) };
    let text = format!("{shown}: {}, built {}", about.database_type, built.strftime("%Y-%m-%d"));
    if built.checked_add((GEO_DAYS_MAX * 24).hours()).is_ok_and(|stale| stale < now) {
        return Finding::warn(WHAT, format!("{text}: more than {GEO_DAYS_MAX} days ago; get a newer one"));
    }
    Finding::ok(WHAT, text)
}

#[cfg(test)]
mod tests {
    use super::super::finding::Grade;
    use super::*;
    use crate::config::Config;

    #[test]
    fn a_store_that_is_not_there_yet_is_fine_and_one_that_is_no_database_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let config = Config::default_values().store;
        assert_eq!(store(&config, folder.path()).grade, Grade::Ok);
        let path = folder.path().join(STORE_FILE);
        fs::write(&path, [SQLITE_MAGIC.as_slice(), &[0; 100]].concat()).unwrap();
        assert_eq!(store(&config, folder.path()).grade, Grade::Ok);
        fs::write(&path, "not a database").unwrap();
        assert_eq!(store(&config, folder.path()).grade, Grade::Fail);
        let far = crate::store::Config { url: "redis://r".to_owned(), ..config };
        assert_eq!(store(&far, folder.path()).grade, Grade::Warn);
    }

    #[test]
    fn a_geo_file_is_told_by_type_and_age() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("places.mmdb");
        fs::write(&path, crate::cli::demo::places::database(1_760_000_000).unwrap()).unwrap();
        let at = |seconds: i64| Timestamp::from_second(seconds).unwrap();
        let fresh = geo_file(&path, at(1_760_000_000));
        assert_eq!(fresh.grade, Grade::Ok, "{fresh:?}");
        assert!(fresh.why.contains("built 2025-10-09"), "{fresh:?}");
        assert_eq!(geo_file(&path, at(1_760_000_000 + 61 * 86_400)).grade, Grade::Warn);
        assert_eq!(geo_file(&folder.path().join("none.mmdb"), at(0)).grade, Grade::Fail);
    }
}
