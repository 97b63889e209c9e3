//! A passage: the clicks of one journal from one position to another, in the order of their hits, for whoever reads on
//! where it stopped.
//!
//! Rows carry no position, but half of a click's id is made of where its hit stands (`domain::click::ClickIds`): which ids
//! a passage can have is computed, and its rows are known by them. It must never be asked for hits that the archive does
//! not have yet: their place would be passed over.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, BooleanArray, RecordBatch};
use arrow_select::filter::filter_record_batch;
use hashbrown::HashMap;
use jiff::civil::Date;
use uuid::Uuid;

use super::chunk::Chunk;
use super::columns::{COLUMNS, Content, ID};
use super::export::cells::append_time;
use super::files::{StoredFile, begin_of};
use super::rewrite::Batches;
use super::rows::Rows;
use super::{Archive, ArchiveError};
use crate::domain::click::{Click, ClickIds};
use crate::domain::position::{Incarnation, Position};

/// The most hits of one passage: it is held in memory, a click in some 500 bytes.
const PASSAGE_HITS_MAX: u64 = 10_000;

impl Archive {
    /// The clicks of hits `range` of `incarnation`, pending and sealed, by position; of a range that is longer than
    /// `PASSAGE_HITS_MAX` those of its beginning, and where they end. Files of UTC days before `since` are not looked at,
    /// and one that is damaged is left out. It may wait for an object store.
    ///
    /// # Errors
    /// When the archive cannot be read.
    pub(crate) fn passage(
        &self,
        incarnation: Incarnation,
        range: Range<Position>,
        since: Date,
    ) -> Result<(Vec<(Position, Click)>, Position), ArchiveError> {
        let end = Position(range.end.0.min(range.start.0.saturating_add(PASSAGE_HITS_MAX)));
        let places = in_order(incarnation, range.start).take_while(|(_, at)| *at < end);
        let mut sought = Sought::new(places);
        // Pending clicks first: one that is sealed meanwhile is then in both, and taken once.
        let pending = self.lock_pending().snapshot();
        pending.iter().for_each(|chunk| sought.take_pending(chunk));
        if !sought.is_complete() {
            for file in self.files_with(incarnation, range.start..end, since)? {
                self.take_of_file(&mut sought, &file)?;
            }
        }
        Ok((sought.in_order(), end))
    }

    /// Where the click files of `incarnation` end that hold hits from `from` on; `from` itself where none does. Damaged hits
    /// at the end are in no file and not passed.
    ///
    /// # Errors
    /// When the archive cannot be read.
    pub(crate) fn end_of_files(&self, incarnation: Incarnation, from: Position) -> Result<Position, ArchiveError> {
        let (mut end, mut at) = (from, from);
        loop {
            let (clicks, next) = self.passage(incarnation, at..Position(u64::MAX), Date::MIN)?;
            let Some((last, _)) = clicks.last() else { return Ok(end) };
            (end, at) = (last.next(), next);
        }
    }

    /// The files that may hold hits of `range`: one holds those of its day from its beginning to the beginning of the day's
    /// next one. Around midnight the hits of two days take turns.
    fn files_with(
        &self,
        incarnation: Incarnation,
        range: Range<Position>,
        since: Date,
    ) -> Result<Vec<StoredFile>, ArchiveError> {
        let files = self.files.list(&(since..=Date::MAX))?;
        let mut begun: Vec<(Position, StoredFile)> =
            files.into_iter().filter_map(|file| Some((begin_of(file.day, &file.name, incarnation)?, file))).collect();
        let mut last_before: HashMap<Date, Position> = HashMap::new();
        for (begin, file) in begun.iter().filter(|(begin, _)| *begin <= range.start) {
            let last = last_before.entry(file.day).or_insert(*begin);
            *last = (*last).max(*begin);
        }
        let is_passed = |begin: Position, day: Date| last_before.get(&day).is_some_and(|last| begin < *last);
        begun.retain(|(begin, file)| *begin < range.end && !is_passed(*begin, file.day));
        Ok(begun.into_iter().map(|(_, file)| file).collect())
    }

    pub(super) fn take_of_file(&self, sought: &mut Sought, file: &StoredFile) -> Result<(), ArchiveError> {
        let read = Batches::open(&self.files, file).and_then(|batches| {
            for batch in batches.into_iter().flatten() {
                sought.take(&batch?)?;
            }
            Ok(())
        });
        match read {
            Err(ArchiveError::Damaged { message, .. }) => {
                tracing::warn!(%file, damage = message, "left the rest of a damaged click file out");
                Ok(())
            }
            read => read,
        }
    }
}

/// Positions whose clicks are not found yet, and the clicks that are.
pub(super) struct Sought {
    places: HashMap<Half, Position>,
    rows: Rows,
    found: Vec<(Position, Click)>,
}

impl Sought {
    pub(super) fn new(places: impl Iterator<Item = (Half, Position)>) -> Self {
        Self { places: places.collect(), rows: Rows::default(), found: Vec::new() }
    }

    fn is_complete(&self) -> bool {
        self.places.is_empty()
    }

    /// The clicks that were found, by position.
    pub(super) fn in_order(mut self) -> Vec<(Position, Click)> {
        self.found.sort_unstable_by_key(|(position, _)| *position);
        self.found
    }

    fn take(&mut self, batch: &RecordBatch) -> Result<(), ArchiveError> {
        let Some(ids) = batch.column_by_name(ID).and_then(|column| column.as_string_opt::<i32>()) else {
            return Ok(());
        };
        let places = self.places_of((0..ids.len()).map(|row| Uuid::try_parse(ids.value(row)).ok()));
        if places.iter().any(Option::is_some) {
            let is_sought: BooleanArray = places.iter().map(|place| Some(place.is_some())).collect();
            let rows = filter_record_batch(batch, &is_sought).map_err(ArchiveError::Columns)?;
            self.read(&rows, &places);
        }
        Ok(())
    }

    fn take_pending(&mut self, chunk: &Arc<Chunk>) {
        let places = self.places_of(chunk.ids.iter().copied().map(Some));
        let is_sought: Vec<bool> = places.iter().map(Option::is_some).collect();
        if is_sought.contains(&true) {
            self.read(&chunk.admitted(&is_sought), &places);
        }
    }

    /// For each row the position of its hit, if it is sought; it is not sought again.
    fn places_of(&mut self, ids: impl Iterator<Item = Option<Uuid>>) -> Vec<Option<Position>> {
        ids.map(|id| self.places.remove(&half(&id?))).collect()
    }

    /// Takes the clicks of `rows`, which are those that have a place.
    fn read(&mut self, rows: &RecordBatch, places: &[Option<Position>]) {
        let (found, mut positions) = (&mut self.found, places.iter().flatten());
        self.rows.read(rows, &mut |click| found.extend(positions.next().map(|position| (*position, click))));
    }
}

/// What of an id does not depend on the time.
pub(super) type Half = [u8; 10];

pub(super) fn half(id: &Uuid) -> Half {
    let mut half = [0; 10];
    half.copy_from_slice(&id.as_bytes()[6..]);
    half
}

/// By what the clicks of hits are known, from `from` on, without end.
pub(super) fn in_order(incarnation: Incarnation, from: Position) -> impl Iterator<Item = (Half, Position)> {
    let mut ids = ClickIds::new(incarnation);
    (from.0..u64::MAX).map(move |at| (half(&ids.of(0, Position(at))), Position(at)))
}

/// A click as the exports' JSON lines have it: every column, `null` where there is nothing.
pub(crate) fn click_json(click: &Click) -> serde_json::Map<String, serde_json::Value> {
    let text = |text: &str| if text.is_empty() { serde_json::Value::Null } else { text.into() };
    let cell = |content: Content| match content {
        Content::Id => click.id.to_string().into(),
        Content::Time => {
            let mut time = String::new();
            append_time(&mut time, click.time_ms);
            time.into()
        }
        Content::Link => click.link.id.0.into(),
        Content::LinkText(of) => text(of(&click.link)),
        Content::LookText(of) => text(of(&click.look)),
        Content::OriginText(of) => text(of(&click.origin)),
        Content::PlaceText(of) => text(of(&click.place)),
        Content::Text(of) | Content::RareText(of) => text(of(click)),
        Content::Visitor => format!("{:016x}", click.visitor.0).into(),
        Content::RulesVersion => click.rules_version.into(),
    };
    COLUMNS.iter().map(|column| (column.name.to_owned(), cell(column.content))).collect()
}
