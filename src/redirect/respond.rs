//! Answers: which status, which headers, which few words. Nothing of a request is ever reflected.

use bytes::Bytes;
use http::header::{
    ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue,
    LOCATION, RETRY_AFTER, SET_COOKIE, X_CONTENT_TYPE_OPTIONS,
};
use http_body_util::Full;
use hyper::{Response, StatusCode};

use super::owner::Reply;
use super::request::Refusal;
use crate::domain::link::Status;

const X_ROBOTS_TAG: HeaderName = HeaderName::from_static("x-robots-tag");
const NO_STORE: HeaderValue = HeaderValue::from_static("private, no-store");
const NOINDEX: HeaderValue = HeaderValue::from_static("noindex");
/// Browsers keep a permanent redirect for ever unless told otherwise; 90 s bounds how long an edit can go unseen.
const PERMANENT: HeaderValue = HeaderValue::from_static("private, max-age=90");

/// Everything the redirect plane can say.
pub(crate) enum Answer {
    Redirect(Redirect),
    Fixed(Fixed),
    /// To the owner, on a ticket.
    Owner(Reply),
    NotFound,
    Gone,
    Unavailable,
    Refused(Refusal),
}

/// Status and Location of a redirect.
pub(crate) struct Redirect {
    status: Status,
    location: HeaderValue,
}

impl Redirect {
    /// `None` when the bytes cannot stand in a header.
    pub(super) fn new(status: Status, location: &[u8]) -> Option<Self> {
        Some(Self { status, location: HeaderValue::from_bytes(location).ok()? })
    }

    pub(super) fn found(location: &[u8]) -> Option<Self> {
        Self::new(Status::Found, location)
    }
}

/// Paths that are answered without a look-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fixed {
    /// Allows everything: preview fetchers obey it, and a disallowed link would show no preview.
    RobotsTxt,
    /// There is no icon, and no link either.
    NoIcon,
    NoWellKnown,
}

impl Fixed {
    pub(super) fn at(path: &str) -> Option<Self> {
        match path {
            "/robots.txt" => Some(Self::RobotsTxt),
            "/favicon.ico" => Some(Self::NoIcon),
            _ if path.starts_with("/.well-known/") => Some(Self::NoWellKnown),
            _ if path.starts_with("/apple-touch-icon") => Some(Self::NoIcon),
            _ => None,
        }
    }
}

impl Answer {
    pub(crate) fn status(&self) -> u16 {
        match self {
            Self::Redirect(redirect) => redirect.status.code(),
            Self::Fixed(Fixed::RobotsTxt) | Self::Owner(Reply::Marked(_) | Reply::Unmarked(_) | Reply::Address(_)) => {
                200
            }
            Self::Fixed(Fixed::NoIcon | Fixed::NoWellKnown) | Self::NotFound => 404,
            Self::Gone | Self::Owner(Reply::Expired) => 410,
            Self::Unavailable => 503,
            Self::Refused(Refusal::Malformed) => 400,
            Self::Refused(Refusal::Method) => 405,
            Self::Refused(Refusal::TooLong) => 414,
            Self::Refused(Refusal::OtherHost) => 421,
        }
    }
}

/// Builds the response of an answer. `headers` are the request's: hyper reads the next request into the map of this
/// response, so with one map for both a connection needs no second one.
pub(crate) fn to(answer: Answer, headers: HeaderMap) -> Response<Full<Bytes>> {
    let status = StatusCode::from_u16(answer.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    match answer {
        Answer::Redirect(redirect) => redirected(status, redirect, headers),
        Answer::Fixed(Fixed::RobotsTxt) => text(status, "User-agent: *\nAllow: /\n"),
        Answer::Fixed(Fixed::NoIcon | Fixed::NoWellKnown) => text(status, "Not found.\n"),
        Answer::Owner(reply) => owner(status, reply),
        Answer::NotFound => page(status, "This link does not exist", "It may have been mistyped or removed."),
        Answer::Gone => page(status, "This link has expired", "Ask whoever shared it for a new one."),
        Answer::Unavailable => unavailable(status),
        Answer::Refused(refusal) => refused(status, refusal),
    }
}

fn owner(status: StatusCode, reply: Reply) -> Response<Full<Bytes>> {
    let (title, sentence, cookie) = match reply {
        Reply::Marked(cookie) => (
            "This browser is marked",
            "What it opens on this host is kept as the owner's and not counted. The dashboard takes the mark off again.",
            cookie,
        ),
        Reply::Unmarked(cookie) => ("This browser is not marked", "What it opens on this host counts again.", cookie),
        Reply::Expired => return page(status, "Too late", "Open this again from the dashboard."),
        Reply::Address(json) => {
            let mut response = text(status, "");
            *response.body_mut() = Full::new(Bytes::from(json));
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            return response;
        }
    };
    let mut response = page(status, title, sentence);
    response.headers_mut().insert(SET_COOKIE, cookie);
    response
}

fn redirected(status: StatusCode, redirect: Redirect, mut headers: HeaderMap) -> Response<Full<Bytes>> {
    headers.clear();
    headers.insert(LOCATION, redirect.location);
    headers.insert(CACHE_CONTROL, if redirect.status.is_permanent() { PERMANENT } else { NO_STORE });
    headers.insert(X_ROBOTS_TAG, NOINDEX);
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

fn text(status: StatusCode, body: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(body.as_bytes())));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CACHE_CONTROL, NO_STORE);
    response
}

fn page(status: StatusCode, title: &str, sentence: &str) -> Response<Full<Bytes>> {
    let html = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title>\
         <h1>{title}</h1><p>{sentence}</p></html>\n"
    );
    let mut response = text(status, "");
    *response.body_mut() = Full::new(Bytes::from(html));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"));
    headers.insert(X_ROBOTS_TAG, NOINDEX);
    response
}

fn unavailable(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = page(status, "Please try again", "This link cannot be looked up right now.");
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("2"));
    response
}

/// A refused request may have left bytes on the connection that nobody has read, so the connection ends.
fn refused(status: StatusCode, refusal: Refusal) -> Response<Full<Bytes>> {
    let mut response = text(
        status,
        match refusal {
            Refusal::Malformed => "Bad request.\n",
            Refusal::Method => "Only GET and HEAD are answered here.\n",
            Refusal::TooLong => "The address is too long.\n",
            Refusal::OtherHost => "There are no links on this host.\n",
        },
    );
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    if refusal == Refusal::Method {
        headers.insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    }
    response
}
