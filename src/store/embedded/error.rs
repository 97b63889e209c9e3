//! What can go wrong inside the file, and what the caller is told of it.

use std::path::Path;

use rusqlite::{Error, ErrorCode, ffi};

use super::bytes::Garbled;
use crate::domain::uniques::UniquesError;
use crate::store::StoreError;

/// A failure that does not know its file yet.
#[derive(Debug)]
pub(super) enum Failure {
    Sqlite(Error),
    /// A row that says something no Waypost writes: which row, and what.
    Unreadable {
        row: String,
        what: String,
    },
    /// The system gave no random bytes.
    NoRandom(getrandom::Error),
}

pub(super) type Result<T, E = Failure> = std::result::Result<T, E>;

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Sqlite(error)
    }
}

impl Failure {
    /// What the caller of the store is told; `file` is the one to look at.
    pub(super) fn in_file(self, file: &Path) -> StoreError {
        let file = file.display();
        match self {
            Self::Sqlite(error) if is_damage(&error) => StoreError::Corrupt(format!(
                "{file}: {error}; stop Waypost and put back a backup of this file, or move it away to start empty"
            )),
            Self::Sqlite(error) => StoreError::Unavailable(format!("{file}: {error}")),
            Self::NoRandom(error) => StoreError::Unavailable(format!("no random bytes for a salt: {error}")),
            Self::Unreadable { row, what } => StoreError::Corrupt(format!(
                "{file}: {row}: {what}; mend or delete this row with sqlite3, or put back a backup of the file"
            )),
        }
    }
}

/// Whether asking again cannot help.
fn is_damage(error: &Error) -> bool {
    match error {
        Error::SqliteFailure(code, _) => {
            matches!(code.code, ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
                // The statement does not fit the tables, or the file is gone: somebody changed them by hand.
                || matches!(code.extended_code, ffi::SQLITE_ERROR | ffi::SQLITE_READONLY_DBMOVED)
        }
        // A column holds another type than we write.
        Error::SqlInputError { .. }
        | Error::InvalidColumnType(..)
        | Error::IntegralValueOutOfRange(..)
        | Error::FromSqlConversionFailure(..) => true,
        _ => false,
    }
}

/// Why a value cannot be read, before it is known which row it stands in.
pub(super) struct Reason(String);

impl Reason {
    pub(super) fn in_row(self, row: impl FnOnce() -> String) -> Failure {
        Failure::Unreadable { row: row(), what: self.0 }
    }

    pub(super) fn of(what: impl std::fmt::Display) -> Self {
        Self(what.to_string())
    }

    pub(super) fn into_text(self) -> String {
        self.0
    }
}

impl From<Garbled> for Reason {
    fn from(garbled: Garbled) -> Self {
        Self(format!("the packed counters are garbled {garbled}"))
    }
}

impl From<UniquesError> for Reason {
    fn from(error: UniquesError) -> Self {
        Self::of(error)
    }
}

impl From<Error> for Reason {
    fn from(error: Error) -> Self {
        Self::of(error)
    }
}
