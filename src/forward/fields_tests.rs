//! What is taken for a hook, and what is refused by which field.

use serde_json::json;

use super::*;

fn domains() -> Domains {
    let config = crate::config::Config::default_values();
    Domains::new(&[], config.redirect.address, config.admin.address).unwrap()
}

fn made(fields: &serde_json::Value, own: &[ipnet::IpNet]) -> Result<Hook, Invalid> {
    let fields: HookFields = serde_json::from_value(fields.clone()).unwrap();
    let (domains, guard) = (domains(), Guard::new(own));
    fields.new_hook(&Checks { domains: &domains, guard: &guard, now: Timestamp::UNIX_EPOCH })
}

#[test]
fn a_url_is_enough_for_a_webhook_of_human_clicks() {
    let hook = made(&json!({"url": "https://example.com/hook?token=1"}), &[]).unwrap();
    assert_eq!((hook.kind, hook.url.as_str()), (Kind::Webhook, "https://example.com/hook?token=1"));
    assert_eq!(
        (hook.events, hook.filter.verdicts.as_slice(), hook.active),
        (Events::CLICKS, &[Verdict::Human][..], true)
    );
}

#[test]
fn each_product_has_its_usual_address_and_needs_what_it_knows_the_site_by() {
    for (fields, url) in [
        (json!({"kind": "ga4", "site": "G-A1B2", "secret": "s"}), "https://www.google-analytics.com"),
        (json!({"kind": "plausible", "site": "example.com"}), "https://plausible.io"),
        (json!({"kind": "umami", "site": "0a1b2c3d-0000-4000-8000-000000000000"}), "https://cloud.umami.is"),
        (json!({"kind": "matomo", "site": "7", "url": "https://stats.example/"}), "https://stats.example"),
    ] {
        let hook = made(&fields, &[]).unwrap();
        assert_eq!((hook.url.as_str(), hook.event.as_str()), (url, EVENT));
    }
}

#[test]
fn what_cannot_be_is_refused_by_field() {
    for (fields, field) in [
        (json!({}), "url"),
        (json!({"url": "example.com"}), "url"),
        (json!({"url": "ftp://example.com"}), "url"),
        (json!({"url": "http://example.com"}), "url"),
        (json!({"url": "https://me:pw@example.com"}), "url"),
        (json!({"url": "https://127.0.0.1/"}), "url"),
        (json!({"url": "https://[::ffff:10.0.0.1]/"}), "url"),
        (json!({"url": "https://example.com/#x"}), "url"),
        (json!({"url": "https://example.com", "kind": "slack"}), "kind"),
        (json!({"url": "https://example.com", "secret": "mine"}), "secret"),
        (json!({"url": "https://example.com", "site": "x"}), "site"),
        (json!({"url": "https://example.com", "events": []}), "events"),
        (json!({"url": "https://example.com", "events": ["sales"]}), "events"),
        (json!({"url": "https://example.com", "verdicts": ["robot"]}), "verdicts"),
        (json!({"url": "https://example.com", "domains": ["other.example"]}), "domains"),
        (json!({"url": "https://example.com", "name": "a\nb"}), "name"),
        (json!({"kind": "ga4", "site": "G-1"}), "secret"),
        (json!({"kind": "ga4", "site": "UA-1", "secret": "s"}), "site"),
        (json!({"kind": "ga4", "site": "G-1", "secret": "s", "event": "a b"}), "event"),
        (json!({"kind": "plausible"}), "site"),
        (json!({"kind": "plausible", "site": "a", "events": ["links"]}), "events"),
        (json!({"kind": "plausible", "site": "a", "verdicts": ["bot"]}), "verdicts"),
        (json!({"kind": "umami", "site": "7"}), "site"),
        (json!({"kind": "matomo", "site": "x", "url": "https://stats.example"}), "site"),
        (json!({"kind": "matomo", "site": "7"}), "url"),
    ] {
        assert_eq!(made(&fields, &[]).unwrap_err().field, field, "{fields}");
    }
}

#[test]
fn a_network_of_ones_own_may_be_sent_to_without_tls() {
    let own = ["10.0.0.0/8".parse().unwrap()];
    assert!(made(&json!({"url": "http://10.1.2.3:9000/x"}), &own).is_ok());
    assert_eq!(made(&json!({"url": "http://11.1.2.3/x"}), &own).unwrap_err().field, "url");
}

#[test]
fn an_edit_keeps_what_it_does_not_name_and_never_the_kind_or_a_foreign_secret() {
    let before = made(&json!({"kind": "ga4", "site": "G-1", "secret": "s", "campaigns": ["a"]}), &[]).unwrap();
    let (domains, guard) = (domains(), Guard::new(&[]));
    let checks = Checks { domains: &domains, guard: &guard, now: Timestamp::UNIX_EPOCH };
    let edit = |fields: serde_json::Value| {
        let fields: HookFields = serde_json::from_value(fields).unwrap();
        fields.over(&before, &checks)
    };
    let after = edit(json!({"active": false, "campaigns": null, "event": null})).unwrap();
    assert_eq!((after.active, after.filter.campaigns.len(), after.has_secret()), (false, 0, true));
    assert_eq!(edit(json!({"kind": "umami"})).unwrap_err().field, "kind");
    assert_eq!(edit(json!({"secret": null})).unwrap_err().field, "secret");
    let elsewhere = json!({"url": "https://elsewhere.example"});
    assert_eq!(edit(elsewhere).unwrap_err().field, "secret");
    assert!(edit(json!({"url": "https://elsewhere.example", "secret": "t"})).is_ok());
}
