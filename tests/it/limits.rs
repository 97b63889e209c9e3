//! What the redirect plane refuses, and how: named limits, no stack traces, and it lives on.

use crate::support::app::TestApp;

fn status(answer: &[u8]) -> u16 {
    let text = String::from_utf8_lossy(answer);
    text.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
}

fn request(head: &str) -> Vec<u8> {
    format!("{head}\r\n\r\n").into_bytes()
}

#[test]
fn requests_beyond_a_limit_get_its_status_and_the_next_one_is_answered() {
    let app = TestApp::start();
    app.link("https://example.com/", &[("slug", "x")]);
    let long = |bytes: usize| "a".repeat(bytes);
    let many: String = (0..100).map(|n| format!("\r\nX-{n}: 1")).collect();
    for (expected, head) in [
        (414, format!("GET /{} HTTP/1.1\r\nHost: a", long(8_192))),
        (404, format!("GET /{} HTTP/1.1\r\nHost: a", long(8_000))),
        (414, format!("GET /x?{} HTTP/1.1\r\nHost: a", long(8_192))),
        (431, format!("GET /x HTTP/1.1\r\nHost: a\r\nX-Long: {}", long(17 * 1024))),
        (431, format!("GET /x HTTP/1.1\r\nHost: a{many}")),
        (400, "GET /x HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx".to_owned()),
        (400, "GET /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0".to_owned()),
        (405, "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 0".to_owned()),
        (405, "OPTIONS * HTTP/1.1\r\nHost: a".to_owned()),
        (405, "TRACE /x HTTP/1.1\r\nHost: a".to_owned()),
        (405, "CONNECT example.com:443 HTTP/1.1\r\nHost: a".to_owned()),
        (400, "GET * HTTP/1.1\r\nHost: a".to_owned()),
        (400, "GET /x HTTP/1.1".to_owned()),
        (400, "GET /x HTTP/1.1\r\nHost: a\r\nHost: b".to_owned()),
        (400, "GET /x HTTP/1.1\r\nHost:".to_owned()),
        (400, "GET /x HTTP/1.1\r\nHost: user@a".to_owned()),
        (400, "GET /x HTTP/1.1\r\nHost: a b".to_owned()),
        (302, "GET http://other.example/x HTTP/1.1\r\nHost: a".to_owned()),
        (302, "GET /x HTTP/1.0\r\nHost: a".to_owned()),
    ] {
        let answer = app.raw(&request(&head));
        let shown: String = head.chars().take(60).collect();
        assert_eq!(status(&answer), expected, "{shown:?} got {:?}", String::from_utf8_lossy(&answer));
        let text = String::from_utf8_lossy(&answer).to_lowercase();
        assert!(!text.contains("panic") && !text.contains(".rs"), "{text}");
    }
    app.click("/x").send().expect_status(302);
}

#[test]
fn bytes_that_are_no_http_are_refused_and_nothing_dies() {
    let app = TestApp::start();
    app.link("https://example.com/", &[("slug", "x")]);
    let mut noise = 0x9E37_79B9_7F4A_7C15_u64;
    for round in 0..200_usize {
        let bytes: Vec<u8> = (0..round * 7)
            .map(|_| {
                noise ^= noise << 13;
                noise ^= noise >> 7;
                noise ^= noise << 17;
                noise.to_le_bytes()[3]
            })
            .collect();
        assert!(matches!(status(&app.raw(&bytes)), 0 | 400 | 405 | 414 | 431));
    }
    for bytes in
        [&b"\x16\x03\x01\x02\x00\x01"[..], b"SSH-2.0-x\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\r\n\r\n\r\n"]
    {
        app.raw(bytes);
    }
    app.click("/x").send().expect_status(302);
}

#[test]
fn a_pipeline_of_requests_is_answered_in_order() {
    let app = TestApp::start();
    app.link("https://example.com/1", &[("slug", "a")]);
    app.link("https://example.com/2", &[("slug", "b")]);
    let one = |slug: &str| format!("GET /{slug} HTTP/1.1\r\nHost: a\r\nUser-Agent: x\r\n\r\n");
    let answer = app.raw(format!("{}{}{}", one("a"), one("b"), one("none")).as_bytes());
    let text = String::from_utf8_lossy(&answer);
    let order: Vec<usize> = ["example.com/1", "example.com/2", "404 Not Found"]
        .iter()
        .map(|part| text.find(part).unwrap_or_else(|| panic!("{part} is not in {text}")))
        .collect();
    assert!(order.is_sorted());
}

#[test]
fn at_its_limit_of_connections_the_server_still_answers_newcomers() {
    let app = TestApp::with_config("[redirect]\nthreads = 1\nconnections_max = 20\n");
    app.link("https://example.com/", &[("slug", "x")]);
    let idle: Vec<_> = (0..60).map(|_| app.connection()).collect();
    for _ in 0..20 {
        app.click("/x").send().expect_status(302);
    }
    drop(idle);
}
