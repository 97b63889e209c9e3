//! What every store promises about counters, watermarks, misses and salts.

use super::*;

pub(in crate::store) async fn a_batch_counts_once(store: &dyn Store) {
    let batch = batch(0, 10, vec![delta(1, DAY, 10, &[7])]);
    assert_eq!(store.watermark(ONE, Shard(0)).await.unwrap(), Position::START);
    assert_eq!(store.apply(&batch).await.unwrap(), Applied::Yes);
    assert_eq!(store.apply(&batch).await.unwrap(), Applied::No { watermark: Position(10) });
    assert_eq!(store.watermark(ONE, Shard(0)).await.unwrap(), Position(10));
    assert_eq!(clicks(store, 1, DAY).await, 10);
}

pub(in crate::store) async fn a_batch_with_a_gap_is_refused_and_says_where_to_go_on(store: &dyn Store) {
    store.apply(&batch(0, 10, vec![delta(1, DAY, 10, &[])])).await.unwrap();
    for from in [5, 11] {
        let refused = store.apply(&batch(from, 20, vec![delta(1, DAY, 9, &[])])).await.unwrap();
        assert_eq!(refused, Applied::No { watermark: Position(10) });
    }
    assert_eq!(clicks(store, 1, DAY).await, 10);
    assert_eq!(store.apply(&batch(10, 20, vec![delta(1, DAY, 10, &[])])).await.unwrap(), Applied::Yes);
    assert_eq!(clicks(store, 1, DAY).await, 20);
}

pub(in crate::store) async fn a_batch_that_does_not_move_forward_counts_nothing(store: &dyn Store) {
    store.apply(&batch(0, 10, vec![delta(1, DAY, 10, &[])])).await.unwrap();
    for to in [10, 9] {
        let refused = store.apply(&batch(10, to, vec![delta(1, DAY, 1, &[])])).await.unwrap();
        assert_eq!(refused, Applied::No { watermark: Position(10) });
    }
    assert_eq!(clicks(store, 1, DAY).await, 10);
}

pub(in crate::store) async fn an_empty_range_moves_the_watermark(store: &dyn Store) {
    assert_eq!(store.apply(&batch(0, 0, vec![])).await.unwrap(), Applied::Yes);
    assert_eq!(store.apply(&batch(0, 10, vec![])).await.unwrap(), Applied::Yes);
    assert_eq!(store.watermark(ONE, Shard(0)).await.unwrap(), Position(10));
}

pub(in crate::store) async fn batches_that_go_together_are_told_apart(store: &dyn Store) {
    let begins = |number: u128| if number % 9 == 4 { 5 } else { 0 };
    let one = |number: u128| Batch {
        incarnation: Incarnation(number),
        ..batch(begins(number), 10, vec![delta(number as u64, DAY, 3, &[])])
    };
    let batches: Vec<Batch> = (1..=40).map(one).collect();
    let applied = store.apply_all(&batches.iter().collect::<Vec<_>>()).await;
    assert_eq!(applied.len(), batches.len());
    for (batch, applied) in batches.iter().zip(applied) {
        let is_counted = batch.from == Position::START;
        let refused = Applied::No { watermark: Position::START };
        assert_eq!(applied.unwrap(), if is_counted { Applied::Yes } else { refused }, "{}", batch.incarnation);
        let counted = count(store, batch.incarnation.0 as u64, DAY).await;
        assert_eq!(counted.is_some(), is_counted, "{}", batch.incarnation);
    }
}

pub(in crate::store) async fn incarnations_and_shards_have_watermarks_of_their_own(store: &dyn Store) {
    let other = Incarnation(u128::MAX);
    store.apply(&batch(0, 10, vec![delta(1, DAY, 10, &[])])).await.unwrap();
    assert_eq!(store.watermark(other, Shard(0)).await.unwrap(), Position::START);
    assert_eq!(store.watermark(ONE, Shard(1)).await.unwrap(), Position::START);
    let theirs = Batch { incarnation: other, ..batch(0, 3, vec![delta(1, DAY, 3, &[])]) };
    assert_eq!(store.apply(&theirs).await.unwrap(), Applied::Yes);
    assert_eq!(store.watermark(ONE, Shard(0)).await.unwrap(), Position(10));
    assert_eq!(clicks(store, 1, DAY).await, 13);
}

pub(in crate::store) async fn counters_add_across_batches(store: &dyn Store) {
    let second = Delta { counters: counters(&[(Dimension::Country, "NO", 2)]), ..delta(1, DAY, 0, &[]) };
    store.apply(&batch(0, 1, vec![delta(1, DAY, 3, &[])])).await.unwrap();
    store.apply(&batch(1, 2, vec![delta(1, DAY, 4, &[]), delta(2, DAY, 1, &[])])).await.unwrap();
    store.apply(&batch(2, 3, vec![second])).await.unwrap();
    let expected =
        counters(&[(Dimension::Verdict, "human", 7), (Dimension::Country, "SE", 7), (Dimension::Country, "NO", 2)]);
    assert_eq!(count(store, 1, DAY).await.unwrap().counters, expected);
    assert_eq!(clicks(store, 2, DAY).await, 1);
}

pub(in crate::store) async fn one_batch_may_name_a_link_and_day_twice(store: &dyn Store) {
    store.apply(&batch(0, 5, vec![delta(1, DAY, 2, &[1, 2]), delta(1, DAY, 3, &[2, 3])])).await.unwrap();
    assert_eq!(clicks(store, 1, DAY).await, 5);
    assert_eq!(count(store, 1, DAY).await.unwrap().visitors, 3);
}

pub(in crate::store) async fn a_day_is_replaced_whole_and_its_neighbours_and_watermarks_stay(store: &dyn Store) {
    let next = DAY.tomorrow().unwrap();
    let deltas = vec![delta(1, DAY, 5, &[1, 2]), delta(2, DAY, 3, &[]), delta(1, next, 7, &[])];
    store.apply(&batch(0, 15, deltas)).await.unwrap();
    let counted = store.counters(None, DAY, DAY).await.unwrap();
    let deltas = [delta(1, DAY, 4, &[2]), delta(3, DAY, 1, &[]), delta(9, next, 9, &[])];
    assert!(store.replace_day(DAY, &counted, &deltas).await.unwrap());
    let counted = [clicks(store, 1, DAY).await, clicks(store, 2, DAY).await, clicks(store, 3, DAY).await];
    assert_eq!(counted, [4, 0, 1]);
    assert_eq!(count(store, 1, DAY).await.unwrap().visitors, 1);
    assert!(count(store, 2, DAY).await.is_none());
    assert_eq!((clicks(store, 1, next).await, clicks(store, 9, next).await), (7, 0));
    assert_eq!(store.watermark(ONE, Shard(0)).await.unwrap(), Position(15));
    assert_eq!(store.apply(&batch(15, 16, vec![delta(1, DAY, 1, &[])])).await.unwrap(), Applied::Yes);
    assert_eq!(clicks(store, 1, DAY).await, 5);
}

pub(in crate::store) async fn a_day_that_was_counted_into_meanwhile_is_not_replaced(store: &dyn Store) {
    store.apply(&batch(0, 5, vec![delta(1, DAY, 5, &[])])).await.unwrap();
    let counted = store.counters(None, DAY, DAY).await.unwrap();
    store.apply(&batch(5, 6, vec![delta(1, DAY, 1, &[])])).await.unwrap();
    assert!(!store.replace_day(DAY, &counted, &[delta(1, DAY, 4, &[])]).await.unwrap());
    assert_eq!(clicks(store, 1, DAY).await, 6);
}

pub(in crate::store) async fn counters_are_listed_by_link_then_day(store: &dyn Store) {
    let next = DAY.tomorrow().unwrap();
    let deltas = vec![delta(10, next, 1, &[]), delta(9, DAY, 1, &[]), delta(10, DAY, 1, &[]), delta(9, next, 1, &[])];
    store.apply(&batch(0, 4, deltas)).await.unwrap();
    let listed = async |links: Option<&[LinkId]>, first, last| {
        let found = store.counters(links, first, last).await.unwrap();
        found.iter().map(|found| (found.link.0, found.day)).collect::<Vec<_>>()
    };
    let all = [(9, DAY), (9, next), (10, DAY), (10, next)];
    assert_eq!(listed(None, Date::MIN, Date::MAX).await, all);
    assert_eq!(listed(Some(&[LinkId(10), LinkId(9), LinkId(10)]), DAY, next).await, all);
    assert_eq!(listed(Some(&[LinkId(10), LinkId(77)]), Date::MIN, Date::MAX).await, all[2..]);
    assert_eq!(listed(None, next, next).await, [(9, next), (10, next)]);
    assert!(listed(Some(&[]), Date::MIN, Date::MAX).await.is_empty());
    assert!(listed(None, next, DAY).await.is_empty());
}

pub(in crate::store) async fn counters_of_some_dimensions_are_those_of_all_without_the_others(store: &dyn Store) {
    let all = [(Dimension::Verdict, "human", 2), (Dimension::City, "SE/Stockholm", 2), (Dimension::Hour, "h", 2)];
    let deltas = vec![Delta { link: LinkId(1), day: DAY, counters: counters(&all), visitors: vec![Visitor(7)] }];
    store.apply(&batch(0, 1, deltas)).await.unwrap();
    let of = Dimensions::of(&[Dimension::Verdict, Dimension::Hour]);
    let asked: Option<&[LinkId]> = Some(&[LinkId(1)]);
    for links in [None, asked] {
        let found = store.counters_of(of, links, DAY, DAY).await.unwrap();
        assert_eq!((&found[0].counters, found[0].visitors), (&counters(&[all[0], all[2]]), 1));
        let found = store.counters(links, DAY, DAY).await.unwrap();
        assert_eq!(found[0].counters, counters(&all));
    }
}

pub(in crate::store) async fn clicks_on_a_removed_link_are_counted(store: &dyn Store) {
    let link = create(store, &plain("spring"), "spring").await;
    store.apply(&batch(0, 1, vec![delta(link.id.0, DAY, 1, &[])])).await.unwrap();
    remove(store, link.id).await;
    assert_eq!(store.apply(&batch(1, 2, vec![delta(link.id.0, DAY, 1, &[])])).await.unwrap(), Applied::Yes);
    assert_eq!(clicks(store, link.id.0, DAY).await, 2);
}

pub(in crate::store) async fn a_visitor_counts_once_per_day(store: &dyn Store) {
    let next = DAY.tomorrow().unwrap();
    store.apply(&batch(0, 1, vec![delta(1, DAY, 2, &[9, 5])])).await.unwrap();
    store.apply(&batch(1, 2, vec![delta(1, DAY, 2, &[5, 6]), delta(1, next, 1, &[5])])).await.unwrap();
    assert_eq!(count(store, 1, DAY).await.unwrap().visitors, 3);
    assert_eq!(count(store, 1, next).await.unwrap().visitors, 1);
    let many: Vec<u64> = (0..20_000_u64).map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect();
    for (n, part) in many.chunks(5_000).enumerate() {
        let from = 2 + n as u64;
        store.apply(&batch(from, from + 1, vec![delta(2, DAY, 1, part)])).await.unwrap();
    }
    let visitors = count(store, 2, DAY).await.unwrap().visitors;
    assert!(visitors.abs_diff(20_000) <= 500, "{visitors}");
}

pub(in crate::store) async fn a_full_dimension_goes_to_other_with_exact_sum(store: &dyn Store) {
    let cities = |range: std::ops::Range<usize>| {
        let mut delta = delta(1, DAY, 1, &[]);
        range.for_each(|n| delta.counters.add(Dimension::City, &format!("SE/city {n}"), 2));
        delta
    };
    store.apply(&batch(0, 1, vec![cities(0..600)])).await.unwrap();
    store.apply(&batch(1, 2, vec![cities(500..1_500)])).await.unwrap();
    store.apply(&batch(2, 3, vec![cities(0..1)])).await.unwrap();
    let found = count(store, 1, DAY).await.unwrap().counters;
    let cities: Vec<_> = found.iter().filter(|(dimension, ..)| *dimension == Dimension::City).collect();
    assert_eq!(cities.len(), VALUES_MAX + 1);
    assert_eq!(cities.iter().map(|(_, _, count)| count).sum::<u64>(), 2 * (600 + 1_000 + 1));
    assert_eq!(found.get(Dimension::City, OTHER), 2 * 500);
    assert_eq!(found.get(Dimension::City, "SE/city 0"), 4);
    assert_eq!(found.get(Dimension::Verdict, "human"), 3);
}

pub(in crate::store) async fn the_sum_of_a_day_never_outlives_its_counters(store: &dyn Store) {
    let next = DAY.tomorrow().unwrap();
    let counted = async |from: u64, day| {
        let batch = batch(from, from + 1, vec![Delta { day, ..delta(1, DAY, 3, &[]) }]);
        assert_eq!(store.apply(&batch).await.unwrap(), Applied::Yes);
    };
    let kept = async || store.day_sums(DAY, next).await.unwrap().into_keys().collect::<Vec<_>>();
    let keep = async |day, as_of| store.keep_day_sum(day, as_of, vec![7]).await.unwrap();
    let changes = |day| store.changes(day).unwrap_or(0);
    // A store that others write to keeps none.
    let all = if store.changes(DAY).is_some() { vec![DAY] } else { Vec::new() };
    counted(0, DAY).await;
    counted(1, next).await;
    let before = changes(DAY);
    keep(DAY, before).await;
    keep(next, changes(next)).await;
    assert_eq!(kept().await, all, "and the last day will change");
    counted(2, DAY).await;
    assert!(kept().await.is_empty());
    keep(DAY, before).await;
    assert!(kept().await.is_empty(), "it was made of counters from before");
    keep(DAY, changes(DAY)).await;
    assert_eq!(kept().await, all);
    let counted = store.counters(None, DAY, DAY).await.unwrap();
    assert!(store.replace_day(DAY, &counted, &[delta(1, DAY, 1, &[])]).await.unwrap());
    assert!(kept().await.is_empty());
}

pub(in crate::store) async fn the_archive_has_a_position_of_its_own(store: &dyn Store) {
    assert_eq!(store.archived(ONE).await.unwrap(), Position::START);
    store.set_archived(ONE, Position(5)).await.unwrap();
    store.set_archived(ONE, Position(9)).await.unwrap();
    assert_eq!(store.archived(ONE).await.unwrap(), Position(9));
    assert_eq!(store.archived(Incarnation(2)).await.unwrap(), Position::START);
    assert_eq!(store.watermark(ONE, Shard(0)).await.unwrap(), Position::START);
}

pub(in crate::store) async fn misses_add_up_and_the_largest_come_first(store: &dyn Store) {
    let next = DAY.tomorrow().unwrap();
    store.add_misses(DAY, &[miss("unknown", "a", 1), miss("disabled", "a", 2)]).await.unwrap();
    store.add_misses(DAY, &[miss("unknown", "a", 4), miss("unknown", "b", 1)]).await.unwrap();
    store.add_misses(next, &[miss("unknown", "a", 3)]).await.unwrap();
    let unknown = |day, slug: &str, count| (day, "unknown".to_owned(), slug.to_owned(), count);
    let disabled = (DAY, "disabled".to_owned(), "a".to_owned(), 2);
    let on_day = [unknown(DAY, "a", 5), disabled, unknown(DAY, "b", 1)];
    assert_eq!(store.misses(DAY, DAY).await.unwrap(), on_day);
    assert_eq!(store.misses(DAY, next).await.unwrap()[1], unknown(next, "a", 3));
}

pub(in crate::store) async fn misses_are_capped_with_exact_sum(store: &dyn Store) {
    let many = MISSED_SLUGS_MAX + 300;
    for half in [0..many / 2, many / 2..many] {
        let misses: Vec<_> = half.map(|n| miss("unknown", &format!("wp-{n}"), 2)).collect();
        store.add_misses(DAY, &misses).await.unwrap();
    }
    store.add_misses(DAY, &[miss("unknown", "wp-0", 2), miss("expired", "spring", 1)]).await.unwrap();
    let found = store.misses(DAY, DAY).await.unwrap();
    let unknown: Vec<_> = found.iter().filter(|(_, kind, ..)| kind == "unknown").collect();
    assert_eq!(unknown.len(), MISSED_SLUGS_MAX + 1);
    assert_eq!(unknown.iter().map(|(.., count)| count).sum::<u64>(), 2 * (many as u64 + 1));
    assert_eq!((unknown[0].2.as_str(), unknown[0].3), (OTHER, 600));
    assert!(found.contains(&(DAY, "expired".to_owned(), "spring".to_owned(), 1)));
}

pub(in crate::store) async fn a_day_has_one_salt(store: &dyn Store) {
    let today = store.salt(DAY).await.unwrap();
    let tomorrow = store.salt(DAY.tomorrow().unwrap()).await.unwrap();
    assert!(today != tomorrow);
    assert!(store.salt(DAY).await.unwrap() == today);
}

pub(in crate::store) async fn salts_are_destroyed_after_two_days(store: &dyn Store) {
    let first = store.salt(DAY).await.unwrap();
    store.salt(date(2026, 11, 23)).await.unwrap();
    assert!(store.salt(DAY).await.unwrap() == first);
    store.salt(date(2026, 11, 24)).await.unwrap();
    assert!(store.salt(DAY).await.unwrap() != first);
    store.salt(Date::MIN).await.unwrap();
    store.salt(Date::MAX).await.unwrap();
}

pub(in crate::store) async fn the_largest_numbers_are_no_error(store: &dyn Store) {
    for from in 0..2 {
        store.apply(&batch(from, from + 1, vec![delta(u64::MAX, DAY, u64::MAX, &[u64::MAX])])).await.unwrap();
        store.add_misses(DAY, &[miss("unknown", &"å".repeat(9_999), u64::MAX)]).await.unwrap();
    }
    store.apply(&batch(2, u64::MAX, vec![])).await.unwrap();
    let counted = store.counters(None, DAY, DAY).await.unwrap();
    assert_eq!(counted[0].counters.get(Dimension::Verdict, "human"), u64::MAX);
    assert_eq!(store.misses(DAY, DAY).await.unwrap().len(), 1);
}
