//! A real redis-server for a test: on a port that the system gave, in a folder of its own, ended by its own id. One
//! that is not installed fails the test.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::store::Config;
use crate::store::redis::Redis;

/// How long a server may take to start on a busy machine.
const START_WITHIN: Duration = Duration::from_secs(20);

pub(super) struct RedisServer {
    folder: TempDir,
    port: u16,
    child: Option<Child>,
    arguments: Vec<String>,
}

impl RedisServer {
    /// Without persistence.
    pub(super) fn start() -> Self {
        Self::with(&["--save", ""])
    }

    /// With an append-only file synced once a second.
    pub(super) fn with_append_only_file() -> Self {
        Self::with(&["--save", "", "--appendonly", "yes", "--appendfsync", "everysec"])
    }

    pub(super) fn with(arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        let mut server = Self { folder: TempDir::new().unwrap(), port: free_port(), child: None, arguments };
        server.launch();
        server
    }

    /// Starts it, after an end again on the same port and folder.
    pub(super) fn launch(&mut self) {
        assert!(self.child.is_none(), "it runs already");
        let deadline = Instant::now() + START_WITHIN;
        while !self.try_launch(deadline) {
            // Somebody took the port between our asking for it and its start.
            assert!(Instant::now() < deadline, "redis-server does not start");
            self.port = free_port();
        }
    }

    fn try_launch(&mut self, deadline: Instant) -> bool {
        let mut command = Command::new("redis-server");
        command.args(["--port", &self.port.to_string(), "--bind", "127.0.0.1", "--dir"]).arg(self.folder.path());
        command.args(["--enable-debug-command", "yes"]).args(&self.arguments);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let mut child = child.expect("redis-server is installed: tests/run installs it");
        while !self.is_served_by(child.id()) {
            if child.try_wait().unwrap().is_some() {
                return false;
            }
            assert!(Instant::now() < deadline, "redis-server does not start");
            std::thread::yield_now();
        }
        self.child = Some(child);
        true
    }

    /// Whether the port is answered by this very process, ready for commands.
    fn is_served_by(&self, id: u32) -> bool {
        let info = self
            .connection()
            .and_then(|mut connection| redis::cmd("INFO").arg("server").query::<String>(&mut connection).ok());
        info.is_some_and(|info| info.contains(&format!("process_id:{id}\r")))
    }

    /// Ends it as a crash would.
    pub(super) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    pub(super) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    pub(super) fn config(&self, shards: u16) -> Config {
        Config { url: self.url(), prefix: "waypost:".to_owned(), shards, connect_ms: 1_000, reply_ms: 2_000 }
    }

    /// # Panics
    /// When the store cannot be opened.
    pub(super) fn redis(&self, shards: u16) -> Redis {
        Redis::open(&self.config(shards), self.data()).unwrap()
    }

    pub(super) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(self.child.as_ref().unwrap()), signal).unwrap();
    }

    /// A folder of the node that counts into this server.
    pub(super) fn data(&self) -> &Path {
        self.folder.path()
    }

    fn connection(&self) -> Option<redis::Connection> {
        let client = redis::Client::open(self.url()).ok()?;
        let mut connection = client.get_connection().ok()?;
        redis::cmd("PING").query::<String>(&mut connection).ok()?;
        Some(connection)
    }

    /// What an operator does with redis-cli.
    pub(super) fn cli<T: redis::FromRedisValue>(&self, command: &str) -> T {
        parse(command).query(&mut self.connection().expect("it runs")).unwrap()
    }

    /// Several commands over one connection.
    pub(super) fn all(&self, commands: &[&str]) {
        let mut connection = self.connection().expect("it runs");
        commands.iter().for_each(|command| parse(command).exec(&mut connection).unwrap());
    }

    /// The same, where it may fail.
    pub(super) fn try_cli(&self, command: &str) {
        let connection = redis::Client::open(self.url()).and_then(|client| client.get_connection());
        let _ = connection.and_then(|mut connection| parse(command).query::<()>(&mut connection));
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
    }
}

fn parse(command: &str) -> redis::Cmd {
    let mut words = command.split(' ');
    let mut cmd = redis::cmd(words.next().unwrap_or_default());
    words.for_each(|word| {
        cmd.arg(word);
    });
    cmd
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
