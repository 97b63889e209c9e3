//! The embedded store: one SQLite file in the data folder, for a node that needs no other server.
//!
//! One lane writes; two lanes read, so that a long report never stands before a redirect's look-up. No caller waits
//! on a disk with a thread in its hand. Why SQLite, and what a power cut can take: `docs/adr/002-embedded-store.md`.

mod additions;
mod block;
mod bytes;
pub(super) mod copy;
mod counts;
mod error;
mod file;
mod first_form;
mod hours;
mod imports;
mod lane;
mod link_day;
mod links;
mod misses;
mod number;
mod packed;
mod quarantine;
mod records;
mod rows;
mod salts;
mod schema;
#[cfg(test)]
pub(crate) mod simulated;
mod stored;
mod sums;
mod unmerged;
mod waiting;
mod words;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use hashbrown::{HashMap, HashSet};
use jiff::Timestamp;
use jiff::civil::Date;
use rusqlite::{Connection, TransactionBehavior};

use self::additions::Additions;
use self::counts::Merge;
use self::error::Failure;
use self::file::Held;
use self::lane::Lane;
use self::quarantine::Moved;
use super::{
    CountStore, CreatedAll, Heard, ImportStore, LinkStore, NewLink, OpenError, RecordStore, Removed, Replaced, Result,
    StoreError,
};
use crate::domain::counter::{Applied, Batch, DayCounters, Dimensions};
use crate::domain::delta::Delta;
use crate::domain::import::{Body, Import, ImportId, ImportSummary, Imported};
use crate::domain::link::{DomainName, Link, LinkId, LinkSpec};
use crate::domain::position::{Incarnation, Position, Shard};
use crate::domain::record::{Expected, Record, RecordKey, RecordKind, RecordValue, Saved};
use crate::domain::visitor::Salt;
use crate::priority::Priority;

/// The lanes close in this order: the writer last, so that its closing folds the WAL into the file, then the lock.
pub(crate) struct Embedded {
    lookups: Lane,
    reports: Lane,
    writer: Lane,
    /// How often links were changed by this process, which alone may change them.
    link_changes: Arc<AtomicU64>,
    /// Rows in the quarantine: those of earlier processes and those of this one.
    quarantined: AtomicU64,
    changes: Arc<Changes>,
    /// Whether a reader met counters that cannot be read, which the next batch is to look for.
    is_garbled: Arc<AtomicBool>,
    _held: Held,
}

/// How often the counters of each day were written since the start: one entry for a day.
#[derive(Default)]
struct Changes(Mutex<HashMap<Date, u64>>);

impl Changes {
    /// To be said once others can see what was written: who reads in between has the old number.
    fn note(&self, days: impl Iterator<Item = Date>) {
        let mut changes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        days.for_each(|day| *changes.entry(day).or_insert(0) += 1);
    }

    fn of(&self, day: Date) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&day).copied().unwrap_or(0)
    }

    /// Whether no day after this one was written, so that it is likely to be written again.
    fn is_last(&self, day: Date) -> bool {
        let changes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        changes.keys().max().is_some_and(|last| *last <= day)
    }
}

/// What a power cut may take from a write that was answered. A killed process takes nothing either way.
#[derive(Clone, Copy)]
enum Durability {
    /// Nothing: it is on the disk before the answer.
    Synced,
    /// The last moments, but never a part of them: the journal sends them again, because the watermark went with them.
    Replayed,
}

impl Embedded {
    /// Opens the store in `folder`, making it when there is none.
    pub(super) fn open(folder: &Path) -> Result<Self, OpenError> {
        let (held, connection) = hold(folder)?;
        Self::start(held, connection)
    }

    fn start(held: Held, connection: Connection) -> Result<Self, OpenError> {
        let file: Arc<Path> = held.file().into();
        let start = |name: &str, priority, connection: Connection| {
            Lane::start(name, priority, connection, file.clone())
                .map_err(|cause| OpenError::Folder { path: file.to_path_buf(), cause })
        };
        let quarantined = quarantine::count(&connection).map_err(|failure| failure.in_file(&file))?;
        let writer = start("store-writer", Priority::AfterRedirects, connection)?;
        let lookups = start("store-lookups", Priority::Ordinary, held.open_reader()?)?;
        let reports = start("store-reports", Priority::AfterRedirects, held.open_reader()?)?;
        let (quarantined, changes) = (AtomicU64::new(quarantined), Arc::default());
        let (link_changes, is_garbled) = (Arc::default(), Arc::default());
        Ok(Self { lookups, reports, writer, link_changes, quarantined, changes, is_garbled, _held: held })
    }

    /// One write transaction: all of `work`, or nothing.
    async fn write<T: Send + 'static>(
        &self,
        durability: Durability,
        work: impl FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T> {
        self.writer.run(move |connection| transact(connection, durability, work)).await
    }

    /// A write to the links. It is counted once others can see it, whether or not its caller still waits.
    async fn change_links<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T> {
        let changes = self.link_changes.clone();
        let work = move |connection: &mut Connection| {
            let result = transact(connection, Durability::Synced, work);
            changes.fetch_add(1, Ordering::SeqCst);
            result
        };
        self.writer.run(work).await
    }

    /// A write to the counters of `days`. It is noted before the next write begins, whether or not its caller still waits.
    async fn count<T: Send + 'static>(
        &self,
        durability: Durability,
        days: HashSet<Date>,
        work: impl FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T> {
        let changes = self.changes.clone();
        let work = move |connection: &mut Connection| {
            let result = transact(connection, durability, work);
            changes.note(days.into_iter());
            result
        };
        self.writer.run(work).await
    }

    /// A look-up that a redirect may be waiting for.
    async fn look_up<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T> {
        self.lookups.run(move |connection| read(connection, work)).await
    }

    /// A read that may take long.
    async fn report<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T> {
        self.reports.run(move |connection| read(connection, work)).await
    }
}

/// A folder whose store is whole, and the connection that writes to it: it makes the file that readers open.
fn hold(folder: &Path) -> Result<(Held, Connection), OpenError> {
    let held = Held::take(folder)?;
    let connection = held.open_writer()?;
    copy::refuse_unfinished(&connection, held.file())?;
    Ok((held, connection))
}

/// Several statements that see one state of the store.
fn read<T>(connection: &mut Connection, work: impl FnOnce(&Connection) -> Result<T, Failure>) -> Result<T, Failure> {
    let transaction = connection.transaction()?;
    work(&transaction)
}

fn transact<T>(
    connection: &mut Connection,
    durability: Durability,
    work: impl FnOnce(&Connection) -> Result<T, Failure>,
) -> Result<T, Failure> {
    // What is deleted is overwritten with zeros: a destroyed salt must not be found in the file. Additions that were merged
    // are no secrets, and their pages would be written once more for it.
    let (level, erasing) = match durability {
        Durability::Synced => ("FULL", "ON"),
        Durability::Replayed => ("NORMAL", "FAST"),
    };
    connection.pragma_update(None, "synchronous", level)?;
    connection.pragma_update_and_check(None, "secure_delete", erasing, |_| Ok(()))?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let result = work(&transaction)?;
    transaction.commit()?;
    Ok(result)
}

#[async_trait]
impl LinkStore for Embedded {
    async fn create_links(&self, links: &[NewLink], now: Timestamp) -> Result<CreatedAll> {
        let links = links.to_vec();
        self.change_links(move |file| links::create(file, links, now)).await
    }

    async fn replace_link(
        &self,
        id: LinkId,
        revision: u64,
        spec: &LinkSpec,
        folded: &str,
        now: Timestamp,
    ) -> Result<Replaced> {
        let (spec, folded) = (spec.clone(), folded.to_owned());
        self.change_links(move |file| links::replace(file, id, revision, spec, &folded, now)).await
    }

    async fn remove_links(&self, links: &[(LinkId, Option<u64>)]) -> Result<Vec<Removed>> {
        let links = links.to_vec();
        let work = move |file: &Connection| links.iter().map(|(id, at)| links::remove(file, *id, *at)).collect();
        self.change_links(work).await
    }

    async fn link(&self, id: LinkId) -> Result<Option<Link>> {
        self.look_up(move |file| links::by_id(file, id)).await
    }

    async fn link_by_slug(&self, domain: &DomainName, folded: &str) -> Result<Option<Link>> {
        let (domain, folded) = (domain.clone(), folded.to_owned());
        self.look_up(move |file| links::by_slug(file, &domain, &folded)).await
    }

    async fn links(&self, after: LinkId, limit: usize) -> Result<Vec<Link>> {
        self.report(move |file| links::list(file, after, limit)).await
    }

    async fn heard(&self) -> Result<Heard> {
        Ok(Heard::of(self.link_changes.load(Ordering::SeqCst)))
    }
}

#[async_trait]
impl CountStore for Embedded {
    fn shards(&self) -> u16 {
        1
    }

    async fn apply(&self, batch: &Batch) -> Result<Applied> {
        let days: HashSet<Date> = batch.deltas.iter().map(|delta| delta.day).collect();
        let (range, additions) = (counts::Range::of(batch), Additions::of(&batch.deltas));
        let merge = if self.is_garbled.swap(false, Ordering::Relaxed) { Merge::All } else { Merge::WhatIsDue };
        let apply = move |file: &Connection| counts::apply(file, &range, &additions, merge);
        let written = self.count(Durability::Replayed, days, apply);
        let (applied, moved) = written.await?;
        for Moved { link, day, reason } in moved {
            tracing::error!(%link, %day, reason, "counters that cannot be read are in the table quarantine now; counting goes on from 0");
            self.quarantined.fetch_add(1, Ordering::Relaxed);
        }
        Ok(applied)
    }

    async fn forget_incarnations(&self, kept: &[Incarnation], idle_since: Timestamp) -> Result<usize> {
        let kept = kept.to_vec();
        self.write(Durability::Replayed, move |file| counts::forget(file, &kept, idle_since)).await
    }

    fn quarantined(&self) -> u64 {
        self.quarantined.load(Ordering::Relaxed)
    }

    async fn watermark(&self, incarnation: Incarnation, shard: Shard) -> Result<Position> {
        self.look_up(move |file| counts::watermark(file, incarnation, shard)).await
    }

    async fn archived(&self, incarnation: Incarnation) -> Result<Position> {
        self.look_up(move |file| counts::archived(file, incarnation)).await
    }

    async fn set_archived(&self, incarnation: Incarnation, to: Position) -> Result<()> {
        self.write(Durability::Replayed, move |file| counts::set_archived(file, incarnation, to)).await
    }

    async fn replace_day(&self, day: Date, counted: &[DayCounters], deltas: &[Delta]) -> Result<bool> {
        let (hits, additions) =
            (counted.iter().map(|day| day.counters.hits()).sum(), Additions::of(&deltas.iter().collect()));
        let replace = move |file: &Connection| counts::replace_day(file, day, hits, &additions);
        self.count(Durability::Synced, HashSet::from([day]), replace).await
    }

    fn changes(&self, day: Date) -> Option<u64> {
        Some(self.changes.of(day))
    }

    async fn days_counted(&self) -> Result<Option<(Date, Date)>> {
        self.report(sums::ends).await
    }

    async fn day_sums(&self, first: Date, last: Date) -> Result<BTreeMap<Date, Vec<u8>>> {
        self.report(move |file| sums::read(file, first, last)).await
    }

    async fn keep_day_sum(&self, day: Date, as_of: u64, sum: Vec<u8>) -> Result<()> {
        let changes = self.changes.clone();
        let is_current = move || changes.of(day) == as_of && !changes.is_last(day);
        // Asked on the writer's thread, between two writes, so that no change can come in between.
        let keep = move |file: &Connection| if is_current() { sums::keep(file, day, &sum) } else { Ok(()) };
        self.write(Durability::Replayed, keep).await
    }

    async fn counters_of(
        &self,
        of: Dimensions,
        links: Option<&[LinkId]>,
        first: Date,
        last: Date,
    ) -> Result<Vec<DayCounters>> {
        let links = links.map(<[LinkId]>::to_vec);
        let found = self.report(move |file| counts::read(file, of, links, first, last)).await;
        self.is_garbled.fetch_or(matches!(found, Err(StoreError::Corrupt(_))), Ordering::Relaxed);
        found
    }

    async fn add_misses(&self, day: Date, misses: &[(String, String, u64)]) -> Result<()> {
        let misses = misses.to_vec();
        self.write(Durability::Replayed, move |file| misses::add(file, day, &misses)).await
    }

    async fn misses(&self, first: Date, last: Date) -> Result<Vec<(Date, String, String, u64)>> {
        self.report(move |file| misses::read(file, first, last)).await
    }

    async fn salt(&self, day: Date) -> Result<Salt> {
        self.writer.run(move |connection| salts::of(connection, day)).await
    }
}

#[async_trait]
impl ImportStore for Embedded {
    async fn put_import(&self, import: &Import) -> Result<Imported> {
        let import = import.clone();
        self.write(Durability::Synced, move |file| imports::put(file, &import)).await
    }

    async fn undo_import(&self, id: ImportId) -> Result<bool> {
        self.write(Durability::Synced, move |file| imports::undo(file, id)).await
    }

    async fn imports(&self) -> Result<Vec<ImportSummary>> {
        self.report(imports::list).await
    }

    async fn import_body(&self, id: ImportId) -> Result<Option<Body>> {
        self.report(move |file| imports::body(file, id)).await
    }
}

#[async_trait]
impl RecordStore for Embedded {
    async fn put_record(
        &self,
        kind: RecordKind,
        key: &RecordKey,
        expected: Expected,
        value: &RecordValue,
    ) -> Result<Saved> {
        let (key, value) = (key.clone(), value.clone());
        self.write(Durability::Synced, move |file| records::put(file, kind, &key, expected, &value)).await
    }

    async fn record(&self, kind: RecordKind, key: &RecordKey) -> Result<Option<Record>> {
        let key = key.clone();
        self.look_up(move |file| records::get(file, kind, &key)).await
    }

    async fn remove_record(&self, kind: RecordKind, key: &RecordKey) -> Result<bool> {
        let key = key.clone();
        self.write(Durability::Synced, move |file| records::remove(file, kind, &key)).await
    }

    async fn records(&self, kind: RecordKind, after: Option<&RecordKey>, limit: usize) -> Result<Vec<Record>> {
        let after = after.cloned();
        self.report(move |file| records::list(file, kind, after.as_ref(), limit)).await
    }
}
