//! One import: a parsed file becomes stored impressions, all of its rows or none.
//!
//! It must never store a row whose link is not known, nor two numbers for one subject, day and kind of one file.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use async_trait::async_trait;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use crate::domain::impression::{Import, Imported, Impression, Kind, Subject};
use crate::domain::link::LinkId;
use crate::domain::permalink;
use crate::domain::placement::PostRef;
use crate::impressions::child::{ParseError, Parser};
use crate::impressions::csv::{
    Cell, Count, FILE_BYTES_MAX, LISTED_MAX, Listed, ParsedFile, ParsedRow, RowError, Skipped,
};
use crate::impressions::wire::ImportReport;
use crate::store::{Store, StoreError};

/// The longest file name that is kept, in characters.
const FILE_NAME_CHARS_MAX: usize = 200;
/// How far the clock of whoever exported may be ahead of ours.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(10);
/// How many links are read from the store at a time, and how many in all.
const LINKS_PAGE: usize = 1000;
const LINKS_MAX: usize = 2_000_000;

/// Knows links by the names that people write into files. The links catalog is one.
#[async_trait]
pub(crate) trait LinkNames: Send + Sync {
    /// The link that a slug, `domain/slug` or a short URL means; `None` when there is none.
    async fn link_named(&self, name: &str) -> Result<Option<LinkId>, StoreError>;
}

/// What somebody sent in.
#[derive(Clone, Debug)]
pub(crate) struct Upload {
    pub(crate) bytes: Vec<u8>,
    pub(crate) file_name: String,
    /// Until when the numbers hold; now, unless said.
    pub(crate) as_of: Option<Timestamp>,
    /// Tells what would happen, and changes nothing.
    pub(crate) dry_run: bool,
}

/// Why nothing was imported.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ImportError {
    #[error("the file is larger than {} MB", FILE_BYTES_MAX / 1_000_000)]
    TooLarge,
    /// Whose `field` is `as_of`.
    #[error("as_of {0} is in the future")]
    AsOf(Timestamp),
    #[error("{} of the file's rows cannot be imported, so none was", .0.count)]
    Rows(Listed<RowError>),
    #[error(transparent)]
    Parse(#[from] ParseError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Parses, resolves and stores one file.
///
/// # Errors
/// When the file or a row of it is wrong, or the parser or the store fails; nothing is stored then.
pub(crate) async fn import(
    parser: &Parser,
    store: &dyn Store,
    names: &dyn LinkNames,
    upload: &Upload,
    now: Timestamp,
) -> Result<ImportReport, ImportError> {
    if upload.bytes.len() > FILE_BYTES_MAX {
        return Err(ImportError::TooLarge);
    }
    let as_of = upload.as_of.unwrap_or(now);
    if as_of > now.saturating_add(CLOCK_SKEW).unwrap_or(Timestamp::MAX) {
        return Err(ImportError::AsOf(as_of));
    }
    let file = parser.parse(&upload.bytes).await?;
    import_parsed(file, store, names, upload, as_of, now).await
}

async fn import_parsed(
    file: ParsedFile,
    store: &dyn Store,
    names: &dyn LinkNames,
    upload: &Upload,
    as_of: Timestamp,
    now: Timestamp,
) -> Result<ImportReport, ImportError> {
    if !file.errors.is_empty() {
        return Err(ImportError::Rows(file.errors));
    }
    let links = resolve(&file.rows, names).await?;
    let rows = impressions(&file.rows, &links, as_of).map_err(ImportError::Rows)?;
    let mut report = summary(&rows, file.skipped);
    match_posts(&rows, store, &mut report).await?;
    report.dry_run = upload.dry_run;
    let file_name = clean_name(&upload.file_name);
    let digest = *blake3::hash(&upload.bytes).as_bytes();
    let import = Import { digest, file_name, as_of, imported_at: now, rows };
    if upload.dry_run {
        foresee(&import, store, &mut report).await?
    } else {
        put(&import, store, &mut report).await?
    }
    Ok(report)
}

/// Looks up each name once.
async fn resolve(rows: &[ParsedRow], names: &dyn LinkNames) -> Result<HashMap<String, Option<LinkId>>, StoreError> {
    let mut links = HashMap::new();
    for row in rows {
        if let Cell::Link(name) = &row.subject
            && !links.contains_key(name)
        {
            links.insert(name.clone(), names.link_named(name).await?);
        }
    }
    Ok(links)
}

/// The rows as impressions, or every reason why they cannot be. Pure.
fn impressions(
    rows: &[ParsedRow],
    links: &HashMap<String, Option<LinkId>>,
    as_of: Timestamp,
) -> Result<Vec<Impression>, Listed<RowError>> {
    let last_day = last_day(as_of);
    let mut errors = Listed::default();
    let mut seen: HashMap<(Subject, Date, Kind), u64> = HashMap::new();
    let mut found = Vec::with_capacity(rows.len());
    for row in rows {
        let subject = match subject(row, links).and_then(|subject| check_day(row, last_day).map(|()| subject)) {
            Ok(subject) => subject,
            Err(message) => {
                errors.push(RowError { row: row.row, message });
                continue;
            }
        };
        for Count { kind, count } in row.counts.iter().copied() {
            if let Some(before) = seen.insert((subject.clone(), row.day, kind), row.row) {
                errors.push(RowError { row: row.row, message: duplicate(row, kind, before) });
            }
            found.push(Impression { subject: subject.clone(), day: row.day, kind, count });
        }
    }
    if errors.is_empty() { Ok(found) } else { Err(errors) }
}

fn subject(row: &ParsedRow, links: &HashMap<String, Option<LinkId>>) -> Result<Subject, String> {
    match &row.subject {
        Cell::Link(name) => {
            let link = links.get(name).copied().flatten();
            let shown: String = name.chars().take(200).collect();
            link.map(Subject::Link).ok_or_else(|| format!("there is no link {shown:?}"))
        }
        Cell::Post(text) => PostRef::parse(text)
            .map(|post| Subject::Post(permalink::canonical(&post)))
            .map_err(|error| error.to_string()),
    }
}

/// The last day that numbers of this instant can speak of: somewhere it may be tomorrow already.
fn last_day(as_of: Timestamp) -> Date {
    let today = as_of.to_zoned(jiff::tz::TimeZone::UTC).date();
    today.tomorrow().unwrap_or(today)
}

fn check_day(row: &ParsedRow, last_day: Date) -> Result<(), String> {
    if row.day > last_day {
        return Err(format!("date {} is in the future", row.day));
    }
    Ok(())
}

fn duplicate(row: &ParsedRow, kind: Kind, before: u64) -> String {
    let (Cell::Link(name) | Cell::Post(name)) = &row.subject;
    let shown: String = name.chars().take(200).collect();
    format!("{} of {shown:?} on {} is in row {before} already", kind.as_str(), row.day)
}

fn summary(rows: &[Impression], skipped: Listed<Skipped>) -> ImportReport {
    let mut sum: BTreeMap<String, u64> = BTreeMap::new();
    for row in rows {
        let kind = sum.entry(row.kind.as_str().to_owned()).or_insert(0);
        *kind = kind.saturating_add(row.count);
    }
    ImportReport {
        rows: rows.len() as u64,
        sum,
        first: rows.iter().map(|row| row.day).min(),
        last: rows.iter().map(|row| row.day).max(),
        skipped: skipped.first,
        skipped_count: skipped.count,
        ..ImportReport::default()
    }
}

/// Tells the posts that a link stands in from those that nobody's clicks will be divided by.
async fn match_posts(rows: &[Impression], store: &dyn Store, report: &mut ImportReport) -> Result<(), StoreError> {
    let post_of = |row: &Impression| match &row.subject {
        Subject::Post(post) => Some(post.clone()),
        Subject::Link(_) => None,
    };
    let mut unmatched: BTreeSet<PostRef> = rows.iter().filter_map(post_of).collect();
    remove_posts_of_links(&mut unmatched, store).await?;
    let is_matched = |row: &&Impression| match &row.subject {
        Subject::Post(post) => !unmatched.contains(post),
        Subject::Link(_) => true,
    };
    report.matched = rows.iter().filter(is_matched).count() as u64;
    report.unmatched_count = unmatched.len() as u64;
    report.unmatched = unmatched.iter().take(LISTED_MAX).map(|post| post.as_str().to_owned()).collect();
    Ok(())
}

async fn remove_posts_of_links(posts: &mut BTreeSet<PostRef>, store: &dyn Store) -> Result<(), StoreError> {
    let mut after = LinkId(0);
    for _ in 0..LINKS_MAX.div_ceil(LINKS_PAGE) {
        if posts.is_empty() {
            return Ok(());
        }
        let page = store.links(after, LINKS_PAGE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = last.id;
        for post in page.iter().flat_map(|link| &link.spec.placement.posts) {
            posts.remove(&permalink::canonical(post));
        }
    }
    Ok(())
}

async fn put(import: &Import, store: &dyn Store, report: &mut ImportReport) -> Result<(), StoreError> {
    match store.put_import(import).await? {
        Imported::New { id, added, replaced, kept } => {
            report.import = Some(id.0);
            (report.added, report.replaced, report.kept) = (added, replaced, kept);
        }
        Imported::Same { id } => {
            report.import = Some(id.0);
            report.same = true;
        }
    }
    Ok(())
}

/// What [`put`] would answer, for a file that was not imported before.
async fn foresee(import: &Import, store: &dyn Store, report: &mut ImportReport) -> Result<(), StoreError> {
    let (Some(first), Some(last)) = (report.first, report.last) else { return Ok(()) };
    let stored = store.impressions(first, last).await?;
    let key = |row: &Impression| (row.subject.clone(), row.day, row.kind);
    let known: HashMap<_, _> = stored.iter().map(|stored| (key(&stored.impression), stored.as_of)).collect();
    for row in &import.rows {
        match known.get(&key(row)) {
            None => report.added += 1,
            Some(as_of) if *as_of > import.as_of => report.kept += 1,
            Some(_) => report.replaced += 1,
        }
    }
    Ok(())
}

/// The last part of a path, without control characters.
fn clean_name(name: &str) -> String {
    let name = name.rsplit(['/', '\\']).next().unwrap_or("");
    let name: String = name.chars().filter(|c| !c.is_control()).take(FILE_NAME_CHARS_MAX).collect();
    if name.trim().is_empty() { "import.csv".to_owned() } else { name }
}

#[cfg(test)]
#[path = "import_tests.rs"]
mod tests;
