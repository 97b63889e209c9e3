//! A master with replicas, watched by sentinels: the contract, and what happens when another one is made master.

use super::faults::{count_to, eventually, insist, watermark_of};
use super::*;

const SHARD: Shard = Shard(0);

mod contract {
    use super::*;

    store_contract!(in turn: {
        let sentinels = Sentinels::start(2);
        move |sentence: &str| Corner::of(&sentinels, sentence)
    });
}

#[tokio::test]
async fn a_killed_master_is_followed_by_its_replica_and_nothing_is_lost_or_counted_twice() {
    let mut sentinels = Sentinels::start(1);
    let store = sentinels.redis(1);
    sentinels.in_step();
    count_to(&store, 1, 50).await;
    sentinels.servers[0].kill();
    count_to(&store, 1, 100).await;
    assert_eq!(clicks(&store, 1).await, 100);
}

#[tokio::test]
async fn a_replica_that_was_behind_is_caught_up_from_its_own_watermark() {
    let mut sentinels = Sentinels::start(1);
    let store = sentinels.redis(1);
    insist(&store, &batch(0, 1, 1)).await;
    sentinels.in_step();
    // Cut off, it hears nothing more of its master.
    sentinels.servers[1].freeze();
    sentinels.servers[0].ask("CLIENT KILL TYPE replica");
    for from in 1..20 {
        assert_eq!(store.apply(&batch(from, 1, 1)).await.unwrap(), Applied::Yes);
    }
    sentinels.servers[0].kill();
    sentinels.servers[1].thaw();
    sentinels.switched_from(0);
    assert_eq!(watermark_of(&store).await, 1);
    count_to(&store, 1, 20).await;
    assert_eq!(clicks(&store, 1).await, 20);
}

#[tokio::test]
async fn a_master_that_was_relieved_is_left_although_it_answers() {
    let sentinels = Sentinels::start(1);
    let store = sentinels.redis(1);
    insist(&store, &batch(0, 1, 1)).await;
    sentinels.in_step();
    let new = sentinels.fail_over();
    // What the old one still took is forgotten with it.
    eventually(async || {
        count_to(&store, 1, 200).await;
        match sentinels.servers[new].cli::<u64>(&format!("HGET waypost:{{s0}}:marks {ONE}")) {
            200 => Ok(()),
            at => Err(format!("the new one stands at {at}")),
        }
    })
    .await;
    assert_eq!(clicks(&store, 1).await, 200);
    assert_eq!(sentinels.master(), new);
}

#[tokio::test]
async fn links_that_a_failover_may_have_taken_back_are_read_again() {
    let mut sentinels = Sentinels::start(1);
    let store = sentinels.redis(1);
    let heard = store.heard().await.unwrap();
    sentinels.in_step();
    sentinels.servers[0].kill();
    sentinels.switched_from(0);
    let news = eventually(async || store.news(&heard).await).await;
    assert!(matches!(news, News::Missed { .. }), "{news:?}");
}

#[tokio::test]
async fn one_sentinel_is_enough_and_none_is_needed_while_the_master_is_well() {
    let mut sentinels = Sentinels::start(1);
    sentinels.sentinels[0].kill();
    sentinels.sentinels[1].kill();
    let store = sentinels.redis(1);
    insist(&store, &batch(0, 1, 1)).await;
    sentinels.sentinels[2].kill();
    sentinels.servers[0].ask("CLIENT KILL TYPE normal");
    insist(&store, &batch(1, 1, 1)).await;
    assert_eq!(clicks(&store, 1).await, 2);
    assert_eq!(store.watermark(ONE, SHARD).await.unwrap(), Position(2));
}

#[test]
fn a_service_that_no_sentinel_watches_is_named() {
    let sentinels = Sentinels::start(1);
    let config = Config { url: sentinels.url().replace("/main", "/other"), ..Place::config(&sentinels, 1) };
    let Err(error) = Redis::open(&config, sentinels.data()) else { panic!("it was opened") };
    let said = error.to_string();
    assert!(said.contains("no master named \"other\"") && said.contains("sentinels that know it"), "{said}");
}

#[tokio::test]
async fn the_documented_permissions_are_enough_for_sentinels_and_their_servers() {
    let mut group = Sentinels::start(1);
    let [of_servers, of_sentinels] = documented_permissions();
    group.servers.iter().for_each(|server| server.ask(&of_servers));
    group.sentinels.iter().for_each(|sentinel| sentinel.ask(&of_sentinels));
    let url = group.url().replace("//", "//waypost:PASSWORD@");
    let url = format!("{url}?sentinel_username=waypost&sentinel_password=PASSWORD");
    let config = Config { url: url.clone(), ..Place::config(&group, 1) };
    let store = Redis::open(&config, group.data()).unwrap();
    group.in_step();
    insist(&store, &batch(0, 1, 1)).await;
    group.servers[0].kill();
    count_to(&store, 1, 5).await;
    assert_eq!(clicks(&store, 1).await, 5);
    let config = Config { url: url.replace("sentinel_password=PASSWORD", "sentinel_password=secret"), ..config };
    let Err(error) = Redis::open(&config, group.data()) else { panic!("it was opened") };
    let said = error.to_string();
    assert!(said.contains("the sentinel") && said.contains("check user, password"), "{said}");
    assert!(!said.contains("secret"), "{said}");
}
