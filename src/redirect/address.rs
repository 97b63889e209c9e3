//! Whose request it is: the peer's address, or what a trusted proxy says, and by which rule.
//!
//! The order: a PROXY header tells the peer (`proxy.rs`); if that peer is a trusted proxy, the first of the configured
//! headers that is there decides. Headers are read from their end, because everything before what the last proxy wrote
//! may be a stranger's.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};

use http::header::{HeaderMap, HeaderName, HeaderValue};
use ipnet::IpNet;
use serde::Deserialize;

use super::Config;

/// The most of a proxy header that is read, in bytes from its end, and the most hops in it.
const HEADER_BYTES_MAX: usize = 1024;
const HOPS_MAX: usize = 16;

/// A header in which proxies pass the visitor's address, by its name in lower case.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct AddressHeader {
    name: HeaderName,
    syntax: Syntax,
}

/// How such a header is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Syntax {
    /// One address or several parted by commas: `X-Forwarded-For`, and those of CDNs such as `CF-Connecting-IP`.
    List,
    /// RFC 7239: `for="[2001:db8::1]:443";proto=https, for=192.0.2.1`.
    Forwarded,
    /// An address, a colon and a port, brackets or not: `CloudFront-Viewer-Address`.
    WithPort,
}

impl TryFrom<String> for AddressHeader {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let name: HeaderName =
            text.trim().parse().map_err(|_| format!("{text:?} is no name of a header, such as \"x-forwarded-for\""))?;
        let syntax = match name.as_str() {
            "forwarded" => Syntax::Forwarded,
            "cloudfront-viewer-address" => Syntax::WithPort,
            _ => Syntax::List,
        };
        Ok(Self { name, syntax })
    }
}

impl AddressHeader {
    pub(crate) fn as_str(&self) -> &str {
        self.name.as_str()
    }
}

/// Why an address was taken for the visitor's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// The peer is no trusted proxy, so its word on others is not taken.
    PeerNotTrusted,
    /// The peer is trusted but sent none of the headers.
    NoHeader,
    /// The right-most address of the header that is not a trusted proxy.
    Header,
    /// The header holds something that is not an address.
    Unreadable,
    /// The proxy says that it hides the address (RFC 7239, `unknown` or `_name`).
    Hidden,
    /// Every address in the header is a trusted proxy; the left-most stands.
    AllTrusted,
}

impl Why {
    /// In words, for `waypost doctor`.
    pub(crate) fn explain(self) -> &'static str {
        match self {
            Self::PeerNotTrusted => {
                "the connection does not come from redirect.trusted_proxies, so its headers are ignored"
            }
            Self::NoHeader => "the proxy is trusted but sent none of redirect.client_address_headers",
            Self::Header => "the right-most address in the header that is not a trusted proxy",
            Self::Unreadable => "the header holds something that is not an address, so the last sound one stands",
            Self::Hidden => "the proxy hides whose request it passed on, so the last address that is known stands",
            Self::AllTrusted => "every address in the header is a trusted proxy, so the left-most stands",
        }
    }
}

/// Whose request it is taken to be, and the rule that fired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Taken<'a> {
    pub(crate) address: IpAddr,
    pub(crate) why: Why,
    /// The header that decided, if one did.
    pub(crate) header: Option<&'a str>,
}

/// The proxies whose word on the visitor's address is taken.
pub(crate) struct Proxies {
    trusted: Vec<IpNet>,
    headers: Vec<AddressHeader>,
    introduced: Vec<IpNet>,
    /// Whether somebody was told that an introduction was missing.
    told: AtomicBool,
}

impl Proxies {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            trusted: config.trusted_proxies.clone(),
            headers: config.client_address_headers.clone(),
            introduced: config.proxy_protocol.clone(),
            told: AtomicBool::new(false),
        }
    }

    /// Whether this peer speaks for others.
    pub(crate) fn trusts(&self, peer: IpAddr) -> bool {
        is_within(&self.trusted, peer.to_canonical()) || self.introduces(peer)
    }

    /// Whether connections of this peer begin with a PROXY header.
    pub(crate) fn introduces(&self, peer: IpAddr) -> bool {
        is_within(&self.introduced, peer.to_canonical())
    }

    /// Says once that a connection began without the PROXY header it should have had. A log never holds its address.
    pub(super) fn miss_introduction(&self, what: &str) {
        if !self.told.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                what,
                "a connection from redirect.proxy_protocol was closed: it began without a sound PROXY header; this is \
                 said once"
            );
        }
    }

    /// Whose request this is: `peer` is who connected, or whom a PROXY header named.
    pub(crate) fn take(&self, peer: IpAddr, headers: &HeaderMap) -> Taken<'_> {
        let last = |name: &HeaderName| headers.get_all(name).iter().next_back().map(HeaderValue::as_bytes);
        self.take_plain(peer, last).unwrap_or_else(|hops| self.take_from_right(peer, headers, hops))
    }

    /// The same where nobody's word has to be weighed, as nearly always: a peer that speaks for itself, or one that
    /// names one bare address in a list that is not a proxy's. Else the header that has to be read hop by hop. `last` is the last header of a name.
    pub(super) fn take_plain<'h>(
        &self,
        peer: IpAddr,
        last: impl Fn(&HeaderName) -> Option<&'h [u8]>,
    ) -> Result<Taken<'_>, &AddressHeader> {
        let peer = peer.to_canonical();
        if !is_within(&self.trusted, peer) {
            return Ok(Taken { address: peer, why: Why::PeerNotTrusted, header: None });
        }
        let mut sent = self.headers.iter().filter_map(|header| Some((header, last(&header.name)?)));
        let Some((header, value)) = sent.next() else {
            return Ok(Taken { address: peer, why: Why::NoHeader, header: None });
        };
        match alone(value) {
            Some(address) if header.syntax == Syntax::List && !is_within(&self.trusted, address) => {
                Ok(Taken { address, why: Why::Header, header: Some(header.as_str()) })
            }
            _ => Err(header),
        }
    }

    fn take_from_right<'p>(&self, peer: IpAddr, headers: &HeaderMap, header: &'p AddressHeader) -> Taken<'p> {
        let peer = peer.to_canonical();
        let values = headers.get_all(&header.name).iter().rev().filter_map(|value| value.to_str().ok()).map(tail);
        let (address, why) = match header.syntax {
            Syntax::List => self.walk(peer, values.flat_map(|value| value.rsplit(',')).map(listed)),
            Syntax::WithPort => self.walk(peer, values.flat_map(|value| value.rsplit(',')).map(with_port)),
            Syntax::Forwarded => self.walk(peer, values.flat_map(|value| FromRight::new(value, b',')).map(forwarded)),
        };
        Taken { address, why, header: Some(header.as_str()) }
    }

    /// From the hop nearest to us to the first that is not one of our proxies.
    fn walk(&self, peer: IpAddr, hops: impl Iterator<Item = Hop>) -> (IpAddr, Why) {
        let mut last = peer;
        let mut why = Why::Unreadable;
        for hop in hops.filter(|hop| *hop != Hop::Nothing).take(HOPS_MAX) {
            match hop {
                Hop::At(address) if is_within(&self.trusted, address) => (last, why) = (address, Why::AllTrusted),
                Hop::At(address) => return (address, Why::Header),
                Hop::Hidden => return (last, Why::Hidden),
                Hop::Nothing | Hop::Unreadable => return (last, Why::Unreadable),
            }
        }
        (last, why)
    }
}

/// One station of a request, as a proxy wrote it down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hop {
    At(IpAddr),
    Hidden,
    Unreadable,
    /// An empty element, which lists may have.
    Nothing,
}

fn is_within(networks: &[IpNet], address: IpAddr) -> bool {
    networks.iter().any(|network| network.contains(&address))
}

fn tail(value: &str) -> &str {
    &value[value.ceil_char_boundary(value.len().saturating_sub(HEADER_BYTES_MAX))..]
}

/// The address of a list that is one address, as nearly every list is: what [`listed`] finds in it, without looking for
/// commas and blanks.
fn alone(value: &[u8]) -> Option<IpAddr> {
    Some(std::str::from_utf8(value).ok()?.parse::<IpAddr>().ok()?.to_canonical())
}

/// An element of `X-Forwarded-For`. Some proxies write `unknown` there as RFC 7239 has it.
fn listed(element: &str) -> Hop {
    let element = element.trim();
    if element.is_empty() { Hop::Nothing } else { node(element) }
}

fn with_port(element: &str) -> Hop {
    let element = element.trim();
    let address = element.rsplit_once(':').map_or(element, |(address, _)| address);
    if element.is_empty() { Hop::Nothing } else { node(address) }
}

/// An element of `Forwarded`. One without a single `for` does not say whose request it was.
fn forwarded(element: &str) -> Hop {
    if element.trim().is_empty() {
        return Hop::Nothing;
    }
    let pairs = FromRight::new(element, b';').filter_map(|pair| pair.trim().split_once('='));
    let mut fors = pairs.filter(|(name, _)| name.eq_ignore_ascii_case("for")).map(|(_, value)| value);
    let (Some(value), None) = (fors.next(), fors.next()) else { return Hop::Unreadable };
    node(value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value))
}

/// A node by RFC 7239, section 6: an address with or without a port, `unknown`, or a made-up `_name`.
fn node(text: &str) -> Hop {
    if text.starts_with('_') || text.eq_ignore_ascii_case("unknown") {
        return Hop::Hidden;
    }
    address_of(text).map_or(Hop::Unreadable, |address| Hop::At(address.to_canonical()))
}

/// `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:80`; ports may be made up, `:_a1`.
fn address_of(text: &str) -> Option<IpAddr> {
    if let Some(bracketed) = text.strip_prefix('[') {
        let (address, rest) = bracketed.split_once(']')?;
        return address.parse().ok().filter(|_| rest.is_empty() || rest.starts_with(':'));
    }
    let bare = text.parse().ok();
    bare.or_else(|| text.split_once(':')?.0.parse::<std::net::Ipv4Addr>().ok().map(IpAddr::V4))
}

/// Cuts a text at a separator outside quotes, from the right. So a quote that a stranger opened and never closed spoils
/// only what the stranger wrote, not what our proxies added behind it.
struct FromRight<'a> {
    rest: Option<&'a str>,
    separator: u8,
}

impl<'a> FromRight<'a> {
    fn new(text: &'a str, separator: u8) -> Self {
        Self { rest: Some(text), separator }
    }
}

impl<'a> Iterator for FromRight<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let rest = self.rest.take()?;
        let mut quoted = false;
        for (at, byte) in rest.bytes().enumerate().rev() {
            if byte == b'"' && !is_escaped(&rest[..at]) {
                quoted = !quoted;
            } else if byte == self.separator && !quoted {
                self.rest = Some(&rest[..at]);
                return Some(&rest[at + 1..]);
            }
        }
        Some(rest)
    }
}

/// Whether what follows `before` is escaped: an odd number of backslashes stands there.
fn is_escaped(before: &str) -> bool {
    before.bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    const OURS: [&str; 2] = ["127.0.0.1/32", "10.0.0.0/8"];

    fn proxies(headers: &[&str]) -> Proxies {
        let mut config = Config::default_values().redirect;
        config.trusted_proxies = OURS.map(|network| network.parse().unwrap()).to_vec();
        config.client_address_headers =
            headers.iter().map(|name| AddressHeader::try_from((*name).to_owned()).unwrap()).collect();
        Proxies::new(&config)
    }

    /// What `proxies` take a request of `peer` with these headers for.
    fn taken(proxies: &Proxies, peer: &str, sent: &[(&'static str, &str)]) -> (String, Why, Option<String>) {
        let mut headers = HeaderMap::new();
        for (name, value) in sent {
            headers.append(*name, value.parse().unwrap());
        }
        let taken = proxies.take(peer.parse().unwrap(), &headers);
        (taken.address.to_string(), taken.why, taken.header.map(str::to_owned))
    }

    fn check(name: &'static str, peer: &str, values: &[&str], expect: &str, why: Why) {
        let sent: Vec<_> = values.iter().map(|value| (name, *value)).collect();
        let (address, because, _) = taken(&proxies(&[name]), peer, &sent);
        assert_eq!((address.as_str(), because), (expect, why), "{peer} {name}: {values:?}");
    }

    #[test]
    fn only_a_trusted_proxy_is_believed_and_only_its_right_most_stranger() {
        let check = |peer, values: &[&str], expect, why| check("x-forwarded-for", peer, values, expect, why);
        check("203.0.113.5", &["1.2.3.4"], "203.0.113.5", Why::PeerNotTrusted);
        check("127.0.0.1", &["1.2.3.4"], "1.2.3.4", Why::Header);
        check("127.0.0.1", &["6.6.6.6, 1.2.3.4, 10.0.0.7"], "1.2.3.4", Why::Header);
        check("127.0.0.1", &["6.6.6.6", "1.2.3.4, 10.0.0.7"], "1.2.3.4", Why::Header);
        check("127.0.0.1", &["6.6.6.6", "1.2.3.4", "10.0.0.7"], "1.2.3.4", Why::Header);
        check("127.0.0.1", &["1.2.3.4", "nonsense"], "127.0.0.1", Why::Unreadable);
        check("::ffff:127.0.0.1", &["::ffff:1.2.3.4"], "1.2.3.4", Why::Header);
        check("127.0.0.1", &["[2001:db8::1]:443"], "2001:db8::1", Why::Header);
        check("127.0.0.1", &["1.2.3.4:5678"], "1.2.3.4", Why::Header);
        check("127.0.0.1", &["2001:db8::7"], "2001:db8::7", Why::Header);
        check("127.0.0.1", &[], "127.0.0.1", Why::NoHeader);
        check("127.0.0.1", &["", " , "], "127.0.0.1", Why::Unreadable);
        check("127.0.0.1", &["unknown"], "127.0.0.1", Why::Hidden);
        check("127.0.0.1", &["1.2.3.4, nonsense, 10.0.0.9"], "10.0.0.9", Why::Unreadable);
        check("127.0.0.1", &["10.0.0.9, 10.0.0.8"], "10.0.0.9", Why::AllTrusted);
    }

    #[test]
    fn forwarded_is_read_as_rfc_7239_writes_it() {
        let check = |value: &str, expect, why| check("forwarded", "127.0.0.1", &[value], expect, why);
        check("for=192.0.2.60;proto=http;by=203.0.113.43", "192.0.2.60", Why::Header);
        check("For=\"[2001:db8:cafe::17]:4711\"", "2001:db8:cafe::17", Why::Header);
        check("proto=https;FOR=\"[2001:db8::1]\"", "2001:db8::1", Why::Header);
        check("for=\"192.0.2.43:_p0rt\"", "192.0.2.43", Why::Header);
        check("for=6.6.6.6, for=192.0.2.43, for=10.0.0.2;by=_us", "192.0.2.43", Why::Header);
        check("for=192.0.2.43;host=\"a,b;for=6.6.6.6\", for=10.0.0.2", "192.0.2.43", Why::Header);
        check("for=_hidden, for=10.0.0.2", "10.0.0.2", Why::Hidden);
        check("for=\"_SEVKISEK\"", "127.0.0.1", Why::Hidden);
        check("for=unknown", "127.0.0.1", Why::Hidden);
        check("proto=https", "127.0.0.1", Why::Unreadable);
        check("for=1.2.3.4;for=5.6.7.8", "127.0.0.1", Why::Unreadable);
        check("for=10.0.0.3", "10.0.0.3", Why::AllTrusted);
    }

    #[test]
    fn a_quote_that_a_stranger_leaves_open_hides_nothing_that_our_proxy_adds() {
        check("forwarded", "127.0.0.1", &["for=\"6.6.6.6, for=192.0.2.43"], "192.0.2.43", Why::Header);
        check("forwarded", "127.0.0.1", &["for=\"6.6.6.6\\, for=\"[2001:db8::1]\""], "2001:db8::1", Why::Header);
        check("forwarded", "127.0.0.1", &["host=\"a\\\"b\";for=192.0.2.43"], "192.0.2.43", Why::Header);
    }

    #[test]
    fn the_header_of_a_cdn_is_believed_where_it_is_named_and_the_first_named_goes_first() {
        for name in ["cf-connecting-ip", "true-client-ip", "fastly-client-ip", "x-real-ip", "fly-client-ip"] {
            check(name, "10.1.2.3", &["2001:db8::9"], "2001:db8::9", Why::Header);
        }
        check("cloudfront-viewer-address", "10.1.2.3", &["2001:db8::9:4711"], "2001:db8::9", Why::Header);
        check("cloudfront-viewer-address", "10.1.2.3", &["192.0.2.1:80"], "192.0.2.1", Why::Header);
        let proxies = proxies(&["cf-connecting-ip", "x-forwarded-for"]);
        let both = [("x-forwarded-for", "6.6.6.6"), ("cf-connecting-ip", "192.0.2.1")];
        let by = |name: &str| Some(name.to_owned());
        assert_eq!(taken(&proxies, "10.0.0.1", &both), ("192.0.2.1".to_owned(), Why::Header, by("cf-connecting-ip")));
        assert_eq!(taken(&proxies, "10.0.0.1", &both[..1]).2, by("x-forwarded-for"));
        assert_eq!(taken(&proxies, "10.0.0.1", &[("true-client-ip", "6.6.6.6")]).1, Why::NoHeader);
    }

    #[test]
    fn an_endless_header_is_read_from_its_end_and_only_so_far() {
        let hops = "10.0.0.1,".repeat(10_000);
        let long = format!("{hops}1.2.3.4");
        check("x-forwarded-for", "127.0.0.1", &[&long], "1.2.3.4", Why::Header);
        check("x-forwarded-for", "127.0.0.1", &[&hops], "10.0.0.1", Why::AllTrusted);
        let quotes = "\\\"".repeat(10_000);
        check("forwarded", "127.0.0.1", &[&quotes], "127.0.0.1", Why::Unreadable);
    }

    #[test]
    fn what_is_no_name_of_a_header_is_refused() {
        assert!(AddressHeader::try_from("X-Forwarded-For".to_owned()).is_ok());
        assert!(AddressHeader::try_from("x forwarded".to_owned()).unwrap_err().contains("no name of a header"));
    }
}
