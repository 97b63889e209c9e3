//! What a visitor gets: status, Location, headers, for every kind of link and request.

use serde_json::json;

use crate::support::app::TestApp;

#[test]
fn a_click_is_a_302_that_nobody_may_cache_or_index() {
    let app = TestApp::start();
    app.link("https://example.com/a?b=1#top", &[("slug", "Spring"), ("utm.source", "instagram")]);
    for path in ["/Spring", "/spring", "/SPRING/"] {
        let answer = app.click(path).send().expect_status(302);
        assert_eq!(answer.location(), "https://example.com/a?b=1&utm_source=instagram#top");
        assert_eq!(answer.header("cache-control"), Some("private, no-store"));
        assert_eq!(answer.header("x-robots-tag"), Some("noindex"));
        assert!(answer.body.is_empty());
    }
}

#[test]
fn head_is_answered_like_get_and_is_no_click() {
    let app = TestApp::start();
    app.link("https://example.com/", &[("slug", "x")]);
    let get = app.click("/x").send();
    let head = app.click("/x").method("HEAD").send();
    assert_eq!((get.status, get.location()), (head.status, head.location()));
    app.eventually_clicks("x", 1);
    app.eventually("the HEAD is seen", || app.stats("x")["verdicts"]["head"] == 1);
}

#[test]
fn each_status_is_as_the_link_says_and_a_permanent_one_is_cached_for_a_short_while_only() {
    let app = TestApp::start();
    for status in [301, 302, 307, 308] {
        let slug = format!("s{status}");
        let body = json!({ "url": "https://example.com/", "slug": slug, "status": status });
        let made = app.api_post("/api/v1/links", &body).expect_status(201).json();
        let is_permanent = status == 301 || status == 308;
        assert_eq!(made.get("warnings").is_some(), is_permanent, "{made}");
        let answer = app.click(&format!("/{slug}")).send();
        assert_eq!(answer.status, status);
        let cache = if is_permanent { "private, max-age=90" } else { "private, no-store" };
        assert_eq!(answer.header("cache-control"), Some(cache));
    }
}

#[test]
fn a_visitors_query_reaches_the_destination_and_changes_nothing_the_link_sets() {
    let app = TestApp::start();
    app.link("https://example.com/p?a=1#f", &[("slug", "q"), ("utm.source", "x"), ("utm.medium", "social")]);
    let leads_to = |query: &str| app.click(&format!("/q?{query}")).send().expect_status(302).location().to_owned();
    let base = "https://example.com/p?a=1&utm_source=x&utm_medium=social";
    assert_eq!(leads_to("fbclid=AbC"), format!("{base}&fbclid=AbC#f"));
    assert_eq!(leads_to("utm_source=evil&a=2"), format!("{base}#f"));
    assert_eq!(leads_to("emptyquery&b=1&b=2"), format!("{base}&emptyquery&b=1&b=2#f"));
    assert_eq!(leads_to("x=%0d%0aSet-Cookie:%20a=b"), format!("{base}&x=%0d%0aSet-Cookie:%20a=b#f"));
    assert_eq!(leads_to("redir_url=https://evil.example/"), format!("{base}&redir_url=https://evil.example/#f"));
    assert_eq!(leads_to("wp-no-track"), format!("{base}#f"));

    let own = json!({ "url": "https://example.com/", "slug": "own", "passthrough": false });
    app.api_post("/api/v1/links", &own).expect_status(201);
    assert_eq!(app.click("/own?fbclid=1").send().location(), "https://example.com/");
    let theirs =
        json!({ "url": "https://example.com/", "slug": "theirs", "visitor_utm": true, "utm": { "source": "x" } });
    app.api_post("/api/v1/links", &theirs).expect_status(201);
    assert_eq!(app.click("/theirs?utm_source=y").send().location(), "https://example.com/?utm_source=y");
}

#[test]
fn unknown_disabled_and_expired_links_answer_404_404_and_410_or_lead_elsewhere() {
    let app = TestApp::start();
    let past = "2020-01-01T00:00:00Z";
    app.link("https://example.com/", &[("slug", "gone"), ("expires_at", past)]);
    app.link(
        "https://example.com/",
        &[("slug", "moved"), ("expires_at", past), ("expired_url", "https://example.org/")],
    );
    let off = json!({ "url": "https://example.com/", "slug": "off", "enabled": false });
    app.api_post("/api/v1/links", &off).expect_status(201);
    assert_eq!(app.click("/nothing").send().status, 404);
    assert_eq!(app.click("/off").send().status, 404);
    assert_eq!(app.click("/gone").send().status, 410);
    assert_eq!(app.click("/moved").send().expect_status(302).location(), "https://example.org/");
    app.eventually("misses are counted", || {
        let rows = app.api_get("/api/v1/misses").expect_status(200).json()["rows"].clone();
        rows.as_array().is_some_and(|rows| rows.len() == 4 && rows.iter().all(|row| row["count"] == 1))
    });
    assert_eq!(app.clicks("gone") + app.clicks("moved") + app.clicks("off"), 0);
}

#[test]
fn an_edited_or_removed_link_is_so_for_the_very_next_click() {
    let app = TestApp::start();
    let id = app.link("https://example.com/1", &[("slug", "e")])["id"].clone();
    assert_eq!(app.click("/e").send().location(), "https://example.com/1");
    let path = format!("/api/v1/links/{id}");
    app.api_patch(&path, &json!({ "url": "https://example.com/2" })).expect_status(200);
    assert_eq!(app.click("/e").send().location(), "https://example.com/2");
    app.api_patch(&path, &json!({ "slug": "f" })).expect_status(200);
    assert_eq!((app.click("/e").send().status, app.click("/f").send().status), (404, 302));
    app.api_delete(&path).expect_status(204);
    assert_eq!(app.click("/f").send().status, 404);
    app.link("https://example.com/3", &[("slug", "f")]);
    assert_eq!(app.click("/f").send().location(), "https://example.com/3");
}

#[test]
fn robots_may_fetch_everything_and_icons_and_well_known_paths_are_nobodys_link() {
    let app = TestApp::start();
    let robots = app.click("/robots.txt").send().expect_status(200);
    assert_eq!(robots.text(), "User-agent: *\nAllow: /\n");
    for path in ["/favicon.ico", "/.well-known/security.txt", "/apple-touch-icon-precomposed.png"] {
        assert_eq!(app.click(path).send().status, 404, "{path}");
    }
    app.click("/really-unknown").send().expect_status(404);
    app.eventually("one miss is counted", || {
        let rows = app.api_get("/api/v1/misses").json()["rows"].clone();
        rows.as_array().is_some_and(|rows| rows.len() == 1 && rows[0]["slug"] == "really-unknown")
    });
}

#[test]
fn slugs_of_any_script_with_slashes_and_escapes_are_found() {
    let app = TestApp::start();
    app.link("https://example.com/1", &[("slug", "Fika/Å")]);
    app.link("https://example.com/2", &[("slug", "봄")]);
    assert_eq!(app.click("/fika/%C3%A5").send().location(), "https://example.com/1");
    assert_eq!(app.click("/FIKA/%c3%85/").send().location(), "https://example.com/1");
    assert_eq!(app.click("/%EB%B4%84").send().location(), "https://example.com/2");
    for path in ["/%ff", "/fika%2F..%2Fx", "/%25EB%25B4%2584", "/fika//%C3%A5"] {
        assert_eq!(app.click(path).send().status, 404, "{path}");
    }
}

#[test]
fn several_domains_have_their_own_slugs_and_their_own_sense_of_case_and_other_hosts_get_421() {
    let app = TestApp::with_config(
        "domains = [{ host = \"go.example.com\" }, { host = \"strict.example.com\", slugs = \"strict\" }]\n",
    );
    app.link("https://example.org/1", &[("slug", "a")]);
    app.link("https://example.org/2", &[("slug", "a"), ("domain", "strict.example.com")]);
    app.link("https://example.org/3", &[("slug", "A"), ("domain", "strict.example.com")]);
    let leads_to = |host: &str, path: &str| app.click(path).host(host).send().expect_status(302).location().to_owned();
    assert_eq!(leads_to("GO.example.com:80", "/A"), "https://example.org/1");
    assert_eq!(leads_to("strict.example.com", "/a"), "https://example.org/2");
    assert_eq!(leads_to("strict.example.com.", "/A"), "https://example.org/3");
    assert_eq!(app.click("/a").host("evil.example").send().status, 421);
    let own = app.api_post("/api/v1/links", &json!({ "url": "https://strict.example.com/x" })).expect_status(422);
    assert_eq!(own.json()["field"], "url");
}
