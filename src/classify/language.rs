//! The first language a browser asks for, in the spelling that reports use.

use compact_str::CompactString;

use super::names::lower;

/// `sv`, `pt-BR`, `zh-Hant`: the first tag of an `Accept-Language` header, or empty if it is none (RFC 9110, 12.5.4).
/// Only the language and one subtag are kept; longer tags would tell people apart.
pub(super) fn first(header: &str) -> CompactString {
    let tag = header.split([',', ';']).next().unwrap_or_default().trim();
    let mut parts = tag.split('-');
    let language = parts.next().unwrap_or_default();
    if !(2..=3).contains(&language.len()) || !letters(language) {
        return CompactString::default();
    }
    let mut kept = lower(language);
    match parts.next() {
        Some(region) if region.len() == 2 && letters(region) => {
            kept.push('-');
            kept.extend(region.chars().map(|c| c.to_ascii_uppercase()));
        }
        Some(script) if script.len() == 4 && letters(script) => {
            kept.push('-');
            kept.push_str(&script[..1].to_ascii_uppercase());
            kept.push_str(&script[1..].to_ascii_lowercase());
        }
        _ => {}
    }
    kept
}

fn letters(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_language_is_taken_in_its_usual_spelling() {
        for (header, language) in [
            ("sv-SE,sv;q=0.9,en;q=0.8", "sv-SE"),
            ("PT-br", "pt-BR"),
            ("zh-hant-TW", "zh-Hant"),
            ("de;q=1", "de"),
            ("*", ""),
            ("", ""),
            ("x", ""),
            ("en-\u{e9}\u{e9}", "en"),
            ("\u{e9}n", ""),
        ] {
            assert_eq!(first(header), language, "{header:?}");
        }
    }
}
