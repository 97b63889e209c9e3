//! What a hit was taken for: asked of one click, judged by tables of the owner's, and judged again after they changed.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::app::TestApp;

const READER: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 AcmeReader/1 Safari/537.36";

fn config(rules: &Path) -> String {
    format!("[classify]\nrules = {:?}\n", rules.display().to_string())
}

/// Every hit of the archive as JSON.
fn hits(app: &TestApp) -> Vec<Value> {
    let text = app.api_get("/api/v1/clicks?format=jsonl&verdict=all").text();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn why_a_hit_was_filtered_is_answered_in_words_with_the_evidence() {
    let app = TestApp::start();
    app.link("https://example.com/", &[("slug", "x")]);
    app.click("/x?utm_source=IG").agent("Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)").send();
    app.eventually("the hit is counted", || hits(&app).len() == 1);
    let id = hits(&app)[0]["id"].as_str().unwrap().to_owned();
    let click = app.api_get(&format!("/api/v1/clicks/{id}")).json();
    assert_eq!((&click["verdict"], &click["slug"]), (&json!("preview"), &json!("x")));
    let why = click["why"].as_str().unwrap();
    assert!(why.contains("draw a preview card") && why.contains("does not count"), "{why}");
    assert_eq!(click["source_why"], "The visitor brought utm_source=\"IG\".");
    assert_eq!(click["evidence"]["visitor_utm_source"], "IG");
    assert_eq!(click["evidence"]["country"], Value::Null);
    assert_eq!(app.api_get("/api/v1/clicks/00000000-0000-7000-8000-000000000000").status, 404);
    assert_eq!(app.api_get("/api/v1/clicks/nonsense").status, 400);
}

#[test]
fn new_rules_reach_the_past_and_no_click_that_arrives_meanwhile_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let app = TestApp::with_config(&config(folder.path()));
    app.link("https://example.com/", &[("slug", "x")]);
    for visitor in 0..5 {
        app.click("/x").visitor(visitor).send();
        app.click("/x").visitor(100 + visitor).agent(READER).send();
    }
    app.eventually_clicks("x", 10);
    let today = hits(&app)[0]["time"].as_str().unwrap()[..10].to_owned();
    fs::write(folder.path().join("bots.tsv"), "acmereader\tpreview\tacme\n").unwrap();

    let dry = app.cli(&["reclassify", "--since", &today, "--dry-run", "--json"]).json();
    assert_eq!(dry["report"]["changed"], 5, "{dry}");
    assert_eq!(dry["report"]["verdicts"][0]["to"], "preview:user-agent:acme");
    assert_eq!(app.clicks("x"), 10);

    app.click("/x").visitor(200).send();
    let rules = || app.api_get("/api/v1/node").expect_status(200).json()["rules_version"].clone();
    let before = rules();
    let shown = app.cli(&["reclassify", "--since", &today]).ok();
    assert!(shown.contains("preview:user-agent:acme"), "{shown}");
    app.eventually("the node says by which rules it judges now", || rules() != before);
    app.click("/x").visitor(201).agent(READER).send();
    app.eventually_clicks("x", 6);
    app.eventually_hits("x", 12);
    assert_eq!(app.stats("x")["verdicts"]["preview"], 6);
    assert_eq!(hits(&app).iter().filter(|hit| hit["verdict"] == "preview").count(), 6);
    assert_eq!(app.stats_by("x", "channel")["rows"][0]["value"], "Direct");

    fs::write(app.data().join("clicks").join(format!("day={today}")).join("other.parquet"), "not a click file")
        .unwrap();
    let again = app.cli(&["reclassify", "--since", &today, "--json"]).json();
    assert_eq!(again["report"]["files_left_out"], 1, "{again}");
    assert_eq!((&again["report"]["changed"], &again["report"]["days_kept"]), (&json!(0), &json!([])), "{again}");
    assert_eq!(app.clicks("x"), 6);
}

#[test]
fn a_day_whose_click_files_are_gone_keeps_its_counters() {
    let app = TestApp::start();
    app.link("https://example.com/", &[("slug", "x")]);
    app.click("/x").send();
    app.eventually_clicks("x", 1);
    let today = hits(&app)[0]["time"].as_str().unwrap()[..10].to_owned();
    app.cli(&["reclassify", "--since", &today]).ok();
    fs::remove_dir_all(app.data().join("clicks").join(format!("day={today}"))).unwrap();
    let report = app.cli(&["reclassify", "--since", &today, "--json"]).json();
    assert_eq!(report["report"]["days_kept"], json!([today]));
    assert_eq!(app.clicks("x"), 1);
}

#[test]
fn a_table_that_is_not_sound_is_refused_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let app = TestApp::with_config(&config(folder.path()));
    fs::write(folder.path().join("aliases.tsv"), "# mine\nig\n").unwrap();
    let config = app.data().with_file_name("waypost.toml");
    for args in [
        vec!["check-config", "--config", config.to_str().unwrap()],
        vec!["reclassify", "--since", "2026-01-01", "--data", app.data().to_str().unwrap()],
    ] {
        let output = crate::support::app::offline(&args, b"");
        assert_eq!(output.code, Some(1));
        assert!(output.stderr.contains("aliases.tsv, line 2"), "{}", output.stderr);
    }
    assert_eq!(app.api_post("/api/v1/reclassify?since=2999-01-01", &json!({})).status, 422);
}

/// The cookie that a browser has after it opened this address of the redirect plane, as it sends it back.
fn cookie_after(app: &TestApp, address: &str) -> String {
    let path = address.split_once("/.well-known/").map(|(_, rest)| format!("/.well-known/{rest}")).unwrap();
    let answer = app.click(&path).send().expect_status(200);
    let set = answer.header("set-cookie").unwrap().to_owned();
    assert!(set.contains("HttpOnly") && set.contains("SameSite=Lax"), "{set}");
    set.split(';').next().unwrap().to_owned()
}

#[test]
fn a_browser_that_the_owner_marked_is_the_owners_until_it_is_unmarked() {
    let app = TestApp::start();
    app.link("https://example.com/", &[("slug", "x")]);
    let tickets = app.cli(&["owner", "--json"]).json()["domains"][0].clone();
    let mark = cookie_after(&app, tickets["mark"].as_str().unwrap());
    app.click("/x").visitor(1).header("Cookie", &format!("theme=dark; {mark}")).send();
    app.click("/x").visitor(2).header("Cookie", "waypost_owner=1").send();
    // One in sixteen marks ends in a zero.
    let (most, last) = mark.split_at(mark.len() - 1);
    let forged = format!("{most}{}", if last == "0" { 1 } else { 0 });
    app.click("/x").visitor(3).header("Cookie", &forged).send();
    let unmarked = cookie_after(&app, tickets["unmark"].as_str().unwrap());
    app.click("/x").visitor(4).header("Cookie", &unmarked).send();
    app.eventually_clicks("x", 3);
    let stats = app.stats_by("x", "reason");
    assert_eq!((&stats["hits"], &stats["rows"][0]["value"]), (&json!(4), &json!("owner:cookie:owner")));
    let today = hits(&app)[0]["time"].as_str().unwrap()[..10].to_owned();
    let again = app.cli(&["reclassify", "--since", &today, "--json"]).json();
    assert_eq!(again["report"]["changed"], 0, "a mark is not kept, what followed from it is: {again}");
    // Neither the mark nor a ticket is anywhere in the files of the server.
    let secret = mark.rsplit('.').next().unwrap();
    assert!(!everything_below(&app.data()).windows(secret.len()).any(|bytes| bytes == secret.as_bytes()));
}

fn everything_below(folder: &Path) -> Vec<u8> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        all.extend(if path.is_dir() { everything_below(&path) } else { fs::read(&path).unwrap_or_default() });
    }
    all
}

#[test]
fn without_a_ticket_nothing_below_well_known_answers() {
    let app = TestApp::start();
    let ticket = app.api_get("/api/v1/owner").json()["domains"][0]["address"].as_str().unwrap().to_owned();
    let ticket = ticket.split_once('?').unwrap().1.to_owned();
    for path in [
        "/.well-known/waypost/owner".to_owned(),
        "/.well-known/waypost/owner?mark.9999999999.00".to_owned(),
        format!("/.well-known/waypost/owner?{ticket}"),
        format!("/.well-known/waypost/address?{}", ticket.replace("address.1", "address.2")),
    ] {
        let answer = app.click(&path).send().expect_status(404);
        assert_eq!(answer.header("set-cookie"), None);
    }
    let told = app.click(&format!("/.well-known/waypost/address?{ticket}")).from("203.0.113.7").send().json();
    assert_eq!((&told["address"], &told["header"]), (&json!("203.0.113.7"), &json!("x-forwarded-for")));
    assert_eq!(app.admin(crate::support::http::Request::new("GET", "/api/v1/owner")).status, 401);
}

#[test]
fn ids_of_ads_are_kept_for_reports_of_conversions_and_ids_of_people_are_not() {
    let app = TestApp::start();
    app.link("https://example.com/", &[("slug", "x")]);
    app.click("/x?gclid=Cj0K-a_b&mc_eid=person1&fbclid=IwAR0x&utm_campaign=%7B%7Bcampaign.name%7D%7D").send();
    app.eventually_clicks("x", 1);
    let hit = hits(&app)[0].clone();
    assert_eq!(hit["click_id_values"], "gclid=Cj0K-a_b&fbclid=IwAR0x");
    assert_eq!((&hit["click_ids"], &hit["unfilled"]), (&json!("gclid,mc_eid,fbclid"), &json!("utm_campaign")));
    let unfilled = app.stats_by("x", "unfilled")["rows"].clone();
    assert_eq!(unfilled, json!([{ "value": "utm_campaign", "clicks": 1, "share": 1.0 }]));
    let today = hit["time"].as_str().unwrap()[..10].to_owned();
    app.cli(&["reclassify", "--since", &today]).ok();
    assert_eq!(hits(&app)[0]["click_id_values"], hit["click_id_values"]);
}

#[test]
fn the_latest_filtered_hits_are_listed_with_why_newest_first() {
    let app = TestApp::start();
    app.link("https://example.com/", &[("slug", "x")]);
    app.link("https://example.com/", &[("slug", "y")]);
    app.click("/x").send();
    app.click("/x").agent("curl/8.9.1").send();
    app.click("/x").agent("WhatsApp/2.24.20.71 A").send();
    app.click("/y").agent("curl/8.9.1").send();
    app.eventually("every hit is counted", || hits(&app).len() == 4);
    let listed = |query: &str| {
        let answer = app.api_get(&format!("/api/v1/filtered{query}")).expect_status(200).json();
        let named = |hit: &Value| format!("{} {}", hit["slug"].as_str().unwrap(), hit["reason"].as_str().unwrap());
        answer["hits"].as_array().unwrap().iter().map(named).collect::<Vec<_>>()
    };
    assert_eq!(listed(""), ["y user-agent:curl", "x user-agent:whatsapp", "x user-agent:curl"]);
    assert_eq!(listed("?limit=1"), ["y user-agent:curl"]);
    assert_eq!(listed("?verdict=preview"), ["x user-agent:whatsapp"]);
    let id = app.link_by_slug("x")["id"].to_string();
    assert_eq!(listed(&format!("?link={id}&reason=user-agent:curl")), ["x user-agent:curl"]);
    for wrong in ["?verdict=human", "?limit=0", "?limit=501"] {
        app.api_get(&format!("/api/v1/filtered{wrong}")).expect_status(422);
    }
    let told = app.cli(&["why", "x", "--verdict", "bot"]).ok();
    assert!(told.contains("The user agent names curl, which is a program. It does not count"), "{told}");
    let hit = hits(&app).into_iter().find(|hit| hit["verdict"] == "preview").unwrap()["id"].clone();
    let told = app.cli(&["why", "--hit", hit.as_str().unwrap()]).ok();
    assert!(told.contains("preview (user-agent:whatsapp)") && told.contains("WhatsApp/2.24.20.71 A"), "{told}");
}

#[test]
fn clicks_of_a_bio_that_came_from_elsewhere_are_told() {
    const INSTAGRAM: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) \
                             Mobile/15E148 Instagram 380.0.0.28.85 (iPhone15,3; iOS 18_5)";
    let app = TestApp::start();
    app.link("https://example.com/", &[("slug", "x"), ("utm.source", "IG"), ("level", "profile")]);
    app.link("https://example.com/", &[("slug", "y")]);
    for visitor in 0..7 {
        app.click("/x").visitor(visitor).agent(INSTAGRAM).send();
    }
    app.click("/x").visitor(8).referrer("https://www.facebook.com/").send();
    app.click("/x").visitor(9).send();
    app.click("/y").send();
    app.eventually_clicks("x", 9);
    let seen = app.stats("x")["seen"].clone();
    assert_eq!(
        seen,
        json!({ "declared": ["instagram"], "there": 7, "elsewhere": 1, "unknown": 1, "most": "facebook" })
    );
    assert_eq!(app.stats("y")["seen"], Value::Null, "what declares nothing cannot leak");
    let told = app.cli(&["stats", "x"]).ok();
    assert!(told.contains("elsewhere 1 (12.5%, most of them from facebook)"), "{told}");
}

#[test]
fn a_post_in_the_fediverse_brings_hundreds_of_previews_and_no_click() {
    const SOFTWARE: [&str; 6] = [
        "Mastodon/4.4.3 (http.rb/5.3.1; +https://HOST/) Bot",
        "http.rb/5.2.0 (Mastodon/4.2.12; +https://HOST/) Bot",
        "Misskey/2025.4.1 (https://HOST)",
        "Akkoma 3.15.2; https://HOST <admin@HOST>; Bot",
        "gotosocial/0.19.1 (+https://HOST)",
        "Somethingverse/1.0 (+https://HOST/)",
    ];
    let app = TestApp::start();
    app.link("https://example.com/", &[("slug", "x")]);
    for server in 0..300_u16 {
        let agent = SOFTWARE[usize::from(server) % SOFTWARE.len()].replace("HOST", &format!("s{server}.example"));
        app.click("/x").visitor(server).agent(&agent).send();
    }
    app.click("/x").visitor(1000).send();
    app.eventually_hits("x", 301);
    let stats = app.stats_by("x", "reason");
    assert_eq!((&stats["clicks"], &stats["visitors"]), (&json!(1), &json!(1)));
    let previews = stats["verdicts"]["preview"].as_u64().unwrap();
    assert!(previews >= 298, "all but the first unknown one: {stats}");
}

/// The rate of the only post.
fn rate(app: &TestApp) -> Value {
    app.api_get("/api/v1/ctr?by=post").json()["rows"][0].clone()
}

#[test]
fn e83_a_rate_says_that_the_rules_changed_until_all_of_it_was_judged_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut app = TestApp::with_config(&config(folder.path()));
    app.api_post("/api/v1/links", &json!({"url": "https://example.com/", "slug": "x", "posts": ["p"]}));
    app.click("/x").send();
    app.click("/x").visitor(2).agent(READER).send();
    app.eventually_clicks("x", 2);
    let today = hits(&app)[0]["time"].as_str().unwrap()[..10].to_owned();
    fs::write(folder.path().join("bots.tsv"), "acmereader\tpreview\tacme\n").unwrap();
    app.restart();
    app.click("/x").visitor(3).agent(READER).send();
    app.eventually_hits("x", 3);
    app.import("", &format!("post,date,views\np,{today},1000\n")).expect_status(200);

    let note = format!("judged by two versions of the rules, the newest since {today}");
    app.eventually("the change is known", || rate(&app)["notes"].as_array().unwrap().contains(&json!(note)));
    assert_eq!(rate(&app)["clicks"], 2);
    let report = app.api_get("/api/v1/ctr").json();
    assert_eq!(report["rules"].as_array().map(Vec::len), Some(1), "{report}");

    app.cli(&["reclassify", "--since", &today, "--dry-run"]).ok();
    assert!(rate(&app)["notes"].as_array().unwrap().contains(&json!(note)));
    app.cli(&["reclassify", "--since", &today]).ok();
    let row = rate(&app);
    assert_eq!((&row["clicks"], row["notes"].as_array().unwrap().contains(&json!(note))), (&json!(1), false), "{row}");
    assert!(app.api_get("/api/v1/ctr").json().get("rules").is_none());
}
