//! The courier: a thread that moves click files from the folder of this node to the bucket, one at a time, oldest first.
//!
//! The tally writes files as if the folder were all there is, and never waits for the object store. A file goes from
//! the folder only once the bucket has it whole, so whatever happens in between is mended by doing it again. Recalled
//! files go first. It must never remove a file that is not the one it has put.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use jiff::civil::Date;

use super::bucket::{Bucket, BucketError};
use super::click_file::{self, FileName};
use super::recalls::Recalls;
use super::{ArchiveError, Sealing};
use crate::priority::Priority;

/// Pauses between two tries while the object store is away.
const BACKOFF_FIRST: Duration = Duration::from_millis(500);
const BACKOFF_MAX: Duration = Duration::from_secs(15);

/// How often an idle courier looks for files although nobody rang.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// How the deliveries stand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Deliveries {
    /// Tries that failed.
    pub(crate) errors: u64,
    /// What keeps files from being delivered now.
    pub(crate) trouble: Option<String>,
}

/// The running courier.
pub(super) struct Courier {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    folder: PathBuf,
    bucket: Bucket,
    recalls: Arc<Recalls>,
    sealing: Arc<Sealing>,
    state: Mutex<State>,
    /// Told of every change of the state.
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// There may be something to deliver.
    rung: bool,
    /// Nothing is begun after this.
    stop_at: Option<Instant>,
    ended: bool,
    deliveries: Deliveries,
}

impl Courier {
    /// Starts the thread. Files that an earlier process left are its first.
    pub(super) fn start(
        folder: PathBuf,
        bucket: Bucket,
        recalls: Arc<Recalls>,
        sealing: Arc<Sealing>,
    ) -> std::io::Result<Self> {
        let state = Mutex::new(State { rung: true, ..State::default() });
        let shared = Arc::new(Shared { folder, bucket, recalls, sealing, state, changed: Condvar::new() });
        let run = {
            let shared = Arc::clone(&shared);
            move || {
                Priority::WhenIdle.take();
                shared.run();
            }
        };
        let thread = std::thread::Builder::new().name("courier".to_owned()).spawn(run)?;
        Ok(Self { shared, thread: Mutex::new(Some(thread)) })
    }

    /// Says that there may be files to deliver.
    pub(super) fn ring(&self) {
        self.shared.lock().rung = true;
        self.shared.changed.notify_all();
    }

    pub(super) fn deliveries(&self) -> Deliveries {
        self.shared.lock().deliveries.clone()
    }

    /// Delivers what can be delivered within this time and ends; what is left waits in the folder for the next start.
    pub(super) fn stop(&self, within: Duration) {
        let deadline = Instant::now() + within;
        let mut state = self.shared.lock();
        state.stop_at = Some(deadline);
        self.shared.changed.notify_all();
        let (state, _) = self
            .shared
            .changed
            .wait_timeout_while(state, within, |state| !state.ended)
            .unwrap_or_else(PoisonError::into_inner);
        drop(state);
        self.shared.bucket.give_up();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }
}

impl Drop for Courier {
    /// Whoever opened an archive may fail before anything runs.
    fn drop(&mut self) {
        self.stop(Duration::ZERO);
    }
}

impl Shared {
    fn run(&self) {
        self.work();
        self.lock().ended = true;
        self.changed.notify_all();
    }

    fn work(&self) {
        let mut backoff = BACKOFF_FIRST;
        loop {
            match self.deliver() {
                Ok(()) => {
                    backoff = BACKOFF_FIRST;
                    self.note_success();
                    if !self.wait_for_work() {
                        return;
                    }
                }
                Err(error) => {
                    self.note_failure(&error);
                    if !self.pause(backoff) {
                        return;
                    }
                    backoff = (backoff * 2).min(BACKOFF_MAX);
                }
            }
        }
    }

    /// Delivers all there is. A file that this machine cannot read keeps none of the others waiting.
    fn deliver(&self) -> Result<(), ArchiveError> {
        let mut unreadable = Ok(());
        self.recall()?;
        for (day, name) in click_file::list(&self.folder, &(Date::MIN..=Date::MAX))? {
            if self.is_over() {
                return Ok(());
            }
            // One that was made since the last file may name files that were written since, too.
            self.recall()?;
            // What others have put there is theirs.
            if FileName::parse(day, &name).is_none() {
                continue;
            }
            match self.deliver_file(day, &name) {
                Err(error @ ArchiveError::Bucket { cause: BucketError::Unreadable(_), .. })
                | Err(error @ ArchiveError::Io { .. }) => unreadable = Err(error),
                delivered => delivered?,
            }
        }
        unreadable
    }

    fn recall(&self) -> Result<(), ArchiveError> {
        let recalls = self.recalls.waiting();
        if recalls.is_empty() {
            return Ok(());
        }
        for object in self.bucket.list(&(Date::MIN..=Date::MAX))? {
            if self.recalls.hold(&object) {
                self.bucket.remove(&object)?;
            }
        }
        self.recalls.done(&recalls)
    }

    fn deliver_file(&self, day: Date, name: &str) -> Result<(), ArchiveError> {
        let path = click_file::path(&self.folder, day, name);
        let failed = |cause| ArchiveError::io("deliver", &path, cause);
        let mut file = match File::open(&path) {
            Ok(file) => file,
            // Its clicks are being written again.
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(cause) => return Err(failed(cause)),
        };
        self.bucket.put(day, name, &mut file)?;
        // Nothing is written while this looks; a file that was replaced meanwhile is another one, and stays.
        let _sealing = self.sealing.begin();
        let put = file.metadata().map_err(failed)?;
        let there = match fs::metadata(&path) {
            Ok(there) => there,
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(cause) => return Err(failed(cause)),
        };
        if (put.dev(), put.ino()) == (there.dev(), there.ino()) {
            click_file::remove(&self.folder, &[(day, name.to_owned())])?;
            // It is removed only if it is empty, and nobody minds if it is not.
            let _ = fs::remove_dir(self.folder.join(click_file::day_folder(day)));
        }
        Ok(())
    }

    fn note_success(&self) {
        if self.lock().deliveries.trouble.take().is_some() {
            tracing::info!(archive = self.bucket.url(), "the object store takes click files again");
        }
    }

    /// Once per outage in the log, each time in the books.
    fn note_failure(&self, error: &ArchiveError) {
        let mut state = self.lock();
        if matches!(error, ArchiveError::Bucket { cause: BucketError::Stopping, .. }) {
            return;
        }
        state.deliveries.errors += 1;
        if state.deliveries.trouble.replace(error.to_string()).is_none() {
            tracing::warn!(%error, "click files wait in the data folder until the object store takes them");
        }
    }

    /// Waits until somebody rings; `false` when it is time to end.
    fn wait_for_work(&self) -> bool {
        let state = self.lock();
        let is_idle = |state: &mut State| !state.rung && state.stop_at.is_none();
        let (mut state, _) =
            self.changed.wait_timeout_while(state, LOOK_EVERY, is_idle).unwrap_or_else(PoisonError::into_inner);
        let goes_on = state.rung || state.stop_at.is_none();
        state.rung = false;
        goes_on && state.stop_at.is_none_or(|stop_at| Instant::now() < stop_at)
    }

    /// Waits before the next try; `false` when there will be none.
    fn pause(&self, backoff: Duration) -> bool {
        let state = self.lock();
        let (state, _) = self
            .changed
            .wait_timeout_while(state, backoff, |state| state.stop_at.is_none())
            .unwrap_or_else(PoisonError::into_inner);
        state.stop_at.is_none()
    }

    fn is_over(&self) -> bool {
        self.lock().stop_at.is_some_and(|stop_at| Instant::now() >= stop_at)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
