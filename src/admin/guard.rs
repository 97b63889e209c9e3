//! Who may ask: only under our own host names, only with the key or a session, and a session only from our pages.
//!
//! The host check comes first of all: a page that rebinds its name to this address shares a browser with us.

use std::net::{IpAddr, SocketAddr};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, COOKIE, HOST, HeaderMap, ORIGIN};
use axum::http::{Method, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Redirect, Response};

use super::Admin;
use super::api::problem::Problem;
use super::web::Refused;

pub(super) const COOKIE_NAME: &str = "waypost_session";

/// Refuses requests for hosts that are not ours with 421.
pub(super) fn only_own_hosts(router: Router, admin: &Admin) -> Router {
    router.layer(from_fn_with_state(admin.clone(), check_host))
}

async fn check_host(State(admin): State<Admin>, request: Request, next: Next) -> Response {
    let host = request.uri().authority().map(|authority| authority.as_str()).or_else(|| only_host(request.headers()));
    if host.is_some_and(|host| is_own_host(host, admin.address, &admin.hosts)) {
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

/// Lets through who shows the key, or a session from one of our own pages. For the API: refusals are problems.
pub(super) async fn require_key(State(admin): State<Admin>, request: Request, next: Next) -> Response {
    match standing(&admin, &request) {
        Standing::Key | Standing::Session => next.run(request).await,
        Standing::Foreign => foreign().into_response(),
        Standing::Nobody => {
            let detail = "send the admin key as `Authorization: Bearer KEY`; it is in DATA/admin.key";
            let challenge = [(axum::http::header::WWW_AUTHENTICATE, "Bearer realm=\"waypost\"")];
            (challenge, Problem::new(StatusCode::UNAUTHORIZED, detail)).into_response()
        }
    }
}

/// Lets through who is signed in; sends everybody else to the sign-in page.
pub(super) async fn require_session(State(admin): State<Admin>, request: Request, next: Next) -> Response {
    match standing(&admin, &request) {
        Standing::Key | Standing::Session => next.run(request).await,
        Standing::Foreign => Refused::from(foreign()).into_response(),
        Standing::Nobody => Redirect::to("/sign-in").into_response(),
    }
}

/// Refuses a sign-in form that another site sent.
pub(super) async fn only_own_pages(request: Request, next: Next) -> Response {
    if is_safe(request.method()) || is_from_our_page(request.headers()) {
        return next.run(request).await;
    }
    Refused::from(foreign()).into_response()
}

fn foreign() -> Problem {
    Problem::new(
        StatusCode::FORBIDDEN,
        "this request comes from another site: use the dashboard's own pages or the key",
    )
}

enum Standing {
    Key,
    Session,
    /// A session, but used from elsewhere to change something.
    Foreign,
    Nobody,
}

fn standing(admin: &Admin, request: &Request) -> Standing {
    let headers = request.headers();
    if bearer(headers).is_some_and(|key| admin.key.matches(key)) {
        return Standing::Key;
    }
    let now_ms = admin.clock.now_ms();
    if !session_name(headers).is_some_and(|name| admin.sessions.is_open(name, now_ms)) {
        return Standing::Nobody;
    }
    if is_safe(request.method()) || is_from_our_page(headers) { Standing::Session } else { Standing::Foreign }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, key) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
}

/// The session's name in the request's cookies.
pub(super) fn session_name(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(COOKIE).iter().filter_map(|header| header.to_str().ok());
    let mut pairs = cookies.flat_map(|header| header.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == COOKIE_NAME).map(|(_, value)| value)
}

fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
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
