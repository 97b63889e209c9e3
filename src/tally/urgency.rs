//! How urgent counting is, and at which priority it goes on because of that.
//!
//! Counting can wait as long as nobody notices and nothing is lost. A thread that has stepped back cannot step forward
//! again, so rounds that are not urgent run on a thread of their own, which ends when they become so. It must never let
//! hits be lost that counting in time would have made room for.

use std::time::{Duration, Instant};

use super::stream::Stream;
use super::worker::{Rounds, Worker};
use crate::priority::Priority;

/// How far the journal, in per cent of `journal.total_mib_max`, may be full of hits that are not done with before counting
/// competes with redirects, and how far it has to be cleared before that ends.
const FULL_ABOVE: u64 = 25;
const CLEARED_BELOW: u64 = 5;

/// How old hits may be that are not counted before people at the dashboard need not wait longer than redirects, and how
/// old again when that ends. They must not wait for long: beside somebody who keeps the processor busy for days, counting
/// when it is idle gets next to nothing.
const LATE_AFTER: Duration = Duration::from_secs(10);
const IN_TIME_WITHIN: Duration = Duration::from_secs(1);

/// What is known of how counting stands.
pub(super) struct Urgency {
    /// Everything that arrived before this is counted.
    counted_until: Instant,
    is_filling: bool,
    is_late: bool,
}

impl Urgency {
    pub(super) fn new(now: Instant) -> Self {
        Self { counted_until: now, is_filling: false, is_late: false }
    }

    /// A round that began at `begun` is over, and `is_all` was counted that there was then. The journal is full by
    /// `needed_percent`.
    pub(super) fn note(&mut self, is_all: bool, begun: Instant, now: Instant, needed_percent: u64) {
        if is_all {
            self.counted_until = begun;
        }
        let behind = now.saturating_duration_since(self.counted_until);
        self.is_filling = needed_percent > if self.is_filling { CLEARED_BELOW } else { FULL_ABOVE };
        self.is_late = behind > if self.is_late { IN_TIME_WITHIN } else { LATE_AFTER };
    }

    /// Whether a round that goes on should do so at a higher priority.
    pub(super) fn has_grown(&self, now: Instant, needed_percent: u64) -> bool {
        let is_filling = needed_percent > FULL_ABOVE;
        let is_late = now.saturating_duration_since(self.counted_until) > LATE_AFTER;
        match self.priority() {
            Priority::Ordinary => false,
            Priority::AfterRedirects => is_filling,
            Priority::WhenIdle => is_filling || is_late,
        }
    }

    fn priority(&self) -> Priority {
        match (self.is_filling, self.is_late) {
            (true, _) => Priority::Ordinary,
            (false, true) => Priority::AfterRedirects,
            (false, false) => Priority::WhenIdle,
        }
    }
}

impl Worker {
    /// At which priority the next round should run.
    pub(super) fn priority(&self) -> Priority {
        let is_awaited = self.recount.is_some() || self.verify.is_some();
        match self.urgency.priority() {
            _ if self.deadline.is_some() => Priority::Ordinary,
            Priority::WhenIdle if is_awaited => Priority::AfterRedirects,
            priority => priority,
        }
    }

    /// Rounds at the priority that is right for them, until it is not or there is nothing more to do.
    pub(super) fn rounds_in_their_place(&mut self, stream: &mut Stream) -> Rounds {
        let priority = self.priority();
        if priority == Priority::Ordinary {
            return self.rounds(stream, priority);
        }
        let done = std::thread::scope(|scope| {
            let run = || {
                self.pace.take_place(priority);
                self.rounds(stream, priority)
            };
            let thread = std::thread::Builder::new().name("tally".to_owned()).spawn_scoped(scope, run).ok()?;
            Some(thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
        });
        // Counting is more than its place, should the system have no room for one more thread.
        done.unwrap_or_else(|| self.rounds(stream, priority))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seconds at which a round began and ended, whether it counted all, how full the journal was, and what follows.
    type Round = (u64, u64, bool, u64, Priority);

    fn play(rounds: &[Round]) {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut urgency = Urgency::new(start);
        assert_eq!(urgency.priority(), Priority::WhenIdle);
        for (number, (begun, ended, is_all, needed_percent, expected)) in rounds.iter().enumerate() {
            urgency.note(*is_all, at(*begun), at(*ended), *needed_percent);
            assert_eq!(urgency.priority(), *expected, "after round {number}");
        }
    }

    #[test]
    fn a_journal_that_fills_makes_counting_as_urgent_as_redirects_until_it_is_nearly_cleared() {
        play(&[
            (0, 1, true, 25, Priority::WhenIdle),
            (1, 2, true, 26, Priority::Ordinary),
            (2, 3, true, 6, Priority::Ordinary),
            (3, 4, true, 5, Priority::WhenIdle),
            (4, 5, true, 25, Priority::WhenIdle),
        ]);
    }

    #[test]
    fn a_burst_is_counted_after_it_unless_it_lasts() {
        play(&[
            (0, 5, false, 0, Priority::WhenIdle),
            (5, 10, false, 0, Priority::WhenIdle),
            (10, 11, false, 0, Priority::AfterRedirects),
            (11, 13, true, 0, Priority::AfterRedirects),
            (14, 15, true, 0, Priority::WhenIdle),
            (90, 91, true, 0, Priority::WhenIdle),
        ]);
    }

    #[test]
    fn a_round_is_cut_short_when_it_has_become_more_urgent_and_not_again_after_that() {
        let start = Instant::now();
        let [soon, late] = [10, 11].map(|seconds| start + Duration::from_secs(seconds));
        let mut urgency = Urgency::new(start);
        assert_eq!(
            [(soon, 25), (soon, 26), (late, 0)].map(|(now, full)| urgency.has_grown(now, full)),
            [false, true, true]
        );
        urgency.note(false, start, late, 0);
        assert_eq!([(late, 25), (late, 26)].map(|(now, full)| urgency.has_grown(now, full)), [false, true]);
        urgency.note(false, start, late, 26);
        assert!(!urgency.has_grown(late, 99));
    }

    #[test]
    fn hits_that_would_be_lost_are_more_urgent_than_hits_that_are_late() {
        play(&[(0, 20, false, 30, Priority::Ordinary), (20, 21, false, 3, Priority::AfterRedirects)]);
    }
}
