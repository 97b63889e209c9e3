//! The bucket of click files on an object store: list, fetch, put and delete, each with a deadline.
//!
//! Any thread may call it that may wait; calls block. It must never wait without a bound, never go on once the server
//! stops, and never print what a store answered beyond its error code: answers may echo parts of the credentials.

use std::fs::File;
use std::future::Future;
use std::io::{self, Read, Write};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use jiff::civil::Date;
use object_store::path::Path;
use object_store::{GetOptions, GetRange, MultipartUpload, ObjectMeta, ObjectStore, ObjectStoreExt, PutPayload};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::timeout;

use super::ArchiveError;
use super::address::BucketAddress;
use super::click_file::{day_folder, day_of_folder};

/// How long one request may take, its retries included: a page of a list, a part of a file, a removal.
const REQUEST_WITHIN: Duration = Duration::from_secs(30);
/// The same at start, where redirects wait for it.
const CHECK_WITHIN: Duration = Duration::from_secs(3);

/// A larger file is put in parts of this size: a lost connection costs one part, and memory holds one.
const PART_BYTES: usize = 8 * 1024 * 1024;

/// Days that are listed one by one. For more of them, listing all that follows the first takes fewer requests.
const DAYS_ONE_BY_ONE: i32 = 8;

/// Files that one listing may find; each takes some 200 bytes. It is a file every minute for 19 years.
const LISTED_MAX: usize = 10_000_000;

/// Characters of a cause that are told.
const CAUSE_CHARS: usize = 200;

/// Why the object store did not do something.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BucketError {
    #[error("the object store refuses these credentials ({0}): check the key, its secret and what it may do")]
    Refused(String),
    #[error("it is not there ({0})")]
    NotFound(String),
    #[error("the object store cannot do that ({0}): check archive.url, archive.endpoint and archive.region")]
    Rejected(String),
    #[error("no answer within {} s", .0.as_secs())]
    Late(Duration),
    #[error("the file that is to go there cannot be read: {0}")]
    Unreadable(String),
    #[error("the server is stopping")]
    Stopping,
    #[error("it holds more than {LISTED_MAX} files: ask for fewer days")]
    TooMany,
    #[error("{0}")]
    Other(String),
}

impl From<object_store::Error> for BucketError {
    fn from(error: object_store::Error) -> Self {
        use object_store::Error;
        let told = brief(&error);
        match (&error, status(&error)) {
            (Error::PermissionDenied { .. } | Error::Unauthenticated { .. }, _) | (_, Some(401 | 403)) => {
                Self::Refused(told)
            }
            (Error::NotFound { .. }, _) | (_, Some(404)) => Self::NotFound(told),
            // Too slow, too many: it may go well another time.
            (_, Some(408 | 429)) => Self::Other(told),
            (_, Some(400..=499)) => Self::Rejected(told),
            _ => Self::Other(told),
        }
    }
}

impl BucketError {
    /// Whether asking again cannot help: something has to be changed by somebody.
    pub(super) fn is_final(&self) -> bool {
        matches!(self, Self::Refused(_) | Self::NotFound(_) | Self::Rejected(_))
    }

    /// The same as what kept the archive from doing something.
    pub(super) fn into_error(self, action: &'static str, what: &str) -> ArchiveError {
        ArchiveError::Bucket { action, what: what.to_owned(), cause: self }
    }
}

/// The status of the answer. The client knows it and tells it for some requests in its text alone.
fn status(error: &object_store::Error) -> Option<u16> {
    let text = error.to_string();
    let (_, rest) = text.split_once("status code: ")?;
    rest.get(..3)?.parse().ok()
}

/// The error code that a store answered with, else the innermost cause.
fn brief(error: &object_store::Error) -> String {
    let text = error.to_string();
    let code = text.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>")).map(|(code, _)| code);
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    let cause = code.map_or_else(|| innermost.to_string(), str::to_owned);
    cause.chars().take(CAUSE_CHARS).flat_map(char::escape_debug).collect()
}

/// A click file in the bucket as it was when it was listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Object {
    pub(super) day: Date,
    pub(super) name: String,
    pub(super) bytes: u64,
    /// Its tag, which changes whenever it is written again; some stores tell it in answers and not in lists.
    tag: Option<String>,
    /// When it was written, in seconds since 1970-01-01T00:00:00Z: the finest that lists and answers agree on.
    written_s: i64,
}

impl Object {
    /// Whether `other`, the same object as another answer tells of it, holds the same bytes.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let is_written_again = match (&self.tag, &other.tag) {
            (Some(mine), Some(its)) => mine != its,
            _ => self.written_s != other.written_s,
        };
        self.bytes == other.bytes && !is_written_again
    }

    /// A text that no other object has, nor this one once it is written again.
    pub(super) fn identity(&self) -> String {
        let tag = self.tag.as_deref().unwrap_or_default();
        format!("{}/{}\n{}\n{}\n{tag}", self.day, self.name, self.bytes, self.written_s)
    }
}

/// One who asks: what ends the requests of one leaves those of another alone.
pub(super) struct Bucket {
    store: Arc<dyn ObjectStore>,
    prefix: Path,
    url: String,
    runtime: Handle,
    stopping: watch::Sender<bool>,
}

impl Bucket {
    /// # Errors
    /// When the environment says something that cannot be used.
    pub(super) fn open(address: &BucketAddress, runtime: Handle) -> Result<Self, ArchiveError> {
        let opened = address.client().map_err(|error| BucketError::from(error).into_error("use", &address.told()))?;
        let (stopping, _) = watch::channel(false);
        Ok(Self { store: opened, prefix: address.prefix.clone(), url: address.url.clone(), runtime, stopping })
    }

    /// The same bucket for somebody else.
    pub(super) fn another(&self) -> Self {
        let (stopping, _) = watch::channel(false);
        let (store, runtime) = (Arc::clone(&self.store), self.runtime.clone());
        Self { store, prefix: self.prefix.clone(), url: self.url.clone(), runtime, stopping }
    }

    pub(super) fn runtime(&self) -> &Handle {
        &self.runtime
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Ends requests that are under way and all that follow.
    pub(super) fn give_up(&self) {
        self.stopping.send_replace(true);
    }

    /// Asks for one file, to learn whether the bucket is there and open to us.
    pub(super) fn check(&self) -> Result<(), BucketError> {
        let mut found = self.store.list(Some(&self.prefix));
        self.wait(CHECK_WITHIN, async { found.next().await.transpose() }).map(drop)
    }

    /// The click files of `days`, in no order.
    pub(super) fn list(&self, days: &RangeInclusive<Date>) -> Result<Vec<Object>, ArchiveError> {
        let mut objects = Vec::new();
        let listed = match one_by_one(days) {
            Some(days) => days.iter().try_for_each(|day| {
                let folder = self.prefix.clone().join(day_folder(*day));
                self.gather(self.store.list(Some(&folder)), days_of(*day), &mut objects)
            }),
            None => {
                // Names of days are in the order of days, and what comes before the first is not even sent.
                let first = self.prefix.clone().join(day_folder(*days.start()));
                self.gather(self.store.list_with_offset(Some(&self.prefix), &first), days.clone(), &mut objects)
            }
        };
        listed.map_err(|cause| cause.into_error("list", &self.url))?;
        Ok(objects)
    }

    fn gather(
        &self,
        mut found: futures_util::stream::BoxStream<'_, object_store::Result<ObjectMeta>>,
        days: RangeInclusive<Date>,
        objects: &mut Vec<Object>,
    ) -> Result<(), BucketError> {
        while let Some(meta) = self.wait(REQUEST_WITHIN, async { found.next().await.transpose() })? {
            if objects.len() >= LISTED_MAX {
                return Err(BucketError::TooMany);
            }
            objects.extend(self.object(&meta).filter(|object| days.contains(&object.day)));
        }
        Ok(())
    }

    /// What is named like a click file; `None` for everything else that may lie there.
    fn object(&self, meta: &ObjectMeta) -> Option<Object> {
        let mut parts = meta.location.prefix_match(&self.prefix)?;
        let (folder, name) = (parts.next()?, parts.next()?);
        let day = day_of_folder(folder.as_ref())?;
        let is_file = parts.next().is_none() && super::click_file::is_click_file_name(name.as_ref());
        is_file.then(|| Object {
            day,
            name: name.as_ref().to_owned(),
            bytes: meta.size,
            tag: meta.e_tag.clone(),
            written_s: meta.last_modified.timestamp(),
        })
    }

    fn path(&self, day: Date, name: &str) -> Path {
        self.prefix.clone().join(day_folder(day)).join(name)
    }

    fn shown(&self, day: Date, name: &str) -> String {
        format!("{}/{}/{name}", self.url, day_folder(day))
    }

    /// Writes the whole object into `out`. Returns what it is now, or `None` when it is gone.
    pub(super) fn fetch(&self, day: Date, name: &str, out: &mut File) -> Result<Option<Object>, ArchiveError> {
        let path = self.path(day, name);
        let failed = |cause: BucketError| cause.into_error("fetch", &self.shown(day, name));
        let answer = match self.wait(REQUEST_WITHIN, self.store.get(&path)) {
            Err(BucketError::NotFound(_)) => return Ok(None),
            answer => answer.map_err(failed)?,
        };
        let object = self.object(&answer.meta);
        let mut pieces = answer.into_stream();
        while let Some(piece) = self.wait(REQUEST_WITHIN, async { pieces.next().await.transpose() }).map_err(failed)? {
            out.write_all(&piece).map_err(|error| failed(BucketError::Other(error.to_string())))?;
        }
        Ok(object)
    }

    /// The last `bytes` of an object, or all of a shorter one; `None` when it is gone.
    pub(super) fn tail(&self, object: &Object, bytes: u64) -> Result<Option<Bytes>, ArchiveError> {
        let path = self.path(object.day, &object.name);
        let from = object.bytes.saturating_sub(bytes);
        // Not a suffix range: one of the providers has none.
        let options = GetOptions { range: Some(GetRange::Bounded(from..object.bytes)), ..GetOptions::default() };
        let read = async { self.store.get_opts(&path, options).await?.bytes().await };
        match self.wait(REQUEST_WITHIN, read) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(BucketError::NotFound(_)) => Ok(None),
            Err(cause) => Err(cause.into_error("read", &self.shown(object.day, &object.name))),
        }
    }

    /// Puts a file in its place: whole or not at all, and over one of the same name.
    pub(super) fn put(&self, day: Date, name: &str, file: &mut File) -> Result<(), ArchiveError> {
        let put = self.put_file(&self.path(day, name), file);
        put.map_err(|cause| cause.into_error("write", &self.shown(day, name)))
    }

    fn put_file(&self, path: &Path, file: &mut File) -> Result<(), BucketError> {
        let first = next_part(file)?;
        if first.len() < PART_BYTES {
            return self.wait(REQUEST_WITHIN, self.store.put(path, PutPayload::from(first))).map(drop);
        }
        let mut upload = self.wait(REQUEST_WITHIN, self.store.put_multipart(path))?;
        let done = self.put_parts(&mut *upload, first, file);
        if done.is_err() {
            // Best effort: what stays behind is seen by nobody, and docs/click-files.md says how to have it removed.
            let _ = self.wait(REQUEST_WITHIN, upload.abort());
        }
        done
    }

    fn put_parts(&self, upload: &mut dyn MultipartUpload, first: Bytes, file: &mut File) -> Result<(), BucketError> {
        let mut part = first;
        while !part.is_empty() {
            self.wait(REQUEST_WITHIN, upload.put_part(PutPayload::from(part)))?;
            part = next_part(file)?;
        }
        self.wait(REQUEST_WITHIN, upload.complete()).map(drop)
    }

    /// Removes an object; one that is not there is removed already.
    pub(super) fn remove(&self, object: &Object) -> Result<(), ArchiveError> {
        let path = self.path(object.day, &object.name);
        match self.wait(REQUEST_WITHIN, self.store.delete(&path)) {
            Ok(()) | Err(BucketError::NotFound(_)) => Ok(()),
            Err(cause) => Err(cause.into_error("remove", &self.shown(object.day, &object.name))),
        }
    }

    fn wait<T>(
        &self,
        within: Duration,
        request: impl Future<Output = object_store::Result<T>>,
    ) -> Result<T, BucketError> {
        let mut stopping = self.stopping.subscribe();
        self.runtime.block_on(async {
            tokio::select! {
                // In this order, so that nothing is begun once the server stops.
                biased;
                _ = stopping.wait_for(|stopping| *stopping) => Err(BucketError::Stopping),
                done = timeout(within, request) => match done {
                    Ok(done) => done.map_err(BucketError::from),
                    Err(_) => Err(BucketError::Late(within)),
                }
            }
        })
    }
}

fn next_part(file: &mut File) -> Result<Bytes, BucketError> {
    let mut part = Vec::new();
    let read: io::Result<usize> = file.take(PART_BYTES as u64).read_to_end(&mut part);
    read.map_err(|error| BucketError::Unreadable(error.to_string()))?;
    Ok(part.into())
}

fn days_of(day: Date) -> RangeInclusive<Date> {
    day..=day
}

/// The days one by one, if they are few.
fn one_by_one(days: &RangeInclusive<Date>) -> Option<Vec<Date>> {
    let span = days.start().until(*days.end()).ok()?.get_days();
    (span < DAYS_ONE_BY_ONE)
        .then(|| days.start().series(jiff::Span::new().days(1)).take_while(|day| day <= days.end()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_told_by_its_code_and_never_by_what_else_was_answered() {
        let answer = "<Error><Code>SignatureDoesNotMatch</Code><StringToSign>AKIAEXAMPLE</StringToSign></Error>";
        let error = object_store::Error::PermissionDenied { path: "p".to_owned(), source: answer.into() };
        let told = BucketError::from(error).to_string();
        assert!(told.contains("SignatureDoesNotMatch") && !told.contains("AKIA"), "{told}");
    }

    #[test]
    fn few_days_are_listed_one_by_one() {
        let day = |day| jiff::civil::date(2026, 11, day);
        assert_eq!(one_by_one(&(day(1)..=day(2))), Some(vec![day(1), day(2)]));
        assert_eq!(one_by_one(&(day(1)..=day(9))), None);
        assert_eq!(one_by_one(&(Date::MIN..=Date::MAX)), None);
    }
}
