//! `TestApp`: a real `waypost serve` in a folder of its own, with the verbs that tests are told in.
//!
//! It starts the built program and speaks to it over sockets. When it goes, it checks that every hit is accounted for.

use std::fs::{self, File};
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::agents;
use super::http::{self, Answer, Connection, Request};
use super::process::{POLL, Running};

/// How long anything may take that happens behind the answer, on a slow machine under load.
const DEADLINE: Duration = Duration::from_secs(90);
/// The same with `tests/run faults`, where there may be a million hits to count.
const DEADLINE_AT_FULL_SIZE: Duration = Duration::from_secs(600);
/// How long a start may take; recovery of a large journal included.
const START_DEADLINE: Duration = Duration::from_secs(60);

/// A running Waypost, or a stopped one with its data folder.
pub(crate) struct TestApp {
    folder: TempDir,
    config: String,
    /// The socket of the redirect plane, when the test plays the supervisor that holds it.
    held: Option<TcpListener>,
    running: Option<Started>,
    environment: Vec<(&'static str, PathBuf)>,
}

struct Started {
    process: Running,
    redirect: SocketAddr,
    admin: SocketAddr,
}

/// What a command printed, and how it ended.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Output {
    /// Standard output of a command that went well.
    ///
    /// # Panics
    /// With standard error when it did not.
    pub(crate) fn ok(self) -> String {
        assert_eq!(self.code, Some(0), "{}{}", self.stdout, self.stderr);
        self.stdout
    }

    /// Standard output of a command that went well, as JSON.
    pub(crate) fn json(self) -> Value {
        let text = self.ok();
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in {text:?}"))
    }
}

/// Hits as the node accounts for them: received + recovered = counted + lost + in the journal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct NodeHits {
    pub(crate) received: u64,
    pub(crate) recovered: u64,
    pub(crate) counted: u64,
    pub(crate) lost: u64,
    pub(crate) in_journal: u64,
}

impl NodeHits {
    pub(crate) fn add_up(&self) -> bool {
        self.received + self.recovered == self.counted + self.lost + self.in_journal
    }
}

impl TestApp {
    /// Starts with the defaults. The loopback is a trusted proxy, so that [`Click::from`] can say who clicks.
    pub(crate) fn start() -> Self {
        Self::with_config("")
    }

    /// Starts with this configuration file over the defaults. Without `trusted_proxies` in it, the loopback is one.
    pub(crate) fn with_config(toml: &str) -> Self {
        let mut app = Self::stopped(toml);
        app.launch();
        app
    }

    /// Starts on a socket that stays open however often the server is restarted, as systemd would hold it.
    pub(crate) fn with_held_socket(socket: TcpListener) -> Self {
        let mut app = Self::stopped("");
        app.hold(socket);
        app.launch();
        app
    }

    /// A server with what `waypost demo` makes.
    pub(crate) fn demo() -> Self {
        let mut app = Self::stopped("");
        app.cli(&["demo"]).ok();
        app.launch();
        app
    }

    /// The same for one that does not run yet.
    pub(crate) fn hold(&mut self, socket: TcpListener) {
        self.held = Some(socket);
    }

    /// A folder in which nothing has run yet; [`TestApp::launch`] starts it.
    pub(crate) fn stopped(toml: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("waypost-test-").tempdir().unwrap();
        fs::write(folder.path().join("waypost.toml"), toml).unwrap();
        Self { folder, config: toml.to_owned(), held: None, running: None, environment: Vec::new() }
    }

    /// Starts the server on this folder and waits until it says where it listens.
    pub(crate) fn launch(&mut self) {
        assert!(self.running.is_none(), "it runs already");
        let started = self.serve();
        self.running = Some(started);
    }

    /// Starts the server on this folder if it starts; else what it printed at its end.
    pub(crate) fn try_launch(&mut self) -> Result<(), String> {
        let started = self.try_serve()?;
        self.running = Some(started);
        Ok(())
    }

    fn serve(&self) -> Started {
        self.try_serve().unwrap_or_else(|log| panic!("waypost ended at its start:\n{log}"))
    }

    fn try_serve(&self) -> Result<Started, String> {
        let log = |name: &str| File::options().create(true).append(true).open(self.folder.path().join(name)).unwrap();
        let mut command = match &self.held {
            Some(_) => waypost_on_held_socket(),
            None => waypost(),
        };
        command.arg("serve").arg("--config").arg(self.folder.path().join("waypost.toml"));
        command.arg("--data").arg(self.data()).args(["--redirect", "127.0.0.1:0", "--admin", "127.0.0.1:0"]);
        if !self.config.contains("trusted_proxies") {
            command.env("WAYPOST_REDIRECT_TRUSTED_PROXIES", "127.0.0.1/32");
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        let stdin =
            self.held.as_ref().map_or(Stdio::null(), |socket| OwnedFd::from(socket.try_clone().unwrap()).into());
        command.stdin(stdin).stdout(log("stdout")).stderr(log("stderr"));
        let mut process = Running::start("waypost", &mut command);
        let deadline = Instant::now() + START_DEADLINE;
        loop {
            if let Some((redirect, admin)) = addresses(&self.data().join("server.json"), process.id()) {
                return Ok(Started { process, redirect, admin });
            }
            if process.ended().is_some() {
                return Err(self.log());
            }
            assert!(Instant::now() < deadline, "waypost does not start:\n{}", self.log());
            sleep(POLL);
        }
    }

    /// Sets a variable for the servers that are started from now on.
    pub(crate) fn set_env(&mut self, name: &'static str, value: &Path) {
        self.environment.push((name, value.to_owned()));
    }

    /// Starts a server that is expected to refuse; its exit code.
    ///
    /// # Panics
    /// When it starts after all.
    pub(crate) fn launch_in_vain(&self) -> Option<i32> {
        let data = self.data();
        let args = ["serve", "--redirect", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", data.to_str().unwrap()];
        let output = run(&args, b"", self.folder.path());
        fs::write(self.folder.path().join("stderr"), &output.stderr).unwrap();
        output.code
    }

    /// Asks it to stop without waiting for it.
    pub(crate) fn ask_to_stop(&self) {
        self.started().process.signal(rustix::process::Signal::TERM);
    }

    /// Waits for the end of a server that was asked to stop; how it ended.
    pub(crate) fn ended(&mut self) -> std::process::ExitStatus {
        let mut process = self.running.take().expect("it runs").process;
        let mut status = None;
        assert!(
            within(DEADLINE, || {
                status = process.ended();
                status.is_some()
            }),
            "it does not end:\n{}",
            self.log()
        );
        status.expect("it ended")
    }

    /// Stops it as an operator would. The server must end well and take `server.json` with it.
    pub(crate) fn stop(&mut self) {
        let started = self.running.take().expect("it runs");
        let status = started.process.stop();
        assert!(status.success(), "waypost stopped with {status}:\n{}", self.log());
        assert!(!self.data().join("server.json").exists(), "a clean stop leaves no server.json");
    }

    /// Ends it as a crash would: SIGKILL, to its id.
    pub(crate) fn kill(&mut self) {
        self.running.take().expect("it runs").process.kill();
    }

    /// Stops it and starts it again on the same folder. The addresses change.
    pub(crate) fn restart(&mut self) {
        self.stop();
        self.launch();
    }

    /// Kills it with one hit on each of these paths in its journal, none of them counted.
    pub(crate) fn kill_with_waiting_hits(&mut self, paths: &[&str]) {
        // While somebody else writes in the store, nothing is counted.
        let store = rusqlite::Connection::open(self.data().join("waypost.db")).unwrap();
        store.execute_batch("BEGIN IMMEDIATE").unwrap();
        for (visitor, path) in (0..).zip(paths) {
            self.click(path).visitor(visitor).send();
        }
        self.kill();
        store.execute_batch("ROLLBACK").unwrap();
    }

    /// A copy of the data folder of a stopped server.
    pub(crate) fn copy_of_data(&self) -> TempDir {
        let copy = tempfile::tempdir().unwrap();
        copy_folder(&self.data(), copy.path());
        copy
    }

    /// Puts a copy in the place of the data folder of a stopped server.
    pub(crate) fn restore_data(&self, copy: &TempDir) {
        if self.data().exists() {
            fs::remove_dir_all(self.data()).unwrap();
        }
        fs::create_dir(self.data()).unwrap();
        copy_folder(copy.path(), &self.data());
    }

    /// The id of the server's process.
    pub(crate) fn id(&self) -> u32 {
        self.started().process.id()
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A path beside the data folder, for files of the test.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn redirect_address(&self) -> SocketAddr {
        self.started().redirect
    }

    pub(crate) fn admin_address(&self) -> SocketAddr {
        self.started().admin
    }

    /// The admin key, read from the data folder like the CLI does.
    pub(crate) fn key(&self) -> String {
        fs::read_to_string(self.data().join("admin.key")).expect("serve creates the key").trim().to_owned()
    }

    /// All that the server printed since the folder exists.
    pub(crate) fn log(&self) -> String {
        let read = |name: &str| fs::read_to_string(self.folder.path().join(name)).unwrap_or_default();
        format!("{}{}", read("stdout"), read("stderr"))
    }

    fn started(&self) -> &Started {
        self.running.as_ref().expect("waypost runs")
    }
}

/// The redirect plane.
impl TestApp {
    /// A click on a path such as `/spring`, by default of a person with a desktop browser.
    pub(crate) fn click(&self, path: &str) -> Click {
        let request = Request::new("GET", path)
            .header("User-Agent", agents::CHROME_WINDOWS)
            .header("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
            .header("Accept-Language", "en-GB,en;q=0.9");
        Click { request, address: self.redirect_address() }
    }

    /// Sends bytes to the redirect plane and returns all that it answers until it closes.
    pub(crate) fn raw(&self, bytes: &[u8]) -> Vec<u8> {
        http::raw(self.redirect_address(), bytes).unwrap()
    }

    /// A kept connection to the redirect plane.
    pub(crate) fn connection(&self) -> Connection {
        Connection::open(self.redirect_address()).unwrap()
    }
}

/// A click that is about to happen.
#[derive(Clone, Debug)]
pub(crate) struct Click {
    request: Request,
    address: SocketAddr,
}

impl Click {
    pub(crate) fn agent(self, agent: &str) -> Self {
        self.header("User-Agent", agent)
    }

    pub(crate) fn referrer(self, referrer: &str) -> Self {
        self.header("Referer", referrer)
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.request = self.request.without(name);
        self
    }

    pub(crate) fn host(self, host: &str) -> Self {
        self.header("Host", host)
    }

    pub(crate) fn method(mut self, method: &str) -> Self {
        self.request = self.request.method(method);
        self
    }

    /// The visitor's address, as a trusted proxy passes it on.
    pub(crate) fn from(self, address: &str) -> Self {
        self.header("X-Forwarded-For", address)
    }

    /// One of 65,536 different visitors, each from a network of its own as far as the kept prefix tells (a /24).
    pub(crate) fn visitor(self, number: u16) -> Self {
        let [high, low] = number.to_be_bytes();
        self.from(&IpAddr::V4(Ipv4Addr::new(11, high, low, 1)).to_string())
    }

    /// # Panics
    /// When there is no answer; see [`Click::try_send`].
    pub(crate) fn send(self) -> Answer {
        self.try_send().expect("the redirect plane answers")
    }

    /// On a connection of its own that may be kept, as a browser's may.
    pub(crate) fn try_send(self) -> std::io::Result<Answer> {
        Connection::open(self.address)?.send(&self.request)
    }

    /// The request alone, for a [`Connection`] that is kept.
    pub(crate) fn request(self) -> Request {
        self.request
    }
}

/// The admin plane.
impl TestApp {
    /// Makes a link. A field `utm.source` is set inside `utm`; all values are texts (see [`TestApp::api_post`] otherwise).
    ///
    /// # Panics
    /// When the link is refused.
    pub(crate) fn link(&self, url: &str, fields: &[(&str, &str)]) -> Value {
        let mut body = json!({ "url": url });
        for (name, value) in fields {
            match name.split_once('.') {
                Some((outer, inner)) => body[outer][inner] = json!(value),
                None => body[*name] = json!(value),
            }
        }
        self.api_post("/api/v1/links", &body).expect_status(201).json()
    }

    pub(crate) fn api_get(&self, path: &str) -> Answer {
        self.api(Request::new("GET", path))
    }

    pub(crate) fn api_post(&self, path: &str, body: &Value) -> Answer {
        self.api(Request::new("POST", path).json(body))
    }

    pub(crate) fn api_patch(&self, path: &str, body: &Value) -> Answer {
        self.api(Request::new("PATCH", path).json(body))
    }

    pub(crate) fn api_delete(&self, path: &str) -> Answer {
        self.api(Request::new("DELETE", path))
    }

    /// Sends a request to the admin plane with its key.
    pub(crate) fn api(&self, request: Request) -> Answer {
        let key = format!("Bearer {}", self.key());
        self.admin(request.header("Authorization", &key))
    }

    /// Sends a request to the admin plane as it is.
    pub(crate) fn admin(&self, request: Request) -> Answer {
        request.send(self.admin_address()).expect("the admin plane answers")
    }

    /// Uploads impressions as CSV.
    pub(crate) fn import(&self, query: &str, csv: &str) -> Answer {
        self.api(Request::new("POST", &format!("/api/v1/imports{query}")).body("text/csv", csv.as_bytes()))
    }

    /// The link with this slug.
    pub(crate) fn link_by_slug(&self, slug: &str) -> Value {
        let answer = self.api_get(&format!("/api/v1/links?slug={slug}")).expect_status(200).json();
        answer["links"].get(0).unwrap_or_else(|| panic!("no link {slug}: {answer}")).clone()
    }

    /// Stats of a link by its slug, by day, over the default window.
    pub(crate) fn stats(&self, slug: &str) -> Value {
        self.stats_by(slug, "day")
    }

    /// Stats of a link by its slug, by `day`, `hour` or a dimension.
    pub(crate) fn stats_by(&self, slug: &str, by: &str) -> Value {
        let id = self.link_by_slug(slug)["id"].clone();
        self.api_get(&format!("/api/v1/stats?link={id}&by={by}")).expect_status(200).json()
    }

    /// Human clicks of a link in the default window.
    pub(crate) fn clicks(&self, slug: &str) -> u64 {
        self.stats(slug)["clicks"].as_u64().expect("clicks is a number")
    }

    /// Waits until a link has this many human clicks, and not more, and exports have them as well: counting stands behind
    /// everything else in the queue for the processor, so there may be a while between the two.
    pub(crate) fn eventually_clicks(&self, slug: &str, clicks: u64) {
        self.eventually(&format!("{slug} has {clicks} clicks"), || self.clicks(slug) >= clicks);
        assert_eq!(self.clicks(slug), clicks, "clicks of {slug}");
        self.drained();
    }

    /// The same of all hits, whatever they were judged to be.
    pub(crate) fn eventually_hits(&self, slug: &str, hits: u64) {
        let counted = || self.stats(slug)["hits"].as_u64().unwrap();
        self.eventually(&format!("{slug} has {hits} hits"), || counted() >= hits);
        assert_eq!(counted(), hits, "hits of {slug}");
        self.drained();
    }

    /// Waits until nothing is left in the journal that is not counted.
    pub(crate) fn drained(&self) -> NodeHits {
        self.eventually("the journal is drained", || self.node_hits().in_journal == 0);
        self.node_hits()
    }

    pub(crate) fn node_hits(&self) -> NodeHits {
        read_hits(&self.api_get("/api/v1/node").expect_status(200).json())
    }

    pub(crate) fn metrics(&self) -> String {
        self.api_get("/metrics").expect_status(200).text()
    }

    /// The value of a metric without labels.
    pub(crate) fn metric(&self, name: &str) -> u64 {
        let metrics = self.metrics();
        let value = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("no {name} in {metrics}"))
    }

    /// Memory of the server's process that is not the mapped journal, in KiB.
    pub(crate) fn resident_kib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).expect("a process has memory");
        line.trim().trim_end_matches(" kB").parse().expect("memory is a number")
    }

    /// Descriptors that the server has open.
    pub(crate) fn open_files(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.id())).unwrap().count()
    }

    /// How far back in the queue for the processor the threads with a name that begins so stand; 0 is in front.
    pub(crate) fn niceness(&self, name: &str) -> Vec<i32> {
        let threads = fs::read_dir(format!("/proc/{}/task", self.id())).unwrap();
        // A thread may end while it is looked at.
        let stats = threads.filter_map(|thread| fs::read_to_string(thread.ok()?.path().join("stat")).ok());
        let of_one = |stat: String| {
            let (begin, fields) = stat.rsplit_once(") ")?;
            let is_named = begin.split_once(" (")?.1.starts_with(name);
            is_named.then(|| fields.split(' ').nth(16)?.parse().ok())?
        };
        stats.filter_map(of_one).collect()
    }

    /// Waits until `condition` holds.
    ///
    /// # Panics
    /// When it does not hold in time.
    pub(crate) fn eventually(&self, what: &str, condition: impl Fn() -> bool) {
        let deadline = if super::is_full_size() { DEADLINE_AT_FULL_SIZE } else { DEADLINE };
        assert!(within(deadline, condition), "after {deadline:?} still not so: {what}\n{}", self.log());
    }
}

/// The command line.
impl TestApp {
    /// Runs a client command against this server's data folder.
    pub(crate) fn cli(&self, args: &[&str]) -> Output {
        let data = self.data();
        let data = data.to_str().expect("a temporary folder has a plain name");
        run(&[args, &["--data", data]].concat(), b"", self.folder.path())
    }
}

/// Runs a command that needs no server, with `input` on standard input.
pub(crate) fn offline(args: &[&str], input: &[u8]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    run(args, input, folder.path())
}

fn run(args: &[&str], input: &[u8], folder: &Path) -> Output {
    let mut command = waypost();
    command.args(args).current_dir(folder).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program was built");
    let mut stdin = child.stdin.take().expect("standard input is piped");
    let input = input.to_vec();
    // A command may end without reading its input; that it could not be written is not the test's business.
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().expect("a started command ends");
    let _ = writer.join();
    Output {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// The program under test, without the settings of the person who runs the tests.
fn waypost() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_waypost"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("WAYPOST_") {
            command.env_remove(name);
        }
    }
    command
}

/// The program behind a shell that passes its standard input on the way systemd passes a socket (sd_listen_fds(3)).
fn waypost_on_held_socket() -> Command {
    let plain = waypost();
    let mut command = Command::new("sh");
    command
        .args(["-c", "exec 3<&0 </dev/null; LISTEN_FDS=1 LISTEN_PID=$$ exec \"$0\" \"$@\""])
        .arg(plain.get_program());
    for (name, _) in plain.get_envs() {
        command.env_remove(name);
    }
    command
}

/// Where the process `id` says it listens. A file that another process left behind says nothing.
fn addresses(file: &Path, id: u32) -> Option<(SocketAddr, SocketAddr)> {
    let server: Value = serde_json::from_slice(&fs::read(file).ok()?).ok()?;
    let address = |plane: &str| server[plane].as_str()?.strip_prefix("http://")?.trim_end_matches('/').parse().ok();
    (server["pid"] == id).then(|| Some((address("redirect")?, address("admin")?)))?
}

fn read_hits(node: &Value) -> NodeHits {
    let hits = &node["hits"];
    let number = |name: &str| hits[name].as_u64().unwrap_or_else(|| panic!("no {name} in {node}"));
    let lost = hits["lost"].as_object().unwrap_or_else(|| panic!("no lost in {node}"));
    NodeHits {
        received: number("received"),
        recovered: number("recovered"),
        counted: number("counted"),
        lost: lost.values().filter_map(Value::as_u64).sum(),
        in_journal: number("in_journal"),
    }
}

pub(crate) fn copy_folder(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let (from, to) = (entry.as_ref().unwrap().path(), to.join(entry.unwrap().file_name()));
        if from.is_dir() {
            fs::create_dir(&to).unwrap();
            copy_folder(&from, &to);
        } else {
            fs::copy(from, to).unwrap();
        }
    }
}

fn within(deadline: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + deadline;
    loop {
        if condition() {
            return true;
        }
        if Instant::now() >= end {
            return false;
        }
        sleep(POLL);
    }
}

impl Drop for TestApp {
    /// Every test proves the accounting identity, whatever else it is about.
    fn drop(&mut self) {
        let Some(mut started) = self.running.take() else { return };
        if std::thread::panicking() {
            eprintln!("what waypost printed:\n{}", self.log());
            return;
        }
        assert!(started.process.ended().is_none(), "waypost died during the test:\n{}", self.log());
        self.running = Some(started);
        // The figures are read one after the other while hits move, so a moment may show a hit twice or not at all.
        let balanced = within(DEADLINE, || self.node_hits().add_up());
        let hits = self.node_hits();
        self.running = None;
        assert!(balanced, "hits do not add up: {hits:?}");
    }
}
