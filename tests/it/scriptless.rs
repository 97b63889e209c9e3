//! The dashboard in a browser whose owner has switched scripts off: everything but dragging a file.

use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::browser::Browser;
use crate::support::visit::Visit;

const PASSWORD: &str = "four unrelated words here";
const POST: &str = "https://www.instagram.com/p/C1a2B3c4D5e/";

#[test]
fn without_scripts_everything_can_be_done_but_dragging_a_file() {
    let Some(browser) = Browser::without_scripts() else { return };
    let visit = Visit { app: TestApp::start(), browser };
    setting_up(&visit);
    making_a_campaign(&visit);
    editing_a_link(&visit);
    filtering_clicks(&visit);
    importing_and_undoing(&visit);
    matching_by_hand(&visit);
    keeping_templates(&visit);
    settling_accounts_keys_and_hooks(&visit);
    signing_out_and_in(&visit);
}

/// What is chosen in the list of an input.
fn choose(visit: &Visit, id: &str, value: &str) {
    visit.browser.find(&format!("#{id} [value=\"{value}\"]")).click();
}

fn tick(visit: &Visit, css: &str) {
    visit.browser.find(css).click();
}

fn all(visit: &Visit, path: &str, list: &str) -> Vec<Value> {
    visit.app.api_get(path).expect_status(200).json()[list].as_array().unwrap().clone()
}

fn setting_up(visit: &Visit) {
    let log = visit.app.log();
    let path = log.split_once("/set-up").and_then(|(_, rest)| rest.split_whitespace().next()).unwrap();
    visit.open(&format!("/set-up{path}"));
    visit.fill("name", "ada");
    visit.fill("password", PASSWORD);
    visit.press("Make the account");
    visit.browser.shows("Make your first link");
    let class = visit.browser.find("html").attribute("class").unwrap_or_default();
    assert!(!class.contains("js"), "a script ran: {class}");
    assert!(visit.browser.find_all(".scripted").iter().all(|element| element.text().is_empty()), "of no use here");
}

fn making_a_campaign(visit: &Visit) {
    visit.open("/links/new");
    visit.fill("url", "https://example.com/sale");
    visit.fill("campaign", "spring");
    for place in [0, 3] {
        tick(visit, &format!("#pick-{place}"));
    }
    visit.fill("slug-0", "story");
    // Not the form's first button, which nobody sees and Enter presses.
    visit.browser.follow(&visit.browser.find("button.plain[value=preview]"));
    visit.browser.shows("utm_campaign=spring");
    assert_eq!(all(visit, "/api/v1/links", "links").len(), 0, "a preview makes nothing");
    visit.press("Make links");
    visit.browser.shows("2 links");
    assert_eq!(all(visit, "/api/v1/links", "links").len(), 2);
    visit.open("/links/new/table");
    visit.fill("table", "url,slug\nhttps://example.com/c,third\n");
    visit.press("Check");
    visit.press("Make links");
    assert_eq!(visit.app.link_by_slug("third")["destination"], "https://example.com/c");
}

fn editing_a_link(visit: &Visit) {
    let link = visit.app.link_by_slug("story");
    visit.open(&format!("/links/{}", link["id"]));
    visit.press("Edit");
    visit.fill("url", "no address");
    visit.press("Save");
    assert_eq!(visit.browser.find("#url").attribute("value").as_deref(), Some("no address"), "what was typed is kept");
    visit.fill("url", "https://example.com/other");
    visit.press("Save");
    visit.browser.shows("https://example.com/other");
    visit.press("Disable");
    visit.app.click("/story").send().expect_status(404);
    visit.press("Enable");
    visit.app.click("/story").visitor(0).send().expect_status(302);
    visit.press("Share");
    visit.press("Make the share link");
    assert_eq!(all(visit, "/api/v1/shares", "shares").len(), 1);
    visit.open(&format!("/links/{}", visit.app.link_by_slug("third")["id"]));
    visit.press("Remove");
    visit.press("Cancel");
}

fn filtering_clicks(visit: &Visit) {
    visit.app.eventually_clicks("story", 1);
    let link = visit.app.link_by_slug("story");
    let page = format!("/links/{}", link["id"]);
    visit.eventually_shows(&format!("{page}?days=7"), "Windows");
    visit.press("Windows");
    assert!(visit.path().contains("os=Windows"), "{}", visit.path());
    visit.browser.shows("1");
    visit.open(&page);
    visit.browser.find("details.menu.left > summary").click();
    choose(visit, "facet", "device");
    visit.fill("value", "desktop");
    visit.press("Filter");
    visit.browser.shows("Without filters");
    visit.open("/links");
    visit.browser.find("input[name=q]").type_text("third");
    visit.press("Find");
    assert!(visit.path().contains("q=third") && !visit.browser.text().contains("story"), "{}", visit.browser.text());
}

fn importing_and_undoing(visit: &Visit) {
    let today = jiff::Timestamp::now().strftime("%F").to_string();
    visit.open("/imports");
    visit.browser.find("summary").click();
    visit.fill("csv", &format!("Beitrag,Tag,Sichten\n{POST},{today},400\n"));
    visit.press("Check");
    visit.browser.shows("Say below what they hold");
    for (column, holds) in [(0, "post"), (1, "date"), (2, "views")] {
        choose(visit, &format!("holds-{column}"), holds);
    }
    visit.fill("platform-0", "instagram");
    visit.press("Check again");
    visit.press("Import");
    visit.browser.shows("1 number");
    visit.press("Undo");
    visit.press("Undo import");
    assert_eq!(all(visit, "/api/v1/imports", "imports").len(), 0);
    visit.open("/imports/manual");
    visit.fill("post", POST);
    visit.fill("platform", "instagram");
    visit.fill("views", "400");
    visit.press("Check");
    visit.press("Keep");
    assert_eq!(all(visit, "/api/v1/imports", "imports").len(), 1);
}

fn matching_by_hand(visit: &Visit) {
    visit.open("/matches");
    visit.fill("link", "story");
    visit.fill("post", POST);
    visit.press("Connect");
    assert_eq!(all(visit, "/api/v1/matches/decisions", "decisions").len(), 1);
    visit.open("/matches?view=decided");
    visit.press("Take back");
    assert_eq!(all(visit, "/api/v1/matches/decisions", "decisions").len(), 0);
}

fn keeping_templates(visit: &Visit) {
    visit.open("/templates/edit");
    visit.fill("template", "usual");
    visit.fill("name-0", "Story");
    visit.press("Keep template");
    assert_eq!(all(visit, "/api/v1/templates", "templates").len(), 1);
}

fn settling_accounts_keys_and_hooks(visit: &Visit) {
    visit.open("/settings/accounts");
    visit.fill("name", "bob");
    choose(visit, "role", "viewer");
    visit.press("Make the account");
    assert_eq!(all(visit, "/api/v1/accounts", "accounts").len(), 2);
    visit.open("/settings/keys");
    visit.fill("name", "deploys");
    tick(visit, "input[name=read]");
    visit.press("Make the key");
    visit.press("Revoke");
    visit.press("Revoke it");
    assert_eq!(all(visit, "/api/v1/keys", "keys").len(), 0);
    visit.open("/settings/hooks");
    visit.fill("url", "https://hooks.example.com/x");
    visit.press("Make hook");
    assert_eq!(all(visit, "/api/v1/hooks", "hooks")[0]["url"], json!("https://hooks.example.com/x"));
}

fn signing_out_and_in(visit: &Visit) {
    visit.open("/settings/you");
    visit.fill("current", PASSWORD);
    visit.fill("new", "four other unrelated words");
    visit.press("Change the password");
    visit.browser.follow(&visit.browser.find(".bar button"));
    assert_eq!(visit.path(), "/sign-in");
    visit.fill("name", "ada");
    visit.fill("password", "four other unrelated words");
    visit.press("Sign in");
    visit.browser.shows("Overview");
}
