//! The tally's thread: rounds of read, classify, roll up, apply, archive; first over what earlier processes left
//! behind, then over the live journal, until it is told to stop and everything is done.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;

use super::Config;
use super::accounts::{Accounts, Origin};
use super::ended::Ended;
use super::geo::Geo;
use super::judge::{Judge, Round};
use super::recount;
use super::rollup::Rollup;
use super::running::{Order, Pace};
use super::stream::Stream;
use super::verify;
use crate::archive::{Archive, ArchiveError};
use crate::classify::Classifier;
use crate::clock::Clock;
use crate::domain::counter::{Applied, Batch, Delta};
use crate::domain::position::{Incarnation, Position, Shard};
use crate::journal::Journal;
use crate::links::cache::Cache;
use crate::links::misses::Misses;
use crate::store::{CountStore, StoreError};

/// Pauses between two tries while the store or the archive is away.
const BACKOFF_FIRST: Duration = Duration::from_millis(50);
const BACKOFF_MAX: Duration = Duration::from_secs(2);

/// How long a stopping tally works on what is left; the journal keeps the rest for the next start.
const STOP_WITHIN: Duration = Duration::from_secs(4);

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
    /// When the store was last asked where it stands.
    probed: Instant,
    /// Set while click files cannot be written: when to try again.
    pub(super) seal_again: Option<Instant>,
    pub(super) ended: Ended,
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

/// What became of an earlier process' hits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Survey {
    /// All of them, those before `end`, are counted and in click files.
    Finished { end: Position },
    /// Those before `counted` are counted, and the books know of the others.
    WorkLeft { counted: Position },
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// There may be more to read at once.
    More,
    Idle,
}

impl Worker {
    pub(super) fn new(tools: Tools, runtime: tokio::runtime::Runtime, pace: Box<dyn Pace>) -> Self {
        let judge = Judge::new(&tools);
        let (probed, seal_again) = (pace.now(), None);
        let ended = Ended::default();
        Self { tools, runtime, pace, recount: None, verify: None, deadline: None, judge, probed, seal_again, ended }
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
        let mut unfinished = Vec::new();
        for incarnation in &left_behind {
            match self.insist(|worker| worker.survey(*incarnation)) {
                Some(Survey::Finished { end }) => self.ended.add(*incarnation, end),
                Some(Survey::WorkLeft { counted }) => unfinished.push((*incarnation, counted)),
                // It is stopping; the next start finds them.
                None => {}
            }
        }
        let _ = surveyed.try_send(());
        for (incarnation, counted) in unfinished {
            self.work_off(incarnation, counted);
        }
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

    /// Notes in the books how many hits of an earlier process are not counted yet.
    pub(super) fn survey(&mut self, incarnation: Incarnation) -> Result<Survey, Trouble> {
        let mut stream = self.open(incarnation, Origin::Recovered)?;
        let (counted, released) = (stream.counted_everywhere(), stream.released());
        stream.reader.read(Position(u64::MAX), usize::MAX, |_, _| {})?;
        let end = stream.reader.position();
        if end <= released {
            self.end(&mut stream);
            return Ok(Survey::Finished { end });
        }
        if end > counted {
            tracing::info!(hits = end.0 - counted.0, "an earlier process left hits to be counted");
            self.tools.accounts.found(end.0 - counted.0);
        }
        Ok(Survey::WorkLeft { counted })
    }

    fn follow_live(&mut self, live: Incarnation) {
        if let Some(mut stream) = self.insist(|worker| worker.open(live, Origin::Live)) {
            self.follow(&mut stream);
        }
    }

    /// Works off what an earlier process left, of which the books know what is not before `counted`.
    pub(super) fn work_off(&mut self, incarnation: Incarnation, counted: Position) {
        let Some(mut stream) = self.insist(|worker| worker.open(incarnation, Origin::Recovered)) else { return };
        // The store may have gone back since it was surveyed.
        self.tools.accounts.found(counted.0.saturating_sub(stream.booked.0));
        self.follow(&mut stream);
        self.end(&mut stream);
        self.ended.add(incarnation, stream.reader.position());
    }

    /// Works a stream off: an old one to its end, the live one until it is time to stop.
    fn follow(&mut self, stream: &mut Stream) {
        while let Some(outcome) = self.insist(|worker| worker.round(stream)) {
            self.hear();
            self.recount(stream);
            self.verify(stream);
            self.return_to_forgotten(stream);
            if outcome == Outcome::More {
                continue;
            }
            if stream.origin == Origin::Recovered || self.deadline.is_some() {
                break;
            }
            self.rest(Duration::from_millis(self.tools.config.interval_ms));
        }
        // One that was stopped half-way goes on there at the next start.
        if stream.has_caught_up() || self.deadline.is_none() {
            self.insist(|worker| worker.seal(stream));
        }
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
                Err(trouble) => self.note(&trouble, backoff),
            }
            self.rest(backoff);
            backoff = (backoff * 2).min(BACKOFF_MAX);
        }
    }

    /// Waits, or hears that it is time to stop. While stopping there is no time to wait long.
    fn rest(&mut self, pause: Duration) {
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
        let mut stream = self.runtime.block_on(open)?;
        if origin == Origin::Recovered {
            self.keep_what_cannot_be_written_again(&mut stream)?;
            // Clicks that are counted were judged as files ended then, whatever the store still knows of those files.
            let mut from = stream.archived;
            while let Some(begin) = self.tools.archive.first_from(incarnation, from)? {
                stream.memory.file_begins(begin);
                from = begin.next();
            }
            self.tools.archive.discard(incarnation, stream.archived)?;
        }
        Ok(stream)
    }

    /// One read, judged, counted and archived. An error leaves the stream where it can try again.
    fn round(&mut self, stream: &mut Stream) -> Result<Outcome, Trouble> {
        self.store_misses()?;
        // Before anything more is judged: a double tap is remembered since the last seal that the store knows of.
        self.record_sealed(stream)?;
        self.seal_if_due(stream)?;
        self.probe_ended()?;
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
        let is_full = round.is_full;
        let is_done = if round.is_empty() { self.probe(stream)? } else { self.settle(stream, round)? };
        // A store that went back leaves more to do, also of a journal that ended.
        let outcome = if is_full || !is_done { Outcome::More } else { Outcome::Idle };
        self.tools.journal.release(stream.incarnation, stream.released(), false);
        Ok(outcome)
    }

    /// Counts a round in every shard, then hands its clicks to the archive; `false` when it has to be read again.
    fn settle(&mut self, stream: &mut Stream, round: Round) -> Result<bool, Trouble> {
        for shard in 0..stream.counted.len() {
            if self.insist(|worker| worker.apply(stream, shard, &round)) != Some(true) {
                // The store went back, or time ran out while stopping: what was read is read again.
                stream.restart(&self.tools.folder);
                return Ok(false);
            }
        }
        let (fresh, to) = (stream.pushed, round.to);
        let (hits, damaged) = round.booked_from(stream.booked);
        stream.pushed = stream.pushed.max(to);
        self.tools.archive.push(round.into_clicks_from(fresh));
        // Last, so that whoever reads in the books that a hit is counted finds it in exports, too. Hits that were booked
        // before, because another shard was behind, are not booked again.
        stream.booked = stream.booked.max(to);
        self.tools.accounts.settled(stream.origin, hits, damaged, stream.booked);
        Ok(true)
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
                self.go_on_from(stream, shard, watermark);
                return Ok(false);
            }
        }
        stream.counted[shard] = round.to;
        Ok(true)
    }

    fn go_on_from(&mut self, stream: &mut Stream, shard: usize, watermark: Position) {
        let expected = stream.counted[shard];
        tracing::warn!(shard, %watermark, %expected, "the store stands elsewhere; counting goes on from there");
        stream.counted[shard] = watermark;
        if watermark < expected {
            self.ended.ask_all();
            // It has also forgotten where click files begin. It is told again before anything is counted across that.
            stream.archived = Position::START;
        }
        if watermark < stream.booked {
            self.tools.accounts.forgotten(stream.origin, stream.booked, watermark);
            stream.booked = watermark;
        }
    }

    /// Asks where the store stands although there is nothing to count. A store that was rolled back, by a failover or
    /// from a backup, would else be found out only by the next click, which may never come. `false` when it was.
    fn probe(&mut self, stream: &mut Stream) -> Result<bool, Trouble> {
        if self.pace.now().saturating_duration_since(self.probed) < PROBE_EVERY {
            return Ok(true);
        }
        let watermarks = self.runtime.block_on(self.tools.store.watermarks(stream.incarnation))?;
        self.probed = self.pace.now();
        let mut went_back = false;
        for (shard, watermark) in watermarks.into_iter().enumerate() {
            if stream.counted[shard] != watermark {
                self.go_on_from(stream, shard, watermark);
                went_back = true;
            }
        }
        if went_back {
            stream.restart(&self.tools.folder);
        }
        Ok(!went_back)
    }

    fn roll_up(&mut self, stream: &Stream, shard: usize, round: &Round) -> Vec<Delta> {
        let (from, shards) = (stream.counted[shard], stream.counted.len());
        let mut rollup = Rollup::new(&mut self.judge.calendar, &mut self.judge.values);
        for click in round.clicks_from(from).filter(|click| shard_of(click.link.id.0, shards) == shard) {
            rollup.add(click);
        }
        rollup.finish()
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
            Err(error) => {
                self.tools.misses.put_back(misses);
                return Err(error.into());
            }
            Ok(()) => {}
        }
        Ok(())
    }
}

/// Which shard a link's counters are in.
pub(super) fn shard_of(link: u64, shards: usize) -> usize {
    usize::try_from(link % shards.max(1) as u64).unwrap_or(0)
}
