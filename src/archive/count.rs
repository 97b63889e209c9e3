//! A grouped scan: how many clicks there are of each value, without making a click of any row.
//!
//! Click files are read side by side by a bounded number of threads, of each row group only the columns that the question
//! needs, and of a filter's columns first: where nothing is admitted, nothing more is read. A file counts whole or, if it is
//! damaged, not at all. It must never go on beyond its deadline, and never tell more values apart than its bound.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use compact_str::CompactString;
use hashbrown::HashMap;

use super::ahead::Ahead;
use super::chunk::Chunk;
use super::columns::{ID, LINK, TIME, VERDICT, VISITOR};
use super::digits;
use super::facets;
use super::files::{Opened, StoredFile};
use super::filter::{ClickQuery, Shadow, links_of};
use super::read::{Damage, Sound};
use super::seal::times_of;
use super::{Archive, ArchiveError};
use crate::domain::counter::{Count, OTHER};
use crate::domain::facet::{ClickFacet, NONE};
use crate::domain::uniques::Uniques;
use crate::domain::verdict::Verdict;
use crate::domain::visitor::Visitor;

/// Threads that read files for one question.
const THREADS_MAX: usize = 4;

/// Values of one facet that are told apart; the clicks of others count under [`OTHER`].
const VALUES_MAX: usize = 100_000;

/// Links that are told apart. A node has fewer.
const LINKS_MAX: usize = 2_000_000;

/// What clicks are counted by.
#[derive(Clone, Debug)]
pub(crate) enum Grouping {
    /// By time: each span begins at one of these instants, in milliseconds since 1970-01-01T00:00:00Z, ascending, and ends
    /// where the next begins. With their visitors, or without.
    Spans {
        begins: Arc<[i64]>,
        visitors: bool,
    },
    /// By link.
    Link,
    Facet(ClickFacet),
}

fn note(count: &mut Count, row: Row) {
    count.hits += u64::from(row != Row::Out);
    count.clicks += u64::from(row == Row::Human);
}

/// What was counted by one [`Grouping`].
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Groups {
    /// One for each span, and its visitors if they were asked for.
    Spans(Vec<Count>, Vec<Uniques>),
    Links(HashMap<u64, Count>),
    Values(HashMap<CompactString, Count>),
}

/// The answer of a grouped scan.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Counted {
    /// Hits by verdict, in the order of [`Verdict::ALL`].
    pub(crate) verdicts: [u64; Verdict::ALL.len()],
    /// Who clicked, told apart by link: the same visitor on two links is two, as in counters.
    pub(crate) visitors: Uniques,
    /// One for each grouping, in their order.
    pub(crate) groups: Vec<Groups>,
    /// Click files that were left out because they are damaged or none of ours.
    pub(crate) files_left_out: usize,
}

/// What is to be counted.
pub(crate) struct CountQuery {
    pub(crate) clicks: ClickQuery,
    pub(crate) groupings: Vec<Grouping>,
    /// When to give up.
    pub(crate) until: Instant,
}

impl Archive {
    /// Counts the clicks that `query` asks for, pending and sealed, each once, as of now. Waits for disks and object
    /// stores, so no task may call it.
    ///
    /// # Errors
    /// When the archive cannot be read, or not within the time.
    pub(crate) fn count(&self, query: &CountQuery) -> Result<Counted, ArchiveError> {
        // The pending ones first: what is sealed meanwhile is then in both, and told apart by its id.
        let pending = self.lock_pending().snapshot();
        let files = Mutex::new(Ahead::new(Arc::clone(&self.files), query.clicks.clone())?);
        let mut sums = Counted::nothing(query);
        for chunk in &pending {
            sums.add(query, &Part::Pending(chunk), None).map_err(|damage| self.damaged(&damage))?;
        }
        let (shadow, sums, is_over) = (Shadow::of(&pending), Mutex::new(sums), AtomicBool::new(false));
        Scan { query, shadow, files, sums, is_over }.run()
    }

    fn damaged(&self, damage: &Damage) -> ArchiveError {
        ArchiveError::Damaged { path: self.files.folder.clone(), message: damage.to_string() }
    }
}

/// What the threads of one question share.
struct Scan<'q> {
    query: &'q CountQuery,
    shadow: Shadow,
    files: Mutex<Ahead>,
    sums: Mutex<Counted>,
    /// One thread has failed, so the others need not go on.
    is_over: AtomicBool,
}

impl Scan<'_> {
    fn run(self) -> Result<Counted, ArchiveError> {
        let threads = thread::available_parallelism().map_or(1, |cores| cores.get().min(THREADS_MAX));
        let outcome: Result<(), ArchiveError> = thread::scope(|scope| {
            let others: Vec<_> = (1..threads).map(|_| scope.spawn(|| self.read_files())).collect();
            let own = self.read_files();
            let joined = others.into_iter().map(|other| other.join().unwrap_or(Err(ArchiveError::Thread)));
            std::iter::once(own).chain(joined).collect()
        });
        outcome.map(|()| self.sums.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    fn read_files(&self) -> Result<(), ArchiveError> {
        let read = || -> Result<(), ArchiveError> {
            while !self.is_over.load(Ordering::Relaxed) {
                let next = self.files.lock().unwrap_or_else(PoisonError::into_inner).next();
                let Some((stored, opened)) = next else { break };
                self.read_file(&stored, opened?)?;
            }
            Ok(())
        };
        let outcome = read();
        if outcome.is_err() {
            self.is_over.store(true, Ordering::Relaxed);
        }
        outcome
    }

    fn read_file(&self, stored: &StoredFile, opened: Opened) -> Result<(), ArchiveError> {
        let mut counted = self.count_file(opened);
        if matches!(counted, Err(Stop::Damage(_))) {
            let files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
            // It may be the copy on this disk that is damaged.
            if files.distrust(stored) {
                let opened = files.open_again(stored)?;
                drop(files);
                counted = self.count_file(opened);
            }
        }
        let mut sums = self.sums.lock().unwrap_or_else(PoisonError::into_inner);
        match counted {
            Ok(Some(file)) => sums.merge(&file),
            Ok(None) => {}
            Err(Stop::Deadline) => return Err(ArchiveError::Deadline),
            Err(Stop::Damage(damage)) => {
                sums.files_left_out += 1;
                tracing::warn!(file = %stored, %damage, "left a damaged or foreign click file out");
            }
        }
        Ok(())
    }

    fn count_file(&self, opened: Opened) -> Result<Option<Counted>, Stop> {
        let Opened::File(file) = opened else { return Ok(None) };
        let Some(file) = Sound::open(file, &self.query.clicks)? else { return Ok(None) };
        let shadow = self.shadow.meets(file.span()).then_some(&self.shadow);
        let mut sums = Counted::nothing(self.query);
        for group in file.groups() {
            if Instant::now() >= self.query.until {
                return Err(Stop::Deadline);
            }
            sums.add(self.query, &Part::Stored(&file, *group), shadow)?;
        }
        Ok(Some(sums))
    }
}

/// Why a file was not counted.
enum Stop {
    Damage(Damage),
    Deadline,
}

impl From<Damage> for Stop {
    fn from(damage: Damage) -> Self {
        Self::Damage(damage)
    }
}

/// Rows that lie together.
enum Part<'a> {
    Pending(&'a Arc<Chunk>),
    Stored(&'a Sound, usize),
}

impl Part<'_> {
    fn columns(&self, names: &[&str]) -> Result<RecordBatch, Damage> {
        match self {
            Self::Pending(chunk) => Ok(chunk.columns(names)),
            Self::Stored(file, group) => file.columns(*group, names),
        }
    }
}

/// What a row counts as.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Row {
    Out,
    Human,
    Other,
}

impl Counted {
    fn nothing(query: &CountQuery) -> Self {
        let groups = query.groupings.iter().map(|grouping| match grouping {
            Grouping::Spans { begins, visitors } => {
                let visitors = if *visitors { vec![Uniques::new(); begins.len()] } else { Vec::new() };
                Groups::Spans(vec![Count::default(); begins.len()], visitors)
            }
            Grouping::Link => Groups::Links(HashMap::new()),
            Grouping::Facet(_) => Groups::Values(HashMap::new()),
        });
        let (visitors, verdicts) = (Uniques::new(), [0; Verdict::ALL.len()]);
        Self { verdicts, visitors, groups: groups.collect(), files_left_out: 0 }
    }

    fn add(&mut self, query: &CountQuery, part: &Part<'_>, shadow: Option<&Shadow>) -> Result<(), Damage> {
        let Some(rows) = self.admitted(query, part, shadow)? else { return Ok(()) };
        let batch = part.columns(&columns(&query.groupings))?;
        let visitors = visitors(&batch, &rows);
        visitors.iter().for_each(|(_, visitor)| self.visitors.add(*visitor));
        for (grouping, groups) in query.groupings.iter().zip(&mut self.groups) {
            match (grouping, groups) {
                (Grouping::Spans { begins, .. }, Groups::Spans(counts, uniques)) => {
                    add_spans(begins, &batch, &rows, &visitors, counts, uniques);
                }
                (Grouping::Link, Groups::Links(counts)) => add_links(&batch, &rows, counts),
                (Grouping::Facet(facet), Groups::Values(counts)) => add_values(*facet, &batch, &rows, counts),
                _ => {}
            }
        }
        Ok(())
    }

    /// What each row counts as; `None` if none counts.
    fn admitted(
        &mut self,
        query: &CountQuery,
        part: &Part<'_>,
        shadow: Option<&Shadow>,
    ) -> Result<Option<Vec<Row>>, Damage> {
        let mut names = query.clicks.columns();
        names.push(VERDICT);
        names.extend(shadow.map(|_| ID));
        let batch = part.columns(&names)?;
        let mut admitted = query.clicks.admitted(&batch);
        if let Some(shadow) = shadow {
            let is_new = shadow.admits(&batch);
            admitted.iter_mut().zip(is_new.values().iter()).for_each(|(admitted, is_new)| *admitted &= is_new);
        }
        if !admitted.contains(&true) {
            return Ok(None);
        }
        let verdicts = facets::shown(ClickFacet::Verdict, &batch);
        let known: Vec<Verdict> =
            verdicts.texts.iter().map(|text| Verdict::parse(text).unwrap_or(Verdict::Bot)).collect();
        let row = |(admitted, verdict): (bool, &u32)| match (admitted, known[*verdict as usize]) {
            (false, _) => Row::Out,
            (true, verdict) => {
                self.verdicts[verdict as usize] += 1;
                if verdict == Verdict::Human { Row::Human } else { Row::Other }
            }
        };
        Ok(Some(admitted.into_iter().zip(&verdicts.rows).map(row).collect()))
    }

    fn merge(&mut self, other: &Self) {
        self.verdicts.iter_mut().zip(other.verdicts).for_each(|(own, other)| *own += other);
        self.visitors.merge(&other.visitors);
        for (own, other) in self.groups.iter_mut().zip(&other.groups) {
            match (own, other) {
                (Groups::Spans(own, own_visitors), Groups::Spans(other, visitors)) => {
                    own.iter_mut().zip(other).for_each(|(own, other)| own.add(*other));
                    own_visitors.iter_mut().zip(visitors).for_each(|(own, other)| own.merge(other));
                }
                (Groups::Links(own), Groups::Links(other)) => {
                    other.iter().for_each(|(link, count)| add_link(own, *link, *count));
                }
                (Groups::Values(own), Groups::Values(other)) => {
                    other.iter().for_each(|(value, count)| add_value(own, value, *count));
                }
                _ => {}
            }
        }
    }
}

/// The columns that are needed of rows that count.
fn columns(groupings: &[Grouping]) -> Vec<&'static str> {
    let mut names = vec![LINK, VISITOR];
    for grouping in groupings {
        match grouping {
            Grouping::Spans { .. } => names.push(TIME),
            Grouping::Link => {}
            Grouping::Facet(facet) => names.extend(facets::columns(*facet)),
        }
    }
    names
}

/// Who clicked in which row. The same visitor on two links is two.
fn visitors(batch: &RecordBatch, rows: &[Row]) -> Vec<(usize, Visitor)> {
    let Some(cells) = batch.column_by_name(VISITOR).and_then(|column| column.as_string_opt::<i32>()) else {
        return Vec::new();
    };
    let links = links_of(batch);
    let human = rows.iter().enumerate().filter(|(_, row)| **row == Row::Human);
    human.map(|(row, _)| (row, on_link(digits::read(cells.value(row)), links.get(row).copied().unwrap_or(0)))).collect()
}

/// The same visitor on the same link has the same bits, and hardly ever another one. A visitor's bits are those of a hash
/// already; the link's number is spread over all of them by the golden ratio.
fn on_link(visitor: u64, link: u64) -> Visitor {
    Visitor(visitor ^ link.wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

fn add_spans(
    begins: &[i64],
    batch: &RecordBatch,
    rows: &[Row],
    visitors: &[(usize, Visitor)],
    counts: &mut [Count],
    uniques: &mut [Uniques],
) {
    let times = times_of(batch);
    let mut span = Span::new(begins);
    for (row, time_ms) in rows.iter().zip(times) {
        if *row != Row::Out
            && let Some(at) = span.of(*time_ms)
        {
            note(&mut counts[at], *row);
        }
    }
    if uniques.is_empty() {
        return;
    }
    for (row, visitor) in visitors {
        if let Some(at) = times.get(*row).and_then(|time_ms| span.of(*time_ms)) {
            uniques[at].add(*visitor);
        }
    }
}

/// Finds the span of an instant. Clicks come nearly in order, so the last one is tried first.
struct Span<'a> {
    begins: &'a [i64],
    last: usize,
}

impl<'a> Span<'a> {
    fn new(begins: &'a [i64]) -> Self {
        Self { begins, last: 0 }
    }

    fn of(&mut self, time_ms: i64) -> Option<usize> {
        let begins = |at: usize| self.begins.get(at).copied();
        let is_here = begins(self.last).is_some_and(|begin| begin <= time_ms)
            && begins(self.last + 1).is_none_or(|end| time_ms < end);
        if !is_here {
            self.last = self.begins.partition_point(|begin| *begin <= time_ms).checked_sub(1)?;
        }
        Some(self.last)
    }
}

fn add_links(batch: &RecordBatch, rows: &[Row], counts: &mut HashMap<u64, Count>) {
    let (mut last, mut sum) = (0, Count::default());
    for (row, link) in rows.iter().zip(links_of(batch)) {
        if *link != last {
            add_link(counts, last, std::mem::take(&mut sum));
            last = *link;
        }
        note(&mut sum, *row);
    }
    add_link(counts, last, sum);
}

fn add_link(counts: &mut HashMap<u64, Count>, link: u64, count: Count) {
    if count.hits > 0 && (counts.len() < LINKS_MAX || counts.contains_key(&link)) {
        counts.entry(link).or_default().add(count);
    }
}

fn add_values(facet: ClickFacet, batch: &RecordBatch, rows: &[Row], counts: &mut HashMap<CompactString, Count>) {
    let shown = facets::shown(facet, batch);
    let mut sums = vec![Count::default(); shown.texts.len()];
    for (row, text) in rows.iter().zip(&shown.rows) {
        note(&mut sums[*text as usize], *row);
    }
    for (text, count) in shown.texts.iter().zip(sums).filter(|(_, count)| count.hits > 0) {
        for value in facets::values(facet, text).filter(|value| is_counted(facet, value)) {
            add_value(counts, value, count);
        }
    }
}

/// Counters count what was not filled in and what was not human, not that it was.
fn is_counted(facet: ClickFacet, value: &str) -> bool {
    !(matches!(facet, ClickFacet::Reason | ClickFacet::Unfilled) && value == NONE)
}

fn add_value(counts: &mut HashMap<CompactString, Count>, value: &str, count: Count) {
    if let Some(known) = counts.get_mut(value) {
        known.add(count);
    } else {
        let value = if counts.len() < VALUES_MAX { value } else { OTHER };
        counts.entry(CompactString::from(value)).or_default().add(count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_in_the_span_that_began_last() {
        let mut span = Span::new(&[10, 20, 30]);
        let found = [5, 10, 19, 30, 99, 20, 29, 9].map(|time_ms| span.of(time_ms));
        assert_eq!(found, [None, Some(0), Some(0), Some(2), Some(2), Some(1), Some(1), None]);
    }

    #[test]
    fn values_beyond_the_bound_are_counted_under_other() {
        let (mut counts, one) = (HashMap::new(), Count { clicks: 1, hits: 2 });
        (0..VALUES_MAX + 7).for_each(|n| add_value(&mut counts, &n.to_string(), one));
        add_value(&mut counts, "0", one);
        assert_eq!(counts.len(), VALUES_MAX + 1);
        assert_eq!((counts[OTHER], counts["0"]), (Count { clicks: 7, hits: 14 }, Count { clicks: 2, hits: 4 }));
    }
}
