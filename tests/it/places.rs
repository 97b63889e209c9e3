//! Where clicks come from: real MMDB files of both shapes, replaced and damaged while the server runs.

use std::path::Path;

use serde_json::Value;

use crate::support::agents;
use crate::support::app::TestApp;
use crate::support::mmdb::{self, Entry, Shape};

fn write(path: &Path, shape: Shape, country: &str) {
    let entry = Entry { network: "11.0.0.0/8", country, region: "Stockholm County", city: "Stockholm" };
    // Written beside and renamed, as an updater does.
    let beside = path.with_extension("new");
    mmdb::write(&beside, shape, &[entry]);
    std::fs::rename(beside, path).unwrap();
}

fn countries(app: &TestApp) -> Vec<String> {
    let rows = app.stats_by("x", "country")["rows"].clone();
    rows.as_array().unwrap().iter().map(|row| row["value"].as_str().unwrap().to_owned()).collect()
}

fn config(path: &Path) -> String {
    format!("[classify]\ngeo = [\"{}\"]\ngeo_poll_s = 1\n", path.display())
}

#[test]
fn a_click_has_the_country_of_a_nested_or_a_flat_file_and_a_private_address_has_none() {
    for shape in [Shape::Nested, Shape::Flat] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("places.mmdb");
        write(&path, shape, "SE");
        let app = TestApp::with_config(&config(&path));
        app.link("https://example.com/", &[("slug", "x")]);
        app.click("/x").from("11.2.3.4").send();
        app.click("/x").from("::ffff:11.9.3.4").send();
        app.click("/x").from("192.168.1.1").send();
        app.eventually_clicks("x", 3);
        let mut found = countries(&app);
        found.sort();
        assert_eq!(found, ["(unknown)", "SE"]);
    }
}

#[test]
fn a_file_replaced_while_running_is_taken_into_use_and_a_damaged_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("places.mmdb");
    write(&path, Shape::Nested, "SE");
    let app = TestApp::with_config(&config(&path));
    app.link("https://example.com/", &[("slug", "x")]);
    let state = || app.api_get("/api/v1/node").json()["geo"][0]["state"].as_str().unwrap_or_default().to_owned();
    assert_eq!(state(), "in use");

    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    app.eventually("the damaged file is noticed", || state() != "in use");
    app.click("/x").from("11.2.3.4").send();
    app.eventually_clicks("x", 1);
    assert_eq!(countries(&app), ["SE"]);

    write(&path, Shape::Nested, "NO");
    app.eventually("the new file is in use", || state() == "in use");
    app.click("/x").from("11.3.3.4").send();
    app.eventually_clicks("x", 2);
    assert!(countries(&app).contains(&"NO".to_owned()));
}

#[test]
fn an_autonomous_system_is_told_beside_the_country_and_rented_machines_are_no_visitors() {
    let folder = tempfile::tempdir().unwrap();
    let (countries, systems) = (folder.path().join("countries.mmdb"), folder.path().join("systems.mmdb"));
    write(&countries, Shape::Flat, "SE");
    let rented = ("11.1.0.0/16", 16509, "AMAZON-02");
    mmdb::write_systems(&systems, &[rented, ("11.2.0.0/16", 64496, "Example Telecom")]);
    let app = TestApp::with_config(&format!("[classify]\ngeo = [{:?}, {:?}]\n", countries, systems));
    app.link("https://example.com/", &[("slug", "x")]);
    app.click("/x").from("11.2.3.4").send();
    app.click("/x").from("11.1.3.4").agent(agents::CHROME_WINDOWS).send();
    app.click("/x").from("11.1.3.5").agent(agents::INSTAGRAM_IPHONE).send();
    app.eventually_hits("x", 3);
    let hits = app.api_get("/api/v1/clicks?format=jsonl&verdict=all").text();
    let hits: Vec<Value> = hits.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told = |hit: &Value| format!("{} {} {} {}", hit["country"], hit["asn"], hit["organisation"], hit["verdict"]);
    assert_eq!(told(&hits[0]), r#""SE" "64496" "Example Telecom" "human""#);
    assert_eq!(told(&hits[1]), r#""SE" "16509" "AMAZON-02" "scanner""#);
    assert_eq!(told(&hits[2]), r#""SE" "16509" "AMAZON-02" "human""#, "phones are left alone");
    assert_eq!(app.stats_by("x", "reason")["rows"][0]["value"], "scanner:hosting:amazon");
}

#[test]
fn what_is_no_geo_file_is_refused_in_words_and_clicks_are_counted_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let files = ["empty", "text", "metadata", "missing"].map(|name| folder.path().join(name));
    std::fs::write(&files[0], b"").unwrap();
    std::fs::write(&files[1], "country,SE\n".repeat(1000)).unwrap();
    // A whole head and nothing behind it: the tree that it promises is not there.
    let whole = mmdb::bytes(Shape::Nested, &[Entry { network: "11.0.0.0/8", country: "SE", region: "", city: "" }]);
    let metadata = whole.windows(14).rposition(|window| window == b"\xab\xcd\xefMaxMind.com").unwrap();
    std::fs::write(&files[2], &whole[metadata..]).unwrap();
    let named: Vec<String> = files.iter().map(|path| format!("{:?}", path.display().to_string())).collect();
    let app = TestApp::with_config(&format!("[classify]\ngeo = [{}]\n", named.join(", ")));
    app.link("https://example.com/", &[("slug", "x")]);
    app.click("/x").from("11.2.3.4").send();
    app.eventually_clicks("x", 1);
    assert_eq!(countries(&app), ["(unknown)"]);
    let node = app.api_get("/api/v1/node").json();
    for file in node["geo"].as_array().unwrap() {
        assert_ne!(file["state"], "in use", "{file}");
        assert!(!file["state"].as_str().unwrap().is_empty(), "{file}");
    }
}
