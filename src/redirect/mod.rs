//! The redirect plane: the public listener and everything between a request and its answer.
//!
//! [`Handler::answer`] is the whole hot path, in the order it happens. It must never wait for the store, the disk or
//! the admin plane when the link is in memory, and never let a request decide where it leads.

pub(crate) mod address;
mod connections;
mod linger;
mod listener;
mod request;
mod respond;
mod tokens;

use std::cell::RefCell;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Body;
use hyper::{Request, Response};
use serde::Deserialize;

use self::address::TrustedProxies;
use self::request::{Hosts, Target};
use self::respond::{Answer, Redirect};
use self::tokens::Tokens;
use crate::clock::Clock;
use crate::domain::click_token::{CHARS, TokenKey, expand};
use crate::domain::hit::{Hit, Method};
use crate::domain::link::LinkId;
use crate::domain::passthrough::merge_query;
use crate::domain::position::Position;
use crate::domain::slug::fold_path;
use crate::journal::Journal;
use crate::links::Domains;
use crate::links::cache::{Cache, Resolved};
use crate::links::misses::{Miss, Misses};
use crate::links::table::Entry;
use crate::telemetry::RedirectCounts;

pub(crate) use listener::{Plane, bind};

/// `[redirect]` of the configuration.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) address: SocketAddr,
    pub(crate) threads: usize,
    pub(crate) trusted_proxies: Vec<ipnet::IpNet>,
    pub(crate) client_address_header: String,
    pub(crate) connections_max: usize,
    pub(crate) connections_per_network_max: usize,
    pub(crate) header_timeout_ms: u64,
    pub(crate) connection_age_s: u64,
}

/// What answers requests. Shared by all threads of the plane.
pub(crate) struct Handler {
    cache: Arc<Cache>,
    journal: Arc<Journal>,
    misses: Arc<Misses>,
    counts: Arc<RedirectCounts>,
    hosts: Hosts,
    proxies: TrustedProxies,
    tokens: Tokens,
    clock: Clock,
}

/// What a link means for one request.
enum Plan {
    Redirect {
        link: LinkId,
        redirect: Redirect,
    },
    /// Expired, with somewhere else to go; not a click.
    Elsewhere(Redirect),
    Disabled,
    Expired,
}

thread_local! {
    static FOLDED: RefCell<String> = const { RefCell::new(String::new()) };
    static MERGED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    static EXPANDED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

impl Handler {
    pub(crate) fn new(
        config: &Config,
        domains: &Domains,
        cache: Arc<Cache>,
        journal: Arc<Journal>,
        misses: Arc<Misses>,
        counts: Arc<RedirectCounts>,
        clock: Clock,
    ) -> Self {
        let hosts = Hosts::new(domains, |name| cache.domain(name));
        let proxies = TrustedProxies::new(config);
        Self { cache, journal, misses, counts, hosts, proxies, tokens: Tokens::new(), clock }
    }

    /// From now on links can hand click tokens to their destinations.
    pub(crate) fn take_token_key(&self, key: TokenKey) {
        self.tokens.take_key(key);
    }

    /// One request, from its head to its answer.
    pub(crate) async fn answer<B: Body>(&self, request: &Request<B>, peer: IpAddr) -> Response<Full<Bytes>> {
        let answer = match request::read(request, &self.hosts) {
            Err(refusal) => Answer::Refused(refusal),
            Ok(Target::Fixed(fixed)) => Answer::Fixed(fixed),
            Ok(Target::Slug { domain, path, query, method }) => {
                let now_ms = self.clock.now_ms();
                let plan = |entry: Entry<'_>| plan(entry, query, now_ms, &self.tokens);
                match self.look_up(domain, path, plan).await {
                    Resolved::Known(Plan::Redirect { link, redirect }) => {
                        let hit = self.hit(request, link, now_ms, method, query, peer);
                        self.record(&hit).await;
                        Answer::Redirect(redirect)
                    }
                    Resolved::Known(Plan::Elsewhere(redirect)) => {
                        self.missed(Miss::Expired, path, Answer::Redirect(redirect))
                    }
                    Resolved::Known(Plan::Disabled) => self.missed(Miss::Disabled, path, Answer::NotFound),
                    Resolved::Known(Plan::Expired) => self.missed(Miss::Expired, path, Answer::Gone),
                    Resolved::Unknown => self.missed(Miss::Unknown, path, Answer::NotFound),
                    Resolved::Unavailable => Answer::Unavailable,
                }
            }
        };
        self.counts.answered(answer.status());
        respond::to(answer)
    }

    /// Slug to plan. The cached case computes and never suspends.
    async fn look_up(
        &self,
        domain: &request::Domain,
        path: &str,
        plan: impl FnOnce(Entry<'_>) -> Plan,
    ) -> Resolved<Plan> {
        let mut plan = Some(plan);
        let cached = FOLDED.with_borrow_mut(|folded| {
            if !fold_path(path, domain.matching, folded) {
                return Some(Resolved::Unknown);
            }
            let mut use_it = |entry: Entry<'_>| plan.take().map(|plan| plan(entry));
            self.cache.cached(domain.index, folded, &mut use_it).flatten().map(Resolved::Known)
        });
        match (cached, plan) {
            (Some(resolved), _) => resolved,
            (None, Some(plan)) => self.ask_store(domain, path, plan).await,
            (None, None) => Resolved::Unavailable,
        }
    }

    #[cold]
    async fn ask_store(
        &self,
        domain: &request::Domain,
        path: &str,
        plan: impl FnOnce(Entry<'_>) -> Plan,
    ) -> Resolved<Plan> {
        let mut folded = String::new();
        fold_path(path, domain.matching, &mut folded);
        self.cache.resolve(domain.index, &domain.name, &folded, plan).await
    }

    fn hit<'a, B>(
        &self,
        request: &'a Request<B>,
        link: LinkId,
        now_ms: i64,
        method: Method,
        query: &'a str,
        peer: IpAddr,
    ) -> Hit<'a> {
        let mut hit = Hit::new(link, now_ms);
        hit.method = method;
        hit.take_query(query);
        for (name, value) in request.headers() {
            hit.take_header(name.as_str(), value.as_bytes());
        }
        hit.address = self.proxies.client_address(peer, request.headers());
        hit
    }

    /// Puts the hit into the journal before the answer leaves. A journal without room costs the record, never the
    /// redirect; it counts what it could not take.
    async fn record(&self, hit: &Hit<'_>) {
        self.counts.received();
        let appended: Result<Position, _> = self.journal.append(hit);
        if let Ok(position) = appended
            && self.journal.is_strict()
        {
            self.journal.wait_durable(position).await;
        }
    }

    fn missed(&self, miss: Miss, path: &str, answer: Answer) -> Answer {
        self.misses.count(miss, path.trim_start_matches('/'));
        answer
    }
}

/// What a link means at `now_ms` for a request with this query.
fn plan(entry: Entry<'_>, query: &str, now_ms: i64, tokens: &Tokens) -> Plan {
    if !entry.enabled {
        return Plan::Disabled;
    }
    if entry.expires_ms.is_some_and(|expires_ms| expires_ms <= now_ms) {
        return match entry.expired_url {
            Some(url) => Redirect::found(url.as_bytes()).map_or(Plan::Expired, Plan::Elsewhere),
            None => Plan::Expired,
        };
    }
    let lead = |location: &[u8]| match entry.click_id {
        false => Redirect::new(entry.status, location),
        true => with_token(&entry, location, tokens.mint(entry.id, now_ms)),
    };
    let redirect = if query.is_empty() || !entry.passthrough {
        lead(entry.destination.as_bytes())
    } else {
        MERGED.with_borrow_mut(|merged| {
            merged.clear();
            merge_query(entry.destination, query, entry.visitor_utm, merged);
            lead(merged)
        })
    };
    // A destination was validated when it was saved, so the header value is always legal; if it ever were not,
    // an unknown link is the honest answer.
    redirect.map_or(Plan::Disabled, |redirect| Plan::Redirect { link: entry.id, redirect })
}

/// The destination asked for it, so the click's token stands in its place; nothing does while there is no key.
#[cold]
fn with_token(entry: &Entry<'_>, location: &[u8], token: Option<[u8; CHARS]>) -> Option<Redirect> {
    EXPANDED.with_borrow_mut(|expanded| {
        expanded.clear();
        expand(location, token.as_ref().map(<[u8; CHARS]>::as_slice), expanded);
        Redirect::new(entry.status, expanded)
    })
}
