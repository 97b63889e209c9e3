//! What is answered about a week. It must never hold a rule: what a number means is decided where it is computed.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{CtrRow, Discrepancy, RulesChange};

/// `GET /api/v1/report/weekly`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub(crate) struct WeeklyReport {
    pub(crate) from: Date,
    pub(crate) to: Date,
    /// The week before, for comparison.
    pub(crate) before_from: Date,
    pub(crate) before_to: Date,
    /// Human clicks, different visitors per link and day, and hits of every verdict.
    pub(crate) clicks: Counts,
    pub(crate) visitors: Counts,
    pub(crate) hits: Counts,
    /// What changed by more than chance explains, the largest change first.
    pub(crate) changed: Vec<Change>,
    /// The part of it that is worse than before, rates among it.
    pub(crate) worsening: Vec<Change>,
    /// Posts by their rate, each drawn towards the others the more the less it was seen.
    pub(crate) best: Vec<CtrRow>,
    pub(crate) worst: Vec<CtrRow>,
    pub(crate) campaigns: Vec<CampaignWeek>,
    /// Where a platform's clicks and ours are further apart than expected.
    pub(crate) discrepancies: Vec<Discrepancy>,
    /// Rules for judging hits that took over within both weeks: what is on both sides of one was not counted alike.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) rules: Vec<RulesChange>,
}

/// The same count in both weeks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Counts {
    pub(crate) now: u64,
    pub(crate) before: u64,
}

/// Something that is not what it was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Change {
    /// `link`, `campaign` or `placement`.
    pub(crate) of: String,
    pub(crate) name: String,
    /// `clicks`, or the kind of impressions that a rate divides by.
    pub(crate) what: String,
    /// Clicks, or rates as shares of 1.
    pub(crate) now: f64,
    pub(crate) before: f64,
    /// The probability of a change like this if nothing had changed.
    pub(crate) p: f64,
}

/// A campaign's clicks, and its rates by level and kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub(crate) struct CampaignWeek {
    pub(crate) campaign: String,
    pub(crate) clicks: Counts,
    pub(crate) rates: Vec<CtrRow>,
}
