//! Impressions: the denominators that platforms report, each with its kind, per post or link and day.

use jiff::Timestamp;
use jiff::civil::Date;

use super::import::ImportId;
use super::link::LinkId;
use super::placement::PostRef;

/// What a platform counted. Kinds are never added together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Kind {
    #[default]
    Impressions,
    Views,
    Reach,
    ProfileVisits,
    StoryViews,
    Delivered,
}

impl Kind {
    pub(crate) const ALL: [Self; 6] =
        [Self::Impressions, Self::Views, Self::Reach, Self::ProfileVisits, Self::StoryViews, Self::Delivered];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Impressions => "impressions",
            Self::Views => "views",
            Self::Reach => "reach",
            Self::ProfileVisits => "profile_visits",
            Self::StoryViews => "story_views",
            Self::Delivered => "delivered",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// What the impressions belong to.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Subject {
    Link(LinkId),
    /// A post by its permalink or id; matched to the links that stand in it.
    Post(PostRef),
}

/// One imported number. `None` would be "unknown", and an unknown row is never stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Impression {
    pub(crate) subject: Subject,
    pub(crate) day: Date,
    pub(crate) kind: Kind,
    pub(crate) count: u64,
}

/// An impression as stored, with the instant until which it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoredImpression {
    pub(crate) impression: Impression,
    pub(crate) as_of: Timestamp,
    pub(crate) import: ImportId,
}
