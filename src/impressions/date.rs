//! Days and instants as platforms and spreadsheets write them. What is written in two ways is decided once for a file.
//!
//! Pure. It must never read `3/4/2026` in two ways within one file, nor guess which of them is meant.

use jiff::civil::{Date, Time};
use jiff::tz::Offset;
use serde::{Deserialize, Serialize};

use crate::impressions::container::serial;
use crate::impressions::table::Epoch;

/// The oldest year that a file may name: no platform of today existed before.
pub(crate) const YEAR_MIN: i16 = 2004;
/// The largest number that is taken for a day of a spreadsheet; in the year 2119.
const SERIAL_MAX: f64 = 80_000.0;

/// Which of two numbers is the day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Order {
    DayFirst,
    MonthFirst,
}

impl Order {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::DayFirst => "day-first",
            Self::MonthFirst => "month-first",
        }
    }

    pub(crate) fn parse(word: &str) -> Option<Self> {
        [Self::DayFirst, Self::MonthFirst].into_iter().find(|order| order.as_str() == word)
    }
}

/// A cell read: a day, and the time and the offset from UTC if it has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) day: Date,
    pub(crate) time: Option<Time>,
    pub(crate) offset: Option<Offset>,
}

/// What the cells of one file show about the order of day and month.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Evidence {
    day_first: bool,
    month_first: bool,
    either: bool,
}

/// How the days of one file are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Notation {
    order: Order,
    epoch: Option<Epoch>,
}

/// A cell, before it is known which of its numbers is the day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Written {
    Plain(Stamp),
    /// Two numbers and a year.
    Ordered(i8, i8, i16, Option<Time>),
    /// Month and day.
    Yearless(i8, i8),
}

impl Evidence {
    pub(crate) fn see(&mut self, cell: &str) {
        match written(cell, None) {
            Some(Written::Ordered(first, ..)) if first > 12 => self.day_first = true,
            Some(Written::Ordered(_, second, ..)) if second > 12 => self.month_first = true,
            Some(Written::Ordered(first, second, ..)) if first != second => self.either = true,
            _ => {}
        }
    }

    /// What the file shows, else what is known of such files, else what somebody said.
    ///
    /// # Errors
    /// In words, when nothing decides, or the file contradicts itself.
    pub(crate) fn decide(
        self,
        known: Option<Order>,
        said: Option<Order>,
        epoch: Option<Epoch>,
    ) -> Result<Notation, String> {
        let order = match (self.day_first, self.month_first) {
            (true, true) => return Err("some dates have the day first and others the month".to_owned()),
            (true, false) => Order::DayFirst,
            (false, true) => Order::MonthFirst,
            (false, false) => match said.or(known) {
                Some(order) => order,
                None if !self.either => Order::MonthFirst,
                None => {
                    return Err("dates such as 3/4/2026 can be read in two ways: \
                                say --dates day-first or --dates month-first"
                        .to_owned());
                }
            },
        };
        Ok(Notation { order, epoch })
    }
}

impl Notation {
    /// Reads a cell that has a year.
    ///
    /// # Errors
    /// In words.
    pub(crate) fn read(self, cell: &str) -> Result<Stamp, String> {
        let stamp = match written(cell, self.epoch) {
            Some(Written::Plain(stamp)) => Some(stamp),
            Some(Written::Ordered(first, second, year, time)) => {
                let (month, day) = if self.order == Order::DayFirst { (second, first) } else { (first, second) };
                Date::new(year, month, day).ok().map(|day| Stamp { day, time, offset: None })
            }
            Some(Written::Yearless(..)) | None => None,
        };
        let shown = || cell.chars().take(40).collect::<String>();
        let stamp = stamp.ok_or_else(|| format!("{:?} is not a day such as 2026-11-21", shown()))?;
        if stamp.day.year() < YEAR_MIN {
            return Err(format!("{} is before {YEAR_MIN}", stamp.day));
        }
        Ok(stamp)
    }
}

/// The month and day of a cell without a year.
pub(crate) fn yearless(cell: &str) -> Option<(i8, i8)> {
    match written(cell, None) {
        Some(Written::Yearless(month, day)) => Some((month, day)),
        _ => None,
    }
}

fn written(cell: &str, epoch: Option<Epoch>) -> Option<Written> {
    let cell = cell.trim();
    if let Some(day) = iso_day(cell) {
        return Some(Written::Plain(Stamp { day, time: None, offset: None }));
    }
    if let Some(epoch) = epoch
        && let Ok(days) = cell.parse::<f64>()
    {
        return (1.0..SERIAL_MAX).contains(&days).then(|| written(&serial(days, epoch), None))?;
    }
    let (date, rest) = date_part(cell);
    let numbers: Vec<&str> = date.split(['/', '-', '.']).collect();
    let numbers = numbers.iter().map(|number| number.parse::<i16>()).collect::<Result<Vec<_>, _>>();
    let Some(numbers) = numbers.ok().filter(|numbers| numbers.len() == 3) else { return words(cell) };
    let (time, offset) = clock(rest)?;
    match numbers[..] {
        [year, month, day] if year > 31 => {
            let day = Date::new(year, small(month)?, small(day)?).ok()?;
            Some(Written::Plain(Stamp { day, time, offset }))
        }
        [first, second, year] if year >= 1000 => Some(Written::Ordered(small(first)?, small(second)?, year, time)),
        _ => None,
    }
}

/// `2026-11-21`, which is what most cells of large files are.
fn iso_day(cell: &str) -> Option<Date> {
    let bytes = cell.as_bytes();
    let [a, b, c, d, b'-', e, f, b'-', g, h] = *bytes else { return None };
    let number = |digits: &[u8]| {
        let all = digits.iter().all(u8::is_ascii_digit);
        all.then(|| digits.iter().fold(0_i16, |number, digit| number * 10 + i16::from(digit - b'0')))
    };
    Date::new(number(&[a, b, c, d])?, small(number(&[e, f])?)?, small(number(&[g, h])?)?).ok()
}

fn small(number: i16) -> Option<i8> {
    i8::try_from(number).ok().filter(|number| (1..=31).contains(number))
}

/// The numbers of a date, and what follows.
fn date_part(cell: &str) -> (&str, &str) {
    let end = cell.find(['T', ' ', ',']).unwrap_or(cell.len());
    (&cell[..end], cell[end..].trim_start_matches(['T', ' ', ',']))
}

/// `10:23`, `10:23:45.678`, `3:05 pm`, each with `Z` or `+0000` behind it, or nothing.
fn clock(text: &str) -> Option<(Option<Time>, Option<Offset>)> {
    if text.is_empty() {
        return Some((None, None));
    }
    let end = text.find(|c: char| !c.is_ascii_digit() && !matches!(c, ':' | '.')).unwrap_or(text.len());
    let (time, zone) = (&text[..end], text[end..].trim());
    let mut parts = time.split([':', '.']);
    let mut part = || parts.next().map_or(Some(0), |part| part.parse::<i8>().ok());
    let (hour, minute, second) = (part()?, part()?, part()?);
    let (hour, zone) = match zone.get(..2).map(str::to_ascii_lowercase).as_deref() {
        Some("am") => (hour % 12, &zone[2..]),
        Some("pm") => (hour % 12 + 12, &zone[2..]),
        _ => (hour, zone),
    };
    Some((Some(Time::new(hour, minute, second, 0).ok()?), offset(zone.trim())?))
}

fn offset(zone: &str) -> Option<Option<Offset>> {
    match zone {
        "" => return Some(None),
        "Z" | "UTC" | "GMT" | "(UTC)" => return Some(Some(Offset::UTC)),
        _ => {}
    }
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    let digits: String = zone.strip_prefix(['+', '-'])?.chars().filter(|c| *c != ':').collect();
    let minutes = digits.get(2..)?.parse::<i32>().ok()?;
    let seconds = sign * (digits.get(..2)?.parse::<i32>().ok()? * 60 + minutes) * 60;
    Offset::from_seconds(seconds).ok().map(Some)
}

/// `Mar 15, 2025`, `Thu, 5 Feb 2026`, `8 de marzo`, `October 1, 2024, 12:00 AM`. Words that are no month are days of
/// the week and particles.
fn words(cell: &str) -> Option<Written> {
    let (mut month, mut day, mut year, mut time) = (None, None, None, None);
    for word in cell.split([' ', ',']).filter(|word| !word.is_empty()) {
        let bare = word.trim_end_matches(['.', ':']);
        match bare.parse::<i16>() {
            _ if time.is_some() => {}
            Ok(number) if number >= 1000 && year.is_none() => year = Some(number),
            Ok(number) if day.is_none() => day = Some(small(number)?),
            Ok(_) => return None,
            Err(_) if word.contains(':') && word.starts_with(|c: char| c.is_ascii_digit()) => {
                time = clock(&cell[cell.find(word)?..]);
            }
            Err(_) if bare.starts_with(|c: char| c.is_ascii_digit()) => return None,
            // The last one: before it, `mar.` is a Tuesday.
            Err(_) => month = month_named(bare).or(month),
        }
    }
    let (month, day) = (month?, day?);
    let Some(year) = year else { return Some(Written::Yearless(month, day)) };
    let (time, offset) = time.unwrap_or_default();
    Date::new(year, month, day).ok().map(|day| Written::Plain(Stamp { day, time, offset }))
}

/// Months as platforms write them in many languages, each by how it begins.
const MONTHS: [(i8, &[&str]); 12] = [
    (1, &["jan", "ene", "gen", "janv", "\u{44f}\u{43d}\u{432}", "sty", "oca"]),
    (2, &["feb", "fev", "f\u{e9}v", "\u{444}\u{435}\u{432}", "lut", "\u{15f}ub"]),
    (3, &["mar", "m\u{e4}r", "mrt", "maa", "\u{43c}\u{430}\u{440}"]),
    (4, &["apr", "abr", "avr", "\u{430}\u{43f}\u{440}", "kwi", "nis"]),
    (5, &["may", "mai", "maj", "mag", "mei", "\u{43c}\u{430}\u{439}", "\u{43c}\u{430}\u{44f}"]),
    (6, &["jun", "juin", "giu", "\u{438}\u{44e}\u{43d}", "cze", "haz"]),
    (7, &["jul", "juil", "lug", "\u{438}\u{44e}\u{43b}", "lip", "tem"]),
    (8, &["aug", "ago", "ao\u{fb}", "aou", "\u{430}\u{432}\u{433}", "sie", "a\u{11f}u"]),
    (9, &["sep", "set", "\u{441}\u{435}\u{43d}", "wrz", "eyl"]),
    (10, &["oct", "okt", "out", "ott", "\u{43e}\u{43a}\u{442}", "pa\u{17a}", "eki"]),
    (11, &["nov", "\u{43d}\u{43e}\u{44f}", "lis", "kas"]),
    (12, &["dec", "dez", "dic", "d\u{e9}c", "des", "\u{434}\u{435}\u{43a}", "gru", "ara"]),
];

fn month_named(word: &str) -> Option<i8> {
    let word = word.to_lowercase();
    let begins = |names: &&[&str]| names.iter().any(|name| word.starts_with(name));
    MONTHS.into_iter().find(|(_, names)| begins(names)).map(|(month, _)| month)
}

/// The years of days that have none, in the order in which the file lists them.
///
/// The newest of them is the last that is not after `newest`, or in `year` if that is given; from there the days lead
/// back one after another, and each time that a day is not before its successor a year is left behind.
///
/// # Errors
/// In words, when no year fits, as for a 29 February.
pub(crate) fn years(days: &[(i8, i8)], newest: Date, year: Option<i16>) -> Result<Vec<Date>, String> {
    let ascending = is_ascending(days);
    let back: Vec<(i8, i8)> = if ascending { days.iter().rev().copied().collect() } else { days.to_vec() };
    let tries = year.map_or_else(|| (newest.year() - 4..=newest.year()).rev().collect(), |year| vec![year]);
    for last in tries {
        if let Some(mut dates) = from_year(&back, last)
            && (year.is_some() || dates.iter().all(|day| *day <= newest))
        {
            if ascending {
                dates.reverse();
            }
            return Ok(dates);
        }
    }
    Err("the file's days have no year, and no year fits them: say --year".to_owned())
}

/// Most days follow the one above them; where none does, the larger number is the later.
fn is_ascending(days: &[(i8, i8)]) -> bool {
    let next = |(month, day): (i8, i8)| {
        let tomorrow = Date::new(2023, month, day).or_else(|_| Date::new(2024, month, day)).and_then(Date::tomorrow);
        tomorrow.map(|day| (day.month(), day.day())).ok()
    };
    let votes = |pair: &[(i8, i8)]| match (pair[0], pair[1]) {
        (above, below) if next(above) == Some(below) => 2,
        (above, below) if next(below) == Some(above) => -2,
        (above, below) => (below > above) as i64 - (below < above) as i64,
    };
    days.windows(2).map(votes).sum::<i64>() >= 0
}

fn from_year(back: &[(i8, i8)], mut year: i16) -> Option<Vec<Date>> {
    let mut later: Option<(i8, i8)> = None;
    let mut dates = Vec::with_capacity(back.len());
    for (month, day) in back {
        if later.is_some_and(|later| (*month, *day) > later) {
            year -= 1;
        }
        later = Some((*month, *day));
        dates.push(Date::new(year, *month, *day).ok()?);
    }
    Some(dates)
}

/// Two days, as preambles and breakdowns by week write them: `March 27, 2026 - April 23, 2026`, `2026-06-22 -
/// 2026-06-28`, `8/7/2023 - 8/5/2024`.
pub(crate) fn span(cell: &str, notation: Notation) -> Option<(Date, Date)> {
    let divided = [" - ", " \u{2013} ", " \u{2014} ", " to "].into_iter().find_map(|by| cell.split_once(by));
    let (from, to) = divided?;
    let (from, to) = (notation.read(from).ok()?.day, notation.read(to).ok()?.day);
    (from <= to).then_some((from, to))
}

#[cfg(test)]
#[path = "date_tests.rs"]
mod tests;
