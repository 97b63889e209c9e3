//! Where a list goes on: what a page says in `next` and the following one is asked for with `after`.
//!
//! It is for the list that gave it and has no other meaning: what stands inside may change with every version.

use std::fmt::Write;

use super::problem::Problem;

/// The longest place, in bytes: two permalinks and more.
const BYTES_MAX: usize = 4096;

/// `place` as it is sent.
pub(super) fn write(place: &str) -> String {
    let mut text = String::with_capacity(2 * place.len() + 1);
    for byte in place.bytes() {
        write!(text, "{byte:02x}").expect("a String takes whatever is written to it");
    }
    text
}

/// The place that [`write()`] was given.
///
/// # Errors
/// When it is none.
pub(super) fn read(text: &str) -> Result<String, Problem> {
    let digits = text.as_bytes();
    let is_cursor =
        digits.len() <= 2 * BYTES_MAX && digits.len().is_multiple_of(2) && text.bytes().all(|b| b.is_ascii_hexdigit());
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let bytes: Option<Vec<u8>> = is_cursor.then(|| digits.chunks(2).map(byte).collect()).flatten();
    let place = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    place.ok_or_else(wrong)
}

/// What a list answers to a place that it never gave.
pub(super) fn wrong() -> Problem {
    Problem::invalid("after", "this is no place in this list: give what `next` of the page before says")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_comes_back_as_it_was_and_nothing_else_does() {
        for place in ["", "7", "https://www.instagram.com/p/\u{e5}/"] {
            assert_eq!(read(&write(place)).unwrap(), place);
        }
        for wrong in ["7", "zz", "+1", "ff", &"00".repeat(BYTES_MAX + 1)] {
            assert_eq!(read(wrong).unwrap_err().field(), Some("after"));
        }
    }
}
