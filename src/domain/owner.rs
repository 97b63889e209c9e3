//! The owner's mark: a cookie that says "this browser belongs to whoever runs this Waypost", and the tickets by which a
//! browser gets one. Pure.
//!
//! Both are a kind, a time and a keyed hash over the two. Nothing in them tells one browser from another, so the mark
//! cannot follow anybody around; and nobody without the admin key can make one.

use std::fmt;

/// Where the redirect plane takes tickets; nothing below `/.well-known/` is ever a link.
pub(crate) const OWNER_PATH: &str = "/.well-known/waypost/owner";
pub(crate) const ADDRESS_PATH: &str = "/.well-known/waypost/address";

/// The cookie's name.
pub(crate) const COOKIE: &str = "waypost_owner";

/// How long a ticket is good for, and how long a browser stays marked: as long as browsers keep a cookie at most
/// (RFC 6265bis, section 5.5).
pub(crate) const TICKET_SECONDS: i64 = 600;
pub(crate) const COOKIE_SECONDS: i64 = 400 * 24 * 60 * 60;

/// What a ticket lets its bearer do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Errand {
    /// Mark this browser; the cookie goes over https only, or over both.
    Mark {
        https: bool,
    },
    Unmark,
    /// Tell which address the request is taken to come from.
    Address,
}

impl Errand {
    const ALL: [Self; 4] = [Self::Mark { https: true }, Self::Mark { https: false }, Self::Unmark, Self::Address];

    fn as_str(self) -> &'static str {
        match self {
            Self::Mark { https: true } => "mark-https",
            Self::Mark { https: false } => "mark",
            Self::Unmark => "unmark",
            Self::Address => "address",
        }
    }
}

/// The kind of what is in the cookie.
const MARKED: &str = "marked";

/// Why a ticket opens nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Void {
    /// We never gave it out.
    Forged,
    /// We did, but its time is over.
    Expired,
}

/// What signs and checks. Made of the admin key, so a new admin key ends every mark.
#[derive(Clone)]
pub(crate) struct OwnerKey([u8; 32]);

impl fmt::Debug for OwnerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OwnerKey")
    }
}

impl OwnerKey {
    pub(crate) fn of(admin_key: &str) -> Self {
        Self(blake3::derive_key("waypost 2026-11 marks of the owner's browsers", admin_key.as_bytes()))
    }

    /// A ticket for one errand, to be used as the whole query of [`OWNER_PATH`] or [`ADDRESS_PATH`].
    pub(crate) fn ticket(&self, errand: Errand, now_ms: i64) -> String {
        self.signed(errand.as_str(), now_ms / 1000 + TICKET_SECONDS)
    }

    /// # Errors
    /// When the ticket is not ours or too old.
    pub(crate) fn redeem(&self, ticket: &str, now_ms: i64) -> Result<Errand, Void> {
        let (kind, ends_s) = self.checked(ticket).ok_or(Void::Forged)?;
        let errand = Errand::ALL.into_iter().find(|errand| errand.as_str() == kind).ok_or(Void::Forged)?;
        if ends_s * 1000 > now_ms { Ok(errand) } else { Err(Void::Expired) }
    }

    /// What the cookie of a marked browser holds.
    pub(crate) fn mark(&self, now_ms: i64) -> String {
        self.signed(MARKED, now_ms / 1000 + COOKIE_SECONDS)
    }

    /// Whether a `Cookie` header holds a mark of ours that is still good.
    pub(crate) fn vouches(&self, cookies: &[u8], now_ms: i64) -> bool {
        let Ok(cookies) = std::str::from_utf8(cookies) else { return false };
        let pairs = cookies.split(';').filter_map(|pair| pair.trim().split_once('='));
        let mut ours = pairs.filter(|(name, _)| *name == COOKIE).filter_map(|(_, value)| self.checked(value));
        ours.any(|(kind, ends_s)| kind == MARKED && ends_s * 1000 > now_ms)
    }

    fn signed(&self, kind: &str, ends_s: i64) -> String {
        format!("{kind}.{ends_s}.{}", self.hash(kind, ends_s).to_hex())
    }

    /// Kind and end of a text that we signed. `blake3::Hash` compares in constant time.
    fn checked<'t>(&self, text: &'t str) -> Option<(&'t str, i64)> {
        let mut parts = text.splitn(3, '.');
        let (kind, ends_s, hash) = (parts.next()?, parts.next()?, parts.next()?);
        let ends_s = ends_s.parse().ok().filter(|ends_s| (0..=i64::MAX / 1000).contains(ends_s))?;
        (blake3::Hash::from_hex(hash).ok()? == self.hash(kind, ends_s)).then_some((kind, ends_s))
    }

    fn hash(&self, kind: &str, ends_s: i64) -> blake3::Hash {
        blake3::keyed_hash(&self.0, format!("{kind}.{ends_s}").as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_700_000_000_000;

    fn cookie(value: &str) -> Vec<u8> {
        format!("a=b; {COOKIE}={value}; c=d").into_bytes()
    }

    #[test]
    fn a_ticket_is_good_for_its_errand_and_its_time() {
        let key = OwnerKey::of("wp_key");
        for errand in Errand::ALL {
            let ticket = key.ticket(errand, NOW);
            assert_eq!(key.redeem(&ticket, NOW + 1000), Ok(errand));
            assert_eq!(key.redeem(&ticket, NOW + TICKET_SECONDS * 1000), Err(Void::Expired));
            assert_eq!(OwnerKey::of("wp_other").redeem(&ticket, NOW), Err(Void::Forged));
            let other = ticket.replacen(errand.as_str(), "mark", 1);
            assert!(errand == Errand::Mark { https: false } || key.redeem(&other, NOW) == Err(Void::Forged));
        }
    }

    #[test]
    fn only_a_mark_of_ours_vouches_and_a_ticket_is_no_mark() {
        let key = OwnerKey::of("wp_key");
        let mark = key.mark(NOW);
        assert!(key.vouches(&cookie(&mark), NOW));
        assert!(!key.vouches(&cookie(&mark), NOW + COOKIE_SECONDS * 1000));
        assert!(!OwnerKey::of("wp_other").vouches(&cookie(&mark), NOW));
        let later = mark.replacen(".1", ".2", 1);
        for forged in ["", "1", "marked", "marked.1.2", &mark[..mark.len() - 1], &later, &mark.replace('.', " ")] {
            assert!(!key.vouches(&cookie(forged), NOW), "{forged}");
        }
        assert!(!key.vouches(&cookie(&key.ticket(Errand::Mark { https: true }, NOW)), NOW));
        assert!(!key.vouches(format!("x{COOKIE}={mark}").as_bytes(), NOW) && !key.vouches(b"\xff", NOW));
        assert!(key.redeem(&mark, NOW) == Err(Void::Forged), "a mark opens nothing");
    }

    #[test]
    fn two_marks_of_one_moment_are_the_same_so_they_tell_nobody_apart() {
        let key = OwnerKey::of("wp_key");
        assert_eq!(key.mark(NOW), key.mark(NOW + 999));
        assert_eq!(format!("{key:?}"), "OwnerKey");
    }
}
