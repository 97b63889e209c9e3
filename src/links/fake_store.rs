//! A store in memory for tests of the catalog and the admin plane. Links work; counts are what a test puts in.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use async_trait::async_trait;
use jiff::civil::Date;

use crate::domain::counter::{Applied, Batch, Counters, DayCounters, Dimension, Dimensions};
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
    links: Mutex<BTreeMap<LinkId, (Link, String)>>,
    clicks: Mutex<Vec<DayCounters>>,
    records: Mutex<BTreeMap<(RecordKind, RecordKey), Record>>,
    revisions: AtomicU64,
    changes: AtomicU64,
    /// How often a record was looked up.
    pub(crate) looks: AtomicU64,
    /// Whether it says that other nodes share it.
    pub(crate) is_shared: AtomicBool,
    /// Every call fails while this is set.
    pub(crate) is_down: AtomicBool,
}

impl FakeStore {
    pub(crate) fn count(&self, link: LinkId, day: Date, clicks: u64) {
        let mut counters = Counters::new();
        counters.add(Dimension::Verdict, "human", clicks);
        counters.add(Dimension::Country, "SE", clicks);
        self.clicks.lock().unwrap().push(DayCounters { link, day, counters, visitors: clicks });
    }

    fn up(&self) -> Result<()> {
        match self.is_down.load(Ordering::Relaxed) {
            true => Err(StoreError::Unavailable("down for the test".to_owned())),
            false => Ok(()),
        }
    }

    fn taken(&self, domain: &DomainName, folded: &str, but: LinkId) -> Option<LinkId> {
        let links = self.links.lock().unwrap();
        let holder = links.values().find(|(link, own)| link.spec.domain == *domain && own == folded && link.id != but);
        holder.map(|(link, _)| link.id)
    }
}

#[async_trait]
impl LinkStore for FakeStore {
    fn is_shared(&self) -> bool {
        self.is_shared.load(Ordering::Relaxed)
    }

    async fn create_links(&self, new: &[NewLink], now: jiff::Timestamp) -> Result<CreatedAll> {
        self.up()?;
        let holder = |new: &NewLink| self.taken(&new.spec.domain, &new.folded, LinkId(0));
        let taken: Vec<_> = new.iter().enumerate().filter_map(|(at, new)| Some((at, holder(new)?))).collect();
        if !taken.is_empty() {
            return Ok(CreatedAll::Taken(taken));
        }
        let mut links = self.links.lock().unwrap();
        let first = links.keys().last().map_or(1, |id| id.0 + 1);
        let made = (first..).zip(new).map(|(id, new)| {
            let spec = new.spec.clone();
            let link = Link { id: LinkId(id), revision: 1, created_at: new.created_at, updated_at: now, spec };
            links.insert(link.id, (link.clone(), new.folded.clone()));
            link
        });
        let made = made.collect();
        self.changes.fetch_add(1, Ordering::SeqCst);
        Ok(CreatedAll::Yes(made))
    }

    async fn replace_link(
        &self,
        id: LinkId,
        revision: u64,
        spec: &LinkSpec,
        folded: &str,
        now: jiff::Timestamp,
    ) -> Result<Replaced> {
        if let Some(by) = self.taken(&spec.domain, folded, id) {
            return Ok(Replaced::Taken(by));
        }
        let mut links = self.links.lock().unwrap();
        match links.get_mut(&id) {
            Some((link, own)) if link.revision == revision => {
                *link = Link { revision: revision + 1, updated_at: now, spec: spec.clone(), ..link.clone() };
                folded.clone_into(own);
                self.changes.fetch_add(1, Ordering::SeqCst);
                Ok(Replaced::Yes(Box::new(link.clone())))
            }
            _ => Ok(Replaced::Changed),
        }
    }

    async fn remove_links(&self, asked: &[(LinkId, Option<u64>)]) -> Result<Vec<Removed>> {
        let mut links = self.links.lock().unwrap();
        let mut remove = |(id, revision): &(LinkId, Option<u64>)| match links.get(id) {
            None => Removed::Absent,
            Some((link, _)) if revision.is_some_and(|revision| revision != link.revision) => Removed::Changed,
            Some(_) => links.remove(id).map_or(Removed::Absent, |_| Removed::Yes),
        };
        self.changes.fetch_add(1, Ordering::SeqCst);
        Ok(asked.iter().map(&mut remove).collect())
    }

    async fn link(&self, id: LinkId) -> Result<Option<Link>> {
        self.up()?;
        Ok(self.links.lock().unwrap().get(&id).map(|(link, _)| link.clone()))
    }

    async fn link_by_slug(&self, domain: &DomainName, folded: &str) -> Result<Option<Link>> {
        self.up()?;
        let id = self.taken(domain, folded, LinkId(0));
        Ok(id.and_then(|id| self.links.lock().unwrap().get(&id).map(|(link, _)| link.clone())))
    }

    async fn links(&self, after: LinkId, limit: usize) -> Result<Vec<Link>> {
        self.up()?;
        let links = self.links.lock().unwrap();
        Ok(links.range(LinkId(after.0 + 1)..).take(limit).map(|(_, (link, _))| link.clone()).collect())
    }

    async fn heard(&self) -> Result<Heard> {
        Ok(Heard::of(self.changes.load(Ordering::SeqCst)))
    }
}

#[async_trait]
impl CountStore for FakeStore {
    fn shards(&self) -> u16 {
        1
    }

    async fn apply(&self, _batch: &Batch) -> Result<Applied> {
        Ok(Applied::Yes)
    }

    async fn watermark(&self, _incarnation: Incarnation, _shard: Shard) -> Result<Position> {
        Ok(Position::START)
    }

    async fn archived(&self, _incarnation: Incarnation) -> Result<Position> {
        Ok(Position::START)
    }

    async fn set_archived(&self, _incarnation: Incarnation, _to: Position) -> Result<()> {
        Ok(())
    }

    async fn counters_of(
        &self,
        _of: Dimensions,
        links: Option<&[LinkId]>,
        first: Date,
        last: Date,
    ) -> Result<Vec<DayCounters>> {
        self.up()?;
        let days = self.clicks.lock().unwrap();
        let is_asked = |day: &&DayCounters| {
            links.is_none_or(|links| links.contains(&day.link)) && (first..=last).contains(&day.day)
        };
        Ok(days.iter().filter(is_asked).cloned().collect())
    }

    async fn add_misses(&self, _day: Date, _misses: &[(String, String, u64)]) -> Result<()> {
        Ok(())
    }

    async fn misses(&self, first: Date, _last: Date) -> Result<Vec<(Date, String, String, u64)>> {
        Ok(vec![(first, "unknown".to_owned(), "wp-login.php".to_owned(), 3)])
    }

    async fn salt(&self, _day: Date) -> Result<Salt> {
        Ok(Salt([0; 32]))
    }
}

#[async_trait]
impl ImportStore for FakeStore {
    async fn put_import(&self, _import: &Import) -> Result<Imported> {
        Ok(Imported::Same(ImportId(1)))
    }

    async fn undo_import(&self, id: ImportId) -> Result<bool> {
        Ok(id == ImportId(1))
    }

    async fn imports(&self) -> Result<Vec<ImportSummary>> {
        Ok(Vec::new())
    }

    async fn import_body(&self, _id: ImportId) -> Result<Option<Body>> {
        Ok(None)
    }
}

#[async_trait]
impl RecordStore for FakeStore {
    async fn put_record(
        &self,
        kind: RecordKind,
        key: &RecordKey,
        expected: Expected,
        value: &RecordValue,
    ) -> Result<Saved> {
        self.up()?;
        let mut records = self.records.lock().unwrap();
        let known = records.get(&(kind, key.clone()));
        if let Some(known) = known.filter(|known| known.value == *value) {
            return Ok(Saved::Yes(known.revision));
        }
        let is_expected = match expected {
            Expected::Absent => known.is_none(),
            Expected::At(revision) => known.is_some_and(|known| known.revision == revision),
        };
        if !is_expected {
            return Ok(Saved::Changed);
        }
        let revision = Revision(self.revisions.fetch_add(1, Ordering::Relaxed) + 1);
        records.insert((kind, key.clone()), Record { key: key.clone(), revision, value: value.clone() });
        Ok(Saved::Yes(revision))
    }

    async fn record(&self, kind: RecordKind, key: &RecordKey) -> Result<Option<Record>> {
        self.up()?;
        self.looks.fetch_add(1, Ordering::Relaxed);
        Ok(self.records.lock().unwrap().get(&(kind, key.clone())).cloned())
    }

    async fn remove_record(&self, kind: RecordKind, key: &RecordKey) -> Result<bool> {
        self.up()?;
        Ok(self.records.lock().unwrap().remove(&(kind, key.clone())).is_some())
    }

    async fn records(&self, kind: RecordKind, after: Option<&RecordKey>, limit: usize) -> Result<Vec<Record>> {
        self.up()?;
        let records = self.records.lock().unwrap();
        let asked = records
            .values()
            .zip(records.keys())
            .filter(|(record, (of, _))| *of == kind && after.is_none_or(|after| record.key > *after));
        Ok(asked.map(|(record, _)| record.clone()).take(limit).collect())
    }
}
