//! Campaigns: the links of many placements made together, the templates that they are made from, and the way from a
//! link in a post to its rate, in a real browser and through the API.

use serde_json::json;

use crate::support::app::TestApp;

const STORY: &str = "Instagram story,platform=instagram,level=story,source={platform},medium=social,content={level}";
const LETTER: &str = "Newsletter,platform=newsletter,level=email,source=newsletter,medium=email";

#[test]
fn a_template_makes_a_link_for_each_of_its_placements_from_the_command_line() {
    let app = TestApp::start();
    app.cli(&["template", "add", "Launch", "--placement", STORY, "--placement", LETTER, "--tag", "spring"]).ok();
    assert!(app.cli(&["template", "list"]).ok().contains("Instagram story, Newsletter"));
    let make = ["template", "make", "launch", "https://example.com/", "--campaign", "spring"];
    let told = app.cli(&[&make[..], &["--dry-run"]].concat()).ok();
    let story = "https://example.com/?utm_source=instagram&utm_medium=social&utm_campaign=spring&utm_content=story";
    assert!(told.contains(story) && told.contains("(not made)"), "{told}");
    assert_eq!(app.api_get("/api/v1/links").json()["links"], json!([]), "a dry run makes nothing");
    let told = app.cli(&make).ok();
    assert!(told.contains(story) && !told.contains("(not made)"), "{told}");
    let links = app.api_get("/api/v1/links?tag=spring").json()["links"].clone();
    assert_eq!((&links[0]["level"], &links[1]["title"]), (&json!("story"), &json!("Newsletter")));
    app.cli(&["template", "remove", "Launch"]).ok();
    app.api_get("/api/v1/templates/Launch").expect_status(404);
    assert_eq!(app.api_get("/api/v1/links").json()["links"].as_array().unwrap().len(), 2, "links stay");
}

#[test]
fn a_template_is_kept_once_however_its_name_is_written_and_a_wrong_one_says_what_is_wrong() {
    let app = TestApp::start();
    let template = |name: &str, level: &str| json!({"name": name, "placements": [{"name": "Post", "level": level}]});
    app.api_post("/api/v1/templates", &template("Launch", "post")).expect_status(201);
    app.api_post("/api/v1/templates", &template("LAUNCH", "story")).expect_status(200);
    let kept = app.api_get("/api/v1/templates").json();
    assert_eq!(kept["templates"].as_array().unwrap().len(), 1);
    assert_eq!(app.api_get("/api/v1/templates/launch").json()["placements"][0]["level"], "story");
    let wrong = app.api_post("/api/v1/templates", &template("Launch", "reel")).expect_status(422).json();
    assert_eq!(wrong["field"], "placements");
    assert!(wrong["detail"].as_str().unwrap().contains("Post: \"reel\" is not a level"), "{wrong}");
}

#[test]
fn where_one_link_of_a_campaign_cannot_be_none_is_made() {
    let app = TestApp::with_config("[links.utm]\nmedium = [\"social\", \"email\"]\n");
    let spot = |name: &str, content: &str| json!({"name": name, "level": "post", "content": content});
    let body = json!({"name": "Two", "placements": [spot("One", "{campaign}"), spot("Other", "")]});
    app.api_post("/api/v1/templates", &body).expect_status(201);
    let long = "c".repeat(300);
    let make = |body| app.api_post("/api/v1/templates/Two/links", &body);
    let refused = make(json!({"url": "https://example.com/", "campaign": long})).expect_status(422).json();
    assert_eq!(refused["errors"].as_array().unwrap().len(), 2, "each line that is wrong is named: {refused}");
    make(json!({"url": "javascript:alert(1)"})).expect_status(422);
    assert_eq!(app.api_get("/api/v1/links").json()["links"], json!([]));
    let policy = json!({"name": "Wrong", "placements": [{"name": "One", "level": "post", "medium": "poster"}]});
    let refused = app.api_post("/api/v1/templates", &policy).expect_status(422).json();
    assert!(refused["detail"].as_str().unwrap().contains("links.utm.medium"), "{refused}");
}
