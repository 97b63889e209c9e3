//! A real S3-speaking server, s3s-fs: on a port that the system gave, on a folder of its own, ended by its own id. One
//! that is not installed fails the test.
//!
//! It checks signatures and keeps each object as a file `FOLDER/BUCKET/KEY`, so a test can look at what is there.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tempfile::TempDir;

use super::app::TestApp;
use super::process::{POLL, Running};

/// How long a server may take to start on a busy machine.
const START_DEADLINE: Duration = Duration::from_secs(20);

pub(crate) const BUCKET: &str = "clicks-of-tests";
pub(crate) const SECRET: &str = "a-secret-of-tests";
const KEY: &str = "key-of-tests";

pub(crate) struct S3Server {
    folder: TempDir,
    /// 0 until the system has given one.
    port: u16,
    running: Option<Running>,
}

impl S3Server {
    /// Starts one with an empty bucket.
    pub(crate) fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("waypost-s3-").tempdir().unwrap();
        fs::create_dir_all(folder.path().join("objects").join(BUCKET)).unwrap();
        let mut server = Self { folder, port: 0, running: None };
        server.launch();
        server
    }

    /// Starts it on its folder, after the first time on the same port.
    pub(crate) fn launch(&mut self) {
        assert!(self.running.is_none(), "it runs already");
        let log = self.folder.path().join("log");
        let mut command = Command::new(program());
        command.args(["--host", "127.0.0.1", "--port", &self.port.to_string(), "--access-key", KEY]);
        command.args(["--secret-key", SECRET]).arg(self.folder.path().join("objects"));
        command.env("RUST_LOG", "info").env("NO_COLOR", "1");
        let out = File::create(&log).unwrap();
        command.stdin(Stdio::null()).stdout(out.try_clone().unwrap()).stderr(out);
        let mut process = Running::start("s3s-fs, which tests/run installs", &mut command);
        let deadline = Instant::now() + START_DEADLINE;
        loop {
            let text = fs::read_to_string(&log).unwrap();
            let port = text.split_once("http://127.0.0.1:").map(|(_, rest)| rest.split_whitespace().next());
            if let Some(port) = port.flatten().and_then(|port| port.parse().ok()) {
                self.port = port;
                self.running = Some(process);
                return;
            }
            assert!(process.ended().is_none(), "s3s-fs ended at its start:\n{text}");
            assert!(Instant::now() < deadline, "s3s-fs does not start:\n{text}");
            sleep(POLL);
        }
    }

    /// Ends it as a crash would.
    pub(crate) fn kill(&mut self) {
        self.running.take().expect("it runs").kill();
    }

    /// Holds it still, connections open.
    pub(crate) fn freeze(&self) {
        self.running.as_ref().expect("it runs").signal(Signal::STOP);
    }

    pub(crate) fn thaw(&self) {
        self.running.as_ref().expect("it runs").signal(Signal::CONT);
    }

    /// The URL of the bucket's folder that [`S3Server::config`] names.
    pub(crate) fn url() -> String {
        format!("s3://{BUCKET}/waypost/clicks")
    }

    /// A configuration that keeps click files here, a file for every few clicks.
    pub(crate) fn config(&self, seal_rows: u64) -> String {
        format!(
            "[journal]\nsegment_mib = 1\n[archive]\nurl = \"{}\"\nendpoint = \"http://127.0.0.1:{}\"\nseal_rows = {seal_rows}\n",
            Self::url(),
            self.port
        )
    }

    /// A node with the right credentials that does not run yet.
    pub(crate) fn stopped_node(config: &str) -> TestApp {
        let mut app = TestApp::stopped(config);
        app.set_env("AWS_ACCESS_KEY_ID", Path::new(KEY));
        app.set_env("AWS_SECRET_ACCESS_KEY", Path::new(SECRET));
        // The way to it leads through no proxy that this machine may have.
        app.set_env("NO_PROXY", Path::new("127.0.0.1"));
        app
    }

    /// A running node with the right credentials.
    pub(crate) fn node(config: &str) -> TestApp {
        let mut app = Self::stopped_node(config);
        app.launch();
        app
    }

    /// The click files in the bucket.
    pub(crate) fn objects(&self) -> Vec<PathBuf> {
        let mut objects = Vec::new();
        let mut folders = vec![self.bucket().join("waypost/clicks")];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten() {
                let path = entry.unwrap().path();
                if path.is_dir() { folders.push(path) } else { objects.push(path) }
            }
        }
        objects.sort();
        objects
    }

    pub(crate) fn bucket(&self) -> PathBuf {
        self.folder.path().join("objects").join(BUCKET)
    }
}

/// The one that `tests/run` builds, or one that is installed.
fn program() -> PathBuf {
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools/bin/s3s-fs");
    if built.exists() { built } else { PathBuf::from("s3s-fs") }
}
