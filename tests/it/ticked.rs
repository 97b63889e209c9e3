//! Lists of links: what is archived, and what is done with many at once. And that nobody is shown a control which would be
//! refused.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::browser::Browser;
use crate::support::http::{Answer, Request};
use crate::support::visit::Visit;

const PASSWORD: &str = "four unrelated words here";

fn slugs(list: &Value) -> Vec<&str> {
    list["links"].as_array().unwrap().iter().map(|link| link["slug"].as_str().unwrap()).collect()
}

/// What a browser without a script sends from the list.
fn send(app: &TestApp, fields: &str) -> Answer {
    let request = Request::new("POST", "/links/selected").body("application/x-www-form-urlencoded", fields.as_bytes());
    app.api(request.header("Sec-Fetch-Site", "same-origin"))
}

#[test]
fn an_archived_link_is_out_of_lists_and_goes_on_working_and_counting() {
    let app = TestApp::start();
    for slug in ["old", "new"] {
        app.link("https://example.com/", &[("slug", slug)]);
    }
    let told = app.cli(&["link", "edit", "old", "--archive"]).ok();
    assert!(told.contains("302, archived"), "{told}");
    let listed = |query: &str| app.api_get(&format!("/api/v1/links{query}")).expect_status(200).json();
    assert_eq!(slugs(&listed("")), ["new"]);
    assert_eq!(slugs(&listed("?archived=yes")), ["old"]);
    assert_eq!(slugs(&listed("?archived=all")), ["old", "new"]);
    assert_eq!(slugs(&listed("?slug=old")), ["old"], "who names it finds it");
    app.api_get("/api/v1/links?archived=perhaps").expect_status(400);
    assert!(!app.cli(&["link", "list"]).ok().contains("/old"));
    assert!(app.cli(&["link", "list", "--archived", "yes"]).ok().contains("archived"));
    app.click("/old").send().expect_status(302);
    app.eventually_clicks("old", 1);
    let stats = |query: &str| app.api_get(&format!("/api/v1/stats{query}")).expect_status(200).json()["clicks"].clone();
    assert_eq!((stats(""), stats("?archived=no"), stats("?archived=yes")), (json!(1), json!(0), json!(1)));
    let file = app.cli(&["export", "links"]).ok();
    assert!(
        file.lines().next().unwrap().contains("archived") && file.contains("/old"),
        "what moves out is whole: {file}"
    );
    assert_eq!(app.api_patch("/api/v1/links/1", &json!({ "archived": null })).json()["archived"], false);
    assert_eq!(slugs(&listed("")), ["old", "new"]);
    let page = |path: &str| app.api(Request::new("GET", path)).expect_status(200).text();
    app.cli(&["link", "edit", "new", "--archive"]).ok();
    assert!(!page("/links").contains(">new<") && page("/links?archived=yes").contains(">new<"));
    app.api(Request::new("GET", "/links?archived=perhaps")).expect_status(422);
}

#[test]
fn links_that_were_archived_elsewhere_move_in_archived() {
    let app = TestApp::start();
    let csv =
        "Link,URL,Archived\nhttps://dub.sh/a,https://example.com/a,Yes\nhttps://dub.sh/b,https://example.com/b,No\n";
    let request = Request::new("POST", "/api/v1/links/import?from=dub").body("text/csv", csv.as_bytes());
    app.api(request).expect_status(200);
    assert_eq!(slugs(&app.api_get("/api/v1/links?archived=yes").json()), ["a"]);
}

#[test]
fn ticked_links_are_changed_together_without_a_script_and_put_back() {
    let app = TestApp::start();
    for slug in ["a", "b", "c"] {
        app.link("https://example.com/", &[("slug", slug)]);
    }
    app.api_patch("/api/v1/links/2", &json!({ "tags": ["spring"] })).expect_status(200);
    let done = send(&app, "do=tag&tag=spring&id=1&id=2&id=9&id=1&view=days%3D7").expect_status(200).text();
    for said in ["2 links tagged spring.", "1 of them was so already.", "1 link refused", "Link 9 does not exist."] {
        assert!(done.contains(said), "{said}: {done}");
    }
    assert!(done.contains("href=\"/links?days=7\"") && done.contains("name=\"id\" value=\"1\""), "{done}");
    assert_eq!(slugs(&app.api_get("/api/v1/links?tag=spring").json()), ["a", "b"]);
    send(&app, "do=untag&tag=spring&id=1").expect_status(200);
    assert_eq!(slugs(&app.api_get("/api/v1/links?tag=spring").json()), ["b"], "only what was changed is put back");
    let archived = send(&app, "do=archive&all=yes&view=tag%3Dspring").expect_status(200).text();
    assert!(archived.contains("1 link archived."), "all of the list are those that it shows: {archived}");
    send(&app, "do=disable&id=1,3").expect_status(200);
    app.click("/c").send().expect_status(404);
    let history = app.api_get("/api/v1/links/3/history").json()["edits"][0].clone();
    assert_eq!((&history["via"], &history["fields"][0]["field"]), (&json!("web"), &json!("enabled")));
}

#[test]
fn a_removal_of_many_is_asked_for_twice_and_what_cannot_be_is_refused() {
    let app = TestApp::start();
    for slug in ["a", "b"] {
        app.link("https://example.com/", &[("slug", slug)]);
    }
    let asked = send(&app, "do=remove&id=1&id=2").expect_status(200).text();
    assert!(asked.contains("Remove 2 links?") && asked.contains("value=\"1,2\""), "{asked}");
    assert_eq!(slugs(&app.api_get("/api/v1/links").json()), ["a", "b"], "nothing is gone yet");
    let gone = send(&app, "do=remove&id=1%2C2&sure=yes").expect_status(200).text();
    assert!(gone.contains("2 links removed.") && gone.contains("This cannot be undone"), "{gone}");
    assert_eq!(slugs(&app.api_get("/api/v1/links").json()), Vec::<&str>::new());
    let again = send(&app, "do=archive&id=1").expect_status(422).text();
    assert!(again.contains("1 link refused"), "{again}");
    let many: Vec<String> = (1..=1001).map(|id| id.to_string()).collect();
    for (wrong, says) in [
        ("do=archive".to_owned(), "No link is ticked"),
        ("do=tag&id=1".to_owned(), "Say which tag"),
        ("do=dance&id=1".to_owned(), "Nothing here is called so"),
        ("do=archive&id=x".to_owned(), "Links are told by their numbers"),
        (format!("do=archive&id={}", many.join(",")), "1001 links"),
    ] {
        let refused = send(&app, &wrong).expect_status(422).text();
        assert!(refused.contains(says), "{says}: {refused}");
    }
}

#[test]
fn ticked_links_are_downloaded_as_a_file() {
    let app = TestApp::start();
    for slug in ["a", "b", "c"] {
        app.link("https://example.com/", &[("slug", slug)]);
    }
    for path in ["/links/export?id=1&id=3", "/api/v1/links/export?ids=1,3"] {
        let file = app.api(Request::new("GET", path)).expect_status(200);
        assert_eq!(file.header("content-disposition"), Some("attachment; filename=\"links.csv\""));
        let rows: Vec<String> =
            file.text().lines().skip(1).map(|row| row.split(',').next().unwrap().to_owned()).collect();
        assert_eq!(rows, ["1", "3"], "{path}");
    }
    app.api(Request::new("GET", "/links/export")).expect_status(422);
}

#[test]
fn a_links_making_and_removal_are_in_its_history() {
    let app = TestApp::start();
    app.link("https://example.com/a", &[("slug", "x")]);
    app.cli(&["link", "add", "https://example.com/b", "--slug", "y"]).ok();
    let csv = "slug,url\nz,https://example.com/c\n";
    app.api(Request::new("POST", "/api/v1/links/import").body("text/csv", csv.as_bytes())).expect_status(200);
    let history =
        |id: u64| app.api_get(&format!("/api/v1/links/{id}/history")).expect_status(200).json()["edits"].clone();
    for (id, way) in [(1, "api"), (2, "cli"), (3, "import")] {
        let made = &history(id)[0];
        let told = ["what", "via", "by"].map(|name| made[name].as_str().unwrap());
        assert_eq!(told, ["made", way, "the admin key"], "{made}");
    }
    app.api_patch("/api/v1/links/1", &json!({ "title": "T" })).expect_status(200);
    app.cli(&["link", "remove", "x", "--yes"]).ok();
    let told = history(1);
    let deeds: Vec<_> = told.as_array().unwrap().iter().map(|edit| (&edit["what"], &edit["via"])).collect();
    let expected =
        [("removed", "cli"), ("changed", "api"), ("made", "api")].map(|(what, via)| (json!(what), json!(via)));
    assert_eq!(deeds, expected.iter().map(|(what, via)| (what, via)).collect::<Vec<_>>());
    let was = told[0]["fields"].as_array().unwrap();
    assert!(was.contains(&json!({ "field": "url", "from": "https://example.com/a", "to": "" })), "{told}");
    app.api_get("/api/v1/links/1").expect_status(404);
    let page = app.api(Request::new("GET", "/links/1")).expect_status(410).text();
    assert!(page.contains("removed it") && page.contains("https://example.com/a"), "{page}");
    app.api_get("/api/v1/links/99/history").expect_status(404);
    app.api(Request::new("GET", "/links/99")).expect_status(404);
}

#[test]
fn links_are_ticked_changed_and_put_back_in_the_browser() {
    let Some(browser) = Browser::start() else { return };
    let visit = Visit { app: TestApp::demo(), browser };
    visit.sign_in(&visit.app.key());
    visit.open("/links");
    visit.browser.find("input[data-tick]").click();
    let ticked = || visit.browser.script("return document.querySelectorAll('input[name=id]:checked').length").as_u64();
    let all = ticked().unwrap();
    assert!(all > 3, "{all}");
    visit.browser.find("input[data-tick]").click();
    assert_eq!(ticked(), Some(0));
    let boxes = visit.browser.find_all("input[name=id]");
    boxes.iter().take(2).for_each(|tick| tick.click());
    visit.look("links-ticked");
    visit.press("Archive");
    visit.browser.shows("2 links archived.");
    visit.look("links-archived");
    visit.press("Back to the list");
    assert_eq!(visit.browser.find_all("input[name=id]").len() as u64, all - 2);
    visit.open("/links?archived=yes");
    assert_eq!(visit.browser.find_all("input[name=id]").len(), 2);
    visit.look("links-of-the-archive");
    visit.browser.find("input[name=id]").click();
    visit.press("Remove…");
    visit.browser.shows("Remove 1 link?");
    visit.look("links-remove");
    visit.press("Remove 1 link");
    visit.browser.shows("1 link removed.");
    visit.open("/links?archived=yes");
    let path = visit.browser.find("tbody th a").attribute("href").unwrap();
    visit.open(path.split('?').next().unwrap());
    visit.press("Unarchive");
    visit.browser.shows("archived: true → false");
    visit.look("link-unarchived");
}

/// Where links and forms of a page lead: what is opened, and what is sent.
fn controls(page: &str) -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut opened, mut sent) = (BTreeSet::new(), BTreeSet::new());
    for tag in page.split('<').skip(1).filter_map(|part| part.split('>').next()) {
        let value = |name: &str| {
            let begin = tag.find(&format!(" {name}=\""))? + name.len() + 3;
            tag[begin..].split('"').next().map(|value| value.replace("&amp;", "&"))
        };
        let (address, method) = match tag.split(' ').next() {
            Some("a") => (value("href"), None),
            Some("form") => (value("action"), value("method")),
            Some("button") => (value("formaction"), value("formmethod").or_else(|| Some("post".to_owned()))),
            _ => continue,
        };
        let Some(address) = address.filter(|address| address.starts_with('/')) else { continue };
        if method.as_deref() == Some("post") {
            sent.insert(address)
        } else {
            opened.insert(address)
        };
    }
    (opened, sent)
}

/// An address with its numbers and its query taken out, so that of pages that are alike a few are looked at.
fn shape(path: &str) -> String {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let part =
        |part: &str| if part.chars().any(|letter| letter.is_ascii_digit()) { "*".to_owned() } else { part.to_owned() };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

/// Pages that are alike, and looked at.
const ALIKE: usize = 3;

/// Follows everything that somebody is shown; the shapes of all pages and forms that were met.
fn wander(app: &TestApp, cookie: &str, who: &str) -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut seen, mut forms): (BTreeMap<String, usize>, BTreeSet<String>) = (BTreeMap::new(), BTreeSet::new());
    let (mut known, mut ahead) = (BTreeSet::new(), vec!["/".to_owned()]);
    while let Some(path) = ahead.pop() {
        let alike = seen.entry(shape(&path)).or_default();
        if *alike >= ALIKE || !known.insert(path.clone()) {
            continue;
        }
        *alike += 1;
        let answer = app.admin(Request::new("GET", path.split('#').next().unwrap()).header("Cookie", cookie));
        assert_ne!(answer.status, 403, "{who} is led to {path}");
        if !answer.header("content-type").is_some_and(|kind| kind.starts_with("text/html")) {
            continue;
        }
        let (opened, sent) = controls(&answer.text());
        ahead.extend(opened);
        for action in sent.into_iter().filter(|action| forms.insert(shape(action))) {
            // Asked by a method that no form has, so that the gate answers and nothing is done.
            let request = Request::new("OPTIONS", &action).header("Cookie", cookie);
            let status = app.admin(request.header("Sec-Fetch-Site", "same-origin")).status;
            assert_eq!(status, 405, "{who} is shown a form to {action} on {path}");
        }
    }
    (seen.into_keys().collect(), forms)
}

#[test]
fn nobody_is_shown_a_control_that_is_refused() {
    let app = TestApp::demo();
    let spots = json!([{ "name": "Post", "level": "post" }]);
    app.api_post("/api/v1/templates", &json!({ "name": "Launch", "placements": spots })).expect_status(201);
    app.api_post("/api/v1/shares", &json!({ "link": 1 })).expect_status(201);
    app.api_post("/api/v1/keys", &json!({ "name": "k", "scopes": ["read"] })).expect_status(201);
    let csv = "slug,url\nz,https://example.com/c\n";
    app.api(Request::new("POST", "/api/v1/links/import").body("text/csv", csv.as_bytes())).expect_status(200);
    let mut met = BTreeMap::new();
    for role in ["owner", "editor", "viewer"] {
        let account = json!({ "name": role, "role": role, "password": PASSWORD });
        app.api_post("/api/v1/accounts", &account).expect_status(201);
        let form = format!("name={role}&password={}", PASSWORD.replace(' ', "+"));
        let request = Request::new("POST", "/sign-in").body("application/x-www-form-urlencoded", form.as_bytes());
        let answer = app.admin(request.header("Sec-Fetch-Site", "same-origin")).expect_status(303);
        let cookie = answer.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
        met.insert(role, wander(&app, &cookie, role));
    }
    let has = |role: &str, page: &str| met[role].0.contains(page);
    let sends = |role: &str, form: &str| met[role].1.contains(form);
    assert!(
        has("viewer", "/links/*") && has("viewer", "/imports/*") && has("viewer", "/matches"),
        "{:?}",
        met["viewer"].0
    );
    assert_eq!(
        met["viewer"].1.iter().filter(|form| !form.starts_with("/settings/you")).collect::<Vec<_>>(),
        ["/sign-out"]
    );
    for (page, form) in [
        ("/links/*/edit", "/links/*/archived"),
        ("/imports/*/undo", "/links/selected"),
        ("/templates/edit", "/matches"),
    ] {
        assert!(!has("viewer", page) && has("editor", page) && has("owner", page), "{page}");
        assert!(!sends("viewer", form) && sends("editor", form) && sends("owner", form), "{form}");
    }
    assert!(
        !has("editor", "/settings/accounts") && has("owner", "/settings/accounts") && sends("owner", "/settings/keys")
    );
}
