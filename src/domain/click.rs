//! A click: a hit with its verdict and attribution. It holds no address and no full referrer query.

use std::sync::Arc;

use compact_str::CompactString;
use uuid::Uuid;

use super::link::LinkFacts;
use super::position::{Incarnation, Position};
use super::verdict::Verdict;
use super::visitor::Visitor;

/// The class of device a click came from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Device {
    Mobile,
    Tablet,
    Desktop,
    Tv,
    Console,
    Wearable,
    #[default]
    Other,
}

impl Device {
    const ALL: [Self; 7] =
        [Self::Mobile, Self::Tablet, Self::Desktop, Self::Tv, Self::Console, Self::Wearable, Self::Other];

    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|device| device.as_str() == text)
    }

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Mobile => "mobile",
            Self::Tablet => "tablet",
            Self::Desktop => "desktop",
            Self::Tv => "tv",
            Self::Console => "console",
            Self::Wearable => "wearable",
            Self::Other => "other",
        }
    }
}

/// Where in the world, as far as the geo database knows; empty means unknown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    /// Two letters, such as `EU`.
    pub(crate) continent: CompactString,
    /// ISO 3166-1 alpha-2, such as `SE`.
    pub(crate) country: CompactString,
    pub(crate) region: CompactString,
    pub(crate) city: CompactString,
    /// Number of the autonomous system the address belongs to, such as `16509`.
    pub(crate) asn: CompactString,
    /// Who runs that system.
    pub(crate) organisation: CompactString,
}

/// What one hit turned out to be. Empty text means unknown or absent.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Click {
    /// UUIDv7 made from the hit's time and position, so the same hit always becomes the same click.
    pub(crate) id: Uuid,
    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub(crate) time_ms: i64,
    pub(crate) link: Arc<LinkFacts>,
    pub(crate) verdict: Verdict,
    /// Which rule decided, such as `user-agent:facebookexternalhit`.
    pub(crate) reason: CompactString,
    /// Who the click is attributed to.
    pub(crate) source: CompactString,
    /// The rule that named the source: `link`, `utm`, `click-id`, `app`, `referrer` or `direct`.
    pub(crate) source_rule: CompactString,
    /// The channel group by the rules of Analytics 4, such as `Organic Social`.
    pub(crate) channel: CompactString,
    /// Where it was observed to come from, whatever the link declares: an app, a referrer's name, or empty.
    pub(crate) seen_on: CompactString,
    /// The in-app browser, such as `instagram`.
    pub(crate) app: CompactString,
    /// Host of the referrer, lower-case.
    pub(crate) referrer_host: CompactString,
    /// Path of the referrer; its query is never kept.
    pub(crate) referrer_path: CompactString,
    pub(crate) place: Place,
    pub(crate) device: Device,
    pub(crate) os: CompactString,
    pub(crate) browser: CompactString,
    /// The first language the browser asks for, such as `sv` or `pt-BR`.
    pub(crate) language: CompactString,
    pub(crate) visitor: Visitor,
    /// Names of the click-id parameters that arrived, joined by `,`; never their values.
    pub(crate) click_ids: CompactString,
    /// The `utm_source` and `utm_medium` that the visitor brought along, as written.
    pub(crate) visitor_utm_source: CompactString,
    pub(crate) visitor_utm_medium: CompactString,
    /// Evidence, kept so that new rules can judge again.
    pub(crate) user_agent: CompactString,
    pub(crate) purpose: CompactString,
    /// Client hints as sent, `brands|mobile|platform|form-factors|requested-with`; empty when none was.
    pub(crate) hints: CompactString,
    pub(crate) rules_version: u32,
}

#[cfg(test)]
impl Click {
    /// A human click that shows nothing, for tests that set what matters to them.
    pub(crate) fn blank(link: Arc<LinkFacts>, visitor: Visitor) -> Self {
        Self {
            id: Uuid::nil(),
            time_ms: 0,
            link,
            verdict: Verdict::Human,
            reason: CompactString::default(),
            source: CompactString::default(),
            source_rule: CompactString::default(),
            channel: CompactString::default(),
            seen_on: CompactString::default(),
            app: CompactString::default(),
            referrer_host: CompactString::default(),
            referrer_path: CompactString::default(),
            place: Place::default(),
            device: Device::default(),
            os: CompactString::default(),
            browser: CompactString::default(),
            language: CompactString::default(),
            visitor,
            click_ids: CompactString::default(),
            visitor_utm_source: CompactString::default(),
            visitor_utm_medium: CompactString::default(),
            user_agent: CompactString::default(),
            purpose: CompactString::default(),
            hints: CompactString::default(),
            rules_version: 0,
        }
    }
}

/// The id of the click that the hit at `position` becomes: UUIDv7, a pure function of its arguments.
///
/// RFC 9562 section 5.7: 48 bits of Unix milliseconds, then 74 bits that here come from a hash of where the hit
/// stands instead of a random source. Reading the journal twice gives the same click twice, never two clicks.
pub(crate) fn click_id(time_ms: i64, incarnation: Incarnation, position: Position) -> Uuid {
    let mut name = [0_u8; 24];
    name[..16].copy_from_slice(&incarnation.0.to_be_bytes());
    name[16..].copy_from_slice(&position.0.to_be_bytes());
    let hash = blake3::hash(&name);
    let mut random = [0_u8; 10];
    random.copy_from_slice(&hash.as_bytes()[..10]);
    let millis = u64::try_from(time_ms).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_click_id_is_a_uuid_of_version_7_that_depends_only_on_the_hit() {
        let at = |position| click_id(1_700_000_000_000, Incarnation(7), Position(position));
        assert_eq!(at(1), at(1));
        assert_ne!(at(1), at(2));
        assert_eq!(at(1).get_version_num(), 7);
        assert_eq!(&at(1).to_string()[..13], "018bcfe5-6800");
    }
}
