//! UTM as an installation wants it: what links must have, what they may have, and what their owner is asked about.

use serde_json::json;

use crate::support::app::TestApp;

const POLICY: &str = "[links.utm]\nrequired = [\"campaign\"]\nsource = [\"instagram\", \"newsletter\"]\n";

#[test]
fn a_link_that_the_installation_does_not_allow_is_refused_by_api_and_command_line_with_what_to_write() {
    let app = TestApp::with_config(POLICY);
    let link =
        |source: &str| json!({ "url": "https://example.com/", "utm": { "source": source, "campaign": "spring" } });
    let refused = app.api_post("/api/v1/links", &link("Instgram")).expect_status(422).json();
    assert_eq!(refused["field"], "utm.source");
    assert!(refused["detail"].as_str().unwrap().contains("did you mean \"instagram\"?"), "{refused}");
    let output = app.cli(&["link", "add", "https://example.com/", "--source", "instagram"]);
    assert_eq!(output.code, Some(1));
    assert!(output.stderr.contains("every link here needs a utm campaign"), "{}", output.stderr);
    app.api_post("/api/v1/links", &link("instagram")).expect_status(201);
    // What the destination carries by itself is a link's UTM too.
    let carried = json!({ "url": "https://example.com/?utm_source=poster&utm_campaign=spring" });
    app.api_post("/api/v1/links", &carried).expect_status(422);
}

#[test]
fn links_from_before_a_rule_stay_and_an_edit_is_asked_only_about_what_it_changes() {
    let mut app = TestApp::stopped("");
    app.launch();
    let id = app.link("https://example.com/", &[("slug", "x"), ("utm.source", "poster")])["id"].to_string();
    app.stop();
    std::fs::write(app.data().with_file_name("waypost.toml"), POLICY).unwrap();
    app.launch();
    let path = format!("/api/v1/links/{id}");
    app.api_patch(&path, &json!({ "title": "Poster at the station" })).expect_status(200);
    app.api_patch(&path, &json!({ "utm": { "source": "flyer" } })).expect_status(422);
    app.api_patch(&path, &json!({ "utm": { "source": "newsletter" } })).expect_status(200);
}

#[test]
fn macros_and_slips_are_asked_about_when_a_link_is_made() {
    let app = TestApp::start();
    let warned = |url: &str, source: &str| {
        let made = app.link(url, &[("utm.source", source)]);
        made["warnings"].as_array().cloned().unwrap_or_default().iter().map(|one| one.to_string()).collect::<String>()
    };
    assert!(warned("https://example.com/?utm_campaign=%7B%7Bcampaign.name%7D%7D", "facebook").contains("macro"));
    assert!(warned("https://example.com/?utm_campaign={{campaign.name}}", "facebook").contains("macro"));
    assert!(warned("https://example.com/", "facebok").contains("did you mean facebook?"));
    assert_eq!(warned("https://example.com/", "facebook"), "");
}
