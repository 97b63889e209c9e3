//! The desk: where links, imports and decisions meet. It reads what matching needs and keeps what people decide.
//!
//! It must never match by itself: `matching` does, and is pure.

use std::sync::{Arc, Weak};

use jiff::Timestamp;
use tokio::sync::Mutex;

use crate::domain::link::{Link, LinkId};
use crate::domain::permalink;
use crate::domain::placement::Platform;
use crate::domain::record::{Expected, RecordKind, Saved};
use crate::impressions::book::Book;
use crate::impressions::matching::decision::{self, Decision, Says};
use crate::impressions::matching::{Candidate, Hosts, Matches};
use crate::store::{Heard, Store, StoreError};

/// How many links or decisions are read from the store at a time.
const PAGE: usize = 1000;
/// The most links that are matched.
const LINKS_MAX: usize = 2_000_000;
/// The most links that stay in memory for the next question: about 100 MB.
const LINKS_KEPT_MAX: usize = 100_000;
/// Tries until nobody else decides the same at the same time.
const TRIES: usize = 8;

/// The book, and which links stand in its posts.
#[derive(Clone, Debug)]
pub(crate) struct Matched {
    pub(crate) book: Arc<Book>,
    pub(crate) matches: Arc<Matches>,
    /// By id.
    pub(crate) links: Arc<Vec<Candidate>>,
}

/// Why nothing was decided.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DecideError {
    #[error("there is no link {0}")]
    NoLink(LinkId),
    /// Whose `field` is `post`.
    #[error("{0:?} names no post: give its permalink or its id, of at most 512 bytes")]
    NoName(String),
    #[error(
        "no imported post is called {0:?}, so there is nothing to judge; `make` connects a post that is still to come"
    )]
    NoPost(String),
    #[error("nothing was decided about link {0} and {1:?}")]
    NoDecision(LinkId, String),
    #[error("there are as many decisions as are kept; take some back")]
    Full,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// One for a process: matches once for every book, list of links and list of decisions.
#[derive(Default)]
pub(super) struct Desk {
    kept: Mutex<Option<Kept>>,
}

/// What was matched last, and what it was made of.
struct Kept {
    heard: Heard,
    decisions: Vec<Decision>,
    /// Not kept from being forgotten: it may have millions of numbers.
    book: Weak<Book>,
    matches: Arc<Matches>,
    links: Arc<Vec<Candidate>>,
}

impl Kept {
    /// As long as nothing that it was made of has changed.
    fn of(&self, heard: &Heard, decisions: &[Decision], book: &Arc<Book>) -> Option<Matched> {
        let is_current = self.heard == *heard && self.decisions == decisions && self.book.as_ptr() == Arc::as_ptr(book);
        is_current.then(|| Matched { book: book.clone(), matches: self.matches.clone(), links: self.links.clone() })
    }
}

impl Desk {
    /// Matches `book` with the links and decisions of now.
    ///
    /// # Errors
    /// When the store fails.
    pub(super) async fn matched(
        &self,
        store: &dyn Store,
        hosts: &Hosts,
        book: Arc<Book>,
    ) -> Result<Matched, StoreError> {
        let heard = store.heard().await?;
        let decisions = decisions(store).await?;
        let mut kept = self.kept.lock().await;
        if let Some(matched) = kept.as_ref().and_then(|kept| kept.of(&heard, &decisions, &book)) {
            return Ok(matched);
        }
        // Not two of them at once.
        *kept = None;
        let links = Arc::new(candidates(store, hosts).await?);
        let (of, hosts) = ((book.clone(), links.clone()), hosts.clone());
        let matches = move || (Arc::new(Matches::new(&of.0, &of.1, &hosts, &decisions)), decisions);
        let (matches, decisions) = super::library::apart(matches).await?;
        if links.len() <= LINKS_KEPT_MAX {
            let (matches, links) = (matches.clone(), links.clone());
            *kept = Some(Kept { heard, decisions, book: Arc::downgrade(&book), matches, links });
        }
        Ok(Matched { book, matches, links })
    }
}

/// Every link, by id.
async fn candidates(store: &dyn Store, hosts: &Hosts) -> Result<Vec<Candidate>, StoreError> {
    let (mut all, mut after) = (Vec::new(), LinkId(0));
    while all.len() < LINKS_MAX {
        let page = store.links(after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.id;
        all.extend(page.iter().map(|link| Candidate::of(link, hosts)));
    }
    Ok(all)
}

/// Every decision, by link. A record that is none is left out and named in the log.
pub(super) async fn decisions(store: &dyn Store) -> Result<Vec<Decision>, StoreError> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = store.records(RecordKind::Match, after.as_ref(), PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.key.clone());
        for record in &page {
            match Decision::read(record) {
                Some(decision) => all.push(decision),
                None => tracing::error!(key = record.key.as_str(), "a decision about a match cannot be read"),
            }
        }
    }
    all.sort_by_key(|decision| decision.link);
    Ok(all)
}

/// The one name of a post by which a decision is kept, by any that it has; of a post that was not imported its own.
pub(super) fn name_of(post: &str, link: &Link, book: &Book) -> Result<String, DecideError> {
    let platform = link.spec.placement.platform.as_ref().map_or("", Platform::as_str);
    let own = permalink::name(platform, post).ok_or_else(|| DecideError::NoName(post.chars().take(80).collect()))?;
    let known = book.find(&own).or_else(|| book.find_meant(post));
    Ok(known.map_or(own, |id| book.post(id).key().to_owned()))
}

/// Keeps a decision, in the place of an earlier one.
pub(super) async fn decide(
    store: &dyn Store,
    link: LinkId,
    post: String,
    says: Says,
    now: Timestamp,
) -> Result<Decision, DecideError> {
    let decision = Decision { link, post, says, at: now };
    let unnamed = || DecideError::NoName(decision.post.chars().take(80).collect());
    let key = decision::key(link, &decision.post).ok_or_else(unnamed)?;
    let value = decision.value().ok_or_else(unnamed)?;
    for _ in 0..TRIES {
        let known = store.record(RecordKind::Match, &key).await?;
        let expected = known.map_or(Expected::Absent, |record| Expected::At(record.revision));
        match store.put_record(RecordKind::Match, &key, expected, &value).await? {
            Saved::Yes(_) => return Ok(decision),
            Saved::Full => return Err(DecideError::Full),
            Saved::Changed => {}
        }
    }
    Err(StoreError::Unavailable("others decide the same all the time; decide again".to_owned()).into())
}

/// Takes back what was decided about a link and a post, under whichever of its names.
pub(super) async fn take_back(store: &dyn Store, link: LinkId, post: &str, book: &Book) -> Result<(), DecideError> {
    let known = book.find(post).map_or(Vec::new(), |id| book.post(id).names.clone());
    let mut removed = false;
    for name in known.iter().map(String::as_str).chain([post]) {
        if let Some(key) = decision::key(link, name) {
            removed |= store.remove_record(RecordKind::Match, &key).await?;
        }
    }
    if removed { Ok(()) } else { Err(DecideError::NoDecision(link, post.to_owned())) }
}
