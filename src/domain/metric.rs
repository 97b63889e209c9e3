//! What a platform counts: impressions of a kind, clicks of a kind, money, and what is kept only to be shown.
//!
//! Pure. It must never let numbers be added that do not add up, nor a rate of one thing be taken for another's.

use crate::domain::impression::Kind;

/// What one number of a platform's file counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Metric {
    /// What clicks may be divided by.
    Impressions(Kind),
    /// The platform's own clicks: shown beside ours, never added to them.
    Clicks(Clicks),
    /// Money, in millionths of the file's currency.
    Spend,
    /// Shown, and never part of a click-through rate.
    Shown(Shown),
}

/// Which clicks. `All` is the sum of its parts where a file has them; the rest are different views of the same taps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Clicks {
    /// Every tap on a post, whatever it opened.
    All,
    /// On a link, on or off the platform.
    Link,
    /// On a link that leaves the platform.
    Outbound,
    /// On the destination, as ad platforms count it.
    Destination,
    SeeMore,
    Photo,
    Video,
    Profile,
    CallToAction,
    /// Parts of `All` that a file does not tell apart.
    Other,
    /// Accounts rather than taps.
    UniqueAll,
    UniqueLink,
    UniqueOutbound,
}

/// What is shown beside a rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Shown {
    /// YouTube's impressions of a thumbnail: what is clicked there is the video, not a link.
    ThumbnailImpressions,
    /// Recipients, bounces included.
    Sent,
    Opens,
    UniqueOpens,
    LandingPageViews,
    Engagements,
    Conversions,
}

impl Metric {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Impressions(kind) => kind.as_str(),
            Self::Clicks(clicks) => clicks.as_str(),
            Self::Spend => "spend",
            Self::Shown(shown) => shown.as_str(),
        }
    }

    pub(crate) fn parse(word: &str) -> Option<Self> {
        let impressions = || Kind::parse(word).map(Self::Impressions);
        let clicks = || Clicks::ALL.into_iter().find(|clicks| clicks.as_str() == word).map(Self::Clicks);
        let shown = || Shown::ALL.into_iter().find(|shown| shown.as_str() == word).map(Self::Shown);
        let spend = || (word == "spend").then_some(Self::Spend);
        impressions().or_else(clicks).or_else(spend).or_else(shown)
    }

    /// Whether numbers of different days, slices or posts may be added. People are not: one person is in two of them.
    pub(crate) fn is_additive(self) -> bool {
        !matches!(
            self,
            Self::Impressions(Kind::Reach)
                | Self::Clicks(Clicks::UniqueAll | Clicks::UniqueLink | Clicks::UniqueOutbound)
                | Self::Shown(Shown::UniqueOpens)
        )
    }
}

impl Clicks {
    pub(crate) const ALL: [Self; 13] = [
        Self::All,
        Self::Link,
        Self::Outbound,
        Self::Destination,
        Self::SeeMore,
        Self::Photo,
        Self::Video,
        Self::Profile,
        Self::CallToAction,
        Self::Other,
        Self::UniqueAll,
        Self::UniqueLink,
        Self::UniqueOutbound,
    ];

    /// What `All` is made of, for the check that the parts give the sum.
    pub(crate) const PARTS: [Self; 7] =
        [Self::Link, Self::SeeMore, Self::Photo, Self::Video, Self::Profile, Self::CallToAction, Self::Other];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::All => "clicks_all",
            Self::Link => "clicks_link",
            Self::Outbound => "clicks_outbound",
            Self::Destination => "clicks_destination",
            Self::SeeMore => "clicks_see_more",
            Self::Photo => "clicks_photo",
            Self::Video => "clicks_video",
            Self::Profile => "clicks_profile",
            Self::CallToAction => "clicks_call_to_action",
            Self::Other => "clicks_other",
            Self::UniqueAll => "unique_clicks_all",
            Self::UniqueLink => "unique_clicks_link",
            Self::UniqueOutbound => "unique_clicks_outbound",
        }
    }
}

impl Shown {
    pub(crate) const ALL: [Self; 7] = [
        Self::ThumbnailImpressions,
        Self::Sent,
        Self::Opens,
        Self::UniqueOpens,
        Self::LandingPageViews,
        Self::Engagements,
        Self::Conversions,
    ];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::ThumbnailImpressions => "thumbnail_impressions",
            Self::Sent => "sent",
            Self::Opens => "opens",
            Self::UniqueOpens => "unique_opens",
            Self::LandingPageViews => "landing_page_views",
            Self::Engagements => "engagements",
            Self::Conversions => "conversions",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<Metric> {
        let impressions = Kind::ALL.into_iter().map(Metric::Impressions);
        let clicks = Clicks::ALL.into_iter().map(Metric::Clicks);
        let shown = Shown::ALL.into_iter().map(Metric::Shown);
        impressions.chain(clicks).chain([Metric::Spend]).chain(shown).collect()
    }

    #[test]
    fn every_metric_has_one_word_and_is_read_back_from_it() {
        let metrics = all();
        for metric in &metrics {
            assert_eq!(Metric::parse(metric.as_str()), Some(*metric));
        }
        let words: std::collections::BTreeSet<_> = metrics.iter().map(|metric| metric.as_str()).collect();
        assert_eq!(words.len(), metrics.len());
        assert_eq!(Metric::parse("clicks"), None);
    }

    #[test]
    fn people_are_not_added_up() {
        for metric in all() {
            let counts_people = metric.as_str().starts_with("unique") || metric.as_str() == "reach";
            assert_eq!(metric.is_additive(), !counts_people, "{metric:?}");
        }
    }
}
