//! One link in memory, in one piece: whoever finds it has all that a redirect needs of it.

use std::sync::atomic::{AtomicU8, Ordering};

use triomphe::ThinArc;

use crate::domain::click_token::PLACEHOLDER;
use crate::domain::link::{Link, LinkId, Status};
use crate::domain::placement::Level;
use crate::domain::utm::Utm;

const ENABLED: u8 = 1;
const PASSTHROUGH: u8 = 2;
const VISITOR_UTM: u8 = 4;
const RECENTLY_USED: u8 = 8;
const CLICK_ID: u8 = 16;

/// A link as a redirect needs it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry<'a> {
    pub(crate) id: LinkId,
    pub(crate) destination: &'a str,
    pub(crate) status: Status,
    pub(crate) enabled: bool,
    pub(crate) passthrough: bool,
    pub(crate) visitor_utm: bool,
    /// Whether the destination asks for the click's token.
    pub(crate) click_id: bool,
    pub(crate) expires_ms: Option<i64>,
    pub(crate) expired_url: Option<&'a str>,
}

/// What is of one size, and behind it the texts: the folded slug, then the destination. The pointer is of eight bytes, because
/// the table has two for each link and room for as many again.
#[derive(Clone)]
pub(super) struct Packed(ThinArc<Head, u8>);

struct Head {
    id: u64,
    /// What few links have.
    rare: Option<Box<Rare>>,
    slug_bytes: u16,
    domain: u16,
    /// Index of the platform's name and one; 0 for none.
    platform: u16,
    level_and_status: u8,
    flags: AtomicU8,
}

/// With count and length before it and behind it, two thirds of a line of the processor's cache.
const _: () = assert!(size_of::<Head>() == 24 && size_of::<Option<Packed>>() == 8);

struct Rare {
    /// The slug as its owner wrote it, when it differs from its folded form.
    slug: Option<Box<str>>,
    expires_ms: Option<i64>,
    expired_url: Option<Box<str>>,
}

impl Packed {
    /// `domain` and `platform` are places in lists of names.
    pub(super) fn of(link: &Link, folded: &str, domain: u16, platform: Option<u16>) -> Self {
        let spec = &link.spec;
        let rules = &spec.rules;
        let text = format!("{folded}{}", spec.destination.as_str());
        let rare = Rare {
            slug: (spec.slug.as_str() != folded).then(|| spec.slug.as_str().into()),
            expires_ms: rules.expires_at.map(jiff::Timestamp::as_millisecond),
            expired_url: rules.expired_url.as_ref().map(|url| url.as_str().into()),
        };
        let is_rare = rare.slug.is_some() || rare.expires_ms.is_some() || rare.expired_url.is_some();
        let flag = |on: bool, flag: u8| if on { flag } else { 0 };
        let flags = flag(rules.enabled, ENABLED)
            | flag(rules.passthrough, PASSTHROUGH)
            | flag(rules.visitor_utm, VISITOR_UTM)
            | flag(spec.destination.as_str().contains(PLACEHOLDER), CLICK_ID)
            | RECENTLY_USED;
        let head = Head {
            id: link.id.0,
            rare: is_rare.then(|| Box::new(rare)),
            slug_bytes: u16::try_from(folded.len()).expect("a slug is at most 128 characters"),
            domain,
            platform: platform.map_or(0, |index| index + 1),
            level_and_status: (spec.placement.level as u8) << 4 | rules.status as u8,
            flags: AtomicU8::new(flags),
        };
        Self(ThinArc::from_header_and_slice(head, text.as_bytes()))
    }

    fn head(&self) -> &Head {
        &self.0.header.header
    }

    pub(super) fn id(&self) -> LinkId {
        LinkId(self.head().id)
    }

    /// Reads its first and its last byte, so that it is near soon. Looks at no text, for which it would have to wait.
    pub(super) fn fetch(&self) {
        std::hint::black_box((self.head().id, self.0.slice.last().copied()));
    }

    pub(super) fn domain(&self) -> u16 {
        self.head().domain
    }

    fn texts(&self) -> (&[u8], &[u8]) {
        self.0.slice.split_at(usize::from(self.head().slug_bytes))
    }

    /// Folded.
    pub(super) fn slug(&self) -> &str {
        text(self.texts().0)
    }

    /// As its owner wrote it.
    pub(super) fn given_slug(&self) -> &str {
        self.head().rare.as_ref().and_then(|rare| rare.slug.as_deref()).unwrap_or_else(|| self.slug())
    }

    pub(super) fn destination(&self) -> &str {
        text(self.texts().1)
    }

    pub(super) fn utm(&self) -> Utm {
        let before_fragment = self.destination().split('#').next().unwrap_or_default();
        Utm::read(before_fragment.split_once('?').map_or("", |(_, query)| query))
    }

    pub(super) fn platform(&self) -> Option<u16> {
        self.head().platform.checked_sub(1)
    }

    pub(super) fn level(&self) -> Level {
        Level::ALL[usize::from(self.head().level_and_status >> 4) % Level::ALL.len()]
    }

    /// Whether it is the same link as it was put in at the same time.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        std::ptr::eq(self.head(), other.head())
    }

    /// Whether it is the link with this slug.
    pub(super) fn is(&self, domain: u16, folded: &str) -> bool {
        self.domain() == domain && self.texts().0 == folded.as_bytes()
    }

    pub(super) fn note_use(&self) {
        let flags = &self.head().flags;
        // Only the first reader since it was last asked writes, so a hot link stays a shared cache line.
        if flags.load(Ordering::Relaxed) & RECENTLY_USED == 0 {
            flags.fetch_or(RECENTLY_USED, Ordering::Relaxed);
        }
    }

    /// Whether it was used since this was last asked.
    pub(super) fn was_used(&self) -> bool {
        self.head().flags.fetch_and(!RECENTLY_USED, Ordering::Relaxed) & RECENTLY_USED != 0
    }

    pub(super) fn entry(&self) -> Entry<'_> {
        let head = self.head();
        let flags = head.flags.load(Ordering::Relaxed);
        Entry {
            id: self.id(),
            destination: self.destination(),
            status: Status::ALL[usize::from(head.level_and_status & 3)],
            enabled: flags & ENABLED != 0,
            passthrough: flags & PASSTHROUGH != 0,
            visitor_utm: flags & VISITOR_UTM != 0,
            click_id: flags & CLICK_ID != 0,
            expires_ms: head.rare.as_ref().and_then(|rare| rare.expires_ms),
            expired_url: head.rare.as_ref().and_then(|rare| rare.expired_url.as_deref()),
        }
    }
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("slug and destination were texts, one behind the other")
}
