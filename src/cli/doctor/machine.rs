//! The machine: the data folder, the room on its disk, the limit of open files, the clock.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use rustix::fs::{Access, access, statvfs};
use rustix::process::{Resource, getrlimit};

use super::finding::Finding;
use crate::cli::figures;

/// Who but the owner may look into the data folder: nobody.
const OTHERS: u32 = 0o077;

const MIB: u64 = 1024 * 1024;

/// The nearest folder upwards that exists: what is missing would be made in it.
pub(super) fn existing(path: &Path) -> &Path {
    let found = path.ancestors().find(|folder| folder.exists());
    found.filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Whether this process may make files in a folder that exists.
pub(super) fn may_write(folder: &Path) -> Result<(), rustix::io::Errno> {
    access(folder, Access::WRITE_OK | Access::EXEC_OK)
}

pub(super) fn folder(data: &Path) -> Vec<Finding> {
    const WHAT: &str = "data folder";
    let shown = data.display();
    if data.exists() && !data.is_dir() {
        return vec![Finding::fail(WHAT, format!("{shown} is not a folder; name another with --data"))];
    }
    let existing = existing(data);
    if let Err(error) = may_write(existing) {
        let why = format!("cannot write in {}: {error}; give it to the user that runs the server", existing.display());
        return vec![Finding::fail(WHAT, why)];
    }
    if !data.is_dir() {
        return vec![Finding::ok(WHAT, format!("{shown} does not exist yet; `waypost serve` makes it"))];
    }
    vec![mode(WHAT, data)]
}

fn mode(what: &'static str, data: &Path) -> Finding {
    let shown = data.display();
    match fs::metadata(data).map(|about| about.permissions().mode() & 0o777) {
        Ok(mode) if mode & OTHERS != 0 => {
            Finding::warn(what, format!("other users may look into {shown} (mode {mode:o}): run `chmod 700 {shown}`"))
        }
        Ok(mode) => Finding::ok(what, format!("{shown} can be written to (mode {mode:o})")),
        Err(error) => Finding::fail(what, format!("cannot look at {shown}: {error}")),
    }
}

pub(super) fn disk(data: &Path, journal: &crate::journal::Config) -> Vec<Finding> {
    let existing = existing(data);
    match statvfs(existing) {
        Ok(about) => vec![room(about.f_bavail.saturating_mul(about.f_frsize), journal)],
        Err(error) => {
            vec![Finding::fail("disk space", format!("cannot look at the disk of {}: {error}", existing.display()))]
        }
    }
}

fn room(free: u64, journal: &crate::journal::Config) -> Finding {
    const WHAT: &str = "disk space";
    let segment = journal.segment_mib.saturating_mul(MIB);
    let journal_max = journal.total_mib_max.saturating_mul(MIB);
    let shown = figures::bytes(free);
    if free < segment.saturating_mul(2) {
        let needed = figures::bytes(segment.saturating_mul(2));
        return Finding::fail(WHAT, format!("{shown} free, but the journal needs {needed} to start: make room"));
    }
    if free < journal_max {
        let most = figures::bytes(journal_max);
        let why = format!("{shown} free, but the journal may grow to {most}: make room or lower journal.total_mib_max");
        return Finding::warn(WHAT, why);
    }
    Finding::ok(WHAT, format!("{shown} free"))
}

/// Fewer than this many connections and a single busy post can fill them.
const CONNECTIONS_FEW: u64 = 1000;
/// What the server keeps for itself of the open files, as `redirect.connections_max` says.
const FILES_KEPT: u64 = 200;

pub(super) fn open_files(redirect: &crate::redirect::Config) -> Finding {
    connections(getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX), redirect.connections_max as u64)
}

fn connections(limit: u64, wanted: u64) -> Finding {
    const WHAT: &str = "open files";
    let possible = limit.saturating_sub(FILES_KEPT);
    if wanted > possible {
        let why = format!(
            "redirect.connections_max is {wanted}, but the limit of {limit} open files leaves room for {possible}: raise `ulimit -n`"
        );
        return Finding::fail(WHAT, why);
    }
    if wanted == 0 && possible < CONNECTIONS_FEW {
        let why = format!("the limit of {limit} leaves room for {possible} connections: raise `ulimit -n` to 65536");
        return Finding::warn(WHAT, why);
    }
    Finding::ok(WHAT, if limit == u64::MAX { "no limit".to_owned() } else { format!("the limit is {limit}") })
}

/// 2026-01-01T00:00:00Z in seconds. No machine that runs this program lives before it.
const OLDEST_NOW_S: u64 = 1_767_225_600;
/// How far in the future a file may be dated before the clock is doubted.
const AHEAD: Duration = Duration::from_secs(300);
/// The most files that are looked at for their dates.
const FILES_MAX: usize = 1000;

pub(super) fn clock(data: &Path) -> Finding {
    let newest = fs::read_dir(data).ok().and_then(|entries| {
        let dates = entries.take(FILES_MAX).filter_map(|entry| entry.ok()?.metadata().ok()?.modified().ok());
        dates.max()
    });
    judge_clock(SystemTime::now(), newest)
}

fn judge_clock(now: SystemTime, newest: Option<SystemTime>) -> Finding {
    const WHAT: &str = "clock";
    let shown = jiff::Timestamp::try_from(now)
        .map_or_else(|_| "an unknown time".to_owned(), |at| at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
    if now < SystemTime::UNIX_EPOCH + Duration::from_secs(OLDEST_NOW_S) {
        return Finding::fail(
            WHAT,
            format!("this machine believes it is {shown}: set its clock, or no click has a right day"),
        );
    }
    let ahead = newest.and_then(|newest| newest.duration_since(now).ok());
    if ahead.is_some_and(|ahead| ahead > AHEAD) {
        let why =
            format!("files in the data folder are dated after now ({shown}): the clock went back; use a time service");
        return Finding::warn(WHAT, why);
    }
    Finding::ok(WHAT, shown)
}

#[cfg(test)]
mod tests {
    use super::super::finding::Grade;
    use super::*;
    use crate::config::Config;

    #[test]
    fn a_folder_that_others_may_read_is_warned_of() {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let found = self::folder(folder.path());
        assert_eq!(found[0].grade, Grade::Warn);
        assert!(found[0].why.contains("chmod 700"), "{found:?}");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
        assert_eq!(self::folder(folder.path())[0].grade, Grade::Ok);
        let missing = folder.path().join("a/b");
        assert!(self::folder(&missing)[0].why.contains("makes it"));
    }

    #[test]
    fn room_is_judged_by_what_the_journal_may_need() {
        let journal = Config::default_values().journal;
        assert_eq!(room(MIB, &journal).grade, Grade::Fail);
        assert_eq!(room(1024 * MIB, &journal).grade, Grade::Warn);
        assert_eq!(room(10 * 1024 * MIB, &journal).grade, Grade::Ok);
    }

    #[test]
    fn connections_need_open_files() {
        assert_eq!(connections(1024, 0).grade, Grade::Warn);
        assert_eq!(connections(1024, 5000).grade, Grade::Fail);
        assert_eq!(connections(65_536, 0).grade, Grade::Ok);
        assert_eq!(connections(u64::MAX, 0).why, "no limit");
    }

    #[test]
    fn a_clock_before_this_program_or_behind_its_files_is_doubted() {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        assert_eq!(judge_clock(at(0), None).grade, Grade::Fail);
        assert_eq!(judge_clock(at(OLDEST_NOW_S), Some(at(OLDEST_NOW_S + 3600))).grade, Grade::Warn);
        assert_eq!(judge_clock(at(OLDEST_NOW_S), Some(at(OLDEST_NOW_S + 60))).grade, Grade::Ok);
    }
}
