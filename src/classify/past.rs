//! What the clicks before say of a click: a double tap, one of a scanner's many, one of a burst of previews.
//!
//! Deterministic: judging clicks in the order of the journal, reset at the same positions of it, gives the same verdicts
//! however often. It must never change a verdict that was given before, because that click may be counted already.

use crate::domain::click::{Click, ClickOf};
use crate::domain::verdict::Verdict;

use super::burst::Bursts;
use super::double_tap::{self, DoubleTap};
use super::scan::Scans;

/// What the reasons of scanners and bursts begin with.
const BY_SEQUENCE: &str = "sequence:";

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

    pub(crate) fn judge(&mut self, click: &mut ClickOf<'_>) {
        self.scans.judge(click);
        self.double_tap.judge(click);
        self.bursts.judge(click);
    }

    /// Judges a click of which `said` was said when more was remembered. That stands as long as the click's own evidence is
    /// what it was: clicks that nobody remembers any more may have decided it.
    pub(crate) fn judge_knowing(&mut self, said: &Click, click: &mut ClickOf<'_>) {
        if !may_have_become(click, said) {
            return self.judge(click);
        }
        // It is remembered as it was, and what little is remembered cannot say more of it.
        self.scans.judge(click);
        (click.verdict, click.reason) = (said.verdict, said.reason.clone());
        self.double_tap.judge(click);
        self.bursts.judge(click);
        (click.verdict, click.reason) = (said.verdict, said.reason.clone());
    }

    /// Forgets everything, as before a replay.
    pub(crate) fn reset(&mut self) {
        self.scans.reset();
        self.double_tap.reset();
        self.bursts = Bursts::default();
    }
}

/// Whether `said` can be what the clicks before made of a click that is `own` by itself.
fn may_have_become(own: &ClickOf<'_>, said: &ClickOf<'_>) -> bool {
    let is_by_others = *said.reason == double_tap::REASON || said.reason.starts_with(BY_SEQUENCE);
    match (own.verdict, said.verdict) {
        (Verdict::Human, Verdict::Duplicate | Verdict::Scanner) | (Verdict::Bot, Verdict::Preview) if is_by_others => {
            true
        }
        (own_verdict, verdict) => own_verdict == verdict && own.reason == said.reason,
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::super::tests::click;
    use super::*;
    use crate::domain::link::LinkId;

    /// One visitor's taps on one link at these times, as they were judged.
    fn judged(times: &[i64]) -> Vec<Click> {
        let mut past = Past::new(2000);
        let judge = |time_ms: &i64| {
            let mut click = click(LinkId(1));
            click.time_ms = *time_ms;
            past.judge(&mut click);
            click
        };
        times.iter().map(judge).collect()
    }

    fn again(said: &[Click], own: impl Fn(&mut Click)) -> Vec<Verdict> {
        let mut past = Past::new(2000);
        let judge = |said: &Click| {
            let mut click = click(LinkId(1));
            click.time_ms = said.time_ms;
            own(&mut click);
            past.judge_knowing(said, &mut click);
            click.verdict
        };
        said.iter().map(judge).collect()
    }

    #[test]
    fn without_the_clicks_before_what_was_said_stands() {
        use Verdict::{Duplicate, Human};
        let said = judged(&[0, 1500, 3000, 4500]);
        assert_eq!(said.iter().map(|click| click.verdict).collect::<Vec<_>>(), [Human, Duplicate, Human, Duplicate]);
        assert_eq!(again(&said[1..], |_| {}), [Duplicate, Human, Duplicate]);
    }

    #[test]
    fn new_rules_still_reach_a_click_whose_own_evidence_they_judge_otherwise() {
        let said = judged(&[0, 1500]);
        let as_bot =
            |click: &mut Click| (click.verdict, click.reason) = (Verdict::Bot, Cow::Owned("user-agent:new".into()));
        assert_eq!(again(&said[1..], as_bot), [Verdict::Bot]);
        let bots: Vec<Click> = judged(&[0, 1500])
            .into_iter()
            .map(|mut click| {
                as_bot(&mut click);
                click
            })
            .collect();
        assert_eq!(again(&bots, |_| {}), [Verdict::Human, Verdict::Duplicate], "they know of each other");
    }
}
