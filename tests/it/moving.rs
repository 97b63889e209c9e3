//! Moving in and moving out: many links at once, links of other tools, and files that take everything along.

use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::http::{Answer, Request};

/// Sends a file of links.
fn move_in(app: &TestApp, query: &str, file: &str) -> Answer {
    app.api(Request::new("POST", &format!("/api/v1/links/import{query}")).body("text/csv", file.as_bytes()))
}

fn bulk(app: &TestApp, body: &Value) -> Answer {
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

const BITLY: &str = "Bitlink,Title,Long URL,Tags,Created,Total Clicks\n\
    go.example.com/Spring,Spring sale,https://example.com/a?utm_source=instagram,\"x, y\",2024-05-01 12:30:00,\"1,204\"\n\
    bit.ly/2AbCd,,https://example.com/b,,2024-06-01,8\n";

#[test]
fn links_of_another_tool_move_in_with_their_slugs_dates_tags_and_totals_kept_apart() {
    let app = TestApp::start();
    let foreseen = move_in(&app, "?dry_run=true", BITLY).expect_status(200).json();
    assert_eq!((foreseen["from"].as_str(), foreseen["made"].as_u64()), (Some("bitly"), Some(2)), "{foreseen}");
    assert_eq!(app.api_get("/api/v1/links").json()["links"], json!([]));

    let report = move_in(&app, "?file_name=bitly.csv", BITLY).expect_status(200).json();
    assert_eq!((report["import"].as_u64(), report["imported_clicks"].as_u64()), (Some(1), Some(1212)), "{report}");
    let link = app.link_by_slug("Spring");
    assert_eq!(link["imported"], json!({ "import": 1, "from": "bitly", "clicks": 1204 }));
    assert_eq!((link["clicks"].as_u64(), link["created_at"].as_str()), (Some(0), Some("2024-05-01T12:30:00Z")));
    assert_eq!(
        (&link["slug"], &link["tags"], &link["title"]),
        (&json!("Spring"), &json!(["x", "y"]), &json!("Spring sale"))
    );
    assert_eq!(link["utm"], json!({ "source": "instagram" }));
    assert_eq!(app.click("/2AbCd").send().header("location"), Some("https://example.com/b"));
    let sums = app.api_get("/api/v1/stats").expect_status(200).json();
    assert!(sums["clicks"].as_u64().unwrap() <= 1, "what Bitly counted is in no sum: {sums}");
    assert!(app.cli(&["link", "show", "spring"]).ok().contains("1,204 clicks, as bitly had counted them (import 1)"));
}

#[test]
fn a_second_import_of_the_same_links_changes_nothing_and_an_undo_takes_them_all_away() {
    let app = TestApp::start();
    app.link("https://example.com/mine", &[("slug", "mine")]);
    move_in(&app, "", BITLY).expect_status(200);
    let before = app.api_get("/api/v1/links").json();
    let again = move_in(&app, "", BITLY).expect_status(200).json();
    assert_eq!((again["made"].as_u64(), again["there"].as_u64(), &again["import"]), (Some(0), Some(2), &Value::Null));
    assert_eq!(app.api_get("/api/v1/links").json(), before);
    let list = app.api_get("/api/v1/links/import").json();
    assert_eq!((list["imports"].as_array().unwrap().len(), &list["imports"][0]["made"]), (1, &json!(2)), "{list}");

    assert_eq!(app.api_delete("/api/v1/links/import/1").expect_status(200).json()["removed"], 2);
    assert_eq!(app.click("/spring").send().status, 404);
    assert_eq!(app.click("/mine").send().status, 302);
    app.api_delete("/api/v1/links/import/1").expect_status(404);
    assert_eq!(app.api_get("/api/v1/links/import").json()["imports"], json!([]));
    assert_eq!(move_in(&app, "", BITLY).expect_status(200).json()["made"], 2, "an undone import can be made again");
}

#[test]
fn links_that_cannot_move_are_named_with_their_rows_and_keep_the_others_out_unless_they_are_skipped() {
    let app = TestApp::start();
    app.link("https://example.com/mine", &[("slug", "mine")]);
    let file = "slug,url,password\nfine,https://example.com/1,\nadmin/x,https://example.com/2,\n\
        bad,javascript:alert(1),\nmine,https://example.com/other,\nsecret,https://example.com/3,true\n\
        Case,https://example.com/4,\ncase,https://example.com/5,\ntwice,https://example.com/6,\n\
        twice,https://example.com/6,\n";
    let refused = move_in(&app, "", file).expect_status(422).json();
    let rows: Vec<_> = refused["errors"].as_array().unwrap().iter().map(|row| row["row"].as_u64().unwrap()).collect();
    assert_eq!(rows, [3, 4, 5, 6, 7, 8], "{refused}");
    let says = |at: usize, words: &str| {
        let message = refused["errors"][at]["message"].as_str().unwrap();
        assert!(message.contains(words), "{message}");
    };
    says(0, "reserved");
    says(1, "scheme");
    says(2, "link 1 is at this slug");
    says(3, "password");
    says(4, "strict");
    assert_eq!(app.api_get("/api/v1/links").json()["links"].as_array().unwrap().len(), 1, "all or nothing");

    let report = move_in(&app, "?skip_refused=true", file).expect_status(200).json();
    assert_eq!((report["made"].as_u64(), report["refused"].as_u64()), (Some(2), Some(6)), "{report}");
    for (path, status) in [("/fine", 302), ("/twice", 302), ("/case", 404), ("/secret", 404)] {
        assert_eq!(app.click(path).send().status, status, "{path}");
    }
}

#[test]
fn a_domain_that_tells_case_takes_both_of_two_slugs_that_differ_in_nothing_else() {
    let app =
        TestApp::with_config("domains = [{ host = \"go.example.com\" }, { host = \"s.example\", slugs = \"strict\" }]");
    let file = "link,long_url\nhttps://bit.ly/Case,https://example.com/1\nhttps://bit.ly/case,https://example.com/2\n";
    move_in(&app, "", file).expect_status(422);
    let report = move_in(&app, "?domain=s.example", file).expect_status(200).json();
    assert_eq!(report["hosts"], json!([{ "host": "bit.ly", "links": 2, "to": "s.example" }]), "{report}");
    for (path, location) in [("/Case", "https://example.com/1"), ("/case", "https://example.com/2")] {
        assert_eq!(app.click(path).host("s.example").send().header("location"), Some(location));
    }
    move_in(&app, "?domain=elsewhere.example", file).expect_status(422);
    move_in(&app, "?from=goo.gl", file).expect_status(422);
}

#[test]
fn json_of_each_tool_is_read_as_it_comes() {
    let app = TestApp::start();
    for (from, file, slug, clicks) in [
        (
            "shlink",
            r#"{"shortUrls":{"data":[{"shortCode":"sh","shortUrl":"https://s.e/sh","longUrl":"https://example.com/sh",
            "dateCreated":"2024-05-01T12:30:00+02:00","visitsSummary":{"total":9,"nonBots":7,"bots":2},"tags":["t"],
            "meta":{"validSince":null,"validUntil":null,"maxVisits":null},"domain":null,"title":null}],
            "pagination":{"currentPage":1}}}"#,
            "sh",
            json!(7),
        ),
        (
            "kutt",
            r#"{"data":[{"id":"u","address":"ku","banned":false,"created_at":"2024-05-01T12:30:00.000Z","password":false,
            "target":"https://example.com/ku","visit_count":5,"link":"https://kutt.it/ku"}],"limit":10,"total":1}"#,
            "ku",
            json!(5),
        ),
        (
            "sink",
            r#"{"links":[{"id":"x","url":"https://example.com/si","slug":"si","comment":"c","createdAt":1714566600,
            "updatedAt":1714566600}]}"#,
            "si",
            Value::Null,
        ),
        (
            "chhoto",
            r#"[{"shortlink":"ch","longlink":"https://example.com/ch","hits":3,"expiry_time":0}]"#,
            "ch",
            json!(3),
        ),
        (
            "rebrandly",
            r#"[{"id":"f","title":"T","slashtag":"re","destination":"https://example.com/re","shortUrl":"r.ly/re",
            "domain":{"id":"8","fullName":"r.ly"},"clicks":42,"status":"active"}]"#,
            "re",
            json!(42),
        ),
        (
            "yourls",
            r#"{"links":{"link_1":{"shorturl":"https://y.e/yo","url":"https://example.com/yo","title":"T",
            "timestamp":"2024-05-01 12:30:00","ip":"::1","clicks":"6"}},"stats":{"total_links":"1"}}"#,
            "yo",
            json!(6),
        ),
        (
            "short.io",
            r#"{"links":[{"originalURL":"https://example.com/so","path":"so","shortURL":"https://s.e/so",
            "createdAt":"2024-05-01T12:30:00.000Z","tags":[],"archived":false}]}"#,
            "so",
            Value::Null,
        ),
        (
            "dub",
            "{\"id\":\"l\",\"domain\":\"dub.sh\",\"key\":\"du\",\"url\":\"https://example.com/du\",\"shortLink\":\"https://dub.sh/du\",\"tags\":[{\"id\":\"1\",\"name\":\"t\"}],\"clicks\":2}\n",
            "du",
            json!(2),
        ),
    ] {
        let report = move_in(&app, "", file).expect_status(200).json();
        assert_eq!((report["from"].as_str(), report["made"].as_u64()), (Some(from), Some(1)), "{report}");
        let link = app.link_by_slug(slug);
        assert_eq!((&link["imported"]["clicks"], link["imported"]["from"].as_str()), (&clicks, Some(from)), "{link}");
        assert_eq!(
            app.click(&format!("/{slug}")).send().header("location"),
            Some(&*format!("https://example.com/{slug}"))
        );
    }
}

#[test]
fn a_hundred_thousand_links_move_in_at_once_and_out_again() {
    let app = TestApp::start();
    let count = crate::support::size(20_000, 100_000);
    let mut file = "short_url,long_url,clicks\n".to_owned();
    for n in 0..count {
        file.push_str(&format!("https://bit.ly/l{n},https://example.com/page/{n}?a=b,{n}\n"));
    }
    let begun = std::time::Instant::now();
    let report = move_in(&app, "", &file).expect_status(200).json();
    crate::support::figure("links", "moved in per second", count as f64 / begun.elapsed().as_secs_f64());
    assert_eq!(report["made"].as_u64(), Some(count as u64), "{}", report["refusals"]);
    assert_eq!(app.click(&format!("/l{}", count - 1)).send().status, 302);
    assert_eq!(
        app.api_delete("/api/v1/links/import/1").expect_status(200).json()["removed"].as_u64(),
        Some(count as u64)
    );
    assert_eq!(app.click("/l0").send().status, 404);
}

/// The links of a server without what a new server gives anew.
fn links_of(app: &TestApp) -> Vec<Value> {
    let mut links =
        app.api_get("/api/v1/links?limit=1000").expect_status(200).json()["links"].as_array().unwrap().clone();
    for link in &mut links {
        let link = link.as_object_mut().unwrap();
        for own in ["id", "revision", "updated_at", "short_url", "imported", "warnings"] {
            link.remove(own);
        }
    }
    links.sort_by_key(|link| link["slug"].to_string());
    links
}

#[test]
fn what_is_exported_makes_the_same_links_on_an_empty_server() {
    let app = TestApp::start();
    app.api_post("/api/v1/links", &json!({ "url": "https://example.com/a?b=1&utm_medium=x#f", "slug": "Spring/2026",
        "title": "=HYPERLINK(\"x\"), and more", "tags": ["a, b", "'-c", "d|e"], "utm": { "source": "instagram", "campaign": "v\u{e5}r" },
        "platform": "instagram", "level": "story", "posts": ["https://www.instagram.com/p/x/", "17,2"], "status": 307,
        "passthrough": false, "visitor_utm": true, "expires_at": "2030-01-01T00:00:00Z", "expired_url": "https://example.com/gone" }))
        .expect_status(201);
    app.api_post("/api/v1/links", &json!({ "url": "https://example.com/off", "slug": "off", "enabled": false }))
        .expect_status(201);
    for (format, query) in [("csv", ""), ("jsonl", "?from=waypost")] {
        let file = app.api_get(&format!("/api/v1/links/export?format={format}")).expect_status(200);
        assert!(!file.text().contains("\"=HYPERLINK") || format == "jsonl", "no cell may run: {}", file.text());
        let other = TestApp::start();
        let report = move_in(&other, query, &file.text()).expect_status(200).json();
        assert_eq!((report["from"].as_str(), report["made"].as_u64()), (Some("waypost"), Some(2)), "{report}");
        assert_eq!(links_of(&other), links_of(&app), "{format}");
    }
    let folder = app.path("links.parquet");
    app.cli(&["export", "links", "-o", folder.to_str().unwrap()]).ok();
    assert!(std::fs::read(&folder).unwrap().starts_with(b"PAR1"));
    app.api_get("/api/v1/links/export?format=xlsx").expect_status(422);
}

#[test]
fn clicks_that_carry_ids_of_ads_are_written_as_each_platform_takes_them() {
    let app = TestApp::start();
    app.link(
        "https://example.com/",
        &[("slug", "ad"), ("utm.source", "google"), ("utm.medium", "cpc"), ("utm.id", "7")],
    );
    for (visitor, query) in [(1, "?gclid=Cj0K"), (2, "?msclkid=f894&gbraid=0AAA"), (3, "?fbclid=IwAR-1"), (4, "")] {
        app.click(&format!("/ad{query}")).visitor(visitor).send();
    }
    app.click("/ad?gclid=bot").agent("curl/8.0").visitor(5).send();
    app.eventually_clicks("ad", 4);
    let file = |what: &str| app.api_get(&format!("/api/v1/clicks/upload?for={what}")).expect_status(200).text();
    // A click is counted a moment before exports have it.
    app.eventually("exports have the clicks", || file("ga4").trim_end().ends_with(",4"));
    let google = file("google-ads&name=Sale&value=1.50&currency=EUR");
    let lines: Vec<&str> = google.lines().collect();
    assert_eq!(
        lines[..2],
        [
            "Parameters:TimeZone=+0000",
            "Google Click ID,GBRAID,WBRAID,Conversion Name,Conversion Time,Conversion Value,Conversion Currency"
        ]
    );
    assert_eq!(lines.len(), 4, "{google}");
    assert!(
        google.contains("\nCj0K,,,Sale,2") && google.contains("\n,0AAA,,Sale,2") && google.contains(",1.50,EUR"),
        "{google}"
    );
    let microsoft = file("microsoft-ads");
    assert!(microsoft.contains("\nf894,Link click,2") && microsoft.lines().count() == 3, "{microsoft}");
    let meta = file("meta");
    assert!(meta.contains("\nfb.1.1") && meta.contains(".IwAR-1,Link click,1"), "{meta}");
    let analytics = file("ga4");
    assert!(analytics.lines().nth(1).unwrap().ends_with(",4") && analytics.contains("7,google,cpc,,2"), "{analytics}");
    for wrong in ["google", "meta&value=1", "meta&value=1e5&currency=EUR", "meta&value=1&currency=eur"] {
        app.api_get(&format!("/api/v1/clicks/upload?for={wrong}")).expect_status(422);
    }
    assert!(app.cli(&["export", "upload", "meta"]).ok().starts_with("fbc,event_name,event_time,value,currency"));
}

/// Sends a request that makes something under an idempotency key.
fn once(app: &TestApp, key: &str, path: &str, body: &Value) -> Answer {
    app.api(Request::new("POST", path).json(body).header("Idempotency-Key", key))
}

#[test]
fn a_request_under_an_idempotency_key_is_done_once_and_gets_its_first_answer_again() {
    let mut app = TestApp::start();
    let body = json!({ "url": "https://example.com/a" });
    let first = once(&app, "k1", "/api/v1/links", &body).expect_status(201);
    assert_eq!(first.header("idempotency-replayed"), None);
    app.restart();
    let again = once(&app, "k1", "/api/v1/links", &body).expect_status(201);
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!((again.json(), again.header("location")), (first.json(), first.header("location")));
    assert_eq!(again.header("etag"), Some("\"1\""));
    assert_eq!(app.api_get("/api/v1/links").json()["links"].as_array().unwrap().len(), 1);

    once(&app, "k1", "/api/v1/links", &json!({ "url": "https://example.com/b" })).expect_status(422);
    once(&app, "k1", "/api/v1/links/bulk", &body).expect_status(422);
    once(&app, "k2", "/api/v1/links", &body).expect_status(201);
    once(&app, "", "/api/v1/links", &body).expect_status(400);
}

#[test]
fn an_answer_that_tells_a_secret_is_not_kept_for_a_second_request() {
    let app = TestApp::start();
    let body = json!({ "name": "deploys", "scopes": ["read"] });
    once(&app, "k", "/api/v1/keys", &body).expect_status(201);
    once(&app, "k", "/api/v1/keys", &body).expect_status(409);
    assert_eq!(app.api_get("/api/v1/keys").json()["keys"].as_array().unwrap().len(), 1);
}

#[test]
fn a_refused_request_is_not_kept_and_a_large_answer_is() {
    let app = TestApp::start();
    once(&app, "k", "/api/v1/links", &json!({ "url": "no url" })).expect_status(422);
    once(&app, "k", "/api/v1/links", &json!({ "url": "https://example.com/" })).expect_status(201);
    let link =
        |n: usize| json!({ "url": format!("https://example.com/{n}?{}", "x".repeat(n)), "tags": [format!("t{n}")] });
    let links = json!({ "links": (0..1000).map(link).collect::<Vec<_>>() });
    let first = once(&app, "bulk", "/api/v1/links/bulk", &links).expect_status(200).json();
    let again = once(&app, "bulk", "/api/v1/links/bulk", &links).expect_status(200).json();
    assert!(first == again && first["done"] == 1000);
    let page = app.api_get("/api/v1/links?limit=1000").json();
    let rest = app.api_get(&format!("/api/v1/links?after={}", page["next"].as_str().unwrap())).json();
    assert_eq!((rest["links"].as_array().unwrap().len(), &rest["next"]), (1, &Value::Null), "1001 links, and not 2001");
}

#[test]
fn of_one_request_sent_by_many_at_once_one_is_done() {
    let app = TestApp::start();
    let body = json!({ "url": "https://example.com/a" });
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let send = || once(&app, "k", "/api/v1/links", &body).status;
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(send)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(statuses.contains(&201) && statuses.iter().all(|status| [201, 409].contains(status)), "{statuses:?}");
    assert_eq!(app.api_get("/api/v1/links").json()["links"].as_array().unwrap().len(), 1);
}

#[test]
fn a_link_is_changed_and_removed_only_in_the_revision_that_is_named() {
    let app = TestApp::start();
    app.link("https://example.com/", &[("slug", "a")]);
    let request = |method: &str, name: &str, tag: &str| {
        let request = Request::new(method, "/api/v1/links/1").header(name, tag);
        app.api(if method == "PATCH" { request.json(&json!({ "title": tag })) } else { request })
    };
    assert_eq!(app.api_get("/api/v1/links/1").header("etag"), Some("\"1\""));
    assert_eq!(request("GET", "If-None-Match", "\"1\"").status, 304);
    assert_eq!(request("PATCH", "If-Match", "\"1\"").expect_status(200).header("etag"), Some("\"2\""));
    assert_eq!(request("GET", "If-None-Match", "\"1\"").status, 200);
    for method in ["PATCH", "DELETE"] {
        request(method, "If-Match", "\"1\"").expect_status(412);
    }
    request("PATCH", "If-Match", "*").expect_status(200);
    request("DELETE", "If-Match", "\"3\"").expect_status(204);
    app.api_get("/api/v1/links/1").expect_status(404);
}

/// Sends the form of the page as a browser does, with a chosen file or with pasted text.
fn bring(app: &TestApp, path: &str, fields: &[(&str, &str)]) -> Answer {
    let field = |(name, value): &(&str, &str)| {
        let file = if *name == "file" { "; filename=\"bitly.csv\"" } else { "" };
        format!("--edge\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n{value}\r\n")
    };
    let body = fields.iter().map(field).collect::<String>() + "--edge--\r\n";
    app.api(Request::new("POST", path).body("multipart/form-data; boundary=edge", body.as_bytes()))
}

#[test]
fn the_page_checks_a_file_before_it_imports_it_and_takes_it_back_after_a_question() {
    let app = TestApp::start();
    let file = format!("{BITLY}go.example.com/admin,,https://example.com/x,,,3\n");
    let wrong = bring(&app, "/links/import", &[("file", &file)]).expect_status(422).text();
    assert!(wrong.contains("Nothing was imported"), "{wrong}");
    let checked =
        bring(&app, "/links/import/check", &[("file", &file), ("skip_refused", "true")]).expect_status(200).text();
    for words in ["What an import would do", "Import 2 links", "1 link cannot come along", "Spring sale", "1,212"] {
        assert!(checked.contains(words), "{words}: {checked}");
    }
    assert_eq!(app.api_get("/api/v1/links").json()["links"], json!([]));
    let fields = [("file_name", "bitly.csv"), ("text", &*file), ("skip_refused", "true")];
    let done = bring(&app, "/links/import", &fields).expect_status(200).text();
    assert!(done.contains("2 links imported") && done.contains("bitly.csv"), "{done}");
    let link = app.link_by_slug("spring");
    assert!(app.api_get(&format!("/links/{}", link["id"])).text().contains("1,204 clicks, as bitly counted them"));
    assert!(app.api_get("/links/import/1/undo").text().contains("Its 2 links are removed"));
    app.api(Request::new("POST", "/links/import/1/undo")).expect_status(303);
    assert_eq!(app.api_get("/api/v1/links").json()["links"], json!([]));
    bring(&app, "/links/import/check", &[("text", "")]).expect_status(422);
}
