//! One import: a file is parsed, its links are looked up, and it is stored as it was read, all of it or nothing.
//!
//! It must never store a number whose link is not known, nor two numbers for one thing of one file.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use async_trait::async_trait;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use crate::domain::import::{About, Digest, Import, ImportId, ImportSummary, Imported};
use crate::domain::link::LinkId;
use crate::domain::permalink;
use crate::impressions::body::{Content, pack};
use crate::impressions::book::{Book, Number, PostId, Volume};
use crate::impressions::child::{ParseError, Parser};
use crate::impressions::csv::{FILE_BYTES_MAX, LISTED_MAX, Listed, ParsedFile, RowError, Skipped};
use crate::impressions::generic;
use crate::impressions::library::{IMPORTS_MAX, Library, NUMBERS_MAX};
use crate::impressions::reading::{Grain, LINK_CELL, LINK_ID, PlatformFile, PlatformPost, Reading};
use crate::impressions::wire::ImportReport;
use crate::store::{Store, StoreError};

/// The longest file name that is kept, in characters.
const FILE_NAME_CHARS_MAX: usize = 200;
/// How far the clock of whoever exported may be ahead of ours.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(10);
/// How many links are read from the store at a time, and how many in all.
const LINKS_PAGE: usize = 1000;
const LINKS_MAX: usize = 2_000_000;
/// The id of an import that is only tried.
const TRIED: ImportId = ImportId(u64::MAX);

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
    /// What the file says is impossible, in words.
    #[error("{0}")]
    Wrong(String),
    #[error("there are {IMPORTS_MAX} imports or {NUMBERS_MAX} numbers already; undo some that are no longer needed")]
    Full,
    #[error(transparent)]
    Parse(#[from] ParseError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The one path by which imports come and go.
pub(crate) struct Imports {
    parser: Parser,
    store: Arc<dyn Store>,
    library: Library,
}

impl Imports {
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        Self { parser: Parser::new(), store, library: Library::default() }
    }

    /// Everything that is imported, as it stands.
    ///
    /// # Errors
    /// When the store fails, or holds an import that cannot be read.
    pub(crate) async fn book(&self) -> Result<Arc<Book>, StoreError> {
        self.library.book(&*self.store).await
    }

    /// By id.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn list(&self) -> Result<Vec<ImportSummary>, StoreError> {
        self.store.imports().await
    }

    /// Removes an import; what it had replaced is in force again. `false` when there is none.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn undo(&self, id: ImportId) -> Result<bool, StoreError> {
        self.store.undo_import(id).await
    }

    /// Parses, resolves and stores one file.
    ///
    /// # Errors
    /// When the file or a row of it is wrong, or the parser or the store fails; nothing is stored then.
    pub(crate) async fn import(
        &self,
        names: &dyn LinkNames,
        upload: &Upload,
        now: Timestamp,
    ) -> Result<ImportReport, ImportError> {
        if upload.bytes.len() > FILE_BYTES_MAX {
            return Err(ImportError::TooLarge);
        }
        if upload.as_of.is_some_and(|as_of| as_of > now.saturating_add(CLOCK_SKEW).unwrap_or(Timestamp::MAX)) {
            return Err(ImportError::AsOf(upload.as_of.unwrap_or(now)));
        }
        let file = self.parser.parse(&upload.bytes).await?;
        self.import_parsed(file, names, upload, now).await
    }

    async fn import_parsed(
        &self,
        file: ParsedFile,
        names: &dyn LinkNames,
        upload: &Upload,
        now: Timestamp,
    ) -> Result<ImportReport, ImportError> {
        if !file.errors.is_empty() {
            return Err(ImportError::Rows(file.errors));
        }
        let mut files = vec![generic::platform_file(file.rows)];
        resolve(&mut files, names).await?;
        let import = new_import(upload, files, now);
        check(&import.content, import.about.as_of)?;
        let mut report = summary(&import.content, &import.about, file.skipped);
        report.dry_run = upload.dry_run;
        self.store_and_tell(import, &mut report).await?;
        Ok(report)
    }

    async fn store_and_tell(&self, new: NewImport, report: &mut ImportReport) -> Result<(), ImportError> {
        let known = self.store.imports().await?;
        let numbers = known.iter().fold(new.about.numbers, |sum, import| sum.saturating_add(import.about.numbers));
        if known.len() >= IMPORTS_MAX || numbers > NUMBERS_MAX {
            return Err(ImportError::Full);
        }
        let id = if report.dry_run { TRIED } else { self.put(&new, report).await? };
        let summary = ImportSummary { id, about: new.about };
        let volume = Volume { summary, content: Arc::new(new.content) };
        let book = self.library.book_with(&*self.store, volume).await?;
        tell_effect(&book, id, report);
        tell_matches(&book, id, &*self.store, report).await?;
        Ok(())
    }

    async fn put(&self, new: &NewImport, report: &mut ImportReport) -> Result<ImportId, ImportError> {
        let body = pack(&new.content).ok_or(ImportError::TooLarge)?;
        let import = Import { digest: new.digest, about: new.about.clone(), body };
        let (id, same) = match self.store.put_import(&import).await? {
            Imported::New(id) => (id, false),
            Imported::Same(id) => (id, true),
        };
        (report.import, report.same) = (Some(id.0), same);
        Ok(id)
    }
}

/// An import before it is packed.
struct NewImport {
    digest: Digest,
    about: About,
    content: Content,
}

fn new_import(upload: &Upload, files: Vec<PlatformFile>, now: Timestamp) -> NewImport {
    let file = blake3::hash(&upload.bytes);
    let options: Vec<_> = upload.as_of.map(|as_of| ("as_of".to_owned(), as_of.to_string())).into_iter().collect();
    let mut digest = blake3::Hasher::new();
    digest.update(file.as_bytes());
    for part in options.iter().flat_map(|(name, value)| [name, value]) {
        digest.update(&(part.len() as u64).to_le_bytes()).update(part.as_bytes());
    }
    let days = || files.iter().flat_map(days_of);
    let about = About {
        file: Digest(*file.as_bytes()),
        file_name: clean_name(&upload.file_name),
        dialects: files.iter().map(|file| file.dialect.clone()).collect(),
        as_of: upload.as_of.unwrap_or(now),
        imported_at: now,
        posts: files.iter().map(|file| file.posts.len() as u64).sum(),
        numbers: files.iter().map(|file| file.readings.len() as u64).sum(),
        first: days().map(|(first, _)| first).min(),
        last: days().map(|(_, last)| last).max(),
    };
    NewImport { digest: Digest(*digest.finalize().as_bytes()), about, content: Content { files, options } }
}

/// Every span of days that a file speaks of.
fn days_of(file: &PlatformFile) -> impl Iterator<Item = (Date, Date)> {
    let of_reading = |reading: &Reading| match reading.grain {
        Grain::Lifetime => None,
        Grain::Day(day) => Some((day, day)),
        Grain::Period(first, last) => Some((first, last)),
    };
    file.period.into_iter().chain(file.readings.iter().filter_map(of_reading))
}

/// Puts the ids of links in the place of their names, looking up each name once.
async fn resolve(files: &mut [PlatformFile], names: &dyn LinkNames) -> Result<(), ImportError> {
    let mut known: HashMap<String, Option<LinkId>> = HashMap::new();
    for name in files.iter_mut().flat_map(|file| &mut file.posts).flat_map(|post| &mut post.names) {
        let Some(cell) = name.strip_prefix(LINK_CELL) else { continue };
        if !known.contains_key(cell) {
            known.insert(cell.to_owned(), names.link_named(cell).await?);
        }
        let shown = || cell.chars().take(200).collect::<String>();
        let unknown = || ImportError::Wrong(format!("there is no link {:?}, so nothing was imported", shown()));
        *name = format!("{LINK_ID}{}", known.get(cell).copied().flatten().ok_or_else(unknown)?);
    }
    Ok(())
}

/// What no file may say, whatever its dialect. Pure.
fn check(content: &Content, as_of: Timestamp) -> Result<(), ImportError> {
    let last_day = last_day(as_of);
    for file in &content.files {
        if let Some((_, day)) = days_of(file).find(|(_, last)| *last > last_day) {
            return Err(ImportError::Wrong(format!("the file has numbers of {day}, which is in the future")));
        }
        if let Some(post) = file.posts.iter().find(|post| is_nameless(post)) {
            let shown: String = post.text.chars().take(80).collect();
            return Err(ImportError::Wrong(format!(
                "a post ({shown:?}) has neither an id nor a permalink of at most 512 bytes"
            )));
        }
    }
    contradiction(content).map_or(Ok(()), |why| Err(ImportError::Wrong(why)))
}

fn is_nameless(post: &PlatformPost) -> bool {
    permalink::names(&post.platform, post.names.iter().map(String::as_str)).is_empty()
}

/// The last day that numbers of this instant can speak of: somewhere it may be tomorrow already.
fn last_day(as_of: Timestamp) -> Date {
    let today = as_of.to_zoned(jiff::tz::TimeZone::UTC).date();
    today.tomorrow().unwrap_or(today)
}

/// Two numbers of one file for one thing, however it is spelt there.
fn contradiction(content: &Content) -> Option<String> {
    content.files.iter().find_map(|file| {
        let name = |post: &PlatformPost| {
            let names = post.names.iter().map(String::as_str);
            permalink::names(&post.platform, names).into_iter().next().unwrap_or_default()
        };
        let names: Vec<String> = file.posts.iter().map(name).collect();
        let mut seen = HashMap::new();
        file.readings.iter().find_map(|reading| {
            let name = names.get(reading.post as usize)?;
            let thing = (name, reading.slice, reading.metric, reading.grain);
            let before = *seen.entry(thing).or_insert(reading.value);
            (before != reading.value).then(|| {
                let (metric, value) = (reading.metric.as_str(), reading.value);
                format!(
                    "the file has two numbers for {metric} of {name} ({}): {before} and {value}",
                    words(reading.grain)
                )
            })
        })
    })
}

/// A grain for people.
pub(crate) fn words(grain: Grain) -> String {
    match grain {
        Grain::Lifetime => "lifetime".to_owned(),
        Grain::Day(day) => day.to_string(),
        Grain::Period(first, last) => format!("{first} to {last}"),
    }
}

fn summary(content: &Content, about: &About, skipped: Listed<Skipped>) -> ImportReport {
    let mut sum: BTreeMap<String, u64> = BTreeMap::new();
    for reading in content.files.iter().flat_map(|file| &file.readings) {
        let metric = sum.entry(reading.metric.as_str().to_owned()).or_insert(0);
        *metric = metric.saturating_add(reading.value);
    }
    ImportReport {
        rows: about.numbers,
        sum,
        first: about.first,
        last: about.last,
        skipped: skipped.first,
        skipped_count: skipped.count,
        ..ImportReport::default()
    }
}

/// How many of an import's numbers are new, replace others, or are older than what is known. Pure.
fn tell_effect(book: &Book, id: ImportId, report: &mut ImportReport) {
    let is_new = |number: &Number| book.import(number) == id;
    for number in book.in_force().iter().filter(|number| is_new(number)) {
        match book.before(number).iter().any(|before| !is_new(before)) {
            true => report.replaced += 1,
            false => report.added += 1,
        }
    }
    report.kept = report.rows.saturating_sub(report.added + report.replaced);
}

/// Tells the posts that a link stands in from those that nobody's clicks will be divided by.
async fn tell_matches(
    book: &Book,
    id: ImportId,
    store: &dyn Store,
    report: &mut ImportReport,
) -> Result<(), StoreError> {
    let mut unmatched: BTreeSet<PostId> =
        book.posts().filter(|(_, post)| post.imports.contains(&id)).map(|(id, _)| id).collect();
    unmatched.retain(|post| !book.post(*post).key().starts_with(LINK_ID));
    remove_posts_of_links(&mut unmatched, book, store).await?;
    let numbers = book.in_force().iter().filter(|number| book.import(number) == id);
    report.matched = numbers.filter(|number| !unmatched.contains(&number.post)).count() as u64;
    report.unmatched_count = unmatched.len() as u64;
    report.unmatched = unmatched.iter().take(LISTED_MAX).map(|post| book.post(*post).key().to_owned()).collect();
    Ok(())
}

async fn remove_posts_of_links(posts: &mut BTreeSet<PostId>, book: &Book, store: &dyn Store) -> Result<(), StoreError> {
    let mut after = LinkId(0);
    for _ in 0..LINKS_MAX.div_ceil(LINKS_PAGE) {
        if posts.is_empty() {
            return Ok(());
        }
        let page = store.links(after, LINKS_PAGE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = last.id;
        for link in &page {
            for id in book.posts_of(&link.spec.placement) {
                posts.remove(&id);
            }
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
