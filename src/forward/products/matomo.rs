//! Matomo's tracking API, in bulk: many clicks in one request, oldest first. With a token it is also told the place.

use std::borrow::Borrow;

use url::form_urlencoded::Serializer;

use super::PAGEVIEW;
use crate::forward::hook::Hook;
use crate::forward::message::Shown;

/// The `requests` of a bulk request, as JSON; [`bulk`] makes the body of them.
pub(in crate::forward) fn requests<'a>(hook: &Hook, clicks: impl Iterator<Item = impl Borrow<Shown<'a>>>) -> String {
    let requests: Vec<String> = clicks.map(|shown| request(hook, shown.borrow())).collect();
    serde_json::Value::from(requests).to_string()
}

/// The body of a bulk request: the token is in it, and in nothing that is kept.
pub(in crate::forward) fn bulk(requests: &str, token: Option<&str>) -> String {
    match token {
        Some(token) => format!("{{\"requests\":{requests},\"token_auth\":{}}}", serde_json::Value::from(token)),
        None => format!("{{\"requests\":{requests}}}"),
    }
}

fn request(hook: &Hook, shown: &Shown<'_>) -> String {
    let (click, link) = (shown.click, &shown.click.link);
    let visitor = shown.visitor();
    let mut query = Serializer::for_suffix(String::from("?"), 1);
    query.append_pair("idsite", &hook.site).append_pair("rec", "1").append_pair("apiv", "1");
    query.append_pair("url", shown.url.as_str());
    query.append_pair("action_name", &link.slug);
    query.append_pair("cid", &visitor).append_pair("rand", &click.id.simple().to_string());
    query.append_pair("cdt", &click.time_ms.div_euclid(1000).to_string());
    if hook.event != PAGEVIEW {
        query.append_pair("ca", "1").append_pair("e_c", "Waypost").append_pair("e_a", &hook.event);
        query.append_pair("e_n", &link.slug);
    }
    let place = &click.place;
    let country = place.country.to_ascii_lowercase();
    let said = [
        ("urlref", shown.referrer.as_deref().unwrap_or_default(), true),
        ("ua", click.look.user_agent.as_str(), true),
        ("lang", click.look.language.as_str(), true),
        ("country", country.as_str(), hook.has_secret()),
        ("city", place.city.as_str(), hook.has_secret()),
    ];
    for (name, value, _) in said.into_iter().filter(|(_, value, may)| *may && !value.is_empty()) {
        query.append_pair(name, value);
    }
    query.finish()
}
