//! How one table writes its numbers and its days, learned from all of its rows before any is read.
//!
//! Pure. It must never be asked per cell: one file has one notation.

use jiff::civil::Date;

use super::bind::Bound;
use crate::domain::metric::Metric;
use crate::impressions::dialects::Role;
use crate::impressions::options::Options;
use crate::impressions::{date, number};

/// The most days without a year that are kept to learn their years.
const YEARLESS_MAX: usize = 10_000;

/// What was learned.
pub(super) struct Notation {
    pub(super) number: number::Notation,
    pub(super) date: date::Notation,
    /// The days of [`Role::Day`] that have no year in the file, in its order.
    pub(super) years: Vec<Date>,
    /// What [`Role::AsOf`] says first.
    pub(super) as_of: Option<Date>,
}

/// Looks at every cell that is a number or a day.
///
/// # Errors
/// In words, when the table contradicts itself, or could be read in two ways.
pub(super) fn learn(bound: &Bound, options: &Options) -> Result<Notation, String> {
    let mut seen = Seen::default();
    let mut rows = bound.sheet.rows();
    let mut at = 0;
    while let Some(row) = rows.next()? {
        at += 1;
        if at <= bound.rows_before {
            continue;
        }
        for (column, role) in bound.columns() {
            seen.see(role, row.get(column))?;
        }
    }
    for text in [&bound.facts.period, &bound.facts.as_of].into_iter().flatten() {
        text.split(" - ").for_each(|part| seen.date.see(part));
    }
    seen.decide(bound, options)
}

#[derive(Default)]
struct Seen {
    number: number::Evidence,
    date: date::Evidence,
    yearless: Vec<(i8, i8)>,
    as_of: String,
    last_day: String,
}

impl Seen {
    fn see(&mut self, role: Role, cell: &str) -> Result<(), String> {
        match role {
            _ if cell.is_empty() => {}
            Role::Metric(Metric::Spend) | Role::Rate(_) => self.number.see_fraction(cell),
            Role::Metric(_) => self.number.see(cell),
            Role::Day => self.see_day(cell)?,
            Role::From | Role::To | Role::Published => self.date.see(cell),
            Role::Span => cell.split(" - ").for_each(|part| self.date.see(part)),
            Role::AsOf if self.as_of.is_empty() => {
                self.date.see(cell);
                self.as_of = cell.to_owned();
            }
            _ => {}
        }
        Ok(())
    }

    fn see_day(&mut self, cell: &str) -> Result<(), String> {
        // Rows of one day mostly follow each other.
        if cell == self.last_day {
            return self.again();
        }
        cell.clone_into(&mut self.last_day);
        self.date.see(cell);
        self.yearless.extend(date::yearless(cell));
        self.check_bound()
    }

    fn again(&mut self) -> Result<(), String> {
        if let Some(day) = date::yearless(&self.last_day) {
            self.yearless.push(day);
        }
        self.check_bound()
    }

    fn check_bound(&self) -> Result<(), String> {
        if self.yearless.len() > YEARLESS_MAX {
            return Err(format!("more than {YEARLESS_MAX} days have no year"));
        }
        Ok(())
    }

    fn decide(self, bound: &Bound, options: &Options) -> Result<Notation, String> {
        let date = self.date.decide(bound.dialect.order, options.dates, bound.sheet.epoch)?;
        let as_of = date.read(&self.as_of).ok().map(|stamp| stamp.day);
        let newest = options.as_of.or(as_of).or(options.today).unwrap_or(Date::MAX);
        let years =
            if self.yearless.is_empty() { Vec::new() } else { date::years(&self.yearless, newest, options.year)? };
        let as_of = as_of.or_else(|| date::years(&[date::yearless(&self.as_of)?], newest, options.year).ok()?.pop());
        Ok(Notation { number: self.number.decide(), date, years, as_of })
    }
}
