//! A destination: where a link leads, UTM already merged in, ready to be a `Location` header.
//!
//! What is kept is what the URL parser wrote, never what was typed: tabs and newlines inside `java\nscript:`
//! vanish in parsing, so a check of the typed text would check something else than browsers follow.

use url::{ParseError, Url};

/// An absolute http or https URL in its serialised form: printable ASCII, no space, no credentials.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Destination(String);

/// Why a text cannot be a destination, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DestinationError {
    #[error("the destination is empty: give a URL such as https://example.com/page")]
    Empty,
    #[error("the destination contains a control character or line break ({}): remove it", .0.escape_unicode())]
    Control(char),
    #[error("the destination has no scheme: write it in full, such as https://example.com/page")]
    NoScheme,
    #[error("the scheme {0:?} is not allowed: a link may lead to http:// and https:// only")]
    Scheme(String),
    #[error("the destination has no host: write it in full, such as https://example.com/page")]
    NoHost,
    #[error("the destination carries a user name or password: remove what stands before the '@'")]
    Credentials,
    #[error("port 0 does not exist: remove the port or give the right one")]
    PortZero,
    #[error("the destination is {bytes} bytes long: use at most {max} (`links.destination_bytes_max` raises it)")]
    TooLong { bytes: usize, max: usize },
    #[error("the destination is not a URL: {0}")]
    NotAUrl(String),
}

/// The three parts a query is merged into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Parts<'a> {
    /// Scheme, host, port and path.
    pub(crate) base: &'a str,
    /// Without its `?`.
    pub(crate) query: Option<&'a str>,
    /// Without its `#`.
    pub(crate) fragment: Option<&'a str>,
}

impl Destination {
    /// The default of `links.destination_bytes_max`.
    #[cfg(test)]
    pub(crate) const BYTES_MAX: usize = 2048;

    /// Reads a destination as an owner gives it; spaces around it are ignored. `bytes_max` bounds the result.
    ///
    /// # Errors
    /// [`DestinationError`], worded for the owner.
    pub(crate) fn parse(text: &str, bytes_max: usize) -> Result<Self, DestinationError> {
        let text = text.trim_matches(' ');
        check_text(text, bytes_max)?;
        let url = Url::parse(text).map_err(|error| unparsable(error, text))?;
        check_url(&url)?;
        let serialised = String::from(url);
        if serialised.len() > bytes_max {
            return Err(DestinationError::TooLong { bytes: serialised.len(), max: bytes_max });
        }
        match serialised.chars().find(|character| !character.is_ascii_graphic()) {
            Some(character) => Err(DestinationError::NotAUrl(format!("it keeps the character {character:?}"))),
            None => Ok(Self(serialised)),
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn parts(&self) -> Parts<'_> {
        Parts::of(&self.0)
    }

    /// The host, lower-case and in punycode, IPv6 in brackets; and the port that is connected to.
    pub(crate) fn host_and_port(&self) -> (&str, u16) {
        let secure = self.0.starts_with("https:");
        let (_, rest) = self.0.split_once("://").unwrap_or_default();
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let colon = authority.rfind(':').filter(|colon| *colon > authority.rfind(']').unwrap_or(0));
        let default = if secure { 443 } else { 80 };
        match colon {
            Some(colon) => (&authority[..colon], authority[colon + 1..].parse().unwrap_or(default)),
            None => (authority, default),
        }
    }

    /// Whether anybody on the way can read and change what is sent.
    pub(crate) fn is_plain_http(&self) -> bool {
        self.0.starts_with("http:")
    }
}

impl<'a> Parts<'a> {
    /// Splits a serialised URL. The fragment comes off first: it may contain a `?`.
    pub(crate) fn of(serialised: &'a str) -> Self {
        let (rest, fragment) = match serialised.split_once('#') {
            Some((rest, fragment)) => (rest, Some(fragment)),
            None => (serialised, None),
        };
        match rest.split_once('?') {
            Some((base, query)) => Self { base, query: Some(query), fragment },
            None => Self { base: rest, query: None, fragment },
        }
    }
}

/// How much longer than its serialised form a typed URL may be before it is not even parsed.
const TYPED_FACTOR: usize = 4;

fn check_text(text: &str, bytes_max: usize) -> Result<(), DestinationError> {
    if text.is_empty() {
        return Err(DestinationError::Empty);
    }
    if text.len() > bytes_max.saturating_mul(TYPED_FACTOR) {
        return Err(DestinationError::TooLong { bytes: text.len(), max: bytes_max });
    }
    match text.chars().find(|character| character.is_control()) {
        Some(character) => Err(DestinationError::Control(character)),
        None => Ok(()),
    }
}

fn unparsable(error: ParseError, text: &str) -> DestinationError {
    match error {
        ParseError::RelativeUrlWithoutBase => DestinationError::NoScheme,
        // `javascript://` and the like have no host either, but the scheme is what is wrong with them.
        ParseError::EmptyHost => match text.split_once(':') {
            Some((scheme, _)) if !is_web(&scheme.to_ascii_lowercase()) => DestinationError::Scheme(cut(scheme)),
            _ => DestinationError::NoHost,
        },
        other => DestinationError::NotAUrl(other.to_string()),
    }
}

fn check_url(url: &Url) -> Result<(), DestinationError> {
    if !is_web(url.scheme()) {
        // `example.com:8080/x` and `localhost:3000` parse as a scheme; their owner forgot the real one.
        let forgotten = url.scheme().contains('.') || url.path().starts_with(|first: char| first.is_ascii_digit());
        return Err(if forgotten { DestinationError::NoScheme } else { DestinationError::Scheme(cut(url.scheme())) });
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(DestinationError::Credentials);
    }
    if url.host_str().is_none_or(|host| host.trim_matches('.').is_empty()) {
        return Err(DestinationError::NoHost);
    }
    if url.port() == Some(0) {
        return Err(DestinationError::PortZero);
    }
    Ok(())
}

fn is_web(scheme: &str) -> bool {
    matches!(scheme, "http" | "https")
}

fn cut(scheme: &str) -> String {
    scheme.chars().take(32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<String, DestinationError> {
        Destination::parse(text, Destination::BYTES_MAX).map(|destination| destination.0)
    }

    #[test]
    fn a_web_address_is_kept_in_its_serialised_form() {
        for (text, kept) in [
            ("https://example.com", "https://example.com/"),
            ("  HTTPS://EXAMPLE.com:443/A?b=1#c?d  ", "https://example.com/A?b=1#c?d"),
            ("http://bücher.example/ä b?q=ö", "http://xn--bcher-kva.example/%C3%A4%20b?q=%C3%B6"),
            ("https://e.com/?a=%2B%2f+x&b&&c=", "https://e.com/?a=%2B%2f+x&b&&c="),
            ("https://e.com/?n={{campaign.name}}", "https://e.com/?n={{campaign.name}}"),
            ("http://127.0.0.1:9/x", "http://127.0.0.1:9/x"),
            ("http://[::1]:9", "http://[::1]:9/"),
            ("https://good.example\\@evil.example/", "https://good.example/@evil.example/"),
        ] {
            assert_eq!(parse(text).as_deref(), Ok(kept), "{text}");
            assert_eq!(parse(kept).as_deref(), Ok(kept), "reading it again changes nothing");
        }
    }

    #[test]
    fn every_other_scheme_is_refused() {
        for text in [
            "javascript:alert(1)",
            "JavaScript://%0aalert(1)",
            "data:text/html,x",
            "file:///etc/passwd",
            "ftp://e.com/",
            "ws://e.com/",
            "mailto:a@example.com",
            "intent://x#Intent;end",
        ] {
            assert!(matches!(parse(text), Err(DestinationError::Scheme(_))), "{text}: {:?}", parse(text));
        }
        for text in ["example.com", "//example.com", "example.com:8080/x", "localhost:3000", "/x"] {
            assert_eq!(parse(text), Err(DestinationError::NoScheme), "{text}");
        }
    }

    #[test]
    fn line_breaks_and_control_characters_are_refused_anywhere() {
        for text in [
            "java\nscript:alert(1)",
            "https://e.com/\r\nSet-Cookie:a",
            "https://e.com/\t",
            "\u{1}https://e.com",
            "https://e.com/\u{85}",
        ] {
            assert!(matches!(parse(text), Err(DestinationError::Control(_))), "{text:?}");
        }
    }

    #[test]
    fn credentials_missing_hosts_and_port_zero_are_refused() {
        assert_eq!(parse("https://user@example.com/"), Err(DestinationError::Credentials));
        assert_eq!(parse("https://:secret@example.com/"), Err(DestinationError::Credentials));
        assert_eq!(parse("https://example.com:0/"), Err(DestinationError::PortZero));
        assert_eq!(parse("https://"), Err(DestinationError::NoHost));
        assert_eq!(parse("https://./"), Err(DestinationError::NoHost));
        assert_eq!(parse(" "), Err(DestinationError::Empty));
        assert!(matches!(parse("https://exa mple.com"), Err(DestinationError::NotAUrl(_))));
    }

    #[test]
    fn the_limit_is_on_the_serialised_form() {
        let at = |bytes: usize| format!("https://e.com/{}", "a".repeat(bytes - "https://e.com/".len()));
        assert!(parse(&at(2048)).is_ok());
        assert_eq!(parse(&at(2049)), Err(DestinationError::TooLong { bytes: 2049, max: 2048 }));
        assert!(matches!(parse(&format!("https://e.com/{}", "ä".repeat(1000))), Err(DestinationError::TooLong { .. })));
        assert!(matches!(parse(&at(100_000)), Err(DestinationError::TooLong { bytes: 100_000, .. })));
    }

    #[test]
    fn host_and_port_are_those_that_are_connected_to() {
        for (text, host, port) in [
            ("https://Example.com./x:1", "example.com.", 443),
            ("http://[::1]/", "[::1]", 80),
            ("http://[::1]:81/", "[::1]", 81),
            ("http://a:82?x", "a", 82),
        ] {
            let destination = Destination::parse(text, 2048).unwrap();
            assert_eq!(destination.host_and_port(), (host, port), "{text}");
        }
    }
}
