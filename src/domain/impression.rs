//! Impressions: the denominators that platforms report, each with its kind.

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
