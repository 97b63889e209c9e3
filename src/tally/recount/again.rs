//! The clicks of one seal judged again: in the order of their hits first, because that is how the tally judged them, then
//! written back in the order of their times, because that is how click files have them.
//!
//! With the rules that a click was judged by before it must come out as it was, in every column.

use std::borrow::Cow;

use compact_str::CompactString;
use hashbrown::HashMap;
use jiff::civil::Date;
use uuid::Uuid;

use super::RecountError;
use super::moved::Moved;
use super::seals::Seal;
use crate::archive::{Archive, ArchiveError, StoredFile};
use crate::classify::{Classifier, Notes};
use crate::domain::click::Click;
use crate::domain::position::Incarnation;
use crate::domain::verdict::Verdict;
use crate::tally::memory::Memory;

/// What became of the clicks of one seal, some 60 bytes each. No more clicks than may wait for a file at once
/// (`PENDING_ROWS_MAX` of the archive, and one round) are ever in one seal.
type Verdicts = HashMap<Uuid, (Verdict, CompactString)>;

pub(super) struct Again<'a> {
    pub(super) archive: &'a Archive,
    pub(super) classifier: &'a Classifier,
    /// Files of UTC days before this are read only for what they say of those that follow.
    pub(super) first: Date,
    /// Clicks before this stay as they are.
    pub(super) from_ms: i64,
    pub(super) dry_run: bool,
    pub(super) moved: Moved,
}

impl Again<'_> {
    /// # Errors
    /// When a file cannot be read or not be written. One that is damaged is left out.
    pub(super) fn judge(&mut self, journal: Incarnation, memory: &mut Memory, seal: &Seal) -> Result<(), RecountError> {
        let verdicts = self.verdicts(journal, memory, seal)?;
        let first = self.first;
        for file in seal.files.iter().filter(|file| file.day() >= first) {
            match self.write(file, &verdicts) {
                Ok(()) => self.moved.report.files += 1,
                // Its days keep their counters, because hits are missing.
                Err(ArchiveError::Damaged { path, message }) => {
                    tracing::warn!(path = %path.display(), message, "left a click file out that cannot be read");
                    self.moved.report.files_left_out += 1;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    pub(super) fn leave_out<'f>(&mut self, files: impl IntoIterator<Item = &'f StoredFile>) {
        let left_out = files.into_iter().filter(|file| file.day() >= self.first);
        self.moved.report.files_left_out += left_out.count() as u64;
    }

    fn verdicts(&self, journal: Incarnation, memory: &mut Memory, seal: &Seal) -> Result<Verdicts, ArchiveError> {
        let (mut verdicts, mut notes) = (Verdicts::new(), Notes::default());
        self.archive.in_order_of_hits(journal, seal.from, &seal.files, |position, old| {
            let mut new = self.classifier.reclassify(&old, &mut notes);
            memory.judge_again(position, &old, &mut new);
            if new.time_ms >= self.from_ms {
                verdicts.insert(new.id, (new.verdict, new.reason.into_owned()));
            }
        })?;
        Ok(verdicts)
    }

    fn write(&mut self, file: &StoredFile, verdicts: &Verdicts) -> Result<(), ArchiveError> {
        let (classifier, moved, mut notes) = (self.classifier, &mut self.moved, Notes::default());
        let mut again = |old: Click| {
            let Some((verdict, reason)) = verdicts.get(&old.id) else { return old };
            let (verdict, reason) = (*verdict, Cow::Owned(reason.clone()));
            let new = Click { verdict, reason, ..classifier.reclassify(&old, &mut notes) };
            moved.note(&old, &new);
            new
        };
        match self.dry_run {
            true => self.archive.read_clicks(file, |click| drop(again(click))),
            false => self.archive.rewrite(file, again),
        }
    }
}
