//! Domains: the hosts that links are served on, and which hosts are this server itself.
//!
//! Nothing here asks the network: what a host name resolves to must never decide what a link may do.

use std::net::{IpAddr, SocketAddr};

use percent_encoding::{CONTROLS, utf8_percent_encode};
use url::Url;

use crate::domain::destination::Destination;
use crate::domain::link::DomainName;
use crate::domain::slug::{Matching, Slug};

use super::{DomainConfig, Scheme, SlugMatching};

/// The configured domains, or the one default domain that answers for every host.
#[derive(Clone, Debug)]
pub(crate) struct Domains {
    /// The first is the default domain, whose name is empty. Never empty.
    list: Vec<Domain>,
    /// Whether every host is served, because none is configured.
    any_host: bool,
    /// Where this server listens, for telling itself from others.
    listeners: [SocketAddr; 2],
}

#[derive(Clone, Debug)]
struct Domain {
    name: DomainName,
    /// Lower-case, in punycode, without port and trailing dot.
    host: String,
    /// `https://go.example.com`
    base: String,
    matching: Matching,
    /// Like `host`.
    former: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DomainsError {
    #[error("domains: {0:?} is not a host name: write it like \"go.example.com\", without scheme and path")]
    NotAHost(String),
    #[error("domains: {0:?} is listed twice")]
    Twice(String),
}

impl Domains {
    /// `redirect` and `admin` are the addresses that were really bound.
    ///
    /// # Errors
    /// When an entry is no host name or is there twice.
    pub(crate) fn new(
        configured: &[DomainConfig],
        redirect: SocketAddr,
        admin: SocketAddr,
    ) -> Result<Self, DomainsError> {
        let mut list: Vec<Domain> = Vec::with_capacity(configured.len().max(1));
        for config in configured {
            let domain = Domain::new(config, list.is_empty())?;
            if list.iter().any(|other| other.host == domain.host) {
                return Err(DomainsError::Twice(domain.host));
            }
            list.push(domain);
        }
        if list.is_empty() {
            list.push(Domain::of_listener(redirect));
        }
        Ok(Self { list, any_host: configured.is_empty(), listeners: [redirect, admin] })
    }

    /// Which domain a request with this `Host` is for; `None` when it is for nobody here (421).
    pub(crate) fn of_host(&self, header: &str) -> Option<&DomainName> {
        if self.any_host {
            return self.list.first().map(|domain| &domain.name);
        }
        let host = without_port(header);
        let host = host.strip_suffix('.').unwrap_or(host);
        self.list.iter().find(|domain| domain.host.eq_ignore_ascii_case(host)).map(|domain| &domain.name)
    }

    /// The domain an owner names; `""` is the default one, and so is its host.
    pub(crate) fn named(&self, text: &str) -> Option<&DomainName> {
        if text.is_empty() {
            return self.list.first().map(|domain| &domain.name);
        }
        let host = serialised_host(text)?;
        self.list.iter().find(|domain| domain.host == host && !self.any_host).map(|domain| &domain.name)
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &DomainName> {
        self.list.iter().map(|domain| &domain.name)
    }

    /// What the short URLs of each domain begin with: `https://go.example.com`.
    pub(crate) fn bases(&self) -> impl Iterator<Item = &str> {
        self.list.iter().map(|domain| domain.base.as_str())
    }

    /// The hosts an owner can choose from, the default one first; none when every host is served.
    pub(crate) fn hosts(&self) -> impl Iterator<Item = &str> {
        self.list.iter().filter(|_| !self.any_host).map(|domain| domain.host.as_str())
    }

    /// Every host that a short URL of ours has or had, with its domain and how that compares slugs.
    pub(crate) fn hosts_of_short_urls(&self) -> impl Iterator<Item = (&str, DomainName, Matching)> {
        self.list.iter().flat_map(|domain| {
            let hosts = std::iter::once(&domain.host).chain(&domain.former);
            hosts.map(|host| (host.as_str(), domain.name.clone(), domain.matching))
        })
    }

    /// How `domain` compares slugs; a domain that is no longer configured ignores case.
    pub(crate) fn matching(&self, domain: &DomainName) -> Matching {
        self.list.iter().find(|known| known.name == *domain).map_or(Matching::IgnoreCase, |known| known.matching)
    }

    /// What people post: `https://go.example.com/spring`.
    pub(crate) fn short_url(&self, domain: &DomainName, slug: &Slug) -> String {
        let slug = utf8_percent_encode(slug.as_str(), CONTROLS);
        match self.list.iter().find(|known| known.name == *domain) {
            Some(known) => format!("{}/{slug}", known.base),
            None => format!("https://{}/{slug}", domain.0),
        }
    }

    /// How people read it: `go.example.com/spring`, the slug as its owner wrote it. Not to be followed.
    pub(crate) fn readable(&self, domain: &DomainName, slug: &Slug) -> String {
        let known = self.list.iter().find(|known| known.name == *domain);
        let host = known.and_then(|known| known.base.split_once("://")).map_or(domain.0.as_str(), |(_, host)| host);
        format!("{host}/{}", slug.as_str())
    }

    /// Whether a destination leads back to this server, which would redirect for ever or reach into its private
    /// plane.
    pub(crate) fn is_own(&self, destination: &Destination) -> bool {
        let (host, port) = destination.host_and_port();
        let host = host.trim_end_matches('.');
        self.hosts().any(|own| own == host) || self.listeners.iter().any(|listener| is_listener(*listener, host, port))
    }
}

impl Domain {
    fn new(config: &DomainConfig, is_default: bool) -> Result<Self, DomainsError> {
        let invalid = || DomainsError::NotAHost(config.host.clone());
        let scheme = match config.scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
        };
        let url = Url::parse(&format!("{scheme}://{}/", config.host)).map_err(|_| invalid())?;
        let host = serialised_host(&config.host).ok_or_else(invalid)?;
        let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
        let matching = match config.slugs {
            SlugMatching::IgnoreCase => Matching::IgnoreCase,
            SlugMatching::Strict => Matching::Strict,
        };
        let name = if is_default { DomainName::DEFAULT } else { DomainName(host.clone()) };
        let former = config.former.iter().map(|host| serialised_host(host).ok_or(DomainsError::NotAHost(host.clone())));
        let former = former.collect::<Result<_, _>>()?;
        Ok(Self { name, base: format!("{scheme}://{host}{port}"), host, matching, former })
    }

    /// The default domain of a server without configuration. A wildcard address is no address to go to.
    fn of_listener(redirect: SocketAddr) -> Self {
        let host = if redirect.ip().is_unspecified() { "localhost".to_owned() } else { without_zone(redirect.ip()) };
        Self {
            name: DomainName::DEFAULT,
            base: format!("http://{host}:{}", redirect.port()),
            host,
            matching: Matching::IgnoreCase,
            former: Vec::new(),
        }
    }
}

fn without_zone(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    }
}

/// Lower-case, in punycode, without port and trailing dot; `None` when `text` is more or less than a host.
fn serialised_host(text: &str) -> Option<String> {
    let url = Url::parse(&format!("http://{text}/")).ok()?;
    let is_bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none() && !text.contains(['@', '\\']);
    let host = url.host_str()?.trim_end_matches('.');
    (is_bare && !host.is_empty()).then(|| host.to_owned())
}

fn without_port(header: &str) -> &str {
    match header.rfind(':') {
        Some(colon) if header.rfind(']').is_none_or(|bracket| bracket < colon) => &header[..colon],
        _ => header,
    }
}

fn is_listener(listener: SocketAddr, host: &str, port: u16) -> bool {
    if listener.port() != port {
        return false;
    }
    let own = listener.ip().to_canonical();
    match host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
        Ok(ip) => {
            let ip = ip.to_canonical();
            ip == own || ((ip.is_loopback() || ip.is_unspecified()) && (own.is_loopback() || own.is_unspecified()))
        }
        Err(_) => (host == "localhost" || host.ends_with(".localhost")) && (own.is_loopback() || own.is_unspecified()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn domains(hosts: &[&str]) -> Domains {
        let configured: Vec<_> = hosts
            .iter()
            .map(|host| DomainConfig {
                host: (*host).to_owned(),
                scheme: Scheme::Https,
                slugs: if host.starts_with("strict") { SlugMatching::Strict } else { SlugMatching::IgnoreCase },
                former: Vec::new(),
            })
            .collect();
        Domains::new(&configured, "127.0.0.1:8080".parse().unwrap(), "127.0.0.1:8081".parse().unwrap()).unwrap()
    }

    #[test]
    fn without_configuration_every_host_is_the_default_domain() {
        let domains = domains(&[]);
        for host in ["", "localhost:8080", "GO.example.com.", "[::1]:8080"] {
            assert_eq!(domains.of_host(host), Some(&DomainName::DEFAULT));
        }
        let slug = Slug::parse("a/é").unwrap();
        assert_eq!(domains.short_url(&DomainName::DEFAULT, &slug), "http://127.0.0.1:8080/a/%C3%A9");
        assert_eq!(domains.readable(&DomainName::DEFAULT, &slug), "127.0.0.1:8080/a/é");
        assert_eq!(domains.named("other.example"), None);
    }

    #[test]
    fn a_host_is_matched_without_case_port_and_trailing_dot_and_the_first_is_the_default() {
        let domains = domains(&["Go.Example.com", "strict.example:8443", "bücher.example"]);
        assert_eq!(domains.of_host("GO.example.com.:443"), Some(&DomainName::DEFAULT));
        assert_eq!(domains.of_host("strict.example:1"), Some(&DomainName("strict.example".to_owned())));
        assert_eq!(domains.of_host("other.example"), None);
        assert_eq!(domains.named("Bücher.example").unwrap().0, "xn--bcher-kva.example");
        assert_eq!(domains.named("go.example.com"), Some(&DomainName::DEFAULT));
        let strict = DomainName("strict.example".to_owned());
        assert_eq!(domains.matching(&strict), Matching::Strict);
        assert_eq!(domains.short_url(&strict, &Slug::parse("A").unwrap()), "https://strict.example:8443/A");
    }

    #[test]
    fn an_entry_that_is_no_host_or_is_there_twice_is_refused() {
        let new = |host: &str| {
            let entry = DomainConfig {
                host: host.to_owned(),
                scheme: Scheme::Https,
                slugs: SlugMatching::IgnoreCase,
                former: Vec::new(),
            };
            let other = DomainConfig { host: "a.example.".to_owned(), ..entry.clone() };
            Domains::new(&[entry, other], "127.0.0.1:1".parse().unwrap(), "127.0.0.1:2".parse().unwrap())
        };
        for host in ["", "https://a.example", "a.example/x", "u@a.example", "a b", "a.example?x"] {
            assert_eq!(new(host).unwrap_err(), DomainsError::NotAHost(host.to_owned()));
        }
        assert_eq!(new("A.example").unwrap_err(), DomainsError::Twice("a.example".to_owned()));
    }

    #[test]
    fn e62_former_hosts_are_known_in_texts_and_not_served() {
        let entry = |host: &str, former: &[&str]| DomainConfig {
            host: host.to_owned(),
            scheme: Scheme::Https,
            slugs: SlugMatching::IgnoreCase,
            former: former.iter().map(|host| (*host).to_owned()).collect(),
        };
        let new = |former: &[&str]| {
            let configured = [entry("go.example.com", former), entry("x.example", &[])];
            Domains::new(&configured, "127.0.0.1:1".parse().unwrap(), "127.0.0.1:2".parse().unwrap())
        };
        let domains = new(&["Old.example", "bücher.example"]).unwrap();
        let known: Vec<_> =
            domains.hosts_of_short_urls().map(|(host, domain, _)| (host.to_owned(), domain.0)).collect();
        let of_default = |host: &str| (host.to_owned(), String::new());
        assert_eq!(
            known[..3],
            [of_default("go.example.com"), of_default("old.example"), of_default("xn--bcher-kva.example")]
        );
        assert_eq!(known[3].1, "x.example");
        assert_eq!(domains.of_host("old.example"), None);
        assert_eq!(new(&["a/b"]).unwrap_err(), DomainsError::NotAHost("a/b".to_owned()));
    }

    #[test]
    fn the_server_knows_itself_under_all_its_names() {
        let domains = domains(&["go.example.com", "bücher.example"]);
        let is_own = |url: &str| domains.is_own(&Destination::parse(url, 2048).unwrap());
        for url in [
            "https://GO.example.com/x",
            "http://go.example.com.:99/",
            "https://xn--bcher-kva.example/",
            "http://BÜCHER.example",
            "http://localhost:8080/",
            "http://a.localhost:8081",
            "http://127.0.0.1:8080",
            "http://127.1:8081/",
            "http://0x7f000001:8080/",
            "http://[::1]:8080/",
            "http://[::ffff:127.0.0.1]:8080/",
            "http://0.0.0.0:8080/",
        ] {
            assert!(is_own(url), "{url}");
        }
        for url in ["https://example.com/", "http://localhost:3000/", "http://127.0.0.1/", "https://x.go.example.com/"]
        {
            assert!(!is_own(url), "{url}");
        }
    }
}
