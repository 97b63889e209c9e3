//! The contract on a real redis-server, and what only Redis can get wrong.

mod cluster;
mod copy;
mod faults;
#[path = "../../../../tests/it/support/process.rs"]
#[allow(dead_code, reason = "what the tests of the whole program use, too")]
mod process;
mod sentinel;
#[path = "../../../../tests/it/support/redis/mod.rs"]
#[allow(dead_code, reason = "what the tests of the whole program use, too")]
mod servers;
mod tls;

use std::sync::Arc;

use jiff::civil::{Date, date};
use tempfile::TempDir;

use self::servers::{Cluster, RedisServer, Sentinels};
use super::*;
use crate::domain::counter::{Counters, Dimension};
use crate::domain::delta::Delta;
use crate::domain::uniques::{EXACT_MAX, Uniques};
use crate::domain::visitor::Visitor;
use crate::store::contract::{Home, store_contract};
use crate::store::{Store, StoreError};

const DAY: Date = date(2026, 11, 21);
const ONE: Incarnation = Incarnation(1);

/// What a node can count into.
trait Place {
    fn address(&self) -> String;
    fn data(&self) -> &Path;

    fn config(&self, shards: u16) -> Config {
        Config { url: self.address(), shards, ..crate::config::Config::default_values().store }
    }

    /// # Panics
    /// When the store cannot be opened.
    fn redis(&self, shards: u16) -> Redis {
        Redis::open(&self.config(shards), self.data()).unwrap()
    }
}

impl Place for RedisServer {
    fn address(&self) -> String {
        self.url()
    }

    fn data(&self) -> &Path {
        self.folder()
    }
}

impl Place for Sentinels {
    fn address(&self) -> String {
        self.url()
    }

    fn data(&self) -> &Path {
        self.sentinels[0].folder()
    }
}

impl Place for Cluster {
    fn address(&self) -> String {
        self.url()
    }

    fn data(&self) -> &Path {
        self.servers[0].folder()
    }
}

impl Home for RedisServer {
    /// One shard, because the contract names shards itself.
    fn open(&self) -> Arc<dyn Store> {
        Arc::new(self.redis(1))
    }
}

/// A store under a prefix of its own in a place that several sentences share.
struct Corner {
    config: Config,
    data: TempDir,
}

impl Corner {
    fn of(place: &dyn Place, name: &str) -> Self {
        Self { config: Config { prefix: format!("{name}:"), ..place.config(1) }, data: TempDir::new().unwrap() }
    }
}

impl Home for Corner {
    fn open(&self) -> Arc<dyn Store> {
        println!("{}", self.config.prefix);
        Arc::new(Redis::open(&self.config, self.data.path()).unwrap())
    }
}

store_contract!(RedisServer::start());

/// One position of shard 0 with this many clicks of one visitor on one link.
fn batch(from: u64, link: u64, clicks: u64) -> Batch {
    batch_of(from, vec![delta(link, clicks, &[7])])
}

fn batch_of(from: u64, deltas: Vec<Delta>) -> Batch {
    let (from, to) = (Position(from), Position(from + 1));
    Batch { incarnation: ONE, shard: Shard(0), from, to, deltas: deltas.into() }
}

fn delta(link: u64, clicks: u64, visitors: &[u64]) -> Delta {
    let mut counters = Counters::new();
    counters.add(Dimension::Verdict, "human", clicks);
    counters.add(Dimension::Country, "SE", clicks);
    Delta { link: LinkId(link), day: DAY, counters, visitors: visitors.iter().copied().map(Visitor).collect() }
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
        let many: Vec<u64> = (0..EXACT_MAX as u64 + 10).collect();
        let mut batch = batch_of(link, vec![delta(link, 5, &many)]);
        batch.shard = Shard((link % 4) as u16);
        batch.from = store.watermark(ONE, batch.shard).await.unwrap();
        assert_eq!(store.apply(&batch).await.unwrap(), Applied::Yes);
    }
    let deltas = [delta(1, 3, &[7]), delta(6, 2, &[7])];
    let counted = store.counters(None, DAY, DAY).await.unwrap();
    for _ in 0..2 {
        assert!(store.replace_day(DAY, &counted, &deltas).await.unwrap());
        let day = store.counters(None, DAY, DAY).await.unwrap();
        assert_eq!(day.iter().map(|found| (found.link.0, found.visitors)).collect::<Vec<_>>(), [(1, 1), (6, 1)]);
        assert_eq!((clicks(&store, 1).await, clicks(&store, 6).await), (3, 2));
    }
    assert_eq!(store.watermark(ONE, Shard(0)).await.unwrap(), Position(9));
    let counted = store.counters(None, DAY, DAY).await.unwrap();
    assert!(store.replace_day(DAY, &counted, &[]).await.unwrap());
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
        let batch = batch_of(from as u64, vec![delta(1, 1, hashes)]);
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
    let config = Config { prefix: "other:".to_owned(), ..Place::config(&server, 4) };
    assert_eq!(Redis::open(&config, other.path()).unwrap().shards(), 4);
}

#[test]
fn a_newer_layout_is_refused_and_left_alone() {
    let server = RedisServer::start();
    drop(server.redis(1));
    server.cli::<()>("HSET waypost:{m}:layout version 2");
    let said = refused(&Place::config(&server, 1), &server);
    assert!(said.contains("newer Waypost (schema 2, this one knows up to 1)"), "{said}");
    server.cli::<()>("HSET waypost:{m}:layout version 1");
    drop(server.redis(1));
}

#[test]
fn a_node_refuses_a_database_that_is_not_the_one_it_counted_into() {
    let server = RedisServer::start();
    drop(server.redis(1));
    let config = Config { url: server.url().replace("/0", "/1"), ..Place::config(&server, 1) };
    let said = refused(&config, &server);
    assert!(said.contains("holds no store") && said.contains("redis-store.id"), "{said}");
    let elsewhere = tempfile::tempdir().unwrap();
    drop(Redis::open(&config, elsewhere.path()).unwrap());
    assert!(refused(&config, &server).contains("holds the store"));
}

#[tokio::test]
async fn marks_of_a_journal_that_is_long_gone_are_removed_and_it_counts_nothing_twice_if_it_comes_back() {
    let server = RedisServer::start();
    let store = server.redis(4);
    for shard in 0..4 {
        let batch = Batch { shard: Shard(shard), ..batch(0, u64::from(shard) + 4, 1) };
        assert_eq!(store.apply(&batch).await.unwrap(), Applied::Yes);
    }
    store.set_archived(ONE, Position(1)).await.unwrap();
    let [never, always] = [Timestamp::MIN, Timestamp::MAX];
    for (kept, idle_since) in [(&[ONE][..], always), (&[], never), (&[], never)] {
        assert_eq!(store.forget_incarnations(kept, idle_since).await.unwrap(), 0);
    }
    // Written down first, removed afterwards.
    assert_eq!(store.forget_incarnations(&[], always).await.unwrap(), 0);
    let fields = |shard: u16| server.cli::<u64>(&format!("HLEN waypost:{{s{shard}}}:marks"));
    assert_eq!((0..4).map(fields).sum::<u64>(), 8);
    assert_eq!(store.forget_incarnations(&[], always).await.unwrap(), 1);
    assert_eq!((0..4).map(fields).sum::<u64>(), 4);
    assert!(!server.cli::<bool>("HEXISTS waypost:{m}:archived 00000000000000000000000000000001"));

    // A node that went on all the time, and one that was away.
    let goes_on = batch(1, 4, 1);
    assert_eq!(store.apply(&goes_on).await.unwrap(), Applied::No { watermark: Position(1) });
    assert_eq!(store.apply(&goes_on).await.unwrap(), Applied::Yes);
    let watermarks = store.watermarks(ONE).await.unwrap();
    assert_eq!(watermarks, [2, 1, 1, 1].map(Position));
    assert_eq!(store.archived(ONE).await.unwrap(), Position(1));
    assert_eq!(clicks(&store, 4).await, 2);
}

#[tokio::test]
async fn a_journal_with_work_left_is_never_forgotten() {
    let server = RedisServer::start();
    let store = server.redis(2);
    assert_eq!(store.apply(&batch(0, 2, 1)).await.unwrap(), Applied::Yes);
    for _ in 0..3 {
        assert_eq!(store.forget_incarnations(&[], Timestamp::MAX).await.unwrap(), 0);
    }
    assert_eq!(store.watermarks(ONE).await.unwrap(), [Position(1), Position::START]);
}

#[tokio::test]
async fn a_policy_that_is_changed_while_redis_runs_is_said_once() {
    let server = RedisServer::start();
    let store = server.redis(1);
    let mut known = std::collections::BTreeSet::new();
    assert_eq!(health::look(&store.server, &mut known).await, Vec::<String>::new());
    server.ask("CONFIG SET maxmemory-policy allkeys-lru");
    let said = health::look(&store.server, &mut known).await;
    assert!(said.len() == 1 && said[0].contains("allkeys-lru"), "{said:?}");
    assert_eq!(health::look(&store.server, &mut known).await, Vec::<String>::new());
    server.ask("CONFIG SET maxmemory-policy noeviction");
    health::look(&store.server, &mut known).await;
    server.ask("CONFIG SET maxmemory-policy volatile-ttl");
    assert_eq!(health::look(&store.server, &mut known).await.len(), 1);
}

#[tokio::test]
async fn changes_that_were_missed_are_told_afterwards_and_more_than_is_kept_is_owned_up_to() {
    let mut server = RedisServer::start();
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
    assert!(server.launch());
    faults::eventually(async || store.heard().await).await;
    assert!(matches!(store.news(&heard).await.unwrap(), News::Missed { .. }));
}

#[tokio::test]
async fn e80_an_import_that_was_never_finished_counts_for_nothing_and_is_swept_away() {
    let server = RedisServer::start();
    let store = server.redis(1);
    server.cli::<()>("INCR waypost:{m}:import-ids");
    server.cli::<()>("ZADD waypost:{m}:imports-open 1 1");
    server.cli::<()>("HSET waypost:{m}:import-body:1 0 half");
    assert!(store.imports().await.unwrap().is_empty());
    assert!(store.import_body(ImportId(1)).await.unwrap().is_none());
    let sentence = crate::store::contract::imports::an_import_is_listed_and_its_body_comes_back_as_it_was;
    sentence(&store).await;
    let left: Vec<String> = server.cli("KEYS waypost:{m}:import-body:*");
    assert_eq!(left, ["waypost:{m}:import-body:2"]);
    assert_eq!(server.cli::<u64>("ZCARD waypost:{m}:imports-open"), 0);
}

/// The commands of `docs/redis.md` are all that Waypost needs: every chapter of the contract goes well with them.
#[tokio::test]
async fn the_documented_permissions_are_enough() {
    use crate::store::contract;
    let [command, _] = documented_permissions();
    for sentence in 0..8 {
        let server = RedisServer::start();
        server.ask(&command);
        let url = server.url().replace("//", "//waypost:PASSWORD@");
        let store = Redis::open(&Config { url, ..Place::config(&server, 1) }, server.data()).unwrap();
        match sentence {
            0 => contract::links::a_changed_link_is_saved_whole_under_the_next_revision(&store).await,
            1 => contract::links::ids_are_never_reused(&store).await,
            2 => contract::counts::a_visitor_counts_once_per_day(&store).await,
            3 => contract::counts::a_full_dimension_goes_to_other_with_exact_sum(&store).await,
            4 => contract::counts::misses_are_capped_with_exact_sum(&store).await,
            5 => contract::counts::salts_are_destroyed_after_two_days(&store).await,
            6 => contract::imports::an_undone_import_leaves_no_trace_and_can_be_imported_again(&store).await,
            _ => contract::records::records_are_listed_by_the_bytes_of_their_keys_in_pages(&store).await,
        }
        let heard = store.heard().await.unwrap();
        assert!(matches!(store.news(&heard).await.unwrap(), News::Changed { .. }));
        store.watermarks(ONE).await.unwrap();
    }
}

/// The commands of `docs/redis.md` that make a user: of servers, and of sentinels.
fn documented_permissions() -> [String; 2] {
    let page = include_str!("../../../../docs/redis.md");
    let blocks = page.split("```\n").filter(|block| block.starts_with("ACL SETUSER"));
    let commands: Vec<_> = blocks.map(|block| block.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    commands.try_into().unwrap()
}
