//! A real redis-server: on ports that the system gave, in a folder of its own, ended by its own id. One that is not
//! installed fails the test.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use redis::{Connection, FromRedisValue, Value};
use rustix::process::Signal;
use tempfile::TempDir;

use super::super::process::{POLL, Running};
use super::AGREED_WITHIN;
use super::certificates::Certificates;

/// How long it may take to answer a command of a test.
const ANSWER_DEADLINE: Duration = Duration::from_secs(10);

/// The arguments that name ports besides its own.
pub(super) const BUS: &str = "--cluster-port";
const TLS: &str = "--tls-port";

pub(crate) struct RedisServer {
    folder: TempDir,
    port: u16,
    arguments: Vec<String>,
    environment: Vec<(&'static str, PathBuf)>,
    running: Option<Running>,
}

impl RedisServer {
    /// Starts one that keeps an append-only file, synced once a second.
    pub(crate) fn start() -> Self {
        Self::with(&[])
    }

    /// The same with more arguments, which count more.
    pub(crate) fn with(arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        let (folder, port, environment) = (folder(), free_port(), Vec::new());
        Self { folder, port, arguments, environment, running: None }.launched()
    }

    /// The same, with TLS on a second port. Clients show a certificate of ours.
    pub(crate) fn encrypted(certificates: &Certificates, arguments: &[&str]) -> Self {
        let mut all = certificates.arguments();
        all.extend([TLS.to_owned(), free_port().to_string()]);
        all.extend(arguments.iter().map(|argument| (*argument).to_owned()));
        let (folder, port, environment) = (folder(), free_port(), Vec::new());
        Self { folder, port, arguments: all, environment, running: None }.launched()
    }

    /// A sentinel. `configure` writes `sentinel.conf` into its folder, which it keeps writing to.
    pub(crate) fn sentinel(configure: impl FnOnce(&Path) -> std::io::Result<()>, is_encrypted: bool) -> Self {
        let folder = folder();
        configure(folder.path()).unwrap();
        let mut arguments = vec!["--sentinel".to_owned()];
        if is_encrypted {
            arguments.extend([TLS.to_owned(), free_port().to_string()]);
        }
        let (port, environment) = (free_port(), Vec::new());
        Self { folder, port, arguments, environment, running: None }.launched()
    }

    fn launched(mut self) -> Self {
        let deadline = Instant::now() + AGREED_WITHIN;
        while !self.launch() {
            // Somebody took a port between our asking for it and its start.
            assert!(Instant::now() < deadline, "redis-server does not start");
            self.take_other_ports();
        }
        self
    }

    fn take_other_ports(&mut self) {
        self.port = free_port();
        for at in 1..self.arguments.len() {
            if [BUS, TLS].contains(&self.arguments[at - 1].as_str()) {
                self.arguments[at] = free_port().to_string();
            }
        }
    }

    /// The port that an argument names.
    fn named_port(&self, name: &str) -> Option<u16> {
        let at = self.arguments.iter().position(|argument| argument == name)?;
        Some(self.arguments[at + 1].parse().expect("it is a port"))
    }

    /// Where servers of a cluster talk with it.
    pub(crate) fn bus(&self) -> u16 {
        self.named_port(BUS).expect("it is in a cluster")
    }

    /// Sets a variable for the next start.
    pub(crate) fn set_env(&mut self, name: &'static str, value: &Path) {
        self.environment.push((name, value.to_owned()));
    }

    /// Starts it on its ports and folder, and waits until it answers; `false` when a port is taken.
    pub(crate) fn launch(&mut self) -> bool {
        assert!(self.running.is_none(), "it runs already");
        let mut process = self.spawn();
        let deadline = Instant::now() + AGREED_WITHIN;
        let mine = format!("process_id:{}\r", process.id());
        while !self.try_cli::<String>("INFO server").is_ok_and(|info| info.contains(&mine)) {
            if process.ended().is_some() {
                return false;
            }
            assert!(Instant::now() < deadline, "redis-server does not start");
            sleep(POLL);
        }
        self.running = Some(process);
        true
    }

    fn spawn(&self) -> Running {
        let mut command = Command::new("redis-server");
        let port = self.port.to_string();
        if let Some(sentinel) = self.arguments.first().filter(|argument| argument.as_str() == "--sentinel") {
            command.arg(self.folder.path().join("sentinel.conf")).arg(sentinel);
        } else {
            command.args(["--save", "", "--appendonly", "yes", "--appendfsync", "everysec"]);
            command.args(["--enable-debug-command", "yes"]);
        }
        command.args(["--port", &port, "--bind", "127.0.0.1", "--dir"]).arg(self.folder.path());
        command.args(self.arguments.iter().filter(|argument| argument.as_str() != "--sentinel"));
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Running::start("redis-server, which tests/run installs", &mut command)
    }

    /// Puts on disk what was written so far. Else a crash may take more than the last second: while the disk is busy
    /// with an earlier sync, `everysec` does not even write.
    pub(crate) fn sync(&self) {
        ["always", "everysec"].iter().for_each(|when| self.ask(&format!("CONFIG SET appendfsync {when}")));
    }

    /// Ends it as a crash would.
    pub(crate) fn kill(&mut self) {
        self.running.take().expect("it runs").kill();
    }

    pub(crate) fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// Holds it still, connections open.
    pub(crate) fn freeze(&self) {
        self.running.as_ref().expect("it runs").signal(Signal::STOP);
    }

    pub(crate) fn thaw(&self) {
        self.running.as_ref().expect("it runs").signal(Signal::CONT);
    }

    /// Open connections to it, as the system counts them: one that is held still cannot be asked.
    pub(crate) fn connections(&self) -> usize {
        const ESTABLISHED: &str = "01";
        let here = format!("0100007F:{:04X}", self.client_port());
        let sockets = std::fs::read_to_string("/proc/net/tcp").expect("the system tells its sockets");
        let is_to_here = |line: &str| {
            let words: Vec<_> = line.split_whitespace().collect();
            words.get(2..4) == Some(&[here.as_str(), ESTABLISHED])
        };
        sockets.lines().filter(|line| is_to_here(line)).count()
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The port that clients use: with TLS if it has one.
    pub(crate) fn client_port(&self) -> u16 {
        self.named_port(TLS).unwrap_or(self.port)
    }

    pub(crate) fn url(&self) -> String {
        let scheme = if self.named_port(TLS).is_some() { "rediss" } else { "redis" };
        format!("{scheme}://127.0.0.1:{}/0", self.client_port())
    }

    /// A configuration that counts into this server.
    pub(crate) fn config(&self) -> String {
        super::config(&self.url())
    }

    /// A folder for a node that counts into this server.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn connection(&self) -> redis::RedisResult<Connection> {
        let client = redis::Client::open(format!("redis://127.0.0.1:{}/", self.port))?;
        let connection = client.get_connection_with_timeout(ANSWER_DEADLINE)?;
        connection.set_read_timeout(Some(ANSWER_DEADLINE))?;
        Ok(connection)
    }

    /// What an operator does with redis-cli. Double quotes hold words together.
    pub(crate) fn cli<T: FromRedisValue>(&self, command: &str) -> T {
        self.try_cli(command).unwrap_or_else(|error| panic!("{command}: {error}"))
    }

    /// The same, where it may fail.
    pub(crate) fn try_cli<T: FromRedisValue>(&self, command: &str) -> redis::RedisResult<T> {
        // A child of another test that ends interrupts a read that has a deadline: what was asked is asked again.
        // So is one that is just being connected.
        let ask = || parse(command).query(&mut self.connection()?);
        let mut asked = ask();
        for _ in 0..INTERRUPTIONS_MAX {
            match asked {
                Err(error) if is_interruption(&error) => asked = ask(),
                _ => break,
            }
        }
        asked
    }

    /// The same, where the answer is of no interest.
    pub(crate) fn ask(&self, command: &str) {
        self.cli::<Value>(command);
    }

    /// Several commands over one connection.
    pub(crate) fn all(&self, commands: &[&str]) {
        let mut connection = self.connection().expect("it runs");
        commands.iter().for_each(|command| parse(command).exec(&mut connection).unwrap());
    }

    /// One line of `INFO`.
    pub(crate) fn info(&self, name: &str) -> Option<String> {
        let info: String = self.try_cli("INFO").ok()?;
        info.lines().find_map(|line| Some(line.strip_prefix(name)?.strip_prefix(':')?.to_owned()))
    }
}

/// Signals that may come while one answer is read.
const INTERRUPTIONS_MAX: usize = 10;

fn is_interruption(error: &redis::RedisError) -> bool {
    error.is_io_error() && error.to_string().contains("Interrupted")
}

fn folder() -> TempDir {
    tempfile::Builder::new().prefix("waypost-redis-").tempdir().unwrap()
}

fn parse(command: &str) -> redis::Cmd {
    let quoted = command.split('"').enumerate();
    let words = quoted.flat_map(|(at, text)| if at % 2 == 1 { vec![text] } else { text.split_whitespace().collect() });
    let mut words = words;
    let mut cmd = redis::cmd(words.next().unwrap_or_default());
    words.for_each(|word| {
        cmd.arg(word);
    });
    cmd
}

pub(super) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
