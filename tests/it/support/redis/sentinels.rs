//! A master, its replicas, and three sentinels that watch them and make another one master when it fails.

use std::collections::HashMap;
use std::fs;

use super::certificates::Certificates;
use super::eventually;
use super::server::RedisServer;

pub(crate) const SERVICE: &str = "main";
const SENTINELS: usize = 3;

/// Milliseconds after which a master that does not answer counts as down.
const DOWN_AFTER_MS: u64 = 500;

/// Sentinels look every second and every ten seconds where nobody tells them otherwise, and do nothing for half a minute
/// when they were held up themselves; the tests have no time for that.
const HASTE: &str = "SENTINEL DEBUG INFO-PERIOD 200 PING-PERIOD 100 ASK-PERIOD 100 PUBLISH-PERIOD 200 \
                     MIN-LINK-RECONNECT-PERIOD 100 ELECTION-TIMEOUT 2000 TILT-TRIGGER 20000 TILT-PERIOD 1000";

pub(crate) struct Sentinels {
    /// The first one begins as master.
    pub(crate) servers: Vec<RedisServer>,
    pub(crate) sentinels: Vec<RedisServer>,
}

impl Sentinels {
    pub(crate) fn start(replicas: usize) -> Self {
        Self::launch(replicas, &[], RedisServer::with, "")
    }

    /// Everything speaks TLS with everything.
    pub(crate) fn encrypted(certificates: &Certificates, replicas: usize) -> Self {
        // As a configuration file has it: each argument with its value on a line of its own.
        let tls = certificates.arguments().join(" ").replace("--", "\n");
        Self::launch(replicas, &[], |arguments| RedisServer::encrypted(certificates, arguments), &tls)
    }

    fn launch(replicas: usize, more: &[&str], start: impl Fn(&[&str]) -> RedisServer, tls: &str) -> Self {
        let haste = ["--repl-diskless-sync-delay", "0", "--repl-timeout", "5", "--repl-ping-replica-period", "1"];
        let arguments = [&haste[..], more].concat();
        let servers: Vec<_> = (0..=replicas).map(|_| start(&arguments)).collect();
        let master = servers[0].client_port();
        for replica in &servers[1..] {
            replica.ask(&format!("REPLICAOF 127.0.0.1 {master}"));
        }
        for replica in &servers[1..] {
            eventually("a replica follows", || replica.info("master_link_status").as_deref() == Some("up"));
        }
        let sentinels = (0..SENTINELS).map(|_| sentinel(master, tls)).collect();
        let group = Self { servers, sentinels };
        eventually("the sentinels know each other and the replicas", || group.is_known(replicas));
        group
    }

    fn is_known(&self, replicas: usize) -> bool {
        self.sentinels.iter().all(|sentinel| {
            let state: HashMap<String, String> =
                sentinel.try_cli(&format!("SENTINEL MASTER {SERVICE}")).unwrap_or_default();
            let number = |name: &str| state.get(name).and_then(|number| number.parse::<usize>().ok());
            number("num-slaves") == Some(replicas)
                && number("num-other-sentinels") == Some(SENTINELS - 1)
                && state.get("flags").is_some_and(|flags| flags == "master")
        })
    }

    pub(crate) fn url(&self) -> String {
        let is_encrypted = self.servers[0].client_port() != self.servers[0].port();
        let nodes: Vec<_> =
            self.sentinels.iter().map(|sentinel| format!("127.0.0.1:{}", sentinel.client_port())).collect();
        let scheme = if is_encrypted { "rediss" } else { "redis" };
        format!("{scheme}+sentinel://{}/{SERVICE}", nodes.join(","))
    }

    pub(crate) fn config(&self) -> String {
        super::config(&self.url())
    }

    /// The server that the sentinels name, as its place among `servers`.
    pub(crate) fn master(&self) -> usize {
        let (_, port): (String, u16) = self.sentinels[0].cli(&format!("SENTINEL GET-MASTER-ADDR-BY-NAME {SERVICE}"));
        self.servers.iter().position(|server| server.client_port() == port).expect("it is one of them")
    }

    /// Waits until another server than `old` is master, and says which.
    pub(crate) fn switched_from(&self, old: usize) -> usize {
        eventually("another server is made master", || {
            let new = self.master();
            new != old && self.servers[new].info("role").as_deref() == Some("master")
        });
        self.master()
    }

    /// Waits until the replicas have everything that the first master has.
    pub(crate) fn in_step(&self) {
        for replica in &self.servers[1..] {
            eventually("a replica has everything", || {
                replica.info("slave_repl_offset") == self.servers[0].info("master_repl_offset")
            });
        }
    }

    /// Has another server made master while the present one is well and goes on, and says which.
    ///
    /// Sentinels try what they are ordered once. Where no replica answers them in that moment, as on a busy machine, they give
    /// it up without a word to who ordered it, so it is ordered again.
    pub(crate) fn fail_over(&self) -> usize {
        let old = self.master();
        let port = self.servers[old].client_port().to_string();
        eventually("the sentinels make another server master", || {
            let state: HashMap<String, String> = self.sentinels[0].cli(&format!("SENTINEL MASTER {SERVICE}"));
            if state["port"] == port && !state["flags"].contains("failover_in_progress") {
                // Refused where they see no replica that could be it; they look again.
                let _ = self.sentinels[0].try_cli::<()>(&format!("SENTINEL FAILOVER {SERVICE}"));
            }
            state["port"] != port
        });
        self.switched_from(old)
    }
}

fn sentinel(master: u16, tls: &str) -> RedisServer {
    let config = format!(
        "sentinel monitor {SERVICE} 127.0.0.1 {master} 2\n\
         sentinel down-after-milliseconds {SERVICE} {DOWN_AFTER_MS}\n\
         sentinel failover-timeout {SERVICE} 3000\n\
         sentinel parallel-syncs {SERVICE} 2\n{tls}\n"
    );
    let sentinel = RedisServer::sentinel(|folder| fs::write(folder.join("sentinel.conf"), config), !tls.is_empty());
    sentinel.ask(HASTE);
    sentinel
}
