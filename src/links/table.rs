//! The links in memory: packed, sharded, found by slug on the hot path and by id when clicks are counted.
//!
//! One link costs a slot of 40 bytes, one allocation for its slug and destination, five bytes of hash table and four
//! of id index; `benches/run` prints the sum. A read takes one shard's read lock for the length of a closure that
//! computes; nobody holds a lock across IO or an await.

use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use hashbrown::{DefaultHashBuilder, HashTable};

use super::names::Names;
use crate::domain::click_token::PLACEHOLDER;
use crate::domain::link::{Link, LinkFacts, LinkId, Status};
use crate::domain::placement::Level;
use crate::domain::utm::Utm;

const SHARDS: usize = 64;

/// Ids above this are not indexed; their facts are asked of the store.
const INDEXED_ID_MAX: u64 = 1 << 28;

const ENABLED: u8 = 1;
const PASSTHROUGH: u8 = 2;
const VISITOR_UTM: u8 = 4;
const RECENTLY_USED: u8 = 8;
const CLICK_ID: u8 = 16;

/// Which of the known domains: an index into the table's list of names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct DomainIndex(pub(crate) u16);

/// A link as a redirect needs it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry<'a> {
    pub(crate) id: LinkId,
    pub(crate) destination: &'a str,
    pub(crate) status: Status,
    pub(crate) enabled: bool,
    pub(crate) passthrough: bool,
    pub(crate) visitor_utm: bool,
    /// Whether the destination asks for the click's token.
    pub(crate) click_id: bool,
    pub(crate) expires_ms: Option<i64>,
    pub(crate) expired_url: Option<&'a str>,
}

pub(crate) struct Table {
    hasher: DefaultHashBuilder,
    shards: Box<[RwLock<Shard>]>,
    /// Link id to where it is; 0 means nowhere.
    places: RwLock<Vec<u32>>,
    domains: Names,
    platforms: Names,
    links_per_shard_max: usize,
}

#[derive(Default)]
struct Shard {
    slots: Vec<Slot>,
    free: Vec<u32>,
    by_slug: HashTable<u32>,
    /// Where the search for a link to evict goes on.
    hand: usize,
}

#[derive(Default)]
struct Slot {
    /// Folded slug, then destination; empty when the slot is free.
    text: Box<str>,
    id: u64,
    /// What few links have.
    rare: Option<Box<Rare>>,
    slug_bytes: u16,
    domain: u16,
    /// Index of the platform's name and one; 0 for none.
    platform: u16,
    level_and_status: u8,
    flags: AtomicU8,
}

#[derive(Default)]
struct Rare {
    /// The slug as its owner wrote it, when it differs from its folded form.
    slug: Option<Box<str>>,
    expires_ms: Option<i64>,
    expired_url: Option<Box<str>>,
}

impl Table {
    /// `links_max` is a bound on the whole table.
    pub(crate) fn new(links_max: usize) -> Self {
        Self {
            hasher: DefaultHashBuilder::default(),
            shards: (0..SHARDS).map(|_| RwLock::default()).collect(),
            places: RwLock::default(),
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
        let hash = self.hash(domain.0, folded.as_bytes());
        let shard = self.read(hash);
        let slot = &shard.slots[shard.find(hash, domain.0, folded.as_bytes())? as usize];
        // Only the first reader after the hand passed writes, so a hot link stays a shared cache line.
        if slot.flags.load(Ordering::Relaxed) & RECENTLY_USED == 0 {
            slot.flags.fetch_or(RECENTLY_USED, Ordering::Relaxed);
        }
        Some(use_it(slot.entry()))
    }

    /// What classification needs of a link; `None` when it is not in memory.
    pub(crate) fn facts(&self, id: LinkId) -> Option<LinkFacts> {
        let mut found = None;
        self.facts_of_all(&[id], |facts| found = Some(facts));
        found.filter(|facts| facts.id == id)
    }

    /// The same of many links, in any order; those that are not in memory are left out. Asked for one after the other, each
    /// would wait for what is far away in memory by itself; here they wait together.
    pub(crate) fn facts_of_all(&self, ids: &[LinkId], mut take: impl FnMut(LinkFacts)) {
        let mut places: Vec<(usize, usize)> = {
            let places = self.places.read().unwrap_or_else(PoisonError::into_inner);
            let place = |id: &LinkId| places.get(usize::try_from(id.0).ok()?).copied();
            ids.iter().filter_map(place).filter_map(unpack).collect()
        };
        places.sort_unstable();
        places.dedup();
        for of_shard in places.chunk_by(|(one, _), (next, _)| one == next) {
            let shard = self.shards[of_shard[0].0].read().unwrap_or_else(PoisonError::into_inner);
            let slots = || of_shard.iter().filter_map(|(_, slot)| shard.slots.get(*slot));
            std::hint::black_box(slots().map(|slot| usize::from(slot.text.bytes().next().unwrap_or(0))).sum::<usize>());
            slots().filter(|slot| !slot.text.is_empty()).for_each(|slot| take(self.facts_of(slot)));
        }
    }

    /// Puts a link in, over an older version of it: whoever asks meanwhile finds one of the two. Returns `true` when
    /// another link had to make room.
    pub(crate) fn put(&self, link: &Link, folded: &str) -> bool {
        let before = self.place(link.id);
        let domain = self.domains.index_of(&link.spec.domain.0);
        let hash = self.hash(domain, folded.as_bytes());
        let slot = self.pack(link, folded, domain);
        let (number, evicted) = {
            let mut shard = self.write(hash);
            let is_new = shard.find(hash, domain, folded.as_bytes()).is_none();
            let is_full = is_new && shard.by_slug.len() >= self.links_per_shard_max;
            let evicted = is_full.then(|| shard.evict(&self.hasher)).flatten();
            (shard.insert(hash, slot, &self.hasher), evicted)
        };
        if let Some(evicted) = evicted {
            self.set_place(evicted, 0);
        }
        let place = pack(shard_of(hash), number);
        self.set_place(link.id.0, place);
        if before != place {
            self.clear(before, link.id);
        }
        evicted.is_some()
    }

    pub(crate) fn remove(&self, id: LinkId) {
        self.clear(self.place(id), id);
        self.set_place(id.0, 0);
    }

    fn place(&self, id: LinkId) -> u32 {
        let places = self.places.read().unwrap_or_else(PoisonError::into_inner);
        usize::try_from(id.0).ok().and_then(|id| places.get(id).copied()).unwrap_or(0)
    }

    /// Empties a place, if it is this link that stands there.
    fn clear(&self, place: u32, id: LinkId) {
        if let Some((shard, slot)) = unpack(place) {
            self.shards[shard].write().unwrap_or_else(PoisonError::into_inner).remove(slot, id, &self.hasher);
        }
    }

    /// Above every id that [`Self::remove`] can find.
    pub(crate) fn ids_end(&self) -> u64 {
        self.places.read().unwrap_or_else(PoisonError::into_inner).len() as u64
    }

    pub(crate) fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.read().unwrap_or_else(PoisonError::into_inner).by_slug.len()).sum()
    }

    fn pack(&self, link: &Link, folded: &str, domain: u16) -> Slot {
        let spec = &link.spec;
        let rules = &spec.rules;
        let text = format!("{folded}{}", spec.destination.as_str());
        let rare = Rare {
            slug: (spec.slug.as_str() != folded).then(|| spec.slug.as_str().into()),
            expires_ms: rules.expires_at.map(jiff::Timestamp::as_millisecond),
            expired_url: rules.expired_url.as_ref().map(|url| url.as_str().into()),
        };
        let is_rare = rare.slug.is_some() || rare.expires_ms.is_some() || rare.expired_url.is_some();
        let flag = |on: bool, flag: u8| if on { flag } else { 0 };
        Slot {
            text: text.into_boxed_str(),
            id: link.id.0,
            rare: is_rare.then(|| Box::new(rare)),
            slug_bytes: u16::try_from(folded.len()).expect("a slug is at most 128 characters"),
            domain,
            platform: spec
                .placement
                .platform
                .as_ref()
                .map_or(0, |platform| self.platforms.index_of(platform.as_str()) + 1),
            level_and_status: pack_level(spec.placement.level, rules.status),
            flags: AtomicU8::new(
                flag(rules.enabled, ENABLED)
                    | flag(rules.passthrough, PASSTHROUGH)
                    | flag(rules.visitor_utm, VISITOR_UTM)
                    | flag(spec.destination.as_str().contains(PLACEHOLDER), CLICK_ID)
                    | RECENTLY_USED,
            ),
        }
    }

    fn facts_of(&self, slot: &Slot) -> LinkFacts {
        let destination = slot.destination();
        let before_fragment = destination.split('#').next().unwrap_or_default();
        let query = before_fragment.split_once('?').map_or("", |(_, query)| query);
        let given = slot.rare.as_ref().and_then(|rare| rare.slug.as_deref());
        LinkFacts {
            id: LinkId(slot.id),
            domain: self.domains.name(slot.domain),
            slug: given.unwrap_or_else(|| slot.slug()).to_owned(),
            utm: Utm::read(query),
            platform: slot.platform.checked_sub(1).map(|index| self.platforms.name(index)),
            level: Level::ALL[usize::from(slot.level_and_status >> 4) % Level::ALL.len()],
        }
    }

    fn set_place(&self, id: u64, place: u32) {
        if id > INDEXED_ID_MAX {
            return;
        }
        let index = usize::try_from(id).expect("ids above INDEXED_ID_MAX were left out");
        let mut places = self.places.write().unwrap_or_else(PoisonError::into_inner);
        if index >= places.len() {
            if place == 0 {
                return;
            }
            let (length, grown) = (places.len(), places.len() + places.len() / 8);
            places.reserve_exact((index + 1).max(grown) - length);
            places.resize(index + 1, 0);
        }
        places[index] = place;
    }

    fn hash(&self, domain: u16, slug: &[u8]) -> u64 {
        self.hasher.hash_one((domain, slug))
    }

    fn read(&self, hash: u64) -> RwLockReadGuard<'_, Shard> {
        self.shards[shard_of(hash)].read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, hash: u64) -> RwLockWriteGuard<'_, Shard> {
        self.shards[shard_of(hash)].write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shard {
    fn find(&self, hash: u64, domain: u16, slug: &[u8]) -> Option<u32> {
        self.by_slug.find(hash, |number| self.slots[*number as usize].is(domain, slug)).copied()
    }

    /// Puts a slot in, replacing one with the same domain and slug, and returns its number.
    fn insert(&mut self, hash: u64, slot: Slot, hasher: &DefaultHashBuilder) -> u32 {
        if let Some(number) = self.find(hash, slot.domain, slot.slug().as_bytes()) {
            self.slots[number as usize] = slot;
            return number;
        }
        let number = match self.free.pop() {
            Some(number) => {
                self.slots[number as usize] = slot;
                number
            }
            None => {
                // Doubling would waste up to half of what a million links cost.
                if self.slots.len() == self.slots.capacity() {
                    self.slots.reserve_exact(self.slots.len() / 8 + 16);
                }
                self.slots.push(slot);
                u32::try_from(self.slots.len() - 1).expect("a shard holds at most links_per_shard_max slots")
            }
        };
        let slots = &self.slots;
        self.by_slug.insert_unique(hash, number, |number| slots[*number as usize].hash(hasher));
        number
    }

    fn remove(&mut self, number: usize, id: LinkId, hasher: &DefaultHashBuilder) {
        let Some(slot) = self.slots.get(number).filter(|slot| slot.id == id.0 && !slot.text.is_empty()) else { return };
        let hash = slot.hash(hasher);
        if let Ok(found) = self.by_slug.find_entry(hash, |other| *other as usize == number) {
            found.remove();
        }
        self.slots[number] = Slot::default();
        self.free.push(u32::try_from(number).expect("slot numbers are u32"));
    }

    /// Removes a link that was not used since the hand last passed (second chance). Returns its id.
    fn evict(&mut self, hasher: &DefaultHashBuilder) -> Option<u64> {
        for _ in 0..2 * self.slots.len() {
            self.hand = (self.hand + 1) % self.slots.len();
            let slot = &self.slots[self.hand];
            if slot.text.is_empty() {
                continue;
            }
            if slot.flags.fetch_and(!RECENTLY_USED, Ordering::Relaxed) & RECENTLY_USED == 0 {
                let id = slot.id;
                self.remove(self.hand, LinkId(id), hasher);
                return Some(id);
            }
        }
        None
    }
}

impl Slot {
    fn slug(&self) -> &str {
        &self.text[..usize::from(self.slug_bytes)]
    }

    fn destination(&self) -> &str {
        &self.text[usize::from(self.slug_bytes)..]
    }

    fn is(&self, domain: u16, slug: &[u8]) -> bool {
        self.domain == domain && self.slug().as_bytes() == slug
    }

    fn hash(&self, hasher: &DefaultHashBuilder) -> u64 {
        hasher.hash_one((self.domain, self.slug().as_bytes()))
    }

    fn entry(&self) -> Entry<'_> {
        let flags = self.flags.load(Ordering::Relaxed);
        Entry {
            id: LinkId(self.id),
            destination: self.destination(),
            status: Status::ALL[usize::from(self.level_and_status & 3)],
            enabled: flags & ENABLED != 0,
            passthrough: flags & PASSTHROUGH != 0,
            visitor_utm: flags & VISITOR_UTM != 0,
            click_id: flags & CLICK_ID != 0,
            expires_ms: self.rare.as_ref().and_then(|rare| rare.expires_ms),
            expired_url: self.rare.as_ref().and_then(|rare| rare.expired_url.as_deref()),
        }
    }
}

fn pack_level(level: Level, status: Status) -> u8 {
    (level as u8) << 4 | status as u8
}

fn shard_of(hash: u64) -> usize {
    // The low bits pick the bucket and the high ones its tag, so the shard comes from the middle.
    usize::try_from(hash >> 32).unwrap_or(0) % SHARDS
}

/// Shard and slot in one number above 0.
fn pack(shard: usize, slot: u32) -> u32 {
    (slot * SHARDS as u32 + u32::try_from(shard).expect("there are 64 shards")) + 1
}

fn unpack(place: u32) -> Option<(usize, usize)> {
    let place = place.checked_sub(1)? as usize;
    Some((place % SHARDS, place / SHARDS))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::domain::destination::Destination;
    use crate::domain::link::{DomainName, LinkSpec, Rules};
    use crate::domain::placement::Placement;
    use crate::domain::slug::Slug;

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
