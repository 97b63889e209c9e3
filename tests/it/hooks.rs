//! Passing on: what hooks are told, signed, once or again, whatever happens in between; and where they never send.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::http::Request;
use crate::support::redis::RedisServer;
use crate::support::target::{Received, Reply, Target};

/// Hooks that may send to this machine, and are quick about it.
const QUICK: &str = "\
[tally]
interval_ms = 20
[hooks]
allow_private = [\"127.0.0.0/8\"]
interval_ms = 20
retry_ms = 10
timeout_ms = 1000
";

fn node() -> TestApp {
    TestApp::with_config(QUICK)
}

fn make(app: &TestApp, fields: &Value) -> Value {
    app.api_post("/api/v1/hooks", fields).expect_status(201).json()
}

/// A webhook for clicks on `/hook` of the target.
fn webhook(app: &TestApp, target: &Target) -> Value {
    make(app, &json!({ "url": target.url("/hook") }))
}

fn show(app: &TestApp) -> Value {
    app.api_get("/api/v1/hooks/1").expect_status(200).json()
}

fn clicks(app: &TestApp, path: &str, visitors: std::ops::Range<u16>) {
    visitors.for_each(|visitor| drop(app.click(path).visitor(visitor).send().expect_status(302)));
}

/// The ids of all human clicks, as an export has them.
fn exported(app: &TestApp) -> BTreeSet<String> {
    let csv = app.cli(&["export", "clicks"]).ok();
    csv.lines().skip(1).map(|line| line.split(',').next().unwrap().to_owned()).collect()
}

fn set(ids: &[String]) -> BTreeSet<String> {
    ids.iter().cloned().collect()
}

/// Whether one of the signatures is that of `secret`, computed by the words of the specification.
fn is_signed(received: &Received, secret: &Value) -> bool {
    let key = STANDARD.decode(secret.as_str().unwrap().strip_prefix("whsec_").unwrap()).unwrap();
    let (id, at) = (received.header("webhook-id"), received.header("webhook-timestamp"));
    let content = format!("{id}.{at}.{}", received.body);
    let signature = STANDARD.encode(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), content.as_bytes()));
    received.header("webhook-signature").split(' ').any(|one| one == format!("v1,{signature}"))
}

#[test]
fn human_clicks_arrive_signed_and_once_at_a_webhook() {
    let (app, target) = (node(), Target::start());
    app.link("https://example.com/", &[("slug", "spring"), ("utm.campaign", "c")]);
    clicks(&app, "/spring", 0..3);
    app.drained();
    let made = webhook(&app, &target);
    clicks(&app, "/spring", 3..40);
    app.click("/spring").agent("curl/8.0").send();
    app.eventually("37 clicks arrive", || target.click_ids().len() >= 37);
    let ids = target.click_ids();
    assert_eq!((ids.len(), set(&ids).len()), (37, 37), "those from before the hook was made are not told");
    assert!(set(&ids).is_subset(&exported(&app)));
    for received in target.received() {
        assert_eq!((received.line.as_str(), received.header("content-type")), ("POST /hook", "application/json"));
        assert!(is_signed(&received, &made["secret"]), "{received:?}");
        let (body, now) = (received.json(), jiff::Timestamp::now().as_second());
        assert_eq!(body["type"], "clicks.counted");
        assert!((now - received.header("webhook-timestamp").parse::<i64>().unwrap()).abs() < 120);
        let click = &body["data"]["clicks"][0];
        assert_eq!(
            (&click["slug"], &click["campaign"], &click["verdict"]),
            (&json!("spring"), &json!("c"), &json!("human"))
        );
    }
    app.eventually("it is noted", || show(&app)["passed_on"]["clicks"] == 37);
    assert_eq!(show(&app)["status"], "active");
    assert!(app.metrics().contains("waypost_hook_clicks_total{kind=\"webhook\"} 37\n"));
}

#[test]
fn a_hook_is_told_only_of_the_clicks_that_its_filter_names() {
    let (app, target) = (node(), Target::start());
    for slug in ["spring", "autumn"] {
        app.link("https://example.com/", &[("slug", slug), ("utm.campaign", slug)]);
    }
    let fields = json!({ "url": target.url("/"), "campaigns": ["autumn"], "verdicts": ["bot", "human"] });
    make(&app, &fields);
    clicks(&app, "/spring", 0..5);
    clicks(&app, "/autumn", 0..5);
    app.click("/autumn").agent("Googlebot/2.1").send();
    app.eventually("six arrive", || target.click_ids().len() >= 6);
    app.drained();
    app.eventually("it has looked at all", || show(&app)["behind"] == 0);
    let all: Vec<Value> =
        target.received().iter().flat_map(|one| one.json()["data"]["clicks"].as_array().unwrap().clone()).collect();
    assert_eq!(all.len(), 6);
    assert!(all.iter().all(|click| click["campaign"] == "autumn"));
    assert_eq!(all.iter().filter(|click| click["verdict"] == "bot").count(), 1);
}

#[test]
fn links_and_imports_are_told_of_when_they_come_change_and_go() {
    let (app, target) = (node(), Target::start());
    let made = make(&app, &json!({ "url": target.url("/"), "events": ["links", "imports"] }));
    let link = app.link("https://example.com/", &[("slug", "spring")]);
    let path = format!("/api/v1/links/{}", link["id"]);
    app.api_patch(&path, &json!({ "slug": "summer" })).expect_status(200);
    app.import("?file_name=a.csv", "link,date,impressions\nsummer,2026-11-20,100\n").expect_status(200);
    app.import("?file_name=a.csv", "link,date,impressions\nsummer,2026-11-20,100\n").expect_status(200);
    app.import("?file_name=b.csv&dry_run=true", "link,date,impressions\nsummer,2026-11-20,7\n").expect_status(200);
    app.api_delete("/api/v1/imports/1").expect_status(204);
    app.api_delete(&path).expect_status(204);
    clicks(&app, "/nothing", 0..0);
    app.eventually("five arrive", || target.received().len() >= 5);
    let received = target.received();
    let events: Vec<_> = received.iter().map(|one| one.json()["type"].as_str().unwrap().to_owned()).collect();
    assert_eq!(events, ["link.made", "link.changed", "import.done", "import.undone", "link.removed"]);
    assert!(received.iter().all(|one| is_signed(one, &made["secret"])));
    let told = |at: usize| received[at].json()["data"].clone();
    assert_eq!(
        (&told(0)["slug"], &told(1)["slug"], &told(1)["revision"]),
        (&json!("spring"), &json!("summer"), &json!(2))
    );
    assert_eq!((&told(2)["file_name"], &told(3)["id"], &told(4)["id"]), (&json!("a.csv"), &json!(1), &link["id"]));
}

#[test]
fn a_step_with_very_many_links_is_told_of_once_with_a_cursor_to_read_them() {
    let (app, target) = (node(), Target::start());
    make(&app, &json!({ "url": target.url("/"), "events": ["links"] }));
    let before = app.link("https://example.com/", &[("slug", "before")]);
    let rows: String = (0..250).map(|row| format!("https://example.com/{row},m{row}\n")).collect();
    let file = Request::new("POST", "/api/v1/links/import").body("text/csv", format!("url,slug\n{rows}").as_bytes());
    app.api(file).expect_status(200);
    app.api_delete("/api/v1/links/import/1").expect_status(200);
    let few: Vec<_> = (0..3).map(|at| json!({ "url": format!("https://example.com/few/{at}") })).collect();
    app.api_post("/api/v1/links/bulk", &json!({ "links": few })).expect_status(200);
    app.eventually("six messages arrive", || target.received().len() >= 6);
    let received: Vec<Value> = target.received().iter().map(Received::json).collect();
    let events: Vec<_> = received.iter().map(|one| one["type"].as_str().unwrap()).collect();
    assert_eq!(events, ["link.made", "links.made", "links.removed", "link.made", "link.made", "link.made"]);
    let made = &received[1]["data"];
    assert_eq!((&made["count"], made["ids"].as_array().map(Vec::len)), (&json!(250), Some(250)));
    assert_eq!(received[2]["data"]["ids"], made["ids"]);
    let query = format!("?limit=1&after={}", made["after"].as_str().unwrap());
    let next = app.api_get(&format!("/api/v1/links{query}")).expect_status(200).json()["links"][0]["id"].clone();
    assert_eq!(next.as_u64(), before["id"].as_u64().map(|id| id + 251), "those that came after them, as they are gone");
}

#[test]
fn what_is_not_taken_is_sent_again_under_the_same_id() {
    let (app, target) = (node(), Target::start());
    app.link("https://example.com/", &[("slug", "x")]);
    target.answer(|_, before| Reply::Status(if before < 3 { 503 } else { 200 }));
    webhook(&app, &target);
    clicks(&app, "/x", 0..1);
    app.eventually("the fourth try is taken", || show(&app)["passed_on"]["clicks"] == 1);
    let received = target.received();
    assert_eq!(received.len(), 4);
    let same: BTreeSet<_> = received.iter().map(|one| (one.header("webhook-id"), &one.body)).collect();
    assert_eq!(same.len(), 1);
    let recent = app.api_get("/api/v1/hooks/1/deliveries").json()["recent"].clone();
    assert_eq!((&recent[0]["taken"], &recent[0]["attempt"]), (&json!(true), &json!(4)), "{recent}");
    assert_eq!((&recent[3]["said"], &recent[3]["attempt"]), (&json!("it answered 503"), &json!(1)), "{recent}");
}

#[test]
fn a_message_that_is_not_wanted_is_kept_as_a_dead_letter_and_sent_again_on_demand() {
    let (mut app, target) = (node(), Target::start());
    app.link("https://example.com/", &[("slug", "x")]);
    target.answer(|_, _| Reply::Status(422));
    webhook(&app, &target);
    clicks(&app, "/x", 0..1);
    app.eventually("it is given up", || show(&app)["dead_letters"] == 1);
    let given_up = target.click_ids();
    assert_eq!((given_up.len(), set(&given_up).len()), (6, 1), "six tries of the same");
    target.answer(|_, _| Reply::Status(200));
    clicks(&app, "/x", 1..2);
    app.eventually("the next one is taken", || show(&app)["passed_on"]["clicks"] == 1);
    app.restart();
    let letters = app.api_get("/api/v1/hooks/1/deliveries").json()["dead_letters"].clone();
    assert_eq!((&letters[0]["error"], &letters[0]["clicks"]), (&json!("it answered 422"), &json!(1)), "{letters}");
    let wrong = app.api_post("/api/v1/hooks/1/replay", &json!({ "letters": [99] })).expect_status(422).json();
    assert_eq!(wrong["field"], "letters");
    let queued = app.api_post("/api/v1/hooks/1/replay", &json!({})).expect_status(202).json();
    assert_eq!(queued["letters"], 1);
    app.eventually("it is dead no more", || show(&app)["dead_letters"] == 0);
    let again = target.received().pop().unwrap();
    assert_eq!(
        (again.click_ids()[0].as_str(), again.header("webhook-id")),
        (given_up[0].as_str(), target.received()[0].header("webhook-id"))
    );
}

#[test]
fn killed_while_it_sends_it_sends_the_same_again_and_misses_nothing() {
    let (mut app, target) = (node(), Target::start());
    app.link("https://example.com/", &[("slug", "x")]);
    make(&app, &json!({ "url": target.url("/"), "events": ["clicks", "links"] }));
    clicks(&app, "/x", 0..20);
    app.eventually("twenty arrive", || set(&target.click_ids()).len() == 20);
    target.answer(|_, _| Reply::Silence);
    clicks(&app, "/x", 20..40);
    app.eventually("one is under way", || {
        target.received().last().is_some_and(|last| !set(&last.click_ids()).is_subset(&set(&target.click_ids()[..20])))
    });
    let under_way = target.received().pop().unwrap();
    app.link("https://example.com/", &[("slug", "told")]);
    clicks(&app, "/x", 40..60);
    app.kill();
    target.answer(|_, _| Reply::Status(200));
    app.launch();
    clicks(&app, "/x", 60..80);
    app.drained();
    app.eventually("eighty arrive", || set(&target.click_ids()).len() >= 80);
    assert_eq!(set(&target.click_ids()), exported(&app));
    let again: Vec<_> = target
        .received()
        .into_iter()
        .filter(|one| one.header("webhook-id") == under_way.header("webhook-id"))
        .collect();
    assert!(again.len() >= 2, "{} under {}", again.len(), under_way.header("webhook-id"));
    assert!(again.iter().all(|one| one.body == under_way.body));
    app.eventually("the link is told of", || target.received().iter().any(|one| one.json()["type"] == "link.made"));
}

#[test]
fn what_was_never_tried_before_a_kill_is_sent_after_it() {
    let (mut app, target) = (node(), Target::start());
    app.link("https://example.com/", &[("slug", "x")]);
    webhook(&app, &target);
    app.kill_with_waiting_hits(&["/x", "/x", "/x"]);
    assert_eq!(target.connections(), 0);
    app.launch();
    app.eventually("three arrive", || target.click_ids().len() >= 3);
    assert_eq!(set(&target.click_ids()), exported(&app));
    assert_eq!(target.click_ids().len(), 3);
}

#[test]
fn a_target_that_stalls_is_felt_by_nobody_else() {
    let (app, stalled, well) = (node(), Target::start(), Target::start());
    app.link("https://example.com/", &[("slug", "x")]);
    stalled.answer(|_, _| Reply::Silence);
    webhook(&app, &stalled);
    webhook(&app, &well);
    clicks(&app, "/x", 0..300);
    app.eventually("the other hook has them all", || well.click_ids().len() == 300);
    app.drained();
    assert_eq!(app.clicks("x"), 300);
    app.eventually("it says what is wrong", || show(&app)["status"] == "failing");
    let hook = show(&app);
    assert_eq!((&hook["error"], hook["behind"].as_u64() > Some(0)), (&json!("no answer within 1 s"), true), "{hook}");
}

#[test]
fn an_endless_answer_is_not_read_to_its_end() {
    let (app, target) = (node(), Target::start());
    app.link("https://example.com/", &[("slug", "x")]);
    target.answer(|_, _| Reply::Endless);
    webhook(&app, &target);
    let before = app.resident_kib();
    clicks(&app, "/x", 0..3);
    app.eventually("they are taken", || show(&app)["passed_on"]["clicks"] == 3);
    assert!(app.resident_kib() < before + 20_000, "{} {before}", app.resident_kib());
}

#[test]
fn a_redirect_is_never_followed() {
    let (app, target, elsewhere) = (node(), Target::start(), Target::start());
    app.link("https://example.com/", &[("slug", "x")]);
    let location = elsewhere.url("/");
    target.answer(move |_, _| Reply::Whole { status: 307, headers: vec![("Location", location.clone())], body: "" });
    webhook(&app, &target);
    clicks(&app, "/x", 0..1);
    app.eventually("it is given up", || show(&app)["dead_letters"] == 1);
    assert_eq!(elsewhere.connections(), 0);
    let letters = app.api_get("/api/v1/hooks/1/deliveries").json()["dead_letters"].clone();
    assert!(letters[0]["error"].as_str().unwrap().contains("redirects are not followed"), "{letters}");
}

#[test]
fn nothing_is_sent_to_a_private_address_unless_the_operator_allows_it() {
    let target = Target::start();
    let app = TestApp::with_config("[hooks]\ninterval_ms = 20\nretry_ms = 10\n");
    app.link("https://example.com/", &[("slug", "x")]);
    for url in [
        target.url("/"),
        format!("https://127.0.0.1:{}/", target.port),
        format!("https://[::ffff:127.0.0.1]:{}/", target.port),
    ] {
        let refused = app.api_post("/api/v1/hooks", &json!({ "url": url })).expect_status(422).json();
        assert_eq!(refused["field"], "url", "{refused}");
    }
    // A name may mean anything, also later: it is checked when it is used.
    make(&app, &json!({ "url": format!("https://localhost:{}/", target.port) }));
    clicks(&app, "/x", 0..1);
    app.eventually("it is given up", || show(&app)["dead_letters"] == 1);
    let tested = app.api_post("/api/v1/hooks/1/test", &json!({})).expect_status(200).json();
    assert_eq!(tested["taken"], false);
    assert!(tested["said"].as_str().unwrap().contains("is not an address of the public internet"), "{tested}");
    assert_eq!(target.connections(), 0);
}

#[test]
fn a_secret_is_shown_once_and_two_sign_while_it_is_exchanged() {
    let (app, target) = (node(), Target::start());
    app.link("https://example.com/", &[("slug", "x")]);
    let first = webhook(&app, &target)["secret"].clone();
    let second = app.api_post("/api/v1/hooks/1/secret", &json!({})).expect_status(200).json()["secret"].clone();
    assert_ne!(first, second);
    clicks(&app, "/x", 0..1);
    app.eventually("it arrives", || !target.received().is_empty());
    let received = target.received()[0].clone();
    assert!(is_signed(&received, &first) && is_signed(&received, &second));
    let hook = show(&app);
    assert!(hook["has_secret"] == true && hook["former_secret_until"].is_string(), "{hook}");
    let told = format!("{hook}{}{}", app.log(), app.api_get("/api/v1/hooks").text());
    assert!(!told.contains("whsec_"), "{told}");
}

#[test]
fn a_hook_that_is_told_to_stop_is_paused_and_goes_on_when_somebody_says_so() {
    let (mut app, target) = (node(), Target::start());
    app.link("https://example.com/", &[("slug", "x")]);
    target.answer(|_, _| Reply::Status(410));
    webhook(&app, &target);
    clicks(&app, "/x", 0..2);
    app.eventually("it is paused", || show(&app)["status"] == "paused");
    assert_eq!(show(&app)["error"], "it answered 410: it wants no more of this");
    clicks(&app, "/x", 2..4);
    app.drained();
    app.restart();
    assert_eq!(
        (show(&app)["status"].as_str(), app.metrics().contains("waypost_hooks_paused{kind=\"webhook\"} 1\n")),
        (Some("paused"), true)
    );
    let found = app.cli(&["doctor"]).stdout;
    assert!(found.lines().any(|line| line.starts_with("warn") && line.contains("410")), "{found}");
    target.answer(|_, _| Reply::Status(200));
    app.api_patch("/api/v1/hooks/1", &json!({ "active": true })).expect_status(200);
    app.eventually("what waited is sent", || show(&app)["passed_on"]["clicks"] == 4);
    assert_eq!(set(&target.click_ids()), exported(&app));
}

#[test]
fn what_comes_while_a_hook_is_switched_off_is_never_sent() {
    let (app, target) = (node(), Target::start());
    app.link("https://example.com/", &[("slug", "x")]);
    webhook(&app, &target);
    app.api_patch("/api/v1/hooks/1", &json!({ "active": false })).expect_status(200);
    clicks(&app, "/x", 0..5);
    app.drained();
    app.api_patch("/api/v1/hooks/1", &json!({ "active": true })).expect_status(200);
    app.eventually("it stands at the present", || show(&app)["behind"] == 0);
    clicks(&app, "/x", 5..7);
    app.eventually("two arrive", || target.click_ids().len() >= 2);
    assert_eq!(target.click_ids().len(), 2);
}

#[test]
fn every_node_passes_on_what_it_counted_itself() {
    let (redis, target) = (RedisServer::start(), Target::start());
    let config = format!("{}{QUICK}", redis.config());
    let nodes = [TestApp::with_config(&config), TestApp::with_config(&config)];
    nodes[0].link("https://example.com/", &[("slug", "x")]);
    webhook(&nodes[0], &target);
    let hears = || nodes[1].api_get("/api/v1/hooks/1").json()["status"] == "active";
    nodes[1].eventually("the other node hears of the hook", || {
        // It says so for what it does not run yet, too: what it sends is what counts.
        hears() && nodes[1].data().join("hooks/1/ledger.json").exists()
    });
    nodes[1].eventually("the link is known", || nodes[1].click("/x").visitor(0).send().status == 302);
    for (node, visitors) in nodes.iter().zip([1..21, 21..41]) {
        clicks(node, "/x", visitors);
        node.drained();
    }
    nodes[0].eventually("all arrive", || set(&target.click_ids()).len() >= 41);
    assert_eq!((target.click_ids().len(), set(&target.click_ids()).len()), (41, 41));
    for node in &nodes {
        node.eventually("each has sent its own", || show(node)["passed_on"]["clicks"].as_u64() >= Some(20));
    }
}

/// A hook that passes clicks on to a product which stands at the target, and what that gets for one click.
fn product(fields: &Value, reply: Reply) -> (TestApp, Target, Received) {
    let (app, target) = (node(), Target::start());
    app.link("https://example.com/", &[("slug", "spring"), ("utm.source", "instagram")]);
    target.answer(move |_, _| reply.clone());
    let mut fields = fields.clone();
    fields["url"] = json!(target.url(""));
    assert!(make(&app, &fields)["secret"].is_null(), "what a product gave is not shown");
    app.click("/spring").from("198.51.100.77").referrer("https://l.instagram.com/x?y=z").send().expect_status(302);
    app.click("/spring").agent("Googlebot/2.1").send().expect_status(302);
    app.drained();
    app.eventually("it is taken", || show(&app)["passed_on"]["clicks"] == 1);
    app.eventually("the bot was looked at", || show(&app)["behind"] == 0);
    let received = target.received();
    assert_eq!(received.len(), 1, "{received:?}");
    let whole = format!("{:?}", received[0]);
    assert!(!whole.contains("198.51.100") && !whole.contains("y=z"), "no address and no query of a referrer: {whole}");
    (app, target, received[0].clone())
}

#[test]
fn analytics_gets_an_event_and_is_asked_what_it_thinks_of_a_test() {
    let fields = json!({ "kind": "ga4", "site": "G-A1", "secret": "s&t" });
    let (app, target, received) = product(&fields, Reply::Status(204));
    assert_eq!(received.line, "POST /mp/collect?measurement_id=G-A1&api_secret=s%26t");
    let body = received.json();
    assert_eq!(
        (&body["events"][0]["name"], &body["events"][0]["params"]["source"]),
        (&json!("short_link_click"), &json!("instagram"))
    );
    let text =
        r#"{"validationMessages":[{"fieldPath":"events","description":"Item name is invalid","validationCode":"X"}]}"#;
    target.answer(move |_, _| Reply::Whole { status: 200, headers: Vec::new(), body: text });
    let failed = app.cli(&["hook", "test", "1"]);
    assert!(failed.code == Some(1) && failed.stderr.contains("Item name is invalid"), "{failed:?}");
    assert!(target.received()[1].line.starts_with("POST /debug/mp/collect?measurement_id=G-A1"));
    target.answer(|_, _| Reply::Whole { status: 200, headers: Vec::new(), body: r#"{"validationMessages":[]}"# });
    assert!(app.cli(&["hook", "test", "1"]).ok().starts_with("taken"));
    let told = format!(
        "{}{}{}",
        app.log(),
        app.api_get("/api/v1/hooks").text(),
        app.api_get("/api/v1/hooks/1/deliveries").text()
    );
    assert!(!told.contains("s&t") && !told.contains("s%26t"), "{told}");
}

#[test]
fn plausible_gets_the_visitors_browser_an_address_that_is_nobodys_and_says_what_it_drops() {
    let dropped = Reply::Whole { status: 202, headers: vec![("x-plausible-dropped", "1".to_owned())], body: "ok" };
    let (app, _target, received) = product(&json!({ "kind": "plausible", "site": "go.example" }), dropped);
    assert_eq!(received.line, "POST /api/event");
    assert!(
        received.header("user-agent").starts_with("Mozilla/5.0")
            && received.header("x-forwarded-for").starts_with("2001:db8::")
    );
    let body = received.json();
    assert_eq!((&body["domain"], &body["name"]), (&json!("go.example"), &json!("short_link_click")));
    assert!(body["url"].as_str().unwrap().ends_with("/spring?utm_source=instagram"), "{body}");
    assert_eq!(body["referrer"], "https://l.instagram.com/x");
    let recent = app.api_get("/api/v1/hooks/1/deliveries").json()["recent"][0].clone();
    assert!(
        recent["taken"] == true && recent["said"].as_str().unwrap().starts_with("Plausible dropped it"),
        "{recent}"
    );
}

#[test]
fn umami_gets_an_event_of_the_visitor() {
    let website = "0a1b2c3d-0000-4000-8000-000000000000";
    let (_app, _target, received) = product(&json!({ "kind": "umami", "site": website }), Reply::Status(200));
    assert_eq!(received.line, "POST /api/send");
    assert!(received.header("user-agent").starts_with("Mozilla/5.0"));
    let (body, now) = (received.json(), jiff::Timestamp::now().as_second());
    assert_eq!((&body["type"], &body["payload"]["website"]), (&json!("event"), &json!(website)));
    assert!((now - body["payload"]["timestamp"].as_i64().unwrap()).abs() < 120, "{body}");
}

#[test]
fn matomo_gets_clicks_in_bulk_with_the_token_in_the_body_alone() {
    let fields = json!({ "kind": "matomo", "site": "3", "secret": "a-token" });
    let invalid =
        Reply::Whole { status: 200, headers: Vec::new(), body: r#"{"status":"success","tracked":0,"invalid":1}"# };
    let (app, _target, received) = product(&fields, invalid);
    assert_eq!(received.line, "POST /matomo.php");
    let body = received.json();
    assert_eq!((&body["token_auth"], body["requests"].as_array().unwrap().len()), (&json!("a-token"), 1));
    assert!(body["requests"][0].as_str().unwrap().starts_with("?idsite=3&rec=1&apiv=1&url="), "{body}");
    let recent = app.api_get("/api/v1/hooks/1/deliveries").json()["recent"][0].clone();
    assert_eq!(recent["said"], "Matomo found 1 of them invalid");
}

#[test]
fn the_command_line_makes_shows_tests_and_removes_hooks() {
    let (app, target) = (node(), Target::start());
    let made = app.cli(&["hook", "add", &target.url("/x"), "--name", "mine", "--tell", "clicks", "--tell", "links"]);
    assert!(made.stderr.contains("only time") && made.stdout.contains("whsec_"), "{made:?}");
    assert!(app.cli(&["hook", "test", "1"]).ok().starts_with("taken"));
    let test = target.received()[0].clone();
    assert_eq!((&test.json()["type"], &test.json()["data"]["hook"]), (&json!("test"), &json!(1)));
    app.link("https://example.com/", &[("slug", "x")]);
    app.eventually("the link is told of", || show(&app)["passed_on"]["messages"] == 1);
    let list = app.cli(&["hook", "list"]).ok();
    assert!(list.contains("mine") && list.contains("active") && !list.contains("whsec_"), "{list}");
    let sent = app.cli(&["hook", "deliveries", "1"]).ok();
    assert!(sent.contains("link.made") && sent.contains("taken"), "{sent}");
    let edited = app.cli(&["hook", "edit", "1", "--off", "--name", ""]).ok();
    assert!(edited.contains("off") && !edited.contains("mine"), "{edited}");
    assert_eq!(app.cli(&["hook", "rotate", "1", "--json"]).json()["hook"]["id"], 1);
    assert!(app.cli(&["doctor"]).stdout.contains("1, all well"));
    app.cli(&["hook", "remove", "1"]).ok();
    assert_eq!(app.cli(&["hook", "show", "1"]).code, Some(1));
    app.eventually("nothing is left of it", || !app.data().join("hooks/1").exists());
}

#[test]
fn the_pages_do_it_all_without_a_script() {
    let (app, target) = (node(), Target::start());
    app.link("https://example.com/", &[("slug", "x")]);
    let send = |path: &str, form: &str| {
        app.api(Request::new("POST", path).body("application/x-www-form-urlencoded", form.as_bytes()))
    };
    let page = |path: &str| app.api(Request::new("GET", path)).expect_status(200).text();
    assert!(page("/settings/hooks").contains("There are none yet"));
    let wrong = send("/settings/hooks", "kind=webhook&url=http%3A%2F%2F10.0.0.1%2F&clicks=on&verdicts=human")
        .expect_status(422)
        .text();
    assert!(wrong.contains("hooks.allow_private") && wrong.contains("http://10.0.0.1/"), "{wrong}");
    let url = target.url("/h").replace(':', "%3A").replace('/', "%2F");
    let made = send(
        "/settings/hooks",
        &format!("kind=webhook&name=%3Cb%3Emine&url={url}&clicks=on&imports=on&verdicts=human%2C+bot"),
    );
    let made = made.expect_status(200).text();
    assert!(made.contains("whsec_") && made.contains("&lt;b&gt;mine") && !made.contains("<b>mine"), "{made}");
    assert_eq!(
        (&show(&app)["events"], &show(&app)["verdicts"]),
        (&json!(["clicks", "imports"]), &json!(["human", "bot"]))
    );
    assert!(send("/settings/hooks/1/test", "").expect_status(200).text().contains("The test was taken"));
    target.answer(|_, _| Reply::Status(400));
    clicks(&app, "/x", 0..1);
    app.eventually("it is given up", || show(&app)["dead_letters"] == 1);
    let shown = page("/settings/hooks/1");
    assert!(
        shown.contains("Dead letters") && shown.contains("It answered 400") && !shown.contains("whsec_"),
        "{shown}"
    );
    target.answer(|_, _| Reply::Status(200));
    send("/settings/hooks/1/replay", "").expect_status(303);
    app.eventually("it is dead no more", || show(&app)["dead_letters"] == 0);
    assert!(send("/settings/hooks/1/secret", "").expect_status(200).text().contains("whsec_"));
    send("/settings/hooks/1/active", "active=false").expect_status(303);
    assert_eq!(show(&app)["status"], "off");
    let edited = format!("kind=webhook&name=&url={url}&clicks=on&verdicts=human&campaigns=a%0D%0Ab");
    send("/settings/hooks/1", &edited).expect_status(303);
    assert_eq!((&show(&app)["campaigns"], &show(&app)["name"]), (&json!(["a", "b"]), &json!("")));
    assert!(page("/settings/hooks/1/remove").contains("Remove hook 1"));
    send("/settings/hooks/1/remove", "").expect_status(303);
    app.api_get("/api/v1/hooks/1").expect_status(404);
}
