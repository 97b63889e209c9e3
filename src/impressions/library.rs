//! The library: the book of all imports, put together once for every list of imports that the store has.
//!
//! It must never hold what bodies say beside the book that was made of them: they are read again when imports change,
//! which takes less than a second for the most that there may be.

use std::sync::Arc;

use tokio::sync::Mutex;
use tokio::task::spawn_blocking;

use crate::domain::import::{ImportId, ImportSummary};
use crate::impressions::body::{Content, unpack};
use crate::impressions::book::{Book, Volume};
use crate::store::{ImportStore, StoreError};

/// The most numbers of all imports together: about 130 MB of memory.
pub(crate) const NUMBERS_MAX: u64 = 4_000_000;
/// The most imports.
pub(crate) const IMPORTS_MAX: usize = 10_000;

/// One for a process; many ask at once, one reads.
#[derive(Default)]
pub(crate) struct Library {
    shelf: Mutex<Shelf>,
}

/// The book, and of which imports it is made.
type Shelf = Option<(Vec<ImportId>, Arc<Book>)>;

impl Library {
    /// The book of what is imported now.
    ///
    /// # Errors
    /// When the store fails, or holds a body that cannot be read.
    pub(crate) async fn book(&self, store: &dyn ImportStore) -> Result<Arc<Book>, StoreError> {
        let summaries = store.imports().await?;
        let ids: Vec<_> = summaries.iter().map(|summary| summary.id).collect();
        let mut shelf = self.shelf.lock().await;
        if let Some((of, book)) = &*shelf
            && *of == ids
        {
            return Ok(book.clone());
        }
        fill(&mut shelf, volumes(store, summaries).await?).await
    }

    /// The book as it would be with `volume`.
    ///
    /// # Errors
    /// Like [`Library::book`].
    pub(crate) async fn book_with(&self, store: &dyn ImportStore, volume: Volume) -> Result<Arc<Book>, StoreError> {
        let mut volumes = volumes(store, store.imports().await?).await?;
        volumes.push(volume);
        put_together(volumes).await
    }

    /// The book of what is imported now, to which `volume` has just been added: its body need not be read.
    ///
    /// # Errors
    /// Like [`Library::book`].
    pub(crate) async fn add(&self, store: &dyn ImportStore, volume: Volume) -> Result<Arc<Book>, StoreError> {
        let mut shelf = self.shelf.lock().await;
        // Not two books at once: each may have millions of numbers.
        *shelf = None;
        let mut summaries = store.imports().await?;
        summaries.retain(|summary| summary.id != volume.summary.id);
        let mut volumes = volumes(store, summaries).await?;
        volumes.push(volume);
        volumes.sort_by_key(|volume| volume.summary.id);
        fill(&mut shelf, volumes).await
    }

    /// What one import says. `None` when there is none.
    ///
    /// # Errors
    /// Like [`Library::book`].
    pub(crate) async fn volume(&self, store: &dyn ImportStore, id: ImportId) -> Result<Option<Volume>, StoreError> {
        let Some(summary) = store.imports().await?.into_iter().find(|summary| summary.id == id) else {
            return Ok(None);
        };
        Ok(read(store, id).await?.map(|content| Volume { summary, content }))
    }
}

/// One that was undone since it was listed says nothing.
async fn volumes(store: &dyn ImportStore, summaries: Vec<ImportSummary>) -> Result<Vec<Volume>, StoreError> {
    let mut volumes = Vec::with_capacity(summaries.len() + 1);
    for summary in summaries {
        if let Some(content) = read(store, summary.id).await? {
            volumes.push(Volume { summary, content });
        }
    }
    Ok(volumes)
}

async fn fill(shelf: &mut Shelf, volumes: Vec<Volume>) -> Result<Arc<Book>, StoreError> {
    *shelf = None;
    let ids = volumes.iter().map(|volume| volume.summary.id).collect();
    let book = put_together(volumes).await?;
    *shelf = Some((ids, book.clone()));
    Ok(book)
}

async fn read(store: &dyn ImportStore, id: ImportId) -> Result<Option<Content>, StoreError> {
    let Some(body) = store.import_body(id).await? else { return Ok(None) };
    let unreadable =
        |error| StoreError::Corrupt(format!("import {id}: {error}; `waypost import undo {id}` removes it"));
    apart(move || unpack(&body)).await?.map(Some).map_err(unreadable)
}

async fn put_together(volumes: Vec<Volume>) -> Result<Arc<Book>, StoreError> {
    apart(move || Arc::new(Book::new(volumes))).await
}

/// Long computations stay off the threads that answer requests.
pub(super) async fn apart<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, StoreError> {
    spawn_blocking(work).await.map_err(|error| StoreError::Unavailable(format!("reading imports ended: {error}")))
}
