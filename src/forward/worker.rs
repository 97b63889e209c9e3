//! The worker: a thread of its own, behind everything else in the queue for the processor, that knows which hooks there are
//! and keeps one runner for each.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::Config;
use super::guard::{Guard, Resolver, SystemResolver};
use super::hook::{HookId, KeptHook, Kind};
use super::ledger::{Ledger, Shelf};
use super::outbox::Outbox;
use super::reading::{Counted, Reading};
use super::runner::Runner;
use super::sender::Sender;
use crate::archive::Archive;
use crate::clock::Clock;
use crate::domain::record::RecordKind;
use crate::links::Domains;
use crate::priority::Priority;
use crate::store::{Store, StoreError};

/// The most hooks of an installation.
pub(super) const HOOKS_MAX: usize = 50;
/// How often it is looked whether another node made, changed or removed a hook.
const HEAR_EVERY: Duration = Duration::from_secs(2);
/// How long a stopping node lets requests that are under way come to an end. Others are sent again at the next start.
const STOP_WITHIN: Duration = Duration::from_secs(1);

/// What passing on works with.
pub(crate) struct Tools {
    pub(crate) config: Config,
    /// Where ledgers and dead letters are.
    pub(crate) folder: PathBuf,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) archive: Arc<Archive>,
    pub(crate) domains: Arc<Domains>,
    pub(crate) outbox: Arc<Outbox>,
    pub(crate) counted: Arc<dyn Counted>,
    pub(crate) clock: Clock,
}

/// What was passed on since the start of the process, for each kind.
#[derive(Default)]
pub(crate) struct KindBooks {
    pub(crate) messages: AtomicU64,
    pub(crate) clicks: AtomicU64,
    pub(crate) failures: AtomicU64,
    pub(crate) dead: AtomicU64,
    pub(crate) skipped: AtomicU64,
}

impl KindBooks {
    pub(super) fn add(counter: &AtomicU64, count: u64) {
        counter.fetch_add(count, Ordering::Relaxed);
    }
}

/// What runners, the worker and the desk share.
pub(super) struct Shared {
    pub(super) config: Config,
    pub(super) folder: PathBuf,
    pub(super) store: Arc<dyn Store>,
    pub(super) domains: Arc<Domains>,
    pub(super) outbox: Arc<Outbox>,
    pub(super) reading: Reading,
    pub(super) sender: Sender,
    pub(super) guard: Guard,
    pub(super) clock: Clock,
    pub(super) books: BTreeMap<Kind, KindBooks>,
    hooks: Mutex<BTreeMap<HookId, Running>>,
    /// Held while it is looked which hooks there are.
    hearing: tokio::sync::Mutex<()>,
    runtime: Handle,
    stopping: watch::Sender<bool>,
}

/// A hook and its runner.
struct Running {
    kept: watch::Sender<KeptHook>,
    ledger: Arc<Mutex<Ledger>>,
    task: JoinHandle<()>,
}

/// A hook as the worker knows it.
pub(super) struct Known {
    pub(super) kept: KeptHook,
    pub(super) ledger: Arc<Mutex<Ledger>>,
    /// Wakes the runner.
    pub(super) wake: watch::Sender<KeptHook>,
}

/// The running worker.
pub(crate) struct Forward {
    shared: Arc<Shared>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Forward {
    /// # Errors
    /// When the thread or its runtime cannot be made.
    pub(crate) fn start(tools: Tools) -> std::io::Result<Self> {
        Self::start_with(tools, Arc::new(SystemResolver))
    }

    fn start_with(tools: Tools, resolver: Arc<dyn Resolver>) -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let guard = Guard::new(&tools.config.allow_private);
        let within = Duration::from_millis(tools.config.timeout_ms.max(1));
        let shared = Arc::new(Shared {
            sender: Sender::new(guard.clone(), resolver, within),
            reading: Reading::new(tools.archive, tools.store.clone(), tools.counted),
            config: tools.config,
            folder: tools.folder,
            store: tools.store,
            domains: tools.domains,
            outbox: tools.outbox,
            guard,
            clock: tools.clock,
            books: Kind::ALL.into_iter().map(|kind| (kind, KindBooks::default())).collect(),
            hooks: Mutex::default(),
            hearing: tokio::sync::Mutex::default(),
            runtime: runtime.handle().clone(),
            stopping: watch::Sender::new(false),
        });
        let running = shared.clone();
        let run = move || {
            Priority::WhenIdle.take();
            runtime.block_on(running.run());
            // What reads from an object store may still wait for it.
            runtime.shutdown_background();
        };
        let thread = std::thread::Builder::new().name("forward".to_owned()).spawn(run)?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Where hooks are made and looked at.
    pub(crate) fn desk(&self) -> super::Desk {
        super::Desk::new(self.shared.clone())
    }

    /// Lets what is under way come to an end, for a bounded while, and ends the thread.
    pub(crate) fn stop(mut self) {
        self.shared.stopping.send_replace(true);
        let _ = self.thread.take().map(std::thread::JoinHandle::join);
    }
}

impl Drop for Forward {
    /// Whoever started it may fail before it is stopped.
    fn drop(&mut self) {
        self.shared.stopping.send_replace(true);
    }
}

impl Shared {
    async fn run(self: Arc<Self>) {
        let mut stopping = self.stopping.subscribe();
        loop {
            if let Err(error) = self.hear().await {
                tracing::debug!(%error, "the hooks cannot be read just now");
            }
            self.forget_told();
            let stopped = stopping.wait_for(|stopping| *stopping);
            if tokio::time::timeout(HEAR_EVERY, stopped).await.is_ok() {
                break;
            }
        }
        let tasks: Vec<_> = std::mem::take(&mut *self.lock()).into_values().map(|running| running.task).collect();
        let _ = tokio::time::timeout(STOP_WITHIN, futures_util::future::join_all(tasks)).await;
    }

    /// Starts, changes and ends runners as the hooks are now. What a new one begins with is on disk when this returns.
    pub(super) async fn hear(self: &Arc<Self>) -> Result<(), StoreError> {
        let _hearing = self.hearing.lock().await;
        let records = self.store.records(RecordKind::Hook, None, HOOKS_MAX).await?;
        let mut hooks = BTreeMap::new();
        let mut unreadable = BTreeSet::new();
        for record in &records {
            match KeptHook::read(record) {
                Some(kept) => drop(hooks.insert(kept.id, kept)),
                None => drop(HookId::of_key(&record.key).map(|id| unreadable.insert(id))),
            }
        }
        let wants = |kept: &KeptHook| kept.hook.active && (kept.hook.events.links || kept.hook.events.imports);
        self.outbox.set_wanted(hooks.values().any(wants));
        let mut running = self.lock();
        running.retain(|id, gone| {
            // A number that was given again is another hook.
            let is_same = |kept: &KeptHook| kept.hook.created_at == gone.kept.borrow().hook.created_at;
            // One that only a newer node can read goes on as this one knows it.
            let is_there = unreadable.contains(id) || hooks.get(id).is_some_and(is_same);
            if !is_there {
                gone.task.abort();
                let _ = Shelf::of(&self.folder, *id).remove();
            }
            is_there
        });
        for (id, kept) in hooks {
            match running.get(&id) {
                Some(known) => {
                    known.kept.send_if_modified(|known| {
                        let is_new = known.revision != kept.revision;
                        *known = kept;
                        is_new
                    });
                }
                None => {
                    if let Some(started) = self.start(kept) {
                        running.insert(id, started);
                    }
                }
            }
        }
        Ok(())
    }

    fn start(self: &Arc<Self>, kept: KeptHook) -> Option<Running> {
        let shelf = Shelf::of(&self.folder, kept.id);
        let now_ms = self.clock.now_ms();
        let known = shelf.load(kept.hook.created_at).and_then(|known| {
            let ledger = match known {
                Some(mut ledger) => {
                    ledger.follow(self.reading.beginning(now_ms));
                    ledger
                }
                None => Ledger::new(kept.hook.created_at, self.reading.now(now_ms), self.outbox.next()),
            };
            shelf.save(&ledger, true).map(|()| ledger)
        });
        let ledger = match known {
            Ok(ledger) => Arc::new(Mutex::new(ledger)),
            Err(error) => {
                tracing::error!(hook = kept.id.0, %error, "a hook waits: its ledger cannot be read or written");
                return None;
            }
        };
        let kept = watch::Sender::new(kept);
        let runner = Runner::new(self.clone(), kept.subscribe(), ledger.clone(), shelf, self.stopping.subscribe());
        Some(Running { kept, ledger, task: self.runtime.spawn(runner.run()) })
    }

    /// What every hook has told of needs no place any more.
    fn forget_told(&self) {
        let hooks = self.lock();
        let ledgers = hooks.values().map(|running| lock(&running.ledger)).filter(|ledger| !ledger.off);
        let behind = ledgers.map(|ledger| ledger.change).min();
        if let Some(behind) = behind {
            self.outbox.forget_before(behind);
        }
    }

    pub(super) fn known(&self, id: HookId) -> Option<Known> {
        self.lock().get(&id).map(Running::known)
    }

    pub(super) fn all_known(&self) -> Vec<Known> {
        self.lock().values().map(Running::known).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<HookId, Running>> {
        self.hooks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Running {
    fn known(&self) -> Known {
        Known { kept: self.kept.borrow().clone(), ledger: self.ledger.clone(), wake: self.kept.clone() }
    }
}

/// Whoever panics while holding it leaves a whole ledger behind.
pub(super) fn lock(ledger: &Mutex<Ledger>) -> MutexGuard<'_, Ledger> {
    ledger.lock().unwrap_or_else(PoisonError::into_inner)
}
