//! What is kept of a post's text: its beginning, and what looks like a web address in it.
//!
//! Pure. It must never keep the whole of a text: captions are other people's words and long.

/// How much of a text is kept, in characters; how many addresses, and how long, in bytes.
const TEXT_CHARS_MAX: usize = 200;
const MENTIONS_MAX: usize = 16;
const MENTION_BYTES_MAX: usize = 256;

/// Entities that platforms leave in texts.
const ENTITIES: [(&str, char); 7] =
    [("&amp;", '&'), ("&lt;", '<'), ("&gt;", '>'), ("&quot;", '"'), ("&#39;", '\''), ("&apos;", '\''), ("&nbsp;", ' ')];

/// The beginning of a text on one line, its entities decoded.
pub(super) fn beginning(text: &str) -> String {
    let decoded = decoded(text);
    let mut start = String::new();
    for word in decoded.split_whitespace() {
        if !start.is_empty() {
            start.push(' ');
        }
        start.push_str(word);
        if start.chars().count() > TEXT_CHARS_MAX {
            return start.chars().take(TEXT_CHARS_MAX - 1).chain(['\u{2026}']).collect();
        }
    }
    start
}

/// Entities decoded once: `&amp;lt;` is `&lt;`.
fn decoded(text: &str) -> String {
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        decoded.push_str(&rest[..at]);
        rest = &rest[at..];
        let (entity, letter) = ENTITIES.into_iter().find(|(entity, _)| rest.starts_with(entity)).unwrap_or(("&", '&'));
        decoded.push(letter);
        rest = &rest[entity.len()..];
    }
    decoded.push_str(rest);
    decoded
}

/// What looks like a web address, without its scheme: `go.example.com/spring`. One that is cut off by `…` is left
/// out, because its end is not known.
pub(super) fn mentions(text: &str, into: &mut Vec<String>) {
    if !text.contains('/') {
        return;
    }
    let is_gap = |c: char| c.is_whitespace() || matches!(c, '<' | '>' | '"' | '(' | ')' | '[' | ']' | '{' | '}' | '|');
    for word in decoded(text).split(is_gap) {
        let word: String = word.chars().filter(|c| !is_invisible(*c)).collect();
        let word = word.split_once("://").map_or(word.as_str(), |(_, address)| address);
        let bare =
            word.trim_end_matches([')', '.', ',', ';', '!', '?', ':', '\'', '"', '\u{201d}', '\u{2019}', '\u{bb}']);
        let bare = bare.trim_start_matches(['\'', '\u{201c}', '\u{2018}', '\u{ab}']);
        let is_cut = word.contains('\u{2026}') || word.ends_with("...");
        let is_address = bare.split_once('/').is_some_and(|(host, path)| is_host(host) && !path.is_empty());
        let is_new = !into.iter().any(|known| known == bare);
        if is_address && is_new && !is_cut && bare.len() <= MENTION_BYTES_MAX && into.len() < MENTIONS_MAX {
            into.push(bare.to_owned());
        }
    }
}

fn is_host(host: &str) -> bool {
    host.contains('.') && !host.starts_with('.') && !host.ends_with('.') && !host.contains(['@', ','])
}

fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' | '\u{ad}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        let mut found = Vec::new();
        mentions(text, &mut found);
        found
    }

    #[test]
    fn e57_e58_a_text_is_cut_at_a_character_and_its_entities_are_decoded() {
        assert_eq!(beginning(" Fish &amp; chips\n\n&lt;3 &amp;lt; R&D "), "Fish & chips <3 &lt; R&D");
        let family = "\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467} ";
        let long = beginning(&family.repeat(2000));
        assert_eq!((long.chars().count(), long.ends_with('\u{2026}')), (TEXT_CHARS_MAX, true));
        assert_eq!(beginning("\u{5e9}\u{5dc}\u{5d5}\u{5dd}"), "\u{5e9}\u{5dc}\u{5d5}\u{5dd}");
        assert_eq!(beginning(""), "");
    }

    #[test]
    fn addresses_are_found_with_and_without_scheme_and_punctuation() {
        assert_eq!(
            found("Look: https://go.example.com/spring, (go.example.com/Bio)!"),
            ["go.example.com/spring", "go.example.com/Bio"]
        );
        assert_eq!(found("a &amp; go.example.com/x?a=1&amp;b=2."), ["go.example.com/x?a=1&b=2"]);
        assert_eq!(found("go.exam\u{200b}ple.com/x go.example.com/x"), ["go.example.com/x"]);
        assert!(found("go.example.com/spr\u{2026} and/or 1/2 a.b/ .../x me@example.com/x").is_empty());
    }
}
