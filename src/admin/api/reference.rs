//! `/api`: the API's description for people, drawn from the same document that programs read.
//!
//! It must never say anything that the document does not.

use std::sync::LazyLock;

use maud::{Markup, html};
use serde_json::Value;

use super::openapi::DOCUMENT;
use crate::admin::web::document;

static PAGE: LazyLock<String> = LazyLock::new(|| {
    let described = serde_json::to_value(&*DOCUMENT).expect("a description has nothing that JSON cannot hold");
    draw(&described).into_string()
});

pub(super) async fn page() -> axum::response::Html<&'static str> {
    axum::response::Html(PAGE.as_str())
}

fn draw(described: &Value) -> Markup {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let none = serde_json::Map::new();
    let paths = described["paths"].as_object().unwrap_or(&none);
    let schemas = described["components"]["schemas"].as_object().unwrap_or(&none);
    let content = html! {
        main.reference #main {
            h1 { "Waypost API" }
            p { (prose(&text(&described["info"]["description"]))) }
            p { "For programs: " a href="/api/openapi.json" { "openapi.json" } " (OpenAPI 3.1). All paths begin with "
                code { "/api/v1" } "." }
            @for (path, methods) in paths {
                @for (method, operation) in methods.as_object().unwrap_or(&none) {
                    (draw_operation(path, method, operation))
                }
            }
            h2 { "Shapes" }
            @for (name, schema) in schemas { (draw_schema(name, schema)) }
        }
    };
    document("API", &content)
}

fn draw_operation(path: &str, method: &str, operation: &Value) -> Markup {
    let parameters = operation["parameters"].as_array().map(Vec::as_slice).unwrap_or_default();
    let body = operation["requestBody"]["content"].as_object();
    html! {
        section.operation id=(operation["operationId"].as_str().unwrap_or_default()) {
            h2 { code { (method.to_uppercase()) " " (path) } }
            p { (prose(operation["summary"].as_str().unwrap_or_default())) }
            @if let Some(more) = operation["description"].as_str() { p { (prose(more)) } }
            @if !parameters.is_empty() { table {
                thead { tr { th scope="col" { "Parameter" } th scope="col" { "Type" } th scope="col" { "Meaning" } } }
                tbody { @for parameter in parameters { tr {
                    td { code { (parameter["name"].as_str().unwrap_or_default()) }
                        @if parameter["required"] == true { " (required)" } }
                    td { (kind(&parameter["schema"])) }
                    td { (prose(parameter["description"].as_str().unwrap_or_default())) }
                } } }
            } }
            @if let Some(body) = body { p { "Takes " @for (media, content) in body {
                code { (media) } " " (kind(&content["schema"])) " " } } }
            p { "Answers " (answers(operation)) "." }
        }
    }
}

fn answers(operation: &Value) -> Markup {
    let none = serde_json::Map::new();
    let responses = operation["responses"].as_object().unwrap_or(&none);
    html! {
        @for (status, response) in responses.iter().filter(|(status, _)| *status != "default") {
            code { (status) } " "
            @for content in response["content"].as_object().unwrap_or(&none).values() { (kind(&content["schema"])) " " }
        }
        "or a " a href="#Problem" { "Problem" }
    }
}

fn draw_schema(name: &str, schema: &Value) -> Markup {
    let none = serde_json::Map::new();
    let required = schema["required"].as_array().map(Vec::as_slice).unwrap_or_default();
    html! {
        section id=(name) {
            h3 { code { (name) } }
            @if let Some(about) = schema["description"].as_str() { p { (prose(about)) } }
            @if let Some(values) = schema["enum"].as_array() {
                p { @for value in values { code { (value.as_str().unwrap_or_default()) } " " } }
            }
            @if let Some(fields) = schema["properties"].as_object() { table {
                thead { tr { th scope="col" { "Field" } th scope="col" { "Type" } th scope="col" { "Meaning" } } }
                tbody { @for (field, of) in fields { tr {
                    td { code { (field) } @if !required.iter().any(|name| name == field) { " (optional)" } }
                    td { (kind(of)) }
                    td { (prose(of["description"].as_str().unwrap_or_default())) }
                } } }
            } }
            @for part in schema["allOf"].as_array().unwrap_or(&Vec::new()) {
                @for field in part["properties"].as_object().unwrap_or(&none).keys() { code { (field) } " " }
            }
        }
    }
}

/// A type in a few words, with a link to the shape it names.
fn kind(schema: &Value) -> Markup {
    if let Some(name) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
        return html! { a href={ "#" (name) } { (name) } };
    }
    if let Some(of) = schema["oneOf"].as_array() {
        return html! { @for (at, one) in of.iter().enumerate() { @if at > 0 { " or " } (kind(one)) } };
    }
    let word = |value: &Value| value.as_str().unwrap_or("anything").to_owned();
    match (&schema["type"], &schema["items"]) {
        (Value::String(array), items) if array == "array" => html! { "list of " (kind(items)) },
        (Value::Array(types), items) if types.iter().any(|of| of == "array") => {
            html! { "list of " (kind(items)) " or null" }
        }
        (Value::Array(types), _) => html! { (types.iter().map(word).collect::<Vec<_>>().join(" or ")) },
        (one, _) => html! { (word(one)) },
    }
}

/// Text in which `code` stands between backticks.
fn prose(text: &str) -> Markup {
    html! {
        @for (at, part) in text.split('`').enumerate() {
            @if at % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_a_section_for_every_operation_and_shape_and_no_dead_link() {
        let described = serde_json::to_value(&*DOCUMENT).unwrap();
        for operation in
            described["paths"].as_object().unwrap().values().flat_map(|path| path.as_object().unwrap().values())
        {
            let id = operation["operationId"].as_str().unwrap();
            assert!(PAGE.contains(&format!("id=\"{id}\"")), "{id}");
        }
        for (at, _) in PAGE.match_indices("href=\"#") {
            let target = PAGE[at + 7..].split('"').next().unwrap();
            assert!(PAGE.contains(&format!("id=\"{target}\"")), "{target} is not on the page");
        }
    }
}
