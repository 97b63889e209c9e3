//! What earlier processes left behind: surveyed and counted at the start, and looked at again while this process counts,
//! because a store that goes back forgets their hits, too.

use std::time::{Duration, Instant};

use super::accounts::Origin;
use super::stream::Stream;
use super::worker::{Trouble, Worker};
use crate::domain::position::{Incarnation, Position};
use crate::journal::left_behind;

/// How long a start waits for a store that does not answer for all shards; what is left is looked at later.
const SURVEY_WITHIN: Duration = Duration::from_secs(8);

/// How often one of them is looked at again, in turn.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// An earlier process' journal, and what the books of this process say of it.
struct Left {
    incarnation: Incarnation,
    /// Hits from here on were found by this process. `None` while nobody could ask the store.
    found_from: Option<Position>,
    /// Hits below this are counted.
    booked: Position,
    /// Everything was counted and in click files when it was last looked at.
    is_done: bool,
}

/// All of them.
pub(super) struct Earlier {
    left: Vec<Left>,
    next: usize,
    looked: Instant,
}

impl Default for Earlier {
    fn default() -> Self {
        Self { left: Vec::new(), next: 0, looked: Instant::now() }
    }
}

impl Worker {
    /// Notes in the books how many hits of earlier processes are not counted yet.
    pub(super) fn survey_all(&mut self, incarnations: &[Incarnation]) {
        let until = Instant::now() + SURVEY_WITHIN;
        for incarnation in incarnations {
            let mut left =
                Left { incarnation: *incarnation, found_from: None, booked: Position::START, is_done: false };
            self.insist(|worker| match worker.survey(&mut left) {
                Err(trouble) if Instant::now() < until => Err(trouble),
                _ => Ok(()),
            });
            self.earlier.left.push(left);
        }
    }

    /// Counts what earlier processes left uncounted, as far as the store can be asked.
    pub(super) fn count_earlier(&mut self) {
        for at in 0..self.earlier.left.len() {
            if self.earlier.left[at].found_from.is_some() && !self.earlier.left[at].is_done {
                self.go_back_to(at);
            }
        }
    }

    fn survey(&mut self, left: &mut Left) -> Result<(), Trouble> {
        let mut stream = self.open(left.incarnation, Origin::Recovered)?;
        let (counted, released) = (stream.counted_everywhere(), stream.released());
        stream.reader.read(Position(u64::MAX), usize::MAX, |_, _| {})?;
        let end = stream.reader.position();
        (left.found_from, left.booked, left.is_done) = (Some(counted.min(end)), counted, end <= released);
        if left.is_done {
            self.end(&mut stream);
        } else if end > counted {
            tracing::info!(hits = end.0 - counted.0, "an earlier process left hits to be counted");
            self.tools.accounts.found(end.0 - counted.0);
        }
        Ok(())
    }

    /// Looks at one of the earlier journals, now and then. Whether the store knows of all its hits is asked first: that
    /// is all there is to do as long as the store does not go back.
    pub(super) fn look_back(&mut self, live: &mut Stream) {
        if self.earlier.left.is_empty() || self.deadline.is_some() || self.earlier.looked.elapsed() < LOOK_EVERY {
            return;
        }
        self.earlier.looked = Instant::now();
        self.earlier.next = (self.earlier.next + 1) % self.earlier.left.len();
        let at = self.earlier.next;
        let Ok((counted, archived)) = self.stands(self.earlier.left[at].incarnation) else { return };
        let left = &self.earlier.left[at];
        if left.is_done && counted >= left.booked && archived >= left.booked {
            return;
        }
        let is_there =
            left_behind(&self.tools.folder, live.incarnation).is_ok_and(|all| all.contains(&left.incarnation));
        if !is_there {
            let lost = left.booked.0.saturating_sub(counted.0);
            tracing::error!(lost, "the store went back further than the journals reach");
            self.earlier.left.remove(at);
            return;
        }
        // The clicks that wait for a file must be of one journal.
        if self.seal(live).is_ok() {
            self.note_forgotten(at, counted);
            self.go_back_to(at);
        }
    }

    /// Up to where the store has counted an incarnation in every shard, and up to where it knows of click files.
    fn stands(&self, incarnation: Incarnation) -> Result<(Position, Position), Trouble> {
        let store = &self.tools.store;
        let watermarks = self.runtime.block_on(store.watermarks(incarnation))?;
        let archived = self.runtime.block_on(store.archived(incarnation))?;
        Ok((watermarks.into_iter().min().unwrap_or_default(), archived))
    }

    /// Hits that the store no longer knows wait again; those that no one of this process had counted are new to it.
    fn note_forgotten(&mut self, at: usize, counted: Position) {
        let left = &mut self.earlier.left[at];
        let Some(found_from) = left.found_from.filter(|_| counted < left.booked) else { return };
        tracing::warn!(%counted, expected = %left.booked, "the store went back; an earlier journal is counted again");
        let own = counted.max(found_from);
        if own < left.booked {
            self.tools.accounts.forgotten(Origin::Recovered, left.booked, own);
        }
        if counted < found_from {
            self.tools.accounts.found(found_from.0 - counted.0);
            left.found_from = Some(counted);
        }
    }

    fn go_back_to(&mut self, at: usize) {
        let incarnation = self.earlier.left[at].incarnation;
        if self.earlier.left[at].found_from.is_none() {
            let mut left = Left { incarnation, found_from: None, booked: Position::START, is_done: false };
            if self.survey(&mut left).is_err() {
                return;
            }
            self.earlier.left[at] = left;
        }
        if let Some(stream) = self.follow(incarnation, Origin::Recovered) {
            let left = &mut self.earlier.left[at];
            (left.booked, left.is_done) = (stream.booked, stream.released() >= stream.reader.position());
        }
    }
}
