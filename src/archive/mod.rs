//! The archive: the click files, columnar and immutable, one writer per file.
use serde::Deserialize;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub url: String,
    pub seal_rows: usize,
    pub seal_minutes: u64,
}
