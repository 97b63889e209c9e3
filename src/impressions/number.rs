//! Numbers as people and spreadsheets write them. What separates thousands is decided once for a whole file.
//!
//! Pure. It must never read the same separator in two ways within one file, nor take an unknown number for 0.

/// The largest count that is believed: far beyond any platform, and exact in a spreadsheet and in JSON.
const COUNT_MAX: u64 = 1_000_000_000_000_000;

/// What files write where they have no number; compared without case.
const UNKNOWN_WORDS: [&str; 8] = ["-", "--", "\u{2013}", "\u{2014}", "n/a", "nan", "null", "undefined"];

/// Whether a cell says that the number is unknown, which is not 0.
pub(crate) fn is_unknown(cell: &str) -> bool {
    let cell = cell.trim();
    cell.is_empty() || UNKNOWN_WORDS.iter().any(|word| cell.eq_ignore_ascii_case(word))
}

/// What the cells of one file show about its separators.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Evidence {
    /// The character that can only separate thousands in some cell.
    thousands: Option<char>,
    /// The character that can only be a decimal sign in some cell.
    decimal: Option<char>,
    /// The character of the first cell such as `1,234`, which could be either.
    either: Option<char>,
}

/// How the numbers of one file are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Notation {
    thousands: Option<char>,
    decimal: Option<char>,
}

impl Evidence {
    /// Takes one cell into account; a cell that is no number shows nothing.
    pub(crate) fn see(&mut self, cell: &str) {
        let cell = cell.trim();
        let separators: Vec<char> = cell.chars().filter(|c| !c.is_ascii_digit()).take(8).map(plain).collect();
        let Some(last) = separators.last().copied() else { return };
        if !separators.iter().all(|c| is_separator(*c)) {
            return;
        }
        let first = separators[0];
        if first != last {
            self.thousands.get_or_insert(first);
            self.decimal.get_or_insert(last);
        } else if separators.len() > 1 || !is_point(first) {
            self.thousands.get_or_insert(first);
        } else if looks_grouped(cell) {
            self.either.get_or_insert(first);
        } else {
            self.decimal.get_or_insert(first);
        }
    }

    /// `1,234` alone is one thousand, two hundred and thirty-four, because these are counts; unless other cells
    /// show that the comma is this file's decimal sign.
    pub(crate) fn decide(self) -> Notation {
        let either = self.either.filter(|c| self.decimal != Some(*c));
        Notation { thousands: self.thousands.or(either), decimal: self.decimal }
    }
}

impl Notation {
    /// Reads a count.
    ///
    /// # Errors
    /// In words, when the cell is no whole number from 0 to a thousand million million in this notation.
    pub(crate) fn read(self, cell: &str) -> Result<u64, String> {
        let cell = cell.trim();
        let shown = || cell.chars().take(40).collect::<String>();
        if let Some(why) = refusal(cell) {
            return Err(format!("{:?} is {why}", shown()));
        }
        let (whole, fraction) = self.split(cell);
        if !fraction.bytes().all(|byte| byte == b'0') {
            return Err(format!("{:?} is not a whole number", shown()));
        }
        let digits =
            self.ungroup(whole).ok_or_else(|| format!("{:?} is not a number in this file's notation", shown()))?;
        let count = digits.parse().ok().filter(|count| *count <= COUNT_MAX);
        count.ok_or_else(|| format!("{:?} is more than can be counted", shown()))
    }

    /// The part before the decimal sign, and the digits after it.
    fn split(self, cell: &str) -> (&str, &str) {
        let point = self.decimal.filter(|point| self.thousands != Some(*point));
        point.and_then(|point| cell.rsplit_once(point)).unwrap_or((cell, ""))
    }

    /// The digits of a number whose groups, if any, are three digits each.
    fn ungroup(self, whole: &str) -> Option<String> {
        let groups: Vec<&str> = whole.split(|c| Some(plain(c)) == self.thousands).collect();
        let digits = groups.iter().all(|group| !group.is_empty() && group.bytes().all(|byte| byte.is_ascii_digit()));
        let grouped = groups.len() == 1 || (groups[0].len() <= 3 && groups[1..].iter().all(|group| group.len() == 3));
        (digits && grouped).then(|| groups.concat())
    }
}

/// Why a cell cannot be a count, whatever the notation.
fn refusal(cell: &str) -> Option<&'static str> {
    if cell.contains('%') {
        return Some("a percentage, not a count");
    }
    if cell.starts_with(['-', '\u{2212}', '(']) {
        return Some("negative");
    }
    if cell.chars().any(|c| !c.is_ascii_digit() && !is_separator(plain(c))) {
        return Some("not a number");
    }
    None
}

/// One form for the characters that spreadsheets use for the same separator.
fn plain(c: char) -> char {
    match c {
        '\u{a0}' | '\u{202f}' | '\u{2009}' => ' ',
        '\u{2019}' => '\'',
        other => other,
    }
}

fn is_separator(c: char) -> bool {
    is_point(c) || matches!(c, ' ' | '\'')
}

fn is_point(c: char) -> bool {
    matches!(c, ',' | '.')
}

/// One to three digits that do not begin with 0, a separator, three digits.
fn looks_grouped(cell: &str) -> bool {
    let (before, after) = cell.split_once([',', '.']).unwrap_or((cell, ""));
    (1..=3).contains(&before.len()) && !before.starts_with('0') && after.len() == 3
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(cells: &[&str]) -> Vec<Result<u64, String>> {
        let mut evidence = Evidence::default();
        cells.iter().for_each(|cell| evidence.see(cell));
        let notation = evidence.decide();
        cells.iter().map(|cell| notation.read(cell)).collect()
    }

    fn counts(cells: &[&str]) -> Vec<u64> {
        read_all(cells).into_iter().map(|count| count.unwrap()).collect()
    }

    #[test]
    fn thousands_may_be_separated_by_anything_that_spreadsheets_use() {
        assert_eq!(counts(&["0", "007", "5000"]), [0, 7, 5000]);
        assert_eq!(counts(&["1,042", "12"]), [1042, 12]);
        assert_eq!(counts(&["1.042", "1.234.567"]), [1042, 1_234_567]);
        assert_eq!(counts(&["1 042", "1\u{a0}042", "1\u{202f}042"]), [1042, 1042, 1042]);
        assert_eq!(counts(&["1'042", "1\u{2019}042"]), [1042, 1042]);
    }

    #[test]
    fn a_fraction_of_nothing_is_accepted_and_any_other_refused() {
        assert_eq!(counts(&["1010.0", "12"]), [1010, 12]);
        assert_eq!(counts(&["1,010.00"]), [1010]);
        assert_eq!(counts(&["1.010,00"]), [1010]);
        assert!(read_all(&["12,5"])[0].as_ref().unwrap_err().contains("not a whole number"));
    }

    #[test]
    fn a_file_that_shows_a_decimal_comma_reads_no_comma_as_thousands() {
        let read = read_all(&["1,234", "7,5"]);
        assert!(read[0].as_ref().unwrap_err().contains("\"1,234\" is not a whole number"), "{read:?}");
        let read = read_all(&["1.234.567", "1,234"]);
        assert_eq!(read[0], Ok(1_234_567));
        assert!(read[1].is_err(), "{read:?}");
    }

    #[test]
    fn two_separators_for_thousands_in_one_file_are_refused() {
        for cells in [["1,234,567", "1 234"], ["1'234", "1,234"], ["1,234", "1.234"]] {
            assert!(read_all(&cells).iter().any(Result::is_err), "{cells:?}");
        }
    }

    #[test]
    fn what_is_no_count_says_why() {
        for (cell, why) in [
            ("12%", "percentage"),
            ("-5", "negative"),
            ("(1,234)", "negative"),
            ("\u{2212}5", "negative"),
            ("1.2K", "not a number"),
            ("1e5", "not a number"),
            ("12 тыс.", "not a number"),
            ("٣", "not a number"),
            ("1,23,456", "notation"),
            (",", "n"),
            ("1,,234", "notation"),
            ("18446744073709551616", "more than"),
            ("1000000000000001", "more than"),
        ] {
            let refused = read_all(&[cell])[0].clone().unwrap_err();
            assert!(refused.contains(why), "{cell}: {refused}");
        }
    }

    #[test]
    fn an_unknown_number_is_told_from_0() {
        for cell in ["", " ", "--", " --", "—", "NAN", "undefined", "N/A"] {
            assert!(is_unknown(cell), "{cell:?}");
        }
        assert!(!is_unknown("0"));
    }
}
