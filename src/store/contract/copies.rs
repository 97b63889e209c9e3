//! A store with something of everything, and what must be true of every copy of it.

use super::*;
use crate::store::copy::{self, Bookmark, Compared, CopyError, Page, Part, Rows};
use crate::store::{CopyStore, Result, StoreError};

/// Visitors that no list holds.
const MANY: u64 = 3_000;

/// Fills an empty store of one shard.
pub(in crate::store) async fn fill(store: &dyn Store) {
    let kept = create(store, &full("spring"), "spring").await;
    create(store, &plain("x"), "x").await;
    let changed = LinkSpec { title: Some("changed".to_owned()), ..plain("y") };
    store.replace_link(LinkId(2), 1, &changed, "y", at(1)).await.unwrap();
    let removed = create(store, &plain("gone"), "gone").await;
    remove(store, removed.id).await;
    let many: Vec<u64> = (0..MANY).map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect();
    let next = DAY.tomorrow().unwrap();
    let deltas = vec![delta(kept.id.0, DAY, 7, &[1, u64::MAX]), delta(2, DAY, MANY, &many), delta(2, next, 1, &[])];
    store.apply(&batch(0, MANY + 8, deltas)).await.unwrap();
    for day in 0..1_200 {
        let day = DAY - jiff::Span::new().days(day);
        let from = store.watermark(ONE, Shard(0)).await.unwrap();
        store.apply(&batch(from.0, from.0 + 3, vec![delta(1, day, 3, &[5])])).await.unwrap();
    }
    store.set_archived(ONE, Position(8)).await.unwrap();
    store.add_misses(DAY, &[miss("unknown", "a:b", 3), miss("disabled", "x", 1)]).await.unwrap();
    store.add_misses(next, &[miss("unknown", "a", 1)]).await.unwrap();
    store.salt(DAY).await.unwrap();
    store.salt(next).await.unwrap();
    put(store, &import(1, b"first")).await;
    let second = put(store, &import(2, b"undone")).await;
    store.undo_import(second).await.unwrap();
    put(store, &import(3, &large())).await;
    for (number, kind) in (0..).zip(RecordKind::ALL) {
        save(store, kind, "kept", &[number, 0, 255]).await;
    }
    save(store, RecordKind::Match, "last", b"removed").await;
    assert!(store.remove_record(RecordKind::Match, &key("last")).await.unwrap());
    // More than one page, the end of which is in the middle of a kind.
    for number in 0..700 {
        save(store, RecordKind::Columns, &format!("column {number}"), b"x").await;
    }
}

/// More than a command to Redis takes at once, and no text.
fn large() -> Vec<u8> {
    (0..700_000_u32).map(|n| (n % 251) as u8).collect()
}

fn key(text: &str) -> RecordKey {
    RecordKey::new(text).unwrap()
}

async fn save(store: &dyn Store, kind: RecordKind, name: &str, bytes: &[u8]) -> Revision {
    let value = RecordValue::new(bytes.to_vec()).unwrap();
    match store.put_record(kind, &key(name), Expected::Absent, &value).await.unwrap() {
        Saved::Yes(revision) => revision,
        other => panic!("{other:?}"),
    }
}

/// What [`fill`] put in is there, and goes on as it would have in the first store.
pub(in crate::store) async fn assert_goes_on(store: &dyn Store) {
    let links = store.links(LinkId(0), 10).await.unwrap();
    assert_eq!(links.iter().map(|link| (link.id.0, link.revision)).collect::<Vec<_>>(), [(1, 1), (2, 2)]);
    assert_eq!(store.link_by_slug(&DomainName::DEFAULT, "y").await.unwrap().unwrap(), links[1]);
    assert_eq!(links[0].spec, full("spring"));
    assert_eq!(create(store, &plain("next"), "next").await.id, LinkId(4));
    // Sent again, a batch is known; the next one counts, and knows which visitors were there.
    let to = store.watermark(ONE, Shard(0)).await.unwrap().0;
    let hits = |found: Option<DayCounters>| found.map(|found| (found.counters.hits(), found.visitors));
    let before = hits(count(store, 1, DAY).await);
    assert_eq!(before, Some((10, 3)));
    let again = store.apply(&batch(0, 9, vec![delta(1, DAY, 7, &[])])).await.unwrap();
    assert_eq!(again, Applied::No { watermark: Position(to) });
    let (_, many) = hits(count(store, 2, DAY).await).unwrap();
    assert!(many.abs_diff(MANY) * 50 < MANY, "{many}");
    store.apply(&batch(to, to + 1, vec![delta(1, DAY, 1, &[1])])).await.unwrap();
    assert_eq!(hits(count(store, 1, DAY).await), Some((11, 3)));
    assert_eq!(store.archived(ONE).await.unwrap(), Position(8));
    assert_eq!(store.misses(DAY, DAY).await.unwrap().len(), 2);
    imports_go_on(store).await;
    records_go_on(store).await;
}

async fn imports_go_on(store: &dyn Store) {
    let imports = store.imports().await.unwrap();
    assert_eq!(imports.iter().map(|import| import.id.0).collect::<Vec<_>>(), [1, 3]);
    assert_eq!(imports[0].about, import(1, b"").about);
    assert_eq!(store.import_body(ImportId(1)).await.unwrap().unwrap().as_bytes(), b"first");
    assert!(store.import_body(ImportId(3)).await.unwrap().unwrap().as_bytes() == large());
    assert_eq!(store.put_import(&import(3, b"other")).await.unwrap(), Imported::Same(ImportId(3)));
    assert!(store.undo_import(ImportId(3)).await.unwrap());
    assert!(store.import_body(ImportId(3)).await.unwrap().is_none());
    assert_eq!(put(store, &import(4, b"next")).await, ImportId(4));
}

async fn records_go_on(store: &dyn Store) {
    for (number, kind) in (0..).zip(RecordKind::ALL) {
        let record = store.record(kind, &key("kept")).await.unwrap().unwrap();
        assert_eq!(record.value.as_bytes(), [number, 0, 255]);
        // The revision is the one it had: who read it in the first store can change it here.
        let (expected, value) = (Expected::At(record.revision), RecordValue::new(b"changed".to_vec()).unwrap());
        assert!(matches!(store.put_record(kind, &record.key, expected, &value).await.unwrap(), Saved::Yes(_)));
    }
    assert!(store.record(RecordKind::Match, &key("last")).await.unwrap().is_none());
    let columns = store.records(RecordKind::Columns, None, 1_000).await.unwrap();
    assert_eq!(columns.len(), 701);
    let newest = columns.iter().map(|record| record.revision).max().unwrap();
    assert!(save(store, RecordKind::Match, "last", b"again").await > newest);
}

/// Copies all of it and compares.
pub(in crate::store) async fn copy_all(from: &dyn CopyStore, to: &dyn CopyStore) -> Vec<Compared> {
    copy::run(from, to, |_, _| ()).await.unwrap();
    copy::compare(from, to).await.unwrap()
}

pub(in crate::store) fn assert_same(compared: &[Compared]) {
    assert_eq!(compared.len(), Part::ALL.len());
    for line in compared {
        assert!(line.is_same() && line.source.rows > 0, "{line:?}");
    }
}

/// Reads from another store and fails at the read of this number, as a process does that is killed.
pub(in crate::store) struct Interrupted<'s> {
    pub(in crate::store) store: &'s dyn CopyStore,
    pub(in crate::store) reads_left: std::sync::atomic::AtomicUsize,
}

#[async_trait::async_trait]
impl CopyStore for Interrupted<'_> {
    fn shard_count(&self) -> u16 {
        self.store.shard_count()
    }

    async fn extent(&self, part: Part) -> Result<u64> {
        self.store.extent(part).await
    }

    async fn dump(&self, part: Part, after: &str) -> Result<Page> {
        use std::sync::atomic::Ordering::Relaxed;
        let left = self.reads_left.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1));
        left.map_err(|_| StoreError::Unavailable("interrupted".to_owned()))?;
        self.store.dump(part, after).await
    }

    async fn load(&self, _rows: &Rows) -> Result<()> {
        unreachable!("it is only read from")
    }

    async fn bookmark(&self) -> Result<Bookmark> {
        unreachable!("it is only read from")
    }

    async fn set_bookmark(&self, _bookmark: &Bookmark) -> Result<()> {
        unreachable!("it is only read from")
    }

    async fn finish(&self) -> Result<()> {
        unreachable!("it is only read from")
    }

    async fn set_aside(&self) -> Result<u64> {
        self.store.set_aside().await
    }
}

/// Interrupts a copy after each number of pages, each time going on with what the last try left.
pub(in crate::store) async fn assert_goes_on_after_any_interruption(from: &dyn CopyStore, to: &dyn CopyStore) {
    for reads in 0.. {
        let source = Interrupted { store: from, reads_left: reads.into() };
        match copy::run(&source, to, |_, _| ()).await {
            Ok(()) => break,
            Err(CopyError::Read(_)) => {}
            Err(error) => panic!("{error}"),
        }
    }
    assert_same(&copy::compare(from, to).await.unwrap());
}
