//! Pending clicks: those that are in no click file yet, kept as columns from the moment they arrive.
//!
//! A click as a struct takes some 400 bytes; as a row of numbered texts about 150, and sealing then only has to encode.
//! This runs once for every click, so it must never allocate per cell.

use std::cell::OnceCell;
use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::types::Int32Type;
use arrow_array::{
    ArrayRef, DictionaryArray, Int32Array, RecordBatch, StringArray, TimestampMillisecondArray, UInt32Array,
    UInt64Array,
};
use compact_str::CompactString;
use hashbrown::HashMap;
use uuid::Uuid;

use super::columns::{COLUMNS, Column, Content, SCHEMA, TextOf};
use crate::domain::click::{ClickOf, Look, Origin, Place};
use crate::domain::link::LinkFacts;
use crate::domain::visitor::Visitor;

/// Rows after which a chunk is closed. It bounds what a reader has to copy while the writer waits.
pub(super) const CHUNK_ROWS: usize = 8192;

/// The latest time a click can have: folder names and exports have four digits for the year.
/// 9999-12-30T21:59:59.999Z, just before the calendar in use ends.
const TIME_MAX: i64 = 253_402_207_199_999;

/// Clicks on their way to the archive, in the order they came.
#[derive(Default)]
pub(crate) struct Gathered {
    /// All but the last are full.
    chunks: Vec<Chunk>,
}

impl Gathered {
    pub(crate) fn add(&mut self, click: &ClickOf<'_>) {
        match self.chunks.last_mut() {
            Some(chunk) if chunk.rows() < CHUNK_ROWS => chunk.append(click),
            _ => {
                let mut chunk = Chunk::new();
                chunk.append(click);
                self.chunks.push(chunk);
            }
        }
    }

    /// The rows so far as batches.
    pub(super) fn into_batches(self) -> Vec<RecordBatch> {
        self.chunks.iter().map(Chunk::to_batch).collect()
    }

    pub(super) fn into_chunks(self) -> Vec<Chunk> {
        self.chunks
    }
}

/// Closed chunks and the one that is being filled.
pub(super) struct Pending {
    closed: Vec<RecordBatch>,
    open: Chunk,
    /// When somebody first looked and found clicks here; `None` while nobody did.
    pub(super) since_ms: Option<i64>,
}

impl Pending {
    pub(super) fn new() -> Self {
        Self { closed: Vec::new(), open: Chunk::new(), since_ms: None }
    }

    pub(super) fn rows(&self) -> usize {
        self.closed.iter().map(RecordBatch::num_rows).sum::<usize>() + self.open.rows()
    }

    /// Adds clicks that come after the ones here.
    pub(super) fn adopt(&mut self, chunk: Chunk) {
        if self.open.rows() + chunk.rows() <= CHUNK_ROWS {
            self.open.extend(&chunk);
            return;
        }
        let full = std::mem::replace(&mut self.open, chunk);
        self.closed.push(full.to_batch());
    }

    /// All pending clicks as they are now. Copies at most one chunk.
    pub(super) fn snapshot(&self) -> Vec<RecordBatch> {
        let mut batches = self.closed.clone();
        if self.open.rows() > 0 {
            batches.push(self.open.to_batch());
        }
        batches
    }

    /// Closes the open chunk and returns all chunks; [`Pending::forget`] takes their number.
    pub(super) fn close_all(&mut self) -> Vec<RecordBatch> {
        if self.open.rows() > 0 {
            let full = std::mem::replace(&mut self.open, Chunk::new());
            self.closed.push(full.to_batch());
        }
        self.closed.clone()
    }

    /// Drops the oldest `chunks` chunks, which are in a click file by now.
    pub(super) fn forget(&mut self, chunks: usize) {
        self.closed.drain(..chunks.min(self.closed.len()));
        self.since_ms = None;
    }
}

/// Up to [`CHUNK_ROWS`] clicks under construction. What links, looks, origins and places tell is looked up only when the
/// chunk becomes a batch.
pub(super) struct Chunk {
    ids: Vec<Uuid>,
    times: Vec<i64>,
    links: Shared<LinkFacts>,
    looks: Shared<Look>,
    origins: Shared<Origin>,
    places: Shared<Place>,
    /// One for each column of [`Content::Text`], in their order.
    texts: Vec<(TextOf, Texts)>,
    /// One for each column of [`Content::RareText`], in their order.
    rare_texts: Vec<(TextOf, Vec<CompactString>)>,
    visitors: Vec<Visitor>,
    rules_versions: Vec<u32>,
}

impl Chunk {
    fn new() -> Self {
        let texts = |column: &Column| match column.content {
            Content::Text(text) => Some((text, Texts::default())),
            _ => None,
        };
        let rare_texts = |column: &Column| match column.content {
            Content::RareText(text) => Some((text, Vec::new())),
            _ => None,
        };
        Self {
            ids: Vec::new(),
            times: Vec::new(),
            links: Shared::default(),
            looks: Shared::default(),
            origins: Shared::default(),
            places: Shared::default(),
            texts: COLUMNS.iter().filter_map(texts).collect(),
            rare_texts: COLUMNS.iter().filter_map(rare_texts).collect(),
            visitors: Vec::new(),
            rules_versions: Vec::new(),
        }
    }

    pub(super) fn rows(&self) -> usize {
        self.ids.len()
    }

    fn append(&mut self, click: &ClickOf<'_>) {
        self.ids.push(click.id);
        self.times.push(click.time_ms.clamp(0, TIME_MAX));
        self.links.append(&click.link);
        self.looks.append(&click.look);
        self.origins.append(&click.origin);
        self.places.append(&click.place);
        self.texts.iter_mut().for_each(|(text, cells)| cells.append(text(click)));
        self.rare_texts.iter_mut().for_each(|(text, cells)| cells.push(CompactString::from(text(click))));
        self.visitors.push(click.visitor);
        self.rules_versions.push(click.rules_version);
    }

    /// Appends the rows of another chunk.
    fn extend(&mut self, other: &Self) {
        self.ids.extend_from_slice(&other.ids);
        self.times.extend_from_slice(&other.times);
        self.links.extend(&other.links);
        self.looks.extend(&other.looks);
        self.origins.extend(&other.origins);
        self.places.extend(&other.places);
        for ((_, cells), (_, more)) in self.texts.iter_mut().zip(&other.texts) {
            cells.extend(more);
        }
        for ((_, cells), (_, more)) in self.rare_texts.iter_mut().zip(&other.rare_texts) {
            cells.extend_from_slice(more);
        }
        self.visitors.extend_from_slice(&other.visitors);
        self.rules_versions.extend_from_slice(&other.rules_versions);
    }

    fn to_batch(&self) -> RecordBatch {
        let (mut texts, mut rare_texts) = (self.texts.iter(), self.rare_texts.iter());
        let alike = Alike::of(self.rows());
        let column = |column: &Column| -> ArrayRef {
            match column.content {
                Content::Id => Arc::new(ids(&self.ids)),
                Content::Time => Arc::new(TimestampMillisecondArray::from(self.times.clone()).with_timezone("UTC")),
                Content::Link => {
                    let ids = self.links.keys.iter().map(|key| self.links.all[*key as usize].id.0);
                    Arc::new(UInt64Array::from_iter_values(ids))
                }
                Content::LinkText(text) => self.links.column(text, &alike),
                Content::LookText(text) => self.looks.column(text, &alike),
                Content::OriginText(text) => self.origins.column(text, &alike),
                Content::PlaceText(text) => self.places.column(text, &alike),
                Content::Text(_) => {
                    let (_, cells) = texts.next().expect("there is one for each column of texts");
                    cells.column(&alike)
                }
                Content::RareText(_) => {
                    let (_, cells) = rare_texts.next().expect("there is one for each column of rare texts");
                    Arc::new(StringArray::from_iter(cells.iter().map(|text| (!text.is_empty()).then_some(text))))
                }
                Content::Visitor => Arc::new(visitors(&self.visitors)),
                Content::RulesVersion => Arc::new(UInt32Array::from(self.rules_versions.clone())),
            }
        };
        let columns = COLUMNS.iter().map(column).collect();
        RecordBatch::try_new(SCHEMA.clone(), columns).expect("each column got one cell per click, of its own type")
    }
}

fn ids(ids: &[Uuid]) -> StringArray {
    let mut cells = StringBuilder::with_capacity(ids.len(), ids.len() * 36);
    let mut buffer = Uuid::encode_buffer();
    for id in ids {
        cells.append_value(id.hyphenated().encode_lower(&mut buffer));
    }
    cells.finish()
}

fn visitors(visitors: &[Visitor]) -> StringArray {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut cells = StringBuilder::with_capacity(visitors.len(), visitors.len() * 16);
    for Visitor(bits) in visitors {
        let digits: [u8; 16] = std::array::from_fn(|place| DIGITS[(bits >> (60 - 4 * place)) as usize & 0xf]);
        cells.append_value(std::str::from_utf8(&digits).expect("hexadecimal digits are ASCII"));
    }
    cells.finish()
}

/// Texts of few different values, each kept once, and for every cell which of them it has.
#[derive(Default)]
struct Texts {
    all: Vec<CompactString>,
    index: HashMap<CompactString, u32>,
    /// Keys met lately, by a number that is quickly made of a text: most cells repeat one of a handful.
    recent: [u32; Texts::RECENT],
    /// [`Texts::NONE`] is a cell without a text.
    keys: Vec<u32>,
}

impl Texts {
    const RECENT: usize = 16;
    const NONE: u32 = u32::MAX;

    /// Empty text is a cell without one.
    fn append(&mut self, text: &str) {
        let key = self.key(text);
        self.keys.push(key);
    }

    fn key(&mut self, text: &str) -> u32 {
        let (Some(first), Some(last)) = (text.bytes().next(), text.bytes().next_back()) else { return Self::NONE };
        let place = (text.len() ^ usize::from(first) ^ (usize::from(last) << 1)) % Self::RECENT;
        let recent = self.recent[place];
        if self.all.get(recent as usize).is_some_and(|known| known == text) {
            return recent;
        }
        let key = self.index.get(text).copied().unwrap_or_else(|| self.learn(text));
        self.recent[place] = key;
        key
    }

    fn learn(&mut self, text: &str) -> u32 {
        let key = u32::try_from(self.all.len()).expect("a chunk has fewer texts than a u32 counts");
        self.all.push(CompactString::from(text));
        self.index.insert(CompactString::from(text), key);
        key
    }

    fn extend(&mut self, other: &Self) {
        let keys: Vec<u32> = other.all.iter().map(|text| self.key(text)).collect();
        self.keys.extend(other.keys.iter().map(|key| keys.get(*key as usize).copied().unwrap_or(Self::NONE)));
    }

    fn column(&self, alike: &Alike) -> ArrayRef {
        alike.column(&self.all, self.is_sparse(), self.keys.iter().copied())
    }

    /// Whether there is a cell without a text.
    fn is_sparse(&self) -> bool {
        self.keys.contains(&Self::NONE)
    }
}

/// What most columns of texts have alike: no text in any row, or the same one in every row. It is made once for a batch.
struct Alike {
    rows: usize,
    without: OnceCell<ArrayRef>,
    throughout: OnceCell<DictionaryArray<Int32Type>>,
}

impl Alike {
    fn of(rows: usize) -> Self {
        Self { rows, without: OnceCell::new(), throughout: OnceCell::new() }
    }

    /// A column of texts from the key of each row; [`Texts::NONE`] is a null, of which there is none unless it
    /// `is_sparse`.
    fn column(&self, texts: &[CompactString], is_sparse: bool, keys: impl Iterator<Item = u32>) -> ArrayRef {
        let values = || Arc::new(StringArray::from_iter_values(texts));
        match (texts.len(), is_sparse) {
            (0, _) => {
                let column = || DictionaryArray::new(Int32Array::new_null(self.rows), values());
                Arc::clone(self.without.get_or_init(|| Arc::new(column())))
            }
            (1, false) => {
                let column = || DictionaryArray::new(Int32Array::from(vec![0; self.rows]), values());
                Arc::new(self.throughout.get_or_init(column).with_values(values()))
            }
            (_, false) => {
                let keys = Int32Array::from_iter_values(keys.map(u32::cast_signed));
                Arc::new(DictionaryArray::new(keys, values()))
            }
            (_, true) => {
                let keys: Int32Array = keys.map(|key| (key != Texts::NONE).then_some(key.cast_signed())).collect();
                Arc::new(DictionaryArray::new(keys, values()))
            }
        }
    }
}

/// What the clicks of a chunk share, each once, and for every click which of them it has.
struct Shared<T> {
    all: Vec<Arc<T>>,
    /// By address: `all` keeps what stands there alive, so an address means one thing for as long.
    index: HashMap<usize, u32>,
    keys: Vec<u32>,
}

impl<T> Default for Shared<T> {
    fn default() -> Self {
        Self { all: Vec::new(), index: HashMap::new(), keys: Vec::new() }
    }
}

impl<T> Shared<T> {
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

    /// What `text` says of each, spread over the rows.
    fn column(&self, text: fn(&T) -> &str, alike: &Alike) -> ArrayRef {
        let mut texts = Texts::default();
        self.all.iter().for_each(|one| texts.append(text(one)));
        alike.column(&texts.all, texts.is_sparse(), self.keys.iter().map(|key| texts.keys[*key as usize]))
    }
}
