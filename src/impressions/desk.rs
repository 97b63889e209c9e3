//! The desk: where links, imports and decisions meet. It reads what matching needs and keeps what people decide.
//!
//! It must never match by itself: `matching` does, and is pure.

use std::sync::Arc;

use jiff::Timestamp;

use crate::domain::link::{Link, LinkId};
use crate::domain::permalink;
use crate::domain::placement::Platform;
use crate::domain::record::{Expected, RecordKind, Saved};
use crate::impressions::book::Book;
use crate::impressions::matching::decision::{self, Decision, Says};
use crate::impressions::matching::{Candidate, Hosts, Matches};
use crate::store::{Store, StoreError};

/// How many links or decisions are read from the store at a time.
const PAGE: usize = 1000;
/// The most links that are matched.
const LINKS_MAX: usize = 2_000_000;
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

/// Matches `book` with the links and decisions of now.
pub(super) async fn matched(store: &dyn Store, hosts: &Hosts, book: Arc<Book>) -> Result<Matched, StoreError> {
    let links = Arc::new(candidates(store, hosts).await?);
    let decisions = decisions(store).await?;
    let (of, hosts) = ((book.clone(), links.clone()), hosts.clone());
    let matches = super::library::apart(move || Matches::new(&of.0, &of.1, &hosts, &decisions)).await?;
    Ok(Matched { book, matches: Arc::new(matches), links })
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
