//! Imports, from file to undo: a file is parsed, its links are looked up, and it is stored as it was read, all of it or
//! nothing. What it changes is told from the book that it then stands in.
//!
//! It must never store a number whose link is not known, nor two numbers for one thing of one file.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};

use crate::domain::import::{Import, ImportId, ImportSummary, Imported};
use crate::domain::link::LinkId;
use crate::impressions::book::{Book, Volume};
use crate::impressions::child::{ParseError, Parser};
use crate::impressions::columns::Known;
use crate::impressions::container::FILE_BYTES_MAX;
use crate::impressions::desk::{self, DecideError, Desk, Matched};
use crate::impressions::draft::{Draft, Origin};
use crate::impressions::library::{self, IMPORTS_MAX, Library, NUMBERS_MAX};
use crate::impressions::manual::Manual;
use crate::impressions::mapping::Mapping;
use crate::impressions::matching::Hosts;
use crate::impressions::matching::decision::{Decision, Says};
use crate::impressions::options::Options;
use crate::impressions::reading::{Contents, LINK_CELL, LINK_ID, PlatformFile};
use crate::impressions::summary::TableSummary;
use crate::impressions::wire::ImportReport;
use crate::impressions::{columns, effect};
use crate::store::{Store, StoreError};

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

/// Hears of every import that comes or goes.
pub(crate) trait ImportListener: Send + Sync {
    fn done(&self, import: &ImportSummary);
    fn undone(&self, import: &ImportSummary);
}

/// What somebody sent in.
#[derive(Clone, Debug)]
pub(crate) struct Upload {
    pub(crate) bytes: Vec<u8>,
    /// What the file leaves open, and what it is called.
    pub(crate) options: Options,
    /// Until when the numbers hold; as the file says, else now, unless said here.
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
    desk: Desk,
    listener: Option<Arc<dyn ImportListener>>,
}

impl Imports {
    /// `hosts` are those that links are or were served on.
    pub(crate) fn new(store: Arc<dyn Store>, names: Arc<dyn LinkNames>, hosts: Hosts) -> Self {
        let (library, desk) = (Library::default(), Desk::default());
        Self { parser: Parser::new(), store, names, hosts, library, desk, listener: None }
    }

    /// The same, and `listener` hears of what comes and goes.
    pub(crate) fn heard_by(self, listener: Arc<dyn ImportListener>) -> Self {
        Self { listener: Some(listener), ..self }
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
        self.desk.matched(&*self.store, &self.hosts, self.book().await?).await
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
        let known = self.store.imports().await?.into_iter().find(|known| known.id == id);
        let is_undone = self.store.undo_import(id).await?;
        if let (true, Some(known), Some(listener)) = (is_undone, known, &self.listener) {
            listener.undone(&known);
        }
        Ok(is_undone)
    }

    /// Parses, resolves and stores one file.
    ///
    /// # Errors
    /// When the file or a row of it is wrong, or the parser or the store fails; nothing is stored then.
    pub(crate) async fn import(&self, upload: Upload, now: Timestamp) -> Result<ImportReport, ImportError> {
        if upload.bytes.len() > FILE_BYTES_MAX {
            return Err(ImportError::TooLarge);
        }
        check_as_of(upload.as_of, now)?;
        let today = now.to_zoned(jiff::tz::TimeZone::UTC).date();
        let said = upload.as_of.map(|as_of| as_of.to_zoned(jiff::tz::TimeZone::UTC).date());
        let options = Options {
            today: Some(today),
            as_of: said.or(upload.options.as_of),
            known: columns::told(&*self.store).await?,
            ..upload.options.clone()
        };
        let Upload { bytes, options: said, as_of, dry_run } = upload;
        let described = library::apart(move || (Origin::of(&bytes, &said, as_of), bytes, said));
        let (origin, bytes, said) = described.await?;
        // The child gets the bytes, and nobody keeps them.
        let contents = self.parser.read(bytes, &options).await?;
        let report = self.take_contents(origin, contents, dry_run, now).await?;
        if !dry_run {
            columns::keep(&*self.store, &said, now).await?;
        }
        Ok(report)
    }

    async fn take_contents(
        &self,
        origin: Origin,
        contents: Contents,
        dry_run: bool,
        now: Timestamp,
    ) -> Result<ImportReport, ImportError> {
        let tables = contents.tables.iter().map(TableSummary::of).collect();
        let files = contents.tables.into_iter().map(|table| table.file).collect();
        let report = self.take_in(origin, files, dry_run, now).await?;
        Ok(ImportReport { tables, passed_over: contents.passed_over, ..report })
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
        let day = entry.as_of.unwrap_or(now).strftime("%F");
        let options = Options { file_name: entry.name(), ..Options::default() };
        let origin = Origin::of(format!("{day} {entry:?}").as_bytes(), &options, entry.as_of);
        self.take_in(origin, vec![file], dry_run, now).await
    }

    async fn take_in(
        &self,
        origin: Origin,
        mut files: Vec<PlatformFile>,
        dry_run: bool,
        now: Timestamp,
    ) -> Result<ImportReport, ImportError> {
        resolve(&mut files, &*self.names).await?;
        let drafted = library::apart(move || {
            let draft = Draft::new(origin, files, now)?;
            let report = effect::of_files(&draft.content.files, &draft.about);
            Ok::<_, ImportError>((draft, report))
        });
        let (Draft { about, content, body }, mut report) = drafted.await??;
        report.dry_run = dry_run;
        report.options.clone_from(&content.options);
        let id = self.put(Import { about: about.clone(), body }, &mut report).await?;
        let volume = Volume { summary: ImportSummary { id, about }, content };
        let book = match (report.same, dry_run) {
            (true, _) => self.book().await?,
            (false, true) => self.library.book_with(&*self.store, volume).await?,
            (false, false) => self.library.add(&*self.store, volume).await?,
        };
        self.tell(book, id, &mut report).await?;
        Ok(report)
    }

    /// Stores an import, or finds out what storing it would answer.
    async fn put(&self, import: Import, report: &mut ImportReport) -> Result<ImportId, ImportError> {
        let known = self.store.imports().await?;
        let same = known.iter().find(|known| known.about.digest == import.about.digest);
        let other = known.iter().rfind(|known| known.about.file == import.about.file);
        report.supersedes = other.filter(|_| same.is_none()).map(|known| known.id.0);
        if let Some(same) = same {
            (report.import, report.same) = (Some(same.id.0), true);
            return Ok(same.id);
        }
        let numbers = known.iter().fold(import.about.numbers, |sum, known| sum.saturating_add(known.about.numbers));
        if known.len() >= IMPORTS_MAX || numbers > NUMBERS_MAX {
            return Err(ImportError::Full);
        }
        if report.dry_run {
            return Ok(TRIED);
        }
        let about = import.about.clone();
        let (id, same) = match self.store.put_import(&import).await? {
            Imported::New(id) => (id, false),
            Imported::Same(id) => (id, true),
        };
        if let (false, Some(listener)) = (same, &self.listener) {
            listener.done(&ImportSummary { id, about });
        }
        (report.import, report.same) = (Some(id.0), same);
        Ok(id)
    }

    /// What was said about columns that no dialect knows, the newest first.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn known_columns(&self) -> Result<Vec<Known>, StoreError> {
        columns::list(&*self.store).await
    }

    /// Forgets what was said about these columns. `false` when nothing was.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn forget_columns(&self, map: &Mapping) -> Result<bool, StoreError> {
        columns::forget(&*self.store, map).await
    }

    async fn tell(&self, book: Arc<Book>, id: ImportId, report: &mut ImportReport) -> Result<(), StoreError> {
        report.superseded_by = book.superseded_by(id).map(|id| id.0);
        let Matched { book, matches, links } = self.desk.matched(&*self.store, &self.hosts, book).await?;
        let mut told = std::mem::take(report);
        *report = library::apart(move || {
            effect::tell_numbers(&book, id, &mut told);
            effect::tell_matches(&book, id, &matches, &links, &mut told);
            told
        })
        .await?;
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
        let name = desk::name_of(post, &link, &book)?;
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
        let name = match self.store.link(link).await? {
            Some(link) => desk::name_of(post, &link, &book)?,
            // Of a link that is gone, a decision may be left.
            None => post.to_owned(),
        };
        desk::take_back(&*self.store, link, &name, &book).await
    }
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

#[cfg(test)]
#[path = "import_tests.rs"]
mod tests;
