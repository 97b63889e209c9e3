//! A chunk: clicks as they arrive, each as a row of numbers of what it shares with others.
//!
//! What links, looks, origins and places tell is looked up only when rows are read or sealed ([`RowGroup`]). This runs
//! once for every click, so it must never allocate per cell.
//!
//! [`RowGroup`]: super::row_group::RowGroup

use std::hash::BuildHasher;
use std::ops::RangeInclusive;
use std::sync::Arc;

use arrow_array::RecordBatch;
use compact_str::CompactString;
use hashbrown::{DefaultHashBuilder, HashMap, HashTable};
use uuid::Uuid;

use super::columns::{RARE_TEXTS, TEXTS};
use super::filter::span_of;
use super::row_group::RowGroup;
use crate::domain::click::{ClickOf, Look, Origin, Place};
use crate::domain::link::LinkFacts;
use crate::domain::visitor::Visitor;

/// The latest time a click can have: folder names and exports have four digits for the year.
/// 9999-12-30T21:59:59.999Z, just before the calendar in use ends.
const TIME_MAX: i64 = 253_402_207_199_999;

/// As many clicks as a row group has, at most.
#[derive(Clone, Default)]
pub(super) struct Chunk {
    pub(super) ids: Vec<Uuid>,
    pub(super) times: Vec<i64>,
    pub(super) links: Shared<LinkFacts>,
    pub(super) looks: Shared<Look>,
    pub(super) origins: Shared<Origin>,
    pub(super) places: Shared<Place>,
    pub(super) own: Own,
    /// One for each of [`RARE_TEXTS`].
    pub(super) rare_texts: [RareTexts; RARE_TEXTS.len()],
    pub(super) visitors: Vec<Visitor>,
    pub(super) rules_versions: Vec<u32>,
}

impl Chunk {
    /// A chunk that is going to have as many rows.
    pub(super) fn with_room(rows: usize) -> Self {
        let mut chunk = Self {
            ids: Vec::with_capacity(rows),
            times: Vec::with_capacity(rows),
            visitors: Vec::with_capacity(rows),
            rules_versions: Vec::with_capacity(rows),
            ..Self::default()
        };
        let Self { links, looks, origins, places, own, rare_texts, .. } = &mut chunk;
        for keys in [&mut links.keys, &mut looks.keys, &mut origins.keys, &mut places.keys, &mut own.keys] {
            keys.reserve_exact(rows);
        }
        rare_texts.iter_mut().for_each(|texts| texts.ends.reserve_exact(rows));
        chunk
    }

    pub(super) fn rows(&self) -> usize {
        self.ids.len()
    }

    pub(super) fn append(&mut self, click: &ClickOf<'_>) {
        self.ids.push(click.id);
        self.times.push(click.time_ms.clamp(0, TIME_MAX));
        self.links.append(&click.link);
        self.looks.append(&click.look);
        self.origins.append(&click.origin);
        self.places.append(&click.place);
        self.own.append(TEXTS.map(|text| text(click)));
        self.rare_texts.iter_mut().zip(RARE_TEXTS).for_each(|(cells, text)| cells.append(text(click)));
        self.visitors.push(click.visitor);
        self.rules_versions.push(click.rules_version);
    }

    /// Appends the rows of another chunk.
    pub(super) fn extend(&mut self, other: &Self) {
        self.ids.extend_from_slice(&other.ids);
        self.times.extend_from_slice(&other.times);
        self.links.extend(&other.links);
        self.looks.extend(&other.looks);
        self.origins.extend(&other.origins);
        self.places.extend(&other.places);
        self.own.extend(&other.own);
        self.rare_texts.iter_mut().zip(&other.rare_texts).for_each(|(cells, more)| cells.extend(more));
        self.visitors.extend_from_slice(&other.visitors);
        self.rules_versions.extend_from_slice(&other.rules_versions);
    }

    /// The same, for keeping: no more clicks come, so nothing has to be found any more.
    pub(super) fn close(mut self) -> Arc<Self> {
        self.links.index = HashMap::new();
        self.looks.index = HashMap::new();
        self.origins.index = HashMap::new();
        self.places.index = HashMap::new();
        self.own.index = HashTable::new();
        Arc::new(self)
    }

    /// First and last of its times.
    pub(super) fn span(&self) -> Option<RangeInclusive<i64>> {
        span_of(self.times.iter().copied())
    }

    /// Some columns of all rows.
    pub(super) fn columns(self: &Arc<Self>, names: &[&str]) -> RecordBatch {
        RowGroup::whole(vec![Arc::clone(self)]).columns(|column| names.contains(&column.name))
    }

    /// Every column of the rows of which `admitted` has `true`.
    pub(super) fn admitted(self: &Arc<Self>, admitted: &[bool]) -> RecordBatch {
        let rows = admitted.iter().enumerate().filter(|(_, is_admitted)| **is_admitted).map(|(row, _)| (0, row));
        RowGroup::new(vec![Arc::clone(self)], rows).columns(|_| true)
    }
}

/// What the clicks of a chunk share, each once, and for every click which of them it has.
#[derive(Clone)]
pub(super) struct Shared<T> {
    all: Vec<Arc<T>>,
    keys: Vec<u32>,
    /// By address: `all` keeps what stands there alive, so an address means one thing for as long.
    index: HashMap<usize, u32>,
}

impl<T> Default for Shared<T> {
    fn default() -> Self {
        Self { all: Vec::new(), keys: Vec::new(), index: HashMap::new() }
    }
}

impl<T> Shared<T> {
    /// All of them, and for each row the place of its own.
    pub(super) fn parts(&self) -> (&[Arc<T>], &[u32]) {
        (&self.all, &self.keys)
    }

    fn append(&mut self, one: &Arc<T>) {
        let key = self.key(one);
        self.keys.push(key);
    }

    fn key(&mut self, one: &Arc<T>) -> u32 {
        *self.index.entry(Arc::as_ptr(one) as usize).or_insert_with(|| {
            self.all.push(Arc::clone(one));
            u32::try_from(self.all.len() - 1).expect("a chunk has fewer clicks than a u32 counts")
        })
    }

    fn extend(&mut self, other: &Self) {
        let keys: Vec<u32> = other.all.iter().map(|one| self.key(one)).collect();
        self.keys.extend(other.keys.iter().map(|key| keys[*key as usize]));
    }
}

/// What [`TEXTS`] say of a click.
pub(super) type OwnTexts = [CompactString; TEXTS.len()];

/// The texts of the clicks themselves. Together they are few: most clicks have a verdict, a reason and nothing more, so
/// each combination is kept once, and for every click which of them it has.
#[derive(Clone, Default)]
pub(super) struct Own {
    all: Vec<OwnTexts>,
    keys: Vec<u32>,
    /// By the hash of the texts.
    index: HashTable<u32>,
    hasher: DefaultHashBuilder,
    /// Keys met lately, by a number that is quickly made of the texts: most clicks repeat one of a handful.
    recent: [u32; Own::RECENT],
}

impl Own {
    const RECENT: usize = 32;

    /// All of them, and for each row the place of its own.
    pub(super) fn parts(&self) -> (&[OwnTexts], &[u32]) {
        (&self.all, &self.keys)
    }

    fn append(&mut self, texts: [&str; TEXTS.len()]) {
        let key = self.key(&texts);
        self.keys.push(key);
    }

    fn key(&mut self, texts: &[&str; TEXTS.len()]) -> u32 {
        let place = quick_number(texts) % Self::RECENT;
        let recent = self.recent[place];
        if self.all.get(recent as usize).is_some_and(|known| known == texts) {
            return recent;
        }
        let hash = self.hasher.hash_one(texts);
        let known = self.index.find(hash, |key| self.all[*key as usize] == *texts).copied();
        let key = known.unwrap_or_else(|| self.learn(hash, texts));
        self.recent[place] = key;
        key
    }

    fn learn(&mut self, hash: u64, texts: &[&str; TEXTS.len()]) -> u32 {
        let key = u32::try_from(self.all.len()).expect("a chunk has fewer clicks than a u32 counts");
        self.all.push(texts.map(CompactString::from));
        let (all, hasher) = (&self.all, &self.hasher);
        self.index.insert_unique(hash, key, |key| hasher.hash_one(&all[*key as usize]));
        key
    }

    fn extend(&mut self, other: &Self) {
        let keys: Vec<u32> = other.all.iter().map(|one| self.key(&one.each_ref().map(CompactString::as_str))).collect();
        self.keys.extend(other.keys.iter().map(|key| keys[*key as usize]));
    }
}

/// Differs where texts differ, mostly.
fn quick_number(texts: &[&str; TEXTS.len()]) -> usize {
    let number = |text: &str| match text.as_bytes() {
        [first, .., last] => text.len() ^ usize::from(*first) ^ usize::from(*last) << 1,
        [] | [_] => text.len(),
    };
    texts.iter().fold(0, |all, text| (all << 1) ^ number(text))
}

/// Texts of which there are few and hardly one comes twice.
#[derive(Clone, Default)]
pub(super) struct RareTexts {
    /// One after the other.
    texts: String,
    /// Where the text of each row ends.
    ends: Vec<u32>,
}

impl RareTexts {
    fn append(&mut self, text: &str) {
        self.texts.push_str(text);
        self.ends.push(Self::end(self.texts.len()));
    }

    fn extend(&mut self, other: &Self) {
        let begin = Self::end(self.texts.len());
        self.texts.push_str(&other.texts);
        Self::end(self.texts.len());
        self.ends.extend(other.ends.iter().map(|end| begin + end));
    }

    /// `None` if there is none.
    pub(super) fn of_row(&self, row: usize) -> Option<&str> {
        let begin = row.checked_sub(1).map_or(0, |before| self.ends[before]);
        Some(&self.texts[begin as usize..self.ends[row] as usize]).filter(|text| !text.is_empty())
    }

    fn end(bytes: usize) -> u32 {
        u32::try_from(bytes).expect("the requests of one chunk are far below 4 GiB")
    }
}
