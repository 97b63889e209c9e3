//! The sentences of the design, as tests: what is answered is recorded, once, whatever happens in between.

use std::collections::HashSet;
use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::Value;

use crate::support::agents;
use crate::support::app::TestApp;
use crate::support::http::{Connection, Request};

/// Clicks with an id of their own in the referrer's path, from several kept connections at once. Ids are noted only
/// when the whole 302 has arrived.
struct Load {
    answered: Mutex<HashSet<String>>,
    sent: AtomicU64,
}

/// Clients at work.
struct Clients {
    over: Arc<AtomicBool>,
    threads: Vec<std::thread::JoinHandle<()>>,
}

impl Clients {
    fn end(self) {
        self.over.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().unwrap();
        }
    }
}

impl Load {
    const CLIENTS: u64 = 4;

    fn new() -> Arc<Self> {
        Arc::new(Self { answered: Mutex::default(), sent: AtomicU64::new(0) })
    }

    fn answered(&self) -> HashSet<String> {
        self.answered.lock().unwrap().clone()
    }

    /// Starts the clients and returns once `enough` more answers have come.
    fn begin(self: &Arc<Self>, app: &TestApp, enough: usize) -> Clients {
        let before = self.answered.lock().unwrap().len();
        let over = Arc::new(AtomicBool::new(false));
        let threads = (0..Self::CLIENTS)
            .map(|_| {
                let (load, over, address) = (self.clone(), over.clone(), app.redirect_address());
                std::thread::spawn(move || {
                    let Ok(mut connection) = Connection::open(address) else { return };
                    while !over.load(Ordering::Relaxed) && load.click(&mut connection).is_some() {}
                })
            })
            .collect();
        app.eventually("the load is under way", || self.answered.lock().unwrap().len() >= before + enough);
        Clients { over, threads }
    }

    fn click(&self, connection: &mut Connection) -> Option<()> {
        let number = self.sent.fetch_add(1, Ordering::Relaxed);
        let id = format!("id-{number}");
        let request = Request::new("GET", if number.is_multiple_of(2) { "/a" } else { "/b" })
            .header("User-Agent", agents::HUMANS[usize::try_from(number).unwrap() % agents::HUMANS.len()])
            .header("Referer", &format!("https://example.net/{id}"))
            .header("X-Forwarded-For", &format!("11.{}.{}.1", number / 251 % 251, number % 251));
        let answer = connection.send(&request).ok()?;
        assert_eq!(answer.status, 302);
        self.answered.lock().unwrap().insert(id);
        Some(())
    }
}

fn recorded(app: &TestApp) -> Vec<String> {
    let lines = app.cli(&["export", "clicks", "--format", "jsonl", "--verdict", "all"]).ok();
    let id = |line: &str| {
        let click: Value = serde_json::from_str(line).unwrap();
        click["referrer_path"].as_str().unwrap_or_default().trim_start_matches('/').to_owned()
    };
    lines.lines().map(id).collect()
}

fn counted(app: &TestApp) -> u64 {
    app.stats("a")["hits"].as_u64().unwrap() + app.stats("b")["hits"].as_u64().unwrap()
}

fn two_links(app: &TestApp) {
    app.link("https://example.com/a", &[("slug", "a")]);
    app.link("https://example.com/b", &[("slug", "b")]);
}

/// answered is a part of recorded, nothing is recorded twice, and counters say what the click files say.
fn assert_exactly_once(app: &TestApp, load: &Load, in_flight_max: u64) {
    app.drained();
    let recorded = recorded(app);
    let different: HashSet<String> = recorded.iter().cloned().collect();
    assert_eq!(different.len(), recorded.len(), "a hit is in the click files twice");
    let answered = load.answered();
    let lost: Vec<_> = answered.difference(&different).take(5).collect();
    let hits = app.node_hits();
    assert!(
        lost.is_empty(),
        "answered {} and recorded {}, {hits:?}; not recorded: {lost:?}",
        answered.len(),
        recorded.len()
    );
    assert!(recorded.len() as u64 - answered.len() as u64 <= in_flight_max, "recorded without having been asked");
    assert_eq!(counted(app), recorded.len() as u64, "counters and click files differ");
}

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
    app.eventually("all hits are counted", || app.stats("a")["hits"] == 9);
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
