//! One incarnation on its way through the tally: how far it is read, counted and archived.

use std::collections::VecDeque;
use std::path::Path;

use super::accounts::Origin;
use super::held::Held;
use crate::classify::past::Past;
use crate::domain::click::Click;
use crate::domain::position::{Incarnation, Position};
use crate::journal::Reader;
use crate::store::{CountStore, StoreError};

/// The places where one incarnation stands. `archived <= sealed <= pushed`, and nothing is pushed before it is counted.
pub(super) struct Stream {
    pub(super) incarnation: Incarnation,
    pub(super) origin: Origin,
    pub(super) reader: Reader,
    /// Per shard: hits below this are in the store's counters.
    pub(super) counted: Vec<Position>,
    /// Shards that wait while others are counted.
    pub(super) held: Held,
    /// Hits below this are in the books as counted: every shard has counted them.
    pub(super) booked: Position,
    /// Clicks below this are with the archive, in memory or in files.
    pub(super) pushed: Position,
    /// Clicks below this are in click files.
    pub(super) sealed: Position,
    /// Clicks below this are in click files, and the store knows it. The next file is written only when it does.
    pub(super) archived: Position,
    pub(super) memory: Memory,
}

/// What clicks are judged by besides themselves. It is forgotten where a click file begins, so that reading again from
/// there judges every hit the same, and so that a file can be judged again by itself.
pub(super) struct Memory {
    past: Past,
    /// Where files begin, ascending.
    begins: VecDeque<Position>,
    /// The beginning of the file of the click that was judged last.
    current: Option<Position>,
}

/// Beginnings of files that are remembered. A store does not go back by that many files.
const BEGINS_MAX: usize = 10_000;

impl Memory {
    fn new(double_tap_ms: i64, begin: Position) -> Self {
        Self { past: Past::new(double_tap_ms), begins: [begin].into(), current: None }
    }

    pub(super) fn judge(&mut self, position: Position, click: &mut Click) {
        let begin = self.begin_of(position);
        if begin != self.current {
            self.past.reset();
            self.current = begin;
        }
        self.past.judge(click);
    }

    /// Where the file of this position begins; `None` before the first beginning that is remembered.
    fn begin_of(&self, position: Position) -> Option<Position> {
        let after = self.begins.partition_point(|begin| *begin <= position);
        after.checked_sub(1).and_then(|at| self.begins.get(at).copied())
    }

    /// The next click file begins here.
    pub(super) fn file_begins(&mut self, at: Position) {
        while self.begins.back().is_some_and(|last| *last >= at) {
            self.begins.pop_back();
        }
        self.begins.push_back(at);
        if self.begins.len() > BEGINS_MAX {
            self.begins.pop_front();
        }
    }
}

impl Stream {
    /// The incarnation that this process begins: no store can know it, so none needs to be asked.
    pub(super) fn begin(store: &dyn CountStore, folder: &Path, incarnation: Incarnation, double_tap_ms: i64) -> Self {
        let counted = vec![Position::START; usize::from(store.shards())];
        Self::at(folder, incarnation, Origin::Live, double_tap_ms, (counted, Position::START))
    }

    /// One of an earlier process: asks the store where it stands and starts reading where work is left.
    pub(super) async fn open(
        store: &dyn CountStore,
        folder: &Path,
        incarnation: Incarnation,
        double_tap_ms: i64,
    ) -> Result<Self, StoreError> {
        let archived = store.archived(incarnation).await?;
        let counted = store.watermarks(incarnation).await?;
        Ok(Self::at(folder, incarnation, Origin::Recovered, double_tap_ms, (counted, archived)))
    }

    fn at(
        folder: &Path,
        incarnation: Incarnation,
        origin: Origin,
        double_tap_ms: i64,
        (counted, archived): (Vec<Position>, Position),
    ) -> Self {
        let booked = lowest(&counted);
        let reader = Reader::new(folder, incarnation, archived.min(booked));
        let memory = Memory::new(double_tap_ms, archived);
        let (pushed, sealed) = (archived, archived);
        let held = Held::default();
        Self { incarnation, origin, reader, counted, held, booked, pushed, sealed, archived, memory }
    }

    /// Everything below this is counted in every shard.
    pub(super) fn counted_everywhere(&self) -> Position {
        lowest(&self.counted)
    }

    /// Whether all counted clicks are with the archive. Before that no click file may end: the clicks behind its end are
    /// counted by what was remembered across it.
    pub(super) fn has_caught_up(&self) -> bool {
        self.counted.iter().all(|counted| *counted <= self.pushed)
    }

    /// Everything below this needs the journal no more.
    pub(super) fn released(&self) -> Position {
        self.counted_everywhere().min(self.archived)
    }

    /// Reads again from where the archive ends, or from the beginning of the file in which the store has gone back to
    /// a click, so that every hit is judged as it was the first time.
    pub(super) fn restart(&mut self, folder: &Path) {
        let from = self.counted_everywhere().min(self.sealed);
        let from = self.memory.begin_of(from).unwrap_or(from);
        self.reader = Reader::new(folder, self.incarnation, from);
        self.memory.past.reset();
    }
}

fn lowest(positions: &[Position]) -> Position {
    positions.iter().copied().min().unwrap_or_default()
}
