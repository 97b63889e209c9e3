//! `GET /api/v1/links/{id}/qr`: the QR code of a link as a picture. What it holds is decided in `admin/qr.rs`.

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{Asked, Number};
use super::problem::Problem;
use crate::admin::Admin;
use crate::admin::qr::{self, Format, QrError};

pub(super) fn router() -> OpenApiRouter<Admin> {
    OpenApiRouter::new().routes(routes!(show))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Params {
    /// `svg` (unless said) or `png`.
    format: Option<String>,
    /// Pixels of a side, 512 unless said. A link with a very long address needs more than the fewest.
    #[param(minimum = 128, maximum = 4096)]
    size: Option<u32>,
}

/// The QR code of a link's short URL with `?utm_medium=qr`, so that scans are clicks whose `visitor_utm_medium` is `qr`.
#[utoipa::path(get, path = "/links/{id}/qr", operation_id = "showLinkQr", tag = "Links",
    params(("id" = u64, Path, description = "The link's id"), Params),
    responses((status = OK, content((String = "image/svg+xml"), (Vec<u8> = "image/png")))))]
async fn show(State(admin): State<Admin>, number: Number, Asked(params): Asked<Params>) -> Result<Response, Problem> {
    let format = format(params.format.as_deref())?;
    let spec = admin.catalog.get(number.link()).await?.spec;
    let address = qr::address(&admin.catalog.domains().short_url(&spec.domain, &spec.slug));
    let picture = qr::draw(&address, format, params.size.unwrap_or(qr::SIZE_DEFAULT))?;
    Ok(([(CONTENT_TYPE, format.content_type())], picture).into_response())
}

fn format(text: Option<&str>) -> Result<Format, Problem> {
    let Some(text) = text else { return Ok(Format::Svg) };
    let known = || Format::ALL.map(Format::as_str).join(", ");
    Format::parse(text).ok_or_else(|| Problem::invalid("format", format!("{text:?} is none of {}", known())))
}

impl From<QrError> for Problem {
    fn from(error: QrError) -> Self {
        let detail = error.to_string();
        match error {
            QrError::Size(_) | QrError::Small { .. } => Self::invalid("size", detail),
            QrError::Long => Self::invalid("slug", detail),
            QrError::Png(_) => Self::internal(detail),
        }
    }
}
