//! What clicks are judged by besides themselves: the clicks before them, in stretches of the journal.
//!
//! It begins anew at every position that is a multiple of a fixed number of hits, and nowhere else. Whoever reads from
//! such a position on gives every hit the verdict that it had before, whatever happened in between: a kill, a store
//! that went back, click files that end elsewhere. It must never depend on anything but the hits of the stretch.

use std::path::Path;

use crate::classify::past::Past;
use crate::domain::click::{Click, ClickOf};
use crate::domain::position::{Incarnation, Position};
use crate::journal::Reader;

/// Hits of a stretch: some 6 MiB of journal, which a restart may have to judge once more and which are kept longer than
/// they have to be. A double tap across the end of a stretch counts as two clicks, one place in so many hits.
pub(crate) const STRETCH: u64 = 1 << 14;

/// What a memory is made by; the same for the life of an installation, or hits that are judged twice differ.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rule {
    pub(crate) double_tap_ms: i64,
    /// Hits after which it begins anew, at least 1.
    pub(crate) stretch: u64,
}

impl Rule {
    /// Where the stretch of a position begins.
    pub(super) fn begin_of(self, position: Position) -> Position {
        Position(position.0 - position.0 % self.stretch.max(1))
    }

    /// A reader that judges hits from `from` on as they were judged before, and the memory to do it with.
    pub(super) fn reader(self, folder: &Path, incarnation: Incarnation, from: Position) -> (Reader, Memory) {
        (Reader::new(folder, incarnation, self.begin_of(from)), self.memory())
    }

    /// A memory for the clicks of one journal, from the beginning of a stretch on.
    pub(super) fn memory(self) -> Memory {
        Memory {
            rule: self,
            past: Past::new(self.double_tap_ms),
            begin: Position::START,
            whole_to: Some(Position::START),
        }
    }
}

pub(super) struct Memory {
    rule: Rule,
    past: Past,
    /// Where the stretch of the click that was judged last begins.
    begin: Position,
    /// While clicks are judged again: every hit of the stretch before this was among them. `None` once one was missing.
    whole_to: Option<Position>,
}

impl Memory {
    /// Judges clicks in the order of their positions.
    pub(super) fn judge(&mut self, position: Position, click: &mut ClickOf<'_>) {
        self.enter(position);
        self.past.judge(click);
    }

    /// The same for clicks that were judged before, and that not all may be there of: files were deleted, or hits could
    /// not be read. What was said of a click when more was known then stands, unless its own evidence says otherwise now.
    pub(super) fn judge_again(&mut self, position: Position, old: &Click, click: &mut Click) {
        self.enter(position);
        self.whole_to = self.whole_to.filter(|next| *next == position).map(Position::next);
        match self.whole_to {
            Some(_) => self.past.judge(click),
            None => self.past.judge_knowing(old, click),
        }
    }

    fn enter(&mut self, position: Position) {
        let begin = self.rule.begin_of(position);
        if begin != self.begin {
            self.past.reset();
            (self.begin, self.whole_to) = (begin, Some(begin));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::link::{LinkFacts, LinkId};
    use crate::domain::placement::Level;
    use crate::domain::utm::Utm;
    use crate::domain::verdict::Verdict::{self, Duplicate, Human};
    use crate::domain::visitor::Visitor;

    const RULE: Rule = Rule { double_tap_ms: 2000, stretch: 10 };

    /// Taps of one visitor on one link, one every half second.
    fn taps(positions: impl Iterator<Item = u64>) -> Vec<(Position, Click)> {
        let (domain, slug, utm) = (String::new(), String::new(), Utm::default());
        let link = Arc::new(LinkFacts { id: LinkId(1), domain, slug, utm, platform: None, level: Level::Other });
        let tap = |at: u64| {
            let mut click = Click::blank(Arc::clone(&link), Visitor(1));
            click.time_ms = 500 * at.cast_signed();
            (Position(at), click)
        };
        positions.map(tap).collect()
    }

    fn judged() -> Vec<(Position, Click)> {
        let (mut memory, mut clicks) = (RULE.memory(), taps(0..30));
        clicks.iter_mut().for_each(|(position, click)| memory.judge(*position, click));
        clicks
    }

    fn again(judged: &[(Position, Click)]) -> Vec<Verdict> {
        let mut memory = RULE.memory();
        let judge = |((position, mut click), (_, old)): ((Position, Click), &(Position, Click))| {
            memory.judge_again(position, old, &mut click);
            click.verdict
        };
        taps(judged.iter().map(|(position, _)| position.0)).into_iter().zip(judged).map(judge).collect()
    }

    fn verdicts(judged: &[(Position, Click)]) -> Vec<Verdict> {
        judged.iter().map(|(_, click)| click.verdict).collect()
    }

    #[test]
    fn a_stretch_begins_anew_and_is_judged_again_as_it_was() {
        let judged = judged();
        assert_eq!(verdicts(&judged[7..12]), [Duplicate, Human, Duplicate, Human, Duplicate]);
        assert_eq!(again(&judged), verdicts(&judged));
    }

    #[test]
    fn where_hits_of_a_stretch_are_missing_their_followers_stay_what_they_were() {
        for missing in [0..1, 0..5, 3..4, 8..13, 9..21] {
            let rest = judged().into_iter().filter(|(at, _)| !missing.contains(&at.0)).collect::<Vec<_>>();
            assert_eq!(again(&rest), verdicts(&rest), "without {missing:?}");
        }
    }

    #[test]
    fn new_windows_reach_stretches_that_are_whole() {
        let (judged, mut memory) = (judged(), Rule { double_tap_ms: 600, ..RULE }.memory());
        let mut again = |(position, old): &(Position, Click)| {
            let mut click = taps(position.0..position.0 + 1).remove(0).1;
            memory.judge_again(*position, old, &mut click);
            click.verdict
        };
        let found: Vec<Verdict> = judged[5..14].iter().map(&mut again).collect();
        let (rest_of_a_stretch, whole) = found.split_at(5);
        assert_eq!(rest_of_a_stretch, verdicts(&judged[5..10]));
        assert_eq!(whole, [Human, Duplicate, Human, Duplicate]);
    }
}
