//! What strangers can send in great numbers: made-up slugs, made-up referrers, connections that say nothing.

use std::io::Write;
use std::net::TcpStream;
use std::ops::Range;
use std::time::{Duration, Instant};

use crate::support::app::TestApp;
use crate::support::http::{Connection, Request};
use crate::support::load::two_links;
use crate::support::{agents, size};

/// How long the made-up slugs are: what the server tells apart.
const SLUG_BYTES: usize = 128;

#[test]
fn a_flood_of_unknown_slugs_is_404_counted_exactly_and_grows_nothing() {
    let app = TestApp::start();
    two_links(&app);
    let clients = 4;
    let flood = |requests: Range<usize>| {
        std::thread::scope(|scope| {
            for client in 0..clients {
                let requests = requests.clone().skip(client).step_by(clients);
                let mut connection = app.connection();
                scope.spawn(move || {
                    for n in requests {
                        let slug = format!("/{:0SLUG_BYTES$x}", (n as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
                        assert_eq!(connection.send(&Request::new("GET", &slug)).unwrap().status, 404);
                    }
                });
            }
        });
    };
    let (warm, fewest) = (24_000, 150_000);
    let count = size(fewest, 1_000_000);
    flood(0..warm);
    let before = app.resident_kib();
    flood(warm..warm + count);
    // A server at rest goes up and down by a few huge pages of 2 MiB. Whoever keeps the slugs never gets below half.
    let kept_kib = (fewest * SLUG_BYTES / 1024) as u64;
    app.eventually("no slugs are kept", || app.resident_kib() < before + kept_kib / 2);
    let sum = || {
        let (mut rows, mut sum, mut after) = (0, 0, String::new());
        loop {
            let page = app.api_get(&format!("/api/v1/misses?limit=1000{after}")).expect_status(200).json();
            let counts = page["rows"].as_array().unwrap().iter().map(|row| row["count"].as_u64().unwrap());
            (rows, sum) = (rows + counts.len(), sum + counts.sum::<u64>());
            assert!(rows <= 2 * 1_001, "{rows}");
            match page["next"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => return sum,
            }
        }
    };
    app.eventually("all are counted", || sum() == (warm + count) as u64);
    assert_eq!(app.node_hits().received, 0);
}

#[test]
fn made_up_referrers_on_one_link_end_in_other_with_an_exact_sum() {
    let app = TestApp::start();
    two_links(&app);
    let count = size(2_500, 100_000);
    let mut connection = app.connection();
    for n in 0..count {
        let request = Request::new("GET", "/a")
            .header("User-Agent", agents::CHROME_WINDOWS)
            .header("Accept-Language", "en")
            .header("Referer", &format!("https://made-up-{n}.example/"))
            .header("X-Forwarded-For", &format!("11.{}.{}.1", n / 250 % 250, n % 250));
        assert_eq!(connection.send(&request).unwrap().status, 302);
    }
    app.drained();
    let stats = app.stats_by("a", "referrer");
    let rows = stats["rows"].as_array().unwrap();
    let sum: u64 = rows.iter().map(|row| row["clicks"].as_u64().unwrap()).sum();
    assert_eq!(stats["hits"], count as u64);
    assert_eq!(stats["clicks"], sum);
    assert!(rows.len() <= 1_001, "{}", rows.len());
    assert!(rows.iter().any(|row| row["value"] == "(other)"), "{}", rows.len());
}

#[test]
fn connections_that_say_nothing_or_half_a_sentence_cost_little_and_are_closed() {
    let app = TestApp::with_config("[redirect]\nheader_timeout_ms = 1500\n");
    two_links(&app);
    app.click("/a").send();
    let (before, files) = (app.resident_kib(), app.open_files());
    let count = size(400, 4_000);
    let mut silent = Vec::new();
    for n in 0..count {
        let mut connection = TcpStream::connect(app.redirect_address()).unwrap();
        if n % 3 == 0 {
            connection.write_all(b"GET /a HTTP/1.1\r\nHost: a\r\nX: ").unwrap();
        }
        silent.push(connection);
    }
    let began = Instant::now();
    for _ in 0..20 {
        app.click("/b").send().expect_status(302);
    }
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    let grown = app.resident_kib().saturating_sub(before);
    assert!(grown < 20 * count as u64 + 4 * 1024, "{grown} KiB for {count} connections");
    app.eventually("they are closed", || app.open_files() <= files + 5);
    drop(silent);
}

#[test]
fn requests_that_drip_and_readers_that_do_not_read_are_cut_off() {
    let app = TestApp::with_config("[redirect]\nheader_timeout_ms = 1000\n");
    two_links(&app);
    let before = app.resident_kib();
    let mut greedy: Vec<Connection> = (0..size(20, 50)).map(|_| app.connection()).collect();
    let pipeline = b"GET /nobody HTTP/1.1\r\nHost: a\r\n\r\n".repeat(2_000);
    for connection in &mut greedy {
        // The server stops reading once nobody takes its answers; that this write then waits is what is wanted.
        connection.write_timeout(Duration::from_millis(50));
        let _ = connection.write(&pipeline);
    }
    let mut drip = TcpStream::connect(app.redirect_address()).unwrap();
    let began = Instant::now();
    let mut cut = false;
    while began.elapsed() < Duration::from_secs(6) && !cut {
        cut = drip.write_all(b"G").is_err();
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(cut, "a request that never ends was not cut off");
    app.click("/b").send().expect_status(302);
    let grown = app.resident_kib().saturating_sub(before);
    assert!(grown < 10 * 1024 + 64 * greedy.len() as u64, "{grown} KiB");
}
