//! What handlers take from a request, with refusals that are problems.

use axum::extract::{FromRequest, FromRequestParts, Json, Path, Query, Request};
use axum::http::Uri;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::{ObjectBuilder, Required, Type};

use super::problem::Problem;
use crate::domain::facet::Facet;
use crate::domain::filter::Filter;
use crate::domain::link::LinkId;
use crate::domain::object::Object;
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

/// For `deserialize_with`: a number by which something is called, no larger than the description says, so that every
/// language can hold it.
pub(super) fn maybe_id<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u64>, D::Error> {
    Option::<u64>::deserialize(from)?.map(checked).transpose()
}

/// The same of a list of them.
pub(super) fn many_ids<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u64>, D::Error> {
    Vec::<u64>::deserialize(from)?.into_iter().map(checked).collect()
}

fn checked<E: serde::de::Error>(id: u64) -> Result<u64, E> {
    match i64::try_from(id) {
        Ok(_) => Ok(id),
        Err(_) => Err(E::custom(format!("{id} is larger than any id"))),
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
