//! The sentences of the design, as tests: what is answered is recorded, once, whatever happens in between.

use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::support::agents;
use crate::support::app::{TestApp, offline};
use crate::support::http::Connection;
use crate::support::load::{Load, assert_exactly_once, two_links};

#[test]
fn kill_nine_during_load_loses_no_answered_hit_and_counts_none_twice() {
    let mut app = TestApp::with_config("[journal]\nsegment_mib = 1\n[archive]\nseal_rows = 500\n");
    two_links(&app);
    let load = Load::new();
    let rounds = 5;
    for _ in 0..rounds {
        let clients = load.begin(&app, 3_500);
        app.kill();
        clients.end();
        app.launch();
    }
    assert!(load.answered().len() >= 3_500 * rounds);
    assert_exactly_once(&app, &load, Load::CLIENTS * rounds as u64);
    app.restart();
    assert_exactly_once(&app, &load, Load::CLIENTS * rounds as u64);
}

#[test]
fn a_stop_under_load_loses_nothing() {
    let mut app = TestApp::start();
    two_links(&app);
    let load = Load::new();
    for _ in 0..3 {
        let clients = load.begin(&app, 500);
        app.stop();
        clients.end();
        app.launch();
    }
    assert_exactly_once(&app, &load, Load::CLIENTS * 3);
}

#[test]
fn redirects_and_what_keeps_their_hits_stand_before_the_tally_in_the_queue_for_the_processor() {
    let app = TestApp::start();
    let front =
        ["redirect-", "journal-sync", "journal-keep", "journal-hurry", "store-lookups"].map(|name| app.niceness(name));
    assert!(front.iter().all(|niceness| !niceness.is_empty()), "{front:?}");
    let first = front.iter().flatten().max();
    app.eventually("the tally stands at the end of the queue", || app.niceness("tally").contains(&19));
    for behind in ["admin", "store-writer", "store-reports", "forward"] {
        let niceness = app.niceness(behind);
        assert!(!niceness.is_empty() && niceness.iter().min() > first, "{behind} {niceness:?}, {front:?}");
    }
}

#[test]
fn beside_programs_that_never_rest_every_click_is_counted_once() {
    let app = TestApp::with_config("[archive]\nseal_rows = 500\n");
    two_links(&app);
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
        }
        let _ended = EndsWhenDropped(&over);
        let load = Load::new();
        load.begin(&app, 2_000).end();
        assert_exactly_once(&app, &load, Load::CLIENTS);
    });
}

/// Ends the threads that spin, also when what they disturb has failed.
struct EndsWhenDropped<'a>(&'a AtomicBool);

impl Drop for EndsWhenDropped<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn redirects_go_on_and_nothing_is_lost_while_the_store_is_stalled() {
    let app = TestApp::start();
    two_links(&app);
    let store = rusqlite::Connection::open(app.data().join("waypost.db")).unwrap();
    store.execute_batch("BEGIN IMMEDIATE").unwrap();
    let load = Load::new();
    let clients = load.begin(&app, 5_000);
    app.eventually("the tally has run into the stalled store", || {
        app.metrics().lines().any(|line| line.starts_with("waypost_store_errors_total") && !line.ends_with(" 0"))
    });
    clients.end();
    let hits = app.node_hits();
    assert!(hits.in_journal >= 5_000, "{hits:?}");
    assert_eq!(hits.lost, 0);
    store.execute_batch("ROLLBACK").unwrap();
    assert_exactly_once(&app, &load, Load::CLIENTS);
}

#[test]
fn strict_durability_answers_too_and_loses_nothing_to_a_kill() {
    let mut app = TestApp::with_config("[journal]\ndurability = \"strict\"\n");
    two_links(&app);
    let load = Load::new();
    let clients = load.begin(&app, 300);
    app.kill();
    clients.end();
    app.launch();
    assert_exactly_once(&app, &load, Load::CLIENTS);
}

#[test]
fn a_held_socket_refuses_no_connection_during_a_restart() {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut app = TestApp::with_held_socket(socket.try_clone().unwrap());
    two_links(&app);
    app.click("/a").send().expect_status(302);
    let address = app.redirect_address();
    app.kill();
    // Nobody accepts now, but the socket is there: the connection waits and is answered by the next process.
    let mut waiting = Connection::open(address).unwrap();
    waiting.write(b"GET /b HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    app.launch();
    assert_eq!(app.redirect_address(), address);
    assert_eq!(waiting.read().unwrap().status, 302);
}

#[test]
fn a_second_process_on_the_same_folder_ends_with_a_plain_message() {
    let app = TestApp::start();
    let second = app.cli(&["serve", "--redirect", "127.0.0.1:0", "--admin", "127.0.0.1:0"]);
    assert_eq!(second.code, Some(1));
    assert!(second.stderr.contains("another waypost is running"), "{}", second.stderr);
}

#[test]
fn two_servers_never_share_an_address() {
    let app = TestApp::start();
    let other = app.path("other");
    let address = app.redirect_address().to_string();
    let args = ["serve", "--redirect", &address, "--admin", "127.0.0.1:0", "--data", other.to_str().unwrap()];
    let second = offline(&args, b"");
    assert_eq!(second.code, Some(1));
    assert!(second.stderr.contains(&address), "{}", second.stderr);
}

#[test]
fn no_address_and_no_referrer_query_outlives_classification() {
    let mut app = TestApp::start();
    two_links(&app);
    for _ in 0..3 {
        app.click("/a").from("11.222.133.144").referrer("https://example.net/path?token=hunter2").send();
        app.click("/a?mc_eid=person42&gclid=1").from("2001:db8:1234:5678:9abc::77").send();
    }
    app.drained();
    let lines = app.cli(&["export", "clicks", "--format", "jsonl", "--verdict", "all"]).ok();
    app.stop();
    let mut everything = lines.into_bytes();
    for entry in std::fs::read_dir(app.data()).unwrap().flatten().filter(|entry| entry.path().is_file()) {
        everything.extend(std::fs::read(entry.path()).unwrap());
    }
    everything.extend(app.log().into_bytes());
    let everything = String::from_utf8_lossy(&everything);
    assert!(everything.contains("example.net"));
    for secret in ["11.222.133.144", "9abc", "hunter2", "person42"] {
        assert!(!everything.contains(secret), "{secret} was kept");
    }
}

#[test]
fn a_bot_is_kept_with_its_reason_and_never_counted_as_a_click() {
    let app = TestApp::start();
    two_links(&app);
    let bots =
        [agents::FACEBOOK_PREVIEW, agents::SLACK_PREVIEW, agents::GOOGLEBOT, agents::CURL, agents::WHATSAPP_PREVIEW];
    for (number, agent) in bots.iter().enumerate() {
        app.click("/a").agent(agent).visitor(u16::try_from(number).unwrap()).send();
    }
    app.click("/a").header("Sec-Purpose", "prefetch;prerender").visitor(50).send();
    app.click("/a").without("User-Agent").visitor(51).send();
    app.click("/a").visitor(52).send();
    app.click("/a").visitor(52).send();
    app.eventually_hits("a", 9);
    let stats = app.stats_by("a", "reason");
    assert_eq!(stats["clicks"], 1);
    assert_eq!(stats["verdicts"]["prefetch"], 1, "{stats}");
    assert_eq!(stats["verdicts"]["duplicate"], 1, "{stats}");
    assert_eq!(stats["verdicts"]["preview"], 3, "{stats}");
    let reasons: Vec<&str> = stats["rows"].as_array().unwrap().iter().filter_map(|row| row["value"].as_str()).collect();
    assert!(
        reasons.iter().any(|reason| reason.starts_with("preview:") && reason.contains("facebookexternalhit")),
        "{reasons:?}"
    );
    assert!(reasons.iter().any(|reason| reason.starts_with("duplicate:")), "{reasons:?}");
}

#[test]
fn a_damaged_frame_costs_itself_and_is_accounted_for() {
    let mut app = TestApp::with_config("[journal]\nsegment_mib = 1\n");
    two_links(&app);
    // Nothing is counted while the store is held, so the hits are still in the journal when the process dies.
    let store = rusqlite::Connection::open(app.data().join("waypost.db")).unwrap();
    store.execute_batch("BEGIN IMMEDIATE").unwrap();
    for visitor in 0..20 {
        app.click("/a").visitor(visitor).send();
    }
    app.kill();
    store.execute_batch("ROLLBACK").unwrap();
    drop(store);
    flip_a_byte_of_a_hit(&app, "11.0.9.1");
    app.launch();
    let hits = app.drained();
    assert_eq!((hits.recovered, hits.counted, hits.lost), (20, 19, 1), "{hits:?}");
    assert_eq!(app.clicks("a"), 19);
}

/// Damages the journal's frame of the hit from this address.
fn flip_a_byte_of_a_hit(app: &TestApp, address: &str) {
    let needle = address.parse::<std::net::Ipv4Addr>().unwrap().octets();
    for entry in std::fs::read_dir(app.data().join("journal")).unwrap().flatten() {
        let path = entry.path();
        if !path.is_file() {
            continue;
        }
        let mut bytes = std::fs::read(&path).unwrap();
        if let Some(at) = bytes.windows(4).position(|window| window == needle) {
            bytes[at] ^= 0x40;
            std::fs::write(&path, bytes).unwrap();
            return;
        }
    }
    panic!("no hit from {address} in the journal");
}
