//! A Redis that fails while people click: away, frozen, cut off, killed again and again, emptied, put back from a backup, full,
//! without its scripts. Rows R6 to R9, R13 to R15, R17 and R18 of the acceptance table; each tells its figures to
//! `tests/run faults`.

use std::time::Duration;

use crate::support::app::{TestApp, copy_folder};
use crate::support::faults::{Faults, Files};
use crate::support::load::{Load, two_links};
use crate::support::outage::{clicks_during, outage, said, spread};
use crate::support::redis::{self, RedisServer};
use crate::support::relay::Relay;
use crate::support::{figure, size};

/// Where Redis keeps what it was told, in its folder.
const APPEND_ONLY: &str = "appendonlydir";

/// What one node keeps open, however long Redis answers nothing.
const CONNECTIONS_MAX: usize = 4;

/// How long the disk of Redis takes for a sync, where that is what is wrong.
const SLOW_SYNC: Duration = Duration::from_millis(1_500);

fn node(redis: &RedisServer) -> TestApp {
    let app = TestApp::with_config(&redis.config());
    two_links(&app);
    redis.sync();
    app
}

/// Clicks at an even pace while Redis is away.
fn survives(row: &str, app: &TestApp, fault: impl FnOnce()) {
    let clicks = size(4_000, 1_000_000);
    clicks_during(row, app, &spread(clicks), clicks, fault);
}

#[test]
fn redis_is_away_and_no_click_is_lost_or_counted_twice() {
    let mut redis = RedisServer::start();
    let app = node(&redis);
    survives("R6", &app, || {
        redis.kill();
        std::thread::sleep(outage());
        assert!(redis.launch());
    });
}

#[test]
fn redis_is_killed_again_and_again_and_no_click_is_lost_or_counted_twice() {
    let mut redis = RedisServer::start();
    // A disk so slow that what was confirmed a while ago is gone as well.
    let faults = Faults::under_redis(&mut redis);
    redis.kill();
    assert!(redis.launch());
    let app = node(&redis);
    faults.slow_syncs(Files::Store, SLOW_SYNC);
    survives("R7", &app, || {
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
    let app = node(&redis);
    survives("R8", &app, || {
        let begins = app.log().len();
        redis.freeze();
        said("R8", &app, "no answer in time", begins);
        std::thread::sleep(outage());
        let open = redis.connections();
        figure("R8", "connections to a frozen Redis", open);
        assert!(open <= CONNECTIONS_MAX, "{open}");
        redis.thaw();
    });
}

#[test]
fn redis_is_cut_off_without_a_word_and_no_click_is_lost_or_counted_twice() {
    let redis = RedisServer::start();
    let relay = Relay::to(redis.client_port());
    let app = TestApp::with_config(&redis::config(&format!("redis://127.0.0.1:{}/0", relay.port())));
    two_links(&app);
    survives("R9", &app, || {
        relay.pull();
        std::thread::sleep(outage());
        relay.put_back();
    });
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

#[test]
fn an_emptied_redis_is_not_counted_into_and_is_exact_once_it_is_put_back() {
    let mut redis = RedisServer::start();
    let app = node(&redis);
    let load = Load::going_on();
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
    let app = node(&redis);
    said("R15", &app, "allkeys-lru", 0);
    redis.ask("CONFIG SET maxmemory-policy noeviction");
    survives("R15", &app, || {
        redis.ask("CONFIG SET maxmemory 1");
        said("R15", &app, "OOM", 0);
        std::thread::sleep(outage());
        redis.ask("CONFIG SET maxmemory 0");
    });
}

#[test]
fn a_counter_that_holds_something_else_takes_nothing_with_it_and_does_not_grow() {
    let redis = RedisServer::start();
    let (app, load) = (node(&redis), Load::new());
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
    // A counter at the largest number stays there.
    let key = format!("waypost:{{s2}}:counts:{day}:2");
    let field =
        redis.cli::<Vec<String>>(&format!("HKEYS {key}")).into_iter().find(|field| field.starts_with("browser:"));
    let (field, most) = (field.unwrap(), i64::MAX.to_string());
    redis.ask(&format!("HSET {key} {field} {most}"));
    load.run(&app, size(200, 10_000));
    app.drained();
    let (answered, before) = (load.answers() as u64, answered);
    assert_eq!(redis.cli::<String>(&format!("HGET {key} {field}")), most);
    let aside = redis.cli::<u64>(&format!("HGET waypost:{{s1}}:aside \"waypost:{{s1}}:counts:{day}:1 verdict:human\""));
    let others = app.stats("b")["hits"].as_u64().unwrap();
    assert!(answered > before && aside + others == answered, "{aside} + {others} of {answered}");
    figure("R18", "clicks answered", answered);
    figure("R18", "set aside", aside);
    figure("R18", "lost", answered - aside - others);
}

#[test]
fn a_redis_put_back_from_a_backup_is_caught_up_by_the_journal() {
    let mut redis = RedisServer::start();
    let (app, load) = (node(&redis), Load::going_on());
    load.run(&app, size(500, 20_000));
    app.drained();
    let backup = backup_of(&mut redis);
    clicks_during("R14", &app, &load, size(2_000, 200_000), || {
        app.eventually("more is counted", || app.node_hits().counted > size(600, 25_000) as u64);
        put_back(&mut redis, &backup);
    });
}

#[test]
fn a_redis_that_forgets_its_scripts_all_the_time_counts_every_click_once() {
    let redis = RedisServer::start();
    let app = node(&redis);
    survives("R17", &app, || {
        for _ in 0..size(5, 60) {
            redis.ask("SCRIPT FLUSH");
            std::thread::sleep(outage() / 60);
        }
    });
}
