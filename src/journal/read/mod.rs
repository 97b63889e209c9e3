//! The reading side: frames of one incarnation in order, whatever happened to the files in between.
//!
//! Reading goes through the file, not the map: the kernel keeps both views the same, and no reader can ever see
//! memory change under it. A bad frame never stops the reader: it is set aside, counted, and the next valid frame
//! is looked for. Only at the end of the last file is a bad frame a torn tail, which was never answered.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::frame::{self, Found, Seed};
use super::segment::{HEADER, Header, Name};
use crate::domain::hit::Hit;
use crate::domain::position::{Incarnation, Position};

/// Bytes read at a time; more than the longest frame.
const CHUNK: usize = 256 << 10;

/// The most damaged pieces that are set aside; later ones are only counted.
const QUARANTINED_MAX: usize = 100;

/// What one call of [`Reader::read`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    /// Hits handed out.
    pub(crate) hits: u64,
    /// Positions whose frame is damaged: they existed and cannot be read.
    pub(crate) damaged: u64,
    /// No frame follows in any file that is there now.
    pub(crate) at_end: bool,
}

/// Reads one incarnation from a position on.
pub(crate) struct Reader {
    folder: PathBuf,
    incarnation: Incarnation,
    seed: Seed,
    next: Position,
    open: Option<Open>,
}

/// What stood where the reader is.
enum Next {
    Frame,
    /// A frame at or above the bound; it stays.
    Beyond,
    Short,
    Nothing,
    Bad,
}

struct Open {
    file: File,
    name: Name,
    /// Where `window` begins in the file.
    offset: u64,
    buffer: Vec<u8>,
    /// How much of `buffer` is used up.
    used: usize,
    /// The position of the last frame that was passed over.
    passed: Option<Position>,
}

impl Reader {
    /// Starts at the hit with position `from`.
    pub(crate) fn new(folder: &Path, incarnation: Incarnation, from: Position) -> Self {
        Self { folder: folder.to_owned(), incarnation, seed: Seed::of(incarnation), next: from, open: None }
    }

    /// The position of the hit that comes next.
    pub(crate) fn position(&self) -> Position {
        self.next
    }

    /// Hands out hits below `upto`, at most `max` of them.
    ///
    /// # Errors
    /// When a file cannot be read; calling again goes on where it stopped.
    pub(crate) fn read(
        &mut self,
        upto: Position,
        max: usize,
        mut each: impl FnMut(Position, &Hit<'_>),
    ) -> io::Result<Progress> {
        let mut progress = Progress::default();
        // What was buffered may have been half-written then.
        if let Some(open) = &mut self.open {
            open.forget();
        } else if !self.open_at_next()? {
            progress.at_end = true;
            return Ok(progress);
        }
        while self.next < upto && progress.hits < max as u64 && !progress.at_end {
            self.pass_over();
            match self.step(upto, &mut progress, &mut each) {
                Next::Frame => {}
                Next::Beyond => break,
                Next::Short => progress.at_end = !self.read_on()?,
                Next::Nothing => progress.at_end = !self.open_following()?,
                Next::Bad => progress.at_end = !self.skip_damage()?,
            }
        }
        Ok(progress)
    }

    /// Passes over frames before `next` by their heads alone: a start would otherwise check everything that was
    /// counted long ago. Heads whose positions do not follow each other are left to the full check.
    fn pass_over(&mut self) {
        let Some(open) = &mut self.open else { return };
        while let Some((position, length)) = frame::peek(&open.buffer[open.used..]) {
            let follows = open.passed.is_none_or(|passed| position.0 == passed.0 + 1);
            if position >= self.next || !follows || open.buffer.len() - open.used < length {
                break;
            }
            open.used += length;
            open.passed = Some(position);
        }
    }

    /// Takes the frame that stands next, if one does.
    fn step(&mut self, upto: Position, progress: &mut Progress, each: &mut impl FnMut(Position, &Hit<'_>)) -> Next {
        let Some(open) = &mut self.open else { return Next::Nothing };
        let (position, payload) = match frame::read(&open.buffer[open.used..], self.seed) {
            Found::Frame { position, .. } if position >= upto => return Next::Beyond,
            Found::Frame { position, payload } => (position, payload),
            Found::Short => return Next::Short,
            Found::Nothing => return Next::Nothing,
            Found::Bad => return Next::Bad,
        };
        // A position below `next` was read already: after a failed sync the writer repeats frames.
        if position >= self.next {
            progress.damaged += position.0 - self.next.0;
            match frame::decode(payload) {
                Some(hit) => {
                    progress.hits += 1;
                    each(position, &hit);
                }
                None => progress.damaged += 1,
            }
            self.next = position.next();
        }
        open.used += frame::HEAD + payload.len();
        Next::Frame
    }

    /// Reads more of this file, or goes on to the next. `false` when there is neither.
    fn read_on(&mut self) -> io::Result<bool> {
        if let Some(open) = &mut self.open
            && open.fill()?
        {
            return Ok(true);
        }
        self.open_following()
    }

    /// Shortens the last file of an ended incarnation to what is used of it.
    pub(crate) fn trim(&mut self) -> io::Result<()> {
        let Some(open) = &self.open else { return Ok(()) };
        let used = open.offset + open.used as u64;
        std::fs::OpenOptions::new().write(true).open(open.name.path_in(&self.folder))?.set_len(used)
    }

    /// Opens the last segment that begins at or before `next`.
    fn open_at_next(&mut self) -> io::Result<bool> {
        let mut best: Option<(Name, Position)> = None;
        for (name, header) in segments(&self.folder)? {
            let begins_before = header.first <= self.next && name.incarnation == self.incarnation;
            if begins_before && best.as_ref().is_none_or(|(_, first)| header.first >= *first) {
                best = Some((name, header.first));
            }
        }
        let oldest = || -> io::Result<Option<(Name, Position)>> {
            let mut names = segments(&self.folder)?;
            names.retain(|(name, _)| name.incarnation == self.incarnation);
            names.sort_by_key(|(name, _)| name.number);
            Ok(names.into_iter().next().map(|(name, header)| (name, header.first)))
        };
        let Some((name, _)) = best.map_or_else(oldest, |found| Ok(Some(found)))? else { return Ok(false) };
        self.open = Some(Open::new(&self.folder, name)?);
        Ok(true)
    }

    fn open_following(&mut self) -> io::Result<bool> {
        let Some(open) = &self.open else { return Ok(false) };
        let name = Name { number: open.name.number + 1, ..open.name.clone() };
        let following = match Open::new(&self.folder, name) {
            Ok(following) => following,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        // A prepared segment without a header is not part of the log yet.
        if Header::read(&following.file)?.is_none() {
            return Ok(false);
        }
        self.open = Some(following);
        Ok(true)
    }

    /// Looks for the next valid frame behind a bad one. `false` when there is none in any file.
    fn skip_damage(&mut self) -> io::Result<bool> {
        let Some(open) = &mut self.open else { return Ok(false) };
        open.fill_all()?;
        let window = open.window();
        let is_next = |at: &usize| matches!(frame::read(&window[*at..], self.seed), Found::Frame { position, .. } if position >= self.next);
        let found = (1..window.len()).find(is_next);
        let length = found.unwrap_or(window.len());
        let damaged = window[..length].to_vec();
        let at = open.offset + open.used as u64;
        let name = open.name.clone();
        if found.is_some() {
            open.used += length;
        } else if !self.open_following()? {
            tracing::info!(file = %name.path_in(Path::new("")).display(), at, "the journal ends in a torn frame, which was never answered");
            return Ok(false);
        }
        self.set_aside(&name, at, &damaged);
        Ok(true)
    }

    fn set_aside(&self, name: &Name, at: u64, damaged: &[u8]) {
        let folder = self.folder.join("quarantine");
        let file = name.path_in(Path::new("")).display().to_string();
        tracing::error!(%file, at, bytes = damaged.len(), "a damaged frame in the journal was set aside");
        let count = std::fs::read_dir(&folder).map_or(0, Iterator::count);
        if count >= QUARANTINED_MAX {
            return;
        }
        let written = std::fs::create_dir_all(&folder)
            .and_then(|()| std::fs::write(folder.join(format!("{file}-{at}.bin")), damaged));
        if let Err(error) = written {
            tracing::warn!(%error, "the damaged frame could not be kept");
        }
    }
}

impl Open {
    fn new(folder: &Path, name: Name) -> io::Result<Self> {
        let file = File::open(name.path_in(folder))?;
        Ok(Self { file, name, offset: HEADER as u64, buffer: Vec::new(), used: 0, passed: None })
    }

    fn window(&self) -> &[u8] {
        &self.buffer[self.used..]
    }

    /// Drops what is buffered beyond what is used.
    fn forget(&mut self) {
        self.offset += self.used as u64;
        self.used = 0;
        self.buffer.clear();
    }

    /// Reads the next chunk behind the window; `false` at the end of the file.
    fn fill(&mut self) -> io::Result<bool> {
        self.buffer.drain(..self.used);
        self.offset += self.used as u64;
        self.used = 0;
        let have = self.buffer.len();
        self.buffer.resize(have + CHUNK, 0);
        let read = self.file.read_at(&mut self.buffer[have..], self.offset + have as u64)?;
        self.buffer.truncate(have + read);
        Ok(read > 0)
    }

    fn fill_all(&mut self) -> io::Result<()> {
        while self.fill()? {}
        Ok(())
    }
}

/// The incarnations that earlier processes left in `folder`, oldest first. Files that never became part of a log are
/// removed, so this must be asked before a new incarnation begins: its next file is one of those until it is used.
pub(crate) fn left_behind(folder: &Path) -> io::Result<Vec<Incarnation>> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    for entry in std::fs::read_dir(folder)?.flatten() {
        let path = entry.path();
        if Name::of(&path).is_some() && Header::read(&File::open(&path)?)?.is_none() {
            std::fs::remove_file(&path)?;
        }
    }
    let mut found = segments(folder)?;
    found.sort_by_key(|(name, header)| (header.created_ms, name.incarnation, name.number));
    let mut incarnations: Vec<Incarnation> = found.into_iter().map(|(name, _)| name.incarnation).collect();
    let mut seen = std::collections::HashSet::new();
    incarnations.retain(|incarnation| seen.insert(*incarnation));
    Ok(incarnations)
}

fn segments(folder: &Path) -> io::Result<Vec<(Name, Header)>> {
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

#[cfg(test)]
mod tests;
