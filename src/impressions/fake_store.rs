//! A store of lists, for the tests of what reads counters and keeps imports. It has no links.

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;
use jiff::Timestamp;
use jiff::civil::Date;

use crate::domain::counter::{Applied, Batch, DayCounters, Dimensions};
use crate::domain::import::{Body, Import, ImportId, ImportSummary, Imported};
use crate::domain::link::{DomainName, Link, LinkId, LinkSpec};
use crate::domain::position::{Incarnation, Position, Shard};
use crate::domain::record::{Expected, Record, RecordKey, RecordKind, RecordValue, Revision, Saved};
use crate::domain::visitor::Salt;
use crate::store::{
    CountStore, CreatedAll, Heard, ImportStore, LinkStore, NewLink, RecordStore, Removed, Replaced, Result, StoreError,
};

#[derive(Default)]
pub(crate) struct FakeStore {
    pub(crate) counters: Vec<DayCounters>,
    /// What was put, in order; `None` once it is undone.
    pub(crate) imports: Mutex<Vec<Option<Import>>>,
    pub(crate) records: Mutex<BTreeMap<(RecordKind, RecordKey), RecordValue>>,
}

fn none<T>() -> Result<T> {
    Err(StoreError::Unavailable("this store keeps no such thing".to_owned()))
}

#[async_trait]
impl LinkStore for FakeStore {
    async fn create_links(&self, _: &[NewLink], _: Timestamp) -> Result<CreatedAll> {
        none()
    }
    async fn replace_link(&self, _: LinkId, _: u64, _: &LinkSpec, _: &str, _: Timestamp) -> Result<Replaced> {
        none()
    }
    async fn remove_links(&self, _: &[(LinkId, Option<u64>)]) -> Result<Vec<Removed>> {
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
    async fn heard(&self) -> Result<Heard> {
        Ok(Heard::of(0))
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
    async fn counters_of(
        &self,
        _of: Dimensions,
        links: Option<&[LinkId]>,
        first: Date,
        last: Date,
    ) -> Result<Vec<DayCounters>> {
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
impl ImportStore for FakeStore {
    async fn put_import(&self, import: &Import) -> Result<Imported> {
        let mut imports = self.imports.lock().unwrap();
        let is_same =
            |known: &Option<Import>| known.as_ref().is_some_and(|known| known.about.digest == import.about.digest);
        if let Some(at) = imports.iter().position(is_same) {
            return Ok(Imported::Same(ImportId(at as u64 + 1)));
        }
        imports.push(Some(import.clone()));
        Ok(Imported::New(ImportId(imports.len() as u64)))
    }
    async fn undo_import(&self, id: ImportId) -> Result<bool> {
        let mut imports = self.imports.lock().unwrap();
        Ok(imports.get_mut(id.0 as usize - 1).and_then(Option::take).is_some())
    }
    async fn imports(&self) -> Result<Vec<ImportSummary>> {
        let imports = self.imports.lock().unwrap();
        let summary = |(id, import): (u64, &Option<Import>)| {
            Some(ImportSummary { id: ImportId(id), about: import.as_ref()?.about.clone() })
        };
        Ok((1..).zip(&*imports).filter_map(summary).collect())
    }
    async fn import_body(&self, id: ImportId) -> Result<Option<Body>> {
        let imports = self.imports.lock().unwrap();
        Ok(imports.get(id.0 as usize - 1).and_then(Option::as_ref).map(|import| import.body.clone()))
    }
}

/// Revisions are of the moment: every record has the same one.
#[async_trait]
impl RecordStore for FakeStore {
    async fn put_record(
        &self,
        kind: RecordKind,
        key: &RecordKey,
        expected: Expected,
        value: &RecordValue,
    ) -> Result<Saved> {
        let mut records = self.records.lock().unwrap();
        if expected == Expected::Absent && records.contains_key(&(kind, key.clone())) {
            return Ok(Saved::Changed);
        }
        records.insert((kind, key.clone()), value.clone());
        Ok(Saved::Yes(Revision(1)))
    }
    async fn record(&self, kind: RecordKind, key: &RecordKey) -> Result<Option<Record>> {
        let records = self.records.lock().unwrap();
        let record = |value: &RecordValue| Record { key: key.clone(), revision: Revision(1), value: value.clone() };
        Ok(records.get(&(kind, key.clone())).map(record))
    }
    async fn remove_record(&self, kind: RecordKind, key: &RecordKey) -> Result<bool> {
        Ok(self.records.lock().unwrap().remove(&(kind, key.clone())).is_some())
    }
    async fn records(&self, kind: RecordKind, after: Option<&RecordKey>, limit: usize) -> Result<Vec<Record>> {
        let records = self.records.lock().unwrap();
        let asked = |(of, key): &(RecordKind, RecordKey)| *of == kind && after.is_none_or(|after| key > after);
        let found = records.iter().filter(|(key, _)| asked(key)).take(limit);
        let record = |((_, key), value): (&(RecordKind, RecordKey), &RecordValue)| Record {
            key: key.clone(),
            revision: Revision(1),
            value: value.clone(),
        };
        Ok(found.map(record).collect())
    }
}
