//! The admin plane as its clients meet it: whole requests against the router, a store in memory behind it.

use std::sync::atomic::Ordering;

use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use axum::response::Response;
use http_body_util::BodyExt;
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use serde_json::{Value, json};

use super::*;
use crate::config::Config;
use crate::domain::link::{DomainName, Link, LinkId};
use crate::domain::owner::OwnerKey;
use crate::links::Domains;
use crate::links::catalog::LinkListener;
use crate::links::fake_store::FakeStore;

pub(super) const KEY: &str = "wp_a-key-for-tests-only";
const NOW: &str = "2026-11-21T12:00:00Z";

struct Deaf;

impl LinkListener for Deaf {
    fn changed(&self, _link: &Link) {}
    fn removed(&self, _id: LinkId, _domain: &DomainName, _folded: &str) {}
}

struct Still;

impl super::Past for Still {
    fn begin(&self, _: jiff::civil::Date, _: bool) -> Result<(), String> {
        Err("the past stands still here".to_owned())
    }

    fn state(&self) -> wire::Reclassification {
        wire::Reclassification::idle()
    }

    fn verify(&self, _: jiff::civil::Date) -> Result<(), String> {
        Err("nothing is compared here".to_owned())
    }

    fn verification(&self) -> verification::Verification {
        verification::Verification::idle()
    }
}

impl crate::forward::Counted for Still {
    fn live(&self) -> crate::domain::position::Incarnation {
        crate::domain::position::Incarnation(1)
    }

    fn counted(&self) -> crate::domain::position::Position {
        crate::domain::position::Position::START
    }
}

impl NodeStatus for Still {
    fn report(&self) -> wire::Node {
        wire::Node {
            version: "0.1.0".to_owned(),
            redirect: String::new(),
            admin: String::new(),
            time_zone: "UTC".to_owned(),
            store: String::new(),
            archive: String::new(),
            undelivered: wire::Undelivered::default(),
            hits: wire::NodeHits::default(),
            links_cached: 0,
            geo: Vec::new(),
            rules_version: 1,
            started_at: NOW.to_owned(),
        }
    }

    fn metrics(&self) -> String {
        "waypost_links_cached 0\n".to_owned()
    }
}

pub(super) struct Bench {
    router: axum::Router,
    pub(super) admin: Admin,
    store: Arc<FakeStore>,
    _archive: tempfile::TempDir,
}

/// What came back.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// An admin plane over nothing, and the folder that must outlive it.
pub(super) fn admin() -> (Admin, tempfile::TempDir) {
    let (admin, _, folder) = plane();
    (admin, folder)
}

pub(super) fn bench() -> Bench {
    let (admin, store, folder) = plane();
    Bench { router: router(&admin), admin, store, _archive: folder }
}

fn plane() -> (Admin, Arc<FakeStore>, tempfile::TempDir) {
    let config = crate::config::Config::default_values();
    let clock = Clock::fixed(NOW.parse::<jiff::Timestamp>().unwrap().as_millisecond());
    let store = Arc::new(FakeStore::default());
    let domains = Arc::new(Domains::new(&[], config.redirect.address, config.admin.address).unwrap());
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Handle::current();
    let archive = Arc::new(Archive::open(&config.archive, folder.path(), &runtime).unwrap());
    let outbox = Arc::new(crate::forward::Outbox::open(&folder.path().join("hooks"), &clock).unwrap());
    let forward = crate::forward::Forward::start(crate::forward::Tools {
        config: config.hooks.clone(),
        folder: folder.path().join("hooks"),
        store: store.clone(),
        archive: archive.clone(),
        domains: domains.clone(),
        outbox: outbox.clone(),
        counted: Arc::new(Still),
        clock: clock.clone(),
    });
    let announcer = Arc::new(Announcer::new(Arc::new(Deaf), outbox, domains.clone()));
    let admin = Admin::new(Parts {
        catalog: Arc::new(Catalog::new(store.clone(), domains, config.links, clock.clone(), announcer.clone())),
        store: store.clone(),
        archive,
        hooks: Arc::new(forward.unwrap().desk()),
        announcer,
        node: Arc::new(Still),
        past: Arc::new(Still),
        clock,
        report_zone: TimeZone::UTC,
        rates: Rules::open(&Config::default_values().ctr).unwrap(),
        key: KeyHash::of(KEY),
        owner: OwnerKey::of(KEY),
        address: config.admin.address,
        config: config.admin,
    });
    (admin, store, folder)
}

impl Bench {
    pub(super) async fn send(&self, request: Request<Body>) -> Answer {
        let response: Response = TowerToHyperService::new(self.router.clone()).call(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer { status: parts.status, headers: parts.headers, body: String::from_utf8(body.to_vec()).unwrap() }
    }

    /// With the key, and with `body` as JSON.
    async fn api(&self, method: Method, path: &str, body: Value) -> Answer {
        let request = Request::builder().method(method).uri(format!("/api/v1{path}")).header("host", "localhost:8081");
        let request = request.header("authorization", format!("Bearer {KEY}"));
        let (kind, body) =
            if body.is_null() { ("text/plain", String::new()) } else { ("application/json", body.to_string()) };
        self.send(request.header("content-type", kind).body(Body::from(body)).unwrap()).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.api(Method::GET, path, Value::Null).await
    }

    async fn made(&self, body: Value) -> Value {
        let answer = self.api(Method::POST, "/links", body).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
        answer.json()
    }

    /// As a browser: with these headers, without the key.
    async fn browse(&self, method: Method, path: &str, headers: &[(&str, &str)], form: &str) -> Answer {
        let mut request = Request::builder().method(method).uri(path).header("host", "localhost:8081");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        self.send(request.body(Body::from(form.to_owned())).unwrap()).await
    }

    /// Signs in and returns the cookie.
    async fn signed_in(&self) -> String {
        let own = [("sec-fetch-site", "same-origin")];
        let answer = self.browse(Method::POST, "/sign-in", &own, &format!("key={KEY}")).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER);
        let cookie = answer.headers["set-cookie"].to_str().unwrap();
        assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Strict; Max-Age=604800"), "{cookie}");
        cookie.split(';').next().unwrap().to_owned()
    }
}

#[tokio::test]
async fn a_link_is_made_shown_changed_and_removed() {
    let bench = bench();
    let body = json!({"url": "https://example.com/a?b=1", "slug": "Spring", "utm": {"source": "instagram"},
        "platform": "instagram", "level": "story", "posts": ["https://www.instagram.com/p/x/"], "tags": ["spring"]});
    let answer = bench.api(Method::POST, "/links", body).await;
    assert_eq!(answer.headers["location"], "/api/v1/links/1");
    let link = json!({"id": 1, "short_url": "http://127.0.0.1:8080/Spring", "domain": "", "slug": "Spring",
        "url": "https://example.com/a?b=1", "destination": "https://example.com/a?b=1&utm_source=instagram",
        "utm": {"source": "instagram"}, "platform": "instagram", "level": "story",
        "posts": ["https://www.instagram.com/p/x/"], "title": null, "tags": ["spring"], "archived": false, "status": 302,
        "enabled": true, "passthrough": true, "visitor_utm": false, "expires_at": null, "imported": null, "expired_url": null,
        "revision": 1, "created_at": NOW, "updated_at": NOW, "clicks": 0});
    assert_eq!(answer.json(), link);
    bench.store.count(LinkId(1), "2026-11-20".parse().unwrap(), 7);
    assert_eq!(bench.get("/links/1").await.json()["clicks"], 7);

    let edit = json!({"level": null, "title": "T", "status": 301, "revision": 1});
    let edited = bench.api(Method::PATCH, "/links/1", edit.clone()).await.json();
    assert_eq!((&edited["level"], &edited["title"], &edited["revision"]), (&json!("other"), &json!("T"), &json!(2)));
    assert!(edited["warnings"][0].as_str().unwrap().contains("permanent"), "{edited}");
    let late = bench.api(Method::PATCH, "/links/1", edit).await;
    assert_eq!((late.status, &late.json()["field"]), (StatusCode::CONFLICT, &json!("revision")));

    assert_eq!(bench.api(Method::DELETE, "/links/1", Value::Null).await.status, StatusCode::NO_CONTENT);
    assert_eq!(bench.get("/links/1").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_list_goes_on_where_it_says() {
    let bench = bench();
    for n in 1..=3 {
        bench.made(json!({"url": format!("https://e.com/{n}"), "slug": format!("s{n}")})).await;
    }
    let page = bench.get("/links?limit=2").await.json();
    assert_eq!(page["links"].as_array().unwrap().len(), 2);
    let next = page["next"].as_str().unwrap();
    let page = bench.get(&format!("/links?limit=2&after={next}")).await.json();
    assert_eq!((&page["links"][0]["slug"], &page["next"]), (&json!("s3"), &Value::Null));
    assert_eq!(bench.get("/links?slug=S2").await.json()["links"][0]["id"], 2);
}

#[tokio::test]
async fn a_refusal_says_what_was_wrong_and_changes_nothing() {
    let bench = bench();
    bench.made(json!({"url": "https://e.com", "slug": "a"})).await;
    let post = |body| bench.api(Method::POST, "/links", body);
    let cases = [
        (post(json!({"url": "ftp://e.com"})).await, 422, Some("url"), "http:// and https:// only"),
        (post(json!({"url": "https://e.com", "slug": "A"})).await, 409, Some("slug"), "taken by link 1"),
        (post(json!({"url": "https://e.com", "sluq": "A"})).await, 400, None, "unknown field `sluq`"),
        (post(json!({"url": 7})).await, 400, None, "url"),
        (post(json!(["https://e.com"])).await, 400, None, "a JSON object"),
        (post(Value::Null).await, 415, None, "application/json"),
        (post(json!({"url": "a".repeat(1024 * 1024)})).await, 413, None, "too large"),
        (bench.get("/links?limit=0").await, 422, Some("limit"), "1 to 1000"),
        (bench.get("/links?colour=red").await, 400, None, "unknown field `colour`"),
        (bench.get("/links/none").await, 404, None, "not a number"),
        (bench.get("/links/18446744073709551616").await, 404, None, "not a number"),
        (bench.get("/nothing").await, 404, None, "no such path"),
        (bench.api(Method::PUT, "/links", Value::Null).await, 405, None, "method"),
        (bench.api(Method::PATCH, "/links/1", json!({"revision": "x"})).await, 400, None, "revision"),
        (bench.get("/stats?by=colour").await, 422, Some("by"), "colour"),
        (bench.get("/clicks?format=xls").await, 422, Some("format"), "csv, jsonl, parquet"),
        (bench.get("/clicks?verdict=cat").await, 422, Some("verdict"), "human"),
        (bench.get("/clicks?from=2026-11-02&to=2026-11-01").await, 422, Some("from"), "before it begins"),
        (bench.get("/misses?from=soon").await, 422, Some("from"), "day"),
        (bench.api(Method::POST, "/imports?as_of=soon", Value::Null).await, 422, Some("as_of"), "instant"),
        (bench.api(Method::DELETE, "/imports/9", Value::Null).await, 404, None, "import 9"),
    ];
    for (answer, status, field, words) in cases {
        assert_eq!(answer.status.as_u16(), status, "{}", answer.body);
        assert_eq!(answer.headers["content-type"], "application/problem+json");
        let problem = answer.json();
        assert_eq!((problem["status"].as_u64(), problem["field"].as_str()), (Some(u64::from(status)), field));
        assert!(problem["detail"].as_str().unwrap().contains(words), "{problem}");
    }
    assert_eq!(bench.get("/links").await.json()["links"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_store_that_is_down_is_said_with_a_time_to_ask_again() {
    let bench = bench();
    bench.store.is_down.store(true, Ordering::Relaxed);
    for answer in [bench.get("/links").await, bench.get("/stats").await] {
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(answer.headers["retry-after"], "2");
        assert!(!answer.body.contains("down for the test"), "what the store said is for the log");
    }
}

#[tokio::test]
async fn numbers_come_from_the_read_side() {
    let bench = bench();
    bench.made(json!({"url": "https://e.com", "slug": "a"})).await;
    bench.store.count(LinkId(1), "2026-11-20".parse().unwrap(), 7);
    let stats = bench.get("/stats?link=1&by=country").await.json();
    assert_eq!((&stats["clicks"], &stats["rows"][0]["value"]), (&json!(7), &json!("SE")));
    assert_eq!(bench.get("/ctr").await.json()["by"], "link");
    assert_eq!(bench.get("/misses?from=2026-11-21").await.json()["rows"][0]["slug"], "wp-login.php");
    assert_eq!(bench.get("/imports").await.json(), json!({"imports": [], "next": null}));
    assert_eq!(bench.api(Method::DELETE, "/imports/1", Value::Null).await.status, StatusCode::NO_CONTENT);
    assert_eq!(bench.get("/node").await.json()["time_zone"], "UTC");
}

#[tokio::test]
async fn clicks_are_streamed_as_a_download() {
    let answer = bench().get("/clicks?format=csv&verdict=all&from=2026-11-01&to=2026-11-21").await;
    assert_eq!(answer.headers["content-disposition"], "attachment; filename=\"clicks.csv\"");
    assert!(answer.body.starts_with("id,time,link"), "{}", answer.body);
}

#[tokio::test]
async fn nothing_but_health_is_told_without_the_key() {
    let bench = bench();
    for (path, status) in [
        ("/healthz", 200),
        ("/metrics", 401),
        ("/api/v1/links", 401),
        ("/api/v1/nothing", 401),
        ("/", 303),
        ("/links/1", 303),
    ] {
        let wrong = [("authorization", "Bearer wp_wrong")];
        assert_eq!(bench.browse(Method::GET, path, &wrong, "").await.status.as_u16(), status, "{path}");
    }
    let key = format!("bearer {KEY}");
    let metrics = bench.browse(Method::GET, "/metrics", &[("authorization", &key)], "").await;
    assert_eq!(metrics.body, "waypost_links_cached 0\n");
}

#[tokio::test]
async fn a_rebound_host_name_meets_a_closed_door() {
    let bench = bench();
    for host in ["evil.example", "localhost.evil.example:8081", ""] {
        let request = Request::builder().uri("/healthz").header("host", host).body(Body::empty()).unwrap();
        assert_eq!(bench.send(request).await.status, StatusCode::MISDIRECTED_REQUEST, "{host}");
    }
    let twice = Request::builder().uri("/healthz").header("host", "localhost").header("host", "localhost");
    assert_eq!(bench.send(twice.body(Body::empty()).unwrap()).await.status, StatusCode::MISDIRECTED_REQUEST);
}

#[tokio::test]
async fn every_answer_forbids_scripts_frames_and_caches() {
    let bench = bench();
    for path in ["/sign-in", "/healthz", "/nothing", "/api/v1/links"] {
        let headers = bench.browse(Method::GET, path, &[], "").await.headers;
        assert!(
            headers["content-security-policy"]
                .to_str()
                .unwrap()
                .starts_with("default-src 'none'; script-src 'self'; style-src 'self'")
        );
        assert_eq!(headers["x-content-type-options"], "nosniff");
        assert_eq!(headers["x-frame-options"], "DENY");
        assert_eq!(headers["cache-control"], "no-store", "{path}");
    }
}

#[tokio::test]
async fn who_signs_in_sees_pages_and_reads_the_api_until_signing_out() {
    let bench = bench();
    let own = ("sec-fetch-site", "same-origin");
    let wrong = bench.browse(Method::POST, "/sign-in", &[own], "key=wrong").await;
    assert_eq!((wrong.status, wrong.headers.contains_key("set-cookie")), (StatusCode::UNAUTHORIZED, false));
    let cookie = bench.signed_in().await;
    let cookie = ("cookie", cookie.as_str());
    assert_eq!(bench.browse(Method::GET, "/", &[cookie], "").await.status, StatusCode::OK);
    assert_eq!(bench.browse(Method::GET, "/api/v1/links", &[cookie], "").await.status, StatusCode::OK);
    assert_eq!(bench.browse(Method::POST, "/sign-out", &[cookie, own], "").await.status, StatusCode::SEE_OTHER);
    assert_eq!(bench.browse(Method::GET, "/", &[cookie], "").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn another_site_cannot_use_a_session() {
    let bench = bench();
    let cookie = bench.signed_in().await;
    for from in [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example"), ("x-nothing", "")] {
        let headers = [("cookie", cookie.as_str()), from];
        for path in ["/links", "/sign-out", "/api/v1/links"] {
            let answer = bench.browse(Method::POST, path, &headers, "url=https://e.com").await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path} {from:?}");
        }
        let headers = [from];
        let answer = bench.browse(Method::POST, "/sign-in", &headers, &format!("key={KEY}")).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "nobody is signed in by another site");
    }
}

#[tokio::test]
async fn the_dashboard_leads_from_nothing_to_a_link_with_clicks() {
    let bench = bench();
    let cookie = bench.signed_in().await;
    let headers = [("cookie", cookie.as_str()), ("sec-fetch-site", "same-origin")];
    let empty = bench.browse(Method::GET, "/", &headers, "").await;
    assert!(empty.body.contains("Make your first link"), "{}", empty.body);

    let refused = bench.browse(Method::POST, "/links", &headers, "url=ftp%3A%2F%2Fe.com&slug=kept").await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.body.contains("http:// and https:// only") && refused.body.contains("value=\"kept\""));

    let form = "url=https%3A%2F%2Fe.com&slug=a&domain=&source=instagram&medium=&campaign=&platform=instagram&level=story&posts=";
    let made = bench.browse(Method::POST, "/links", &headers, form).await;
    assert_eq!(made.headers["location"], "/links/1", "{}", made.body);
    bench.store.count(LinkId(1), "2026-11-20".parse().unwrap(), 1234);
    let page = bench.browse(Method::GET, "/links/1", &headers, "").await;
    for part in ["https://e.com/?utm_source=instagram", "1,234", "2026-11-20: 1,234 clicks", "SE"] {
        assert!(page.body.contains(part), "{part}: {}", page.body);
    }
    assert_eq!(bench.browse(Method::GET, "/links/9", &headers, "").await.status, StatusCode::NOT_FOUND);
    let style =
        page.body.split("href=\"").find(|part| part.starts_with("/assets/")).unwrap().split('"').next().unwrap();
    let style = bench.browse(Method::GET, style, &[], "").await;
    assert!(style.headers["cache-control"].to_str().unwrap().contains("immutable"));
}

#[tokio::test]
async fn what_strangers_wrote_is_text_on_a_page() {
    let bench = bench();
    let nasty = "<script>alert(1)</script>\"'>";
    bench.made(json!({"url": "https://e.com", "title": nasty, "tags": [nasty], "utm": {"source": nasty}, "posts": [nasty]})).await;
    let cookie = bench.signed_in().await;
    for path in ["/links", "/links/1", "/links/made?ids=1"] {
        let page = bench.browse(Method::GET, path, &[("cookie", &cookie)], "").await;
        assert!(page.body.contains("&lt;script&gt;"), "{path}");
        assert!(!page.body.contains("<script>") && !page.body.contains("style="), "{path}");
    }
}

#[tokio::test]
async fn a_browser_is_refused_with_a_page() {
    let bench = bench();
    let cookie = bench.signed_in().await;
    let own = [("cookie", cookie.as_str()), ("sec-fetch-site", "same-origin")];
    let foreign = [("cookie", cookie.as_str()), ("sec-fetch-site", "cross-site")];
    let large = format!("csv={}", "x".repeat(9 * 1024 * 1024));
    for (method, path, headers, form, status) in [
        (Method::POST, "/links", own, "url=https%3A%2F%2Fe.com&colour=red", 400),
        (Method::POST, "/links", own, large.as_str(), 413),
        (Method::POST, "/imports", own, large.as_str(), 413),
        (Method::POST, "/links/1/enabled", own, "enabled=perhaps", 400),
        (Method::POST, "/links/1/enabled", own, "enabled=false", 404),
        (Method::GET, "/links/1/enabled", own, "", 405),
        (Method::POST, "/links/1/remove", foreign, "", 403),
        (Method::POST, "/imports/1/undo", foreign, "", 403),
        (Method::GET, "/imports/1/undo", own, "", 404),
        (Method::GET, "/links/x", own, "", 404),
        (Method::GET, "/?colour=red", own, "", 400),
        (Method::GET, "/ctr?by=colour", own, "", 422),
    ] {
        let answer = bench.browse(method, path, &headers, form).await;
        assert_eq!(answer.status.as_u16(), status, "{path} {}", answer.body);
        assert!(answer.body.contains("<h1>"), "{path} {}", answer.body);
    }
    bench.store.is_down.store(true, Ordering::Relaxed);
    let down = bench.browse(Method::GET, "/", &own, "").await;
    assert_eq!((down.status, &down.headers["retry-after"]), (StatusCode::SERVICE_UNAVAILABLE, &"2".parse().unwrap()));
}
