//! What sentinels know: which server is master now, and at once when that changes.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use redis::{RedisConnectionInfo, Value, from_redis_value, pipe};
use tokio::time::{sleep, timeout};

use super::address::{Endpoint, Kind};
use super::dial::Dialer;
use super::reaction::{Failure, Reaction, Result};
use super::topology::Topology;

const SWITCHED: &str = "+switch-master";

/// How often they are asked although they said nothing: a sentinel that is cut off hears of no change.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// The pause before another sentinel is listened to.
const LISTEN_AGAIN_AFTER: Duration = Duration::from_millis(200);

/// A master, and the age of the configuration that says so.
struct Named {
    epoch: u64,
    master: Endpoint,
}

/// Asks all `sentinels` at once. As soon as more than half have answered, the newest configuration counts: one that was
/// cut off or just started may still name a master that was.
pub(super) async fn master(
    dialer: &Dialer,
    sentinels: &[Endpoint],
    service: &str,
    login: &RedisConnectionInfo,
) -> Result<Endpoint> {
    let mut answers: FuturesUnordered<_> =
        sentinels.iter().map(|sentinel| ask(dialer, sentinel, service, login)).collect();
    let (mut newest, mut answered, mut failure) = (None::<Named>, 0, None);
    while let Some(answer) = answers.next().await {
        match answer {
            Ok(named) => {
                answered += 1;
                if newest.as_ref().is_none_or(|newest| named.epoch > newest.epoch) {
                    newest = Some(named);
                }
            }
            Err(said) => failure = Some(said),
        }
        if answered * 2 > sentinels.len() {
            break;
        }
    }
    let nobody = || failure.unwrap_or_else(|| Failure::cut("no sentinel answered"));
    newest.map(|named| named.master).ok_or_else(nobody)
}

async fn ask(dialer: &Dialer, sentinel: &Endpoint, service: &str, login: &RedisConnectionInfo) -> Result<Named> {
    let asked = async {
        let mut connection = dialer.connect(sentinel, login).await?;
        let mut questions = pipe();
        questions.cmd("SENTINEL").arg("GET-MASTER-ADDR-BY-NAME").arg(service);
        questions.cmd("SENTINEL").arg("MASTER").arg(service);
        questions.ignore_errors();
        let answers: [Value; 2] = timeout(dialer.deadlines.connect, questions.query_async(&mut connection.to))
            .await
            .unwrap_or_else(|_| Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()))?;
        read(answers, sentinel, service)
    };
    asked.await.map_err(|failure: Failure| failure.said_by(&format!("the sentinel {sentinel}")))
}

fn read([address, state]: [Value; 2], sentinel: &Endpoint, service: &str) -> Result<Named> {
    let unknown = || Failure::of(Reaction::Elsewhere, format!("it watches no master named {service:?}"));
    let unreadable = |_| Failure::poison("its answer is none that a sentinel gives");
    let address: Option<(String, u16)> = from_redis_value(address.extract_error()?).map_err(unreadable)?;
    let (host, port) = address.ok_or_else(unknown)?;
    let state: HashMap<String, String> = from_redis_value(state.extract_error()?).map_err(unreadable)?;
    let epoch = state.get("config-epoch").and_then(|epoch| epoch.parse().ok()).unwrap_or(0);
    Ok(Named { epoch, master: sentinel.neighbour(&host, port) })
}

/// Listens to one sentinel after the other, for as long as the runtime lives. What goes wrong here costs nothing but
/// speed: a call that fails asks by itself.
pub(super) async fn watch(topology: Arc<Topology>) {
    let Kind::Sentinel { service, login } = &topology.address.kind else { return };
    loop {
        for sentinel in &topology.address.nodes {
            if let Err(failure) = listen(&topology, sentinel, service, login).await {
                tracing::debug!(%sentinel, said = failure.said, "a sentinel cannot be listened to");
            }
            sleep(LISTEN_AGAIN_AFTER).await;
        }
    }
}

async fn listen(topology: &Topology, sentinel: &Endpoint, service: &str, login: &RedisConnectionInfo) -> Result<()> {
    let mut heard = topology.dialer.subscribe(sentinel, login, SWITCHED).await?;
    loop {
        // What was said before somebody listened, or to others only.
        let _ = topology.look().await;
        let message = timeout(LOOK_EVERY, heard.on_message().next()).await;
        let Ok(message) = message else {
            let answered = timeout(topology.dialer.deadlines.reply, heard.ping::<Value>()).await;
            answered.map_err(|_| Failure::silent())??;
            continue;
        };
        let message = message.ok_or_else(|| Failure::cut("the connection ended"))?;
        let text: String = message.get_payload().map_err(|error| Failure::poison(error.to_string()))?;
        if let Some(master) = new_master(&text, service, sentinel) {
            tracing::info!(%master, "the sentinels made another server master");
            topology.switched(master);
        }
    }
}

/// `SERVICE OLD-HOST OLD-PORT NEW-HOST NEW-PORT` (redis.io, "High availability with Redis Sentinel", Pub/Sub messages).
fn new_master(message: &str, service: &str, sentinel: &Endpoint) -> Option<Endpoint> {
    let mut words = message.split(' ');
    let (named, host) = (words.next()?, words.nth(2)?);
    let port = words.next()?.parse().ok()?;
    (named == service).then(|| sentinel.neighbour(host, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sentinel() -> Endpoint {
        Endpoint { host: "10.0.0.1".to_owned(), port: 26379 }
    }

    #[test]
    fn only_news_of_our_service_is_heard() {
        let heard = |text: &str| new_master(text, "main", &sentinel()).map(|endpoint| endpoint.to_string());
        assert_eq!(heard("main 10.0.0.2 6379 10.0.0.3 6380").as_deref(), Some("10.0.0.3:6380"));
        for other in ["other 10.0.0.2 6379 10.0.0.3 6380", "main 10.0.0.2 6379 10.0.0.3", "", "main a b c d"] {
            assert_eq!(heard(other), None, "{other}");
        }
    }

    #[test]
    fn a_sentinel_that_does_not_know_the_service_names_nobody() {
        let failure = read([Value::Nil, Value::Nil], &sentinel(), "main").map(|named| named.epoch).unwrap_err();
        assert!(failure.reaction == Reaction::Elsewhere && failure.said.contains("\"main\""), "{failure:?}");
    }
}
