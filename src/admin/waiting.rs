//! Uploads that wait for a yes: files that somebody has been shown, and that are imported or forgotten.
//!
//! In memory of this node, bounded in number, size and age: what is forgotten is chosen again. It must never be found
//! by anybody who was not told its name.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use super::key::random_text;

/// The most uploads that wait, and their size together in bytes; the oldest make room.
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

struct Upload<S> {
    token: String,
    at_ms: i64,
    files: Vec<Held<S>>,
}

impl<S> Upload<S> {
    fn bytes(&self) -> usize {
        self.files.iter().map(|file| file.bytes.len()).sum()
    }
}

/// All that wait, the oldest first.
pub(super) struct Waiting<S>(Mutex<VecDeque<Upload<S>>>);

impl<S> Default for Waiting<S> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<S: Clone> Waiting<S> {
    /// Keeps an upload; returns the name under which it can be asked for.
    pub(super) fn put(&self, files: Vec<Held<S>>, now_ms: i64) -> Result<String, getrandom::Error> {
        let token = random_text()?;
        let mut uploads = self.fresh(now_ms);
        uploads.push_back(Upload { token: token.clone(), at_ms: now_ms, files });
        while uploads.len() > 1
            && (uploads.len() > UPLOADS_MAX || uploads.iter().map(Upload::bytes).sum::<usize>() > BYTES_MAX)
        {
            uploads.pop_front();
        }
        Ok(token)
    }

    /// `None` when there is none, or no longer.
    pub(super) fn get(&self, token: &str, now_ms: i64) -> Option<Vec<Held<S>>> {
        let uploads = self.fresh(now_ms);
        uploads.iter().find(|upload| upload.token == token).map(|upload| upload.files.clone())
    }

    /// Changes one file of an upload. `false` when there is none.
    pub(super) fn change(&self, token: &str, file: usize, now_ms: i64, change: impl FnOnce(&mut Held<S>)) -> bool {
        let mut uploads = self.fresh(now_ms);
        let upload = uploads.iter_mut().find(|upload| upload.token == token);
        upload.and_then(|upload| upload.files.get_mut(file)).map(change).is_some()
    }

    pub(super) fn forget(&self, token: &str, now_ms: i64) {
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

    fn file(bytes: usize) -> Held<u8> {
        Held { name: "a.csv".to_owned(), bytes: Bytes::from(vec![0; bytes]), said: 0 }
    }

    #[test]
    fn an_upload_waits_for_its_time_and_can_be_changed_until_it_is_forgotten() {
        let waiting = Waiting::default();
        let token = waiting.put(vec![file(1)], 0).unwrap();
        assert!(waiting.change(&token, 0, 1, |file| file.said = 7));
        assert!(!waiting.change(&token, 1, 1, |file| file.said = 9));
        assert_eq!(waiting.get(&token, KEPT_MS - 1).unwrap()[0].said, 7);
        assert_eq!(waiting.get("", 1), None);
        assert_eq!(waiting.get(&token, KEPT_MS), None);
        let token = waiting.put(vec![file(1)], 0).unwrap();
        waiting.forget(&token, 1);
        assert_eq!(waiting.get(&token, 1), None);
    }

    #[test]
    fn the_oldest_make_room() {
        let waiting = Waiting::default();
        let first = waiting.put(vec![file(BYTES_MAX)], 0).unwrap();
        let second = waiting.put(vec![file(1)], 0).unwrap();
        assert!(waiting.get(&first, 0).is_none() && waiting.get(&second, 0).is_some());
        for _ in 0..UPLOADS_MAX {
            waiting.put(vec![file(1)], 0).unwrap();
        }
        assert!(waiting.get(&second, 0).is_none());
    }
}
