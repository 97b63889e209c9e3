//! Real servers that fail in real ways. Each test ends with the exact sums: nothing lost, nothing twice.

use super::*;

const SHARD: Shard = Shard(0);

/// How long servers may take to recover on a busy machine.
const ANSWERED_WITHIN: Duration = Duration::from_secs(120);

/// Applies the batch until it is counted, going by the watermark as the tally does.
pub(super) async fn insist(store: &dyn Store, batch: &Batch) {
    let counted = eventually(async || match store.apply(batch).await {
        Ok(Applied::Yes) => Ok(batch.to),
        Ok(Applied::No { watermark }) => Ok(watermark),
        Err(StoreError::Unavailable(said)) => Err(said),
        Err(error) => panic!("{error}"),
    });
    assert_eq!(counted.await, batch.to, "the store stands where no batch ended");
}

/// Counts one click of `link` after the other up to position `end`, going on wherever the store stands, as the tally
/// does.
pub(super) async fn count_to(store: &dyn Store, link: u64, end: u64) {
    let mut at = watermark_of(store).await;
    while at < end {
        at = eventually(async || match store.apply(&batch(at, link, 1)).await {
            Ok(Applied::Yes) => Ok(at + 1),
            Ok(Applied::No { watermark }) => Ok(watermark.0),
            Err(StoreError::Unavailable(said)) => Err(said),
            Err(error) => panic!("{error}"),
        })
        .await;
    }
}

/// Asks until it is answered, however often that fails.
pub(super) async fn eventually<T, E: std::fmt::Display>(mut ask: impl AsyncFnMut() -> Result<T, E>) -> T {
    let deadline = Instant::now() + ANSWERED_WITHIN;
    loop {
        match ask().await {
            Ok(answer) => return answer,
            Err(error) => assert!(Instant::now() < deadline, "never: {error}"),
        }
        tokio::time::sleep(process::POLL).await;
    }
}

/// What a call that must fail for the moment says.
pub(super) async fn unavailable(store: &dyn Store, batch: &Batch) -> String {
    match store.apply(batch).await {
        Err(StoreError::Unavailable(said)) => said,
        other => panic!("{other:?}"),
    }
}

/// Tries until it fails with these words.
async fn told(store: &dyn Store, words: &str) -> String {
    eventually(async || {
        let said = unavailable(store, &batch(1, 1, 1)).await;
        if said.contains(words) { Ok(said) } else { Err(said) }
    })
    .await
}

#[tokio::test]
async fn an_answer_that_is_lost_after_the_script_ran_counts_nothing_twice() {
    let server = RedisServer::start();
    let config = Config { reply_ms: 50, ..Place::config(&server, 1) };
    let store = Redis::open(&config, server.data()).unwrap();
    insist(&store, &batch(0, 1, 1)).await;
    for from in 1..6 {
        server.freeze();
        // It is in the server's socket by now, so that the server counts it when it wakes up.
        let said = unavailable(&store, &batch(from, 1, 1)).await;
        assert!(said.contains("no answer in time"), "{said}");
        server.thaw();
        insist(&store, &batch(from, 1, 1)).await;
    }
    assert_eq!(clicks(&store, 1).await, 6);
}

#[tokio::test]
async fn connections_that_are_cut_all_the_time_lose_nothing_and_count_nothing_twice() {
    let server = RedisServer::start();
    let store = server.redis(1);
    for from in 0..200 {
        let batch = batch(from, 1, 1);
        let applied = store.apply(&batch);
        let cut = async { server.cli::<u64>("CLIENT KILL TYPE normal") };
        let (applied, _) = futures_util::future::join(applied, cut).await;
        if applied.is_err() {
            insist(&store, &batch).await;
        }
    }
    assert_eq!(clicks(&store, 1).await, 200);
}

#[tokio::test]
async fn a_redis_that_is_killed_again_and_again_is_caught_up_from_its_watermark() {
    let mut server = RedisServer::start();
    let store = server.redis(1);
    let mut next = 1;
    insist(&store, &batch(0, 1, 1)).await;
    server.sync();
    for _ in 0..4 {
        for _ in 0..50 {
            insist(&store, &batch(next, 1, 1)).await;
            next += 1;
        }
        server.kill();
        let said = unavailable(&store, &batch(next, 1, 1)).await;
        assert!(said.contains("connects again by itself"), "{said}");
        assert!(server.launch());
        // The last second of the append-only file may be gone: counters and watermark go back together.
        next = watermark_of(&store).await;
    }
    assert_eq!(clicks(&store, 1).await, next);
}

pub(super) async fn watermark_of(store: &dyn Store) -> u64 {
    eventually(async || store.watermark(ONE, SHARD).await).await.0
}

#[tokio::test]
async fn a_full_redis_takes_nothing_and_goes_on_when_there_is_room() {
    let server = RedisServer::start();
    let store = server.redis(1);
    insist(&store, &batch(0, 1, 1)).await;
    server.cli::<()>("CONFIG SET maxmemory 1");
    let said = unavailable(&store, &batch(1, 1, 1)).await;
    assert!(said.contains("raise maxmemory"), "{said}");
    server.cli::<()>("CONFIG SET maxmemory 0");
    insist(&store, &batch(1, 1, 1)).await;
    assert_eq!(clicks(&store, 1).await, 2);
}

#[tokio::test]
async fn a_redis_that_cannot_save_takes_nothing_and_goes_on_when_it_can() {
    let server = RedisServer::with(&["--save", "3600 1000000"]);
    let store = server.redis(1);
    insist(&store, &batch(0, 1, 1)).await;
    // A snapshot cannot take the place of a folder.
    let in_the_way = server.folder().join("dump.rdb");
    std::fs::create_dir(&in_the_way).unwrap();
    save(&server, "err").await;
    let said = unavailable(&store, &batch(1, 1, 1)).await;
    assert!(said.contains("MISCONF") && said.contains("free the disk"), "{said}");
    std::fs::remove_dir(in_the_way).unwrap();
    save(&server, "ok").await;
    insist(&store, &batch(1, 1, 1)).await;
    assert_eq!(clicks(&store, 1).await, 2);
}

async fn save(server: &RedisServer, expected: &str) {
    eventually(async || match server.try_cli::<()>("BGSAVE") {
        Ok(()) => Ok(()),
        Err(_) if server.info("rdb_last_bgsave_status").as_deref() == Some(expected) => Ok(()),
        Err(error) => Err(error.to_string()),
    })
    .await;
    eventually(async || match server.info("rdb_last_bgsave_status") {
        Some(status) if status == expected => Ok(()),
        status => Err(format!("{status:?}")),
    })
    .await;
}

#[tokio::test]
async fn a_redis_without_enough_replicas_is_waited_for() {
    let server = RedisServer::start();
    let store = server.redis(1);
    insist(&store, &batch(0, 1, 1)).await;
    server.ask("CONFIG SET min-replicas-to-write 1");
    let said = unavailable(&store, &batch(1, 1, 1)).await;
    assert!(said.contains("NOREPLICAS"), "{said}");
    assert_eq!(clicks(&store, 1).await, 1);
    server.ask("CONFIG SET min-replicas-to-write 0");
    insist(&store, &batch(1, 1, 1)).await;
    assert_eq!(clicks(&store, 1).await, 2);
}

#[tokio::test]
async fn a_redis_with_too_many_clients_is_waited_for() {
    let server = RedisServer::start();
    let store = server.redis(1);
    insist(&store, &batch(0, 1, 1)).await;
    server.all(&["CONFIG SET maxclients 4", "CLIENT KILL TYPE normal"]);
    let others: Vec<_> = (0..4).map(|_| std::net::TcpStream::connect(("127.0.0.1", server.port())).unwrap()).collect();
    // The first call may find the connection that was cut, and the next ones the pause after it.
    let said = told(&store, "max number of clients").await;
    assert!(said.contains("passes by itself"), "{said}");
    drop(others);
    insist(&store, &batch(1, 1, 1)).await;
    assert_eq!(clicks(&store, 1).await, 2);
}

#[tokio::test]
async fn a_redis_that_is_loading_is_waited_for() {
    // Microseconds for each command that is read back, of which there are enough to be asked in between.
    let mut server = RedisServer::with(&["--key-load-delay", "300"]);
    let store = server.redis(1);
    insist(&store, &batch(0, 1, 1)).await;
    server.ask("EVAL \"for i = 1, 8000 do redis.call('SET', 'of-somebody-else:' .. i, i) end\" 0");
    server.sync();
    server.kill();
    assert!(server.launch());
    told(&store, "loading").await;
    let next = watermark_of(&store).await;
    count_to(&store, 1, next + 1).await;
    assert_eq!(clicks(&store, 1).await, next + 1);
}

#[tokio::test]
async fn a_server_that_became_a_replica_is_not_counted_into() {
    let server = RedisServer::start();
    let store = server.redis(1);
    insist(&store, &batch(0, 1, 1)).await;
    server.cli::<()>("REPLICAOF 127.0.0.1 1");
    let said = unavailable(&store, &batch(1, 1, 1)).await;
    assert!(said.contains("must lead to the master"), "{said}");
    assert!(store.watermarks(ONE).await.is_err());
    server.cli::<()>("REPLICAOF NO ONE");
    insist(&store, &batch(1, 1, 1)).await;
    assert_eq!(clicks(&store, 1).await, 2);
}

#[tokio::test]
async fn a_script_of_somebody_else_is_waited_for() {
    let server = RedisServer::with(&["--busy-reply-threshold", "1"]);
    let store = server.redis(1);
    insist(&store, &batch(0, 1, 1)).await;
    let busy = server.url();
    let endless = std::thread::spawn(move || {
        let mut connection = redis::Client::open(busy).unwrap().get_connection().unwrap();
        let _ = redis::cmd("EVAL").arg("while true do end").arg(0).query::<()>(&mut connection);
    });
    let mut said = String::new();
    for from in 1.. {
        match store.apply(&batch(from, 1, 1)).await {
            Err(error) => said = error.to_string(),
            Ok(_) => continue,
        }
        break;
    }
    assert!(said.contains("BUSY") || said.contains("no answer"), "{said}");
    while !endless.is_finished() {
        let _ = server.try_cli::<()>("SCRIPT KILL");
    }
    endless.join().unwrap();
    let next = watermark_of(&store).await;
    insist(&store, &batch(next, 1, 1)).await;
    assert_eq!(clicks(&store, 1).await, next + 1);
}

#[tokio::test]
async fn a_server_that_forgot_its_scripts_gets_them_again() {
    let server = RedisServer::start();
    let store = server.redis(1);
    for from in 0..3 {
        assert_eq!(store.apply(&batch(from, 1, 1)).await.unwrap(), Applied::Yes);
        server.cli::<()>("SCRIPT FLUSH");
    }
    assert_eq!(clicks(&store, 1).await, 3);
}

#[tokio::test]
async fn a_changed_password_is_a_matter_of_configuration_and_said_so() {
    let server = RedisServer::start();
    let store = server.redis(1);
    insist(&store, &batch(0, 1, 1)).await;
    server.all(&["CONFIG SET requirepass secret", "CLIENT KILL TYPE normal"]);
    let mut said = unavailable(&store, &batch(1, 1, 1)).await;
    if !said.contains("check user") {
        // The first call still found the connection that was cut.
        said = unavailable(&store, &batch(1, 1, 1)).await;
    }
    assert!(said.contains("check user, password"), "{said}");
    assert!(!said.contains("secret"), "{said}");
    let config = Config { url: server.url().replace("//", "//:secret@"), ..Place::config(&server, 1) };
    let store = Redis::open(&config, server.data()).unwrap();
    insist(&store, &batch(1, 1, 1)).await;
    assert_eq!(clicks(&store, 1).await, 2);
}

#[tokio::test]
async fn a_wiped_shard_is_not_counted_into_until_somebody_says_so() {
    let server = RedisServer::start();
    let store = server.redis(2);
    insist(&store, &batch(0, 2, 5)).await;
    server.cli::<()>("DEL waypost:{s0}:marks waypost:{s0}:days");
    // The other shard goes on.
    let other = Batch { shard: Shard(1), ..batch(0, 1, 1) };
    let [Err(StoreError::Corrupt(said)), Ok(Applied::Yes)] = &store.apply_all(&[&batch(1, 2, 1), &other]).await[..]
    else {
        panic!("it was counted")
    };
    let (_, accept) = said.split_once("journals still hold: ").unwrap();
    let command = accept.split("; ").next().unwrap();
    assert!(command.starts_with("HSET waypost:{s0}:marks epoch "), "{said}");
    server.cli::<()>(command);
    assert_eq!(store.apply(&batch(1, 2, 1)).await.unwrap(), Applied::No { watermark: Position::START });
}

#[tokio::test]
async fn keys_that_hold_something_else_stop_nobody_and_what_belongs_there_is_set_aside() {
    let server = RedisServer::start();
    let store = server.redis(1);
    insist(&store, &batch(0, 1, 1)).await;
    let counts = "waypost:{s0}:counts:2026-11-21:1";
    server.cli::<()>(&format!("HSET {counts} country:SE many"));
    server.cli::<()>("SET waypost:{s0}:visitors:2026-11-21:2 many");
    server.cli::<()>("SET waypost:{s0}:counts:2026-11-21:3 many");
    let poisoned = batch_of(1, [(1, 4), (2, 5), (3, 6)].map(|(link, clicks)| delta(link, clicks, &[7])).into());
    assert_eq!(store.apply(&poisoned).await.unwrap(), Applied::Yes);
    assert_eq!(store.apply(&poisoned).await.unwrap(), Applied::No { watermark: Position(2) });
    assert_eq!((clicks(&store, 1).await, clicks(&store, 2).await, clicks(&store, 3).await), (5, 5, 0));
    let aside: std::collections::BTreeMap<String, u64> = server.cli("HGETALL waypost:{s0}:aside");
    let expected = [
        (format!("{counts} country:SE"), 4),
        ("waypost:{s0}:counts:2026-11-21:3 country:SE".to_owned(), 6),
        ("waypost:{s0}:counts:2026-11-21:3 verdict:human".to_owned(), 6),
        ("waypost:{s0}:visitors:2026-11-21:2 visitors".to_owned(), 1),
    ];
    assert_eq!(aside, expected.into());
    assert_eq!(store.quarantined(), 4);
}
