//! The redirect plane: the public listener and everything between a request and its answer.
//!
//! [`Handler::answer_plain`] is the hot path of nearly every click, in the order it happens, and [`Handler::answer`] that of
//! all other requests. They must never wait for the store, the disk or the admin plane when the link is in memory, and
//! never let a request decide where it leads.

pub(crate) mod address;
mod connections;
mod linger;
mod listener;
mod owner;
mod plain;
mod proxy;
mod request;
mod respond;
mod tokens;

use std::cell::RefCell;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, ACCEPT_LANGUAGE, CACHE_CONTROL, CONNECTION, COOKIE, HOST, REFERER,
    UPGRADE_INSECURE_REQUESTS, USER_AGENT,
};
use http_body_util::Full;
use hyper::body::Body;
use hyper::{Request, Response};
use serde::Deserialize;

use self::address::{AddressHeader, Proxies};
use self::plain::PlainClick;
use self::request::{Asked, Hosts, Target};
use self::respond::{Answer, Fixed, Redirect};
use self::tokens::Tokens;
use crate::clock::Clock;
use crate::domain::click_token::{CHARS, TokenKey, expand};
use crate::domain::hit::RawHit;
use crate::domain::link::LinkId;
use crate::domain::owner::OwnerKey;
use crate::domain::passthrough::merge_query;
use crate::domain::position::Position;
use crate::domain::slug::fold_path;
use crate::journal::Journal;
use crate::links::Domains;
use crate::links::cache::{Cache, Resolved};
use crate::links::misses::{Miss, Misses};
use crate::links::packed::Entry;
use crate::telemetry::RedirectCounts;

pub(crate) use listener::{Plane, bind};

/// `[redirect]` of the configuration.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) address: SocketAddr,
    pub(crate) threads: usize,
    pub(crate) trusted_proxies: Vec<ipnet::IpNet>,
    pub(crate) client_address_headers: Vec<AddressHeader>,
    pub(crate) proxy_protocol: Vec<ipnet::IpNet>,
    pub(crate) connections_max: usize,
    pub(crate) connections_per_network_max: usize,
    pub(crate) header_timeout_ms: u64,
    pub(crate) connection_age_s: u64,
}

/// What the handler answers from and writes to.
pub(crate) struct Parts {
    pub(crate) cache: Arc<Cache>,
    pub(crate) journal: Arc<Journal>,
    pub(crate) misses: Arc<Misses>,
    pub(crate) counts: Arc<RedirectCounts>,
    pub(crate) owner: OwnerKey,
    pub(crate) clock: Clock,
}

/// What answers requests. Shared by all threads of the plane.
pub(crate) struct Handler {
    parts: Parts,
    hosts: Hosts,
    proxies: Proxies,
    tokens: Tokens,
}

/// What became of a request.
pub(crate) enum Answering {
    /// As nearly always: nothing had to be waited for, so no future was made.
    Done(Response<Full<Bytes>>),
    /// The link is not in memory, or the answer may not leave before its hit is on disk.
    Later(Later),
}

pub(crate) type Later = Pin<Box<dyn Future<Output = Response<Full<Bytes>>>>>;

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
    pub(crate) fn new(config: &Config, domains: &Domains, parts: Parts) -> Self {
        let hosts = Hosts::new(domains, |name| parts.cache.domain(name));
        let proxies = Proxies::new(config);
        Self { parts, hosts, proxies, tokens: Tokens::new() }
    }

    /// From now on links can hand click tokens to their destinations.
    pub(crate) fn take_token_key(&self, key: TokenKey) {
        self.tokens.take_key(key);
    }

    /// A plain click, from its head to the bytes of its answer, if nothing has to be waited for. Anything else is hyper's:
    /// then this is `None`, and nothing has been recorded or counted.
    fn answer_plain(&self, click: &PlainClick<'_, '_>, peer: IpAddr, into: &mut Vec<u8>) -> Option<()> {
        let now_ms = self.parts.clock.now_ms();
        let answer = match request::read_plain(click, &self.hosts)? {
            Target::Fixed(Fixed::NoWellKnown) => return None,
            Target::Fixed(fixed) => Answer::Fixed(fixed),
            Target::Slug(_) if self.parts.journal.is_strict() => return None,
            Target::Slug(asked) => {
                let address = self.proxies.take_plain(peer, |name| click.last(name)).ok()?.address;
                let resolved = self.look_up(&asked, now_ms)?;
                let (answer, _) = self.settle(resolved, &asked, now_ms, |hit| {
                    click.fill(hit, |cookies| self.parts.owner.vouches(cookies, now_ms));
                    hit.address = address;
                });
                answer
            }
        };
        self.parts.counts.plain();
        self.parts.counts.answered(answer.status());
        respond::write(answer, now_ms, into);
        Some(())
    }

    /// One request, from its head to its answer.
    pub(crate) fn answer<B: Body + 'static>(self: &Arc<Self>, mut request: Request<B>, peer: IpAddr) -> Answering {
        let (answer, recorded) = match request::read(&request, &self.hosts) {
            Err(refusal) => (Answer::Refused(refusal), None),
            Ok(Target::Fixed(fixed)) => (self.fixed(fixed, &request, peer), None),
            Ok(Target::Slug(asked)) => {
                let now_ms = self.parts.clock.now_ms();
                match self.look_up(&asked, now_ms) {
                    Some(resolved) => {
                        self.settle(resolved, &asked, now_ms, |hit| self.fill(hit, request.headers(), peer))
                    }
                    None => return Answering::Later(Box::pin(self.clone().answer_later(request, peer))),
                }
            }
        };
        let headers = std::mem::take(request.headers_mut());
        match recorded {
            Some(position) => Answering::Later(Box::pin(self.clone().answer_when_durable(position, answer, headers))),
            None => Answering::Done(self.respond(answer, headers)),
        }
    }

    #[cold]
    fn fixed<B>(&self, fixed: Fixed, request: &Request<B>, peer: IpAddr) -> Answer {
        let asked = (request.uri().path(), request.uri().query().unwrap_or_default());
        let from = (peer, request.headers());
        let reply = owner::reply(&self.parts.owner, &self.proxies, asked, from, self.parts.clock.now_ms());
        reply.map_or(Answer::Fixed(fixed), Answer::Owner)
    }

    /// The same for a link that is not in memory.
    async fn answer_later<B: Body>(self: Arc<Self>, request: Request<B>, peer: IpAddr) -> Response<Full<Bytes>> {
        // It reads as it did before; only the borrow is another.
        let Ok(Target::Slug(asked)) = request::read(&request, &self.hosts) else {
            return self.respond(Answer::Unavailable, HeaderMap::new());
        };
        let now_ms = self.parts.clock.now_ms();
        let mut folded = String::new();
        fold_path(asked.path, asked.domain.matching, &mut folded);
        let plan = |entry: Entry<'_>| plan(entry, asked.query, now_ms, &self.tokens);
        let resolved = self.parts.cache.resolve(asked.domain.index, &asked.domain.name, &folded, plan).await;
        let (answer, recorded) = self.settle(resolved, &asked, now_ms, |hit| self.fill(hit, request.headers(), peer));
        if let Some(position) = recorded {
            self.parts.journal.wait_durable(position).await;
        }
        self.respond(answer, HeaderMap::new())
    }

    async fn answer_when_durable(
        self: Arc<Self>,
        recorded: Position,
        answer: Answer,
        headers: HeaderMap,
    ) -> Response<Full<Bytes>> {
        self.parts.journal.wait_durable(recorded).await;
        self.respond(answer, headers)
    }

    /// Slug to plan, if that can be told from memory.
    fn look_up(&self, asked: &Asked<'_>, now_ms: i64) -> Option<Resolved<Plan>> {
        FOLDED.with_borrow_mut(|folded| {
            if !fold_path(asked.path, asked.domain.matching, folded) {
                return Some(Resolved::Unknown);
            }
            let plan = |entry: Entry<'_>| plan(entry, asked.query, now_ms, &self.tokens);
            self.parts.cache.cached(asked.domain.index, folded, plan)
        })
    }

    /// The answer to what a slug turned out to be, and the position that has to be on disk before it may leave. `fill` has
    /// a hit take what the headers show.
    fn settle<'a>(
        &self,
        resolved: Resolved<Plan>,
        asked: &Asked<'a>,
        now_ms: i64,
        fill: impl FnOnce(&mut RawHit<'a>),
    ) -> (Answer, Option<Position>) {
        let answer = match resolved {
            Resolved::Known(Plan::Redirect { link, redirect }) => {
                let mut hit = RawHit::new(link, now_ms);
                hit.method = asked.method;
                hit.take_query(asked.query);
                fill(&mut hit);
                return (Answer::Redirect(redirect), self.record(&hit));
            }
            Resolved::Known(Plan::Elsewhere(redirect)) => {
                self.missed(Miss::Expired, asked.path, Answer::Redirect(redirect))
            }
            Resolved::Known(Plan::Disabled) => self.missed(Miss::Disabled, asked.path, Answer::NotFound),
            Resolved::Known(Plan::Expired) => self.missed(Miss::Expired, asked.path, Answer::Gone),
            Resolved::Unknown => self.missed(Miss::Unknown, asked.path, Answer::NotFound),
            Resolved::Unavailable => Answer::Unavailable,
        };
        (answer, None)
    }

    fn fill<'a>(&self, hit: &mut RawHit<'a>, headers: &'a HeaderMap, peer: IpAddr) {
        for (name, value) in headers {
            let value = value.as_bytes();
            // What nearly every request has goes by number, which is quicker than by text.
            match *name {
                HOST | ACCEPT | ACCEPT_ENCODING | CONNECTION | CACHE_CONTROL | UPGRADE_INSECURE_REQUESTS => {}
                USER_AGENT => hit.take_header("user-agent", value),
                REFERER => hit.take_header("referer", value),
                ACCEPT_LANGUAGE => hit.take_header("accept-language", value),
                COOKIE => hit.by_owner |= self.parts.owner.vouches(value, hit.time_ms),
                _ => hit.take_header(name.as_str(), value),
            }
        }
        hit.address = self.proxies.take(peer, headers).address;
    }

    /// Puts the hit into the journal before the answer leaves. A journal without room costs the record, never the
    /// redirect; it counts what it could not take.
    fn record(&self, hit: &RawHit<'_>) -> Option<Position> {
        self.parts.counts.received();
        self.parts.journal.append(hit).ok().filter(|_| self.parts.journal.is_strict())
    }

    /// `headers` are the request's: their map is used again.
    fn respond(&self, answer: Answer, headers: HeaderMap) -> Response<Full<Bytes>> {
        self.parts.counts.answered(answer.status());
        respond::to(answer, headers).map(Full::new)
    }

    fn missed(&self, miss: Miss, path: &str, answer: Answer) -> Answer {
        self.parts.misses.count(miss, path.trim_start_matches('/'));
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
