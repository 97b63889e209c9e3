//! Campaigns: the links of many placements made together, the templates that they are made from, and the way from a
//! link in a post to its rate, in a real browser and through the API.

use serde_json::json;

use crate::support::app::TestApp;
use crate::support::browser::Browser;
use crate::support::visit::Visit;

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

/// Where a post stands that a link of the tests is for.
const POST: &str = "https://www.instagram.com/p/DKabcDEF123/";
const OTHER_POST: &str = "https://www.instagram.com/p/DKother4567/";

/// What a person does who drags a file onto the page.
const DROP: &str = r#"
const [name, text] = arguments;
const data = new DataTransfer();
data.items.add(new File([text], name, { type: "text/csv" }));
window.isLeft = true;
document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
"#;

fn today() -> String {
    jiff::Timestamp::now().strftime("%F").to_string()
}

#[test]
fn six_links_are_made_clicked_measured_matched_and_their_rate_is_read() {
    let Some(browser) = Browser::start() else { return };
    let visit = Visit { app: TestApp::start(), browser };
    visit.sign_in(&visit.app.key());
    making_a_campaign(&visit);
    a_click_is_seen(&visit);
    dropping_a_file(&visit);
    deciding_a_match(&visit);
    reading_the_rates(&visit);
    undoing(&visit);
}

fn making_a_campaign(visit: &Visit) {
    visit.open("/links/new");
    visit.look("kit");
    visit.press("Make links");
    visit.browser.shows("Choose at least one place.");
    visit.audit("kit-none");
    visit.fill("campaign", "spring-sale");
    visit.fill("title", "Spring sale");
    for place in 0..6 {
        visit.browser.find(&format!("#pick-{place}")).click();
    }
    visit.browser.find("#slug-0").type_text("story");
    visit.browser.find("#content-2").type_text(" {campaign} Instgram");
    visit.browser.find("#url").type_text("https://example.com/sale");
    // The page's script asks what would be made while somebody types.
    visit
        .browser
        .shows("utm_source=x&utm_medium=social&utm_campaign=spring-sale&utm_content=post%20spring-sale%20Instgram");
    visit.fill("source-3", "linkdin");
    visit.browser.shows("did you mean linkedin?");
    visit.look("kit-preview");
    visit.fill("source-3", "linkedin");
    visit.fill("url", "ftp://example.com");
    visit.press("Make links");
    visit.browser.shows("Nothing was made yet:");
    assert_eq!(visit.browser.script("return document.activeElement.id"), "url", "the wrong input has the focus");
    assert_eq!(visit.browser.find("#slug-0").attribute("value").as_deref(), Some("story"), "what was typed is kept");
    visit.look("kit-refused");
    assert_eq!(visit.app.api_get("/api/v1/links").json()["links"], json!([]), "none of six");
    visit.fill("url", "https://example.com/sale");
    visit.press("Make links");
    visit.browser.shows("6 links");
    visit.browser.shows("Spring sale, Instagram story");
    visit.look("made");
    assert_eq!(visit.app.api_get("/api/v1/links").json()["links"].as_array().unwrap().len(), 6);
}

fn a_click_is_seen(visit: &Visit) {
    let link = visit.app.link_by_slug("story");
    let to =
        "https://example.com/sale?utm_source=instagram&utm_medium=social&utm_campaign=spring-sale&utm_content=story";
    assert_eq!(visit.app.click("/story").visitor(0).send().location(), to);
    for visitor in 1..8 {
        visit.app.click("/story").visitor(visitor).send().expect_status(302);
    }
    visit.app.eventually_clicks("story", 8);
    visit.eventually_shows(&format!("/links/{}", link["id"]), "Most in one day: 8 clicks");
    visit.app.api_patch(&format!("/api/v1/links/{}", link["id"]), &json!({"level": "post"})).expect_status(200);
}

fn dropping_a_file(visit: &Visit) {
    visit.open("/imports");
    visit.look("imports-empty");
    let text = format!("Adresse,Tag,Aufrufe\n{POST},{0},400\n{OTHER_POST},{0},900\n", today());
    visit.browser.script_with(DROP, &json!(["zahlen.csv", text]));
    visit.browser.leaves();
    visit.browser.shows("Say below what they hold");
    visit.look("import-unknown");
    for (column, holds) in [(0, "post"), (1, "date"), (2, "views")] {
        visit.browser.find(&format!("#holds-{column} [value={holds}]")).click();
    }
    visit.fill("platform-0", "instagram");
    visit.press("Check again");
    visit.browser.shows("What an import would do");
    visit.browser.shows("1,300");
    visit.browser.shows("No link stands in 2 posts of this file");
    visit.look("import-explained");
    assert_eq!(visit.app.api_get("/api/v1/imports").json()["imports"], json!([]), "nothing is stored before a yes");
    visit.press("Import");
    visit.browser.shows("Imported: zahlen.csv, 2 numbers.");
    visit.browser.shows("Columns you explained");
    visit.look("imported");
    visit.press("What it says");
    visit.browser.shows("1,300");
    visit.look("import-shown");
}

fn deciding_a_match(visit: &Visit) {
    visit.open("/matches");
    visit.browser.shows("2 posts.");
    visit.look("matches-open");
    visit.fill("link", "nothing");
    visit.fill("post", POST);
    visit.press("Connect");
    visit.browser.shows("There is no link \"nothing\"");
    assert_eq!(visit.browser.find("#post").attribute("value").as_deref(), Some(POST), "what was typed is kept");
    visit.fill("link", "story");
    visit.press("Connect");
    visit.browser.shows("1 post.");
    visit.open("/matches?view=all");
    visit.browser.shows("because somebody said so");
    visit.look("matches-all");
    visit.press("Decided by hand");
    visit.browser.shows("stands in");
    visit.look("matches-decided");
}

fn reading_the_rates(visit: &Visit) {
    visit.open("/ctr?by=post");
    visit.browser.shows("8 / 400");
    visit.browser.shows("2.00 %");
    visit.look("rate-read");
    let sheet = visit.app.api_get("/api/v1/ctr?by=post&format=csv").expect_status(200).text();
    assert!(sheet.starts_with("post,name,level,") && sheet.contains(",8,400,0.020000,"), "{sheet}");
}

fn undoing(visit: &Visit) {
    visit.open("/matches?view=decided");
    visit.press("Take back");
    visit.browser.shows("Nothing was decided by hand.");
    visit.open("/imports");
    visit.press("Undo");
    visit.press("Undo import");
    visit.browser.shows("No impressions yet");
    visit.press("Forget");
    assert!(!visit.browser.text().contains("Columns you explained"));
}

#[test]
fn templates_tables_and_numbers_by_hand_are_made_on_pages() {
    let Some(browser) = Browser::start() else { return };
    let visit = Visit { app: TestApp::start(), browser };
    visit.sign_in(&visit.app.key());
    a_template(&visit);
    a_table(&visit);
    by_hand(&visit);
}

fn a_template(visit: &Visit) {
    visit.open("/templates");
    visit.look("templates-empty");
    visit.press("Make one from the usual places");
    visit.press("Keep template");
    visit.browser.shows("A template has a name");
    visit.fill("template", "Launch");
    for _ in 0..12 {
        visit.press("Remove");
    }
    visit.press("Add a place");
    visit.look("template-edit");
    visit.fill("name-2", "Podcast");
    visit.fill("source-2", "{campaign}");
    visit.press("Keep template");
    visit.browser.shows("Podcast");
    visit.look("templates");
    visit.press("Use");
    visit.browser.shows("Podcast");
    visit.fill("url", "https://example.com/");
    visit.fill("campaign", "launch");
    visit.press("Make links");
    visit.browser.shows("3 links");
    visit.browser.shows("utm_source=launch");
    visit.open("/templates");
    visit.press("Remove");
    visit.press("Remove template");
    visit.browser.shows("No templates yet");
}

fn a_table(visit: &Visit) {
    visit.open("/links/new/table");
    visit.fill("table", "url,slug,utm_source\nhttps://example.com/a,t1,x\nnowhere,t2,x\n");
    visit.press("Check");
    visit.browser.shows("1 row cannot be");
    visit.look("table-refused");
    visit.fill("table", "url,slug,utm_source\nhttps://example.com/a,t1,x\nhttps://example.com/b,t2,x\n");
    visit.press("Check");
    visit.browser.shows("2 links would be made");
    visit.look("table");
    visit.press("Make links");
    visit.browser.shows("2 links");
    visit.app.click("/t2").send().expect_status(302);
}

fn by_hand(visit: &Visit) {
    visit.open("/imports/manual");
    visit.look("manual");
    visit.fill("platform", "threads");
    visit.fill("post", "https://www.threads.net/@you/post/C8abcDEF");
    visit.fill("views", "many");
    visit.press("Check");
    visit.browser.shows("is no count");
    assert_eq!(visit.browser.find("#views").attribute("value").as_deref(), Some("many"), "what was typed is kept");
    visit.fill("views", "1.2K");
    visit.press("Check");
    visit.browser.shows("What keeping them would do");
    visit.look("manual-checked");
    visit.press("Keep");
    visit.browser.shows("Imported: threads");
    assert_eq!(visit.app.api_get("/api/v1/imports").json()["imports"][0]["rows"], 1);
}

#[test]
fn the_demos_rates_are_compared_and_held_against_the_platforms_own_numbers() {
    let Some(browser) = Browser::start() else { return };
    let visit = Visit { app: TestApp::demo(), browser };
    visit.sign_in(&visit.app.key());
    let rates = visit.app.api_get("/api/v1/ctr?by=post").json();
    let values =
        rates["rows"].as_array().unwrap().iter().filter(|row| row["platform"] == "x" && row["ctr"].is_number());
    let [a, b, ..] = values.map(|row| row["value"].as_str().unwrap()).collect::<Vec<_>>()[..] else {
        panic!("the demo has two posts on X with a rate: {rates}")
    };
    let query = |pairs: &[(&str, &str)]| {
        let encoded = |text: &str| text.bytes().map(|byte| format!("%{byte:02x}")).collect::<String>();
        pairs.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect::<Vec<_>>().join("&")
    };
    for (name, path, shows) in [
        ("rates", "/ctr?by=post&sort=rank".to_owned(), "Levels side by side"),
        ("compare-empty", "/ctr/compare".to_owned(), "Compare"),
        ("compare", format!("/ctr/compare?{}", query(&[("a", a), ("b", b)])), "percentage points"),
        ("compare-refused", "/ctr/compare?a=x:1&b=x:2".to_owned(), "x:1"),
        ("platform", "/ctr/platform".to_owned(), "Link clicks"),
        ("platform-refused", "/ctr/platform?by=colour".to_owned(), "is none of post"),
        ("reconcile", "/ctr/reconcile".to_owned(), "is as expected"),
        ("reconcile-refused", "/ctr/reconcile?from=2026-11-02&to=2026-11-01".to_owned(), "ends before it begins"),
        ("matches", "/matches".to_owned(), "Without a link"),
        ("matches-every", "/matches?view=all".to_owned(), "because"),
        ("imports-demo", "/imports".to_owned(), "Imported"),
        ("import-one", "/imports/1".to_owned(), "What it says"),
    ] {
        visit.open(&path);
        visit.browser.shows(shows);
        visit.look(name);
    }
}
