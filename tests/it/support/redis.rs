//! A real redis-server: on a port that the system gave, in a folder of its own, ended by its own id. One that is not
//! installed fails the test.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tempfile::TempDir;

use super::app::copy_folder;
use super::process::{POLL, Running};

/// How long a server may take to start on a busy machine.
const START_DEADLINE: Duration = Duration::from_secs(20);
/// How long it may take to answer a command of a test.
const ANSWER_DEADLINE: Duration = Duration::from_secs(10);

pub(crate) struct RedisServer {
    folder: TempDir,
    port: u16,
    running: Option<Running>,
}

impl RedisServer {
    /// Starts one that keeps an append-only file, synced once a second.
    pub(crate) fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("waypost-redis-").tempdir().unwrap();
        let mut server = Self { folder, port: free_port(), running: None };
        let deadline = Instant::now() + START_DEADLINE;
        while !server.launch() {
            // Somebody took the port between our asking for it and its start.
            assert!(Instant::now() < deadline, "redis-server does not start");
            server.port = free_port();
        }
        server
    }

    /// Starts it on its port and folder; `false` when the port is taken.
    pub(crate) fn launch(&mut self) -> bool {
        assert!(self.running.is_none(), "it runs already");
        let mut command = Command::new("redis-server");
        command.args(["--port", &self.port.to_string(), "--bind", "127.0.0.1", "--dir"]).arg(self.folder.path());
        command.args(["--save", "", "--appendonly", "yes", "--appendfsync", "everysec"]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut process = Running::start("redis-server, which tests/run installs", &mut command);
        let deadline = Instant::now() + START_DEADLINE;
        loop {
            let mine = format!("process_id:{}", process.id());
            if self.try_ask("INFO server").is_ok_and(|answer| answer.lines().any(|line| line == mine)) {
                self.running = Some(process);
                return true;
            }
            if process.ended().is_some() {
                return false;
            }
            assert!(Instant::now() < deadline, "redis-server does not start");
            sleep(POLL);
        }
    }

    /// Ends it as a crash would.
    pub(crate) fn kill(&mut self) {
        self.running.take().expect("it runs").kill();
    }

    /// A copy of what a stopped server has on its disk.
    pub(crate) fn backup(&self) -> TempDir {
        let copy = tempfile::tempdir().unwrap();
        copy_folder(self.folder.path(), copy.path());
        copy
    }

    /// Puts a copy in the place of what a stopped server has.
    pub(crate) fn restore(&self, copy: &TempDir) {
        let append_only = self.folder.path().join("appendonlydir");
        std::fs::remove_dir_all(&append_only).unwrap();
        copy_folder(copy.path(), self.folder.path());
    }

    /// Holds it still, connections open.
    pub(crate) fn freeze(&self) {
        self.running.as_ref().expect("it runs").signal(Signal::STOP);
    }

    pub(crate) fn thaw(&self) {
        self.running.as_ref().expect("it runs").signal(Signal::CONT);
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.port)
    }

    /// A configuration that counts into this server.
    pub(crate) fn config(&self) -> String {
        format!("[store]\nurl = \"{}\"\n", self.url())
    }

    /// What an operator does with redis-cli: the answer as it is printed there, roughly.
    pub(crate) fn ask(&self, command: &str) -> String {
        self.try_ask(command).unwrap_or_else(|error| panic!("{command}: {error}"))
    }

    /// One inline command (redis.io, "Redis serialization protocol", inline commands); one line or one text as answer.
    fn try_ask(&self, command: &str) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(ANSWER_DEADLINE))?;
        stream.write_all(format!("{command}\r\n").as_bytes())?;
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some(length) = line.strip_prefix('$') else { return Ok(line.trim().to_owned()) };
        let mut text = String::new();
        let length = length.trim().parse().unwrap_or(0);
        while text.len() < length && reader.read_line(&mut text)? > 0 {}
        Ok(text.replace("\r\n", "\n").trim().to_owned())
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
