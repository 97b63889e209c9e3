//! Judging the past again: every click since a day by the rules of now, from the evidence that click files keep, and
//! the counters of those days made anew from the result.
//!
//! Runs on the tally's own thread, between two rounds, so that nothing is counted meanwhile: hits that arrive wait in
//! the journal and none is lost. It must never replace the counters of a day of which the click files do not hold
//! every hit, because those counters know more.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Serialize;
use tokio::runtime::Runtime;

use super::rollup::{Calendar, Rollup, Values};
use super::rules::{self, RulesError};
use super::worker::Tools;
use crate::archive::{ArchiveError, ClickQuery, StoredFile};
use crate::classify::Classifier;
use crate::classify::past::Past;
use crate::domain::click::Click;
use crate::domain::counter::{DayCounters, Delta, Dimension};
use crate::domain::link::LinkId;
use crate::domain::position::{Incarnation, Position};
use crate::domain::verdict::Verdict;
use crate::store::StoreError;

/// The most different moves that are listed; the rest is summed up.
const MOVES_MAX: usize = 200;

/// The most different moves that are told apart while counting.
const MOVES_COUNTED_MAX: usize = 10_000;

/// Where moves go that found no room of their own.
const OTHER: &str = "(other)";

/// Clicks of a day that are rolled up at once.
const PORTION: usize = 8192;

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
    /// Files that are damaged, of another format, or not finished by another node; they stay as they are.
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

/// Judges again and counts anew. All counted clicks must be in click files. `is_stopping` is asked between files.
pub(super) fn run(
    tools: &mut Tools,
    runtime: &Runtime,
    request: &Request,
    mut is_stopping: impl FnMut() -> bool,
) -> Result<Report, RecountError> {
    let classifier = rules::classifier(&tools.classify)?;
    let from_ms = begins(request.since, &tools.zone)?;
    let first = jiff::tz::Offset::UTC.to_datetime(instant(from_ms)).date();
    let mut moved = Moved::new(Calendar::new(tools.zone.clone()), classifier.version());
    let mut memory = Memory::new(tools);
    for file in tools.archive.files_from(first)? {
        if is_stopping() {
            return Err(RecountError::Stopping);
        }
        if !memory.begin(tools, runtime, &file)? {
            moved.report.files_left_out += 1;
            continue;
        }
        let mut judge = |old| judge(&classifier, &mut memory.past, old, from_ms, &mut moved);
        let judged = match request.dry_run {
            true => tools.archive.read_clicks(&file, |click| drop(judge(click))),
            false => tools.archive.rewrite(&file, judge),
        };
        match judged {
            Ok(()) => moved.report.files += 1,
            // Its days keep their counters, because hits are missing.
            Err(ArchiveError::Damaged { path, message }) => {
                tracing::warn!(path = %path.display(), message, "left a click file out that cannot be read");
                moved.report.files_left_out += 1;
            }
            Err(error) => return Err(error.into()),
        }
    }
    let mut day = request.since;
    let today = moved.calendar.day(tools.clock.now_ms());
    while day <= today.max(moved.last_day.unwrap_or(today)) {
        if is_stopping() {
            return Err(RecountError::Stopping);
        }
        if !count_day(tools, runtime, day, request.dry_run)? {
            moved.days_kept.push(day.to_string());
        }
        day = day.tomorrow().map_err(|_| RecountError::Day(day))?;
    }
    if !request.dry_run {
        // What arrives from now on is judged by the same tables.
        tools.classifier = Arc::new(classifier);
    }
    Ok(moved.into_report())
}

/// Clicks before `from_ms` stay as they are, but are remembered for those that follow.
fn judge(classifier: &Classifier, past: &mut Past, old: Click, from_ms: i64, moved: &mut Moved) -> Click {
    let mut new = classifier.reclassify(&old);
    past.judge(&mut new);
    if old.time_ms < from_ms {
        return old;
    }
    moved.note(&old, &new);
    new
}

/// What is remembered from one file of a journal to the next. Files are in the order of days, and within a day those of
/// one journal follow each other.
struct Memory {
    journal: Option<Incarnation>,
    past: Past,
    /// Files of this journal that begin before this are what they will be.
    settled: Position,
}

impl Memory {
    fn new(tools: &Tools) -> Self {
        Self { journal: None, past: Past::new(tools.memory.double_tap_ms), settled: Position::START }
    }

    /// Goes on to the next file; `false` for one that its node may have to write anew, under the same name. Whatever is
    /// made of such a file could take the place of the new one.
    fn begin(&mut self, tools: &Tools, runtime: &Runtime, file: &StoredFile) -> Result<bool, StoreError> {
        let Some((journal, begin)) = file.begin() else { return Ok(false) };
        if self.journal != Some(journal) {
            self.settled = settled(tools, runtime, journal)?;
            self.past.reset();
            self.journal = Some(journal);
        }
        Ok(begin < self.settled)
    }
}

/// Up to where the files of a journal stay what they are. A node begins the next one only when the store knows where the last
/// one ended, and writes the last one again if it was killed before that.
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

/// Adds up the clicks of a day, a portion at a time: a roll-up is made for the few values of a batch.
pub(crate) struct DaySum {
    calendar: Calendar,
    values: Values,
    waiting: Vec<Click>,
    links: BTreeMap<LinkId, Delta>,
}

impl DaySum {
    pub(crate) fn new(zone: TimeZone) -> Self {
        let (values, waiting) = (Values::default(), Vec::with_capacity(PORTION));
        Self { calendar: Calendar::new(zone), values, waiting, links: BTreeMap::new() }
    }

    pub(crate) fn add(&mut self, click: Click) {
        self.waiting.push(click);
        if self.waiting.len() >= PORTION {
            self.roll_up();
        }
    }

    fn roll_up(&mut self) {
        self.values.make_room();
        let mut rollup = Rollup::default();
        for click in self.waiting.drain(..) {
            rollup.add(&click, &mut self.calendar, &mut self.values);
        }
        for delta in rollup.finish(&mut self.values, 1, |_| 0).into_iter().flatten() {
            match self.links.entry(delta.link) {
                Entry::Vacant(free) => drop(free.insert(delta)),
                Entry::Occupied(mut sum) => {
                    sum.get_mut().counters.merge(&delta.counters);
                    sum.get_mut().visitors.extend(delta.visitors);
                }
            }
        }
    }

    pub(crate) fn finish(mut self) -> Vec<Delta> {
        self.roll_up();
        let mut deltas: Vec<Delta> = self.links.into_values().collect();
        for delta in &mut deltas {
            delta.visitors.sort_unstable();
            delta.visitors.dedup();
        }
        deltas
    }
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

/// Adds up what moved.
struct Moved {
    report: Report,
    calendar: Calendar,
    last_day: Option<Date>,
    verdicts: BTreeMap<(String, String), u64>,
    sources: BTreeMap<(String, String), u64>,
    days: BTreeMap<Date, (u64, u64)>,
    days_kept: Vec<String>,
}

impl Moved {
    fn new(calendar: Calendar, rules_version: u32) -> Self {
        Self {
            report: Report { rules_version, ..Report::default() },
            calendar,
            last_day: None,
            verdicts: BTreeMap::new(),
            sources: BTreeMap::new(),
            days: BTreeMap::new(),
            days_kept: Vec::new(),
        }
    }

    fn note(&mut self, old: &Click, new: &Click) {
        self.report.hits += 1;
        let day = self.calendar.day(new.time_ms);
        self.last_day = self.last_day.max(Some(day));
        let clicks = self.days.entry(day).or_default();
        clicks.0 += u64::from(old.verdict == Verdict::Human);
        clicks.1 += u64::from(new.verdict == Verdict::Human);
        if is_same(old, new) {
            return;
        }
        self.report.changed += 1;
        let verdict = |click: &Click| format!("{}:{}", click.verdict, click.reason);
        add(&mut self.verdicts, verdict(old), verdict(new));
        add(&mut self.sources, old.origin.source.to_string(), new.origin.source.to_string());
    }

    fn into_report(self) -> Report {
        let differs = |(_, (before, after)): &(Date, (u64, u64))| before != after;
        let days = self.days.into_iter().filter(differs);
        Report {
            verdicts: listed(self.verdicts),
            sources: listed(self.sources),
            days: days
                .map(|(day, (clicks_before, clicks_after))| Day { day: day.to_string(), clicks_before, clicks_after })
                .collect(),
            days_kept: self.days_kept,
            ..self.report
        }
    }
}

/// Whether nothing but the number of the rules differs.
fn is_same(old: &Click, new: &Click) -> bool {
    old == &Click { rules_version: old.rules_version, ..new.clone() }
}

fn add(moves: &mut BTreeMap<(String, String), u64>, from: String, to: String) {
    if from == to {
        return;
    }
    let key = (from, to);
    let has_room = moves.len() < MOVES_COUNTED_MAX || moves.contains_key(&key);
    *moves.entry(if has_room { key } else { (OTHER.to_owned(), OTHER.to_owned()) }).or_default() += 1;
}

fn listed(moves: BTreeMap<(String, String), u64>) -> Vec<Move> {
    let mut moves: Vec<Move> = moves.into_iter().map(|((from, to), hits)| Move { from, to, hits }).collect();
    moves.sort_by_key(|moved| std::cmp::Reverse(moved.hits));
    if moves.len() > MOVES_MAX {
        let rest = moves.split_off(MOVES_MAX).iter().map(|moved| moved.hits).sum();
        moves.push(Move { from: OTHER.to_owned(), to: OTHER.to_owned(), hits: rest });
    }
    moves
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::counter::Counters;
    use crate::domain::link::LinkFacts;
    use crate::domain::placement::Level;
    use crate::domain::utm::Utm;
    use crate::domain::visitor::Visitor;

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

    #[test]
    fn a_day_of_many_portions_adds_up_to_one_delta_per_link_and_no_visitor_twice() {
        let link = |id| LinkFacts {
            id: LinkId(id),
            domain: String::new(),
            slug: String::new(),
            utm: Utm::default(),
            platform: None,
            level: Level::Other,
        };
        let links = [Arc::new(link(1)), Arc::new(link(2))];
        let mut sum = DaySum::new(TimeZone::UTC);
        for n in 0..3 * PORTION + 1 {
            sum.add(Click::blank(Arc::clone(&links[n % 2]), Visitor(n as u64 % 5)));
        }
        let deltas = sum.finish();
        let found = deltas.iter().map(|delta| (delta.link.0, hits(delta.counters.iter()), delta.visitors.len()));
        assert_eq!(found.collect::<Vec<_>>(), [(1, 12_289, 5), (2, 12_288, 5)]);
    }

    #[test]
    fn moves_are_bounded_and_the_sum_stays_exact() {
        let mut moves = BTreeMap::new();
        for n in 0..MOVES_COUNTED_MAX + 50 {
            add(&mut moves, format!("from {n}"), "to".to_owned());
        }
        add(&mut moves, "same".to_owned(), "same".to_owned());
        let listed = listed(moves);
        assert_eq!(listed.len(), MOVES_MAX + 1);
        assert_eq!(listed.iter().map(|moved| moved.hits).sum::<u64>(), MOVES_COUNTED_MAX as u64 + 50);
    }
}
