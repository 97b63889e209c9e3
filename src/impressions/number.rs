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
    // Google Ads writes shares that it keeps to itself as `< 10%`.
    cell.is_empty() || cell.starts_with('<') || UNKNOWN_WORDS.iter().any(|word| cell.eq_ignore_ascii_case(word))
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
        if let Some(separator) = self.see_plainly(cell) {
            self.either.get_or_insert(separator);
        }
    }

    /// The same for a cell that may well have a fraction, money or a rate: `1,234` of these shows nothing.
    pub(crate) fn see_fraction(&mut self, cell: &str) {
        self.see_plainly(money_parts(cell.trim_end_matches('%')).0);
    }

    /// The separator of a cell that could be either.
    fn see_plainly(&mut self, cell: &str) -> Option<char> {
        let cell = cell.trim();
        if cell.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let separators: Vec<char> = cell.chars().filter(|c| !c.is_ascii_digit()).take(8).map(plain).collect();
        let last = separators.last().copied()?;
        if !separators.iter().all(|c| is_separator(*c)) {
            return None;
        }
        let first = separators[0];
        if first != last {
            self.thousands.get_or_insert(first);
            self.decimal.get_or_insert(last);
        } else if separators.len() > 1 || !is_point(first) {
            self.thousands.get_or_insert(first);
        } else if looks_grouped(cell) {
            return Some(first);
        } else {
            self.decimal.get_or_insert(first);
        }
        None
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
        if (1..=15).contains(&cell.len()) && cell.bytes().all(|byte| byte.is_ascii_digit()) {
            return Ok(cell.bytes().fold(0, |count, digit| count * 10 + u64::from(digit - b'0')));
        }
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

    /// Reads a rate, without its `%`.
    pub(crate) fn rate(self, cell: &str) -> Option<f64> {
        let (whole, fraction) = self.fraction(cell.trim().trim_end_matches('%').trim_end())?;
        format!("{whole}.{fraction}").parse().ok()
    }

    /// Reads money as millionths, rounded, and the currency that the cell names.
    ///
    /// # Errors
    /// In words, when the cell is no amount from 0 on.
    pub(crate) fn money(self, cell: &str) -> Result<(u64, Option<&str>), String> {
        let (amount, currency) = money_parts(cell);
        let no = || format!("{:?} is not an amount of money", cell.chars().take(40).collect::<String>());
        let (whole, fraction) = self.fraction(amount).ok_or_else(no)?;
        let seventh = fraction.as_bytes().get(6).is_some_and(|digit| *digit >= b'5');
        let micros = format!("{whole}{:0<6.6}", fraction).parse::<u64>().ok().filter(|micros| *micros <= COUNT_MAX);
        Ok((micros.ok_or_else(no)? + u64::from(seventh), currency))
    }

    /// The digits before and after the decimal sign of a number that may have a fraction.
    fn fraction(self, cell: &str) -> Option<(String, String)> {
        let sign = self.decimal.or_else(|| self.likely_sign(cell));
        let (whole, fraction) = sign.and_then(|sign| cell.rsplit_once(sign)).unwrap_or((cell, ""));
        let grouped = Self { thousands: self.thousands.filter(|c| Some(*c) != sign).or_else(|| other(sign)), ..self };
        let whole = if whole.is_empty() { "0".to_owned() } else { grouped.ungroup(whole)? };
        let digits = fraction.bytes().all(|byte| byte.is_ascii_digit());
        let any = !fraction.is_empty() || cell.starts_with(|c: char| c.is_ascii_digit());
        (digits && any).then(|| (whole, fraction.to_owned()))
    }

    /// Of a file that shows no decimal sign: a point, or a comma that cannot divide thousands.
    fn likely_sign(self, cell: &str) -> Option<char> {
        let last = cell.rfind(is_point).and_then(|at| cell[at..].chars().next())?;
        let groups = Some(last) == self.thousands || (last == ',' && looks_grouped(cell));
        (!groups).then_some(last)
    }

    /// The digits of a number whose groups, if any, are three digits each.
    fn ungroup(self, whole: &str) -> Option<String> {
        let groups: Vec<&str> = whole.split(|c| Some(plain(c)) == self.thousands).collect();
        let digits = groups.iter().all(|group| !group.is_empty() && group.bytes().all(|byte| byte.is_ascii_digit()));
        let grouped = groups.len() == 1 || (groups[0].len() <= 3 && groups[1..].iter().all(|group| group.len() == 3));
        (digits && grouped).then(|| groups.concat())
    }
}

/// What divides thousands where this is the decimal sign.
fn other(sign: Option<char>) -> Option<char> {
    match sign {
        Some('.') | None => Some(','),
        _ => Some('.'),
    }
}

/// An amount without its currency, and the currency's code. A sign that several currencies share names none.
fn money_parts(cell: &str) -> (&str, Option<&str>) {
    const SIGNS: [(&str, Option<&str>); 14] = [
        ("US$", Some("USD")),
        ("CA$", Some("CAD")),
        ("A$", Some("AUD")),
        ("R$", Some("BRL")),
        ("\u{20ac}", Some("EUR")),
        ("\u{a3}", Some("GBP")),
        ("\u{20b9}", Some("INR")),
        ("\u{20a9}", Some("KRW")),
        ("\u{20bd}", Some("RUB")),
        ("z\u{142}", Some("PLN")),
        ("Rp", Some("IDR")),
        ("$", None),
        ("\u{a5}", None),
        ("kr", None),
    ];
    let cell = cell.trim();
    for (sign, code) in SIGNS {
        if let Some(amount) = cell.strip_prefix(sign).or_else(|| cell.strip_suffix(sign)) {
            return (amount.trim(), code);
        }
    }
    let is_code = |code: &&str| code.bytes().all(|byte| byte.is_ascii_uppercase());
    let (first, last) = (cell.get(..3).filter(is_code), cell.len().checked_sub(3).and_then(|at| cell.get(at..)));
    match (first, last.filter(is_code)) {
        (Some(code), _) => (cell[3..].trim(), Some(code)),
        (_, Some(code)) => (cell[..cell.len() - 3].trim(), Some(code)),
        (None, None) => (cell, None),
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
    fn e48_e49_rates_and_money_are_read_in_the_files_notation() {
        let read = |counts: &[&str], fractions: &[&str]| {
            let mut evidence = Evidence::default();
            counts.iter().for_each(|cell| evidence.see(cell));
            fractions.iter().for_each(|cell| evidence.see_fraction(cell));
            evidence.decide()
        };
        let english = read(&["1,042"], &["0.321%", "1,234.50"]);
        assert_eq!(english.rate("0.321%"), Some(0.321));
        assert_eq!(english.money("US$1.39"), Ok((1_390_000, Some("USD"))));
        assert_eq!(english.money("1,234.5678915"), Ok((1_234_567_892, None)));
        let dutch = read(&["1.042"], &["0,341%", "9,36"]);
        assert_eq!(dutch.rate("0,341%"), Some(0.341));
        assert_eq!(dutch.money("1.234,50 \u{20ac}"), Ok((1_234_500_000, Some("EUR"))));
        assert_eq!(dutch.read("1.042"), Ok(1042));
        let french = read(&["1 042"], &["1\u{202f}234,56"]);
        assert_eq!(french.money("1 234,56"), Ok((1_234_560_000, None)));
        let nothing = read(&["12"], &[]);
        assert_eq!(nothing.money("JPY 1,234"), Ok((1_234_000_000, Some("JPY"))));
        assert_eq!(nothing.money("5.123"), Ok((5_123_000, None)));
        assert_eq!(nothing.money(".5"), Ok((500_000, None)));
        for wrong in ["", "-5", "five", "1.2.3", "99999999999999999"] {
            assert!(nothing.money(wrong).is_err(), "{wrong}");
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
