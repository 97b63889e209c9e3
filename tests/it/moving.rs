//! Moving in and moving out: many links at once, links of other tools, and files that take everything along.

use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::http::Request;

fn bulk(app: &TestApp, body: &Value) -> crate::support::http::Answer {
    app.api_post("/api/v1/links/bulk", body)
}

#[test]
fn many_links_are_made_in_one_request_with_a_result_for_each() {
    let app = TestApp::start();
    app.link("https://example.com/", &[("slug", "taken")]);
    let body = json!({ "links": [
        { "url": "https://example.com/a", "slug": "a", "utm": { "source": "instagram" } },
        { "url": "https://example.com/b", "slug": "TAKEN" },
        { "url": "https://example.com/c", "slug": "A" },
        { "url": "javascript:alert(1)" },
        { "url": "https://example.com/e" },
    ]});
    let answer = bulk(&app, &body).expect_status(200).json();
    assert_eq!((answer["done"].as_u64(), answer["refused"].as_u64()), (Some(2), Some(3)), "{answer}");
    let fields: Vec<_> = (0..5).map(|at| answer["results"][at]["problem"]["field"].clone()).collect();
    assert_eq!(fields, [Value::Null, json!("slug"), json!("slug"), json!("url"), Value::Null]);
    assert_eq!(answer["results"][0]["link"]["destination"], "https://example.com/a?utm_source=instagram");
    let generated = answer["results"][4]["link"]["slug"].as_str().unwrap().to_owned();
    for slug in ["a", &generated] {
        assert_eq!(app.click(&format!("/{slug}")).send().status, 302, "{slug}");
    }
}

#[test]
fn all_or_nothing_makes_nothing_when_one_is_refused_and_a_dry_run_never() {
    let app = TestApp::start();
    let links = json!([{ "url": "https://example.com/a", "slug": "a" }, { "url": "ftp://example.com", "slug": "b" }]);
    let refused = bulk(&app, &json!({ "links": links, "all_or_nothing": true })).expect_status(422).json();
    assert_eq!(refused["errors"][0]["index"], 1, "{refused}");
    let tried = bulk(&app, &json!({ "links": links, "dry_run": true })).expect_status(200).json();
    assert_eq!((tried["done"].as_u64(), tried["refused"].as_u64()), (Some(1), Some(1)));
    assert_eq!(app.api_get("/api/v1/links").json()["links"], json!([]));
    for wrong in [json!({ "links": [] }), json!({ "links": vec![json!({ "url": "https://example.com/" }); 1001] })] {
        bulk(&app, &wrong).expect_status(422);
    }
}

#[test]
fn many_links_are_changed_and_removed_in_one_request() {
    let app = TestApp::start();
    let links: Vec<Value> = (0..3)
        .map(|n| {
            json!({ "url": format!("https://example.com/{n}"), "slug": format!("s{n}"),
        "tags": ["old", "kept"] })
        })
        .collect();
    bulk(&app, &json!({ "links": links })).expect_status(200);
    let edit = json!({ "ids": [1, 3, 99], "set": { "enabled": false }, "add_tags": ["new"], "remove_tags": ["old"] });
    let answer = app.api(Request::new("PATCH", "/api/v1/links/bulk").json(&edit)).expect_status(200).json();
    assert_eq!((answer["done"].as_u64(), answer["refused"].as_u64()), (Some(2), Some(1)), "{answer}");
    assert_eq!(answer["results"][2]["problem"]["status"], 404);
    assert_eq!(app.link_by_slug("s0")["tags"], json!(["kept", "new"]));
    assert_eq!(app.link_by_slug("s1")["tags"], json!(["old", "kept"]));
    assert_eq!(app.click("/s0").send().status, 404);
    app.api_delete("/api/v1/links/bulk?ids=1,99&all_or_nothing=true").expect_status(422);
    let answer = app.api_delete("/api/v1/links/bulk?ids=1,2").expect_status(200).json();
    assert_eq!(answer["done"], 2);
    let left = app.api_get("/api/v1/links").json();
    assert_eq!(left["links"].as_array().unwrap().len(), 1, "{left}");
    assert_eq!(app.click("/s1").send().status, 404);
}
