//! The writing side: the mapped segment in use, the group sync, and the hand-over to the next segment.

mod call;
mod spares;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{JoinHandle, Thread};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use self::call::Call;
use super::frame::{self, Seed};
use super::keep::{self, Released};
use super::read;
use super::segment::{self, Name, Segment};
use super::{Config, Durability};
use crate::clock::Clock;
use crate::domain::hit::HitOf;
use crate::domain::position::{Incarnation, Position};

/// The first segment of a start is small, so that a restart is quick; the keeper makes full-sized ones.
const FIRST_SEGMENT_BYTES_MAX: usize = 16 << 20;

/// How many segments wait, once the first is in use.
const SPARES: usize = 2;

/// How often it is looked, while none waits, whether one is needed before the keeper has made it.
pub(super) const HURRY: Duration = Duration::from_millis(20);

/// How long a strict answer waits for its sync before it leaves without one.
const STRICT_WAIT_MAX: Duration = Duration::from_secs(1);

/// How long the threads sleep when nothing wakes them.
pub(super) const IDLE: Duration = Duration::from_millis(500);

/// Why a hit is not in the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lost {
    /// No segment with room: the disk is full, or `total_mib_max` is reached by hits not yet counted.
    JournalFull,
}

/// One life of the journal. Clones are not needed: it is shared behind an `Arc`.
pub(crate) struct Journal {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// Puts what was written into a file on the disk.
type SyncFile = Box<dyn Fn(&File) -> io::Result<()> + Send + Sync>;

pub(super) struct Shared {
    pub(super) folder: PathBuf,
    segment_bytes: usize,
    sync_file: SyncFile,
    pub(super) config: Config,
    pub(super) clock: Clock,
    pub(super) incarnation: Incarnation,
    seed: Seed,
    cursor: Mutex<Cursor>,
    /// Hits below this position are on disk.
    synced: watch::Sender<u64>,
    /// For a sync, by the first append after one.
    call: Call,
    pub(super) stopping: AtomicBool,
    lost: AtomicU64,
    /// Whether an answer left without its sync since the last one; said once, not for every answer.
    late: AtomicBool,
    syncer: OnceLock<Thread>,
    keeper: OnceLock<Thread>,
    hurrier: OnceLock<Thread>,
    pub(super) released: Mutex<Released>,
    /// Bytes of all segments, as last seen by the keeper.
    pub(super) bytes: AtomicU64,
    /// Bytes of segments that may not go yet, without the one in use, as last seen by the keeper.
    pub(super) needed_bytes: AtomicU64,
}

struct Cursor {
    active: Segment,
    next: Position,
    /// The number that was given out last. One whose segment was given up is never given out again.
    numbered: u32,
    /// The segments to go on in, in this order; at most [`SPARES`]. The keeper makes one at a time.
    spares: VecDeque<Segment>,
    /// Full segments whose last frames are not synced yet; at most one per spare that was made since.
    full: Vec<Segment>,
    /// Set when a sync failed: the kernel may have dropped those pages, so the file is never synced again.
    failed: bool,
}

thread_local! {
    static PAYLOAD: RefCell<Vec<u8>> = RefCell::new(Vec::with_capacity(frame::PAYLOAD_MAX));
}

impl Journal {
    /// Begins a new incarnation in `folder` and starts its three threads.
    ///
    /// # Errors
    /// When the folder cannot be made, or the disk has no room for a first segment.
    pub(crate) fn begin(folder: &Path, config: &Config, clock: &Clock) -> io::Result<Self> {
        let (incarnation, bytes) = (Incarnation(random()?), segment_bytes(config));
        let shared = Self::unattended(folder, config, clock, incarnation, bytes, Box::new(File::sync_data))?.shared;
        let threads = Mutex::new(vec![
            spawn("journal-sync", &shared, &shared.syncer, Shared::sync_until_stopped)?,
            spawn("journal-keep", &shared, &shared.keeper, keep::until_stopped)?,
            spawn("journal-hurry", &shared, &shared.hurrier, keep::hurry_until_stopped)?,
        ]);
        Ok(Self { shared, threads })
    }

    /// Begins `incarnation` without threads: nothing is synced and no segment prepared unless somebody asks for it.
    pub(crate) fn unattended(
        folder: &Path,
        config: &Config,
        clock: &Clock,
        incarnation: Incarnation,
        segment_bytes: usize,
        sync_file: SyncFile,
    ) -> io::Result<Self> {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let bytes = segment_bytes.min(FIRST_SEGMENT_BYTES_MAX);
        let first = Segment::prepare(folder, Name { incarnation, number: 0 }, bytes, || false)?;
        let mut active = first.ok_or_else(|| io::Error::other("the first journal file was given up"))?;
        active.begin(Position::START, clock.now_ms());
        let (next, spares) = (Position::START, VecDeque::new());
        let cursor = Cursor { active, next, numbered: 0, spares, full: Vec::new(), failed: false };
        let shared = Arc::new(Shared {
            folder: folder.to_owned(),
            segment_bytes,
            sync_file,
            config: config.clone(),
            clock: clock.clone(),
            incarnation,
            seed: Seed::of(incarnation),
            cursor: Mutex::new(cursor),
            synced: watch::Sender::new(0),
            call: Call::made(),
            stopping: AtomicBool::new(false),
            lost: AtomicU64::new(0),
            late: AtomicBool::new(false),
            syncer: OnceLock::new(),
            keeper: OnceLock::new(),
            hurrier: OnceLock::new(),
            released: Mutex::new(Released::default()),
            bytes: AtomicU64::new(0),
            needed_bytes: AtomicU64::new(0),
        });
        Ok(Self { shared, threads: Mutex::default() })
    }

    /// What the keeper does at one look.
    #[cfg(test)]
    pub(crate) fn keep(&self) {
        // What went wrong shows when there is no next segment.
        let _ = keep::look(&self.shared);
    }

    /// Writes one hit. It survives a killed process when this returns, and a power cut within `sync_ms` more.
    pub(crate) fn append<T: AsRef<[u8]>>(&self, hit: &HitOf<T>) -> Result<Position, Lost> {
        let appended = PAYLOAD.with_borrow_mut(|payload| {
            frame::encode(hit, payload);
            let sum = self.shared.seed.over(payload);
            self.shared.lock().append(hit.time_ms, payload, sum)
        });
        match appended {
            Ok(Appended { position, new_segment }) => {
                self.shared.wake(new_segment);
                Ok(position)
            }
            Err(lost) => {
                self.shared.lost.fetch_add(1, Ordering::Relaxed);
                Err(lost)
            }
        }
    }

    /// Waits until the hit at `position` survives a power cut; returns at once unless durability is strict.
    /// A disk that does not answer in time delays an answer by a bounded while and no longer.
    pub(crate) async fn wait_durable(&self, position: Position) {
        if self.shared.config.durability == Durability::Fast {
            return;
        }
        let mut synced = self.shared.synced.subscribe();
        let done = synced.wait_for(|synced| *synced > position.0);
        let is_late = tokio::time::timeout(STRICT_WAIT_MAX, done).await.is_err();
        if is_late && !self.shared.late.swap(true, Ordering::Relaxed) {
            tracing::warn!("the disk did not confirm a hit in time; answers leave without until it does");
        }
    }

    /// Whether answers have to wait for [`wait_durable`](Self::wait_durable).
    pub(crate) fn is_strict(&self) -> bool {
        self.shared.config.durability == Durability::Strict
    }

    /// The incarnations of earlier processes, oldest first, with all that was written of them on the disk: a killed
    /// process leaves frames that only the kernel has yet, and what is counted must outlive a power cut.
    ///
    /// # Errors
    /// When the folder cannot be listed or a file not be synced.
    pub(crate) fn left_behind(&self) -> io::Result<Vec<Incarnation>> {
        let incarnations = read::left_behind(&self.shared.folder, self.incarnation())?;
        for file in read::files_of(&self.shared.folder, &incarnations)? {
            (self.shared.sync_file)(&file)?;
        }
        Ok(incarnations)
    }

    pub(crate) fn incarnation(&self) -> Incarnation {
        self.shared.incarnation
    }

    /// How long counted hits stay in the journal, in milliseconds.
    pub(crate) fn keep_ms(&self) -> i64 {
        keep::keep_ms(&self.shared.config)
    }

    /// The position the next hit will take: how many this incarnation has.
    pub(crate) fn end(&self) -> Position {
        self.shared.lock().next
    }

    /// Hits below this are on disk and may be counted.
    pub(crate) fn synced(&self) -> Position {
        Position(*self.shared.synced.borrow())
    }

    /// Hits that found no room.
    pub(crate) fn lost(&self) -> u64 {
        self.shared.lost.load(Ordering::Relaxed)
    }

    /// Bytes of all journal files on disk.
    pub(crate) fn bytes(&self) -> u64 {
        self.shared.bytes.load(Ordering::Relaxed)
    }

    /// How much of what the journal may take is full of hits that are not counted and archived yet, in per cent; at 100
    /// hits are lost. As the keeper saw it last: every few seconds, and whenever a file is full.
    pub(crate) fn needed_percent(&self) -> u64 {
        let needed = self.shared.needed_bytes.load(Ordering::Relaxed);
        needed.saturating_mul(100) / keep::bytes_max(&self.shared).max(1)
    }

    /// Says that hits of `incarnation` below `to` are counted and archived; segments with nothing else in them may
    /// go once they are old. `ended` when no hit will follow.
    pub(crate) fn release(&self, incarnation: Incarnation, to: Position, ended: bool) {
        self.shared.released.lock().unwrap_or_else(PoisonError::into_inner).set(incarnation, to, ended);
    }

    /// Syncs everything written so far, now.
    pub(crate) fn sync(&self) {
        self.shared.sync();
    }

    /// Syncs and ends the threads. Appending afterwards still works and is still safe against a kill.
    pub(crate) fn stop(&self) {
        self.shared.stopping.store(true, Ordering::Release);
        let Shared { syncer, keeper, hurrier, .. } = &*self.shared;
        for thread in [syncer, keeper, hurrier].into_iter().filter_map(OnceLock::get) {
            thread.unpark();
        }
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            let _ = thread.join();
        }
        self.shared.sync();
    }
}

struct Appended {
    position: Position,
    new_segment: bool,
}

impl Cursor {
    fn append(&mut self, time_ms: i64, payload: &[u8], sum: frame::PartialSum) -> Result<Appended, Lost> {
        let position = self.next;
        let head = frame::head(payload.len(), sum, position);
        let mut new_segment = false;
        if !self.active.append(&head, payload) {
            let mut fresh = self.spares.pop_front().ok_or(Lost::JournalFull)?;
            fresh.begin(position, time_ms);
            let taken = fresh.append(&head, payload);
            self.full.push(std::mem::replace(&mut self.active, fresh));
            if !taken {
                return Err(Lost::JournalFull);
            }
            new_segment = true;
        }
        self.next = position.next();
        Ok(Appended { position, new_segment })
    }

    /// After a failed sync: goes on in a fresh file and writes there what the old ones may not hold.
    ///
    /// Syncing the same file again would report success for pages the kernel has already given up
    /// (`fsyncgate`, PostgreSQL 2018), so the frames are written anew; the reader takes each from where it finds it whole.
    fn move_to_fresh_file(&mut self, now_ms: i64) -> bool {
        let Some(mut fresh) = self.spares.pop_front() else { return false };
        // A full one may be on disk to its end.
        let first = self.full.iter().chain([&self.active]).find_map(Segment::unsynced_first);
        fresh.begin_again(first.unwrap_or(self.next), now_ms);
        let moved = self.full.iter().chain([&self.active]).all(|old| fresh.append_frames(old.unsynced()));
        if !moved {
            tracing::error!("a fresh journal file has no room for all hits of the one that failed");
        }
        self.active = fresh;
        self.full.clear();
        self.failed = false;
        true
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Cursor> {
        self.cursor.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self, new_segment: bool) {
        if new_segment {
            [&self.keeper, &self.hurrier].into_iter().filter_map(OnceLock::get).for_each(Thread::unpark);
        }
        if self.call.make()
            && let Some(syncer) = self.syncer.get()
        {
            syncer.unpark();
        }
    }

    fn sync_until_stopped(self: &Arc<Self>) {
        let every = match self.config.durability {
            Durability::Fast => Duration::from_millis(self.config.sync_ms),
            // Waiting answers make the group: whatever arrives during one sync goes into the next.
            Durability::Strict => Duration::ZERO,
        };
        let goes_on = || !self.stopping.load(Ordering::Acquire);
        let mut begun = Instant::now();
        while goes_on() {
            // Not only from the first hit on: while hits come, none has to wake this thread.
            std::thread::sleep(pause(every, begun.elapsed()));
            begun = Instant::now();
            if self.call.is_made() {
                self.sync();
            } else if self.call.fall_asleep() {
                while goes_on() && self.call.is_asleep() {
                    std::thread::park_timeout(IDLE);
                }
                begun = Instant::now();
            }
        }
    }

    fn sync(&self) {
        self.call.answer();
        let (files, end, active_end, failed, has_new_names) = {
            let cursor = self.lock();
            let segments = || cursor.full.iter().chain([&cursor.active]);
            let files: Vec<Arc<File>> = segments().map(|segment| segment.file.clone()).collect();
            let has_new_names = segments().any(|segment| !segment.has_lasting_name);
            (files, cursor.next, cursor.active.end(), cursor.failed, has_new_names)
        };
        let outcome = if failed {
            Err(io::Error::other("an earlier sync failed"))
        } else {
            let named = if has_new_names { segment::sync_folder(&self.folder) } else { Ok(()) };
            named.and_then(|()| files.iter().try_for_each(|file| (self.sync_file)(file)))
        };
        match outcome {
            Ok(()) => self.mark_synced(&files, end, active_end),
            Err(error) => self.recover_from(&error),
        }
    }

    fn mark_synced(&self, files: &[Arc<File>], end: Position, active_end: usize) {
        let unmapped = {
            let mut cursor = self.lock();
            let is_synced = |segment: &Segment| files.iter().any(|file| Arc::ptr_eq(file, &segment.file));
            cursor.full_and_active().filter(|one| is_synced(one)).for_each(|one| one.has_lasting_name = true);
            // The last of `files` was the active one and is synced up to `active_end` only; it may be full by now.
            let last = files.last();
            let partly = |segment: &Segment| last.is_some_and(|file| Arc::ptr_eq(file, &segment.file));
            for segment in cursor.full_and_active().filter(|segment| partly(segment)) {
                segment.set_synced(active_end, end);
            }
            let (done, kept) = std::mem::take(&mut cursor.full)
                .into_iter()
                .partition(|segment| is_synced(segment) && !partly(segment));
            cursor.full = kept;
            let done: Vec<Segment> = done;
            done
        };
        self.late.store(false, Ordering::Relaxed);
        // Unmapping 64 MiB takes a while, so it happens here and not under the lock.
        drop(unmapped);
        self.synced.send_if_modified(|synced| {
            let grown = end.0 > *synced;
            *synced = (*synced).max(end.0);
            grown
        });
    }

    fn recover_from(&self, error: &io::Error) {
        tracing::error!(%error, "the journal cannot be synced; going on in a fresh file");
        // Nobody is woken: it is mostly the syncer who failed, and it looks again by itself.
        let _ = self.call.make();
        let now_ms = self.clock.now_ms();
        let moved = {
            let mut cursor = self.lock();
            cursor.failed = true;
            cursor.move_to_fresh_file(now_ms)
        };
        if let Some(keeper) = self.keeper.get() {
            keeper.unpark();
        }
        if !moved {
            std::thread::sleep(IDLE);
        }
    }
}

impl Cursor {
    fn full_and_active(&mut self) -> impl Iterator<Item = &mut Segment> {
        self.full.iter_mut().chain([&mut self.active])
    }
}

/// How long the syncer rests after a sync that took `taken`: one begins `every` after the other, and a disk that is slower
/// than that still gets time for something else.
fn pause(every: Duration, taken: Duration) -> Duration {
    every.saturating_sub(taken).max(every / 4)
}

fn segment_bytes(config: &Config) -> usize {
    usize::try_from(config.segment_mib).map_or(usize::MAX, |mib| mib.saturating_mul(1 << 20))
}

fn random() -> io::Result<u128> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(u128::from_le_bytes(bytes))
}

fn spawn(
    name: &str,
    shared: &Arc<Shared>,
    handle: &OnceLock<Thread>,
    body: impl FnOnce(&Arc<Shared>) + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    let inner = shared.clone();
    let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || body(&inner))?;
    let _ = handle.set(thread.thread().clone());
    Ok(thread)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sync_begins_a_while_after_the_one_before_it_and_a_slow_disk_gets_a_rest() {
        let ms = Duration::from_millis;
        assert_eq!(pause(ms(8), ms(0)), ms(8));
        assert_eq!(pause(ms(8), ms(1)), ms(7));
        assert_eq!(pause(ms(8), ms(7)), ms(2));
        assert_eq!(pause(ms(8), ms(900)), ms(2));
        assert_eq!(pause(ms(0), ms(1)), ms(0), "strict");
    }
}
