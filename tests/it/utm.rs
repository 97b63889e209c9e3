//! UTM as an installation wants it: what links must have, what they may have, and what their owner is asked about.

use serde_json::json;

use crate::support::app::{TestApp, offline};
use crate::support::http::Request;

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

const ALIASES: &str = "[links.utm]\nsource = [\"instagram\"]\n[links.utm.aliases]\nsource = [\"ig=instagram\"]\n";

#[test]
fn another_word_for_a_value_is_saved_as_the_value_and_that_is_said() {
    let app = TestApp::with_config(ALIASES);
    let link = |url: &str, source: &str| json!({ "url": url, "utm": { "source": source } });
    let made = app.api_post("/api/v1/links", &link("https://example.com/", " IG ")).expect_status(201).json();
    assert_eq!(
        (&made["utm"]["source"], &made["destination"]),
        (&json!("instagram"), &json!("https://example.com/?utm_source=instagram"))
    );
    let says = "utm_source \"IG\" is saved as \"instagram\", which it is another word for here";
    assert_eq!(made["warnings"], json!([says]));
    let carried = json!({ "url": "https://example.com/?utm_source=ig&a=1" });
    let made = app.api_post("/api/v1/links", &carried).expect_status(201).json();
    assert_eq!(made["destination"], "https://example.com/?utm_source=instagram&a=1");
    let told = app.cli(&["link", "add", "https://example.com/", "--source", "ig"]);
    assert!(told.stderr.contains("is saved as \"instagram\""), "{}", told.stderr);
    let many = json!({ "links": [link("https://example.com/", "ig")], "dry_run": true });
    let foreseen = app.api_post("/api/v1/links/bulk", &many).expect_status(200).json()["results"][0]["link"].clone();
    assert_eq!((&foreseen["utm"]["source"], foreseen["warnings"].as_array().unwrap().len()), (&json!("instagram"), 1));
    let all = json!({ "ids": [1], "set": { "utm": { "source": "Ig" } } });
    let edited = app.api(Request::new("PATCH", "/api/v1/links/bulk").json(&all)).expect_status(200).json();
    assert_eq!(edited["results"][0]["link"]["revision"], 1, "it means what is there: {edited}");
    app.api_post("/api/v1/links", &link("https://example.com/", "insta")).expect_status(422);
}

#[test]
fn links_from_before_an_alias_and_links_that_move_in_keep_their_words() {
    let mut app = TestApp::stopped("");
    app.launch();
    app.link("https://example.com/", &[("slug", "x"), ("utm.source", "ig")]);
    app.stop();
    std::fs::write(app.data().with_file_name("waypost.toml"), ALIASES).unwrap();
    app.launch();
    let edit = json!({ "title": "T", "utm": { "source": "ig", "medium": "social" } });
    let edited = app.api_patch("/api/v1/links/1", &edit).expect_status(200).json();
    assert_eq!(edited["utm"], json!({ "source": "ig", "medium": "social" }));
    let csv = "slug,url\ny,https://example.com/?utm_source=ig\n";
    app.api(Request::new("POST", "/api/v1/links/import").body("text/csv", csv.as_bytes())).expect_status(200);
    assert_eq!(app.link_by_slug("y")["destination"], "https://example.com/?utm_source=ig");
    app.click("/x").send().expect_status(302);
    app.eventually_clicks("x", 1);
    let by = || app.api_get("/api/v1/stats?by=utm_source").json()["rows"][0]["value"].clone();
    assert_eq!(by(), "ig");
    app.api_patch("/api/v1/links/1", &json!({ "utm": { "source": "instagram" } })).expect_status(200);
    assert_eq!(by(), "instagram", "what a link declares is what it declares now");
}

#[test]
fn an_alias_that_cannot_be_is_refused_with_the_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("waypost.toml");
    for (wrong, says) in [
        ("fb=facebook", "links.utm.aliases.source stands for \"facebook\", which links.utm.source does not allow"),
        ("ig", "write it like \"ig=instagram\""),
    ] {
        std::fs::write(&path, ALIASES.replace("ig=instagram", wrong)).unwrap();
        let refused = offline(&["check-config", "--config", path.to_str().unwrap()], b"");
        assert!(refused.code != Some(0) && refused.stderr.contains(says), "{}", refused.stderr);
    }
}

#[test]
fn the_page_of_new_links_says_while_somebody_types_that_a_word_is_saved_as_another() {
    let app = TestApp::with_config(ALIASES);
    let form = "url=https%3A%2F%2Fexample.com%2F&pick=0&row=&name=Post&level=post&source=ig";
    let request = Request::new("POST", "/links/new/preview").body("application/x-www-form-urlencoded", form.as_bytes());
    let shown = app.api(request.header("Sec-Fetch-Site", "same-origin")).expect_status(200).text();
    assert!(shown.contains("utm_source=instagram") && shown.contains("is saved as"), "{shown}");
}
