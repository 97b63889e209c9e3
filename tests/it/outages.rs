//! A Redis that fails while people click: away, frozen, cut off, killed again and again, emptied, put back from a backup, full,
//! refusing, busy, without its scripts. Rows R6 to R9 and R13 to R18 of the acceptance table; each tells its figures to
//! `tests/run faults`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::support::app::{TestApp, copy_folder};
use crate::support::load::{Load, assert_exactly_once, two_links};
use crate::support::redis::{self, RedisServer};
use crate::support::relay::Relay;
use crate::support::{figure, size};

/// Where Redis keeps what it was told, in its folder.
const APPEND_ONLY: &str = "appendonlydir";

/// How long a redirect may take on a machine that is busy with everything else.
const ANSWERED_WITHIN: Duration = Duration::from_secs(1);

/// How long an outage lasts.
fn outage() -> Duration {
    Duration::from_secs(size(1, 60) as u64)
}

fn node(redis: &RedisServer) -> (TestApp, Arc<Load>) {
    let app = TestApp::with_config(&redis.config());
    two_links(&app);
    redis.sync();
    (app, Load::new())
}

/// Clicks go on until there are `enough` of them and `lasts` is over; then everything must be there once.
fn clicks_during(row: &str, app: &TestApp, load: &Arc<Load>, enough: usize, fault: impl FnOnce()) {
    let began = Instant::now();
    let clients = load.begin(app, enough / 4);
    fault();
    let answered = load.answered().len();
    if answered < enough {
        // The clients go on; this waits for the rest of their answers.
        load.begin(app, enough - answered).end();
    }
    clients.end();
    let back = Instant::now();
    app.drained();
    figure(row, "clicks answered", load.answered().len());
    figure(row, "drained after, ms", back.elapsed().as_millis());
    let slowest = load.slowest_since(began);
    figure(row, "slowest redirect, ms", slowest.as_millis());
    assert!(slowest < ANSWERED_WITHIN, "{slowest:?}");
    assert_exactly_once(app, load, 2 * Load::CLIENTS);
    figure(row, "lost", 0);
    figure(row, "twice", 0);
}

#[test]
fn redis_is_away_and_no_click_is_lost_or_counted_twice() {
    let mut redis = RedisServer::start();
    let (app, load) = node(&redis);
    clicks_during("R6", &app, &load, size(4_000, 1_000_000), || {
        redis.kill();
        std::thread::sleep(outage());
        assert!(redis.launch());
    });
}

#[test]
fn redis_is_killed_again_and_again_and_no_click_is_lost_or_counted_twice() {
    let mut redis = RedisServer::start();
    let (app, load) = node(&redis);
    clicks_during("R7", &app, &load, size(3_000, 200_000), || {
        for _ in 0..size(2, 12) {
            redis.kill();
            assert!(redis.launch());
            std::thread::sleep(outage() / 12);
        }
    });
}

#[test]
fn redis_is_frozen_and_no_click_is_lost_or_counted_twice() {
    let redis = RedisServer::start();
    let (app, load) = node(&redis);
    clicks_during("R8", &app, &load, size(3_000, 200_000), || {
        redis.freeze();
        std::thread::sleep(outage());
        redis.thaw();
    });
}

#[test]
fn redis_is_cut_off_without_a_word_and_no_click_is_lost_or_counted_twice() {
    let redis = RedisServer::start();
    let relay = Relay::to(redis.client_port());
    let app = TestApp::with_config(&redis::config(&format!("redis://127.0.0.1:{}/0", relay.port())));
    two_links(&app);
    let load = Load::new();
    clicks_during("R9", &app, &load, size(3_000, 200_000), || {
        relay.pull();
        std::thread::sleep(outage());
        relay.put_back();
    });
}

/// Rows that load the machine for minutes while they wait; the store's own tests have the same faults without the load.
fn only_at_full_size() -> bool {
    size(0, 1) == 0
}

/// Keeps what Redis has on its disk now.
fn backup_of(redis: &mut RedisServer) -> tempfile::TempDir {
    redis.kill();
    let backup = tempfile::tempdir().unwrap();
    copy_folder(&redis.folder().join(APPEND_ONLY), backup.path());
    assert!(redis.launch());
    backup
}

fn put_back(redis: &mut RedisServer, backup: &tempfile::TempDir) {
    redis.kill();
    let append_only = redis.folder().join(APPEND_ONLY);
    std::fs::remove_dir_all(&append_only).unwrap();
    std::fs::create_dir(&append_only).unwrap();
    copy_folder(backup.path(), &append_only);
    assert!(redis.launch());
}

/// Waits until the log says this, and tells how long that took.
fn said(row: &str, app: &TestApp, what: &str, begins: usize) {
    let began = Instant::now();
    app.eventually(what, || app.log()[begins..].contains(what));
    figure(row, &format!("said {what}, ms"), began.elapsed().as_millis());
}

#[test]
fn an_emptied_redis_is_not_counted_into_and_is_exact_once_it_is_put_back() {
    if only_at_full_size() {
        return;
    }
    let mut redis = RedisServer::start();
    let (app, load) = node(&redis);
    load.run(&app, size(500, 20_000));
    app.drained();
    let backup = backup_of(&mut redis);
    clicks_during("R13", &app, &load, size(2_000, 100_000), || {
        redis.ask("FLUSHALL");
        said("R13", &app, "was wiped", 0);
        put_back(&mut redis, &backup);
    });
}

#[test]
fn a_redis_without_room_is_waited_for_and_one_that_drops_keys_is_warned_of() {
    let redis = RedisServer::start();
    redis.ask("CONFIG SET maxmemory-policy allkeys-lru");
    let (app, load) = node(&redis);
    said("R15", &app, "allkeys-lru", 0);
    redis.ask("CONFIG SET maxmemory-policy noeviction");
    clicks_during("R15", &app, &load, size(2_000, 100_000), || {
        redis.ask("CONFIG SET maxmemory 1");
        said("R15", &app, "OOM", 0);
        std::thread::sleep(outage());
        redis.ask("CONFIG SET maxmemory 0");
    });
}

#[test]
fn a_redis_that_refuses_or_is_busy_is_named_and_waited_for() {
    if only_at_full_size() {
        return;
    }
    let redis = RedisServer::start();
    let (app, load) = node(&redis);
    clicks_during("R16", &app, &load, size(4_000, 100_000), || {
        // Whoever is connected stays so; whoever comes anew has to say a password.
        redis.all(&["CONFIG SET requirepass secret", "CLIENT KILL TYPE normal SKIPME yes"]);
        said("R16", &app, "NOAUTH", 0);
        redis.all(&["AUTH secret", "CONFIG SET requirepass \"\""]);
        counts_again(&app);
        redis.ask("ACL SETUSER default -@scripting");
        said("R16", &app, "no permissions", 0);
        redis.ask("ACL SETUSER default +@all");
        counts_again(&app);
        redis.ask("CONFIG SET busy-reply-threshold 100");
        let begins = app.log().len();
        std::thread::scope(|scope| {
            let busy = scope.spawn(|| redis.try_cli::<i64>("EVAL \"while true do end\" 0"));
            said("R16", &app, "BUSY", begins);
            std::thread::sleep(outage() / 6);
            redis.ask("SCRIPT KILL");
            assert!(busy.join().unwrap().is_err());
        });
    });
}

fn counts_again(app: &TestApp) {
    let before = app.node_hits().counted;
    app.eventually("counting goes on", || app.node_hits().counted > before);
}

#[test]
fn a_counter_that_holds_something_else_takes_nothing_with_it_and_does_not_grow() {
    let redis = RedisServer::start();
    let (app, load) = node(&redis);
    let day = jiff::Timestamp::now().strftime("%F").to_string();
    let key = format!("waypost:{{s1}}:counts:{day}:1");
    redis.ask(&format!("HSET {key} verdict:human many"));
    load.run(&app, size(1_000, 50_000));
    app.drained();
    let answered = load.answered().len() as u64;
    let aside: u64 = redis.cli(&format!("HGET waypost:{{s1}}:aside \"{key} verdict:human\""));
    let others = app.stats("b")["hits"].as_u64().unwrap();
    assert_eq!(aside + others, answered);
    assert_eq!(redis.cli::<String>(&format!("HGET {key} verdict:human")), "many");
    figure("R18", "clicks answered", answered);
    figure("R18", "set aside", aside);
    figure("R18", "lost", answered - aside - others);
}

#[test]
fn a_redis_put_back_from_a_backup_is_caught_up_by_the_journal() {
    let mut redis = RedisServer::start();
    let (app, load) = node(&redis);
    load.run(&app, size(500, 20_000));
    app.drained();
    let backup = backup_of(&mut redis);
    clicks_during("R14", &app, &load, size(3_000, 200_000), || {
        app.eventually("more is counted", || app.node_hits().counted > size(600, 25_000) as u64);
        put_back(&mut redis, &backup);
    });
}

#[test]
fn a_redis_that_forgets_its_scripts_all_the_time_counts_every_click_once() {
    let redis = RedisServer::start();
    let (app, load) = node(&redis);
    clicks_during("R17", &app, &load, size(3_000, 200_000), || {
        for _ in 0..size(5, 60) {
            redis.ask("SCRIPT FLUSH");
            std::thread::sleep(outage() / 60);
        }
    });
}
