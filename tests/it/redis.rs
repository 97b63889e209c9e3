//! Waypost on a real redis-server: the same words as on its own file, several nodes, and a Redis that fails.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::app::{TestApp, offline};
use crate::support::redis::{RedisServer, config};
use crate::support::relay::Relay;

/// How soon a link made on one node is in force on all others.
const IN_FORCE_WITHIN: Duration = Duration::from_secs(1);

fn node(redis: &RedisServer) -> TestApp {
    TestApp::with_config(&redis.config())
}

#[test]
fn links_clicks_stats_exports_and_ctr_work_on_redis_as_on_a_file() {
    let redis = RedisServer::start();
    let mut app = node(&redis);
    app.link("https://example.com/spring", &[("slug", "spring"), ("utm.campaign", "spring"), ("level", "story")]);
    for visitor in 0..40 {
        app.click("/spring").visitor(visitor % 30).send().expect_status(302);
    }
    app.eventually("40 hits are counted", || app.node_hits().counted == 40);
    let stats = app.stats("spring");
    assert_eq!((stats["hits"].as_u64(), stats["visitors"].as_u64()), (Some(40), Some(30)), "{stats}");
    let clicks = app.clicks("spring");
    let exported = app.cli(&["export", "clicks", "--link", "spring"]).ok();
    assert_eq!(exported.lines().count() as u64, clicks + 1);

    let day = jiff::Timestamp::now().strftime("%F").to_string();
    let csv = format!("link,date,impressions\nspring,{day},1000\n");
    assert_eq!(app.import("", &csv).json()["added"], 1);
    assert_eq!(app.import("", &csv).json()["same"], true);
    let row = app.api_get("/api/v1/ctr").expect_status(200).json()["rows"][0].clone();
    assert_eq!((row["clicks"].as_u64(), row["impressions"].as_u64()), (Some(clicks), Some(1000)), "{row}");
    app.click("/wp-login.php").send().expect_status(404);
    app.eventually("the miss is counted", || app.api_get("/api/v1/misses").json()["rows"][0]["slug"] == "wp-login.php");

    app.restart();
    app.drained();
    assert_eq!(app.clicks("spring"), clicks);
    assert_eq!(app.click("/spring").visitor(100).send().status, 302);
    app.eventually_clicks("spring", clicks + 1);
    assert_eq!(app.api_get("/api/v1/node").json()["store"], redis.url());
    assert_eq!(app.api_delete("/api/v1/imports/1").status, 204);
    assert!(app.api_get("/api/v1/ctr").json()["rows"][0]["ctr"].is_null());
}

#[test]
fn an_installation_moves_into_redis_and_back_and_counts_on() {
    let redis = RedisServer::start();
    let mut app = TestApp::start();
    let embedded = format!("embedded:{}", app.data().display());
    app.link("https://example.com/a", &[("slug", "x")]);
    (0..20).for_each(|visitor| drop(app.click("/x").visitor(visitor).send().expect_status(302)));
    app.drained();
    let copy = |from: &str, to: &str| offline(&["store", "copy", "--from", from, "--to", to, "--json"], b"");
    let in_use = copy(&embedded, &redis.url());
    assert!(in_use.code == Some(1) && in_use.stderr.contains("in use"), "{in_use:?}");
    app.stop();
    assert_eq!(copy(&embedded, &redis.url()).json()["same"], true);
    app.set_env("WAYPOST_STORE_URL", Path::new(&redis.url()));
    app.launch();
    (15..30).for_each(|visitor| drop(app.click("/x").visitor(visitor).send().expect_status(302)));
    app.drained();
    app.stop();
    let back = format!("embedded:{}", app.path("back").display());
    let copied = copy(&redis.url(), &back);
    assert_eq!(copied.json()["same"], true);
    let again = copy(&redis.url(), &back);
    assert!(again.code == Some(1) && again.stderr.contains("holds a store already"), "{again:?}");
    app.set_env("WAYPOST_STORE_URL", Path::new(&back));
    app.launch();
    app.drained();
    let stats = app.stats("x");
    assert_eq!((&stats["hits"], &stats["visitors"]), (&json!(35), &json!(30)), "{stats}");
}

#[test]
fn what_one_node_changes_is_in_force_on_the_other_within_a_second() {
    let redis = RedisServer::start();
    let (one, two) = (node(&redis), node(&redis));
    let soon = |what: &str, condition: &dyn Fn() -> bool| {
        let since = Instant::now();
        two.eventually(what, condition);
        assert!(since.elapsed() < IN_FORCE_WITHIN, "{what} took {:?}", since.elapsed());
    };
    let location = || two.click("/x").send().header("location").map(str::to_owned);
    assert_eq!(two.click("/x").send().status, 404);
    let link = one.link("https://example.com/a", &[("slug", "x")]);
    // An unknown slug is remembered for a while, which the news must end.
    soon("a new link", &|| location().as_deref() == Some("https://example.com/a"));
    let path = format!("/api/v1/links/{}", link["id"]);
    one.api_patch(&path, &json!({"url": "https://example.com/b"})).expect_status(200);
    soon("a changed link", &|| location().as_deref() == Some("https://example.com/b"));
    one.api_patch(&path, &json!({"slug": "y"})).expect_status(200);
    soon("a moved link", &|| two.click("/x").send().status == 404 && two.click("/y").send().status == 302);
    one.api_delete(&path).expect_status(204);
    soon("a removed link", &|| two.click("/y").send().status == 404);
}

#[test]
fn a_node_that_was_cut_off_answers_on_and_serves_nothing_old_once_it_is_back() {
    let redis = RedisServer::start();
    let relay = Relay::to(redis.client_port());
    let one = node(&redis);
    let two = TestApp::with_config(&config(&format!("redis://127.0.0.1:{}/0", relay.port())));
    let [kept, removed] = ["kept", "removed"].map(|slug| one.link("https://example.com/old", &[("slug", slug)]));
    let location = |slug: &str| two.click(slug).send().header("location").map(str::to_owned);
    two.eventually("both are known", || location("/kept").is_some() && location("/removed").is_some());
    relay.pull();
    let path = |link: &serde_json::Value| format!("/api/v1/links/{}", link["id"]);
    one.api_patch(&path(&kept), &json!({"url": "https://example.com/new"})).expect_status(200);
    one.api_delete(&path(&removed)).expect_status(204);
    assert_eq!(location("/kept").as_deref(), Some("https://example.com/old"));
    relay.put_back();
    two.eventually("it has heard of it", || location("/kept").as_deref() == Some("https://example.com/new"));
    two.eventually("and of this", || location("/removed").is_none());
}

#[test]
fn two_nodes_count_together() {
    let redis = RedisServer::start();
    let (one, two) = (node(&redis), node(&redis));
    one.link("https://example.com/a", &[("slug", "x")]);
    two.eventually("the link is known", || two.click("/x").method("HEAD").send().status == 302);
    for visitor in 0..50 {
        one.click("/x").visitor(visitor).send().expect_status(302);
        two.click("/x").visitor(visitor + 40).send().expect_status(302);
    }
    one.drained();
    two.drained();
    let stats = one.stats("x");
    assert_eq!(stats, two.stats("x"));
    assert_eq!(stats["visitors"], 90, "{stats}");
}

#[test]
fn while_redis_is_away_cached_links_answer_and_others_say_come_again() {
    let mut redis = RedisServer::start();
    let app = node(&redis);
    app.link("https://example.com/a", &[("slug", "x")]);
    redis.sync();
    redis.kill();
    for visitor in 0..100 {
        app.click("/x").visitor(visitor).send().expect_status(302);
    }
    let answer = app.click("/nobody-knows").send();
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("2")));
    assert_eq!(app.api_post("/api/v1/links", &json!({"url": "https://example.com/b"})).status, 503);
    assert!(app.node_hits().in_journal > 0);
    assert!(redis.launch());
    assert_eq!(app.drained().counted, 100);
    assert_eq!(app.clicks("x"), 100);
    assert_eq!(app.click("/nobody-knows").send().status, 404);
}

#[test]
fn a_frozen_redis_holds_up_no_redirect_and_no_click_is_lost_or_counted_twice() {
    let redis = RedisServer::start();
    let app = node(&redis);
    app.link("https://example.com/a", &[("slug", "x")]);
    app.click("/x").visitor(1000).send().expect_status(302);
    app.drained();
    redis.freeze();
    for visitor in 0..100 {
        let since = Instant::now();
        app.click("/x").visitor(visitor).send().expect_status(302);
        assert!(since.elapsed() < Duration::from_secs(1));
    }
    app.eventually("the store is given up on", || !app.metrics().contains("waypost_store_errors_total 0"));
    redis.thaw();
    assert_eq!(app.drained().counted, 101);
    assert_eq!(app.clicks("x"), 101);
}

#[test]
fn a_redis_that_was_rolled_back_is_healed_from_the_journal_even_when_nobody_clicks() {
    let redis = RedisServer::start();
    let app = node(&redis);
    let id = app.link("https://example.com/a", &[("slug", "x")])["id"].clone();
    (0..60).for_each(|visitor| drop(app.click("/x").visitor(visitor).send().expect_status(302)));
    app.drained();
    // What a restored backup would have taken: one shard's counters and its watermark, together.
    let tag = format!("waypost:{{s{id}}}");
    let day = jiff::Timestamp::now().strftime("%F").to_string();
    let keys = format!("{tag}:counts:{day}:{id} {tag}:visitors:{day}:{id}");
    let forget = "for _, f in ipairs(redis.call('HKEYS', KEYS[1])) do \
                  if f ~= 'epoch' then redis.call('HDEL', KEYS[1], f) end end redis.call('DEL', KEYS[2], KEYS[3])";
    redis.ask(&format!("EVAL \"{forget}\" 3 {tag}:marks {keys}"));
    app.eventually_clicks("x", 60);
    assert_eq!(app.drained().counted, 60);
}

#[test]
fn a_redis_that_knows_of_hits_that_this_process_never_had_is_spoken_of() {
    let redis = RedisServer::start();
    let app = node(&redis);
    app.link("https://example.com/a", &[("slug", "x")]);
    app.click("/x").send().expect_status(302);
    app.drained();
    let marks: Vec<String> = redis.cli("HKEYS waypost:{s1}:marks");
    let journal = marks.iter().find(|field| *field != "epoch").unwrap();
    // As after a snapshot of the whole machine that was taken before these hits.
    redis.ask(&format!("HSET waypost:{{s1}}:marks {journal} 1000000"));
    app.eventually("it is said", || app.log().contains("hits that this process never had"));
}

#[test]
fn a_wiped_redis_is_not_counted_into_and_not_begun_anew() {
    let redis = RedisServer::start();
    let mut app = node(&redis);
    app.link("https://example.com/a", &[("slug", "x")]);
    app.click("/x").send().expect_status(302);
    app.drained();
    redis.ask("FLUSHALL");
    for visitor in 0..20 {
        app.click("/x").visitor(visitor).send().expect_status(302);
    }
    app.eventually("somebody is told", || app.log().contains("it was wiped, or this is another database"));
    assert_eq!(app.api_post("/api/v1/links", &json!({"url": "https://example.com/b"})).status / 100, 5);
    assert_eq!(app.node_hits().in_journal, 20);
    app.kill();
    let refused = app.try_launch().unwrap_err();
    assert!(refused.contains("redis-store.id") && refused.contains("Put back a backup"), "{refused}");
}

#[test]
fn redis_killed_during_load_loses_no_click_and_counts_none_twice() {
    const ROUNDS: u16 = 4;
    const CLICKS: u16 = 500;
    let mut redis = RedisServer::start();
    let app = node(&redis);
    app.link("https://example.com/a", &[("slug", "x")]);
    redis.sync();
    for round in 0..ROUNDS {
        let address = app.redirect_address();
        let clicks: Vec<_> =
            (0..CLICKS).map(|number| app.click("/x").visitor(round * CLICKS + number).request()).collect();
        let load = std::thread::spawn(move || {
            clicks.into_iter().for_each(|click| drop(click.send(address).unwrap().expect_status(302)));
        });
        app.eventually("counting goes on", || app.node_hits().counted > u64::from(round * CLICKS));
        redis.kill();
        assert!(redis.launch());
        load.join().unwrap();
    }
    let total = u64::from(ROUNDS * CLICKS);
    // The append-only file may have lost its last second: what was booked is then counted once more, in its place.
    app.eventually_clicks("x", total);
    app.drained();
    let stats = app.stats("x");
    let visitors = stats["visitors"].as_u64().unwrap();
    assert_eq!(stats["hits"], total, "{stats}");
    assert!(visitors.abs_diff(total) * 50 <= total, "{stats}");
}

#[test]
fn a_node_killed_during_load_counts_every_answered_click_once_after_its_restart() {
    let redis = RedisServer::start();
    let mut app = node(&redis);
    app.link("https://example.com/a", &[("slug", "x")]);
    for round in 0..4_u16 {
        (0..100).for_each(|number| drop(app.click("/x").visitor(round * 100 + number).send().expect_status(302)));
        app.kill();
        app.launch();
    }
    app.drained();
    assert_eq!(app.clicks("x"), 400);
}

#[test]
fn what_an_earlier_process_counted_is_healed_too_when_redis_goes_back() {
    let redis = RedisServer::start();
    let mut app = node(&redis);
    let id = app.link("https://example.com/a", &[("slug", "x")])["id"].clone();
    (0..60).for_each(|visitor| drop(app.click("/x").visitor(visitor).send().expect_status(302)));
    app.drained();
    app.restart();
    (60..80).for_each(|visitor| drop(app.click("/x").visitor(visitor).send().expect_status(302)));
    app.drained();
    assert_eq!(app.stats("x")["hits"], 80);
    // Both lives of the node are forgotten by one shard.
    let tag = format!("waypost:{{s{id}}}");
    let day = jiff::Timestamp::now().strftime("%F").to_string();
    let keys = format!("{tag}:counts:{day}:{id} {tag}:visitors:{day}:{id}");
    let forget = "for _, f in ipairs(redis.call('HKEYS', KEYS[1])) do \
                  if f ~= 'epoch' then redis.call('HDEL', KEYS[1], f) end end redis.call('DEL', KEYS[2], KEYS[3])";
    redis.ask(&format!("EVAL \"{forget}\" 3 {tag}:marks {keys}"));
    app.eventually("both are counted again", || app.stats("x")["hits"] == 80);
    assert_eq!(app.drained().in_journal, 0);
    assert_eq!(app.stats("x")["visitors"], 80);
}

#[test]
fn a_node_starts_and_counts_although_one_shard_cannot_be_counted_into() {
    let redis = RedisServer::start();
    let mut app = node(&redis);
    app.link("https://example.com/a", &[("slug", "a")]);
    app.link("https://example.com/b", &[("slug", "b")]);
    let epoch: String = redis.cli("HGET waypost:{m}:layout id");
    redis.ask("HDEL waypost:{s1}:marks epoch");
    (0..30).for_each(|visitor| drop(app.click("/a").visitor(visitor).send().expect_status(302)));
    app.kill();
    app.launch();
    (0..20).for_each(|visitor| drop(app.click("/b").visitor(visitor).send().expect_status(302)));
    app.eventually("the other link is counted", || app.stats("b")["hits"] == 20);
    redis.ask(&format!("HSET waypost:{{s1}}:marks epoch {epoch}"));
    app.eventually("what the earlier process left is counted", || app.stats("a")["hits"] == 30);
    app.drained();
    assert_eq!((app.stats("a")["hits"].as_u64(), app.stats("b")["hits"].as_u64()), (Some(30), Some(20)));
}
