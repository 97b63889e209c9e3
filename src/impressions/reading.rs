//! What a platform's file says, whatever dialect it is written in: posts, and readings of their numbers.
//!
//! It must never hold a guess: a blank cell is no reading, and what a dialect does not know it leaves out. These are
//! the shapes that the parsing child answers with and that an import keeps; they mean nothing until they are matched.

use std::collections::BTreeMap;
use std::fmt;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::domain::metric::Metric;
use crate::domain::placement::Level;
use crate::impressions::container::PassedOver;

/// The name of a post that stands for a link, as a file says it (`link:spring`, `link:https://go.example.com/spring`),
/// and once it is known which link that is (`link-id:7`): its numbers are of the place where the link stands, whatever
/// place that is.
pub(crate) const LINK_CELL: &str = "link:";
pub(crate) const LINK_ID: &str = "link-id:";

/// One file (or one table of an archive), read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PlatformFile {
    /// The dialect's name, such as `instagram-posts`.
    pub(crate) dialect: String,
    /// The first and last day that the file says it covers.
    pub(crate) period: Option<(Date, Date)>,
    /// The day on which the numbers were read, as far as the file itself says.
    pub(crate) as_of: Option<Date>,
    /// The time zone in which the file's days begin; `None` when nobody knows.
    pub(crate) zone: Option<String>,
    /// Of [`Metric::Spend`]: an ISO 4217 code. A file with two currencies is refused.
    pub(crate) currency: Option<String>,
    pub(crate) posts: Vec<PlatformPost>,
    /// What `Reading::slice` points into. The first one is the whole.
    pub(crate) slices: Vec<Slice>,
    pub(crate) readings: Vec<Reading>,
}

impl PlatformFile {
    /// The same with neither posts nor readings.
    pub(super) fn without_posts(&self) -> Self {
        Self {
            dialect: self.dialect.clone(),
            period: self.period,
            as_of: self.as_of,
            zone: self.zone.clone(),
            currency: self.currency.clone(),
            posts: Vec::new(),
            slices: self.slices.clone(),
            readings: Vec::new(),
        }
    }
}

/// One published object, or one account, as the file describes it. Empty and `None` mean that the file does not say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PlatformPost {
    /// As links say it: `instagram`, `x`, `linkedin`.
    pub(crate) platform: String,
    #[serde(with = "word::level")]
    pub(crate) level: Level,
    /// Its ids and permalinks in their one form (`domain::permalink`); the first is what it is known by.
    pub(crate) names: Vec<String>,
    /// The account's own id or name.
    pub(crate) account: Option<String>,
    /// Where a person can look at it.
    pub(crate) permalink: Option<String>,
    /// The beginning of its text or title, for people.
    pub(crate) text: String,
    /// What looks like a web address in the whole of its text, without a scheme.
    pub(crate) mentions: Vec<String>,
    /// Destinations from columns made for them.
    pub(crate) urls: Vec<String>,
    /// RFC 3339 instant, or a day where the file has no more.
    pub(crate) published: Option<String>,
    /// `reel`, `carousel`, `story`, `newsletter`: as the platform calls it, in lower case.
    pub(crate) format: Option<String>,
    /// Of ads: the words people gave to campaign, ad set and ad, and their ids.
    pub(crate) campaign: Option<String>,
    pub(crate) ad_set: Option<String>,
    pub(crate) ad: Option<String>,
    pub(crate) ids: Vec<String>,
}

impl PlatformPost {
    /// What it is called.
    pub(crate) fn key(&self) -> &str {
        self.names.first().map_or("", String::as_str)
    }
}

/// A part of the audience or of the delivery: `age` is `25-34`, `country` is `SE`. Empty means the whole.
pub(crate) type Slice = BTreeMap<String, String>;

/// One number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reading {
    /// Index into [`PlatformFile::posts`].
    pub(crate) post: u32,
    /// Index into [`PlatformFile::slices`].
    pub(crate) slice: u32,
    #[serde(with = "word::metric")]
    pub(crate) metric: Metric,
    pub(crate) grain: Grain,
    /// A count; of [`Metric::Spend`] millionths of the currency.
    pub(crate) value: u64,
}

/// What span of time a number is about. Numbers of two grains are never added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Grain {
    /// From publication until the file was made.
    Lifetime,
    Day(Date),
    /// Both included; longer than a day.
    Period(Date, Date),
}

impl fmt::Display for Grain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lifetime => f.write_str("lifetime"),
            Self::Day(day) => day.fmt(f),
            Self::Period(first, last) => write!(f, "{first} to {last}"),
        }
    }
}

/// One upload, read: one table of a file, or several of a workbook or an archive.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Contents {
    pub(crate) tables: Vec<Table>,
    pub(crate) passed_over: Vec<PassedOver>,
}

/// One table, and how its reading went.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Table {
    /// The file of an archive, the sheet of a workbook; empty for a file that is one table.
    pub(crate) name: String,
    pub(crate) file: PlatformFile,
    pub(crate) report: TableReport,
}

/// What a person wants to know before a table is imported.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TableReport {
    /// The dialect for people: `Instagram posts and stories (Meta Business Suite)`.
    pub(crate) title: String,
    /// `lifetime`, `day`, `period`; several where rows differ.
    pub(crate) grains: Vec<String>,
    /// Rows that gave a number.
    pub(crate) rows: u64,
    /// Rows that gave none, with the reason.
    pub(crate) skipped: Listed<Skipped>,
    pub(crate) columns: Vec<UsedColumn>,
    /// Headers of columns that are not read.
    pub(crate) ignored: Vec<String>,
    pub(crate) sums: Vec<Sum>,
    pub(crate) warnings: Vec<String>,
}

/// A column that is read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub(crate) struct UsedColumn {
    pub(crate) header: String,
    /// The word of `--map`: `views`, `date`, `permalink`.
    pub(crate) role: String,
    pub(crate) filled: u64,
    /// Unknown, which is not 0.
    pub(crate) blank: u64,
}

/// What to compare with what the platform shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub(crate) struct Sum {
    /// The metric's word.
    pub(crate) metric: String,
    /// `lifetime`, `day` or `period`: numbers of two grains are never added.
    pub(crate) grain: String,
    pub(crate) numbers: u64,
    /// `None` where numbers do not add up: people are in more than one of them.
    pub(crate) sum: Option<u64>,
}

/// A row that says nothing and is left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub(crate) struct Skipped {
    pub(crate) row: u64,
    pub(crate) reason: String,
}

/// A row that cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RowError {
    pub(crate) row: u64,
    pub(crate) message: String,
}

/// Why nothing of an upload is read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Refusal {
    pub(crate) message: String,
    /// The rows that are wrong, if it is rows.
    pub(crate) rows: Listed<RowError>,
    /// The columns of a table that nobody knows, so that somebody can say what they hold.
    pub(crate) columns: Vec<Sample>,
}

/// A column as it stands in the file: its header, and the first few of its cells.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sample {
    pub(crate) header: String,
    pub(crate) cells: Vec<String>,
}

impl From<String> for Refusal {
    fn from(message: String) -> Self {
        Self { message, ..Self::default() }
    }
}

/// The most rows of a sort that are listed one by one; all are counted.
pub(crate) const LISTED_MAX: usize = 100;

/// The first [`LISTED_MAX`] of something, and how many there are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Listed<T> {
    pub(crate) first: Vec<T>,
    pub(crate) count: u64,
}

impl<T> Default for Listed<T> {
    fn default() -> Self {
        Self { first: Vec::new(), count: 0 }
    }
}

impl<T> Listed<T> {
    pub(crate) fn push(&mut self, item: T) {
        self.count += 1;
        if self.first.len() < LISTED_MAX {
            self.first.push(item);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }
}

pub(super) mod word {
    //! Enumerations as their words.

    macro_rules! by_word {
        ($name:ident, $of:ty, $what:literal) => {
            pub(in crate::impressions) mod $name {
                use serde::{Deserialize, Deserializer, Serializer};

                pub(in crate::impressions) fn serialize<S: Serializer>(
                    value: &$of,
                    serializer: S,
                ) -> Result<S::Ok, S::Error> {
                    serializer.serialize_str(value.as_str())
                }

                pub(in crate::impressions) fn deserialize<'de, D: Deserializer<'de>>(
                    deserializer: D,
                ) -> Result<$of, D::Error> {
                    let word = String::deserialize(deserializer)?;
                    <$of>::parse(&word).ok_or_else(|| serde::de::Error::custom(concat!("not a ", $what)))
                }
            }
        };
    }

    by_word!(metric, crate::domain::metric::Metric, "metric");
    by_word!(level, crate::domain::placement::Level, "level");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::impression::Kind;
    use crate::domain::metric::Clicks;

    #[test]
    fn a_file_is_read_back_as_it_was_written() {
        let day = jiff::civil::date(2026, 11, 2);
        let reading = |metric, grain, value| Reading { post: 0, slice: 0, metric, grain, value };
        let file = PlatformFile {
            dialect: "facebook-posts".to_owned(),
            posts: vec![PlatformPost { platform: "facebook".to_owned(), level: Level::Story, ..Default::default() }],
            slices: vec![Slice::new()],
            readings: vec![
                reading(Metric::Impressions(Kind::Views), Grain::Lifetime, 5),
                reading(Metric::Clicks(Clicks::Link), Grain::Day(day), 1),
                reading(Metric::Spend, Grain::Period(day, day.tomorrow().unwrap()), 1_250_000),
            ],
            ..PlatformFile::default()
        };
        let json = serde_json::to_string(&file).unwrap();
        assert_eq!(serde_json::from_str::<PlatformFile>(&json).unwrap(), file);
        assert!(json.contains("\"metric\":\"clicks_link\""), "{json}");
    }
}
