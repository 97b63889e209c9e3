//! The outbox: what was told of links and imports, until every hook has passed it on. One file of JSON lines in the data
//! folder, so that a killed process has told of what it changed.
//!
//! It must never hold up whoever makes a change: a line is appended, without waiting for the disk. When there are too many,
//! the oldest fall out; hooks count them as skipped.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::message::instant;
use crate::clock::Clock;

/// Changes that are kept for hooks that are behind.
const CHANGES_MAX: usize = 10_000;
/// The longest line that is read back.
const LINE_BYTES_MAX: usize = 1 << 20;
/// Lines that nobody needs any more, at which the file is written anew.
const STALE_MAX: usize = 1000;

const FILE: &str = "changes.jsonl";

/// A change, as it is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Told {
    pub(super) number: u64,
    /// RFC 3339.
    pub(super) at: String,
    /// `link.made`, `import.undone` and so on.
    pub(super) event: String,
    pub(super) data: Value,
}

/// What the file begins with after it was written anew: the number of the next change.
#[derive(Serialize, Deserialize)]
struct Head {
    next: u64,
}

pub(crate) struct Outbox {
    path: PathBuf,
    clock: Clock,
    /// Whether any hook wants to be told.
    wanted: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    told: VecDeque<Arc<Told>>,
    next: u64,
    /// Opened at the first change.
    file: Option<File>,
    lines: usize,
}

impl Outbox {
    /// Reads what an earlier process left in `folder`, which need not exist.
    ///
    /// # Errors
    /// When there is a file that cannot be read.
    pub(crate) fn open(folder: &Path, clock: &Clock) -> io::Result<Self> {
        let path = folder.join(FILE);
        // Until the hooks are read, a folder says that there are some.
        let wanted = AtomicBool::new(folder.is_dir());
        let state = match File::open(&path) {
            Ok(file) => State::read(file)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => State::default(),
            Err(error) => return Err(error),
        };
        Ok(Self { path, clock: clock.clone(), wanted, state: Mutex::new(state) })
    }

    /// Tells every hook of a change.
    pub(crate) fn tell(&self, event: &str, data: Value) {
        if !self.wanted.load(Ordering::Relaxed) {
            return;
        }
        let at = instant(self.clock.now_ms());
        let mut state = self.lock();
        let told = Told { number: state.next, at, event: event.to_owned(), data };
        if let Err(error) = state.append(&self.path, &told) {
            tracing::error!(%error, "a change is told from memory alone: the data folder does not take it");
        }
        state.next += 1;
        state.told.push_back(Arc::new(told));
        while state.told.len() > CHANGES_MAX {
            state.told.pop_front();
        }
        state.tidy(&self.path);
    }

    pub(super) fn set_wanted(&self, wanted: bool) {
        self.wanted.store(wanted, Ordering::Relaxed);
    }

    /// The number of the next change.
    pub(super) fn next(&self) -> u64 {
        self.lock().next
    }

    /// The first change from `number` on.
    pub(super) fn from(&self, number: u64) -> Option<Arc<Told>> {
        let state = self.lock();
        let first = state.told.front()?.number;
        let at = usize::try_from(number.saturating_sub(first)).ok()?;
        state.told.get(at).cloned()
    }

    /// Changes from `number` on.
    pub(super) fn waiting(&self, number: u64) -> u64 {
        self.lock().next.saturating_sub(number)
    }

    /// All hooks have passed on what is before `number`.
    pub(super) fn forget_before(&self, number: u64) {
        let mut state = self.lock();
        while state.told.front().is_some_and(|told| told.number < number) {
            state.told.pop_front();
        }
        state.tidy(&self.path);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn read(file: File) -> io::Result<Self> {
        let mut state = Self::default();
        for line in BufReader::new(file).lines() {
            let line = line?;
            state.lines += 1;
            if line.len() > LINE_BYTES_MAX {
                continue;
            }
            // The last line of a killed process may be torn: then nobody was told that the change was made.
            if let Ok(told) = serde_json::from_str::<Told>(&line) {
                state.next = told.number + 1;
                state.told.push_back(Arc::new(told));
            } else if let Ok(Head { next }) = serde_json::from_str(&line) {
                state.next = state.next.max(next);
            }
        }
        let excess = state.told.len().saturating_sub(CHANGES_MAX);
        state.told.drain(..excess);
        Ok(state)
    }

    fn append(&mut self, path: &Path, told: &Told) -> io::Result<()> {
        let mut line = serde_json::to_vec(told)?;
        line.push(b'\n');
        if self.file.is_none() {
            // A torn line of an earlier process must not become the beginning of this one.
            let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
            file.write_all(b"\n")?;
            self.file = Some(file);
        }
        if let Some(file) = &mut self.file {
            file.write_all(&line)?;
        }
        self.lines += 1;
        Ok(())
    }

    /// Writes the file anew when most of it is of no use.
    fn tidy(&mut self, path: &Path) {
        if self.lines < self.told.len() + STALE_MAX {
            return;
        }
        let mut text = serde_json::to_vec(&Head { next: self.next }).unwrap_or_default();
        text.push(b'\n');
        for told in &self.told {
            text.extend(serde_json::to_vec(&**told).unwrap_or_default());
            text.push(b'\n');
        }
        // What cannot be written now is written at the next change.
        if super::ledger::write_whole(path, &text, true).is_ok() {
            (self.file, self.lines) = (None, self.told.len() + 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn open(folder: &Path) -> Outbox {
        Outbox::open(folder, &Clock::fixed(1_700_000_000_000)).unwrap()
    }

    #[test]
    fn what_was_told_is_there_after_a_restart_under_its_number() {
        let folder = tempfile::tempdir().unwrap();
        let outbox = open(folder.path());
        outbox.tell("link.made", json!({"id": 1}));
        outbox.tell("link.removed", json!({"id": 1}));
        let outbox = open(folder.path());
        assert_eq!((outbox.next(), outbox.from(1).unwrap().event.as_str()), (2, "link.removed"));
        assert_eq!(outbox.from(0).unwrap().at, "2023-11-14T22:13:20.000Z");
        assert!(outbox.from(2).is_none());
    }

    #[test]
    fn a_torn_line_costs_only_itself() {
        let folder = tempfile::tempdir().unwrap();
        open(folder.path()).tell("link.made", json!({"id": 1}));
        let path = folder.path().join(FILE);
        let mut torn = std::fs::read(&path).unwrap();
        torn.extend(b"{\"number\":1,\"at\":\"2026");
        std::fs::write(&path, torn).unwrap();
        let outbox = open(folder.path());
        outbox.tell("link.made", json!({"id": 2}));
        let again = open(folder.path());
        assert_eq!((again.next(), again.from(1).unwrap().data["id"].as_u64()), (2, Some(2)));
    }

    #[test]
    fn it_is_bounded_and_keeps_counting_when_everything_was_passed_on() {
        let folder = tempfile::tempdir().unwrap();
        let outbox = open(folder.path());
        let count = CHANGES_MAX as u64 + 5;
        for id in 0..count {
            outbox.tell("link.made", json!({ "id": id }));
        }
        assert_eq!((outbox.from(0).unwrap().number, outbox.waiting(0)), (5, count));
        outbox.forget_before(count);
        assert!(std::fs::metadata(folder.path().join(FILE)).unwrap().len() < 100);
        assert_eq!(open(folder.path()).next(), count);
    }

    #[test]
    fn nothing_is_kept_while_no_hook_wants_it() {
        let folder = tempfile::tempdir().unwrap();
        let outbox = open(folder.path());
        outbox.set_wanted(false);
        outbox.tell("link.made", json!({}));
        assert!(outbox.next() == 0 && !folder.path().join(FILE).exists());
    }
}
