//! What clicks are divided by and held against, through the whole program: rates, platforms' own clicks, conversions,
//! and a report on a week.

use serde_json::{Value, json};

use crate::support::app::TestApp;

const POST: &str = "https://x.com/me/status/1800000000000000001";

/// A server with one link in one post, clicked by ten people, and a platform that says 1,000 impressions.
fn posted() -> TestApp {
    let app = TestApp::start();
    let link = json!({"url": "https://example.com/", "slug": "x", "level": "post", "platform": "x", "posts": [POST],
        "utm": {"campaign": "spring"}});
    app.api_post("/api/v1/links", &link).expect_status(201);
    for visitor in 0..10 {
        app.click("/x").visitor(visitor).send();
    }
    app.eventually_clicks("x", 10);
    let numbers = json!({"impressions": 1000, "clicks_link": 40, "clicks_all": 90, "clicks_other": 40});
    let manual = json!({"platform": "x", "post": POST, "numbers": numbers});
    app.api_post("/api/v1/imports/manual", &manual).expect_status(200);
    app
}

fn rows(app: &TestApp, path: &str) -> Vec<Value> {
    app.api_get(path).expect_status(200).json()["rows"].as_array().unwrap().clone()
}

#[test]
fn a_lifetime_number_read_off_a_screen_makes_a_rate_with_everything_it_rests_on() {
    let app = posted();
    for by in ["link", "post", "placement", "platform", "campaign", "tag", "account", "level"] {
        let row = rows(&app, &format!("/api/v1/ctr?by={by}&sort=rank"))[0].clone();
        assert_eq!((row["ctr"].as_f64(), row["basis"].as_str()), (Some(0.01), Some("lifetime")), "{by}: {row}");
        assert_eq!(row["interval"], "wilson", "{row}");
    }
    let row = &rows(&app, "/api/v1/ctr?by=post")[0];
    assert_eq!(row["baselines"][0]["verdict"], "within", "{row}");
    let text = app.cli(&["ctr", "--by", "post"]).ok();
    assert!(text.contains("CTR 1.00%") && text.contains("lifetime") && text.contains("within 0.50-1.00%"), "{text}");
}

#[test]
fn platforms_clicks_stand_beside_ours_with_their_parts_and_the_causes_that_fit() {
    let app = posted();
    let row = &rows(&app, "/api/v1/ctr/platform?by=platform")[0];
    assert_eq!((row["ctr_all"].as_f64(), row["ctr_link"].as_f64()), (Some(0.09), Some(0.04)), "{row}");
    assert_eq!((row["parts"]["sum"].as_u64(), row["parts"]["adds_up"].as_bool()), (Some(80), Some(false)), "{row}");
    let row = &rows(&app, "/api/v1/ctr/reconcile")[0];
    assert_eq!((row["platform_link"].as_u64(), row["human"].as_u64()), (Some(40), Some(10)), "{row}");
    assert_eq!((row["balance"].as_str(), row["ratio"].as_f64()), (Some("ours_fewer"), Some(0.25)), "{row}");
    assert!(!row["causes"].as_array().unwrap().is_empty(), "{row}");
    let csv = app.cli(&["ctr", "reconcile", "--csv"]).ok();
    assert!(csv.starts_with("post,text,platform") && csv.contains("x:1800000000000000001"), "{csv}");
    assert!(app.cli(&["ctr", "platform", "--by", "account"]).ok().contains("9.00%"));
    let refused = app.api_get("/api/v1/ctr/platform?by=age").expect_status(422).json();
    assert!(refused["detail"].as_str().unwrap().contains("ad_set"), "{refused}");
}

#[test]
fn two_campaigns_are_compared_and_what_is_not_there_is_named() {
    let app = posted();
    let found = app.cli(&["ctr", "compare", "spring", "spring", "--by", "campaign", "--json"]).json();
    assert_eq!((found["difference"].as_f64(), found["z"].as_f64()), (Some(0.0), Some(0.0)), "{found}");
    let refused = app.api_get("/api/v1/ctr/compare?a=spring&b=autumn&by=campaign").expect_status(422).json();
    assert!(refused["detail"].as_str().unwrap().contains("autumn"), "{refused}");
}

#[test]
fn a_click_that_converts_is_counted_once_beside_its_rate() {
    let app = posted();
    app.link("https://shop.example/?ref={click_id}", &[("slug", "shop")]);
    let answer = app.click("/shop").visitor(77).send();
    let location = answer.header("location").unwrap().to_owned();
    let token = location.strip_prefix("https://shop.example/?ref=").unwrap();
    assert_eq!(token.len(), 48, "{location}");
    app.eventually_clicks("shop", 1);
    let body = json!({"click_id": token, "name": "purchase", "value": 12.5, "currency": "EUR"});
    assert_eq!(app.api_post("/api/v1/conversions", &body).expect_status(201).json()["counted"], true);
    assert_eq!(app.api_post("/api/v1/conversions", &body).expect_status(200).json()["counted"], false);
    let other = json!({"click_id": token, "name": "purchase", "value": 13, "currency": "EUR"});
    app.api_post("/api/v1/conversions", &other).expect_status(409);
    let forged = json!({"click_id": token.replace(&token[..4], "ffff")});
    app.api_post("/api/v1/conversions", &forged).expect_status(422);
    let row = rows(&app, "/api/v1/ctr").into_iter().find(|row| row["label"] == "shop").unwrap();
    assert_eq!(row["conversions"]["conversions"], 1, "{row}");
    assert_eq!(
        (row["conversions"]["rate"].as_f64(), row["conversions"]["values"]["EUR"].as_f64()),
        (Some(1.0), Some(12.5))
    );
    assert!(row["ctr"].is_null(), "a conversion rate is no click-through rate: {row}");
}

#[test]
fn a_week_is_reported_in_every_form() {
    let app = posted();
    let today = jiff::Timestamp::now().strftime("%F").to_string();
    let week = app.api_get(&format!("/api/v1/report/weekly?to={today}")).expect_status(200).json();
    assert_eq!((week["clicks"]["now"].as_u64(), week["campaigns"][0]["campaign"].as_str()), (Some(10), Some("spring")));
    let text = app.cli(&["report", "--weekly", "--to", &today]).ok();
    assert!(text.contains("## What is worsening") && text.contains("**spring**"), "{text}");
    assert!(app.cli(&["report", "--weekly", "--to", &today, "--html"]).ok().starts_with("<!DOCTYPE html>"));
    assert!(app.cli(&["report", "--weekly", "--to", &today, "--csv"]).ok().starts_with("part,name,what"));
}
