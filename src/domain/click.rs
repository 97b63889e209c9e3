//! A click: a hit with its verdict and attribution. It holds no address and no full referrer query.

use std::borrow::Cow;
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

/// Who clicks are attributed to and where they were seen to come from. Clicks of which the same is known share one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Origin {
    /// Who the click is attributed to.
    pub(crate) source: CompactString,
    /// The rule that named the source: `link`, `utm`, `click-id`, `app`, `referrer` or `direct`.
    pub(crate) source_rule: CompactString,
    /// The channel group by the rules of Analytics 4, such as `Organic Social`.
    pub(crate) channel: CompactString,
    /// Where it was observed to come from, whatever the link declares: an app, a referrer's name, or empty.
    pub(crate) seen_on: CompactString,
}

/// Where in the world, as far as the geo database knows; empty means unknown. Clicks from one place share one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
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

/// What the texts of a hit show of who asked, whatever link it met. Hits that show the same share one. Empty means
/// unknown or absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Look {
    /// The in-app browser, such as `instagram`.
    pub(crate) app: CompactString,
    /// Host of the referrer, lower-case.
    pub(crate) referrer_host: CompactString,
    /// Path of the referrer; its query is never kept.
    pub(crate) referrer_path: CompactString,
    pub(crate) device: Device,
    pub(crate) os: CompactString,
    pub(crate) browser: CompactString,
    /// The first language the browser asks for, such as `sv` or `pt-BR`.
    pub(crate) language: CompactString,
    /// Evidence, kept so that new rules can judge again.
    pub(crate) user_agent: CompactString,
    pub(crate) purpose: CompactString,
    /// Client hints as sent, `brands|mobile|platform|form-factors|requested-with`; empty when none was.
    pub(crate) hints: CompactString,
}

/// A click that keeps alive what it tells.
pub(crate) type Click = ClickOf<'static>;

/// What one hit turned out to be. Empty text means unknown or absent.
///
/// What clicks share may be lent to it: counting who keeps it was a sixth of what counting a click costs
/// (`benches/README.md`), and most clicks are dropped where it is kept.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ClickOf<'a> {
    /// UUIDv7 made from the hit's time and position, so the same hit always becomes the same click.
    pub(crate) id: Uuid,
    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub(crate) time_ms: i64,
    pub(crate) link: Cow<'a, Arc<LinkFacts>>,
    pub(crate) look: Cow<'a, Arc<Look>>,
    pub(crate) verdict: Verdict,
    /// Which rule decided, such as `user-agent:facebookexternalhit`.
    pub(crate) reason: Cow<'a, CompactString>,
    pub(crate) origin: Cow<'a, Arc<Origin>>,
    pub(crate) place: Cow<'a, Arc<Place>>,
    pub(crate) visitor: Visitor,
    /// Names of the click-id parameters that arrived, joined by `,`.
    pub(crate) click_ids: CompactString,
    /// The values of those that an advertiser reports conversions by, as a query: `gclid=x&fbclid=y`. Never a value that
    /// names a person.
    pub(crate) click_id_values: CompactString,
    /// The `utm_source` and `utm_medium` that the visitor brought along, as written.
    pub(crate) visitor_utm_source: CompactString,
    pub(crate) visitor_utm_medium: CompactString,
    /// Names of the `utm_*` parameters that arrived as macros which nobody had filled in, joined by `,`.
    pub(crate) unfilled: CompactString,
    pub(crate) rules_version: u32,
}

impl ClickOf<'_> {
    /// The same, for keeping.
    pub(crate) fn into_owned(self) -> Click {
        Click {
            link: Cow::Owned(self.link.into_owned()),
            look: Cow::Owned(self.look.into_owned()),
            origin: Cow::Owned(self.origin.into_owned()),
            place: Cow::Owned(self.place.into_owned()),
            reason: Cow::Owned(self.reason.into_owned()),
            ..self
        }
    }
}

#[cfg(test)]
impl Click {
    /// A human click that shows nothing, for tests that set what matters to them.
    pub(crate) fn blank(link: Arc<LinkFacts>, visitor: Visitor) -> Self {
        Self {
            id: Uuid::nil(),
            time_ms: 0,
            link: Cow::Owned(link),
            look: Cow::default(),
            verdict: Verdict::Human,
            reason: Cow::default(),
            origin: Cow::default(),
            place: Cow::default(),
            visitor,
            click_ids: CompactString::default(),
            click_id_values: CompactString::default(),
            visitor_utm_source: CompactString::default(),
            visitor_utm_medium: CompactString::default(),
            unfilled: CompactString::default(),
            rules_version: 0,
        }
    }
}

/// Gives the hits of one incarnation their click ids.
///
/// RFC 9562 section 5.7: 48 bits of Unix milliseconds, then 74 bits that here come from a hash of where the hit
/// stands instead of a random source. Reading the journal twice gives the same click twice, never two clicks; and
/// nobody who does not know the incarnation can guess an id.
pub(crate) struct ClickIds {
    incarnation: Incarnation,
    /// One hash gives random bits for this many positions, the first of which is `block * PER_BLOCK`.
    block: Option<u64>,
    bits: [[u8; 10]; PER_BLOCK as usize],
}

/// BLAKE3 gives 64 bytes for the price of 32; six times ten of them are used.
const PER_BLOCK: u64 = 6;

impl ClickIds {
    pub(crate) fn new(incarnation: Incarnation) -> Self {
        Self { incarnation, block: None, bits: [[0; 10]; PER_BLOCK as usize] }
    }

    /// The id of the click that the hit at `position` becomes: UUIDv7, a pure function of its arguments.
    pub(crate) fn of(&mut self, time_ms: i64, position: Position) -> Uuid {
        let block = position.0 / PER_BLOCK;
        if self.block != Some(block) {
            self.fill(block);
        }
        let bits = &self.bits[(position.0 % PER_BLOCK) as usize];
        uuid::Builder::from_unix_timestamp_millis(u64::try_from(time_ms).unwrap_or(0), bits).into_uuid()
    }

    fn fill(&mut self, block: u64) {
        let mut name = [0_u8; 24];
        name[..16].copy_from_slice(&self.incarnation.0.to_be_bytes());
        name[16..].copy_from_slice(&block.to_be_bytes());
        let mut bytes = [0_u8; 64];
        blake3::Hasher::new().update(&name).finalize_xof().fill(&mut bytes);
        for (bits, bytes) in self.bits.iter_mut().zip(bytes.chunks_exact(10)) {
            bits.copy_from_slice(bytes);
        }
        self.block = Some(block);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_click_id_is_a_uuid_of_version_7_that_depends_only_on_the_hit() {
        let mut ids = ClickIds::new(Incarnation(7));
        let in_order: Vec<Uuid> = (0..20).map(|position| ids.of(1_700_000_000_000, Position(position))).collect();
        let again: Vec<Uuid> = (0..20).rev().map(|position| ids.of(1_700_000_000_000, Position(position))).collect();
        assert!(in_order.iter().eq(again.iter().rev()));
        let different: std::collections::HashSet<_> = in_order.iter().collect();
        assert_eq!(different.len(), 20);
        assert_eq!(in_order[0].get_version_num(), 7);
        assert_eq!(&in_order[0].to_string()[..13], "018bcfe5-6800");
        assert_ne!(ClickIds::new(Incarnation(8)).of(1_700_000_000_000, Position(0)), in_order[0]);
    }
}
