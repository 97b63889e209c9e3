//! The API against its own description: whatever is sent to an operation, no answer is a failure of ours and every
//! answer has the shape that is promised.
//!
//! Values are drawn from a generator with a fixed seed, so that a failure comes again; its message names the request.

use serde_json::{Value, json};

use crate::support::agents;
use crate::support::app::TestApp;
use crate::support::http::{Answer, Request};

/// Requests sent to each operation.
const CASES: u32 = if cfg!(debug_assertions) { 60 } else { 200 };

/// What people and programs put into a parameter or a field, most of it wrong.
const TEXTS: [&str; 22] = [
    "",
    "0",
    "1",
    "2",
    "-1",
    "18446744073709551616",
    "1.5",
    "true",
    "null",
    "2026-11-21",
    "2026-13-45",
    "day",
    "country",
    "human",
    "Europe/Stockholm",
    "https://example.com/a?b=c#d",
    "javascript:alert(1)",
    "\u{0}",
    "\u{202e}\u{1f600}e\u{301}",
    "=cmd|' /C calc'!A0",
    "../../etc/passwd",
    "' OR 1=1 --",
];

/// A small generator (PCG's multiplier): the same numbers on every machine.
struct Draw(u64);

impl Draw {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % end as u64) as usize
    }

    fn text(&mut self) -> String {
        match self.below(TEXTS.len() + 1) {
            at if at < TEXTS.len() => TEXTS[at].to_owned(),
            _ => "long ".repeat(2_000),
        }
    }

    fn value(&mut self) -> Value {
        match self.below(9) {
            0 => Value::Null,
            1 => json!(true),
            2 => json!(-1),
            3 => json!(302),
            4 => json!(1e300),
            5 => json!([self.text(), self.text()]),
            6 => json!({ "source": self.text(), "x": {} }),
            _ => json!(self.text()),
        }
    }
}

struct Described {
    document: Value,
}

impl Described {
    /// Operations as (method, path, what is said of it).
    fn operations(&self) -> Vec<(String, String, Value)> {
        let paths = self.document["paths"].as_object().unwrap();
        let of = |(path, methods): (&String, &Value)| {
            let methods = methods.as_object().unwrap().clone();
            let path = path.clone();
            methods
                .into_iter()
                .map(move |(method, said)| (method.to_uppercase(), path.clone(), said))
                .collect::<Vec<_>>()
        };
        paths.iter().flat_map(of).collect()
    }

    fn resolve<'a>(&'a self, schema: &'a Value) -> &'a Value {
        match schema["$ref"].as_str() {
            Some(path) => self.document.pointer(&path[1..]).unwrap(),
            None => schema,
        }
    }

    fn request(&self, (method, path, said): &(String, String, Value), draw: &mut Draw) -> Request {
        let mut target = format!("/api/v1{path}");
        let mut query = Vec::new();
        for parameter in said["parameters"].as_array().into_iter().flatten() {
            let name = parameter["name"].as_str().unwrap();
            let value = encoded(&draw.text());
            if parameter["in"] == "path" {
                let value = if value.is_empty() { "1".to_owned() } else { value };
                target = target.replace(&format!("{{{name}}}"), &value);
            } else if draw.below(3) == 0 {
                query.push(format!("{name}={value}"));
            }
        }
        if !query.is_empty() {
            target = format!("{target}?{}", query.join("&"));
        }
        let request = Request::new(method, &target);
        let Some(content) = said["requestBody"]["content"].as_object() else { return request };
        let (media, body) = content.iter().next().unwrap();
        match media.as_str() {
            "application/json" => request.json(&self.body(&body["schema"], draw)),
            media => request.body(media, draw.text().as_bytes()),
        }
    }

    /// A body with some of the fields that the operation knows, and sometimes something else entirely.
    fn body(&self, schema: &Value, draw: &mut Draw) -> Value {
        if draw.below(10) == 0 {
            return draw.value();
        }
        let fields = self.resolve(schema)["properties"].as_object().cloned().unwrap_or_default();
        let mut body = serde_json::Map::new();
        for field in fields.keys() {
            if draw.below(4) == 0 {
                body.insert(field.clone(), draw.value());
            }
        }
        if body.contains_key("url") {
            body.insert("url".to_owned(), json!("https://example.com/landing"));
        }
        Value::Object(body)
    }

    /// What is wrong with an answer, if anything.
    fn breach(&self, said: &Value, answer: &Answer) -> Option<String> {
        if answer.status >= 500 {
            return Some("a failure of the server".to_owned());
        }
        let responses = said["responses"].as_object().unwrap();
        let promised = responses.get(&answer.status.to_string()).or_else(|| responses.get("default"))?;
        let Some(content) = promised["content"].as_object() else {
            return (!answer.body.is_empty()).then(|| "a body where none was promised".to_owned());
        };
        let media = answer.header("content-type").unwrap_or_default();
        let Some(promised) = content.get(media) else { return Some(format!("{media:?} was not promised")) };
        if !media.ends_with("json") {
            return None;
        }
        let schema = json!({ "allOf": [promised["schema"]], "components": self.document["components"] });
        let validator = jsonschema::validator_for(&schema).unwrap();
        let body = answer.json();
        validator.iter_errors(&body).next().map(|error| format!("{error} at {}", error.instance_path()))
    }
}

fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// A server with a little of everything.
fn lived_in() -> TestApp {
    let app = TestApp::start();
    let link = app.link("https://example.com/a", &[("slug", "spring"), ("level", "story")]);
    app.link("https://example.com/b", &[]);
    app.click("/spring").agent(agents::SAFARI_IPHONE).send();
    app.eventually_clicks("spring", 1);
    let today = link["created_at"].as_str().unwrap()[..10].to_owned();
    app.import("", &format!("link,date,views\nspring,{today},100\n")).expect_status(200);
    app
}

#[test]
fn no_request_makes_an_operation_fail_or_answer_in_another_shape_than_it_promises() {
    let app = lived_in();
    let described =
        Described { document: app.admin(Request::new("GET", "/api/openapi.json")).expect_status(200).json() };
    let operations = described.operations();
    assert!(operations.len() >= 15, "{} operations", operations.len());
    let mut draw = Draw(1);
    for operation in &operations {
        for _ in 0..CASES {
            let request = described.request(operation, &mut draw);
            let answer = app.api(request.clone());
            if let Some(breach) = described.breach(&operation.2, &answer) {
                panic!(
                    "{breach}: {} {request:?} was answered {} {}",
                    operation.2["operationId"],
                    answer.status,
                    answer.text()
                );
            }
        }
    }
}

#[test]
fn every_answer_that_is_plainly_asked_for_is_promised() {
    let app = lived_in();
    let described = Described { document: app.admin(Request::new("GET", "/api/openapi.json")).json() };
    let id = app.link_by_slug("spring")["id"].to_string();
    for operation in described.operations().into_iter().filter(|(method, ..)| method == "GET") {
        let (_, path, said) = &operation;
        let answer = app.api_get(&format!("/api/v1{}", path.replace("{id}", &id)));
        assert_eq!(described.breach(said, &answer), None, "{path}: {}", answer.text());
    }
}

#[test]
fn the_reference_page_says_what_the_document_says() {
    let app = TestApp::start();
    let page = app.admin(Request::new("GET", "/api")).expect_status(200).text();
    for words in ["Waypost API", "/links/{id}", "LinkFields", "openapi.json"] {
        assert!(page.contains(words), "{words}");
    }
}
