//! The double tap: the same visitor on the same link again within a moment is one click, not two.
//!
//! Remembers visitors for the length of the window only, and never more than a named number of them.

use std::borrow::Cow;

use compact_str::CompactString;
use hashbrown::HashMap;
use hashbrown::hash_map::Entry;

use crate::domain::click::ClickOf;
use crate::domain::link::LinkId;
use crate::domain::verdict::Verdict;
use crate::domain::visitor::Visitor;

/// The most kept clicks remembered; at 100,000 clicks a second that is more than two seconds.
const REMEMBERED_MAX: usize = 262_144;

pub(super) const REASON: &str = "double-tap";

/// Which human clicks were kept lately. Judge clicks in the order of the journal and replays judge alike.
#[derive(Debug)]
pub(super) struct DoubleTap {
    window_ms: i64,
    /// When the last kept click of this visitor on this link was, in milliseconds.
    kept: HashMap<(Visitor, LinkId), i64>,
    /// The latest time seen.
    latest_ms: i64,
    /// What is older than the window was last forgotten at this time.
    swept_ms: i64,
}

impl DoubleTap {
    /// A window of 0 or less finds no double taps.
    pub(super) fn new(window_ms: i64) -> Self {
        Self { window_ms, kept: HashMap::new(), latest_ms: i64::MIN, swept_ms: i64::MIN }
    }

    /// Turns a human click into a duplicate if one of the same visitor and link was kept within the window before it.
    /// A duplicate is not kept, so that steady tapping counts once per window.
    pub(super) fn judge(&mut self, click: &mut ClickOf<'_>) {
        if click.verdict != Verdict::Human || self.window_ms <= 0 {
            return;
        }
        self.sweep(click.time_ms);
        let kept = match self.kept.entry((click.visitor, click.link.id)) {
            Entry::Occupied(kept) => kept.into_mut(),
            Entry::Vacant(free) => {
                free.insert(click.time_ms);
                return;
            }
        };
        if (0..self.window_ms).contains(&click.time_ms.saturating_sub(*kept)) {
            click.verdict = Verdict::Duplicate;
            click.reason = Cow::Owned(CompactString::const_new(REASON));
        } else {
            *kept = click.time_ms;
        }
    }

    /// Forgets everything, as before a replay.
    pub(super) fn reset(&mut self) {
        // Its room stays: the next stretch has about as many visitors.
        self.kept.clear();
        (self.latest_ms, self.swept_ms) = (i64::MIN, i64::MIN);
    }

    /// Forgets what is older than the window, once per window or when the memory is full. If the window alone fills
    /// the memory, all of it goes: a few double taps then count as clicks, which is the lesser wrong.
    fn sweep(&mut self, now_ms: i64) {
        self.latest_ms = self.latest_ms.max(now_ms);
        let full = self.kept.len() >= REMEMBERED_MAX;
        if !full && self.latest_ms.saturating_sub(self.swept_ms) < self.window_ms {
            return;
        }
        self.swept_ms = self.latest_ms;
        let oldest = self.latest_ms.saturating_sub(self.window_ms);
        self.kept.retain(|_, kept| *kept > oldest);
        if self.kept.len() >= REMEMBERED_MAX {
            self.kept.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::click;
    use super::*;

    fn verdicts(taps: &[(i64, u64, u64)]) -> Vec<Verdict> {
        let mut double_tap = DoubleTap::new(2000);
        let judge = |(time_ms, visitor, link): &(i64, u64, u64)| {
            let mut click = click(LinkId(*link));
            click.time_ms = *time_ms;
            click.visitor = Visitor(*visitor);
            double_tap.judge(&mut click);
            click.verdict
        };
        taps.iter().map(judge).collect()
    }

    #[test]
    fn the_second_tap_within_the_window_is_a_duplicate_of_the_first() {
        use Verdict::{Duplicate, Human};
        assert_eq!(verdicts(&[(0, 1, 1), (1999, 1, 1), (2000, 1, 1)]), [Human, Duplicate, Human]);
    }

    #[test]
    fn steady_tapping_is_measured_from_the_last_click_that_was_kept() {
        use Verdict::{Duplicate, Human};
        let taps = [(0, 1, 1), (1500, 1, 1), (3000, 1, 1), (4500, 1, 1), (6000, 1, 1)];
        assert_eq!(verdicts(&taps), [Human, Duplicate, Human, Duplicate, Human]);
    }

    #[test]
    fn another_visitor_another_link_and_an_earlier_time_are_clicks_of_their_own() {
        use Verdict::Human;
        assert_eq!(verdicts(&[(5000, 1, 1), (5001, 2, 1), (5002, 1, 2), (4000, 1, 1)]), [Human; 4]);
    }

    #[test]
    fn what_is_not_human_is_neither_judged_nor_remembered() {
        let mut double_tap = DoubleTap::new(2000);
        let mut bot = click(LinkId(1));
        bot.verdict = Verdict::Bot;
        double_tap.judge(&mut bot);
        double_tap.judge(&mut bot);
        assert_eq!(bot.verdict, Verdict::Bot);
        let mut human = click(LinkId(1));
        double_tap.judge(&mut human);
        assert_eq!(human.verdict, Verdict::Human);
    }

    #[test]
    fn memory_is_bounded_by_the_window_and_by_a_number() {
        let mut double_tap = DoubleTap::new(2000);
        let mut click = click(LinkId(1));
        for visitor in 0..REMEMBERED_MAX as u64 + 10 {
            click.visitor = Visitor(visitor);
            double_tap.judge(&mut click);
        }
        assert!(double_tap.kept.len() <= REMEMBERED_MAX);
        click.time_ms += 10_000;
        double_tap.judge(&mut click);
        assert_eq!(double_tap.kept.len(), 1);
    }

    #[test]
    fn a_reset_forgets_and_a_window_of_zero_finds_nothing() {
        let mut double_tap = DoubleTap::new(2000);
        double_tap.judge(&mut click(LinkId(1)));
        double_tap.reset();
        let mut again = click(LinkId(1));
        double_tap.judge(&mut again);
        assert_eq!(again.verdict, Verdict::Human);
        let mut off = DoubleTap::new(0);
        off.judge(&mut again);
        off.judge(&mut again);
        assert_eq!(again.verdict, Verdict::Human);
    }
}
