//! What strangers send can't become code: not in a header, a page, a CSV cell or a log line; and keys are needed.

use serde_json::json;

use crate::support::app::TestApp;
use crate::support::http::Request;

const SCRIPT: &str = "<script>alert(1)</script>";

#[test]
fn a_strangers_text_never_becomes_a_formula_a_tag_or_a_line_of_a_log() {
    let app = TestApp::start();
    let made = app.link("https://example.com/", &[("slug", "x"), ("title", SCRIPT)]);
    app.click("/x")
        .referrer(&format!("https://{SCRIPT}.example/=cmd|calc"))
        .agent(&format!("=HYPERLINK(\"http://evil\") {SCRIPT} Mozilla/5.0 Chrome/1 Safari/1"))
        .header("Accept-Language", "=1+1")
        .visitor(1)
        .send();
    app.click("/x").agent("\u{1b}[31mred").send().expect_status(400);
    app.click("/x").referrer("https://ok.example/@SUM(A1)").visitor(2).send();
    let export = || app.cli(&["export", "clicks", "--verdict", "all"]).ok();
    // A click is counted a moment before it can be exported.
    app.eventually("both are exported", || export().lines().count() == 3);
    let csv = export();
    let cells: Vec<Vec<String>> = csv::ReaderBuilder::new()
        .from_reader(csv.as_bytes())
        .records()
        .map(|record| record.unwrap().iter().map(str::to_owned).collect())
        .collect();
    assert_eq!(cells.len(), 2);
    for cell in cells.iter().flatten() {
        assert!(!cell.starts_with(['=', '+', '@', '\t', '\r']), "{cell:?} is a formula");
    }
    for path in ["/".to_owned(), format!("/links/{}", made["id"])] {
        let page = app.api_get(&path).expect_status(200);
        assert!(!page.text().contains(SCRIPT), "{path} repeats a script");
        let policy = page.header("content-security-policy").unwrap();
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    }
    assert!(!app.log().contains('\u{1b}') && !app.log().contains(SCRIPT));
}

#[test]
fn a_slug_with_line_breaks_puts_nothing_into_a_header() {
    let app = TestApp::start();
    for path in ["/%0d%0aSet-Cookie:%20a=b", "/x%0aLocation:%20https://evil.example/", "/%00"] {
        let answer = app.click(path).send();
        assert_eq!(answer.status, 404);
        assert!(answer.header("set-cookie").is_none() && answer.header("location").is_none());
        assert!(!answer.text().contains("evil"));
    }
}

#[test]
fn destinations_that_are_no_place_to_send_people_are_refused_with_a_reason() {
    let app = TestApp::start();
    let own = format!("http://127.0.0.1:{}/x", app.redirect_address().port());
    let own_by_name = format!("http://LOCALHOST.:{}/x", app.redirect_address().port());
    let long = format!("https://example.com/{}", "a".repeat(2_048));
    for url in [
        "javascript:alert(1)",
        "java\nscript:alert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "ftp://example.com/",
        "//example.com/",
        "example.com",
        "",
        "https://",
        "https://user:pass@example.com/",
        "https://example.com:0/",
        "https://example.com/\r\nSet-Cookie: a=b",
        &own,
        &own_by_name,
        &long,
    ] {
        let refused = app.api_post("/api/v1/links", &json!({ "url": url })).expect_status(422);
        assert_eq!(refused.json()["field"], "url", "{url:?}: {}", refused.text());
    }
    for slug in ["", "a b", "../x", "robots.txt", ".well-known/x", "api/x", "a//b", "x\u{202e}y", "%41"] {
        let body = json!({ "url": "https://example.com/", "slug": slug });
        assert_eq!(app.api_post("/api/v1/links", &body).expect_status(422).json()["field"], "slug", "{slug:?}");
    }
    app.link("https://example.com/", &[("slug", "Taken")]);
    let body = json!({ "url": "https://example.com/", "slug": "tAKEN" });
    app.api_post("/api/v1/links", &body).expect_status(409);
    let body = json!({ "url": "https://example.com/", "slugg": "x" });
    assert!(app.api_post("/api/v1/links", &body).expect_status(400).text().contains("slugg"));
}

#[test]
fn every_route_of_the_admin_plane_needs_the_key_and_its_own_host() {
    let app = TestApp::start();
    let id = app.link("https://example.com/", &[("slug", "x")])["id"].clone();
    let routes = [
        ("GET", "/api/v1/links".to_owned()),
        ("POST", "/api/v1/links".to_owned()),
        ("GET", format!("/api/v1/links/{id}")),
        ("PATCH", format!("/api/v1/links/{id}")),
        ("DELETE", format!("/api/v1/links/{id}")),
        ("GET", "/api/v1/stats".to_owned()),
        ("GET", "/api/v1/clicks".to_owned()),
        ("GET", "/api/v1/ctr".to_owned()),
        ("GET", "/api/v1/misses".to_owned()),
        ("GET", "/api/v1/node".to_owned()),
        ("GET", "/api/v1/imports".to_owned()),
        ("POST", "/api/v1/imports".to_owned()),
        ("DELETE", "/api/v1/imports/1".to_owned()),
        ("GET", "/metrics".to_owned()),
    ];
    let key = app.key();
    for (method, path) in &routes {
        let request = || Request::new(method, path).body("application/json", b"{}");
        for wrong in
            [None, Some("Bearer wp_wrong".to_owned()), Some(format!("Bearer {}x", key)), Some(format!("Basic {key}"))]
        {
            let request = match &wrong {
                Some(header) => request().header("Authorization", header),
                None => request(),
            };
            let answer = app.admin(request);
            assert_eq!(answer.status, 401, "{method} {path} with {wrong:?}");
            assert_eq!(answer.header("content-type"), Some("application/problem+json"));
        }
        assert_eq!(app.api(request().header("Host", "evil.example")).status, 421, "{method} {path} on another host");
    }
    app.admin(Request::new("GET", "/healthz")).expect_status(200);
    assert_eq!(app.clicks("x"), 0);
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &std::fs::metadata(app.data().join("admin.key")).unwrap().permissions(),
    );
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_form_from_another_site_changes_nothing() {
    let app = TestApp::start();
    let cookie = sign_in(&app);
    let form = |site: &str| {
        Request::new("POST", "/links")
            .header("Cookie", &cookie)
            .header("Sec-Fetch-Site", site)
            .header("Origin", if site == "same-origin" { "http://127.0.0.1" } else { "https://evil.example" })
            .body("application/x-www-form-urlencoded", b"url=https%3A%2F%2Fexample.com%2F&slug=forged")
    };
    let answer = app.admin(form("cross-site"));
    assert_eq!(answer.status, 403, "{}", answer.text());
    assert_eq!(app.click("/forged").send().status, 404);
}

fn sign_in(app: &TestApp) -> String {
    let body = format!("key={}", app.key());
    let request = Request::new("POST", "/sign-in")
        .header("Sec-Fetch-Site", "same-origin")
        .body("application/x-www-form-urlencoded", body.as_bytes());
    let answer = app.admin(request);
    assert_eq!(answer.status, 303, "{}", answer.text());
    let cookie = answer.header("set-cookie").expect("a session begins").to_owned();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    cookie.split(';').next().unwrap_or_default().to_owned()
}
