//! What every store promises about links.

use super::*;

pub(in crate::store) async fn a_new_link_is_found_by_id_and_by_slug(store: &dyn Store) {
    let spec = full("Spring");
    let link = create(store, &spec, "spring").await;
    assert_eq!((link.revision, link.created_at, link.updated_at), (1, NOON, NOON));
    assert_eq!(link.spec, spec);
    assert_eq!(store.link(link.id).await.unwrap(), Some(link.clone()));
    assert_eq!(store.link_by_slug(&spec.domain, "spring").await.unwrap(), Some(link));
    assert_eq!(store.link_by_slug(&spec.domain, "Spring").await.unwrap(), None);
    assert_eq!(store.link(LinkId(u64::MAX)).await.unwrap(), None);
}

pub(in crate::store) async fn a_taken_slug_is_refused(store: &dyn Store) {
    let first = create(store, &plain("Spring"), "spring").await;
    let second = store.create_link(&plain("SPRING"), "spring", NOON).await.unwrap();
    assert_eq!(second, Created::Taken(first.id));
    assert_eq!(store.links(LinkId(0), 10).await.unwrap(), [first]);
}

pub(in crate::store) async fn slugs_are_per_domain(store: &dyn Store) {
    let here = create(store, &plain("spring"), "spring").await;
    let there = create(store, &full("spring"), "spring").await;
    assert_ne!(here.id, there.id);
    assert_eq!(store.link_by_slug(&DomainName::DEFAULT, "spring").await.unwrap(), Some(here));
    assert_eq!(store.link_by_slug(&there.spec.domain, "spring").await.unwrap(), Some(there));
}

pub(in crate::store) async fn a_changed_link_is_saved_whole_under_the_next_revision(store: &dyn Store) {
    let link = create(store, &plain("spring"), "spring").await;
    let spec = full("autumn");
    let Replaced::Yes(changed) = store.replace_link(link.id, 1, &spec, "autumn", at(1)).await.unwrap() else {
        panic!("not replaced");
    };
    assert_eq!(*changed, Link { id: link.id, revision: 2, created_at: NOON, updated_at: at(1), spec });
    assert_eq!(store.link(link.id).await.unwrap(), Some(*changed));
    assert_eq!(store.link_by_slug(&DomainName::DEFAULT, "spring").await.unwrap(), None);
}

pub(in crate::store) async fn a_changed_link_is_not_overwritten(store: &dyn Store) {
    let link = create(store, &plain("spring"), "spring").await;
    let mut spec = plain("spring");
    spec.title = Some("first".to_owned());
    assert!(matches!(store.replace_link(link.id, 1, &spec, "spring", at(1)).await.unwrap(), Replaced::Yes(_)));
    spec.title = Some("second".to_owned());
    assert_eq!(store.replace_link(link.id, 1, &spec, "spring", at(2)).await.unwrap(), Replaced::Changed);
    let stored = store.link(link.id).await.unwrap().unwrap();
    assert_eq!((stored.spec.title.as_deref(), stored.revision), (Some("first"), 2));
    assert!(remove(store, link.id).await);
    assert_eq!(store.replace_link(link.id, 2, &spec, "spring", at(3)).await.unwrap(), Replaced::Changed);
}

pub(in crate::store) async fn a_link_cannot_take_the_slug_of_another(store: &dyn Store) {
    let holder = create(store, &plain("spring"), "spring").await;
    let other = create(store, &plain("autumn"), "autumn").await;
    let taken = store.replace_link(other.id, 1, &plain("spring"), "spring", at(1)).await.unwrap();
    assert_eq!(taken, Replaced::Taken(holder.id));
    assert_eq!(store.link(other.id).await.unwrap(), Some(other));
}

pub(in crate::store) async fn ids_are_never_reused(store: &dyn Store) {
    let first = create(store, &plain("spring"), "spring").await;
    assert_eq!(first.id, LinkId(1));
    assert!(remove(store, first.id).await);
    assert!(!remove(store, first.id).await);
    assert!(create(store, &plain("spring"), "spring").await.id > first.id);

    let import_id = put(store, &import(1, b"")).await;
    assert!(store.undo_import(import_id).await.unwrap());
    assert!(put(store, &import(1, b"")).await > import_id);
}

pub(in crate::store) async fn what_is_heard_differs_after_every_change_of_a_link(store: &dyn Store) {
    let mut heard = vec![store.heard().await.unwrap()];
    assert_eq!(store.heard().await.unwrap(), heard[0]);
    let link = create(store, &plain("spring"), "spring").await;
    heard.push(store.heard().await.unwrap());
    store.replace_link(link.id, 1, &plain("summer"), "summer", NOON).await.unwrap();
    heard.push(store.heard().await.unwrap());
    store.remove_links(&[(link.id, None)]).await.unwrap();
    heard.push(store.heard().await.unwrap());
    for (at, one) in heard.iter().enumerate() {
        assert!(!heard[..at].contains(one), "{heard:?}");
    }
}

pub(in crate::store) async fn links_are_listed_by_id_in_pages(store: &dyn Store) {
    for n in 0..5 {
        create(store, &plain(&format!("slug-{n}")), &format!("slug-{n}")).await;
    }
    let ids = async |after, limit| {
        let page = store.links(LinkId(after), limit).await.unwrap();
        page.iter().map(|link| link.id.0).collect::<Vec<_>>()
    };
    assert_eq!(ids(0, 2).await, [1, 2]);
    assert_eq!(ids(2, 2).await, [3, 4]);
    assert_eq!(ids(4, usize::MAX).await, [5]);
    assert!(ids(5, 2).await.is_empty());
    assert!(ids(u64::MAX, 2).await.is_empty());
    assert!(ids(0, 0).await.is_empty());
}

pub(in crate::store) async fn links_are_created_together_or_not_at_all(store: &dyn Store) {
    let holder = create(store, &plain("b"), "b").await;
    let new = |slug: &str| NewLink { spec: plain(slug), folded: slug.to_owned(), created_at: at(-9) };
    let refused = store.create_links(&[new("a"), new("b"), new("c")], NOON).await.unwrap();
    assert_eq!(refused, CreatedAll::Taken(vec![(1, holder.id)]));
    assert_eq!(store.links(LinkId(0), 10).await.unwrap(), [holder]);
    let CreatedAll::Yes(made) = store.create_links(&[new("a"), new("c")], NOON).await.unwrap() else {
        panic!("both are free")
    };
    assert_eq!(made.iter().map(|link| link.spec.slug.as_str()).collect::<Vec<_>>(), ["a", "c"]);
    for link in made {
        assert_eq!((link.revision, link.created_at, link.updated_at), (1, at(-9), NOON));
        assert_eq!(store.link(link.id).await.unwrap(), Some(link));
    }
    assert_eq!(store.create_links(&[], NOON).await.unwrap(), CreatedAll::Yes(Vec::new()));
}

pub(in crate::store) async fn a_link_that_was_changed_is_not_removed_by_its_former_revision(store: &dyn Store) {
    let link = create(store, &plain("a"), "a").await;
    store.replace_link(link.id, 1, &full("a"), "a", at(1)).await.unwrap();
    let other = create(store, &plain("b"), "b").await;
    let asked = [(link.id, Some(1)), (other.id, Some(1)), (LinkId(99), None)];
    assert_eq!(store.remove_links(&asked).await.unwrap(), [Removed::Changed, Removed::Yes, Removed::Absent]);
    assert_eq!(store.remove_links(&[(link.id, Some(2))]).await.unwrap(), [Removed::Yes]);
    assert!(store.links(LinkId(0), 10).await.unwrap().is_empty());
}
