//! What every store promises about records.

use super::*;

pub(in crate::store) async fn a_record_is_read_as_it_was_saved(store: &dyn Store) {
    let bytes: Vec<u8> = (0..=255).collect();
    let Saved::Yes(revision) = save(store, "a b", Expected::Absent, &bytes).await else { panic!("it was free") };
    let record = store.record(RecordKind::Match, &key("a b")).await.unwrap().unwrap();
    assert_eq!((record.key, record.revision, record.value.as_bytes()), (key("a b"), revision, &bytes[..]));
    assert!(store.record(RecordKind::Columns, &key("a b")).await.unwrap().is_none());
    assert!(store.record(RecordKind::Match, &key("a")).await.unwrap().is_none());
}

pub(in crate::store) async fn a_record_is_saved_only_over_what_was_expected(store: &dyn Store) {
    let Saved::Yes(first) = save(store, "k", Expected::Absent, b"1").await else { panic!("it was free") };
    assert_eq!(save(store, "k", Expected::Absent, b"2").await, Saved::Changed);
    let Saved::Yes(second) = save(store, "k", Expected::At(first), b"2").await else { panic!("it was the first") };
    assert!(second > first);
    assert_eq!(save(store, "k", Expected::At(first), b"3").await, Saved::Changed);
    assert_eq!(save(store, "other", Expected::At(first), b"3").await, Saved::Changed);
    assert_eq!(read(store, "k").await, b"2");
}

pub(in crate::store) async fn saving_what_is_there_already_is_no_conflict(store: &dyn Store) {
    let saved = save(store, "k", Expected::Absent, b"1").await;
    assert_eq!(save(store, "k", Expected::Absent, b"1").await, saved);
    assert_eq!(save(store, "k", Expected::At(Revision(u64::MAX >> 1)), b"1").await, saved);
}

pub(in crate::store) async fn a_record_made_again_is_not_the_one_that_was_removed(store: &dyn Store) {
    let Saved::Yes(first) = save(store, "k", Expected::Absent, b"1").await else { panic!("it was free") };
    assert!(store.remove_record(RecordKind::Match, &key("k")).await.unwrap());
    assert!(!store.remove_record(RecordKind::Match, &key("k")).await.unwrap());
    assert!(store.record(RecordKind::Match, &key("k")).await.unwrap().is_none());
    let Saved::Yes(second) = save(store, "k", Expected::Absent, b"2").await else { panic!("it was free again") };
    assert!(second > first);
    assert_eq!(save(store, "k", Expected::At(first), b"3").await, Saved::Changed);
}

pub(in crate::store) async fn records_are_listed_by_the_bytes_of_their_keys_in_pages(store: &dyn Store) {
    for name in ["b", "ä", "a", "B", "ab", "a b"] {
        save(store, name, Expected::Absent, name.as_bytes()).await;
    }
    store.put_record(RecordKind::Columns, &key("c"), Expected::Absent, &value(b"c")).await.unwrap();
    let first = store.records(RecordKind::Match, None, 4).await.unwrap();
    assert_eq!(keys(&first), ["B", "a", "a b", "ab"]);
    assert!(first.iter().all(|record| record.value.as_bytes() == record.key.as_str().as_bytes()));
    let rest = store.records(RecordKind::Match, Some(&first[3].key), 4).await.unwrap();
    assert_eq!(keys(&rest), ["b", "ä"]);
    assert_eq!(store.records(RecordKind::Match, Some(&key("b")), 1).await.unwrap()[0].key, key("ä"));
    assert!(store.records(RecordKind::Match, None, 0).await.unwrap().is_empty());
}

fn key(text: &str) -> RecordKey {
    RecordKey::new(text).unwrap()
}

fn value(bytes: &[u8]) -> RecordValue {
    RecordValue::new(bytes.to_vec()).unwrap()
}

fn keys(records: &[Record]) -> Vec<&str> {
    records.iter().map(|record| record.key.as_str()).collect()
}

async fn save(store: &dyn Store, name: &str, expected: Expected, bytes: &[u8]) -> Saved {
    store.put_record(RecordKind::Match, &key(name), expected, &value(bytes)).await.unwrap()
}

async fn read(store: &dyn Store, name: &str) -> Vec<u8> {
    store.record(RecordKind::Match, &key(name)).await.unwrap().unwrap().value.as_bytes().to_vec()
}
