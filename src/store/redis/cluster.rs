//! What the servers of a cluster know: which of them holds which slots.

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use redis::{Value, from_redis_value, pipe};
use tokio::time::timeout;

use super::address::Endpoint;
use super::reaction::{Failure, Reaction, Result};
use super::routes::Routes;
use super::topology::Topology;

/// The most servers that are asked at once; any one of them knows.
const ASKED_MAX: usize = 16;

/// Asks the servers of the address and those known since. The first one counts that sees the cluster whole: one that
/// was cut off from the others names what was.
pub(super) async fn routes(topology: &Topology) -> Result<Routes> {
    let mut servers = topology.address.nodes.clone();
    servers.extend(topology.servers());
    servers.sort_unstable_by_key(Endpoint::to_string);
    servers.dedup();
    servers.truncate(ASKED_MAX);
    let mut answers: FuturesUnordered<_> = servers.iter().map(|server| ask(topology, server)).collect();
    let (mut partial, mut failure) = (None, None);
    while let Some(answer) = answers.next().await {
        match answer {
            Ok((routes, true)) => return Ok(routes),
            Ok((routes, false)) => partial = Some(routes),
            Err(said) => failure = Some(said),
        }
    }
    partial.ok_or_else(|| failure.unwrap_or_else(|| Failure::cut("no server of the cluster answered")))
}

/// What one server says, and whether it finds the cluster well.
async fn ask(topology: &Topology, server: &Endpoint) -> Result<(Routes, bool)> {
    let dialer = &topology.dialer;
    let asked = async {
        let mut connection = dialer.connect(server, &topology.address.login).await?;
        let mut questions = pipe();
        questions.cmd("CLUSTER").arg("SLOTS");
        questions.cmd("CLUSTER").arg("INFO");
        questions.ignore_errors();
        let [slots, info]: [Value; 2] = timeout(dialer.deadlines.connect, questions.query_async(&mut connection.to))
            .await
            .unwrap_or_else(|_| Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()))?;
        let slots = slots.extract_error().map_err(not_clustered)?;
        let info: String = from_redis_value(info.extract_error()?).unwrap_or_default();
        let routes = Routes::parse(slots, server).filter(|routes| !routes.servers().is_empty());
        let routes = routes.ok_or_else(|| Failure::of(Reaction::Wait, "it knows nobody who holds slots"))?;
        Ok((routes, info.contains("cluster_state:ok")))
    };
    asked.await.map_err(|failure: Failure| failure.said_by(&server.to_string()))
}

fn not_clustered(error: redis::RedisError) -> Failure {
    let said = error.to_string();
    if said.contains("cluster support disabled") {
        return Failure::of(Reaction::Elsewhere, "it belongs to no cluster: write store.url with redis://");
    }
    Failure::from(error)
}
