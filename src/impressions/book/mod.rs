//! The book: what all imports say together. Posts are merged over imports by the names they share; of each number the
//! newest is in force, older ones are its history, and two that contradict each other are a conflict.
//!
//! Pure. It must never add, compare or fill in numbers: what they mean together is for `stats`.

mod bind;
mod merge;

use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;

pub(crate) use self::bind::Binder;
use crate::domain::import::{ImportId, ImportSummary};
use crate::domain::metric::Metric;
use crate::domain::permalink;
use crate::impressions::body::Content;
use crate::impressions::reading::{Grain, PlatformFile, PlatformPost, Slice};

/// A post's place in [`Book::posts`]. It means nothing in another book.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct PostId(u32);

impl PostId {
    /// Its place among [`Book::posts`].
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

/// A slice's place in the book. [`SliceId::WHOLE`] is everybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct SliceId(u32);

impl SliceId {
    pub(crate) const WHOLE: Self = Self(0);
}

/// A file's place in the book; the greater one is newer, so that it wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct SourceId(u32);

/// An import with what it says, as the book takes it in.
#[derive(Clone, Debug)]
pub(crate) struct Volume {
    pub(crate) summary: ImportSummary,
    pub(crate) content: Content,
}

/// One table of one import.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Source {
    pub(crate) import: ImportId,
    /// Until when its numbers hold.
    pub(crate) as_of: Timestamp,
    pub(crate) dialect: String,
    /// In which its days begin; `None` when nobody knows.
    pub(crate) zone: Option<String>,
    /// Of its [`Metric::Spend`].
    pub(crate) currency: Option<String>,
}

/// One number of one post.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Number {
    pub(crate) post: PostId,
    pub(crate) metric: Metric,
    pub(crate) slice: SliceId,
    pub(crate) grain: Grain,
    pub(crate) source: SourceId,
    /// A count; of [`Metric::Spend`] millionths of the source's currency.
    pub(crate) value: u64,
}

impl Number {
    /// What it is a number of.
    fn thing(&self) -> (PostId, Metric, SliceId, Grain) {
        (self.post, self.metric, self.slice, self.grain)
    }
}

/// All numbers that imports have of one post, metric, slice and grain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Thing<'a> {
    pub(crate) in_force: &'a Number,
    /// What was in force before, the oldest first.
    pub(crate) before: &'a [Number],
}

/// Two files that hold until the same instant and say different things. The newer import is in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Conflict<'a> {
    pub(crate) in_force: &'a Number,
    pub(crate) other: &'a Number,
}

/// Everything that was imported, as it stands.
#[derive(Clone, Debug, Default)]
pub(crate) struct Book {
    sources: Vec<Source>,
    /// As all imports together describe them: of two descriptions the newer one counts, where it says something.
    posts: Vec<PlatformPost>,
    /// Of each post the imports that speak of it, the oldest first.
    imports: Vec<Vec<ImportId>>,
    slices: Vec<Slice>,
    names: HashMap<String, PostId>,
    /// By thing, then the older first, so that the last one of each thing is in force: there may be millions, and they
    /// are here once.
    numbers: Vec<Number>,
    /// Imports of the same file with other options that came later.
    superseded: HashMap<ImportId, ImportId>,
}

impl Book {
    pub(crate) fn posts(&self) -> impl ExactSizeIterator<Item = (PostId, &PlatformPost)> {
        self.posts.iter().enumerate().map(|(at, post)| (PostId(at as u32), post))
    }

    pub(crate) fn post(&self, id: PostId) -> &PlatformPost {
        &self.posts[id.index()]
    }

    /// The imports that speak of a post, the oldest first.
    pub(crate) fn imports_of(&self, id: PostId) -> &[ImportId] {
        &self.imports[id.index()]
    }

    /// The post with this name (`domain::permalink`).
    pub(crate) fn find(&self, name: &str) -> Option<PostId> {
        self.names.get(name).copied()
    }

    /// The post that a person means by an id or a permalink: as it is written, else as the one platform writes it whose
    /// post it is.
    pub(crate) fn find_meant(&self, text: &str) -> Option<PostId> {
        let named = |platform: &str| self.find(&permalink::name(platform, text)?);
        named("").or_else(|| {
            let platforms: BTreeSet<&str> = self.posts.iter().map(|post| post.platform.as_str()).collect();
            let found: BTreeSet<PostId> = platforms.into_iter().filter_map(named).collect();
            found.first().copied().filter(|_| found.len() == 1)
        })
    }

    pub(crate) fn source(&self, id: SourceId) -> &Source {
        &self.sources[id.0 as usize]
    }

    pub(crate) fn slice(&self, id: SliceId) -> &Slice {
        &self.slices[id.0 as usize]
    }

    /// Everything that there are numbers of, by post, metric, slice and grain: of the whole first, lifetime before days
    /// before periods.
    pub(crate) fn things(&self) -> impl Iterator<Item = Thing<'_>> {
        things(&self.numbers)
    }

    /// The same of one post.
    pub(crate) fn of_post(&self, post: PostId) -> impl Iterator<Item = Thing<'_>> {
        let begin = self.numbers.partition_point(|number| number.post < post);
        let end = begin + self.numbers[begin..].partition_point(|number| number.post == post);
        things(&self.numbers[begin..end])
    }

    /// The numbers in force, in the order of their things.
    pub(crate) fn in_force(&self) -> impl Iterator<Item = &Number> {
        self.things().map(|thing| thing.in_force)
    }

    /// A thing's number at every as-of that was imported, the oldest first; the last one is in force.
    pub(crate) fn snapshots<'a>(&self, thing: &Thing<'a>) -> Vec<&'a Number> {
        let mut snapshots: Vec<_> = thing.before.iter().chain([thing.in_force]).collect();
        // Of two files of one instant, the one in force says what was.
        snapshots.reverse();
        snapshots.dedup_by_key(|number| self.as_of(number));
        snapshots.reverse();
        snapshots
    }

    pub(crate) fn as_of(&self, number: &Number) -> Timestamp {
        self.source(number.source).as_of
    }

    pub(crate) fn import(&self, number: &Number) -> ImportId {
        self.source(number.source).import
    }

    pub(crate) fn conflicts(&self) -> impl Iterator<Item = Conflict<'_>> {
        self.things().flat_map(move |Thing { in_force, before }| {
            let contradicts =
                move |other: &&Number| self.as_of(other) == self.as_of(in_force) && other.value != in_force.value;
            before.iter().rev().filter(contradicts).map(move |other| Conflict { in_force, other })
        })
    }

    /// The later import of the same file that stands in the place of this one.
    pub(crate) fn superseded_by(&self, import: ImportId) -> Option<ImportId> {
        self.superseded.get(&import).copied()
    }
}

fn things(sorted: &[Number]) -> impl Iterator<Item = Thing<'_>> {
    let runs = sorted.chunk_by(|a, b| a.thing() == b.thing());
    runs.filter_map(|run| run.split_last().map(|(in_force, before)| Thing { in_force, before }))
}

/// Until when the numbers of files hold that are imported `now`: as they say, else until now.
pub(crate) fn as_of(files: &[PlatformFile], now: Timestamp) -> Timestamp {
    let of_file = |file: &PlatformFile| bind::end_of_as_of(file).map_or(now, |end| end.min(now));
    files.iter().map(of_file).max().unwrap_or(now)
}

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) use tests::{bound, of_posts, volume};
