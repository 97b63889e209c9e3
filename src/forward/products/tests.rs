//! What each product is sent for one click, to the letter; and what of the visitor is in none of it.

use std::borrow::Cow;
use std::sync::Arc;

use compact_str::CompactString;
use serde_json::json;

use super::*;
use crate::domain::click::{Click, Device, Look, Origin, Place};
use crate::domain::link::{LinkFacts, LinkId};
use crate::domain::placement::Level;
use crate::domain::utm::Utm;
use crate::domain::visitor::Visitor;
use crate::forward::secret::Secret;
use crate::links::Domains;

const AGENT: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X)";

fn click() -> Click {
    let text = CompactString::const_new;
    let link = LinkFacts {
        id: LinkId(7),
        domain: String::new(),
        slug: "spring".to_owned(),
        utm: Utm {
            source: Some("instagram".to_owned()),
            medium: Some("social".to_owned()),
            campaign: Some("a&b c".to_owned()),
            ..Utm::default()
        },
        platform: Some("instagram".to_owned()),
        level: Level::Story,
    };
    let look = Look {
        referrer_host: text("l.instagram.com"),
        referrer_path: text("/x"),
        device: Device::Mobile,
        os: text("iOS"),
        browser: text("Instagram"),
        language: text("sv"),
        user_agent: AGENT.into(),
        ..Look::default()
    };
    let origin = Origin {
        source: text("instagram"),
        seen_on: text("instagram"),
        channel: text("Organic Social"),
        ..Origin::default()
    };
    let place = Place { country: text("SE"), region: text("Sk\u{e5}ne"), city: text("Malm\u{f6}"), ..Place::default() };
    Click {
        id: uuid::Uuid::from_u128(0x018b_cfe5_6800_7000_8000_0000_0000_0001),
        time_ms: 1_700_000_000_123,
        look: Cow::Owned(Arc::new(look)),
        origin: Cow::Owned(Arc::new(origin)),
        place: Cow::Owned(Arc::new(place)),
        ..Click::blank(Arc::new(link), Visitor(0xabc_0000_0001))
    }
}

fn domains() -> Domains {
    let domain = toml::from_str("host = \"go.example\"").unwrap();
    Domains::new(&[domain], "127.0.0.1:1".parse().unwrap(), "127.0.0.1:2".parse().unwrap()).unwrap()
}

fn hook(kind: Kind, site: &str) -> Hook {
    Hook { site: site.to_owned(), event: "short_link_click".to_owned(), ..Hook::blank(kind, "https://x.example") }
}

fn sent(hook: &Hook) -> (Vec<(String, String)>, serde_json::Value) {
    let click = click();
    let (headers, body) = of_click(hook, &Shown::of(&click, &domains()));
    (headers, serde_json::from_str(&body).unwrap())
}

const URL: &str = "https://go.example/spring?utm_source=instagram&utm_medium=social&utm_campaign=a%26b+c";

#[test]
fn analytics_is_sent_an_event_of_a_client_with_its_own_time() {
    let (headers, body) = sent(&hook(Kind::Ga4, "G-1"));
    assert!(headers.is_empty());
    let expected = json!({
        "client_id": "00000abc00000001",
        "timestamp_micros": 1_700_000_000_123_000_i64,
        "consent": {"ad_user_data": "DENIED", "ad_personalization": "DENIED"},
        "user_location": {"country_id": "SE", "city": "Malm\u{f6}"},
        "device": {"category": "mobile", "language": "sv", "operating_system": "iOS", "browser": "Instagram"},
        "events": [{"name": "short_link_click", "params": {
            "session_id": (0xabc_0000_0001_u64 % 10_000_000_000).to_string(), "engagement_time_msec": 1,
            "page_location": URL, "page_referrer": "https://l.instagram.com/x", "link_id": "7", "slug": "spring",
            "source": "instagram", "medium": "social", "campaign": "a&b c", "platform": "instagram", "level": "story",
            "seen_on": "instagram", "channel": "Organic Social", "click_id": "018bcfe5-6800-7000-8000-000000000001",
        }}],
    });
    assert_eq!(body, expected);
}

#[test]
fn analytics_takes_no_more_than_25_parameters_of_100_characters() {
    let long = "x".repeat(300);
    let mut click = click();
    let link = Arc::make_mut(click.link.to_mut());
    link.utm = Utm {
        campaign: Some(long.clone()),
        term: Some(long.clone()),
        content: Some(long.clone()),
        id: Some(long.clone()),
        ..link.utm.clone()
    };
    let body: serde_json::Value =
        serde_json::from_str(&ga4::body(&hook(Kind::Ga4, "G-1"), &Shown::of(&click, &domains()))).unwrap();
    let params = body["events"][0]["params"].as_object().unwrap();
    assert!(params.len() <= 25 && body.to_string().len() < 130_000);
    assert!(
        params.iter().filter(|(name, _)| !name.starts_with("page_")).all(|(_, value)| value.to_string().len() <= 102)
    );
    assert!(params["page_location"].as_str().unwrap().len() <= 1000);
}

#[test]
fn plausible_is_sent_the_visitors_browser_and_an_address_that_is_nobodys() {
    let (headers, body) = sent(&hook(Kind::Plausible, "example.com"));
    let expected = [("user-agent", AGENT), ("x-forwarded-for", "2001:db8::abc:0:1")];
    assert_eq!(headers, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let expected = json!({
        "name": "short_link_click", "domain": "example.com", "url": URL, "referrer": "https://l.instagram.com/x",
        "props": {"slug": "spring", "platform": "instagram", "level": "story", "source": "instagram",
            "seen_on": "instagram", "country": "SE"},
    });
    assert_eq!(body, expected);
}

#[test]
fn umami_is_sent_an_event_or_a_page_view_with_its_own_time() {
    let mut umami = hook(Kind::Umami, "0a1b2c3d-0000-4000-8000-000000000000");
    let (headers, body) = sent(&umami);
    assert_eq!(headers, [("user-agent".to_owned(), AGENT.to_owned())]);
    let mut expected = json!({
        "type": "event",
        "payload": {
            "website": "0a1b2c3d-0000-4000-8000-000000000000", "hostname": "go.example",
            "url": "/spring?utm_source=instagram&utm_medium=social&utm_campaign=a%26b+c",
            "referrer": "https://l.instagram.com/x", "language": "sv", "title": "spring", "id": "00000abc00000001",
            "ip": "2001:db8::abc:0:1", "userAgent": AGENT, "timestamp": 1_700_000_000, "name": "short_link_click",
            "data": {"platform": "instagram", "level": "story", "source": "instagram", "seen_on": "instagram",
                "country": "SE"},
        },
    });
    assert_eq!(body, expected);
    umami.event = PAGEVIEW.to_owned();
    for gone in ["name", "data"] {
        expected["payload"].as_object_mut().unwrap().remove(gone);
    }
    assert_eq!(sent(&umami).1, expected);
}

#[test]
fn matomo_is_sent_requests_in_bulk_and_the_place_only_with_a_token() {
    let with_token = hook(Kind::Matomo, "3");
    let (_, body) = sent(&with_token);
    let request = body[0].as_str().unwrap().to_owned();
    let query: Vec<(String, String)> =
        url::form_urlencoded::parse(request.strip_prefix('?').unwrap().as_bytes()).into_owned().collect();
    assert!(request.starts_with("?idsite=3&rec=1&"), "{request}");
    let expected = [
        ("idsite", "3"),
        ("rec", "1"),
        ("apiv", "1"),
        ("url", URL),
        ("action_name", "spring"),
        ("cid", "00000abc00000001"),
        ("rand", "018bcfe5680070008000000000000001"),
        ("cdt", "1700000000"),
        ("ca", "1"),
        ("e_c", "Waypost"),
        ("e_a", "short_link_click"),
        ("e_n", "spring"),
        ("urlref", "https://l.instagram.com/x"),
        ("ua", AGENT),
        ("lang", "sv"),
        ("country", "se"),
        ("city", "Malm\u{f6}"),
    ];
    assert_eq!(query, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let without = Hook { secret: None, event: PAGEVIEW.to_owned(), ..with_token };
    let (_, body) = sent(&without);
    let request = body[0].as_str().unwrap();
    for absent in ["country=", "city=", "e_c=", "ca="] {
        assert!(!request.contains(&format!("&{absent}")), "{request}");
    }
    assert_eq!(matomo::bulk("[\"?a=1\"]", None), "{\"requests\":[\"?a=1\"]}");
    let token = Secret::given("a\"b");
    let bulk: serde_json::Value = serde_json::from_str(&matomo::bulk("[\"?a=1\"]", Some(token.reveal()))).unwrap();
    assert_eq!(bulk, json!({"requests": ["?a=1"], "token_auth": "a\"b"}));
}

#[test]
fn what_a_click_does_not_show_is_not_sent() {
    let blank = Click::blank(click().link.into_owned(), Visitor(1));
    let domains = domains();
    let shown = Shown::of(&blank, &domains);
    for kind in [Kind::Ga4, Kind::Plausible, Kind::Umami, Kind::Matomo] {
        let (headers, body) = of_click(&hook(kind, "3"), &shown);
        assert!(!body.contains("user_location") && !body.contains("urlref") && !body.contains("city"), "{body}");
        assert!(headers.iter().all(|(_, value)| !value.is_empty()), "{headers:?}");
    }
}

#[test]
fn a_browser_that_lies_about_itself_cannot_break_a_header() {
    let mut click = click();
    Arc::make_mut(click.look.to_mut()).user_agent = "a\r\nX-Evil: 1\u{fc}".into();
    assert_eq!(user_agent(&Shown::of(&click, &domains())), "aX-Evil: 1");
}
