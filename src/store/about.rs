//! What an import says of itself, as the one JSON text that every store keeps. It must never lose a field on the way.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::domain::import::{About, Digest};

#[derive(Serialize, Deserialize)]
struct Document {
    digest: String,
    file: String,
    file_name: String,
    dialects: Vec<String>,
    as_of: Timestamp,
    imported_at: Timestamp,
    posts: u64,
    numbers: u64,
    first: Option<Date>,
    last: Option<Date>,
}

pub(super) fn encode(about: &About) -> String {
    let document = Document {
        digest: about.digest.to_string(),
        file: about.file.to_string(),
        file_name: about.file_name.clone(),
        dialects: about.dialects.clone(),
        as_of: about.as_of,
        imported_at: about.imported_at,
        posts: about.posts,
        numbers: about.numbers,
        first: about.first,
        last: about.last,
    };
    serde_json::to_string(&document).expect("it has no map and no number that JSON cannot hold")
}

/// # Errors
/// What is wrong with the text, in words for an operator.
pub(super) fn decode(json: &str) -> Result<About, String> {
    let document: Document = serde_json::from_str(json).map_err(|error| error.to_string())?;
    let digest = |text: &str| Digest::parse(text).ok_or_else(|| format!("{text:?} is no digest"));
    Ok(About {
        digest: digest(&document.digest)?,
        file: digest(&document.file)?,
        file_name: document.file_name,
        dialects: document.dialects,
        as_of: document.as_of,
        imported_at: document.imported_at,
        posts: document.posts,
        numbers: document.numbers,
        first: document.first,
        last: document.last,
    })
}
