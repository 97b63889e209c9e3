//! The keeper: has the next segments ready before they are needed, and removes segments that nobody needs any more.
//!
//! Segments stay by age, never "until acknowledged": a store that is restored from a backup, or a replica that was
//! promoted too early, forgets what it once confirmed (reliability.md 2.1, variants B and G).

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::Config;
use super::append::{HURRY, IDLE, Shared};
use super::segment::{self, Header, Name};
use crate::domain::position::{Incarnation, Position};

/// How often the folder is looked through when nothing happens, and when there is no next segment yet.
const LOOK: Duration = Duration::from_secs(5);
const RETRY: Duration = Duration::from_secs(1);
const HOUR_MS: u64 = 3_600_000;

/// Up to where each incarnation's hits are counted and archived.
#[derive(Default)]
pub(super) struct Released(HashMap<Incarnation, (Position, bool)>);

impl Released {
    pub(super) fn set(&mut self, incarnation: Incarnation, to: Position, ended: bool) {
        self.0.insert(incarnation, (to, ended));
    }

    fn covers(&self, incarnation: Incarnation, end: Option<Position>) -> bool {
        self.0.get(&incarnation).is_some_and(|(to, ended)| end.map_or(*ended, |end| end <= *to))
    }
}

/// One file of the folder.
struct Kept {
    path: PathBuf,
    name: Name,
    created_ms: i64,
    /// The first position of the segment after it; `None` for the last one of its incarnation.
    end: Option<Position>,
    bytes: u64,
}

pub(super) fn until_stopped(shared: &Arc<Shared>) {
    let mut prepared = Ok(());
    while !shared.stopping.load(Ordering::Acquire) {
        let now = look(shared);
        // Once per outage, not once per try.
        if let (Ok(()), Err(error)) = (&prepared, &now) {
            tracing::error!(error, "no room for the next journal file; hits will be lost when this one is full");
        }
        prepared = now;
        std::thread::park_timeout(if prepared.is_ok() { LOOK } else { RETRY });
    }
}

/// Prepares what comes next and removes what is old.
pub(super) fn look(shared: &Shared) -> Result<(), String> {
    let kept = list(shared);
    let total = kept.iter().map(|kept| kept.bytes).sum();
    shared.bytes.store(total, Ordering::Relaxed);
    // First, because removing takes a while, and hits may need the next segment before it is over.
    let prepared = prepare(shared, total);
    let Left { total, needed } = remove_old(shared, kept);
    remove_old_pieces(shared);
    shared.bytes.store(total, Ordering::Relaxed);
    shared.needed_bytes.store(needed, Ordering::Relaxed);
    prepared.or_else(|_| prepare(shared, total))
}

/// Has the next segments ready, unless the folder holds `total` bytes and that is all it may.
fn prepare(shared: &Shared, total: u64) -> Result<(), String> {
    if total > bytes_max(shared) {
        return Err("journal.total_mib_max is reached by hits that are not counted yet".to_owned());
    }
    while shared.prepare_spare().map_err(|error| error.to_string())? {}
    Ok(())
}

/// Makes a segment without its zeroes where hits would fill the last one before the keeper has made the next: the keeper
/// waits for the disk, which may be busy with those very hits.
pub(super) fn hurry_until_stopped(shared: &Arc<Shared>) {
    while !shared.stopping.load(Ordering::Acquire) {
        let has_room = shared.bytes.load(Ordering::Relaxed) <= bytes_max(shared);
        // Where it cannot be made, the keeper says why.
        let made = has_room.then(|| shared.reserve_spare().ok()).flatten();
        if made == Some(true) {
            tracing::info!(
                "hits come faster than the disk takes journal files; the next one is used without its zeroes"
            );
        }
        std::thread::park_timeout(if made.is_some() && shared.has_no_spare() { HURRY } else { IDLE });
    }
}

/// What all segments together may take.
pub(super) fn bytes_max(shared: &Shared) -> u64 {
    shared.config.total_mib_max.saturating_mul(1 << 20)
}

pub(super) fn keep_ms(config: &Config) -> i64 {
    i64::try_from(config.keep_hours.saturating_mul(HOUR_MS)).unwrap_or(i64::MAX)
}

/// All segments, oldest first.
fn list(shared: &Shared) -> Vec<Kept> {
    let Ok(entries) = std::fs::read_dir(&shared.folder) else { return Vec::new() };
    let mut kept: Vec<Kept> = entries.flatten().filter_map(|entry| look_at(entry.path())).collect();
    kept.sort_by_key(|kept| (kept.created_ms, kept.name.number));
    let firsts: BTreeMap<Name, Position> =
        kept.iter().filter_map(|kept| kept.end.map(|first| (kept.name.clone(), first))).collect();
    for segment in &mut kept {
        let next = firsts.range((Bound::Excluded(&segment.name), Bound::Unbounded)).next();
        segment.end = next.filter(|(name, _)| name.incarnation == segment.name.incarnation).map(|(_, first)| *first);
    }
    kept
}

/// Reads one file's header. `end` holds the file's own first position until the list is complete.
fn look_at(path: PathBuf) -> Option<Kept> {
    let name = Name::of(&path)?;
    let file = File::open(&path).ok()?;
    let about = file.metadata().ok()?;
    let header = Header::read(&file).ok()?;
    // A file without a header is one that was just prepared, or one that nobody can use: it grows old all the same.
    let written_ms = || segment::written_ms(&about).unwrap_or(i64::MAX);
    Some(Kept {
        path,
        name,
        created_ms: header.map_or_else(written_ms, |header| header.created_ms),
        end: header.map(|header| header.first),
        bytes: about.len(),
    })
}

/// Bytes of what was not removed, and of those files among it that hold hits which are not done with; the file in use is
/// not among them.
struct Left {
    total: u64,
    needed: u64,
}

/// Removes what is counted, archived and old; then, while the folder is over its limit, what is counted and
/// archived.
fn remove_old(shared: &Shared, kept: Vec<Kept>) -> Left {
    let limit = bytes_max(shared);
    let old = shared.clock.now_ms().saturating_sub(keep_ms(&shared.config));
    let mut total: u64 = kept.iter().map(|kept| kept.bytes).sum();
    let mut needed = 0;
    let released = shared.released.lock().unwrap_or_else(PoisonError::into_inner);
    for segment in kept {
        let in_use = segment.name.incarnation == shared.incarnation && segment.end.is_none();
        let free = !in_use && released.covers(segment.name.incarnation, segment.end);
        needed += if free || in_use { 0 } else { segment.bytes };
        if free && (segment.created_ms < old || total > limit) && std::fs::remove_file(&segment.path).is_ok() {
            tracing::debug!(path = %segment.path.display(), "removed a journal file");
            total -= segment.bytes;
        }
    }
    Left { total, needed }
}

/// Damaged pieces hold addresses as whole frames do, so they go at the same age.
fn remove_old_pieces(shared: &Shared) {
    let Ok(pieces) = std::fs::read_dir(quarantine(&shared.folder)) else { return };
    let old = shared.clock.now_ms().saturating_sub(keep_ms(&shared.config));
    for piece in pieces.flatten() {
        let written_ms = piece.metadata().ok().and_then(|about| segment::written_ms(&about));
        if written_ms.is_some_and(|written_ms| written_ms < old) {
            // What cannot be removed now is tried again at the next look.
            let _ = std::fs::remove_file(piece.path());
        }
    }
}

/// Where damaged pieces of the journal in `folder` are kept.
pub(super) fn quarantine(folder: &Path) -> PathBuf {
    folder.join("quarantine")
}
