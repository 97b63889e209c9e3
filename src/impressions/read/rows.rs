//! The rows of one table: each gives numbers of one post, or says why it gives none.
//!
//! Pure. It must never take a blank for 0, keep a part of a row that is wrong, or read a total as a post.

use std::collections::HashMap;

use jiff::civil::{Date, Time};
use jiff::tz::{TimeZone, TimeZoneDatabase};

use super::bind::{Block, Bound};
use super::check::Checks;
use super::notation::{self, Notation};
use super::posts::{self, Posts, Whose};
use super::span::{self, Grains, Period};
use super::{NUMBERS_MAX, finish};
use crate::domain::impression::Kind;
use crate::domain::metric::Metric;
use crate::domain::placement::Level;
use crate::impressions::date;
use crate::impressions::dialects::{Role, Scale, Subject};
use crate::impressions::number::is_unknown;
use crate::impressions::options::Options;
use crate::impressions::reading::{Grain, Listed, Reading, Refusal, Slice, Table};
use crate::impressions::table::{Numbering, Place, Row};

/// The most parts of the audience that one table may tell apart.
const SLICES_MAX: usize = 65_536;
/// After so many rows it is known how many numbers a table will have, more or less.
const ROWS_UNTIL_KNOWN: usize = 10_000;
/// Days that a platform prints as the last hour of the day before: it takes summer time for winter time.
const ALMOST_MIDNIGHT: i8 = 23;

/// Reads one table, which may be several side by side.
///
/// # Errors
/// When the table can't be dated or contradicts itself, or a row is wrong.
pub(super) fn read_table(bound: &Bound, options: &Options, of_neighbours: Option<Period>) -> Result<Table, Refusal> {
    let notation = notation::learn(bound, options)?;
    let period = span::of_file(bound, &notation, options, of_neighbours)?;
    let mut reader = Reader::new(bound, &notation, options)?;
    for block in &bound.blocks {
        let grains = span::grains(bound, block, period, options)?;
        reader.read(block, grains)?;
    }
    finish::table(reader, period)
}

/// What has been read of a table.
pub(super) struct Reader<'a> {
    pub(super) bound: &'a Bound,
    pub(super) notation: &'a Notation,
    pub(super) options: &'a Options,
    platform: String,
    zone: Option<TimeZone>,
    pub(super) posts: Posts,
    pub(super) slices: Vec<Slice>,
    by_slice: HashMap<String, u32>,
    pub(super) readings: Vec<(Reading, Place)>,
    pub(super) skipped: Told,
    pub(super) wrong: Told,
    pub(super) checks: Checks,
    /// Of each column, how many cells say something.
    pub(super) filled: Vec<u64>,
    pub(super) rows: u64,
    pub(super) currency: Option<String>,
    pub(super) spend_without_currency: u64,
    pub(super) moved_to_midnight: u64,
    /// How many days without a year have been read.
    yearless: usize,
    /// The last day that was read, as most rows repeat it.
    last_day: (String, Option<Date>),
    numbers: Vec<(Metric, u64)>,
}

/// What is told of rows.
pub(super) type Told = Listed<(Place, String)>;

/// Why a row gives no numbers.
enum Without {
    Said(String),
    Wrong(String),
}

/// One table of those side by side, while it is read.
struct Part<'a> {
    block: &'a Block,
    grains: Grains,
    /// The columns that tell posts apart.
    naming: Vec<usize>,
    slices: Vec<(usize, &'static str)>,
    /// How many cells a row needs.
    width: usize,
}

impl Part<'_> {
    fn column(&self, role: Role) -> Option<usize> {
        self.block.iter().find(|(_, of)| *of == role).map(|(at, _)| *at)
    }

    fn cells<'r>(&self, row: &Row<'r>, role: Role) -> Vec<&'r str> {
        self.block.iter().filter(|(_, of)| *of == role).map(|(at, _)| known(row.get(*at))).collect()
    }
}

/// A cell, or nothing where it says that it has nothing to say.
fn known(cell: &str) -> &str {
    if is_unknown(cell) { "" } else { cell }
}

impl<'a> Reader<'a> {
    fn new(bound: &'a Bound, notation: &'a Notation, options: &'a Options) -> Result<Self, String> {
        let says = bound.facts.platform.or(Some(bound.dialect.platform).filter(|platform| !platform.is_empty()));
        let platform = says.map(str::to_owned).or_else(|| options.platform.clone());
        if platform.is_none() && bound.dialect.subject == Subject::Account {
            return Err(format!("{}: the file does not say whose it is; say --platform", bound.dialect.title));
        }
        let zone = options.tz.as_deref().or(bound.dialect.zone);
        // The bundled ones: the child can open no file.
        let zone = zone.map(|zone| TimeZoneDatabase::bundled().get(zone).map_err(|_| format!("no time zone {zone:?}")));
        Ok(Self {
            bound,
            notation,
            options,
            platform: platform.unwrap_or_default(),
            zone: zone.transpose()?,
            posts: Posts::default(),
            slices: vec![Slice::new()],
            by_slice: HashMap::new(),
            readings: Vec::new(),
            skipped: Told::default(),
            wrong: Told::default(),
            checks: Checks::default(),
            filled: vec![0; bound.headers.len()],
            rows: 0,
            currency: bound.currency.clone(),
            spend_without_currency: 0,
            moved_to_midnight: 0,
            yearless: 0,
            last_day: (String::new(), None),
            numbers: Vec::new(),
        })
    }

    fn read(&mut self, block: &Block, grains: Grains) -> Result<(), String> {
        let slices = block.iter().filter_map(|(at, role)| match role {
            Role::Slice(name) => Some((*at, *name)),
            _ => None,
        });
        let needed = |(at, role): &(usize, Role)| matches!(role, Role::Metric(_) | Role::Day).then_some(at + 1);
        let part = Part {
            block,
            grains,
            naming: posts::naming(block),
            slices: slices.collect(),
            width: block.iter().filter_map(needed).max().unwrap_or(0),
        };
        let mut rows = self.bound.sheet.rows();
        let mut at = 0;
        while let Some(row) = rows.next()? {
            at += 1;
            if at <= self.bound.rows_before {
                continue;
            }
            match self.row(&part, &row) {
                Ok(()) => {}
                Err(Without::Said(reason)) => self.skipped.push((row.place, reason)),
                Err(Without::Wrong(message)) => self.wrong.push((row.place, message)),
            }
            if at == ROWS_UNTIL_KNOWN {
                self.reserve(&row);
            }
            if self.readings.len() > NUMBERS_MAX {
                return Err(format!("the table holds more than {NUMBERS_MAX} numbers: split it by date"));
            }
        }
        Ok(())
    }

    /// Asks once for the memory that the rest of the table will need if it is like its beginning.
    fn reserve(&mut self, row: &Row<'_>) {
        let so_far = row.place.byte().max(1);
        let rest = self.bound.sheet.text.len().saturating_sub(so_far);
        let more = (self.readings.len() as f64 * rest as f64 / so_far as f64 * 1.05) as usize;
        self.readings.reserve_exact(more.min(NUMBERS_MAX));
    }

    fn row(&mut self, part: &Part<'_>, row: &Row<'_>) -> Result<(), Without> {
        self.without_data(part, row)?;
        self.check_width(part, row)?;
        self.count_filled(part, row);
        self.read_numbers(part, row)?;
        let post = self.post(part, row)?;
        let grain = self.grain(part, row, post)?;
        let slice = self.slice(part, row)?;
        self.rows += 1;
        self.checks.see(&self.numbers);
        self.see_rates(part, row);
        let is_story = self.posts.all[post as usize].level == Level::Story;
        for (metric, value) in &self.numbers {
            let metric = if is_story { of_story(*metric) } else { *metric };
            self.readings.push((Reading { post, slice, metric, grain, value: *value }, row.place));
        }
        Ok(())
    }

    /// Rows that are not about a post: empty ones, remarks, totals, and what the dialect knows.
    fn without_data(&self, part: &Part<'_>, row: &Row<'_>) -> Result<(), Without> {
        let said = |reason: &str| Err(Without::Said(reason.to_owned()));
        if row.is_blank() {
            return said("the row is empty");
        }
        let mut cells = row.iter().filter(|cell| !cell.is_empty());
        let first = cells.next().unwrap_or_default();
        if cells.next().is_none() && part.block.len() > 1 && first.contains(' ') {
            return said("the row is a remark");
        }
        if is_total_row(part, row, first) {
            return said("the row is a total");
        }
        let one = |role| part.cells(row, role).first().map(|cell| (*cell).to_owned()).unwrap_or_default();
        self.bound.dialect.skip.and_then(|skip| skip(&one)).map_or(Ok(()), said)
    }

    /// A row with another number of cells than the header would be read in the wrong columns. Empty cells at the end
    /// are an exception, because spreadsheets leave them out or add them.
    fn check_width(&self, part: &Part<'_>, row: &Row<'_>) -> Result<(), Without> {
        let is_short = row.len() < part.width && self.bound.sheet.numbering != Numbering::Rows;
        let headers = self.bound.headers.len();
        if is_short || (row.len() > headers && row.used() > headers) {
            let cells = row.len();
            return Err(Without::Wrong(format!("the row has {cells} cells and the header has {headers}")));
        }
        Ok(())
    }

    fn count_filled(&mut self, part: &Part<'_>, row: &Row<'_>) {
        for (at, _) in part.block {
            self.filled[*at] += u64::from(!is_unknown(row.get(*at)));
        }
    }

    fn read_numbers(&mut self, part: &Part<'_>, row: &Row<'_>) -> Result<(), Without> {
        self.numbers.clear();
        for (at, role) in part.block {
            let Role::Metric(metric) = *role else { continue };
            let cell = row.get(*at);
            if is_unknown(cell) {
                continue;
            }
            let value = if metric == Metric::Spend {
                self.money(part, row, cell)
            } else {
                self.notation.number.read(cell).map(Some)
            };
            let value = value.map_err(|why| Without::Wrong(format!("{}: {why}", self.bound.headers[*at])))?;
            self.numbers.extend(value.map(|value| (metric, value)));
        }
        if self.numbers.is_empty() {
            return Err(Without::Said("the row has no number, which is unknown and not 0".to_owned()));
        }
        Ok(())
    }

    /// Money, if its currency is known. One file has one currency.
    fn money(&mut self, part: &Part<'_>, row: &Row<'_>, cell: &str) -> Result<Option<u64>, String> {
        let (micros, sign) = self.notation.number.money(cell)?;
        let column = part.column(Role::Currency).map(|at| known(row.get(at))).filter(|code| !code.is_empty());
        let said = self.options.currency.as_deref().filter(|_| self.currency.is_none());
        let Some(code) = column.or(sign).or(said).map(str::to_ascii_uppercase).or_else(|| self.currency.clone()) else {
            self.spend_without_currency += 1;
            return Ok(None);
        };
        if code.len() != 3 || !code.bytes().all(|byte| byte.is_ascii_uppercase()) {
            return Err(format!("{code:?} is not the code of a currency such as EUR"));
        }
        match &self.currency {
            Some(known) if *known != code => {
                return Err(format!("the file has two currencies, {known} and {code}: divide it by account"));
            }
            _ => self.currency = Some(code),
        }
        Ok(Some(micros))
    }

    fn post(&mut self, part: &Part<'_>, row: &Row<'_>) -> Result<u32, Without> {
        // Taken out, because describing a new post asks the reader.
        let mut posts = std::mem::take(&mut self.posts);
        let cells = |role| part.cells(row, role);
        let published = |cell: &str| self.published(cell);
        let account = self.options.account.as_deref();
        let whose = Whose { platform: &self.platform, account, published: &published };
        let found = posts.of_row(self.bound, &part.naming, row, &cells, &whose);
        self.posts = posts;
        found.map_err(Without::Wrong)
    }

    /// An instant where zone and time are known, else a day; nothing when the cell cannot be read, since no number
    /// hangs on it.
    fn published(&self, cell: &str) -> Option<String> {
        let newest = self.options.as_of.or(self.notation.as_of).or(self.options.today).unwrap_or(Date::MAX);
        let Ok(stamp) = self.notation.date.read(cell) else {
            let day = date::years(&[date::yearless(cell)?], newest, None).ok()?.pop()?;
            return Some(day.to_string());
        };
        let civil = stamp.time.map(|time| stamp.day.to_datetime(time));
        let instant = civil.and_then(|civil| match stamp.offset {
            Some(offset) => offset.to_timestamp(civil).ok(),
            None => self.zone.as_ref()?.to_timestamp(civil).ok(),
        });
        Some(instant.map_or_else(|| stamp.day.to_string(), |instant| instant.to_string()))
    }

    fn grain(&mut self, part: &Part<'_>, row: &Row<'_>, post: u32) -> Result<Grain, Without> {
        let grain = match part.grains {
            Grains::Lifetime => Grain::Lifetime,
            Grains::All(grain) => grain,
            Grains::Day(at) => Grain::Day(self.day(row.get(at)).map_err(Without::Wrong)?),
            Grains::FromTo(from, to) => {
                let day = |at| self.notation.date.read(row.get(at)).map(|stamp| stamp.day).map_err(Without::Wrong);
                self.days(day(from)?, day(to)?).map_err(Without::Wrong)?
            }
            Grains::Span(at) => {
                let cell = row.get(at);
                let days = date::span(cell, self.notation.date);
                let wrong = || Without::Wrong(format!("{cell:?} are no two days"));
                let (from, to) = days.ok_or_else(wrong)?;
                self.days(from, to).map_err(Without::Wrong)?
            }
            Grains::SincePublished(period) => {
                let published = self.posts.all[post as usize].published.as_deref();
                let day = published.and_then(|at| at.get(..10)?.parse::<Date>().ok());
                if day.is_some_and(|day| day >= period.0) { Grain::Lifetime } else { span::of_days(period) }
            }
        };
        Ok(grain)
    }

    fn days(&self, from: Date, to: Date) -> Result<Grain, String> {
        if from > to {
            return Err(format!("the row ends on {to} and begins on {from}"));
        }
        self.not_in_the_future(to).map(|_| span::of_days((from, to)))
    }

    fn day(&mut self, cell: &str) -> Result<Date, String> {
        if let Some(day) = self.last_day.1.filter(|_| self.last_day.0 == cell) {
            return Ok(day);
        }
        if date::yearless(cell).is_some() {
            let day = self.notation.years.get(self.yearless).copied();
            self.yearless += 1;
            return day.ok_or_else(|| format!("{cell:?} has no year"));
        }
        let stamp = self.notation.date.read(cell)?;
        let is_almost = stamp.offset.is_none() && stamp.time.map(Time::hour) == Some(ALMOST_MIDNIGHT);
        let is_midnight = stamp.time.is_some_and(|time| time.minute() == 0) && is_almost;
        let day = if is_midnight { stamp.day.tomorrow().unwrap_or(stamp.day) } else { stamp.day };
        self.moved_to_midnight += u64::from(is_midnight);
        self.last_day = (cell.to_owned(), Some(self.not_in_the_future(day)?));
        Ok(day)
    }

    /// Somewhere it may be tomorrow already.
    fn not_in_the_future(&self, day: Date) -> Result<Date, String> {
        let last = self.options.today.and_then(|today| today.tomorrow().ok());
        if last.is_some_and(|last| day > last) { Err(format!("{day} is in the future")) } else { Ok(day) }
    }

    fn slice(&mut self, part: &Part<'_>, row: &Row<'_>) -> Result<u32, Without> {
        if part.slices.is_empty() {
            return Ok(0);
        }
        let cells = || part.slices.iter().map(|(at, name)| (*name, row.get(*at))).filter(|(_, cell)| !cell.is_empty());
        let key: String = cells().flat_map(|(name, cell)| [name, "\0", cell, "\0"]).collect();
        if key.is_empty() {
            return Ok(0);
        }
        if let Some(known) = self.by_slice.get(&key) {
            return Ok(*known);
        }
        if self.slices.len() >= SLICES_MAX {
            return Err(Without::Wrong(format!("the table has more than {SLICES_MAX} parts: break it down by less")));
        }
        let index = self.slices.len() as u32;
        let cut = |cell: &str| cell.chars().take(100).collect();
        self.slices.push(cells().map(|(name, cell)| (name.to_owned(), cut(cell))).collect());
        self.by_slice.insert(key, index);
        Ok(index)
    }

    fn see_rates(&mut self, part: &Part<'_>, row: &Row<'_>) {
        for (at, role) in part.block {
            if let Role::Rate(scale) = *role
                && let Some(rate) = self.notation.number.rate(row.get(*at))
            {
                let scale = if row.get(*at).ends_with('%') { Scale::Percent } else { scale };
                self.checks.see_rate(*at, rate, scale, &self.numbers);
            }
        }
    }
}

/// A story's views are counted against clicks on stories.
fn of_story(metric: Metric) -> Metric {
    match metric {
        Metric::Impressions(Kind::Views | Kind::Impressions) => Metric::Impressions(Kind::StoryViews),
        metric => metric,
    }
}

/// A row that says that it is a total and names no post beside it.
fn is_total_row(part: &Part<'_>, row: &Row<'_>, first: &str) -> bool {
    let mut named = part.naming.iter().map(|at| known(row.get(*at))).filter(|cell| !cell.is_empty()).peekable();
    let names_nothing = named.peek().is_none();
    names_nothing && is_total(first) || !names_nothing && named.all(is_total)
}

/// `Total`, `Total: account`, `Results from 12 ads`, and the same in other languages.
fn is_total(cell: &str) -> bool {
    const WORDS: [&str; 18] = [
        "total",
        "totals",
        "grand total",
        "total general",
        "total g\u{e9}n\u{e9}ral",
        "sum",
        "gesamt",
        "gesamtsumme",
        "summe",
        "totalt",
        "summa",
        "totale",
        "totaal",
        "razem",
        "toplam",
        "\u{438}\u{442}\u{43e}\u{433}\u{43e}",
        "\u{432}\u{441}\u{435}\u{433}\u{43e}",
        "\u{5408}\u{8a08}",
    ];
    if cell.len() > 100 || cell.contains("://") {
        return false;
    }
    let cell = cell.to_lowercase();
    let word = cell.split(':').next().unwrap_or_default().trim();
    WORDS.contains(&word) || word.starts_with("results from ")
}
