//! What is deployed with Waypost says only what Waypost knows: settings that load, metrics that exist.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::app::{TestApp, offline};

fn deploy(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy").join(name)
}

/// The words of a text that are names of our metrics, `waypost_…`.
fn metrics(text: &str) -> BTreeSet<&str> {
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    words.filter(|word| word.starts_with("waypost_")).collect()
}

#[test]
fn the_deployed_configuration_loads() {
    let path = deploy("waypost.toml");
    offline(&["check-config", "--config", path.to_str().unwrap()], b"").ok();
}

#[test]
fn alerts_and_dashboard_ask_only_for_metrics_that_are_exported() {
    let app = TestApp::start();
    let exported = app.metrics();
    let exported = metrics(&exported);
    for name in ["prometheus-alerts.yaml", "grafana-dashboard.json"] {
        let text = fs::read_to_string(deploy(name)).unwrap();
        let unknown: Vec<_> = metrics(&text).difference(&exported).copied().collect();
        assert!(unknown.is_empty(), "{name} asks for {unknown:?}");
    }
}

#[test]
fn the_dashboard_is_json_with_a_panel_for_each_question() {
    let dashboard: Value = serde_json::from_slice(&fs::read(deploy("grafana-dashboard.json")).unwrap()).unwrap();
    let panels = dashboard["panels"].as_array().expect("a dashboard has panels");
    assert!(panels.iter().all(|panel| panel["title"].is_string() && panel["targets"].is_array()));
}
