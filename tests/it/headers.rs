//! The headers of each class of answer, all of them and nothing else, on both planes. What is in a table here is what
//! browsers, proxies and caches are told; a header that comes to be missing, or to be there, is a decision.

use serde_json::json;

use crate::support::app::TestApp;
use crate::support::http::{Answer, Request};

/// About the connection and the moment, and not about the answer.
const FRAMING: [&str; 5] = ["date", "content-length", "transfer-encoding", "connection", "vary"];

/// What every answer of the admin plane carries.
const EVERY_ADMIN_ANSWER: [&str; 6] = [
    "content-security-policy: default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
     connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "cross-origin-opener-policy: same-origin",
    "cross-origin-resource-policy: same-origin",
    "referrer-policy: same-origin",
    "x-content-type-options: nosniff",
    "x-frame-options: DENY",
];

const NO_STORE: &str = "cache-control: no-store";
const PAGE: &str = "content-type: text/html; charset=utf-8";
const JSON: &str = "content-type: application/json";
const PROBLEM: &str = "content-type: application/problem+json";

fn of(answer: &Answer) -> Vec<String> {
    let lines = answer.headers.iter().map(|(name, value)| (name.to_lowercase(), value));
    let mut lines: Vec<_> = lines
        .filter(|(name, _)| !FRAMING.contains(&name.as_str()))
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    lines.sort();
    lines
}

fn sorted(lines: &[&str]) -> Vec<String> {
    let mut lines: Vec<_> = lines.iter().map(|line| (*line).to_owned()).collect();
    lines.sort();
    lines
}

#[test]
fn visitors_are_told_these_headers_and_no_others() {
    let app = TestApp::with_config("domains = [{ host = \"go.example.com\" }]\n");
    app.link("https://example.com/", &[("slug", "x")]);
    let permanent = json!({ "url": "https://example.com/", "slug": "p", "status": 301 });
    app.api_post("/api/v1/links", &permanent).expect_status(201);
    app.link("https://example.com/", &[("slug", "gone"), ("expires_at", "2020-01-01T00:00:00Z")]);
    let click = |path: &str| app.click(path).host("go.example.com");
    let (private, noindex, nosniff) =
        ("cache-control: private, no-store", "x-robots-tag: noindex", "x-content-type-options: nosniff");
    let to = "location: https://example.com/";
    let policy = "content-security-policy: default-src 'none'; frame-ancestors 'none'";
    let plain = "content-type: text/plain; charset=utf-8";
    let page = [private, policy, PAGE, nosniff, noindex];
    let text = [private, plain, nosniff];
    for (what, answer, status, expected) in [
        ("a redirect", click("/x"), 302, &[private, to, noindex][..]),
        ("a permanent one", click("/p"), 301, &["cache-control: private, max-age=90", to, noindex]),
        ("HEAD", click("/x").method("HEAD"), 302, &[private, to, noindex]),
        ("an unknown slug", click("/none"), 404, &page),
        ("an expired link", click("/gone"), 410, &page),
        ("robots.txt", click("/robots.txt"), 200, &text),
        ("an icon", click("/favicon.ico"), 404, &text),
        ("another method", click("/x").method("PUT"), 405, &[private, plain, nosniff, "allow: GET, HEAD"]),
        ("another host", app.click("/x").host("evil.example"), 421, &text),
        ("too long", click(&format!("/{}", "a".repeat(9_000))), 414, &text),
    ] {
        let answer = answer.send();
        assert_eq!((answer.status, of(&answer)), (status, sorted(expected)), "{what}");
    }
}

#[test]
fn a_slug_that_was_switched_off_cannot_be_told_from_one_that_never_was() {
    let app = TestApp::start();
    let off = json!({ "url": "https://example.com/", "slug": "off", "enabled": false });
    app.api_post("/api/v1/links", &off).expect_status(201);
    app.link("https://example.com/", &[("slug", "gone")]);
    app.api_delete(&format!("/api/v1/links/{}", app.link_by_slug("gone")["id"])).expect_status(204);
    let [never, off, gone] = ["/never", "/off", "/gone"].map(|path| app.click(path).send().expect_status(404));
    for other in [&off, &gone] {
        assert_eq!((of(other), &other.body), (of(&never), &never.body));
    }
}

/// A class of answers of the admin plane: what it is, one of it, its status, and what it carries beside the rest.
type Class<'a> = (&'a str, Request, u16, &'a [&'a str]);

fn check(app: &TestApp, classes: Vec<Class<'_>>) {
    let mut wrong = Vec::new();
    for (what, request, status, own) in classes {
        let answer = app.admin(request);
        let expected = sorted(&[&EVERY_ADMIN_ANSWER, own].concat());
        if (answer.status, of(&answer)) != (status, expected) {
            let mut told = of(&answer);
            told.retain(|line| !EVERY_ADMIN_ANSWER.contains(&line.as_str()));
            wrong.push(format!("{what} is {status} with {own:?} but was {} with {told:?}", answer.status));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn with_key(app: &TestApp, method: &str, path: &str) -> Request {
    Request::new(method, path).header("Authorization", &format!("Bearer {}", app.key()))
}

#[test]
fn programs_are_told_these_headers_and_no_others() {
    let app = TestApp::start();
    app.link("https://example.com/", &[("slug", "x")]);
    let get = |path: &str| with_key(&app, "GET", path);
    let link = json!({ "url": "https://example.com/", "slug": "y" });
    let made = [NO_STORE, JSON, "etag: \"1\"", "location: /api/v1/links/2"];
    let unknown = [NO_STORE, PROBLEM, "www-authenticate: Bearer realm=\"waypost\""];
    check(
        &app,
        vec![
            ("a list", get("/api/v1/links"), 200, &[NO_STORE, JSON]),
            ("a link", get("/api/v1/links/1"), 200, &[NO_STORE, JSON, "etag: \"1\""]),
            ("made", with_key(&app, "POST", "/api/v1/links").json(&link), 201, &made),
            ("nothing new", get("/api/v1/links/1").header("If-None-Match", "\"1\""), 304, &[NO_STORE, "etag: \"1\""]),
            (
                "changed meanwhile",
                with_key(&app, "DELETE", "/api/v1/links/1").header("If-Match", "\"9\""),
                412,
                &[NO_STORE, PROBLEM],
            ),
            ("removed", with_key(&app, "DELETE", "/api/v1/links/2"), 204, &[NO_STORE]),
            ("nobody", Request::new("GET", "/api/v1/links"), 401, &unknown),
            ("a wrong key", Request::new("GET", "/metrics").header("Authorization", "Bearer x"), 401, &unknown),
            ("not found", get("/api/v1/links/9"), 404, &[NO_STORE, PROBLEM]),
            ("no such path", get("/api/v1/nothing"), 404, &[NO_STORE, PROBLEM]),
            (
                "another method",
                with_key(&app, "PUT", "/api/v1/links"),
                405,
                &[NO_STORE, PROBLEM, "allow: GET,HEAD,POST"],
            ),
            ("another version", get("/api/v2/links"), 404, &[NO_STORE, PROBLEM]),
            ("another host", get("/api/v1/links").header("Host", "evil.example"), 421, &[NO_STORE, PROBLEM]),
            ("no JSON", with_key(&app, "POST", "/api/v1/links").body("text/plain", b"x"), 415, &[NO_STORE, PROBLEM]),
            (
                "malformed",
                with_key(&app, "POST", "/api/v1/links").body("application/json", b"{"),
                400,
                &[NO_STORE, PROBLEM],
            ),
            (
                "impossible",
                with_key(&app, "POST", "/api/v1/links").json(&json!({ "url": "x" })),
                422,
                &[NO_STORE, PROBLEM],
            ),
            (
                "too much",
                with_key(&app, "POST", "/api/v1/links").body("application/json", &vec![b' '; 1_100_000]),
                413,
                &[NO_STORE, PROBLEM],
            ),
            (
                "asked by another site",
                Request::new("OPTIONS", "/api/v1/links")
                    .header("Origin", "https://evil.example")
                    .header("Access-Control-Request-Method", "POST"),
                401,
                &[&unknown[..], &["allow: GET,HEAD,POST"]].concat(),
            ),
            ("the description", Request::new("GET", "/api/openapi.json"), 200, &["cache-control: no-cache", JSON]),
            ("the reference", Request::new("GET", "/api"), 200, &[NO_STORE, PAGE]),
            ("health", Request::new("GET", "/healthz"), 200, &[NO_STORE, JSON]),
            ("metrics", get("/metrics"), 200, &[NO_STORE, "content-type: text/plain; version=0.0.4; charset=utf-8"]),
            (
                "clicks",
                get("/api/v1/clicks"),
                200,
                &[
                    NO_STORE,
                    "content-type: text/csv; charset=utf-8; header=present",
                    "content-disposition: attachment; filename=\"clicks.csv\"",
                ],
            ),
            (
                "links",
                get("/api/v1/links/export"),
                200,
                &[
                    NO_STORE,
                    "content-type: text/csv; charset=utf-8; header=present",
                    "content-disposition: attachment; filename=\"links.csv\"",
                ],
            ),
            ("a picture", get("/api/v1/links/1/qr"), 200, &[NO_STORE, "content-type: image/svg+xml"]),
        ],
    );
}

#[test]
fn people_are_told_these_headers_and_no_others() {
    let app = TestApp::start();
    app.link("https://example.com/", &[("slug", "x")]);
    let key = format!("key={}", app.key());
    let form = |path: &str, body: &str| {
        let request = Request::new("POST", path).header("Sec-Fetch-Site", "same-origin");
        request.body("application/x-www-form-urlencoded", body.as_bytes())
    };
    let signed_in = app.admin(form("/sign-in", &key)).expect_status(303);
    let cookie = signed_in.header("set-cookie").unwrap().to_owned();
    let session = cookie.split(';').next().unwrap().to_owned();
    let set_cookie = format!("set-cookie: {cookie}");
    assert_eq!(of(&signed_in), sorted(&[&EVERY_ADMIN_ANSWER[..], &[NO_STORE, "location: /", &set_cookie]].concat()));
    let share = app.api_post("/api/v1/shares", &json!({ "link": 1 })).expect_status(201).json();
    let shared = format!("/share/{}", share["url"].as_str().unwrap().rsplit('/').next().unwrap());
    let page = app.admin(Request::new("GET", "/sign-in")).text();
    let asset = |ending: &str| {
        let from = page.split('"').find(|part| part.starts_with("/assets/") && part.ends_with(ending)).unwrap();
        Request::new("GET", from)
    };
    let look = |path: &str| Request::new("GET", path).header("Cookie", &session);
    let for_ever = "cache-control: public, max-age=31536000, immutable";
    check(
        &app,
        vec![
            ("a page", look("/"), 200, &[NO_STORE, PAGE]),
            ("a link's page", look("/links/1"), 200, &[NO_STORE, PAGE]),
            ("no such page", look("/nothing"), 404, &[NO_STORE, PAGE]),
            (
                "another method",
                look("/links/1").method("PUT").header("Sec-Fetch-Site", "same-origin"),
                405,
                &[NO_STORE, PAGE, "allow: GET,HEAD"],
            ),
            ("signed out", Request::new("GET", "/links"), 303, &[NO_STORE, "location: /sign-in?to=%2Flinks"]),
            (
                "from another site",
                form("/links", "url=x").header("Cookie", &session).header("Sec-Fetch-Site", "cross-site"),
                403,
                &[NO_STORE, PAGE],
            ),
            ("sign in", Request::new("GET", "/sign-in"), 200, &[NO_STORE, PAGE]),
            ("a wrong key", form("/sign-in", "key=x"), 401, &[NO_STORE, PAGE]),
            ("shared", Request::new("GET", &shared), 200, &[NO_STORE, PAGE, "x-robots-tag: noindex, nofollow"]),
            ("not shared", Request::new("GET", "/share/x"), 404, &[NO_STORE, PAGE]),
            ("the style", asset(".css"), 200, &[for_ever, "content-type: text/css; charset=utf-8"]),
            ("the script", asset(".js"), 200, &[for_ever, "content-type: text/javascript; charset=utf-8"]),
            ("the icon", asset(".svg"), 200, &[for_ever, "content-type: image/svg+xml"]),
        ],
    );
    let out = app.admin(form("/sign-out", "").header("Cookie", &session));
    let forgotten = "HttpOnly; SameSite=Strict; Max-Age=0";
    let own = [
        NO_STORE,
        "location: /sign-in",
        &format!("set-cookie: __Host-waypost_session=; Path=/; Secure; {forgotten}"),
        &format!("set-cookie: waypost_session=; Path=/; {forgotten}"),
    ];
    assert_eq!((out.status, of(&out)), (303, sorted(&[&EVERY_ADMIN_ANSWER[..], &own].concat())));
}
