//! Which links stand in which imported posts: found in real files, proposed, decided by hand, taken back.

use serde_json::{Value, json};

use crate::support::app::TestApp;

const DOMAINS: &str = "domains = [{ host = \"go.example.com\", former = [\"old.example.com\"] }]\n\
                       [redirect]\ntrusted_proxies = [\"127.0.0.0/8\"]\n";

/// Instagram posts as Meta Business Suite exports them: `(id, text, published, code, views)`.
fn instagram(posts: &[(&str, &str, &str, &str, u64)]) -> String {
    let mut file =
        "Post ID,Account ID,Account username,Account name,Description,Duration (sec),Publish time,Permalink,\
                    Post type,Data comment,Date,Views,Reach,Likes,Shares,Follows,Comments,Saves\n"
            .to_owned();
    for (id, text, published, code, views) in posts {
        file.push_str(&format!(
            "{id},17840000000000001,jane,Jane,\"{text}\",0,{published},https://www.instagram.com/p/{code}/,IG image,,\
             Lifetime,{views},,1,0,0,0,0\n"
        ));
    }
    file
}

const SPRING: (&str, &str, &str, &str, u64) =
    ("17912345678901234", "Buns! (go.example.com/Spring), now", "01/02/2026 10:00", "DKabcDEF123", 1000);
const OTHER: (&str, &str, &str, &str, u64) =
    ("17912345678901235", "No link here", "01/03/2026 10:00", "DKabcDEF124", 500);

/// A server on `go.example.com`, with links made before these posts.
fn app() -> TestApp {
    TestApp::with_config(DOMAINS)
}

fn posts(app: &TestApp, query: &str) -> Vec<Value> {
    let list = app.api_get(&format!("/api/v1/matches{query}")).expect_status(200).json();
    list["posts"].as_array().unwrap().clone()
}

/// `rule` and label of the links of each post.
fn rules(app: &TestApp) -> Vec<String> {
    let line = |link: &Value| format!("{} {}", link["rule"].as_str().unwrap(), link["label"].as_str().unwrap());
    let of_post = |post: Value| post["links"].as_array().unwrap().iter().map(line).collect::<Vec<_>>().join(", ");
    posts(app, "").into_iter().map(of_post).collect()
}

#[test]
fn e70_a_link_made_after_the_import_is_offered_and_one_with_the_permalink_is_matched() {
    let app = app();
    let file = instagram(&[SPRING, OTHER]);
    let report = app.import("?tz=UTC", &file).expect_status(200).json();
    assert_eq!((report["matched_posts"].as_u64(), report["unmatched_count"].as_u64()), (Some(0), Some(2)), "{report}");
    app.link("https://example.com/", &[("slug", "spring")]);
    let offered = posts(&app, "?post=17912345678901234&unmatched=true");
    assert!(offered.is_empty() || offered[0]["suggestions"][0]["hint"] == "made-later", "{offered:?}");
    let body = json!({ "url": "https://example.com/", "slug": "other", "platform": "instagram",
        "posts": ["https://instagram.com/reel/DKabcDEF124?igsh=x"] });
    app.api_post("/api/v1/links", &body).expect_status(201);
    let found = posts(&app, "?post=https://www.instagram.com/p/DKabcDEF124/");
    assert_eq!((&found[0]["links"][0]["rule"], &found[0]["links"][0]["label"]), (&json!("permalink"), &json!("other")));
    let open = &posts(&app, "?post=https://www.instagram.com/p/DKabcDEF123/")[0]["suggestions"][0];
    assert_eq!((&open["hint"], &open["label"]), (&json!("made-later"), &json!("spring")), "{open}");
}

#[test]
fn a_post_that_holds_the_short_url_has_a_rate_without_a_word_from_anybody() {
    let app = app();
    app.link("https://example.com/", &[("slug", "spring"), ("level", "post"), ("platform", "instagram")]);
    let day = jiff::Timestamp::now().strftime("%m/%d/%Y").to_string();
    let file = instagram(&[(SPRING.0, SPRING.1, &format!("{day} 00:00"), SPRING.3, SPRING.4)]);
    let report = app.import("?tz=UTC", &file).expect_status(200).json();
    assert_eq!((report["matched_posts"].as_u64(), report["shared_posts"].as_u64()), (Some(1), Some(0)), "{report}");
    assert_eq!(rules(&app), ["text spring"]);
    assert_eq!(posts(&app, "")[0]["shared"], false);
}

#[test]
fn e63_a_link_that_stands_in_two_posts_is_said_to_have_one_rate_for_both() {
    let app = app();
    let body = json!({ "url": "https://example.com/", "slug": "s",
        "posts": ["https://www.instagram.com/p/DKabcDEF123/", "https://www.instagram.com/p/DKabcDEF124/"] });
    app.api_post("/api/v1/links", &body).expect_status(201);
    let report = app.import("?tz=UTC", &instagram(&[SPRING, OTHER])).expect_status(200).json();
    assert_eq!((report["matched_posts"].as_u64(), report["shared_posts"].as_u64()), (Some(2), Some(2)), "{report}");
    assert!(posts(&app, "").iter().all(|post| post["shared"] == true));
    assert!(app.cli(&["match", "list"]).ok().contains("* shares a link with other posts"));
}

#[test]
fn what_a_person_decides_stands_until_it_is_taken_back() {
    let app = app();
    let id = app.link("https://example.com/", &[("slug", "spring")])["id"].as_u64().unwrap();
    let body =
        json!({ "url": "https://example.com/", "slug": "b", "posts": ["https://www.instagram.com/p/DKabcDEF123/"] });
    app.api_post("/api/v1/links", &body).expect_status(201);
    app.import("?tz=UTC", &instagram(&[SPRING, OTHER])).expect_status(200);
    assert_eq!(rules(&app), ["permalink b", ""]);
    let (first, second) = ("https://instagram.com/p/DKabcDEF123", "https://instagram.com/p/DKabcDEF124");
    app.cli(&["match", "refuse", "b", first]).ok();
    app.cli(&["match", "confirm", "spring", second]).ok();
    assert_eq!(rules(&app), ["", "decision spring"]);
    assert_eq!(app.cli(&["match", "decisions", "--json"]).json()["decisions"].as_array().unwrap().len(), 2);
    app.cli(&["match", "undo", "b", first]).ok();
    app.cli(&["match", "undo", "spring", "ig-id:17912345678901235"]).ok();
    assert_eq!(rules(&app), ["permalink b", ""]);
    assert_eq!(app.cli(&["match", "undo", "b", first]).code, Some(1), "nothing is decided any more");
    let unknown = json!({ "link": id, "post": "https://www.instagram.com/p/DKnobody/", "says": "confirmed" });
    app.api_post("/api/v1/matches", &unknown).expect_status(404);
    app.cli(&["match", "make", &format!("id:{id}"), "https://www.instagram.com/p/DKnobody/"]).ok();
    let to_come = ("17912345678901236", "Later", "01/04/2026 10:00", "DKnobody", 7);
    app.import("?tz=UTC", &instagram(&[to_come])).expect_status(200);
    assert_eq!(rules(&app)[2], "decision spring", "a post that was still to come");
    let no_link = json!({ "link": 99, "post": first, "says": "refused" });
    app.api_post("/api/v1/matches", &no_link).expect_status(422);
}

#[test]
fn decisions_survive_a_restart_and_the_undoing_of_their_import() {
    let mut app = app();
    app.link("https://example.com/", &[("slug", "spring")]);
    let import = app.import("?tz=UTC", &instagram(&[OTHER])).expect_status(200).json()["import"].clone();
    app.cli(&["match", "confirm", "spring", "https://www.instagram.com/p/DKabcDEF124/"]).ok();
    app.restart();
    assert_eq!(rules(&app), ["decision spring"]);
    app.cli(&["import", "undo", &import.to_string()]).ok();
    assert!(posts(&app, "").is_empty());
    app.import("?tz=UTC", &instagram(&[OTHER])).expect_status(200);
    assert_eq!(rules(&app), ["decision spring"]);
}

#[test]
fn pages_of_matches_go_on_where_they_say() {
    let app = app();
    let many: Vec<_> = (0..5).map(|n| (format!("1791234567890123{n}"), format!("DKabcDEF12{n}"))).collect();
    let many: Vec<_> = many.iter().map(|(id, code)| (id.as_str(), "", "01/02/2026 10:00", code.as_str(), 1)).collect();
    app.import("?tz=UTC", &instagram(&many)).expect_status(200);
    let first = app.api_get("/api/v1/matches?limit=3").expect_status(200).json();
    let next = first["next"].as_str().unwrap();
    let rest = app.api_get(&format!("/api/v1/matches?limit=3&after={next}")).expect_status(200).json();
    assert_eq!((first["posts"].as_array().unwrap().len(), rest["posts"].as_array().unwrap().len()), (3, 2));
    assert!(rest["next"].is_null());
    assert_eq!(
        app.cli(&["match", "list", "--unmatched", "--limit", "4", "--json"]).json()["posts"].as_array().unwrap().len(),
        4
    );
    app.api_get("/api/v1/matches?post=x:404").expect_status(404);
    app.api_get("/api/v1/matches?limits=3").expect_status(400);
    for limit in ["0", "1001"] {
        let refused = app.api_get(&format!("/api/v1/matches?limit={limit}")).expect_status(422).json();
        assert_eq!(refused["field"], "limit", "{refused}");
    }
}
