//! The journals of earlier processes, once they are worked off: which there are, and whose turn it is to be asked after.
//!
//! A store can go back to before this process began. Nothing that is counted now would show that.

use std::time::{Duration, Instant};

use crate::domain::position::{Incarnation, Position};

/// How often one of them is asked after.
const ASK_EVERY: Duration = Duration::from_secs(1);

/// The most that are asked after. A node that was started more often within `journal.keep_hours` asks after the latest.
const ENDED_MAX: usize = 1_000;

#[derive(Default)]
pub(super) struct Ended {
    /// Everything before the position is counted and in click files.
    known: Vec<(Incarnation, Position)>,
    /// The store knows less of these than it once did.
    pub(super) forgotten: Vec<Incarnation>,
    turn: usize,
    asked: Option<Instant>,
    /// This many are asked after without a pause.
    at_once: usize,
}

impl Ended {
    pub(super) fn add(&mut self, incarnation: Incarnation, end: Position) {
        if end == Position::START {
            return;
        }
        if self.known.len() >= ENDED_MAX {
            self.known.remove(0);
        }
        self.known.push((incarnation, end));
    }

    /// Who is to be asked after now, and up to where the store should know it.
    pub(super) fn next(&mut self, now: Instant) -> Option<(Incarnation, Position)> {
        let is_time = self.asked.is_none_or(|asked| now.saturating_duration_since(asked) >= ASK_EVERY);
        if self.known.is_empty() || !(is_time || self.at_once > 0) {
            return None;
        }
        self.at_once = self.at_once.saturating_sub(1);
        self.asked = Some(now);
        self.turn = (self.turn + 1) % self.known.len();
        self.known.get(self.turn).copied()
    }

    /// The store went back: it may have forgotten any of them.
    pub(super) fn ask_all(&mut self) {
        self.at_once = self.known.len();
    }

    pub(super) fn forget(&mut self, incarnation: Incarnation) {
        self.known.retain(|(known, _)| *known != incarnation);
        self.forgotten.push(incarnation);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_asked_after_every_second_and_all_at_once_when_the_store_went_back() {
        let mut ended = Ended::default();
        (1..=3).for_each(|number| ended.add(Incarnation(number), Position(9)));
        ended.add(Incarnation(4), Position::START);
        let begin = Instant::now();
        let after = |ms: u64| begin + Duration::from_millis(ms);
        let mut ask = |ms| ended.next(after(ms)).map(|(incarnation, _)| incarnation.0);
        assert_eq!([ask(0), ask(10), ask(1_010), ask(1_900), ask(2_100)], [Some(2), None, Some(3), None, Some(1)]);
        ended.ask_all();
        let asked: Vec<_> = (0..5).map(|_| ended.next(after(2_200)).map(|(incarnation, _)| incarnation.0)).collect();
        assert_eq!(asked, [Some(2), Some(3), Some(1), None, None]);
        ended.forget(Incarnation(3));
        assert_eq!(ended.forgotten, [Incarnation(3)]);
    }
}
