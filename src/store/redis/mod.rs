//! The Redis store: one state for any number of nodes. Keys and their meaning: `docs/redis.md`; why this protocol:
//! `docs/adr/003-redis.md`.
//!
//! How a call gets to a server: a chapter such as `links.rs` makes a command or a script call that names keys of
//! `keys.rs`; `line.rs` finds the slot in the first key, and in `topology.rs` the server that holds it; `wire.rs` speaks
//! with that one server; `reaction.rs` says what a failure means.
//!
//! To keep a new kind of record: name its keys in `keys.rs`, under `{m}` unless it is counted per click (a script may
//! touch keys of one tag only); give it a chapter of its own; change several keys in one script under `scripts/` that may
//! run twice, and send it with `run_again`; read with `read` or `read_all`, one key per command, so that it can be read
//! while a slot moves; add its keys and any new command of Redis to `docs/redis.md`, whose permissions a test holds us to.
//!
//! Nothing here may repeat a call whose outcome is unknown, except where the call itself makes that harmless.

mod address;
mod cluster;
pub(super) mod copy;
mod counts;
mod dial;
mod health;
mod imports;
mod incarnations;
mod keys;
mod layout;
mod line;
mod links;
mod misses;
mod news;
mod pause;
mod reaction;
mod reactor;
mod record;
mod records;
mod report;
mod routes;
mod salts;
mod scripts;
mod sentinel;
mod sketch;
mod tls;
mod topology;
mod wire;

#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use jiff::Timestamp;
use jiff::civil::Date;

use self::address::Address;
use self::dial::{Deadlines, Dialer};
use self::keys::Keys;
use self::layout::{Layout, Purpose, Refusal};
use self::line::Line;
use self::reaction::{Failure, Reaction};
use self::reactor::Reactor;
use self::tls::Tls;
use self::topology::Topology;
use super::{
    Config, CountStore, CreatedAll, Heard, ImportStore, LinkStore, NewLink, News, OpenError, RecordStore, Removed,
    Replaced, Result,
};
use crate::domain::counter::{Applied, Batch, DayCounters, Dimensions};
use crate::domain::delta::Delta;
use crate::domain::import::{Body, Import, ImportId, ImportSummary, Imported};
use crate::domain::link::{DomainName, Link, LinkId, LinkSpec};
use crate::domain::position::{Incarnation, Position, Shard};
use crate::domain::record::{Expected, Record, RecordKey, RecordKind, RecordValue, Saved};
use crate::domain::visitor::Salt;

/// How long a start waits for a Redis that is starting, too.
const OPEN_WITHIN: Duration = Duration::from_secs(10);
const OPEN_PAUSE: Duration = Duration::from_millis(100);

pub(crate) struct Redis {
    server: Arc<Server>,
    reactor: Reactor,
}

/// What every call needs. Four connections to each server: a look-up that a redirect waits for never stands behind a
/// long report.
struct Server {
    /// The address without its password.
    name: String,
    keys: Keys,
    deadlines: Deadlines,
    /// The id of the store, which every shard must carry as its epoch.
    id: String,
    shards: u16,
    /// Counters that were set aside since the start.
    aside: AtomicU64,
    lookups: Line,
    counts: Line,
    reports: Line,
    news: Line,
}

impl Server {
    /// What a script says that found another store, or none, where ours should be.
    fn unexpected(&self, reply: &[String]) -> Failure {
        match reply.first().map(String::as_str) {
            Some("wiped") => self.wiped(),
            _ => Failure::poison(format!("a script of ours answered {reply:?}")),
        }
    }

    fn wiped(&self) -> Failure {
        let layout = self.keys.layout();
        Failure::poison(format!("{layout} is not that of the store {}: the database was wiped or changed", self.id))
    }
}

/// The address of `url` without user and password; `None` when it is no Redis.
pub(super) fn name(url: &str) -> Option<String> {
    Address::parse(url).ok().map(|address| address.to_string())
}

impl Redis {
    /// Opens the store in the database of `config`, beginning it where there never was one.
    pub(super) fn open(config: &Config, data: &Path) -> Result<Self, OpenError> {
        Self::open_for(config, data, Purpose::Use)
    }

    fn open_for(config: &Config, data: &Path, purpose: Purpose) -> Result<Self, OpenError> {
        let address = Address::parse(&config.url)?;
        let keys = Keys::new(&config.prefix)?;
        let deadlines = Deadlines {
            connect: Duration::from_millis(config.connect_ms.max(1)),
            reply: Duration::from_millis(config.reply_ms.max(1)),
        };
        let dialer = Dialer::new(deadlines, Tls::load(config, &address)?);
        let name = address.to_string();
        let topology = Arc::new(Topology::new(address, dialer));
        let reactor = Reactor::start().map_err(|cause| OpenError::Folder { path: data.to_owned(), cause })?;
        let line = || Line::new(topology.clone(), keys.clone());
        let (first, layout) = reactor
            .wait(open_layout(line(), keys.clone(), config.shards, data.to_owned(), purpose))
            .unwrap_or_else(|| Err(Refusal::Failed(Failure::silent())))
            .map_err(|refusal| refusal.at(&name, data))?;
        let Layout { id, shards, .. } = layout;
        let (lookups, reports, news) = (line(), line(), line());
        let aside = AtomicU64::new(0);
        let server = Server { name, keys, deadlines, id, shards, aside, lookups, counts: first, reports, news };
        let server = Arc::new(server);
        reactor.keep(sentinel::watch(topology));
        reactor.keep(health::watch(server.clone()));
        Ok(Self { server, reactor })
    }

    /// Runs a call on the thread that speaks with Redis, and says of which server an error is.
    async fn call<T, F>(&self, call: impl FnOnce(Arc<Server>) -> F + Send) -> Result<T>
    where
        T: Send + 'static,
        F: Future<Output = reaction::Result<T>> + Send + 'static,
    {
        let server = self.server.clone();
        let work = call(self.server.clone());
        self.reactor.run(async move { work.await.map_err(|failure| failure.at(&server.name)) }).await
    }
}

/// A Redis that is still starting is waited for; anything else is said at once.
async fn open_layout(
    line: Line,
    keys: Keys,
    shards: u16,
    data: std::path::PathBuf,
    purpose: Purpose,
) -> Result<(Line, Layout), Refusal> {
    let deadline = Instant::now() + OPEN_WITHIN;
    loop {
        match layout::open(&line, &keys, shards, &data, &purpose).await {
            Err(Refusal::Failed(failure))
                if matches!(failure.reaction, Reaction::Unknown | Reaction::Wait) && Instant::now() < deadline =>
            {
                tokio::time::sleep(OPEN_PAUSE).await;
            }
            Err(refusal) => return Err(refusal),
            Ok(layout) => return Ok((line, layout)),
        }
    }
}

#[async_trait]
impl LinkStore for Redis {
    async fn create_links(&self, links: &[NewLink], now: Timestamp) -> Result<CreatedAll> {
        let links = links.to_vec();
        self.call(move |server| async move { links::create(&server, links, now).await }).await
    }

    async fn replace_link(
        &self,
        id: LinkId,
        revision: u64,
        spec: &LinkSpec,
        folded: &str,
        now: Timestamp,
    ) -> Result<Replaced> {
        let (spec, folded) = (spec.clone(), folded.to_owned());
        self.call(move |server| async move { links::replace(&server, id, revision, spec, &folded, now).await }).await
    }

    async fn remove_links(&self, links: &[(LinkId, Option<u64>)]) -> Result<Vec<Removed>> {
        let links = links.to_vec();
        self.call(move |server| async move { links::remove(&server, &links).await }).await
    }

    async fn link(&self, id: LinkId) -> Result<Option<Link>> {
        self.call(move |server| async move { links::by_id(&server, id).await }).await
    }

    async fn link_by_slug(&self, domain: &DomainName, folded: &str) -> Result<Option<Link>> {
        let (domain, folded) = (domain.clone(), folded.to_owned());
        self.call(|server| async move { links::by_slug(&server, &domain, &folded).await }).await
    }

    async fn links(&self, after: LinkId, limit: usize) -> Result<Vec<Link>> {
        self.call(move |server| async move { links::list(&server, after, limit).await }).await
    }

    fn is_shared(&self) -> bool {
        true
    }

    async fn heard(&self) -> Result<Heard> {
        self.call(|server| async move { news::now(&server).await }).await
    }

    async fn news(&self, heard: &Heard) -> Result<News> {
        let heard = heard.clone();
        self.call(|server| async move { news::after(&server, &heard).await }).await
    }
}

#[async_trait]
impl CountStore for Redis {
    fn shards(&self) -> u16 {
        self.server.shards
    }

    async fn apply(&self, batch: &Batch) -> Result<Applied> {
        let batch = batch.clone();
        self.call(|server| async move { counts::apply(&server, &batch).await }).await
    }

    async fn apply_all(&self, batches: &[&Batch]) -> Vec<Result<Applied>> {
        let number = batches.len();
        let batches: Vec<Batch> = batches.iter().copied().cloned().collect();
        let all = self.call(move |server| async move { Ok(counts::apply_all(&server, batches).await) }).await;
        all.unwrap_or_else(|closed| std::iter::repeat_n(Err(closed), number).collect())
    }

    async fn watermark(&self, incarnation: Incarnation, shard: Shard) -> Result<Position> {
        self.call(move |server| async move { counts::watermark(&server, incarnation, shard).await }).await
    }

    async fn watermarks(&self, incarnation: Incarnation) -> Result<Vec<Position>> {
        self.call(move |server| async move { counts::watermarks(&server, incarnation).await }).await
    }

    async fn archived(&self, incarnation: Incarnation) -> Result<Position> {
        self.call(move |server| async move { counts::archived(&server, incarnation).await }).await
    }

    async fn set_archived(&self, incarnation: Incarnation, to: Position) -> Result<()> {
        self.call(move |server| async move { counts::set_archived(&server, incarnation, to).await }).await
    }

    async fn replace_day(&self, day: Date, counted: &[DayCounters], deltas: &[Delta]) -> Result<bool> {
        let hits = counted.iter().map(|day| (day.link, day.counters.hits())).collect::<Vec<_>>();
        let deltas = deltas.to_vec();
        self.call(move |server| async move { counts::replace_day(&server, day, &hits, &deltas).await }).await
    }

    async fn counters_of(
        &self,
        of: Dimensions,
        links: Option<&[LinkId]>,
        first: Date,
        last: Date,
    ) -> Result<Vec<DayCounters>> {
        let links = links.map(<[LinkId]>::to_vec);
        self.call(move |server| async move { report::read(&server, of, links, first, last).await }).await
    }

    async fn add_misses(&self, day: Date, misses: &[(String, String, u64)]) -> Result<()> {
        let misses = misses.to_vec();
        self.call(move |server| async move { misses::add(&server, day, &misses).await }).await
    }

    async fn misses(&self, first: Date, last: Date) -> Result<Vec<(Date, String, String, u64)>> {
        self.call(move |server| async move { misses::read(&server, first, last).await }).await
    }

    async fn salt(&self, day: Date) -> Result<Salt> {
        self.call(move |server| async move { salts::of(&server, day).await }).await
    }

    async fn forget_incarnations(&self, kept: &[Incarnation], idle_since: Timestamp) -> Result<usize> {
        let kept = kept.to_vec();
        self.call(move |server| async move { incarnations::forget(&server, &kept, idle_since).await }).await
    }

    fn quarantined(&self) -> u64 {
        self.server.aside.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl ImportStore for Redis {
    async fn put_import(&self, import: &Import) -> Result<Imported> {
        let import = import.clone();
        self.call(|server| async move { imports::put(&server, &import).await }).await
    }

    async fn undo_import(&self, id: ImportId) -> Result<bool> {
        self.call(move |server| async move { imports::undo(&server, id).await }).await
    }

    async fn imports(&self) -> Result<Vec<ImportSummary>> {
        self.call(|server| async move { imports::list(&server).await }).await
    }

    async fn import_body(&self, id: ImportId) -> Result<Option<Body>> {
        self.call(move |server| async move { imports::body(&server, id).await }).await
    }
}

#[async_trait]
impl RecordStore for Redis {
    async fn put_record(
        &self,
        kind: RecordKind,
        key: &RecordKey,
        expected: Expected,
        value: &RecordValue,
    ) -> Result<Saved> {
        let (key, value) = (key.clone(), value.clone());
        self.call(move |server| async move { records::put(&server, kind, &key, expected, &value).await }).await
    }

    async fn record(&self, kind: RecordKind, key: &RecordKey) -> Result<Option<Record>> {
        let key = key.clone();
        self.call(move |server| async move { records::get(&server, kind, &key).await }).await
    }

    async fn remove_record(&self, kind: RecordKind, key: &RecordKey) -> Result<bool> {
        let key = key.clone();
        self.call(move |server| async move { records::remove(&server, kind, &key).await }).await
    }

    async fn records(&self, kind: RecordKind, after: Option<&RecordKey>, limit: usize) -> Result<Vec<Record>> {
        let after = after.cloned();
        self.call(move |server| async move { records::list(&server, kind, after, limit).await }).await
    }
}
