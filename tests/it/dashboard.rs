//! The dashboard in a real browser: what its user does with it, what it must never run or fetch, and whether it can be
//! read in both themes, on a phone and on a desk.

use serde_json::{Value, json};

use crate::support::agents;
use crate::support::app::TestApp;
use crate::support::browser::Browser;
use crate::support::visit::Visit;

const SCRIPT: &str = "<script>alert(1)</script>";

fn day(back: i32) -> String {
    (jiff::Timestamp::now() - jiff::SignedDuration::from_hours(24 * i64::from(back))).strftime("%F").to_string()
}

#[test]
fn a_link_is_made_clicked_changed_measured_and_removed_from_its_pages() {
    let Some(browser) = Browser::start() else { return };
    let visit = Visit { app: TestApp::start(), browser };
    signing_in(&visit);
    let path = making_a_link(&visit);
    its_clicks_arrive(&visit, &path);
    editing_it(&visit, &path);
    disabling_and_enabling_it(&visit, &path);
    measuring_it(&visit, &path);
    removing_it(&visit, &path);
}

fn signing_in(visit: &Visit) {
    visit.open("/ctr");
    assert_eq!(visit.path(), "/sign-in?to=%2Fctr", "pages are for those who are signed in");
    visit.sign_in("wp_wrong");
    visit.browser.shows("This is not the admin key.");
    visit.audit("wrong key");
    visit.sign_in(&visit.app.key());
    visit.browser.shows("Make your first link");
    visit.look("empty");
}

fn making_a_link(visit: &Visit) -> String {
    visit.fill("url", "javascript:alert(1)");
    visit.fill("slug", "spring");
    visit.fill("posts", "https://example.com/post/1");
    visit.press("Make link");
    visit.browser.shows("http:// and https:// only");
    assert_eq!(visit.browser.find("#slug").attribute("value").as_deref(), Some("spring"), "what was typed is kept");
    assert_eq!(visit.browser.script("return document.activeElement.id"), "url");
    visit.look("new-link-refused");
    visit.fill("url", "https://example.com/a?b=1");
    visit.fill("source", "instagram");
    visit.browser.find("summary").click();
    visit.fill("title", SCRIPT);
    visit.press("Make link");
    visit.browser.shows("https://example.com/a?b=1&utm_source=instagram");
    visit.browser.shows(SCRIPT);
    visit.look("new-link");
    let link = visit.app.link_by_slug("spring");
    assert_eq!((&link["title"], &link["posts"]), (&json!(SCRIPT), &json!(["https://example.com/post/1"])));
    visit.path()
}

fn its_clicks_arrive(visit: &Visit, path: &str) {
    let app = &visit.app;
    for visitor in 0..6 {
        let evil = format!("https://evil.example/{SCRIPT}");
        app.click("/spring").visitor(visitor).referrer(&evil).send().expect_status(302);
    }
    app.click("/spring").agent(agents::CURL).visitor(7).send();
    app.eventually_clicks("spring", 6);
    visit.eventually_shows(path, "1 hit of 7 had another verdict than human");
    for shown in ["user-agent:curl", "evil.example", "Most in one day: 6 clicks on"] {
        visit.browser.shows(shown);
    }
    visit.audit("clicked");
}

fn editing_it(visit: &Visit, path: &str) {
    visit.press("Edit");
    visit.look("edit");
    visit.fill("url", "https://example.com/b");
    visit.fill("source", "");
    visit.fill("title", "Spring");
    visit.fill("tags", "one, two");
    visit.press("Save");
    visit.browser.shows("Spring");
    assert_eq!(visit.path(), path);
    let link = visit.app.link_by_slug("spring");
    assert_eq!((&link["destination"], &link["tags"]), (&json!("https://example.com/b"), &json!(["one", "two"])));
    assert_eq!(visit.app.click("/spring").visitor(0).send().location(), "https://example.com/b");
    a_late_edit_is_refused(visit, &link);
}

fn a_late_edit_is_refused(visit: &Visit, link: &Value) {
    visit.press("Edit");
    visit.app.api_patch(&format!("/api/v1/links/{}", link["id"]), &json!({ "medium": null, "title": "Spring!" }));
    visit.app.api_patch(&format!("/api/v1/links/{}", link["id"]), &json!({ "title": "Changed elsewhere" }));
    visit.press("Save");
    visit.browser.shows("was changed meanwhile");
    assert_eq!(visit.app.link_by_slug("spring")["title"], "Changed elsewhere");
    visit.press("Cancel");
}

fn disabling_and_enabling_it(visit: &Visit, path: &str) {
    visit.press("Disable");
    visit.browser.shows("404, because it is disabled");
    visit.app.click("/spring").send().expect_status(404);
    visit.open("/links");
    visit.browser.shows("disabled");
    visit.open(path);
    visit.press("Enable");
    visit.browser.shows("302 to the destination");
    visit.app.click("/spring").visitor(0).send().expect_status(302);
}

fn measuring_it(visit: &Visit, path: &str) {
    visit.open("/imports");
    visit.browser.find("summary").click();
    visit.fill("csv", "link,date,impressions\nspring,2026-13-01,5\n");
    visit.press("Check");
    visit.browser.shows("1 row cannot be");
    visit.look("import-refused");
    visit.fill("csv", &format!("link,date,impressions\nspring,{},600\n", day(0)));
    visit.fill("file_name", "spring.csv");
    visit.press("Check again");
    visit.browser.shows("What an import would do");
    visit.look("import-checked");
    assert_eq!(visit.app.api_get("/api/v1/imports").json()["imports"], json!([]), "a check stores nothing");
    visit.press("Import");
    visit.browser.shows("Imported: spring.csv, 1 number.");
    visit.look("imports");
    visit.open("/ctr");
    visit.browser.shows("/ 600");
    visit.open(path);
    visit.browser.shows("/ 600");
    visit.open("/imports");
    visit.press("Undo");
    visit.look("undo");
    visit.press("Undo import");
    visit.browser.shows("No impressions yet");
}

fn removing_it(visit: &Visit, path: &str) {
    visit.open(path);
    visit.press("Remove");
    visit.look("remove");
    visit.press("Cancel");
    assert_eq!(visit.path(), path);
    visit.press("Remove");
    visit.press("Remove link");
    visit.browser.shows("Make your first link");
    visit.app.click("/spring").send().expect_status(404);
    visit.browser.follow(&visit.browser.find(".bar button"));
    visit.browser.shows("Admin key");
    visit.open("/");
    assert_eq!(visit.path(), "/sign-in", "who signed out is out");
}

#[test]
fn every_page_of_the_demo_can_be_read_on_a_phone_and_on_a_desk_in_both_themes() {
    let Some(browser) = Browser::start() else { return };
    let visit = Visit { app: TestApp::demo(), browser };
    visit.open("/sign-in");
    visit.look("sign-in");
    visit.sign_in(&visit.app.key());
    visit.browser.shows("UTC, all links");
    visit.look("overview");
    let link = visit.app.link_by_slug("coffee");
    for (name, path, shows) in [
        ("link", format!("/links/{}", link["id"]), "Link in bio, Instagram"),
        ("link-filtered", format!("/links/{}?days=7&country=SE,DE", link["id"]), "Without filters"),
        ("link-values", format!("/values?by=referrer&link={}", link["id"]), "of one link"),
        ("links-compared", "/links/compare?a=letter-47&b=letter-48&days=90".to_owned(), "percentage points"),
        ("links-apart", format!("/links/compare?a=id%3A{}&b=roast-story", link["id"]), "\"coffee\" has profile visits"),
        ("other-days", "/?days=7&from2=2026-01-01".to_owned(), "the other days"),
        ("today", "/?days=1".to_owned(), "per hour"),
        ("year", "/?days=365".to_owned(), "per week"),
        ("refused", "/?days=none".to_owned(), "is no number of days"),
        ("links", "/links".to_owned(), "coffee"),
        ("filtered-overview", "/?country=SE&device=!desktop".to_owned(), "device is not"),
        ("by-clicks", "/links?sort=clicks&campaign=winter-roast".to_owned(), "letter-47"),
        ("links-refused", "/links?country=SE".to_owned(), "only clicks do"),
        ("found", "/links?q=letter".to_owned(), "letter-48"),
        ("ctr-link", "/ctr".to_owned(), "roast-story"),
        ("ctr-post", "/ctr?by=post".to_owned(), "95 % interval"),
        ("ctr-campaign", "/ctr?by=campaign&clicks=unique".to_owned(), "winter-roast"),
        ("ctr-platform", "/ctr?by=platform&clicks=all".to_owned(), "linkedin"),
        ("ctr-level", "/ctr?by=level".to_owned(), "story views"),
        ("ctr-refused", "/ctr?from=2026-11-02&to=2026-11-01".to_owned(), "The window ends before it begins"),
        ("bring", "/links/import".to_owned(), "Bring links from elsewhere"),
        ("help", "/help".to_owned(), "What the numbers mean"),
        ("owner", "/owner".to_owned(), "Mark this browser"),
        ("filtered", format!("/filtered?link={}", link["id"]), "newest first"),
        ("filtered-all", "/filtered?verdict=preview".to_owned(), "draw a preview card"),
        ("filtered-refused", "/filtered?verdict=human".to_owned(), "none of preview"),
        ("live", "/live".to_owned(), "newest first"),
        ("not-found", "/links/999".to_owned(), "Link 999 does not exist."),
        ("nothing", "/nothing".to_owned(), "There is no such page."),
    ] {
        visit.open(&path);
        visit.browser.shows(shows);
        visit.look(name);
    }
}

#[test]
fn the_pages_of_hooks_of_moving_in_and_of_what_was_removed_can_be_read() {
    let Some(browser) = Browser::start() else { return };
    let app = TestApp::with_config("[hooks]\nallow_private = [\"127.0.0.0/8\"]\ninterval_ms = 20\nretry_ms = 10\n");
    // Nobody listens there, so its messages become dead letters.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let visit = Visit { app, browser };
    visit.sign_in(&visit.app.key());
    visit.open("/settings/hooks");
    visit.look("hooks-empty");
    visit.fill("url", "ftp://example.com/");
    visit.press("Make hook");
    visit.look("hook-refused");
    for (name, url) in [
        ("Warehouse", format!("http://{closed}/clicks")),
        ("Archive of the agency", "https://example.com/a-rather-long-path/to/a/hook".to_owned()),
    ] {
        visit
            .app
            .api_post("/api/v1/hooks", &json!({ "name": name, "url": url, "events": ["clicks", "links"] }))
            .expect_status(201);
    }
    visit.app.api_patch("/api/v1/hooks/2", &json!({ "active": false })).expect_status(200);
    visit.app.link("https://example.com/a", &[("slug", "spring")]);
    visit.app.click("/spring").send().expect_status(302);
    visit.eventually_shows("/settings/hooks/1", "failing");
    visit.look("hook");
    visit.open("/settings/hooks");
    visit.browser.shows("Warehouse");
    visit.look("hooks");
    visit.open("/settings/hooks/1/remove");
    visit.look("hook-remove");
    bringing_links(&visit);
    visit.app.api_delete("/api/v1/links/1").expect_status(204);
    visit.open("/links/1");
    visit.browser.shows("removed it");
    visit.look("link-removed");
}

fn bringing_links(visit: &Visit) {
    visit.open("/links/import");
    visit.fill("text", "short_url,long_url,title,tags,clicks\nhttps://bit.ly/Spring,https://example.com/shop,Spring,sale,1204\nhttps://bit.ly/x,https://example.com/x,X,,7\nhttps://bit.ly/y,javascript:alert(1),Y,,7\n");
    visit.press("Check");
    visit.look("bring-checked");
    visit.browser.find("input[name=skip_refused]").click();
    visit.press("Check again");
    visit.press("Import 1 link");
    visit.look("brought");
    visit.press("Undo");
    visit.look("bring-undo");
}
