//! Judging the past again: every click since a day by the rules of now, from the evidence that click files keep, and
//! the counters of those days made anew from the result.
//!
//! Which files are read in which order is in [`seals`], how their clicks are judged in [`again`]; [`moved`] adds up what
//! came of it, and [`day_sum`] counts a day.
//!
//! Runs on the tally's own thread, between two rounds, so that nothing is counted meanwhile: hits that arrive wait in
//! the journal and none is lost. It must never replace the counters of a day of which the click files do not hold
//! every hit, because those counters know more.

mod again;
mod day_sum;
mod moved;
mod seals;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Serialize;
use tokio::runtime::Runtime;

use self::again::Again;
pub(crate) use self::day_sum::DaySum;
use self::moved::Moved;
use super::calendar::Calendar;
use super::rules::{self, RulesError};
use super::worker::Tools;
use crate::archive::{ArchiveError, ClickQuery};
use crate::domain::counter::{DayCounters, Dimension};
use crate::domain::delta::Delta;
use crate::domain::link::LinkId;
use crate::domain::position::{Incarnation, Position};
use crate::store::StoreError;

/// What is asked for.
pub(crate) struct Request {
    /// The first day, in the report time zone.
    pub(crate) since: Date,
    /// Nothing is changed.
    pub(crate) dry_run: bool,
    /// Told how it went. It may wait for nobody.
    pub(crate) done: Box<dyn FnOnce(Result<Report, RecountError>) + Send>,
}

/// Why the past could not be judged again. Doing it again mends what was left half-done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecountError {
    #[error(transparent)]
    Rules(#[from] RulesError),
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{0} is no day that has begun")]
    Day(Date),
    #[error("the clicks that wait for a file could not be written: {0}")]
    Seal(String),
    #[error("the server is stopping; run it again")]
    Stopping,
}

/// What moved.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Report {
    /// The version of the rules that judged.
    pub(crate) rules_version: u32,
    pub(crate) files: u64,
    /// Files that are damaged, of another format or name, or not finished by another node; they stay as they are.
    pub(crate) files_left_out: u64,
    pub(crate) hits: u64,
    /// Hits whose verdict, source or another column is not what it was.
    pub(crate) changed: u64,
    /// From one `verdict:reason` to another, the most frequent first.
    pub(crate) verdicts: Vec<Move>,
    /// From one source to another.
    pub(crate) sources: Vec<Move>,
    /// Days whose human clicks are not what they were.
    pub(crate) days: Vec<Day>,
    /// Days whose counters stay, because the click files do not hold all their hits.
    pub(crate) days_kept: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Move {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) hits: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Day {
    pub(crate) day: String,
    pub(crate) clicks_before: u64,
    pub(crate) clicks_after: u64,
}

/// Judges again and counts anew. All counted clicks must be in click files. `is_stopping` is asked between the files of
/// one seal and of the next.
pub(super) fn run(
    tools: &mut Tools,
    runtime: &Runtime,
    request: &Request,
    mut is_stopping: impl FnMut() -> bool,
) -> Result<Report, RecountError> {
    let classifier = rules::classifier(&tools.classify)?;
    let from_ms = begins(request.since, &tools.zone)?;
    let first = jiff::tz::Offset::UTC.to_datetime(instant(from_ms)).date();
    let moved = Moved::new(Calendar::new(tools.zone.clone()), classifier.version());
    let archive = Arc::clone(&tools.archive);
    let dry_run = request.dry_run;
    let mut again = Again { archive: &archive, classifier: &classifier, first, from_ms, dry_run, moved };
    let files = archive.files_from(Date::MIN)?;
    again.leave_out(files.iter().filter(|file| file.begin().is_none()));
    for (journal, mut seals) in seals::by_journal(files, first) {
        let settled = settled(tools, runtime, journal)?;
        // Its node may have to write them anew, under the same names.
        seals.extract_if(.., |seal| seal.from >= settled).for_each(|seal| again.leave_out(&seal.files));
        let mut memory = tools.memory.memory();
        for seal in seals::needed(seals, first, tools.memory) {
            if is_stopping() {
                return Err(RecountError::Stopping);
            }
            again.judge(journal, &mut memory, &seal)?;
        }
    }
    let mut moved = again.moved;
    let mut day = request.since;
    let today = moved.calendar.day(tools.clock.now_ms());
    while day <= today.max(moved.last_day.unwrap_or(today)) {
        if is_stopping() {
            return Err(RecountError::Stopping);
        }
        if !count_day(tools, runtime, day, dry_run)? {
            moved.days_kept.push(day.to_string());
        }
        day = day.tomorrow().map_err(|_| RecountError::Day(day))?;
    }
    if !dry_run {
        // What arrives from now on is judged by the same tables.
        tools.classifier = Arc::new(classifier);
    }
    Ok(moved.into_report())
}

/// Up to where the files of a journal stay what they are; whatever is made of a later one could take the place of what its
/// node writes under the same name. A node begins the next one only when the store knows where the last one ended, and
/// writes the last one again if it was killed before that.
fn settled(tools: &Tools, runtime: &Runtime, journal: Incarnation) -> Result<Position, StoreError> {
    let is_known = || {
        let watermarks = runtime.block_on(tools.store.watermarks(journal))?;
        Ok::<_, StoreError>(watermarks.iter().any(|at| *at > Position::START))
    };
    // Without other nodes there is nobody else to write, and journals that the store forgot have ended long ago.
    if !tools.cache.is_shared() || !is_known()? {
        return Ok(Position(u64::MAX));
    }
    runtime.block_on(tools.store.archived(journal))
}

/// Counts a day anew from its clicks; `false` if its counters have to stay.
fn count_day(tools: &Tools, runtime: &Runtime, day: Date, dry_run: bool) -> Result<bool, RecountError> {
    let tomorrow = day.tomorrow().map_err(|_| RecountError::Day(day))?;
    let span = ClickQuery {
        from_ms: Some(begins(day, &tools.zone)?),
        to_ms: Some(begins(tomorrow, &tools.zone)?),
        ..ClickQuery::default()
    };
    let mut sum = DaySum::new(tools.zone.clone());
    tools.archive.clicks(span, |click| sum.add(click))?;
    let deltas = sum.finish();
    let counted = runtime.block_on(tools.store.counters(None, day, day))?;
    if !holds_every_hit(&counted, &deltas) {
        return Ok(false);
    }
    if dry_run || deltas.is_empty() {
        return Ok(true);
    }
    // Unless another node has counted since.
    Ok(runtime.block_on(tools.store.replace_day(day, &counted, &deltas))?)
}

/// Hits are counted whatever their verdict, so their number per link must be the same before and after.
fn holds_every_hit(counted: &[DayCounters], deltas: &[Delta]) -> bool {
    let of_counted = counted.iter().map(|day| (day.link, hits(day.counters.iter())));
    let of_deltas = deltas.iter().map(|delta| (delta.link, hits(delta.counters.iter())));
    let by_link = |hits: &mut dyn Iterator<Item = (LinkId, u64)>| -> BTreeMap<LinkId, u64> {
        hits.filter(|(_, hits)| *hits > 0).collect()
    };
    by_link(&mut { of_counted }) == by_link(&mut { of_deltas })
}

fn hits<'a>(counters: impl Iterator<Item = (Dimension, &'a str, u64)>) -> u64 {
    counters.filter(|(dimension, ..)| *dimension == Dimension::Verdict).map(|(_, _, count)| count).sum()
}

pub(super) fn begins(day: Date, zone: &TimeZone) -> Result<i64, RecountError> {
    let begin = day.to_zoned(zone.clone()).map_err(|_| RecountError::Day(day))?;
    Ok(begin.timestamp().as_millisecond())
}

fn instant(time_ms: i64) -> jiff::Timestamp {
    jiff::Timestamp::from_millisecond(time_ms).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::counter::Counters;

    const DAY: Date = jiff::civil::date(2026, 11, 21);

    fn counters(human: u64, bot: u64) -> Counters {
        let mut counters = Counters::new();
        counters.add(Dimension::Verdict, "human", human);
        counters.add(Dimension::Verdict, "bot", bot);
        counters.add(Dimension::Country, "SE", human);
        counters
    }

    fn counted(link: u64, human: u64, bot: u64) -> DayCounters {
        DayCounters { link: LinkId(link), day: DAY, counters: counters(human, bot), visitors: 0 }
    }

    fn delta(link: u64, human: u64, bot: u64) -> Delta {
        Delta { link: LinkId(link), day: DAY, counters: counters(human, bot), visitors: Vec::new() }
    }

    #[test]
    fn a_day_is_counted_anew_only_if_the_files_hold_every_hit_of_every_link() {
        let day = [counted(1, 5, 0), counted(2, 1, 1)];
        assert!(holds_every_hit(&day, &[delta(2, 0, 2), delta(1, 3, 2)]));
        assert!(!holds_every_hit(&day, &[delta(1, 5, 0)]));
        assert!(!holds_every_hit(&day, &[delta(1, 5, 0), delta(2, 1, 2)]));
        assert!(!holds_every_hit(&[], &[delta(1, 1, 0)]));
        assert!(holds_every_hit(&[], &[]));
    }
}
