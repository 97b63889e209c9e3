//! Shards that cannot be counted into while others can: a part of a cluster that is down, a slot that moves, a shard
//! that was wiped. They wait without holding up the others, and are caught up by reading the journal again.
//!
//! While one waits, nothing goes to the archive and nothing is booked, because that is done in the order of the hits.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::accounts::Origin;
use super::judge::Round;
use super::stream::Stream;
use super::worker::{BACKOFF_FIRST, Trouble, Worker};
use crate::domain::counter::{Applied, Batch};
use crate::domain::delta::Deltas;
use crate::domain::position::{Position, Shard};
use crate::store::StoreError;

/// Tries before a shard is held: a cut connection is no reason to read anything again.
const TRIES: u32 = 3;

/// Pauses between two looks at what is held.
const PAUSE_FIRST: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(10);

#[derive(Default)]
pub(super) struct Held {
    shards: BTreeSet<usize>,
    pause: Duration,
    again: Option<Instant>,
}

impl Held {
    pub(super) fn is_empty(&self) -> bool {
        self.shards.is_empty()
    }

    pub(super) fn holds(&self, shard: usize) -> bool {
        self.shards.contains(&shard)
    }

    fn hold(&mut self, shards: impl IntoIterator<Item = usize>, now: Instant) {
        self.shards.extend(shards);
        self.pause = PAUSE_FIRST;
        self.again = Some(now + self.pause);
    }

    /// Those to look at now; none of them before the next pause is over.
    fn due(&mut self, now: Instant) -> Vec<usize> {
        if self.is_empty() || self.again.is_some_and(|again| now < again) {
            return Vec::new();
        }
        self.pause = (self.pause * 2).clamp(PAUSE_FIRST, PAUSE_MAX);
        self.again = Some(now + self.pause);
        self.shards.iter().copied().collect()
    }
}

/// What became of batches that were sent together.
struct Tried {
    /// A shard stands neither where its batch begins nor where it ends.
    is_elsewhere: bool,
    failed: Vec<(usize, Trouble)>,
}

/// What a round adds to each shard that is not held. `None` when one of them stands before the round: what is in between
/// was read when it could not be counted into.
pub(super) fn batches(stream: &Stream, round: &mut Round) -> Option<Vec<Batch>> {
    let (incarnation, to) = (stream.incarnation, round.to);
    let mut batches = Vec::new();
    for (shard, deltas) in std::mem::take(&mut round.deltas).into_iter().enumerate() {
        let from = stream.counted[shard];
        if from >= to || stream.held.holds(shard) {
            continue;
        }
        if from < round.from {
            return None;
        }
        batches.push(Batch { incarnation, shard: numbered(shard), from, to, deltas });
    }
    Some(batches)
}

impl Worker {
    /// Counts every batch; `false` when the store stands elsewhere. A shard that fails again and again is held if
    /// another one does not: else the store as a whole is away, and that is an error.
    pub(super) fn count(&mut self, stream: &mut Stream, batches: &[Batch]) -> Result<bool, Trouble> {
        let is_one_well = batches.len() + stream.held.shards.len() < stream.counted.len();
        let mut backoff = BACKOFF_FIRST;
        for tried in 1.. {
            let Tried { is_elsewhere, failed } = self.try_all(stream, batches);
            // A store that went back went back in many shards at once: all are asked before the journal is read again.
            if is_elsewhere {
                self.compare(stream)?;
                return Ok(false);
            }
            let is_counted = is_one_well || failed.len() < batches.len();
            let shards: Vec<_> = failed.iter().map(|(shard, _)| *shard).collect();
            let Some((_, trouble)) = failed.into_iter().next() else { break };
            if !is_counted {
                return Err(trouble);
            }
            if tried < TRIES && self.deadline.is_none() {
                self.rest(backoff);
                backoff *= 2;
                continue;
            }
            self.tools.accounts.store_failed();
            tracing::warn!(?shards, error = %trouble, "counting waits in these shards; the others go on");
            stream.held.hold(shards, self.pace.now());
            break;
        }
        Ok(true)
    }

    /// Sends what is not counted yet.
    fn try_all(&mut self, stream: &mut Stream, batches: &[Batch]) -> Tried {
        let left: Vec<&Batch> = batches.iter().filter(|batch| stream.counted[index(batch)] != batch.to).collect();
        let applied = self.runtime.block_on(self.tools.store.apply_all(&left));
        let mut tried = Tried { is_elsewhere: false, failed: Vec::new() };
        for (batch, applied) in left.into_iter().zip(applied) {
            match applied {
                Ok(Applied::Yes) => stream.counted[index(batch)] = batch.to,
                // An earlier try got through and its answer was lost.
                Ok(Applied::No { watermark }) if watermark == batch.to => stream.counted[index(batch)] = batch.to,
                Ok(Applied::No { .. }) => tried.is_elsewhere = true,
                Err(error) => tried.failed.push((index(batch), error.into())),
            }
        }
        tried
    }

    /// Looks whether what is held can be counted into again, with a batch of nothing: it meets all that a batch meets.
    pub(super) fn release_held(&mut self, stream: &mut Stream) {
        let mut is_any = false;
        for shard in stream.held.due(self.pace.now()) {
            let at = stream.counted[shard];
            let (incarnation, deltas) = (stream.incarnation, Deltas::default());
            let nothing = Batch { incarnation, shard: numbered(shard), from: at, to: at, deltas };
            match self.runtime.block_on(self.tools.store.apply(&nothing)) {
                Ok(applied) => {
                    if let Applied::No { watermark } = applied {
                        self.go_on_from(stream, shard, watermark);
                    }
                    stream.held.shards.remove(&shard);
                    tracing::info!(shard, "counting goes on in this shard");
                    is_any = true;
                }
                Err(error) => {
                    self.tools.accounts.store_failed();
                    tracing::debug!(shard, %error, "this shard still waits");
                }
            }
        }
        if is_any {
            stream.restart(&self.tools.folder);
        }
    }

    /// Goes on from where the store stands; whether that is where it was thought to stand. What is held is asked when
    /// it can be counted into again.
    pub(super) fn compare(&mut self, stream: &mut Stream) -> Result<bool, Trouble> {
        let mut elsewhere = self.watermarks(stream)?;
        elsewhere.retain(|(shard, watermark)| stream.counted[*shard] != *watermark);
        // The lowest one says how much is counted again.
        if let Some((lowest, watermark)) = elsewhere.iter().min_by_key(|(_, watermark)| *watermark) {
            let (shards, expected) = (elsewhere.len(), stream.counted[*lowest]);
            tracing::warn!(shards, %watermark, %expected, "the store stands elsewhere; counting goes on from there");
        }
        if stream.origin == Origin::Live && elsewhere.iter().any(|(_, at)| *at > self.tools.journal.end()) {
            tracing::error!(
                "the store has counted hits that this process never had: the machine was put back to a snapshot with its \
                 memory; restart Waypost, or hits that come now are missing from the counters"
            );
        }
        for (shard, watermark) in &elsewhere {
            self.go_on_from(stream, *shard, *watermark);
        }
        Ok(elsewhere.is_empty())
    }

    fn watermarks(&self, stream: &Stream) -> Result<Vec<(usize, Position)>, StoreError> {
        let (store, incarnation) = (&self.tools.store, stream.incarnation);
        if stream.held.is_empty() {
            return Ok(self.runtime.block_on(store.watermarks(incarnation))?.into_iter().enumerate().collect());
        }
        let ask = |shard| Ok((shard, self.runtime.block_on(store.watermark(incarnation, numbered(shard)))?));
        (0..stream.counted.len()).filter(|shard| !stream.held.holds(*shard)).map(ask).collect()
    }
}

fn index(batch: &Batch) -> usize {
    usize::from(batch.shard.0)
}

/// The shard with this number.
pub(super) fn numbered(shard: usize) -> Shard {
    Shard(u16::try_from(shard).expect("a store has at most u16::MAX shards"))
}
