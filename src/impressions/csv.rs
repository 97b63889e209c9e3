//! The generic impressions file: CSV bytes in, rows with their row numbers out.
//!
//! Pure, and run in a limited child process. It must never take a blank for 0, read a column by its position, or
//! hold more than its bounds whatever the bytes are.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::domain::impression::Kind;
use crate::impressions::number::{Evidence, Notation, is_unknown};
use crate::impressions::sniff::sniff;

/// The largest file, in bytes.
pub(crate) const FILE_BYTES_MAX: usize = 20_000_000;
/// The most rows of a file, and the most numbers in them.
pub(crate) const ROWS_MAX: usize = 1_000_000;
pub(crate) const NUMBERS_MAX: usize = 1_000_000;
const COLUMNS_MAX: usize = 64;
const CELL_BYTES_MAX: usize = 4096;
/// The most refused rows, and the most skipped rows, that are listed one by one; all are counted.
pub(crate) const LISTED_MAX: usize = 100;
/// The oldest year that a row may name: no platform of today existed before.
const YEAR_MIN: i16 = 2004;

/// What a file holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ParsedFile {
    pub(crate) rows: Vec<ParsedRow>,
    pub(crate) skipped: Listed<Skipped>,
    /// Any of these refuses the whole file.
    pub(crate) errors: Listed<RowError>,
}

/// One row with at least one number. The subject is here once, however many kinds of impressions the row has,
/// so that what the child answers stays in proportion to the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ParsedRow {
    /// The line of the file on which the row begins, from 1.
    pub(crate) row: u64,
    pub(crate) subject: Cell,
    pub(crate) day: Date,
    pub(crate) counts: Vec<Count>,
}

/// One number of one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Count {
    #[serde(with = "kind_word")]
    pub(crate) kind: Kind,
    pub(crate) count: u64,
}

/// What a row says its number belongs to, as written.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Cell {
    /// A slug, a short URL, or domain and slug.
    Link(String),
    Post(String),
}

/// A row (or one of its numbers) that says nothing and is left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub(crate) struct Skipped {
    pub(crate) row: u64,
    pub(crate) reason: String,
}

/// A row that cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RowError {
    pub(crate) row: u64,
    pub(crate) message: String,
}

/// The first [`LISTED_MAX`] of something, and how many there are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Listed<T> {
    pub(crate) first: Vec<T>,
    pub(crate) count: u64,
}

impl<T> Default for Listed<T> {
    fn default() -> Self {
        Self { first: Vec::new(), count: 0 }
    }
}

impl<T> Listed<T> {
    pub(crate) fn push(&mut self, item: T) {
        self.count += 1;
        if self.first.len() < LISTED_MAX {
            self.first.push(item);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }
}

/// Reads a file.
///
/// # Errors
/// In words, when it is not a file of impressions at all; single bad rows are in [`ParsedFile::errors`].
pub(crate) fn parse(bytes: &[u8]) -> Result<ParsedFile, String> {
    if bytes.len() > FILE_BYTES_MAX {
        return Err(format!("the file is larger than {} MB", FILE_BYTES_MAX / 1_000_000));
    }
    let sniffed = sniff(bytes)?;
    let reader = || {
        csv::ReaderBuilder::new()
            .delimiter(sniffed.delimiter)
            .has_headers(false)
            .flexible(true)
            .from_reader(sniffed.text.as_bytes())
    };
    let mut records = reader().into_records();
    let header = records.next().ok_or("the file has no header row")?.map_err(|error| error.to_string())?;
    let columns = Columns::read(&header)?;
    let notation = notation(reader().into_records().skip(1), &columns);
    let lines = Lines { text: sniffed.text.as_bytes(), at: 0, line: sniffed.lines_before + 1 };
    let mut rows = Rows { columns, notation, lines, numbers: 0, file: ParsedFile::default() };
    for (at, record) in records.enumerate() {
        if at >= ROWS_MAX || rows.numbers > NUMBERS_MAX {
            return Err(format!("the file has more than {ROWS_MAX} rows or {NUMBERS_MAX} numbers"));
        }
        rows.add(&record.map_err(|error| error.to_string())?);
    }
    match rows.file {
        file if file.rows.is_empty() && file.errors.is_empty() => Err("the file has no row with a number".to_owned()),
        file => Ok(file),
    }
}

/// Looks at every number of the file once to learn how numbers are written in it.
fn notation(records: impl Iterator<Item = csv::Result<csv::StringRecord>>, columns: &Columns) -> Notation {
    let mut evidence = Evidence::default();
    for record in records.flatten().take(ROWS_MAX) {
        for (column, _) in &columns.kinds {
            record
                .get(*column)
                .filter(|cell| cell.len() <= CELL_BYTES_MAX)
                .into_iter()
                .for_each(|cell| evidence.see(cell));
        }
    }
    evidence.decide()
}

/// Where the columns stand that matter.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Columns {
    count: usize,
    link: Option<usize>,
    post: Option<usize>,
    date: usize,
    kinds: Vec<(usize, Kind)>,
}

impl Columns {
    fn read(header: &csv::StringRecord) -> Result<Self, String> {
        if header.len() > COLUMNS_MAX {
            return Err(format!("the file has {} columns; at most {COLUMNS_MAX} are read", header.len()));
        }
        let names: Vec<String> = header.iter().map(fold).collect();
        let find = |name: &str| one_column(&names, name);
        let kind = |kind: Kind| Ok(find(&fold(kind.as_str()))?.map(|column| (column, kind)));
        let kinds: Vec<_> =
            Kind::ALL.into_iter().filter_map(|of| kind(of).transpose()).collect::<Result<_, String>>()?;
        let (link, post) = (find("link")?, find("post")?);
        if link.is_none() && post.is_none() {
            return Err("the header has no column \"post\" or \"link\"".to_owned());
        }
        let date = find("date")?.ok_or("the header has no column \"date\"")?;
        if kinds.is_empty() {
            let words: Vec<_> = Kind::ALL.into_iter().map(Kind::as_str).collect();
            return Err(format!("the header has none of the columns {}", words.join(", ")));
        }
        Ok(Self { count: header.len(), link, post, date, kinds })
    }
}

/// A header without case, spaces and `_`.
fn fold(name: &str) -> String {
    name.chars().filter(|c| !c.is_whitespace() && !matches!(c, '_' | '\u{feff}')).flat_map(char::to_lowercase).collect()
}

fn one_column(names: &[String], name: &str) -> Result<Option<usize>, String> {
    let mut found = names.iter().enumerate().filter(|(_, of)| *of == name).map(|(at, _)| at);
    let first = found.next();
    match found.next() {
        Some(_) => Err(format!("the header has the column \"{name}\" twice")),
        None => Ok(first),
    }
}

/// The rows read so far.
struct Rows<'a> {
    columns: Columns,
    notation: Notation,
    lines: Lines<'a>,
    numbers: usize,
    file: ParsedFile,
}

/// Counts lines up to a record. The reader's own count stands before the line breaks that it skips, which is one
/// line off in files of CRLF and more after blank lines.
struct Lines<'a> {
    text: &'a [u8],
    at: usize,
    line: u64,
}

impl Lines<'_> {
    /// The line on which a record begins that the reader found from `byte` on; never asked backwards.
    fn of_record(&mut self, byte: usize) -> u64 {
        while let Some(here) = self.text.get(self.at) {
            let is_break = *here == b'\n' || (*here == b'\r' && self.text.get(self.at + 1) != Some(&b'\n'));
            if self.at >= byte && !matches!(here, b'\n' | b'\r') {
                break;
            }
            self.line += u64::from(is_break);
            self.at += 1;
        }
        self.line
    }
}

/// Why a row gives no numbers.
enum Without {
    Said(String),
    Wrong(String),
}

impl Rows<'_> {
    fn add(&mut self, record: &csv::StringRecord) {
        let byte = record.position().map_or(0, csv::Position::byte);
        let row = self.lines.of_record(usize::try_from(byte).unwrap_or(usize::MAX));
        match self.subject_and_day(record) {
            Ok((subject, day)) => self.add_numbers(record, row, subject, day),
            Err(Without::Said(reason)) => self.file.skipped.push(Skipped { row, reason }),
            Err(Without::Wrong(message)) => self.file.errors.push(RowError { row, message }),
        }
    }

    fn subject_and_day(&self, record: &csv::StringRecord) -> Result<(Cell, Date), Without> {
        if record.iter().all(|cell| cell.trim().is_empty()) {
            return Err(Without::Said("the row is empty".to_owned()));
        }
        if record.iter().any(|cell| cell.len() > CELL_BYTES_MAX) {
            let message = format!("a cell is longer than {CELL_BYTES_MAX} bytes; is a quote not closed?");
            return Err(Without::Wrong(message));
        }
        let cell = |column: Option<usize>| column.and_then(|column| record.get(column)).unwrap_or("").trim();
        let (link, post) = (cell(self.columns.link), cell(self.columns.post));
        let date = cell(Some(self.columns.date));
        if is_total(link) || is_total(post) || is_total(date) {
            return Err(Without::Said("the row is a total, not a post".to_owned()));
        }
        self.check_width(record)?;
        Ok((subject(link, post)?, day(date)?))
    }

    /// A row with another number of cells than the header would be read in the wrong columns. Empty cells at the
    /// end are an exception, because spreadsheets leave them out or add them.
    fn check_width(&self, record: &csv::StringRecord) -> Result<(), Without> {
        let used =
            record.iter().enumerate().filter(|(_, cell)| !cell.is_empty()).last().map_or(0, |(last, _)| last + 1);
        let needed = self.columns.kinds.iter().map(|(column, _)| *column).chain([self.columns.date]).max().unwrap_or(0);
        if used > self.columns.count || record.len() <= needed {
            let message = format!("the row has {} cells and the header has {}", record.len(), self.columns.count);
            return Err(Without::Wrong(message));
        }
        Ok(())
    }

    fn add_numbers(&mut self, record: &csv::StringRecord, row: u64, subject: Cell, day: Date) {
        let mut counts = Vec::with_capacity(self.columns.kinds.len());
        for (column, kind) in &self.columns.kinds {
            let (cell, name) = (record.get(*column).unwrap_or(""), kind.as_str());
            if is_unknown(cell) {
                let reason = format!("{name} is blank, which is unknown and not 0");
                self.file.skipped.push(Skipped { row, reason });
                continue;
            }
            match self.notation.read(cell) {
                Ok(count) => counts.push(Count { kind: *kind, count }),
                Err(message) => self.file.errors.push(RowError { row, message: format!("{name}: {message}") }),
            }
        }
        self.numbers += counts.len();
        if !counts.is_empty() {
            self.file.rows.push(ParsedRow { row, subject, day, counts });
        }
    }
}

/// The link where a row names both, because it is the narrower one.
fn subject(link: &str, post: &str) -> Result<Cell, Without> {
    match (link, post) {
        ("", "") => Err(Without::Wrong("the row names neither a post nor a link".to_owned())),
        ("", post) if is_damaged(post) => {
            let message = format!("post {post:?} was damaged by a spreadsheet: keep ids as text");
            Err(Without::Wrong(message))
        }
        ("", post) => Ok(Cell::Post(post.to_owned())),
        (link, _) => Ok(Cell::Link(link.to_owned())),
    }
}

/// An id that a spreadsheet took for a number and rounded, such as `1.22158E+17`.
fn is_damaged(id: &str) -> bool {
    let Some((digits, power)) = id.split_once(['E', 'e']) else { return false };
    let all =
        |text: &str, extra: &[char]| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit() || extra.contains(&c));
    power.starts_with('+') && all(&power[1..], &[]) && all(digits, &['.', ','])
}

fn day(cell: &str) -> Result<Date, Without> {
    let shape = cell.len() == 10
        && cell.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    let day: Option<Date> = if shape { cell.parse().ok() } else { None };
    let shown: String = cell.chars().take(40).collect();
    match day {
        Some(day) if day.year() < YEAR_MIN => Err(Without::Wrong(format!("date {day} is before {YEAR_MIN}"))),
        Some(day) => Ok(day),
        None => Err(Without::Wrong(format!("date {shown:?} is not a day such as 2026-11-21"))),
    }
}

/// `Total`, `Total: account`, and what spreadsheets in other languages write.
fn is_total(cell: &str) -> bool {
    const WORDS: [&str; 8] = ["total", "totals", "grand total", "sum", "gesamt", "summe", "totalt", "summa"];
    let word = cell.split(':').next().unwrap_or("").trim();
    WORDS.iter().any(|total| word.eq_ignore_ascii_case(total)) && !cell.contains("://")
}

/// Kinds by their word.
mod kind_word {
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::domain::impression::Kind;

    pub(super) fn serialize<S: Serializer>(kind: &Kind, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(kind.as_str())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Kind, D::Error> {
        let word = std::borrow::Cow::<str>::deserialize(deserializer)?;
        Kind::parse(&word).ok_or_else(|| serde::de::Error::custom("not a kind of impressions"))
    }
}

#[cfg(test)]
#[path = "csv_tests.rs"]
mod tests;
