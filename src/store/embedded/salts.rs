//! The salts of visitor hashes: one a day, destroyed after two.
//!
//! Once a salt is gone nobody can tell whose visit a hash was, so its bytes must not survive in the file or beside it.

use jiff::ToSpan;
use jiff::civil::Date;
use rusqlite::{Connection, OptionalExtension, params};

use super::error::{Failure, Result};
use super::{Durability, transact};
use crate::domain::visitor::Salt;

/// Days a salt outlives its own.
const KEPT_DAYS: i64 = 2;

/// The salt of `day`, made on first asking; older ones than [`KEPT_DAYS`] before it are destroyed.
pub(super) fn of(connection: &mut Connection, day: Date) -> Result<Salt> {
    let (salt, destroyed) = transact(connection, Durability::Synced, |file| {
        let salt = match find(file, day)? {
            Some(salt) => salt,
            None => make(file, day)?,
        };
        Ok((salt, destroy_before(file, day)?))
    })?;
    if destroyed > 0 {
        fold_wal(connection);
    }
    Ok(salt)
}

fn find(file: &Connection, day: Date) -> Result<Option<Salt>> {
    let mut find = file.prepare_cached("SELECT salt FROM salts WHERE day = ?1")?;
    let Some(bytes) = find.query_row([day.to_string()], |row| row.get::<_, Vec<u8>>(0)).optional()? else {
        return Ok(None);
    };
    let salt = <[u8; 32]>::try_from(bytes).map(Salt);
    if salt.is_err() {
        // Nobody can mend a random number, and without one nothing of this day can be counted.
        tracing::error!(%day, "the salt is not 32 bytes long; with a new one, visitors of this day may count twice");
    }
    Ok(salt.ok())
}

fn make(file: &Connection, day: Date) -> Result<Salt> {
    let mut salt = [0; 32];
    getrandom::fill(&mut salt).map_err(Failure::NoRandom)?;
    file.prepare_cached("INSERT OR REPLACE INTO salts (day, salt) VALUES (?1, ?2)")?
        .execute(params![day.to_string(), salt])?;
    Ok(Salt(salt))
}

fn destroy_before(file: &Connection, day: Date) -> Result<usize> {
    let oldest_kept = day.saturating_sub(KEPT_DAYS.days());
    Ok(file.prepare_cached("DELETE FROM salts WHERE day < ?1")?.execute([oldest_kept.to_string()])?)
}

/// `secure_delete` zeroes the row in its page; an older image of that page may still lie in the WAL until it is
/// folded into the file. A reader that is busy now only puts this off to the next checkpoint, so no error matters.
fn fold_wal(connection: &Connection) {
    let _ = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
}
