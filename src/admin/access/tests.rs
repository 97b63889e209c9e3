//! Every route there is, held against the table: the API's by its own description, the pages' by reading their source.

use std::collections::BTreeSet;
use std::path::Path;

use axum::http::Method;

use super::*;
use crate::admin::api::openapi::DOCUMENT;

/// What everybody may ask. Each line is a decision.
const OPEN: [&str; 8] = [
    "GET /healthz",
    "GET /api",
    "GET /api/openapi.json",
    "GET /assets/{file}",
    "GET /sign-in",
    "POST /sign-in",
    "GET /share/{token}",
    "GET /set-up",
];

/// What whoever may look may also send: it changes nothing but their own.
const ONES_OWN: [&str; 1] = ["POST /sign-out"];

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
    entries.flat_map(of).filter(|path| path.extension().is_some_and(|extension| extension == "rs")).collect()
}

/// Reads `.route("/path", get(a).post(b))` from formatted code.
fn routes_of(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    for part in code.split(".route(").skip(1) {
        let Some((path, handlers)) = part.trim_start().split_once(',') else { continue };
        let path = match path.trim_matches('"') {
            "&STYLE_PATH" => "/assets/{file}",
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
fn no_route_is_open_unless_it_is_meant_to_be_and_none_changes_anything_for_viewers() {
    let routes = routes();
    assert!(routes.contains("POST /links/{id}/edit") && routes.contains("PATCH /api/v1/links/{id}"), "{routes:?}");
    assert!(routes.len() > 50, "{} routes", routes.len());
    for route in &routes {
        let (method, path) = route.split_once(' ').unwrap();
        let method: Method = method.parse().unwrap();
        match need(&method, path) {
            Need::Nothing => assert!(OPEN.contains(&route.as_str()), "{route} is open to everybody"),
            Need::Scope(Scope::Read) if !is_safe(&method) => {
                assert!(ONES_OWN.contains(&route.as_str()), "{route} is open to viewers");
            }
            Need::Scope(_) => assert!(!OPEN.contains(&route.as_str()), "{route} is closed"),
        }
    }
}

#[test]
fn routes_are_found_in_code() {
    let code = "    Router::new()\n        .route(\"/a\", get(x).post(y))\n        .route(&STYLE_PATH, get(style))\n        .route(\n            \"/b\",\n            put(z),\n        )";
    assert_eq!(routes_of(code), ["GET /a", "POST /a", "GET /assets/{file}", "PUT /b"]);
}
