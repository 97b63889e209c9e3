//! A disk and a clock that do what a test says: `faults.c`, compiled once and put under the program under test.
//!
//! Faults are about the program's files only, never about those of the test.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use super::app::TestApp;
use super::redis::RedisServer;

/// Error numbers of Linux (`errno.h`).
pub(crate) const NO_SPACE: i64 = 28;
pub(crate) const READ_ONLY: i64 = 30;

/// Which files a fault is about.
#[derive(Clone, Copy)]
pub(crate) enum Files {
    Journal = 1,
    Store = 2,
    Archive = 4,
    All = 7,
}

/// The numbers of the control file, in the order of the struct in `faults.c`.
#[derive(Clone, Copy)]
enum Number {
    Where,
    SyncDelayMs,
    SyncFailures,
    WriteErrno,
    ClockOffsetMs,
}

pub(crate) struct Faults {
    control: File,
    synced: PathBuf,
}

impl Faults {
    /// Puts the library under a program that does not run yet. Nothing fails until the test says so.
    pub(crate) fn under(app: &mut TestApp) -> Self {
        let folder = app.path("faults");
        Self::put(&folder, |name, value| app.set_env(name, value))
    }

    /// The same, under a redis-server from its next start on. Its append-only files are those of a store.
    pub(crate) fn under_redis(redis: &mut RedisServer) -> Self {
        let folder = redis.folder().join("faults");
        Self::put(&folder, |name, value| redis.set_env(name, value))
    }

    fn put(folder: &Path, mut set_env: impl FnMut(&'static str, &Path)) -> Self {
        let (control_path, synced) = (folder.join("control"), folder.join("synced"));
        fs::create_dir_all(&synced).unwrap();
        fs::write(&control_path, [0; 64]).unwrap();
        set_env("LD_PRELOAD", library());
        set_env("FAULTS", &control_path);
        let control = File::options().write(true).open(control_path).unwrap();
        Self { control, synced }
    }

    /// From the next start on a power cut can be played.
    pub(crate) fn remember_synced(&self, app: &mut TestApp) {
        app.set_env("FAULTS_SYNCED", &self.synced);
    }

    pub(crate) fn slow_syncs(&self, files: Files, delay: Duration) {
        self.set(Number::SyncDelayMs, i64::try_from(delay.as_millis()).unwrap());
        self.set(Number::Where, files as i64);
    }

    /// The next syncs fail with EIO, this many of them.
    pub(crate) fn failing_syncs(&self, files: Files, count: i64) {
        self.set(Number::SyncFailures, count);
        self.set(Number::Where, files as i64);
    }

    pub(crate) fn failing_writes(&self, files: Files, errno: i64) {
        self.set(Number::WriteErrno, errno);
        self.set(Number::Where, files as i64);
    }

    /// Sets the program's clock off from the real one.
    pub(crate) fn clock_offset(&self, seconds: i64) {
        self.set(Number::ClockOffsetMs, seconds * 1000);
    }

    /// Everything works again.
    pub(crate) fn none(&self) {
        for number in
            [Number::Where, Number::SyncDelayMs, Number::SyncFailures, Number::WriteErrno, Number::ClockOffsetMs]
        {
            self.set(number, 0);
        }
    }

    /// Ends the program as a power cut would: of every file only what a sync has confirmed is there afterwards, and a
    /// file that was never synced is not.
    ///
    /// Returns when the power went.
    pub(crate) fn power_cut(&self, app: &mut TestApp) -> Instant {
        app.kill();
        let gone = Instant::now();
        let data = app.data();
        for folder in [data.clone(), data.join("journal")] {
            for path in files_of(&folder) {
                let kept = self.synced.join(path.file_name().unwrap());
                if kept.exists() {
                    fs::copy(kept, &path).unwrap();
                } else {
                    fs::remove_file(&path).unwrap();
                }
            }
        }
        gone
    }

    fn set(&self, number: Number, value: i64) {
        self.control.write_all_at(&value.to_ne_bytes(), number as u64 * 8).unwrap();
    }
}

pub(crate) fn files_of(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.is_file());
    files.sort();
    files
}

fn library() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/support/faults.c");
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let (library, fresh) = (folder.join("faults.so"), folder.join(format!("faults-{}.so", std::process::id())));
        let built = Command::new("cc").args(["-shared", "-fPIC", "-O1", "-o"]).arg(&fresh).arg(source).status();
        assert!(built.is_ok_and(|status| status.success()), "the C compiler that SQLite needs builds this too");
        // Another run of the tests may be using the one that is there.
        fs::rename(fresh, &library).unwrap();
        library
    })
}
