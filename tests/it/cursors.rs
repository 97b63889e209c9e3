//! Lists of the API: page after page they are told once and whole, and the command line follows them.

use serde_json::{Value, json};

use crate::support::app::TestApp;

const POST: &str = "https://www.instagram.com/p/";

/// A list page by page, two entries at a time.
fn paged(app: &TestApp, path: &str, list: &str) -> Vec<Value> {
    let (mut all, mut after) = (Vec::new(), String::new());
    let sign = if path.contains('?') { '&' } else { '?' };
    loop {
        let page = app.api_get(&format!("{path}{sign}limit=2{after}")).expect_status(200).json();
        let entries = page[list].as_array().unwrap();
        assert!(entries.len() <= 2, "{page}");
        all.extend(entries.iter().cloned());
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => return all,
        }
    }
}

fn whole(app: &TestApp, path: &str, list: &str) -> Vec<Value> {
    let page = app.api_get(path).expect_status(200).json();
    assert_eq!(page["next"], Value::Null, "{page}");
    page[list].as_array().unwrap().clone()
}

fn lived_in() -> TestApp {
    let app = TestApp::start();
    for number in 1..=5 {
        let slug = format!("s{number}");
        let link = app.link("https://example.com/", &[("slug", &slug)]);
        let day = jiff::Timestamp::now().strftime("%F").to_string();
        let csv = format!("post,date,views,platform\n{POST}C{number}/,{day},{number}00,instagram\n");
        app.import(&format!("?file_name=f{number}.csv"), &csv).expect_status(200);
        let made = json!({ "link": link["id"], "post": format!("{POST}C{number}/"), "says": "made" });
        app.api_post("/api/v1/matches", &made).expect_status(200);
        app.click(&format!("/missing{number}")).send().expect_status(404);
        let (file, query) =
            (format!("url,slug\nhttps://example.com/m,m{number}\n"), format!("?file_name=m{number}.csv"));
        let request = crate::support::http::Request::new("POST", &format!("/api/v1/links/import{query}"));
        app.api(request.body("text/csv", file.as_bytes())).expect_status(200);
    }
    app.eventually("misses are counted", || whole(&app, "/api/v1/misses", "rows").len() == 5);
    app
}

#[test]
fn page_after_page_each_list_is_told_once_and_whole() {
    let app = lived_in();
    for (path, list, count) in [
        ("/api/v1/links", "links", 10),
        ("/api/v1/links/import", "imports", 5),
        ("/api/v1/imports", "imports", 5),
        ("/api/v1/matches", "posts", 5),
        ("/api/v1/matches/decisions", "decisions", 5),
        ("/api/v1/misses", "rows", 5),
    ] {
        let paged = paged(&app, path, list);
        assert_eq!((paged.len(), &paged), (count, &whole(&app, path, list)), "{path}");
        for (wrong, field) in [("?limit=0", "limit"), ("?limit=1001", "limit"), ("?after=zz", "after")] {
            let refused = app.api_get(&format!("{path}{wrong}")).expect_status(422).json();
            assert_eq!(refused["field"], field, "{path}{wrong}");
        }
    }
}

#[test]
fn the_command_line_tells_more_than_a_page_has() {
    let app = lived_in();
    for at in 0..105 {
        app.link("https://example.com/", &[("slug", &format!("x{at}"))]);
        let post =
            json!({ "platform": "x", "post": format!("https://x.com/a/status/{at}"), "numbers": { "views": at + 1 } });
        app.api_post("/api/v1/imports/manual", &post).expect_status(200);
    }
    assert!(app.api_get("/api/v1/imports").json()["next"].is_string(), "there is more than a page");
    let told = app.cli(&["import", "list", "--json"]).json();
    assert_eq!((told["imports"].as_array().map(Vec::len), &told["next"]), (Some(110), &Value::Null));
    assert_eq!(app.cli(&["match", "decisions", "--json"]).json()["decisions"].as_array().map(Vec::len), Some(5));
    assert_eq!(app.cli(&["link", "import", "list"]).ok().matches(".csv").count(), 5);
}
