//! A Redis that fails while people click: away, frozen, killed again and again, put back from a backup, without its
//! scripts. Rows R6, R7, R8, R14 and R17 of the acceptance table; each tells its figures to `tests/run faults`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::support::app::{TestApp, copy_folder};
use crate::support::load::{Load, assert_exactly_once, two_links};
use crate::support::redis::RedisServer;
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
fn a_redis_put_back_from_a_backup_is_caught_up_by_the_journal() {
    let mut redis = RedisServer::start();
    let (app, load) = node(&redis);
    load.run(&app, size(500, 20_000));
    app.drained();
    redis.kill();
    let backup = tempfile::tempdir().unwrap();
    copy_folder(&redis.folder().join(APPEND_ONLY), backup.path());
    assert!(redis.launch());
    clicks_during("R14", &app, &load, size(3_000, 200_000), || {
        app.eventually("more is counted", || app.node_hits().counted > size(600, 25_000) as u64);
        redis.kill();
        let append_only = redis.folder().join(APPEND_ONLY);
        std::fs::remove_dir_all(&append_only).unwrap();
        std::fs::create_dir(&append_only).unwrap();
        copy_folder(backup.path(), &append_only);
        assert!(redis.launch());
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
