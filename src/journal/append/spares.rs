//! The segments that wait to be written into: the keeper's, which are whole, and where hits would fill the last one
//! before the keeper has made the next, one that only has its room.
//!
//! It must never let a segment wait that comes before one which waits or is in use: readers go by the numbers.

use std::io;
use std::sync::atomic::Ordering;

use super::{Cursor, SPARES, Shared};
use crate::journal::segment::{Name, Segment};

impl Shared {
    /// Makes the next segment if one is missing; `Ok(false)` when there was nothing to do. Waits for the disk.
    pub(in crate::journal) fn prepare_spare(&self) -> io::Result<bool> {
        let Some(name) = self.name_if(Cursor::misses_one) else { return Ok(false) };
        let is_in_vain = || self.stopping.load(Ordering::Acquire) || self.lock().is_beyond(&name);
        if let Some(spare) = Segment::prepare(&self.folder, name.clone(), self.segment_bytes, is_in_vain)? {
            self.offer(spare)?;
        }
        // One that was given up is followed by another.
        Ok(!self.stopping.load(Ordering::Acquire))
    }

    /// Makes the next segment if it is needed before the keeper has made it; `Ok(false)` when none waits by that. Syncs nothing.
    pub(in crate::journal) fn reserve_spare(&self) -> io::Result<bool> {
        let Some(name) = self.name_if(Cursor::is_short) else { return Ok(false) };
        let waits = self.offer(Segment::reserve(&self.folder, name, self.segment_bytes)?)?;
        if waits {
            self.bytes.fetch_add(self.segment_bytes as u64, Ordering::Relaxed);
        }
        Ok(waits)
    }

    /// A name that no segment had yet, if one is wanted.
    fn name_if(&self, is_wanted: impl FnOnce(&Cursor) -> bool) -> Option<Name> {
        let mut cursor = self.lock();
        let wanted = is_wanted(&cursor);
        wanted.then(|| {
            cursor.numbered += 1;
            Name { incarnation: self.incarnation, number: cursor.numbered }
        })
    }

    /// Has a segment wait, unless hits went on beyond it while it was made: then nobody will write into it, and it is removed.
    fn offer(&self, spare: Segment) -> io::Result<bool> {
        let mut cursor = self.lock();
        if cursor.is_beyond(&spare.name) {
            drop(cursor);
            std::fs::remove_file(spare.name.path_in(&self.folder))?;
            return Ok(false);
        }
        cursor.spares.push_back(spare);
        Ok(true)
    }

    /// Whether no segment waits.
    pub(in crate::journal) fn has_no_spare(&self) -> bool {
        self.lock().spares.is_empty()
    }
}

impl Cursor {
    /// Whether fewer segments wait than should; a life that never filled its first has one spare only.
    fn misses_one(&self) -> bool {
        self.spares.len() < if self.active.name.number == 0 { 1 } else { SPARES }
    }

    /// Whether a later segment waits or is in use.
    fn is_beyond(&self, name: &Name) -> bool {
        self.spares.back().unwrap_or(&self.active).name.number > name.number
    }

    /// Whether the next segment is needed soon, and is not there.
    fn is_short(&self) -> bool {
        self.spares.is_empty() && self.active.is_half_full()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::domain::hit::Hit;
    use crate::domain::link::LinkId;
    use crate::domain::position::{Incarnation, Position};
    use crate::journal::read::Reader;
    use crate::journal::{Config, Durability, Journal};

    const LIFE: Incarnation = Incarnation(7);

    fn journal(folder: &std::path::Path, keep_hours: u64) -> Journal {
        let config = Config { durability: Durability::Fast, sync_ms: 1, segment_mib: 1, keep_hours, total_mib_max: 64 };
        Journal::unattended(folder, &config, &Clock::fixed(1000), LIFE, 1 << 14, Box::new(|_| Ok(()))).unwrap()
    }

    fn append(journal: &Journal) -> bool {
        journal.append(&Hit::new(LinkId(1), 5)).is_ok()
    }

    /// Hits until the file in use is more than half full.
    fn fill_half(journal: &Journal) {
        while !journal.shared.lock().active.is_half_full() {
            assert!(append(journal));
        }
    }

    fn numbers(folder: &std::path::Path) -> Vec<u32> {
        let names = std::fs::read_dir(folder).unwrap().filter_map(|entry| Name::of(&entry.unwrap().path()));
        let mut numbers: Vec<u32> = names.map(|name| name.number).collect();
        numbers.sort_unstable();
        numbers
    }

    #[test]
    fn hits_outrun_a_keeper_that_waits_for_the_disk_and_none_is_lost() {
        let folder = tempfile::tempdir().unwrap();
        let journal = journal(folder.path(), 24);
        assert!(!journal.shared.reserve_spare().unwrap(), "the file in use has room");
        for _ in 0..5 {
            fill_half(&journal);
            assert!(journal.shared.reserve_spare().unwrap());
            assert!(!journal.shared.reserve_spare().unwrap(), "one waits");
            while journal.shared.lock().spares.len() == 1 {
                assert!(append(&journal));
            }
        }
        let mut reader = Reader::new(folder.path(), LIFE, Position::START);
        let mut read = 0;
        reader.read(Position(u64::MAX), usize::MAX, |_, _| read += 1).unwrap();
        assert_eq!(read, journal.end().0);
        assert_eq!(journal.lost(), 0);
    }

    #[test]
    fn what_the_keeper_made_too_late_is_given_up_and_files_go_when_they_are_done_with_whatever_their_numbers() {
        let folder = tempfile::tempdir().unwrap();
        let journal = journal(folder.path(), 0);
        let shared = &journal.shared;
        fill_half(&journal);
        let late = shared.name_if(Cursor::misses_one).unwrap();
        assert!(shared.reserve_spare().unwrap());
        let late = Segment::prepare(folder.path(), late, shared.segment_bytes, || false).unwrap().unwrap();
        assert_eq!(numbers(folder.path()), [0, 1, 2]);
        assert!(!shared.offer(late).unwrap());
        assert_eq!(numbers(folder.path()), [0, 2]);
        while !shared.has_no_spare() {
            assert!(append(&journal));
        }
        journal.release(LIFE, journal.end(), false);
        journal.shared.clock.set(2000);
        journal.keep();
        // The first is done with; two wait behind the one in use.
        assert_eq!(numbers(folder.path()), [2, 3, 4]);
    }
}
