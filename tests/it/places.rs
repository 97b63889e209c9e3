//! Where clicks come from: real MMDB files of both shapes, replaced and damaged while the server runs.

use std::path::Path;

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
