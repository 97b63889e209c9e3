//! The guard: which addresses a hook may send to. It is asked with the very addresses that are then connected to, so that
//! a name cannot mean one address when it is checked and another one when it is used.
//!
//! It must never let one address pass because another one of the same name does.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use async_trait::async_trait;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// The networks of IPv4 that are not the public internet (IANA's registry of special-purpose addresses, and multicast).
const NOT_PUBLIC: [Ipv4Net; 16] = [
    net(0, 0, 0, 0, 8),
    net(10, 0, 0, 0, 8),
    net(100, 64, 0, 0, 10),
    net(127, 0, 0, 0, 8),
    net(169, 254, 0, 0, 16),
    net(172, 16, 0, 0, 12),
    net(192, 0, 0, 0, 24),
    net(192, 0, 2, 0, 24),
    net(192, 31, 196, 0, 24),
    net(192, 88, 99, 0, 24),
    net(192, 168, 0, 0, 16),
    net(198, 18, 0, 0, 15),
    net(198, 51, 100, 0, 24),
    net(203, 0, 113, 0, 24),
    net(224, 0, 0, 0, 4),
    net(240, 0, 0, 0, 4),
];

/// All that IANA has given out as global unicast; what is not in it is loopback, link-local, unique local, multicast, or an
/// IPv4 address in another dress (NAT64, IPv4-compatible).
const GLOBAL_UNICAST: Ipv6Net = net6(0x2000, 0, 0, 3);

/// What of it leads elsewhere: protocol assignments with Teredo in them, documentation, and 6to4, which holds any IPv4 address.
const NOT_PUBLIC_6: [Ipv6Net; 4] =
    [net6(0x2001, 0, 0, 23), net6(0x2001, 0xdb8, 0, 32), net6(0x2002, 0, 0, 16), net6(0x3fff, 0, 0, 20)];

const fn net(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn net6(a: u16, b: u16, c: u16, prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0), prefix)
}

/// Whether this is an address of the public internet.
fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => !NOT_PUBLIC.iter().any(|network| network.contains(&address)),
        IpAddr::V6(address) => {
            GLOBAL_UNICAST.contains(&address) && !NOT_PUBLIC_6.iter().any(|network| network.contains(&address))
        }
    }
}

/// A target leads where no hook may send to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Blocked {
    #[error(
        "{0} is not an address of the public internet: if it is a network of yours, put that into hooks.allow_private"
    )]
    Private(IpAddr),
    #[error("{0} is not in hooks.allow_private, and only those networks are sent to without TLS: use https://")]
    Open(IpAddr),
    #[error("the name has no address")]
    Nowhere,
}

/// What may be sent to.
#[derive(Clone, Debug)]
pub(crate) struct Guard {
    own: Arc<[IpNet]>,
}

impl Guard {
    /// `own` are networks of the operator's, which may be sent to although they are private, and without TLS.
    pub(crate) fn new(own: &[IpNet]) -> Self {
        Self { own: own.into() }
    }

    /// Whether there is any network that may be sent to without TLS.
    pub(super) fn has_own_networks(&self) -> bool {
        !self.own.is_empty()
    }

    /// # Errors
    /// Unless the address is public and the connection secure, or it is the operator's own.
    pub(super) fn check(&self, address: IpAddr, is_secure: bool) -> Result<(), Blocked> {
        let canonical = address.to_canonical();
        if self.own.iter().any(|network| network.contains(&canonical)) {
            return Ok(());
        }
        match (is_public(canonical), is_secure) {
            (true, true) => Ok(()),
            (true, false) => Err(Blocked::Open(address)),
            (false, _) => Err(Blocked::Private(address)),
        }
    }

    /// An address that is written out in a URL is connected to without being looked up, so it is checked apart.
    ///
    /// # Errors
    /// When it is an address that no hook may send to. Names are checked when they are looked up.
    pub(super) fn check_url(&self, url: &url::Url) -> Result<(), Blocked> {
        let is_secure = url.scheme() == "https";
        match url.host() {
            Some(url::Host::Ipv4(address)) => self.check(address.into(), is_secure),
            Some(url::Host::Ipv6(address)) => self.check(address.into(), is_secure),
            Some(url::Host::Domain(_)) => Ok(()),
            None => Err(Blocked::Nowhere),
        }
    }
}

/// Looks names up.
#[async_trait]
pub(crate) trait Resolver: Send + Sync {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// As this machine does.
pub(crate) struct SystemResolver;

#[async_trait]
impl Resolver for SystemResolver {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        Ok(tokio::net::lookup_host((name, 0)).await?.map(|address| address.ip()).collect())
    }
}

/// Hands out the addresses of a name once all of them are checked; nothing else is connected to.
#[derive(Clone)]
pub(super) struct Checked {
    pub(super) resolver: Arc<dyn Resolver>,
    pub(super) guard: Guard,
    pub(super) is_secure: bool,
}

impl Resolve for Checked {
    fn resolve(&self, name: Name) -> Resolving {
        let checked = self.clone();
        Box::pin(async move {
            let addresses = checked.resolver.resolve(name.as_str()).await?;
            if addresses.is_empty() {
                return Err(Blocked::Nowhere.into());
            }
            for address in &addresses {
                checked.guard.check(*address, checked.is_secure)?;
            }
            Ok(Box::new(addresses.into_iter().map(|address| SocketAddr::new(address, 0))) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address_in(url: &str) -> Result<(), Blocked> {
        Guard::new(&[]).check_url(&url::Url::parse(url).unwrap())
    }

    #[test]
    fn no_private_address_passes_however_it_is_written() {
        for host in [
            "127.0.0.1",
            "127.1",
            "0x7f.1",
            "0177.0.0.1",
            "2130706433",
            "0x7f000001",
            "127.0.0.1.",
            "0",
            "0.0.0.0",
            "10.0.0.1",
            "10.255.255.255",
            "100.64.0.1",
            "100.127.255.255",
            "169.254.169.254",
            "0xa9fea9fe",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.0.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "[::]",
            "[::1]",
            "[::127.0.0.1]",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "[::ffff:169.254.169.254]",
            "[::ffff:0:127.0.0.1]",
            "[64:ff9b::127.0.0.1]",
            "[64:ff9b::a9fe:a9fe]",
            "[64:ff9b:1::1]",
            "[100::1]",
            "[2001::1]",
            "[2001:0:4136:e378::1]",
            "[2001:10::1]",
            "[2001:20::1]",
            "[2001:db8::1]",
            "[2002:7f00:1::]",
            "[2002:a9fe:a9fe::1]",
            "[2002:808:808::1]",
            "[3fff::1]",
            "[5f00::1]",
            "[fc00::1]",
            "[fd00:ec2::254]",
            "[fdff::1]",
            "[fe80::1]",
            "[febf::1]",
            "[fec0::1]",
            "[ff02::1]",
            "[ffff::1]",
        ] {
            for scheme in ["https", "http"] {
                let url = format!("{scheme}://{host}/");
                assert!(matches!(address_in(&url), Err(Blocked::Private(_))), "{url}");
            }
        }
    }

    #[test]
    fn public_addresses_pass_with_tls_and_only_with_it() {
        for host in ["1.1.1.1", "172.32.0.1", "100.128.0.1", "192.0.1.1", "[2606:4700::1111]", "[::ffff:1.1.1.1]"] {
            assert_eq!(address_in(&format!("https://{host}/")), Ok(()), "{host}");
            assert!(matches!(address_in(&format!("http://{host}/")), Err(Blocked::Open(_))), "{host}");
        }
    }

    #[test]
    fn a_network_of_the_operators_passes_in_either_way_and_no_other() {
        let guard = Guard::new(&["10.1.0.0/16".parse().unwrap(), "fd00::/8".parse().unwrap()]);
        let passes = |address: &str, is_secure| guard.check(address.parse().unwrap(), is_secure).is_ok();
        for address in ["10.1.2.3", "::ffff:10.1.2.3", "fd12::1"] {
            assert!(passes(address, true) && passes(address, false), "{address}");
        }
        assert!(!passes("10.2.0.1", true) && !passes("127.0.0.1", true) && !passes("fe80::1", true));
    }

    struct Names(Vec<IpAddr>);

    #[async_trait]
    impl Resolver for Names {
        async fn resolve(&self, _: &str) -> io::Result<Vec<IpAddr>> {
            Ok(self.0.clone())
        }
    }

    #[tokio::test]
    async fn one_private_address_among_public_ones_blocks_the_name() {
        for (addresses, passes) in [
            (vec!["1.1.1.1"], true),
            (vec!["1.1.1.1", "127.0.0.1"], false),
            (vec!["::1", "1.1.1.1"], false),
            (vec![], false),
        ] {
            let addresses = addresses.into_iter().map(|address| address.parse().unwrap()).collect();
            let checked = Checked { resolver: Arc::new(Names(addresses)), guard: Guard::new(&[]), is_secure: true };
            assert_eq!(checked.resolve("hooks.example".parse().unwrap()).await.is_ok(), passes);
        }
    }
}
