//! The store of a simulated world, as the tally sees it: every call may meet what happens to stores.

use async_trait::async_trait;
use jiff::civil::Date;

use super::world::{Shared, lock};
use crate::domain::counter::{Applied, Batch, DayCounters, Dimensions};
use crate::domain::delta::Delta;
use crate::domain::link::LinkId;
use crate::domain::position::{Incarnation, Position, Shard};
use crate::domain::visitor::Salt;
use crate::store::{CountStore, Result};

/// A world, and over how many shards its links are spread.
pub(super) struct Store(pub(super) Shared, pub(super) u16);

#[async_trait]
impl CountStore for Store {
    fn shards(&self) -> u16 {
        self.1
    }

    async fn apply(&self, batch: &Batch) -> Result<Applied> {
        let mut world = lock(&self.0);
        world.before()?;
        let applied = world.apply(batch);
        world.after(applied)
    }

    async fn watermark(&self, incarnation: Incarnation, shard: Shard) -> Result<Position> {
        let mut world = lock(&self.0);
        world.before()?;
        Ok(world.store.watermark(incarnation, shard))
    }

    async fn archived(&self, incarnation: Incarnation) -> Result<Position> {
        let mut world = lock(&self.0);
        world.before()?;
        Ok(world.store.archived(incarnation))
    }

    async fn set_archived(&self, incarnation: Incarnation, to: Position) -> Result<()> {
        let mut world = lock(&self.0);
        world.before()?;
        world.store.set_archived(incarnation, to);
        world.tell(format!("archived {:.4} to {to}", incarnation.to_string()));
        world.after(())
    }

    async fn counters_of(
        &self,
        _of: Dimensions,
        _links: Option<&[LinkId]>,
        first: Date,
        last: Date,
    ) -> Result<Vec<DayCounters>> {
        let mut world = lock(&self.0);
        world.before()?;
        world.go_back_at_times();
        Ok(world.store.counters(first, last))
    }

    async fn replace_day(&self, day: Date, counted: &[DayCounters], deltas: &[Delta]) -> Result<bool> {
        let mut world = lock(&self.0);
        world.before()?;
        world.go_back_at_times();
        let is_replaced = world.replace_day(day, counted, deltas);
        world.after(is_replaced)
    }

    async fn add_misses(&self, _day: Date, _misses: &[(String, String, u64)]) -> Result<()> {
        Ok(())
    }

    async fn misses(&self, _first: Date, _last: Date) -> Result<Vec<(Date, String, String, u64)>> {
        Ok(Vec::new())
    }

    async fn salt(&self, day: Date) -> Result<Salt> {
        lock(&self.0).before()?;
        Ok(Salt(*blake3::hash(day.to_string().as_bytes()).as_bytes()))
    }
}
