//! The tally's way into click files: when they are written, what the store is told of them, and what becomes of those
//! that an earlier process left.
//!
//! It must never write the next file before the store knows where the last one ended.

use std::time::Duration;

use super::stream::Stream;
use super::worker::{Trouble, Worker};

/// The least time between two tries to write a click file, and how many times as long as a failed try took. What waits
/// may be large, and encoding it again and again would take the processor from counting.
const SEAL_PAUSE_MIN: Duration = Duration::from_secs(1);
const SEAL_PAUSE_FACTOR: u32 = 10;

impl Worker {
    /// A store that was put back from an old backup knows of fewer click files than there are, and the journal may
    /// have let go of their hits: those files are all there will ever be. The store is told so before any is removed.
    pub(super) fn keep_what_cannot_be_written_again(&mut self, stream: &mut Stream) -> Result<(), Trouble> {
        let oldest = stream.reader.oldest()?.unwrap_or_default();
        if oldest <= stream.archived {
            return Ok(());
        }
        tracing::warn!(
            archived = %stream.archived,
            journal_begins = %oldest,
            "the store is older than the journal reaches back; click files from in between are kept as they are"
        );
        // At the beginning of a file all before it is in files. If none begins there, the last one reaches beyond what the
        // journal has let go of, and its end has to be found by its clicks.
        let archive = &self.tools.archive;
        let from = match archive.first_from(stream.incarnation, oldest)? {
            Some(begin) => begin,
            None => archive.end_of_files(stream.incarnation, oldest)?,
        };
        (stream.sealed, stream.pushed) = (from, from);
        self.record_sealed(stream)
    }

    /// A click file that cannot be written stops nothing yet: its clicks wait in memory and their hits in the journal,
    /// and counting goes on until too many wait.
    pub(super) fn seal_if_due(&mut self, stream: &mut Stream) -> Result<(), Trouble> {
        let began = self.pace.now();
        let is_due = self.tools.archive.is_due(self.tools.clock.now_ms());
        if is_due && self.seal_again.is_none_or(|again| began >= again) {
            match self.seal(stream) {
                Ok(()) => self.seal_again = None,
                Err(Trouble::Archive(error)) => {
                    if self.seal_again.is_none() {
                        tracing::warn!(%error, "click files cannot be written; clicks are counted and wait");
                    }
                    self.tools.accounts.archive_failed();
                    let took = self.pace.now().saturating_duration_since(began);
                    self.seal_again = Some(began + SEAL_PAUSE_MIN.max(took * SEAL_PAUSE_FACTOR));
                }
                Err(trouble) => return Err(trouble),
            }
        }
        if self.tools.archive.is_full() { Err(Trouble::ArchiveBehind) } else { Ok(()) }
    }

    /// Writes the waiting clicks into files and tells the store up to where files reach.
    ///
    /// A file is named by where it begins, so the next one is begun only when the store knows where this one ended;
    /// a crash in between makes the next process write the same file again.
    pub(super) fn seal(&mut self, stream: &mut Stream) -> Result<(), Trouble> {
        self.record_sealed(stream)?;
        if stream.pushed > stream.sealed {
            self.tools.archive.seal(stream.incarnation, stream.sealed)?;
            stream.sealed = stream.pushed;
            self.record_sealed(stream)?;
        }
        self.tools.journal.release(stream.incarnation, stream.released(), false);
        Ok(())
    }

    pub(super) fn record_sealed(&mut self, stream: &mut Stream) -> Result<(), Trouble> {
        if stream.sealed > stream.archived {
            self.runtime.block_on(self.tools.store.set_archived(stream.incarnation, stream.sealed))?;
            stream.archived = stream.sealed;
        }
        Ok(())
    }

    /// Nothing will follow in this incarnation.
    pub(super) fn end(&mut self, stream: &mut Stream) {
        if let Err(error) = stream.reader.trim() {
            tracing::debug!(%error, "an old journal file could not be shortened");
        }
        let end = stream.reader.position();
        let is_done = stream.done() >= end;
        // Nothing follows that would have to be judged by its last stretch.
        let to = if is_done { end } else { stream.released() };
        self.tools.journal.release(stream.incarnation, to, is_done);
    }
}
