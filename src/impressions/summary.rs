//! A table that was read, told in short: what the API sends, the command line prints and the pages show before an
//! import is made.
//!
//! It must never hold a post's text or a reading: only what a person needs to decide.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::impressions::reading::{Listed, Skipped, Sum, Table, UsedColumn};

/// One table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct TableSummary {
    /// The file of an archive, the sheet of a workbook; empty for a file that is one table.
    pub(crate) name: String,
    /// `instagram-posts`.
    pub(crate) dialect: String,
    /// The same for people.
    pub(crate) title: String,
    /// `lifetime`, `day`, `period`.
    pub(crate) grains: Vec<String>,
    /// The first and last day that the numbers are about, where they are about days.
    pub(crate) first: Option<Date>,
    pub(crate) last: Option<Date>,
    /// The day on which the numbers were read, where the file or somebody says it.
    pub(crate) as_of: Option<Date>,
    /// The zone in which the days begin.
    pub(crate) zone: Option<String>,
    pub(crate) currency: Option<String>,
    /// Rows that gave a number, and those numbers.
    pub(crate) rows: u64,
    pub(crate) numbers: u64,
    pub(crate) posts: u64,
    pub(crate) sums: Vec<Sum>,
    pub(crate) columns: Vec<UsedColumn>,
    pub(crate) ignored: Vec<String>,
    pub(crate) warnings: Vec<String>,
    /// The first 100 of `skipped_count`.
    pub(crate) skipped: Vec<Skipped>,
    pub(crate) skipped_count: u64,
}

impl TableSummary {
    pub(crate) fn of(table: &Table) -> Self {
        let (file, report) = (&table.file, &table.report);
        let Listed { first: skipped, count: skipped_count } = report.skipped.clone();
        Self {
            name: table.name.clone(),
            dialect: file.dialect.clone(),
            title: report.title.clone(),
            grains: report.grains.clone(),
            first: file.period.map(|(first, _)| first),
            last: file.period.map(|(_, last)| last),
            as_of: file.as_of,
            zone: file.zone.clone(),
            currency: file.currency.clone(),
            rows: report.rows,
            numbers: file.readings.len() as u64,
            posts: file.posts.len() as u64,
            sums: report.sums.clone(),
            columns: report.columns.clone(),
            ignored: report.ignored.clone(),
            warnings: report.warnings.clone(),
            skipped,
            skipped_count,
        }
    }
}
