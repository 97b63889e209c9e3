//! The answers of the read side, in the shape that the API sends, the CLI reads back and the pages show.
//!
//! It must never hold a rule: what a number means is decided where it is computed.

mod ctr;
mod weekly;

pub(crate) use ctr::*;
pub(crate) use weekly::*;

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `GET /api/v1/stats`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub(crate) struct StatsReport {
    /// The link asked for, if it is a single one.
    pub(crate) link: Option<u64>,
    /// The campaign asked for, if it is a single one.
    pub(crate) campaign: Option<String>,
    /// Which clicks these are; all, if there is nothing here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) filter: Vec<FilterPart>,
    /// Where the numbers come from: `counters`, or `click files`, which are read for a filter.
    #[serde(default)]
    pub(crate) counted_from: CountedFrom,
    /// Click files that are damaged or none of ours, so that their clicks are not among these.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) files_left_out: u64,
    pub(crate) from: Date,
    pub(crate) to: Date,
    /// The zone whose days and hours these are.
    pub(crate) time_zone: String,
    pub(crate) by: String,
    /// Human clicks.
    pub(crate) clicks: u64,
    /// Visitors of each day and link added up: who comes on two days counts twice, because nobody can know that
    /// it was the same person. Exact up to 1,024 of a link and day (up to 1,024 in all with a filter), within 1 % beyond.
    /// Unknown to counters in another zone than the report's.
    pub(crate) visitors: Option<u64>,
    /// Hits of every verdict. Unknown in another zone than the report's.
    pub(crate) hits: Option<u64>,
    /// Hits per verdict. Unknown in another zone than the report's.
    pub(crate) verdicts: Option<BTreeMap<String, u64>>,
    pub(crate) rows: Vec<StatsRow>,
    /// Of one link that declares its source: whether its clicks were seen there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) seen: Option<Seen>,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// What a filter says of one facet: every part has to agree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct FilterPart {
    /// Such as `country`.
    pub(crate) facet: String,
    /// If there are any, no other value is admitted.
    pub(crate) only: Vec<String>,
    /// These values are not admitted.
    pub(crate) not: Vec<String>,
}

/// Where numbers come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) enum CountedFrom {
    #[default]
    #[serde(rename = "counters")]
    Counters,
    #[serde(rename = "click files")]
    ClickFiles,
}

/// Where the clicks of a link were seen, against where its owner said that it would stand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Seen {
    /// The declared source; several if it was changed.
    pub(crate) declared: Vec<String>,
    /// Clicks that were seen there.
    pub(crate) there: u64,
    /// Clicks that were seen in another place.
    pub(crate) elsewhere: u64,
    /// Clicks that showed no place.
    pub(crate) unknown: u64,
    /// The other place with the most clicks.
    pub(crate) most: Option<String>,
}

/// One value of what was asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub(crate) struct StatsRow {
    /// A day `2026-11-21`, the instant an hour began `2026-11-21T13:00Z`, or a value of what was asked for.
    pub(crate) value: String,
    /// What a link is called: its slug, behind its domain if that is not the default one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) label: Option<String>,
    /// Human clicks.
    pub(crate) clicks: u64,
    /// The part of all clicks, 0 to 1; of all hits by verdict or reason, or if a filter names verdicts or reasons.
    pub(crate) share: f64,
    /// With days only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) visitors: Option<u64>,
    /// With days, verdicts, reasons and links, and with a filter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) hits: Option<u64>,
}
