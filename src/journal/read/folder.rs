//! The journal's folder as a reader finds it: which segments are there, and what is left of earlier processes.
//!
//! It must never take a file away that may hold a frame. What the live process has just prepared belongs to that
//! process, however empty it looks.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::Open;
use crate::domain::position::{Incarnation, Position};
use crate::journal::frame::{self, Seed};
use crate::journal::segment::{self, Header, Name};

/// How far into a file without a header is looked before it is taken for one that was never used. A header shares
/// its page with the first frames, and pages reach the disk in any order, but not this many of them by chance.
const UNUSED_BYTES: usize = 1 << 20;

/// The incarnations other than `live` that have files in `folder`, oldest first.
///
/// Files that never became part of a log are removed; a damaged header is written anew from the frames behind it.
///
/// # Errors
/// When the folder cannot be listed.
pub(in crate::journal) fn left_behind(folder: &Path, live: Incarnation) -> io::Result<Vec<Incarnation>> {
    for entry in std::fs::read_dir(folder)?.flatten() {
        let path = entry.path();
        if let Some(name) = Name::of(&path).filter(|name| name.incarnation != live)
            && let Err(error) = mend(&name, &path)
        {
            tracing::error!(%error, file = %name, "a journal file cannot be used; it stays where it is");
        }
    }
    let mut found = segments(folder)?;
    found.retain(|(name, _)| name.incarnation != live);
    found.sort_by_key(|(name, header)| (header.created_ms, name.incarnation, name.number));
    let mut incarnations: Vec<Incarnation> = found.into_iter().map(|(name, _)| name.incarnation).collect();
    let mut seen = std::collections::HashSet::new();
    incarnations.retain(|incarnation| seen.insert(*incarnation));
    Ok(incarnations)
}

/// The files of these incarnations, for syncing them.
///
/// # Errors
/// When the folder cannot be listed or a file not be opened.
pub(in crate::journal) fn files_of(folder: &Path, incarnations: &[Incarnation]) -> io::Result<Vec<File>> {
    let names = segments(folder)?.into_iter().map(|(name, _)| name);
    let wanted = names.filter(|name| incarnations.contains(&name.incarnation));
    wanted.map(|name| File::open(name.path_in(folder))).collect()
}

/// Sees to a file whose header is not whole. Only the header says that a segment was begun, but frames say it too.
fn mend(name: &Name, path: &Path) -> io::Result<()> {
    let file = File::open(path)?;
    if Header::read(&file)?.is_some() {
        return Ok(());
    }
    if Header::is_of_a_later_format(&file)? {
        return Err(io::Error::other("a newer Waypost wrote it; run that version to have its hits counted"));
    }
    if is_unused(&file)? {
        return std::fs::remove_file(path);
    }
    let created_ms = segment::written_ms(&file.metadata()?).unwrap_or(0);
    let first = first_position(file, name)?.ok_or_else(|| io::Error::other("it has no header and no whole frame"))?;
    tracing::error!(file = %name, "the header of a journal file was damaged; it is written anew");
    let Name { incarnation, number } = *name;
    Header { incarnation, number, created_ms, first, repeats: true }.write(path)
}

fn is_unused(file: &File) -> io::Result<bool> {
    let mut bytes = vec![0; UNUSED_BYTES];
    let read = file.read_at(&mut bytes, 0)?;
    Ok(frame::zeroes(&bytes[..read]) == read)
}

/// The position of the first whole frame in the file.
fn first_position(file: File, name: &Name) -> io::Result<Option<Position>> {
    Open::of(file, name.clone())?.seek(Seed::of(name.incarnation), Position::START)
}

/// The files of one log, in their order. A prepared segment without a header is not part of it yet.
pub(super) fn log_of(folder: &Path, incarnation: Incarnation) -> io::Result<Vec<(Name, Header)>> {
    let mut files = segments(folder)?;
    files.retain(|(name, _)| name.incarnation == incarnation);
    files.sort_unstable_by_key(|(name, _)| name.number);
    Ok(files)
}

/// The files of a log that may hold the hit at `next`, in their order: the last that begins before or there, and if that one
/// repeats what stands before it, the ones back to where it stands first. After a power cut each may hold a part of it.
pub(super) fn holding(log: &[(Name, Header)], next: Position) -> &[(Name, Header)] {
    let Some(last) = log.iter().rposition(|(_, header)| header.first <= next) else { return &[] };
    let (mut begin, mut first) = (last, log[last].1.first);
    while begin > 0 && (log[begin].1.repeats || log[begin].1.first > first) {
        begin -= 1;
        first = first.min(log[begin].1.first);
    }
    &log[begin..=last]
}

/// All files that are part of a log.
pub(super) fn segments(folder: &Path) -> io::Result<Vec<(Name, Header)>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)?.flatten() {
        let path = entry.path();
        let Some(name) = Name::of(&path) else { continue };
        match File::open(&path).and_then(|file| Header::read(&file)) {
            Ok(Some(header)) => found.push((name, header)),
            Ok(None) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}
