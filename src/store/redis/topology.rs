//! Which server holds a slot now: the one of the address, the one that the sentinels name, or the ones that a cluster
//! names. It is asked again whenever it is doubted, once for all who wait for it.
//!
//! Nothing here may speak to a server that holds data except to ask it where others are.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use tokio::sync::Mutex;

use super::address::{Address, Endpoint, Kind};
use super::dial::Dialer;
use super::pause::Pause;
use super::reaction::{Failure, Reaction, Result};
use super::routes::Routes;
use super::{cluster, sentinel};

/// The least time between two answers to the same question, however many doubt them.
const ASKED_AGAIN_AFTER: Duration = Duration::from_millis(100);

pub(super) struct Topology {
    pub(super) address: Address,
    pub(super) dialer: Dialer,
    routes: ArcSwap<Routes>,
    is_doubted: AtomicBool,
    survey: Mutex<Survey>,
}

#[derive(Default)]
struct Survey {
    answered: Option<Instant>,
    pause: Pause,
}

impl Topology {
    /// Nothing is asked before the first call.
    pub(super) fn new(address: Address, dialer: Dialer) -> Self {
        let (routes, is_known) = match address.kind {
            Kind::Server => (Routes::all_at(address.nodes[0].clone()), true),
            Kind::Sentinel { .. } | Kind::Cluster => (Routes::default(), false),
        };
        let is_doubted = AtomicBool::new(!is_known);
        Self { address, dialer, routes: ArcSwap::from_pointee(routes), is_doubted, survey: Mutex::default() }
    }

    /// The server that holds `slot`.
    pub(super) async fn server(&self, slot: u16) -> Result<Endpoint> {
        if self.is_doubted.load(Ordering::Acquire) {
            self.ask_again().await?;
        }
        let nobody = || Failure::of(Reaction::Wait, format!("no server of the cluster holds slot {slot}"));
        self.routes.load().server(slot).cloned().ok_or_else(nobody)
    }

    /// Every server that holds something, as far as it is known.
    pub(super) fn servers(&self) -> Vec<Endpoint> {
        self.routes.load().servers()
    }

    /// Whether there is nothing to choose from.
    pub(super) fn is_one_server(&self) -> bool {
        matches!(self.address.kind, Kind::Server)
    }

    /// Whoever asks next asks the servers themselves.
    pub(super) fn doubt(&self) {
        if !self.is_one_server() {
            self.is_doubted.store(true, Ordering::Release);
        }
    }

    /// A server of a cluster said that another one holds `slot`; what else changed is asked for.
    pub(super) fn moved(&self, slot: u16, to: Endpoint) {
        self.routes.rcu(|routes| routes.with(slot, to.clone()));
        self.doubt();
    }

    /// The sentinels made this server master.
    pub(super) fn switched(&self, master: Endpoint) {
        self.routes.store(Arc::new(Routes::all_at(master)));
    }

    /// Asks where things are, unless somebody just did. What was known serves on while nobody answers.
    async fn ask_again(&self) -> Result<()> {
        let mut survey = self.survey.lock().await;
        let is_fresh = survey.answered.is_some_and(|at| at.elapsed() < ASKED_AGAIN_AFTER);
        if is_fresh || !self.is_doubted.load(Ordering::Acquire) {
            return Ok(());
        }
        if let Some(failure) = survey.pause.holds() {
            return self.serve_on(failure);
        }
        // Before asking, so that a doubt that arises meanwhile is not lost.
        self.is_doubted.store(false, Ordering::Release);
        match self.look().await {
            Ok(()) => {
                *survey = Survey { answered: Some(Instant::now()), pause: Pause::default() };
                Ok(())
            }
            Err(failure) => {
                self.doubt();
                survey.pause.begin(&failure);
                self.serve_on(failure)
            }
        }
    }

    fn serve_on(&self, failure: Failure) -> Result<()> {
        if self.routes.load().servers().is_empty() { Err(failure) } else { Ok(()) }
    }

    /// Asks the sentinels or the cluster, holding up nobody.
    pub(super) async fn look(&self) -> Result<()> {
        let routes = match &self.address.kind {
            Kind::Server => return Ok(()),
            Kind::Sentinel { service, login } => {
                Routes::all_at(sentinel::master(&self.dialer, &self.address.nodes, service, login).await?)
            }
            Kind::Cluster => cluster::routes(self).await?,
        };
        if **self.routes.load() != routes {
            tracing::debug!(servers = ?routes.servers(), "Redis is found at other servers than before");
            self.routes.store(Arc::new(routes));
        }
        Ok(())
    }
}
