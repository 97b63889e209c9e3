//! Click-through rates: links are put into groups, each group's clicks are paired with the impressions that describe
//! the same events, and what pairs is divided.
//!
//! Pure. It must never divide across levels or kinds, and never show a percentage without what it rests on.

pub(crate) mod groups;
pub(crate) mod pairing;
pub(crate) mod rate;
mod rows;

#[cfg(test)]
mod tests;

use std::collections::HashSet;

use jiff::tz::TimeZone;

use crate::domain::impression::{Kind, StoredImpression, Subject};
use crate::stats::ctr::groups::{Group, LinkEntry, groups};
use crate::stats::ctr::pairing::{Book, ClickDays, Days, pair};
use crate::stats::ctr::rows::{paired_row, unlinked_row, unmeasured_row};
use crate::stats::query::Window;
use crate::stats::series::Totals;
use crate::stats::wire::{CtrReport, CtrRow};

/// The most rows of one report; the ones with the fewest impressions are left out, and counted.
pub(crate) const ROWS_MAX: usize = 10_000;

/// What a report has one row of (per level and kind) each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Grouping {
    Link,
    Post,
    Campaign,
    Platform,
    Level,
}

impl Grouping {
    pub(crate) const ALL: [Self; 5] = [Self::Link, Self::Post, Self::Campaign, Self::Platform, Self::Level];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Link => "link",
            Self::Post => "post",
            Self::Campaign => "campaign",
            Self::Platform => "platform",
            Self::Level => "level",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|grouping| grouping.as_str() == text)
    }
}

/// Which clicks are divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Numerator {
    /// Human clicks.
    Human,
    /// Different visitors per link and day.
    Unique,
    /// Hits of every verdict.
    All,
}

impl Numerator {
    pub(crate) const ALL: [Self; 3] = [Self::Human, Self::Unique, Self::All];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Human => "human",
            Self::Unique => "unique",
            Self::All => "all",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|numerator| numerator.as_str() == text)
    }

    fn of(self, totals: Totals) -> u64 {
        match self {
            Self::Human => totals.clicks,
            Self::Unique => totals.visitors,
            Self::All => totals.hits,
        }
    }
}

/// What a report is made of. Clicks and impressions outside the window are not looked at.
pub(crate) struct Material<'a> {
    pub(crate) links: &'a [LinkEntry],
    pub(crate) clicks: &'a ClickDays,
    pub(crate) impressions: &'a [StoredImpression],
    /// The report time zone, in which days begin.
    pub(crate) zone: &'a TimeZone,
    pub(crate) window: Window,
}

/// Divides the clicks of every group by its impressions of every kind.
pub(crate) fn report(by: Grouping, numerator: Numerator, material: &Material<'_>) -> CtrReport {
    let window = material.window;
    let book = Book::new(material.impressions.iter().filter(|stored| window.contains(stored.impression.day)));
    let days = Days { clicks: material.clicks, numerator, zone: material.zone, window };
    let groups = groups(material.links, by);
    let mut rows: Vec<_> = groups.iter().flat_map(|group| group_rows(group, by, &book, &days)).collect();
    rows.extend(unlinked_rows(by, material.links, &book));
    sort(&mut rows);
    let rows_left_out = rows.len().saturating_sub(ROWS_MAX) as u64;
    rows.truncate(ROWS_MAX);
    CtrReport {
        by: by.as_str().to_owned(),
        from: window.first(),
        to: window.last(),
        numerator: numerator.as_str().to_owned(),
        rows,
        rows_left_out,
    }
}

/// One row per kind; a link that has clicks and no impressions is listed as well, because its owner asked for links.
fn group_rows(group: &Group, by: Grouping, book: &Book, days: &Days<'_>) -> Vec<CtrRow> {
    let total = days.total(group);
    let row = |kind: Kind| {
        let paired = pair(group, kind, book, days)?;
        Some(paired_row(group, kind, &paired, total, by, days.numerator))
    };
    let rows: Vec<_> = book.kinds().filter_map(row).collect();
    if rows.is_empty() && by == Grouping::Link && total > 0 {
        return vec![unmeasured_row(group, total)];
    }
    rows
}

/// Impressions that belong to no link: of posts without links, and of links that were removed.
fn unlinked_rows(by: Grouping, links: &[LinkEntry], book: &Book) -> Vec<CtrRow> {
    let known: HashSet<Subject> = match by {
        Grouping::Post => links.iter().flat_map(|link| link.posts.iter().cloned().map(Subject::Post)).collect(),
        Grouping::Link => links.iter().map(|link| Subject::Link(link.id)).collect(),
        Grouping::Campaign | Grouping::Platform | Grouping::Level => return Vec::new(),
    };
    let asked = |subject: &Subject| matches!(subject, Subject::Post(_)) == (by == Grouping::Post);
    let of_kind = |kind| {
        let unlinked = book.subjects(kind).filter(|(subject, _)| asked(subject) && !known.contains(*subject));
        unlinked.map(move |(subject, days)| unlinked_row(subject, kind, days)).collect::<Vec<_>>()
    };
    book.kinds().flat_map(of_kind).collect()
}

/// The most impressions first, then the most clicks, then by name.
fn sort(rows: &mut [CtrRow]) {
    rows.sort_by(|a, b| {
        let size = |row: &CtrRow| (row.impressions, row.clicks);
        size(b).cmp(&size(a)).then_with(|| (&a.value, &a.level, &a.kind).cmp(&(&b.value, &b.level, &b.kind)))
    });
}
