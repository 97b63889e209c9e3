//! Pending clicks: those that are in no click file yet, in chunks.
//!
//! A click as a struct takes some 400 bytes, in a chunk about 60 beside what it shares with others. Whoever reads gets
//! chunks too and makes columns of what it asks for, so the writer waits for none of that.

use std::sync::Arc;

use super::chunk::Chunk;
use super::click_file::ROW_GROUP_ROWS;
use crate::domain::click::ClickOf;

/// Rows after which a chunk is closed: those of a row group. It bounds what a reader has to copy while the writer waits.
const CHUNK_ROWS: usize = ROW_GROUP_ROWS;

/// Clicks on their way to the archive, in the order they came.
#[derive(Default)]
pub(crate) struct Gathered {
    /// All but the last are full.
    chunks: Vec<Chunk>,
}

impl Gathered {
    pub(crate) fn add(&mut self, click: &ClickOf<'_>) {
        if self.chunks.last().is_none_or(|chunk| chunk.rows() >= CHUNK_ROWS) {
            // Where one was filled, the next one will mostly be.
            let next = if self.chunks.is_empty() { Chunk::default() } else { Chunk::with_room(CHUNK_ROWS) };
            self.chunks.push(next);
        }
        self.chunks.last_mut().into_iter().for_each(|chunk| chunk.append(click));
    }

    pub(super) fn into_chunks(self) -> Vec<Chunk> {
        self.chunks
    }
}

/// Closed chunks and the one that is being filled.
pub(super) struct Pending {
    closed: Vec<Arc<Chunk>>,
    open: Chunk,
    /// When somebody first looked and found clicks here; `None` while nobody did.
    pub(super) since_ms: Option<i64>,
}

impl Pending {
    pub(super) fn new() -> Self {
        Self { closed: Vec::new(), open: Chunk::default(), since_ms: None }
    }

    pub(super) fn rows(&self) -> usize {
        self.closed.iter().map(|chunk| chunk.rows()).sum::<usize>() + self.open.rows()
    }

    /// Adds clicks that come after the ones here.
    pub(super) fn adopt(&mut self, chunk: Chunk) {
        if self.open.rows() + chunk.rows() <= CHUNK_ROWS {
            self.open.extend(&chunk);
            return;
        }
        let full = std::mem::replace(&mut self.open, chunk);
        self.closed.push(full.close());
    }

    /// All pending clicks as they are now. Copies at most one chunk.
    pub(super) fn snapshot(&self) -> Vec<Arc<Chunk>> {
        let mut chunks = self.closed.clone();
        if self.open.rows() > 0 {
            chunks.push(Arc::new(self.open.clone()));
        }
        chunks
    }

    /// Closes the open chunk and returns all chunks; [`Pending::forget`] takes their number.
    pub(super) fn close_all(&mut self) -> Vec<Arc<Chunk>> {
        if self.open.rows() > 0 {
            self.closed.push(std::mem::take(&mut self.open).close());
        }
        self.closed.clone()
    }

    /// Drops the oldest `chunks` chunks, which are in a click file by now.
    pub(super) fn forget(&mut self, chunks: usize) {
        self.closed.drain(..chunks.min(self.closed.len()));
        self.since_ms = None;
    }
}
