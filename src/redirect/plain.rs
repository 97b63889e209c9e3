//! Plain clicks: what nearly every request is, and all that is read of it without hyper (`docs/adr/012-plain-clicks.md`).
//!
//! A plain click is one whole `GET` in HTTP/1.1 of a path in plain ASCII, with one Host and nothing that asks a server to
//! do more than answer. It is read by the parser that hyper reads with. Nothing is refused here: whatever is not plain
//! goes to hyper as it came, and the rest of its connection with it.

use std::mem::MaybeUninit;

use http::HeaderName;
use httparse::{Header, Request, Status};

use crate::domain::hit::RawHit;

/// The most headers of a plain click; browsers send about fifteen.
const HEADERS_MAX: usize = 32;

/// Room for the longest name of a header that a hit takes, in bytes.
const NAME_BYTES_MAX: usize = 24;

/// Room for the headers of one plain click.
pub(super) type Room<'a> = [MaybeUninit<Header<'a>>; HEADERS_MAX];

pub(super) fn room<'a>() -> Room<'a> {
    [const { MaybeUninit::uninit() }; HEADERS_MAX]
}

/// A request with nothing in it that only hyper knows what to do about.
pub(super) struct PlainClick<'h, 'a> {
    /// Raw, with its leading slash.
    pub(super) path: &'a str,
    /// Without its `?`; empty when there is none.
    pub(super) query: &'a str,
    /// Not checked yet.
    pub(super) host: &'a str,
    headers: &'h [Header<'a>],
}

impl<'h, 'a> PlainClick<'h, 'a> {
    /// What was received, if it is one plain click from its first byte to its last.
    pub(super) fn read(received: &'a [u8], room: &'h mut Room<'a>) -> Option<Self> {
        // The parser skips empty lines before a request. Who sends some is no browser.
        if !received.starts_with(b"GET /") {
            return None;
        }
        let mut request = Request::new(&mut []);
        let read = request.parse_with_uninit_headers(received, room);
        let is_whole = read == Ok(Status::Complete(received.len()));
        let target = request.path.filter(|target| is_whole && target.bytes().all(is_plain))?;
        if request.version != Some(1) {
            return None;
        }
        let headers = &*request.headers;
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        Some(Self { path, query, host: only_host(headers)?, headers })
    }

    /// The last header of this name.
    pub(super) fn last(&self, name: &HeaderName) -> Option<&'a [u8]> {
        let mut from_last = self.headers.iter().rev();
        from_last.find(|header| header.name.eq_ignore_ascii_case(name.as_str())).map(|header| header.value)
    }

    /// Has the hit take what matters of the headers. `vouch` tells whether cookies are those of an owner's browser.
    pub(super) fn fill(&self, hit: &mut RawHit<'a>, vouch: impl Fn(&[u8]) -> bool) {
        let mut folded = [0; NAME_BYTES_MAX];
        for header in self.headers {
            let Some(folded) = folded.get_mut(..header.name.len()) else { continue };
            folded.copy_from_slice(header.name.as_bytes());
            folded.make_ascii_lowercase();
            match std::str::from_utf8(folded).unwrap_or_default() {
                "cookie" => hit.by_owner |= vouch(header.value),
                name => hit.take_header(name, header.value),
            }
        }
    }
}

/// What a path and a query may have without being looked at twice: all characters of RFC 3986, section 2, but `#`, `[`
/// and `]`.
fn is_plain(byte: u8) -> bool {
    let is_a_mark = matches!(byte, b'/' | b'?' | b'%' | b'-' | b'.' | b'_' | b'~' | b':' | b'@');
    let is_a_delimiter = matches!(byte, b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'=');
    byte.is_ascii_alphanumeric() || is_a_mark || is_a_delimiter
}

/// The Host of a request that has one of them and no header by which a client wants more than an answer.
fn only_host<'a>(headers: &[Header<'a>]) -> Option<&'a str> {
    let mut host = None;
    for Header { name, value } in headers {
        let is = |other: &str| name.eq_ignore_ascii_case(other);
        // By length first, which tells nearly all of them apart.
        match name.len() {
            4 if is("host") && host.replace(*value).is_some() => return None,
            6 if is("expect") => return None,
            7 if is("upgrade") => return None,
            10 if is("connection") && !value.eq_ignore_ascii_case(b"keep-alive") => return None,
            14 if is("content-length") => return None,
            17 if is("transfer-encoding") => return None,
            _ => {}
        }
    }
    std::str::from_utf8(host?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::link::LinkId;

    const CLICK: &str = "GET /a?b=1 HTTP/1.1\r\nHost: go.example\r\nUser-Agent: x\r\nConnection: keep-alive\r\n\r\n";

    fn is_a_plain_click(bytes: &[u8]) -> bool {
        PlainClick::read(bytes, &mut room()).is_some()
    }

    #[test]
    fn a_plain_click_has_a_path_a_query_and_a_host_and_its_headers_fill_a_hit() {
        let sent = "GET /a/B?c=1?2 HTTP/1.1\r\nHOST:  go.example:80 \r\nUser-AGENT: x\r\nX-Forwarded-For: 1\r\n\
                    x-forwarded-for: 2\r\nReferer:\r\nReferer: y\r\nCookie: mark\r\nCookie: other\r\n\r\n";
        let mut room = room();
        let click = PlainClick::read(sent.as_bytes(), &mut room).unwrap();
        assert_eq!((click.path, click.query, click.host), ("/a/B", "c=1?2", "go.example:80"));
        assert_eq!(click.last(&HeaderName::from_static("x-forwarded-for")), Some(&b"2"[..]));
        assert_eq!(click.last(&HeaderName::from_static("forwarded")), None);
        let mut hit = RawHit::new(LinkId(1), 0);
        click.fill(&mut hit, |cookies| cookies == b"mark");
        assert_eq!((hit.user_agent, hit.referrer, hit.by_owner), (&b"x"[..], &b"y"[..], true));
    }

    #[test]
    fn only_the_whole_of_one_request_is_plain() {
        let bytes = CLICK.as_bytes();
        assert!(is_a_plain_click(bytes));
        for end in 0..bytes.len() {
            assert!(!is_a_plain_click(&bytes[..end]), "{:?}", &CLICK[..end]);
        }
        for behind in ["x", "\r\n", CLICK] {
            assert!(!is_a_plain_click(format!("{CLICK}{behind}").as_bytes()), "{behind:?}");
        }
        assert!(!is_a_plain_click(format!("\r\n{CLICK}").as_bytes()));
    }

    #[test]
    fn what_a_server_has_to_do_more_about_than_answer_is_not_plain() {
        for (what, instead) in [
            ("GET", "HEAD"),
            ("GET", "get"),
            ("GET /", "GET "),
            ("GET /", "GET http://go.example/"),
            ("GET ", "GET  "),
            ("/a", "/a#b"),
            ("/a", "/\u{e5}"),
            ("/a", "/<"),
            ("/a", "/\\"),
            ("b=1", "b=\""),
            ("1.1", "1.0"),
            ("1.1", "2.0"),
            ("Host: go.example\r\n", ""),
            ("Host: go.example\r\n", "Host: go.example\r\nhost: go.example\r\n"),
            ("keep-alive", "close"),
            ("keep-alive", "keep-alive, upgrade"),
            ("User-Agent: x", "Content-Length: 0"),
            ("User-Agent: x", "transfer-encoding: chunked"),
            ("User-Agent: x", "EXPECT: 100-continue"),
            ("User-Agent: x", "Upgrade: h2c"),
            ("User-Agent: x", "User-Agent : x"),
            ("User-Agent: x", "User-Agent: x\r\n folded"),
            ("User-Agent: x", "User-Agent: \u{1b}"),
            ("User-Agent: x", &["X: 1"; HEADERS_MAX - 1].join("\r\n")),
        ] {
            let sent = CLICK.replacen(what, instead, 1);
            assert!(sent != CLICK && !is_a_plain_click(sent.as_bytes()), "{sent:?}");
        }
        // Host and Connection are two of them.
        assert!(is_a_plain_click(
            CLICK.replacen("User-Agent: x", &["X: 1"; HEADERS_MAX - 2].join("\r\n"), 1).as_bytes()
        ));
        // What a host may be is looked at elsewhere.
        assert!(is_a_plain_click(CLICK.replacen("go.example", "user@any thing", 1).as_bytes()));
    }
}
