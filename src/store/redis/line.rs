//! One connection to Redis that mends itself. Every call has a deadline; none that changes something is repeated here
//! unasked, because only the caller knows whether it may be done twice (`docs/adr/003-redis.md`).

use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, Cmd, FromRedisValue, Pipeline, Script, Value};
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::address::Address;
use super::reaction::{Failure, Reaction, Result};

/// Pauses between two tries to connect; each is shortened at random, so that nodes do not come back in step.
const PAUSE_FIRST: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(2);
/// The pause while the configuration is wrong: nothing but a person can end it.
const PAUSE_REFUSED: Duration = Duration::from_secs(5);

/// How long Redis may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadlines {
    pub(super) connect: Duration,
    pub(super) reply: Duration,
}

pub(super) struct Line {
    address: Address,
    deadlines: Deadlines,
    state: Mutex<State>,
}

enum State {
    Open { connection: MultiplexedConnection, number: u64 },
    Closed { number: u64, pause: Duration, until: Instant, failure: Option<Failure> },
}

/// A connection and its number, by which it is given up at most once.
#[derive(Clone)]
struct Opened {
    connection: MultiplexedConnection,
    number: u64,
}

impl Line {
    /// Connects with the first call.
    pub(super) fn new(address: Address, deadlines: Deadlines) -> Self {
        let state = State::Closed { number: 0, pause: PAUSE_FIRST, until: Instant::now(), failure: None };
        Self { address, deadlines, state: Mutex::new(state) }
    }

    /// The number of the present connection, connecting if there is none. It changes when the connection does.
    pub(super) async fn number(&self) -> Result<u64> {
        self.opened().await.map(|opened| opened.number)
    }

    /// One command that changes nothing: asked once more when its connection turned out to be cut.
    pub(super) async fn read<T: FromRedisValue>(&self, command: &Cmd) -> Result<T> {
        match self.ask(command).await {
            Err(failure) if failure.was_cut() => self.ask(command).await,
            answered => answered,
        }
    }

    /// Several commands that change nothing; all of their replies, or the first error.
    pub(super) async fn read_all(&self, commands: &Pipeline) -> Result<Vec<Value>> {
        match self.ask_all(commands).await {
            Err(failure) if failure.was_cut() => self.ask_all(commands).await,
            answered => answered,
        }
    }

    /// One command.
    pub(super) async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Result<T> {
        self.ask_within(command, self.deadlines.reply).await
    }

    /// One command that may take its time, such as one that blocks.
    pub(super) async fn ask_within<T: FromRedisValue>(&self, command: &Cmd, deadline: Duration) -> Result<T> {
        let mut opened = self.opened().await?;
        let reply = timeout(deadline, command.query_async(&mut opened.connection)).await;
        self.judge(opened.number, reply).await
    }

    async fn ask_all(&self, commands: &Pipeline) -> Result<Vec<Value>> {
        let mut opened = self.opened().await?;
        let reply = timeout(self.deadlines.reply, commands.query_async(&mut opened.connection)).await;
        self.judge(opened.number, reply).await
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

    async fn judge<T>(
        &self,
        number: u64,
        reply: std::result::Result<redis::RedisResult<T>, tokio::time::error::Elapsed>,
    ) -> Result<T> {
        let failure = match reply {
            Ok(Ok(reply)) => return Ok(reply),
            Ok(Err(error)) => Failure::from(error),
            Err(_) => Failure::silent(),
        };
        if matches!(failure.reaction, Reaction::Unknown | Reaction::Elsewhere) {
            self.give_up(number).await;
        }
        Err(failure)
    }

    async fn opened(&self) -> Result<Opened> {
        let mut state = self.state.lock().await;
        let (number, pause) = match &*state {
            State::Open { connection, number } => {
                return Ok(Opened { connection: connection.clone(), number: *number });
            }
            // Whoever asks meanwhile is told at once: a pause that holds callers would be a queue.
            State::Closed { until, failure: Some(failure), .. } if Instant::now() < *until => {
                return Err(failure.clone());
            }
            State::Closed { number, pause, .. } => (*number, *pause),
        };
        match self.connect().await {
            Ok(connection) => {
                let number = number + 1;
                *state = State::Open { connection: connection.clone(), number };
                Ok(Opened { connection, number })
            }
            Err(failure) => {
                let refused = failure.reaction == Reaction::Refused;
                let until = Instant::now() + if refused { PAUSE_REFUSED } else { shortened(pause) };
                let pause = (pause * 2).min(PAUSE_MAX);
                *state = State::Closed { number, pause, until, failure: Some(failure.clone()) };
                Err(failure)
            }
        }
    }

    /// The next call connects anew. A connection that was replaced meanwhile stays.
    async fn give_up(&self, failed: u64) {
        let mut state = self.state.lock().await;
        if matches!(&*state, State::Open { number, .. } if *number == failed) {
            *state = State::Closed { number: failed, pause: PAUSE_FIRST, until: Instant::now(), failure: None };
        }
    }

    async fn connect(&self) -> Result<MultiplexedConnection> {
        let client = Client::open(self.address.info())?;
        // Our own deadlines are around every call; one more inside would only hide which of them ended it.
        let config = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
        let connect = async {
            let mut connection = client.get_multiplexed_async_connection_with_config(&config).await?;
            check_role(&redis::cmd("ROLE").query_async(&mut connection).await?)?;
            Ok(connection)
        };
        timeout(self.deadlines.connect, connect).await.unwrap_or_else(|_| Err(Failure::silent()))
    }
}

/// A replica answers reads with what was and refuses writes: neither is a store.
pub(super) fn check_role(role: &Value) -> Result<()> {
    let Value::Array(parts) = role else { return Err(Failure::poison("ROLE was answered with no list")) };
    match parts.first() {
        Some(Value::BulkString(name)) if name == b"master" => Ok(()),
        _ => Err(Failure { reaction: Reaction::Elsewhere, said: "this server is not a master".to_owned() }),
    }
}

/// Between half of `pause` and all of it.
fn shortened(pause: Duration) -> Duration {
    let mut byte = [0_u8; 1];
    // Without random bytes the pauses are whole, which is no harm.
    let _ = getrandom::fill(&mut byte);
    pause - pause * u32::from(byte[0]) / 512
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_shortened_by_at_most_half() {
        for _ in 0..100 {
            let pause = shortened(PAUSE_MAX);
            assert!(pause <= PAUSE_MAX && pause >= PAUSE_MAX / 2, "{pause:?}");
        }
    }

    #[test]
    fn only_a_master_is_a_store() {
        let role = |name: &str| Value::Array(vec![Value::BulkString(name.as_bytes().to_vec()), Value::Int(0)]);
        assert!(check_role(&role("master")).is_ok());
        assert_eq!(check_role(&role("slave")).unwrap_err().reaction, Reaction::Elsewhere);
        assert_eq!(check_role(&Value::Nil).unwrap_err().reaction, Reaction::Poison);
    }
}
