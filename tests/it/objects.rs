//! Click files on an object store: a real S3-speaking server that is there, away, frozen, or refuses; and several nodes.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::app::{TestApp, offline};
use crate::support::load::{Load, assert_exactly_once, recorded, two_links};
use crate::support::redis::RedisServer;
use crate::support::s3::{BUCKET, S3Server, SECRET};
use crate::support::size;

/// A redirect that waited for the object store would take at least as long as its answer, which never comes.
const REDIRECT_WITHIN: Duration = Duration::from_secs(1);

/// What a supervisor waits for a stopping server before it kills it, at Docker the least of all.
const STOP_WITHIN: Duration = Duration::from_secs(10);

/// Clicks after which a file is written.
const FEW: u64 = 10;
const MANY: u64 = 100;

fn click_times(app: &TestApp, visitors: std::ops::Range<u16>) {
    for visitor in visitors {
        let since = Instant::now();
        app.click("/a").visitor(visitor).send().expect_status(302);
        assert!(since.elapsed() < REDIRECT_WITHIN);
    }
}

fn undelivered(app: &TestApp) -> Value {
    app.api_get("/api/v1/node").expect_status(200).json()["undelivered"].clone()
}

/// Waits until all click files are in the bucket, and fewer clicks than a file takes in none.
fn delivered(app: &TestApp, seal_rows: u64) {
    app.drained();
    app.eventually("click files are written", || app.metric("waypost_archive_pending_clicks") < seal_rows);
    app.eventually("click files are delivered", || undelivered(app)["files"] == 0);
}

fn rows(app: &TestApp) -> Vec<Value> {
    let lines = app.cli(&["export", "clicks", "--format", "jsonl", "--verdict", "all"]).ok();
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn ids(rows: &[Value]) -> HashSet<String> {
    rows.iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn click_files_go_to_the_bucket_and_reports_read_them_there() {
    let s3 = S3Server::start();
    let mut app = S3Server::node(&s3.config(FEW));
    two_links(&app);
    click_times(&app, 0..10);
    delivered(&app, FEW);
    click_times(&app, 10..25);
    delivered(&app, FEW);
    assert!(s3.objects().len() >= 2, "{:?}", s3.objects());
    assert_eq!(rows(&app).len(), 25);
    let node = app.api_get("/api/v1/node").json();
    assert_eq!(node["archive"], S3Server::url());
    app.restart();
    delivered(&app, FEW);
    let rows = rows(&app);
    assert_eq!((rows.len(), ids(&rows).len()), (25, 25));
    assert_eq!(fs::read_dir(app.data().join("clicks")).unwrap().count(), 0, "nothing stays in the data folder");
    let one = rows[0]["id"].as_str().unwrap();
    assert_eq!(app.api_get(&format!("/api/v1/clicks/{one}")).expect_status(200).json()["id"], one);
    let name = s3.objects()[0].strip_prefix(s3.bucket()).unwrap().to_str().unwrap().to_owned();
    let day = rows[0]["time"].as_str().unwrap()[..10].to_owned();
    assert!(name.starts_with(&format!("waypost/clicks/day={day}/")), "{name}");
    assert!(!app.log().contains(SECRET));
}

#[test]
fn each_node_sees_the_clicks_of_all_and_can_judge_them_again() {
    let (s3, redis) = (S3Server::start(), RedisServer::start());
    let config = format!("{}{}", s3.config(FEW), redis.config());
    let (one, two) = (S3Server::node(&config), S3Server::node(&config));
    two_links(&one);
    two.eventually("the link is known", || two.click("/a").method("HEAD").send().status == 302);
    click_times(&one, 0..20);
    click_times(&two, 20..39);
    delivered(&one, FEW);
    delivered(&two, FEW);
    // What waits in a node for its next file is seen by itself alone.
    let today = rows(&one)[0]["time"].as_str().unwrap()[..10].to_owned();
    one.cli(&["reclassify", "--since", &today, "--dry-run"]).ok();
    two.cli(&["reclassify", "--since", &today, "--dry-run"]).ok();
    delivered(&one, FEW);
    delivered(&two, FEW);
    let seen = [rows(&one), rows(&two)];
    assert_eq!((seen[0].len(), seen[1].len()), (40, 40));
    assert_eq!(ids(&seen[0]), ids(&seen[1]));
    let names = |s3: &S3Server| -> HashSet<_> { s3.objects().into_iter().collect() };
    let before = names(&s3);
    let report = two.cli(&["reclassify", "--since", &today, "--json"]).json()["report"].clone();
    assert_eq!((&report["hits"], &report["days_kept"], &report["files_left_out"]), (&json!(40), &json!([]), &json!(0)));
    delivered(&two, FEW);
    assert_eq!(names(&s3), before, "a file is replaced under its name");
    assert_eq!(ids(&rows(&one)), ids(&seen[0]));
    assert_eq!(rows(&one).len(), 40);
}

#[test]
fn a_delivery_that_is_repeated_overwrites_itself() {
    let s3 = S3Server::start();
    let mut app = S3Server::node(&s3.config(FEW));
    two_links(&app);
    click_times(&app, 0..30);
    delivered(&app, FEW);
    app.stop();
    let objects = s3.objects();
    // As if the process had died after the object store had taken each file and before it could let go of its own.
    for object in &objects {
        let folder = app.data().join("clicks").join(object.parent().unwrap().file_name().unwrap());
        fs::create_dir_all(&folder).unwrap();
        fs::copy(object, folder.join(object.file_name().unwrap())).unwrap();
    }
    app.launch();
    assert_eq!(rows(&app).len(), 30);
    delivered(&app, FEW);
    assert_eq!(s3.objects(), objects);
    assert_eq!(rows(&app).len(), 30);
}

#[test]
fn while_the_object_store_is_away_clicks_are_counted_and_click_files_wait() {
    let mut s3 = S3Server::start();
    let app = S3Server::node(&s3.config(FEW));
    two_links(&app);
    click_times(&app, 0..20);
    delivered(&app, FEW);
    s3.kill();
    click_times(&app, 20..60);
    assert_eq!(app.drained().counted, 60);
    app.eventually("it is noticed", || !undelivered(&app)["trouble"].is_null());
    assert_eq!(app.clicks("a"), 60);
    assert!(undelivered(&app)["files"].as_u64() > Some(0));
    assert!(app.metric("waypost_archive_undelivered_bytes") > 0);
    assert!(app.metric("waypost_archive_delivery_errors_total") > 0);
    assert_eq!(app.metric("waypost_archive_errors_total"), 0);
    assert_ne!(app.cli(&["export", "clicks"]).code, Some(0), "half an export is none");
    assert_eq!(app.api_get("/api/v1/clicks").status, 503);
    let doctor = app.cli(&["doctor", "--config", app.path("waypost.toml").to_str().unwrap()]);
    assert!(doctor.stdout.contains("wait in the data folder, none is lost"), "{}", doctor.stdout);
    assert_eq!(app.log().matches("click files wait in the data folder").count(), 1, "{}", app.log());
    s3.launch();
    delivered(&app, FEW);
    app.eventually("that it is well again is said", || undelivered(&app)["trouble"].is_null());
    let rows = rows(&app);
    assert_eq!((rows.len(), ids(&rows).len()), (60, 60));
}

#[test]
fn a_node_starts_stops_and_counts_beside_an_object_store_that_never_answers() {
    let s3 = S3Server::start();
    let mut app = S3Server::node(&s3.config(FEW));
    two_links(&app);
    click_times(&app, 0..15);
    delivered(&app, FEW);
    s3.freeze();
    click_times(&app, 15..40);
    app.kill();
    app.launch();
    click_times(&app, 40..60);
    assert_eq!(app.drained().lost, 0);
    assert_eq!(app.clicks("a"), 60);
    let since = Instant::now();
    app.stop();
    assert!(since.elapsed() < STOP_WITHIN, "a stop took {:?}", since.elapsed());
    s3.thaw();
    app.launch();
    delivered(&app, FEW);
    let rows = rows(&app);
    assert_eq!((rows.len(), ids(&rows).len()), (60, 60));
}

#[test]
fn a_node_killed_between_any_two_steps_of_a_delivery_records_each_click_once() {
    let s3 = S3Server::start();
    let mut app = S3Server::node(&s3.config(MANY));
    two_links(&app);
    let load = Load::new();
    for _ in 0..size(5, 40) {
        let before = s3.objects().len();
        load.run(&app, 500);
        app.eventually("files are being delivered", || s3.objects().len() > before);
        app.kill();
        app.launch();
        // What the dead process had sealed and nobody knew of is taken back first.
        delivered(&app, MANY);
    }
    delivered(&app, MANY);
    assert_exactly_once(&app, &load, size(5, 40) as u64 * Load::CLIENTS);
}

#[test]
fn click_files_that_are_written_again_after_a_restored_backup_replace_those_in_the_bucket() {
    let s3 = S3Server::start();
    let mut app = S3Server::node(&s3.config(MANY));
    two_links(&app);
    let backup = app.path("backup.db");
    let store = rusqlite::Connection::open(app.data().join("waypost.db")).unwrap();
    store.execute("VACUUM INTO ?1", [backup.to_str().unwrap()]).unwrap();
    drop(store);
    let load = Load::new();
    for _ in 0..3 {
        load.run(&app, 300);
        delivered(&app, MANY);
    }
    assert!(s3.objects().len() >= 3, "{:?}", s3.objects());
    app.kill();
    for end in ["-wal", "-shm"] {
        fs::remove_file(app.data().join(format!("waypost.db{end}"))).unwrap();
    }
    fs::rename(backup, app.data().join("waypost.db")).unwrap();
    app.launch();
    delivered(&app, MANY);
    app.eventually("every click is recorded", || recorded(&app).len() as u64 >= app.node_hits().received);
    assert_exactly_once(&app, &load, Load::CLIENTS);
}

#[test]
fn a_file_is_fetched_once_and_again_when_its_copy_is_damaged() {
    let s3 = S3Server::start();
    let app = S3Server::node(&s3.config(FEW));
    two_links(&app);
    click_times(&app, 0..10);
    delivered(&app, FEW);
    assert_eq!(rows(&app).len(), 10);
    let object = s3.objects().remove(0);
    let copies = || fs::read_dir(app.data().join("clicks-fetched")).unwrap().map(|copy| copy.unwrap().path());
    let [copy] = copies().collect::<Vec<_>>().try_into().unwrap();
    let bytes = fs::read(&object).unwrap();
    assert_eq!(fs::read(&copy).unwrap(), bytes);
    // Nobody but this test can tell that the object is another now.
    overwrite(&object, &vec![0; bytes.len()]);
    assert_eq!(rows(&app).len(), 10, "it was fetched again");
    overwrite(&object, &bytes);
    overwrite(&copy, &vec![0; bytes.len()]);
    assert_eq!(rows(&app).len(), 10, "a damaged copy was believed");
    assert_eq!(fs::read(&copy).unwrap(), bytes);
}

#[test]
fn a_file_that_holds_nothing_of_what_is_asked_for_is_not_fetched() {
    const ROWS: usize = 8_000;
    // So large that looking at its end alone is worth a request.
    const LARGE_BYTES: u64 = 128 * 1024;
    let s3 = S3Server::start();
    let app = S3Server::node(&s3.config(ROWS as u64));
    two_links(&app);
    app.link("https://example.com/c", &[("slug", "c")]);
    let load = Load::new();
    load.run(&app, ROWS);
    delivered(&app, ROWS as u64);
    assert!(s3.objects().iter().any(|object| fs::metadata(object).unwrap().len() > LARGE_BYTES), "{:?}", s3.objects());
    let fetched = || fs::read_dir(app.data().join("clicks-fetched")).unwrap().count();
    let export = |slug: &str| app.cli(&["export", "clicks", "--link", slug, "--format", "jsonl"]).ok().lines().count();
    assert_eq!((export("c"), fetched()), (0, 0));
    assert!(export("a") > 0);
    assert_eq!(fetched(), s3.objects().len());
    assert_eq!(recorded(&app).len() as u64, app.node_hits().counted);
}

/// Writes other bytes into a file without anything else of it being changed.
fn overwrite(path: &Path, bytes: &[u8]) {
    let modified = fs::metadata(path).unwrap().modified().unwrap();
    fs::write(path, bytes).unwrap();
    fs::File::options().write(true).open(path).unwrap().set_modified(modified).unwrap();
}

#[test]
fn a_file_larger_than_one_request_arrives_whole() {
    let s3 = S3Server::start();
    let mut app = S3Server::stopped_node(&s3.config(FEW));
    let folder = app.data().join("clicks/day=2020-02-02");
    fs::create_dir_all(&folder).unwrap();
    let name = format!("{:032x}-{:020}.parquet", 7, 0);
    let bytes: Vec<u8> = (0..20_000_000_u32).map(|place| (place ^ place >> 9).to_le_bytes()[0]).collect();
    fs::write(folder.join(&name), &bytes).unwrap();
    // What is not ours is not moved.
    fs::write(folder.join("mine.parquet"), "somebody's own").unwrap();
    app.launch();
    let there = s3.bucket().join("waypost/clicks/day=2020-02-02").join(name);
    app.eventually("it is delivered", || there.exists() && !folder.join(there.file_name().unwrap()).exists());
    assert!(fs::read(there).unwrap() == bytes, "it is not what was sent");
    assert!(folder.join("mine.parquet").exists());
    assert_eq!(s3.objects().len(), 1);
}

#[test]
fn wrong_credentials_and_a_missing_bucket_are_told_at_the_start_and_by_the_doctor() {
    let s3 = S3Server::start();
    let mut app = TestApp::stopped(&s3.config(FEW));
    app.set_env("AWS_ACCESS_KEY_ID", Path::new("key-of-tests"));
    app.set_env("AWS_SECRET_ACCESS_KEY", Path::new("not-the-secret"));
    let refused = app.try_launch().unwrap_err();
    assert!(refused.contains(&S3Server::url()) && refused.contains("refuses these credentials"), "{refused}");
    assert!(!refused.contains("not-the-secret"), "{refused}");

    let elsewhere = s3.config(FEW).replace(BUCKET, "no-such-bucket");
    let refused = S3Server::stopped_node(&elsewhere).try_launch().unwrap_err();
    assert!(refused.contains("NoSuchBucket"), "{refused}");

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("waypost.toml");
    fs::write(&file, s3.config(FEW)).unwrap();
    let data = folder.path().join("data");
    let doctor = offline(&["doctor", "--config", file.to_str().unwrap(), "--data", data.to_str().unwrap()], b"");
    assert_eq!(doctor.code, Some(1));
    assert!(doctor.stdout.contains("click files") && doctor.stdout.contains(&S3Server::url()), "{}", doctor.stdout);

    fs::write(&file, "[archive]\nurl = \"ftp://bucket/clicks\"\n").unwrap();
    let doctor = offline(&["doctor", "--config", file.to_str().unwrap(), "--data", data.to_str().unwrap()], b"");
    assert!(doctor.stdout.contains("use a folder, s3://bucket/prefix"), "{}", doctor.stdout);
}
