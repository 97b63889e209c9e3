//! The page of what arrives just now: what it shows of a hit, without a script and with it.

use serde_json::json;

use crate::support::agents;
use crate::support::app::TestApp;
use crate::support::browser::Browser;
use crate::support::http::Request;
use crate::support::visit::Visit;

fn page(app: &TestApp, path: &str) -> String {
    let request = Request::new("GET", path).header("Authorization", &format!("Bearer {}", app.key()));
    app.admin(request).expect_status(200).text()
}

#[test]
fn every_hit_shows_on_the_live_page_newest_first_with_why_it_was_not_counted() {
    let app = TestApp::start();
    app.link("https://example.com/", &[("slug", "spring")]);
    app.link("https://example.com/", &[("slug", "été")]);
    assert!(page(&app, "/live").contains("No hit in these hours."));
    app.click("/spring?utm_source=%3Cb%3Ebold%3C%2Fb%3E").visitor(1).send().expect_status(302);
    app.drained();
    app.click("/%C3%A9t%C3%A9").agent(agents::CURL).visitor(2).send().expect_status(302);
    app.drained();
    app.eventually("both hits are on the page", || page(&app, "/live/hits").matches("<time").count() == 2);
    let shown = page(&app, "/live");
    assert!(shown.contains("user-agent:curl") && shown.contains(">bot<"), "why it was not counted: {shown}");
    let (newer, older) = (shown.find(">été<"), shown.find(">spring<"));
    assert!(newer.is_some() && newer < older, "newest first: {shown}");
    assert!(shown.contains("&lt;b&gt;bold") && !shown.contains("<b>bold"), "what strangers send is text: {shown}");
}

#[test]
fn a_node_that_restarts_shows_the_same_hits_from_its_click_files() {
    let mut app = TestApp::start();
    app.link("https://example.com/", &[("slug", "spring")]);
    app.click("/spring").visitor(1).send().expect_status(302);
    app.eventually("the hit is on the page", || page(&app, "/live/hits").contains(">spring<"));
    let before = page(&app, "/live/hits");
    app.restart();
    app.eventually("the page is as before", || page(&app, "/live/hits") == before);
}

#[test]
fn the_list_fills_by_itself_until_it_is_paused() {
    let Some(browser) = Browser::start() else { return };
    let visit = Visit { app: TestApp::start(), browser };
    visit.app.link("https://example.com/", &[("slug", "spring")]);
    visit.sign_in(&visit.app.key());
    visit.browser.shows("UTC, all links");
    visit.press("Live");
    visit.browser.shows("No hit in these hours.");
    visit.look("live-empty");
    visit.app.click("/spring").visitor(1).send().expect_status(302);
    visit.app.click("/spring").agent(agents::CURL).visitor(2).send().expect_status(302);
    visit.app.eventually("both hits show without a reload", || visit.browser.text().contains("user-agent:curl"));
    visit.look("live");
    visit.browser.find("button[data-pause]").click();
    visit.browser.shows("Paused.");
    assert_eq!(visit.browser.script("return document.querySelector('[data-pause]').textContent"), json!("Resume"));
}
