//! Which client address a request would be counted under, by which rule, and whether the proxies are set up for it.

use std::net::IpAddr;

use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;

use super::finding::Finding;
use crate::cli::client::{Client, ask_openly};
use crate::cli::owner::Tickets;
use crate::redirect::address::{Proxies, Why};

const WHAT: &str = "client address";

/// One request header as given on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header {
    name: HeaderName,
    value: HeaderValue,
}

pub(super) fn header(text: &str) -> Result<Header, String> {
    const FORM: &str = "a header is written as 'X-Forwarded-For: 203.0.113.7'";
    let (name, value) = text.split_once(':').ok_or(FORM)?;
    let name = name.trim().parse().map_err(|_| FORM)?;
    let value = value.trim();
    match HeaderValue::from_str(value) {
        Ok(value) if !value.is_empty() => Ok(Header { name, value }),
        _ => Err(FORM.to_owned()),
    }
}

/// A request as it was described on the command line.
pub(super) struct Asked<'a> {
    pub(super) headers: &'a [Header],
    pub(super) peer: IpAddr,
    /// Whom a PROXY header names.
    pub(super) introduced: Option<IpAddr>,
}

/// Says which address is taken from such a request, and why.
pub(super) fn explain(config: &crate::redirect::Config, asked: &Asked<'_>) -> Vec<Finding> {
    let proxies = Proxies::new(config);
    let mut findings = Vec::new();
    let mut peer = asked.peer;
    match asked.introduced {
        Some(_) if !proxies.introduces(peer) => findings.push(Finding::warn(
            "PROXY header",
            format!("{peer} is not in redirect.proxy_protocol: what begins with a PROXY header is refused"),
        )),
        Some(client) => {
            findings.push(Finding::ok("PROXY header", format!("{client}: {peer} is in redirect.proxy_protocol")));
            peer = client;
        }
        None if proxies.introduces(peer) => findings.push(Finding::warn(
            "PROXY header",
            format!("{peer} is in redirect.proxy_protocol: without a PROXY header its connections are closed"),
        )),
        None => {}
    }
    let mut headers = HeaderMap::new();
    for header in asked.headers {
        headers.append(header.name.clone(), header.value.clone());
    }
    let taken = proxies.take(peer, &headers);
    let by = taken.header.map(|name| format!(" ({name})")).unwrap_or_default();
    let why = format!("{}: {}{by}", taken.address, taken.why.explain());
    let ignored = taken.why != Why::Header && !asked.headers.is_empty();
    findings.push(if ignored { Finding::warn(WHAT, why) } else { Finding::ok(WHAT, why) });
    findings
}

/// What `/.well-known/waypost/address` says.
#[derive(Debug, Deserialize)]
struct Told {
    address: IpAddr,
    peer: IpAddr,
    header: Option<String>,
    why: String,
}

/// Asks each domain by its public address, through whatever stands in front of it, whose request it takes this to be.
pub(super) async fn live(client: &Client) -> anyhow::Result<Vec<Finding>> {
    let tickets: Tickets = client.get("/api/v1/owner", &[]).await?.read()?;
    let mut findings = Vec::new();
    for domain in &tickets.domains {
        // The ticket is good for minutes only, and yet it has no business in anybody's terminal.
        let shown = domain.address.split("/.well-known/").next().unwrap_or_default();
        findings.push(match ask_openly(&domain.address).await {
            Ok((200, text)) => match serde_json::from_str(&text) {
                Ok(told) => judged(shown, &told),
                Err(_) => Finding::fail(WHAT, format!("{shown} is answered by something else than this Waypost")),
            },
            Ok((status, _)) => {
                Finding::fail(WHAT, format!("{shown} answers {status}: is it led to this Waypost's redirect address?"))
            }
            Err(error) => Finding::fail(WHAT, format!("{shown} cannot be reached from here: {error:#}")),
        });
    }
    Ok(findings)
}

fn judged(shown: &str, told: &Told) -> Finding {
    let header = told.header.as_ref().map(|name| format!(", {name}")).unwrap_or_default();
    let why = format!("{shown} sees this machine as {} (connected: {}{header}): {}", told.address, told.peer, told.why);
    // A proxy that nobody trusts sits on a private network nearly always.
    let is_proxys = told.header.is_none() && !is_public(told.peer) && !told.peer.is_loopback();
    if is_proxys { Finding::warn(WHAT, why) } else { Finding::ok(WHAT, why) }
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !address.is_private() && !address.is_loopback() && !address.is_link_local(),
        IpAddr::V6(address) => !address.is_loopback() && !address.is_unique_local() && !address.is_unicast_link_local(),
    }
}

/// Behind a proxy that is not trusted, all clicks seem to come from one visitor: the commonest mistake there is.
pub(super) fn proxies(config: &crate::redirect::Config) -> Vec<Finding> {
    const WHAT: &str = "proxy headers";
    let listed = |networks: &[ipnet::IpNet]| networks.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let names: Vec<_> = config.client_address_headers.iter().map(|header| header.as_str()).collect();
    let mut findings = Vec::new();
    if !config.proxy_protocol.is_empty() {
        let why = format!("connections from {} must begin with one", listed(&config.proxy_protocol));
        findings.push(Finding::ok("PROXY headers", why));
    }
    findings.push(match (config.trusted_proxies.as_slice(), names.as_slice()) {
        ([], _) if config.address.ip().is_loopback() && config.proxy_protocol.is_empty() => Finding::warn(
            WHAT,
            "believed from nobody: if a reverse proxy stands in front, every click seems to come from it; set \
             redirect.trusted_proxies = [\"127.0.0.1/32\"]",
        ),
        ([], _) => Finding::ok(WHAT, "believed from nobody; right when no reverse proxy stands in front"),
        (_, []) => Finding::warn(WHAT, "redirect.trusted_proxies is set, but redirect.client_address_headers names none"),
        (trusted, [name]) => Finding::ok(WHAT, format!("{name} is believed from {}", listed(trusted))),
        (trusted, names) => Finding::warn(
            WHAT,
            format!(
                "the first of {} that a request has is believed from {}: a visitor can send those that your proxy passes \
                 on unchanged, so name only what it sets itself",
                names.join(", "),
                listed(trusted)
            ),
        ),
    });
    findings
}

#[cfg(test)]
mod tests {
    use super::super::finding::Grade;
    use super::*;
    use crate::config::Config;

    fn behind_proxy() -> crate::redirect::Config {
        crate::redirect::Config {
            trusted_proxies: vec!["127.0.0.1/32".parse().unwrap(), "10.0.0.0/8".parse().unwrap()],
            proxy_protocol: vec!["192.0.2.0/24".parse().unwrap()],
            ..Config::default_values().redirect
        }
    }

    fn explained(given: &[&str], peer: &str, introduced: Option<&str>) -> Vec<Finding> {
        let headers: Vec<_> = given.iter().map(|text| header(text).unwrap()).collect();
        let introduced = introduced.map(|address| address.parse().unwrap());
        explain(&behind_proxy(), &Asked { headers: &headers, peer: peer.parse().unwrap(), introduced })
    }

    #[test]
    fn the_address_is_told_with_the_rule_that_fired() {
        let one = |given: &[&str], peer| explained(given, peer, None).pop().unwrap();
        let taken = one(&["X-Forwarded-For: 6.6.6.6, 203.0.113.7, 10.0.0.1"], "127.0.0.1");
        assert!(taken.why.starts_with("203.0.113.7: ") && taken.why.ends_with("(x-forwarded-for)"), "{taken:?}");
        let stranger = one(&["X-Forwarded-For: 203.0.113.7"], "198.51.100.1");
        assert!(stranger.why.starts_with("198.51.100.1: ") && stranger.grade == Grade::Warn, "{stranger:?}");
        assert!(one(&["Forwarded: for=203.0.113.7"], "127.0.0.1").why.starts_with("127.0.0.1: "));
    }

    #[test]
    fn who_a_proxy_header_names_is_the_peer_of_the_headers() {
        let found = explained(&["X-Forwarded-For: 203.0.113.7"], "192.0.2.1", Some("10.0.0.5"));
        assert!(found[1].why.starts_with("203.0.113.7: "), "{found:?}");
        assert_eq!(explained(&[], "192.0.2.1", None)[0].grade, Grade::Warn);
        assert_eq!(explained(&[], "198.51.100.1", Some("10.0.0.5"))[0].grade, Grade::Warn);
    }

    #[test]
    fn a_header_needs_a_name_and_a_value() {
        for wrong in ["203.0.113.7", ": x", "x:", "", "a b: c", "x: \u{1}"] {
            assert!(header(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_proxy_that_nobody_trusts_and_headers_that_a_visitor_may_send_are_warned_of() {
        let grade = |config: &crate::redirect::Config| proxies(config).pop().unwrap().grade;
        assert_eq!(grade(&Config::default_values().redirect), Grade::Warn);
        assert_eq!(grade(&behind_proxy()), Grade::Ok);
        let mut two = behind_proxy();
        two.client_address_headers.push("forwarded".to_owned().try_into().unwrap());
        assert_eq!(grade(&two), Grade::Warn);
    }

    #[test]
    fn a_private_peer_without_a_header_is_probably_a_proxy() {
        let told = |peer: &str| {
            let why = "x".to_owned();
            let peer = peer.parse().unwrap();
            judged("http://x", &Told { address: peer, peer, header: None, why }).grade
        };
        assert_eq!((told("172.30.80.2"), told("203.0.113.7")), (Grade::Warn, Grade::Ok));
    }
}
