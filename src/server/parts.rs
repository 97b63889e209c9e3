//! The parts of a node that both planes and the tally are built from.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use jiff::tz::TimeZone;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use super::Addresses;
use crate::admin::{self, KeyHash, NodeStatus};
use crate::archive::Archive;
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::owner::OwnerKey;
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
        let domains = Arc::new(Domains::new(&config.domains, addresses.redirect, addresses.admin)?);
        let cache = Arc::new(Cache::new(store.clone(), domains.clone(), &config.links));
        // Before the links are read, so that a change made meanwhile is heard of.
        let heard = runtime.block_on(store.heard()).context("the history of links")?;
        // What a store that belongs to this process alone does not hold does not exist.
        runtime.block_on(cache.fill(!store.is_shared())).context("reading the links")?;
        let catalog = Catalog::new(store.clone(), domains.clone(), config.links.clone(), clock.clone(), cache.clone());
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
            journal_folder,
            heard,
        })
    }

    /// Keeps the links in memory as other nodes change them. A store without other nodes never has news.
    pub(crate) fn follow_links(&self, runtime: &Runtime) -> JoinHandle<()> {
        runtime.spawn(follow(self.cache.clone(), self.heard.clone()))
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
        node: Arc<dyn NodeStatus>,
        past: Arc<dyn admin::Past>,
        key: &str,
        addresses: Addresses,
        clock: &Clock,
    ) -> anyhow::Result<admin::Parts> {
        Ok(admin::Parts {
            catalog: self.catalog.clone(),
            store: self.store.clone(),
            archive: self.archive.clone(),
            node,
            past,
            clock: clock.clone(),
            report_zone: report_zone(config)?,
            rates: crate::stats::rates::Rules::open(&config.ctr)?,
            key: KeyHash::of(key),
            owner: OwnerKey::of(key),
            address: addresses.admin,
            hosts: config.admin.hosts.clone(),
        })
    }
}

fn report_zone(config: &Config) -> anyhow::Result<TimeZone> {
    TimeZone::get(&config.report.time_zone).with_context(|| format!("report.time_zone {:?}", config.report.time_zone))
}
