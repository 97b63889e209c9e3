//! Answers: which status, which headers, which few words. Nothing of a request is ever reflected.

use std::cell::RefCell;

use bytes::Bytes;
use http::header::{
    ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, HeaderName,
    HeaderValue, LOCATION, RETRY_AFTER, SET_COOKIE, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Response, StatusCode};
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;

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

    fn headers(self) -> [(HeaderName, HeaderValue); 3] {
        let caching = if self.status.is_permanent() { PERMANENT } else { NO_STORE };
        [(LOCATION, self.location), (CACHE_CONTROL, caching), (X_ROBOTS_TAG, NOINDEX)]
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
pub(crate) fn to(answer: Answer, headers: HeaderMap) -> Response<Bytes> {
    let status = status(&answer);
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

fn status(answer: &Answer) -> StatusCode {
    StatusCode::from_u16(answer.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

fn owner(status: StatusCode, reply: Reply) -> Response<Bytes> {
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
            *response.body_mut() = Bytes::from(json);
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            return response;
        }
    };
    let mut response = page(status, title, sentence);
    response.headers_mut().insert(SET_COOKIE, cookie);
    response
}

fn redirected(status: StatusCode, redirect: Redirect, mut headers: HeaderMap) -> Response<Bytes> {
    headers.clear();
    headers.extend(redirect.headers());
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

/// The response of an answer in the bytes that hyper sends for it.
pub(super) fn write(answer: Answer, now_ms: i64, into: &mut Vec<u8>) {
    let status = status(&answer);
    into.extend_from_slice(b"HTTP/1.1 ");
    into.extend_from_slice(status.as_str().as_bytes());
    into.push(b' ');
    into.extend_from_slice(status.canonical_reason().unwrap_or_default().as_bytes());
    into.extend_from_slice(b"\r\n");
    let body = match answer {
        // As nearly always; no map has to be made for it.
        Answer::Redirect(redirect) => {
            redirect.headers().iter().for_each(|(name, value)| write_header(name, value, into));
            Bytes::new()
        }
        answer => {
            let response = to(answer, HeaderMap::new());
            response.headers().iter().for_each(|(name, value)| write_header(name, value, into));
            response.into_body()
        }
    };
    let length = if body.is_empty() { HeaderValue::from_static("0") } else { body.len().into() };
    write_header(&CONTENT_LENGTH, &length, into);
    into.extend_from_slice(b"date: ");
    write_date(now_ms, into);
    into.extend_from_slice(b"\r\n\r\n");
    into.extend_from_slice(&body);
}

fn write_header(name: &HeaderName, value: &HeaderValue, into: &mut Vec<u8>) {
    into.extend_from_slice(name.as_str().as_bytes());
    into.extend_from_slice(b": ");
    into.extend_from_slice(value.as_bytes());
    into.extend_from_slice(b"\r\n");
}

/// An instant as headers have it, which is made once a second.
fn write_date(now_ms: i64, into: &mut Vec<u8>) {
    thread_local!(static LAST: RefCell<(i64, String)> = const { RefCell::new((i64::MIN, String::new())) });
    LAST.with_borrow_mut(|(last, text)| {
        let second = now_ms.div_euclid(1000);
        if *last != second {
            let instant = Timestamp::from_second(second).unwrap_or_default();
            text.clear();
            // No clock is set to a year before 0, which has no such text.
            let _ = DateTimePrinter::new().print_timestamp_rfc9110(&instant, &mut *text);
            *last = second;
        }
        into.extend_from_slice(text.as_bytes());
    });
}

fn text(status: StatusCode, body: &'static str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from_static(body.as_bytes()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CACHE_CONTROL, NO_STORE);
    response
}

fn page(status: StatusCode, title: &str, sentence: &str) -> Response<Bytes> {
    let html = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title>\
         <h1>{title}</h1><p>{sentence}</p></html>\n"
    );
    let mut response = text(status, "");
    *response.body_mut() = Bytes::from(html);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"));
    headers.insert(X_ROBOTS_TAG, NOINDEX);
    response
}

fn unavailable(status: StatusCode) -> Response<Bytes> {
    let mut response = page(status, "Please try again", "This link cannot be looked up right now.");
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("2"));
    response
}

/// A refused request may have left bytes on the connection that nobody has read, so the connection ends.
fn refused(status: StatusCode, refusal: Refusal) -> Response<Bytes> {
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
