//! The parts of a node that both planes and the tally are built from.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use jiff::tz::TimeZone;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use super::Addresses;
use crate::admin::{self, Announcer, KeyHash, NodeStatus};
use crate::archive::Archive;
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::owner::OwnerKey;
use crate::domain::position::{Incarnation, Position};
use crate::forward::{self, Counted, Desk, Forward, Outbox};
use crate::journal::Journal;
use crate::links::Domains;
use crate::links::cache::Cache;
use crate::links::catalog::Catalog;
use crate::links::follow::follow;
use crate::links::misses::Misses;
use crate::store::{self, Heard, Store};
use crate::tally::geo::Geo;
use crate::tally::{Accounts, Tools, memory};

pub(crate) struct Parts {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) archive: Arc<Archive>,
    pub(crate) journal: Arc<Journal>,
    pub(crate) domains: Arc<Domains>,
    pub(crate) cache: Arc<Cache>,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) misses: Arc<Misses>,
    pub(crate) accounts: Arc<Accounts>,
    pub(crate) geo: Arc<Geo>,
    pub(crate) announcer: Arc<Announcer>,
    outbox: Arc<Outbox>,
    /// Up to where the history of links was known when they were read.
    heard: Heard,
    journal_folder: PathBuf,
}

impl Parts {
    /// Opens everything under the data folder, which must be locked by this process, and fills the link cache.
    pub(crate) fn open(
        config: &Config,
        addresses: Addresses,
        clock: &Clock,
        runtime: &Runtime,
    ) -> anyhow::Result<Self> {
        let store = store::open(&config.store, &config.data).context("the store")?;
        let archive = Arc::new(Archive::open(&config.archive, &config.data, runtime.handle())?);
        let journal_folder = config.data.join("journal");
        let journal = Journal::begin(&journal_folder, &config.journal, clock).context("the journal")?;
        forward::begin_journal(&hooks_folder(config), journal.incarnation(), clock.now_ms());
        let domains = Arc::new(Domains::new(&config.domains, addresses.redirect, addresses.admin)?);
        let cache = Arc::new(Cache::new(store.clone(), domains.clone(), &config.links));
        // Before the links are read, so that a change made meanwhile is heard of.
        let heard = runtime.block_on(store.heard()).context("the history of links")?;
        // What a store that belongs to this process alone does not hold does not exist.
        runtime.block_on(cache.fill(!store.is_shared())).context("reading the links")?;
        let outbox = Arc::new(Outbox::open(&hooks_folder(config), clock).context("the changes for hooks")?);
        let announcer = Arc::new(Announcer::new(cache.clone(), outbox.clone(), domains.clone()));
        let links = config.links.clone();
        let catalog = Catalog::new(store.clone(), domains.clone(), links, clock.clone(), announcer.clone());
        Ok(Self {
            store,
            archive,
            journal: Arc::new(journal),
            domains,
            cache,
            catalog: Arc::new(catalog),
            misses: Arc::default(),
            accounts: Arc::default(),
            geo: Arc::new(Geo::new(config.classify.geo.clone())),
            announcer,
            outbox,
            journal_folder,
            heard,
        })
    }

    /// Keeps the links in memory as other nodes change them. A store without other nodes never has news.
    pub(crate) fn follow_links(&self, runtime: &Runtime) -> JoinHandle<()> {
        runtime.spawn(follow(self.cache.clone(), self.heard.clone()))
    }

    /// Starts passing on.
    pub(crate) fn start_forward(&self, config: &Config, clock: &Clock) -> std::io::Result<Forward> {
        Forward::start(forward::Tools {
            config: config.hooks.clone(),
            folder: hooks_folder(config),
            store: self.store.clone(),
            archive: self.archive.clone(),
            domains: self.domains.clone(),
            outbox: self.outbox.clone(),
            counted: Arc::new(OwnJournal { journal: self.journal.clone(), accounts: self.accounts.clone() }),
            clock: clock.clone(),
        })
    }

    pub(crate) fn tally_tools(&self, config: &Config, clock: &Clock) -> anyhow::Result<Tools> {
        Ok(Tools {
            config: config.tally.clone(),
            classify: config.classify.clone(),
            memory: memory::Rule { double_tap_ms: config.classify.duplicate_ms, stretch: memory::STRETCH },
            zone: report_zone(config)?,
            folder: self.journal_folder.clone(),
            journal: self.journal.clone(),
            cache: self.cache.clone(),
            store: self.store.clone(),
            archive: self.archive.clone(),
            classifier: Arc::new(crate::tally::rules::classifier(&config.classify)?),
            geo: self.geo.clone(),
            misses: self.misses.clone(),
            accounts: self.accounts.clone(),
            clock: clock.clone(),
        })
    }

    pub(crate) fn admin_parts(
        &self,
        config: &Config,
        beside: Beside,
        key: &str,
        addresses: Addresses,
        clock: &Clock,
    ) -> anyhow::Result<admin::Parts> {
        Ok(admin::Parts {
            catalog: self.catalog.clone(),
            store: self.store.clone(),
            archive: self.archive.clone(),
            node: beside.node,
            past: beside.past,
            hooks: beside.hooks,
            announcer: self.announcer.clone(),
            clock: clock.clone(),
            report_zone: report_zone(config)?,
            rates: crate::stats::rates::Rules::open(&config.ctr)?,
            key: KeyHash::of(key),
            owner: OwnerKey::of(key),
            address: addresses.admin,
            config: config.admin.clone(),
        })
    }
}

/// What runs beside the admin plane and answers it.
pub(crate) struct Beside {
    pub(crate) node: Arc<dyn NodeStatus>,
    pub(crate) past: Arc<dyn admin::Past>,
    pub(crate) hooks: Arc<Desk>,
}

/// Where hooks keep what is this node's.
fn hooks_folder(config: &Config) -> PathBuf {
    config.data.join("hooks")
}

/// What this process has counted, for those who pass it on.
struct OwnJournal {
    journal: Arc<Journal>,
    accounts: Arc<Accounts>,
}

impl Counted for OwnJournal {
    fn live(&self) -> Incarnation {
        self.journal.incarnation()
    }

    fn counted(&self) -> Position {
        self.accounts.live_done()
    }
}

pub(super) fn report_zone(config: &Config) -> anyhow::Result<TimeZone> {
    TimeZone::get(&config.report.time_zone).with_context(|| format!("report.time_zone {:?}", config.report.time_zone))
}
