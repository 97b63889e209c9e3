//! Clicks under load, each told apart, and the question afterwards: is every answered one recorded, once?

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::agents;
use super::app::TestApp;
use super::http::{Connection, Request};
use super::{figure, size};

/// Clicks with an id of their own in the referrer's path, from several kept connections at once. Ids are noted only
/// when the whole 302 has arrived.
pub(crate) struct Load {
    answered: Mutex<HashMap<String, Answered>>,
    sent: AtomicU64,
    /// Connections that nobody accepted, and answers that broke off.
    refused: AtomicU64,
    failed: AtomicU64,
    /// From one click of a client to its next, at the least.
    every: Duration,
}

/// When an answer was there, and how long it took.
#[derive(Clone, Copy)]
struct Answered {
    at: Instant,
    took: Duration,
}

/// Clients at work.
pub(crate) struct Clients {
    over: Arc<AtomicBool>,
    threads: Vec<std::thread::JoinHandle<()>>,
}

impl Clients {
    pub(crate) fn end(self) {
        self.over.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().unwrap();
        }
    }
}

impl Load {
    pub(crate) const CLIENTS: u64 = 4;

    /// Clicks as fast as they are answered.
    pub(crate) fn new() -> Arc<Self> {
        Self::with_clicks_every(Duration::ZERO)
    }

    /// So many clicks a second at the most: for faults that last, so that there is no day's work to count after them.
    pub(crate) fn of_clicks_per_second(clicks: usize) -> Arc<Self> {
        Self::with_clicks_every(Duration::from_secs(Self::CLIENTS) / u32::try_from(clicks).unwrap())
    }

    /// Clicks that go on until something else is over. In an ordinary run nobody knows how long that takes on a machine
    /// that is busy with other tests, and all that comes has to be counted in the end, so they are few.
    pub(crate) fn going_on() -> Arc<Self> {
        Self::of_clicks_per_second(size(500, 4_000))
    }

    fn with_clicks_every(every: Duration) -> Arc<Self> {
        let (sent, refused, failed) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
        Arc::new(Self { answered: Mutex::default(), sent, refused, failed, every })
    }

    /// How many clicks were answered.
    pub(crate) fn answers(&self) -> usize {
        self.answered.lock().unwrap().len()
    }

    /// Connections that nobody accepted.
    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Clicks that were sent and not answered.
    pub(crate) fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }

    /// The ids of the clicks that were answered.
    pub(crate) fn answered(&self) -> HashSet<String> {
        self.answered.lock().unwrap().keys().cloned().collect()
    }

    /// The longest that an answer took since `since`.
    pub(crate) fn slowest_since(&self, since: Instant) -> Duration {
        let answered = self.answered.lock().unwrap();
        answered.values().filter(|answer| answer.at >= since).map(|answer| answer.took).max().unwrap_or_default()
    }

    /// What 99 of 100 answers since `since` took at the most.
    pub(crate) fn p99_since(&self, since: Instant) -> Duration {
        let answered = self.answered.lock().unwrap();
        let mut took: Vec<_> =
            answered.values().filter(|answer| answer.at >= since).map(|answer| answer.took).collect();
        took.sort_unstable();
        took.get(took.len() * 99 / 100).copied().unwrap_or_default()
    }

    /// How long after `since` the first click was answered that was made after it.
    pub(crate) fn first_after(&self, since: Instant) -> Option<Duration> {
        let answered = self.answered.lock().unwrap();
        let made_after = answered.values().filter(|answer| answer.at - answer.took >= since);
        made_after.map(|answer| answer.at - since).min()
    }

    /// The ids of all answered clicks, in the order of their answers.
    pub(crate) fn in_order(&self) -> Vec<String> {
        let answered = self.answered.lock().unwrap();
        let mut ids: Vec<_> = answered.iter().map(|(id, one)| (one.at, id.clone())).collect();
        ids.sort();
        ids.into_iter().map(|(_, id)| id).collect()
    }

    /// Starts the clients and returns once `enough` more answers have come.
    pub(crate) fn begin(self: &Arc<Self>, app: &TestApp, enough: usize) -> Clients {
        let before = self.answers();
        let over = Arc::new(AtomicBool::new(false));
        let threads = (0..Self::CLIENTS)
            .map(|_| {
                let (load, over, address) = (self.clone(), over.clone(), app.redirect_address());
                std::thread::spawn(move || {
                    let Ok(mut connection) = Connection::open(address) else { return };
                    let mut due = Instant::now();
                    while !over.load(Ordering::Relaxed) {
                        if load.click(&mut connection).is_err() {
                            load.failed.fetch_add(1, Ordering::Relaxed);
                            return;
                        }
                        due += load.every;
                        std::thread::sleep(due.saturating_duration_since(Instant::now()));
                    }
                })
            })
            .collect();
        self.reaches(app, before + enough);
        Clients { over, threads }
    }

    /// Starts clients that go on whatever becomes of the server: so many that keep their connection as long as they can,
    /// and as many that open one for every click.
    pub(crate) fn crowd(self: &Arc<Self>, app: &TestApp, of_each: usize) -> Clients {
        let over = Arc::new(AtomicBool::new(false));
        let threads = (0..2 * of_each)
            .map(|number| {
                let (load, over, address) = (self.clone(), over.clone(), app.redirect_address());
                std::thread::spawn(move || load.click_on(address, number % 2 == 0, &over))
            })
            .collect();
        Clients { over, threads }
    }

    fn click_on(&self, address: std::net::SocketAddr, keeps: bool, over: &AtomicBool) {
        let mut kept = None;
        while !over.load(Ordering::Relaxed) {
            let connection = match kept.take() {
                Some(connection) => Ok(connection),
                None => Connection::open(address),
            };
            let Ok(mut connection) = connection else {
                self.refused.fetch_add(1, Ordering::Relaxed);
                continue;
            };
            match self.click(&mut connection) {
                Ok(()) if keeps => kept = Some(connection),
                Ok(()) => {}
                Err(_) => drop(self.failed.fetch_add(1, Ordering::Relaxed)),
            }
        }
    }

    /// Waits until so many clicks are answered in all.
    pub(crate) fn reaches(&self, app: &TestApp, answers: usize) {
        app.eventually("the load is under way", || self.answers() >= answers);
    }

    /// Clicks until this many more are answered, and no more.
    pub(crate) fn run(self: &Arc<Self>, app: &TestApp, enough: usize) {
        self.begin(app, enough).end();
    }

    fn click(&self, connection: &mut Connection) -> io::Result<()> {
        let number = self.sent.fetch_add(1, Ordering::Relaxed);
        let id = format!("id-{number}");
        let request = Request::new("GET", if number.is_multiple_of(2) { "/a" } else { "/b" })
            .header("User-Agent", agents::HUMANS[usize::try_from(number).unwrap() % agents::HUMANS.len()])
            .header("Referer", &format!("https://example.net/{id}"))
            .header("X-Forwarded-For", &format!("11.{}.{}.1", number / 251 % 251, number % 251));
        let began = Instant::now();
        let answer = connection.send(&request)?;
        assert_eq!(answer.status, 302);
        let at = Instant::now();
        self.answered.lock().unwrap().insert(id, Answered { at, took: at - began });
        Ok(())
    }
}

/// Makes the links that the load clicks on.
pub(crate) fn two_links(app: &TestApp) {
    app.link("https://example.com/a", &[("slug", "a")]);
    app.link("https://example.com/b", &[("slug", "b")]);
}

/// The ids of the clicks in the click files, one entry per click.
pub(crate) fn recorded(app: &TestApp) -> Vec<String> {
    let lines = app.cli(&["export", "clicks", "--format", "jsonl", "--verdict", "all"]).ok();
    let id = |line: &str| {
        let click: Value = serde_json::from_str(line).unwrap();
        click["referrer_path"].as_str().unwrap_or_default().trim_start_matches('/').to_owned()
    };
    lines.lines().map(id).collect()
}

/// Hits in the counters of both links.
fn counted(app: &TestApp) -> u64 {
    app.stats("a")["hits"].as_u64().unwrap() + app.stats("b")["hits"].as_u64().unwrap()
}

/// The ids of the clicks in the click files, once there are as many of them as the counters say.
fn recorded_as_counted(app: &TestApp) -> Vec<String> {
    let found = RefCell::new(Vec::new());
    app.eventually("counters and click files say the same", || {
        found.replace(recorded(app));
        counted(app) == found.borrow().len() as u64
    });
    found.into_inner()
}

/// How the clicks that are recorded differ from those that were answered.
pub(crate) struct Balance {
    /// Answered and not recorded.
    pub(crate) lost: Vec<String>,
    /// How many are recorded once more than they should be.
    pub(crate) twice: usize,
}

impl Balance {
    /// Tells `tests/run faults`.
    pub(crate) fn figures(&self, row: &str) {
        figure(row, "lost", self.lost.len());
        figure(row, "twice", self.twice);
    }
}

/// Nothing is recorded twice or without having been asked, and counters say what the click files say.
pub(crate) fn assert_at_most_once(app: &TestApp, load: &Load, in_flight_max: u64) -> Balance {
    app.drained();
    // After a kill the clicks that were in no click file yet are counted already and read once more.
    let recorded = recorded_as_counted(app);
    let different: HashSet<String> = recorded.iter().cloned().collect();
    let twice = recorded.len() - different.len();
    assert_eq!(twice, 0, "hits are in the click files twice");
    let answered = load.answered();
    let unasked = different.difference(&answered).count() as u64;
    assert!(unasked <= in_flight_max, "{unasked} recorded without having been answered");
    Balance { lost: answered.difference(&different).cloned().collect(), twice }
}

/// Counters, click files and journals agree in every dimension, and the books add up.
pub(crate) fn assert_everything_agrees(app: &TestApp) {
    let report = app.cli(&["verify", "--json"]);
    assert_eq!(report.code, Some(0), "{}{}", report.stdout, report.stderr);
    let hits = report.json()["report"]["hits"].as_u64().unwrap();
    for (what, value) in [("times verified", 1), ("hits in them", hits), ("numbers that differ", 0)] {
        figure("R40", what, value);
    }
}

/// answered is a part of recorded, nothing is recorded twice, and counters say what the click files say.
pub(crate) fn assert_exactly_once(app: &TestApp, load: &Load, in_flight_max: u64) -> Balance {
    let balance = assert_at_most_once(app, load, in_flight_max);
    assert_everything_agrees(app);
    let lost = &balance.lost;
    assert!(lost.is_empty(), "{} lost, {:?}: {:?}", lost.len(), app.node_hits(), &lost[..lost.len().min(5)]);
    balance
}
