//! Who may do what: the first account, signing in and out, keys, roles, share links and histories; what is kept of
//! secrets; and the same on two nodes. Which route needs what is tested route by route inside the program.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::browser::Browser;
use crate::support::http::{Answer, Request};
use crate::support::redis::RedisServer;
use crate::support::visit::Visit;

const PASSWORD: &str = "four unrelated words here";

/// A form as one of our own pages sends it.
fn form(app: &TestApp, path: &str, cookie: Option<&str>, fields: &[(&str, &str)]) -> Answer {
    let encoded =
        |text: &str| percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string();
    let body = fields.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect::<Vec<_>>().join("&");
    let request = Request::new("POST", path).body("application/x-www-form-urlencoded", body.as_bytes());
    let request = request.header("Sec-Fetch-Site", "same-origin");
    app.admin(match cookie {
        Some(cookie) => request.header("Cookie", cookie),
        None => request,
    })
}

fn try_sign_in(app: &TestApp, name: &str, password: &str) -> Answer {
    form(app, "/sign-in", None, &[("name", name), ("password", password)])
}

/// Signs in and returns the cookie.
fn sign_in(app: &TestApp, name: &str) -> String {
    cookie(&try_sign_in(app, name, PASSWORD).expect_status(303))
}

fn cookie(answer: &Answer) -> String {
    let cookie = answer.header("set-cookie").expect("a session is handed out");
    assert!(cookie.contains("; HttpOnly; SameSite=Strict; Max-Age=604800"), "{cookie}");
    cookie.split(';').next().unwrap().to_owned()
}

fn look(app: &TestApp, path: &str, cookie: &str) -> Answer {
    app.admin(Request::new("GET", path).header("Cookie", cookie))
}

fn with_key(app: &TestApp, method: &str, path: &str, key: &str) -> Answer {
    app.admin(Request::new(method, path).header("Authorization", &format!("Bearer {key}")))
}

fn add(app: &TestApp, name: &str, role: &str) {
    app.api_post("/api/v1/accounts", &json!({ "name": name, "role": role, "password": PASSWORD })).expect_status(201);
}

/// The path of the link for the first account that the latest start printed.
fn set_up_path(app: &TestApp) -> Option<String> {
    let log = app.log();
    let start = log.rfind("dashboard  http")?;
    let line = log[start..].lines().find(|line| line.contains("set up"))?;
    Some(format!("/{}", line.split("//").nth(1)?.split_once('/')?.1.split(' ').next()?))
}

#[test]
fn the_printed_link_makes_the_first_account_once() {
    let mut app = TestApp::start();
    let path = set_up_path(&app).expect("a new server prints the link");
    let token = path.split_once("token=").unwrap().1.to_owned();
    app.admin(Request::new("GET", "/set-up?token=wrong")).expect_status(404);
    app.admin(Request::new("GET", &path)).expect_status(200);
    let short = form(&app, "/set-up", None, &[("token", &token), ("name", "ada"), ("password", "short")]);
    assert!(short.expect_status(422).text().contains("needs 15"));
    let wrong = form(&app, "/set-up", None, &[("token", "x"), ("name", "eve"), ("password", PASSWORD)]);
    wrong.expect_status(404);
    let made = form(&app, "/set-up", None, &[("token", &token), ("name", "Ada"), ("password", PASSWORD)]);
    let cookie = cookie(&made.expect_status(303));
    assert!(look(&app, "/settings/you", &cookie).expect_status(200).text().contains("Your role is owner"));
    let again = form(&app, "/set-up", None, &[("token", &token), ("name", "eve"), ("password", PASSWORD)]);
    again.expect_status(404);

    app.restart();
    assert_eq!(set_up_path(&app), None, "there is an account");
    look(&app, "/settings/accounts", &cookie).expect_status(200);
    assert_eq!(app.api_get("/api/v1/accounts").json()["accounts"][0]["name"], "ada");
}

#[test]
fn guesses_are_counted_for_each_name_and_tell_nothing() {
    let app = TestApp::start();
    add(&app, "ada", "owner");
    add(&app, "bob", "viewer");
    let wrong = try_sign_in(&app, "ada", "wrong").expect_status(401).text();
    let unknown = try_sign_in(&app, "nobody", "wrong").expect_status(401).text();
    assert_eq!(wrong, unknown, "whether a name is known cannot be seen");
    for _ in 0..4 {
        try_sign_in(&app, "ada", "wrong").expect_status(401);
    }
    let refused = try_sign_in(&app, "ADA ", PASSWORD).expect_status(429);
    assert!(refused.text().contains("too many tries") && refused.header("set-cookie").is_none());
    for _ in 0..8 {
        try_sign_in(&app, "bob", PASSWORD).expect_status(303);
    }
    for _ in 0..40 {
        let status = try_sign_in(&app, "carl", "x").status;
        assert!(status == 401 || status == 429, "{status}");
    }
    assert_eq!(try_sign_in(&app, "dora", "x").status, 429, "one network cannot try every name");
}

#[test]
fn sessions_end_here_everywhere_and_with_the_password() {
    let mut app = TestApp::start();
    add(&app, "ada", "owner");
    let (first, second, third) = (sign_in(&app, "ada"), sign_in(&app, "ada"), sign_in(&app, "ada"));
    let is_in = |app: &TestApp, cookie: &str| look(app, "/settings/you", cookie).status == 200;
    app.restart();
    assert!(is_in(&app, &first) && is_in(&app, &second), "sessions outlive a restart");
    let out = form(&app, "/sign-out", Some(&first), &[]);
    assert_eq!((out.status, is_in(&app, &first), is_in(&app, &second)), (303, false, true));

    let change = [("current", "wrong"), ("new", "another long password")];
    assert!(
        form(&app, "/settings/you/password", Some(&second), &change).expect_status(422).text().contains("not right")
    );
    let change = [("current", PASSWORD), ("new", "another long password")];
    form(&app, "/settings/you/password", Some(&second), &change).expect_status(303);
    assert!(is_in(&app, &second) && !is_in(&app, &third), "the other sessions ended");
    try_sign_in(&app, "ada", PASSWORD).expect_status(401);

    let fourth = cookie(&try_sign_in(&app, "ada", "another long password").expect_status(303));
    form(&app, "/settings/you/sessions/end-all", Some(&second), &[]).expect_status(303);
    assert!(!is_in(&app, &second) && !is_in(&app, &fourth));
    let admin = cookie(&form(&app, "/sign-in", None, &[("key", &app.key())]).expect_status(303));
    assert!(look(&app, "/settings/you", &admin).text().contains("the admin key"));
}

#[test]
fn accounts_and_keys_are_kept_from_the_command_line() {
    let app = TestApp::start();
    assert!(app.cli(&["account", "list"]).ok().contains("nobody has an account yet"));
    let refused = app.cli(&["account", "add", "eve", "--role", "editor"]);
    assert!(refused.code == Some(1) && refused.stderr.contains("nobody would be an owner"), "{}", refused.stderr);
    let made = app.cli(&["account", "add", "ada", "--role", "owner", "--json"]).json();
    assert_eq!(made["password"].as_str().unwrap().len(), 24);
    let old = sign_in_with(&app, "ada", made["password"].as_str().unwrap());
    let refused = app.cli(&["account", "remove", "ada"]);
    assert!(refused.stderr.contains("nobody would be an owner"), "{}", refused.stderr);
    app.cli(&["account", "add", "bob", "--role", "editor"]).ok();
    assert_eq!(app.cli(&["account", "role", "bob", "owner"]).ok(), "bob is owner now\n");
    let set = app.cli(&["account", "password", "ada", "--json"]).json();
    assert_ne!(set["password"], made["password"]);
    assert_eq!(look(&app, "/", &old).status, 303, "a new password ends sessions");
    let session = sign_in_with(&app, "ada", set["password"].as_str().unwrap());
    app.cli(&["account", "remove", "ada"]).ok();
    assert_eq!(look(&app, "/", &session).status, 303, "whoever is removed is out at once");
    assert_eq!(app.cli(&["account", "remove", "ada"]).code, Some(1));
    let list = app.cli(&["account", "list"]).ok();
    assert!(list.contains("bob") && !list.contains("ada"), "{list}");

    let key = app.cli(&["key", "add", "deploys", "--scope", "read"]).ok().trim().to_owned();
    with_key(&app, "GET", "/api/v1/links", &key).expect_status(200);
    let refused = with_key(&app, "POST", "/api/v1/links", &key).expect_status(403).json();
    assert!(refused["detail"].as_str().unwrap().contains("scope links"), "{refused}");
    let listed = app.cli(&["key", "list", "--json"]).json()["keys"][0].clone();
    assert_eq!((&listed["name"], &listed["made_by"]), (&json!("deploys"), &json!("the admin key")));
    assert!(listed["used_at"].is_string() && !listed.to_string().contains(&key));
    app.cli(&["key", "revoke", listed["id"].as_str().unwrap()]).ok();
    with_key(&app, "GET", "/api/v1/links", &key).expect_status(401);
}

fn sign_in_with(app: &TestApp, name: &str, password: &str) -> String {
    cookie(&try_sign_in(app, name, password).expect_status(303))
}

#[test]
fn a_key_that_asks_too_often_is_told_when_to_ask_again() {
    let app = TestApp::with_config("[admin]\nrequests_per_minute = 3\n");
    let make = |name: &str| {
        let wanted = json!({ "name": name, "scopes": ["read"] });
        app.api_post("/api/v1/keys", &wanted).expect_status(201).json()["key"].as_str().unwrap().to_owned()
    };
    let (key, other) = (make("one"), make("two"));
    for remaining in [2, 1, 0] {
        let answer = with_key(&app, "GET", "/api/v1/node", &key).expect_status(200);
        assert_eq!(answer.header("ratelimit-policy"), Some("\"api\";q=3;w=60"));
        let left = answer.header("ratelimit").unwrap();
        assert!(left.starts_with(&format!("\"api\";r={remaining};t=")), "{left}");
    }
    let refused = with_key(&app, "GET", "/api/v1/node", &key).expect_status(429);
    assert_eq!(refused.header("content-type"), Some("application/problem+json"));
    assert!(refused.header("ratelimit").unwrap().starts_with("\"api\";r=0;t="));
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=20).contains(&wait), "{wait}");
    with_key(&app, "GET", "/api/v1/node", &other).expect_status(200);
    for _ in 0..10 {
        app.api_get("/api/v1/node").expect_status(200);
    }
}

#[test]
fn what_opens_is_nowhere_in_the_data_folder_nor_in_the_log() {
    let mut app = TestApp::with_config("[log]\nlevel = \"trace\"\n");
    add(&app, "ada", "owner");
    let session = sign_in(&app, "ada");
    let guesses = ["a guess that was wrong", "wpk_0123456789ab_a-key-that-is-wrong"].map(str::to_owned);
    try_sign_in(&app, "ada", &guesses[0]).expect_status(401);
    with_key(&app, "GET", "/api/v1/node", &guesses[1]).expect_status(401);
    let secret = session.split_once('=').unwrap().1.to_owned();
    let key = app.api_post("/api/v1/keys", &json!({ "name": "k", "scopes": ["read"] })).json()["key"].clone();
    let key = key.as_str().unwrap().to_owned();
    with_key(&app, "GET", "/api/v1/node", &key).expect_status(200);
    app.link("https://example.com/", &[("slug", "x")]);
    let share = app.api_post("/api/v1/shares", &json!({ "link": 1 })).expect_status(201).json();
    let token = share["url"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    app.admin(Request::new("GET", &format!("/share/{token}"))).expect_status(200);
    let hook = json!({ "kind": "ga4", "site": "G-1", "secret": "the-secret-of-a-product" });
    app.api_post("/api/v1/hooks", &hook).expect_status(201);
    let webhook =
        app.api_post("/api/v1/hooks", &json!({ "url": "https://hooks.example.com/" })).expect_status(201).json();
    let admin = app.key();
    app.stop();
    let log = app.log();
    let signing = webhook["secret"].as_str().unwrap();
    assert!(!log.contains("the-secret-of-a-product") && !log.contains(signing), "the log holds the secret of a hook");
    for secret in [&secret, &key, &token, &PASSWORD.to_owned(), &guesses[0], &guesses[1]] {
        assert!(!log.contains(secret.as_str()), "the log holds {secret}");
        assert_eq!(holding(&app.data(), secret), Vec::<String>::new(), "of {secret}");
    }
    assert_eq!(holding(&app.data(), &admin), ["admin.key"], "which only its owner can read");
    app.launch();
}

/// The files below a folder that hold a text, by name.
fn holding(folder: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(holding(&path, text));
        } else if fs::read(&path).unwrap().windows(text.len()).any(|part| part == text.as_bytes()) {
            found.push(path.file_name().unwrap().to_string_lossy().into_owned());
        }
    }
    found
}

#[test]
fn a_share_link_shows_one_link_until_it_is_revoked() {
    let app = TestApp::start();
    app.link("https://example.com/secret-page", &[("slug", "spring"), ("utm.campaign", "Spring")]);
    app.link("https://example.com/other", &[("slug", "other"), ("utm.campaign", "autumn")]);
    (0..3).for_each(|visitor| drop(app.click("/spring").visitor(visitor).send().expect_status(302)));
    app.click("/other").send().expect_status(302);
    app.eventually_clicks("spring", 3);
    app.eventually_clicks("other", 1);
    assert_eq!(app.api_get("/api/v1/shares").json()["shares"], json!([]), "nothing is shared by itself");
    let url = app.cli(&["share", "add", "spring"]).ok();
    let path = url.trim().split_once("/share/").map(|(_, token)| format!("/share/{token}")).unwrap();
    let page = app.admin(Request::new("GET", &path)).expect_status(200);
    assert_eq!(page.header("x-robots-tag"), Some("noindex, nofollow"));
    assert!(page.header("set-cookie").is_none() && page.text().contains("name=\"robots\" content=\"noindex\""));
    let text = page.text();
    assert!(text.contains("<dd>3</dd>"), "{text}");
    for hidden in ["secret-page", "other", "href=\"/links", "Sign out", "href=\"/settings"] {
        assert!(!text.contains(hidden), "{hidden}: {text}");
    }
    let campaign = app.api_post("/api/v1/shares", &json!({ "campaign": "Spring" })).expect_status(201).json();
    let campaign = campaign["url"].as_str().unwrap().rsplit_once("/share/").unwrap().1.to_owned();
    let shown = app.admin(Request::new("GET", &format!("/share/{campaign}"))).expect_status(200).text();
    assert!(shown.contains("Campaign Spring") && shown.contains("<dd>3</dd>"), "{shown}");

    let id = app.cli(&["share", "list", "--json"]).json()["shares"][0]["id"].clone();
    app.cli(&["share", "revoke", id.as_str().unwrap()]).ok();
    let gone = app.admin(Request::new("GET", &path)).expect_status(404).text();
    let never = app.admin(Request::new("GET", "/share/never-made")).expect_status(404).text();
    assert_eq!(gone, never);
    for (wrong, field) in [
        (json!({}), "link"),
        (json!({ "link": 1, "campaign": "x" }), "link"),
        (json!({ "campaign": "" }), "campaign"),
        (json!({ "link": 1, "expires_at": "2020-01-01T00:00:00Z" }), "expires_at"),
    ] {
        assert_eq!(app.api_post("/api/v1/shares", &wrong).expect_status(422).json()["field"], field);
    }
    app.api_post("/api/v1/shares", &json!({ "link": 99 })).expect_status(404);
    let views = (0..90).map(|_| app.admin(Request::new("GET", "/share/x")).status);
    assert!(views.collect::<Vec<_>>().contains(&429), "one network looks only so often");
}

#[test]
fn a_links_history_says_who_changed_what() {
    let app = TestApp::start();
    add(&app, "ada", "owner");
    let link = app.link("https://example.com/a", &[("slug", "x")]);
    let path = format!("/links/{}/edit", link["id"]);
    let history = || app.api_get(&format!("/api/v1/links/{}/history", link["id"])).expect_status(200).json();
    assert_eq!(history()["edits"][0]["what"], "made");
    let cookie = sign_in(&app, "ada");
    let request = Request::new("PATCH", &format!("/api/v1/links/{}", link["id"])).json(&json!({ "slug": "y" }));
    app.admin(request.header("Cookie", &cookie).header("Sec-Fetch-Site", "same-origin")).expect_status(200);
    app.api_patch(&format!("/api/v1/links/{}", link["id"]), &json!({ "url": "https://example.com/b" }));
    let edits = history()["edits"].clone();
    let told = |edit: &Value| (edit["by"].clone(), edit["fields"][0].clone());
    let url = json!({ "field": "url", "from": "https://example.com/a", "to": "https://example.com/b" });
    assert_eq!(told(&edits[0]), (json!("the admin key"), url), "the newest first");
    assert_eq!(told(&edits[1]), (json!("ada"), json!({ "field": "slug", "from": "x", "to": "y" })));
    let page = look(&app, path.trim_end_matches("/edit"), &cookie).expect_status(200).text();
    assert!(page.contains("History") && page.contains("<b>ada</b>"), "{page}");
    app.api_get("/api/v1/links/99/history").expect_status(404);
}

#[test]
fn two_nodes_on_one_redis_know_the_same_accounts_sessions_and_keys() {
    let redis = RedisServer::start();
    let (one, two) = (TestApp::with_config(&redis.config()), TestApp::with_config(&redis.config()));
    assert!(set_up_path(&one).is_some() && set_up_path(&two).is_some());
    add(&one, "ada", "owner");
    let cookie = sign_in(&one, "ada");
    look(&two, "/settings/accounts", &cookie).expect_status(200);
    let key = two.api_post("/api/v1/keys", &json!({ "name": "k", "scopes": ["read"] })).json()["key"].clone();
    let key = key.as_str().unwrap();
    with_key(&one, "GET", "/api/v1/node", key).expect_status(200);
    two.cli(&["key", "revoke", two.api_get("/api/v1/keys").json()["keys"][0]["id"].as_str().unwrap()]).ok();
    with_key(&one, "GET", "/api/v1/node", key).expect_status(401);
    form(&two, "/sign-out", Some(&cookie), &[]).expect_status(303);
    assert_eq!(look(&one, "/", &cookie).status, 303);
    let late = set_up_path(&two).unwrap();
    let token = late.split_once("token=").unwrap().1;
    let refused = form(&two, "/set-up", None, &[("token", token), ("name", "eve"), ("password", PASSWORD)]);
    assert!(refused.expect_status(409).text().contains("set Waypost up already"), "the other node was quicker");
}

#[test]
fn a_team_signs_in_and_each_does_what_its_role_allows() {
    let Some(browser) = Browser::start() else { return };
    let visit = Visit { app: TestApp::start(), browser };
    the_owner_sets_up(&visit);
    let password = the_owner_makes_an_account_a_key_and_a_share_link(&visit);
    the_viewer_only_looks(&visit, &password);
}

fn enter(visit: &Visit, name: &str, password: &str) {
    visit.open("/sign-in");
    visit.fill("name", name);
    visit.fill("password", password);
    visit.press("Sign in");
}

fn the_owner_sets_up(visit: &Visit) {
    visit.open(&set_up_path(&visit.app).unwrap());
    visit.look("set-up");
    visit.fill("name", "ada");
    visit.fill("password", PASSWORD);
    visit.press("Make the account");
    visit.browser.shows("Make your first link");
    assert_eq!(visit.browser.find(".who").text(), "ada");
    visit.app.link("https://example.com/", &[("slug", "spring")]);
    visit.app.api_patch("/api/v1/links/1", &json!({ "title": "Spring" }));
}

fn the_owner_makes_an_account_a_key_and_a_share_link(visit: &Visit) -> String {
    visit.open("/settings");
    visit.browser.shows("journal.keep_hours");
    visit.look("settings-installation");
    visit.open("/settings/accounts");
    visit.fill("name", "bob");
    visit.browser.script("document.querySelector('#role').value = 'viewer'");
    visit.press("Make the account");
    visit.look("settings-accounts");
    let password = visit.browser.find(".copy").text();
    visit.open("/settings/keys");
    visit.fill("name", "deploys");
    visit.press("Make the key");
    visit.browser.shows("at least one of read");
    visit.browser.find("input[name=read]").click();
    visit.press("Make the key");
    visit.look("settings-keys");
    let key = visit.browser.find(".copy").text();
    with_key(&visit.app, "GET", "/api/v1/links", &key).expect_status(200);
    visit.press("Revoke");
    visit.press("Revoke it");
    visit.browser.shows("There is none yet.");
    visit.open("/links/1");
    visit.press("Share");
    visit.press("Make the share link");
    visit.look("share-links");
    let address = visit.browser.find(".copy").text();
    visit.browser.goto(&address);
    visit.browser.shows("Clicks per day");
    visit.look("shared");
    visit.open("/settings/you");
    visit.browser.shows("this one");
    visit.look("settings-you");
    visit.press("Sign out everywhere");
    assert_eq!(visit.path(), "/sign-in");
    password
}

fn the_viewer_only_looks(visit: &Visit, password: &str) {
    enter(visit, "ada", "wrong");
    visit.browser.shows("Name or password are not right.");
    visit.look("sign-in-refused");
    visit.open("/links/1");
    visit.fill("name", "bob");
    visit.fill("password", password);
    visit.press("Sign in");
    visit.browser.shows("Spring");
    assert_eq!(visit.path(), "/links/1", "on to the page that was wanted");
    assert!(!visit.browser.text().contains("Disable"), "what a viewer may not do is not offered");
    visit.look("link-of-a-viewer");
    visit.open("/links");
    visit.look("links-of-a-viewer");
    visit.open("/settings/accounts");
    visit.browser.shows("needs the role owner");
    visit.look("refused");
    visit.open("/settings/you");
    assert!(!visit.browser.text().contains("Installation"), "what a viewer may not see has no tab");
    assert_eq!(visit.app.link_by_slug("spring")["enabled"], true);
}
