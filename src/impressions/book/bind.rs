//! Putting a book together: imports come in one by one, in any order, and each of their numbers is in memory once. Pure.
//!
//! It must never take in an import that a later one of the same file stands in the place of.

use std::collections::HashMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::merge::{Merged, merge};
use super::{Book, Number, PostId, SliceId, Source, SourceId, Volume};
use crate::domain::import::{ImportId, ImportSummary};
use crate::impressions::reading::{PlatformFile, PlatformPost, Reading, Slice};

/// A book that is being put together.
#[derive(Debug)]
pub(crate) struct Binder {
    superseded: HashMap<ImportId, ImportId>,
    /// How many numbers there will be.
    expected: usize,
    files: Vec<Filed>,
    /// Until the book is bound, each names file, post and slice by their places in what came in.
    numbers: Vec<Number>,
}

/// One table without its numbers.
#[derive(Debug)]
pub(super) struct Filed {
    pub(super) source: Source,
    pub(super) posts: Vec<PlatformPost>,
    slices: Vec<Slice>,
}

impl Binder {
    /// A book of these imports, which shall come in.
    pub(crate) fn new<'a>(imports: impl Iterator<Item = &'a ImportSummary> + Clone) -> Self {
        let superseded = superseded(imports.clone());
        let expected = imports.filter(|import| !superseded.contains_key(&import.id)).map(|import| import.about.numbers);
        let expected = expected.fold(0, u64::saturating_add) as usize;
        Self { superseded, expected, files: Vec::new(), numbers: Vec::new() }
    }

    /// Whether the book has a place for what an import says.
    pub(crate) fn wants(&self, import: ImportId) -> bool {
        !self.superseded.contains_key(&import)
    }

    /// Takes an import in, if it is wanted.
    pub(crate) fn take(&mut self, Volume { summary, content }: Volume) {
        if !self.wants(summary.id) {
            return;
        }
        for mut file in content.files {
            let source = source(&summary, &file);
            self.take_numbers(&mut file, SourceId(self.files.len() as u32));
            self.files.push(Filed { source, posts: file.posts, slices: file.slices });
        }
    }

    /// Readings of posts and slices that their own file does not have are left out; no dialect writes them.
    fn take_numbers(&mut self, file: &mut PlatformFile, source: SourceId) {
        let (posts, slices) = (file.posts.len(), file.slices.len());
        let number = |reading: Reading| {
            let Reading { post, slice, metric, grain, value } = reading;
            let is_known = (post as usize) < posts && (slice as usize) < slices;
            is_known.then_some(Number { post: PostId(post), metric, slice: SliceId(slice), grain, source, value })
        };
        let numbers = std::mem::take(&mut file.readings).into_iter().filter_map(number);
        if self.numbers.is_empty() {
            // Where the readings were, as long as one takes no more room than the other.
            self.numbers = numbers.collect();
            self.numbers.reserve_exact(self.expected.saturating_sub(self.numbers.len()));
        } else {
            self.numbers.extend(numbers);
        }
    }

    /// The book of all that came in.
    pub(crate) fn bind(self) -> Book {
        let Self { superseded, files, mut numbers, .. } = self;
        let mut ranked: Vec<(SourceId, Filed)> = (0..).map(SourceId).zip(files).collect();
        // The older as-of first, of two equal ones the earlier import, then as they stand in their import.
        ranked.sort_by_key(|(_, file)| (file.source.as_of, file.source.import));
        let (came, files): (Vec<SourceId>, Vec<Filed>) = ranked.into_iter().unzip();
        let (slices, slices_of) = slices(&files);
        let Merged { sources, posts_of, posts, imports, names } = merge(files);
        let mut ranks = vec![0; came.len()];
        came.iter().enumerate().for_each(|(rank, came)| ranks[came.0 as usize] = rank);
        for number in &mut numbers {
            let rank = ranks[number.source.0 as usize];
            number.source = SourceId(rank as u32);
            number.post = posts_of[rank][number.post.index()];
            number.slice = slices_of[rank][number.slice.0 as usize];
        }
        numbers.sort_unstable();
        Book { sources, posts, imports, slices, names, numbers, superseded }
    }
}

/// Every slice of all files once, and where those of each file are in the list.
fn slices(files: &[Filed]) -> (Vec<Slice>, Vec<Vec<SliceId>>) {
    let whole = Slice::new();
    let mut known: HashMap<&Slice, SliceId> = HashMap::from([(&whole, SliceId::WHOLE)]);
    let mut list = vec![Slice::new()];
    let mut place = |slice| {
        let next = SliceId(list.len() as u32);
        let id = *known.entry(slice).or_insert(next);
        if id == next {
            list.push(Slice::clone(slice));
        }
        id
    };
    let places = files.iter().map(|file| file.slices.iter().map(&mut place).collect()).collect();
    (list, places)
}

fn source(import: &ImportSummary, file: &PlatformFile) -> Source {
    Source {
        import: import.id,
        as_of: as_of(import, file),
        dialect: file.dialect.clone(),
        zone: file.zone.clone(),
        currency: file.currency.clone(),
    }
}

/// A file that only tells the day was made at its end at the latest, and before it was imported.
fn as_of(import: &ImportSummary, file: &PlatformFile) -> Timestamp {
    let latest = import.about.as_of;
    end_of_as_of(file).map_or(latest, |end| end.min(latest))
}

/// The end of the day on which a file says that it was made.
pub(super) fn end_of_as_of(file: &PlatformFile) -> Option<Timestamp> {
    let zone = file.zone.as_deref().and_then(|zone| TimeZone::get(zone).ok()).unwrap_or(TimeZone::UTC);
    Some(file.as_of?.tomorrow().ok()?.to_zoned(zone).ok()?.timestamp())
}

/// Of imports of one file the newest counts: it was read with better options.
fn superseded<'a>(imports: impl Iterator<Item = &'a ImportSummary> + Clone) -> HashMap<ImportId, ImportId> {
    let mut newest = HashMap::new();
    for ImportSummary { id, about } in imports.clone() {
        let known = newest.entry(about.file).or_insert(*id);
        *known = (*known).max(*id);
    }
    let later = |import: &ImportSummary| Some((import.id, *newest.get(&import.about.file)?));
    imports.filter_map(later).filter(|(id, newest)| id != newest).collect()
}
