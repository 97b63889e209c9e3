//! The call for a sync: whether hits wait for one, and whether the syncer has to be woken for them.

use std::sync::atomic::{AtomicU8, Ordering};

/// Nothing waits, and the syncer sleeps until somebody wakes it.
const ASLEEP: u8 = 0;
/// Nothing waits, and the syncer is going to look once more.
const AWAKE: u8 = 1;
/// Hits wait, and the syncer knows or is going to see it.
const CALLED: u8 = 2;

/// Waking a thread is a system call that a redirect waits for, so hits only call while the syncer is about to look anyway.
pub(super) struct Call(AtomicU8);

impl Call {
    /// The syncer finds hits when it starts.
    pub(super) fn made() -> Self {
        Self(AtomicU8::new(CALLED))
    }

    /// Hits wait for a sync. `true` to whom has to wake the syncer for them: one of all who call while it sleeps.
    #[must_use]
    pub(super) fn make(&self) -> bool {
        // Mostly somebody has called before, and then nothing is written that others read.
        self.0.load(Ordering::Relaxed) != CALLED && self.0.swap(CALLED, Ordering::AcqRel) == ASLEEP
    }

    pub(super) fn is_made(&self) -> bool {
        self.0.load(Ordering::Acquire) == CALLED
    }

    /// Everything written until now is about to be synced; what comes later calls anew.
    pub(super) fn answer(&self) {
        self.go(CALLED, AWAKE);
    }

    /// Whether the syncer may sleep: nobody called since it answered. Whoever calls from now on wakes it.
    pub(super) fn fall_asleep(&self) -> bool {
        self.go(AWAKE, ASLEEP)
    }

    pub(super) fn is_asleep(&self) -> bool {
        self.0.load(Ordering::Acquire) == ASLEEP
    }

    fn go(&self, from: u8, to: u8) -> bool {
        self.0.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_calls_first_while_the_syncer_sleeps_has_to_wake_it() {
        let call = Call::made();
        assert!(call.is_made() && !call.fall_asleep());
        call.answer();
        assert!(!call.is_made());
        assert!(!call.make() && call.is_made(), "it is going to look");
        call.answer();
        assert!(call.fall_asleep() && call.is_asleep());
        call.answer();
        assert!(call.is_asleep(), "somebody else's sync wakes nobody");
        assert!(call.make() && !call.make());
        assert!(call.is_made() && !call.fall_asleep());
    }
}
