//! Whose request it is, behind the things that stand in front of a server: proxies, CDNs, load balancers.

use std::path::Path;

use serde_json::Value;

use crate::support::app::TestApp;
use crate::support::mmdb::{self, Entry, Shape};

/// Two networks in two countries, so that a click tells whose it was taken to be.
fn places(path: &Path) -> String {
    let entry = |network, country| Entry { network, country, region: "", city: "" };
    mmdb::write(path, Shape::Nested, &[entry("11.0.0.0/8", "SE"), entry("12.0.0.0/8", "NO")]);
    format!("[classify]\ngeo = [{:?}]\n", path.display().to_string())
}

/// What a PROXY header of version 2 says of a TCP connection from `client` to 10.0.0.1.
fn version_2(client: [u8; 4]) -> Vec<u8> {
    let mut header = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c".to_vec();
    header.extend_from_slice(&client);
    header.extend_from_slice(&[10, 0, 0, 1, 0x1f, 0x90, 0, 80]);
    header
}

fn countries(app: &TestApp) -> Vec<(String, u64)> {
    let rows = app.stats_by("x", "country")["rows"].clone();
    let row = |row: &Value| (row["value"].as_str().unwrap().to_owned(), row["clicks"].as_u64().unwrap());
    let mut rows: Vec<_> = rows.as_array().unwrap().iter().map(row).collect();
    rows.sort();
    rows
}

const BROWSER: &str = "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0";

#[test]
fn a_balancer_introduces_its_clients_by_the_proxy_protocol_and_must() {
    let folder = tempfile::tempdir().unwrap();
    let geo = places(&folder.path().join("places.mmdb"));
    let app = TestApp::with_config(&format!(
        "[redirect]\ntrusted_proxies = [\"10.0.0.0/8\"]\nproxy_protocol = [\"127.0.0.1/32\"]\n{geo}"
    ));
    app.link("https://example.com/", &[("slug", "x")]);
    let request = format!("GET /x HTTP/1.1\r\nHost: localhost\r\n{BROWSER}\r\nConnection: close\r\n\r\n");
    let introduced = |header: &[u8], request: &str| {
        let answer = app.raw(&[header, request.as_bytes()].concat());
        String::from_utf8_lossy(&answer).into_owned()
    };
    assert!(introduced(b"PROXY TCP4 11.1.1.1 10.0.0.1 5555 80\r\n", &request).starts_with("HTTP/1.1 302"));
    assert!(introduced(&version_2([12, 1, 1, 1]), &request).starts_with("HTTP/1.1 302"));
    // The client that was introduced is a proxy of ours itself, so its header counts.
    let forwarded = request.replace("\r\nConnection", "\r\nX-Forwarded-For: 12.2.2.2\r\nConnection");
    assert!(introduced(b"PROXY TCP4 10.9.9.9 10.0.0.1 5555 80\r\n", &forwarded).starts_with("HTTP/1.1 302"));
    assert_eq!(introduced(b"", &request), "", "without a PROXY header there is no answer");
    app.eventually_clicks("x", 3);
    assert_eq!(countries(&app), [("NO".to_owned(), 2), ("SE".to_owned(), 1)]);
    assert!(app.log().contains("began without a sound PROXY header"), "{}", app.log());
}

#[test]
fn a_stranger_cannot_introduce_himself() {
    let app = TestApp::with_config("[redirect]\nproxy_protocol = [\"192.0.2.0/24\"]\n");
    let answer = app.raw(b"PROXY TCP4 11.1.1.1 10.0.0.1 5555 80\r\nGET /x HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert!(answer.starts_with(b"HTTP/1.1 400"), "{}", String::from_utf8_lossy(&answer));
}

#[test]
fn the_first_configured_header_that_is_there_says_whose_click_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let geo = places(&folder.path().join("places.mmdb"));
    let app = TestApp::with_config(&format!(
        "[redirect]\ntrusted_proxies = [\"127.0.0.1/32\"]\nclient_address_headers = [\"Forwarded\", \"CF-Connecting-IP\"]\n{geo}"
    ));
    app.link("https://example.com/", &[("slug", "x")]);
    app.click("/x").header("Forwarded", "for=12.6.6.6, for=\"11.1.1.1:4711\";proto=https").send();
    app.click("/x").header("CF-Connecting-IP", "12.1.1.1").header("X-Forwarded-For", "11.6.6.6").send();
    app.eventually_clicks("x", 2);
    assert_eq!(countries(&app), [("NO".to_owned(), 1), ("SE".to_owned(), 1)]);
}

#[test]
fn doctor_tells_whose_request_one_would_be_and_why() {
    let app = TestApp::with_config("[redirect]\ntrusted_proxies = [\"127.0.0.1/32\"]\n");
    let live = app.cli(&["doctor", "--live"]).ok();
    assert!(live.contains("sees this machine as 127.0.0.1") && live.contains("none of redirect."), "{live}");
    assert!(!live.contains("address."), "no ticket is shown: {live}");
    let asked = ["doctor", "--peer", "127.0.0.1", "--address-of", "X-Forwarded-For: 6.6.6.6, 203.0.113.7"];
    let config = app.data().with_file_name("waypost.toml");
    let told = app.cli(&[&asked[..], &["--config", config.to_str().unwrap()]].concat()).ok();
    assert!(told.contains("203.0.113.7: the right-most address"), "{told}");
}
