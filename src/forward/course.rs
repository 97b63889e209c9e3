//! The course of a delivery that does not go well: when it is tried again, when it is given up, and when its hook is paused.
//!
//! Pure: it is told the time and the dice.

use serde::{Deserialize, Serialize};

/// The longest pause between two tries, unless the target asks for a longer one.
const PAUSE_MAX_MS: i64 = 60 * 60 * 1000;
/// The longest pause that a target is granted (`Retry-After`).
const ASKED_MAX_MS: i64 = 6 * PAUSE_MAX_MS;
/// Tries of a message that the target answers and does not want.
const UNWANTED_TRIES_MAX: u32 = 6;
/// Tries of any message.
const TRIES_MAX: u32 = 60;
/// Messages given up one after the other, upon which the hook is paused.
const GIVEN_UP_MAX: u32 = 10;

/// Why a message was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// The target is away or overloaded: the same may be taken later, perhaps not before so many milliseconds.
    Away { why: String, retry_after_ms: Option<i64> },
    /// The target answers that it does not want this, or it may not be sent to.
    Unwanted { why: String },
    /// The target says that it wants nothing any more.
    Gone,
}

impl Failure {
    pub(super) fn why(&self) -> String {
        match self {
            Self::Away { why, .. } | Self::Unwanted { why } => why.clone(),
            Self::Gone => "it answered 410: it wants no more of this".to_owned(),
        }
    }
}

/// What is done about a failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing, before this instant.
    Again { at_ms: i64 },
    /// The message goes to the dead letters; the next one is sent.
    GiveUp,
    /// Nothing is sent until somebody looks.
    Pause { why: String },
}

/// How long it is tried.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// The pause after the first failure; each further one is twice as long.
    pub(super) first_ms: i64,
    /// After so long one message is given up; after so long without a success the hook is paused.
    pub(super) whole_ms: i64,
}

/// Where a hook stands with what it could not deliver.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Course {
    /// Of the message that is under way.
    pub(super) tries: u32,
    /// When this message failed first.
    since_ms: Option<i64>,
    /// When this hook failed first since something was delivered.
    pub(super) failing_since_ms: Option<i64>,
    /// Nothing is tried before.
    pub(super) again_ms: Option<i64>,
    given_up: u32,
    pub(super) error: Option<String>,
}

impl Course {
    pub(super) fn delivered(&mut self) {
        *self = Self::default();
    }

    /// `dice` is even from 0 to 1: it shortens the pause by up to a half, so that hooks which failed together do not come
    /// back together.
    pub(super) fn failed(&mut self, failure: &Failure, now_ms: i64, dice: f64, patience: Patience) -> Step {
        self.tries += 1;
        // A clock that was set back does not stretch the time.
        let since_ms = self.since_ms.filter(|since| *since <= now_ms).unwrap_or(now_ms);
        let failing_since_ms = self.failing_since_ms.filter(|since| *since <= now_ms).unwrap_or(now_ms);
        (self.since_ms, self.failing_since_ms) = (Some(since_ms), Some(failing_since_ms));
        self.error = Some(failure.why());
        if *failure == Failure::Gone {
            return Step::Pause { why: failure.why() };
        }
        if now_ms - failing_since_ms >= patience.whole_ms {
            let hours = patience.whole_ms / PAUSE_MAX_MS;
            return Step::Pause { why: format!("nothing was delivered for {hours} hours: {}", failure.why()) };
        }
        let is_unwanted = matches!(failure, Failure::Unwanted { .. }) && self.tries >= UNWANTED_TRIES_MAX;
        if is_unwanted || self.tries >= TRIES_MAX || now_ms - since_ms >= patience.whole_ms {
            return self.give_up(failure);
        }
        let at_ms = now_ms + self.pause_ms(failure, dice, patience);
        self.again_ms = Some(at_ms);
        Step::Again { at_ms }
    }

    fn give_up(&mut self, failure: &Failure) -> Step {
        self.given_up += 1;
        if self.given_up >= GIVEN_UP_MAX {
            return Step::Pause { why: format!("{GIVEN_UP_MAX} messages in a row were not taken: {}", failure.why()) };
        }
        (self.tries, self.since_ms, self.again_ms) = (0, None, None);
        Step::GiveUp
    }

    fn pause_ms(&self, failure: &Failure, dice: f64, patience: Patience) -> i64 {
        let doubled = patience.first_ms.saturating_mul(1 << (self.tries - 1).min(30));
        let pause = doubled.clamp(1, PAUSE_MAX_MS);
        let shortened = pause - (pause as f64 / 2.0 * dice.clamp(0.0, 1.0)) as i64;
        match failure {
            Failure::Away { retry_after_ms: Some(asked), .. } => shortened.max((*asked).min(ASKED_MAX_MS)),
            _ => shortened,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = PAUSE_MAX_MS;
    const PATIENCE: Patience = Patience { first_ms: 2000, whole_ms: 24 * HOUR };

    fn away() -> Failure {
        Failure::Away { why: "it answered 503".to_owned(), retry_after_ms: None }
    }

    fn unwanted() -> Failure {
        Failure::Unwanted { why: "it answered 400".to_owned() }
    }

    /// Fails until something else than another try is due; the pauses, the end, and when it came.
    fn play(course: &mut Course, failure: &Failure, mut now_ms: i64, dice: f64) -> (Vec<i64>, Step, i64) {
        let mut pauses = Vec::new();
        loop {
            match course.failed(failure, now_ms, dice, PATIENCE) {
                Step::Again { at_ms } => {
                    pauses.push(at_ms - now_ms);
                    now_ms = at_ms;
                }
                step => return (pauses, step, now_ms),
            }
        }
    }

    #[test]
    fn pauses_double_up_to_an_hour_and_the_hook_is_paused_after_a_day() {
        let (pauses, step, now_ms) = play(&mut Course::default(), &away(), 0, 0.0);
        assert_eq!(pauses[..4], [2000, 4000, 8000, 16_000]);
        assert_eq!(pauses.iter().max(), Some(&HOUR));
        assert_eq!(step, Step::Pause { why: "nothing was delivered for 24 hours: it answered 503".to_owned() });
        assert!((24 * HOUR..25 * HOUR).contains(&now_ms), "{now_ms}");
        assert!(pauses.len() < TRIES_MAX as usize, "{}", pauses.len());
    }

    #[test]
    fn the_dice_shorten_a_pause_by_up_to_a_half() {
        for (dice, pause) in [(0.0, 2000), (0.5, 1500), (1.0, 1000)] {
            assert_eq!(play(&mut Course::default(), &away(), 0, dice).0[0], pause);
        }
    }

    #[test]
    fn a_message_that_is_not_wanted_is_given_up_and_ten_in_a_row_pause_the_hook() {
        let mut course = Course::default();
        for _ in 1..GIVEN_UP_MAX {
            let (pauses, step, _) = play(&mut course, &unwanted(), 0, 0.0);
            assert_eq!((pauses.len(), step), (5, Step::GiveUp));
        }
        let (_, step, _) = play(&mut course, &unwanted(), 0, 0.0);
        assert!(matches!(step, Step::Pause { why } if why.starts_with("10 messages in a row")));
        course.delivered();
        assert_eq!(play(&mut course, &unwanted(), 0, 0.0).1, Step::GiveUp);
    }

    #[test]
    fn a_target_that_is_gone_is_sent_nothing_more_and_one_that_asks_for_time_gets_it() {
        assert!(matches!(Course::default().failed(&Failure::Gone, 0, 0.0, PATIENCE), Step::Pause { .. }));
        let asks = |ms| Failure::Away { why: String::new(), retry_after_ms: Some(ms) };
        for (asked, granted) in [(60_000, 60_000), (1, 2000), (i64::MAX, 6 * HOUR)] {
            assert_eq!(Course::default().failed(&asks(asked), 0, 0.0, PATIENCE), Step::Again { at_ms: granted });
        }
    }

    #[test]
    fn a_clock_that_is_set_back_starts_the_wait_anew() {
        let mut course = Course::default();
        course.failed(&away(), 100 * HOUR, 0.0, PATIENCE);
        assert!(matches!(course.failed(&away(), HOUR, 0.0, PATIENCE), Step::Again { .. }));
        assert_eq!(course.failing_since_ms, Some(HOUR));
    }
}
