//! What goes wrong, as RFC 9457 problem details: the one place that turns an error into a status.
//!
//! It must never show a stranger what the store or the disk said beyond one sentence.

use axum::Json;
use axum::extract::rejection::{BytesRejection, JsonRejection, PathRejection, QueryRejection};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::admin::access::{AccessError, Wait};
use crate::links::catalog::CatalogError;
use crate::store::StoreError;

/// Seconds after which a client shall ask an unavailable store again.
const RETRY_SECONDS: u16 = 2;

/// One refusal.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::admin) struct Problem {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    detail: String,
    /// The one input to blame.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
    /// The rows of an import to blame.
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<serde_json::Value>,
    /// Seconds after which it may be asked again, for `Retry-After`.
    #[serde(skip)]
    retry_s: Option<u16>,
}

impl Problem {
    pub(in crate::admin) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        let title = status.canonical_reason().unwrap_or("Refused");
        let retry_s = (status == StatusCode::SERVICE_UNAVAILABLE).then_some(RETRY_SECONDS);
        let (r#type, status, detail) = ("about:blank", status.as_u16(), detail.into());
        Self { r#type, title, status, detail, field: None, errors: None, retry_s }
    }

    /// A value that was understood but cannot be.
    pub(in crate::admin) fn invalid(field: &str, detail: impl Into<String>) -> Self {
        Self { field: Some(field.to_owned()), ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail) }
    }

    pub(in crate::admin) fn malformed(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    pub(in crate::admin) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    pub(in crate::admin) fn internal(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, detail)
    }

    pub(in crate::admin) fn unavailable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, detail)
    }

    /// The same, blaming one input.
    pub(in crate::admin) fn with_field(self, field: &str) -> Self {
        Self { field: Some(field.to_owned()), ..self }
    }

    pub(in crate::admin) fn with_errors(self, errors: serde_json::Value) -> Self {
        Self { errors: Some(errors), ..self }
    }

    pub(in crate::admin) fn detail(&self) -> &str {
        &self.detail
    }

    pub(in crate::admin) fn retry_s(&self) -> Option<u16> {
        self.retry_s
    }

    pub(in crate::admin) fn field(&self) -> Option<&str> {
        self.field.as_deref()
    }

    pub(in crate::admin) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, retry_s) = (self.status(), self.retry_s);
        let mut response = (status, Json(self)).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = retry_s {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        tracing::error!("{error}");
        match error {
            StoreError::Unavailable(_) => {
                Self::unavailable("the store does not answer just now: ask again in a moment")
            }
            StoreError::Corrupt(_) => {
                Self::internal("the store holds something unreadable: the server's log says what")
            }
        }
    }
}

impl From<CatalogError> for Problem {
    fn from(error: CatalogError) -> Self {
        let detail = error.to_string();
        match error {
            CatalogError::Invalid(invalid) => Self::invalid(invalid.field, invalid.message),
            CatalogError::Taken { .. } => {
                Self { field: Some("slug".to_owned()), ..Self::new(StatusCode::CONFLICT, detail) }
            }
            CatalogError::Changed(_) => {
                Self { field: Some("revision".to_owned()), ..Self::new(StatusCode::CONFLICT, detail) }
            }
            CatalogError::NotFound(_) => Self::not_found(detail),
            CatalogError::Generate(_) | CatalogError::Full => Self::unavailable(detail),
            CatalogError::Store(error) => error.into(),
        }
    }
}

impl From<AccessError> for Problem {
    fn from(error: AccessError) -> Self {
        let detail = error.to_string();
        match error {
            AccessError::Invalid { field, message } => Self::invalid(field, message),
            AccessError::NameTaken(_) => {
                Self { field: Some("name".to_owned()), ..Self::new(StatusCode::CONFLICT, detail) }
            }
            AccessError::LastOwner | AccessError::SetUp | AccessError::Full(_) => {
                Self::new(StatusCode::CONFLICT, detail)
            }
            AccessError::NoAccount(_) => Self::not_found(detail),
            AccessError::Busy => Self::unavailable(detail),
            AccessError::Broken(_) => Self::internal(detail),
            AccessError::Store(error) => error.into(),
        }
    }
}

/// A quota is used up. The headers say more.
impl From<Wait> for Problem {
    fn from(wait: Wait) -> Self {
        let seconds = wait.seconds;
        let detail = format!("this was asked too often: ask again in {seconds} s");
        Self { retry_s: u16::try_from(seconds).ok(), ..Self::new(StatusCode::TOO_MANY_REQUESTS, detail) }
    }
}

impl From<JsonRejection> for Problem {
    fn from(rejection: JsonRejection) -> Self {
        let status = match rejection.status() {
            // A shape we do not know is malformed; only values that cannot be are 422.
            StatusCode::UNPROCESSABLE_ENTITY => StatusCode::BAD_REQUEST,
            status => status,
        };
        Self::new(status, body_text(status, &rejection.body_text()))
    }
}

impl From<BytesRejection> for Problem {
    fn from(rejection: BytesRejection) -> Self {
        Self::new(rejection.status(), body_text(rejection.status(), &rejection.body_text()))
    }
}

impl From<QueryRejection> for Problem {
    fn from(rejection: QueryRejection) -> Self {
        let text = rejection.body_text();
        let cause = text.strip_prefix("Failed to deserialize query string: ").unwrap_or(&text);
        Self::malformed(format!("a query parameter is not understood: {cause}"))
    }
}

impl From<PathRejection> for Problem {
    fn from(_: PathRejection) -> Self {
        Self::not_found("the id at the end of the path is not a number")
    }
}

fn body_text(status: StatusCode, cause: &str) -> String {
    match status {
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "send JSON with `Content-Type: application/json`".to_owned(),
        StatusCode::PAYLOAD_TOO_LARGE => "the body is too large: 1 MiB is the most".to_owned(),
        _ => {
            let cause =
                cause.strip_prefix("Failed to deserialize the JSON body into the target type: ").unwrap_or(cause);
            format!("the body is not understood: {cause}")
        }
    }
}
