//! The store: links, counters, uniques, watermarks, imports, records and salts; the state that nodes share.
//!
//! A store adds and lists; it never interprets. Meaning is decided above it, in pure code, so that two stores
//! cannot disagree. Every store passes the sentences of `contract/`.

mod about;
#[cfg(test)]
mod contract;
pub(crate) mod copy;
mod embedded;
#[cfg(test)]
pub(crate) use embedded::simulated;
mod redis;

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use jiff::civil::Date;
use serde::Deserialize;

use self::copy::{Bookmark, Page, Part, Rows};
use crate::domain::counter::{Applied, Batch, DayCounters, Dimensions};
use crate::domain::delta::Delta;
use crate::domain::import::{Body, Import, ImportId, ImportSummary, Imported};
use crate::domain::link::{DomainName, Link, LinkId, LinkSpec};
use crate::domain::position::{Incarnation, Position, Shard};
use crate::domain::record::{Expected, Record, RecordKey, RecordKind, RecordValue, Saved};
use crate::domain::visitor::Salt;

/// What `store.shards` may be: more are more script calls than batches are worth.
pub(crate) const SHARDS: RangeInclusive<u16> = 1..=256;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) url: String,
    pub(crate) prefix: String,
    pub(crate) shards: u16,
    pub(crate) connect_ms: u64,
    pub(crate) reply_ms: u64,
    pub(crate) tls_ca: PathBuf,
    pub(crate) tls_cert: PathBuf,
    pub(crate) tls_key: PathBuf,
}

#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum StoreError {
    /// The outcome is unknown or nothing happened: ask again later.
    #[error("the store is not available: {0}")]
    Unavailable(String),
    /// What the store holds cannot be read; an operator has to look.
    #[error("the store holds something unreadable: {0}")]
    Corrupt(String),
}

pub(crate) type Result<T, E = StoreError> = std::result::Result<T, E>;

/// Whether a link was created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Created {
    Yes(Box<Link>),
    /// The folded slug is in use on this domain, by this link.
    Taken(LinkId),
}

/// A link that shall be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NewLink {
    pub(crate) spec: LinkSpec,
    /// The form of its slug that must be unique on its domain.
    pub(crate) folded: String,
    pub(crate) created_at: jiff::Timestamp,
}

/// Whether links were created, all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CreatedAll {
    /// In the order in which they were given.
    Yes(Vec<Link>),
    /// Nothing was made: the slugs of these, by their places, are in use by these links.
    Taken(Vec<(usize, LinkId)>),
}

/// The most links that are created or removed in one step.
pub(crate) const LINKS_AT_ONCE_MAX: usize = 1000;

/// Whether a link was removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Removed {
    Yes,
    /// Its revision is another one than was expected.
    Changed,
    Absent,
}

/// Whether a link was replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Replaced {
    Yes(Box<Link>),
    /// The link was changed (or removed) by somebody else since it was read.
    Changed,
    Taken(LinkId),
}

#[async_trait]
pub(crate) trait LinkStore: Send + Sync {
    /// Saves new links under new ids, all of them or none; at most [`LINKS_AT_ONCE_MAX`]. No two may be at one slug of
    /// one domain.
    async fn create_links(&self, links: &[NewLink], now: jiff::Timestamp) -> Result<CreatedAll>;
    /// Saves a new link under a new id. `folded` is the form of its slug that must be unique on its domain.
    async fn create_link(&self, spec: &LinkSpec, folded: &str, now: jiff::Timestamp) -> Result<Created> {
        let new = NewLink { spec: spec.clone(), folded: folded.to_owned(), created_at: now };
        match self.create_links(&[new], now).await? {
            CreatedAll::Yes(mut links) => match links.pop() {
                Some(link) => Ok(Created::Yes(Box::new(link))),
                None => Err(StoreError::Corrupt("a link was created that is none".to_owned())),
            },
            CreatedAll::Taken(by) => Ok(Created::Taken(by.first().map_or(LinkId(0), |(_, by)| *by))),
        }
    }
    /// Saves `spec` over link `id` if its revision still is `revision`.
    async fn replace_link(
        &self,
        id: LinkId,
        revision: u64,
        spec: &LinkSpec,
        folded: &str,
        now: jiff::Timestamp,
    ) -> Result<Replaced>;
    /// Removes links, at most [`LINKS_AT_ONCE_MAX`]; their counters and clicks stay. One that is given with a revision
    /// is removed only if it still has that one. What became of each, in order.
    async fn remove_links(&self, links: &[(LinkId, Option<u64>)]) -> Result<Vec<Removed>>;
    async fn link(&self, id: LinkId) -> Result<Option<Link>>;
    async fn link_by_slug(&self, domain: &DomainName, folded: &str) -> Result<Option<Link>>;
    /// Links with an id above `after`, by id, at most `limit` of them.
    async fn links(&self, after: LinkId, limit: usize) -> Result<Vec<Link>>;

    /// Whether other nodes change links, too. If not, there is never any news.
    fn is_shared(&self) -> bool {
        false
    }
    /// Up to where the history of changes reaches now: as long as it is the same, so are all links. Ask before reading
    /// links, so that no change falls in between.
    async fn heard(&self) -> Result<Heard>;
    /// Waits a moment for links that any node made, changed or removed after `heard`.
    async fn news(&self, _heard: &Heard) -> Result<News> {
        std::future::pending().await
    }
}

/// Up to where a node has heard of changes. Only the store that said it can read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Heard(String);

impl Heard {
    /// Of a store that counts its changes.
    pub(crate) fn of(changes: u64) -> Self {
        Self(changes.to_string())
    }
}

/// What a node is told of changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum News {
    /// These links are new, different or gone; perhaps none. Ask for what they are now, then go on from `heard`.
    Changed { links: Vec<LinkId>, heard: Heard },
    /// Nobody can tell which links changed: read all of them again, then go on from `heard`.
    Missed { heard: Heard },
}

#[async_trait]
pub(crate) trait CountStore: Send + Sync {
    /// How many shards links are spread over; fixed for the life of a store.
    fn shards(&self) -> u16;
    /// Adds a batch in one atomic step: counters, uniques and watermark together, or nothing.
    async fn apply(&self, batch: &Batch) -> Result<Applied>;
    /// Adds one batch to each of several shards, every one for itself; what became of them, in their order. A store with many
    /// shards that is asked over a network has to take them side by side: in turn, a round waits as often as there are shards.
    async fn apply_all(&self, batches: &[&Batch]) -> Vec<Result<Applied>> {
        let mut applied = Vec::with_capacity(batches.len());
        for batch in batches {
            applied.push(self.apply(batch).await);
        }
        applied
    }
    /// Up to where this shard has counted an incarnation; `START` when it never heard of it.
    async fn watermark(&self, incarnation: Incarnation, shard: Shard) -> Result<Position>;
    /// The watermarks of all shards.
    async fn watermarks(&self, incarnation: Incarnation) -> Result<Vec<Position>> {
        let mut positions = Vec::new();
        for shard in 0..self.shards() {
            positions.push(self.watermark(incarnation, Shard(shard)).await?);
        }
        Ok(positions)
    }
    /// Up to where an incarnation's clicks are sealed in click files; `START` when it never heard of it.
    async fn archived(&self, incarnation: Incarnation) -> Result<Position>;
    async fn set_archived(&self, incarnation: Incarnation, to: Position) -> Result<()>;
    /// Puts `deltas` in the place of `counted`, which is everything that was counted on `day`, in one atomic step per
    /// shard; watermarks stay. `false` when a shard has other hits by now than `counted` and `deltas` say: another node
    /// has counted meanwhile, and that shard and those after it stay as they are.
    ///
    /// # Errors
    /// Unless overridden: a store need not be able to recount.
    async fn replace_day(&self, day: Date, _counted: &[DayCounters], _deltas: &[Delta]) -> Result<bool> {
        Err(StoreError::Unavailable(format!("it cannot count {day} anew")))
    }
    /// Counters of the given links (of all links when `None`) from `first` to `last`, both included, ordered by
    /// link, then day.
    async fn counters(&self, links: Option<&[LinkId]>, first: Date, last: Date) -> Result<Vec<DayCounters>> {
        self.counters_of(Dimensions::ALL, links, first, last).await
    }
    /// The same without the counts of other dimensions than `of`.
    async fn counters_of(
        &self,
        of: Dimensions,
        links: Option<&[LinkId]>,
        first: Date,
        last: Date,
    ) -> Result<Vec<DayCounters>>;
    /// A number that is another one whenever the counters of `day` have changed, so that what was made of them can be kept;
    /// ask before reading them. `None` from a store that others write to, too: it cannot know.
    fn changes(&self, _day: Date) -> Option<u64> {
        None
    }
    /// The first and the last day on which anything was counted; asked of a store that knows [`changes`](Self::changes).
    async fn days_counted(&self) -> Result<Option<(Date, Date)>> {
        Ok(None)
    }
    /// What [`keep_day_sum`](Self::keep_day_sum) was given of days from `first` to `last`, of those whose counters are still
    /// the same. It survives a start.
    async fn day_sums(&self, _first: Date, _last: Date) -> Result<BTreeMap<Date, Vec<u8>>> {
        Ok(BTreeMap::new())
    }
    /// Keeps what was made of the counters of `day`, unless they have changed since [`changes`](Self::changes) was `as_of`, or
    /// are about to: those of the last day do all the time. A store need not keep anything.
    async fn keep_day_sum(&self, _day: Date, _as_of: u64, _sum: Vec<u8>) -> Result<()> {
        Ok(())
    }
    /// Adds to the per-day counts of requests that met no link, `(kind, slug, count)`; capped by
    /// [`MISSED_SLUGS_MAX`], the rest under `(other)`.
    async fn add_misses(&self, day: Date, misses: &[(String, String, u64)]) -> Result<()>;
    /// `(day, kind, slug, count)` from `first` to `last`, largest count first.
    async fn misses(&self, first: Date, last: Date) -> Result<Vec<(Date, String, String, u64)>>;
    /// The salt of a day, made on first asking. Salts more than two days older than `day` are destroyed by this.
    async fn salt(&self, day: Date) -> Result<Salt>;
    /// Forgets watermarks and archive positions of incarnations that are not in `kept` and have not moved since
    /// `idle_since`; returns of how many. A store that several nodes share cannot know whose journals are gone, so it
    /// must be able to tell where one ended that comes back.
    async fn forget_incarnations(&self, _kept: &[Incarnation], _idle_since: jiff::Timestamp) -> Result<usize> {
        Ok(0)
    }
    /// Rows of counters that could not be read and were set aside, so that counting goes on.
    fn quarantined(&self) -> u64 {
        0
    }
}

/// The most different slugs per kind and day that requests without a link are told apart by.
pub(crate) const MISSED_SLUGS_MAX: usize = 1000;

#[async_trait]
pub(crate) trait ImportStore: Send + Sync {
    /// Stores an import, all of it or nothing.
    async fn put_import(&self, import: &Import) -> Result<Imported>;
    /// Removes an import, body and all. `false` when there is none.
    async fn undo_import(&self, id: ImportId) -> Result<bool>;
    /// All of them, by id.
    async fn imports(&self) -> Result<Vec<ImportSummary>>;
    /// What was imported, as it was put. `None` when there is no such import.
    async fn import_body(&self, id: ImportId) -> Result<Option<Body>>;
}

#[async_trait]
pub(crate) trait RecordStore: Send + Sync {
    /// Saves a record if what is there is what is `expected`. Saving what is there already is no conflict.
    async fn put_record(
        &self,
        kind: RecordKind,
        key: &RecordKey,
        expected: Expected,
        value: &RecordValue,
    ) -> Result<Saved>;
    async fn record(&self, kind: RecordKind, key: &RecordKey) -> Result<Option<Record>>;
    /// Removes a record, whatever its revision. `false` when there is none.
    async fn remove_record(&self, kind: RecordKind, key: &RecordKey) -> Result<bool>;
    /// Records whose key is above `after` (all of them when `None`), by the bytes of their keys, at most `limit`.
    async fn records(&self, kind: RecordKind, after: Option<&RecordKey>, limit: usize) -> Result<Vec<Record>>;
}

/// A store as something to be copied: everything it holds, in pages that are written as they are.
#[async_trait]
pub(crate) trait CopyStore: Send + Sync {
    fn shard_count(&self) -> u16;
    /// About how many rows a part has; for a progress bar.
    async fn extent(&self, part: Part) -> Result<u64>;
    /// The rows of `part` after `after`, which is empty for the first ones. What cannot be read is an error.
    async fn dump(&self, part: Part, after: &str) -> Result<Page>;
    /// Writes rows over what an earlier try may have written of them.
    async fn load(&self, rows: &Rows) -> Result<()>;
    /// How far an earlier try came.
    async fn bookmark(&self) -> Result<Bookmark>;
    async fn set_bookmark(&self, bookmark: &Bookmark) -> Result<()>;
    /// The copy is whole: from here on the store may be used.
    async fn finish(&self) -> Result<()>;
    /// Counters that could not be read once and were set aside. They are not copied.
    async fn set_aside(&self) -> Result<u64>;
}

/// Everything a node needs of its store.
pub(crate) trait Store: LinkStore + CountStore + ImportStore + RecordStore {}
impl<T: LinkStore + CountStore + ImportStore + RecordStore> Store for T {}

/// Why a store was not opened. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    #[error("store.url is not usable: {0}")]
    Url(String),
    #[error("cannot use {path}: {cause}")]
    Folder { path: PathBuf, cause: std::io::Error },
    #[error("the store in {0} is in use by another Waypost; stop that one first, or give this one a folder of its own")]
    InUse(PathBuf),
    #[error(
        "{path} was written by a newer Waypost (schema {found}, this one knows up to {known}); \
         run that version or newer, or put back a backup from before the upgrade"
    )]
    Newer { path: PathBuf, found: i64, known: i64 },
    #[error("{0} is a SQLite file of another program; move it away or choose another folder")]
    Foreign(PathBuf),
    #[error("there is no store in {0} to copy")]
    Absent(String),
    #[error("{0} holds a store already, and copying would mix the two; name a place that holds none")]
    Holds(String),
    #[error("{place} is a copy of {source_name} that was not finished; run `waypost store copy` again, then open it")]
    Unfinished { place: String, source_name: String },
    #[error("this build carries SQLite {0}, which can corrupt a file in WAL mode; build with 3.51.3 or newer")]
    Sqlite(&'static str),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Opens the store that `config` names, making it when there is none. `data` is where `""` stands.
///
/// Reads and writes files, so call it before requests are answered.
///
/// # Errors
/// When the URL has none of the known forms, or what it names cannot be used.
pub(crate) fn open(config: &Config, data: &Path) -> Result<Arc<dyn Store>, OpenError> {
    match Place::of(&config.url, data)? {
        Place::Folder(folder) => Ok(Arc::new(embedded::Embedded::open(&folder)?)),
        Place::Redis => Ok(Arc::new(redis::Redis::open(config, data)?)),
    }
}

/// Opens the store that `config` names to be copied. Nobody may have it open if it is embedded; a Redis cannot tell.
///
/// # Errors
/// When there is none, or as [`open`].
pub(crate) fn open_source(config: &Config, data: &Path) -> Result<Arc<dyn CopyStore>, OpenError> {
    match Place::of(&config.url, data)? {
        Place::Folder(folder) => Ok(Arc::new(embedded::copy::source(&folder)?)),
        Place::Redis => Ok(Arc::new(redis::copy::source(config, data)?)),
    }
}

/// Begins a copy of `from` where `config` says, or goes on with one that was not finished.
///
/// # Errors
/// When there is a store already, or a copy of another one.
pub(crate) fn open_destination(config: &Config, data: &Path, from: &str) -> Result<Arc<dyn CopyStore>, OpenError> {
    match Place::of(&config.url, data)? {
        Place::Folder(folder) => Ok(Arc::new(embedded::copy::destination(&folder, from)?)),
        Place::Redis => Ok(Arc::new(redis::copy::destination(config, data, from)?)),
    }
}

/// What `config` names, for people: without user and password.
pub(crate) fn name(config: &Config, data: &Path) -> String {
    match Place::of(&config.url, data) {
        Ok(Place::Folder(folder)) => format!("embedded:{}", folder.display()),
        Ok(Place::Redis) => redis::name(&config.url).unwrap_or_else(|| "redis".to_owned()),
        Err(_) => "unknown".to_owned(),
    }
}

/// Where a URL leads.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    Folder(PathBuf),
    Redis,
}

impl Place {
    /// A URL may hold a password, so at most its scheme is repeated.
    fn of(url: &str, data: &Path) -> Result<Self, OpenError> {
        const FORMS: &str = "use \"\" for a file in the data folder, \"embedded:FOLDER\", \"redis://HOST:PORT/DATABASE\", \
                             \"redis+sentinel://HOST:PORT,.../SERVICE\" or \"redis+cluster://HOST:PORT,...\"";
        let (scheme, rest) = url.split_once(':').unwrap_or((url, ""));
        match scheme {
            "" | "embedded" if rest.is_empty() => Ok(Self::Folder(data.to_owned())),
            "embedded" => Ok(Self::Folder(PathBuf::from(rest))),
            "redis" | "redis+sentinel" | "redis+cluster" => Ok(Self::Redis),
            "rediss" | "rediss+sentinel" | "rediss+cluster" => Ok(Self::Redis),
            _ => Err(OpenError::Url(format!("{scheme:?} is not a kind of store; {FORMS}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(url: &str) -> Result<Place, String> {
        Place::of(url, Path::new("data")).map_err(|error| error.to_string())
    }

    fn folder(path: &str) -> Result<Place, String> {
        Ok(Place::Folder(PathBuf::from(path)))
    }

    #[test]
    fn a_url_names_the_data_folder_a_folder_of_its_own_or_a_redis() {
        assert_eq!(place(""), folder("data"));
        assert_eq!(place("embedded:"), folder("data"));
        assert_eq!(place("embedded:/srv/store"), folder("/srv/store"));
        for kind in ["", "+sentinel", "+cluster"] {
            assert_eq!(place(&format!("redis{kind}://:secret@host")), Ok(Place::Redis));
            assert_eq!(place(&format!("rediss{kind}://:secret@host")), Ok(Place::Redis));
        }
    }

    #[test]
    fn a_url_of_another_kind_is_refused_without_repeating_its_password() {
        let wrong = place("postgres://me:secret@host/db").unwrap_err();
        assert!(wrong.contains("\"postgres\"") && wrong.contains("embedded:FOLDER"), "{wrong}");
        assert!(!wrong.contains("secret"), "{wrong}");
        assert!(place(":x").is_err());
    }

    #[test]
    fn a_store_is_named_without_its_password() {
        let named = |url: &str| {
            let config = Config { url: url.to_owned(), ..crate::config::Config::default_values().store };
            name(&config, Path::new("data"))
        };
        assert_eq!(named(""), "embedded:data");
        assert_eq!(named("redis://me:secret@host:7/1"), "redis://host:7/1");
        assert_eq!(named("rediss+sentinel://me:secret@a,b/x"), "rediss+sentinel://a:26379,b:26379/x/0");
        assert!(!named("redis://me:secret@").contains("secret"));
    }
}
