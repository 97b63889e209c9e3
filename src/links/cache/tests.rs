//! What the cache does when a link is not in memory.

use std::sync::atomic::AtomicUsize;

use async_trait::async_trait;

use super::*;
use crate::domain::link::LinkSpec;
use crate::links::table::tests::link;
use crate::store::{CreatedAll, Heard, NewLink, Removed, Replaced, Result};

/// Knows one slug, counts how often it is asked, and answers only when the gate is open.
struct Asked {
    times: AtomicUsize,
    gate: tokio::sync::Semaphore,
}

#[async_trait]
impl LinkStore for Asked {
    async fn create_links(&self, _: &[NewLink], _: jiff::Timestamp) -> Result<CreatedAll> {
        Ok(CreatedAll::Taken(vec![(0, LinkId(1))]))
    }
    async fn replace_link(&self, _: LinkId, _: u64, _: &LinkSpec, _: &str, _: jiff::Timestamp) -> Result<Replaced> {
        Ok(Replaced::Changed)
    }
    async fn remove_links(&self, _: &[(LinkId, Option<u64>)]) -> Result<Vec<Removed>> {
        Ok(Vec::new())
    }
    async fn link(&self, _: LinkId) -> Result<Option<Link>> {
        Ok(None)
    }
    async fn link_by_slug(&self, _: &DomainName, folded: &str) -> Result<Option<Link>> {
        self.times.fetch_add(1, Ordering::SeqCst);
        let _open = self.gate.acquire().await;
        Ok((folded == "known").then(|| link(1, "known")))
    }
    async fn links(&self, _: LinkId, _: usize) -> Result<Vec<Link>> {
        Ok(Vec::new())
    }
    async fn heard(&self) -> Result<Heard> {
        Ok(Heard::of(0))
    }
}

fn cache(open: usize, deadline_ms: u64) -> (Arc<Asked>, Arc<Cache>) {
    let store = Arc::new(Asked { times: AtomicUsize::new(0), gate: tokio::sync::Semaphore::new(open) });
    let config = Config {
        slug_chars: 8,
        destination_bytes_max: 2048,
        cache_links_max: 100,
        cache_unknown_max: 10,
        cache_unknown_s: 3600,
        store_deadline_ms: deadline_ms,
        utm: crate::config::Config::default_values().links.utm,
    };
    let address = |port| std::net::SocketAddr::from(([127, 0, 0, 1], port));
    let domains = Domains::new(&[], address(1), address(2)).unwrap();
    (store.clone(), Arc::new(Cache::new(store, Arc::new(domains), &config)))
}

async fn id_of(cache: &Arc<Cache>, slug: &str) -> Resolved<u64> {
    let name = DomainName::DEFAULT;
    cache.resolve(cache.domain(&name), &name, slug, |entry| entry.id.0).await
}

#[tokio::test]
async fn a_stampede_on_one_slug_is_one_question_and_everybody_gets_the_answer() {
    let (store, cache) = cache(0, 60_000);
    let requests: Vec<_> = (0..50)
        .map(|_| {
            let cache = cache.clone();
            tokio::spawn(async move { id_of(&cache, "known").await })
        })
        .collect();
    while store.times.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    store.gate.add_permits(10);
    for request in requests {
        assert_eq!(request.await.unwrap(), Resolved::Known(1));
    }
    assert_eq!(store.times.load(Ordering::SeqCst), 1);
    assert_eq!(cache.cached(cache.domain(&DomainName::DEFAULT), "known", |entry| entry.id.0), Some(Resolved::Known(1)));
}

#[tokio::test]
async fn an_unknown_slug_is_asked_for_once_until_it_is_made() {
    let (store, cache) = cache(10, 60_000);
    assert_eq!(id_of(&cache, "new").await, Resolved::Unknown);
    assert_eq!(id_of(&cache, "new").await, Resolved::Unknown);
    assert_eq!(store.times.load(Ordering::SeqCst), 1);
    cache.changed(&link(2, "new"));
    assert_eq!(cache.cached(cache.domain(&DomainName::DEFAULT), "new", |entry| entry.id.0), Some(Resolved::Known(2)));
    cache.removed(LinkId(2), &DomainName::DEFAULT, "new");
    assert_eq!(id_of(&cache, "new").await, Resolved::Unknown);
    assert_eq!(store.times.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_store_that_does_not_answer_in_time_is_unavailable_and_not_unknown() {
    let (_store, cache) = cache(0, 0);
    assert_eq!(id_of(&cache, "known").await, Resolved::Unavailable);
}

#[tokio::test]
async fn an_answer_that_a_change_overtook_is_not_believed() {
    let (store, cache) = cache(0, 60_000);
    let asking = {
        let cache = cache.clone();
        tokio::spawn(async move { id_of(&cache, "known").await })
    };
    while store.times.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    cache.removed(LinkId(1), &DomainName::DEFAULT, "known");
    store.gate.add_permits(1);
    assert_eq!(asking.await.unwrap(), Resolved::Unavailable);
    assert_eq!(cache.len(), 0);
}

#[tokio::test]
async fn a_complete_cache_answers_for_unknown_slugs_without_asking() {
    let (store, cache) = cache(10, 60_000);
    cache.fill(true).await.unwrap();
    assert_eq!(id_of(&cache, "anything").await, Resolved::Unknown);
    assert_eq!(store.times.load(Ordering::SeqCst), 0);
}
