//! The ledger of one hook on one node: up to where it has passed things on, how it fares, and what it sent last. A file in
//! the data folder, since each node passes on what it counted itself.

use std::collections::VecDeque;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::course::Course;
use super::hook::HookId;
use crate::domain::position::{Incarnation, Position};

/// Tries that are remembered for people.
const RECENT_MAX: usize = 50;
/// Journals whose clicks may still be on their way. A node that is started more often leaves the oldest behind.
const JOURNALS_MAX: usize = 64;

const FILE: &str = "ledger.json";

/// Up to where the clicks of one journal are passed on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Cursor {
    #[serde(serialize_with = "as_text", deserialize_with = "of_text")]
    pub(super) incarnation: Incarnation,
    pub(super) at: u64,
    /// When this node began with it.
    pub(super) begun_ms: i64,
    /// Where the batch that is under way ends: a restart sends the same again, not more.
    pub(super) under_way: Option<u64>,
}

fn as_text<S: Serializer>(incarnation: &Incarnation, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(incarnation)
}

fn of_text<'de, D: Deserializer<'de>>(from: D) -> Result<Incarnation, D::Error> {
    let text = String::deserialize(from)?;
    Incarnation::parse(&text).ok_or_else(|| serde::de::Error::custom("no incarnation"))
}

/// A hook that is sent nothing until somebody looks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Paused {
    /// Of the hook when it was paused: whoever changes the hook lets it go on.
    pub(super) revision: u64,
    pub(crate) why: String,
    pub(crate) at: Timestamp,
}

/// Sums since the hook was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Counts {
    pub(crate) messages: u64,
    /// Clicks in them.
    pub(crate) clicks: u64,
    /// Tries that went wrong.
    pub(crate) failures: u64,
    /// Messages that were given up.
    pub(crate) dead: u64,
    /// Clicks and changes that were too old when their turn came, and dead letters there was no room for.
    pub(crate) skipped: u64,
}

/// One try.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Delivery {
    pub(crate) at: Timestamp,
    pub(crate) message: String,
    pub(crate) event: String,
    pub(crate) clicks: u64,
    pub(crate) took_ms: u64,
    /// Which try of this message it was, from 1.
    pub(crate) attempt: u32,
    /// What went wrong; `None` when it was taken.
    pub(crate) error: Option<String>,
    /// What the target said beside taking it.
    pub(crate) note: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ledger {
    /// Of which hook: a number may be given again.
    created_at: Timestamp,
    /// Oldest first; the last one is of the journal that is being written.
    pub(super) cursors: Vec<Cursor>,
    /// The next change to tell of.
    pub(super) change: u64,
    /// Dead letters to send again, by number.
    pub(super) replay: Vec<u64>,
    pub(super) course: Course,
    pub(super) paused: Option<Paused>,
    /// It was switched off when it was looked at last.
    pub(super) off: bool,
    pub(super) counts: Counts,
    pub(super) recent: VecDeque<Delivery>,
}

impl Ledger {
    /// Of a hook that begins with what comes from now on.
    pub(super) fn new(created_at: Timestamp, now: Cursor, change: u64) -> Self {
        Self {
            created_at,
            cursors: vec![now],
            change,
            replay: Vec::new(),
            course: Course::default(),
            paused: None,
            off: false,
            counts: Counts::default(),
            recent: VecDeque::new(),
        }
    }

    /// Goes on with what `live` writes, after what earlier journals left.
    pub(super) fn follow(&mut self, live: Cursor) {
        if self.cursors.iter().any(|cursor| cursor.incarnation == live.incarnation) {
            return;
        }
        self.cursors.push(live);
        let excess = self.cursors.len().saturating_sub(JOURNALS_MAX);
        self.cursors.drain(..excess);
    }

    /// Leaves out what is there, and begins with what comes.
    pub(super) fn begin_at(&mut self, live: Cursor, change: u64) {
        (self.cursors, self.change) = (vec![live], change);
    }

    /// The same for clicks alone.
    pub(super) fn begin_at_clicks(&mut self, live: Cursor) {
        self.cursors = vec![live];
    }

    /// What `cursor` points at is passed on up to `to`.
    pub(super) fn advance(&mut self, cursor: &Cursor, to: u64) {
        if let Some(known) = self.cursors.iter_mut().find(|known| known.incarnation == cursor.incarnation) {
            (known.at, known.under_way) = (known.at.max(to), None);
        }
    }

    /// What `cursor` points at is being passed on up to `to`.
    pub(super) fn set_under_way(&mut self, cursor: &Cursor, to: u64) {
        if let Some(known) = self.cursors.iter_mut().find(|known| known.incarnation == cursor.incarnation) {
            known.under_way = Some(to);
        }
    }

    pub(super) fn note(&mut self, delivery: Delivery) {
        self.recent.push_front(delivery);
        self.recent.truncate(RECENT_MAX);
    }
}

/// The folder of one hook.
#[derive(Clone, Debug)]
pub(super) struct Shelf(PathBuf);

impl Shelf {
    pub(super) fn of(root: &Path, id: HookId) -> Self {
        Self(root.join(id.to_string()))
    }

    /// All that are in `root`.
    fn all(root: &Path) -> Vec<Self> {
        let entries = fs::read_dir(root).into_iter().flatten().flatten();
        let is_number = |name: &str| name.bytes().all(|digit| digit.is_ascii_digit());
        let shelves = entries.filter(|entry| entry.file_name().to_str().is_some_and(is_number));
        shelves.map(|entry| Self(entry.path())).collect()
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// What is known of the hook that was made then; `None` when nothing is, or only of an earlier one with this number,
    /// which is removed.
    pub(super) fn load(&self, created_at: Timestamp) -> io::Result<Option<Ledger>> {
        let bytes = match fs::read(self.0.join(FILE)) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let ledger: Option<Ledger> = serde_json::from_slice(&bytes).ok();
        if ledger.is_none() {
            tracing::error!(path = %self.0.display(), "the ledger of a hook cannot be read: it begins anew");
        }
        match ledger.filter(|ledger| ledger.created_at == created_at) {
            Some(ledger) => Ok(Some(ledger)),
            None => self.remove().map(|()| None),
        }
    }

    /// `durably`: also through a power cut. A killed process has it either way.
    pub(super) fn save(&self, ledger: &Ledger, durably: bool) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.0)?;
        write_whole(&self.0.join(FILE), &serde_json::to_vec(ledger)?, durably)
    }

    pub(super) fn remove(&self) -> io::Result<()> {
        match fs::remove_dir_all(&self.0) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

/// Notes in every ledger below `root` that a journal begins, before anything is in it: whatever becomes of this process, and
/// whether or not the store says which hooks there are, its clicks are looked for.
pub(crate) fn begin_journal(root: &Path, live: Incarnation, now_ms: i64) {
    for shelf in Shelf::all(root) {
        let Ok(bytes) = fs::read(shelf.0.join(FILE)) else { continue };
        let Ok(mut ledger) = serde_json::from_slice::<Ledger>(&bytes) else { continue };
        ledger.follow(Cursor { incarnation: live, at: 0, begun_ms: now_ms, under_way: None });
        if let Err(error) = shelf.save(&ledger, true) {
            tracing::error!(path = %shelf.0.display(), %error, "how far a hook is could not be noted");
        }
    }
}

/// Puts a file in place whole or not at all; for its owner alone.
pub(super) fn write_whole(path: &Path, bytes: &[u8], durably: bool) -> io::Result<()> {
    let unfinished = path.with_extension("tmp");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
    file.write_all(bytes)?;
    if durably {
        file.sync_all()?;
    }
    fs::rename(unfinished, path)
}

impl Cursor {
    pub(super) fn position(&self) -> Position {
        Position(self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cursor(incarnation: u128) -> Cursor {
        Cursor { incarnation: Incarnation(incarnation), at: 7, begun_ms: 5, under_way: None }
    }

    #[test]
    fn a_ledger_is_read_as_it_was_saved_and_not_for_another_hook_of_its_number() {
        let root = tempfile::tempdir().unwrap();
        let shelf = Shelf::of(root.path(), HookId(1));
        let ledger = Ledger::new(Timestamp::UNIX_EPOCH, cursor(u128::MAX), 3);
        assert_eq!(shelf.load(Timestamp::UNIX_EPOCH).unwrap(), None);
        for durably in [true, false] {
            shelf.save(&ledger, durably).unwrap();
            assert_eq!(shelf.load(Timestamp::UNIX_EPOCH).unwrap().as_ref(), Some(&ledger));
        }
        assert_eq!(shelf.load(Timestamp::MAX).unwrap(), None);
        assert!(!shelf.path().exists());
    }

    #[test]
    fn a_journal_that_begins_is_noted_in_every_ledger_once() {
        let root = tempfile::tempdir().unwrap();
        begin_journal(&root.path().join("none"), Incarnation(1), 0);
        let shelf = Shelf::of(root.path(), HookId(3));
        shelf.save(&Ledger::new(Timestamp::UNIX_EPOCH, cursor(1), 0), true).unwrap();
        fs::create_dir(root.path().join("stray")).unwrap();
        (0..2).for_each(|_| begin_journal(root.path(), Incarnation(2), 9));
        let cursors = shelf.load(Timestamp::UNIX_EPOCH).unwrap().unwrap().cursors;
        assert_eq!(
            cursors.iter().map(|cursor| (cursor.incarnation.0, cursor.at)).collect::<Vec<_>>(),
            [(1, 7), (2, 0)]
        );
    }

    #[test]
    fn journals_and_tries_are_bounded() {
        let mut ledger = Ledger::new(Timestamp::UNIX_EPOCH, cursor(0), 0);
        for incarnation in 0..100 {
            ledger.follow(cursor(incarnation));
            ledger.note(Delivery {
                at: Timestamp::UNIX_EPOCH,
                message: incarnation.to_string(),
                event: String::new(),
                clicks: 0,
                took_ms: 0,
                attempt: 1,
                error: None,
                note: None,
            });
        }
        assert_eq!((ledger.cursors.len(), ledger.recent.len()), (JOURNALS_MAX, RECENT_MAX));
        assert_eq!((ledger.cursors.last().unwrap().incarnation, &*ledger.recent[0].message), (Incarnation(99), "99"));
    }
}
