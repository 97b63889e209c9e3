//! Impressions: files in, all of them or nothing, undoable, and divided honestly.

use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::http::{Answer, Request};
use crate::support::redis::RedisServer;

fn ctr_row(app: &TestApp, query: &str, label: &str) -> Value {
    let report = app.api_get(&format!("/api/v1/ctr{query}")).expect_status(200).json();
    let rows = report["rows"].as_array().unwrap().clone();
    rows.into_iter().find(|row| row["label"] == label).unwrap_or_else(|| panic!("no row {label} in {report}"))
}

fn today() -> String {
    jiff::Timestamp::now().strftime("%F").to_string()
}

#[test]
fn a_file_counts_once_and_an_undone_one_not_at_all() {
    let app = TestApp::start();
    app.link("https://example.com/", &[("slug", "x")]);
    let csv = format!("link;date;Impressions\nx;{};1.500\n", today());
    let dry = app.import("?dry_run=true", &csv).expect_status(200).json();
    assert_eq!((dry["import"].is_null(), dry["sum"]["impressions"].as_u64()), (true, Some(1500)), "{dry}");
    let first = app.import("?file_name=a.csv", &csv).expect_status(200).json();
    assert_eq!((first["same"].as_bool(), first["added"].as_u64()), (Some(false), Some(1)), "{first}");
    let again = app.import("?file_name=b.csv", &csv).expect_status(200).json();
    assert_eq!((again["same"].as_bool(), &again["import"]), (Some(true), &first["import"]), "{again}");
    assert_eq!(ctr_row(&app, "", "x")["impressions"], 1500);
    app.api_delete(&format!("/api/v1/imports/{}", first["import"])).expect_status(204);
    assert_eq!(app.api_get("/api/v1/ctr").json()["rows"].as_array().map(Vec::len), Some(0));
    assert_eq!(app.api_get("/api/v1/imports").json()["imports"].as_array().map(Vec::len), Some(0));
}

#[test]
fn e80_one_bad_row_refuses_the_whole_file_and_is_named() {
    let app = TestApp::start();
    app.link("https://example.com/", &[("slug", "x")]);
    let csv = "link,date,impressions\nx,2026-11-01,100\nx,2026-13-01,100\nnobody,2026-11-02,5\nx,2026-11-03,-4\n";
    let refused = app.import("", csv).expect_status(422);
    assert_eq!(refused.header("content-type"), Some("application/problem+json"));
    let rows: Vec<u64> =
        refused.json()["errors"].as_array().unwrap().iter().filter_map(|error| error["row"].as_u64()).collect();
    assert!(rows.contains(&3) && rows.contains(&5), "{}", refused.text());
    assert_eq!(app.api_get("/api/v1/imports").json()["imports"].as_array().map(Vec::len), Some(0));
}

#[test]
fn a_posts_impressions_meet_the_link_that_stands_in_it_and_levels_are_not_mixed() {
    let app = TestApp::start();
    let post = "https://www.instagram.com/p/abc/";
    let body = serde_json::json!({ "url": "https://example.com/", "slug": "p", "level": "post", "posts": [post] });
    app.api_post("/api/v1/links", &body).expect_status(201);
    app.link("https://example.com/", &[("slug", "bio"), ("level", "profile")]);
    for visitor in 0..6 {
        app.click("/p").visitor(visitor).send();
        app.click("/bio").visitor(visitor).send();
    }
    app.eventually_clicks("bio", 6);
    app.eventually_clicks("p", 6);
    let day = today();
    app.import("", &format!("post,date,impressions\n{post},{day},600\n")).expect_status(200);
    app.import("", &format!("link,date,impressions\nbio,{day},600\n")).expect_status(200);
    let row = app.api_get("/api/v1/ctr?by=post").expect_status(200).json()["rows"][0].clone();
    assert_eq!((row["clicks"].as_u64(), row["ctr"].as_f64()), (Some(6), Some(0.01)), "{row}");
    // A bio link's clicks are not divided by impressions of posts.
    let bio = ctr_row(&app, "", "bio");
    assert!(bio["ctr"].is_null() && !bio["notes"].as_array().unwrap().is_empty(), "{bio}");
    app.import("", &format!("link,date,profile_visits\nbio,{day},3\n")).expect_status(200);
    let report = app.api_get("/api/v1/ctr").expect_status(200).json();
    let over = report["rows"].as_array().unwrap().iter().find(|row| row["kind"] == "profile_visits").unwrap().clone();
    assert_eq!((over["ctr"].as_f64(), over["interval"].as_str()), (Some(2.0), Some("poisson")), "{over}");
}

#[test]
fn an_upload_that_asks_for_the_world_gets_a_clear_error_and_the_server_lives() {
    let app = TestApp::start();
    app.link("https://example.com/", &[("slug", "x")]);
    let wide = format!("link,date,impressions\n{}\n", "x,".repeat(1_000_000));
    let refused = app.import("", &wide);
    assert_eq!(refused.status, 422, "{}", refused.text());
    let long = format!("link,date,impressions\n\"{}", "y".repeat(2_000_000));
    assert_eq!(app.import("", &long).status, 422);
    assert_eq!(app.import("", "\u{0}\u{0}\u{0}").status, 422);
    assert_eq!(app.import("", "").status, 422);
    let huge = "x".repeat(20 * 1024 * 1024 + 1);
    assert_eq!(app.import("", &huge).status, 422);
    app.click("/x").send().expect_status(302);
}

#[test]
fn a_file_that_says_to_be_too_large_is_refused_before_it_comes() {
    let app = TestApp::start();
    let request = Request::new("POST", "/api/v1/imports").header("Content-Length", "200000001");
    let refused = app.api(request).expect_status(413);
    assert!(refused.text().contains("larger than 200 MB"), "{}", refused.text());
}

/// Lifetime views of one post on Threads, as somebody reads them off the screen.
fn threads(app: &TestApp, views: &str, as_of: &str) -> Value {
    let post = "https://www.threads.net/@jane/post/C8abcDEF";
    let entry = json!({ "platform": "threads", "post": post, "as_of": as_of, "numbers": { "views": views } });
    app.api_post("/api/v1/imports/manual", &entry).expect_status(200).json()
}

#[test]
fn numbers_that_a_platform_shows_and_does_not_export_are_entered_by_hand_and_undone() {
    let app = TestApp::start();
    let post = "https://www.threads.net/@jane/post/C8abcDEF";
    let entry = ["import", "manual", "--platform", "threads", "--post", post, "--views", "1.2K"];
    let dry = app.cli(&[&entry[..], &["--dry-run"]].concat()).ok();
    assert!(dry.contains("1 number of 1 post would be imported; nothing changed yet"), "{dry}");
    app.cli(&entry).ok();
    let shown = app.cli(&["import", "show", "1"]).ok();
    assert!(shown.contains("1,200 views") && shown.contains("manual"), "{shown}");
    assert!(app.cli(&entry).ok().contains("this is import 1 already"));
    assert!(app.cli(&["import", "list"]).ok().contains("lifetime"));
    app.cli(&["import", "undo", "1"]).ok();
    assert_eq!(app.cli(&["import", "show", "1"]).code, Some(1));
    let wrong = json!({ "platform": "threads", "post": post, "numbers": { "likes": 1 } });
    app.api_post("/api/v1/imports/manual", &wrong).expect_status(422);
}

#[test]
fn e75_newer_numbers_are_in_force_older_ones_are_kept_as_history_and_equal_ones_are_said() {
    let app = TestApp::start();
    let told = |report: &Value| {
        ["added", "replaced", "unchanged", "kept", "conflict_count"].map(|name| report[name].as_u64().unwrap())
    };
    assert_eq!(told(&threads(&app, "1000", "2026-11-10T00:00:00Z")), [1, 0, 0, 0, 0]);
    assert_eq!(told(&threads(&app, "1500", "2026-11-12T00:00:00Z")), [0, 1, 0, 0, 0]);
    assert_eq!(told(&threads(&app, "1200", "2026-11-11T00:00:00Z")), [0, 0, 0, 1, 0]);
    assert_eq!(told(&threads(&app, "1500", "2026-11-13T00:00:00Z")), [0, 0, 1, 0, 0]);
    let contradiction = threads(&app, "1600", "2026-11-13T00:00:00Z");
    assert_eq!(told(&contradiction), [0, 1, 0, 0, 1], "the later import is in force");
    let said = contradiction["conflicts"][0].as_str().unwrap();
    assert!(said.contains("1500 by import 4, 1600 by import 5"), "{said}");
    app.api_delete("/api/v1/imports/5").expect_status(204);
    let shown = app.api_get("/api/v1/imports/4").expect_status(200).json();
    assert_eq!(shown["report"]["conflict_count"], 0, "an undone import contradicts nobody");
}

#[test]
fn e73_one_file_sent_by_many_at_once_is_one_import() {
    let app = TestApp::start();
    app.link("https://example.com/", &[("slug", "x")]);
    let csv = format!("link,date,impressions\nx,{},1500\n", today());
    let reports: Vec<Value> = std::thread::scope(|scope| {
        let send = || app.import("", &csv).expect_status(200).json();
        let senders: Vec<_> = (0..4).map(|_| scope.spawn(send)).collect();
        senders.into_iter().map(|sender| sender.join().unwrap()).collect()
    });
    assert_eq!(reports.iter().filter(|report| report["same"] == false).count(), 1, "{reports:?}");
    assert!(reports.iter().all(|report| report["import"] == reports[0]["import"]));
    assert_eq!(app.api_get("/api/v1/imports").json()["imports"].as_array().map(Vec::len), Some(1));
}

#[test]
fn e79_a_file_read_with_other_options_stands_in_the_place_of_its_first_reading() {
    let app = TestApp::start();
    app.link("https://example.com/", &[("slug", "x")]);
    let csv = "Link,Tag,Aufrufe\nx,03/04/2026,700\n";
    let read = |dates: &str| {
        let query = format!("?map=link%3DLink,date%3DTag,views%3DAufrufe&dates={dates}");
        app.import(&query, csv).expect_status(200).json()
    };
    let first = read("day-first");
    assert_eq!((first["first"].as_str(), first["supersedes"].is_null()), (Some("2026-04-03"), true), "{first}");
    let second = read("month-first");
    assert_eq!((second["first"].as_str(), &second["supersedes"]), (Some("2026-03-04"), &first["import"]), "{second}");
    let listed = app.api_get("/api/v1/imports").json()["imports"].clone();
    assert_eq!((&listed[0]["superseded_by"], listed[1]["superseded_by"].is_null()), (&second["import"], true));
    assert_eq!(ctr_row(&app, "?from=2026-03-01&to=2026-04-30", "x")["impressions"], 700);
    let again = read("day-first");
    assert_eq!((again["same"].as_bool(), &again["superseded_by"]), (Some(true), &second["import"]), "{again}");
    app.api_delete(&format!("/api/v1/imports/{}", second["import"])).expect_status(204);
    let shown = app.api_get(&format!("/api/v1/imports/{}", first["import"])).expect_status(200).json();
    assert_eq!((shown["report"]["added"].as_u64(), shown["report"]["superseded_by"].is_null()), (Some(1), true));
    let options = shown["report"]["options"].to_string();
    assert!(options.contains("day") && options.contains("map"), "{options}");
}

#[test]
fn e39_what_was_said_about_columns_is_known_with_the_next_file_until_it_is_forgotten() {
    let app = TestApp::start();
    app.link("https://example.com/", &[("slug", "x")]);
    let file = |views: u64| format!("Lien,Jour,Vues\nx,2026-04-03,{views}\n");
    app.import("", &file(1)).expect_status(422);
    let map = "map=link%3DLien,date%3DJour,views%3DVues";
    app.import(&format!("?{map}&dry_run=true"), &file(1)).expect_status(200);
    app.import("", &file(1)).expect_status(422);
    app.import(&format!("?{map}"), &file(1)).expect_status(200);
    let next = app.import("", &file(2)).expect_status(200).json();
    let warning = next["tables"][0]["warnings"].to_string();
    assert!(warning.contains("said about such a file before") && warning.contains("views=vues"), "{next}");
    let again = app.import("", &file(1)).expect_status(200).json();
    assert_eq!((again["same"].as_bool(), again["import"].as_u64()), (Some(true), Some(1)), "read alike: {again}");
    assert!(app.cli(&["import", "columns"]).ok().contains("link=lien,date=jour,views=vues"));
    app.cli(&["import", "columns", "--forget", "link=lien,date=jour,views=vues"]).ok();
    app.import("", &file(3)).expect_status(422);
}

/// Sends the form of the page as a browser does.
fn send_form(app: &TestApp, path: &str, fields: &[(&str, &str)]) -> Answer {
    let encoded = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    app.api(Request::new("POST", path).body("application/x-www-form-urlencoded", encoded.as_bytes()))
}

#[test]
fn what_is_checked_on_one_node_is_explained_and_imported_on_another() {
    let redis = RedisServer::start();
    let (one, two) = (TestApp::with_config(&redis.config()), TestApp::with_config(&redis.config()));
    let file = format!("Beitrag,Tag,Sichten\nhttps://www.instagram.com/p/C1/,{},400\n", today());
    let body = format!("--edge\r\nContent-Disposition: form-data; name=\"csv\"\r\n\r\n{file}\r\n--edge--\r\n");
    let upload = Request::new("POST", "/imports/check").body("multipart/form-data; boundary=edge", body.as_bytes());
    let path = one.api(upload).expect_status(303).location().to_owned();
    let token = path.split_once("upload=").unwrap().1.to_owned();
    let there = two.api_get(&path).expect_status(200).text();
    assert!(there.contains("Say what its columns hold") && there.contains("Sichten"), "{there}");
    let said = [
        ("upload", token.as_str()),
        ("file", "0"),
        ("platform", "instagram"),
        ("header", "Beitrag"),
        ("holds", "post"),
        ("header", "Tag"),
        ("holds", "date"),
        ("header", "Sichten"),
        ("holds", "views"),
        ("csv", &file),
    ];
    send_form(&two, "/imports/explain", &said).expect_status(303);
    let here = one.api_get(&path).expect_status(200).text();
    assert!(here.contains("What an import would do") && here.contains("400"), "{here}");
    let done = send_form(&two, "/imports", &[("upload", &token)]).expect_status(303);
    assert_eq!(done.location(), "/imports?done=1");
    one.api_get(&path).expect_status(404);
    assert_eq!(one.api_get("/api/v1/imports").json()["imports"].as_array().map(Vec::len), Some(1));
    let never = "/imports/check?upload=never";
    assert!(two.api_get(never).expect_status(404).text().contains("choose them again"));
}
