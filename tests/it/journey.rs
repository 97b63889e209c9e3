//! A newcomer's first hour, by the words of the README: serve, link, click, stats, export, import, CTR; and the demo.

use serde_json::Value;

use crate::support::agents;
use crate::support::app::{TestApp, offline};

fn three_links(app: &TestApp) {
    for (slug, source, platform, level) in [
        ("story", "instagram", "instagram", "story"),
        ("bio", "instagram", "instagram", "profile"),
        ("x", "x", "x", "post"),
    ] {
        let made = app
            .cli(&[
                "link",
                "add",
                "https://example.com/spring",
                "--slug",
                slug,
                "--source",
                source,
                "--medium",
                "social",
                "--campaign",
                "spring",
                "--platform",
                platform,
                "--level",
                level,
                "--post",
                &format!("https://example.com/post/{slug}"),
            ])
            .ok();
        let first = made.lines().next().unwrap_or_default();
        assert_eq!(first, format!("http://{}/{slug}", app.redirect_address()));
    }
}

fn today() -> String {
    jiff::Timestamp::now().strftime("%F").to_string()
}

#[test]
fn a_newcomers_first_hour_works() {
    let app = TestApp::start();
    three_links(&app);
    let listed = app.cli(&["link", "list", "--campaign", "spring", "--json"]).json();
    assert_eq!(listed["links"].as_array().map(Vec::len), Some(3));

    for (number, agent) in agents::HUMANS.iter().enumerate() {
        let number = u16::try_from(number).unwrap();
        app.click("/x").agent(agent).visitor(number).referrer("https://t.co/abc?secret=1").send().expect_status(302);
    }
    app.click("/x").agent(agents::CURL).visitor(100).send();
    app.click("/x").agent(agents::FACEBOOK_PREVIEW).visitor(101).send();
    app.click("/story").agent(agents::INSTAGRAM_IPHONE).visitor(102).send();
    app.eventually_clicks("x", 8);
    app.eventually_clicks("story", 1);

    let stats = app.cli(&["stats", "x", "--by", "device", "--json"]).json();
    assert_eq!((stats["clicks"].as_u64(), stats["hits"].as_u64()), (Some(8), Some(10)));
    assert_eq!(stats["verdicts"]["preview"], 1);
    assert_eq!(stats["verdicts"]["bot"], 1);
    let text = app.cli(&["stats", "x"]).ok();
    assert!(text.contains('8') && text.contains("preview"), "{text}");

    let csv = app.cli(&["export", "clicks", "--link", "x"]).ok();
    assert_eq!(csv.lines().count(), 1 + 8, "{csv}");
    assert!(csv.contains("t.co") && !csv.contains("secret"), "{csv}");
    let all = app.cli(&["export", "clicks", "--format", "jsonl", "--verdict", "all"]).ok();
    assert_eq!(all.lines().count(), 11);
    let line: Value = serde_json::from_str(all.lines().next().unwrap()).unwrap();
    assert_eq!((line["campaign"].as_str(), line["slug"].as_str()), (Some("spring"), Some("x")), "{line}");

    let file = app.path("impressions.csv");
    std::fs::write(&file, format!("link,date,impressions\nx,{day},1000\n", day = today())).unwrap();
    let file = file.to_str().unwrap();
    app.cli(&["import", file, "--dry-run"]).ok();
    assert!(app.cli(&["ctr", "--json"]).json()["rows"].as_array().unwrap().iter().all(|row| row["ctr"].is_null()));
    app.cli(&["import", file]).ok();
    let ctr = app.cli(&["ctr", "--json"]).json();
    let row = ctr["rows"].as_array().unwrap().iter().find(|row| row["label"] == "x").unwrap().clone();
    assert_eq!((row["clicks"].as_u64(), row["impressions"].as_u64()), (Some(8), Some(1000)), "{ctr}");
    assert_eq!(row["ctr"].as_f64(), Some(0.008));
    // Wilson, 95 %, for 8 of 1,000.
    assert!((row["low"].as_f64().unwrap() - 0.004_058).abs() < 1e-5, "{row}");
    assert!((row["high"].as_f64().unwrap() - 0.015_71).abs() < 1e-5, "{row}");
    let text = app.cli(&["ctr"]).ok();
    assert!(text.contains("0.80%") && text.contains("1,000"), "{text}");
}

#[test]
fn everything_survives_a_restart_and_nothing_is_counted_again() {
    let mut app = TestApp::start();
    three_links(&app);
    for visitor in 0..50 {
        app.click("/bio").visitor(visitor).send();
    }
    app.eventually_clicks("bio", 50);
    app.restart();
    app.drained();
    assert_eq!(app.clicks("bio"), 50);
    assert_eq!(app.click("/bio").visitor(60).send().status, 302);
    app.eventually_clicks("bio", 51);
    let exported = app.cli(&["export", "clicks", "--link", "bio"]).ok();
    assert_eq!(exported.lines().count(), 52);
}

#[test]
fn wrong_usage_ends_with_2_and_a_refusal_with_1_and_one_clear_line() {
    let app = TestApp::start();
    assert_eq!(app.cli(&["link", "add"]).code, Some(2));
    let refused = app.cli(&["link", "add", "javascript:alert(1)"]);
    assert_eq!(refused.code, Some(1));
    assert_eq!(refused.stderr.trim().lines().count(), 1, "{}", refused.stderr);
    assert!(refused.stderr.contains("http"), "{}", refused.stderr);
    let nobody = offline(&["link", "list", "--data", "./none"], b"");
    assert_eq!(nobody.code, Some(1));
    assert!(nobody.stderr.contains("waypost serve"), "{}", nobody.stderr);
}

#[test]
fn the_demo_shows_a_campaign_with_clicks_and_rates() {
    let mut app = TestApp::stopped("");
    let data = app.data();
    offline(&["demo", "--data", data.to_str().unwrap()], b"").ok();
    app.launch();
    app.drained();
    let links = app.cli(&["link", "list", "--json"]).json();
    let links = links["links"].as_array().unwrap().clone();
    assert!(links.len() >= 10);
    assert!(links.iter().all(|link| link["clicks"].as_u64().unwrap() > 0), "{links:?}");
    let by_country = app.api_get("/api/v1/stats?by=country").expect_status(200).json();
    assert!(by_country["rows"].as_array().unwrap().len() > 5, "{by_country}");
    let rows = app.cli(&["ctr", "--json"]).json()["rows"].as_array().unwrap().clone();
    let rates: Vec<f64> = rows.iter().filter_map(|row| row["ctr"].as_f64()).collect();
    assert!(rates.len() >= 5 && rates.iter().all(|rate| (0.0005..0.2).contains(rate)), "{rates:?}");
    let again = offline(&["demo", "--data", data.to_str().unwrap()], b"");
    assert_eq!(again.code, Some(1), "{}", again.stderr);
}

#[test]
fn the_offline_classifier_answers_each_line_and_names_the_broken_one() {
    let input = concat!(
        r#"{"headers":{"User-Agent":"Twitterbot/1.0"}}"#,
        "\n",
        r#"{"method":"HEAD","headers":{}}"#,
        "\nnot json\n",
        r#"{"headers":{"user-agent":"Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 Instagram 405.0.0.29.75 (iPhone15,2; iOS 18_6; en_US; en; scale=3.00; 1179x2556; 8)"},"query":"utm_source=ig"}"#,
        "\n",
    );
    let output = offline(&["classify"], input.as_bytes());
    assert_eq!(output.code, Some(1), "a line was broken: {}", output.stderr);
    let lines: Vec<Value> = output.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 4, "{}", output.stdout);
    assert_eq!(lines[0]["verdict"], "preview");
    assert_eq!(lines[1]["verdict"], "head");
    assert!(lines[2]["error"].as_str().unwrap().contains("line 3"));
    assert_eq!(
        (lines[3]["verdict"].as_str(), lines[3]["app"].as_str(), lines[3]["source"].as_str()),
        (Some("human"), Some("instagram"), Some("instagram"))
    );
    assert_eq!((lines[3]["device"].as_str(), lines[3]["os"].as_str()), (Some("mobile"), Some("iOS")));
}

#[test]
fn doctor_and_check_config_say_what_is_wrong_by_name() {
    let app = TestApp::start();
    let healthy = app.cli(&["doctor"]);
    assert!(healthy.stdout.contains("ok"), "{}{}", healthy.stdout, healthy.stderr);
    let file = app.path("wrong.toml");
    std::fs::write(&file, "[journal]\nsync_mss = 4\n").unwrap();
    let wrong = offline(&["check-config", "--config", file.to_str().unwrap()], b"");
    assert_eq!(wrong.code, Some(1));
    assert!(wrong.stderr.contains("sync_mss"), "{}", wrong.stderr);
    std::fs::write(&file, "[journal]\nsync_ms = 2\n").unwrap();
    offline(&["check-config", "--config", file.to_str().unwrap()], b"").ok();
}
