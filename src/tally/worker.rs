//! The tally's thread: rounds of read, classify, roll up, apply, archive; first over what earlier processes left
//! behind, then over the live journal, until it is told to stop and everything is done.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;

use super::Config;
use super::accounts::{Accounts, Origin};
use super::geo::Geo;
use super::judge::{Judge, Round};
use super::recount;
use super::rollup::Rollup;
use super::stream::Stream;
use crate::archive::{Archive, ArchiveError};
use crate::classify::Classifier;
use crate::clock::Clock;
use crate::domain::counter::{Applied, Batch, Delta};
use crate::domain::position::{Incarnation, Position, Shard};
use crate::journal::{Journal, incarnations};
use crate::links::cache::Cache;
use crate::links::misses::Misses;
use crate::store::{CountStore, StoreError};

/// Pauses between two tries while the store or the archive is away.
const BACKOFF_FIRST: Duration = Duration::from_millis(50);
const BACKOFF_MAX: Duration = Duration::from_secs(2);

/// How long a stopping tally works on what is left; the journal keeps the rest for the next start.
const STOP_WITHIN: Duration = Duration::from_secs(8);

/// Orders that may wait: one of each kind, and one to spare.
const ORDERS_MAX: usize = 3;

/// How long a start waits for the survey of what earlier processes left behind.
const SURVEY_WAIT_MAX: Duration = Duration::from_secs(10);

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

/// What the tally is told while it runs.
pub(crate) enum Order {
    Stop,
    /// Judge the past again.
    Recount(recount::Request),
}

/// The running tally.
pub(crate) struct Tally {
    orders: SyncSender<Order>,
    thread: std::thread::JoinHandle<()>,
    survey: Receiver<()>,
}

impl Tally {
    /// # Errors
    /// When the thread or its runtime cannot be made.
    pub(crate) fn start(tools: Tools) -> std::io::Result<Self> {
        let (sender, orders) = sync_channel(ORDERS_MAX);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (surveyed, survey) = sync_channel(1);
        let run = move || {
            // Counting may take its time; redirects may not. On Linux this lowers the calling thread alone.
            let _ = rustix::process::nice(5);
            Worker::new(tools, runtime, orders).run(&surveyed);
        };
        let thread = std::thread::Builder::new().name("tally".to_owned()).spawn(run)?;
        Ok(Self { orders: sender, thread, survey })
    }

    /// Waits until the books know what earlier processes left uncounted; a store that is away ends the wait.
    pub(crate) fn wait_for_survey(&self) {
        let _ = self.survey.recv_timeout(SURVEY_WAIT_MAX);
    }

    /// Where orders can be sent to.
    pub(crate) fn orders(&self) -> SyncSender<Order> {
        self.orders.clone()
    }

    /// Counts and archives what is left, within a bounded time, and ends the thread.
    pub(crate) fn stop(self) {
        let _ = self.orders.try_send(Order::Stop);
        let _ = self.thread.join();
    }
}

struct Worker {
    tools: Tools,
    runtime: tokio::runtime::Runtime,
    orders: Receiver<Order>,
    /// The past shall be judged again as soon as a round is done.
    recount: Option<recount::Request>,
    /// Set once it was told to stop: until when it works on.
    deadline: Option<Instant>,
    judge: Judge,
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
    fn new(tools: Tools, runtime: tokio::runtime::Runtime, orders: Receiver<Order>) -> Self {
        let judge = Judge::new(&tools);
        Self { tools, runtime, orders, recount: None, deadline: None, judge }
    }

    fn run(mut self, surveyed: &SyncSender<()>) {
        let live = self.tools.journal.incarnation();
        let mut left_behind = incarnations(&self.tools.folder).unwrap_or_else(|error| {
            tracing::error!(%error, "the journal folder cannot be read");
            Vec::new()
        });
        left_behind.retain(|incarnation| *incarnation != live);
        for incarnation in &left_behind {
            self.insist(|worker| worker.survey(*incarnation));
        }
        let _ = surveyed.try_send(());
        for incarnation in left_behind {
            self.follow(incarnation, Origin::Recovered);
        }
        self.follow(live, Origin::Live);
    }

    /// Notes in the books how many hits of an earlier process are not counted yet.
    fn survey(&mut self, incarnation: Incarnation) -> Result<(), Trouble> {
        let mut stream = self.open(incarnation, Origin::Recovered)?;
        let counted = stream.counted_everywhere();
        stream.reader.read(Position(u64::MAX), usize::MAX, |_, _| {})?;
        let end = stream.reader.position();
        if end > counted {
            tracing::info!(hits = end.0 - counted.0, "an earlier process left hits to be counted");
            self.tools.accounts.found(end.0 - counted.0);
        }
        Ok(())
    }

    /// Works an incarnation off: an old one to its end, the live one until it is time to stop.
    fn follow(&mut self, incarnation: Incarnation, origin: Origin) {
        let Some(mut stream) = self.insist(|worker| worker.open(incarnation, origin)) else { return };
        while let Some(outcome) = self.insist(|worker| worker.round(&mut stream)) {
            self.hear();
            self.recount(&mut stream);
            if outcome == Outcome::More {
                continue;
            }
            if origin == Origin::Recovered || self.deadline.is_some() {
                break;
            }
            self.rest(Duration::from_millis(self.tools.config.interval_ms));
        }
        self.insist(|worker| worker.seal(&mut stream));
        if origin == Origin::Recovered {
            self.end(&mut stream);
        }
    }

    /// Tries until it works, with growing pauses. `None` when time ran out while stopping.
    fn insist<T>(&mut self, mut action: impl FnMut(&mut Self) -> Result<T, Trouble>) -> Option<T> {
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
    fn rest(&mut self, pause: Duration) {
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

    fn open(&mut self, incarnation: Incarnation, origin: Origin) -> Result<Stream, Trouble> {
        let open = Stream::open(&*self.tools.store, &self.tools.folder, incarnation, origin, self.tools.double_tap_ms);
        let stream = self.runtime.block_on(open)?;
        self.tools.archive.discard(incarnation, stream.archived)?;
        Ok(stream)
    }

    /// One read, judged, counted and archived. An error leaves the stream where it can try again.
    fn round(&mut self, stream: &mut Stream) -> Result<Outcome, Trouble> {
        self.store_misses()?;
        if self.tools.archive.is_due(self.tools.clock.now_ms()) {
            self.seal(stream)?;
        }
        if self.tools.archive.is_full() {
            return Err(Trouble::ArchiveBehind);
        }
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
        if !round.is_empty() {
            self.settle(stream, round)?;
        }
        self.tools.journal.release(stream.incarnation, stream.released(), false);
        Ok(outcome)
    }

    /// Counts a round in every shard, then hands its clicks to the archive.
    fn settle(&mut self, stream: &mut Stream, round: Round) -> Result<(), Trouble> {
        for shard in 0..stream.counted.len() {
            let counted = self.insist(|worker| worker.apply(stream, shard, &round));
            if counted != Some(true) {
                // The store went back, or time ran out while stopping: what was read is read again.
                stream.restart(&self.tools.folder);
                return Ok(());
            }
        }
        let fresh = stream.pushed;
        stream.pushed = stream.pushed.max(round.to);
        self.tools.archive.push(round.into_clicks_from(fresh));
        Ok(())
    }

    /// Applies one shard's part of a round; `false` when the store asks to go on from an earlier position.
    fn apply(&mut self, stream: &mut Stream, shard: usize, round: &Round) -> Result<bool, Trouble> {
        let from = stream.counted[shard];
        if round.to <= from {
            return Ok(true);
        }
        let number = u16::try_from(shard).expect("a store has at most u16::MAX shards");
        let batch = Batch {
            incarnation: stream.incarnation,
            shard: Shard(number),
            from,
            to: round.to,
            deltas: self.roll_up(stream, shard, round),
        };
        let applied = self.runtime.block_on(self.tools.store.apply(&batch))?;
        match applied {
            Applied::Yes => {}
            // An earlier try got through and its answer was lost.
            Applied::No { watermark } if watermark == round.to => {}
            Applied::No { watermark } => {
                tracing::warn!(%watermark, expected = %from, "the store stands elsewhere; counting goes on from there");
                self.tools.accounts.forgotten(stream.origin, from, watermark);
                stream.counted[shard] = watermark;
                return Ok(false);
            }
        }
        stream.counted[shard] = round.to;
        let (hits, damaged) = round.of_shard_from(from, shard, stream.counted.len());
        self.tools.accounts.settled(stream.origin, hits, damaged, stream.counted_everywhere());
        Ok(true)
    }

    fn roll_up(&mut self, stream: &Stream, shard: usize, round: &Round) -> Vec<Delta> {
        let (from, shards) = (stream.counted[shard], stream.counted.len());
        let mut rollup = Rollup::new(&mut self.judge.calendar);
        for click in round.clicks_from(from).filter(|click| shard_of(click.link.id.0, shards) == shard) {
            rollup.add(click);
        }
        rollup.finish()
    }

    /// Writes the waiting clicks into files and tells the store up to where files reach.
    ///
    /// A file is named by where it begins, so the next one is begun only when the store knows where this one ended;
    /// a crash in between makes the next process write the same file again.
    fn seal(&mut self, stream: &mut Stream) -> Result<(), Trouble> {
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
    fn end(&mut self, stream: &mut Stream) {
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
        if stored.is_err() {
            self.tools.misses.put_back(misses);
        }
        Ok(stored?)
    }
}

/// Which shard a link's counters are in.
pub(super) fn shard_of(link: u64, shards: usize) -> usize {
    usize::try_from(link % shards.max(1) as u64).unwrap_or(0)
}
