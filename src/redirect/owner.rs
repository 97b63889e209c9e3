//! The two addresses of the redirect plane that are meant for its owner: one marks a browser, one tells which address a
//! request is taken to come from. Both need a ticket that the admin plane gave out, else nothing is here.

use std::net::IpAddr;

use http::{HeaderMap, HeaderValue};

use super::address::Proxies;
use crate::domain::owner::{ADDRESS_PATH, COOKIE, COOKIE_SECONDS, Errand, OWNER_PATH, OwnerKey, Void};

/// What a ticket got its bearer.
pub(crate) enum Reply {
    Marked(HeaderValue),
    Unmarked(HeaderValue),
    /// JSON.
    Address(String),
    Expired,
}

/// What somebody gets who asks for `path` with `ticket`; `None` when there is nothing.
pub(super) fn reply(
    key: &OwnerKey,
    proxies: &Proxies,
    (path, ticket): (&str, &str),
    (peer, headers): (IpAddr, &HeaderMap),
    now_ms: i64,
) -> Option<Reply> {
    if path != OWNER_PATH && path != ADDRESS_PATH {
        return None;
    }
    match (path, key.redeem(ticket, now_ms)) {
        (_, Err(Void::Expired)) => Some(Reply::Expired),
        (OWNER_PATH, Ok(Errand::Mark { https })) => {
            Some(Reply::Marked(cookie(&key.mark(now_ms), COOKIE_SECONDS, https)?))
        }
        (OWNER_PATH, Ok(Errand::Unmark)) => Some(Reply::Unmarked(cookie("", 0, false)?)),
        (ADDRESS_PATH, Ok(Errand::Address)) => Some(Reply::Address(address(proxies, peer, headers))),
        _ => None,
    }
}

/// `Lax` sends it along when somebody follows a link from another site, which is what short links are for.
fn cookie(value: &str, seconds: i64, https: bool) -> Option<HeaderValue> {
    let secure = if https { "; Secure" } else { "" };
    let text = format!("{COOKIE}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
    HeaderValue::from_str(&text).ok()
}

fn address(proxies: &Proxies, peer: IpAddr, headers: &HeaderMap) -> String {
    let taken = proxies.take(peer, headers);
    let told = serde_json::json!({
        "address": taken.address,
        "peer": peer.to_canonical(),
        "header": taken.header,
        "why": taken.why.explain(),
    });
    format!("{told}\n")
}
