//! Dialects: how each platform writes its files, one file per platform, as tables.
//!
//! A dialect says by which headers its files are known, what each column holds and what span of time its numbers are
//! about. It must never know a column by its position, nor guess at what a file leaves open.

mod column;
mod email;
mod generic;
mod google;
mod linkedin;
mod meta_ads;
mod meta_content;
mod meta_overview;
mod metric;
mod pinterest;
mod sprout;
mod tiktok;
mod x;

pub(crate) use self::column::{Column, Role, Scale, fold};
use crate::domain::metric::Metric;
use crate::domain::placement::Level;
use crate::impressions::date::Order;

/// One kind of file.
pub(crate) struct Dialect {
    /// `instagram-posts`: kept with every import.
    pub(crate) name: &'static str,
    /// For people.
    pub(crate) title: &'static str,
    /// Empty where a column or an option says it.
    pub(crate) platform: &'static str,
    pub(crate) level: Level,
    /// Of every group one header must be there, folded.
    pub(crate) needs: &'static [&'static [&'static str]],
    /// None of these may be there.
    pub(crate) lacks: &'static [&'static str],
    pub(crate) columns: &'static [Column],
    pub(crate) subject: Subject,
    pub(crate) about: About,
    /// Where the file's days begin, when the platform has one zone for all.
    pub(crate) zone: Option<&'static str>,
    /// What the platform writes before the day of the export into the name of the file.
    pub(crate) made_on: Option<&'static str>,
    /// How the platform writes `3/4/2026`, as long as the file does not show the contrary.
    pub(crate) order: Option<Order>,
    /// What the lines before the header and the header itself say; also refuses what only looks like this dialect.
    pub(crate) look: Option<Ask>,
    /// Rows that are no data of this dialect, by their cells, with the reason.
    pub(crate) skip: Option<Skip>,
    /// Known, and not read: why, and which file to take instead.
    pub(crate) refused: Option<&'static str>,
}

impl Dialect {
    /// What most dialects share.
    pub(crate) const BASE: Self = Self {
        name: "",
        title: "",
        platform: "",
        level: Level::Post,
        needs: &[],
        lacks: &[],
        columns: &[],
        subject: Subject::Post { prefix: "", id_first: false },
        about: About::Lifetime,
        zone: None,
        made_on: None,
        order: None,
        look: None,
        skip: None,
        refused: None,
    };
}

/// Asks what stands around a table; refuses, in words, what only looks like the dialect.
pub(crate) type Ask = fn(&Look<'_>) -> Result<Facts, String>;
/// Why a row, whose cells it may ask for, is no data.
pub(crate) type Skip = fn(&dyn Fn(Role) -> String) -> Option<&'static str>;

/// What the rows of a file are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    /// Posts, known by permalink and by `prefix:id`.
    Post { prefix: &'static str, id_first: bool },
    /// One account.
    Account,
    /// Ads, ad sets or campaigns, known by `prefix:id`, or by what people called them.
    Ad { prefix: &'static str },
}

/// What span of time the numbers of a file are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum About {
    /// From publication until the file was made.
    Lifetime,
    /// One day per row.
    Days,
    /// A day per row where there is a column for it; else what a row, the file or somebody says.
    Spans,
    /// Nothing in the file tells.
    Asked,
}

/// What a dialect looks at before a row is read.
pub(crate) struct Look<'a> {
    /// The rows above the header.
    pub(crate) above: &'a [Vec<String>],
    /// The headers, folded.
    pub(crate) headers: &'a [String],
    /// The file of an archive or the sheet of a workbook.
    pub(crate) table: &'a str,
}

/// What a file says outside of its rows. `None` means that it does not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    /// As written; read in the file's notation.
    pub(crate) period: Option<String>,
    pub(crate) as_of: Option<String>,
    pub(crate) platform: Option<&'static str>,
    /// What [`Role::Titled`] stands for.
    pub(crate) titled: Option<Metric>,
    /// Said instead of a table, when this one holds nothing that is read here.
    pub(crate) passed_over: Option<&'static str>,
}

/// All dialects; the first that fits a header reads it.
pub(crate) const ALL: &[&[Dialect]] = &[
    x::DIALECTS,
    meta_content::DIALECTS,
    meta_overview::DIALECTS,
    linkedin::DIALECTS,
    tiktok::DIALECTS,
    pinterest::DIALECTS,
    google::DIALECTS,
    email::DIALECTS,
    sprout::DIALECTS,
    meta_ads::DIALECTS,
    generic::DIALECTS,
];

/// Reads any file whose columns somebody has mapped.
pub(crate) static MAPPED: Dialect = generic::MAPPED;

/// The dialect whose headers are these, folded.
pub(crate) fn of_headers(headers: &[String]) -> Option<&'static Dialect> {
    ALL.iter().copied().flatten().find(|dialect| dialect.fits(headers))
}

impl Dialect {
    /// Whether headers, folded, are this dialect's.
    pub(crate) fn fits(&self, headers: &[String]) -> bool {
        let has = |name: &&str| headers.iter().any(|header| header == name);
        !self.needs.is_empty() && self.needs.iter().all(|group| group.iter().any(has)) && !self.lacks.iter().any(has)
    }
}

#[cfg(test)]
mod tests;
