//! What every store promises about impressions.

use super::*;

pub(in crate::store) async fn impressions_replace_not_add(store: &dyn Store) {
    let (_, first) = put(store, &import(1, at(1), vec![views(1, DAY, 100), views(2, DAY, 50)])).await;
    assert_eq!(first, (2, 0, 0));
    let (id, second) = put(store, &import(2, at(2), vec![views(1, DAY, 150), views(3, DAY, 1)])).await;
    assert_eq!(second, (1, 1, 0));
    assert_eq!(in_force(store).await, [150, 50, 1]);
    let stored = &store.impressions(DAY, DAY).await.unwrap()[0];
    assert_eq!((stored.as_of, stored.import), (at(2), id));
    assert_eq!(stored.impression, views(1, DAY, 150));
    assert!(store.impressions(DAY.tomorrow().unwrap(), Date::MAX).await.unwrap().is_empty());
}

pub(in crate::store) async fn an_older_as_of_never_overwrites(store: &dyn Store) {
    put(store, &import(1, at(5), vec![views(1, DAY, 100)])).await;
    let (_, older) = put(store, &import(2, at(4), vec![views(1, DAY, 90), views(2, DAY, 7)])).await;
    assert_eq!(older, (1, 0, 1));
    assert_eq!(in_force(store).await, [100, 7]);
}

pub(in crate::store) async fn of_two_equal_as_ofs_the_later_import_wins(store: &dyn Store) {
    put(store, &import(1, at(5), vec![views(1, DAY, 100)])).await;
    let (_, later) = put(store, &import(2, at(5), vec![views(1, DAY, 90)])).await;
    assert_eq!(later, (0, 1, 0));
    assert_eq!(in_force(store).await, [90]);
}

pub(in crate::store) async fn the_same_file_twice_is_a_no_op(store: &dyn Store) {
    let file = import(1, at(5), vec![views(1, DAY, 100)]);
    let (id, _) = put(store, &file).await;
    put(store, &import(2, at(6), vec![views(1, DAY, 120)])).await;
    assert_eq!(store.put_import(&Import { as_of: at(9), ..file }).await.unwrap(), Imported::Same { id });
    assert_eq!(in_force(store).await, [120]);
    assert_eq!(store.imports().await.unwrap().len(), 2);
}

pub(in crate::store) async fn kinds_and_subjects_stand_apart(store: &dyn Store) {
    let post = |text: &str| Subject::Post(PostRef::parse(text).unwrap());
    let rows = vec![
        views(1, DAY, 1),
        Impression { kind: Kind::Reach, ..views(1, DAY, 2) },
        Impression { subject: post("1"), ..views(1, DAY, 3) },
        Impression { subject: post("link:1"), ..views(1, DAY, 4) },
        views(1, DAY.tomorrow().unwrap(), 5),
    ];
    let (_, outcome) = put(store, &import(1, at(1), rows.clone())).await;
    assert_eq!(outcome, (5, 0, 0));
    let stored = store.impressions(DAY, DAY.tomorrow().unwrap()).await.unwrap();
    assert_eq!(stored.len(), rows.len());
    assert!(rows.iter().all(|row| stored.iter().any(|stored| stored.impression == *row)));
}

pub(in crate::store) async fn an_undone_import_brings_back_what_it_replaced(store: &dyn Store) {
    let (first, _) = put(store, &import(1, at(1), vec![views(1, DAY, 100)])).await;
    let (second, _) = put(store, &import(2, at(2), vec![views(1, DAY, 150), views(2, DAY, 7)])).await;
    let (third, _) = put(store, &import(3, at(3), vec![views(1, DAY, 180)])).await;
    assert!(store.undo_import(second).await.unwrap());
    assert!(!store.undo_import(second).await.unwrap());
    assert_eq!(in_force(store).await, [180]);
    assert!(store.undo_import(third).await.unwrap());
    assert_eq!(in_force(store).await, [100]);
    let listed = store.imports().await.unwrap();
    assert_eq!(listed.iter().map(|import| import.id).collect::<Vec<_>>(), [first]);
    assert_eq!((listed[0].file_name.as_str(), listed[0].rows), ("1.csv", 1));
    assert_eq!((listed[0].as_of, listed[0].imported_at), (at(1), at(100)));
    assert!(!store.undo_import(ImportId(u64::MAX)).await.unwrap());
}

pub(in crate::store) async fn an_undone_import_can_be_imported_again(store: &dyn Store) {
    let file = import(1, at(5), vec![views(1, DAY, 100)]);
    let (id, _) = put(store, &file).await;
    store.undo_import(id).await.unwrap();
    assert!(in_force(store).await.is_empty());
    put(store, &file).await;
    assert_eq!(in_force(store).await, [100]);
}
