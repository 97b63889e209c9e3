//! Moving into Redis and out of it, on a real redis-server.

use super::*;
use crate::store::CopyStore;
use crate::store::contract::copies::{
    assert_goes_on, assert_goes_on_after_any_interruption, assert_same, copy_all, fill,
};
use crate::store::embedded::copy as embedded;
use crate::store::redis::copy as in_redis;

const SHARDS: u16 = 4;

/// A folder with an embedded store that holds something of everything.
async fn filled() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let config = Config { url: String::new(), ..crate::config::Config::default_values().store };
    fill(&*crate::store::open(&config, folder.path()).unwrap()).await;
    folder
}

fn refusal<T>(opened: Result<T, OpenError>) -> String {
    opened.map(|_| ()).unwrap_err().to_string()
}

#[tokio::test]
async fn everything_moves_into_redis_and_back_and_goes_on_there() {
    let (folder, server) = (filled().await, RedisServer::start());
    let source = embedded::source(folder.path()).unwrap();
    let destination = in_redis::destination(&Place::config(&server, SHARDS), server.data(), "there").unwrap();
    assert_same(&copy_all(&source, &destination).await);
    drop(destination);

    let back = tempfile::tempdir().unwrap();
    let redis = in_redis::source(&Place::config(&server, 1), server.data()).unwrap();
    let destination = embedded::destination(back.path(), "redis").unwrap();
    assert_same(&copy_all(&redis, &destination).await);
    drop(destination);
    let config = Config { url: String::new(), ..Place::config(&server, 1) };
    assert_goes_on(&*crate::store::open(&config, back.path()).unwrap()).await;
    drop(redis);

    let redis = server.redis(1);
    assert_eq!(redis.shards(), SHARDS);
    // Of one shard, so that what the contract counts into the first shard is counted where it was.
    let one = Config { prefix: "one:".to_owned(), ..Place::config(&server, 1) };
    let destination = in_redis::destination(&one, server.data(), "there").unwrap();
    assert_same(&copy_all(&source, &destination).await);
    drop(destination);
    let elsewhere = tempfile::tempdir().unwrap();
    assert_goes_on(&Redis::open(&one, elsewhere.path()).unwrap()).await;
}

#[tokio::test]
async fn an_interrupted_copy_goes_on_and_nothing_is_there_twice() {
    let (folder, server) = (filled().await, RedisServer::start());
    let source = embedded::source(folder.path()).unwrap();
    let destination = in_redis::destination(&Place::config(&server, SHARDS), server.data(), "there").unwrap();
    assert_goes_on_after_any_interruption(&source, &destination).await;
    let other = Config { prefix: "other:".to_owned(), ..Place::config(&server, SHARDS) };
    let redis = in_redis::source(&Place::config(&server, 1), server.data()).unwrap();
    let destination = in_redis::destination(&other, server.data(), "here").unwrap();
    assert_goes_on_after_any_interruption(&redis, &destination).await;
}

#[tokio::test]
async fn nobody_opens_a_copy_before_it_is_whole_and_no_copy_mixes_two_stores() {
    let (folder, server) = (filled().await, RedisServer::start());
    let (config, data) = (Place::config(&server, SHARDS), server.data());
    assert!(refusal(in_redis::source(&config, data)).contains("no store in redis://"));
    let source = embedded::source(folder.path()).unwrap();
    let destination = in_redis::destination(&config, data, "there").unwrap();
    assert!(refused(&config, &server).contains("a copy of there that was not finished"));
    assert!(refusal(in_redis::source(&config, data)).contains("not finished"));
    assert!(refusal(in_redis::destination(&config, data, "elsewhere")).contains("a copy of there"));
    assert_same(&copy_all(&source, &destination).await);
    assert!(refusal(in_redis::destination(&config, data, "there")).contains("holds a store already"));
    drop(server.redis(1));
}

#[tokio::test]
async fn what_the_source_counts_during_a_copy_is_a_difference_and_the_next_run_brings_it() {
    let server = RedisServer::start();
    let store = server.redis(SHARDS);
    fill_one(&store, 0).await;
    let source = in_redis::source(&Place::config(&server, 1), server.data()).unwrap();
    let other = Config { prefix: "other:".to_owned(), ..Place::config(&server, SHARDS) };
    let destination = in_redis::destination(&other, server.data(), "here").unwrap();
    crate::store::copy::run(&source, &destination, |_, _| ()).await.unwrap();
    fill_one(&store, 1).await;
    let compared = crate::store::copy::compare(&source, &destination).await.unwrap();
    let differ = compared.iter().filter(|line| !line.is_same()).map(|line| line.part.as_str());
    assert_eq!(differ.collect::<Vec<_>>(), ["counters", "watermarks"]);
    assert!(copy_all(&source, &destination).await.iter().all(|line| line.is_same()));
}

async fn fill_one(store: &Redis, from: u64) {
    assert_eq!(store.apply(&batch(from, 4, 5)).await.unwrap(), Applied::Yes);
}

#[tokio::test]
async fn shards_that_stand_apart_are_not_made_one() {
    let server = RedisServer::start();
    fill_one(&server.redis(SHARDS), 0).await;
    let source = in_redis::source(&Place::config(&server, 1), server.data()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let destination = embedded::destination(folder.path(), "redis").unwrap();
    let error = crate::store::copy::run(&source, &destination, |_, _| ()).await.unwrap_err();
    assert!(error.to_string().contains("different positions"), "{error}");
    assert_eq!(source.shard_count(), SHARDS);
}
