//! The calls of one purpose, each led to the server that holds its keys. Every call has a deadline; none that changes
//! something is repeated here unasked, because only the caller knows whether it may be done twice
//! (`docs/adr/003-redis.md`). A call that a server refused to do, because another one holds the slot, goes there.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use redis::{Cmd, FromRedisValue, Pipeline, Script, Value, from_redis_value};

use super::address::Endpoint;
use super::keys::Keys;
use super::reaction::{Failure, Reaction, Result};
use super::routes::slot;
use super::topology::Topology;
use super::wire::Wire;

/// Servers that one call is sent on to before it is given up.
const SENT_ON_MAX: usize = 4;

pub(super) struct Line {
    topology: Arc<Topology>,
    keys: Keys,
    wires: Mutex<HashMap<Endpoint, Arc<Wire>>>,
}

impl Line {
    /// Connects with the first call.
    pub(super) fn new(topology: Arc<Topology>, keys: Keys) -> Self {
        Self { topology, keys, wires: Mutex::default() }
    }

    /// Connects to the server that holds `key`, if that has not happened yet.
    pub(super) async fn reach(&self, key: &str) -> Result<()> {
        let server = self.topology.server(slot(key.as_bytes())).await?;
        self.heed(self.wire(&server).opened().await).map(drop)
    }

    /// One command that changes nothing: asked once more when its connection turned out to be cut.
    pub(super) async fn read<T: FromRedisValue>(&self, command: &Cmd) -> Result<T> {
        match self.ask(command).await {
            Err(failure) if failure.was_cut() => self.ask(command).await,
            answered => answered,
        }
    }

    /// Commands that change nothing, about keys of one shard: the answer to each, or what failed for all.
    pub(super) async fn read_all(&self, commands: &Pipeline) -> Result<Vec<Result<Value>>> {
        let answers = match self.ask_all(commands).await {
            Err(failure) if failure.was_cut() => self.ask_all(commands).await?,
            answered => answered?,
        };
        let mut all = Vec::with_capacity(answers.len());
        for (command, answer) in commands.cmd_iter().zip(answers) {
            all.push(match answer.extract_error().map_err(Failure::from) {
                // Its slot moves, or has moved.
                Err(failure) if failure.to.is_some() => self.ask(command).await,
                answered => answered,
            });
        }
        Ok(all)
    }

    /// One command.
    pub(super) async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Result<T> {
        self.ask_within(command, self.topology.dialer.deadlines.reply).await
    }

    /// One command that may take its time, such as one that blocks.
    pub(super) async fn ask_within<T: FromRedisValue>(&self, command: &Cmd, deadline: Duration) -> Result<T> {
        let answer = self.lead(self.slot(command), command, deadline).await?;
        // A reply that cannot be read as what was asked for is not what we wrote.
        from_redis_value(answer).map_err(|error| Failure::poison(error.to_string()))
    }

    /// Asks every server that holds something.
    pub(super) async fn ask_each<T: FromRedisValue>(&self, command: &Cmd) -> Vec<(Endpoint, Result<T>)> {
        let mut answers = Vec::new();
        for server in self.topology.servers() {
            let answer = self.wire(&server).ask(command, self.topology.dialer.deadlines.reply).await;
            let answer = self.heed(answer);
            let read = |value| from_redis_value(value).map_err(|error| Failure::poison(error.to_string()));
            answers.push((server, answer.and_then(read)));
        }
        answers
    }

    /// One script, by its hash; with its text when the server does not know it.
    pub(super) async fn run<T: FromRedisValue>(&self, call: &Call<'_>) -> Result<T> {
        match self.ask(&call.command("EVALSHA", call.script.get_hash())).await {
            Err(failure) if failure.reaction == Reaction::Load => self.ask(&call.command("EVAL", call.text)).await,
            answered => answered,
        }
    }

    /// The same, for a script that may run twice: once more when the outcome of the first try is unknown.
    pub(super) async fn run_again<T: FromRedisValue>(&self, call: &Call<'_>) -> Result<T> {
        match self.run(call).await {
            Err(failure) if failure.reaction == Reaction::Unknown => self.run(call).await,
            answered => answered,
        }
    }

    /// Brings `command` to the server that holds `slot`, and from there to where it is sent on: whoever sends it on has
    /// done nothing.
    async fn lead(&self, slot: u16, command: &Cmd, deadline: Duration) -> Result<Value> {
        let mut server = self.topology.server(slot).await?;
        let mut is_sent = false;
        for _ in 0..SENT_ON_MAX {
            let wire = self.wire(&server);
            let answer =
                if is_sent { wire.ask_sent(command, deadline).await } else { wire.ask(command, deadline).await };
            let failure = match self.heed(answer) {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            let next = failure.to.as_deref().and_then(|to| Endpoint::named_by(to, &server));
            // Whoever named a single server gets no cluster: most of it would be found by being sent on, slowly.
            let next = next.filter(|_| !self.topology.is_one_server());
            (server, is_sent) = match (failure.reaction, next) {
                (Reaction::Moved, Some(next)) => {
                    self.topology.moved(slot, next.clone());
                    (next, false)
                }
                (Reaction::Ask, Some(next)) if !is_sent => (next, true),
                (Reaction::Elsewhere, _) => match self.topology.server(slot).await? {
                    same if same == server => return Err(failure),
                    next => (next, false),
                },
                _ => return Err(failure),
            };
        }
        Err(Failure::of(Reaction::Wait, format!("slot {slot} is sent from server to server")))
    }

    async fn ask_all(&self, commands: &Pipeline) -> Result<Vec<Value>> {
        let slot = commands.cmd_iter().next().map_or(0, |first| self.slot(first));
        let server = self.topology.server(slot).await?;
        self.heed(self.wire(&server).ask_all(commands, self.topology.dialer.deadlines.reply).await)
    }

    /// After a lost connection, or at a server that is not the one, it has to be asked where things are now.
    fn heed<T>(&self, answer: Result<T>) -> Result<T> {
        if let Err(failure) = &answer
            && matches!(failure.reaction, Reaction::Unknown | Reaction::Elsewhere)
        {
            self.topology.doubt();
        }
        answer
    }

    /// The slot of the keys that `command` names; what names none is asked where the layout is.
    fn slot(&self, command: &Cmd) -> u16 {
        self.keys.first_of(command).map_or_else(|| slot(self.keys.layout().as_bytes()), slot)
    }

    /// Connections to servers that hold nothing any more end here.
    fn wire(&self, server: &Endpoint) -> Arc<Wire> {
        let mut wires = self.wires.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(wire) = wires.get(server) {
            return wire.clone();
        }
        let servers = self.topology.servers();
        wires.retain(|server, _| servers.contains(server));
        let wire = Arc::new(Wire::new(server.clone(), self.topology.clone()));
        wires.insert(server.clone(), wire.clone());
        wire
    }
}

/// One call of a script.
pub(super) struct Call<'s> {
    script: &'s Script,
    text: &'s str,
    keys: Vec<String>,
    args: Vec<Vec<u8>>,
}

impl<'s> Call<'s> {
    pub(super) fn new(script: &'s (&'static str, Script)) -> Self {
        Self { script: &script.1, text: script.0, keys: Vec::new(), args: Vec::new() }
    }

    pub(super) fn key(mut self, key: String) -> Self {
        self.keys.push(key);
        self
    }

    pub(super) fn arg(mut self, arg: impl Into<Vec<u8>>) -> Self {
        self.push(arg);
        self
    }

    pub(super) fn push_key(&mut self, key: String) {
        self.keys.push(key);
    }

    pub(super) fn push(&mut self, arg: impl Into<Vec<u8>>) {
        self.args.push(arg.into());
    }

    fn command(&self, name: &str, script: &str) -> Cmd {
        let mut command = redis::cmd(name);
        command.arg(script).arg(self.keys.len());
        self.keys.iter().for_each(|key| {
            command.arg(key);
        });
        self.args.iter().for_each(|arg| {
            command.arg(&arg[..]);
        });
        command
    }
}
