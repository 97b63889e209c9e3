//! The answers about imports, in the shape that the API sends, the CLI reads back and the pages show.
//!
//! It must never hold a rule: what becomes of a file is decided in `import`.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::impressions::csv::Skipped;

/// `POST /api/v1/imports`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct ImportReport {
    /// None for a dry run.
    pub(crate) import: Option<u64>,
    /// Whether this very file was imported before, so that nothing changed.
    pub(crate) same: bool,
    pub(crate) dry_run: bool,
    /// Numbers in the file; a row with two kinds holds two.
    pub(crate) rows: u64,
    pub(crate) added: u64,
    /// Numbers that took the place of older ones.
    pub(crate) replaced: u64,
    /// Numbers that are older than what is stored and changed nothing.
    pub(crate) kept: u64,
    /// The sum per kind, to compare with what the platform shows.
    pub(crate) sum: BTreeMap<String, u64>,
    pub(crate) first: Option<Date>,
    pub(crate) last: Option<Date>,
    /// The first 100 of `skipped_count`.
    pub(crate) skipped: Vec<Skipped>,
    pub(crate) skipped_count: u64,
    /// Numbers of links, and of posts that a link stands in.
    pub(crate) matched: u64,
    /// The first 100 of `unmatched_count` posts that no link stands in.
    pub(crate) unmatched: Vec<String>,
    pub(crate) unmatched_count: u64,
}
