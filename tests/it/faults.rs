//! What else can happen to a running server: a store that is locked, gone or garbled, a clock that jumps, signals,
//! copies of its folder, many restarts.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use crate::support::agents;
use crate::support::app::TestApp;
use crate::support::faults::{Faults, files_of};
use crate::support::http::Request;
use crate::support::load::{Balance, Load, assert_exactly_once, recorded, two_links};
use crate::support::redis::RedisServer;
use crate::support::{figure, size};

const SMALL: &str = "[journal]\nsegment_mib = 1\n[archive]\nseal_rows = 500\n";

/// How long a supervisor waits before it kills.
const STOPPED_WITHIN: Duration = Duration::from_secs(10);

#[test]
fn killed_again_and_again_under_load_it_loses_nothing_and_refuses_nobody() {
    let rounds = size(4, 60);
    let of_each = size(4, 32);
    let (segment_mib, seal_rows) = (size(2, 4), size(500, 20_000));
    let mut app =
        TestApp::stopped(&format!("[journal]\nsegment_mib = {segment_mib}\n[archive]\nseal_rows = {seal_rows}\n"));
    app.hold(TcpListener::bind("127.0.0.1:0").unwrap());
    app.launch();
    two_links(&app);
    let (files, of_each_file) = (size(1, 20), size(100, 5_000));
    for file in 0..files {
        let row = |row: usize| format!("https://example.com/{file}/{row},other{file}-{row}\n");
        let others = format!("url,slug\n{}", (0..of_each_file).map(row).collect::<String>());
        app.api(Request::new("POST", "/api/v1/links/import").body("text/csv", others.as_bytes())).expect_status(200);
    }
    let load = Load::new();
    let clients = load.crowd(&app, of_each);
    let mut slowest = Duration::ZERO;
    for round in 1..=rounds {
        // More than one journal file each time, so that the hand-over is hit as well.
        load.reaches(&app, round * size(32_000, 1_000_000) / rounds);
        let killed = Instant::now();
        app.kill();
        app.launch();
        load.reaches(&app, load.answers() + 1);
        app.eventually("somebody new is answered", || load.first_after(killed).is_some());
        slowest = slowest.max(load.first_after(killed).unwrap());
    }
    clients.end();
    let in_flight = 2 * (of_each * rounds) as u64;
    assert_exactly_once(&app, &load, in_flight).figures("R1");
    assert_eq!(load.refused(), 0, "connections that nobody accepted");
    assert!(load.failed() <= in_flight, "{} clicks failed, {in_flight} were under way", load.failed());
    figure("R1", "kills", rounds);
    figure("R1", "links", files * of_each_file + 2);
    figure("R1", "clicks answered", load.answers());
    figure("R1", "connections refused", load.refused());
    figure("R1", "answers cut off", load.failed());
    figure("R1", "first answer after a kill, ms", slowest.as_millis());
}

#[test]
fn a_stop_while_the_store_is_locked_is_in_time_and_loses_nothing() {
    let mut app = TestApp::with_config(SMALL);
    two_links(&app);
    let store = rusqlite::Connection::open(app.data().join("waypost.db")).unwrap();
    store.execute_batch("BEGIN IMMEDIATE").unwrap();
    let load = Load::new();
    let clients = load.begin(&app, 1_000);
    let asked = Instant::now();
    app.ask_to_stop();
    let status = app.ended();
    assert!(asked.elapsed() < STOPPED_WITHIN, "{:?}", asked.elapsed());
    assert!(status.success(), "{status}");
    clients.end();
    store.execute_batch("ROLLBACK").unwrap();
    app.launch();
    assert_exactly_once(&app, &load, Load::CLIENTS);
}

#[test]
fn a_second_signal_ends_it_at_once_and_loses_nothing() {
    let mut app = TestApp::with_config(SMALL);
    two_links(&app);
    let store = rusqlite::Connection::open(app.data().join("waypost.db")).unwrap();
    store.execute_batch("BEGIN IMMEDIATE").unwrap();
    let load = Load::new();
    load.run(&app, 1_000);
    app.ask_to_stop();
    app.eventually("it has begun to stop", || app.log().contains("stopping: no new requests"));
    let asked = Instant::now();
    app.ask_to_stop();
    let status = app.ended();
    assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
    assert_eq!(status.code(), Some(1));
    store.execute_batch("ROLLBACK").unwrap();
    app.launch();
    assert_exactly_once(&app, &load, Load::CLIENTS);
}

#[test]
fn a_store_file_that_is_taken_away_stops_no_redirect_and_counting_goes_on_when_it_is_back() {
    let mut app = TestApp::with_config(SMALL);
    two_links(&app);
    let load = Load::new();
    load.run(&app, 300);
    app.drained();
    let away = app.path("away");
    std::fs::create_dir(&away).unwrap();
    let move_store = |from: &std::path::Path, to: &std::path::Path| {
        for path in files_of(from) {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            if name.starts_with("waypost.db") && !name.ends_with("lock") {
                std::fs::rename(&path, to.join(name)).unwrap();
            }
        }
    };
    move_store(&app.data(), &away);
    load.run(&app, 300);
    app.stop();
    move_store(&away, &app.data());
    app.launch();
    assert_exactly_once(&app, &load, Load::CLIENTS);
}

#[test]
fn counters_garbled_by_hand_are_set_aside_and_everything_else_is_counted() {
    let app = TestApp::with_config(SMALL);
    two_links(&app);
    for visitor in 0..5 {
        app.click("/a").visitor(visitor).send();
        app.click("/b").visitor(visitor).send();
    }
    app.drained();
    let store = rusqlite::Connection::open(app.data().join("waypost.db")).unwrap();
    // Both links are in one row. The hits of people on the first become as many of something that is nothing.
    let first = "(SELECT min(key) FROM additions)";
    let read = format!("SELECT entries FROM additions WHERE key = {first}");
    let mut row: Vec<u8> = store.query_row(&read, [], |row| row.get(0)).unwrap();
    let human = row.windows(2).position(|pair| pair[0] == 32 && (1..=5).contains(&pair[1])).unwrap();
    let garbled = [255, row[human + 1]];
    row[human] = 255;
    assert_eq!(store.execute(&format!("UPDATE additions SET entries = ?1 WHERE key = {first}"), [row]).unwrap(), 1);
    app.api_get("/api/v1/stats?link=1&by=hour").expect_status(500);
    assert!(app.log().contains("the counters of link 1 on"), "{}", app.log());
    for visitor in 10..13 {
        app.click("/a").visitor(visitor).send();
        app.click("/b").visitor(visitor).send();
    }
    app.drained();
    assert_eq!((app.clicks("a"), app.clicks("b")), (8 - u64::from(garbled[1]), 8));
    assert_eq!(app.metric("waypost_store_quarantined_rows_total"), 1);
    assert_eq!(app.log().matches("in the table quarantine").count(), 1);
    let kept: Vec<u8> = store.query_row("SELECT counts FROM quarantine", [], |row| row.get(0)).unwrap();
    assert!(kept.windows(2).any(|pair| pair == garbled), "{kept:?}");
}

#[test]
fn verify_names_every_number_that_differs_and_every_file_that_rots() {
    let app = TestApp::with_config("[archive]\nseal_rows = 5\n");
    two_links(&app);
    for visitor in 0..12 {
        app.click("/a").visitor(visitor).send();
    }
    app.drained();
    app.cli(&["verify"]).ok();
    let store = rusqlite::Connection::open(app.data().join("waypost.db")).unwrap();
    assert!(store.execute("DELETE FROM additions", []).unwrap() > 0);
    let differs = app.cli(&["verify", "--json"]);
    assert_eq!(differs.code, Some(1));
    let report = serde_json::from_str::<serde_json::Value>(&differs.stdout).unwrap()["report"].clone();
    let human = report["differing"].as_array().unwrap().iter().find(|row| row["what"] == "verdict:human").unwrap();
    assert_eq!((human["in_store"].as_u64(), human["in_files"].as_u64()), (Some(0), Some(12)));
    let mut folders = std::fs::read_dir(app.data().join("clicks")).unwrap().map(|entry| entry.unwrap().path());
    let folder = folders.find(|path| path.to_str().unwrap().contains("day=")).unwrap();
    let file = files_of(&folder).remove(0);
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[20] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let damaged = app.cli(&["verify"]);
    assert!(damaged.code == Some(1) && damaged.stdout.contains("DAMAGED"), "{damaged:?}");
}

#[test]
fn a_clock_that_jumps_loses_no_hit_and_counts_none_twice() {
    const DAY: i64 = 86_400;
    let mut app = TestApp::stopped(SMALL);
    let faults = Faults::under(&mut app);
    app.launch();
    two_links(&app);
    let load = Load::new();
    for offset in [-DAY, DAY, 3_600, -3_600, 400 * DAY, -30_000 * DAY, 2_000_000 * DAY, 0] {
        faults.clock_offset(offset);
        load.run(&app, size(150, 3_000));
        let hits = app.drained();
        assert_eq!(hits.lost, 0, "{offset}: {hits:?}");
    }
    let received = app.node_hits().received;
    app.kill();
    app.launch();
    app.eventually("all are recorded", || recorded(&app).len() as u64 >= received);
    let recorded: Vec<String> = recorded(&app);
    assert_eq!((recorded.len() as u64, app.node_hits().lost), (received, 0));
    let different: std::collections::HashSet<&String> = recorded.iter().collect();
    assert_eq!(different.len(), recorded.len());
}

#[test]
fn a_copied_folder_is_a_node_of_its_own_and_each_counts_what_it_has() {
    let mut app = TestApp::with_config(SMALL);
    two_links(&app);
    let store = rusqlite::Connection::open(app.data().join("waypost.db")).unwrap();
    store.execute_batch("BEGIN IMMEDIATE").unwrap();
    let load = Load::new();
    load.run(&app, size(500, 20_000));
    app.kill();
    store.execute_batch("ROLLBACK").unwrap();
    drop(store);
    let mut copy = TestApp::stopped(SMALL);
    copy.restore_data(&app.copy_of_data());
    copy.launch();
    app.launch();
    for each in [&app, &copy] {
        assert_exactly_once(each, &load, Load::CLIENTS).figures("R19");
        each.click("/a").agent(agents::CURL).send();
    }
    for each in [&app, &copy] {
        each.drained();
        assert_eq!(each.node_hits().lost, 0);
    }
    let began = Instant::now();
    assert_ne!(app.launch_in_vain(), Some(0), "a second process begins on a folder that is in use");
    figure("R19", "second process gone after, ms", began.elapsed().as_millis());
    figure("R19", "clicks answered", load.answered().len());
}

#[test]
fn a_data_folder_that_is_put_back_counts_nothing_twice_into_a_redis_that_went_on() {
    let redis = RedisServer::start();
    let mut app = TestApp::with_config(&format!("{SMALL}{}", redis.config()));
    two_links(&app);
    let load = Load::new();
    let clients = load.begin(&app, size(500, 20_000));
    app.kill();
    clients.end();
    let snapshot = app.copy_of_data();
    app.launch();
    load.run(&app, size(500, 20_000));
    app.drained();
    app.kill();
    let hits = |app: &TestApp| app.stats("a")["hits"].as_u64().unwrap() + app.stats("b")["hits"].as_u64().unwrap();
    let before = load.answered();
    app.restore_data(&snapshot);
    app.launch();
    app.drained();
    assert!(hits(&app).abs_diff(before.len() as u64) <= Load::CLIENTS, "{} of {}", hits(&app), before.len());
    let counted = hits(&app);
    load.run(&app, size(500, 20_000));
    app.drained();
    let after: Vec<_> = load.answered().difference(&before).cloned().collect();
    assert_eq!(hits(&app), counted + after.len() as u64);
    // The click files from in between went with the folder; of what is there nothing is there twice.
    let recorded = recorded(&app);
    let different: std::collections::HashSet<&String> = recorded.iter().collect();
    let twice = recorded.len() - different.len();
    assert_eq!(twice, 0, "clicks are in two files");
    let lost = after.into_iter().filter(|id| !different.contains(id)).collect::<Vec<_>>();
    assert!(lost.is_empty(), "in no file: {lost:?}");
    figure("R19", "clicks answered", load.answers());
    Balance { lost, twice }.figures("R19");
}

#[test]
fn a_link_removed_while_its_hits_wait_takes_no_hit_with_it() {
    let mut app = TestApp::with_config(SMALL);
    two_links(&app);
    let id = app.link_by_slug("a")["id"].clone();
    app.kill_with_waiting_hits(&["/a", "/a", "/b"]);
    let store = rusqlite::Connection::open(app.data().join("waypost.db")).unwrap();
    store.execute("DELETE FROM links WHERE slug = 'a'", []).unwrap();
    drop(store);
    app.launch();
    let hits = app.drained();
    assert_eq!((hits.recovered, hits.counted, hits.lost), (3, 3, 0), "{hits:?}");
    app.eventually("all are recorded", || recorded(&app).len() == 3);
    let lines = app.cli(&["export", "clicks", "--format", "jsonl", "--verdict", "all"]).ok();
    assert_eq!(lines.lines().filter(|line| line.contains(&format!("\"link\":{id},"))).count(), 2, "{lines}");
}

#[test]
fn a_backup_of_the_store_from_before_the_journal_begins_costs_no_click_file_and_repeats_none() {
    // Files that end before the journal begins, and one that reaches into it.
    for seal_rows in [300, 18_000] {
        put_back_a_backup_from_before_the_journal_begins(seal_rows);
    }
}

fn put_back_a_backup_from_before_the_journal_begins(seal_rows: u32) {
    let mut app = TestApp::with_config(&format!(
        "[journal]\nsegment_mib = 1\nkeep_hours = 0\n[archive]\nseal_rows = {seal_rows}\n\
         [tally]\nbatch_hits_max = 300\n"
    ));
    two_links(&app);
    let load = Load::new();
    load.run(&app, 1_000);
    app.drained();
    let backup = app.path("backup.db");
    let store = rusqlite::Connection::open(app.data().join("waypost.db")).unwrap();
    store.execute("VACUUM INTO ?1", [backup.to_str().unwrap()]).unwrap();
    drop(store);
    let journal = app.data().join("journal");
    let first = files_of(&journal)[0].clone();
    // More than what is kept for judging the hits behind it.
    load.run(&app, 20_000);
    // Small files on a busy machine: hits may be lost while the next file is made, and are made up for.
    app.eventually("the first journal file is let go", || {
        load.run(&app, 500);
        !first.exists()
    });
    let lost = app.node_hits().lost;
    app.kill();
    for end in ["-wal", "-shm"] {
        std::fs::remove_file(app.data().join(format!("waypost.db{end}"))).unwrap();
    }
    std::fs::rename(backup, app.data().join("waypost.db")).unwrap();
    app.launch();
    app.drained();
    app.eventually("every answered click is recorded", || {
        let recorded = recorded(&app).into_iter().collect();
        load.answered().difference(&recorded).count() as u64 <= lost
    });
    let recorded = recorded(&app);
    let different: std::collections::HashSet<&String> = recorded.iter().collect();
    assert_eq!(different.len(), recorded.len(), "a click is in two files");
    assert!(app.log().contains("older than the journal reaches back"), "{}", app.log());
}

#[test]
fn many_restarts_pile_up_neither_files_nor_memory_nor_descriptors() {
    let mut app = TestApp::with_config(SMALL);
    two_links(&app);
    let mut after_the_first = None;
    for round in 0..size(8, 50) {
        if round % 2 == 0 {
            app.click("/a").visitor(u16::try_from(round).unwrap()).send();
        }
        app.drained();
        app.restart();
        app.eventually("what was left behind is looked through", || app.node_hits().in_journal == 0);
        let now = (app.resident_kib(), app.open_files());
        let (memory, files) = *after_the_first.get_or_insert(now);
        assert!(now.1 <= files + 5, "{} descriptors were {files}", now.1);
        assert!(now.0 <= memory + 10_000, "{} KiB were {memory}", now.0);
    }
    app.eventually("old journal files are cut to what is used of them", || {
        let bytes: u64 = files_of(&app.data().join("journal")).iter().map(|path| path.metadata().unwrap().len()).sum();
        // The live segment, the prepared one, and a few hundred bytes for each start.
        bytes < (2 << 20) + 50 * 1_000
    });
}
