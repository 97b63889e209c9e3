//! Dead letters: messages that were given up, each a file beside the ledger of its hook, until they are sent again or there
//! are too many. They hold what the message holds, no secret and no address.

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::ledger::{Shelf, write_whole};
use super::message::Message;

/// Letters of one hook, their bytes, and how long they are kept.
pub(crate) const LETTERS_MAX: usize = 1000;
const LETTERS_BYTES_MAX: u64 = 64 << 20;
const KEPT_FOR: SignedDuration = SignedDuration::from_hours(30 * 24);

/// A message that was given up, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Letter {
    pub(super) at: Timestamp,
    pub(super) error: String,
    pub(super) message: Message,
}

/// The dead letters of one hook.
#[derive(Clone, Debug)]
pub(super) struct Letters(PathBuf);

impl Letters {
    pub(super) fn on(shelf: &Shelf) -> Self {
        Self(shelf.path().join("dead"))
    }

    /// Their numbers, oldest first.
    ///
    /// # Errors
    /// When the folder cannot be listed.
    pub(super) fn numbers(&self) -> io::Result<Vec<u64>> {
        let entries = match fs::read_dir(&self.0) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let number = |name: &str| name.strip_suffix(".json")?.parse().ok();
        let mut numbers: Vec<u64> = entries.flatten().filter_map(|entry| number(entry.file_name().to_str()?)).collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// `None` when there is none, or none that can be read.
    pub(super) fn get(&self, number: u64) -> Option<Letter> {
        serde_json::from_slice(&fs::read(self.path(number)).ok()?).ok()
    }

    /// Adds a letter; returns how many had to make room for it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn add(&self, letter: &Letter) -> io::Result<u64> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.0)?;
        let numbers = self.numbers()?;
        let next = numbers.last().map_or(1, |last| last + 1);
        let bytes = serde_json::to_vec(letter)?;
        write_whole(&self.path(next), &bytes, true)?;
        self.make_room(&numbers, bytes.len() as u64, letter.at)
    }

    fn make_room(&self, numbers: &[u64], added: u64, now: Timestamp) -> io::Result<u64> {
        let sizes: Vec<u64> =
            numbers.iter().map(|number| fs::metadata(self.path(*number)).map_or(0, |about| about.len())).collect();
        let (mut count, mut bytes) = (numbers.len() + 1, added + sizes.iter().sum::<u64>());
        let mut removed = 0;
        for (number, size) in numbers.iter().zip(sizes) {
            let is_old = || self.get(*number).is_none_or(|letter| now.duration_since(letter.at) > KEPT_FOR);
            if count <= LETTERS_MAX && bytes <= LETTERS_BYTES_MAX && !is_old() {
                break;
            }
            self.remove(*number)?;
            (count, bytes, removed) = (count - 1, bytes - size, removed + 1);
        }
        Ok(removed)
    }

    /// # Errors
    /// When it cannot be removed. One that is not there is removed.
    pub(super) fn remove(&self, number: u64) -> io::Result<()> {
        match fs::remove_file(self.path(number)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn path(&self, number: u64) -> PathBuf {
        self.0.join(format!("{number:010}.json"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forward::hook::HookId;

    fn letter(body: &str, at: Timestamp) -> Letter {
        let message = Message {
            id: "msg_1".to_owned(),
            event: String::new(),
            clicks: 1,
            headers: Vec::new(),
            body: body.to_owned(),
        };
        Letter { at, error: "it answered 400".to_owned(), message }
    }

    #[test]
    fn letters_are_kept_in_order_and_the_oldest_make_room() {
        let root = tempfile::tempdir().unwrap();
        let letters = Letters::on(&Shelf::of(root.path(), HookId(1)));
        assert_eq!(letters.numbers().unwrap(), [0_u64; 0]);
        let now = Timestamp::UNIX_EPOCH;
        for body in ["a", "b"] {
            assert_eq!(letters.add(&letter(body, now)).unwrap(), 0);
        }
        assert_eq!(letters.get(2), Some(letter("b", now)));
        letters.remove(1).unwrap();
        letters.remove(1).unwrap();
        assert_eq!(letters.numbers().unwrap(), [2]);
        assert_eq!(letters.add(&letter("c", now + KEPT_FOR + KEPT_FOR)).unwrap(), 1);
        assert_eq!(letters.numbers().unwrap(), [3]);
    }

    #[test]
    fn there_are_never_more_letters_or_bytes_than_are_kept() {
        let root = tempfile::tempdir().unwrap();
        let letters = Letters::on(&Shelf::of(root.path(), HookId(1)));
        let large = "x".repeat(20 << 20);
        let removed: u64 = (0..5).map(|_| letters.add(&letter(&large, Timestamp::UNIX_EPOCH)).unwrap()).sum();
        assert_eq!((removed, letters.numbers().unwrap().len()), (2, 3));
    }
}
