//! Plain clicks, which are answered without hyper: whoever clicks must not be able to tell, and neither must the counts.
//!
//! An empty line before a request is allowed and changes nothing, but makes it hyper's (`docs/adr/012-plain-clicks.md`).

use serde_json::{Value, json};

use crate::support::agents::CHROME_WINDOWS;
use crate::support::app::TestApp;

const PHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) \
                     Mobile/15E148 Instagram 405.0.0.29.75 (iPhone15,2; iOS 18_6; en_US; en; scale=3.00)";

/// What one click and another like it differ in.
const OWN: [&str; 4] = ["id", "time", "link", "slug"];

/// Headers behind a Host, each set of them as one click sends it.
fn heads() -> Vec<Vec<u8>> {
    let long = format!("User-Agent: {}", "Mozilla/5.0 ".repeat(60));
    let many: String = (0..27).map(|number| format!("X-Some-{number}: {number}\r\n")).collect();
    let texts = [
        "",
        "User-Agent:",
        &format!("User-Agent: {CHROME_WINDOWS}\r\nReferer: https://t.co/abc\r\nAccept-Language: de-DE,de;q=0.9"),
        &format!("USER-AGENT:{PHONE}\r\nreferer:https://l.instagram.com/?u=x\r\naccept-LANGUAGE: \t sv-SE  \t"),
        &format!("User-Agent: {CHROME_WINDOWS}\r\nConnection: keep-alive\r\nUpgrade-Insecure-Requests: 1"),
        &format!(
            "User-Agent: {CHROME_WINDOWS}\r\nConnection: Keep-Alive\r\nReferer: https://a.example/\r\nReferer: https://b.example/"
        ),
        &format!("User-Agent: {CHROME_WINDOWS}\r\nSec-Purpose: prefetch;prerender\r\nPurpose: other"),
        &format!("User-Agent: {CHROME_WINDOWS}\r\nX-Moz: prefetch"),
        &format!(
            "Sec-CH-UA: \"Chromium\";v=\"146\", \"Microsoft Edge\";v=\"146\"\r\nsec-ch-ua-mobile: ?1\r\n\
             Sec-CH-UA-Platform: \"Android\"\r\nSec-CH-UA-Form-Factors: \"Tablet\"\r\nUser-Agent: {CHROME_WINDOWS}"
        ),
        &format!("User-Agent: {CHROME_WINDOWS}\r\nX-Requested-With: com.instagram.android"),
        &format!("User-Agent: {CHROME_WINDOWS}\r\nX-Forwarded-For: 11.1.2.3"),
        &format!("User-Agent: {CHROME_WINDOWS}\r\nX-Forwarded-For: 11.9.9.9\r\nx-forwarded-for: 2001:db8::7"),
        &format!("User-Agent: {CHROME_WINDOWS}\r\nX-Forwarded-For: 11.1.2.3, 127.0.0.1"),
        &format!("User-Agent: {CHROME_WINDOWS}\r\nX-Forwarded-For: nobody"),
        &format!("User-Agent: {CHROME_WINDOWS}\r\nCookie: a=b; waypost_owner=made.up.mark"),
        &format!("User-Agent: {CHROME_WINDOWS}\r\n{many}X-Last: 1"),
        "User-Agent: facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
        "User-Agent: curl/8.9.1\r\nAccept: */*",
        &long,
    ];
    let mut heads: Vec<_> = texts.iter().map(|text| text.as_bytes().to_vec()).collect();
    heads.push(b"User-Agent: Mozilla/5.0 caf\xe9 (KHTML) Chrome/1 Safari/1".to_vec());
    heads
}

fn request(begin: &str, target: &str, head: &[u8]) -> Vec<u8> {
    let mut bytes = format!("{begin}GET {target} HTTP/1.1\r\nHost: go.example\r\n").into_bytes();
    bytes.extend_from_slice(head);
    bytes.extend_from_slice(if head.is_empty() { b"\r\n" } else { b"\r\n\r\n" });
    bytes
}

/// The whole answer, but for the second of its date.
fn answer(app: &TestApp, request: &[u8]) -> String {
    let answer = String::from_utf8(app.raw(request)).unwrap();
    let date =
        answer.lines().find(|line| line.starts_with("date: ")).unwrap_or_else(|| panic!("no date in {answer:?}"));
    let instant = date.strip_prefix("date: ").map(jiff::fmt::rfc2822::parse);
    assert!(matches!(instant, Some(Ok(_))) && date.ends_with(" GMT"), "{date}");
    answer.replace(date, "date: then")
}

/// The clicks of a link in the order of their time, without what is their own.
fn clicks(app: &TestApp, slug: &str) -> Vec<Value> {
    let lines = app.cli(&["export", "clicks", "--link", slug, "--format", "jsonl", "--verdict", "all"]).ok();
    let mut clicks: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    clicks.sort_by_key(|click| click["time"].to_string());
    for click in &mut clicks {
        click.as_object_mut().unwrap().retain(|field, _| !OWN.contains(&field.as_str()));
    }
    clicks
}

#[test]
fn a_plain_click_is_answered_byte_for_byte_and_recorded_as_hyper_would() {
    let app = TestApp::start();
    for slug in ["plain", "hyper"] {
        app.link("https://example.com/a?b=1#top", &[("slug", slug), ("utm.source", "x")]);
    }
    let (heads, queries) = (heads(), ["", "?", "?fbclid=AbC&a=2", "?utm_source=evil&x=%0d%0a;:@!$'()*+,"]);
    for head in &heads {
        for query in queries {
            let plain = answer(&app, &request("", &format!("/plain{query}"), head));
            let hyper = answer(&app, &request("\r\n", &format!("/hyper{query}"), head));
            assert!(plain.starts_with("HTTP/1.1 302 Found\r\n"), "{plain}");
            assert_eq!(plain, hyper, "{}", String::from_utf8_lossy(head));
        }
    }
    let all = heads.len() * queries.len();
    // All but those with two hops and with no address at all; the empty line keeps the others from it.
    assert_eq!(app.metric("waypost_plain_answers_total"), (all - 2 * queries.len()) as u64);
    app.eventually("all are exported", || ["plain", "hyper"].iter().all(|slug| clicks(&app, slug).len() == all));
    let (plain, hyper) = (clicks(&app, "plain"), clicks(&app, "hyper"));
    for (plain, hyper) in plain.iter().zip(&hyper) {
        assert_eq!(plain, hyper);
    }
    assert!(
        plain.iter().any(|click| click["verdict"] == "bot") && plain.iter().any(|click| click["verdict"] == "human")
    );
}

#[test]
fn whatever_is_no_redirect_is_answered_as_by_hyper_too() {
    let app = TestApp::start();
    let past = "2020-01-01T00:00:00Z";
    app.link("https://example.com/", &[("slug", "gone"), ("expires_at", past)]);
    app.link("https://example.com/", &[("slug", "moved"), ("expires_at", past), ("expired_url", "https://a.example/")]);
    for status in [301, 302, 307, 308] {
        let body = json!({ "url": "https://example.com/", "slug": format!("s{status}"), "status": status });
        app.api_post("/api/v1/links", &body).expect_status(201);
    }
    let off = json!({ "url": "https://example.com/", "slug": "off", "enabled": false });
    app.api_post("/api/v1/links", &off).expect_status(201);
    for (target, status) in [
        ("/s301", 301),
        ("/s302", 302),
        ("/s307", 307),
        ("/s308", 308),
        ("/moved", 302),
        ("/gone", 410),
        ("/off", 404),
        ("/nobody", 404),
        ("/", 404),
        ("/%ff", 404),
        ("/robots.txt", 200),
        ("/favicon.ico", 404),
        ("/.well-known/security.txt", 404),
        ("/.well-known/waypost/owner?made=up", 404),
        // Not for us to read, so hyper answers both; the second with what it has to say of it.
        ("/s302#fragment", 302),
        ("/s302?\"<>", 400),
    ] {
        let plain = answer(&app, &request("", target, b"User-Agent: x"));
        assert!(plain.starts_with(&format!("HTTP/1.1 {status} ")), "{target}: {plain}");
        assert_eq!(plain, answer(&app, &request("\r\n", target, b"User-Agent: x")), "{target}");
    }
}

#[test]
fn on_one_connection_plain_clicks_and_others_are_answered_in_order_and_counted_once() {
    let app = TestApp::start();
    app.link("https://example.com/", &[("slug", "x")]);
    let head = format!("User-Agent: {CHROME_WINDOWS}");
    let click = request("", "/x", head.as_bytes());
    let mut connection = app.connection();
    let mut answered = |parts: &[&[u8]], statuses: &[u16]| {
        parts.iter().for_each(|part| connection.write(part).unwrap());
        for status in statuses {
            connection.read().unwrap().expect_status(*status);
        }
    };
    // While all of them are plain.
    answered(&[&click], &[302]);
    answered(&[&request("", "/nobody", b"")], &[404]);
    answered(&[&click], &[302]);
    // Two at once and the beginning of a third, whose rest comes when the two are answered.
    let two_and_a_half = [&click[..], &click, &click[..30]].concat();
    answered(&[&two_and_a_half], &[302, 302]);
    answered(&[&click[30..]], &[302]);
    answered(&[&click], &[302]);
    // One that comes in pieces from its first byte on.
    let mut pieces = app.connection();
    for byte in &click {
        pieces.write(std::slice::from_ref(byte)).unwrap();
    }
    pieces.read().unwrap().expect_status(302);
    app.eventually_hits("x", 7);
    assert_eq!(app.drained().received, 7);
}

#[test]
fn a_strict_journal_keeps_plain_clicks_waiting_like_all_others() {
    let app = TestApp::with_config("[journal]\ndurability = \"strict\"\n");
    app.link("https://example.com/", &[("slug", "x")]);
    let (plain, hyper) = (request("", "/x", b"User-Agent: x"), request("\r\n", "/x", b"User-Agent: x"));
    assert_eq!(answer(&app, &plain), answer(&app, &hyper));
    app.eventually_hits("x", 2);
}
