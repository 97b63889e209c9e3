//! Pending clicks: those that are in no click file yet, kept as columns from the moment they arrive.
//!
//! A click as a struct takes some 700 bytes; as a row of dictionary columns about 150, and sealing then only has
//! to encode. This runs once for every click, so it must never allocate per cell.

use std::sync::Arc;

use arrow_array::builder::{StringBuilder, StringDictionaryBuilder};
use arrow_array::types::Int32Type;
use arrow_array::{
    ArrayRef, DictionaryArray, Int32Array, RecordBatch, TimestampMillisecondArray, UInt32Array, UInt64Array,
};
use arrow_select::take::take;
use hashbrown::HashMap;

use super::columns::{COLUMNS, Content, SCHEMA};
use crate::domain::click::{Click, Look};
use crate::domain::link::LinkFacts;

/// Rows after which a chunk is closed. It bounds what a reader has to copy while the writer waits.
pub(super) const CHUNK_ROWS: usize = 8192;

/// Clicks that are appended column by column in one go: few enough to stay in the processor's nearest cache.
const BLOCK_CLICKS: usize = 64;

/// The latest time a click can have: folder names and exports have four digits for the year.
/// 9999-12-30T21:59:59.999Z, just before the calendar in use ends.
const TIME_MAX: i64 = 253_402_207_199_999;

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
        self.closed.iter().map(RecordBatch::num_rows).sum::<usize>() + self.open.rows
    }

    /// Appends as many clicks as the open chunk has room for and returns the rest.
    pub(super) fn append<'a>(&mut self, clicks: &'a [Click]) -> &'a [Click] {
        let (now, later) = clicks.split_at(clicks.len().min(CHUNK_ROWS - self.open.rows));
        self.open.append(now);
        if self.open.rows == CHUNK_ROWS {
            self.close();
        }
        later
    }

    /// All pending clicks as they are now. Copies at most one chunk.
    pub(super) fn snapshot(&self) -> Vec<RecordBatch> {
        let mut batches = self.closed.clone();
        if self.open.rows > 0 {
            batches.push(self.open.to_batch());
        }
        batches
    }

    /// Closes the open chunk and returns all chunks; [`Pending::forget`] takes their number.
    pub(super) fn close_all(&mut self) -> Vec<RecordBatch> {
        if self.open.rows > 0 {
            self.close();
        }
        self.closed.clone()
    }

    /// Drops the oldest `chunks` chunks, which are in a click file by now.
    pub(super) fn forget(&mut self, chunks: usize) {
        self.closed.drain(..chunks.min(self.closed.len()));
        self.since_ms = None;
    }

    fn close(&mut self) {
        self.closed.push(self.open.to_batch());
        self.open = Chunk::new();
    }
}

/// Up to [`CHUNK_ROWS`] clicks under construction.
struct Chunk {
    rows: usize,
    links: Shared<LinkFacts>,
    looks: Shared<Look>,
    columns: Vec<Cells>,
}

/// The cells of one column so far. What links and looks tell is looked up only when the chunk becomes a batch.
enum Cells {
    Link,
    LinkText(fn(&LinkFacts) -> &str),
    LookText(fn(&Look) -> &str),
    Own(OwnCells),
}

/// Cells that differ from click to click.
enum OwnCells {
    Id(StringBuilder),
    Time(Vec<i64>),
    Text(fn(&Click) -> &str, Box<StringDictionaryBuilder<Int32Type>>),
    RareText(fn(&Click) -> &str, StringBuilder),
    Visitor(StringBuilder),
    RulesVersion(Vec<u32>),
}

impl Chunk {
    fn new() -> Self {
        Self {
            rows: 0,
            links: Shared::default(),
            looks: Shared::default(),
            columns: COLUMNS.iter().map(|column| Cells::of(column.content)).collect(),
        }
    }

    fn append(&mut self, clicks: &[Click]) {
        for block in clicks.chunks(BLOCK_CLICKS) {
            self.links.append(block.iter().map(|click| &click.link));
            self.looks.append(block.iter().map(|click| &click.look));
            for cells in &mut self.columns {
                cells.append(block);
            }
        }
        self.rows += clicks.len();
    }

    fn to_batch(&self) -> RecordBatch {
        let links = Int32Array::from(self.links.keys.clone());
        let looks = Int32Array::from(self.looks.keys.clone());
        let column = |cells: &Cells| match cells {
            Cells::Link => spread(&UInt64Array::from_iter_values(self.links.all.iter().map(|link| link.id.0)), &links),
            Cells::LinkText(text) => spread(&dictionary(self.links.all.iter().map(|link| text(link))), &links),
            Cells::LookText(text) => spread(&dictionary(self.looks.all.iter().map(|look| text(look))), &looks),
            Cells::Own(cells) => cells.to_array(),
        };
        let columns = self.columns.iter().map(column).collect();
        RecordBatch::try_new(SCHEMA.clone(), columns).expect("each column got one cell per click, of its own type")
    }
}

impl Cells {
    fn of(content: Content) -> Self {
        match content {
            Content::Id => Self::Own(OwnCells::Id(StringBuilder::new())),
            Content::Time => Self::Own(OwnCells::Time(Vec::new())),
            Content::Link => Self::Link,
            Content::LinkText(text) => Self::LinkText(text),
            Content::LookText(text) => Self::LookText(text),
            Content::Text(text) => Self::Own(OwnCells::Text(text, Box::default())),
            Content::RareText(text) => Self::Own(OwnCells::RareText(text, StringBuilder::new())),
            Content::Visitor => Self::Own(OwnCells::Visitor(StringBuilder::new())),
            Content::RulesVersion => Self::Own(OwnCells::RulesVersion(Vec::new())),
        }
    }

    fn append(&mut self, clicks: &[Click]) {
        if let Self::Own(cells) = self {
            cells.append(clicks);
        }
    }
}

impl OwnCells {
    fn append(&mut self, clicks: &[Click]) {
        match self {
            Self::Id(ids) => append_ids(ids, clicks),
            Self::Time(times) => times.extend(clicks.iter().map(|click| click.time_ms.clamp(0, TIME_MAX))),
            Self::Text(text, cells) => append_texts(cells, clicks.iter().map(*text)),
            Self::RareText(text, cells) => cells.extend(clicks.iter().map(*text).map(or_null)),
            Self::Visitor(visitors) => append_visitors(visitors, clicks),
            Self::RulesVersion(versions) => versions.extend(clicks.iter().map(|click| click.rules_version)),
        }
    }

    fn to_array(&self) -> ArrayRef {
        match self {
            Self::Id(cells) | Self::Visitor(cells) | Self::RareText(_, cells) => Arc::new(cells.finish_cloned()),
            Self::Time(times) => Arc::new(TimestampMillisecondArray::from(times.clone()).with_timezone("UTC")),
            Self::Text(_, cells) => Arc::new(cells.finish_cloned()),
            Self::RulesVersion(versions) => Arc::new(UInt32Array::from(versions.clone())),
        }
    }
}

fn dictionary<'a>(texts: impl Iterator<Item = &'a str>) -> DictionaryArray<Int32Type> {
    let mut cells = StringDictionaryBuilder::<Int32Type>::new();
    append_texts(&mut cells, texts);
    cells.finish()
}

/// From one cell per link or look to one cell per click.
fn spread(shared: &dyn arrow_array::Array, keys: &Int32Array) -> ArrayRef {
    take(shared, keys, None).expect("each key is the index of something that was seen")
}

fn append_texts<'a>(cells: &mut StringDictionaryBuilder<Int32Type>, texts: impl Iterator<Item = &'a str>) {
    for text in texts {
        if text.is_empty() {
            cells.append_null();
        } else {
            cells.append_value(text);
        }
    }
}

/// Empty text is null.
fn or_null(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

fn append_ids(cells: &mut StringBuilder, clicks: &[Click]) {
    let mut buffer = uuid::Uuid::encode_buffer();
    for click in clicks {
        cells.append_value(click.id.hyphenated().encode_lower(&mut buffer));
    }
}

fn append_visitors(cells: &mut StringBuilder, clicks: &[Click]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for click in clicks {
        let bits = click.visitor.0;
        let digits: [u8; 16] = std::array::from_fn(|place| DIGITS[(bits >> (60 - 4 * place)) as usize & 0xf]);
        cells.append_value(std::str::from_utf8(&digits).expect("hexadecimal digits are ASCII"));
    }
}

/// What the clicks of a chunk share, each once, and for every click which of them it has.
struct Shared<T> {
    all: Vec<Arc<T>>,
    /// By address: `all` keeps what stands there alive, so an address means one thing for as long.
    index: HashMap<usize, i32>,
    keys: Vec<i32>,
}

impl<T> Default for Shared<T> {
    fn default() -> Self {
        Self { all: Vec::new(), index: HashMap::new(), keys: Vec::new() }
    }
}

impl<T> Shared<T> {
    fn append<'a>(&mut self, of_clicks: impl Iterator<Item = &'a Arc<T>>)
    where
        T: 'a,
    {
        for one in of_clicks {
            let key = *self.index.entry(Arc::as_ptr(one) as usize).or_insert_with(|| {
                self.all.push(Arc::clone(one));
                i32::try_from(self.all.len() - 1).expect("a chunk has fewer clicks than an i32 counts")
            });
            self.keys.push(key);
        }
    }
}
