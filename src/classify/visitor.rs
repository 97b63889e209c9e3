//! The visitor: a keyed hash over network prefix, user agent and domain, which nobody can compute without the day's
//! salt. The address itself is never part of it: a /24 or a /64 stands for it.

use std::net::IpAddr;

use siphasher::sip::SipHasher24;

use crate::domain::visitor::{Salt, Visitor};

/// Where each part that is hashed begins: all in whole words, which is how they are read. A host has at most 253 bytes.
const NETWORK: usize = 8;
const AGENT: usize = 16;
const DOMAIN: usize = 32;
const DOMAIN_MAX: usize = 253;

/// SipHash-2-4, a pseudorandom function of 64 bits (Aumasson and Bernstein, 2012), keyed by 128 bits of the day's salt.
///
/// The user agent goes in as the beginning of its BLAKE3 hash, which is remembered with the agent.
pub(super) fn visitor(salt: &Salt, address: IpAddr, user_agent: &[u8; 32], domain: &str) -> Visitor {
    let (family, network) = network(address);
    let mut text = [0_u8; DOMAIN + DOMAIN_MAX];
    text[..NETWORK].copy_from_slice(&family.to_le_bytes());
    text[NETWORK..AGENT].copy_from_slice(&network.to_le_bytes());
    text[AGENT..DOMAIN].copy_from_slice(&user_agent[..DOMAIN - AGENT]);
    let domain = &domain.as_bytes()[..domain.len().min(DOMAIN_MAX)];
    let end = DOMAIN + domain.len();
    text[DOMAIN..end].copy_from_slice(domain);
    let mut key = [0_u8; 16];
    key.copy_from_slice(&salt.0[..16]);
    Visitor(SipHasher24::new_with_key(&key).hash(&text[..end]))
}

/// The family, and the /24 or the /64. An IPv4 address inside IPv6 is the IPv4 address.
fn network(address: IpAddr) -> (u64, u64) {
    match address.to_canonical() {
        IpAddr::V4(address) => (4, u64::from(address.to_bits() >> 8)),
        IpAddr::V6(address) => (6, (address.to_bits() >> 64) as u64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(salt: u8, address: &str, user_agent: u8, domain: &str) -> Visitor {
        visitor(&Salt([salt; 32]), address.parse().unwrap(), &[user_agent; 32], domain)
    }

    #[test]
    fn a_visitor_is_a_network_a_user_agent_and_a_domain_for_one_day() {
        let somebody = of(1, "203.0.113.7", 1, "");
        assert_eq!(of(1, "203.0.113.99", 1, ""), somebody);
        assert_eq!(of(1, "::ffff:203.0.113.7", 1, ""), somebody);
        assert_ne!(of(2, "203.0.113.7", 1, ""), somebody);
        assert_ne!(of(1, "203.0.114.7", 1, ""), somebody);
        assert_ne!(of(1, "203.0.113.7", 2, ""), somebody);
        assert_ne!(of(1, "203.0.113.7", 1, "go.example"), somebody);
    }

    #[test]
    fn an_ipv6_visitor_is_a_whole_64() {
        assert_eq!(of(1, "2001:db8::1", 1, ""), of(1, "2001:db8::ffff:1", 1, ""));
        assert_ne!(of(1, "2001:db8::1", 1, ""), of(1, "2001:db8:0:1::1", 1, ""));
    }
}
