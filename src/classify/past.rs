//! What the clicks before say of a click: a double tap, one of a scanner's many, one of a burst of previews.
//!
//! Deterministic: judging clicks in the order of the journal, reset at the same positions of it, gives the same verdicts
//! however often. It must never change a verdict that was given before, because that click may be counted already.

use crate::domain::click::Click;

use super::burst::Bursts;
use super::double_tap::DoubleTap;
use super::scan::Scans;

/// The memory of one stream of clicks.
#[derive(Debug)]
pub(crate) struct Past {
    scans: Scans,
    double_tap: DoubleTap,
    bursts: Bursts,
}

impl Past {
    /// `double_tap_ms` is the window of double taps; 0 or less finds none.
    pub(crate) fn new(double_tap_ms: i64) -> Self {
        Self { scans: Scans::new(), double_tap: DoubleTap::new(double_tap_ms), bursts: Bursts::default() }
    }

    pub(crate) fn judge(&mut self, click: &mut Click) {
        self.scans.judge(click);
        self.double_tap.judge(click);
        self.bursts.judge(click);
    }

    /// Forgets everything, as before a replay.
    pub(crate) fn reset(&mut self) {
        self.scans.reset();
        self.double_tap.reset();
        self.bursts = Bursts::default();
    }
}
