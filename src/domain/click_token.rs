//! Click tokens: what a destination is handed when its link asks for it, and gives back when the click became something.
//!
//! A token says by itself which link was clicked and when, so nothing has to be looked up or kept for it. It must never
//! be believed without its seal: what stands in a visitor's address bar can be changed there.

use super::link::LinkId;

/// Where a destination wants the token: `https://shop.example/?click={click_id}`.
pub(crate) const PLACEHOLDER: &str = "{click_id}";

/// Link, second and number, then the seal; in hexadecimal digits, which need no escaping anywhere.
const BYTES: usize = 24;
const SEALED: usize = 16;
pub(crate) const CHARS: usize = 2 * BYTES;

/// What tokens are sealed with; the same on every node of an installation.
#[derive(Clone)]
pub(crate) struct TokenKey([u8; 32]);

/// What a token says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ClickToken {
    pub(crate) link: LinkId,
    /// Seconds since 1970-01-01T00:00:00Z.
    pub(crate) time_s: u32,
    /// Tells clicks of one link and second apart.
    pub(crate) number: u64,
}

impl TokenKey {
    pub(crate) fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The token of a click, as text. Of link and number 48 bits are kept.
    pub(crate) fn mint(&self, token: ClickToken) -> [u8; CHARS] {
        let mut bytes = [0; BYTES];
        bytes[..6].copy_from_slice(&token.link.0.to_be_bytes()[2..]);
        bytes[6..10].copy_from_slice(&token.time_s.to_be_bytes());
        bytes[10..SEALED].copy_from_slice(&token.number.to_be_bytes()[2..]);
        let seal = self.seal(&bytes[..SEALED]);
        bytes[SEALED..].copy_from_slice(&seal);
        let mut text = [0; CHARS];
        for (at, byte) in bytes.iter().enumerate() {
            text[2 * at] = digit(byte >> 4);
            text[2 * at + 1] = digit(byte & 15);
        }
        text
    }

    /// `None` when this key did not seal the text.
    pub(crate) fn read(&self, text: &str) -> Option<ClickToken> {
        if text.len() != CHARS || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let mut bytes = [0; BYTES];
        for (at, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok()?;
        }
        let (said, seal) = bytes.split_at(SEALED);
        // Compared as a whole: how many digits were right must not show in how long this takes.
        let differs = self.seal(said).iter().zip(seal).fold(0, |differs, (a, b)| differs | (a ^ b));
        let number = |bytes: &[u8]| bytes.iter().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
        let time_s = u32::try_from(number(&said[6..10])).ok()?;
        (differs == 0).then(|| ClickToken { link: LinkId(number(&said[..6])), time_s, number: number(&said[10..]) })
    }

    fn seal(&self, said: &[u8]) -> [u8; BYTES - SEALED] {
        let hash = blake3::keyed_hash(&self.0, said);
        std::array::from_fn(|at| hash.as_bytes()[at])
    }
}

fn digit(value: u8) -> u8 {
    b"0123456789abcdef"[usize::from(value)]
}

/// Appends `location` to `out` with `token` in the place of every placeholder; without a token they become empty.
pub(crate) fn expand(location: &[u8], token: Option<&[u8]>, out: &mut Vec<u8>) {
    let placeholder = PLACEHOLDER.as_bytes();
    let mut rest = location;
    while let Some(at) = rest.windows(placeholder.len()).position(|window| window == placeholder) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(token.unwrap_or_default());
        rest = &rest[at + placeholder.len()..];
    }
    out.extend_from_slice(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: ClickToken = ClickToken { link: LinkId(7), time_s: 1_800_000_000, number: 99 };

    fn text(key: &TokenKey) -> String {
        String::from_utf8(key.mint(TOKEN).to_vec()).unwrap()
    }

    #[test]
    fn a_token_is_read_back_by_its_key_and_by_no_other() {
        let key = TokenKey::new([1; 32]);
        assert_eq!(key.read(&text(&key)), Some(TOKEN));
        assert_eq!(TokenKey::new([2; 32]).read(&text(&key)), None);
    }

    #[test]
    fn a_token_that_was_changed_anywhere_is_none() {
        let key = TokenKey::new([1; 32]);
        for at in 0..CHARS {
            let mut changed = text(&key).into_bytes();
            changed[at] = if changed[at] == b'0' { b'1' } else { b'0' };
            assert_eq!(key.read(std::str::from_utf8(&changed).unwrap()), None, "{at}");
        }
        for wrong in ["", "abc", &"g".repeat(CHARS), &"ä".repeat(CHARS / 2), &format!("+{}", &text(&key)[1..])] {
            assert_eq!(key.read(wrong), None);
        }
    }

    #[test]
    fn placeholders_are_filled_in_wherever_they_stand() {
        let expanded = |location: &str, token: Option<&[u8]>| {
            let mut out = Vec::new();
            expand(location.as_bytes(), token, &mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(expanded("https://a/?x={click_id}&y={click_id}#z", Some(b"t")), "https://a/?x=t&y=t#z");
        assert_eq!(expanded("https://a/?x={click_id}", None), "https://a/?x=");
        assert_eq!(expanded("https://a/?x={click_i}", Some(b"t")), "https://a/?x={click_i}");
    }
}
