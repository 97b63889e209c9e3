//! Every route there is, held against the table: the API's by its own description, the pages' by reading their source.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};

use super::*;
use crate::admin::Admin;
use crate::admin::api::openapi::DOCUMENT;
use crate::admin::tests::{Answer, Bench, KEY, bench};

/// What each route needs, said a second time, line by line, so that the table of rules is held against something. A new
/// route needs a line here.
const ROWS: &str = include_str!("routes.txt");

/// `GET /links/{id}`, and what it needs.
fn rows() -> BTreeMap<String, Need> {
    let lines = ROWS.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let row = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [need, method, path] = words[..] else { panic!("{line:?} is no row") };
        let scope = || Scope::ALL.into_iter().find(|scope| scope.as_str() == need).unwrap();
        let need = if need == "nothing" { Need::Nothing } else { Need::Scope(scope()) };
        (format!("{method} {path}"), need)
    };
    lines.map(row).collect()
}

/// Every route as `GET /links/{id}`.
pub(in crate::admin) fn routes() -> BTreeSet<String> {
    let mut routes = of_the_api();
    for file in rust_files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/admin")) {
        let text = std::fs::read_to_string(&file).unwrap();
        routes.extend(routes_of(text.split("\n#[cfg(test)]\nmod ").next().unwrap()));
    }
    routes
}

fn of_the_api() -> BTreeSet<String> {
    let document = serde_json::to_value(&*DOCUMENT).unwrap();
    let paths = document["paths"].as_object().unwrap();
    let of = |(path, operations): (&String, &serde_json::Value)| {
        let methods: Vec<String> = operations.as_object().unwrap().keys().map(|method| method.to_uppercase()).collect();
        methods.into_iter().map(|method| format!("{method} /api/v1{path}")).collect::<Vec<_>>()
    };
    paths.iter().flat_map(of).collect()
}

fn rust_files(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let of = |path: std::path::PathBuf| if path.is_dir() { rust_files(&path) } else { vec![path] };
    let is_code = |path: &std::path::PathBuf| {
        path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("tests.rs")
    };
    entries.flat_map(of).filter(is_code).collect()
}

/// Reads `.route("/path", get(a).post(b))` from formatted code.
fn routes_of(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    for part in code.split(".route(").skip(1) {
        let Some((path, handlers)) = part.trim_start().split_once(',') else { continue };
        let path = match path.trim_matches('"') {
            "asset.path()" => "/assets/{file}",
            path => path,
        };
        let end = handlers.split("\n        .").next().unwrap();
        for (name, method) in
            [("get", "GET"), ("post", "POST"), ("put", "PUT"), ("patch", "PATCH"), ("delete", "DELETE")]
        {
            if end.contains(&format!("{name}(")) {
                found.push(format!("{method} {path}"));
            }
        }
    }
    found
}

#[test]
fn every_route_has_a_row_and_needs_what_it_says() {
    let rows = rows();
    let known: BTreeSet<String> = rows.keys().cloned().collect();
    let missing: Vec<_> = routes().difference(&known).cloned().collect();
    let gone: Vec<_> = known.difference(&routes()).cloned().collect();
    assert!(missing.is_empty(), "give these routes a row in src/admin/access/routes.txt: {missing:#?}");
    assert!(gone.is_empty(), "these rows of src/admin/access/routes.txt are of no route: {gone:#?}");
    for (route, expected) in rows {
        let (method, path) = route.split_once(' ').unwrap();
        assert_eq!(need(&method.parse().unwrap(), path), expected, "{route}");
    }
}

/// Somebody who asks, by what they send, and the scopes they have.
struct Somebody {
    name: &'static str,
    header: (&'static str, String),
    may: Vec<Scope>,
}

/// Accounts of each role, keys of each scope, and keys and sessions that are good for nothing.
async fn everybody(admin: &Admin) -> Vec<Somebody> {
    let (access, now) = (&admin.access, admin.clock.now());
    let bearer = |key: &str| ("authorization", format!("Bearer {key}"));
    let mut all = vec![
        Somebody { name: "nobody", header: ("x-nothing", String::new()), may: Vec::new() },
        Somebody { name: "a wrong key", header: bearer("wpk_000000000000_x"), may: Vec::new() },
        Somebody { name: "a made-up session", header: ("cookie", "waypost_session=x.y".to_owned()), may: Vec::new() },
        Somebody { name: "the admin key", header: bearer(KEY), may: Scope::ALL.to_vec() },
    ];
    for scope in Scope::ALL {
        let wanted = Wanted { name: scope.as_str(), scopes: &[scope], expires_at: None, made_by: "" };
        let (_, _, key) = access.keys.make(&wanted, now).await.unwrap();
        let may = if scope == Scope::Admin { Scope::ALL.to_vec() } else { vec![scope] };
        all.push(Somebody { name: scope.as_str(), header: bearer(&key), may });
    }
    let wanted = Wanted { name: "gone", scopes: &[Scope::Admin], expires_at: None, made_by: "" };
    let (id, _, gone) = access.keys.make(&wanted, now).await.unwrap();
    access.keys.revoke(&id).await.unwrap();
    all.push(Somebody { name: "a revoked key", header: bearer(&gone), may: Vec::new() });
    all.extend(ended(access, now).await);
    let password = Password::generated().unwrap();
    for role in [Role::Owner, Role::Editor, Role::Viewer] {
        let account = access.accounts.add(role.as_str(), role, &password, now).await.unwrap();
        let may = Scope::ALL.into_iter().filter(|scope| role >= scope.role()).collect();
        all.push(Somebody { name: role.as_str(), header: ("account", account.id), may });
    }
    all
}

/// A key and sessions that were good once.
async fn ended(access: &Access, now: jiff::Timestamp) -> Vec<Somebody> {
    let ago = |hours: i64| now - jiff::SignedDuration::from_hours(hours);
    let wanted = Wanted { name: "over", scopes: &[Scope::Admin], expires_at: Some(now), made_by: "" };
    let (_, _, over) = access.keys.make(&wanted, ago(1)).await.unwrap();
    let header = ("authorization", format!("Bearer {over}"));
    let mut all = vec![Somebody { name: "a key that expired", header, may: Vec::new() }];
    let idle = access.accounts.add("idle", Role::Owner, &long(), now).await.unwrap();
    let removed = access.accounts.add("removed", Role::Owner, &long(), now).await.unwrap();
    for (name, holder, began) in [
        ("a session that nobody used for half a day", &idle, ago(12)),
        ("a session of somebody who was removed", &removed, now),
    ] {
        let session = access.sessions.start(&holder.id, "", began).await.unwrap();
        all.push(Somebody { name, header: ("cookie", format!("waypost_session={session}")), may: Vec::new() });
    }
    access.accounts.remove("removed").await.unwrap();
    all
}

fn long() -> Password {
    Password::new("four unrelated words here").unwrap()
}

/// What a request with nothing in it comes to. Each one of an account has a session of its own, since some end it.
async fn asked(bench: &Bench, method: &Method, path: &str, who: &Somebody) -> Answer {
    let (name, value) = match &who.header {
        ("account", id) => {
            let session = bench.admin.access.sessions.start(id, "", bench.admin.clock.now()).await.unwrap();
            ("cookie", format!("waypost_session={session}"))
        }
        (name, value) => (*name, value.clone()),
    };
    let request = Request::builder().method(method).uri(path).header("host", "localhost").header(name, value);
    bench.send(request.header("sec-fetch-site", "same-origin").body(Body::empty()).unwrap()).await
}

/// A route's path with something in each of its places.
fn filled(path: &str, id: &str, other: &str) -> String {
    let fill = |part| match part {
        "{id}" => id,
        part if part.starts_with('{') => other,
        part => part,
    };
    path.split('/').map(fill).collect::<Vec<_>>().join("/")
}

/// Whether the guard, and not a handler, said no.
fn is_refused(answer: &Answer) -> bool {
    let to_sign_in = answer.headers.get("location").is_some_and(|to| to.as_bytes().starts_with(b"/sign-in?to="));
    answer.status == StatusCode::UNAUTHORIZED
        || to_sign_in
        || answer.status == StatusCode::FORBIDDEN && answer.body.contains("needs the role")
        || answer.headers.get("location").is_some_and(|to| to == "/sign-in")
            && !answer.headers.contains_key("set-cookie")
}

#[tokio::test]
async fn each_route_lets_those_through_who_may_and_nobody_else() {
    let bench = bench();
    let everybody = everybody(&bench.admin).await;
    let mut questions = 0;
    for (route, need) in rows() {
        let (method, path) = route.split_once(' ').unwrap();
        let method: Method = method.parse().unwrap();
        let asked_path = filled(path, "999999", "x");
        for who in &everybody {
            let may = match need {
                Need::Nothing => true,
                Need::Scope(scope) => who.may.contains(&scope),
            };
            let answer = asked(&bench, &method, &asked_path, who).await;
            assert_eq!(is_refused(&answer), !may, "{} {route}: {} {}", who.name, answer.status, answer.body);
            assert!(answer.status.as_u16() < 500, "{} {route}: {} {}", who.name, answer.status, answer.body);
            questions += 1;
        }
    }
    assert!(questions > 500, "{questions}");
}

#[tokio::test]
async fn no_route_is_changed_from_another_site_with_a_session() {
    let bench = bench();
    let (access, now) = (&bench.admin.access, bench.admin.clock.now());
    let owner = access.accounts.add_first("ada", &Password::generated().unwrap(), now).await.unwrap();
    let session = access.sessions.start(&owner.id, "", now).await.unwrap();
    let changes: Vec<String> = routes().into_iter().filter(|route| !route.starts_with("GET ")).collect();
    assert!(changes.len() > 20, "{changes:?}");
    for route in changes {
        let (method, path) = route.split_once(' ').unwrap();
        for from in
            [("sec-fetch-site", "cross-site"), ("sec-fetch-site", "same-site"), ("origin", "https://evil.example")]
        {
            let request = Request::builder().method(method).uri(filled(path, "1", "ada"));
            let request = request.header("host", "localhost").header("cookie", format!("waypost_session={session}"));
            let answer = bench.send(request.header(from.0, from.1).body(Body::empty()).unwrap()).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{route} {from:?}");
            assert!(answer.body.contains("another site"), "{route}: {}", answer.body);
        }
    }
    assert_eq!(access.sessions.holder(&session, now).await.unwrap(), Some(owner.id.as_str()), "it is still there");
}

#[test]
fn routes_are_found_in_code() {
    let code = "    Router::new()\n        .route(\"/a\", get(x).post(y))\n        .route(asset.path(), get(style))\n        .route(\n            \"/b\",\n            put(z),\n        )";
    assert_eq!(routes_of(code), ["GET /a", "POST /a", "GET /assets/{file}", "PUT /b"]);
}
