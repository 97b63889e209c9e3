//! What a running server says of itself.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::finding::Finding;
use crate::cli::client::Client;
use crate::cli::connect::{Connect, Running};
use crate::cli::figures;
use crate::cli::hook::{Hook, Hooks};
use crate::config::Config;

/// What is looked at of `GET /api/v1/node`.
#[derive(Debug, Deserialize)]
struct Node {
    version: String,
    store: String,
    #[serde(default)]
    undelivered: Undelivered,
    hits: Hits,
}

/// A server of an earlier version tells nothing of it.
#[derive(Debug, Default, Deserialize)]
struct Undelivered {
    files: u64,
    trouble: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Hits {
    received: u64,
    recovered: u64,
    counted: u64,
    lost: BTreeMap<String, u64>,
    in_journal: u64,
}

/// Asks the server that `DATA/server.json` names.
pub(super) async fn examine(config: &Config, running: &Running) -> anyhow::Result<Vec<Finding>> {
    const WHAT: &str = "server";
    let connect = Connect { data: Some(config.data.clone()), ..Connect::default() };
    let client = match connect.open() {
        Ok(client) => client,
        Err(error) => return Ok(vec![Finding::fail(WHAT, format!("{error:#}"))]),
    };
    match ask(&client).await {
        Ok(node) => {
            let mut findings = vec![
                Finding::ok(WHAT, format!("version {} answers at {} and took the key", node.version, running.admin)),
                Finding::ok("redirects", format!("answered at {}", running.redirect)),
                store(&node),
                deliveries(&node.undelivered),
                accounting(&node.hits),
            ];
            // A server of an earlier version has none.
            if let Ok(answer) = client.get("/api/v1/hooks", &[]).await {
                findings.extend(hooks(&answer.read::<Hooks>()?.hooks));
            }
            Ok(findings)
        }
        Err(error) => {
            let why = format!("process {} wrote server.json, but: {error:#}", running.pid);
            Ok(vec![Finding::fail(WHAT, why)])
        }
    }
}

async fn ask(client: &Client) -> anyhow::Result<Node> {
    client.get("/api/v1/node", &[]).await?.read()
}

fn store(node: &Node) -> Finding {
    Finding::ok("store", node.store.clone())
}

/// Click files go to the object store as soon as they are written, if there is one.
fn deliveries(undelivered: &Undelivered) -> Finding {
    const WHAT: &str = "deliveries";
    let waiting = figures::count(undelivered.files);
    match &undelivered.trouble {
        None => Finding::ok(WHAT, format!("{waiting} click files wait for an object store")),
        Some(why) => Finding::warn(WHAT, format!("{waiting} click files wait in the data folder, none is lost: {why}")),
    }
}

/// One line for all that are well, and one for each that is not. One that was switched off is as it shall be.
fn hooks(hooks: &[Hook]) -> Vec<Finding> {
    const WHAT: &str = "hooks";
    let trouble = |hook: &Hook| {
        let why = match (hook.status.as_str(), &hook.error, hook.dead_letters) {
            ("paused" | "failing", Some(error), _) => format!("hook {} is {}: {error}", hook.id, hook.status),
            (_, _, letters) if letters > 0 => {
                let letters = figures::count(letters);
                format!("hook {} has {letters} dead letters: see `waypost hook deliveries {}`", hook.id, hook.id)
            }
            _ => return None,
        };
        Some(Finding::warn(WHAT, why))
    };
    let found: Vec<_> = hooks.iter().filter_map(trouble).collect();
    match (hooks.len(), found.is_empty()) {
        (0, _) => Vec::new(),
        (count, true) => vec![Finding::ok(WHAT, format!("{count}, all well"))],
        _ => found,
    }
}

/// Every hit is accounted for: received = counted + lost + in the journal.
fn accounting(hits: &Hits) -> Finding {
    const WHAT: &str = "hits";
    let lost: u64 = hits.lost.values().sum();
    let waiting = figures::count(hits.in_journal);
    let text =
        format!("{} counted, {waiting} in the journal, {} lost", figures::count(hits.counted), figures::count(lost));
    if lost > 0 {
        let reasons: Vec<_> = hits.lost.iter().filter(|(_, n)| **n > 0).map(|(why, n)| format!("{why} {n}")).collect();
        return Finding::warn(WHAT, format!("{text} ({}): see the log", reasons.join(", ")));
    }
    if hits.received + hits.recovered < hits.counted {
        return Finding::warn(WHAT, format!("{text}, but only {} received; please report this", hits.received));
    }
    Finding::ok(WHAT, text)
}

#[cfg(test)]
mod tests {
    use super::super::finding::Grade;
    use super::*;
    use crate::cli::client::block_on;

    fn hits(lost: u64) -> Hits {
        let lost = BTreeMap::from([("journal_full".to_owned(), lost)]);
        Hits { received: 10, recovered: 0, counted: 8, lost, in_journal: 2 }
    }

    #[test]
    fn lost_hits_are_never_passed_over() {
        assert_eq!(accounting(&hits(0)).grade, Grade::Ok);
        let lossy = accounting(&hits(3));
        assert_eq!(lossy.grade, Grade::Warn);
        assert!(lossy.why.contains("journal_full 3"), "{lossy:?}");
    }

    #[test]
    fn a_server_that_left_its_file_behind_is_told_by_its_process() {
        let folder = tempfile::tempdir().unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let json = format!(r#"{{"admin":"http://127.0.0.1:{port}","redirect":"http://127.0.0.1:1","pid":7}}"#);
        std::fs::write(folder.path().join("server.json"), json).unwrap();
        std::fs::write(folder.path().join("admin.key"), "wp_key\n").unwrap();
        let mut config = Config::default_values();
        config.data = folder.path().to_owned();
        let running = Running::read(&config.data).unwrap();
        let findings = block_on(examine(&config, &running)).unwrap();
        assert_eq!(findings[0].grade, Grade::Fail);
        assert!(findings[0].why.contains("process 7"), "{findings:?}");
    }
}
