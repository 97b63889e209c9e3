//! The links in memory: packed, sharded, found by slug on the hot path and by id when clicks are counted.
//!
//! A link is one piece of memory (`packed.rs`): 40 bytes, its slug and its destination. The hash table has nine bytes a bucket
//! for it, the index of ids eight; `benches/run` prints the sum. Whoever finds a link waits for memory three times, for the bucket's
//! tag, the bucket and the link; that wait was a twentieth of what a redirect costs when the slots, and from there the texts,
//! were elsewhere. A read takes one shard's read lock for the length of a closure that computes; nobody holds a lock
//! across IO or an await.

use std::hash::BuildHasher;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use hashbrown::{DefaultHashBuilder, HashTable, hash_table};

use super::by_id::ById;
use super::names::Names;
use super::packed::{Entry, Packed};
use crate::domain::link::{Link, LinkFacts, LinkId};

const SHARDS: usize = 64;

/// Which of the known domains: an index into the table's list of names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct DomainIndex(pub(crate) u16);

pub(crate) struct Table {
    hasher: DefaultHashBuilder,
    shards: Box<[RwLock<Shard>]>,
    /// The same links; each stands at its id.
    by_id: RwLock<ById>,
    domains: Names,
    platforms: Names,
    links_per_shard_max: usize,
}

#[derive(Default)]
struct Shard {
    links: HashTable<Packed>,
    /// The bucket where the search for a link to evict goes on.
    hand: usize,
}

impl Table {
    /// `links_max` is a bound on the whole table.
    pub(crate) fn new(links_max: usize) -> Self {
        Self {
            hasher: DefaultHashBuilder::default(),
            shards: (0..SHARDS).map(|_| RwLock::default()).collect(),
            by_id: RwLock::default(),
            domains: Names::default(),
            platforms: Names::default(),
            links_per_shard_max: links_max.div_ceil(SHARDS).max(1),
        }
    }

    pub(crate) fn domain(&self, name: &str) -> DomainIndex {
        DomainIndex(self.domains.index_of(name))
    }

    /// Computes something from the link with this slug. `use_it` must not wait.
    pub(crate) fn with<R>(&self, domain: DomainIndex, folded: &str, use_it: impl FnOnce(Entry<'_>) -> R) -> Option<R> {
        let hash = self.hash(domain.0, folded);
        let shard = self.read(hash);
        let link = shard.find(hash, domain.0, folded)?;
        link.note_use();
        Some(use_it(link.entry()))
    }

    /// What classification needs of a link; `None` when it is not in memory.
    pub(crate) fn facts(&self, id: LinkId) -> Option<LinkFacts> {
        let mut found = None;
        self.facts_of_all(&[id], |facts| found = Some(facts));
        found
    }

    /// The same of many links, in any order; those that are not in memory are left out. Asked for one after the other, each
    /// would wait for what is far away in memory by itself; here they wait together.
    pub(crate) fn facts_of_all(&self, ids: &[LinkId], mut take: impl FnMut(LinkFacts)) {
        let mut ids = ids.to_vec();
        ids.sort_unstable();
        ids.dedup();
        let by_id = self.by_id.read().unwrap_or_else(PoisonError::into_inner);
        let links: Vec<&Packed> = ids.iter().filter_map(|id| by_id.get(*id)).collect();
        links.iter().for_each(|link| link.fetch());
        links.iter().for_each(|link| take(self.facts_of(link)));
    }

    /// Puts a link in, over an older version of it: whoever asks meanwhile finds one of the two. Returns `true` when
    /// another link had to make room.
    pub(crate) fn put(&self, link: &Link, folded: &str) -> bool {
        let domain = self.domains.index_of(&link.spec.domain.0);
        let hash = self.hash(domain, folded);
        let packed = self.pack(link, folded, domain);
        let (evicted, replaced) = {
            let mut shard = self.write(hash);
            let is_new = shard.find(hash, domain, folded).is_none();
            let is_full = is_new && shard.links.len() >= self.links_per_shard_max;
            let evicted = is_full.then(|| shard.evict()).flatten();
            (evicted, shard.insert(hash, packed.clone(), |link| self.hash(link.domain(), link.slug())))
        };
        let others = [&evicted, &replaced].into_iter().flatten().filter(|other| other.id() != link.id);
        others.for_each(|other| self.forget(other));
        let before = self.by_id_to_write().put(packed);
        if let Some(before) = before.filter(|before| !before.is(domain, folded)) {
            self.take_out(&before);
        }
        evicted.is_some()
    }

    pub(crate) fn remove(&self, id: LinkId) {
        let link = self.by_id_to_write().take(id);
        if let Some(link) = link {
            self.take_out(&link);
        }
    }

    /// Removes a link that nobody finds by its id any more, unless there is another one under its slug by now.
    fn take_out(&self, link: &Packed) {
        let hash = self.hash(link.domain(), link.slug());
        self.write(hash).remove(hash, link);
    }

    /// Has nobody find a link by its id any more that nobody finds by its slug.
    fn forget(&self, link: &Packed) {
        let mut by_id = self.by_id_to_write();
        if by_id.get(link.id()).is_some_and(|there| there.is_same(link)) {
            by_id.take(link.id());
        }
    }

    fn by_id_to_write(&self) -> RwLockWriteGuard<'_, ById> {
        self.by_id.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Above every id that [`Self::remove`] can find.
    pub(crate) fn ids_end(&self) -> u64 {
        self.by_id.read().unwrap_or_else(PoisonError::into_inner).end()
    }

    pub(crate) fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.read().unwrap_or_else(PoisonError::into_inner).links.len()).sum()
    }

    fn pack(&self, link: &Link, folded: &str, domain: u16) -> Packed {
        let platform = link.spec.placement.platform.as_ref();
        Packed::of(link, folded, domain, platform.map(|platform| self.platforms.index_of(platform.as_str())))
    }

    fn facts_of(&self, link: &Packed) -> LinkFacts {
        LinkFacts {
            id: link.id(),
            domain: self.domains.name(link.domain()),
            slug: link.given_slug().to_owned(),
            utm: link.utm(),
            platform: link.platform().map(|index| self.platforms.name(index)),
            level: link.level(),
        }
    }

    fn hash(&self, domain: u16, folded: &str) -> u64 {
        self.hasher.hash_one((domain, folded.as_bytes()))
    }

    fn read(&self, hash: u64) -> RwLockReadGuard<'_, Shard> {
        self.shards[shard_of(hash)].read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, hash: u64) -> RwLockWriteGuard<'_, Shard> {
        self.shards[shard_of(hash)].write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn shard_of(hash: u64) -> usize {
    // The low bits pick the bucket and the high ones its tag, so the shard comes from the middle.
    usize::try_from(hash >> 32).unwrap_or(0) % SHARDS
}

impl Shard {
    fn find(&self, hash: u64, domain: u16, folded: &str) -> Option<&Packed> {
        self.links.find(hash, |link| link.is(domain, folded))
    }

    /// Puts a link in. Returns the one it replaces, which has the same domain and slug.
    fn insert(&mut self, hash: u64, link: Packed, hash_of: impl Fn(&Packed) -> u64) -> Option<Packed> {
        match self.links.entry(hash, |other| other.is(link.domain(), link.slug()), hash_of) {
            hash_table::Entry::Occupied(mut there) => Some(std::mem::replace(there.get_mut(), link)),
            hash_table::Entry::Vacant(free) => {
                free.insert(link);
                None
            }
        }
    }

    fn remove(&mut self, hash: u64, link: &Packed) {
        if let Ok(found) = self.links.find_entry(hash, |other| other.is_same(link)) {
            found.remove();
        }
    }

    /// Removes a link that was not used since the hand last passed (second chance), and returns it.
    fn evict(&mut self) -> Option<Packed> {
        for _ in 0..2 * self.links.num_buckets() {
            self.hand = (self.hand + 1) % self.links.num_buckets();
            let Ok(there) = self.links.get_bucket_entry(self.hand) else { continue };
            if !there.get().was_used() {
                return Some(there.remove().0);
            }
        }
        None
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::domain::destination::Destination;
    use crate::domain::link::{DomainName, LinkSpec, Rules, Status};
    use crate::domain::placement::{Level, Placement};
    use crate::domain::slug::Slug;
    use crate::domain::utm::Utm;

    pub(in crate::links) fn link(id: u64, slug: &str) -> Link {
        let url = Destination::parse("https://example.com/?a=1&utm_source=instagram#top", 2048).unwrap();
        Link {
            id: LinkId(id),
            revision: 1,
            created_at: jiff::Timestamp::UNIX_EPOCH,
            updated_at: jiff::Timestamp::UNIX_EPOCH,
            spec: LinkSpec {
                domain: DomainName::DEFAULT,
                slug: Slug::parse(slug).unwrap(),
                url: url.clone(),
                utm: Utm::default(),
                destination: url,
                placement: Placement { level: Level::Story, ..Placement::default() },
                title: None,
                tags: Vec::new(),
                archived: false,
                rules: Rules { status: Status::PermanentRedirect, ..Rules::default() },
                brought: None,
                made: None,
            },
        }
    }

    fn id_of(table: &Table, slug: &str) -> Option<u64> {
        table.with(table.domain(""), slug, |entry| entry.id.0)
    }

    #[test]
    fn a_link_is_found_by_slug_and_by_id_and_its_facts_come_from_its_destination() {
        let table = Table::new(100);
        table.put(&link(3, "Spring"), "spring");
        assert_eq!(id_of(&table, "spring"), Some(3));
        assert_eq!(id_of(&table, "sprin"), None);
        let facts = table.facts(LinkId(3)).unwrap();
        assert_eq!((facts.slug.as_str(), facts.utm.source.as_deref()), ("Spring", Some("instagram")));
        assert_eq!(facts.level, Level::Story);
        let status = table.with(table.domain(""), "spring", |entry| entry.status);
        assert_eq!(status, Some(Status::PermanentRedirect));
    }

    #[test]
    fn a_renamed_link_leaves_its_old_slug_and_a_removed_one_leaves_nothing() {
        let table = Table::new(100);
        table.put(&link(1, "old"), "old");
        table.put(&link(1, "new"), "new");
        assert_eq!((id_of(&table, "old"), id_of(&table, "new")), (None, Some(1)));
        table.remove(LinkId(1));
        assert_eq!((id_of(&table, "new"), table.facts(LinkId(1)), table.len()), (None, None, 0));
    }

    #[test]
    fn a_link_that_is_put_in_again_is_there_all_the_while() {
        let table = Table::new(100);
        table.put(&link(1, "a"), "a");
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| {
                for _ in 0..20_000 {
                    table.put(&link(1, "a"), "a");
                }
            });
            while !writer.is_finished() {
                assert_eq!(id_of(&table, "a"), Some(1));
            }
        });
        assert_eq!(table.len(), 1);
    }

    #[test]
    fn a_link_that_is_put_in_again_makes_nobody_leave_a_full_table() {
        let table = Table::new(SHARDS);
        let slugs: Vec<String> = (1..=2_000).map(|id| format!("s{id}")).collect();
        for (id, slug) in (1..).zip(&slugs) {
            table.put(&link(id, slug), slug);
        }
        let there = || slugs.iter().filter_map(|slug| id_of(&table, slug)).collect::<Vec<_>>();
        let before = there();
        assert_eq!(before.len(), SHARDS);
        for id in &before {
            let slug = &slugs[*id as usize - 1];
            assert!(!table.put(&link(*id, slug), slug));
        }
        assert_eq!(there(), before);
    }

    #[test]
    fn a_slug_that_another_link_has_taken_over_is_no_longer_told_of_the_first() {
        let table = Table::new(100);
        table.put(&link(1, "a"), "a");
        table.put(&link(2, "a"), "a");
        assert_eq!((id_of(&table, "a"), table.facts(LinkId(1))), (Some(2), None));
        table.put(&link(1, "b"), "b");
        table.remove(LinkId(1));
        assert_eq!((id_of(&table, "a"), id_of(&table, "b"), table.len()), (Some(2), None, 1));
        assert_eq!(table.facts(LinkId(2)).map(|facts| facts.slug), Some("a".to_owned()));
    }

    #[test]
    fn whatever_is_put_in_taken_over_renamed_removed_or_evicted_both_ways_lead_to_the_same_links() {
        let table = Table::new(SHARDS * 2);
        for step in 0..20_000_u64 {
            let number = step.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
            let (id, slug) = (number % 400, format!("s{}", number / 400 % 500));
            match number % 7 {
                0 => table.remove(LinkId(id)),
                _ => {
                    table.put(&link(id, &slug), &slug);
                }
            }
        }
        let by_slug = (0..500).filter_map(|slug| Some((id_of(&table, &format!("s{slug}"))?, format!("s{slug}"))));
        let mut by_slug: Vec<(u64, String)> = by_slug.collect();
        by_slug.sort_unstable();
        let by_id = (0..400).filter_map(|id| table.facts(LinkId(id))).map(|facts| (facts.id.0, facts.slug));
        assert!(by_id.eq(by_slug.iter().cloned()));
        assert_eq!(by_slug.len(), table.len());
        assert!((SHARDS / 2..=SHARDS * 2).contains(&by_slug.len()), "{}", by_slug.len());
    }

    #[test]
    fn asked_of_many_links_it_tells_the_facts_of_each_that_is_there_once() {
        let table = Table::new(10_000);
        let there = || (1..=3_000).filter(|id| id % 3 != 0).map(|id| (id, format!("s{id}")));
        assert!(there().all(|(id, slug)| !table.put(&link(id, &slug), &slug)));
        let asked: Vec<LinkId> = (0..=3_001).chain(100..=200).chain([u64::MAX]).map(LinkId).collect();
        let mut told = Vec::new();
        table.facts_of_all(&asked, |facts| told.push((facts.id.0, facts.slug)));
        told.sort_unstable();
        assert!(there().eq(told));
    }

    #[test]
    fn the_table_never_grows_beyond_its_bound_and_what_was_evicted_is_gone_from_both_sides() {
        let table = Table::new(640);
        for id in 1..=20_000 {
            table.put(&link(id, &format!("s{id}")), &format!("s{id}"));
        }
        assert!(table.len() <= 640);
        let found: Vec<u64> = (1..=20_000).filter(|id| id_of(&table, &format!("s{id}")).is_some()).collect();
        assert_eq!(found.len(), table.len());
        assert!((1..=20_000).all(|id| table.facts(LinkId(id)).is_some() == found.binary_search(&id).is_ok()));
    }
}
