//! The file of the embedded store: who may hold it, how it is opened, and what is refused.
//!
//! Nothing is changed before the file is known to be ours and of a schema we know.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::error::Failure;
use super::schema;
use crate::store::{OpenError, StoreError};

pub(super) const FILE_NAME: &str = "waypost.db";
const LOCK_NAME: &str = "waypost.db.lock";

/// Up to 3.51.2 a WAL file that starts over could corrupt the database (fixed in 3.51.3).
const SQLITE_OLDEST: i32 = 3_051_003;

/// How long a connection waits for a lock that another program holds, such as a backup with sqlite3.
const BUSY_TIMEOUT: Duration = Duration::from_secs(1);

/// Prepared statements kept per connection; more than the store has.
const STATEMENTS_MAX: usize = 64;

/// Memory for pages, in KiB: the counters of today should fit.
const WRITER_CACHE_KIB: i64 = 32 * 1024;
const READER_CACHE_KIB: i64 = 8 * 1024;

/// What is left of the WAL file after it has grown, in bytes.
const WAL_BYTES_KEPT: i64 = 64 << 20;

/// A folder that this process alone holds as a store, until it is dropped.
pub(super) struct Held {
    file: PathBuf,
    /// Never the database file: closing another handle of that would drop SQLite's own locks.
    _lock: File,
}

impl Held {
    /// Makes the folder (0700) if there is none and takes its lock.
    pub(super) fn take(folder: &Path) -> Result<Self, OpenError> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(at(folder))?;
        let path = folder.join(LOCK_NAME);
        let lock = private().create(true).truncate(false).open(&path).map_err(at(&path))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { file: folder.join(FILE_NAME), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(OpenError::InUse(folder.to_owned())),
            Err(TryLockError::Error(cause)) => Err(at(&path)(cause)),
        }
    }

    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    /// The connection that writes. Makes the file (0600) or brings it to the newest schema.
    pub(super) fn open_writer(&self) -> Result<Connection, OpenError> {
        refuse_old_sqlite()?;
        self.make()?;
        let mut connection = self.connect(OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        let version = self.check(&connection)?;
        self.prepare_writer(&mut connection, version).map_err(|error| self.failed(error))?;
        Ok(connection)
    }

    /// A connection that only reads.
    pub(super) fn open_reader(&self) -> Result<Connection, OpenError> {
        let connection = self.connect(OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        let prepared = connection.pragma_update(None, "cache_size", -READER_CACHE_KIB);
        prepared.map_err(|error| self.failed(error))?;
        Ok(connection)
    }

    fn make(&self) -> Result<(), OpenError> {
        match private().create_new(true).open(&self.file) {
            Ok(_) => self.refuse_orphaned_wal(),
            Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Err(cause) => Err(at(&self.file)(cause)),
        }
    }

    /// A WAL without its database means that the database was lost; SQLite would discard it and start empty.
    fn refuse_orphaned_wal(&self) -> Result<(), OpenError> {
        let wal = self.file.with_file_name(format!("{FILE_NAME}-wal"));
        if !wal.metadata().is_ok_and(|found| found.len() > 0) {
            return Ok(());
        }
        std::fs::remove_file(&self.file).map_err(at(&self.file))?;
        let (file, wal) = (self.file.display(), wal.display());
        Err(OpenError::Store(StoreError::Corrupt(format!(
            "{file} is missing but {wal} is there; put both back from one backup, or move the second away to start empty"
        ))))
    }

    fn connect(&self, access: OpenFlags) -> Result<Connection, OpenError> {
        // Not the default flags: those would read a folder named "file:…" as a URI.
        let connection = Connection::open_with_flags(&self.file, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)
            .map_err(|error| self.failed(error))?;
        connection.busy_timeout(BUSY_TIMEOUT).map_err(|error| self.failed(error))?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
        Ok(connection)
    }

    /// The schema version, once the file is known to be ours or empty.
    fn check(&self, connection: &Connection) -> Result<i64, OpenError> {
        let (application, version, tables) = identity(connection).map_err(|error| self.failed(error))?;
        if application != schema::APPLICATION_ID && (application, version, tables) != (0, 0, 0) {
            return Err(OpenError::Foreign(self.file.clone()));
        }
        if version > schema::NEWEST {
            return Err(OpenError::Newer { path: self.file.clone(), found: version, known: schema::NEWEST });
        }
        Ok(version)
    }

    fn prepare_writer(&self, connection: &mut Connection, version: i64) -> rusqlite::Result<()> {
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
        connection.pragma_update_and_check(None, "journal_size_limit", WAL_BYTES_KEPT, |_| Ok(()))?;
        connection.pragma_update(None, "cache_size", -WRITER_CACHE_KIB)?;
        connection.pragma_update(None, "foreign_keys", true)?;
        schema::migrate(connection, version)
    }

    fn failed(&self, error: rusqlite::Error) -> OpenError {
        OpenError::Store(Failure::from(error).in_file(&self.file))
    }
}

fn refuse_old_sqlite() -> Result<(), OpenError> {
    if rusqlite::version_number() < SQLITE_OLDEST {
        return Err(OpenError::Sqlite(rusqlite::version()));
    }
    Ok(())
}

/// `application_id`, `user_version`, and how many tables and indexes there are.
fn identity(connection: &Connection) -> rusqlite::Result<(i64, i64, i64)> {
    let application = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let version = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let tables = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    Ok((application, version, tables))
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(0o600);
    options
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> OpenError + use<> {
    let path = path.to_owned();
    move |cause| OpenError::Folder { path, cause }
}
