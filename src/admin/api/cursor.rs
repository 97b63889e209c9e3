//! Pages of lists: where a list goes on, what a page says in `next` and the following one is asked for with `after`.
//!
//! It is for the list that gave it and has no other meaning: what stands inside may change with every version. Lists
//! whose length has a small bound come whole and say so in the API's description.

use std::fmt::{Display, Write};
use std::ops::RangeInclusive;
use std::str::FromStr;

use super::problem::Problem;

/// The longest place, in bytes: two permalinks and more.
const BYTES_MAX: usize = 4096;

/// Entries of a page when nobody says how many, and how many may be said.
const LIMIT: usize = 100;
pub(super) const LIMITS: RangeInclusive<usize> = 1..=1000;

/// How many entries a page has.
///
/// # Errors
/// When nobody may ask for so many.
pub(super) fn limit(asked: Option<usize>) -> Result<usize, Problem> {
    let limit = asked.unwrap_or(LIMIT);
    if LIMITS.contains(&limit) {
        return Ok(limit);
    }
    Err(Problem::invalid("limit", format!("limit is {limit}: use {} to {}", LIMITS.start(), LIMITS.end())))
}

/// A page that is asked for: of a list whose entries have places of type `P`, by which it is sorted.
pub(super) struct Page<P> {
    pub(super) after: Option<P>,
    pub(super) limit: usize,
}

impl<P: FromStr + Ord + Display> Page<P> {
    /// # Errors
    /// When there is no such place, or nobody may ask for so many.
    pub(super) fn asked(after: Option<&str>, asked: Option<usize>) -> Result<Self, Problem> {
        let place = |after: &str| read(after)?.parse().map_err(|_| wrong());
        Ok(Self { after: after.map(place).transpose()?, limit: limit(asked)? })
    }

    /// The entries of the page, and where the list goes on.
    pub(super) fn of<T>(
        self,
        sorted: impl IntoIterator<Item = T>,
        place: impl Fn(&T) -> P,
    ) -> (Vec<T>, Option<String>) {
        let is_behind = |entry: &T| self.after.as_ref().is_none_or(|after| place(entry) > *after);
        let mut rest = sorted.into_iter().filter(is_behind);
        let page: Vec<T> = rest.by_ref().take(self.limit).collect();
        let last = rest.next().and_then(|_| page.last());
        let next = last.map(|last| write(&place(last).to_string()));
        (page, next)
    }
}

/// `place` as it is sent.
pub(in crate::admin) fn write(place: &str) -> String {
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
    fn page_after_page_a_list_is_told_once_and_whole() {
        let page = |after: Option<&str>, limit| Page::<u64>::asked(after, limit).unwrap().of(1..=7_u64, |n| *n);
        assert_eq!(page(None, None), ((1..=7).collect(), None));
        let (first, next) = page(None, Some(3));
        let (second, next) = page(next.as_deref(), Some(3));
        let (third, end) = page(next.as_deref(), Some(3));
        assert_eq!((first, second, third, end), (vec![1, 2, 3], vec![4, 5, 6], vec![7], None));
        assert_eq!(page(Some(&write("9")), None), (Vec::new(), None));
        assert_eq!(page(None, Some(7)).1, None, "nothing comes after the last one");
        for (after, limit, field) in
            [(Some("zz"), None, "after"), (None, Some(0), "limit"), (None, Some(1001), "limit")]
        {
            assert_eq!(Page::<u64>::asked(after, limit).err().unwrap().field(), Some(field));
        }
    }

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
