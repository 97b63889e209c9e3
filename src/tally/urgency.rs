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

/// How old hits may be that are not counted before counting no longer waits for people at the dashboard, before it no
/// longer waits for redirects either, and how old again when that ends. Something else may keep the processor busy for
/// days, and then whoever stands behind it gets next to nothing.
const LATE_AFTER: Duration = Duration::from_secs(10);
const TOO_LATE_AFTER: Duration = Duration::from_secs(30);
const IN_TIME_WITHIN: Duration = Duration::from_secs(1);

/// What is known of how counting stands.
pub(super) struct Urgency {
    /// Everything that arrived before this is counted.
    counted_until: Instant,
    is_filling: bool,
    /// What is due to the age of what waits.
    by_age: Priority,
}

impl Urgency {
    pub(super) fn new(now: Instant) -> Self {
        Self { counted_until: now, is_filling: false, by_age: Priority::WhenIdle }
    }

    /// A round that began at `begun` is over, and `is_all` was counted that there was then. The journal is full by
    /// `needed_percent`.
    pub(super) fn note(&mut self, is_all: bool, begun: Instant, now: Instant, needed_percent: u64) {
        if is_all {
            self.counted_until = begun;
        }
        let age = self.age(now);
        self.is_filling = needed_percent > if self.is_filling { CLEARED_BELOW } else { FULL_ABOVE };
        self.by_age = if age > IN_TIME_WITHIN { self.by_age.min(due_at(age)) } else { Priority::WhenIdle };
    }

    /// Whether a round that goes on should do so at a higher priority.
    pub(super) fn has_grown(&self, now: Instant, needed_percent: u64) -> bool {
        let due = if needed_percent > FULL_ABOVE { Priority::Ordinary } else { due_at(self.age(now)) };
        due < self.priority()
    }

    fn priority(&self) -> Priority {
        if self.is_filling { Priority::Ordinary } else { self.by_age }
    }

    fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.counted_until)
    }
}

/// The priority of counting what has waited for so long.
fn due_at(age: Duration) -> Priority {
    if age > TOO_LATE_AFTER {
        Priority::Ordinary
    } else if age > LATE_AFTER {
        Priority::AfterRedirects
    } else {
        Priority::WhenIdle
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
            (91, 120, false, 0, Priority::AfterRedirects),
            (120, 121, false, 0, Priority::Ordinary),
            (121, 123, true, 0, Priority::Ordinary),
            (124, 125, true, 0, Priority::WhenIdle),
        ]);
    }

    #[test]
    fn a_round_is_cut_short_when_it_has_become_more_urgent_and_not_again_after_that() {
        let start = Instant::now();
        let [soon, late, too_late] = [10, 11, 31].map(|seconds| start + Duration::from_secs(seconds));
        let mut urgency = Urgency::new(start);
        assert_eq!(
            [(soon, 25), (soon, 26), (late, 0)].map(|(now, full)| urgency.has_grown(now, full)),
            [false, true, true]
        );
        urgency.note(false, start, late, 0);
        assert_eq!(
            [(late, 25), (late, 26), (too_late, 25)].map(|(now, full)| urgency.has_grown(now, full)),
            [false, true, true]
        );
        urgency.note(false, start, late, 26);
        assert!(!urgency.has_grown(too_late, 99));
    }

    #[test]
    fn hits_that_would_be_lost_are_more_urgent_than_hits_that_are_late() {
        play(&[(0, 20, false, 30, Priority::Ordinary), (20, 21, false, 3, Priority::AfterRedirects)]);
    }
}
