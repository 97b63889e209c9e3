//! What is answered about click-through rates. It must never hold a rule: what a number means is decided where it is
//! computed.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// `GET /api/v1/ctr`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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

pub(crate) fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// One group, one kind of impressions and one basis: a ratio with everything that it rests on, or the reason why there
/// is none.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct CtrRow {
    /// The link's id, the post (several joined by ` + ` where their clicks cannot be told apart), the day, the Monday
    /// of the week, or the name of the campaign, platform, placement, tag, account or level.
    pub(crate) value: String,
    /// What people call it, when that differs from the value.
    pub(crate) label: Option<String>,
    pub(crate) level: Option<String>,
    /// Where all of it was shown, if that is one platform.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) platform: Option<String>,
    /// The kind of the denominator.
    pub(crate) kind: Option<String>,
    /// What span the denominator is about; rows of two spans are never added.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) basis: Option<Basis>,
    /// Clicks of the spans that are divided; none when no link is known.
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
    /// How many posts (or links with numbers of their own) were pooled.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) pooled: u64,
    /// Half of the pooled posts have at most this ratio.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) median: Option<f64>,
    /// How much more the pooled posts differ than chance would make them (Pearson's chi-square over its degrees of
    /// freedom; 1 is chance alone).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) dispersion: Option<f64>,
    /// Posts and links of the group without a denominator of this kind: in neither sum.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) excluded: u64,
    /// The ratio drawn towards that of all rows of this level, kind and basis: for putting in order, not for showing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) shrunk: Option<f64>,
    /// Whether impressions were counted before the link was there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) denominator_covers_more: bool,
    /// Where it stands beside what is usual on the platform, and beside the account's own posts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) baselines: Vec<Standing>,
    /// Until when the impressions hold: the latest of the imports used.
    pub(crate) as_of: Option<Timestamp>,
    /// Clicks of the window that are not divided: on days without impressions, or after the as-of.
    pub(crate) clicks_outside: u64,
    pub(crate) notes: Vec<String>,
}

/// Which 95 % interval `low` and `high` are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Interval {
    /// Of a proportion.
    Wilson,
    ClopperPearson,
    Jeffreys,
    /// Of a count over a known denominator, where clicks outnumber impressions.
    Poisson,
    /// Of a pooled proportion, from posts drawn again.
    Bootstrap,
    /// Of a pooled proportion, widened by how much posts differ.
    QuasiBinomial,
}

/// What span of time a denominator is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Basis {
    /// From publication until the numbers were read.
    Lifetime,
    /// What was added between two readings of a lifetime number.
    Snapshots,
    /// Single days.
    Days,
    /// Spans of several days.
    Periods,
}

/// A ratio beside a usual one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Standing {
    /// `usual` or `own`.
    pub(crate) of: String,
    /// The usual band; a median is both ends. An open end is none.
    pub(crate) low: Option<f64>,
    pub(crate) high: Option<f64>,
    pub(crate) verdict: StandingVerdict,
    /// Who says so.
    pub(crate) source: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StandingVerdict {
    /// The whole interval lies above the band.
    Above,
    Within,
    Below,
    NotEnoughData,
}

impl StandingVerdict {
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Above => "above",
            Self::Within => "within",
            Self::Below => "below",
            Self::NotEnoughData => "not enough data",
        }
    }
}
