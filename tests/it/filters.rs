//! Clicks under filters: what click files say agrees with what counters say, and parts add up to the whole.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::support::app::{TestApp, offline};

/// A filter that admits every click, so that click files are read for what counters know.
const EVERY_CLICK: &str = "country=!ZZ";

/// What counters tell apart.
const COUNTED: [&str; 15] = [
    "day", "hour", "verdict", "reason", "source", "channel", "seen_on", "referrer", "country", "region", "city",
    "device", "os", "browser", "language",
];

/// The demo's campaign: its clicks are counted, most of them sealed.
fn demo() -> TestApp {
    let mut app = TestApp::stopped("");
    offline(&["demo", "--data", app.data().to_str().unwrap()], b"").ok();
    app.launch();
    app.drained();
    app
}

fn stats(app: &TestApp, query: &str) -> Value {
    app.api_get(&format!("/api/v1/stats?{query}")).expect_status(200).json()
}

/// Clicks and, where they are told, hits by value.
fn rows(report: &Value) -> BTreeMap<String, u64> {
    let size = if ["verdict", "reason"].contains(&report["by"].as_str().unwrap()) { "hits" } else { "clicks" };
    let row = |row: &Value| (row["value"].as_str().unwrap().to_owned(), row[size].as_u64().unwrap());
    report["rows"].as_array().unwrap().iter().map(row).filter(|(_, size)| *size > 0).collect()
}

fn totals(report: &Value) -> [u64; 3] {
    ["clicks", "visitors", "hits"].map(|name| report[name].as_u64().unwrap())
}

fn clicks(report: &Value) -> u64 {
    report["clicks"].as_u64().unwrap()
}

#[test]
fn click_files_and_counters_agree_on_everything_that_both_know() {
    let app = demo();
    for by in COUNTED {
        let counted = stats(&app, &format!("by={by}"));
        let scanned = stats(&app, &format!("by={by}&{EVERY_CLICK}"));
        assert_eq!((&counted["counted_from"], &scanned["counted_from"]), (&"counters".into(), &"click files".into()));
        assert_eq!(rows(&scanned), rows(&counted), "by {by}");
        assert_eq!(scanned["verdicts"], counted["verdicts"], "by {by}");
        assert_eq!(totals(&scanned)[0], totals(&counted)[0], "by {by}");
        assert_eq!(totals(&scanned)[2], totals(&counted)[2], "by {by}");
        // Counters know the visitors of each link exactly, click files all of them within a few per cent.
        let [exact, told] = [&counted, &scanned].map(|report| totals(report)[1] as f64);
        assert!((told / exact - 1.0).abs() < 0.04, "{told} visitors instead of {exact}");
    }
    for by in ["link", "campaign", "platform", "level", "tag", "utm_medium"] {
        let scanned = stats(&app, &format!("by={by}&{EVERY_CLICK}"));
        assert_eq!(rows(&scanned), rows(&stats(&app, &format!("by={by}"))), "by {by}");
    }
}

#[test]
fn a_filter_and_its_opposite_add_up_to_everything() {
    let app = demo();
    let everything = totals(&stats(&app, ""));
    let mut parted = 0;
    for by in
        ["source", "country", "city", "device", "app", "verdict", "link", "campaign", "platform", "level", "referrer"]
    {
        let report = stats(&app, &format!("by={by}"));
        for (value, size) in rows(&report).into_iter().take(4) {
            let value = encoded(&value);
            let [of, others] = [format!("{by}={value}"), format!("{by}=!{value}")].map(|filter| stats(&app, &filter));
            let sums = [totals(&of), totals(&others)];
            assert_eq!(sums[0][0] + sums[1][0], everything[0], "{by} {value}");
            assert_eq!(sums[0][2] + sums[1][2], everything[2], "{by} {value}");
            assert_eq!(if by == "verdict" { sums[0][2] } else { sums[0][0] }, size, "{by} {value}");
            parted += 1;
        }
    }
    assert!(parted > 25, "the demo has {parted} values to tell apart");
}

#[test]
fn several_filters_hold_at_once_and_several_values_are_put_together() {
    let app = demo();
    let [sweden, norway, both] =
        ["country=SE", "country=NO", "country=SE,NO"].map(|filter| clicks(&stats(&app, filter)));
    assert!(sweden > 0 && norway > 0);
    assert_eq!(sweden + norway, both);
    let mobile = clicks(&stats(&app, "country=SE,NO&device=mobile"));
    let others = clicks(&stats(&app, "country=SE,NO&device=!mobile"));
    assert!(0 < mobile && mobile < both);
    assert_eq!(mobile + others, both);
    let by_source = stats(&app, "country=SE,NO&device=mobile&by=source");
    assert_eq!(rows(&by_source).values().sum::<u64>(), mobile);
    let told = serde_json::json!([
        {"facet": "country", "only": ["NO", "SE"], "not": []}, {"facet": "device", "only": ["mobile"], "not": []}]);
    assert_eq!(by_source["filter"], told);
}

#[test]
fn an_export_has_the_clicks_that_a_filter_counts() {
    let app = demo();
    for filter in ["country=SE,NO&device=!mobile", "source=!instagram", "level=post&os=iOS", "campaign=!spring"] {
        let window = stats(&app, filter);
        let days = format!("from={}&to={}", window["from"].as_str().unwrap(), window["to"].as_str().unwrap());
        let export = app.api_get(&format!("/api/v1/clicks?format=jsonl&{days}&{filter}")).expect_status(200).text();
        assert_eq!(export.lines().count() as u64, clicks(&window), "{filter}");
    }
    let told = app.cli(&["stats", "--json", "--filter", "country=SE,NO", "--filter", "device=!mobile"]).json();
    let lines = app.cli(&["export", "clicks", "--filter", "country=SE,NO", "--filter", "device=!mobile"]).ok();
    assert_eq!(lines.lines().count() as u64, 1 + clicks(&told));
}

#[test]
fn any_zone_tells_clicks_apart_by_anything() {
    let app = demo();
    // One day more at both ends holds the same clicks, whatever the zone.
    let window = "from=2020-01-01&to=2029-12-31";
    let home = stats(&app, &format!("{window}&by=country"));
    for zone in ["Asia/Kolkata", "America/New_York"] {
        for by in ["country", "day", "asn"] {
            let away = stats(&app, &format!("{window}&by={by}&tz={zone}"));
            assert_eq!(clicks(&away), clicks(&home), "{by} {zone}");
        }
        assert_eq!(rows(&stats(&app, &format!("{window}&by=country&tz={zone}"))), rows(&home));
    }
}

#[test]
fn a_click_is_under_its_filter_before_it_is_in_a_click_file() {
    let app = TestApp::start();
    app.link("https://example.com/?utm_campaign=spring", &[("slug", "x")]);
    app.link("https://example.com/", &[("slug", "y")]);
    app.click("/x").send();
    app.click("/y").referrer("https://news.example/a").visitor(2).send();
    app.eventually_clicks("y", 1);
    assert_eq!(clicks(&stats(&app, "referrer=news.example")), 1);
    assert_eq!(clicks(&stats(&app, "referrer=(none)&campaign=spring")), 1);
    assert_eq!(clicks(&stats(&app, "referrer=(none)&campaign=!spring")), 0);
    assert_eq!(clicks(&stats(&app, "referrer=!(none)&campaign=!spring&device=desktop,mobile,other")), 1);
}

#[test]
fn a_filter_that_cannot_be_is_refused_by_its_name() {
    let app = TestApp::start();
    for (filter, field) in
        [("verdict=robot", "verdict"), ("level=top", "level"), ("link=x", "link"), ("city=(other)", "city")]
    {
        let refused = app.api_get(&format!("/api/v1/stats?{filter}")).expect_status(422).json();
        assert!(refused.to_string().contains(field), "{refused}");
    }
    app.api_get("/api/v1/stats?colour=red").expect_status(400);
    app.api_get("/api/v1/stats?link=99").expect_status(404);
}

fn encoded(value: &str) -> String {
    let value = value.replace('\\', r"\\").replace(',', r"\,");
    value.bytes().map(|byte| format!("%{byte:02X}")).collect()
}
