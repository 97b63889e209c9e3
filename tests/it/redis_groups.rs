//! Waypost on Redis servers that stand in for each other: a master and replicas under sentinels, and a cluster. Each
//! test ends with the exact sums: nothing lost, nothing twice, no redirect refused.

use std::time::{Duration, Instant};

use crate::support::app::TestApp;
use crate::support::load::{Load, assert_exactly_once, two_links};
use crate::support::outage::outage;
use crate::support::redis::{self, Certificates, Cluster, RedisServer, Sentinels};
use crate::support::relay::Relay;
use crate::support::{figure, size};

/// No answer may take longer, whatever Redis does. The machine is shared, so this is far more than it takes.
const SLOWEST: Duration = Duration::from_secs(1);

fn assert_undisturbed(load: &Load, since: Instant) {
    let slowest = load.slowest_since(since);
    assert!(slowest < SLOWEST, "an answer took {slowest:?}");
}

fn hits_of_b(app: &TestApp) -> u64 {
    app.stats("b")["hits"].as_u64().unwrap()
}

/// The last word of a row: everything is there once, and no answer took long.
fn assert_survived(row: &str, app: &TestApp, load: &Load, since: Instant, in_flight_max: u64) {
    assert_undisturbed(load, since);
    assert_exactly_once(app, load, in_flight_max).figures(row);
    figure(row, "clicks answered", load.answered().len());
    figure(row, "slowest redirect, ms", load.slowest_since(since).as_millis());
}

#[test]
fn a_failover_to_a_replica_that_was_behind_loses_no_click_and_counts_none_twice() {
    let mut sentinels = Sentinels::start(1);
    let app = TestApp::with_config(&sentinels.config());
    two_links(&app);
    let load = Load::new();
    load.run(&app, 300);
    app.drained();
    sentinels.in_step();
    sentinels.servers[1].freeze();
    sentinels.servers[0].ask("CLIENT KILL TYPE replica");
    let since = Instant::now();
    let confirmed = app.node_hits().counted;
    load.run(&app, size(1_000, 100_000));
    app.eventually("the master confirms what no replica has", || app.node_hits().counted >= confirmed + 500);
    let clients = load.begin(&app, 100);
    sentinels.servers[0].kill();
    clients.end();
    load.run(&app, size(500, 50_000));
    let before = app.node_hits().counted;
    sentinels.servers[1].thaw();
    let thawed = Instant::now();
    sentinels.switched_from(0);
    load.run(&app, 200);
    app.eventually("counting goes on", || app.node_hits().counted > before);
    figure("R10", "counted again after, ms", thawed.elapsed().as_millis());
    app.eventually("the rewind is noticed", || app.log().contains("the store stands elsewhere"));
    assert_survived("R10", &app, &load, since, Load::CLIENTS);
}

#[test]
fn a_master_that_was_relieved_while_nobody_could_say_so_is_left_and_its_last_answers_are_counted_again() {
    let sentinels = Sentinels::start(1);
    // The cables to all sentinels, which are pulled before they decide.
    let relays: Vec<_> = sentinels.sentinels.iter().map(|sentinel| Relay::to(sentinel.client_port())).collect();
    let hosts: Vec<_> = relays.iter().map(|relay| format!("127.0.0.1:{}", relay.port())).collect();
    let app = TestApp::with_config(&redis::config(&format!("redis+sentinel://{}/main", hosts.join(","))));
    two_links(&app);
    sentinels.in_step();
    let load = Load::going_on();
    load.run(&app, size(500, 50_000));
    let since = Instant::now();
    let clients = load.begin(&app, 100);
    relays.iter().for_each(Relay::pull);
    // The clicks go on: the old master takes what is counted until it is told that it is none any more.
    sentinels.fail_over();
    let relieved = Instant::now();
    app.eventually("it is noticed", || app.log().contains("counting waits"));
    figure("R11", "noticed after, ms", relieved.elapsed().as_millis());
    relays.iter().for_each(Relay::put_back);
    clients.end();
    load.run(&app, size(500, 50_000));
    assert_survived("R11", &app, &load, since, 2 * Load::CLIENTS);
}

#[test]
fn slots_that_move_under_load_and_a_master_that_dies_lose_nothing_and_count_nothing_twice() {
    let mut cluster = Cluster::start();
    let app = TestApp::with_config(&cluster.config());
    two_links(&app);
    let load = Load::of_clicks_per_second(size(500, 10_000));
    let since = Instant::now();
    let clients = load.begin(&app, 50);
    let each = size(20, 2_000);
    cluster.reshard(each);
    clients.end();
    figure("R12", "slots moved", 3 * each);
    // Links are 1 and 2, and each has a shard of its own.
    for round in 0..size(2, 30) {
        for key in ["waypost:{s1}:marks", "waypost:{s2}:marks", "waypost:{m}:layout"] {
            let clients = load.begin(&app, 50);
            let from = cluster.holder(key);
            cluster.move_slot(cluster.slot(key), from, (from + 1 + round % 2) % 3);
            clients.end();
        }
    }
    let clients = load.begin(&app, 200);
    let dead = cluster.holder("waypost:{s1}:marks");
    cluster.servers[dead].kill();
    clients.end();
    load.run(&app, size(500, 50_000));
    assert_survived("R12", &app, &load, since, 2 * Load::CLIENTS);
}

#[test]
fn on_a_cluster_what_one_node_changes_is_in_force_on_the_other_and_they_count_together() {
    let cluster = Cluster::start();
    let (one, two) = (TestApp::with_config(&cluster.config()), TestApp::with_config(&cluster.config()));
    assert_eq!(two.click("/x").send().status, 404);
    let since = Instant::now();
    one.link("https://example.com/a", &[("slug", "x")]);
    two.eventually("the link is known", || two.click("/x").method("HEAD").send().status == 302);
    assert!(since.elapsed() < SLOWEST, "it took {:?}", since.elapsed());
    for visitor in 0..50 {
        one.click("/x").visitor(visitor).send().expect_status(302);
        two.click("/x").visitor(visitor + 40).send().expect_status(302);
    }
    one.drained();
    two.drained();
    assert_eq!(one.stats("x"), two.stats("x"));
    assert_eq!(one.stats("x")["visitors"], 90);
    assert_eq!(one.api_get("/api/v1/node").json()["store"], cluster.url());
}

#[test]
fn a_node_counts_over_tls_and_refuses_a_redis_that_nobody_vouches_for() {
    let certificates = Certificates::new();
    let redis = RedisServer::encrypted(&certificates, &[]);
    let app = TestApp::with_config(&format!("{}{}", redis.config(), certificates.config()));
    app.link("https://example.com/a", &[("slug", "x")]);
    app.click("/x").send().expect_status(302);
    app.eventually_clicks("x", 1);
    let others = Certificates::new();
    let config = format!("{}{}", redis.config(), others.config());
    let refused = TestApp::stopped(&config).try_launch().unwrap_err();
    assert!(refused.contains("certificate") && refused.contains("store.tls_ca"), "{refused}");
}

#[test]
fn a_shard_that_was_wiped_or_is_down_holds_up_no_other_and_is_caught_up() {
    let redis = RedisServer::start();
    let app = TestApp::with_config(&redis.config());
    two_links(&app);
    let load = Load::new();
    load.run(&app, 200);
    app.drained();
    let epoch: String = redis.cli("HGET waypost:{m}:layout id");
    redis.ask("HDEL waypost:{s1}:marks epoch");
    let before = hits_of_b(&app);
    load.run(&app, 600);
    // Link 2 is in shard 2, which comes after the one that waits.
    app.eventually("the other shard goes on", || hits_of_b(&app) >= before + 280);
    app.eventually("it is said", || app.log().contains("the others go on"));
    assert!(app.metric("waypost_store_errors_total") > 0);
    redis.ask(&format!("HSET waypost:{{s1}}:marks epoch {epoch}"));
    assert_exactly_once(&app, &load, Load::CLIENTS);
}

#[test]
fn a_slot_whose_move_was_abandoned_holds_up_no_other_shard_and_is_caught_up_when_it_ends() {
    let cluster = Cluster::start();
    let app = TestApp::with_config(&cluster.config());
    two_links(&app);
    let load = Load::new();
    load.run(&app, 200);
    app.drained();
    let key = "waypost:{s1}:marks";
    let from = cluster.holder(key);
    let (to, slot) = ((from + 1) % 3, cluster.slot(key));
    cluster.open_move(slot, from, to);
    let before = hits_of_b(&app);
    load.run(&app, 600);
    app.eventually("the other shard goes on", || hits_of_b(&app) >= before + 280);
    std::thread::sleep(outage() / 2);
    while cluster.move_keys(slot, from, to, 100) > 0 {}
    cluster.close_move(slot, from, to);
    assert_survived("R12", &app, &load, Instant::now(), Load::CLIENTS);
}

#[test]
fn a_shard_whose_servers_are_all_down_holds_up_no_other_and_is_caught_up() {
    let mut cluster = Cluster::start();
    let app = TestApp::with_config(&cluster.config());
    two_links(&app);
    let load = Load::going_on();
    load.run(&app, 200);
    app.drained();
    let down = cluster.holder("waypost:{s1}:marks");
    // Or it is not the other link alone that waits.
    for needed in ["waypost:{s2}:marks", "waypost:{m}:layout"] {
        let from = cluster.holder(needed);
        if from == down {
            cluster.move_slot(cluster.slot(needed), from, (down + 1) % 3);
        }
    }
    let since = Instant::now();
    let clients = load.begin(&app, 100);
    let servers = [down, Cluster::replica(down)];
    servers.iter().for_each(|at| cluster.servers[*at].kill());
    let before = hits_of_b(&app);
    app.eventually("the other shard goes on", || hits_of_b(&app) >= before + 100);
    std::thread::sleep(outage());
    servers.iter().for_each(|at| assert!(cluster.servers[*at].launch()));
    clients.end();
    load.run(&app, size(500, 20_000));
    assert_survived("R12", &app, &load, since, 2 * Load::CLIENTS);
}
