//! Uploads that wait for a yes: files that somebody has been shown, and that are imported or forgotten.
//!
//! In memory of this node, and where several nodes share a store there, too ([`shared`]): the yes may reach another one.
//! Bounded in number, size and age; what is forgotten is chosen again. It must never be found by anybody who was not told
//! its name.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::access::random_text;
use super::api::problem::Problem;
use crate::store::Store;

mod shared;

use shared::Shared;

/// The most uploads that wait, and their size together in bytes in memory; the oldest make room.
const UPLOADS_MAX: usize = 32;
const BYTES_MAX: usize = 128 << 20;
/// How long an upload waits, in milliseconds.
const KEPT_MS: i64 = 60 * 60 * 1000;

/// One file of an upload, with `S`, what was said about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Held<S> {
    pub(super) name: String,
    pub(super) bytes: Bytes,
    pub(super) said: S,
}

/// All that wait.
pub(super) struct Waiting<S> {
    here: Here<S>,
    shared: Option<Shared>,
}

impl<S: Clone + Send + Serialize + DeserializeOwned + 'static> Waiting<S> {
    pub(super) fn new(store: &Arc<dyn Store>) -> Self {
        Self { here: Here::default(), shared: store.is_shared().then(|| Shared::new(store.clone())) }
    }

    /// Keeps an upload; returns the name under which it can be asked for.
    ///
    /// # Errors
    /// When it is too large to be shared, or the store fails.
    pub(super) async fn put(&self, files: Vec<Held<S>>, now_ms: i64) -> Result<String, Problem> {
        let token = random_text().map_err(|error| Problem::internal(format!("no random numbers: {error}")))?;
        let version = match &self.shared {
            Some(shared) => shared.make(&token, &files, now_ms).await?,
            None => String::new(),
        };
        self.here.put(Upload { token: token.clone(), version, at_ms: now_ms, files }, now_ms);
        Ok(token)
    }

    /// `None` when there is none, or no longer.
    ///
    /// # Errors
    /// When the store fails.
    pub(super) async fn get(&self, token: &str, now_ms: i64) -> Result<Option<Vec<Held<S>>>, Problem> {
        let here = self.here.get(token, now_ms);
        let Some(shared) = &self.shared else { return Ok(here.map(|upload| upload.files)) };
        let Some(head) = shared.head(token, now_ms).await? else { return Ok(None) };
        if let Some(upload) = here.filter(|upload| upload.version == head.version) {
            return Ok(Some(upload.files));
        }
        let Some(files) = shared.files::<S>(&head).await? else { return Ok(None) };
        let (token, version) = (token.to_owned(), head.version);
        self.here.put(Upload { token, version, at_ms: head.at_ms, files: files.clone() }, now_ms);
        Ok(Some(files))
    }

    /// Changes one file of an upload, if there is such a file.
    ///
    /// # Errors
    /// When somebody else changed one meanwhile, or the store fails.
    pub(super) async fn change(
        &self,
        token: &str,
        file: usize,
        now_ms: i64,
        change: impl FnOnce(&mut Held<S>) + Send,
    ) -> Result<(), Problem> {
        let Some(mut files) = self.get(token, now_ms).await? else { return Ok(()) };
        let Some(held) = files.get_mut(file) else { return Ok(()) };
        change(held);
        let version = match &self.shared {
            Some(shared) => shared.replace(token, &files, now_ms).await?,
            None => String::new(),
        };
        self.here.replace(token, version, files, now_ms);
        Ok(())
    }

    /// # Errors
    /// When the store fails.
    pub(super) async fn forget(&self, token: &str, now_ms: i64) -> Result<(), Problem> {
        self.here.forget(token, now_ms);
        match &self.shared {
            Some(shared) => shared.forget(token).await,
            None => Ok(()),
        }
    }
}

#[derive(Clone)]
struct Upload<S> {
    token: String,
    /// Which state of it, where it is shared.
    version: String,
    at_ms: i64,
    files: Vec<Held<S>>,
}

impl<S> Upload<S> {
    fn bytes(&self) -> usize {
        self.files.iter().map(|file| file.bytes.len()).sum()
    }
}

/// Those in memory, the oldest first.
struct Here<S>(Mutex<VecDeque<Upload<S>>>);

impl<S> Default for Here<S> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<S: Clone> Here<S> {
    fn put(&self, upload: Upload<S>, now_ms: i64) {
        let mut uploads = self.fresh(now_ms);
        uploads.retain(|other| other.token != upload.token);
        uploads.push_back(upload);
        while uploads.len() > 1
            && (uploads.len() > UPLOADS_MAX || uploads.iter().map(Upload::bytes).sum::<usize>() > BYTES_MAX)
        {
            uploads.pop_front();
        }
    }

    fn get(&self, token: &str, now_ms: i64) -> Option<Upload<S>> {
        self.fresh(now_ms).iter().find(|upload| upload.token == token).cloned()
    }

    fn replace(&self, token: &str, version: String, files: Vec<Held<S>>, now_ms: i64) {
        if let Some(upload) = self.fresh(now_ms).iter_mut().find(|upload| upload.token == token) {
            (upload.version, upload.files) = (version, files);
        }
    }

    fn forget(&self, token: &str, now_ms: i64) {
        self.fresh(now_ms).retain(|upload| upload.token != token);
    }

    /// Those whose time is not over.
    fn fresh(&self, now_ms: i64) -> MutexGuard<'_, VecDeque<Upload<S>>> {
        let mut uploads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        uploads.retain(|upload| now_ms - upload.at_ms < KEPT_MS);
        uploads
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::links::fake_store::FakeStore;

    fn file(bytes: usize) -> Held<u8> {
        Held { name: "a.csv".to_owned(), bytes: Bytes::from(vec![0; bytes]), said: 0 }
    }

    /// Of a node that is alone, and two that share a store.
    fn waiting() -> [Waiting<u8>; 3] {
        let (own, common) = (Arc::new(FakeStore::default()), Arc::new(FakeStore::default()));
        common.is_shared.store(true, std::sync::atomic::Ordering::Relaxed);
        let [own, one, two]: [Arc<dyn Store>; 3] = [own, common.clone(), common];
        [Waiting::new(&own), Waiting::new(&one), Waiting::new(&two)]
    }

    #[tokio::test]
    async fn an_upload_waits_for_its_time_and_can_be_changed_until_it_is_forgotten() {
        for waiting in &waiting()[..2] {
            let token = waiting.put(vec![file(1)], 0).await.unwrap();
            waiting.change(&token, 0, 1, |file| file.said = 7).await.unwrap();
            waiting.change(&token, 1, 1, |_| panic!("there is no such file")).await.unwrap();
            assert_eq!(waiting.get(&token, KEPT_MS - 1).await.unwrap().unwrap()[0].said, 7);
            assert_eq!(waiting.get("", 1).await.unwrap(), None);
            assert_eq!(waiting.get(&token, KEPT_MS).await.unwrap(), None);
            let token = waiting.put(vec![file(1)], 0).await.unwrap();
            waiting.forget(&token, 1).await.unwrap();
            assert_eq!(waiting.get(&token, 1).await.unwrap(), None);
        }
    }

    #[tokio::test]
    async fn the_oldest_make_room() {
        let [waiting, ..] = waiting();
        let first = waiting.put(vec![file(BYTES_MAX)], 0).await.unwrap();
        let second = waiting.put(vec![file(1)], 0).await.unwrap();
        assert!(waiting.get(&first, 0).await.unwrap().is_none() && waiting.get(&second, 0).await.unwrap().is_some());
        for _ in 0..UPLOADS_MAX {
            waiting.put(vec![file(1)], 0).await.unwrap();
        }
        assert!(waiting.get(&second, 0).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn what_is_put_changed_and_forgotten_on_one_node_is_so_on_the_other() {
        let [_, one, two] = waiting();
        let token = one.put(vec![file(200_000), file(3)], 0).await.unwrap();
        let there = two.get(&token, 1).await.unwrap().unwrap();
        assert_eq!((there.len(), there[0].bytes.len(), &*there[1].bytes), (2, 200_000, &[0; 3][..]));
        two.change(&token, 1, 2, |file| file.said = 5).await.unwrap();
        assert_eq!(one.get(&token, 3).await.unwrap().unwrap()[1].said, 5);
        one.forget(&token, 4).await.unwrap();
        assert_eq!(two.get(&token, 5).await.unwrap(), None);
    }
}
