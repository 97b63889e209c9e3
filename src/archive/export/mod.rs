//! Exports: the clicks of a scan as CSV, as JSON lines or as one Parquet file, written as they are read.
//!
//! All three have the columns of the click files under the same names. An export must hold no more than a batch
//! (Parquet: a row group) in memory, and must never pass off an archive that could not be read as a short one.

use std::io;

use super::{ArchiveError, Scan};

pub(super) mod cells;
mod csv;
mod jsonl;
mod parquet;
mod upload;

pub(crate) use upload::{Conversion, Receiver, upload};

/// The encodings of an export.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Format {
    #[default]
    Csv,
    /// One JSON object per line.
    Jsonl,
    Parquet,
}

impl Format {
    pub(crate) const ALL: [Self; 3] = [Self::Csv, Self::Jsonl, Self::Parquet];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Jsonl => "jsonl",
            Self::Parquet => "parquet",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.as_str() == text)
    }

    /// The media type: RFC 4180 for CSV, the registered name for Parquet; JSON lines have none registered.
    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Jsonl => "application/x-ndjson",
            Self::Parquet => "application/vnd.apache.parquet",
        }
    }

    /// The name a download is saved under.
    pub(crate) fn file_name(self) -> &'static str {
        match self {
            Self::Csv => "clicks.csv",
            Self::Jsonl => "clicks.jsonl",
            Self::Parquet => "clicks.parquet",
        }
    }
}

/// Writes what `scan` yields and returns the number of clicks. Zero clicks make a valid file too.
///
/// # Errors
/// When `out` fails, or when the archive cannot be read; what was written by then is not a whole export.
pub(crate) fn export(scan: Scan, format: Format, out: impl io::Write + Send) -> io::Result<u64> {
    match format {
        Format::Csv => csv::write(scan, out),
        Format::Jsonl => jsonl::write(scan, out),
        Format::Parquet => parquet::write(scan, out),
    }
}

impl From<ArchiveError> for io::Error {
    fn from(error: ArchiveError) -> Self {
        Self::other(error)
    }
}
