//! The book: what all imports say together. Posts are merged over imports by the names they share; of each number the
//! newest is in force, older ones are its history, and two that contradict each other are a conflict.
//!
//! Pure. It must never add, compare or fill in numbers: what they mean together is for `stats`.

mod merge;
mod numbers;

use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;

use crate::domain::import::{ImportId, ImportSummary};
use crate::domain::metric::Metric;
use crate::domain::permalink;
use crate::domain::placement::Level;
use crate::impressions::body::Content;
use crate::impressions::reading::{Grain, PlatformFile, Slice};

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

/// A post as all imports together describe it: of two descriptions the newer one counts, where it says something.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Post {
    /// Every name it has anywhere; the first one is what it is called.
    pub(crate) names: Vec<String>,
    pub(crate) platform: String,
    pub(crate) level: Level,
    pub(crate) account: Option<String>,
    pub(crate) permalink: Option<String>,
    pub(crate) text: String,
    pub(crate) mentions: Vec<String>,
    pub(crate) urls: Vec<String>,
    /// RFC 3339 instant, or a day.
    pub(crate) published: Option<String>,
    pub(crate) format: Option<String>,
    pub(crate) campaign: Option<String>,
    pub(crate) ad_set: Option<String>,
    pub(crate) ad: Option<String>,
    pub(crate) ids: Vec<String>,
    /// That speak of it, the oldest first.
    pub(crate) imports: Vec<ImportId>,
}

impl Post {
    /// What it is called.
    pub(crate) fn key(&self) -> &str {
        self.names.first().map_or("", String::as_str)
    }
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

/// Two files that hold until the same instant and say different things. The newer import is in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Conflict {
    pub(crate) in_force: Number,
    pub(crate) other: Number,
}

/// Everything that was imported, as it stands.
#[derive(Clone, Debug, Default)]
pub(crate) struct Book {
    sources: Vec<Source>,
    posts: Vec<Post>,
    slices: Vec<Slice>,
    names: HashMap<String, PostId>,
    /// By post, metric, slice, grain.
    in_force: Vec<Number>,
    /// The same order, then the older first.
    history: Vec<Number>,
    conflicts: Vec<Conflict>,
    /// Imports of the same file with other options that came later.
    superseded: HashMap<ImportId, ImportId>,
}

impl Book {
    /// Takes in imports in any order. What they say moves into the book, so that it is in memory once.
    pub(crate) fn new(mut volumes: Vec<Volume>) -> Self {
        let superseded = superseded(&volumes);
        volumes.retain(|volume| !superseded.contains_key(&volume.summary.id));
        let mut merged = merge::merge(volumes);
        let slices = numbers::slices(&merged.files);
        let (in_force, history, conflicts) = numbers::standing(&mut merged, &slices);
        Self {
            sources: merged.files.into_iter().map(|file| file.source).collect(),
            posts: merged.posts,
            names: merged.names,
            slices: slices.list,
            in_force,
            history,
            conflicts,
            superseded,
        }
    }

    pub(crate) fn posts(&self) -> impl ExactSizeIterator<Item = (PostId, &Post)> {
        self.posts.iter().enumerate().map(|(at, post)| (PostId(at as u32), post))
    }

    pub(crate) fn post(&self, id: PostId) -> &Post {
        &self.posts[id.0 as usize]
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

    /// All numbers in force, by post, metric, slice and grain.
    pub(crate) fn in_force(&self) -> &[Number] {
        &self.in_force
    }

    /// The numbers of a post that are in force, by metric, slice and grain.
    pub(crate) fn of_post(&self, post: PostId) -> &[Number] {
        range(&self.in_force, |number| number.post.cmp(&post))
    }

    /// The numbers of a post and metric that are in force, by slice and grain: of the whole first, lifetime before days
    /// before periods.
    fn readings(&self, post: PostId, metric: Metric) -> &[Number] {
        range(&self.in_force, |number| (number.post, number.metric).cmp(&(post, metric)))
    }

    /// What was in force before, the same order, then the oldest first.
    fn history(&self, post: PostId, metric: Metric) -> &[Number] {
        range(&self.history, |number| (number.post, number.metric).cmp(&(post, metric)))
    }

    /// Everything that was in force before.
    pub(crate) fn all_history(&self) -> &[Number] {
        &self.history
    }

    /// The number that is in force for what this one is a number of.
    pub(crate) fn now(&self, number: &Number) -> Option<&Number> {
        range(&self.in_force, |other| other.thing().cmp(&number.thing())).first()
    }

    /// What was in force before this number, the oldest first.
    pub(crate) fn before(&self, number: &Number) -> &[Number] {
        range(&self.history, |other| other.thing().cmp(&number.thing()))
    }

    /// A post's lifetime number at every as-of that was imported, the oldest first; the last one is in force.
    pub(crate) fn snapshots(&self, post: PostId, metric: Metric, slice: SliceId) -> Vec<Number> {
        let asked = |number: &&Number| number.slice == slice && number.grain == Grain::Lifetime;
        let all = self.history(post, metric).iter().chain(self.readings(post, metric));
        let mut snapshots: Vec<_> = all.filter(asked).copied().collect();
        snapshots.sort_unstable_by_key(|number| number.source);
        // Of two files of one instant, the one in force says what was.
        snapshots.reverse();
        snapshots.dedup_by_key(|number| self.source(number.source).as_of);
        snapshots.reverse();
        snapshots
    }

    pub(crate) fn as_of(&self, number: &Number) -> Timestamp {
        self.source(number.source).as_of
    }

    pub(crate) fn import(&self, number: &Number) -> ImportId {
        self.source(number.source).import
    }

    pub(crate) fn conflicts(&self) -> &[Conflict] {
        &self.conflicts
    }

    /// The later import of the same file that stands in the place of this one.
    pub(crate) fn superseded_by(&self, import: ImportId) -> Option<ImportId> {
        self.superseded.get(&import).copied()
    }
}

/// Until when the numbers of files hold that are imported `now`: as they say, else until now.
pub(crate) fn as_of(files: &[PlatformFile], now: Timestamp) -> Timestamp {
    let of_file = |file: &PlatformFile| merge::end_of_as_of(file).map_or(now, |end| end.min(now));
    files.iter().map(of_file).max().unwrap_or(now)
}

/// Of imports of one file the newest counts: it was read with better options.
fn superseded(volumes: &[Volume]) -> HashMap<ImportId, ImportId> {
    let mut newest = HashMap::new();
    for ImportSummary { id, about } in volumes.iter().map(|volume| &volume.summary) {
        let known = newest.entry(about.file).or_insert(*id);
        *known = (*known).max(*id);
    }
    let later = |volume: &Volume| Some((volume.summary.id, *newest.get(&volume.summary.about.file)?));
    volumes.iter().filter_map(later).filter(|(id, newest)| id != newest).collect()
}

/// The run of a sorted list that compares equal.
fn range<T>(sorted: &[T], compare: impl Fn(&T) -> std::cmp::Ordering) -> &[T] {
    let begin = sorted.partition_point(|item| compare(item).is_lt());
    let end = begin + sorted[begin..].partition_point(|item| compare(item).is_eq());
    &sorted[begin..end]
}

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) use tests::{of_posts, volume};
