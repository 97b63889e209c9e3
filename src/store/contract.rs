//! What every store promises, as sentences. A second store runs the same list through [`store_contract`].
//!
//! Nothing here may know which store it speaks to.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::{Date, date};

use super::{Created, MISSED_SLUGS_MAX, Replaced, Store};
use crate::domain::counter::{Applied, Batch, Counters, DayCounters, Delta, Dimension, OTHER, VALUES_MAX};
use crate::domain::destination::Destination;
use crate::domain::impression::{Import, ImportId, Imported, Impression, Kind, Subject};
use crate::domain::link::{DomainName, Link, LinkId, LinkSpec, Rules, Status};
use crate::domain::placement::{Level, Placement, Platform, PostRef};
use crate::domain::position::{Incarnation, Position, Shard};
use crate::domain::slug::Slug;
use crate::domain::utm::Utm;
use crate::domain::visitor::Visitor;

/// A place where one store lives on while handles to it come and go.
pub(super) trait Home {
    /// A new handle; every earlier one was dropped.
    fn open(&self) -> Arc<dyn Store>;
}

/// Runs the whole contract on `$home`, an expression that makes an empty [`Home`].
macro_rules! store_contract {
    ($home:expr) => {
        $crate::store::contract::store_contract!(
            @sentences $home;
            a_new_link_is_found_by_id_and_by_slug
            a_taken_slug_is_refused
            slugs_are_per_domain
            a_changed_link_is_saved_whole_under_the_next_revision
            a_changed_link_is_not_overwritten
            a_link_cannot_take_the_slug_of_another
            ids_are_never_reused
            links_are_listed_by_id_in_pages
            a_batch_counts_once
            a_batch_with_a_gap_is_refused_and_says_where_to_go_on
            a_batch_that_does_not_move_forward_counts_nothing
            an_empty_range_moves_the_watermark
            incarnations_and_shards_have_watermarks_of_their_own
            counters_add_across_batches
            one_batch_may_name_a_link_and_day_twice
            counters_are_listed_by_link_then_day
            clicks_on_a_removed_link_are_counted
            a_visitor_counts_once_per_day
            a_full_dimension_goes_to_other_with_exact_sum
            the_archive_has_a_position_of_its_own
            misses_add_up_and_the_largest_come_first
            misses_are_capped_with_exact_sum
            a_day_has_one_salt
            salts_are_destroyed_after_two_days
            impressions_replace_not_add
            an_older_as_of_never_overwrites
            of_two_equal_as_ofs_the_later_import_wins
            the_same_file_twice_is_a_no_op
            kinds_and_subjects_stand_apart
            an_undone_import_brings_back_what_it_replaced
            an_undone_import_can_be_imported_again
            the_largest_numbers_are_no_error
        );
        #[tokio::test]
        async fn everything_survives_reopening() {
            $crate::store::contract::everything_survives_reopening(&$home).await;
        }
    };
    (@sentences $home:expr; $($sentence:ident)*) => {
        $(
            #[tokio::test]
            async fn $sentence() {
                let home = $home;
                $crate::store::contract::$sentence(&*$crate::store::contract::Home::open(&home)).await;
            }
        )*
    };
}
pub(super) use store_contract;

const NOON: Timestamp = Timestamp::constant(1_800_000_000, 123_000_000);
const DAY: Date = date(2026, 11, 21);
const ONE: Incarnation = Incarnation(1);

fn at(hour: i64) -> Timestamp {
    NOON + jiff::SignedDuration::from_hours(hour)
}

fn destination(url: &str) -> Destination {
    Destination::parse(url, Destination::BYTES_MAX).unwrap()
}

fn plain(slug: &str) -> LinkSpec {
    LinkSpec {
        domain: DomainName::DEFAULT,
        slug: Slug::parse(slug).unwrap(),
        url: destination("https://example.com/a"),
        utm: Utm::default(),
        destination: destination("https://example.com/a"),
        placement: Placement::default(),
        title: None,
        tags: Vec::new(),
        rules: Rules::default(),
    }
}

/// A link with every column set, and with text that a careless store would mangle.
fn full(slug: &str) -> LinkSpec {
    let utm = |text: &str| Some(text.to_owned());
    LinkSpec {
        domain: DomainName("go.example.com".to_owned()),
        url: destination("https://example.com/a?b=1#c"),
        utm: Utm {
            source: utm("instagram"),
            medium: utm("social"),
            campaign: utm("vår 'n' \"höst\""),
            term: utm("a,b"),
            content: utm("[1]"),
            id: utm("7"),
        },
        destination: destination("https://example.com/a?b=1&utm_source=instagram#c"),
        placement: Placement {
            platform: Some(Platform::parse("instagram").unwrap()),
            level: Level::Story,
            posts: vec![PostRef::parse("https://www.instagram.com/p/x/").unwrap(), PostRef::parse("1,\"2").unwrap()],
        },
        title: Some("Spring; DROP TABLE links".to_owned()),
        tags: vec!["spring".to_owned(), "a\"b\\".to_owned()],
        rules: Rules {
            status: Status::PermanentRedirect,
            enabled: false,
            passthrough: false,
            visitor_utm: true,
            expires_at: Some(at(5)),
            expired_url: Some(destination("https://example.com/gone")),
        },
        ..plain(slug)
    }
}

async fn create(store: &dyn Store, spec: &LinkSpec, folded: &str) -> Link {
    match store.create_link(spec, folded, NOON).await.unwrap() {
        Created::Yes(link) => *link,
        Created::Taken(by) => panic!("{folded:?} is taken by {by}"),
    }
}

fn counters(pairs: &[(Dimension, &str, u64)]) -> Counters {
    let mut counters = Counters::new();
    pairs.iter().for_each(|(dimension, value, count)| counters.add(*dimension, value, *count));
    counters
}

fn delta(link: u64, day: Date, clicks: u64, visitors: &[u64]) -> Delta {
    Delta {
        link: LinkId(link),
        day,
        counters: counters(&[(Dimension::Verdict, "human", clicks), (Dimension::Country, "SE", clicks)]),
        visitors: visitors.iter().map(|hash| Visitor(*hash)).collect(),
    }
}

fn batch(from: u64, to: u64, deltas: Vec<Delta>) -> Batch {
    Batch { incarnation: ONE, shard: Shard(0), from: Position(from), to: Position(to), deltas }
}

async fn count(store: &dyn Store, link: u64, day: Date) -> Option<DayCounters> {
    let mut found = store.counters(Some(&[LinkId(link)]), day, day).await.unwrap();
    assert!(found.len() <= 1);
    found.pop()
}

async fn clicks(store: &dyn Store, link: u64, day: Date) -> u64 {
    count(store, link, day).await.map_or(0, |found| found.counters.get(Dimension::Verdict, "human"))
}

fn import(digest: u8, as_of: Timestamp, rows: Vec<Impression>) -> Import {
    Import { digest: [digest; 32], file_name: format!("{digest}.csv"), as_of, imported_at: at(100), rows }
}

fn views(link: u64, day: Date, count: u64) -> Impression {
    Impression { subject: Subject::Link(LinkId(link)), day, kind: Kind::Views, count }
}

/// Imports what must be new; `(added, replaced, kept)`.
async fn put(store: &dyn Store, import: &Import) -> (ImportId, (u64, u64, u64)) {
    match store.put_import(import).await.unwrap() {
        Imported::New { id, added, replaced, kept } => (id, (added, replaced, kept)),
        Imported::Same { id } => panic!("the same as {id:?}"),
    }
}

async fn in_force(store: &dyn Store) -> Vec<u64> {
    let stored = store.impressions(Date::MIN, Date::MAX).await.unwrap();
    stored.into_iter().map(|stored| stored.impression.count).collect()
}

pub(super) async fn a_new_link_is_found_by_id_and_by_slug(store: &dyn Store) {
    let spec = full("Spring");
    let link = create(store, &spec, "spring").await;
    assert_eq!((link.revision, link.created_at, link.updated_at), (1, NOON, NOON));
    assert_eq!(link.spec, spec);
    assert_eq!(store.link(link.id).await.unwrap(), Some(link.clone()));
    assert_eq!(store.link_by_slug(&spec.domain, "spring").await.unwrap(), Some(link));
    assert_eq!(store.link_by_slug(&spec.domain, "Spring").await.unwrap(), None);
    assert_eq!(store.link(LinkId(u64::MAX)).await.unwrap(), None);
}

pub(super) async fn a_taken_slug_is_refused(store: &dyn Store) {
    let first = create(store, &plain("Spring"), "spring").await;
    let second = store.create_link(&plain("SPRING"), "spring", NOON).await.unwrap();
    assert_eq!(second, Created::Taken(first.id));
    assert_eq!(store.links(LinkId(0), 10).await.unwrap(), [first]);
}

pub(super) async fn slugs_are_per_domain(store: &dyn Store) {
    let here = create(store, &plain("spring"), "spring").await;
    let there = create(store, &full("spring"), "spring").await;
    assert_ne!(here.id, there.id);
    assert_eq!(store.link_by_slug(&DomainName::DEFAULT, "spring").await.unwrap(), Some(here));
    assert_eq!(store.link_by_slug(&there.spec.domain, "spring").await.unwrap(), Some(there));
}

pub(super) async fn a_changed_link_is_saved_whole_under_the_next_revision(store: &dyn Store) {
    let link = create(store, &plain("spring"), "spring").await;
    let spec = full("autumn");
    let Replaced::Yes(changed) = store.replace_link(link.id, 1, &spec, "autumn", at(1)).await.unwrap() else {
        panic!("not replaced");
    };
    assert_eq!(*changed, Link { id: link.id, revision: 2, created_at: NOON, updated_at: at(1), spec });
    assert_eq!(store.link(link.id).await.unwrap(), Some(*changed));
    assert_eq!(store.link_by_slug(&DomainName::DEFAULT, "spring").await.unwrap(), None);
}

pub(super) async fn a_changed_link_is_not_overwritten(store: &dyn Store) {
    let link = create(store, &plain("spring"), "spring").await;
    let mut spec = plain("spring");
    spec.title = Some("first".to_owned());
    assert!(matches!(store.replace_link(link.id, 1, &spec, "spring", at(1)).await.unwrap(), Replaced::Yes(_)));
    spec.title = Some("second".to_owned());
    assert_eq!(store.replace_link(link.id, 1, &spec, "spring", at(2)).await.unwrap(), Replaced::Changed);
    let stored = store.link(link.id).await.unwrap().unwrap();
    assert_eq!((stored.spec.title.as_deref(), stored.revision), (Some("first"), 2));
    assert!(store.remove_link(link.id).await.unwrap());
    assert_eq!(store.replace_link(link.id, 2, &spec, "spring", at(3)).await.unwrap(), Replaced::Changed);
}

pub(super) async fn a_link_cannot_take_the_slug_of_another(store: &dyn Store) {
    let holder = create(store, &plain("spring"), "spring").await;
    let other = create(store, &plain("autumn"), "autumn").await;
    let taken = store.replace_link(other.id, 1, &plain("spring"), "spring", at(1)).await.unwrap();
    assert_eq!(taken, Replaced::Taken(holder.id));
    assert_eq!(store.link(other.id).await.unwrap(), Some(other));
}

pub(super) async fn ids_are_never_reused(store: &dyn Store) {
    let first = create(store, &plain("spring"), "spring").await;
    assert_eq!(first.id, LinkId(1));
    assert!(store.remove_link(first.id).await.unwrap());
    assert!(!store.remove_link(first.id).await.unwrap());
    assert!(create(store, &plain("spring"), "spring").await.id > first.id);

    let (import_id, _) = put(store, &import(1, at(0), vec![views(1, DAY, 1)])).await;
    assert!(store.undo_import(import_id).await.unwrap());
    assert!(put(store, &import(1, at(0), vec![views(1, DAY, 1)])).await.0 > import_id);
}

pub(super) async fn links_are_listed_by_id_in_pages(store: &dyn Store) {
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

pub(super) async fn a_batch_counts_once(store: &dyn Store) {
    let batch = batch(0, 10, vec![delta(1, DAY, 10, &[7])]);
    assert_eq!(store.watermark(ONE, Shard(0)).await.unwrap(), Position::START);
    assert_eq!(store.apply(&batch).await.unwrap(), Applied::Yes);
    assert_eq!(store.apply(&batch).await.unwrap(), Applied::No { watermark: Position(10) });
    assert_eq!(store.watermark(ONE, Shard(0)).await.unwrap(), Position(10));
    assert_eq!(clicks(store, 1, DAY).await, 10);
}

pub(super) async fn a_batch_with_a_gap_is_refused_and_says_where_to_go_on(store: &dyn Store) {
    store.apply(&batch(0, 10, vec![delta(1, DAY, 10, &[])])).await.unwrap();
    for from in [5, 11] {
        let refused = store.apply(&batch(from, 20, vec![delta(1, DAY, 9, &[])])).await.unwrap();
        assert_eq!(refused, Applied::No { watermark: Position(10) });
    }
    assert_eq!(clicks(store, 1, DAY).await, 10);
    assert_eq!(store.apply(&batch(10, 20, vec![delta(1, DAY, 10, &[])])).await.unwrap(), Applied::Yes);
    assert_eq!(clicks(store, 1, DAY).await, 20);
}

pub(super) async fn a_batch_that_does_not_move_forward_counts_nothing(store: &dyn Store) {
    store.apply(&batch(0, 10, vec![delta(1, DAY, 10, &[])])).await.unwrap();
    for to in [10, 9] {
        let refused = store.apply(&batch(10, to, vec![delta(1, DAY, 1, &[])])).await.unwrap();
        assert_eq!(refused, Applied::No { watermark: Position(10) });
    }
    assert_eq!(clicks(store, 1, DAY).await, 10);
}

pub(super) async fn an_empty_range_moves_the_watermark(store: &dyn Store) {
    assert_eq!(store.apply(&batch(0, 0, vec![])).await.unwrap(), Applied::Yes);
    assert_eq!(store.apply(&batch(0, 10, vec![])).await.unwrap(), Applied::Yes);
    assert_eq!(store.watermark(ONE, Shard(0)).await.unwrap(), Position(10));
}

pub(super) async fn incarnations_and_shards_have_watermarks_of_their_own(store: &dyn Store) {
    let other = Incarnation(u128::MAX);
    store.apply(&batch(0, 10, vec![delta(1, DAY, 10, &[])])).await.unwrap();
    assert_eq!(store.watermark(other, Shard(0)).await.unwrap(), Position::START);
    assert_eq!(store.watermark(ONE, Shard(1)).await.unwrap(), Position::START);
    let theirs = Batch { incarnation: other, ..batch(0, 3, vec![delta(1, DAY, 3, &[])]) };
    assert_eq!(store.apply(&theirs).await.unwrap(), Applied::Yes);
    assert_eq!(store.watermark(ONE, Shard(0)).await.unwrap(), Position(10));
    assert_eq!(clicks(store, 1, DAY).await, 13);
}

pub(super) async fn counters_add_across_batches(store: &dyn Store) {
    let second = Delta { counters: counters(&[(Dimension::Country, "NO", 2)]), ..delta(1, DAY, 0, &[]) };
    store.apply(&batch(0, 1, vec![delta(1, DAY, 3, &[])])).await.unwrap();
    store.apply(&batch(1, 2, vec![delta(1, DAY, 4, &[]), delta(2, DAY, 1, &[])])).await.unwrap();
    store.apply(&batch(2, 3, vec![second])).await.unwrap();
    let expected =
        counters(&[(Dimension::Verdict, "human", 7), (Dimension::Country, "SE", 7), (Dimension::Country, "NO", 2)]);
    assert_eq!(count(store, 1, DAY).await.unwrap().counters, expected);
    assert_eq!(clicks(store, 2, DAY).await, 1);
}

pub(super) async fn one_batch_may_name_a_link_and_day_twice(store: &dyn Store) {
    store.apply(&batch(0, 5, vec![delta(1, DAY, 2, &[1, 2]), delta(1, DAY, 3, &[2, 3])])).await.unwrap();
    assert_eq!(clicks(store, 1, DAY).await, 5);
    assert_eq!(count(store, 1, DAY).await.unwrap().visitors, 3);
}

pub(super) async fn counters_are_listed_by_link_then_day(store: &dyn Store) {
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

pub(super) async fn clicks_on_a_removed_link_are_counted(store: &dyn Store) {
    let link = create(store, &plain("spring"), "spring").await;
    store.apply(&batch(0, 1, vec![delta(link.id.0, DAY, 1, &[])])).await.unwrap();
    store.remove_link(link.id).await.unwrap();
    assert_eq!(store.apply(&batch(1, 2, vec![delta(link.id.0, DAY, 1, &[])])).await.unwrap(), Applied::Yes);
    assert_eq!(clicks(store, link.id.0, DAY).await, 2);
}

pub(super) async fn a_visitor_counts_once_per_day(store: &dyn Store) {
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

pub(super) async fn a_full_dimension_goes_to_other_with_exact_sum(store: &dyn Store) {
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

pub(super) async fn the_archive_has_a_position_of_its_own(store: &dyn Store) {
    assert_eq!(store.archived(ONE).await.unwrap(), Position::START);
    store.set_archived(ONE, Position(5)).await.unwrap();
    store.set_archived(ONE, Position(9)).await.unwrap();
    assert_eq!(store.archived(ONE).await.unwrap(), Position(9));
    assert_eq!(store.archived(Incarnation(2)).await.unwrap(), Position::START);
    assert_eq!(store.watermark(ONE, Shard(0)).await.unwrap(), Position::START);
}

fn miss(kind: &str, slug: &str, count: u64) -> (String, String, u64) {
    (kind.to_owned(), slug.to_owned(), count)
}

pub(super) async fn misses_add_up_and_the_largest_come_first(store: &dyn Store) {
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

pub(super) async fn misses_are_capped_with_exact_sum(store: &dyn Store) {
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

pub(super) async fn a_day_has_one_salt(store: &dyn Store) {
    let today = store.salt(DAY).await.unwrap();
    let tomorrow = store.salt(DAY.tomorrow().unwrap()).await.unwrap();
    assert!(today != tomorrow);
    assert!(store.salt(DAY).await.unwrap() == today);
}

pub(super) async fn salts_are_destroyed_after_two_days(store: &dyn Store) {
    let first = store.salt(DAY).await.unwrap();
    store.salt(date(2026, 11, 23)).await.unwrap();
    assert!(store.salt(DAY).await.unwrap() == first);
    store.salt(date(2026, 11, 24)).await.unwrap();
    assert!(store.salt(DAY).await.unwrap() != first);
    store.salt(Date::MIN).await.unwrap();
    store.salt(Date::MAX).await.unwrap();
}

pub(super) async fn impressions_replace_not_add(store: &dyn Store) {
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

pub(super) async fn an_older_as_of_never_overwrites(store: &dyn Store) {
    put(store, &import(1, at(5), vec![views(1, DAY, 100)])).await;
    let (_, older) = put(store, &import(2, at(4), vec![views(1, DAY, 90), views(2, DAY, 7)])).await;
    assert_eq!(older, (1, 0, 1));
    assert_eq!(in_force(store).await, [100, 7]);
}

pub(super) async fn of_two_equal_as_ofs_the_later_import_wins(store: &dyn Store) {
    put(store, &import(1, at(5), vec![views(1, DAY, 100)])).await;
    let (_, later) = put(store, &import(2, at(5), vec![views(1, DAY, 90)])).await;
    assert_eq!(later, (0, 1, 0));
    assert_eq!(in_force(store).await, [90]);
}

pub(super) async fn the_same_file_twice_is_a_no_op(store: &dyn Store) {
    let file = import(1, at(5), vec![views(1, DAY, 100)]);
    let (id, _) = put(store, &file).await;
    put(store, &import(2, at(6), vec![views(1, DAY, 120)])).await;
    assert_eq!(store.put_import(&Import { as_of: at(9), ..file }).await.unwrap(), Imported::Same { id });
    assert_eq!(in_force(store).await, [120]);
    assert_eq!(store.imports().await.unwrap().len(), 2);
}

pub(super) async fn kinds_and_subjects_stand_apart(store: &dyn Store) {
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

pub(super) async fn an_undone_import_brings_back_what_it_replaced(store: &dyn Store) {
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

pub(super) async fn an_undone_import_can_be_imported_again(store: &dyn Store) {
    let file = import(1, at(5), vec![views(1, DAY, 100)]);
    let (id, _) = put(store, &file).await;
    store.undo_import(id).await.unwrap();
    assert!(in_force(store).await.is_empty());
    put(store, &file).await;
    assert_eq!(in_force(store).await, [100]);
}

pub(super) async fn the_largest_numbers_are_no_error(store: &dyn Store) {
    for from in 0..2 {
        store.apply(&batch(from, from + 1, vec![delta(u64::MAX, DAY, u64::MAX, &[u64::MAX])])).await.unwrap();
        store.add_misses(DAY, &[miss("unknown", &"å".repeat(9_999), u64::MAX)]).await.unwrap();
    }
    store.apply(&batch(2, u64::MAX, vec![])).await.unwrap();
    let counted = store.counters(None, DAY, DAY).await.unwrap();
    assert_eq!(counted[0].counters.get(Dimension::Verdict, "human"), u64::MAX);
    put(store, &import(1, Timestamp::MAX, vec![views(1, Date::MAX, u64::MAX)])).await;
    assert_eq!(in_force(store).await.len(), 1);
    assert_eq!(store.misses(DAY, DAY).await.unwrap().len(), 1);
}

pub(super) async fn everything_survives_reopening(home: &dyn Home) {
    let store = home.open();
    let link = create(&*store, &full("spring"), "spring").await;
    store.apply(&batch(0, 7, vec![delta(1, DAY, 7, &[1, 2])])).await.unwrap();
    store.set_archived(ONE, Position(6)).await.unwrap();
    store.add_misses(DAY, &[miss("unknown", "a", 1)]).await.unwrap();
    let salt = store.salt(DAY).await.unwrap();
    let (first, _) = put(&*store, &import(1, at(1), vec![views(1, DAY, 100)])).await;
    drop(store);

    let store = home.open();
    assert_eq!(store.link(link.id).await.unwrap(), Some(link));
    assert_eq!(clicks(&*store, 1, DAY).await, 7);
    assert_eq!(count(&*store, 1, DAY).await.unwrap().visitors, 2);
    assert_eq!(store.watermark(ONE, Shard(0)).await.unwrap(), Position(7));
    assert_eq!(store.archived(ONE).await.unwrap(), Position(6));
    assert_eq!(store.misses(DAY, DAY).await.unwrap().len(), 1);
    assert!(store.salt(DAY).await.unwrap() == salt);
    assert_eq!(in_force(&*store).await, [100]);
    assert!(store.undo_import(first).await.unwrap());
    assert!(create(&*store, &plain("next"), "next").await.id > LinkId(1));
}
