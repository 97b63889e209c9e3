//! The tally's thread: rounds of read, classify, roll up, apply, archive; first over what earlier processes left
//! behind, then over the live journal, until it is told to stop and everything is done.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;

use super::Config;
use super::accounts::{Accounts, Origin};
use super::earlier::Earlier;
use super::geo::Geo;
use super::held::batches;
use super::judge::{Judge, Round};
use super::memory::Rule;
use super::outage::Outage;
use super::recount;
use super::running::{Order, Pace};
use super::stream::Stream;
use super::urgency::Urgency;
use super::verify;
use crate::archive::{Archive, ArchiveError};
use crate::classify::Classifier;
use crate::clock::Clock;
use crate::domain::link::LinkId;
use crate::domain::position::{Incarnation, Position};
use crate::journal::Journal;
use crate::links::cache::Cache;
use crate::links::misses::Misses;
use crate::priority::Priority;
use crate::store::{CountStore, StoreError};

/// Pauses between two tries while the store or the archive is away.
pub(super) const BACKOFF_FIRST: Duration = Duration::from_millis(50);
const BACKOFF_MAX: Duration = Duration::from_secs(2);

/// How long a stopping tally works on what is left; the journal keeps the rest for the next start.
const STOP_WITHIN: Duration = Duration::from_secs(4);

/// How often an idle tally asks the store where it stands.
const PROBE_EVERY: Duration = Duration::from_secs(1);

/// What the tally works with.
pub(crate) struct Tools {
    pub(crate) config: Config,
    pub(crate) classify: crate::classify::Config,
    pub(crate) memory: Rule,
    pub(crate) zone: TimeZone,
    pub(crate) folder: PathBuf,
    pub(crate) journal: Arc<Journal>,
    pub(crate) cache: Arc<Cache>,
    pub(crate) store: Arc<dyn CountStore>,
    pub(crate) archive: Arc<Archive>,
    pub(crate) classifier: Arc<Classifier>,
    pub(crate) geo: Arc<Geo>,
    pub(crate) misses: Arc<Misses>,
    pub(crate) accounts: Arc<Accounts>,
    pub(crate) clock: Clock,
}

pub(super) struct Worker {
    pub(super) tools: Tools,
    pub(super) runtime: tokio::runtime::Runtime,
    pub(super) pace: Box<dyn Pace>,
    /// The past shall be judged again as soon as a round is done.
    pub(super) recount: Option<recount::Request>,
    /// Everything shall be compared as soon as a round is done.
    pub(super) verify: Option<verify::Request>,
    /// Set once it was told to stop: until when it works on.
    pub(super) deadline: Option<Instant>,
    judge: Judge,
    outage: Outage,
    pub(super) earlier: Earlier,
    pub(super) urgency: Urgency,
    /// When the store was last asked where it stands.
    probed: Instant,
    /// Set while click files cannot be written: when to try again.
    pub(super) seal_again: Option<Instant>,
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

/// Why rounds ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Rounds {
    /// There is nothing more to do, or no time for it.
    Over,
    /// They go on, at another priority or after a look at what earlier processes left.
    ToGoOn,
}

impl Worker {
    pub(super) fn new(tools: Tools, runtime: tokio::runtime::Runtime, pace: Box<dyn Pace>) -> Self {
        let judge = Judge::new(&tools);
        let (now, seal_again) = (pace.now(), None);
        let (earlier, urgency, probed) = (Earlier::new(now), Urgency::new(now), now);
        let (recount, verify, deadline, outage) = (None, None, None, Outage::default());
        Self { tools, runtime, pace, recount, verify, deadline, judge, outage, earlier, urgency, probed, seal_again }
    }

    pub(super) fn run(mut self, surveyed: &SyncSender<()>) {
        let live = self.tools.journal.incarnation();
        let left_behind = match self.tools.journal.left_behind() {
            Ok(left_behind) => left_behind,
            Err(error) => {
                tracing::error!(%error, "the journal folder cannot be read; what is in it waits for the next start");
                let _ = surveyed.try_send(());
                return self.follow_live(live);
            }
        };
        self.survey_all(&left_behind);
        let _ = surveyed.try_send(());
        self.count_earlier();
        self.forget_all_but(left_behind);
        self.follow_live(live);
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

    fn follow_live(&mut self, live: Incarnation) {
        let tools = &self.tools;
        let mut stream = Stream::begin(&*tools.store, &tools.folder, live, tools.memory);
        self.follow(&mut stream);
    }

    /// Works a stream off: an old one to its end, the live one until it is time to stop.
    pub(super) fn follow(&mut self, stream: &mut Stream) {
        while self.rounds_in_their_place(stream) == Rounds::ToGoOn {
            self.go_back();
        }
        // One that was stopped half-way, or that a shard holds up, goes on there another time.
        self.insist(|worker| worker.seal(stream));
    }

    /// Rounds as long as this is the priority for them.
    pub(super) fn rounds(&mut self, stream: &mut Stream, priority: Priority) -> Rounds {
        while self.priority() == priority {
            self.recount(stream);
            self.verify(stream);
            let begun = self.pace.now();
            let Some(outcome) = self.insist(|worker| worker.round(stream)) else { return Rounds::Over };
            self.outage.over();
            let is_all = outcome == Outcome::Idle;
            self.urgency.note(is_all, begun, self.pace.now(), self.tools.journal.needed_percent());
            self.hear();
            if self.look_back(stream) {
                return Rounds::ToGoOn;
            }
            if !is_all {
                continue;
            }
            if stream.origin == Origin::Recovered || self.deadline.is_some() {
                return Rounds::Over;
            }
            self.rest(Duration::from_millis(self.tools.config.interval_ms));
        }
        Rounds::ToGoOn
    }

    /// Tries until it works, with growing pauses. `None` when time ran out while stopping.
    pub(super) fn insist<T>(&mut self, mut action: impl FnMut(&mut Self) -> Result<T, Trouble>) -> Option<T> {
        let mut backoff = BACKOFF_FIRST;
        loop {
            if self.deadline.is_some_and(|deadline| self.pace.now() >= deadline) {
                return None;
            }
            match action(self) {
                Ok(done) => return Some(done),
                Err(trouble) => self.note(&trouble),
            }
            self.rest(backoff);
            backoff = (backoff * 2).min(BACKOFF_MAX);
        }
    }

    /// Waits, or hears that it is time to stop. While stopping there is no time to wait long.
    pub(super) fn rest(&mut self, pause: Duration) {
        if self.deadline.is_some() {
            self.pace.sleep(pause.min(BACKOFF_FIRST));
            return;
        }
        if let Some(order) = self.pace.wait(pause) {
            self.take(order);
        }
    }

    pub(super) fn take(&mut self, order: Order) {
        match order {
            Order::Stop => self.deadline = Some(self.pace.now() + STOP_WITHIN),
            Order::Recount(request) => self.recount = Some(request),
            Order::Verify(request) => self.verify = Some(request),
        }
    }

    /// Takes an order if one is there, without waiting.
    fn hear(&mut self) {
        if self.deadline.is_none()
            && let Some(order) = self.pace.wait(Duration::ZERO)
        {
            self.take(order);
        }
    }

    fn note(&mut self, trouble: &Trouble) {
        match trouble {
            Trouble::Store(_) => self.tools.accounts.store_failed(),
            Trouble::Archive(_) | Trouble::ArchiveBehind => self.tools.accounts.archive_failed(),
            Trouble::Journal(_) => {}
        }
        self.outage.failed(trouble);
    }

    /// Opens the journal of an earlier process.
    pub(super) fn open(&mut self, incarnation: Incarnation) -> Result<Stream, Trouble> {
        let tools = &self.tools;
        let open = Stream::open(&*tools.store, &tools.folder, incarnation, tools.memory);
        let mut stream = self.runtime.block_on(open)?;
        self.keep_what_cannot_be_written_again(&mut stream)?;
        Ok(stream)
    }

    /// Removes the click files that an earlier process wrote and could not tell the store of: they are written again.
    pub(super) fn discard(&mut self, stream: &Stream) -> Result<(), Trouble> {
        self.tools.archive.discard(stream.incarnation, stream.archived)?;
        Ok(())
    }

    /// One read, judged, counted and archived. An error leaves the stream where it can try again.
    fn round(&mut self, stream: &mut Stream) -> Result<Outcome, Trouble> {
        self.store_misses()?;
        self.record_sealed(stream)?;
        self.seal_if_due(stream)?;
        self.release_held(stream);
        let upto = match stream.origin {
            Origin::Live => self.tools.journal.synced(),
            Origin::Recovered => Position(u64::MAX),
        };
        let round = match self.read(stream, upto) {
            Ok(round) => round,
            Err(trouble) => {
                stream.restart(&self.tools.folder);
                return Err(trouble);
            }
        };
        let is_full = round.is_full;
        let is_done = if round.is_empty() { self.probe(stream)? } else { self.settle(stream, round)? };
        // A store that went back leaves more to do, also of a journal that ended.
        let outcome = if is_full || !is_done { Outcome::More } else { Outcome::Idle };
        self.tools.journal.release(stream.incarnation, stream.released(), false);
        Ok(outcome)
    }

    /// Reads a round, and cuts it short for an order or when its priority is too low by now.
    fn read(&mut self, stream: &mut Stream, upto: Position) -> Result<Round, Trouble> {
        let Self { tools, runtime, pace, judge, urgency, .. } = self;
        let (is_stopping, mut heard) = (self.deadline.is_some(), None);
        let round = judge.read(tools, runtime, stream, upto, || {
            heard = if is_stopping { None } else { pace.wait(Duration::ZERO) };
            heard.is_none() && !urgency.has_grown(pace.now(), tools.journal.needed_percent())
        });
        if let Some(order) = heard {
            self.take(order);
        }
        round
    }

    /// Counts a round in every shard, then hands its clicks to the archive; `false` when it has to be read again.
    fn settle(&mut self, stream: &mut Stream, mut round: Round) -> Result<bool, Trouble> {
        let batches = batches(stream, &mut round);
        let is_counted =
            batches.is_some_and(|batches| self.insist(|worker| worker.count(stream, &batches)) == Some(true));
        if !is_counted {
            // The store went back, or time ran out while stopping: what was read is read again.
            stream.restart(&self.tools.folder);
            return Ok(false);
        }
        if !stream.held.is_empty() {
            return Ok(true);
        }
        let (hits, damaged) = round.booked_from(stream.booked);
        stream.pushed = stream.pushed.max(round.to);
        self.tools.archive.push(round.clicks);
        // Last, so that whoever reads in the books that a hit is counted finds it in exports, too. Hits that were booked
        // before, because another shard was behind, are not booked again.
        stream.booked = stream.booked.max(round.to);
        self.tools.accounts.settled(stream.origin, hits, damaged, stream.booked);
        Ok(true)
    }

    pub(super) fn go_on_from(&mut self, stream: &mut Stream, shard: usize, watermark: Position) {
        let expected = std::mem::replace(&mut stream.counted[shard], watermark);
        if watermark < expected {
            self.earlier.look_at_all();
            // It has also forgotten up to where there are click files, and is told again.
            stream.archived = Position::START;
        }
        if watermark < stream.booked {
            self.tools.accounts.forgotten(stream.origin, stream.booked, watermark);
            stream.booked = watermark;
        }
    }

    /// Asks where the store stands although there is nothing to count. A store that was rolled back, by a failover or
    /// from a backup, would else be found out only by the next click, which may never come. `false` when it
    /// was.
    fn probe(&mut self, stream: &mut Stream) -> Result<bool, Trouble> {
        if self.pace.now().saturating_duration_since(self.probed) < PROBE_EVERY {
            return Ok(true);
        }
        let is_same = self.compare(stream)?;
        self.probed = self.pace.now();
        if !is_same {
            stream.restart(&self.tools.folder);
        }
        Ok(is_same)
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
