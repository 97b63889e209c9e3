//! From what the rows gave to a table that can be kept: nothing twice, nothing in disguise, and what there is to say.
//!
//! Pure. It must never let two numbers stand for one thing.

use std::collections::BTreeSet;

use jiff::civil::Date;

use super::report;
use super::rows::{Reader, Told};
use super::span::{self, Period};
use crate::domain::metric::Metric;
use crate::impressions::dialects::{Role, Subject};
use crate::impressions::options::Span;
use crate::impressions::reading::{
    Grain, LISTED_MAX, Listed, PlatformFile, Reading, Refusal, RowError, Skipped, Table, TableReport,
};
use crate::impressions::table::{Place, Sheet};

/// From so many rows on, posts with more than two rows each are a breakdown and no mistake.
const BREAKDOWN_ROWS_MIN: u64 = 3;

/// Makes the table of what was read.
///
/// # Errors
/// When a row is wrong, or the table is not what it looks like.
pub(super) fn table(mut reader: Reader<'_>, period: Option<Period>) -> Result<Table, Refusal> {
    if !reader.wrong.is_empty() {
        return Err(wrong_rows(&reader.bound.sheet, reader.wrong));
    }
    refuse_breakdown(&reader)?;
    let mut warnings = reader.bound.sheet.notes.clone();
    let (readings, doubles) = without_doubles(std::mem::take(&mut reader.readings), &reader)?;
    refuse_disguised_total(&reader, &readings, period)?;
    warnings.extend(doubles);
    warnings.extend(about_days(&reader, &readings));
    let has = |metric| reader.bound.has(Role::Metric(metric));
    warnings.extend(reader.checks.warnings(has, &reader.bound.headers));
    let report = TableReport {
        title: reader.bound.dialect.title.to_owned(),
        grains: report::grains(&readings),
        rows: reader.rows,
        skipped: skipped(&reader.bound.sheet, &reader.skipped),
        columns: report::used(reader.bound, &reader.filled, reader.rows),
        ignored: report::ignored(reader.bound),
        sums: report::sums(&readings),
        warnings,
    };
    let name = reader.bound.sheet.name.clone();
    Ok(Table { name, file: file(reader, readings, period), report })
}

fn file(reader: Reader<'_>, readings: Vec<Reading>, period: Option<Period>) -> PlatformFile {
    let spends = readings.iter().any(|reading| reading.metric == Metric::Spend);
    let of_file = || reader.notation.date.read(reader.bound.facts.as_of.as_deref()?).ok().map(|stamp| stamp.day);
    let of_name = || span::made_on(&reader.options.file_name, reader.bound.dialect.made_on?, days(&readings));
    let as_of = reader.options.as_of.or(reader.notation.as_of).or_else(of_file).or_else(of_name);
    let zone = reader.options.tz.as_deref().or(reader.bound.dialect.zone);
    PlatformFile {
        dialect: reader.bound.dialect.name.to_owned(),
        period: span::wider(days(&readings), period.filter(|_| is_dated(&readings))),
        as_of,
        zone: zone.map(str::to_owned),
        currency: reader.currency.filter(|_| spends),
        posts: reader.posts.all,
        slices: reader.slices,
        readings,
    }
}

fn is_dated(readings: &[Reading]) -> bool {
    readings.iter().any(|reading| reading.grain != Grain::Lifetime)
}

/// The first and the last day of all numbers that have days.
fn days(readings: &[Reading]) -> Option<Period> {
    readings.iter().fold(None, |found, reading| match reading.grain {
        Grain::Lifetime => found,
        Grain::Day(day) => span::wider(found, Some((day, day))),
        Grain::Period(from, to) => span::wider(found, Some((from, to))),
    })
}

fn wrong_rows(sheet: &Sheet, told: Told) -> Refusal {
    let numbers = sheet.numbers(told.first.iter().map(|(place, _)| *place));
    let first = numbers.into_iter().zip(told.first).map(|(row, (_, message))| RowError { row, message }).collect();
    let rows = Listed { first, count: told.count };
    let message = format!("{} of the file's rows cannot be imported, so none was", rows.count);
    Refusal { message, rows, ..Refusal::default() }
}

fn skipped(sheet: &Sheet, told: &Told) -> Listed<Skipped> {
    let mut first = told.first.clone();
    // Tables side by side are read one after the other.
    first.sort_by_key(|(place, _)| *place);
    let numbers = sheet.numbers(first.iter().map(|(place, _)| *place));
    let first = numbers.into_iter().zip(first).map(|(row, (_, reason))| Skipped { row, reason }).collect();
    Listed { first, count: told.count }
}

/// A file of one row per post and day looks like one of a row per post; its rows are parts, not lifetimes.
fn refuse_breakdown(reader: &Reader<'_>) -> Result<(), String> {
    let is_lifetime = reader.readings.iter().all(|(reading, _)| reading.grain == Grain::Lifetime);
    let (posts, rows) = (reader.posts.all.len() as u64, reader.rows);
    if is_lifetime && rows >= BREAKDOWN_ROWS_MIN && reader.bound.blocks.len() as u64 * posts * 2 < rows {
        return Err(format!(
            "{}: {rows} rows are about {posts} posts, so this file is divided by day or by something else, and its \
             numbers are no totals of a post. Download it again with one row per post (\"lifetime\")",
            reader.bound.dialect.title
        ));
    }
    Ok(())
}

/// Ads that were not divided by day stand on the first day of the report: sums that look like one day.
fn refuse_disguised_total(reader: &Reader<'_>, readings: &[Reading], period: Option<Period>) -> Result<(), String> {
    let Some((from, to)) = period.filter(|(from, to)| from < to) else { return Ok(()) };
    let mut grains = readings.iter().map(|reading| reading.grain);
    if matches!(reader.options.period, Some(Span::Days(..))) || readings.is_empty() {
        return Ok(());
    }
    if grains.all(|grain| grain == Grain::Day(from)) {
        return Err(format!(
            "{}: the report covers {from} to {to}, and all of its rows are dated {from}: they are totals of the whole \
             period. Download it again divided by day, or say --period {from} if nothing was delivered later",
            reader.bound.dialect.title
        ));
    }
    Ok(())
}

type Key = (u32, u32, Metric, Grain);

fn key(reading: &Reading) -> Key {
    (reading.post, reading.slice, reading.metric, reading.grain)
}

/// Each thing once. The same number twice is one; two lifetimes of one post are two moments, of which the larger is
/// the later; anything else is a contradiction. In place, because there may be millions.
fn without_doubles(
    mut readings: Vec<(Reading, Place)>,
    reader: &Reader<'_>,
) -> Result<(Vec<Reading>, Vec<String>), Refusal> {
    readings.sort_unstable_by_key(|(reading, place)| (key(reading), *place));
    let (mut same, mut grown) = (0_u64, 0_u64);
    let mut wrong = Told::default();
    readings.dedup_by(|(reading, place), (before, first)| {
        if key(reading) != key(before) {
            return false;
        }
        if reading.value == before.value {
            same += 1;
        } else if reading.grain == Grain::Lifetime {
            grown += 1;
            before.value = before.value.max(reading.value);
        } else {
            // Looking a row's number up reads the text again, which is worth it for those that are listed.
            let is_listed = wrong.count < LISTED_MAX as u64;
            let row = if is_listed { reader.bound.sheet.numbers([*first].into_iter())[0] } else { 0 };
            wrong.push((*place, contradiction(reading, reader, row)));
        }
        true
    });
    if !wrong.is_empty() {
        wrong.first.sort_by_key(|(place, _)| *place);
        return Err(wrong_rows(&reader.bound.sheet, wrong));
    }
    Ok((readings.into_iter().map(|(reading, _)| reading).collect(), doubles(same, grown)))
}

fn contradiction(reading: &Reading, reader: &Reader<'_>, before: u64) -> String {
    let post = &reader.posts.all[reading.post as usize];
    let name = post.names.first().map_or("", String::as_str);
    let when = match reading.grain {
        Grain::Lifetime => String::new(),
        Grain::Day(day) => format!(" on {day}"),
        Grain::Period(from, to) => format!(" from {from} to {to}"),
    };
    format!(
        "{} of {name:?}{when} is another number in row {before}: the file is divided by something that is not read",
        reading.metric.as_str()
    )
}

fn doubles(same: u64, grown: u64) -> Vec<String> {
    let mut said = Vec::new();
    if same > 0 {
        let numbers = if same == 1 { "number stands" } else { "numbers stand" };
        said.push(format!("{same} {numbers} in the file twice and count once"));
    }
    if grown > 0 {
        let numbers = if grown == 1 { "number stands" } else { "numbers stand" };
        said.push(format!("{grown} {numbers} in the file twice and differently; the larger one is taken"));
    }
    said
}

fn about_days(reader: &Reader<'_>, readings: &[Reading]) -> Vec<String> {
    let mut said = Vec::new();
    if let (Some(first), Some(last)) = (reader.notation.years.iter().min(), reader.notation.years.iter().max()) {
        said.push(format!("the days have no year; they were taken for {first} to {last} (else say --year)"));
    }
    if reader.moved_to_midnight > 0 {
        let days = reader.moved_to_midnight;
        let begin = if days == 1 { "row begins" } else { "rows begin" };
        said.push(format!("{days} {begin} at 23:00, an hour early for summer time, and count for the next day"));
    }
    if reader.spend_without_currency > 0 {
        said.push("what was spent is left out, because its currency is not known: say --currency".to_owned());
    }
    let gaps = missing_days(readings);
    if gaps > 0 && reader.bound.dialect.subject == Subject::Account {
        let days = if gaps == 1 { "day is" } else { "days are" };
        said.push(format!("{gaps} {days} missing between the first and the last, which is unknown and not 0"));
    }
    said
}

/// Days between the first and the last that no number is about.
fn missing_days(readings: &[Reading]) -> usize {
    let day = |reading: &Reading| match reading.grain {
        Grain::Day(day) => Some(day),
        Grain::Lifetime | Grain::Period(..) => None,
    };
    let days: BTreeSet<Date> = readings.iter().filter_map(day).collect();
    let (Some(first), Some(last)) = (days.first(), days.last()) else { return 0 };
    let all = usize::try_from((*last - *first).get_days()).unwrap_or(0) + 1;
    all.saturating_sub(days.len())
}
