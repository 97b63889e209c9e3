//! A cluster of three masters with a replica each: the contract, slots that move, masters that fail.

use super::faults::{count_to, insist, unavailable};
use super::*;

const MARKS: &str = "waypost:{s0}:marks";

/// In shard 0, however many shards these tests have.
const LINK: u64 = 16;

mod contract {
    use super::*;

    store_contract!(in turn: {
        let cluster = Cluster::start();
        move |sentence: &str| Corner::of(&cluster, sentence)
    });
}

#[tokio::test]
async fn a_slot_that_moved_is_followed_and_nothing_is_lost_or_counted_twice() {
    let cluster = Cluster::start();
    let store = cluster.redis(4);
    for round in 0..6 {
        insist(&store, &batch(round, LINK, 1)).await;
        let from = cluster.holder(MARKS);
        cluster.move_slot(cluster.slot(MARKS), from, (from + 1) % 3);
    }
    insist(&store, &batch(6, LINK, 1)).await;
    assert_eq!(clicks(&store, LINK).await, 7);
    assert_eq!(store.counters(None, DAY, DAY).await.unwrap().len(), 1);
}

#[tokio::test]
async fn while_a_slot_moves_its_shard_waits_and_can_be_read_and_the_others_go_on() {
    let cluster = Cluster::start();
    let store = cluster.redis(8);
    insist(&store, &batch(0, LINK, 5)).await;
    let from = cluster.holder(MARKS);
    let (to, slot) = ((from + 1) % 3, cluster.slot(MARKS));
    cluster.open_move(slot, from, to);
    loop {
        let said = unavailable(&store, &batch(1, LINK, 1)).await;
        assert!(said.contains("during rehashing of slot"), "{said}");
        assert_eq!(clicks(&store, LINK).await, 5);
        assert_eq!(counted(&store, LINK).await.unwrap().visitors, 1);
        assert_eq!(store.watermark(ONE, Shard(0)).await.unwrap(), Position(1));
        if cluster.move_keys(slot, from, to, 1) == 0 {
            break;
        }
    }
    let other = Batch { shard: Shard(1), ..batch(0, LINK, 1) };
    assert_eq!(store.apply(&other).await.unwrap(), Applied::Yes);
    cluster.close_move(slot, from, to);
    insist(&store, &batch(1, LINK, 1)).await;
    assert_eq!(clicks(&store, LINK).await, 6);
}

#[tokio::test]
async fn links_are_found_and_listed_while_their_slot_moves() {
    use crate::store::contract::links;
    let cluster = Cluster::start();
    let store = cluster.redis(1);
    links::links_are_listed_by_id_in_pages(&store).await;
    let before = store.links(LinkId(0), 1_000).await.unwrap();
    let heard = store.heard().await.unwrap();
    let key = "waypost:{m}:slugs";
    let from = cluster.holder(key);
    let (to, slot) = ((from + 1) % 3, cluster.slot(key));
    cluster.open_move(slot, from, to);
    loop {
        assert_eq!(store.links(LinkId(0), 1_000).await.unwrap(), before);
        assert_eq!(store.link(before[0].id).await.unwrap().as_ref(), Some(&before[0]));
        assert!(matches!(store.news(&heard).await.unwrap(), News::Changed { links, .. } if links.is_empty()));
        if cluster.move_keys(slot, from, to, 2) == 0 {
            break;
        }
    }
    cluster.close_move(slot, from, to);
    assert_eq!(store.links(LinkId(0), 1_000).await.unwrap(), before);
    // Another server tells the news now, and nobody knows whether it knows all of them.
    assert!(matches!(store.news(&heard).await.unwrap(), News::Missed { .. }));
}

#[tokio::test]
async fn a_day_is_replaced_whole_or_not_at_all_while_its_slot_moves() {
    let cluster = Cluster::start();
    let store = cluster.redis(1);
    insist(&store, &batch(0, LINK, 5)).await;
    insist(&store, &batch(1, 2, 6)).await;
    let from = cluster.holder(MARKS);
    let (to, slot) = ((from + 1) % 3, cluster.slot(MARKS));
    cluster.open_move(slot, from, to);
    let counted = store.counters(None, DAY, DAY).await.unwrap();
    loop {
        let replaced = store.replace_day(DAY, &counted, &[delta(LINK, 3, &[7])]).await;
        assert!(matches!(replaced, Err(StoreError::Unavailable(_))), "{replaced:?}");
        assert_eq!((clicks(&store, LINK).await, clicks(&store, 2).await), (5, 6));
        if cluster.move_keys(slot, from, to, 1) == 0 {
            break;
        }
    }
    cluster.close_move(slot, from, to);
    assert!(store.replace_day(DAY, &counted, &[delta(LINK, 3, &[7])]).await.unwrap());
    assert_eq!((clicks(&store, LINK).await, clicks(&store, 2).await), (3, 0));
}

#[tokio::test]
async fn a_killed_master_is_followed_by_its_replica() {
    let mut cluster = Cluster::start();
    let store = cluster.redis(4);
    insist(&store, &batch(0, LINK, 1)).await;
    let dead = cluster.holder(MARKS);
    cluster.servers[dead].kill();
    count_to(&store, LINK, 50).await;
    assert_eq!(clicks(&store, LINK).await, 50);
    assert_eq!(cluster.holder(MARKS), Cluster::replica(dead));
}

#[tokio::test]
async fn a_shard_that_is_down_stops_no_other() {
    let mut cluster = Cluster::start();
    let store = cluster.redis(16);
    let down = cluster.holder(MARKS);
    let shards = (0..16).map(Shard);
    let (lost, well): (Vec<Shard>, Vec<Shard>) =
        shards.partition(|shard| cluster.holder(&format!("waypost:{{s{}}}:marks", shard.0)) == down);
    assert!(!well.is_empty());
    cluster.servers[down].ask("CONFIG SET appendfsync always");
    insist(&store, &batch(0, LINK, 1)).await;
    cluster.servers[Cluster::replica(down)].kill();
    cluster.servers[down].kill();
    for shard in lost {
        unavailable(&store, &Batch { shard, ..batch(1, LINK, 1) }).await;
    }
    for shard in well {
        insist(&store, &Batch { shard, ..batch(0, LINK, 1) }).await;
    }
    assert!(cluster.servers[down].launch());
    count_to(&store, LINK, 5).await;
    assert_eq!(clicks(&store, LINK).await, 5);
}

#[test]
fn a_single_server_is_no_cluster_and_a_cluster_no_single_server() {
    let said = |url: String| match Redis::open(
        &Config { url, ..crate::config::Config::default_values().store },
        TempDir::new().unwrap().path(),
    ) {
        Ok(_) => panic!("it was opened"),
        Err(error) => error.to_string(),
    };
    let server = RedisServer::start();
    let wrong = said(server.url().replace("redis:", "redis+cluster:").replace("/0", ""));
    assert!(wrong.contains("belongs to no cluster"), "{wrong}");
    let cluster = Cluster::start();
    let away = (cluster.holder("waypost:{m}:layout") + 1) % 3;
    let wrong = said(cluster.servers[away].url());
    assert!(wrong.contains("redis+cluster://"), "{wrong}");
}

#[tokio::test]
async fn the_documented_permissions_are_enough_for_a_cluster() {
    let cluster = Cluster::start();
    let [permissions, _] = documented_permissions();
    cluster.servers.iter().for_each(|server| server.ask(&permissions));
    let config = Config { url: cluster.url().replace("//", "//waypost:PASSWORD@"), ..Place::config(&cluster, 1) };
    let store = Redis::open(&config, cluster.data()).unwrap();
    insist(&store, &batch(0, LINK, 1)).await;
    let from = cluster.holder(MARKS);
    let (to, slot) = ((from + 1) % 3, cluster.slot(MARKS));
    cluster.open_move(slot, from, to);
    cluster.move_keys(slot, from, to, 100);
    assert_eq!(clicks(&store, LINK).await, 1);
    cluster.close_move(slot, from, to);
    count_to(&store, LINK, 5).await;
}
