//! One connection to one server that mends itself. It repeats nothing and follows nothing: what an answer means is
//! decided above it.

use std::sync::Arc;
use std::time::Duration;

use redis::{Cmd, Pipeline, RedisResult, Value};
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::address::Endpoint;
use super::dial::Connection;
use super::pause::Pause;
use super::reaction::{Failure, Reaction, Result};
use super::topology::Topology;

pub(super) struct Wire {
    to: Endpoint,
    topology: Arc<Topology>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    open: Option<Connection>,
    /// Counts connections, so that one is given up at most once.
    number: u64,
    pause: Pause,
}

impl Wire {
    /// Connects with the first call.
    pub(super) fn new(to: Endpoint, topology: Arc<Topology>) -> Self {
        Self { to, topology, state: Mutex::default() }
    }

    /// The connection and its number, connecting if there is none.
    pub(super) async fn opened(&self) -> Result<(Connection, u64)> {
        let mut state = self.state.lock().await;
        if let Some(connection) = &state.open {
            return Ok((connection.clone(), state.number));
        }
        if let Some(failure) = state.pause.holds() {
            return Err(failure);
        }
        match self.connect().await.map_err(|failure| self.named(failure)) {
            Ok(connection) => {
                *state = State { open: Some(connection.clone()), number: state.number + 1, pause: Pause::default() };
                Ok((connection, state.number))
            }
            Err(failure) => {
                state.pause.begin(&failure);
                Err(failure)
            }
        }
    }

    pub(super) async fn ask(&self, command: &Cmd, deadline: Duration) -> Result<Value> {
        let (mut connection, number) = self.opened().await?;
        let answer = timeout(deadline, connection.to.send_packed_command(command)).await;
        self.judge(number, answer.map(|answer| answer.and_then(Value::extract_error))).await
    }

    /// One command to a server that gets its slot just now, and answers only those who were sent to it.
    pub(super) async fn ask_sent(&self, command: &Cmd, deadline: Duration) -> Result<Value> {
        let mut both = redis::pipe();
        both.cmd("ASKING").add_command(command.clone()).ignore_errors();
        let answer = self.ask_all(&both, deadline).await?.pop();
        let answer = answer.ok_or_else(|| Failure::poison("two questions, but not two answers"))?;
        answer.extract_error().map_err(|error| self.named(Failure::from(error)))
    }

    /// Several commands in one go. Errors are among the answers.
    pub(super) async fn ask_all(&self, commands: &Pipeline, deadline: Duration) -> Result<Vec<Value>> {
        let (mut connection, number) = self.opened().await?;
        let answer = timeout(deadline, connection.to.send_packed_commands(commands, 0, commands.len())).await;
        self.judge(number, answer).await
    }

    async fn judge<T>(&self, number: u64, answer: Result<RedisResult<T>, tokio::time::error::Elapsed>) -> Result<T> {
        let failure = match answer {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => Failure::from(error),
            Err(_) => Failure::silent(),
        };
        if matches!(failure.reaction, Reaction::Unknown | Reaction::Elsewhere) {
            let mut state = self.state.lock().await;
            // One that was replaced meanwhile stays.
            if state.number == number {
                state.open = None;
            }
        }
        Err(self.named(failure))
    }

    async fn connect(&self) -> Result<Connection> {
        let dialer = &self.topology.dialer;
        let mut connection = dialer.connect(&self.to, &self.topology.address.login).await?;
        let role = redis::cmd("ROLE");
        let role = timeout(dialer.deadlines.connect, connection.to.send_packed_command(&role)).await;
        check_role(&role.map_err(|_| Failure::silent())?.and_then(Value::extract_error)?)?;
        Ok(connection)
    }

    /// Of several servers it has to be said which one failed.
    fn named(&self, failure: Failure) -> Failure {
        if self.topology.is_one_server() { failure } else { failure.said_by(&self.to.to_string()) }
    }
}

/// A replica answers reads with what was and refuses writes: neither is a store.
pub(super) fn check_role(role: &Value) -> Result<()> {
    let Value::Array(parts) = role else { return Err(Failure::poison("ROLE was answered with no list")) };
    match parts.first() {
        Some(Value::BulkString(name)) if name == b"master" => Ok(()),
        _ => Err(Failure::of(Reaction::Elsewhere, "this server is not a master")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_master_is_a_store() {
        let role = |name: &str| Value::Array(vec![Value::BulkString(name.as_bytes().to_vec()), Value::Int(0)]);
        assert!(check_role(&role("master")).is_ok());
        assert_eq!(check_role(&role("slave")).unwrap_err().reaction, Reaction::Elsewhere);
        assert_eq!(check_role(&Value::Nil).unwrap_err().reaction, Reaction::Poison);
    }
}
