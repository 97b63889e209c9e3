//! What earlier processes left behind: surveyed and counted at the start, and looked at again while this process counts,
//! because a store that goes back forgets their hits, too.

use std::time::{Duration, Instant};

use super::accounts::Origin;
use super::stream::Stream;
use super::worker::{Trouble, Worker};
use crate::domain::position::{Incarnation, Position};

/// How long a start waits for a store that does not answer for all shards; what is left is looked at later.
const SURVEY_WITHIN: Duration = Duration::from_secs(8);

/// Earlier journals that are looked after. A process that dies every second for hours leaves so many; the rest waits for
/// the next start.
const EARLIER_MAX: usize = 10_000;

/// How often one of them is looked at again, in turn.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// An earlier process' journal, and what the books of this process say of it.
struct Left {
    incarnation: Incarnation,
    /// The store could be asked, and the books know of all its hits that are not counted.
    is_surveyed: bool,
    /// Hits below this are counted, or their book is kept by an earlier process.
    booked: Position,
    /// Everything was counted and in click files when it was last looked at.
    is_done: bool,
}

/// All of them.
pub(super) struct Earlier {
    left: Vec<Left>,
    next: usize,
    looked: Instant,
    /// This many are looked at without a pause.
    at_once: usize,
    /// One that has to be counted again.
    forgotten: Option<usize>,
}

impl Left {
    fn new(incarnation: Incarnation) -> Self {
        Self { incarnation, is_surveyed: false, booked: Position::START, is_done: false }
    }
}

impl Earlier {
    pub(super) fn new(now: Instant) -> Self {
        Self { left: Vec::new(), next: 0, looked: now, at_once: 0, forgotten: None }
    }

    /// Looks after one more; `false` when too many have something left to be counted. One that has nothing makes room.
    fn take(&mut self, left: Left) -> bool {
        if self.left.len() >= EARLIER_MAX {
            let Some(done) = self.left.iter().position(|left| left.is_done) else { return false };
            self.left.remove(done);
        }
        self.left.push(left);
        true
    }

    /// The store went back: it may have forgotten any of them.
    pub(super) fn look_at_all(&mut self) {
        self.at_once = self.left.len();
    }

    /// Whose turn it is, if it is time.
    fn turn(&mut self, now: Instant) -> Option<usize> {
        let is_time = self.at_once > 0 || now.saturating_duration_since(self.looked) >= LOOK_EVERY;
        if self.left.is_empty() || !is_time {
            return None;
        }
        self.at_once = self.at_once.saturating_sub(1);
        self.looked = now;
        self.next = (self.next + 1) % self.left.len();
        Some(self.next)
    }
}

impl Worker {
    /// Notes in the books how many hits of earlier processes are not counted yet.
    pub(super) fn survey_all(&mut self, incarnations: &[Incarnation]) {
        let until = self.pace.now() + SURVEY_WITHIN;
        for incarnation in incarnations {
            let mut left = Left::new(*incarnation);
            self.insist(|worker| match worker.survey(&mut left) {
                Err(trouble) if worker.pace.now() < until => Err(trouble),
                _ => Ok(()),
            });
            if !self.earlier.take(left) {
                tracing::warn!(
                    EARLIER_MAX,
                    "too many journals wait to be counted; the rest is counted after the next start"
                );
                return;
            }
        }
    }

    /// Counts what earlier processes left uncounted, as far as the store can be asked.
    pub(super) fn count_earlier(&mut self) {
        for at in 0..self.earlier.left.len() {
            if self.earlier.left[at].is_surveyed && !self.earlier.left[at].is_done {
                self.go_back_to(at);
            }
        }
    }

    fn survey(&mut self, left: &mut Left) -> Result<(), Trouble> {
        let mut stream = self.open(left.incarnation)?;
        let (counted, done) = (stream.counted_everywhere(), stream.done());
        stream.reader.read(Position(u64::MAX), usize::MAX, |_, _| {})?;
        let end = stream.reader.position();
        (left.is_surveyed, left.booked, left.is_done) = (true, counted, end <= done);
        if left.is_done {
            self.end(&mut stream);
        } else if end > counted {
            tracing::info!(hits = end.0 - counted.0, "an earlier process left hits to be counted");
            self.tools.accounts.found(end.0 - counted.0);
        }
        Ok(())
    }

    /// Looks at one of the earlier journals, now and then. Whether the store knows of all its hits is asked first: that
    /// is all there is to do as long as the store does not go back. `true` when it is time to [`Self::go_back`].
    pub(super) fn look_back(&mut self, live: &mut Stream) -> bool {
        if live.origin != Origin::Live || self.deadline.is_some() {
            return false;
        }
        let Some(at) = self.earlier.turn(self.pace.now()) else { return false };
        let Ok((counted, archived)) = self.stands(self.earlier.left[at].incarnation) else { return false };
        let left = &self.earlier.left[at];
        if left.is_done && counted >= left.booked && archived >= left.booked {
            return false;
        }
        let is_there = self.tools.journal.left_behind().is_ok_and(|all| all.contains(&left.incarnation));
        if !is_there {
            let lost = left.booked.0.saturating_sub(counted.0);
            tracing::error!(lost, "the store went back further than the journals reach");
            self.earlier.left.remove(at);
            return false;
        }
        // The clicks that wait for a file must be of one journal.
        self.earlier.forgotten = self.seal(live).is_ok().then_some(at);
        self.earlier.forgotten.is_some()
    }

    /// Counts again what [`Self::look_back`] found. It has rounds of its own, at a priority of their own, so it is not done in
    /// the midst of others.
    pub(super) fn go_back(&mut self) {
        if let Some(at) = self.earlier.forgotten.take() {
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

    fn go_back_to(&mut self, at: usize) {
        if !self.earlier.left[at].is_surveyed {
            let mut left = Left::new(self.earlier.left[at].incarnation);
            if self.survey(&mut left).is_err() {
                return;
            }
            self.earlier.left[at] = left;
        }
        let (incarnation, booked) = (self.earlier.left[at].incarnation, self.earlier.left[at].booked);
        let Some(stream) = self.work_off(incarnation, booked) else { return };
        let left = &mut self.earlier.left[at];
        (left.booked, left.is_done) = (stream.booked, stream.done() >= stream.reader.position());
    }

    /// Works off what an earlier process left, of which the books know what is not before `booked`.
    fn work_off(&mut self, incarnation: Incarnation, booked: Position) -> Option<Stream> {
        let mut stream = self.insist(|worker| worker.open(incarnation))?;
        self.insist(|worker| worker.discard(&stream))?;
        self.book_from(&mut stream, booked);
        self.follow(&mut stream);
        self.end(&mut stream);
        Some(stream)
    }

    /// Lets the books go on where they stood when this journal was looked at last. The store may stand elsewhere by now:
    /// it went back, or a batch whose answer was lost had got through, and its hits are still to be booked.
    fn book_from(&mut self, stream: &mut Stream, booked: Position) {
        let counted = stream.counted_everywhere();
        stream.booked = booked.min(counted);
        if counted < booked {
            tracing::warn!(%counted, expected = %booked, "the store went back; an earlier journal is counted again");
            self.tools.accounts.forgotten(stream.origin, booked, counted);
        }
        stream.restart(&self.tools.folder);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn journals_that_wait_to_be_counted_keep_their_place_and_others_make_room() {
        let mut earlier = Earlier::new(Instant::now());
        let left = |number: usize, is_done| Left { is_done, ..Left::new(Incarnation(number as u128)) };
        assert!((0..EARLIER_MAX).all(|number| earlier.take(left(number, number % 2 == 1))));
        assert!((0..EARLIER_MAX / 2).all(|number| earlier.take(left(EARLIER_MAX + number, false))));
        assert!(!earlier.take(left(0, false)));
        assert_eq!(earlier.left.len(), EARLIER_MAX);
        assert!(earlier.left.iter().all(|left| !left.is_done));
    }
}
