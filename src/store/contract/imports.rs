//! What every store promises about imports.

use super::*;

pub(in crate::store) async fn an_import_is_listed_and_its_body_comes_back_as_it_was(store: &dyn Store) {
    let import = import(1, &large_body());
    let id = put(store, &import).await;
    assert_eq!(store.imports().await.unwrap(), [ImportSummary { id, about: import.about }]);
    assert!(store.import_body(id).await.unwrap().unwrap() == import.body);
    assert!(store.import_body(ImportId(u64::MAX)).await.unwrap().is_none());
}

pub(in crate::store) async fn an_import_without_a_body_is_an_import(store: &dyn Store) {
    let id = put(store, &import(1, b"")).await;
    assert_eq!(store.import_body(id).await.unwrap().unwrap().as_bytes(), b"");
}

pub(in crate::store) async fn the_same_import_twice_is_a_no_op(store: &dyn Store) {
    let first = import(1, b"a");
    let id = put(store, &first).await;
    put(store, &import(2, b"b")).await;
    let about = About { digest: first.about.digest, ..import(7, b"").about };
    let again = Import { about, body: Body::new(b"other".to_vec()).unwrap() };
    assert_eq!(store.put_import(&again).await.unwrap(), Imported::Same(id));
    let listed = store.imports().await.unwrap();
    assert_eq!((listed.len(), &listed[0].about), (2, &first.about));
    assert_eq!(store.import_body(id).await.unwrap().unwrap().as_bytes(), b"a");
}

pub(in crate::store) async fn of_one_import_sent_by_many_at_once_one_is_kept(store: &dyn Store) {
    let import = import(1, &large_body());
    let puts = (0..8).map(|_| store.put_import(&import));
    let outcomes = futures_util::future::try_join_all(puts).await.unwrap();
    let new: Vec<_> = outcomes.iter().filter(|outcome| matches!(outcome, Imported::New(_))).collect();
    let listed = store.imports().await.unwrap();
    assert_eq!((new.len(), listed.len()), (1, 1), "{outcomes:?}");
    let id = listed[0].id;
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Imported::New(it) | Imported::Same(it) if *it == id)));
    assert!(store.import_body(id).await.unwrap().unwrap() == import.body);
}

pub(in crate::store) async fn an_undone_import_leaves_no_trace_and_can_be_imported_again(store: &dyn Store) {
    let (first, second) = (import(1, b"a"), import(2, b"b"));
    let (one, two) = (put(store, &first).await, put(store, &second).await);
    assert!(store.undo_import(two).await.unwrap());
    assert!(!store.undo_import(two).await.unwrap());
    assert!(!store.undo_import(ImportId(u64::MAX)).await.unwrap());
    assert!(store.import_body(two).await.unwrap().is_none());
    assert_eq!(ids(store).await, [one]);
    let three = put(store, &second).await;
    assert!(three > two, "ids are never reused");
    assert_eq!(ids(store).await, [one, three]);
}

async fn ids(store: &dyn Store) -> Vec<ImportId> {
    store.imports().await.unwrap().into_iter().map(|import| import.id).collect()
}

/// More than one portion, and no text.
fn large_body() -> Vec<u8> {
    (0..700_001_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}
