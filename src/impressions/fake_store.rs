//! A store of two lists, for the tests of what reads counters and keeps impressions. It has no links.

use std::sync::Mutex;

use async_trait::async_trait;
use jiff::Timestamp;
use jiff::civil::Date;

use crate::domain::counter::{Applied, Batch, DayCounters};
use crate::domain::impression::{Import, ImportId, ImportSummary, Imported, StoredImpression};
use crate::domain::link::{DomainName, Link, LinkId, LinkSpec};
use crate::domain::position::{Incarnation, Position, Shard};
use crate::domain::visitor::Salt;
use crate::store::{CountStore, Created, ImpressionStore, LinkStore, Replaced, Result, StoreError};

#[derive(Default)]
pub(crate) struct FakeStore {
    pub(crate) counters: Vec<DayCounters>,
    pub(crate) impressions: Vec<StoredImpression>,
    /// What was put, in order.
    pub(crate) imports: Mutex<Vec<Import>>,
}

fn none<T>() -> Result<T> {
    Err(StoreError::Unavailable("this store keeps no such thing".to_owned()))
}

#[async_trait]
impl LinkStore for FakeStore {
    async fn create_link(&self, _: &LinkSpec, _: &str, _: Timestamp) -> Result<Created> {
        none()
    }
    async fn replace_link(&self, _: LinkId, _: u64, _: &LinkSpec, _: &str, _: Timestamp) -> Result<Replaced> {
        none()
    }
    async fn remove_link(&self, _: LinkId) -> Result<bool> {
        none()
    }
    async fn link(&self, _: LinkId) -> Result<Option<Link>> {
        Ok(None)
    }
    async fn link_by_slug(&self, _: &DomainName, _: &str) -> Result<Option<Link>> {
        Ok(None)
    }
    async fn links(&self, _: LinkId, _: usize) -> Result<Vec<Link>> {
        Ok(Vec::new())
    }
}

#[async_trait]
impl CountStore for FakeStore {
    fn shards(&self) -> u16 {
        1
    }
    async fn apply(&self, _: &Batch) -> Result<Applied> {
        none()
    }
    async fn watermark(&self, _: Incarnation, _: Shard) -> Result<Position> {
        none()
    }
    async fn archived(&self, _: Incarnation) -> Result<Position> {
        none()
    }
    async fn set_archived(&self, _: Incarnation, _: Position) -> Result<()> {
        none()
    }
    async fn counters(&self, links: Option<&[LinkId]>, first: Date, last: Date) -> Result<Vec<DayCounters>> {
        let asked = |day: &&DayCounters| {
            (first..=last).contains(&day.day) && links.is_none_or(|links| links.contains(&day.link))
        };
        Ok(self.counters.iter().filter(asked).cloned().collect())
    }
    async fn add_misses(&self, _: Date, _: &[(String, String, u64)]) -> Result<()> {
        none()
    }
    async fn misses(&self, _: Date, _: Date) -> Result<Vec<(Date, String, String, u64)>> {
        none()
    }
    async fn salt(&self, _: Date) -> Result<Salt> {
        none()
    }
}

#[async_trait]
impl ImpressionStore for FakeStore {
    async fn put_import(&self, import: &Import) -> Result<Imported> {
        let mut imports = self.imports.lock().map_err(|error| StoreError::Corrupt(error.to_string()))?;
        if let Some(at) = imports.iter().position(|known| known.digest == import.digest) {
            return Ok(Imported::Same { id: ImportId(at as u64 + 1) });
        }
        imports.push(import.clone());
        Ok(Imported::New { id: ImportId(imports.len() as u64), added: import.rows.len() as u64, replaced: 0, kept: 0 })
    }
    async fn undo_import(&self, _: ImportId) -> Result<bool> {
        none()
    }
    async fn imports(&self) -> Result<Vec<ImportSummary>> {
        none()
    }
    async fn impressions(&self, first: Date, last: Date) -> Result<Vec<StoredImpression>> {
        let asked = |stored: &&StoredImpression| (first..=last).contains(&stored.impression.day);
        Ok(self.impressions.iter().filter(asked).cloned().collect())
    }
}
