//! A hit: what one request for a slug showed, before anybody judges it.
//!
//! It borrows from the request (or from the journal's page) and must never copy or read a text: it is built on the hot
//! path.
//! It holds the raw address, so it must never leave the node; what leaves is a [`Click`](super::click::Click).

use std::net::{IpAddr, Ipv4Addr};

use super::link::LinkId;

/// The longest prefix of each captured text that is kept, in bytes.
pub(crate) const QUERY_MAX: usize = 1024;
pub(crate) const USER_AGENT_MAX: usize = 512;
pub(crate) const REFERRER_MAX: usize = 512;
pub(crate) const HINT_MAX: usize = 256;
pub(crate) const SHORT_MAX: usize = 64;

/// `GET` and `HEAD` are answered alike and told apart here; every other method is refused before a hit exists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Method {
    #[default]
    Get,
    Head,
}

/// A hit that is judged: its texts are valid UTF-8.
pub(crate) type Hit<'a> = HitOf<&'a str>;

/// A hit that is recorded: its texts are bytes as they were sent. [`HitOf::text`] makes text of them, behind the answer.
pub(crate) type RawHit<'a> = HitOf<&'a [u8]>;

/// One request for a known slug. Every text is cut to its limit; empty means absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HitOf<T> {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub(crate) time_ms: i64,
    pub(crate) link: LinkId,
    pub(crate) method: Method,
    pub(crate) address: IpAddr,
    /// It came with a mark that an owner's browser has.
    pub(crate) by_owner: bool,
    /// Without the `?`, as sent.
    pub(crate) query: T,
    pub(crate) user_agent: T,
    pub(crate) referrer: T,
    pub(crate) accept_language: T,
    /// The first of `Sec-Purpose`, `Purpose`, `X-Purpose` and `X-Moz` that was sent.
    pub(crate) purpose: T,
    /// `Sec-CH-UA`.
    pub(crate) brands: T,
    /// `Sec-CH-UA-Mobile`: `?1` or `?0`.
    pub(crate) mobile: T,
    /// `Sec-CH-UA-Platform`, quotes included.
    pub(crate) platform: T,
    /// `Sec-CH-UA-Form-Factors`.
    pub(crate) form_factors: T,
    /// `X-Requested-With`: the Android package that embeds the web view.
    pub(crate) requested_with: T,
}

/// What a hit keeps of bytes that were sent.
pub(crate) trait Kept<'a>: Copy + Default + AsRef<[u8]> {
    /// The longest prefix within `max` bytes that can be kept. Copies nothing.
    fn prefix(bytes: &'a [u8], max: usize) -> Self;
}

impl<'a> Kept<'a> for &'a [u8] {
    fn prefix(bytes: &'a [u8], max: usize) -> Self {
        &bytes[..bytes.len().min(max)]
    }
}

impl<'a> Kept<'a> for &'a str {
    fn prefix(bytes: &'a [u8], max: usize) -> Self {
        let bytes = <&[u8]>::prefix(bytes, max);
        match std::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default(),
        }
    }
}

impl<'a, T: Kept<'a>> HitOf<T> {
    /// A hit of which nothing but the link and the time is known yet.
    pub(crate) fn new(link: LinkId, time_ms: i64) -> Self {
        Self {
            time_ms,
            link,
            method: Method::Get,
            address: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            by_owner: false,
            query: T::default(),
            user_agent: T::default(),
            referrer: T::default(),
            accept_language: T::default(),
            purpose: T::default(),
            brands: T::default(),
            mobile: T::default(),
            platform: T::default(),
            form_factors: T::default(),
            requested_with: T::default(),
        }
    }

    /// Takes one request header if it matters. `name` is in lower case.
    pub(crate) fn take_header(&mut self, name: &str, value: &'a [u8]) {
        let (field, max) = match name {
            "user-agent" => (&mut self.user_agent, USER_AGENT_MAX),
            "referer" => (&mut self.referrer, REFERRER_MAX),
            "accept-language" => (&mut self.accept_language, SHORT_MAX),
            "sec-purpose" | "purpose" | "x-purpose" | "x-moz" => (&mut self.purpose, SHORT_MAX),
            "sec-ch-ua" => (&mut self.brands, HINT_MAX),
            "sec-ch-ua-mobile" => (&mut self.mobile, SHORT_MAX),
            "sec-ch-ua-platform" => (&mut self.platform, SHORT_MAX),
            "sec-ch-ua-form-factors" => (&mut self.form_factors, SHORT_MAX),
            "x-requested-with" => (&mut self.requested_with, SHORT_MAX),
            _ => return,
        };
        if field.as_ref().is_empty() {
            *field = T::prefix(value, max);
        }
    }

    /// Takes the query as sent, without its `?`.
    pub(crate) fn take_query(&mut self, query: &'a str) {
        self.query = T::prefix(query.as_bytes(), QUERY_MAX);
    }
}

impl<T> HitOf<T> {
    /// Every text, the query first and behind it what the hit shows of who asked. Journals have them in this order, so it never
    /// changes. Where each of them stands: ten slices would be copied only to be read once.
    pub(crate) fn texts(&self) -> [&T; 10] {
        [
            &self.query,
            &self.user_agent,
            &self.referrer,
            &self.accept_language,
            &self.purpose,
            &self.brands,
            &self.mobile,
            &self.platform,
            &self.form_factors,
            &self.requested_with,
        ]
    }
}

impl<T: AsRef<[u8]>> HitOf<T> {
    /// The same with texts, each up to its first byte that is not UTF-8.
    pub(crate) fn text(&self) -> Hit<'_> {
        HitOf {
            time_ms: self.time_ms,
            link: self.link,
            method: self.method,
            address: self.address,
            by_owner: self.by_owner,
            query: text(&self.query),
            user_agent: text(&self.user_agent),
            referrer: text(&self.referrer),
            accept_language: text(&self.accept_language),
            purpose: text(&self.purpose),
            brands: text(&self.brands),
            mobile: text(&self.mobile),
            platform: text(&self.platform),
            form_factors: text(&self.form_factors),
            requested_with: text(&self.requested_with),
        }
    }
}

/// Up to the first byte that is not UTF-8.
pub(crate) fn text<T: AsRef<[u8]>>(sent: &T) -> &str {
    <&str>::prefix(sent.as_ref(), usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_at_its_limit_and_at_the_first_byte_that_is_not_utf8() {
        assert_eq!(<&str>::prefix(b"abc", 2), "ab");
        assert_eq!(<&str>::prefix("a\u{e9}".as_bytes(), 2), "a");
        assert_eq!(<&str>::prefix(b"ab\xffcd", 9), "ab");
    }

    #[test]
    fn the_first_purpose_header_wins() {
        let mut hit = Hit::new(LinkId(1), 0);
        hit.take_header("sec-purpose", b"prefetch");
        hit.take_header("purpose", b"other");
        assert_eq!(hit.purpose, "prefetch");
    }
}
