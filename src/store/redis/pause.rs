//! Pauses between tries that fail, growing and shortened at random, so that nodes do not come back in step.

use std::time::{Duration, Instant};

use super::reaction::{Failure, Reaction};

const FIRST: Duration = Duration::from_millis(50);
const MAX: Duration = Duration::from_secs(2);
/// The pause while the configuration is wrong: nothing but a person can end it.
const REFUSED: Duration = Duration::from_secs(5);

/// What went wrong last, and until when it is not tried again.
#[derive(Default)]
pub(super) struct Pause(Option<Paused>);

struct Paused {
    failure: Failure,
    until: Instant,
    next: Duration,
}

impl Pause {
    /// What whoever asks now is told at once: a pause that held callers would be a queue.
    pub(super) fn holds(&self) -> Option<Failure> {
        self.0.as_ref().filter(|paused| Instant::now() < paused.until).map(|paused| paused.failure.clone())
    }

    pub(super) fn begin(&mut self, failure: &Failure) {
        let pause = self.0.as_ref().map_or(FIRST, |paused| paused.next);
        let is_refused = matches!(failure.reaction, Reaction::Refused | Reaction::Untrusted);
        let until = Instant::now() + if is_refused { REFUSED } else { shortened(pause) };
        self.0 = Some(Paused { failure: failure.clone(), until, next: (pause * 2).min(MAX) });
    }
}

/// Between half of `pause` and all of it.
fn shortened(pause: Duration) -> Duration {
    let mut byte = [0_u8; 1];
    // Without random bytes the pauses are whole, which is no harm.
    let _ = getrandom::fill(&mut byte);
    pause - pause * u32::from(byte[0]) / 512
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_shortened_by_at_most_half() {
        for _ in 0..100 {
            let pause = shortened(MAX);
            assert!(pause <= MAX && pause >= MAX / 2, "{pause:?}");
        }
    }

    #[test]
    fn whoever_asks_during_a_pause_is_told_what_went_wrong() {
        let mut pause = Pause::default();
        assert!(pause.holds().is_none());
        pause.begin(&Failure::of(Reaction::Refused, "wrong password"));
        assert_eq!(pause.holds().unwrap().said, "wrong password");
    }
}
