//! Facets: what clicks are broken down and filtered by. Some the click shows, some its link declares.
//!
//! The two are different types, because a link declares what it declares today, while a click shows what it showed.

use super::counter::Dimension;

/// The value of a click that has none, such as the referrer of one that was typed in, and of a link that declares none.
pub(crate) const NONE: &str = "(none)";

/// The value of a link on the default domain, which has no name of its own.
pub(crate) const DEFAULT_DOMAIN: &str = "(default)";

/// Something that clicks differ in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Facet {
    Link(LinkFacet),
    Click(ClickFacet),
}

/// What a link is or declares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum LinkFacet {
    /// Its number.
    Link,
    Domain,
    Campaign,
    UtmSource,
    UtmMedium,
    UtmTerm,
    UtmContent,
    UtmId,
    Platform,
    Level,
    /// A link has any number of these.
    Tag,
    /// `yes` or `no`.
    Archived,
}

/// What a click shows, whatever its link says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum ClickFacet {
    Verdict,
    /// `verdict:reason`; a click that is a person's has none.
    Reason,
    Source,
    SourceRule,
    Channel,
    SeenOn,
    App,
    Referrer,
    Continent,
    Country,
    /// `SE/Stockholm County`
    Region,
    /// `SE/Stockholm`
    City,
    Asn,
    Organisation,
    Device,
    Os,
    Browser,
    Language,
    VisitorUtmSource,
    VisitorUtmMedium,
    /// A click has any number of these, most have none.
    Unfilled,
}

impl Facet {
    /// Every facet, those of links first.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        LinkFacet::ALL.into_iter().map(Self::Link).chain(ClickFacet::ALL.into_iter().map(Self::Click))
    }

    /// The word for it in API, CLI and pages.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Link(facet) => facet.as_str(),
            Self::Click(facet) => facet.as_str(),
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::all().find(|facet| facet.as_str() == text)
    }
}

impl LinkFacet {
    pub(crate) const ALL: [Self; 12] = [
        Self::Link,
        Self::Domain,
        Self::Campaign,
        Self::UtmSource,
        Self::UtmMedium,
        Self::UtmTerm,
        Self::UtmContent,
        Self::UtmId,
        Self::Platform,
        Self::Level,
        Self::Tag,
        Self::Archived,
    ];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Link => "link",
            Self::Domain => "domain",
            Self::Campaign => "campaign",
            Self::UtmSource => "utm_source",
            Self::UtmMedium => "utm_medium",
            Self::UtmTerm => "utm_term",
            Self::UtmContent => "utm_content",
            Self::UtmId => "utm_id",
            Self::Platform => "platform",
            Self::Level => "level",
            Self::Tag => "tag",
            Self::Archived => "archived",
        }
    }
}

impl ClickFacet {
    pub(crate) const ALL: [Self; 21] = [
        Self::Verdict,
        Self::Reason,
        Self::Source,
        Self::SourceRule,
        Self::Channel,
        Self::SeenOn,
        Self::App,
        Self::Referrer,
        Self::Continent,
        Self::Country,
        Self::Region,
        Self::City,
        Self::Asn,
        Self::Organisation,
        Self::Device,
        Self::Os,
        Self::Browser,
        Self::Language,
        Self::VisitorUtmSource,
        Self::VisitorUtmMedium,
        Self::Unfilled,
    ];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Verdict => "verdict",
            Self::Reason => "reason",
            Self::Source => "source",
            Self::SourceRule => "source_rule",
            Self::Channel => "channel",
            Self::SeenOn => "seen_on",
            Self::App => "app",
            Self::Referrer => "referrer",
            Self::Continent => "continent",
            Self::Country => "country",
            Self::Region => "region",
            Self::City => "city",
            Self::Asn => "asn",
            Self::Organisation => "organisation",
            Self::Device => "device",
            Self::Os => "os",
            Self::Browser => "browser",
            Self::Language => "language",
            Self::VisitorUtmSource => "visitor_utm_source",
            Self::VisitorUtmMedium => "visitor_utm_medium",
            Self::Unfilled => "unfilled",
        }
    }

    /// What counters count it by; the others are in click files alone.
    pub(crate) fn dimension(self) -> Option<Dimension> {
        Dimension::parse(self.as_str())
    }

    /// The facet that a dimension counts by; the hour is none.
    pub(crate) fn of(dimension: Dimension) -> Option<Self> {
        Self::ALL.into_iter().find(|facet| facet.as_str() == dimension.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_facet_has_a_word_of_its_own() {
        let words: std::collections::HashSet<_> = Facet::all().map(Facet::as_str).collect();
        assert_eq!(words.len(), LinkFacet::ALL.len() + ClickFacet::ALL.len());
        assert!(Facet::all().all(|facet| Facet::parse(facet.as_str()) == Some(facet)));
    }

    #[test]
    fn whatever_is_counted_but_the_hour_can_be_filtered_by() {
        let lost: Vec<_> =
            Dimension::ALL.into_iter().filter(|dimension| ClickFacet::of(*dimension).is_none()).collect();
        assert_eq!(lost, [Dimension::Hour]);
    }
}
