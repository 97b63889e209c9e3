//! Imports, from file to undo: a file is parsed, its links are looked up, and it is stored as it was read, all of it or
//! nothing. What it changes is told from the book that it then stands in.
//!
//! It must never store a number whose link is not known, nor two numbers for one thing of one file.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};

use crate::domain::import::{About, Digest, Import, ImportId, ImportSummary, Imported};
use crate::domain::link::LinkId;
use crate::impressions::body::{Content, pack};
use crate::impressions::book::{Book, Volume};
use crate::impressions::child::{ParseError, Parser};
use crate::impressions::csv::{FILE_BYTES_MAX, Listed, RowError};
use crate::impressions::desk::{self, DecideError, Matched};
use crate::impressions::library::{IMPORTS_MAX, Library, NUMBERS_MAX};
use crate::impressions::manual::Manual;
use crate::impressions::matching::Hosts;
use crate::impressions::matching::decision::{Decision, Says};
use crate::impressions::reading::{LINK_CELL, LINK_ID, PlatformFile};
use crate::impressions::wire::ImportReport;
use crate::impressions::{admit, effect, generic};
use crate::store::{Store, StoreError};

/// The longest file name that is kept, in characters.
const FILE_NAME_CHARS_MAX: usize = 200;
/// How far the clock of whoever exported may be ahead of ours.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(10);
/// The id of an import that is only tried.
const TRIED: ImportId = ImportId(u64::MAX);

/// Knows links by the names that people write into files. The links catalog is one.
#[async_trait]
pub(crate) trait LinkNames: Send + Sync {
    /// The link that an id, a slug, `domain/slug` or a short URL means; `None` when there is none.
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
    #[error("{0}, so nothing was imported")]
    Wrong(String),
    #[error("there are {IMPORTS_MAX} imports or {NUMBERS_MAX} numbers already; undo some that are no longer needed")]
    Full,
    #[error(transparent)]
    Parse(#[from] ParseError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The one path by which imports and decisions about matches come and go.
pub(crate) struct Imports {
    parser: Parser,
    store: Arc<dyn Store>,
    names: Arc<dyn LinkNames>,
    hosts: Hosts,
    library: Library,
}

impl Imports {
    /// `hosts` are those that links are or were served on.
    pub(crate) fn new(store: Arc<dyn Store>, names: Arc<dyn LinkNames>, hosts: Hosts) -> Self {
        Self { parser: Parser::new(), store, names, hosts, library: Library::default() }
    }

    /// Everything that is imported, as it stands.
    ///
    /// # Errors
    /// When the store fails, or holds an import that cannot be read.
    pub(crate) async fn book(&self) -> Result<Arc<Book>, StoreError> {
        self.library.book(&*self.store).await
    }

    /// The same, and which links stand in its posts.
    ///
    /// # Errors
    /// Like [`Imports::book`].
    pub(crate) async fn matched(&self) -> Result<Matched, StoreError> {
        desk::matched(&*self.store, &self.hosts, self.book().await?).await
    }

    /// By id.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn list(&self) -> Result<Vec<ImportSummary>, StoreError> {
        self.store.imports().await
    }

    /// What an import says and how it stands now. `None` when there is none.
    ///
    /// # Errors
    /// Like [`Imports::book`].
    pub(crate) async fn show(&self, id: ImportId) -> Result<Option<(ImportSummary, ImportReport)>, StoreError> {
        let Some(Volume { summary, content }) = self.library.volume(&*self.store, id).await? else { return Ok(None) };
        let mut report = effect::of_files(&content.files, &summary.about);
        report.import = Some(id.0);
        report.options.clone_from(&content.options);
        self.tell(self.book().await?, id, &mut report).await?;
        Ok(Some((summary, report)))
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
    pub(crate) async fn import(&self, upload: &Upload, now: Timestamp) -> Result<ImportReport, ImportError> {
        if upload.bytes.len() > FILE_BYTES_MAX {
            return Err(ImportError::TooLarge);
        }
        check_as_of(upload.as_of, now)?;
        let file = self.parser.parse(&upload.bytes).await?;
        if !file.errors.is_empty() {
            return Err(ImportError::Rows(file.errors));
        }
        let (first, count) = (file.skipped.first, file.skipped.count);
        let mut report = self.take_in(upload, vec![generic::platform_file(file.rows)], now).await?;
        (report.skipped, report.skipped_count) = (first, count);
        Ok(report)
    }

    /// Takes numbers that somebody read off a screen.
    ///
    /// # Errors
    /// When they are impossible, or the store fails.
    pub(crate) async fn manual(
        &self,
        entry: &Manual,
        dry_run: bool,
        now: Timestamp,
    ) -> Result<ImportReport, ImportError> {
        check_as_of(entry.as_of, now)?;
        let file = entry.platform_file().map_err(ImportError::Wrong)?;
        // On another day the same number is another reading.
        let day = entry.as_of.unwrap_or(now).strftime("%F").to_string();
        let text =
            format!("{day}\n{}", serde_json::to_string(&file).map_err(|error| ImportError::Wrong(error.to_string()))?);
        let upload = Upload { bytes: text.into_bytes(), file_name: entry.name(), as_of: entry.as_of, dry_run };
        self.take_in(&upload, vec![file], now).await
    }

    async fn take_in(
        &self,
        upload: &Upload,
        mut files: Vec<PlatformFile>,
        now: Timestamp,
    ) -> Result<ImportReport, ImportError> {
        resolve(&mut files, &*self.names).await?;
        let new = NewImport::of(upload, files, now);
        admit::check(&new.content.files, new.about.as_of).map_err(ImportError::Wrong)?;
        let mut report = effect::of_files(&new.content.files, &new.about);
        report.dry_run = upload.dry_run;
        report.options.clone_from(&new.content.options);
        let id = self.put(&new, &mut report).await?;
        let volume = Volume { summary: ImportSummary { id, about: new.about }, content: Arc::new(new.content) };
        let book = self.library.book_with(&*self.store, volume).await?;
        self.tell(Arc::new(book), id, &mut report).await?;
        Ok(report)
    }

    /// Stores an import, or finds out what storing it would answer.
    async fn put(&self, new: &NewImport, report: &mut ImportReport) -> Result<ImportId, ImportError> {
        let known = self.store.imports().await?;
        let same = known.iter().find(|import| import.about.digest == new.about.digest);
        let other = known.iter().rfind(|import| import.about.file == new.about.file);
        report.supersedes = other.filter(|_| same.is_none()).map(|import| import.id.0);
        if let Some(same) = same {
            (report.import, report.same) = (Some(same.id.0), true);
            return Ok(same.id);
        }
        let numbers = known.iter().fold(new.about.numbers, |sum, import| sum.saturating_add(import.about.numbers));
        if known.len() >= IMPORTS_MAX || numbers > NUMBERS_MAX {
            return Err(ImportError::Full);
        }
        let body = pack(&new.content).ok_or(ImportError::TooLarge)?;
        if report.dry_run {
            return Ok(TRIED);
        }
        let (id, same) = match self.store.put_import(&Import { about: new.about.clone(), body }).await? {
            Imported::New(id) => (id, false),
            Imported::Same(id) => (id, true),
        };
        (report.import, report.same) = (Some(id.0), same);
        Ok(id)
    }

    async fn tell(&self, book: Arc<Book>, id: ImportId, report: &mut ImportReport) -> Result<(), StoreError> {
        report.superseded_by = book.superseded_by(id).map(|id| id.0);
        let Matched { book, matches, links } = desk::matched(&*self.store, &self.hosts, book).await?;
        effect::tell_numbers(&book, id, report);
        effect::tell_matches(&book, id, &matches, &links, report);
        Ok(())
    }

    /// Every decision about a match, by link.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn decisions(&self) -> Result<Vec<Decision>, StoreError> {
        desk::decisions(&*self.store).await
    }

    /// Keeps what a person says about a link and a post. `made` connects them although no rule proposes it and the post
    /// may still be to come.
    ///
    /// # Errors
    /// When there is no such link, no such post to judge, or the store fails.
    pub(crate) async fn decide(
        &self,
        link: LinkId,
        post: &str,
        says: Says,
        made: bool,
        now: Timestamp,
    ) -> Result<Decision, DecideError> {
        let link = self.store.link(link).await?.ok_or(DecideError::NoLink(link))?;
        let book = self.book().await?;
        let platform = link.spec.placement.platform.as_ref().map_or("", |platform| platform.as_str());
        let name = desk::name_of(post, platform, &book)?;
        if !made && book.find(&name).is_none() {
            return Err(DecideError::NoPost(name));
        }
        desk::decide(&*self.store, link.id, name, says, now).await
    }

    /// Takes back what was decided: the rules speak again.
    ///
    /// # Errors
    /// When nothing was decided, or the store fails.
    pub(crate) async fn take_back(&self, link: LinkId, post: &str) -> Result<(), DecideError> {
        let book = self.book().await?;
        desk::take_back(&*self.store, link, &desk::name_of(post, "", &book)?, &book).await
    }
}

/// An import before it is packed.
struct NewImport {
    about: About,
    content: Content,
}

impl NewImport {
    fn of(upload: &Upload, files: Vec<PlatformFile>, now: Timestamp) -> Self {
        let options: Vec<_> = upload.as_of.map(|as_of| ("as_of".to_owned(), as_of.to_string())).into_iter().collect();
        let file = blake3::hash(&upload.bytes);
        let days = || files.iter().flat_map(admit::days);
        let about = About {
            digest: digest(&file, &options),
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
        Self { about, content: Content { files, options } }
    }
}

/// Of a file and the options it was read with, each part after its length, so that no two are the same text.
fn digest(file: &blake3::Hash, options: &[(String, String)]) -> Digest {
    let mut digest = blake3::Hasher::new();
    digest.update(file.as_bytes());
    for part in options.iter().flat_map(|(name, value)| [name, value]) {
        digest.update(&(part.len() as u64).to_le_bytes()).update(part.as_bytes());
    }
    Digest(*digest.finalize().as_bytes())
}

fn check_as_of(as_of: Option<Timestamp>, now: Timestamp) -> Result<(), ImportError> {
    let latest = now.saturating_add(CLOCK_SKEW).unwrap_or(Timestamp::MAX);
    as_of.filter(|as_of| *as_of > latest).map_or(Ok(()), |as_of| Err(ImportError::AsOf(as_of)))
}

/// Puts the ids of links in the place of their names, looking up each name once.
async fn resolve(files: &mut [PlatformFile], names: &dyn LinkNames) -> Result<(), ImportError> {
    let mut known: HashMap<String, LinkId> = HashMap::new();
    for name in files.iter_mut().flat_map(|file| &mut file.posts).flat_map(|post| &mut post.names) {
        let Some(cell) = name.strip_prefix(LINK_CELL) else { continue };
        let id = match known.get(cell) {
            Some(id) => *id,
            None => {
                let shown = || cell.chars().take(200).collect::<String>();
                let unknown = || ImportError::Wrong(format!("there is no link {:?}", shown()));
                let id = names.link_named(cell).await?.ok_or_else(unknown)?;
                known.insert(cell.to_owned(), id);
                id
            }
        };
        *name = format!("{LINK_ID}{id}");
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
