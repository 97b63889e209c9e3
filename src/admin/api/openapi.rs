//! `/api/openapi.json`: what the API takes and answers, as OpenAPI 3.1, made from the handlers themselves.
//!
//! It must never be written by hand beside them: what is true of every operation is added here, once.

use std::sync::LazyLock;

use axum::http::Method;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::IntoResponse;
use utoipa::PartialSchema;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{ComponentsBuilder, Content, InfoBuilder, OpenApi, Paths, Ref, RefOr, Response, Server};

use super::problem::Problem;
use crate::admin::access::{Need, need};

const ABOUT: &str = "\
Everything that the dashboard does. Send the key as `Authorization: Bearer KEY`. Instants are RFC 3339 in UTC, days \
`2026-11-21` of the report time zone, counts whole numbers, shares and rates parts of 1; what is unknown is `null`, \
never 0. A list goes on where it says `next`: ask again with that as `after`; those without `next` come whole. \
A refusal is a problem document (RFC 9457) whose `detail` says what was wrong and whose `field` names the \
input to blame.";

/// The name of the one security scheme.
const KEY: &str = "key";

/// Made once, and not before somebody asks: it is the same for the life of the program.
pub(in crate::admin) static DOCUMENT: LazyLock<OpenApi> = LazyLock::new(|| complete(super::described().1));
static JSON: LazyLock<String> =
    LazyLock::new(|| DOCUMENT.to_pretty_json().expect("a description has nothing that JSON cannot hold"));

pub(super) async fn document() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-cache")], JSON.as_str())
}

/// Adds what the handlers do not say each for itself.
fn complete(mut document: OpenApi) -> OpenApi {
    document.info =
        InfoBuilder::new().title("Waypost").version(env!("CARGO_PKG_VERSION")).description(Some(ABOUT)).build();
    document.servers = Some(vec![Server::new("/api/v1")]);
    document.security = Some(vec![SecurityRequirement::new(KEY, Vec::<String>::new())]);
    let key = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("The admin key (DATA/admin.key) or a key made in the settings"))
        .build();
    let components = ComponentsBuilder::from(document.components.take().unwrap_or_default())
        .security_scheme(KEY, SecurityScheme::Http(key))
        .schema("Problem", Problem::schema())
        .build();
    document.components = Some(components);
    refuse(&mut document.paths);
    scope(&mut document.paths);
    document
}

/// Says which scope each operation needs, by the table that the guard asks.
fn scope(paths: &mut Paths) {
    for (path, item) in &mut paths.paths {
        let operations = [
            (Method::GET, &mut item.get),
            (Method::POST, &mut item.post),
            (Method::PATCH, &mut item.patch),
            (Method::PUT, &mut item.put),
            (Method::DELETE, &mut item.delete),
        ];
        for (method, operation) in operations {
            if let (Some(operation), Need::Scope(scope)) = (operation, need(&method, &format!("/api/v1{path}"))) {
                operation.security = Some(vec![SecurityRequirement::new(KEY, [scope.as_str()])]);
            }
        }
    }
}

/// Every operation may be refused, and every refusal is a problem.
fn refuse(paths: &mut Paths) {
    for item in paths.paths.values_mut() {
        let operations = [&mut item.get, &mut item.post, &mut item.patch, &mut item.put, &mut item.delete];
        for operation in operations.into_iter().flatten() {
            let responses = &mut operation.responses.responses;
            for (status, response) in responses.iter_mut() {
                describe(status, response);
            }
            let mut refused = Response::new("Refused, and why");
            let problem = Content::new(Some(RefOr::Ref(Ref::from_schema_name("Problem"))));
            refused.content.insert("application/problem+json".to_owned(), RefOr::T(problem));
            responses.insert("default".to_owned(), RefOr::T(refused));
        }
    }
}

/// OpenAPI wants a sentence with every answer.
fn describe(status: &str, response: &mut RefOr<Response>) {
    let RefOr::T(response) = response else { return };
    if response.description.is_empty() {
        let sentence = match status {
            "201" => "Made",
            "202" => "Under way",
            "204" => "Done, with nothing to say",
            _ => "The answer",
        };
        response.description = sentence.to_owned();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;

    fn json() -> Value {
        serde_json::from_str(&JSON).unwrap()
    }

    fn operations(document: &Value) -> Vec<Value> {
        let paths = document["paths"].as_object().unwrap();
        paths.values().flat_map(|path| path.as_object().unwrap().values().cloned()).collect()
    }

    #[test]
    fn every_operation_has_a_name_of_its_own_a_sentence_and_a_refusal() {
        let document = json();
        assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
        let operations = operations(&document);
        let names: BTreeSet<_> = operations.iter().map(|operation| operation["operationId"].to_string()).collect();
        assert_eq!(names.len(), operations.len());
        for operation in &operations {
            assert!(operation["summary"].as_str().is_some_and(|text| text.len() > 5), "{operation}");
            let refused = &operation["responses"]["default"]["content"]["application/problem+json"]["schema"]["$ref"];
            assert_eq!(refused, "#/components/schemas/Problem", "{operation}");
        }
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let document = json();
        for (at, _) in JSON.match_indices("\"$ref\": \"#") {
            let reference = JSON[at..].split('"').nth(3).unwrap();
            assert!(document.pointer(&reference[1..]).is_some(), "{reference}");
        }
    }
}
