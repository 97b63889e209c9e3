//! Links as a file: CSV, JSON lines or Parquet, page by page. What it writes, [`import`](super::import) reads.
//!
//! It must never write a cell that a spreadsheet would run, nor hold more than a page of links.

use std::io;
use std::sync::Arc;

use arrow_array::builder::{BooleanBuilder, ListBuilder, StringBuilder, TimestampMillisecondBuilder, UInt64Builder};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use jiff::Timestamp;
use parquet::arrow::ArrowWriter;
use serde_json::{Value, json};

use crate::domain::destination::Destination;
use crate::domain::link::{Link, LinkSpec};
use crate::domain::placement::{Platform, PostRef};
use crate::domain::spreadsheet::guarded;
use crate::domain::utm::UtmField;

/// The encodings of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Csv,
    Jsonl,
    Parquet,
}

/// A link, and what the file says beside it.
pub(crate) struct Row {
    pub(crate) link: Link,
    pub(crate) short_url: String,
    /// Human clicks of all time.
    pub(crate) clicks: u64,
}

#[derive(Clone, Copy)]
enum Kind {
    Text,
    /// Several texts, none of which holds a line break: so that is what stands between them in CSV.
    Texts,
    Number,
    Switch,
    Time,
}

/// One cell. Unknown is none.
enum Cell {
    None,
    Text(String),
    Texts(Vec<String>),
    Number(u64),
    Switch(bool),
    Time(Timestamp),
}

struct Column {
    name: &'static str,
    kind: Kind,
    cell: fn(&Row) -> Cell,
}

const fn column(name: &'static str, kind: Kind, cell: fn(&Row) -> Cell) -> Column {
    Column { name, kind, cell }
}

/// Every column, in the order of files.
const COLUMNS: [Column; 30] = [
    column("id", Kind::Number, |row| Cell::Number(row.link.id.0)),
    column("short_url", Kind::Text, |row| Cell::Text(row.short_url.clone())),
    column("domain", Kind::Text, |row| text(Some(&spec(row).domain.0))),
    column("slug", Kind::Text, |row| text(Some(spec(row).slug.as_str()))),
    column("url", Kind::Text, |row| text(Some(spec(row).url.as_str()))),
    column("destination", Kind::Text, |row| text(Some(spec(row).destination.as_str()))),
    column("title", Kind::Text, |row| text(spec(row).title.as_deref())),
    column("tags", Kind::Texts, |row| Cell::Texts(spec(row).tags.clone())),
    column("utm_source", Kind::Text, |row| utm(row, UtmField::Source)),
    column("utm_medium", Kind::Text, |row| utm(row, UtmField::Medium)),
    column("utm_campaign", Kind::Text, |row| utm(row, UtmField::Campaign)),
    column("utm_term", Kind::Text, |row| utm(row, UtmField::Term)),
    column("utm_content", Kind::Text, |row| utm(row, UtmField::Content)),
    column("utm_id", Kind::Text, |row| utm(row, UtmField::Id)),
    column("platform", Kind::Text, |row| text(spec(row).placement.platform.as_ref().map(Platform::as_str))),
    column("level", Kind::Text, |row| text(Some(spec(row).placement.level.as_str()))),
    column("posts", Kind::Texts, |row| {
        Cell::Texts(spec(row).placement.posts.iter().map(PostRef::as_str).map(str::to_owned).collect())
    }),
    column("archived", Kind::Switch, |row| Cell::Switch(spec(row).archived)),
    column("status", Kind::Number, |row| Cell::Number(spec(row).rules.status.code().into())),
    column("enabled", Kind::Switch, |row| Cell::Switch(spec(row).rules.enabled)),
    column("passthrough", Kind::Switch, |row| Cell::Switch(spec(row).rules.passthrough)),
    column("visitor_utm", Kind::Switch, |row| Cell::Switch(spec(row).rules.visitor_utm)),
    column("expires_at", Kind::Time, |row| spec(row).rules.expires_at.map_or(Cell::None, Cell::Time)),
    column("expired_url", Kind::Text, |row| text(spec(row).rules.expired_url.as_ref().map(Destination::as_str))),
    column("created_at", Kind::Time, |row| Cell::Time(row.link.created_at)),
    column("updated_at", Kind::Time, |row| Cell::Time(row.link.updated_at)),
    column("revision", Kind::Number, |row| Cell::Number(row.link.revision)),
    column("clicks", Kind::Number, |row| Cell::Number(row.clicks)),
    column("imported_from", Kind::Text, |row| text(spec(row).brought.as_ref().map(|brought| brought.from.as_str()))),
    column("imported_clicks", Kind::Number, |row| {
        spec(row).brought.as_ref().and_then(|brought| brought.clicks).map_or(Cell::None, Cell::Number)
    }),
];

fn spec(row: &Row) -> &LinkSpec {
    &row.link.spec
}

/// What the owner set and what the URL carries: setting the same again changes nothing.
fn utm(row: &Row, field: UtmField) -> Cell {
    text(spec(row).utm.get(field))
}

fn text(text: Option<&str>) -> Cell {
    text.filter(|text| !text.is_empty()).map_or(Cell::None, |text| Cell::Text(text.to_owned()))
}

/// Turns pages of links into pieces of a file.
pub(crate) enum Writer {
    Csv,
    Jsonl,
    /// Boxed, because it is large.
    Parquet(Box<ArrowWriter<Vec<u8>>>),
}

impl Writer {
    /// A writer, and what the file begins with.
    ///
    /// # Errors
    /// When the encoder fails, which is a defect of ours.
    pub(crate) fn begin(encoding: Encoding) -> io::Result<(Self, Vec<u8>)> {
        Ok(match encoding {
            Encoding::Csv => (Self::Csv, csv(std::iter::once(COLUMNS.iter().map(|column| column.name.to_owned())))?),
            Encoding::Jsonl => (Self::Jsonl, Vec::new()),
            Encoding::Parquet => {
                let writer = ArrowWriter::try_new(Vec::new(), schema(), None).map_err(io::Error::other)?;
                (Self::Parquet(Box::new(writer)), Vec::new())
            }
        })
    }

    /// The next piece of the file.
    ///
    /// # Errors
    /// As [`Writer::begin`].
    pub(crate) fn page(&mut self, rows: &[Row]) -> io::Result<Vec<u8>> {
        match self {
            Self::Csv => csv(rows.iter().map(|row| COLUMNS.iter().map(|column| written((column.cell)(row))))),
            Self::Jsonl => jsonl(rows),
            Self::Parquet(writer) => {
                writer.write(&batch(rows)?).map_err(io::Error::other)?;
                Ok(std::mem::take(writer.inner_mut()))
            }
        }
    }

    /// What the file ends with.
    ///
    /// # Errors
    /// As [`Writer::begin`].
    pub(crate) fn end(self) -> io::Result<Vec<u8>> {
        match self {
            Self::Csv | Self::Jsonl => Ok(Vec::new()),
            Self::Parquet(writer) => writer.into_inner().map_err(io::Error::other),
        }
    }
}

fn csv(rows: impl Iterator<Item = impl Iterator<Item = String>>) -> io::Result<Vec<u8>> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    for row in rows {
        writer.write_record(row)?;
    }
    writer.into_inner().map_err(|error| io::Error::other(error.to_string()))
}

fn written(cell: Cell) -> String {
    match cell {
        Cell::None => String::new(),
        Cell::Text(text) => guarded(&text).into_owned(),
        Cell::Texts(texts) => guarded(&texts.join("\n")).into_owned(),
        Cell::Number(number) => number.to_string(),
        Cell::Switch(is_on) => is_on.to_string(),
        Cell::Time(at) => at.to_string(),
    }
}

fn jsonl(rows: &[Row]) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    for row in rows {
        let cells = COLUMNS.iter().map(|column| (column.name.to_owned(), told((column.cell)(row))));
        serde_json::to_writer(&mut out, &Value::Object(cells.collect()))?;
        out.push(b'\n');
    }
    Ok(out)
}

fn told(cell: Cell) -> Value {
    match cell {
        Cell::None => Value::Null,
        Cell::Text(text) => json!(text),
        Cell::Texts(texts) => json!(texts),
        Cell::Number(number) => json!(number),
        Cell::Switch(is_on) => json!(is_on),
        Cell::Time(at) => json!(at.to_string()),
    }
}

fn schema() -> SchemaRef {
    let field = |column: &Column| {
        let data_type = match column.kind {
            Kind::Text => DataType::Utf8,
            Kind::Texts => DataType::List(Arc::new(Field::new("item", DataType::Utf8, true))),
            Kind::Number => DataType::UInt64,
            Kind::Switch => DataType::Boolean,
            Kind::Time => DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())),
        };
        Field::new(column.name, data_type, true)
    };
    Arc::new(Schema::new(COLUMNS.iter().map(field).collect::<Vec<_>>()))
}

fn batch(rows: &[Row]) -> io::Result<RecordBatch> {
    let arrays = COLUMNS.iter().map(|column| array(column, rows)).collect();
    RecordBatch::try_new(schema(), arrays).map_err(io::Error::other)
}

fn array(column: &Column, rows: &[Row]) -> ArrayRef {
    let cells = rows.iter().map(|row| (column.cell)(row));
    match column.kind {
        Kind::Text => {
            let mut builder = StringBuilder::new();
            cells.for_each(|cell| builder.append_option(if let Cell::Text(text) = cell { Some(text) } else { None }));
            Arc::new(builder.finish())
        }
        Kind::Texts => {
            let mut builder = ListBuilder::new(StringBuilder::new());
            cells.for_each(|cell| {
                let texts = if let Cell::Texts(texts) = cell { texts } else { Vec::new() };
                builder.append_value(texts.into_iter().map(Some));
            });
            Arc::new(builder.finish())
        }
        Kind::Number => {
            let mut builder = UInt64Builder::new();
            cells.for_each(|cell| {
                builder.append_option(if let Cell::Number(number) = cell { Some(number) } else { None })
            });
            Arc::new(builder.finish())
        }
        Kind::Switch => {
            let mut builder = BooleanBuilder::new();
            cells.for_each(|cell| {
                builder.append_option(if let Cell::Switch(is_on) = cell { Some(is_on) } else { None })
            });
            Arc::new(builder.finish())
        }
        Kind::Time => {
            let mut builder = TimestampMillisecondBuilder::new().with_timezone("UTC");
            cells.for_each(|cell| {
                builder.append_option(if let Cell::Time(at) = cell { Some(at.as_millisecond()) } else { None });
            });
            Arc::new(builder.finish())
        }
    }
}
