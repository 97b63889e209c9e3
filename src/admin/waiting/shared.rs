//! Waiting uploads in a store that several nodes share: packed, in records of 64 KiB, and one that says which they are.
//!
//! An upload that is changed is written anew beside the former state, and the head is turned over in one step, so that
//! nobody reads half of each. It must never leave anything behind for good: what no head names any more is swept by age.

use std::sync::Arc;

use axum::http::StatusCode;
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{Held, KEPT_MS, UPLOADS_MAX};
use crate::admin::access::{hash, random_text};
use crate::admin::api::problem::Problem;
use crate::domain::record::{Expected, Record, RecordKey, RecordKind, RecordValue, Saved};
use crate::store::{Store, StoreError};

const KIND: RecordKind = RecordKind::Upload;

/// The largest upload, packed, and all of them, in bytes: a shared store keeps them in memory. The oldest make room.
const PACKED_BYTES_MAX: usize = 32 << 20;
const ALL_BYTES_MAX: usize = 64 << 20;
/// The largest upload, unpacked: more than the largest form.
const UNPACKED_BYTES_MAX: usize = 128 << 20;
/// Records that are asked for at a time, and old ones that each upload sweeps.
const ASKED_AT_ONCE: usize = 8;
const SWEPT: usize = 64;

/// Where the records of an upload are.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Head {
    /// What the keys of its parts begin with.
    pub(super) version: String,
    pub(super) at_ms: i64,
    parts: usize,
    bytes: usize,
}

/// What stands before the bytes of the files.
#[derive(Serialize, Deserialize)]
struct About<S> {
    name: String,
    said: S,
    bytes: usize,
}

pub(super) struct Shared(Arc<dyn Store>);

impl Shared {
    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        Self(store)
    }

    /// Keeps a new upload; the version of its first state.
    pub(super) async fn make<S: Clone + Send + Serialize + 'static>(
        &self,
        token: &str,
        files: &[Held<S>],
        now_ms: i64,
    ) -> Result<String, Problem> {
        let packed = packed(files).await?;
        self.make_room(packed.len(), now_ms).await?;
        self.write(token, &packed, now_ms, now_ms, Expected::Absent).await
    }

    /// Keeps another state of an upload.
    pub(super) async fn replace<S: Clone + Send + Serialize + 'static>(
        &self,
        token: &str,
        files: &[Held<S>],
        now_ms: i64,
    ) -> Result<String, Problem> {
        let Some(record) = self.0.record(KIND, &head_key(token)?).await? else { return Err(gone()) };
        let former = read(&record)?;
        let version =
            self.write(token, &packed(files).await?, now_ms, former.at_ms, Expected::At(record.revision)).await?;
        self.remove_parts(&former.version, former.parts).await?;
        Ok(version)
    }

    async fn write(
        &self,
        token: &str,
        packed: &[u8],
        now_ms: i64,
        at_ms: i64,
        expected: Expected,
    ) -> Result<String, Problem> {
        let random = random_text().map_err(|error| Problem::internal(format!("no random numbers: {error}")))?;
        let version = format!("part {now_ms:013} {random}");
        let parts: Vec<&[u8]> = packed.chunks(RecordValue::BYTES_MAX).collect();
        for (at, part) in parts.iter().enumerate() {
            self.put(&part_key(&version, at)?, Expected::Absent, part.to_vec()).await?;
        }
        let head = Head { version: version.clone(), at_ms, parts: parts.len(), bytes: packed.len() };
        let bytes = serde_json::to_vec(&head).map_err(|error| Problem::internal(error.to_string()))?;
        match self.put(&head_key(token)?, expected, bytes).await? {
            Saved::Yes(_) => Ok(version),
            Saved::Changed | Saved::Full => {
                self.remove_parts(&version, parts.len()).await?;
                Err(Problem::new(StatusCode::CONFLICT, "these files were changed meanwhile: look at them again"))
            }
        }
    }

    async fn put(&self, key: &RecordKey, expected: Expected, bytes: Vec<u8>) -> Result<Saved, Problem> {
        let value = RecordValue::new(bytes).ok_or_else(|| Problem::internal("a part is larger than it was cut"))?;
        match self.0.put_record(KIND, key, expected, &value).await? {
            Saved::Full => Err(Problem::unavailable("too many files wait to be looked at: try again later")),
            saved => Ok(saved),
        }
    }

    /// `None` when there is none whose time is not over.
    pub(super) async fn head(&self, token: &str, now_ms: i64) -> Result<Option<Head>, Problem> {
        let record = self.0.record(KIND, &head_key(token)?).await?;
        let head = record.map(|record| read(&record)).transpose()?;
        Ok(head.filter(|head| now_ms - head.at_ms < KEPT_MS))
    }

    /// `None` when they were changed or forgotten in this moment.
    pub(super) async fn files<S: DeserializeOwned + Send + 'static>(
        &self,
        head: &Head,
    ) -> Result<Option<Vec<Held<S>>>, Problem> {
        let part = async |at| Ok::<_, Problem>(self.0.record(KIND, &part_key(&head.version, at)?).await?);
        let parts = stream::iter((0..head.parts).map(part)).buffered(ASKED_AT_ONCE);
        let parts: Vec<Option<Record>> = parts.try_collect().await?;
        let parts: Option<Vec<Record>> = parts.into_iter().collect();
        let Some(parts) = parts else { return Ok(None) };
        let packed: Vec<u8> = parts.iter().flat_map(|part| part.value.as_bytes()).copied().collect();
        apart(move || unpacked(&packed)).await.map(Some)
    }

    pub(super) async fn forget(&self, token: &str) -> Result<(), Problem> {
        let key = head_key(token)?;
        if let Some(record) = self.0.record(KIND, &key).await? {
            self.remove(&key, &read(&record)?).await?;
        }
        Ok(())
    }

    async fn remove(&self, key: &RecordKey, head: &Head) -> Result<(), Problem> {
        self.0.remove_record(KIND, key).await?;
        self.remove_parts(&head.version, head.parts).await
    }

    async fn remove_parts(&self, version: &str, parts: usize) -> Result<(), Problem> {
        for at in 0..parts {
            self.0.remove_record(KIND, &part_key(version, at)?).await?;
        }
        Ok(())
    }

    /// For `bytes` more: what is over goes, and the oldest as far as there are too many.
    async fn make_room(&self, bytes: usize, now_ms: i64) -> Result<(), Problem> {
        let records = self.0.records(KIND, RecordKey::new("head").as_ref(), 2 * UPLOADS_MAX).await?;
        let heads = records.into_iter().take_while(|record| record.key.as_str().starts_with("head "));
        let heads: Result<Vec<_>, Problem> = heads.map(|record| Ok((read(&record)?, record.key))).collect();
        let mut heads = heads?;
        heads.sort_by_key(|(head, _)| head.at_ms);
        let (mut count, mut all) = (heads.len(), heads.iter().map(|(head, _)| head.bytes).sum::<usize>() + bytes);
        for (head, key) in heads {
            if now_ms - head.at_ms < KEPT_MS && count < UPLOADS_MAX && all <= ALL_BYTES_MAX {
                break;
            }
            self.remove(&key, &head).await?;
            (count, all) = (count - 1, all - head.bytes);
        }
        self.sweep(now_ms).await
    }

    /// Removes some parts that are older than any upload that waits.
    async fn sweep(&self, now_ms: i64) -> Result<(), Problem> {
        let over = format!("part {:013}", now_ms - KEPT_MS);
        for record in self.0.records(KIND, RecordKey::new("part").as_ref(), SWEPT).await? {
            if record.key.as_str() >= over.as_str() {
                break;
            }
            self.0.remove_record(KIND, &record.key).await?;
        }
        Ok(())
    }
}

fn gone() -> Problem {
    Problem::not_found("these files do not wait here any more: choose them again")
}

/// Whoever reads the store cannot ask for the files by their name.
fn head_key(token: &str) -> Result<RecordKey, Problem> {
    RecordKey::new(&format!("head {}", hash(token).to_hex())).ok_or_else(|| Problem::internal("a hash is no key"))
}

fn part_key(version: &str, part: usize) -> Result<RecordKey, Problem> {
    RecordKey::new(&format!("{version} {part:05}")).ok_or_else(|| Problem::internal("a number is no key"))
}

fn read(record: &Record) -> Result<Head, Problem> {
    let unreadable = |error: serde_json::Error| StoreError::Corrupt(format!("a waiting upload: {error}"));
    Ok(serde_json::from_slice(record.value.as_bytes()).map_err(unreadable)?)
}

/// Away from the threads that answer: it may take a part of a second.
async fn apart<T: Send + 'static>(work: impl FnOnce() -> Result<T, Problem> + Send + 'static) -> Result<T, Problem> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Problem::internal(format!("the files broke off: {error}")))?
}

/// A line about the files and then their bytes, compressed.
async fn packed<S: Clone + Send + Serialize + 'static>(files: &[Held<S>]) -> Result<Vec<u8>, Problem> {
    let files = files.to_vec();
    apart(move || {
        let about =
            |file: &Held<S>| About { name: file.name.clone(), said: file.said.clone(), bytes: file.bytes.len() };
        let about: Vec<_> = files.iter().map(about).collect();
        let mut plain = serde_json::to_vec(&about).map_err(|error| Problem::internal(error.to_string()))?;
        plain.push(b'\n');
        files.iter().for_each(|file| plain.extend_from_slice(&file.bytes));
        let packed = zstd::bulk::compress(&plain, 0).map_err(|error| Problem::internal(error.to_string()))?;
        if packed.len() <= PACKED_BYTES_MAX {
            return Ok(packed);
        }
        let detail =
            "the files are too large to be looked at on several nodes: `waypost import FILE --dry-run` takes them";
        Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail))
    })
    .await
}

fn unpacked<S: DeserializeOwned>(packed: &[u8]) -> Result<Vec<Held<S>>, Problem> {
    let broken = || Problem::from(StoreError::Corrupt("a waiting upload is not whole".to_owned()));
    let plain = zstd::bulk::decompress(packed, UNPACKED_BYTES_MAX).map_err(|_| broken())?;
    let plain = Bytes::from(plain);
    let end = plain.iter().position(|byte| *byte == b'\n').ok_or_else(broken)?;
    let about: Vec<About<S>> = serde_json::from_slice(&plain[..end]).map_err(|_| broken())?;
    let mut rest = plain.slice(end + 1..);
    let mut files = Vec::with_capacity(about.len());
    for About { name, said, bytes } in about {
        if rest.len() < bytes {
            return Err(broken());
        }
        files.push(Held { name, said, bytes: rest.split_to(bytes) });
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::links::fake_store::FakeStore;

    fn file(bytes: usize) -> Held<u8> {
        // What does not compress: a multiplicative generator's upper bits.
        let mut state = 1_u64;
        let mut noise = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 56) as u8
        };
        let noise = (0..bytes).map(|_| noise());
        Held { name: "a.csv".to_owned(), bytes: noise.collect(), said: 0 }
    }

    async fn records(shared: &Shared) -> usize {
        shared.0.records(KIND, None, 10_000).await.unwrap().len()
    }

    #[tokio::test]
    async fn nothing_is_left_behind_of_what_was_changed_forgotten_or_is_over() {
        let shared = Shared::new(Arc::new(FakeStore::default()));
        shared.make("a", &[file(200_000)], 0).await.unwrap();
        assert_eq!(records(&shared).await, 5);
        shared.replace("a", &[file(1)], 1).await.unwrap();
        assert_eq!(records(&shared).await, 2);
        shared.forget("a").await.unwrap();
        assert_eq!(records(&shared).await, 0);
        shared.make("b", &[file(1)], 0).await.unwrap();
        shared.put(&part_key("part 0000000000001 killed", 0).unwrap(), Expected::Absent, vec![1]).await.unwrap();
        shared.make("c", &[file(1)], KEPT_MS + 2).await.unwrap();
        assert_eq!(records(&shared).await, 2, "those of c");
        assert_eq!(shared.replace("b", &[file(1)], KEPT_MS + 3).await.unwrap_err().status(), StatusCode::NOT_FOUND);
    }

    #[tokio::test]
    async fn there_are_never_too_many_nor_too_large_ones() {
        let shared = Shared::new(Arc::new(FakeStore::default()));
        let huge = shared.make("huge", &[file(PACKED_BYTES_MAX + 1)], 0).await.unwrap_err();
        assert_eq!(huge.status(), StatusCode::PAYLOAD_TOO_LARGE);
        for at in 0..=UPLOADS_MAX {
            shared.make(&at.to_string(), &[file(1)], at as i64).await.unwrap();
        }
        let is_there = async |token: &str| shared.head(token, 100).await.unwrap().is_some();
        assert!(!is_there("0").await && is_there("1").await && is_there("32").await);
        shared.make_room(ALL_BYTES_MAX, 100).await.unwrap();
        assert!(!is_there("32").await, "one that is as large as all of them together makes all of them go");
    }
}
