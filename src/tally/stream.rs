//! One incarnation on its way through the tally: how far it is read, counted and archived.

use std::path::Path;

use super::accounts::Origin;
use super::held::Held;
use crate::classify::past::Past;
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
    /// Starts afresh at `sealed`, so that reading again from there judges every hit the same.
    pub(super) past: Past,
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
        let past = Past::new(double_tap_ms);
        let (pushed, sealed) = (archived, archived);
        let held = Held::default();
        Self { incarnation, origin, reader, counted, held, booked, pushed, sealed, archived, past }
    }

    /// Everything below this is counted in every shard.
    pub(super) fn counted_everywhere(&self) -> Position {
        lowest(&self.counted)
    }

    /// Everything below this needs the journal no more.
    pub(super) fn released(&self) -> Position {
        self.counted_everywhere().min(self.archived)
    }

    /// Reads again from where the archive ends (or from where the store has gone back to), with a fresh memory of
    /// double taps, so that every hit is judged as it was the first time.
    pub(super) fn restart(&mut self, folder: &Path) {
        let from = self.counted_everywhere().min(self.sealed);
        self.reader = Reader::new(folder, self.incarnation, from);
        self.past.reset();
    }
}

fn lowest(positions: &[Position]) -> Position {
    positions.iter().copied().min().unwrap_or_default()
}
