//! What clicks are judged by besides themselves: the clicks before them, in stretches of the journal.
//!
//! It begins anew at every position that is a multiple of a fixed number of hits, and nowhere else. Whoever reads from
//! such a position on gives every hit the verdict that it had before, whatever happened in between: a kill, a store
//! that went back, click files that end elsewhere. It must never depend on anything but the hits of the stretch.

use std::path::Path;

use crate::classify::past::Past;
use crate::domain::click::Click;
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
        (Reader::new(folder, incarnation, self.begin_of(from)), Memory::new(self))
    }
}

pub(super) struct Memory {
    rule: Rule,
    past: Past,
    /// Where the stretch of the click that was judged last begins.
    begin: Position,
}

impl Memory {
    fn new(rule: Rule) -> Self {
        Self { rule, past: Past::new(rule.double_tap_ms), begin: Position::START }
    }

    /// Judges clicks in the order of their positions.
    pub(super) fn judge(&mut self, position: Position, click: &mut Click) {
        let begin = self.rule.begin_of(position);
        if begin != self.begin {
            self.past.reset();
            self.begin = begin;
        }
        self.past.judge(click);
    }
}
