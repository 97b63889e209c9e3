//! Which client address a request would be counted under, and whether the proxies are set up for it.

use std::net::IpAddr;

use super::finding::Finding;
use crate::redirect::address::client_address;

/// One request header as given on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header {
    name: String,
    value: String,
}

pub(super) fn header(text: &str) -> Result<Header, String> {
    let (name, value) = text.split_once(':').ok_or("a header is written as 'X-Forwarded-For: 203.0.113.7'")?;
    let (name, value) = (name.trim().to_ascii_lowercase(), value.trim().to_owned());
    if name.is_empty() || value.is_empty() {
        return Err("a header has a name and a value".to_owned());
    }
    Ok(Header { name, value })
}

/// Says which address is taken from a request of `peer` with `header`, and why.
pub(super) fn explain(config: &crate::redirect::Config, header: &Header, peer: IpAddr) -> Finding {
    const WHAT: &str = "client address";
    let configured = config.client_address_header.to_ascii_lowercase();
    if header.name != configured {
        let why =
            format!("{peer}: {:?} is not looked at, redirect.client_address_header is {configured:?}", header.name);
        return Finding::warn(WHAT, why);
    }
    let (address, why) = client_address(peer, std::iter::once(header.value.as_str()), &config.trusted_proxies);
    Finding::ok(WHAT, format!("{address}: {}", why.explain()))
}

/// Behind a proxy that is not trusted, all clicks seem to come from one visitor: the commonest mistake there is.
pub(super) fn proxies(config: &crate::redirect::Config) -> Finding {
    const WHAT: &str = "proxy headers";
    let header = &config.client_address_header;
    if !config.trusted_proxies.is_empty() {
        let trusted: Vec<_> = config.trusted_proxies.iter().map(ToString::to_string).collect();
        return Finding::ok(WHAT, format!("{header} is believed from {}", trusted.join(", ")));
    }
    if config.address.ip().is_loopback() {
        let why = format!(
            "{header} is believed from nobody: if a reverse proxy stands in front, every click seems to come from it; \
             set redirect.trusted_proxies = [\"127.0.0.1/32\"]"
        );
        return Finding::warn(WHAT, why);
    }
    Finding::ok(WHAT, format!("{header} is believed from nobody; right when no proxy stands in front"))
}

#[cfg(test)]
mod tests {
    use super::super::finding::Grade;
    use super::*;
    use crate::config::Config;

    fn behind_proxy() -> crate::redirect::Config {
        let trusted_proxies = vec!["127.0.0.1/32".parse().unwrap(), "10.0.0.0/8".parse().unwrap()];
        crate::redirect::Config { trusted_proxies, ..Config::default_values().redirect }
    }

    fn explained(given: &str, peer: &str) -> String {
        explain(&behind_proxy(), &header(given).unwrap(), peer.parse().unwrap()).why
    }

    #[test]
    fn the_right_most_entry_that_is_no_proxy_is_the_client() {
        let taken = explained("X-Forwarded-For: 6.6.6.6, 203.0.113.7, 10.0.0.1", "127.0.0.1");
        assert!(taken.starts_with("203.0.113.7: "), "{taken}");
        assert!(explained("X-Forwarded-For: 203.0.113.7", "198.51.100.1").starts_with("198.51.100.1: "));
        assert!(explained("Forwarded: for=203.0.113.7", "127.0.0.1").starts_with("127.0.0.1: "));
    }

    #[test]
    fn a_header_needs_a_name_and_a_value() {
        for wrong in ["203.0.113.7", ": x", "x:", ""] {
            assert!(header(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_proxy_that_nobody_trusts_is_warned_of() {
        assert_eq!(proxies(&Config::default_values().redirect).grade, Grade::Warn);
        assert_eq!(proxies(&behind_proxy()).grade, Grade::Ok);
    }
}
