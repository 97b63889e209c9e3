//! What handlers take from a request, with refusals that are problems.

use std::fmt;
use std::marker::PhantomData;

use axum::extract::{FromRequest, FromRequestParts, Json, Path, Query, Request};
use axum::http::Uri;
use axum::http::request::Parts;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::{ObjectBuilder, Required, Type};

use super::problem::Problem;
use crate::domain::facet::Facet;
use crate::domain::filter::Filter;
use crate::domain::link::LinkId;
use crate::stats::query::QueryError;

/// The query parameters; unknown ones are refused by name.
pub(super) struct Asked<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Query(asked) = Query::from_request_parts(parts, state).await?;
        Ok(Self(asked))
    }
}

/// What clicks are filtered by, and the other query parameters; unknown ones are refused by name.
pub(in crate::admin) struct AskedOf<T>(pub(in crate::admin) Filter, pub(in crate::admin) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for AskedOf<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut filter = Filter::default();
        let mut others = url::form_urlencoded::Serializer::new(String::from("/?"));
        for (name, text) in url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()) {
            match Facet::parse(&name) {
                Some(facet) => filter.add(facet, &text).map_err(QueryError::from)?,
                None => drop(others.append_pair(&name, &text)),
            }
        }
        let others = Uri::try_from(others.finish()).map_err(|error| Problem::malformed(error.to_string()))?;
        let Query(asked) = Query::try_from_uri(&others)?;
        Ok(Self(filter, asked))
    }
}

/// The parameters of a [`Filter`], for the API's description.
pub(super) struct FilterParams;

impl IntoParams for FilterParams {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let text = ObjectBuilder::new().schema_type(Type::String).build();
        let parameter = |facet: Facet| {
            let said = format!(
                "Only clicks whose {} is one of these, separated by commas; after a `!` only others. `\\` before a comma, \
                 a `!` or another `\\` takes it for what it is",
                facet.as_str()
            );
            let parameter = ParameterBuilder::new().name(facet.as_str()).parameter_in(ParameterIn::Query);
            parameter.required(Required::False).description(Some(said)).schema(Some(text.clone())).build()
        };
        Facet::all().map(parameter).collect()
    }
}

/// A JSON body; unknown fields are refused by name.
pub(super) struct Sent<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Sent<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let Json(Object(sent)) = Json::from_request(request, state).await?;
        Ok(Self(sent))
    }
}

/// A JSON object. Without it, serde takes an array for a struct too, its items for the fields in their order.
struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor(PhantomData)).map(Self)
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map))
    }
}

/// The number at the end of the path.
pub(super) struct Number(pub(super) u64);

impl Number {
    pub(super) fn link(&self) -> LinkId {
        LinkId(self.0)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Number {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Path(number) = Path::from_request_parts(parts, state).await?;
        Ok(Self(number))
    }
}

/// The name at the end of the path.
pub(super) struct Named(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let unreadable = |_| Problem::not_found("the name at the end of the path is not text");
        let Path(name) = Path::<String>::from_request_parts(parts, state).await.map_err(unreadable)?;
        Ok(Self(name))
    }
}
