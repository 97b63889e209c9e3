//! Google Analytics 4, Measurement Protocol: one event of one client per request.

use serde_json::{Map, Value, json};

use super::cut;
use crate::domain::click::Device;
use crate::forward::hook::Hook;
use crate::forward::message::Shown;

/// The longest values of an event's parameters, of `page_location` and of `page_referrer`.
const VALUE_CHARS_MAX: usize = 100;
const LOCATION_CHARS_MAX: usize = 1000;
const REFERRER_CHARS_MAX: usize = 420;

pub(super) fn body(hook: &Hook, shown: &Shown<'_>) -> String {
    let click = shown.click;
    let mut body = json!({
        "client_id": shown.visitor(),
        "timestamp_micros": click.time_ms.saturating_mul(1000),
        "consent": { "ad_user_data": "DENIED", "ad_personalization": "DENIED" },
        "events": [{ "name": hook.event, "params": params(shown) }],
    });
    body["device"] = device(shown);
    let place = &click.place;
    if !place.country.is_empty() {
        body["user_location"] = json!({ "country_id": place.country.as_str() });
        if !place.city.is_empty() {
            body["user_location"]["city"] = json!(place.city.as_str());
        }
    }
    body.to_string()
}

fn params(shown: &Shown<'_>) -> Map<String, Value> {
    let click = shown.click;
    let link = &click.link;
    let mut params = Map::new();
    // Without these two an event is in no report that asks for sessions or users.
    params.insert("session_id".to_owned(), (click.visitor.0 % 10_000_000_000).to_string().into());
    params.insert("engagement_time_msec".to_owned(), 1.into());
    params.insert("page_location".to_owned(), cut(shown.url.as_str(), LOCATION_CHARS_MAX).into());
    if let Some(referrer) = &shown.referrer {
        params.insert("page_referrer".to_owned(), cut(referrer, REFERRER_CHARS_MAX).into());
    }
    params.insert("link_id".to_owned(), link.id.0.to_string().into());
    let utm = &link.utm;
    let given = |text: &Option<String>| text.clone().unwrap_or_default();
    for (name, value) in [
        ("slug", link.slug.clone()),
        ("source", given(&utm.source)),
        ("medium", given(&utm.medium)),
        ("campaign", given(&utm.campaign)),
        ("campaign_id", given(&utm.id)),
        ("term", given(&utm.term)),
        ("content", given(&utm.content)),
        ("platform", link.platform.clone().unwrap_or_default()),
        ("level", link.level.as_str().to_owned()),
        ("seen_on", click.origin.seen_on.to_string()),
        ("channel", click.origin.channel.to_string()),
        ("click_id", click.id.to_string()),
    ] {
        if !value.is_empty() {
            params.insert(name.to_owned(), cut(&value, VALUE_CHARS_MAX).into());
        }
    }
    params
}

fn device(shown: &Shown<'_>) -> Value {
    let look = &shown.click.look;
    let mut device = Map::new();
    let category = match look.device {
        Device::Mobile | Device::Wearable => "mobile",
        Device::Tablet => "tablet",
        Device::Tv | Device::Console => "smart TV",
        Device::Desktop => "desktop",
        Device::Other => "",
    };
    let said = [
        ("category", category),
        ("language", look.language.as_str()),
        ("operating_system", look.os.as_str()),
        ("browser", look.browser.as_str()),
    ];
    for (name, value) in said.into_iter().filter(|(_, value)| !value.is_empty()) {
        device.insert(name.to_owned(), value.into());
    }
    device.into()
}
