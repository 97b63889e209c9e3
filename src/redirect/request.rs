//! Reads what a request asks for, and refuses what no honest client sends.
//!
//! hyper answers requests that have no Host, two of them or a broken one, and any method and form of target
//! (reliability.md 4.1), so all of that is decided here, before anything is looked up.

use std::net::Ipv6Addr;

use hashbrown::HashMap;
use http::header::{CONTENT_LENGTH, HOST, HeaderMap, HeaderValue, TRANSFER_ENCODING};
use hyper::Request;
use hyper::body::Body;

use super::plain::PlainClick;
use super::respond::Fixed;
use crate::domain::hit::Method;
use crate::domain::link::DomainName;
use crate::domain::slug::Matching;
use crate::links::Domains;
use crate::links::table::DomainIndex;

/// The longest path and query together, in bytes; longer ones are answered with 414.
const TARGET_BYTES_MAX: usize = 8192;

/// The longest Host header, in bytes.
const HOST_BYTES_MAX: usize = 255;

/// What a request is refused for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// 400: no valid Host, a body, a target that is no path.
    Malformed,
    /// 405: neither `GET` nor `HEAD`.
    Method,
    /// 414: a target above [`TARGET_BYTES_MAX`].
    TooLong,
    /// 421: a host that this server has no links on.
    OtherHost,
}

/// What a request is for.
pub(crate) enum Target<'a> {
    Fixed(Fixed),
    Slug(Asked<'a>),
}

/// A request for what may be a link.
pub(crate) struct Asked<'a> {
    pub(crate) domain: &'a Domain,
    /// Raw, with its leading slash.
    pub(crate) path: &'a str,
    /// Without its `?`; empty when there is none.
    pub(crate) query: &'a str,
    pub(crate) method: Method,
}

/// A domain as lookups need it.
pub(crate) struct Domain {
    pub(crate) index: DomainIndex,
    pub(crate) name: DomainName,
    pub(crate) matching: Matching,
}

/// Which domain each host is.
pub(crate) enum Hosts {
    /// No domain is configured: whatever host a request names, it is the default domain.
    Any(Domain),
    /// In a map that hashes quickly: no stranger chooses its keys.
    Named(HashMap<String, Domain>),
}

impl Hosts {
    pub(crate) fn new(domains: &Domains, index: impl Fn(&DomainName) -> DomainIndex) -> Self {
        let domain =
            |name: &DomainName| Domain { index: index(name), name: name.clone(), matching: domains.matching(name) };
        let named: HashMap<String, Domain> =
            domains.hosts().zip(domains.names()).map(|(host, name)| (host.to_owned(), domain(name))).collect();
        if named.is_empty() {
            return Self::Any(domain(&DomainName::DEFAULT));
        }
        Self::Named(named)
    }

    fn of(&self, host: &str) -> Option<&Domain> {
        match self {
            Self::Any(domain) => Some(domain),
            Self::Named(domains) => {
                let name = host_name(host);
                domains.get(name).or_else(|| domains.get(&name.to_ascii_lowercase()))
            }
        }
    }
}

/// Reads method, host and target of a request.
pub(crate) fn read<'a, B: Body>(request: &'a Request<B>, hosts: &'a Hosts) -> Result<Target<'a>, Refusal> {
    let method = match *request.method() {
        http::Method::GET => Method::Get,
        http::Method::HEAD => Method::Head,
        _ => return Err(Refusal::Method),
    };
    let uri = request.uri();
    let path = uri.path();
    let head = Head::of(request.headers());
    if !path.starts_with('/') || head.announces_body || !request.body().is_end_stream() {
        return Err(Refusal::Malformed);
    }
    let query = uri.query().unwrap_or_default();
    if path.len() + query.len() > TARGET_BYTES_MAX {
        return Err(Refusal::TooLong);
    }
    target(hosts, host(request, &head)?, (path, query), method)
}

/// The same of a plain click; `None` when hyper has to say what is wrong with it.
pub(super) fn read_plain<'a>(click: &PlainClick<'_, 'a>, hosts: &'a Hosts) -> Option<Target<'a>> {
    let PlainClick { path, query, host, .. } = *click;
    if path.len() + query.len() > TARGET_BYTES_MAX || !is_host(host) {
        return None;
    }
    target(hosts, host, (path, query), Method::Get).ok()
}

fn target<'a>(
    hosts: &'a Hosts,
    host: &str,
    (path, query): (&'a str, &'a str),
    method: Method,
) -> Result<Target<'a>, Refusal> {
    if let Some(fixed) = Fixed::at(path) {
        return Ok(Target::Fixed(fixed));
    }
    let domain = hosts.of(host).ok_or(Refusal::OtherHost)?;
    Ok(Target::Slug(Asked { domain, path, query, method }))
}

/// What has to be known of the headers before anything is looked up, from one walk through them: three look-ups by name
/// take longer.
#[derive(Default)]
struct Head<'a> {
    host: Option<&'a HeaderValue>,
    has_many_hosts: bool,
    /// A redirect has no use for a body, and a body is where request smuggling begins.
    announces_body: bool,
}

impl<'a> Head<'a> {
    fn of(headers: &'a HeaderMap) -> Self {
        let mut head = Self::default();
        for (name, value) in headers {
            match *name {
                HOST => head.has_many_hosts |= head.host.replace(value).is_some(),
                TRANSFER_ENCODING => head.announces_body = true,
                CONTENT_LENGTH => head.announces_body |= value != "0",
                _ => {}
            }
        }
        head
    }
}

/// The one host of a request: of an absolute target if it has one (RFC 9112 section 3.2.2), else the Host header.
fn host<'a, B>(request: &'a Request<B>, head: &Head<'a>) -> Result<&'a str, Refusal> {
    let value = head.host.filter(|_| !head.has_many_hosts).ok_or(Refusal::Malformed)?;
    let header = value.to_str().ok().filter(|host| is_host(host)).ok_or(Refusal::Malformed)?;
    match request.uri().authority() {
        Some(authority) if is_host(authority.as_str()) => Ok(authority.as_str()),
        Some(_) => Err(Refusal::Malformed),
        None => Ok(header),
    }
}

/// Whether a text is a host with an optional port. Deliberately narrower than the grammar: no user, no escapes.
fn is_host(text: &str) -> bool {
    if text.len() > HOST_BYTES_MAX {
        return false;
    }
    let (name, rest) = match text.strip_prefix('[') {
        Some(bracketed) => match bracketed.split_once(']') {
            Some((address, rest)) if address.parse::<Ipv6Addr>().is_ok() => (address, rest),
            _ => return false,
        },
        None => text.split_at(text.bytes().position(|byte| !is_of_a_name(byte)).unwrap_or(text.len())),
    };
    let rest_is_good = match rest.strip_prefix(':') {
        Some(port) => !name.ends_with('.') && is_port(port),
        None => rest.is_empty() || rest == ".",
    };
    rest_is_good && !name.is_empty() && name != "."
}

fn is_of_a_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_')
}

fn is_port(text: &str) -> bool {
    // Numbers may have a sign, ports may not.
    !text.starts_with('+') && text.parse::<u16>().is_ok()
}

/// A host without its port and its trailing dot.
fn host_name(host: &str) -> &str {
    if host.starts_with('[') {
        return host.find(']').map_or(host, |end| &host[..=end]);
    }
    let name = host.split_once(':').map_or(host, |(name, _)| name);
    name.strip_suffix('.').unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::links::{DomainConfig, Scheme, SlugMatching};

    #[test]
    fn a_host_is_a_name_or_an_address_with_an_optional_port_and_nothing_else() {
        for good in ["example.com", "EXAMPLE.com:8080", "127.0.0.1:80", "[::1]:8080", "[2001:db8::1]", "a.b.", "x_y"] {
            assert!(is_host(good), "{good}");
        }
        for bad in ["", ":80", "a:b", "a:99999", "a b", "user@host", "a/b", "[::1", "::1", "a:80:90", "[x]", "a\t"] {
            assert!(!is_host(bad), "{bad}");
        }
        for bad in [".", "a:", "a:+80", "a.:80", "[]", "[::1]:", "[::1]a", "[::1]]", "\u{e9}"] {
            assert!(!is_host(bad), "{bad}");
        }
    }

    #[test]
    fn case_port_and_trailing_dot_do_not_make_another_host() {
        let configured = ["go.example.com", "x.example.com"].map(|host| DomainConfig {
            host: host.to_owned(),
            scheme: Scheme::Https,
            slugs: SlugMatching::Strict,
            former: Vec::new(),
        });
        let address = |port| std::net::SocketAddr::from(([127, 0, 0, 1], port));
        let domains = Domains::new(&configured, address(1), address(2)).unwrap();
        let hosts = Hosts::new(&domains, |_| DomainIndex(0));
        for host in ["x.example.com", "X.example.com", "x.example.com:443", "x.example.com."] {
            assert_eq!(hosts.of(host).map(|domain| domain.name.0.as_str()), Some("x.example.com"), "{host}");
        }
        assert_eq!(hosts.of("go.example.com").map(|domain| domain.matching), Some(Matching::Strict));
        assert!(hosts.of("example.com").is_none());
    }
}
