//! The library: the book of all imports, put together once for every list of imports that the store has.
//!
//! Bodies never change, so what was read stays read; an import that is undone is forgotten here with the next question.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::Mutex;
use tokio::task::spawn_blocking;

use crate::domain::import::{ImportId, ImportSummary};
use crate::impressions::body::{Content, unpack};
use crate::impressions::book::{Book, Volume};
use crate::store::{ImportStore, StoreError};

/// The most numbers of all imports together: about 300 MB of memory.
pub(crate) const NUMBERS_MAX: u64 = 4_000_000;
/// The most imports.
pub(crate) const IMPORTS_MAX: usize = 10_000;

/// One for a process; many ask at once, one reads.
#[derive(Default)]
pub(crate) struct Library {
    shelf: Mutex<Shelf>,
}

#[derive(Default)]
struct Shelf {
    contents: HashMap<ImportId, Arc<Content>>,
    /// Made of these imports.
    book: Option<(Vec<ImportId>, Arc<Book>)>,
}

impl Library {
    /// The book of what is imported now.
    ///
    /// # Errors
    /// When the store fails, or holds a body that cannot be read.
    pub(crate) async fn book(&self, store: &dyn ImportStore) -> Result<Arc<Book>, StoreError> {
        let summaries = store.imports().await?;
        let ids: Vec<_> = summaries.iter().map(|summary| summary.id).collect();
        let mut shelf = self.shelf.lock().await;
        if let Some((of, book)) = &shelf.book
            && *of == ids
        {
            return Ok(book.clone());
        }
        let volumes = shelf.volumes(store, summaries).await?;
        let book = Arc::new(put_together(volumes).await?);
        shelf.book = Some((ids, book.clone()));
        Ok(book)
    }

    /// The book as it would be, or is, with `volume`.
    ///
    /// # Errors
    /// Like [`Library::book`].
    pub(crate) async fn book_with(&self, store: &dyn ImportStore, volume: Volume) -> Result<Book, StoreError> {
        let mut summaries = store.imports().await?;
        summaries.retain(|summary| summary.id != volume.summary.id);
        let mut volumes = self.shelf.lock().await.volumes(store, summaries).await?;
        volumes.push(volume);
        put_together(volumes).await
    }

    /// What one import says. `None` when there is none.
    ///
    /// # Errors
    /// Like [`Library::book`].
    pub(crate) async fn volume(&self, store: &dyn ImportStore, id: ImportId) -> Result<Option<Volume>, StoreError> {
        let Some(summary) = store.imports().await?.into_iter().find(|summary| summary.id == id) else {
            return Ok(None);
        };
        Ok(read(store, id).await?.map(|content| Volume { summary, content: Arc::new(content) }))
    }
}

impl Shelf {
    /// Reads what is not there yet, and drops what is no longer listed.
    async fn volumes(
        &mut self,
        store: &dyn ImportStore,
        summaries: Vec<ImportSummary>,
    ) -> Result<Vec<Volume>, StoreError> {
        let mut contents = HashMap::with_capacity(summaries.len());
        let mut volumes = Vec::with_capacity(summaries.len());
        for summary in summaries {
            let id = summary.id;
            let content = match self.contents.get(&id) {
                Some(content) => content.clone(),
                // One that was undone since it was listed says nothing.
                None => match read(store, id).await? {
                    Some(content) => Arc::new(content),
                    None => continue,
                },
            };
            contents.insert(id, content.clone());
            volumes.push(Volume { summary, content });
        }
        self.contents = contents;
        Ok(volumes)
    }
}

async fn read(store: &dyn ImportStore, id: ImportId) -> Result<Option<Content>, StoreError> {
    let Some(body) = store.import_body(id).await? else { return Ok(None) };
    let unreadable =
        |error| StoreError::Corrupt(format!("import {id}: {error}; `waypost import undo {id}` removes it"));
    apart(move || unpack(&body)).await?.map(Some).map_err(unreadable)
}

async fn put_together(volumes: Vec<Volume>) -> Result<Book, StoreError> {
    apart(move || Book::new(&volumes)).await
}

/// Long computations stay off the threads that answer requests.
pub(super) async fn apart<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, StoreError> {
    spawn_blocking(work).await.map_err(|error| StoreError::Unavailable(format!("reading imports ended: {error}")))
}
