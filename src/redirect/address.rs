//! Whose request it is: the peer's address, or what a trusted proxy says, and why.

use std::net::IpAddr;

use http::HeaderMap;
use http::header::HeaderName;
use ipnet::IpNet;

use super::Config;

/// The most of a proxy header that is read, in bytes from its end, and the most hops in it.
const HEADER_BYTES_MAX: usize = 1024;
const HOPS_MAX: usize = 16;

/// Why an address was taken for the visitor's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// The peer is no trusted proxy, so its word on others is not taken.
    PeerNotTrusted,
    /// The peer is trusted but sent no header.
    NoHeader,
    /// The right-most address of the header that is not a trusted proxy.
    Header,
    /// The header holds something that is not an address.
    Unreadable,
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
            Self::NoHeader => "the proxy is trusted but sent no such header",
            Self::Header => "the right-most address in the header that is not a trusted proxy",
            Self::Unreadable => "the header holds something that is not an address, so the proxy's own address stands",
            Self::AllTrusted => "every address in the header is a trusted proxy, so the left-most stands",
        }
    }
}

/// The proxies whose word on the visitor's address is taken.
pub(crate) struct TrustedProxies {
    networks: Vec<IpNet>,
    header: Option<HeaderName>,
}

impl TrustedProxies {
    pub(crate) fn new(config: &Config) -> Self {
        let header = config.client_address_header.to_ascii_lowercase().parse().ok();
        Self { networks: config.trusted_proxies.clone(), header }
    }

    /// Whether this peer speaks for others.
    pub(crate) fn trusts(&self, peer: IpAddr) -> bool {
        is_within(&self.networks, peer.to_canonical())
    }

    pub(super) fn client_address(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let peer = peer.to_canonical();
        if self.networks.is_empty() || !self.trusts(peer) {
            return peer;
        }
        let Some(header) = &self.header else { return peer };
        let values = headers.get_all(header).iter().filter_map(|value| value.to_str().ok());
        client_address(peer, values, &self.networks).0
    }
}

/// Which address a request is taken to come from, and why. Several headers of one name read as one list.
pub(crate) fn client_address<'a>(
    peer: IpAddr,
    values: impl DoubleEndedIterator<Item = &'a str>,
    trusted: &[IpNet],
) -> (IpAddr, Why) {
    let peer = peer.to_canonical();
    if !is_within(trusted, peer) {
        return (peer, Why::PeerNotTrusted);
    }
    let mut left_most = None;
    let hops = values.rev().flat_map(|value| tail(value).rsplit(',')).map(str::trim).filter(|hop| !hop.is_empty());
    for hop in hops.take(HOPS_MAX) {
        let Some(address) = address_of(hop) else { return (left_most.unwrap_or(peer), Why::Unreadable) };
        if !is_within(trusted, address) {
            return (address, Why::Header);
        }
        left_most = Some(address);
    }
    left_most.map_or((peer, Why::NoHeader), |address| (address, Why::AllTrusted))
}

fn is_within(networks: &[IpNet], address: IpAddr) -> bool {
    networks.iter().any(|network| network.contains(&address))
}

fn tail(value: &str) -> &str {
    &value[value.ceil_char_boundary(value.len().saturating_sub(HEADER_BYTES_MAX))..]
}

/// An address with an optional port: `1.2.3.4`, `1.2.3.4:80`, `2001:db8::1`, `[2001:db8::1]:80`.
fn address_of(hop: &str) -> Option<IpAddr> {
    let bare = hop.parse::<IpAddr>().ok();
    let with_port = || hop.parse::<std::net::SocketAddr>().ok().map(|socket| socket.ip());
    let bracketed = || hop.strip_prefix('[')?.strip_suffix(']')?.parse::<IpAddr>().ok();
    bare.or_else(with_port).or_else(bracketed).map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(peer: &str, header: &[&str], expect: &str, why: Why) {
        let trusted = ["127.0.0.1/32".parse().unwrap(), "10.0.0.0/8".parse().unwrap()];
        let found = client_address(peer.parse().unwrap(), header.iter().copied(), &trusted);
        assert_eq!(found, (expect.parse().unwrap(), why), "{peer} {header:?}");
    }

    #[test]
    fn only_a_trusted_proxy_is_believed_and_only_its_right_most_stranger() {
        check("203.0.113.5", &["1.2.3.4"], "203.0.113.5", Why::PeerNotTrusted);
        check("127.0.0.1", &["1.2.3.4"], "1.2.3.4", Why::Header);
        check("127.0.0.1", &["6.6.6.6, 1.2.3.4, 10.0.0.7"], "1.2.3.4", Why::Header);
        check("127.0.0.1", &["6.6.6.6", "1.2.3.4, 10.0.0.7"], "1.2.3.4", Why::Header);
        check("::ffff:127.0.0.1", &["::ffff:1.2.3.4"], "1.2.3.4", Why::Header);
        check("127.0.0.1", &["[2001:db8::1]:443"], "2001:db8::1", Why::Header);
        check("127.0.0.1", &["1.2.3.4:5678"], "1.2.3.4", Why::Header);
        check("127.0.0.1", &[], "127.0.0.1", Why::NoHeader);
        check("127.0.0.1", &["unknown"], "127.0.0.1", Why::Unreadable);
        check("127.0.0.1", &["10.0.0.9, 10.0.0.8"], "10.0.0.9", Why::AllTrusted);
    }

    #[test]
    fn an_endless_header_is_read_from_its_end_and_only_so_far() {
        let long = format!("{}1.2.3.4", "10.0.0.1,".repeat(10_000));
        check("127.0.0.1", &[&long], "1.2.3.4", Why::Header);
        let hops = "10.0.0.1,".repeat(10_000);
        check("127.0.0.1", &[&hops], "10.0.0.1", Why::AllTrusted);
    }
}
