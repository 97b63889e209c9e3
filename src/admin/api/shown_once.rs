//! Answers that tell a secret, for the only time.

use axum::extract::Json;
use axum::response::{IntoResponse, Response};
use axum::{Extension, http};
use serde::Serialize;

/// JSON with a secret in it: a key, a password, an address that opens something. It must never be kept anywhere, so it
/// carries a [`Secret`] past whoever keeps answers.
pub(super) struct ShownOnce<T>(pub(super) T);

/// The mark of such an answer.
#[derive(Clone, Copy, Debug)]
pub(in crate::admin) struct Secret;

impl Secret {
    pub(in crate::admin) fn is_in(extensions: &http::Extensions) -> bool {
        extensions.get::<Self>().is_some()
    }
}

impl<T: Serialize> IntoResponse for ShownOnce<T> {
    fn into_response(self) -> Response {
        (Extension(Secret), Json(self.0)).into_response()
    }
}
