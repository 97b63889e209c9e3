//! `POST /api/v1/conversions`: a destination's server says what became of a click.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::Sent;
use super::problem::Problem;
use crate::admin::Admin;
use crate::conversions::{ConversionError, NAME_CHARS_MAX, Posted, Taken, take, token_key};

/// The largest value, in whole units of a currency.
const VALUE_MAX: f64 = 1e12;

/// What became of a click.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Conversion {
    /// What stood in the place of `{click_id}`.
    click_id: String,
    /// What was done there, such as `purchase`.
    name: Option<String>,
    /// In whole units of `currency`, which it needs.
    value: Option<f64>,
    /// ISO 4217, such as `EUR`.
    currency: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct Received {
    /// The link that was clicked.
    link: u64,
    /// Whether this is the first time that it was told.
    counted: bool,
}

pub(super) fn router() -> OpenApiRouter<Admin> {
    OpenApiRouter::new().routes(routes!(post))
}

/// Say what became of a click: once per click and name, however often it is sent.
#[utoipa::path(post, path = "/conversions", operation_id = "convert", tag = "Clicks", request_body = Conversion,
    responses((status = CREATED, body = Received), (status = OK, body = Received)))]
async fn post(
    State(admin): State<Admin>,
    Sent(body): Sent<Conversion>,
) -> Result<(StatusCode, Json<Received>), Problem> {
    let key = token_key(&*admin.store).await?;
    let token = key.read(&body.click_id).ok_or_else(|| {
        Problem::invalid("click_id", "this is no click id of this Waypost: send what stood in the place of {click_id}")
    })?;
    let posted = Posted { token, name: name(body.name)?, value: value(body.value, body.currency)? };
    let taken = take(&*admin.store, &posted, &admin.report_zone, admin.clock.now()).await?;
    let status = if taken == Taken::New { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(Received { link: posted.token.link.0, counted: taken == Taken::New })))
}

fn name(name: Option<String>) -> Result<String, Problem> {
    let name = name.unwrap_or_default();
    if name.chars().count() > NAME_CHARS_MAX || name.chars().any(char::is_control) {
        let wrong = format!("a name has at most {NAME_CHARS_MAX} characters and no line break, such as \"purchase\"");
        return Err(Problem::invalid("name", wrong));
    }
    Ok(name)
}

/// Both or neither.
fn value(value: Option<f64>, currency: Option<String>) -> Result<Option<(u64, String)>, Problem> {
    let (value, currency) = match (value, currency) {
        (None, None) => return Ok(None),
        (Some(_), None) => return Err(Problem::invalid("currency", "a value needs its currency, such as \"EUR\"")),
        (None, Some(_)) => return Err(Problem::invalid("value", "a currency needs a value")),
        (Some(value), Some(currency)) => (value, currency),
    };
    if !(0.0..=VALUE_MAX).contains(&value) {
        return Err(Problem::invalid("value", format!("a value is a number from 0 to {VALUE_MAX:.0}")));
    }
    if currency.len() != 3 || !currency.bytes().all(|letter| letter.is_ascii_uppercase()) {
        return Err(Problem::invalid("currency", "a currency is three upper-case letters (ISO 4217), such as \"EUR\""));
    }
    Ok(Some(((value * 1e6).round() as u64, currency)))
}

impl From<ConversionError> for Problem {
    fn from(error: ConversionError) -> Self {
        let detail = error.to_string();
        match error {
            ConversionError::Store(error) => error.into(),
            ConversionError::Busy => Self::unavailable(detail),
            ConversionError::OtherValue => Self::new(StatusCode::CONFLICT, detail),
            ConversionError::Time(_) => Self::invalid("click_id", detail),
            ConversionError::Full => Self::new(StatusCode::CONFLICT, detail),
        }
    }
}
