//! Umami's `/api/send`: one event per request, with its own time. What it does not know of it passes over, so a version
//! without `timestamp`, `ip` or `userAgent` dates an event when it arrives.

use serde_json::{Map, Value, json};

use super::{PAGEVIEW, made_up_address, user_agent};
use crate::forward::hook::Hook;
use crate::forward::message::Shown;

pub(super) fn headers(shown: &Shown<'_>) -> Vec<(String, String)> {
    vec![("user-agent".to_owned(), user_agent(shown))]
}

pub(super) fn body(hook: &Hook, shown: &Shown<'_>) -> String {
    let click = shown.click;
    let path =
        shown.url.query().map_or_else(|| shown.url.path().to_owned(), |query| format!("{}?{query}", shown.url.path()));
    let mut payload = json!({
        "website": hook.site,
        "hostname": shown.url.host_str().unwrap_or_default(),
        "url": path,
        "referrer": shown.referrer.as_deref().unwrap_or_default(),
        "language": click.look.language.as_str(),
        "title": click.link.slug,
        "id": shown.visitor(),
        "ip": made_up_address(shown).to_string(),
        "userAgent": user_agent(shown),
        "timestamp": click.time_ms.div_euclid(1000),
    });
    if hook.event != PAGEVIEW {
        payload["name"] = json!(hook.event);
        payload["data"] = data(shown).into();
    }
    json!({ "type": "event", "payload": payload }).to_string()
}

fn data(shown: &Shown<'_>) -> Map<String, Value> {
    let (click, link) = (shown.click, &shown.click.link);
    let said = [
        ("platform", link.platform.as_deref().unwrap_or_default()),
        ("level", link.level.as_str()),
        ("source", click.origin.source.as_str()),
        ("seen_on", click.origin.seen_on.as_str()),
        ("country", click.place.country.as_str()),
    ];
    let said = said.into_iter().filter(|(_, value)| !value.is_empty());
    said.map(|(name, value)| (name.to_owned(), value.into())).collect()
}
