//! What a hit was taken for: asked of one click, judged by tables of the owner's, and judged again after they changed.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::app::TestApp;

const READER: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 AcmeReader/1 Safari/537.36";

fn config(rules: &Path) -> String {
    format!("[classify]\nrules = {:?}\n", rules.display().to_string())
}

/// Every hit of the archive as JSON.
fn hits(app: &TestApp) -> Vec<Value> {
    let text = app.api_get("/api/v1/clicks?format=jsonl&verdict=all").text();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn why_a_hit_was_filtered_is_answered_in_words_with_the_evidence() {
    let app = TestApp::start();
    app.link("https://example.com/", &[("slug", "x")]);
    app.click("/x?utm_source=IG").agent("Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)").send();
    app.eventually("the hit is counted", || hits(&app).len() == 1);
    let id = hits(&app)[0]["id"].as_str().unwrap().to_owned();
    let click = app.api_get(&format!("/api/v1/clicks/{id}")).json();
    assert_eq!((&click["verdict"], &click["slug"]), (&json!("preview"), &json!("x")));
    let why = click["why"].as_str().unwrap();
    assert!(why.contains("draw a preview card") && why.contains("does not count"), "{why}");
    assert_eq!(click["source_why"], "The visitor brought utm_source=\"IG\".");
    assert_eq!(click["evidence"]["visitor_utm_source"], "IG");
    assert_eq!(click["evidence"]["country"], Value::Null);
    assert_eq!(app.api_get("/api/v1/clicks/00000000-0000-7000-8000-000000000000").status, 404);
    assert_eq!(app.api_get("/api/v1/clicks/nonsense").status, 400);
}

#[test]
fn new_rules_reach_the_past_and_no_click_that_arrives_meanwhile_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let app = TestApp::with_config(&config(folder.path()));
    app.link("https://example.com/", &[("slug", "x")]);
    for visitor in 0..5 {
        app.click("/x").visitor(visitor).send();
        app.click("/x").visitor(100 + visitor).agent(READER).send();
    }
    app.eventually_clicks("x", 10);
    let today = hits(&app)[0]["time"].as_str().unwrap()[..10].to_owned();
    fs::write(folder.path().join("bots.tsv"), "acmereader\tpreview\tacme\n").unwrap();

    let dry = app.cli(&["reclassify", "--since", &today, "--dry-run", "--json"]).json();
    assert_eq!(dry["report"]["changed"], 5, "{dry}");
    assert_eq!(dry["report"]["verdicts"][0]["to"], "preview:user-agent:acme");
    assert_eq!(app.clicks("x"), 10);

    app.click("/x").visitor(200).send();
    let shown = app.cli(&["reclassify", "--since", &today]).ok();
    assert!(shown.contains("preview:user-agent:acme"), "{shown}");
    app.click("/x").visitor(201).agent(READER).send();
    app.eventually_clicks("x", 6);
    app.eventually("every hit is counted", || app.stats("x")["hits"] == 12);
    assert_eq!(app.stats("x")["verdicts"]["preview"], 6);
    assert_eq!(hits(&app).iter().filter(|hit| hit["verdict"] == "preview").count(), 6);
    assert_eq!(app.stats_by("x", "channel")["rows"][0]["value"], "Direct");

    fs::write(app.data().join("clicks").join(format!("day={today}")).join("other.parquet"), "not a click file")
        .unwrap();
    let again = app.cli(&["reclassify", "--since", &today, "--json"]).json();
    assert_eq!(again["report"]["files_left_out"], 1, "{again}");
    assert_eq!((&again["report"]["changed"], &again["report"]["days_kept"]), (&json!(0), &json!([])), "{again}");
    assert_eq!(app.clicks("x"), 6);
}

#[test]
fn a_day_whose_click_files_are_gone_keeps_its_counters() {
    let app = TestApp::start();
    app.link("https://example.com/", &[("slug", "x")]);
    app.click("/x").send();
    app.eventually_clicks("x", 1);
    let today = hits(&app)[0]["time"].as_str().unwrap()[..10].to_owned();
    app.cli(&["reclassify", "--since", &today]).ok();
    fs::remove_dir_all(app.data().join("clicks").join(format!("day={today}"))).unwrap();
    let report = app.cli(&["reclassify", "--since", &today, "--json"]).json();
    assert_eq!(report["report"]["days_kept"], json!([today]));
    assert_eq!(app.clicks("x"), 1);
}

#[test]
fn a_table_that_is_not_sound_is_refused_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let app = TestApp::with_config(&config(folder.path()));
    fs::write(folder.path().join("aliases.tsv"), "# mine\nig\n").unwrap();
    let config = app.data().with_file_name("waypost.toml");
    for args in [
        vec!["check-config", "--config", config.to_str().unwrap()],
        vec!["reclassify", "--since", "2026-01-01", "--data", app.data().to_str().unwrap()],
    ] {
        let output = crate::support::app::offline(&args, b"");
        assert_eq!(output.code, Some(1));
        assert!(output.stderr.contains("aliases.tsv, line 2"), "{}", output.stderr);
    }
    assert_eq!(app.api_post("/api/v1/reclassify?since=2999-01-01", &json!({})).status, 422);
}
