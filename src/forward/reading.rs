//! Reading on: the counted clicks behind a hook's position, from the archive, a window at a time. Hooks that stand at the
//! same place share a window.
//!
//! It is the archive that keeps what hooks have not sent yet; nothing is written twice for them, and the tally knows of
//! none of it.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::civil::Date;
use tokio::sync::Semaphore;

use super::ledger::Cursor;
use crate::archive::Archive;
use crate::domain::click::Click;
use crate::domain::position::{Incarnation, Position};
use crate::store::{Store, StoreError};

/// What the node says of its own journal.
pub(crate) trait Counted: Send + Sync {
    /// The journal that is being written.
    fn live(&self) -> Incarnation;
    /// Up to where its clicks are counted and with the archive. It may go back when a store does.
    fn counted(&self) -> Position;
}

/// The clicks of a range of hits, by position.
pub(super) struct Window {
    incarnation: Incarnation,
    pub(super) range: Range<Position>,
    pub(super) clicks: Vec<(Position, Click)>,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Archive(#[from] crate::archive::ArchiveError),
    #[error("the server is stopping")]
    Stopping,
}

pub(super) struct Reading {
    archive: Arc<Archive>,
    store: Arc<dyn Store>,
    pub(super) counted: Arc<dyn Counted>,
    /// One window is read at a time.
    turn: Semaphore,
    last: Mutex<Option<Arc<Window>>>,
}

impl Reading {
    pub(super) fn new(archive: Arc<Archive>, store: Arc<dyn Store>, counted: Arc<dyn Counted>) -> Self {
        Self { archive, store, counted, turn: Semaphore::new(1), last: Mutex::default() }
    }

    /// A cursor at what is counted next.
    pub(super) fn now(&self, now_ms: i64) -> Cursor {
        Cursor { incarnation: self.counted.live(), at: self.counted.counted().0, begun_ms: now_ms, under_way: None }
    }

    /// A cursor at the beginning of what this process counts.
    pub(super) fn beginning(&self, now_ms: i64) -> Cursor {
        Cursor { incarnation: self.counted.live(), at: 0, begun_ms: now_ms, under_way: None }
    }

    /// Up to where the clicks of a journal can be read. Of an earlier one they are in files before it is said that they are.
    pub(super) async fn end_of(&self, cursor: &Cursor) -> Result<Position, ReadError> {
        if cursor.incarnation == self.counted.live() {
            return Ok(self.counted.counted());
        }
        Ok(self.store.archived(cursor.incarnation).await?)
    }

    /// The window that begins at `cursor`, or before it.
    pub(super) async fn window(&self, cursor: &Cursor, end: Position, since: Date) -> Result<Arc<Window>, ReadError> {
        let _turn = self.turn.acquire().await.map_err(|_| ReadError::Stopping)?;
        if let Some(window) = self.known(cursor) {
            return Ok(window);
        }
        let (archive, incarnation, range) = (self.archive.clone(), cursor.incarnation, cursor.position()..end);
        let read = tokio::task::spawn_blocking(move || {
            let from = range.start;
            let (clicks, to) = archive.passage(incarnation, range, since)?;
            Ok::<_, ReadError>(Window { incarnation, range: from..to, clicks })
        });
        let window = Arc::new(read.await.map_err(|_| ReadError::Stopping)??);
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(window.clone());
        Ok(window)
    }

    /// The window that was read last, if it goes on from here.
    fn known(&self, cursor: &Cursor) -> Option<Arc<Window>> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let goes_on = |window: &&Arc<Window>| {
            window.incarnation == cursor.incarnation && window.range.contains(&cursor.position())
        };
        last.as_ref().filter(goes_on).cloned()
    }
}
