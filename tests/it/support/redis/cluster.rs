//! A cluster of three masters and three replicas, put together by hand because that takes a second instead of ten.

use std::ops::Range;

use redis::Value;

use super::certificates::Certificates;
use super::eventually;
use super::server::{BUS, RedisServer, free_port};

const MASTERS: usize = 3;
const SLOTS: usize = 16_384;

/// Where a line of `CLUSTER NODES` tells the configuration epoch of its node.
const EPOCH_OF_NODE: usize = 6;

/// Milliseconds after which a server that does not answer counts as failed.
const NODE_TIMEOUT_MS: &str = "1000";

pub(crate) struct Cluster {
    /// The masters, then a replica of each in the same order.
    pub(crate) servers: Vec<RedisServer>,
    /// What they call each other.
    ids: Vec<String>,
}

impl Cluster {
    pub(crate) fn start() -> Self {
        Self::launch(RedisServer::with)
    }

    /// Everything speaks TLS with everything.
    pub(crate) fn encrypted(certificates: &Certificates) -> Self {
        Self::launch(|arguments| RedisServer::encrypted(certificates, &[arguments, &["--tls-cluster", "yes"]].concat()))
    }

    fn launch(start: impl Fn(&[&str]) -> RedisServer) -> Self {
        let servers: Vec<_> = (0..2 * MASTERS)
            .map(|_| {
                let bus = free_port().to_string();
                let own = ["--cluster-enabled", "yes", BUS, &bus, "--cluster-node-timeout", NODE_TIMEOUT_MS];
                // One shard down takes no other one with it; a replica takes over however old its data is.
                let whole = ["--cluster-require-full-coverage", "no", "--cluster-replica-validity-factor", "0"];
                start(&[&own[..], &whole, &["--repl-diskless-sync-delay", "0"]].concat())
            })
            .collect();
        let ids = servers.iter().map(|server| server.cli("CLUSTER MYID")).collect();
        let cluster = Self { servers, ids };
        cluster.introduce();
        cluster.give_slots();
        cluster.follow();
        cluster
    }

    fn introduce(&self) {
        for (number, server) in self.servers.iter().enumerate() {
            server.ask(&format!("CLUSTER SET-CONFIG-EPOCH {}", number + 1));
        }
        for server in &self.servers {
            self.servers[0].ask(&format!("CLUSTER MEET 127.0.0.1 {} {}", server.client_port(), server.bus()));
        }
        for server in &self.servers {
            let known = || server.cli::<String>("CLUSTER INFO").contains("cluster_known_nodes:6\r");
            eventually("all servers know each other", known);
        }
    }

    fn give_slots(&self) {
        for (number, master) in self.servers[..MASTERS].iter().enumerate() {
            let Range { start, end } = slots_of(number);
            master.ask(&format!("CLUSTER ADDSLOTSRANGE {start} {}", end - 1));
        }
    }

    fn follow(&self) {
        for (replica, id) in self.servers[MASTERS..].iter().zip(&self.ids) {
            let follow = || replica.try_cli::<()>(&format!("CLUSTER REPLICATE {id}")).is_ok();
            eventually("a replica knows its master", follow);
        }
        for server in &self.servers {
            let is_well = || {
                let info: String = server.cli("CLUSTER INFO");
                info.contains("cluster_state:ok") && info.contains("cluster_slots_assigned:16384\r")
            };
            eventually("the cluster is well", is_well);
        }
        for replica in &self.servers[MASTERS..] {
            eventually("a replica follows", || replica.info("master_link_status").as_deref() == Some("up"));
        }
    }

    pub(crate) fn url(&self) -> String {
        let is_encrypted = self.servers[0].client_port() != self.servers[0].port();
        let nodes: Vec<_> =
            self.servers[..2].iter().map(|server| format!("127.0.0.1:{}", server.client_port())).collect();
        format!("{}+cluster://{}", if is_encrypted { "rediss" } else { "redis" }, nodes.join(","))
    }

    pub(crate) fn config(&self) -> String {
        super::config(&self.url())
    }

    /// The server that holds the slot of `key` now, as its place among `servers`.
    pub(crate) fn holder(&self, key: &str) -> usize {
        let mut holder = None;
        eventually("somebody holds it", || {
            holder = self.servers.iter().position(|server| server.is_running() && holds(server, key));
            holder.is_some()
        });
        holder.expect("it was found")
    }

    pub(crate) fn slot(&self, key: &str) -> u16 {
        self.alive().cli(&format!("CLUSTER KEYSLOT {key}"))
    }

    fn alive(&self) -> &RedisServer {
        self.servers.iter().find(|server| server.is_running()).expect("one of them runs")
    }

    /// Begins to move `slot` to master `to`: keys that are not there are the other one's from now on.
    pub(crate) fn open_move(&self, slot: u16, from: usize, to: usize) {
        self.servers[to].ask(&format!("CLUSTER SETSLOT {slot} IMPORTING {}", self.ids[from]));
        self.servers[from].ask(&format!("CLUSTER SETSLOT {slot} MIGRATING {}", self.ids[to]));
    }

    /// Moves the keys of the slot, at most so many; how many there were.
    pub(crate) fn move_keys(&self, slot: u16, from: usize, to: usize, most: usize) -> usize {
        let keys: Vec<String> = self.servers[from].cli(&format!("CLUSTER GETKEYSINSLOT {slot} {most}"));
        for key in &keys {
            let to = self.servers[to].client_port();
            self.servers[from].ask(&format!("MIGRATE 127.0.0.1 {to} {key} 0 5000"));
        }
        keys.len()
    }

    /// Ends the move: the slot is `to`'s.
    pub(crate) fn close_move(&self, slot: u16, from: usize, to: usize) {
        for at in [to, from] {
            self.servers[at].ask(&format!("CLUSTER SETSLOT {slot} NODE {}", self.ids[to]));
        }
    }

    /// Moves the slot whole.
    pub(crate) fn move_slot(&self, slot: u16, from: usize, to: usize) {
        self.open_move(slot, from, to);
        while self.move_keys(slot, from, to, 100) > 0 {}
        self.close_move(slot, from, to);
        eventually("the masters have heard of it", || self.agrees_on(to));
    }

    /// Whether all masters know as of when `to` says what it holds. One that does not yet may believe an older word of another,
    /// and then take from `to` what nobody else has: slots that move quickly are lost so.
    fn agrees_on(&self, to: usize) -> bool {
        let epoch_by = |at: usize| -> Option<String> {
            let nodes: String = self.servers[at].cli("CLUSTER NODES");
            let line = nodes.lines().find(|line| line.starts_with(&self.ids[to]))?;
            line.split(' ').nth(EPOCH_OF_NODE).map(str::to_owned)
        };
        let epoch = epoch_by(to);
        (0..MASTERS).filter(|at| self.servers[*at].is_running()).all(|at| epoch_by(at) == epoch)
    }

    /// Has each master give so many of the slots that it began with to the next one, one after the other.
    pub(crate) fn reshard(&self, slots_of_each: usize) {
        for from in 0..MASTERS {
            for slot in slots_of(from).take(slots_of_each) {
                self.move_slot(u16::try_from(slot).unwrap(), from, (from + 1) % MASTERS);
            }
        }
    }

    /// The replica of master `at`.
    pub(crate) fn replica(at: usize) -> usize {
        at + MASTERS
    }
}

/// The slots that a master begins with.
fn slots_of(master: usize) -> Range<usize> {
    master * SLOTS / MASTERS..(master + 1) * SLOTS / MASTERS
}

/// A master that holds a slot answers; a replica and every other master send on.
fn holds(server: &RedisServer, key: &str) -> bool {
    server.info("role").as_deref() == Some("master") && server.try_cli::<Value>(&format!("TYPE {key}")).is_ok()
}
