//! The reading side: frames of one incarnation in order, whatever happened to the files in between.
//!
//! Reading goes through the file, not the map: the kernel keeps both views the same, and no reader can ever see
//! memory change under it. A bad frame never stops the reader: it is set aside, counted, and the next valid frame
//! is looked for; zeroes where frames ought to be are no different. Only at the end of the last file is a bad frame a
//! torn tail, which was never answered.

mod folder;

use std::fs::File;
use std::io::{self, Write};
use std::ops::Range;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::frame::{self, Found, Seed};
use super::keep;
use super::segment::{HEADER, Header, Name};
use crate::domain::hit::RawHit;
use crate::domain::link::LinkId;
use crate::domain::position::{Incarnation, Position};

pub(super) use folder::{files_of, left_behind};

/// Bytes read at a time; more than the longest frame.
const CHUNK: usize = 256 << 10;

/// The most damaged pieces that are set aside; later ones are only counted.
const QUARANTINED_MAX: usize = 100;

/// The most that is set aside of one damaged piece.
const QUARANTINED_BYTES_MAX: u64 = 64 << 10;

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
    /// What is buffered was whole below this when it was read.
    whole_to: Option<Position>,
}

/// What stood where the reader is.
enum Next {
    Frame,
    /// A frame at or above the bound; it stays.
    Beyond,
    /// A frame may stand here, of which only the beginning was read.
    Short,
    /// The unused end of a file, or damage.
    NoFrame,
}

struct Open {
    file: File,
    name: Name,
    /// Of the file, which never grows.
    bytes: u64,
    /// Where `window` begins in the file.
    offset: u64,
    buffer: Vec<u8>,
    /// The part of `buffer` that was read and is not used up.
    used: usize,
    end: usize,
    /// The position of the last frame that was passed over.
    passed: Option<Position>,
    /// Whether frames are still passed over unchecked.
    passes_over: bool,
}

impl Reader {
    /// Starts at the hit with position `from`.
    pub(crate) fn new(folder: &Path, incarnation: Incarnation, from: Position) -> Self {
        Self {
            folder: folder.to_owned(),
            incarnation,
            seed: Seed::of(incarnation),
            next: from,
            open: None,
            whole_to: None,
        }
    }

    /// The position of the hit that comes next.
    pub(crate) fn position(&self) -> Position {
        self.next
    }

    /// The position of the first hit that the files still hold; `None` when there are no files.
    pub(crate) fn oldest(&self) -> io::Result<Option<Position>> {
        // Not that of the first file: after a failed sync the next one repeats frames, and a header that was written anew
        // names the first frame that is left.
        let segments = folder::segments(&self.folder)?.into_iter();
        Ok(segments.filter(|(name, _)| name.incarnation == self.incarnation).map(|(_, header)| header.first).min())
    }

    /// Hands out hits below `upto`, at most `max` of them.
    ///
    /// # Errors
    /// When a file cannot be read; calling again goes on where it stopped.
    pub(crate) fn read(
        &mut self,
        upto: Position,
        max: usize,
        mut each: impl FnMut(Position, &RawHit<'_>),
    ) -> io::Result<Progress> {
        let mut progress = Progress::default();
        if self.whole_to != Some(upto)
            && let Some(open) = &mut self.open
        {
            // What was buffered may have been half-written then.
            open.go_to(open.at());
        }
        while self.next < upto && progress.hits < max as u64 && !progress.at_end {
            self.skip_counted()?;
            match self.step(upto, &mut progress, &mut each) {
                Next::Frame => {}
                Next::Beyond => break,
                Next::Short if self.fill()? => {}
                Next::Short | Next::NoFrame => progress.at_end = !self.go_on(upto, &mut progress)?,
            }
        }
        self.whole_to = (!progress.at_end).then_some(upto);
        Ok(progress)
    }

    /// The links of the hits that [`Self::read`] seems about to hand out, up to `max` of them: as they stand in the buffer, and
    /// unchecked. It says so for what is best fetched ahead, and often names fewer than come, or none.
    pub(crate) fn coming(&mut self, upto: Position, max: usize, mut each: impl FnMut(LinkId)) {
        let Some(open) = self.open.as_mut().filter(|_| self.whole_to == Some(upto)) else { return };
        let (mut at, mut is_filled) = (0, false);
        for _ in 0..max {
            let Some((position, length)) = frame::peek(&open.window()[at..]) else { return };
            if position >= upto {
                return;
            }
            let end = at + length;
            if open.window().len() < end && !is_filled {
                // What cannot be read now is found out when it is read.
                let _ = open.fill();
                is_filled = true;
            }
            if open.window().len() < end {
                return;
            }
            frame::peek_link(&open.window()[at..]).into_iter().for_each(&mut each);
            at = end;
        }
    }

    /// Passes over frames before `next` by their heads alone: a start would otherwise check everything that was
    /// counted long ago. If that does not lead from frame to frame up to `next`, the file is read again and checked.
    fn skip_counted(&mut self) -> io::Result<()> {
        let Some(open) = self.open.as_mut().filter(|open| open.passes_over) else { return Ok(()) };
        while let Some((position, length)) = frame::peek(open.window()) {
            let follows = open.passed.is_none_or(|passed| position.0 == passed.0 + 1);
            if position >= self.next || !follows {
                break;
            }
            if open.window().len() < length {
                return Ok(());
            }
            open.used += length;
            open.passed = Some(position);
        }
        if open.window().len() < frame::HEAD {
            return Ok(());
        }
        open.passes_over = false;
        if open.passed.is_some_and(|passed| passed.0 + 1 < self.next.0) {
            let name = open.name.clone();
            self.open = Some(Open { passes_over: false, ..Open::new(&self.folder, name)? });
        }
        Ok(())
    }

    /// Takes the frame that stands next, if one does.
    fn step(&mut self, upto: Position, progress: &mut Progress, each: &mut impl FnMut(Position, &RawHit<'_>)) -> Next {
        let Some(open) = &mut self.open else { return Next::NoFrame };
        let (position, payload) = match frame::read(open.window(), self.seed) {
            Found::Frame { position, .. } if position >= upto => return Next::Beyond,
            Found::Frame { position, payload } => (position, payload),
            Found::Short => return Next::Short,
            Found::Nothing | Found::Bad => return Next::NoFrame,
        };
        // Another file may hold what is missing here.
        if position > self.next {
            return Next::NoFrame;
        }
        // A position below `next` was read already: after a failed sync the writer repeats frames.
        if position == self.next {
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

    /// Reads more of this file; `false` at its end.
    fn fill(&mut self) -> io::Result<bool> {
        self.open.as_mut().map_or(Ok(false), Open::fill)
    }

    /// Shortens the last file of an ended incarnation to what is used of it. Behind damage there may be frames that were
    /// read before and are not wanted now; a store that goes back wants them again.
    pub(crate) fn trim(&mut self) -> io::Result<()> {
        let Some(open) = &mut self.open else { return Ok(()) };
        let mut used = open.at();
        open.go_to(used);
        while open.fill()? {
            if let Some(last) = open.window().iter().rposition(|byte| *byte != 0) {
                // A frame may end in zeroes.
                used = open.at() + (last + 1 + frame::PAYLOAD_MAX) as u64;
            }
            open.used = open.end;
        }
        let used = used.min(open.bytes);
        std::fs::OpenOptions::new().write(true).open(open.name.path_in(&self.folder))?.set_len(used)
    }

    /// Goes on where the nearest hit at or after `next` stands whole, whichever file that is: a hit is found or not found
    /// wherever reading began. `false` when no file holds one, which is the end of the journal.
    fn go_on(&mut self, upto: Position, progress: &mut Progress) -> io::Result<bool> {
        let left = self.open.take();
        let log = folder::log_of(&self.folder, self.incarnation)?;
        let holding = folder::holding(&log, self.next);
        // As it nearly always is: one file ended where the next one begins, or this is the first one.
        if let [(name, _)] = holding
            && left.as_ref().is_none_or(|left| left.name != *name)
        {
            self.open = Some(Open::new(&self.folder, name.clone())?);
            return Ok(true);
        }
        let nearest = self.nearest(holding, left.as_ref())?;
        let later = log.iter().map(|(_, header)| header.first).filter(|first| *first > self.next).min();
        let Some(at) = nearest.iter().map(|(at, _)| *at).chain(later).min() else {
            self.stay(left);
            return Ok(false);
        };
        if at > self.next {
            if let Some(left) = &left {
                self.set_aside(left, nearest.as_ref().map(|(_, open)| open));
            }
            let next = at.min(upto);
            progress.damaged += next.0 - self.next.0;
            self.next = next;
        }
        self.open = nearest.filter(|(found, _)| *found == at).map(|(_, open)| open);
        Ok(true)
    }

    /// The first whole frame at or after `next` in any of these files, and that file opened there.
    fn nearest(&self, files: &[(Name, Header)], left: Option<&Open>) -> io::Result<Option<(Position, Open)>> {
        let mut nearest: Option<(Position, Open)> = None;
        for (name, _) in files {
            let mut open = Open { passes_over: false, ..Open::new(&self.folder, name.clone())? };
            if let Some(left) = left.filter(|left| left.name == *name) {
                open.go_to(left.at());
            }
            if let Some(at) = open.seek(self.seed, self.next)?
                && nearest.as_ref().is_none_or(|(nearest, _)| at < *nearest)
            {
                nearest = Some((at, open));
            }
        }
        Ok(nearest)
    }

    /// Nothing follows yet.
    fn stay(&mut self, left: Option<Open>) {
        if let Some(left) = left.as_ref().filter(|left| !left.is_unused()) {
            let (file, at) = (&left.name, left.at());
            tracing::info!(%file, at, "the journal ends in a torn frame, which was never answered");
        }
        self.open = left;
    }

    /// Notes what stands where `left` was, up to where reading goes on.
    fn set_aside(&self, left: &Open, next: Option<&Open>) {
        match next.filter(|next| next.name == left.name) {
            Some(next) => set_aside(&self.folder, left, left.at()..next.at()),
            None if left.is_unused() => {}
            None => set_aside(&self.folder, left, left.at()..left.bytes.max(left.at())),
        }
    }
}

/// Keeps a copy of the beginning of what cannot be read, for whoever wants to find out why.
fn set_aside(folder: &Path, open: &Open, damage: Range<u64>) {
    let (file, at) = (&open.name, damage.start);
    let bytes = damage.end - damage.start;
    tracing::error!(%file, at, bytes, "a damaged piece of the journal was set aside");
    let folder = keep::quarantine(folder);
    if std::fs::read_dir(&folder).map_or(0, Iterator::count) >= QUARANTINED_MAX {
        return;
    }
    let mut piece = vec![0; usize::try_from(bytes.min(QUARANTINED_BYTES_MAX)).unwrap_or(0)];
    let kept = open
        .file
        .read_exact_at(&mut piece, at)
        .and_then(|()| std::fs::create_dir_all(&folder))
        .and_then(|()| private(&folder.join(format!("{file}-{at}.bin")))?.write_all(&piece));
    if let Err(error) = kept {
        tracing::warn!(%error, "the damaged piece could not be kept");
    }
}

/// A file for its owner only: damaged or not, a frame holds an address.
fn private(path: &Path) -> io::Result<File> {
    File::options().write(true).create(true).truncate(true).mode(0o600).open(path)
}

impl Open {
    fn new(folder: &Path, name: Name) -> io::Result<Self> {
        Self::of(File::open(name.path_in(folder))?, name)
    }

    fn of(file: File, name: Name) -> io::Result<Self> {
        let (bytes, offset) = (file.metadata()?.len(), HEADER as u64);
        Ok(Self { file, name, bytes, offset, buffer: Vec::new(), used: 0, end: 0, passed: None, passes_over: true })
    }

    /// Whether nothing was written here.
    fn is_unused(&self) -> bool {
        frame::zeroes(self.window()) >= self.window().len().min(frame::HEAD)
    }

    fn window(&self) -> &[u8] {
        &self.buffer[self.used..self.end]
    }

    /// Where in the file the window begins.
    fn at(&self) -> u64 {
        self.offset + self.used as u64
    }

    /// Drops what is buffered and goes on reading at `at`.
    fn go_to(&mut self, at: u64) {
        self.offset = at;
        (self.used, self.end) = (0, 0);
    }

    /// Reads the next chunk behind the window; `false` at the end of the file.
    fn fill(&mut self) -> io::Result<bool> {
        let have = self.end - self.used;
        self.buffer.copy_within(self.used..self.end, 0);
        self.offset += self.used as u64;
        (self.used, self.end) = (0, have);
        let from = self.offset + have as u64;
        let wanted = CHUNK.min(usize::try_from(self.bytes.saturating_sub(from)).unwrap_or(CHUNK));
        // It never shrinks, so that its room is filled with zeroes once and not for every chunk.
        if self.buffer.len() < have + wanted {
            self.buffer.resize(have + wanted, 0);
        }
        let read = self.file.read_at(&mut self.buffer[have..have + wanted], from)?;
        self.end += read;
        Ok(read > 0)
    }

    /// Moves to the first whole frame here or behind that stands at or after `next`, and says where it stands; to the end
    /// of the file when there is none.
    fn seek(&mut self, seed: Seed, next: Position) -> io::Result<Option<Position>> {
        let mut start = 0;
        loop {
            if let Some(found) = frame::find(self.window(), start, seed, next) {
                self.used += found;
                return Ok(frame::peek(self.window()).map(|(position, _)| position));
            }
            // A frame may begin in the last bytes and go on beyond them.
            let searched = self.window().len().saturating_sub(frame::HEAD + frame::PAYLOAD_MAX);
            self.used += searched;
            start = start.saturating_sub(searched);
            if !self.fill()? {
                self.used = self.end;
                return Ok(None);
            }
        }
    }
}

#[cfg(test)]
mod tests;
