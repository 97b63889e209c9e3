//! What a disk can do to a running server: lose power, refuse a sync, be slow, be full, be read-only, rot.

use std::collections::HashSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::support::app::TestApp;
use crate::support::faults::{Faults, Files, NO_SPACE, READ_ONLY, files_of};
use crate::support::load::{Load, assert_at_most_once, assert_exactly_once, recorded, two_links};
use crate::support::{figure, size};

/// Small files, so that a test crosses their ends.
const SMALL: &str = "[journal]\nsegment_mib = 1\n[archive]\nseal_rows = 500\n";

fn with_faults(toml: &str) -> (TestApp, Faults) {
    let mut app = TestApp::stopped(toml);
    let faults = Faults::under(&mut app);
    (app, faults)
}

#[test]
fn a_power_cut_takes_the_last_moments_at_most_and_nothing_is_counted_twice() {
    let (mut app, faults) = with_faults(SMALL);
    faults.remember_synced(&mut app);
    app.launch();
    two_links(&app);
    let load = Load::new();
    let rounds = size(5, 60);
    let mut answered = Vec::new();
    for round in 0..rounds {
        let clients = load.begin(&app, 200 + round % 7 * 100);
        faults.power_cut(&mut app);
        clients.end();
        answered.push(load.in_order());
        app.launch();
    }
    let lost: HashSet<String> =
        assert_at_most_once(&app, &load, Load::CLIENTS * rounds as u64).lost.into_iter().collect();
    // What a cut takes is the end of what was answered before it: nothing that came later is kept, but for what
    // several clients had under way at once.
    for (round, so_far) in answered.iter().enumerate() {
        let earlier = round.checked_sub(1).map_or(0, |before| answered[before].len());
        let of_round = &so_far[earlier..];
        let Some(first_lost) = of_round.iter().position(|id| lost.contains(id)) else { continue };
        let kept_later = of_round[first_lost..].iter().filter(|id| !lost.contains(*id)).count();
        assert!(
            kept_later as u64 <= Load::CLIENTS,
            "{} was lost and {kept_later} later ones kept",
            of_round[first_lost]
        );
    }
}

#[test]
fn in_strict_mode_a_power_cut_takes_nothing_that_was_answered() {
    let (mut app, faults) = with_faults(
        &format!("{SMALL}[tally]\ninterval_ms = 100\n").replace("[journal]", "[journal]\ndurability = \"strict\""),
    );
    faults.remember_synced(&mut app);
    app.launch();
    two_links(&app);
    let load = Load::new();
    let rounds = size(4, 40);
    for _ in 0..rounds {
        let clients = load.begin(&app, 200);
        faults.power_cut(&mut app);
        clients.end();
        app.launch();
    }
    assert_exactly_once(&app, &load, Load::CLIENTS * rounds as u64);
}

#[test]
fn a_sync_that_fails_costs_no_hit_even_if_the_power_goes_right_after() {
    let (mut app, faults) = with_faults(&SMALL.replace("[journal]", "[journal]\ndurability = \"strict\""));
    faults.remember_synced(&mut app);
    app.launch();
    two_links(&app);
    let load = Load::new();
    for _ in 0..size(3, 30) {
        let clients = load.begin(&app, 100);
        faults.failing_syncs(Files::Journal, 1);
        app.eventually("the journal goes on in a fresh file", || app.log().contains("going on in a fresh file"));
        clients.end();
        load.run(&app, 100);
    }
    faults.power_cut(&mut app);
    app.launch();
    assert_exactly_once(&app, &load, 100).figures("R4");
    figure("R4", "syncs that failed", size(3, 30));
    figure("R4", "clicks answered", load.answers());
}

#[test]
fn a_disk_that_takes_seconds_for_a_sync_delays_no_redirect() {
    let (mut app, faults) = with_faults("");
    app.launch();
    two_links(&app);
    let load = Load::new();
    load.run(&app, 500);
    faults.slow_syncs(Files::All, Duration::from_secs(2));
    let since = Instant::now();
    let clients = load.begin(&app, 3_000);
    std::thread::sleep(Duration::from_secs(size(0, 10) as u64));
    clients.end();
    let slowest = load.slowest_since(since);
    assert!(slowest < Duration::from_secs(1), "an answer took {slowest:?}");
    faults.none();
    assert_exactly_once(&app, &load, Load::CLIENTS);
    figure("R4", "clicks answered", load.answers());
    figure("R4", "99 of 100 redirects within, us", load.p99_since(since).as_micros());
    figure("R4", "slowest redirect, ms", slowest.as_millis());
}

#[test]
fn a_full_disk_takes_no_hit_as_long_as_the_prepared_file_has_room() {
    let clicks = size(20_000, 1_000_000);
    // No hit of the load takes more than 400 bytes.
    let segment_mib = clicks * 400 / (1 << 20) + 1;
    let (mut app, faults) = with_faults(&format!("[journal]\nsegment_mib = {segment_mib}\n"));
    app.launch();
    two_links(&app);
    // It says how much there was when it began to look, so this is said once the prepared file is whole.
    let prepared = (segment_mib << 20) as u64;
    app.eventually("a file is prepared", || app.metric("waypost_journal_bytes") > prepared);
    let load = Load::new();
    faults.failing_writes(Files::All, NO_SPACE);
    let since = Instant::now();
    load.run(&app, clicks);
    assert_eq!(app.node_hits().lost, 0);
    faults.none();
    assert_exactly_once(&app, &load, Load::CLIENTS).figures("R5");
    figure("R5", "clicks answered", load.answers());
    figure("R5", "99 of 100 redirects within, us", load.p99_since(since).as_micros());
}

#[test]
fn on_a_full_disk_redirects_go_on_what_is_lost_is_counted_exactly_and_room_heals_it() {
    let (mut app, faults) = with_faults(SMALL);
    app.launch();
    two_links(&app);
    let load = Load::new();
    load.run(&app, 100);
    faults.failing_writes(Files::All, NO_SPACE);
    // The segment in use and the prepared one hold 2 MiB, some 6,000 hits.
    load.run(&app, size(12_000, 60_000));
    let hits = app.node_hits();
    assert!(hits.lost > 0 && hits.add_up(), "{hits:?}");
    faults.none();
    let healed = Instant::now();
    let long = "x".repeat(1_000);
    app.eventually("hits are kept again", || {
        let before = app.node_hits().lost;
        app.click("/a").agent(&long).send();
        app.node_hits().lost == before
    });
    let healed = healed.elapsed();
    assert!(healed < Duration::from_secs(5), "{healed:?}");
    let lost = app.node_hits().lost;
    load.run(&app, 300);
    let hits = app.drained();
    assert_eq!((hits.lost, hits.counted + lost), (lost, hits.received), "{hits:?}");
    app.eventually("what is counted is recorded", || recorded(&app).len() as u64 == hits.counted);
    figure("R5", "clicks answered", load.answers());
    figure("R5", "beyond the room of the journal, counted as lost", lost);
    figure("R5", "other than counted or shown as lost", hits.received - hits.counted - hits.lost);
    figure("R5", "kept again after, ms", healed.as_millis());
}

#[test]
fn click_files_that_cannot_be_written_do_not_stop_counting_and_are_written_later() {
    let (mut app, faults) = with_faults(SMALL);
    app.launch();
    two_links(&app);
    faults.failing_writes(Files::Archive, NO_SPACE);
    let load = Load::new();
    load.run(&app, 2_500);
    let hits = app.drained();
    assert!(hits.counted >= 2_500, "{hits:?}");
    app.eventually("writing was tried", || app.metric("waypost_archive_errors_total") > 0);
    app.click("/a").send();
    let hits = app.drained();
    assert_eq!((hits.counted, hits.lost), (hits.received, 0), "{hits:?}");
    faults.none();
    app.eventually("click files are written again", || app.metric("waypost_archive_pending_clicks") < 500);
    app.kill();
    app.launch();
    // The one click of the test's own is among them.
    assert_exactly_once(&app, &load, Load::CLIENTS + 1);
}

#[test]
fn a_store_that_cannot_be_written_stops_no_redirect_and_catches_up() {
    let (mut app, faults) = with_faults(SMALL);
    app.launch();
    two_links(&app);
    faults.failing_writes(Files::Store, READ_ONLY);
    let load = Load::new();
    load.run(&app, 500);
    app.eventually("counting has run into it", || app.metric("waypost_store_errors_total") > 0);
    assert!(app.api_post("/api/v1/links", &serde_json::json!({"url": "https://example.com/"})).status >= 500);
    load.run(&app, 500);
    faults.none();
    assert_exactly_once(&app, &load, Load::CLIENTS);
}

#[test]
fn a_journal_that_rotted_while_nobody_ran_is_read_as_far_as_it_can_be() {
    let mut app = TestApp::with_config(SMALL);
    two_links(&app);
    let store = rusqlite::Connection::open(app.data().join("waypost.db")).unwrap();
    store.execute_batch("BEGIN IMMEDIATE").unwrap();
    let load = Load::new();
    load.run(&app, 4_500);
    app.kill();
    store.execute_batch("ROLLBACK").unwrap();
    drop(store);
    let whole = app.copy_of_data();
    let mut dice = 0x9e37_79b9_7f4a_7c15_u64;
    let mut roll = |end: usize| {
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        usize::try_from(dice % end as u64).unwrap()
    };
    for round in 0..size(6, 150) {
        app.restore_data(&whole);
        // The next file may just have been made, without a byte that could rot.
        let is_there = |path: &PathBuf| std::fs::metadata(path).unwrap().len() > 0;
        let files: Vec<_> = files_of(&app.data().join("journal")).into_iter().filter(is_there).collect();
        let path = &files[roll(files.len())];
        let mut bytes = std::fs::read(path).unwrap();
        let at = roll(bytes.len());
        match round % 3 {
            0 => bytes[at] ^= 1 << (at % 8),
            1 => bytes.truncate(at),
            _ => {
                let page = at / 4096 * 4096;
                bytes[page..page + 4096].fill(0);
            }
        }
        std::fs::write(path, bytes).unwrap();
        app.launch();
        let lost = assert_at_most_once(&app, &load, Load::CLIENTS).lost.len();
        let most = match round % 3 {
            0 => 1,
            1 => usize::MAX,
            // A frame of these hits takes some 200 bytes; two are cut by the page's ends.
            _ => 4096 / 190 + 2,
        };
        assert!(lost <= most, "round {round} at {at} of {}: lost {lost}", path.display());
        app.kill();
    }
    figure("R3", "starts on a damaged journal", size(6, 150));
}
