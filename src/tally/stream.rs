//! One incarnation on its way through the tally: how far it is read, counted and archived.

use std::path::Path;

use super::accounts::Origin;
use super::held::Held;
use super::memory::{Memory, Rule};
use crate::domain::position::{Incarnation, Position};
use crate::journal::Reader;
use crate::store::{CountStore, StoreError};

/// The places where one incarnation stands. `archived <= sealed <= pushed`, and nothing is pushed before it is counted.
pub(super) struct Stream {
    pub(super) incarnation: Incarnation,
    pub(super) origin: Origin,
    pub(super) reader: Reader,
    /// What the reader's hits are judged by.
    pub(super) memory: Memory,
    rule: Rule,
    /// Per shard: hits below this are in the store's counters.
    pub(super) counted: Vec<Position>,
    /// Shards that wait while others are counted.
    pub(super) held: Held,
    /// Hits below this are done with in the books: every shard has counted them, and the books know it.
    pub(super) booked: Position,
    /// Clicks below this are with the archive, in memory or in files.
    pub(super) pushed: Position,
    /// Clicks below this are in click files.
    pub(super) sealed: Position,
    /// Clicks below this are in click files, and the store knows it. The next file is written only when it does.
    pub(super) archived: Position,
}

impl Stream {
    /// The incarnation that this process begins: no store can know it, so none needs to be asked.
    pub(super) fn begin(store: &dyn CountStore, folder: &Path, incarnation: Incarnation, rule: Rule) -> Self {
        let counted = vec![Position::START; usize::from(store.shards())];
        Self::at(folder, incarnation, Origin::Live, rule, (counted, Position::START))
    }

    /// One of an earlier process: asks the store where it stands and starts reading where work is left.
    pub(super) async fn open(
        store: &dyn CountStore,
        folder: &Path,
        incarnation: Incarnation,
        rule: Rule,
    ) -> Result<Self, StoreError> {
        let archived = store.archived(incarnation).await?;
        let counted = store.watermarks(incarnation).await?;
        Ok(Self::at(folder, incarnation, Origin::Recovered, rule, (counted, archived)))
    }

    fn at(
        folder: &Path,
        incarnation: Incarnation,
        origin: Origin,
        rule: Rule,
        (counted, archived): (Vec<Position>, Position),
    ) -> Self {
        let booked = lowest(&counted);
        let (reader, memory) = rule.reader(folder, incarnation, archived.min(booked));
        let (pushed, sealed) = (archived, archived);
        let held = Held::default();
        Self { incarnation, origin, reader, memory, rule, counted, held, booked, pushed, sealed, archived }
    }

    /// Everything below this is counted in every shard.
    pub(super) fn counted_everywhere(&self) -> Position {
        lowest(&self.counted)
    }

    /// Whether all counted clicks are with the archive.
    pub(super) fn has_caught_up(&self) -> bool {
        self.counted.iter().all(|counted| *counted <= self.pushed)
    }

    /// Everything below this is counted and in click files.
    pub(super) fn done(&self) -> Position {
        self.counted_everywhere().min(self.archived)
    }

    /// Everything below this needs the journal no more, not even for judging what follows it.
    pub(super) fn released(&self) -> Position {
        self.rule.begin_of(self.done())
    }

    /// Reads again whatever is not done with, judging every hit as it was judged the first time.
    pub(super) fn restart(&mut self, folder: &Path) {
        let from = self.counted_everywhere().min(self.booked).min(self.pushed);
        (self.reader, self.memory) = self.rule.reader(folder, self.incarnation, from);
    }
}

fn lowest(positions: &[Position]) -> Position {
    positions.iter().copied().min().unwrap_or_default()
}
