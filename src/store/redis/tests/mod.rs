//! The contract on a real redis-server, and what only Redis can get wrong.

mod copy;
mod faults;
mod server;

use std::sync::Arc;

use jiff::civil::{Date, date};

use self::server::RedisServer;
use super::*;
use crate::domain::counter::{Counters, Delta, Dimension};
use crate::domain::uniques::{EXACT_MAX, Uniques};
use crate::domain::visitor::Visitor;
use crate::store::contract::{Home, store_contract};
use crate::store::{Store, StoreError};

const DAY: Date = date(2026, 11, 21);
const ONE: Incarnation = Incarnation(1);

impl Home for RedisServer {
    /// One shard, because the contract names shards itself.
    fn open(&self) -> Arc<dyn Store> {
        Arc::new(self.redis(1))
    }
}

store_contract!(RedisServer::start());

/// One position of shard 0 with this many clicks of one visitor on one link.
fn batch(from: u64, link: u64, clicks: u64) -> Batch {
    let mut counters = Counters::new();
    counters.add(Dimension::Verdict, "human", clicks);
    counters.add(Dimension::Country, "SE", clicks);
    let delta = Delta { link: LinkId(link), day: DAY, counters, visitors: vec![Visitor(7)] };
    Batch { incarnation: ONE, shard: Shard(0), from: Position(from), to: Position(from + 1), deltas: vec![delta] }
}

async fn counted(store: &dyn Store, link: u64) -> Option<DayCounters> {
    store.counters(Some(&[LinkId(link)]), DAY, DAY).await.unwrap().pop()
}

async fn clicks(store: &dyn Store, link: u64) -> u64 {
    counted(store, link).await.map_or(0, |found| found.counters.get(Dimension::Verdict, "human"))
}

fn refused(config: &Config, server: &RedisServer) -> String {
    match Redis::open(config, server.data()) {
        Ok(_) => panic!("it was opened"),
        Err(error) => error.to_string(),
    }
}

#[tokio::test]
async fn a_day_is_replaced_in_every_shard_with_its_sketches_and_twice_is_as_once() {
    let server = RedisServer::start();
    let store = server.redis(4);
    for link in 1..=8 {
        let mut batch = batch(link, link, 5);
        batch.shard = Shard((link % 4) as u16);
        batch.from = store.watermark(ONE, batch.shard).await.unwrap();
        batch.deltas[0].visitors = (0..EXACT_MAX as u64 + 10).map(Visitor).collect();
        assert_eq!(store.apply(&batch).await.unwrap(), Applied::Yes);
    }
    let deltas = [batch(0, 1, 3).deltas, batch(0, 6, 2).deltas].concat();
    for _ in 0..2 {
        store.replace_day(DAY, &deltas).await.unwrap();
        let day = store.counters(None, DAY, DAY).await.unwrap();
        assert_eq!(day.iter().map(|found| (found.link.0, found.visitors)).collect::<Vec<_>>(), [(1, 1), (6, 1)]);
        assert_eq!((clicks(&store, 1).await, clicks(&store, 6).await), (3, 2));
    }
    assert_eq!(store.watermark(ONE, Shard(0)).await.unwrap(), Position(9));
    store.replace_day(DAY, &[]).await.unwrap();
    assert_eq!(store.counters(None, DAY, DAY).await.unwrap(), []);
}

#[tokio::test]
async fn links_of_every_shard_are_read_back_in_order() {
    let server = RedisServer::start();
    let store = server.redis(64);
    assert_eq!(store.shards(), 64);
    for link in 1..=200 {
        let shard = Shard(link % 64);
        let from = store.watermark(ONE, shard).await.unwrap();
        let batch = Batch { shard, from, to: from.next(), ..batch(0, u64::from(link), 1) };
        assert_eq!(store.apply(&batch).await.unwrap(), Applied::Yes);
    }
    let ids = |found: Vec<DayCounters>| found.into_iter().map(|found| found.link.0).collect::<Vec<_>>();
    let all = store.counters(None, DAY, DAY).await.unwrap();
    assert_eq!(ids(all), (1..=200).collect::<Vec<_>>());
    let some = [LinkId(130), LinkId(2), LinkId(66), LinkId(999)];
    assert_eq!(ids(store.counters(Some(&some), DAY, DAY).await.unwrap()), [2, 66, 130]);
    let watermarks = store.watermarks(ONE).await.unwrap();
    assert_eq!(watermarks.iter().map(|position| position.0).sum::<u64>(), 200);
}

#[tokio::test]
async fn visitors_are_exact_while_few_and_then_the_same_sketch_as_in_the_embedded_store() {
    let server = RedisServer::start();
    let store = server.redis(1);
    // Hashes of every size, the negative ones among Redis' own numbers included.
    let hashes: Vec<u64> = (0..3_000_u64).map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (n % 64)).collect();
    let mut uniques = Uniques::new();
    for (from, hashes) in hashes.chunks(250).enumerate() {
        let mut batch = batch(from as u64, 1, 1);
        batch.deltas[0].visitors = hashes.iter().map(|hash| Visitor(*hash)).collect();
        assert_eq!(store.apply(&batch).await.unwrap(), Applied::Yes);
        hashes.iter().for_each(|hash| uniques.add(Visitor(*hash)));
        assert_eq!(counted(&store, 1).await.unwrap().visitors, uniques.count());
    }
    assert!(uniques.count() > EXACT_MAX as u64);
    assert!(!server.cli::<bool>("EXISTS waypost:{s0}:visitors:2026-11-21:1"));
}

#[test]
fn a_store_keeps_its_shards_and_a_prefix_is_a_store_of_its_own() {
    let server = RedisServer::start();
    assert_eq!(server.redis(8).shards(), 8);
    assert_eq!(server.redis(64).shards(), 8);
    let other = tempfile::tempdir().unwrap();
    let config = Config { prefix: "other:".to_owned(), ..server.config(4) };
    assert_eq!(Redis::open(&config, other.path()).unwrap().shards(), 4);
}

#[test]
fn a_newer_layout_is_refused_and_left_alone() {
    let server = RedisServer::start();
    drop(server.redis(1));
    server.cli::<()>("HSET waypost:{m}:layout version 2");
    let said = refused(&server.config(1), &server);
    assert!(said.contains("newer Waypost (schema 2, this one knows up to 1)"), "{said}");
    server.cli::<()>("HSET waypost:{m}:layout version 1");
    drop(server.redis(1));
}

#[test]
fn a_node_refuses_a_database_that_is_not_the_one_it_counted_into() {
    let server = RedisServer::start();
    drop(server.redis(1));
    let config = Config { url: format!("{}1", server.url()), ..server.config(1) };
    let said = refused(&config, &server);
    assert!(said.contains("holds no store") && said.contains("redis-store.id"), "{said}");
    let elsewhere = tempfile::tempdir().unwrap();
    drop(Redis::open(&config, elsewhere.path()).unwrap());
    assert!(refused(&config, &server).contains("holds the store"));
}

#[tokio::test]
async fn changes_that_were_missed_are_told_afterwards_and_more_than_is_kept_is_owned_up_to() {
    let mut server = RedisServer::with_append_only_file();
    let store = server.redis(1);
    let heard = store.heard().await.unwrap();
    let changed = |id: u64| server.cli::<()>(&format!("XADD waypost:{{m}}:changes * link {id}"));
    [3, 1, 3].into_iter().for_each(changed);
    let News::Changed { links, heard } = store.news(&heard).await.unwrap() else { panic!("it was all there") };
    assert_eq!(links, [LinkId(1), LinkId(3)]);
    changed(4);
    changed(5);
    server.cli::<()>("XTRIM waypost:{m}:changes MAXLEN 1");
    let News::Missed { heard } = store.news(&heard).await.unwrap() else { panic!("link 4 was missed") };
    let News::Changed { links, heard } = store.news(&heard).await.unwrap() else { panic!("nothing was missed") };
    assert_eq!(links, []);
    // Another run of the server may have lost its last moments.
    server.kill();
    server.launch();
    while store.heard().await.is_err() {
        tokio::task::yield_now().await;
    }
    assert!(matches!(store.news(&heard).await.unwrap(), News::Missed { .. }));
}

/// The commands of `docs/redis.md` are all that Waypost needs: every chapter of the contract goes well with them.
#[tokio::test]
async fn the_documented_permissions_are_enough() {
    use crate::store::contract;
    let page = include_str!("../../../../docs/redis.md");
    let (_, rest) = page.split_once("```\nACL SETUSER").unwrap();
    let command = format!("ACL SETUSER{}", rest.split("```").next().unwrap());
    let words: Vec<_> = command.split_whitespace().collect();
    for sentence in 0..7 {
        let server = RedisServer::start();
        server.cli::<()>(&words.join(" "));
        let url = server.url().replace("//", "//waypost:PASSWORD@");
        let store = Redis::open(&Config { url, ..server.config(1) }, server.data()).unwrap();
        match sentence {
            0 => contract::links::a_changed_link_is_saved_whole_under_the_next_revision(&store).await,
            1 => contract::links::ids_are_never_reused(&store).await,
            2 => contract::counts::a_visitor_counts_once_per_day(&store).await,
            3 => contract::counts::a_full_dimension_goes_to_other_with_exact_sum(&store).await,
            4 => contract::counts::misses_are_capped_with_exact_sum(&store).await,
            5 => contract::counts::salts_are_destroyed_after_two_days(&store).await,
            _ => contract::impressions::an_undone_import_brings_back_what_it_replaced(&store).await,
        }
        let heard = store.heard().await.unwrap();
        assert!(matches!(store.news(&heard).await.unwrap(), News::Changed { .. }));
        store.watermarks(ONE).await.unwrap();
    }
}
