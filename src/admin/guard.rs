//! The one gate that every request passes: only under our own host names, changes only from our own pages or with a key,
//! and only what the caller may. What needs which scope is said by the table in `access/permit.rs`.
//!
//! The host check comes first of all: a page that rebinds its name to this address shares a browser with us.

use std::net::{IpAddr, SocketAddr};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::{AUTHORIZATION, HOST, HeaderMap, ORIGIN, USER_AGENT, WWW_AUTHENTICATE};
use axum::http::request::Parts;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Redirect, Response};

use super::Admin;
use super::access::{AccessError, Caller, Left, Need, Quota, Scope, Wait, Who, as_caller, is_safe, need};
use super::api::problem::Problem;
use super::cookie::session_name;
use super::web::Refused;
use crate::domain::link::Way;

/// How the command line calls itself.
const CLI_AGENT: &str = "waypost/";

/// Refuses requests for hosts that are not ours with 421.
pub(super) fn only_own_hosts(router: Router, admin: &Admin) -> Router {
    router.layer(from_fn_with_state(admin.clone(), check_host))
}

async fn check_host(State(admin): State<Admin>, request: Request, next: Next) -> Response {
    let host = request.uri().authority().map(|authority| authority.as_str()).or_else(|| only_host(request.headers()));
    if host.is_some_and(|host| is_own_host(host, admin.address, &admin.config.hosts)) {
        return next.run(request).await;
    }
    let detail = "the admin plane is not served under this host name: `admin.hosts` lists further ones";
    Problem::new(StatusCode::MISDIRECTED_REQUEST, detail).into_response()
}

/// The `Host` header, if there is exactly one.
fn only_host(headers: &HeaderMap) -> Option<&str> {
    let mut hosts = headers.get_all(HOST).iter();
    let host = hosts.next()?.to_str().ok()?;
    hosts.next().is_none().then_some(host)
}

/// The address we listen on, names of this machine, and what the configuration adds; ports do not matter.
fn is_own_host(header: &str, address: SocketAddr, configured: &[String]) -> bool {
    let host = match header.rfind(':') {
        Some(colon) if header.rfind(']').is_none_or(|bracket| bracket < colon) => &header[..colon],
        _ => header,
    };
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    if let Ok(ip) = bare.parse::<IpAddr>() {
        // A name can be rebound to another address, an address cannot: under a wildcard each is fine.
        let ip = ip.to_canonical();
        return ip.is_loopback() || address.ip().is_unspecified() || ip == address.ip().to_canonical();
    }
    let name = host.trim_end_matches('.').to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost") || configured.iter().any(|own| own.eq_ignore_ascii_case(&name))
}

/// Lets each request through that its caller may ask, and tells the handlers who that is.
pub(super) fn only_those_who_may(router: Router, admin: &Admin) -> Router {
    router.layer(from_fn_with_state(admin.clone(), check_caller))
}

async fn check_caller(State(admin): State<Admin>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    match admit(&admin, &parts).await {
        Ok(admitted) => admitted.run(next, Request::from_parts(parts, body)).await,
        Err(refusal) => refusal.answer(&parts),
    }
}

/// A request that may go on.
#[derive(Default)]
struct Admitted {
    caller: Option<Caller>,
    quota: Option<(Quota, Left)>,
}

impl Admitted {
    async fn run(self, next: Next, request: Request) -> Response {
        let Some(caller) = self.caller else { return next.run(request).await };
        let mut response = as_caller(caller, next.run(request)).await;
        if let Some((quota, left)) = self.quota {
            tell_quota(&mut response, quota, left);
        }
        response
    }
}

/// Why a request goes no further.
enum Refusal {
    /// Whoever it is has to say so first.
    Unknown,
    /// Another site makes a browser change something.
    Foreign,
    /// They may ask for other things, not for this.
    NotFor(Scope, Option<(Quota, Left)>),
    /// They asked too often.
    Quota(Quota, Wait),
    /// It cannot be known who it is.
    Broken(AccessError),
}

impl<E: Into<AccessError>> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self::Broken(error.into())
    }
}

/// Who is asking, as far as that matters for this path and method.
async fn admit(admin: &Admin, request: &Parts) -> Result<Admitted, Refusal> {
    let headers = &request.headers;
    let need = need(&request.method, request.uri.path());
    let key = bearer(headers);
    // A key is sent by programs. What is sent along without being asked, cookies, must come from our pages.
    if key.is_none() && !is_safe(&request.method) && !is_from_our_page(headers) {
        let is_browser = session_name(headers).is_some() || need == Need::Nothing;
        return Err(if is_browser { Refusal::Foreign } else { Refusal::Unknown });
    }
    let Need::Scope(scope) = need else { return Ok(Admitted::default()) };
    let caller = match (key, session_name(headers)) {
        (Some(key), _) => of_key(admin, key, way(request)).await?,
        (None, Some(name)) => of_session(admin, name, way(request)).await?,
        (None, None) => None,
    };
    let caller = caller.ok_or(Refusal::Unknown)?;
    let quota = if is_api(request.uri.path()) { take_turn(admin, &caller)? } else { None };
    if caller.may(scope) { Ok(Admitted { caller: Some(caller), quota }) } else { Err(Refusal::NotFor(scope, quota)) }
}

/// By what way a request comes: our command line says its name, and whoever takes that name gains nothing by it.
fn way(request: &Parts) -> Way {
    let agent = request.headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
    match (is_api(request.uri.path()), agent.starts_with(CLI_AGENT)) {
        (false, _) => Way::Web,
        (true, true) => Way::Cli,
        (true, false) => Way::Api,
    }
}

async fn of_key(admin: &Admin, text: &str, way: Way) -> Result<Option<Caller>, AccessError> {
    if admin.key.matches(text) {
        return Ok(Some(Caller { who: Who::AdminKey, session: None, way }));
    }
    let known = admin.access.keys.known(text, admin.clock.now()).await?;
    Ok(known.map(|(id, key)| Caller { who: Who::Key { id, name: key.name, scopes: key.scopes }, session: None, way }))
}

async fn of_session(admin: &Admin, name: &str, way: Way) -> Result<Option<Caller>, AccessError> {
    let Some(holder) = admin.access.sessions.holder(name, admin.clock.now()).await? else { return Ok(None) };
    let who = if holder == admin.key.holder() {
        Some(Who::AdminKey)
    } else {
        let account = admin.access.accounts.by_id(holder).await?;
        account.map(|account| Who::Account { id: account.id, name: account.name, role: account.role })
    };
    Ok(who.map(|who| Caller { who, session: Some(name.to_owned()), way }))
}

/// Takes one of the requests that a key or an account may send in a minute. The admin key is not counted: whoever has
/// it can stop the server, too.
fn take_turn(admin: &Admin, caller: &Caller) -> Result<Option<(Quota, Left)>, Refusal> {
    let id = match &caller.who {
        Who::AdminKey => return Ok(None),
        Who::Key { id, .. } | Who::Account { id, .. } => id,
    };
    let taken = admin.access.limiter.take(admin.api_quota, id, admin.clock.now_ms());
    match taken {
        Ok(left) => Ok(Some((admin.api_quota, left))),
        Err(wait) => Err(Refusal::Quota(admin.api_quota, wait)),
    }
}

impl Refusal {
    /// For programs a problem, for browsers a page.
    fn answer(self, request: &Parts) -> Response {
        let is_page = !is_api(request.uri.path()) && request.uri.path() != "/metrics";
        let (problem, quota) = match self {
            Self::Unknown if is_page => return to_sign_in(request),
            Self::Unknown => return unknown(),
            Self::Foreign => (Problem::new(StatusCode::FORBIDDEN, FOREIGN), None),
            Self::NotFor(scope, quota) => (not_for(scope), quota),
            Self::Quota(quota, wait) => (wait.into(), Some((quota, Left { remaining: 0, full_in_s: wait.full_in_s }))),
            Self::Broken(error) => (error.into(), None),
        };
        let mut response =
            if is_page { Refused::from(problem).into_response() } else { Problem::into_response(problem) };
        if let Some((quota, left)) = quota {
            tell_quota(&mut response, quota, left);
        }
        response
    }
}

fn is_api(path: &str) -> bool {
    path.starts_with("/api/")
}

const FOREIGN: &str = "this request comes from another site: use the dashboard's own pages or the key";

/// And back again: whoever wanted to look at a page sees it next.
fn to_sign_in(request: &Parts) -> Response {
    let wanted = request.uri.path_and_query().map_or("/", |wanted| wanted.as_str());
    if !is_safe(&request.method) || wanted == "/" {
        return Redirect::to("/sign-in").into_response();
    }
    let wanted = percent_encoding::utf8_percent_encode(wanted, percent_encoding::NON_ALPHANUMERIC);
    Redirect::to(&format!("/sign-in?to={wanted}")).into_response()
}

fn unknown() -> Response {
    let detail = "send a key as `Authorization: Bearer KEY`; the admin key is in DATA/admin.key";
    let challenge = [(WWW_AUTHENTICATE, "Bearer realm=\"waypost\"")];
    (challenge, Problem::new(StatusCode::UNAUTHORIZED, detail)).into_response()
}

fn not_for(scope: Scope) -> Problem {
    let (role, scope) = (scope.role().as_str(), scope.as_str());
    let detail = format!("this needs the role {role}, or a key with the scope {scope}: ask an owner");
    Problem::new(StatusCode::FORBIDDEN, detail)
}

/// Says how often one may ask, in the words of draft-ietf-httpapi-ratelimit-headers-10.
fn tell_quota(response: &mut Response, quota: Quota, left: Left) {
    let policy = format!("\"{}\";q={};w={}", quota.name, quota.at_once, quota.window_s());
    let left = format!("\"{}\";r={};t={}", quota.name, left.remaining, left.full_in_s);
    for (name, value) in [("ratelimit-policy", policy), ("ratelimit", left)] {
        if let Ok(value) = value.parse() {
            response.headers_mut().insert(name, value);
        }
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, key) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
}

/// Browsers say where a request comes from in `Sec-Fetch-Site`; the older ones, and plain http, in `Origin`.
fn is_from_our_page(headers: &HeaderMap) -> bool {
    if let Some(site) = headers.get("sec-fetch-site") {
        return site == "same-origin";
    }
    let origin = headers.get(ORIGIN).and_then(|origin| origin.to_str().ok()?.split_once("://"));
    let (Some((_, origin)), Some(host)) = (origin, only_host(headers)) else { return false };
    origin.eq_ignore_ascii_case(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_cannot_be_rebound_are_ours() {
        let configured = ["waypost.internal".to_owned()];
        let is_own = |host: &str, address: &str| is_own_host(host, address.parse().unwrap(), &configured);
        for host in
            ["127.0.0.1:8081", "localhost", "LOCALHOST.:1", "x.localhost:8081", "[::1]:8081", "Waypost.Internal"]
        {
            assert!(is_own(host, "127.0.0.1:8081"), "{host}");
        }
        for host in ["", "evil.example", "localhost.evil.example", "10.0.0.1:8081", "127.0.0.1.nip.io", "[::2]"] {
            assert!(!is_own(host, "127.0.0.1:8081"), "{host}");
        }
        assert!(is_own("10.0.0.1:8081", "10.0.0.1:8081"));
        assert!(is_own("192.0.2.7", "0.0.0.0:8081"));
        assert!(!is_own("evil.example", "0.0.0.0:8081"));
    }

    #[test]
    fn a_change_comes_from_our_page_or_not_at_all() {
        let from = |pairs: &[(&'static str, &str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.insert(*name, value.parse().unwrap());
            }
            is_from_our_page(&headers)
        };
        assert!(from(&[("sec-fetch-site", "same-origin")]));
        assert!(from(&[("origin", "http://localhost:8081"), ("host", "localhost:8081")]));
        assert!(!from(&[("sec-fetch-site", "same-site"), ("origin", "http://a"), ("host", "a")]));
        assert!(!from(&[("sec-fetch-site", "none")]));
        assert!(!from(&[("origin", "http://localhost:3000"), ("host", "localhost:8081")]));
        assert!(!from(&[("origin", "null"), ("host", "localhost:8081")]));
        assert!(!from(&[("host", "localhost:8081")]));
    }
}
