//! What span of time a number is about: the day of its row, the days that the row or the file names, or a lifetime.
//!
//! Pure. It must never put the sum of several days on one of them.

use jiff::civil::Date;

use super::bind::Bound;
use super::notation::Notation;
use crate::impressions::date;
use crate::impressions::dialects::{About, Role};
use crate::impressions::options::{Options, Span};
use crate::impressions::reading::Grain;

/// The first and the last day of something, both included.
pub(super) type Period = (Date, Date);

/// How the grain of each row is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Grains {
    Lifetime,
    /// By the cell of this column.
    Day(usize),
    FromTo(usize, usize),
    Span(usize),
    /// The same for all rows.
    All(Grain),
    /// Each post's lifetime if it was published in these days, else these days.
    SincePublished(Period),
}

/// What the file, its name, its neighbours or somebody says about the days of a whole table.
///
/// # Errors
/// In words, when what the file says cannot be read.
pub(super) fn of_file(
    bound: &Bound,
    notation: &Notation,
    options: &Options,
    of_neighbours: Option<Period>,
) -> Result<Option<Period>, String> {
    if let Some(Span::Days(from, to)) = options.period {
        return Ok(Some((from, to)));
    }
    if let Some(text) = &bound.facts.period {
        let read = date::span(text, notation.date).or_else(|| {
            let day = notation.date.read(text).ok()?.day;
            Some((day, day))
        });
        return read.map(Some).ok_or_else(|| format!("{text:?} are no two days"));
    }
    Ok(of_neighbours.or_else(|| of_name(&options.file_name)))
}

/// How the rows of one table, or of one of several side by side, are dated.
///
/// # Errors
/// In words, with what to do, when nothing says which days the numbers are about.
pub(super) fn grains(
    bound: &Bound,
    block: &[(usize, Role)],
    period: Option<Period>,
    options: &Options,
) -> Result<Grains, String> {
    let column = |role| block.iter().find(|(_, of)| *of == role).map(|(at, _)| *at);
    let about = bound.dialect.about;
    if about == About::Lifetime || (options.period == Some(Span::Lifetime) && column(Role::Day).is_none()) {
        return Ok(Grains::Lifetime);
    }
    if let Some(at) = column(Role::Day) {
        return Ok(Grains::Day(at));
    }
    match (column(Role::From), column(Role::To), column(Role::Span), period) {
        (Some(from), Some(to), ..) => Ok(Grains::FromTo(from, to)),
        (.., Some(at), _) => Ok(Grains::Span(at)),
        (.., Some(period)) if column(Role::Published).is_some() => Ok(Grains::SincePublished(period)),
        (.., Some(period)) => Ok(Grains::All(of_days(period))),
        _ => Err(ask(about, bound)),
    }
}

fn ask(about: About, bound: &Bound) -> String {
    let title = bound.dialect.title;
    match about {
        About::Spans if bound.mapped || bound.dialect.platform.is_empty() => {
            "the header has no column \"date\": say --period lifetime, or --period 2026-11-01..2026-11-30".to_owned()
        }
        About::Spans => format!(
            "{title}: nothing says which days the numbers are about. Download it again divided by day, or say \
             --period 2026-11-01..2026-11-30"
        ),
        _ => format!(
            "{title}: the file does not say which days were on the screen. Say --period lifetime, or --period \
             2026-11-01..2026-11-30"
        ),
    }
}

pub(super) fn of_days((from, to): Period) -> Grain {
    if from == to { Grain::Day(from) } else { Grain::Period(from, to) }
}

pub(super) fn wider(one: Option<Period>, other: Option<Period>) -> Option<Period> {
    match (one, other) {
        (Some(one), Some(other)) => Some((one.0.min(other.0), one.1.max(other.1))),
        (one, other) => one.or(other),
    }
}

/// The day on which a platform made a file that writes it into the name behind `stamp`, as in
/// `example.com-Performance-on-Search-2026-11-20.zip`. Not one before the last day that the file has numbers of: somebody
/// has changed that name.
pub(super) fn made_on(name: &str, stamp: &str, days: Option<Period>) -> Option<Date> {
    let (_, rest) = name.split_once(stamp)?;
    let day: Date = rest.get(..10)?.parse().ok()?;
    days.is_none_or(|(_, last)| last <= day).then_some(day)
}

/// The two days in a file's name, as in `Table data 2026-11-01_2026-11-30 Channel.zip`. Only these: a single day may
/// be when the file was made.
fn of_name(name: &str) -> Option<Period> {
    let starts = (0..name.len()).filter(|at| name.is_char_boundary(*at));
    let mut days = starts.filter_map(|at| name.get(at..at + 10)?.parse::<Date>().ok());
    match (days.next(), days.next(), days.next()) {
        (Some(from), Some(to), None) if from <= to => Some((from, to)),
        _ => None,
    }
}
