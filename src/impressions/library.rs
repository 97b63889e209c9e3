//! The library: the book of all imports, put together once for every list of imports that the store has.
//!
//! It must never hold what bodies say beside the book that was made of them: they are read again when imports change,
//! which takes less than a second for the most that there may be.

use std::sync::Arc;

use tokio::sync::Mutex;
use tokio::task::spawn_blocking;

use crate::domain::import::{ImportId, ImportSummary};
use crate::impressions::body::{Content, unpack};
use crate::impressions::book::{Binder, Book, Volume};
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
        // Not two books at once: each may have millions of numbers.
        *shelf = None;
        let book = bind(store, &summaries, None).await?;
        *shelf = Some((ids, book.clone()));
        Ok(book)
    }

    /// The book as it would be with `volume`.
    ///
    /// # Errors
    /// Like [`Library::book`].
    pub(crate) async fn book_with(&self, store: &dyn ImportStore, volume: Volume) -> Result<Arc<Book>, StoreError> {
        bind(store, &store.imports().await?, Some(volume)).await
    }

    /// The book of what is imported now, to which `volume` has just been added: its body need not be read.
    ///
    /// # Errors
    /// Like [`Library::book`].
    pub(crate) async fn add(&self, store: &dyn ImportStore, volume: Volume) -> Result<Arc<Book>, StoreError> {
        let mut shelf = self.shelf.lock().await;
        *shelf = None;
        let mut summaries = store.imports().await?;
        if summaries.iter().all(|summary| summary.id != volume.summary.id) {
            // Undone already: the next question finds another list and puts another book together.
            summaries.push(volume.summary.clone());
        }
        let ids = summaries.iter().map(|summary| summary.id).collect();
        let book = bind(store, &summaries, Some(volume)).await?;
        *shelf = Some((ids, book.clone()));
        Ok(book)
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

/// The book of some imports, of which `known` is in memory already, whether it is one of them or not. One that was undone
/// since they were listed says nothing.
async fn bind(
    store: &dyn ImportStore,
    summaries: &[ImportSummary],
    known: Option<Volume>,
) -> Result<Arc<Book>, StoreError> {
    let mut others: Vec<_> = summaries.to_vec();
    others.retain(|summary| known.as_ref().is_none_or(|known| known.summary.id != summary.id));
    let mut binder = Binder::new(others.iter().chain(known.as_ref().map(|known| &known.summary)));
    // It goes first, because it takes room until it is in.
    if let Some(volume) = known {
        binder = taken(binder, volume).await?;
    }
    for summary in others {
        if binder.wants(summary.id)
            && let Some(content) = read(store, summary.id).await?
        {
            binder = taken(binder, Volume { summary, content }).await?;
        }
    }
    apart(move || Arc::new(binder.bind())).await
}

async fn taken(mut binder: Binder, volume: Volume) -> Result<Binder, StoreError> {
    let take = move || {
        binder.take(volume);
        binder
    };
    apart(take).await
}

async fn read(store: &dyn ImportStore, id: ImportId) -> Result<Option<Content>, StoreError> {
    let Some(body) = store.import_body(id).await? else { return Ok(None) };
    let unreadable =
        |error| StoreError::Corrupt(format!("import {id}: {error}; `waypost import undo {id}` removes it"));
    apart(move || unpack(&body)).await?.map(Some).map_err(unreadable)
}

/// Long computations stay off the threads that answer requests.
pub(super) async fn apart<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, StoreError> {
    spawn_blocking(work).await.map_err(|error| StoreError::Unavailable(format!("reading imports ended: {error}")))
}
