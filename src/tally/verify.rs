//! Proof that what is kept in several places agrees: the counters of the store with the clicks of the click files, and
//! the watermarks with the journals.
//!
//! Runs on the tally's own thread, between two rounds, so that nothing is counted meanwhile. It changes nothing.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use tokio::runtime::Runtime;

use super::recount::{DaySum, begins};
use super::stream::Stream;
use super::worker::{Tools, Trouble};
use crate::archive::{ArchiveError, ClickQuery};
use crate::domain::counter::{Counters, DayCounters, Dimension, OTHER};
use crate::domain::delta::Delta;
use crate::domain::link::LinkId;
use crate::domain::position::{Incarnation, Position};
use crate::domain::uniques::Uniques;

/// The most differences that are listed; all are counted.
const DIFFERENCES_MAX: usize = 200;

/// What is asked for.
pub(crate) struct Request {
    /// The first day, in the report time zone.
    pub(crate) since: Date,
    /// Told how it went. It may wait for nobody.
    pub(crate) done: Box<dyn FnOnce(Result<Report, String>) + Send>,
}

/// What was looked at, and what does not agree.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Report {
    /// Nothing below speaks against it.
    pub(crate) agrees: bool,
    pub(crate) files: u64,
    /// Click files that are damaged or of another format, with what is wrong.
    pub(crate) files_damaged: Vec<String>,
    pub(crate) days: u64,
    pub(crate) hits: u64,
    pub(crate) differences: u64,
    /// The first of them.
    pub(crate) differing: Vec<Differing>,
    /// Hits that other nodes counted into the same store; their click files are theirs.
    pub(crate) hits_of_other_nodes: u64,
    pub(crate) journals: u64,
    /// Journals of earlier processes that are not counted or not in click files to their end.
    pub(crate) journals_behind: Vec<JournalBehind>,
    /// Hits that came in, by the books of this process, and where they are.
    pub(crate) received: u64,
    pub(crate) recovered: u64,
    pub(crate) counted: u64,
    pub(crate) lost: u64,
    pub(crate) in_journal: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Differing {
    pub(crate) day: String,
    pub(crate) link: u64,
    /// `dimension:value`, `dimension:(all)` where values went to `(other)`, or `visitors`.
    pub(crate) what: String,
    pub(crate) in_store: u64,
    pub(crate) in_files: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct JournalBehind {
    pub(crate) journal: String,
    pub(crate) hits: u64,
    pub(crate) counted: u64,
    pub(crate) in_files: u64,
}

/// One number that is not the same in the store and in the click files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Difference {
    pub(super) link: LinkId,
    pub(super) what: String,
    pub(super) in_store: u64,
    pub(super) in_files: u64,
}

/// Compares everything since a day. `live` must have caught up: what is counted is with the archive.
pub(super) fn run(tools: &Tools, runtime: &Runtime, live: &Stream, since: Date) -> Result<Report, Trouble> {
    let mut report = Report::default();
    check_files(tools, since, &mut report)?;
    let today = tools.clock.now().to_zoned(tools.zone.clone()).date();
    let mut day = Some(since);
    // A clock that ran ahead for a while may have counted into tomorrow.
    while let Some(now) = day.filter(|day| *day <= today.tomorrow().unwrap_or(today)) {
        check_day(tools, runtime, now, &mut report)?;
        day = now.tomorrow().ok();
    }
    check_journals(tools, runtime, live.incarnation, &mut report)?;
    let (accounts, end) = (&tools.accounts, tools.journal.end());
    (report.received, report.recovered) = (end.0 + tools.journal.lost(), accounts.recovered());
    (report.counted, report.lost) = (accounts.counted(), accounts.damaged() + tools.journal.lost());
    // Hits that arrive between two questions are in the journal.
    report.in_journal = accounts.in_journal(end);
    let adds_up = report.received + report.recovered == report.counted + report.lost + report.in_journal;
    let sound = report.files_damaged.is_empty() && report.journals_behind.is_empty();
    report.agrees = sound && adds_up && report.differences == 0;
    Ok(report)
}

fn check_files(tools: &Tools, since: Date, report: &mut Report) -> Result<(), Trouble> {
    // Folders are days of UTC; the first day of the report may have begun the day before.
    for file in tools.archive.files_from(since.yesterday().unwrap_or(since))? {
        report.files += 1;
        match tools.archive.read_clicks(&file, drop) {
            Err(ArchiveError::Damaged { path, message }) => {
                report.files_damaged.push(format!("{}: {message}", path.display()));
            }
            read => read?,
        }
    }
    Ok(())
}

fn check_day(tools: &Tools, runtime: &Runtime, day: Date, report: &mut Report) -> Result<(), Trouble> {
    let bound = |day: Option<Date>| day.and_then(|day| begins(day, &tools.zone).ok());
    let span = ClickQuery { from_ms: bound(Some(day)), to_ms: bound(day.tomorrow().ok()), ..ClickQuery::default() };
    let mut sum = DaySum::new(tools.zone.clone());
    tools.archive.clicks(span, |click| sum.add(click))?;
    let found = sum.finish();
    let counted = runtime.block_on(tools.store.counters(None, day, day))?;
    report.days += u64::from(!counted.is_empty() || !found.is_empty());
    report.hits += counted.iter().map(|day| day.counters.hits()).sum::<u64>();
    for difference in compare(&counted, &found) {
        let Difference { link, what, in_store, in_files } = difference;
        if tools.cache.is_shared() && in_store > in_files {
            let is_hits = what.starts_with(Dimension::Verdict.as_str());
            report.hits_of_other_nodes += if is_hits { in_store - in_files } else { 0 };
            continue;
        }
        report.differences += 1;
        if report.differing.len() < DIFFERENCES_MAX {
            report.differing.push(Differing { day: day.to_string(), link: link.0, what, in_store, in_files });
        }
    }
    Ok(())
}

fn check_journals(tools: &Tools, runtime: &Runtime, live: Incarnation, report: &mut Report) -> Result<(), Trouble> {
    for incarnation in tools.journal.left_behind()? {
        report.journals += 1;
        let open = Stream::open(&*tools.store, &tools.folder, incarnation, tools.memory);
        let mut stream = runtime.block_on(open)?;
        stream.reader.read(Position(u64::MAX), usize::MAX, |_, _| {})?;
        let (end, counted) = (stream.reader.position(), stream.counted_everywhere());
        if incarnation != live && (end > counted || end > stream.archived) {
            let (journal, hits) = (incarnation.to_string(), end.0);
            report.journals_behind.push(JournalBehind {
                journal,
                hits,
                counted: counted.0,
                in_files: stream.archived.0,
            });
        }
    }
    Ok(())
}

/// What the store says of a day, against the clicks of that day added up. Pure.
pub(super) fn compare(counted: &[DayCounters], found: &[Delta]) -> Vec<Difference> {
    let counted: BTreeMap<LinkId, &DayCounters> = counted.iter().map(|day| (day.link, day)).collect();
    let found: BTreeMap<LinkId, &Delta> = found.iter().map(|delta| (delta.link, delta)).collect();
    let links: BTreeSet<LinkId> = counted.keys().chain(found.keys()).copied().collect();
    let nothing = Counters::new();
    let mut differences = Vec::new();
    for link in links {
        let (in_store, in_files) = (counted.get(&link), found.get(&link));
        let mut note = |what: String, in_store: u64, in_files: u64| {
            if in_store != in_files {
                differences.push(Difference { link, what, in_store, in_files });
            }
        };
        let store_counters = in_store.map_or(&nothing, |day| &day.counters);
        compare_counters(store_counters, in_files.map_or(&nothing, |delta| &delta.counters), &mut note);
        note(
            "visitors".to_owned(),
            in_store.map_or(0, |day| day.visitors),
            in_files.map_or(0, |delta| visitors(delta)),
        );
    }
    differences
}

fn visitors(delta: &Delta) -> u64 {
    let mut uniques = Uniques::new();
    delta.visitors.iter().for_each(|visitor| uniques.add(*visitor));
    uniques.count()
}

fn compare_counters(in_store: &Counters, in_files: &Counters, note: &mut impl FnMut(String, u64, u64)) {
    for dimension in Dimension::ALL {
        let (store, files) = (values(in_store, dimension), values(in_files, dimension));
        // Which values kept their names depends on the order in which they came; their sum does not.
        if store.contains_key(OTHER) || files.contains_key(OTHER) {
            note(format!("{}:(all)", dimension.as_str()), store.values().sum(), files.values().sum());
            continue;
        }
        let names: BTreeSet<&str> = store.keys().chain(files.keys()).copied().collect();
        for value in names {
            let count = |of: &BTreeMap<&str, u64>| of.get(value).copied().unwrap_or(0);
            note(format!("{}:{value}", dimension.as_str()), count(&store), count(&files));
        }
    }
}

fn values(counters: &Counters, dimension: Dimension) -> BTreeMap<&str, u64> {
    let of_dimension = counters.iter().filter(|(of, ..)| *of == dimension);
    of_dimension.map(|(_, value, count)| (value, count)).collect()
}
