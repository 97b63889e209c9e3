//! A slug: the path segment of a link, and the form of it that is compared.
//!
//! [`fold_path`] runs for every redirect: it must never allocate beyond its output for a plain ASCII path, and
//! it must agree with [`Slug::folded`] on every slug that can be saved.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;
use unicode_normalization::is_nfc;

/// A slug as its owner wrote it, in NFC.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Slug(String);

/// Why a text cannot be a slug, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SlugError {
    #[error("the slug is empty: leave it out to get a generated one")]
    Empty,
    #[error("the slug has {0} characters: use at most {max}", max = Slug::CHARS_MAX)]
    TooLong(usize),
    #[error("the slug must not contain {}: use letters, digits, '-', '_', '.', '/' or emoji", shown(*.0))]
    Character(char),
    #[error("the slug must not begin or end with '/', nor contain '//'")]
    Slashes,
    #[error("the slug must not have '.' or '..' as a segment: browsers resolve them before they ask")]
    DotSegment,
    #[error("the slug {0:?} is reserved for the server itself: choose another one")]
    Reserved(String),
}

fn shown(character: char) -> String {
    if character == ' ' {
        return "a space".to_owned();
    }
    if is_spelled_out(character) { format!("{character:?}") } else { format!("U+{:04X}", u32::from(character)) }
}

/// Whether an error message may show the character itself: printable and not a mark that would join the quotes.
fn is_spelled_out(character: char) -> bool {
    character.is_ascii_graphic() || character.is_alphanumeric()
}

/// How a domain compares slugs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Matching {
    #[default]
    IgnoreCase,
    Strict,
}

impl Slug {
    /// The longest slug, in characters of its NFC form.
    pub(crate) const CHARS_MAX: usize = 128;

    /// Reads a slug as an owner gives it.
    ///
    /// Outside ASCII the rule is a list of what is allowed (letters, digits, marks, emoji), because a list of
    /// what is forbidden lets through whatever the next Unicode version adds.
    ///
    /// # Errors
    /// [`SlugError`], worded for the owner.
    pub(crate) fn parse(text: &str) -> Result<Self, SlugError> {
        let slug: String = text.nfc().take(Self::CHARS_MAX + 1).collect();
        if slug.is_empty() {
            return Err(SlugError::Empty);
        }
        if slug.chars().count() > Self::CHARS_MAX {
            return Err(SlugError::TooLong(text.chars().count()));
        }
        check_characters(&slug)?;
        check_segments(&slug)?;
        if is_reserved(&slug) {
            return Err(SlugError::Reserved(slug));
        }
        Ok(Self(slug))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The form that is looked up and that must be unique on a domain.
    pub(crate) fn folded(&self, matching: Matching) -> String {
        fold(&self.0, matching).into_owned()
    }
}

fn check_characters(slug: &str) -> Result<(), SlugError> {
    let mut before = '/';
    let mut rest = slug.chars();
    while let Some(character) = rest.next() {
        let after = rest.clone().next().unwrap_or('/');
        if !is_allowed(before, character, after) {
            return Err(SlugError::Character(character));
        }
        before = character;
    }
    Ok(())
}

/// Whether `character` may stand between its neighbours.
fn is_allowed(before: char, character: char, after: char) -> bool {
    match character {
        _ if character.is_ascii() => character.is_ascii_alphanumeric() || "_-./".contains(character),
        // The joiner and the emoji selector are invisible, so they are welcome only where they build an emoji.
        '\u{200d}' => (is_emoji(before) || before == '\u{fe0f}') && is_emoji(after),
        '\u{fe0f}' => is_emoji(before) || (after == '\u{20e3}' && before.is_ascii_digit()),
        _ if is_invisible(character) => false,
        '·' | '・' => true,
        _ if is_combining_mark(character) => before != '/',
        _ => character.is_alphanumeric() || is_emoji(character),
    }
}

/// Letters and marks that show nothing: Hangul fillers, the grapheme joiner, variation selectors
/// (`Default_Ignorable_Code_Point` of Unicode 16, as far as it meets letters and marks).
fn is_invisible(character: char) -> bool {
    matches!(character,
        '\u{34f}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}' | '\u{e0000}'..='\u{e0fff}')
}

/// The blocks that emoji live in (Unicode's `emoji-data.txt`, rounded up to whole blocks of pictographs).
fn is_emoji(character: char) -> bool {
    matches!(character,
        '\u{a9}' | '\u{ae}' | '\u{203c}' | '\u{2049}' | '\u{2122}' | '\u{2139}' | '\u{2194}'..='\u{21aa}'
        | '\u{231a}'..='\u{23ff}' | '\u{24c2}' | '\u{25aa}'..='\u{27bf}' | '\u{2934}'..='\u{2935}'
        | '\u{2b05}'..='\u{2b55}' | '\u{3030}' | '\u{303d}' | '\u{3297}' | '\u{3299}'
        | '\u{1f000}'..='\u{1faff}')
}

fn check_segments(slug: &str) -> Result<(), SlugError> {
    for segment in slug.split('/') {
        match segment {
            "" => return Err(SlugError::Slashes),
            "." | ".." => return Err(SlugError::DotSegment),
            _ => {}
        }
    }
    Ok(())
}

/// Paths that the redirect plane answers itself, or that a later version may want to.
const RESERVED: [&str; 4] = ["robots.txt", "favicon.ico", "sitemap.xml", "manifest.webmanifest"];
const RESERVED_FIRST_SEGMENTS: [&str; 8] =
    [".well-known", "admin", "api", "assets", "health", "healthz", "login", "metrics"];
const RESERVED_PREFIX: &str = "apple-touch-icon";

fn is_reserved(slug: &str) -> bool {
    let folded = fold(slug, Matching::IgnoreCase);
    let first = folded.split('/').next().unwrap_or_default();
    RESERVED.contains(&&*folded)
        || RESERVED_FIRST_SEGMENTS.contains(&first)
        || (first == folded && folded.starts_with(RESERVED_PREFIX))
}

/// NFC, and without case where case does not matter. Lower-casing can undo NFC, so it comes last again.
fn fold(text: &str, matching: Matching) -> Cow<'_, str> {
    match (matching, is_nfc(text)) {
        (Matching::Strict, true) => Cow::Borrowed(text),
        (Matching::Strict, false) => Cow::Owned(text.nfc().collect()),
        (Matching::IgnoreCase, _) => Cow::Owned(text.nfc().collect::<String>().to_lowercase().nfc().collect()),
    }
}

/// The longest request path that is looked at, in bytes as sent; a longer one is nobody's slug.
pub(crate) const PATH_BYTES_MAX: usize = 4096;

/// Writes what a request's path is looked up by into `out`: decoded once, without its leading slash and one
/// trailing slash, folded like [`Slug::folded`]. `false` when it is no text or too long, so no slug can match.
///
/// `path` is raw: percent-encoded, with its leading slash, without a query.
pub(crate) fn fold_path(path: &str, matching: Matching, out: &mut String) -> bool {
    out.clear();
    let path = path.strip_prefix('/').unwrap_or(path);
    let path = path.strip_suffix('/').unwrap_or(path);
    if path.len() > PATH_BYTES_MAX {
        return false;
    }
    if path.bytes().any(|byte| !byte.is_ascii() || byte == b'%') {
        return fold_encoded_path(path, matching, out);
    }
    out.push_str(path);
    if matching == Matching::IgnoreCase {
        out.make_ascii_lowercase();
    }
    true
}

#[cold]
fn fold_encoded_path(path: &str, matching: Matching, out: &mut String) -> bool {
    let Ok(decoded) = percent_encoding::percent_decode_str(path).decode_utf8() else { return false };
    out.push_str(&fold(&decoded, matching));
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn looked_up(path: &str, matching: Matching) -> Option<String> {
        let mut out = String::from("left over");
        fold_path(path, matching, &mut out).then_some(out)
    }

    #[test]
    fn letters_digits_four_marks_and_unicode_are_slugs() {
        for text in [
            "a",
            "Spring-2026_v1.2",
            "a/b/c",
            "한국어",
            "עברית",
            "été",
            "हिन्दी",
            "日本語・東京",
            "🎉",
            "👩‍💻",
            "❤️",
            "1️⃣",
            "🇸🇪",
            ".a",
            "a..b",
        ] {
            assert_eq!(Slug::parse(text).map(|slug| slug.as_str().to_owned()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn what_a_path_cannot_hold_or_an_eye_cannot_see_is_refused() {
        let refused = "% \\?#\"'<>&=+:;@!$*(){}[]|^`~,\t\r\n\0\u{7f}\u{85}\u{a0}\u{ad}\u{34f}\u{200b}\u{200c}\u{200d}\u{200e}\
                       \u{202e}\u{2028}\u{2066}\u{3000}\u{3164}\u{fe0f}\u{feff}\u{fffd}\u{e000}\u{f0000}\u{e0041}\u{ffff}／";
        for character in refused.chars() {
            let text = format!("a{character}b");
            assert_eq!(Slug::parse(&text), Err(SlugError::Character(character)), "{character:?}");
        }
        assert_eq!(Slug::parse("\u{301}a"), Err(SlugError::Character('\u{301}')), "a mark on nothing");
    }

    #[test]
    fn odd_segments_empty_and_long_slugs_are_refused() {
        assert_eq!(Slug::parse(""), Err(SlugError::Empty));
        for text in ["/a", "a/", "a//b", "/"] {
            assert_eq!(Slug::parse(text), Err(SlugError::Slashes), "{text}");
        }
        for text in [".", "..", "a/../b", "a/."] {
            assert_eq!(Slug::parse(text), Err(SlugError::DotSegment), "{text}");
        }
        assert!(Slug::parse(&"é".repeat(128)).is_ok());
        assert_eq!(Slug::parse(&"é".repeat(129)), Err(SlugError::TooLong(129)));
    }

    #[test]
    fn names_that_the_server_answers_itself_are_reserved_whatever_their_case() {
        for text in
            ["robots.txt", "Favicon.ICO", ".well-known/x", "API", "admin/x", "metrics", "apple-touch-icon-120x120.png"]
        {
            assert!(matches!(Slug::parse(text), Err(SlugError::Reserved(_))), "{text}");
        }
        for text in ["apis", "x/api", "robots", "healthy"] {
            assert!(Slug::parse(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn case_and_normal_form_are_one_slug_unless_the_domain_is_strict() {
        let slug = Slug::parse("E\u{301}T\u{c9}").unwrap();
        assert_eq!(slug.as_str(), "ÉTÉ");
        assert_eq!(slug.folded(Matching::IgnoreCase), "été");
        assert_eq!(slug.folded(Matching::Strict), "ÉTÉ");
        for text in ["İ/ΟΔΟΣ", "ǅ", "Straße", "ﬀ"] {
            let slug = Slug::parse(text).unwrap().folded(Matching::IgnoreCase);
            assert_eq!(fold(&slug, Matching::IgnoreCase), slug, "folding twice changes nothing");
        }
    }

    #[test]
    fn a_request_path_is_decoded_once_and_folded_like_the_slug() {
        let ignore = Matching::IgnoreCase;
        for (path, expected) in [
            ("/Spring", "spring"),
            ("/spring/", "spring"),
            ("/a/B", "a/b"),
            ("/a%2Fb", "a/b"),
            ("/%C3%89T%C3%A9", "été"),
            ("/E%CC%81", "é"),
            ("/%2541", "%41"),
            ("/%zz", "%zz"),
            ("/", ""),
        ] {
            assert_eq!(looked_up(path, ignore).as_deref(), Some(expected), "{path}");
        }
        assert_eq!(looked_up("/Spring", Matching::Strict).as_deref(), Some("Spring"));
        assert_eq!(looked_up("/%ff", ignore), None);
        assert_eq!(looked_up(&format!("/{}", "a".repeat(PATH_BYTES_MAX + 1)), ignore), None);
    }

    #[test]
    fn every_slug_is_found_under_its_percent_encoded_path() {
        for text in ["Spring/2026", "ÉTÉ", "👩‍💻", "İx", "ΟΔΟΣ", "1️⃣"] {
            let slug = Slug::parse(text).unwrap();
            for matching in [Matching::IgnoreCase, Matching::Strict] {
                let path =
                    format!("/{}", percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC));
                assert_eq!(looked_up(&path, matching), Some(slug.folded(matching)), "{text}");
            }
        }
    }
}
