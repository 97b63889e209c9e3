//! What an import of links says, in the shape that is sent. It must never hold a rule.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What an import of links did, or would do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct LinkImportReport {
    /// What undoes it; `null` in a dry run, and where there was nothing to make.
    pub(crate) import: Option<u64>,
    pub(crate) dry_run: bool,
    pub(crate) file_name: String,
    /// The tool, such as `bitly`.
    pub(crate) from: String,
    /// `csv` or `json`.
    pub(crate) format: String,
    /// What the tool's totals count, in words.
    pub(crate) counted: String,
    pub(crate) rows: u64,
    /// Links that were made; in a dry run, that would be.
    pub(crate) made: u64,
    /// Rows whose link is here already and leads to the same page.
    pub(crate) there: u64,
    pub(crate) refused: u64,
    /// The sum of the totals that the links bring along: shown beside clicks that are counted here, never added to them.
    pub(crate) imported_clicks: u64,
    /// The hosts of the file's short URLs, and where their links go.
    pub(crate) hosts: Vec<Host>,
    /// What the file says that links cannot do here, and of how many links.
    pub(crate) left_out: BTreeMap<String, u64>,
    /// The first hundred rows that are refused.
    pub(crate) refusals: Vec<RefusedRow>,
    /// The first few links.
    pub(crate) sample: Vec<SampleLink>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Host {
    pub(crate) host: String,
    pub(crate) links: u64,
    /// The host that they are served on from now on.
    pub(crate) to: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct RefusedRow {
    /// The line of a CSV file; in JSON, which link it is, from 1.
    pub(crate) row: u64,
    pub(crate) slug: String,
    pub(crate) message: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct SampleLink {
    pub(crate) short_url: String,
    pub(crate) destination: String,
    pub(crate) title: Option<String>,
    pub(crate) tags: Vec<String>,
    pub(crate) created_at: Timestamp,
    pub(crate) clicks: Option<u64>,
}

/// An import of links, as it is listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct LinkImportEntry {
    pub(crate) id: u64,
    pub(crate) file_name: String,
    pub(crate) from: String,
    pub(crate) imported_at: Timestamp,
    pub(crate) rows: u64,
    /// Links that it made; 0 while it is under way, or if it was cut off. Undoing it removes those that are left.
    pub(crate) made: u64,
    pub(crate) imported_clicks: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct LinkImportList {
    /// The oldest first.
    pub(crate) imports: Vec<LinkImportEntry>,
    /// Where the list goes on: `after` of the next request. `null` on its last page.
    pub(crate) next: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct LinkImportUndone {
    pub(crate) import: u64,
    /// Links that were removed. Their clicks stay.
    pub(crate) removed: u64,
}
