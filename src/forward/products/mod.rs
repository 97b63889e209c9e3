//! The products that clicks are passed on to: what each is sent, by its documented interface. `docs/hooks.md` has the facts
//! and where they are from.
//!
//! No product is ever sent a visitor's address: there is none in a click. Where one is asked for it gets
//! [`made_up_address`].

mod ga4;
pub(super) mod matomo;
mod plausible;
mod umami;

use std::net::Ipv6Addr;

use super::hook::{Hook, Kind};
use super::message::Shown;

/// What a click is called where it shall count as a page view.
pub(super) const PAGEVIEW: &str = "pageview";

/// Headers and body of the request that tells of one click.
pub(super) fn of_click(hook: &Hook, shown: &Shown<'_>) -> (Vec<(String, String)>, String) {
    match hook.kind {
        Kind::Ga4 => (Vec::new(), ga4::body(hook, shown)),
        Kind::Plausible => (plausible::headers(shown), plausible::body(hook, shown)),
        Kind::Umami => (umami::headers(shown), umami::body(hook, shown)),
        Kind::Matomo => (Vec::new(), matomo::requests(hook, std::iter::once(shown))),
        Kind::Webhook => (Vec::new(), String::new()),
    }
}

/// Where below its address a product takes requests.
pub(super) fn path(kind: Kind) -> &'static str {
    match kind {
        Kind::Webhook => "",
        Kind::Ga4 => "/mp/collect",
        Kind::Plausible => "/api/event",
        Kind::Umami => "/api/send",
        Kind::Matomo => "/matomo.php",
    }
}

/// Hours after which a product takes a click for one of now, or not at all. `None`: it has no say, or does not ask.
pub(super) fn hours_max(hook: &Hook) -> Option<i64> {
    match hook.kind {
        Kind::Ga4 => Some(72),
        Kind::Matomo if !hook.has_secret() => Some(24),
        _ => None,
    }
}

/// An address that is nobody's, from the network for documentation (RFC 3849), made of the visitor's daily number: products
/// that tell visitors apart by their address still can, and find no place for it.
fn made_up_address(shown: &Shown<'_>) -> Ipv6Addr {
    Ipv6Addr::from(0x2001_0db8_u128 << 96 | u128::from(shown.click.visitor.0))
}

/// The visitor's own browser, or ours where it did not say.
fn user_agent(shown: &Shown<'_>) -> String {
    let agent = shown.click.look.user_agent.as_str();
    let agent: String = agent.chars().filter(|letter| (' '..='~').contains(letter)).collect();
    if agent.is_empty() { concat!("waypost/", env!("CARGO_PKG_VERSION")).to_owned() } else { agent }
}

/// The first `max` characters.
fn cut(text: &str, max: usize) -> String {
    text.chars().take(max).collect()
}

#[cfg(test)]
mod tests;
