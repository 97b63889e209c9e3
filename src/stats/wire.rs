//! The answers of the read side, in the shape that the API sends, the CLI reads back and the pages show.
//!
//! It must never hold a rule: what a number means is decided where it is computed.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `GET /api/v1/stats`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub(crate) struct StatsReport {
    /// The link asked for; none means all links.
    pub(crate) link: Option<u64>,
    pub(crate) campaign: Option<String>,
    pub(crate) from: Date,
    pub(crate) to: Date,
    /// The zone whose days and hours these are.
    pub(crate) time_zone: String,
    pub(crate) by: String,
    /// Human clicks.
    pub(crate) clicks: u64,
    /// Visitors of each day (and link) added up: who comes on two days counts twice, because nobody can know that
    /// it was the same person. Unknown in another zone than the report's.
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
    /// A day `2026-11-21`, the instant an hour began `2026-11-21T13:00Z`, or a value of the dimension.
    pub(crate) value: String,
    /// Human clicks.
    pub(crate) clicks: u64,
    /// The part of all clicks (of all hits by verdict or reason), 0 to 1.
    pub(crate) share: f64,
    /// With days only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) visitors: Option<u64>,
    /// With days, verdicts and reasons.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) hits: Option<u64>,
}

/// `GET /api/v1/ctr`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub(crate) struct CtrReport {
    pub(crate) by: String,
    pub(crate) from: Date,
    pub(crate) to: Date,
    /// Which clicks are divided: `human`, `unique` or `all`.
    pub(crate) numerator: String,
    pub(crate) rows: Vec<CtrRow>,
    /// Rows beyond the bound, which are not listed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) rows_left_out: u64,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// One group and one kind of impressions: a ratio with everything that it rests on, or the reason why there is none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub(crate) struct CtrRow {
    /// The link's id, the post (several joined by a space where their clicks cannot be told apart), or the
    /// campaign's, platform's or level's name.
    pub(crate) value: String,
    /// What people call it, when that differs from the value.
    pub(crate) label: Option<String>,
    pub(crate) level: Option<String>,
    /// The kind of the denominator.
    pub(crate) kind: Option<String>,
    /// Clicks of the days that are divided; none when no link is known.
    pub(crate) clicks: Option<u64>,
    /// The denominator; none when it is unknown.
    pub(crate) impressions: Option<u64>,
    /// `clicks / impressions`, above 1 when they do not describe the same events.
    pub(crate) ctr: Option<f64>,
    pub(crate) low: Option<f64>,
    pub(crate) high: Option<f64>,
    pub(crate) interval: Option<Interval>,
    /// Whether there is enough data for the ratio to mean something.
    pub(crate) enough: bool,
    /// Until when the impressions hold: the latest of the imports used.
    pub(crate) as_of: Option<Timestamp>,
    /// Clicks of the window that are not divided: on days without impressions, or after the as-of.
    pub(crate) clicks_outside: u64,
    pub(crate) notes: Vec<String>,
}

/// Which 95 % interval `low` and `high` are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Interval {
    /// Of a proportion.
    Wilson,
    /// Of a count over a known denominator, where clicks outnumber impressions.
    Poisson,
}
