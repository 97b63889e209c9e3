//! The tally's thread: rounds of read, classify, roll up, apply, archive; first over what earlier processes left
//! behind, then over the live journal, until it is told to stop and everything is done.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;

use super::Config;
use super::accounts::{Accounts, Origin};
use super::earlier::Earlier;
use super::geo::Geo;
use super::held::batches;
use super::judge::{Judge, Round};
use super::recount;
use super::running::Order;
use super::stream::Stream;
use crate::archive::{Archive, ArchiveError};
use crate::classify::Classifier;
use crate::clock::Clock;
use crate::domain::counter::{Applied, Batch};
use crate::domain::link::LinkId;
use crate::domain::position::{Incarnation, Position};
use crate::journal::{Journal, left_behind};
use crate::links::cache::Cache;
use crate::links::misses::Misses;
use crate::store::{CountStore, StoreError};

/// Pauses between two tries while the store or the archive is away.
pub(super) const BACKOFF_FIRST: Duration = Duration::from_millis(50);
const BACKOFF_MAX: Duration = Duration::from_secs(2);

/// How long a stopping tally works on what is left; the journal keeps the rest for the next start.
const STOP_WITHIN: Duration = Duration::from_secs(4);

/// The least time between two tries to write a click file, and how many times as long as a failed try took. What waits
/// may be large, and encoding it again and again would take the processor from counting.
const SEAL_PAUSE_MIN: Duration = Duration::from_secs(1);
const SEAL_PAUSE_FACTOR: u32 = 10;

/// How often an idle tally asks the store where it stands.
const PROBE_EVERY: Duration = Duration::from_secs(1);

/// What the tally works with.
pub(crate) struct Tools {
    pub(crate) config: Config,
    pub(crate) classify: crate::classify::Config,
    pub(crate) double_tap_ms: i64,
    pub(crate) zone: TimeZone,
    pub(crate) folder: PathBuf,
    pub(crate) journal: Arc<Journal>,
    pub(crate) cache: Arc<Cache>,
    pub(crate) store: Arc<dyn CountStore>,
    pub(crate) archive: Arc<Archive>,
    pub(crate) classifier: Classifier,
    pub(crate) geo: Arc<Geo>,
    pub(crate) misses: Arc<Misses>,
    pub(crate) accounts: Arc<Accounts>,
    pub(crate) clock: Clock,
}

pub(super) struct Worker {
    pub(super) tools: Tools,
    pub(super) runtime: tokio::runtime::Runtime,
    orders: Receiver<Order>,
    /// The past shall be judged again as soon as a round is done.
    recount: Option<recount::Request>,
    /// Set once it was told to stop: until when it works on.
    pub(super) deadline: Option<Instant>,
    judge: Judge,
    pub(super) earlier: Earlier,
    /// When the store was last asked where it stands.
    probed: Instant,
    /// Set while click files cannot be written: when to try again.
    seal_again: Option<Instant>,
}

/// What kept a round from being finished. It is tried again.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the journal cannot be read: {0}")]
    Journal(#[from] std::io::Error),
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    #[error("too many clicks wait for a click file that cannot be written")]
    ArchiveBehind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// There may be more to read at once.
    More,
    Idle,
}

impl Worker {
    pub(super) fn new(tools: Tools, runtime: tokio::runtime::Runtime, orders: Receiver<Order>) -> Self {
        let judge = Judge::new(&tools);
        let (probed, seal_again) = (Instant::now(), None);
        let earlier = Earlier::default();
        Self { tools, runtime, orders, recount: None, deadline: None, judge, earlier, probed, seal_again }
    }

    pub(super) fn run(mut self, surveyed: &SyncSender<()>) {
        let live = self.tools.journal.incarnation();
        let left_behind = match left_behind(&self.tools.folder, live) {
            Ok(left_behind) => left_behind,
            Err(error) => {
                tracing::error!(%error, "the journal folder cannot be read; what is in it waits for the next start");
                let _ = surveyed.try_send(());
                self.follow(live, Origin::Live);
                return;
            }
        };
        self.survey_all(&left_behind);
        let _ = surveyed.try_send(());
        self.count_earlier();
        self.forget_all_but(left_behind);
        self.follow(live, Origin::Live);
    }

    /// Each start leaves watermarks. Those of journals that are gone for long mean nothing any more; a journal that
    /// is there keeps its own, or its hits would be counted again.
    fn forget_all_but(&mut self, mut kept: Vec<Incarnation>) {
        kept.push(self.tools.journal.incarnation());
        let now_ms = self.tools.clock.now_ms();
        let idle_ms = now_ms.saturating_sub(self.tools.journal.keep_ms().saturating_mul(2));
        let Ok(idle_since) = jiff::Timestamp::from_millisecond(idle_ms) else { return };
        match self.runtime.block_on(self.tools.store.forget_incarnations(&kept, idle_since)) {
            Ok(0) => {}
            Ok(forgotten) => tracing::debug!(forgotten, "watermarks of journals that are gone were removed"),
            Err(error) => tracing::debug!(%error, "old watermarks stay until the next start"),
        }
    }

    /// Works an incarnation off: an old one to its end, the live one until it is time to stop. Returns where it stands.
    pub(super) fn follow(&mut self, incarnation: Incarnation, origin: Origin) -> Option<Stream> {
        let mut stream = self.insist(|worker| worker.open(incarnation, origin))?;
        if origin == Origin::Recovered {
            self.insist(|worker| worker.discard(&stream))?;
        }
        while let Some(outcome) = self.insist(|worker| worker.round(&mut stream)) {
            self.hear();
            self.recount(&mut stream);
            if outcome == Outcome::More {
                continue;
            }
            if origin == Origin::Recovered || self.deadline.is_some() {
                break;
            }
            self.look_back(&mut stream);
            self.rest(Duration::from_millis(self.tools.config.interval_ms));
        }
        self.insist(|worker| worker.seal(&mut stream));
        if origin == Origin::Recovered {
            self.end(&mut stream);
        }
        Some(stream)
    }

    /// Tries until it works, with growing pauses. `None` when time ran out while stopping.
    pub(super) fn insist<T>(&mut self, mut action: impl FnMut(&mut Self) -> Result<T, Trouble>) -> Option<T> {
        let mut backoff = BACKOFF_FIRST;
        loop {
            if self.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return None;
            }
            match action(self) {
                Ok(done) => return Some(done),
                Err(trouble) => self.note(&trouble, backoff),
            }
            self.rest(backoff);
            backoff = (backoff * 2).min(BACKOFF_MAX);
        }
    }

    /// Waits, or hears that it is time to stop. While stopping there is no time to wait long.
    pub(super) fn rest(&mut self, pause: Duration) {
        if self.deadline.is_some() {
            std::thread::sleep(pause.min(BACKOFF_FIRST));
            return;
        }
        match self.orders.recv_timeout(pause) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(order) => self.take(order),
            Err(RecvTimeoutError::Disconnected) => self.take(Order::Stop),
        }
    }

    fn take(&mut self, order: Order) {
        match order {
            Order::Stop => self.deadline = Some(Instant::now() + STOP_WITHIN),
            Order::Recount(request) => self.recount = Some(request),
        }
    }

    /// Takes an order if one is there, without waiting.
    fn hear(&mut self) {
        if self.deadline.is_none()
            && let Ok(order) = self.orders.try_recv()
        {
            self.take(order);
        }
    }

    /// Judges the past again if that was asked for. Every counted click is in a file before it begins.
    fn recount(&mut self, stream: &mut Stream) {
        let Some(request) = self.recount.take() else { return };
        let sealed = self.seal(stream).map_err(|trouble| recount::RecountError::Seal(trouble.to_string()));
        let sealed = match stream.held.is_empty() {
            true => sealed,
            // The other shards have counted what is in no click file yet.
            false => Err(recount::RecountError::Seal("counting waits in some shards of the store".to_owned())),
        };
        let orders = &self.orders;
        let mut told_to_stop = self.deadline.is_some();
        let is_stopping = || {
            told_to_stop = told_to_stop || matches!(orders.try_recv(), Ok(Order::Stop));
            told_to_stop
        };
        let done = sealed.and_then(|()| recount::run(&mut self.tools, &self.runtime, &request, is_stopping));
        if told_to_stop && self.deadline.is_none() {
            self.take(Order::Stop);
        }
        (request.done)(done);
    }

    fn note(&self, trouble: &Trouble, backoff: Duration) {
        match trouble {
            Trouble::Store(_) => self.tools.accounts.store_failed(),
            Trouble::Archive(_) | Trouble::ArchiveBehind => self.tools.accounts.archive_failed(),
            Trouble::Journal(_) => {}
        }
        // Once per outage, not once per try.
        if backoff == BACKOFF_FIRST {
            tracing::warn!(error = %trouble, "counting waits; redirects go on and the journal keeps the hits");
        }
    }

    pub(super) fn open(&mut self, incarnation: Incarnation, origin: Origin) -> Result<Stream, Trouble> {
        let tools = &self.tools;
        if origin == Origin::Live {
            return Ok(Stream::begin(&*tools.store, &tools.folder, incarnation, tools.double_tap_ms));
        }
        let open = Stream::open(&*tools.store, &tools.folder, incarnation, tools.double_tap_ms);
        let mut stream = self.runtime.block_on(open)?;
        self.keep_what_cannot_be_written_again(&mut stream)?;
        Ok(stream)
    }

    /// Removes the click files that an earlier process wrote and could not tell the store of: they are written again.
    fn discard(&mut self, stream: &Stream) -> Result<(), Trouble> {
        self.tools.archive.discard(stream.incarnation, stream.archived)?;
        Ok(())
    }

    /// A store that was put back from an old backup knows of fewer click files than there are, and the journal may
    /// have let go of their hits: those files are all there will ever be. The store is told so before any is removed.
    fn keep_what_cannot_be_written_again(&mut self, stream: &mut Stream) -> Result<(), Trouble> {
        let oldest = stream.reader.oldest()?.unwrap_or_default();
        if oldest <= stream.archived {
            return Ok(());
        }
        tracing::warn!(
            archived = %stream.archived,
            journal_begins = %oldest,
            "the store is older than the journal reaches back; click files from in between are kept as they are"
        );
        // Only at the beginning of a file is it known that all before it is in files. If none begins there, the end of
        // the last one is written twice, which is better than not at all.
        let from = self.tools.archive.first_from(stream.incarnation, oldest)?.unwrap_or(oldest);
        (stream.sealed, stream.pushed) = (from, from);
        self.record_sealed(stream)
    }

    /// One read, judged, counted and archived. An error leaves the stream where it can try again.
    fn round(&mut self, stream: &mut Stream) -> Result<Outcome, Trouble> {
        self.store_misses()?;
        // Before anything more is judged: a double tap is remembered since the last seal that the store knows of.
        self.record_sealed(stream)?;
        self.seal_if_due(stream)?;
        self.release_held(stream);
        let upto = match stream.origin {
            Origin::Live => self.tools.journal.synced(),
            Origin::Recovered => Position(u64::MAX),
        };
        let round = match self.judge.read(&self.tools, &self.runtime, stream, upto) {
            Ok(round) => round,
            Err(trouble) => {
                stream.restart(&self.tools.folder);
                return Err(trouble);
            }
        };
        let outcome = if round.is_full { Outcome::More } else { Outcome::Idle };
        if round.is_empty() {
            self.probe(stream)?;
        } else {
            self.settle(stream, round)?;
        }
        self.tools.journal.release(stream.incarnation, stream.released(), false);
        Ok(outcome)
    }

    /// Counts a round in every shard, then hands its clicks to the archive.
    fn settle(&mut self, stream: &mut Stream, mut round: Round) -> Result<(), Trouble> {
        let batches = batches(stream, &mut round);
        let is_counted =
            batches.is_some_and(|batches| self.insist(|worker| worker.count(stream, &batches)) == Some(true));
        if !is_counted {
            // The store went back, or time ran out while stopping: what was read is read again.
            stream.restart(&self.tools.folder);
            return Ok(());
        }
        if !stream.held.is_empty() {
            return Ok(());
        }
        let (hits, damaged) = round.booked_from(stream.booked);
        stream.pushed = stream.pushed.max(round.to);
        self.tools.archive.push(round.clicks);
        // Last, so that whoever reads in the books that a hit is counted finds it in exports, too. Hits that were booked
        // before, because another shard was behind, are not booked again.
        stream.booked = stream.booked.max(round.to);
        self.tools.accounts.settled(stream.origin, hits, damaged, stream.booked);
        Ok(())
    }

    /// Applies one shard's part of a round; `false` when the store asks to go on from an earlier position.
    pub(super) fn apply(&mut self, stream: &mut Stream, batch: &Batch) -> Result<bool, Trouble> {
        let applied = self.runtime.block_on(self.tools.store.apply(batch))?;
        match applied {
            Applied::Yes => {}
            // An earlier try got through and its answer was lost.
            Applied::No { watermark } if watermark == batch.to => {}
            // A store that went back went back in many shards at once: all are asked before the journal is read again.
            Applied::No { .. } => {
                self.compare(stream)?;
                return Ok(false);
            }
        }
        stream.counted[usize::from(batch.shard.0)] = batch.to;
        Ok(true)
    }

    pub(super) fn go_on_from(&mut self, stream: &mut Stream, shard: usize, watermark: Position) {
        stream.counted[shard] = watermark;
        if watermark < stream.booked {
            self.tools.accounts.forgotten(stream.origin, stream.booked, watermark);
            stream.booked = watermark;
        }
    }

    /// Asks where the store stands although there is nothing to count. A store that was rolled back, by a failover or
    /// from a backup, would else be found out only by the next click, which may never come.
    fn probe(&mut self, stream: &mut Stream) -> Result<(), Trouble> {
        if self.probed.elapsed() < PROBE_EVERY {
            return Ok(());
        }
        let is_same = self.compare(stream)?;
        self.probed = Instant::now();
        if !is_same {
            stream.restart(&self.tools.folder);
        }
        Ok(())
    }

    /// A click file that cannot be written stops nothing yet: its clicks wait in memory and their hits in the journal,
    /// and counting goes on until too many wait.
    fn seal_if_due(&mut self, stream: &mut Stream) -> Result<(), Trouble> {
        let began = Instant::now();
        let is_due = self.tools.archive.is_due(self.tools.clock.now_ms());
        if is_due && self.seal_again.is_none_or(|again| began >= again) {
            match self.seal(stream) {
                Ok(()) => self.seal_again = None,
                Err(Trouble::Archive(error)) => {
                    if self.seal_again.is_none() {
                        tracing::warn!(%error, "click files cannot be written; clicks are counted and wait");
                    }
                    self.tools.accounts.archive_failed();
                    self.seal_again = Some(began + SEAL_PAUSE_MIN.max(began.elapsed() * SEAL_PAUSE_FACTOR));
                }
                Err(trouble) => return Err(trouble),
            }
        }
        if self.tools.archive.is_full() { Err(Trouble::ArchiveBehind) } else { Ok(()) }
    }

    /// Writes the waiting clicks into files and tells the store up to where files reach.
    ///
    /// A file is named by where it begins, so the next one is begun only when the store knows where this one ended;
    /// a crash in between makes the next process write the same file again.
    pub(super) fn seal(&mut self, stream: &mut Stream) -> Result<(), Trouble> {
        self.record_sealed(stream)?;
        if stream.pushed > stream.sealed {
            self.tools.archive.seal(stream.incarnation, stream.sealed)?;
            stream.sealed = stream.pushed;
            stream.past.reset();
            self.record_sealed(stream)?;
        }
        self.tools.journal.release(stream.incarnation, stream.released(), false);
        Ok(())
    }

    fn record_sealed(&mut self, stream: &mut Stream) -> Result<(), Trouble> {
        if stream.sealed > stream.archived {
            self.runtime.block_on(self.tools.store.set_archived(stream.incarnation, stream.sealed))?;
            stream.archived = stream.sealed;
        }
        Ok(())
    }

    /// Nothing will follow in this incarnation.
    pub(super) fn end(&mut self, stream: &mut Stream) {
        if let Err(error) = stream.reader.trim() {
            tracing::debug!(%error, "an old journal file could not be shortened");
        }
        self.tools.journal.release(
            stream.incarnation,
            stream.released(),
            stream.released() >= stream.reader.position(),
        );
    }

    fn store_misses(&mut self) -> Result<(), Trouble> {
        let misses = self.tools.misses.take();
        if misses.is_empty() {
            return Ok(());
        }
        let day = self.judge.calendar.day(self.tools.clock.now_ms());
        let stored = self.runtime.block_on(self.tools.store.add_misses(day, &misses));
        match stored {
            // Asking again cannot help, and what is counted here is a hint; clicks must not wait for it.
            Err(StoreError::Corrupt(error)) => tracing::error!(error, "requests without a link could not be stored"),
            // They wait; clicks do not wait for them.
            Err(error) => {
                self.tools.misses.put_back(misses);
                self.tools.accounts.store_failed();
                tracing::debug!(%error, "requests without a link wait to be counted");
            }
            Ok(()) => {}
        }
        Ok(())
    }
}

/// Which shard a link's counters are in.
pub(super) fn shard_of(link: LinkId, shards: usize) -> usize {
    usize::try_from(link.0 % shards.max(1) as u64).unwrap_or(0)
}
