//! Plausible's events API: one event per request, dated when it arrives. It tells visitors apart by browser and address.

use serde_json::{Map, Value, json};

use super::{cut, made_up_address, user_agent};
use crate::forward::hook::Hook;
use crate::forward::message::Shown;

/// The longest URL and the longest value of a property.
const TEXT_CHARS_MAX: usize = 2000;

pub(super) fn headers(shown: &Shown<'_>) -> Vec<(String, String)> {
    vec![
        ("user-agent".to_owned(), user_agent(shown)),
        ("x-forwarded-for".to_owned(), made_up_address(shown).to_string()),
    ]
}

pub(super) fn body(hook: &Hook, shown: &Shown<'_>) -> String {
    let mut body = json!({
        "name": hook.event,
        "domain": hook.site,
        "url": cut(shown.url.as_str(), TEXT_CHARS_MAX),
        "props": props(shown),
    });
    if let Some(referrer) = &shown.referrer {
        body["referrer"] = json!(cut(referrer, TEXT_CHARS_MAX));
    }
    body.to_string()
}

fn props(shown: &Shown<'_>) -> Map<String, Value> {
    let (click, link) = (shown.click, &shown.click.link);
    let said = [
        ("slug", link.slug.as_str()),
        ("platform", link.platform.as_deref().unwrap_or_default()),
        ("level", link.level.as_str()),
        ("source", click.origin.source.as_str()),
        ("seen_on", click.origin.seen_on.as_str()),
        // Plausible finds no place for an address that is nobody's.
        ("country", click.place.country.as_str()),
    ];
    let said = said.into_iter().filter(|(_, value)| !value.is_empty());
    said.map(|(name, value)| (name.to_owned(), cut(value, TEXT_CHARS_MAX).into())).collect()
}
