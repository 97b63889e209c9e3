//! The admin plane: the private listener with the API and the dashboard. It never touches the redirect plane.
//!
//! A request passes [`listener`], [`guard`] (which host, who is asking, from where) and then reaches the API
//! ([`api`]) or a page ([`web`]). Both call the same functions; neither holds a rule of its own.

use std::net::SocketAddr;
use std::sync::Arc;

use hashbrown::HashMap;
use jiff::tz::TimeZone;
use serde::Deserialize;
use tokio::sync::Semaphore;

use crate::archive::Archive;
use crate::clock::Clock;
use crate::domain::link::LinkId;
use crate::domain::owner::OwnerKey;
use crate::forward::Desk;
use crate::impressions::import::Imports;
use crate::links::catalog::Catalog;
use crate::stats::Sources;
use crate::stats::days::Days;
use crate::stats::rates::{Ratings, Rules};
use crate::stats::scanned::SCANS_MAX;
use crate::store::{Store, StoreError};

mod access;
mod announce;
mod api;
mod cookie;
mod filtered;
mod guard;
mod headers;
mod idempotency;
mod key;
mod listener;
mod names;
mod qr;
mod setting;
#[cfg(test)]
mod tests;
pub(crate) mod verification;
mod waiting;
mod web;
pub(crate) mod wire;

pub(crate) use announce::Announcer;
pub(crate) use key::{KeyHash, open_key};
pub(crate) use listener::serve;
pub(crate) use names::imports;
pub(crate) use setting::Setting;

use access::{Access, Quota};
use waiting::Waiting;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) address: SocketAddr,
    pub(crate) hosts: Vec<String>,
    pub(crate) requests_per_minute: u32,
    pub(crate) public_url: String,
    /// Every setting of the whole configuration, to be shown. Filled in where it is read.
    #[serde(skip)]
    pub(crate) settings: Vec<Setting>,
}

/// What the node says of itself.
pub(crate) trait NodeStatus: Send + Sync {
    fn report(&self) -> wire::Node;
    /// In the Prometheus text format.
    fn metrics(&self) -> String;
}

/// Judges the past again, one time at a time.
pub(crate) trait Past: Send + Sync {
    /// Begins with the clicks of `since`, a day of the report time zone.
    ///
    /// # Errors
    /// A sentence when it cannot begin now.
    fn begin(&self, since: jiff::civil::Date, dry_run: bool) -> Result<(), String>;
    /// How the last one stands.
    fn state(&self) -> wire::Reclassification;
    /// Begins to compare counters, click files and journals since a day of the report time zone.
    ///
    /// # Errors
    /// A sentence when it cannot begin now.
    fn verify(&self, since: jiff::civil::Date) -> Result<(), String>;
    /// How the last comparison stands.
    fn verification(&self) -> verification::Verification;
}

/// Everything the handlers may use.
pub(crate) struct Parts {
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) archive: Arc<Archive>,
    pub(crate) node: Arc<dyn NodeStatus>,
    pub(crate) past: Arc<dyn Past>,
    pub(crate) hooks: Arc<Desk>,
    /// Tells hooks of imports.
    pub(crate) announcer: Arc<Announcer>,
    pub(crate) clock: Clock,
    pub(crate) report_zone: TimeZone,
    /// When a rate means something, and beside what it stands.
    pub(crate) rates: Rules,
    pub(crate) key: KeyHash,
    /// Signs tickets for the owner's browsers.
    pub(crate) owner: OwnerKey,
    /// The address that was really bound.
    pub(crate) address: SocketAddr,
    pub(crate) config: Config,
}

/// The state of the admin plane; clones are the same plane.
#[derive(Clone)]
pub(crate) struct Admin {
    parts: Arc<Parts>,
    access: Arc<Access>,
    /// How often a key or an account may ask the API.
    api_quota: Quota,
    imports: Arc<Imports>,
    /// Turns for exports, and for uploads, whose bodies are held in memory.
    exports: Arc<Semaphore>,
    uploads: Arc<Semaphore>,
    /// Files that somebody looks at before they are imported.
    waiting: Arc<Waiting<web::imports::Said>>,
    days: Arc<Days>,
    /// Turns for questions that read click files.
    scans: Arc<Semaphore>,
}

impl Admin {
    pub(crate) fn new(parts: Parts) -> Self {
        Self {
            access: Arc::new(Access::new(&parts.store)),
            api_quota: Quota::per_minute("api", parts.config.requests_per_minute),
            imports: Arc::new(imports(parts.store.clone(), parts.catalog.clone()).heard_by(parts.announcer.clone())),
            waiting: Arc::new(Waiting::new(&parts.store)),
            parts: Arc::new(parts),
            exports: Arc::new(Semaphore::new(api::EXPORTS_MAX)),
            uploads: Arc::new(Semaphore::new(api::UPLOADS_MAX)),
            days: Arc::default(),
            scans: Arc::new(Semaphore::new(SCANS_MAX)),
        }
    }
}

impl Admin {
    /// The day that it is in the report time zone.
    fn today(&self) -> jiff::civil::Date {
        self.clock.now().to_zoned(self.report_zone.clone()).date()
    }

    /// The path and query at which the first account is made, once. `None` when there is an account.
    ///
    /// # Errors
    /// A sentence when that cannot be known.
    pub(crate) async fn set_up_path(&self) -> Result<Option<String>, String> {
        let token = self.access.set_up_token().await.map_err(|error| error.to_string())?;
        Ok(token.map(|token| format!("/set-up?token={token}")))
    }

    /// What questions about clicks are asked of.
    fn sources(&self) -> Sources<'_> {
        let (days, archive, scans) = (&*self.days, &self.archive, &self.scans);
        Sources { store: &*self.store, days, archive, scans, zone: &self.report_zone }
    }

    /// Human clicks of all time, by link; a link without clicks may be left out.
    ///
    /// # Errors
    /// When the store fails.
    async fn clicks_ever(&self, links: &[LinkId]) -> Result<HashMap<LinkId, u64>, StoreError> {
        self.days.ever(&*self.store, links).await
    }

    /// What questions about rates are asked of.
    ///
    /// # Errors
    /// When the imports cannot be read.
    async fn ratings(&self) -> Result<Ratings<'_>, StoreError> {
        let matched = self.imports.matched().await?;
        Ok(Ratings {
            store: &*self.store,
            days: &self.days,
            book: matched.book,
            matches: matched.matches,
            links: matched.links,
            rules: &self.rates,
            zone: &self.report_zone,
            now: self.clock.now(),
        })
    }
}

impl std::ops::Deref for Admin {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.parts
    }
}

fn router(admin: &Admin) -> axum::Router {
    let plane = axum::Router::new().nest("/api/v1", api::router(admin));
    let router = plane.merge(api::description()).merge(api::operator_routes(admin)).merge(web::router(admin));
    headers::on_every_answer(guard::only_own_hosts(guard::only_those_who_may(router, admin), admin))
}
