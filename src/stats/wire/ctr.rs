//! What is answered about click-through rates. It must never hold a rule: what a number means is decided where it is
//! computed.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `GET /api/v1/ctr`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub(crate) struct CtrReport {
    pub(crate) by: String,
    pub(crate) from: Date,
    pub(crate) to: Date,
    /// Which clicks are divided: `human`, `unique` or `all`.
    pub(crate) numerator: String,
    /// Rules for judging hits that took over within these days: what is on both sides of one was not counted alike.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) rules: Vec<RulesChange>,
    pub(crate) rows: Vec<CtrRow>,
    /// Rows beyond the bound, which are not listed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) rows_left_out: u64,
}

pub(crate) fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// Since when hits were judged by other rules than before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct RulesChange {
    pub(crate) since: Timestamp,
    /// Their version, as each click of `/api/v1/clicks` has it.
    pub(crate) rules: u32,
}

/// One group, one kind of impressions and one basis: a ratio with everything that it rests on, or the reason why there
/// is none.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
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
    /// What became of the clicks: another number than the ratio, and over another denominator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) conversions: Option<ConversionRate>,
    /// Until when the impressions hold: the latest of the imports used.
    pub(crate) as_of: Option<Timestamp>,
    /// Clicks of the window that are not divided: on days without impressions, or after the as-of.
    pub(crate) clicks_outside: u64,
    pub(crate) notes: Vec<String>,
}

/// Conversions over human clicks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub(crate) struct ConversionRate {
    pub(crate) conversions: u64,
    /// All human clicks of these links in the window, those without impressions too.
    pub(crate) clicks: u64,
    pub(crate) rate: Option<f64>,
    pub(crate) low: Option<f64>,
    pub(crate) high: Option<f64>,
    /// What they were worth, by currency.
    pub(crate) values: BTreeMap<String, f64>,
}

/// Which 95 % interval `low` and `high` are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
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

impl Interval {
    /// As the API says it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Wilson => "wilson",
            Self::ClopperPearson => "clopper_pearson",
            Self::Jeffreys => "jeffreys",
            Self::Poisson => "poisson",
            Self::Bootstrap => "bootstrap",
            Self::QuasiBinomial => "quasi_binomial",
        }
    }
}

/// What span of time a denominator is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
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

impl Basis {
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Lifetime => "lifetime",
            Self::Snapshots => "between two imports",
            Self::Days => "by day",
            Self::Periods => "by period",
        }
    }
}

/// A ratio beside a usual one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
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

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
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

/// `GET /api/v1/ctr/reconcile`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Reconciliation {
    pub(crate) from: Date,
    pub(crate) to: Date,
    /// Between these, our human clicks over the platform's are as expected.
    pub(crate) expected_low: f64,
    pub(crate) expected_high: f64,
    /// Rules for judging hits that took over within these days: what is on both sides of one was not counted alike.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) rules: Vec<RulesChange>,
    /// The largest gap first.
    pub(crate) rows: Vec<Discrepancy>,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) rows_left_out: u64,
}

/// One post (or several that share a link): the platform's clicks beside ours, in the same spans of time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Discrepancy {
    pub(crate) value: String,
    pub(crate) label: Option<String>,
    pub(crate) platform: Option<String>,
    pub(crate) level: String,
    pub(crate) basis: Basis,
    /// From the beginning of the first span to the end of the last one.
    pub(crate) from: Option<Timestamp>,
    pub(crate) to: Option<Timestamp>,
    /// The platform's number that is closest to ours, and which one that is; none when it counts taps only.
    pub(crate) platform_link: Option<u64>,
    pub(crate) platform_link_is: Option<String>,
    /// Every tap on the post, whatever it opened.
    pub(crate) platform_all: Option<u64>,
    pub(crate) parts: Option<Parts>,
    pub(crate) human: u64,
    /// Different visitors per link and day.
    pub(crate) unique: u64,
    /// Hits of every verdict.
    pub(crate) all: u64,
    /// What was not taken for a person's click, by verdict.
    pub(crate) filtered: BTreeMap<String, u64>,
    /// Ours (human) over theirs (link, or all where there is no link); none over 0.
    pub(crate) ratio: Option<f64>,
    pub(crate) balance: Balance,
    /// What fits, the best explanation first.
    pub(crate) causes: Vec<Cause>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Balance {
    AsExpected,
    OursFewer,
    OursMore,
    /// The platform has none to compare with.
    Unknown,
}

impl Balance {
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::AsExpected => "as expected",
            Self::OursFewer => "ours are fewer",
            Self::OursMore => "ours are more",
            Self::Unknown => "nothing to compare with",
        }
    }
}

/// Why two numbers may differ.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Cause {
    pub(crate) name: String,
    /// How much of the gap it explains, 0 to 1, where that can be measured.
    pub(crate) explains: Option<f64>,
    pub(crate) text: String,
}

/// What a platform's clicks are made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Parts {
    pub(crate) of: BTreeMap<String, u64>,
    pub(crate) sum: u64,
    /// Whether the parts give the platform's own sum; of a platform that names one part only, whether it is within it.
    pub(crate) adds_up: bool,
}

impl Parts {
    /// `None` when there is no part to speak of.
    pub(crate) fn of(all: u64, parts: BTreeMap<String, u64>) -> Option<Self> {
        let sum = parts.values().fold(0, |sum: u64, count| sum.saturating_add(*count));
        let adds_up = if parts.len() > 1 { sum == all } else { sum <= all };
        (!parts.is_empty()).then_some(Self { of: parts, sum, adds_up })
    }

    /// Of two posts together.
    pub(crate) fn and(mut self, other: Self) -> Self {
        for (part, count) in other.of {
            let sum = self.of.entry(part).or_default();
            *sum = sum.saturating_add(count);
        }
        Self { of: self.of, sum: self.sum.saturating_add(other.sum), adds_up: self.adds_up && other.adds_up }
    }
}

/// `GET /api/v1/ctr/platform`: what platforms say of their own clicks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub(crate) struct PlatformReport {
    pub(crate) by: String,
    pub(crate) from: Date,
    pub(crate) to: Date,
    /// By which parts of audience and delivery rows can be asked for, as far as files have them.
    pub(crate) slices: Vec<String>,
    /// The most impressions first.
    pub(crate) rows: Vec<PlatformRow>,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) rows_left_out: u64,
}

/// A platform's numbers of some posts, added up as far as that is allowed; ours beside them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub(crate) struct PlatformRow {
    pub(crate) value: String,
    pub(crate) label: Option<String>,
    pub(crate) basis: Basis,
    pub(crate) posts: u64,
    /// What clicks are divided by.
    pub(crate) kind: Option<String>,
    pub(crate) impressions: Option<u64>,
    pub(crate) reach: Option<u64>,
    pub(crate) clicks_all: Option<u64>,
    pub(crate) clicks_link: Option<u64>,
    /// Every kind of click that can be added up, by its name.
    pub(crate) clicks: BTreeMap<String, u64>,
    pub(crate) parts: Option<Parts>,
    /// Clicks (All) over impressions, of the posts that have both.
    pub(crate) ctr_all: Option<f64>,
    /// Link clicks over impressions, of the posts that have both.
    pub(crate) ctr_link: Option<f64>,
    /// Accounts that clicked the link over accounts that saw it; of a single number only.
    pub(crate) unique_ctr: Option<f64>,
    /// ISO 4217; none when there are several.
    pub(crate) currency: Option<String>,
    /// In the currency.
    pub(crate) spend: Option<f64>,
    pub(crate) cpc_all: Option<f64>,
    pub(crate) cpc_link: Option<f64>,
    /// Our human clicks in the same spans of time.
    pub(crate) human: Option<u64>,
    pub(crate) cpc_human: Option<f64>,
    pub(crate) as_of: Option<Timestamp>,
    /// Posts with clicks and without impressions: in neither sum of a rate.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) excluded: u64,
    pub(crate) notes: Vec<String>,
}

/// `GET /api/v1/ctr/compare`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Versus {
    pub(crate) a: CtrRow,
    pub(crate) b: CtrRow,
    /// The rate of `a` less that of `b`, as a share of 1, with its 95 % interval (Newcombe).
    pub(crate) difference: Option<f64>,
    pub(crate) low: Option<f64>,
    pub(crate) high: Option<f64>,
    pub(crate) z: Option<f64>,
    /// The probability of such a difference if there were none, by `test`.
    pub(crate) p: Option<f64>,
    /// `z` (two proportions) or `fisher` (small counts).
    pub(crate) test: Option<String>,
    /// How probable it is that `b` has the higher rate.
    pub(crate) b_better: Option<f64>,
    pub(crate) notes: Vec<String>,
}
