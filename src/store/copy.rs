//! Moving everything that one store holds into another, of whatever kind: page by page, each page written as it is and
//! never added to what is there, so that a copy that was interrupted is run again without anything counting twice.
//!
//! Nobody may use the destination before its copy is whole; both kinds of stores refuse to be opened until then.

use jiff::civil::Date;

use super::{CopyStore, StoreError};
use crate::domain::counter::Counters;
use crate::domain::import::{Body, ImportId, ImportSummary};
use crate::domain::link::{Link, LinkId};
use crate::domain::position::{Incarnation, Position};
use crate::domain::record::{Record, RecordKey, RecordKind, Revision};
use crate::domain::uniques::Uniques;
use crate::domain::visitor::Salt;

/// Rows of one page. A link-day can take some 20 KB, a record 64; an import is a page of its own.
pub(super) const PAGE_ROWS: usize = 500;

/// What a store holds, in the order in which it is copied. Positions come last: hits that are counted into the source
/// meanwhile then show as a difference, whatever they met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// The last link id, import id and revision of a record that were given out, so that none is ever given out again.
    Ids,
    Links,
    Imports,
    Records,
    Misses,
    Salts,
    Counters,
    Archived,
    Watermarks,
}

impl Part {
    pub(crate) const ALL: [Self; 9] = [
        Self::Ids,
        Self::Links,
        Self::Imports,
        Self::Records,
        Self::Misses,
        Self::Salts,
        Self::Counters,
        Self::Archived,
        Self::Watermarks,
    ];

    /// The word for it in the table that the command prints and in a bookmark.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Ids => "ids",
            Self::Links => "links",
            Self::Imports => "imports",
            Self::Records => "records",
            Self::Misses => "misses",
            Self::Salts => "salts",
            Self::Counters => "counters",
            Self::Archived => "archived",
            Self::Watermarks => "watermarks",
        }
    }
}

/// A link with the form of its slug that is unique on its domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeptLink {
    pub(crate) link: Link,
    pub(crate) folded: String,
}

/// An import with its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeptImport {
    pub(crate) summary: ImportSummary,
    pub(crate) body: Body,
}

/// What was counted of a link on a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CountedDay {
    pub(crate) link: LinkId,
    pub(crate) day: Date,
    pub(crate) counters: Counters,
    pub(crate) visitors: Uniques,
}

/// Rows of one part.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Rows {
    Ids {
        link: LinkId,
        import: ImportId,
        revision: Revision,
    },
    Links(Vec<KeptLink>),
    Imports(Vec<KeptImport>),
    Records(Vec<(RecordKind, Record)>),
    Misses(Vec<(Date, String, String, u64)>),
    Salts(Vec<(Date, Salt)>),
    Counters(Vec<CountedDay>),
    Archived(Vec<(Incarnation, Position)>),
    /// Per incarnation the positions of all shards.
    Watermarks(Vec<(Incarnation, Vec<Position>)>),
}

/// A page of one part, and what to ask with for the next one.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Page {
    pub(crate) rows: Rows,
    pub(crate) next: Option<String>,
}

impl Page {
    /// The only page of its part.
    pub(super) fn whole(rows: Rows) -> Self {
        Self { rows, next: None }
    }
}

/// Where the records after this one begin: kinds in their order, keys by their bytes.
pub(super) fn record_bookmark(kind: RecordKind, key: &RecordKey) -> String {
    format!("{} {}", kind.as_str(), key.as_str())
}

/// The record that a bookmark names.
pub(super) fn record_after(bookmark: &str) -> Option<(RecordKind, RecordKey)> {
    let (word, key) = bookmark.split_once(' ')?;
    let kind = RecordKind::ALL.into_iter().find(|kind| kind.as_str() == word)?;
    Some((kind, RecordKey::new(key)?))
}

/// How far an unfinished copy has come: the number of the part in [`Part::ALL`], and where in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bookmark {
    part: usize,
    after: String,
}

impl Bookmark {
    pub(super) fn parse(text: &str) -> Self {
        let (part, after) = text.split_once(' ').unwrap_or((text, ""));
        Part::ALL
            .iter()
            .position(|known| known.as_str() == part)
            .map_or_else(Self::default, |part| Self { part, after: after.to_owned() })
    }
}

impl std::fmt::Display for Bookmark {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let part = Part::ALL.get(self.part).map_or("", |part| part.as_str());
        write!(f, "{part} {}", self.after)
    }
}

/// Why a copy did not come about. What was written of it stays, and running it again goes on there.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CopyError {
    #[error("{0}")]
    Read(StoreError),
    #[error("{0}")]
    Write(StoreError),
    #[error(
        "the shards of the source have counted the journal {0} to different positions, which a store with another \
         number of shards cannot say: start its node once more, stop it when waypost_hits_in_journal is 0, and copy \
         then; or copy into a Redis store with as many shards"
    )]
    Uneven(Incarnation),
}

/// One line of the comparison at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Compared {
    pub(crate) part: Part,
    pub(crate) source: Sum,
    pub(crate) destination: Sum,
}

impl Compared {
    pub(crate) fn is_same(&self) -> bool {
        self.source == self.destination
    }
}

/// What a part adds up to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sum {
    pub(crate) rows: u64,
    /// Hits, numbers of imports, misses, ids or positions; 0 where there is nothing to add up.
    pub(crate) total: u64,
    /// Over every byte of every row, whatever their order.
    digest: u128,
}

/// Copies what `to` does not have yet. `progress` hears of every row once, also of those that were there already.
///
/// # Errors
/// When a store does not answer or holds what cannot be read.
pub(crate) async fn run(
    from: &dyn CopyStore,
    to: &dyn CopyStore,
    mut progress: impl FnMut(Part, u64),
) -> Result<(), CopyError> {
    let begun = to.bookmark().await.map_err(CopyError::Write)?;
    for (number, part) in Part::ALL.into_iter().enumerate().skip(begun.part) {
        let mut after = if number == begun.part { begun.after.clone() } else { String::new() };
        loop {
            let page = from.dump(part, &after).await.map_err(CopyError::Read)?;
            let rows = page.rows.for_shards(to.shard_count())?;
            to.load(&rows).await.map_err(CopyError::Write)?;
            progress(part, rows.sum().rows);
            let Some(next) = page.next else { break };
            after = next;
            let bookmark = Bookmark { part: number, after: after.clone() };
            to.set_bookmark(&bookmark).await.map_err(CopyError::Write)?;
        }
    }
    Ok(())
}

/// Adds both stores up, part by part, and puts the destination into use if they hold the same; else the next run
/// begins anew.
///
/// # Errors
/// As [`run`].
pub(crate) async fn compare(from: &dyn CopyStore, to: &dyn CopyStore) -> Result<Vec<Compared>, CopyError> {
    let mut compared = Vec::new();
    for part in Part::ALL {
        let destination = sum(to, part, to.shard_count(), CopyError::Write).await?;
        let source = sum(from, part, to.shard_count(), CopyError::Read).await?;
        compared.push(Compared { part, source, destination });
    }
    if compared.iter().all(Compared::is_same) {
        to.finish().await.map_err(CopyError::Write)?;
    } else {
        to.set_bookmark(&Bookmark::default()).await.map_err(CopyError::Write)?;
    }
    Ok(compared)
}

async fn sum(
    store: &dyn CopyStore,
    part: Part,
    shards: u16,
    failed: fn(StoreError) -> CopyError,
) -> Result<Sum, CopyError> {
    let mut sum = Sum::default();
    let mut after = String::new();
    loop {
        let page = store.dump(part, &after).await.map_err(failed)?;
        sum.add(page.rows.for_shards(shards)?.sum());
        let Some(next) = page.next else { return Ok(sum) };
        after = next;
    }
}

impl Rows {
    /// The same rows for a store with this many shards.
    fn for_shards(self, shards: u16) -> Result<Self, CopyError> {
        let Self::Watermarks(marks) = self else { return Ok(self) };
        let spread = |(incarnation, positions): (Incarnation, Vec<Position>)| {
            Ok((incarnation, spread(&positions, shards).ok_or(CopyError::Uneven(incarnation))?))
        };
        Ok(Self::Watermarks(marks.into_iter().map(spread).collect::<Result<_, _>>()?))
    }

    fn sum(&self) -> Sum {
        let mut sum = Sum::default();
        match self {
            Self::Ids { link, import, revision } => {
                sum.row([link.0, import.0, revision.0].into_iter().fold(0, u64::saturating_add), self, &[]);
            }
            Self::Links(rows) => rows.iter().for_each(|row| sum.row(0, row, &[])),
            Self::Imports(rows) => rows.iter().for_each(|row| {
                sum.row(row.summary.about.numbers, row, row.body.as_bytes());
            }),
            Self::Records(rows) => rows.iter().for_each(|row| sum.row(0, row, &[])),
            Self::Misses(rows) => rows.iter().for_each(|row| sum.row(row.3, row, &[])),
            Self::Salts(rows) => rows.iter().for_each(|(day, salt)| sum.row(0, day, &salt.0)),
            Self::Counters(rows) => rows.iter().for_each(|row| {
                let mut visitors = Vec::new();
                row.visitors.write_to(&mut visitors);
                sum.row(row.counters.hits(), &(row.link, row.day, &row.counters), &visitors);
            }),
            Self::Archived(rows) => rows.iter().for_each(|row| sum.row(row.1.0, row, &[])),
            Self::Watermarks(rows) => rows.iter().for_each(|row| {
                sum.row(row.1.iter().map(|position| position.0).min().unwrap_or(0), row, &[]);
            }),
        }
        sum
    }
}

impl Sum {
    /// The debug form of a row names all that is in it; both sides are read by this very program. `bytes` are what it
    /// leaves out.
    fn row(&mut self, count: u64, row: &impl std::fmt::Debug, bytes: &[u8]) {
        let mut hasher = blake3::Hasher::new();
        hasher.update(format!("{row:?}").as_bytes()).update(bytes);
        let mut half = [0; 16];
        hasher.finalize_xof().fill(&mut half);
        self.rows += 1;
        self.total = self.total.saturating_add(count);
        self.digest = self.digest.wrapping_add(u128::from_le_bytes(half));
    }

    fn add(&mut self, other: Self) {
        self.rows += other.rows;
        self.total = self.total.saturating_add(other.total);
        self.digest = self.digest.wrapping_add(other.digest);
    }
}

/// The positions of `shards` shards, of which each counts what the same links counted before; `None` when the old
/// shards that one of them takes over stand at different positions.
fn spread(positions: &[Position], shards: u16) -> Option<Vec<Position>> {
    let (before, after) = (positions.len(), usize::from(shards));
    // A link is in the shard of its id modulo their number, so two shards share links where they agree modulo this.
    let common = greatest_common_divisor(before, after);
    let of_shard = |shard: usize| {
        let mut sources = positions.iter().skip(shard % common).step_by(common);
        let first = sources.next()?;
        sources.all(|position| position == first).then_some(*first)
    };
    (0..after).map(of_shard).collect()
}

fn greatest_common_divisor(a: usize, b: usize) -> usize {
    if b == 0 { a.max(1) } else { greatest_common_divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spread_numbers(positions: &[u64], shards: u16) -> Option<Vec<u64>> {
        let positions: Vec<Position> = positions.iter().map(|position| Position(*position)).collect();
        Some(spread(&positions, shards)?.into_iter().map(|position| position.0).collect())
    }

    #[test]
    fn positions_follow_their_links_into_more_or_fewer_shards() {
        assert_eq!(spread_numbers(&[7], 3), Some(vec![7, 7, 7]));
        assert_eq!(spread_numbers(&[7, 7, 7], 1), Some(vec![7]));
        assert_eq!(spread_numbers(&[1, 2], 4), Some(vec![1, 2, 1, 2]));
        assert_eq!(spread_numbers(&[1, 2, 1, 2], 2), Some(vec![1, 2]));
        assert_eq!(spread_numbers(&[5, 6, 7], 3), Some(vec![5, 6, 7]));
    }

    #[test]
    fn positions_that_cannot_be_said_with_fewer_shards_are_refused() {
        assert_eq!(spread_numbers(&[1, 2], 1), None);
        assert_eq!(spread_numbers(&[1, 2, 3, 2], 2), None);
        assert_eq!(spread_numbers(&[1, 1, 2], 2), None);
    }

    #[test]
    fn a_bookmark_comes_back_and_one_that_nobody_knows_is_the_beginning() {
        let bookmark = Bookmark { part: 6, after: "2026-11-21 3 7".to_owned() };
        assert_eq!(Bookmark::parse(&bookmark.to_string()), bookmark);
        assert_eq!(Bookmark::parse("likes 7"), Bookmark::default());
        assert_eq!(Bookmark::parse(""), Bookmark::default());
    }

    #[test]
    fn a_sum_is_that_of_the_rows_in_any_order_and_notices_any_change() {
        let row = |slug: &str, count| (Date::MIN, "unknown".to_owned(), slug.to_owned(), count);
        let sum = |rows: &[_]| Rows::Misses(rows.to_vec()).sum();
        let both = sum(&[row("a", 1), row("b", 2)]);
        assert_eq!(both, sum(&[row("b", 2), row("a", 1)]));
        assert_eq!((both.rows, both.total), (2, 3));
        assert_ne!(both, sum(&[row("a", 2), row("b", 1)]));
        let salts = |byte| Rows::Salts(vec![(Date::MIN, Salt([byte; 32]))]).sum();
        assert_ne!(salts(1), salts(2));
    }
}
