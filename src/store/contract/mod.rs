//! What every store promises, as sentences. A second store runs the same list through [`store_contract`].
//!
//! Nothing here may know which store it speaks to.

pub(super) mod copies;
pub(super) mod counts;
pub(super) mod imports;
pub(super) mod links;
pub(super) mod records;

use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::{Date, date};

use super::{Created, CreatedAll, MISSED_SLUGS_MAX, NewLink, Removed, Replaced, Store};
use crate::domain::counter::{Applied, Batch, Counters, DayCounters, Dimension, Dimensions, OTHER, VALUES_MAX};
use crate::domain::delta::Delta;
use crate::domain::destination::Destination;
use crate::domain::import::{About, Body, Digest, Import, ImportId, ImportSummary, Imported};
use crate::domain::link::{Author, Brought, DomainName, Link, LinkId, LinkSpec, Rules, Status, Way};
use crate::domain::placement::{Level, Placement, Platform, PostRef};
use crate::domain::position::{Incarnation, Position, Shard};
use crate::domain::record::{Expected, Record, RecordKey, RecordKind, RecordValue, Revision, Saved};
use crate::domain::slug::Slug;
use crate::domain::utm::Utm;
use crate::domain::visitor::Visitor;

/// A place where one store lives on while handles to it come and go.
pub(super) trait Home {
    /// A new handle; every earlier one was dropped.
    fn open(&self) -> Arc<dyn Store>;
}

/// Runs the whole contract on `$home`, an expression that makes an empty [`Home`]: each sentence is a test of its own.
/// With `in turn: `, `$home` makes one for each sentence of which it is given the name, and all of them are one test:
/// for stores that take long to start.
macro_rules! store_contract {
    (in turn: $home:expr) => {
        $crate::store::contract::store_contract!(@all (in turn) $home);
    };
    ($home:expr) => {
        $crate::store::contract::store_contract!(@all (alone) $home);
    };
    (@all $form:tt $home:expr) => {
        $crate::store::contract::store_contract!(
            @sentences $form $home;
            links:
                a_new_link_is_found_by_id_and_by_slug
                a_taken_slug_is_refused
                slugs_are_per_domain
                a_changed_link_is_saved_whole_under_the_next_revision
                a_changed_link_is_not_overwritten
                a_link_cannot_take_the_slug_of_another
                ids_are_never_reused
                what_is_heard_differs_after_every_change_of_a_link
                links_are_created_together_or_not_at_all
                a_link_that_was_changed_is_not_removed_by_its_former_revision
                links_are_listed_by_id_in_pages;
            counts:
                a_batch_counts_once
                a_batch_with_a_gap_is_refused_and_says_where_to_go_on
                a_batch_that_does_not_move_forward_counts_nothing
                an_empty_range_moves_the_watermark
                batches_that_go_together_are_told_apart
                incarnations_and_shards_have_watermarks_of_their_own
                counters_add_across_batches
                one_batch_may_name_a_link_and_day_twice
                a_day_is_replaced_whole_and_its_neighbours_and_watermarks_stay
                a_day_that_was_counted_into_meanwhile_is_not_replaced
                counters_are_listed_by_link_then_day
                counters_of_some_dimensions_are_those_of_all_without_the_others
                clicks_on_a_removed_link_are_counted
                a_visitor_counts_once_per_day
                a_full_dimension_goes_to_other_with_exact_sum
                the_sum_of_a_day_never_outlives_its_counters
                the_archive_has_a_position_of_its_own
                misses_add_up_and_the_largest_come_first
                misses_are_capped_with_exact_sum
                a_day_has_one_salt
                salts_are_destroyed_after_two_days
                the_largest_numbers_are_no_error;
            imports:
                an_import_is_listed_and_its_body_comes_back_as_it_was
                an_import_without_a_body_is_an_import
                the_same_import_twice_is_a_no_op
                of_one_import_sent_by_many_at_once_one_is_kept
                an_undone_import_leaves_no_trace_and_can_be_imported_again;
            records:
                a_record_is_read_as_it_was_saved
                a_record_is_saved_only_over_what_was_expected
                saving_what_is_there_already_is_no_conflict
                a_record_made_again_is_not_the_one_that_was_removed
                records_are_listed_by_the_bytes_of_their_keys_in_pages;
        );
    };
    (@sentences (in turn) $home:expr; $($chapter:ident: $($sentence:ident)*;)*) => {
        #[tokio::test]
        async fn every_sentence_of_the_contract_holds() {
            let home = $home;
            $($({
                let home = home(stringify!($sentence));
                $crate::store::contract::$chapter::$sentence(&*$crate::store::contract::Home::open(&home)).await;
            })*)*
            $crate::store::contract::everything_survives_reopening(&home("everything_survives_reopening")).await;
        }
    };
    (@sentences (alone) $home:expr; $($chapter:ident: $($sentence:ident)*;)*) => {
        #[tokio::test]
        async fn everything_survives_reopening() {
            $crate::store::contract::everything_survives_reopening(&$home).await;
        }
        $($(
            #[tokio::test]
            async fn $sentence() {
                let home = $home;
                $crate::store::contract::$chapter::$sentence(&*$crate::store::contract::Home::open(&home)).await;
            }
        )*)*
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
        archived: false,
        rules: Rules::default(),
        brought: None,
        made: None,
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
        archived: true,
        rules: Rules {
            status: Status::PermanentRedirect,
            enabled: false,
            passthrough: false,
            visitor_utm: true,
            expires_at: Some(at(5)),
            expired_url: Some(destination("https://example.com/gone")),
        },
        brought: Some(Brought { import: 3, from: "bitly".to_owned(), clicks: Some(812) }),
        made: Some(Author { by: "key \"n\"".to_owned(), way: Some(Way::Import) }),
        ..plain(slug)
    }
}

async fn create(store: &dyn Store, spec: &LinkSpec, folded: &str) -> Link {
    match store.create_link(spec, folded, NOON).await.unwrap() {
        Created::Yes(link) => *link,
        Created::Taken(by) => panic!("{folded:?} is taken by {by}"),
    }
}

async fn remove(store: &dyn Store, id: LinkId) -> bool {
    store.remove_links(&[(id, None)]).await.unwrap() == [Removed::Yes]
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
    Batch { incarnation: ONE, shard: Shard(0), from: Position(from), to: Position(to), deltas: deltas.into() }
}

async fn count(store: &dyn Store, link: u64, day: Date) -> Option<DayCounters> {
    let mut found = store.counters(Some(&[LinkId(link)]), day, day).await.unwrap();
    assert!(found.len() <= 1);
    found.pop()
}

async fn clicks(store: &dyn Store, link: u64, day: Date) -> u64 {
    count(store, link, day).await.map_or(0, |found| found.counters.get(Dimension::Verdict, "human"))
}

fn miss(kind: &str, slug: &str, count: u64) -> (String, String, u64) {
    (kind.to_owned(), slug.to_owned(), count)
}

fn import(digest: u8, body: &[u8]) -> Import {
    let about = About {
        digest: Digest([digest; 32]),
        file: Digest([digest; 32]),
        file_name: format!("{digest}.csv"),
        dialects: vec!["generic".to_owned(), "x \"posts\"".to_owned()],
        as_of: at(1),
        imported_at: at(i64::from(digest)),
        posts: 2,
        numbers: u64::from(u32::MAX),
        first: Some(DAY),
        last: None,
    };
    Import { about, body: Body::new(body.to_vec()).unwrap() }
}

/// Imports what must be new.
async fn put(store: &dyn Store, import: &Import) -> ImportId {
    match store.put_import(import).await.unwrap() {
        Imported::New(id) => id,
        Imported::Same(id) => panic!("the same as {id}"),
    }
}

pub(super) async fn everything_survives_reopening(home: &dyn Home) {
    let store = home.open();
    let link = create(&*store, &full("spring"), "spring").await;
    store.apply(&batch(0, 7, vec![delta(1, DAY, 7, &[1, 2])])).await.unwrap();
    store.set_archived(ONE, Position(6)).await.unwrap();
    store.add_misses(DAY, &[miss("unknown", "a", 1)]).await.unwrap();
    let salt = store.salt(DAY).await.unwrap();
    let first = put(&*store, &import(1, b"body")).await;
    let (kind, key) = (RecordKind::Match, RecordKey::new("k").unwrap());
    let saved = store.put_record(kind, &key, Expected::Absent, &RecordValue::new(vec![1]).unwrap()).await.unwrap();
    drop(store);

    let store = home.open();
    assert_eq!(store.link(link.id).await.unwrap(), Some(link));
    assert_eq!(clicks(&*store, 1, DAY).await, 7);
    assert_eq!(count(&*store, 1, DAY).await.unwrap().visitors, 2);
    assert_eq!(store.watermark(ONE, Shard(0)).await.unwrap(), Position(7));
    assert_eq!(store.archived(ONE).await.unwrap(), Position(6));
    assert_eq!(store.misses(DAY, DAY).await.unwrap().len(), 1);
    assert!(store.salt(DAY).await.unwrap() == salt);
    assert_eq!(store.import_body(first).await.unwrap().unwrap().as_bytes(), b"body");
    assert_eq!(store.record(kind, &key).await.unwrap().map(|record| Saved::Yes(record.revision)), Some(saved));
    assert!(store.undo_import(first).await.unwrap());
    assert!(create(&*store, &plain("next"), "next").await.id > LinkId(1));
}
