//! What redirects are answered from: links in memory, and what to do when one is not there.
//!
//! A link in memory never waits for anything. A link that is not asks the store once, however many requests want
//! it, with a deadline; an unknown slug is remembered for a short, bounded while. This is the only way in which the
//! redirect plane ever touches the store.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::catalog::LinkListener;
use super::packed::Entry;
use super::table::{DomainIndex, Table};
use super::{Config, Domains};
use crate::domain::link::{DomainName, Link, LinkFacts, LinkId};
use crate::store::{Heard, LinkStore, News, StoreError};

/// The most questions to the store under way at once; requests beyond it are told to come again.
const QUESTIONS_MAX: usize = 256;

/// Links read from the store at a time when the cache is filled.
const FILL_PAGE: usize = 5_000;

/// What a request for a slug met.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Resolved<R> {
    Known(R),
    Unknown,
    /// Not in memory, and the store did not answer in time.
    Unavailable,
}

pub(crate) struct Cache {
    table: Table,
    store: Arc<dyn LinkStore>,
    domains: Arc<Domains>,
    deadline: Duration,
    unknown_for: Duration,
    /// Slugs that the store did not know, until when that is believed.
    unknown: quick_cache::sync::Cache<Key, Instant>,
    questions: Mutex<HashMap<Key, watch::Receiver<Answer>>>,
    /// Grows with every change, so that an answer that was under way meanwhile is not believed.
    changes: AtomicU64,
    /// Every link of the store is in memory, and only this node changes them: what is not here does not exist.
    complete: AtomicBool,
}

type Key = (u16, String);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Waiting,
    Known,
    Unknown,
    Unavailable,
}

impl Cache {
    pub(crate) fn new(store: Arc<dyn LinkStore>, domains: Arc<Domains>, config: &Config) -> Self {
        Self {
            table: Table::new(config.cache_links_max),
            store,
            domains,
            deadline: Duration::from_millis(config.store_deadline_ms),
            unknown_for: Duration::from_secs(config.cache_unknown_s),
            unknown: quick_cache::sync::Cache::new(config.cache_unknown_max.max(1)),
            questions: Mutex::default(),
            changes: AtomicU64::new(0),
            complete: AtomicBool::new(false),
        }
    }

    /// Reads every link of the store into memory. `alone` says that no other node changes links, so that from here
    /// on an absent slug is an unknown slug.
    ///
    /// # Errors
    /// When the store cannot be read; what was read so far stays.
    pub(crate) async fn fill(&self, alone: bool) -> Result<(), StoreError> {
        let mut after = LinkId(0);
        let mut all_fit = true;
        loop {
            let page = self.store.links(after, FILL_PAGE).await?;
            let Some(last) = page.last() else { break };
            after = last.id;
            for link in &page {
                all_fit &= !self.table.put(link, &self.folded(link));
            }
        }
        self.complete.store(alone && all_fit, Ordering::Release);
        Ok(())
    }

    /// Whether other nodes use the same store.
    pub(crate) fn is_shared(&self) -> bool {
        self.store.is_shared()
    }

    /// Waits a moment for changes that any node made.
    pub(super) async fn news(&self, heard: &Heard) -> Result<News, StoreError> {
        self.store.news(heard).await
    }

    /// Makes memory say of this link what the store says.
    pub(super) async fn refresh(&self, id: LinkId) -> Result<(), StoreError> {
        match self.store.link(id).await? {
            Some(link) => self.changed(&link),
            None => self.forget(id),
        }
        Ok(())
    }

    /// The same for every link. Ids are listed in order, so one that is stepped over is gone.
    pub(super) async fn refresh_all(&self) -> Result<(), StoreError> {
        let mut next = 1;
        loop {
            let page = self.store.links(LinkId(next - 1), FILL_PAGE).await?;
            if page.is_empty() {
                break;
            }
            for link in &page {
                (next..link.id.0).for_each(|gone| self.forget(LinkId(gone)));
                self.changed(link);
                next = link.id.0 + 1;
            }
        }
        (next..self.table.ids_end()).for_each(|gone| self.forget(LinkId(gone)));
        self.unknown.clear();
        Ok(())
    }

    fn forget(&self, id: LinkId) {
        self.changes.fetch_add(1, Ordering::AcqRel);
        self.table.remove(id);
    }

    /// The index that lookups on this domain use.
    pub(crate) fn domain(&self, name: &DomainName) -> DomainIndex {
        self.table.domain(&name.0)
    }

    /// The number of links in memory.
    pub(crate) fn len(&self) -> usize {
        self.table.len()
    }

    /// What can be told without asking the store: the link is in memory, or it is known that there is none. `use_it`
    /// must not wait.
    pub(crate) fn cached<R>(
        &self,
        domain: DomainIndex,
        folded: &str,
        use_it: impl FnOnce(Entry<'_>) -> R,
    ) -> Option<Resolved<R>> {
        let known = self.table.with(domain, folded, use_it).map(Resolved::Known);
        known.or_else(|| self.is_known_unknown(domain, folded).then_some(Resolved::Unknown))
    }

    /// Uses the link after making sure it is in memory if it exists.
    pub(crate) async fn resolve<R>(
        self: &Arc<Self>,
        domain: DomainIndex,
        name: &DomainName,
        folded: &str,
        use_it: impl FnOnce(Entry<'_>) -> R,
    ) -> Resolved<R> {
        if self.is_known_unknown(domain, folded) {
            return Resolved::Unknown;
        }
        match self.ask((domain.0, folded.to_owned()), name).await {
            Answer::Known => self.table.with(domain, folded, use_it).map_or(Resolved::Unavailable, Resolved::Known),
            Answer::Unknown => Resolved::Unknown,
            Answer::Waiting | Answer::Unavailable => Resolved::Unavailable,
        }
    }

    /// Grows with every link that is made, changed or removed.
    pub(crate) fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    /// What classification needs of a link, if it is in memory.
    pub(crate) fn cached_facts(&self, id: LinkId) -> Option<LinkFacts> {
        self.table.facts(id)
    }

    /// The same of many links at once; those that are not in memory are left out.
    pub(crate) fn cached_facts_of_all(&self, ids: &[LinkId], take: impl FnMut(LinkFacts)) {
        self.table.facts_of_all(ids, take);
    }

    /// What classification needs of a link that is not in memory.
    ///
    /// # Errors
    /// When the store cannot be asked.
    pub(crate) async fn stored_facts(&self, id: LinkId) -> Result<Option<LinkFacts>, StoreError> {
        if self.complete.load(Ordering::Acquire) {
            return Ok(None);
        }
        Ok(self.store.link(id).await?.map(|link| link.facts()))
    }

    fn folded(&self, link: &Link) -> String {
        link.spec.slug.folded(self.domains.matching(&link.spec.domain))
    }

    fn is_known_unknown(&self, domain: DomainIndex, folded: &str) -> bool {
        let was_asked_for = || self.unknown.get(&(domain.0, folded.to_owned()));
        self.complete.load(Ordering::Acquire) || was_asked_for().is_some_and(|until| Instant::now() < until)
    }

    /// Asks the store, or joins whoever is asking already.
    async fn ask(self: &Arc<Self>, key: Key, name: &DomainName) -> Answer {
        let mut answer = {
            let mut questions = self.questions();
            match questions.get(&key) {
                Some(answer) => answer.clone(),
                None if questions.len() >= QUESTIONS_MAX => return Answer::Unavailable,
                None => {
                    let (sender, answer) = watch::channel(Answer::Waiting);
                    questions.insert(key.clone(), answer.clone());
                    // A task of its own, because the request that asks first may be dropped before the answer.
                    tokio::spawn(self.clone().ask_store(key, name.clone(), sender));
                    answer
                }
            }
        };
        let answered = answer.wait_for(|answer| *answer != Answer::Waiting);
        match tokio::time::timeout(self.deadline, answered).await {
            Ok(Ok(answer)) => *answer,
            _ => Answer::Unavailable,
        }
    }

    async fn ask_store(self: Arc<Self>, key: Key, name: DomainName, sender: watch::Sender<Answer>) {
        let changes = self.changes.load(Ordering::Acquire);
        let question = self.store.link_by_slug(&name, &key.1);
        let found = tokio::time::timeout(self.deadline, question).await;
        let unchanged = self.changes.load(Ordering::Acquire) == changes;
        let answer = match found {
            Ok(Ok(Some(link))) => {
                if unchanged {
                    self.table.put(&link, &key.1);
                }
                Answer::Known
            }
            Ok(Ok(None)) => {
                if unchanged {
                    self.unknown.insert(key.clone(), Instant::now() + self.unknown_for);
                }
                Answer::Unknown
            }
            Ok(Err(_)) | Err(_) => Answer::Unavailable,
        };
        self.questions().remove(&key);
        let _ = sender.send(answer);
    }

    fn questions(&self) -> MutexGuard<'_, HashMap<Key, watch::Receiver<Answer>>> {
        self.questions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LinkListener for Cache {
    /// Puts a link that was made or changed in force.
    fn changed(&self, link: &Link) {
        self.changes.fetch_add(1, Ordering::AcqRel);
        let folded = self.folded(link);
        if self.table.put(link, &folded) {
            self.complete.store(false, Ordering::Release);
        }
        self.unknown.remove(&(self.domain(&link.spec.domain).0, folded));
    }

    /// Takes a removed link out of force.
    fn removed(&self, id: LinkId, _domain: &DomainName, _folded: &str) {
        self.forget(id);
    }
}

#[cfg(test)]
mod tests;
