//! Pending clicks: those that are in no click file yet, kept as columns from the moment they arrive.
//!
//! A click as a struct takes some 700 bytes; as a row of dictionary columns about 150, and sealing then only has
//! to encode. This runs once for every click, so it must never allocate per cell.

use std::sync::Arc;

use arrow_array::builder::{StringBuilder, StringDictionaryBuilder};
use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, Int32Array, RecordBatch, TimestampMillisecondArray, UInt32Array, UInt64Array};
use arrow_select::take::take;
use hashbrown::HashMap;

use super::columns::{COLUMNS, Content, SCHEMA};
use crate::domain::click::Click;
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
    links: Links,
    columns: Vec<Cells>,
}

/// The cells of one column so far. What the links tell is looked up only when the chunk becomes a batch.
enum Cells {
    Id(StringBuilder),
    Time(Vec<i64>),
    Link,
    LinkText(fn(&LinkFacts) -> &str),
    Text(fn(&Click) -> &str, Box<StringDictionaryBuilder<Int32Type>>),
    Visitor(StringBuilder),
    RulesVersion(Vec<u32>),
}

impl Chunk {
    fn new() -> Self {
        Self {
            rows: 0,
            links: Links::default(),
            columns: COLUMNS.iter().map(|column| Cells::of(column.content)).collect(),
        }
    }

    fn append(&mut self, clicks: &[Click]) {
        for block in clicks.chunks(BLOCK_CLICKS) {
            self.links.append(block);
            for cells in &mut self.columns {
                cells.append(block);
            }
        }
        self.rows += clicks.len();
    }

    fn to_batch(&self) -> RecordBatch {
        let keys = Int32Array::from(self.links.keys.clone());
        let columns = self.columns.iter().map(|cells| cells.to_array(&self.links.facts, &keys)).collect();
        RecordBatch::try_new(SCHEMA.clone(), columns).expect("each column got one cell per click, of its own type")
    }
}

impl Cells {
    fn of(content: Content) -> Self {
        match content {
            Content::Id => Self::Id(StringBuilder::new()),
            Content::Time => Self::Time(Vec::new()),
            Content::Link => Self::Link,
            Content::LinkText(text) => Self::LinkText(text),
            Content::Text(text) => Self::Text(text, Box::default()),
            Content::Visitor => Self::Visitor(StringBuilder::new()),
            Content::RulesVersion => Self::RulesVersion(Vec::new()),
        }
    }

    fn append(&mut self, clicks: &[Click]) {
        match self {
            Self::Id(ids) => append_ids(ids, clicks),
            Self::Time(times) => times.extend(clicks.iter().map(|click| click.time_ms.clamp(0, TIME_MAX))),
            Self::Link | Self::LinkText(_) => {}
            Self::Text(text, cells) => append_texts(cells, clicks.iter().map(*text)),
            Self::Visitor(visitors) => append_visitors(visitors, clicks),
            Self::RulesVersion(versions) => versions.extend(clicks.iter().map(|click| click.rules_version)),
        }
    }

    fn to_array(&self, facts: &[Arc<LinkFacts>], keys: &Int32Array) -> ArrayRef {
        match self {
            Self::Id(cells) | Self::Visitor(cells) => Arc::new(cells.finish_cloned()),
            Self::Time(times) => Arc::new(TimestampMillisecondArray::from(times.clone()).with_timezone("UTC")),
            Self::Link => spread(&UInt64Array::from_iter_values(facts.iter().map(|link| link.id.0)), keys),
            Self::LinkText(text) => {
                let mut of_links = StringDictionaryBuilder::<Int32Type>::new();
                append_texts(&mut of_links, facts.iter().map(|link| text(link)));
                spread(&of_links.finish(), keys)
            }
            Self::Text(_, cells) => Arc::new(cells.finish_cloned()),
            Self::RulesVersion(versions) => Arc::new(UInt32Array::from(versions.clone())),
        }
    }
}

/// From one cell per link to one cell per click.
fn spread(of_links: &dyn arrow_array::Array, keys: &Int32Array) -> ArrayRef {
    take(of_links, keys, None).expect("each key is the index of a link that was seen")
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

/// The links of a chunk, each once, and for every click which of them it belongs to.
#[derive(Default)]
struct Links {
    facts: Vec<Arc<LinkFacts>>,
    /// By the address of the shared facts: `facts` keeps them alive, so an address means one link for as long.
    index: HashMap<usize, i32>,
    keys: Vec<i32>,
}

impl Links {
    fn append(&mut self, clicks: &[Click]) {
        for click in clicks {
            let key = *self.index.entry(Arc::as_ptr(&click.link) as usize).or_insert_with(|| {
                self.facts.push(Arc::clone(&click.link));
                i32::try_from(self.facts.len() - 1).expect("a chunk has fewer clicks than an i32 counts")
            });
            self.keys.push(key);
        }
    }
}
