//! Wiring: open store, journal and archive; start both planes; stop in order and lose nothing.
//!
//! This is the one place that knows every part. It decides the order of things and nothing else.

pub(crate) mod offline;
mod parts;
mod past;
mod status;

use std::fs::File;
use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use anyhow::Context;
use serde_json::json;
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use self::parts::{Beside, Parts};
use self::past::Past;
use self::status::Status;
use crate::admin::{self, Admin};
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::owner::OwnerKey;
use crate::judged::Reign;
use crate::priority::Priority;
use crate::redirect::{self, Handler, Plane};
use crate::store::Store;
use crate::tally::Tally;
use crate::telemetry::RedirectCounts;

/// The file that tells clients where a running server is.
const SERVER_FILE: &str = "server.json";

/// The name a supervisor gives the socket of the redirect plane.
const HELD_SOCKET: usize = 0;

/// How long a stopping node goes on to deliver click files to an object store. What is left waits for the next start.
const DELIVER_WITHIN: Duration = Duration::from_secs(2);
/// Between two tries to get the key of click tokens.
const TOKEN_KEY_RETRY: Duration = Duration::from_secs(2);

/// Runs a node until it is told to stop.
///
/// # Errors
/// When something it needs cannot be opened; nothing listens then. What fails later is logged and lived with.
pub(crate) fn run(config: &Config) -> anyhow::Result<()> {
    let clock = Clock::system();
    let data = DataFolder::open(&config.data)?;
    let held = listenfd::ListenFd::from_env().take_tcp_listener(HELD_SOCKET).context("the inherited socket")?;
    let redirect = redirect::bind(&config.redirect, held)
        .with_context(|| format!("cannot listen for redirects on {}", config.redirect.address))?;
    let admin = TcpListener::bind(config.admin.address)
        .with_context(|| format!("cannot listen for the dashboard on {}", config.admin.address))?;
    let addresses = Addresses { redirect: redirect[0].local_addr()?, admin: admin.local_addr()? };
    let (key, key_is_new) = admin::open_key(&config.data).context("the admin key")?;

    let runtime = admin_runtime()?;
    let parts = Parts::open(config, addresses, &clock, &runtime)?;
    let counts: Arc<RedirectCounts> = Arc::default();
    let answering = redirect::Parts {
        cache: parts.cache.clone(),
        journal: parts.journal.clone(),
        misses: parts.misses.clone(),
        counts: counts.clone(),
        owner: OwnerKey::of(&key),
        clock: clock.clone(),
    };
    let handler = Arc::new(Handler::new(&config.redirect, &parts.domains, answering));
    // Whoever waits in the backlog is answered first; what an earlier process left behind is counted meanwhile.
    let plane = Plane::start(redirect, &handler, &config.redirect)?;
    let tools = parts.tally_tools(config, &clock)?;
    let rules = tools.classifier.version();
    let rules_version = Arc::new(AtomicU32::new(rules));
    let tally = Tally::start(tools)?;
    let forward = parts.start_forward(config, &clock)?;
    let hooks = Arc::new(forward.desk());
    let status = Status::new(&parts, counts, hooks.clone(), config, addresses, rules_version.clone(), clock.now());
    let past = Past::new(tally.orders(), &parts, config, &runtime, rules_version)?;
    past.write_down(Reign { since: clock.now(), rules });
    let beside = Beside { node: Arc::new(status), past: Arc::new(past), hooks };
    let state = Admin::new(parts.admin_parts(config, beside, &key, addresses, &clock)?);
    // Without it, whoever has the admin key can still make the first account.
    let set_up = runtime.block_on(state.set_up_path()).unwrap_or_else(|error| {
        tracing::warn!(%error, "no link for the first account");
        None
    });
    let (stop_admin, admin_stopped) = watch::channel(false);
    let serving = runtime.spawn(serve_admin(admin, state, admin_stopped));
    let following = parts.follow_links(&runtime);
    let keying = runtime.spawn(fetch_token_key(parts.store.clone(), handler.clone()));
    let watching = runtime.spawn(watch_geo(parts.geo.clone(), config.classify.geo_poll_s));
    tally.wait_for_survey();
    data.announce(addresses)?;
    greet(config, addresses, key_is_new, set_up.as_deref());

    runtime.block_on(until_told_to_stop(&parts));
    tracing::info!("stopping: no new requests; what was answered is being counted");
    plane.stop();
    parts.journal.sync();
    // Both take a bounded while, at the same time: together they must stay within what a supervisor waits.
    stop_admin.send_replace(true);
    parts.archive.stop_reading();
    forward.stop();
    tally.stop();
    parts.archive.stop(DELIVER_WITHIN);
    let _ = runtime.block_on(serving);
    watching.abort();
    following.abort();
    keying.abort();
    parts.journal.stop();
    data.withdraw();
    tracing::info!("stopped; nothing that was answered is lost");
    Ok(())
}

/// Where the two planes really listen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Addresses {
    pub(crate) redirect: SocketAddr,
    pub(crate) admin: SocketAddr,
}

/// The data folder, locked for as long as this value lives.
pub(crate) struct DataFolder {
    path: PathBuf,
    _lock: File,
}

impl DataFolder {
    /// Makes the folder if it is not there and locks it.
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .with_context(|| format!("cannot make the data folder {shown}"))?;
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(path.join("LOCK"))
            .with_context(|| format!("cannot write in the data folder {shown}"))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: lock }),
            Err(std::fs::TryLockError::WouldBlock) => {
                anyhow::bail!("another waypost is running on {shown}; stop it first, or give this one its own --data")
            }
            Err(std::fs::TryLockError::Error(error)) => Err(error).with_context(|| format!("cannot lock {shown}")),
        }
    }

    /// Tells clients on this machine where the planes are.
    fn announce(&self, addresses: Addresses) -> io::Result<()> {
        let text = json!({
            "admin": format!("http://{}", addresses.admin),
            "redirect": format!("http://{}", addresses.redirect),
            "pid": std::process::id(),
            "version": env!("CARGO_PKG_VERSION"),
        });
        let unfinished = self.path.join("server.json.tmp");
        let mut file = File::options().create(true).truncate(true).write(true).mode(0o600).open(&unfinished)?;
        writeln!(file, "{text}")?;
        std::fs::rename(unfinished, self.path.join(SERVER_FILE))
    }

    fn withdraw(&self) {
        let _ = std::fs::remove_file(self.path.join(SERVER_FILE));
    }
}

/// The admin plane's own threads, behind redirects in the queue for the processor.
fn admin_runtime() -> io::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("admin")
        .on_thread_start(|| Priority::AfterRedirects.take())
        .enable_all()
        .build()
}

async fn serve_admin(listener: TcpListener, state: Admin, mut stopped: watch::Receiver<bool>) {
    let stop = async move {
        let _ = stopped.wait_for(|stopped| *stopped).await;
    };
    if let Err(error) = admin::serve(listener, state, stop).await {
        tracing::error!(%error, "the admin plane ended; redirects go on");
    }
}

/// Asks the store for the key of click tokens until it answers; until then destinations get none.
async fn fetch_token_key(store: Arc<dyn Store>, handler: Arc<Handler>) {
    loop {
        match crate::conversions::token_key(&*store).await {
            Ok(key) => return handler.take_token_key(key),
            Err(error) => tracing::warn!(%error, "no key for click tokens yet"),
        }
        tokio::time::sleep(TOKEN_KEY_RETRY).await;
    }
}

async fn watch_geo(geo: Arc<crate::tally::geo::Geo>, poll_s: u64) {
    loop {
        tokio::time::sleep(Duration::from_secs(poll_s.max(1))).await;
        let geo = geo.clone();
        let _ = tokio::task::spawn_blocking(move || geo.refresh()).await;
    }
}

/// Returns at the first SIGTERM or SIGINT. A second one ends the process on the spot, which loses nothing that was
/// answered: the journal has it. SIGHUP looks at the geo files again.
async fn until_told_to_stop(parts: &Parts) {
    let (Ok(mut terminate), Ok(mut interrupt), Ok(mut hang_up)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()), signal(SignalKind::hangup()))
    else {
        return std::future::pending().await;
    };
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            _ = hang_up.recv() => {
                let geo = parts.geo.clone();
                let _ = tokio::task::spawn_blocking(move || geo.refresh()).await;
            }
        }
    }
    tokio::spawn(end_at_second_signal(terminate, interrupt));
}

async fn end_at_second_signal(mut terminate: Signal, mut interrupt: Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::warn!("stopping at once; the next start counts what is left in the journal");
    std::process::exit(1);
}

/// Says where things are. The key itself is not printed, because output ends up in logs; the link for the first account
/// is of no use once there is one.
#[expect(clippy::print_stdout, reason = "the one place where the server speaks to the person who started it")]
fn greet(config: &Config, addresses: Addresses, key_is_new: bool, set_up: Option<&str>) {
    let key = config.data.join("admin.key");
    let new = if key_is_new { " (made just now)" } else { "" };
    println!("Waypost {}", env!("CARGO_PKG_VERSION"));
    println!("  redirects  http://{}", addresses.redirect);
    println!("  dashboard  http://{} (API: /api/v1)", addresses.admin);
    if let Some(path) = set_up {
        println!("  set up     http://{}{path} makes the first account, once", addresses.admin);
    }
    println!("  sign in    with the key in {}{new}", key.display());
    println!("  next       waypost link add https://example.com/ --data {}", config.data.display());
    let _ = io::stdout().flush();
}
