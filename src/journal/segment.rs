//! One journal file: its name, its header, its life from preallocated zeroes to a full, immutable log.
//!
//! Beside an option of the allocator this is all the `unsafe` there is: mapping a file into memory is only sound while
//! nobody else truncates it. Journal files are 0600, the folder is locked by this process for life, and nothing here
//! ever shortens a file that is mapped.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use memmap2::MmapMut;

use crate::domain::position::{Incarnation, Position};

/// Bytes of a segment's header; the first frame follows.
pub(super) const HEADER: usize = 64;

const MAGIC: [u8; 8] = *b"WAYPOSTJ";
const FORMAT_VERSION: u32 = 1;
/// Not covered by the checksum, for which the headers of earlier versions have zeroes here.
const REPEATS: u8 = 0xff;
const EXTENSION: &str = "segment";
/// What a segment is filled with, four pages at a time. Kernels keep what is written in one step as one piece and mark,
/// and later sync, all of such a piece when one byte of it changes: in one step, a hit would dirty a megabyte. By single
/// pages, filling, marking and syncing take twice the time for each hit (0.23 us instead of 0.12).
static ZEROES: [u8; 16 << 10] = [0; 16 << 10];
/// How many zeroes are written before they are synced.
const FILLED_AT_ONCE: usize = 4 << 20;

/// What a segment's name tells.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Name {
    pub(super) incarnation: Incarnation,
    /// From 0, ascending; one that was given up while it was made is left out.
    pub(super) number: u32,
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{:08}.{EXTENSION}", self.incarnation, self.number)
    }
}

impl Name {
    pub(super) fn path_in(&self, folder: &Path) -> PathBuf {
        folder.join(self.to_string())
    }

    pub(super) fn of(path: &Path) -> Option<Self> {
        if path.extension()? != EXTENSION {
            return None;
        }
        let (incarnation, number) = path.file_stem()?.to_str()?.split_once('-')?;
        Some(Self { incarnation: Incarnation::parse(incarnation)?, number: number.parse().ok()? })
    }
}

/// What a segment's header tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) incarnation: Incarnation,
    pub(super) number: u32,
    /// When the segment was taken into use, milliseconds since 1970.
    pub(super) created_ms: i64,
    /// The position of its first frame.
    pub(super) first: Position,
    /// Its first frames may stand in the segments before it, too: their sync had failed. Where nobody knows it is set, for
    /// it only makes a reader look in more places.
    pub(super) repeats: bool,
}

impl Header {
    fn to_bytes(self) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..12].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.number.to_le_bytes());
        bytes[16..32].copy_from_slice(&self.incarnation.0.to_le_bytes());
        bytes[32..40].copy_from_slice(&self.created_ms.to_le_bytes());
        bytes[40..48].copy_from_slice(&self.first.0.to_le_bytes());
        let sum = crc32c::crc32c(&bytes[..48]);
        bytes[48..52].copy_from_slice(&sum.to_le_bytes());
        bytes[52..56].fill(if self.repeats { REPEATS } else { 0 });
        bytes
    }

    /// Reads a header; `None` for zeroes and for anything that is not a whole header of this format.
    pub(super) fn read(file: &File) -> io::Result<Option<Self>> {
        let mut bytes = [0; HEADER];
        match file.read_exact_at(&mut bytes, 0) {
            Ok(()) => Ok(Self::from_bytes(&bytes)),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether this is a whole header of a later format, which only a newer Waypost can read.
    pub(super) fn is_of_a_later_format(file: &File) -> io::Result<bool> {
        let mut bytes = [0; HEADER];
        let read = file.read_at(&mut bytes, 0)?;
        let number_at = |at: usize| bytes[at..].first_chunk().map(|chunk| u32::from_le_bytes(*chunk));
        let is_whole = number_at(48) == Some(crc32c::crc32c(&bytes[..48]));
        Ok(read == HEADER && bytes[..8] == MAGIC && is_whole && number_at(8) > Some(FORMAT_VERSION))
    }

    /// Writes a header over a damaged one. The file is no longer mapped by anybody.
    pub(super) fn write(self, path: &Path) -> io::Result<()> {
        let file = OpenOptions::new().write(true).open(path)?;
        file.write_all_at(&self.to_bytes(), 0)?;
        file.sync_data()
    }

    fn from_bytes(bytes: &[u8; HEADER]) -> Option<Self> {
        let u32_at = |at: usize| bytes[at..].first_chunk().map(|chunk| u32::from_le_bytes(*chunk));
        let u64_at = |at: usize| bytes[at..].first_chunk().map(|chunk| u64::from_le_bytes(*chunk));
        let whole = bytes[..8] == MAGIC && u32_at(8)? == FORMAT_VERSION && u32_at(48)? == crc32c::crc32c(&bytes[..48]);
        whole.then_some(Self {
            incarnation: Incarnation(u128::from_le_bytes(*bytes[16..].first_chunk()?)),
            number: u32_at(12)?,
            created_ms: i64::from_le_bytes(*bytes[32..].first_chunk()?),
            first: Position(u64_at(40)?),
            repeats: u32_at(52)? != 0,
        })
    }
}

/// A segment that this process writes.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) name: Name,
    pub(super) file: std::sync::Arc<File>,
    map: MmapMut,
    /// Where the next frame goes.
    end: usize,
    /// Bytes before this are on disk, and the frame at it has this position.
    synced: (usize, Position),
    /// Whether the folder was synced since the file is in it.
    pub(super) has_lasting_name: bool,
}

impl Segment {
    /// Makes a file of `bytes` zeroes on disk and maps it. Slow: it writes and syncs all of it, unless `is_in_vain` says
    /// meanwhile that nobody needs it any more; then there is none.
    ///
    /// Real zeroes instead of kept room alone: a later sync then writes data blocks only and needs no commit of the file
    /// system's own journal.
    pub(super) fn prepare(
        folder: &Path,
        name: Name,
        bytes: usize,
        is_in_vain: impl Fn() -> bool,
    ) -> io::Result<Option<Self>> {
        let mut segment = Self::of_room(folder, name, bytes, |file| match take_room(file, bytes) {
            // Not every file system can keep room; writing takes it then.
            Err(error) if error.kind() == io::ErrorKind::Unsupported => file.set_len(bytes as u64),
            taken => taken,
        })?;
        let filled = sync_folder(folder).and_then(|()| fill(&segment.file, bytes, is_in_vain));
        if !matches!(filled, Ok(true)) {
            let _ = std::fs::remove_file(segment.name.path_in(folder));
        }
        segment.has_lasting_name = true;
        filled.map(|is_whole| is_whole.then_some(segment))
    }

    /// Makes a file that has room for `bytes` and waits for nothing: its zeroes are not written, and its name does not
    /// outlive a power cut before the folder is synced.
    ///
    /// # Errors
    /// Also where the file system cannot keep room: a full disk would show itself as a SIGBUS.
    pub(super) fn reserve(folder: &Path, name: Name, bytes: usize) -> io::Result<Self> {
        // The first pages as well, for a disk that takes nothing shows it then.
        Self::of_room(folder, name, bytes, |mut file| take_room(file, bytes).and_then(|()| file.write_all(&ZEROES)))
    }

    fn of_room(
        folder: &Path,
        name: Name,
        bytes: usize,
        take_room: impl FnOnce(&File) -> io::Result<()>,
    ) -> io::Result<Self> {
        // Trying takes the last room from store and archive for a moment, so it is not tried in vain.
        let disk = rustix::fs::statvfs(folder)?;
        if disk.f_bavail.saturating_mul(disk.f_frsize) < bytes as u64 {
            return Err(io::Error::new(io::ErrorKind::StorageFull, "the disk has no room for a journal file"));
        }
        let path = name.path_in(folder);
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
        if let Err(error) = take_room(&file) {
            let _ = std::fs::remove_file(&path);
            return Err(error);
        }
        #[expect(unsafe_code, reason = "nobody truncates the file while it is mapped; see the head of this file")]
        // SAFETY: the folder is locked by this process, the file was made by `create_new` above, and segments are
        // shortened only by `read::trim`, which is given files of ended incarnations, never mapped ones.
        let map = unsafe { MmapMut::map_mut(&file) }?;
        let (file, synced) = (std::sync::Arc::new(file), (HEADER, Position::START));
        Ok(Self { name, file, map, end: HEADER, synced, has_lasting_name: false })
    }

    /// Writes the header: from here on the segment is part of the log.
    pub(super) fn begin(&mut self, first: Position, created_ms: i64) {
        self.write_header(first, created_ms, false);
    }

    /// The same, with frames to follow that stand in the segments before it, too.
    pub(super) fn begin_again(&mut self, first: Position, created_ms: i64) {
        self.write_header(first, created_ms, true);
    }

    fn write_header(&mut self, first: Position, created_ms: i64, repeats: bool) {
        let Name { incarnation, number } = self.name;
        let header = Header { incarnation, number, created_ms, first, repeats };
        self.map[..HEADER].copy_from_slice(&header.to_bytes());
        self.synced = (HEADER, first);
    }

    /// Appends one frame; `false` when there is no room for it.
    pub(super) fn append(&mut self, head: &[u8], payload: &[u8]) -> bool {
        let middle = self.end + head.len();
        let Some(room) = self.map.get_mut(self.end..middle + payload.len()) else { return false };
        let (first, second) = room.split_at_mut(head.len());
        first.copy_from_slice(head);
        second.copy_from_slice(payload);
        self.end = middle + payload.len();
        true
    }

    pub(super) fn end(&self) -> usize {
        self.end
    }

    pub(super) fn is_half_full(&self) -> bool {
        self.end > self.map.len() / 2
    }

    /// Notes that the bytes before `end` are on disk; the frame that follows them has position `next`.
    pub(super) fn set_synced(&mut self, end: usize, next: Position) {
        self.synced = (end, next);
    }

    /// The frames that may not be on disk yet.
    pub(super) fn unsynced(&self) -> &[u8] {
        &self.map[self.synced.0..self.end]
    }

    /// The position of the first frame that may not be on disk yet; `None` when all are.
    pub(super) fn unsynced_first(&self) -> Option<Position> {
        (self.synced.0 < self.end).then_some(self.synced.1)
    }

    /// Appends bytes that are whole frames already.
    pub(super) fn append_frames(&mut self, frames: &[u8]) -> bool {
        self.append(frames, &[])
    }
}

/// When a file was last written, milliseconds since 1970; `None` when the file system does not say.
pub(super) fn written_ms(about: &std::fs::Metadata) -> Option<i64> {
    let since_1970 = about.modified().ok()?.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_1970.as_millis()).ok()
}

/// Writes zeroes, and syncs them a few at a time, so that hits which are synced meanwhile never wait for all of them;
/// `false` when it was given up.
fn fill(mut file: &File, bytes: usize, is_in_vain: impl Fn() -> bool) -> io::Result<bool> {
    let mut left = bytes;
    while left > 0 {
        let rest = left.saturating_sub(FILLED_AT_ONCE);
        while left > rest {
            let step = (left - rest).min(ZEROES.len());
            file.write_all(&ZEROES[..step])?;
            left -= step;
        }
        file.sync_data()?;
        if left > 0 && is_in_vain() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Gives the file blocks of the disk to its end, without writing them.
fn take_room(file: &File, bytes: usize) -> io::Result<()> {
    Ok(rustix::fs::fallocate(file, rustix::fs::FallocateFlags::empty(), 0, bytes as u64)?)
}

/// Makes the names in a folder durable.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_comes_back_from_its_path() {
        let name = Name { incarnation: Incarnation(0xabc), number: 12 };
        assert_eq!(Name::of(&name.path_in(Path::new("/j"))), Some(name));
        assert_eq!(Name::of(Path::new("/j/LOCK")), None);
        assert_eq!(Name::of(Path::new("/j/x-1.segment")), None);
    }

    #[test]
    fn a_header_with_any_flipped_bit_is_no_header() {
        let header =
            Header { incarnation: Incarnation(5), number: 2, created_ms: 9, first: Position(77), repeats: false };
        let good = header.to_bytes();
        assert_eq!(Header::from_bytes(&good), Some(header));
        let repeats = Header { repeats: true, ..header };
        assert_eq!(Header::from_bytes(&repeats.to_bytes()), Some(repeats));
        for bit in 0..52 * 8 {
            let mut bytes = good;
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Header::from_bytes(&bytes), None, "bit {bit}");
        }
    }

    #[test]
    fn a_header_of_a_later_format_is_told_from_a_damaged_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("segment");
        let is_later = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            Header::is_of_a_later_format(&File::open(&path).unwrap()).unwrap()
        };
        let header =
            Header { incarnation: Incarnation(5), number: 2, created_ms: 9, first: Position(77), repeats: false };
        let mut bytes = header.to_bytes();
        assert!(!is_later(&bytes));
        bytes[8] = 2;
        assert!(!is_later(&bytes));
        let sum = crc32c::crc32c(&bytes[..48]);
        bytes[48..52].copy_from_slice(&sum.to_le_bytes());
        assert!(is_later(&bytes));
        assert!(!is_later(&bytes[..50]));
    }

    #[test]
    fn a_full_segment_refuses_a_frame_and_keeps_what_it_has() {
        let folder = tempfile::tempdir().unwrap();
        let name = Name { incarnation: Incarnation(1), number: 0 };
        let mut segment = Segment::prepare(folder.path(), name, HEADER + 40, || false).unwrap().unwrap();
        segment.begin(Position(0), 0);
        assert!(segment.append(b"12345678", b"abcdefgh"));
        assert!(!segment.append(b"12345678", &[b'x'; 40]));
        assert_eq!(segment.unsynced(), b"12345678abcdefgh");
    }

    #[test]
    fn a_reserved_file_has_room_to_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let (name, bytes) = (Name { incarnation: Incarnation(1), number: 0 }, 1 << 20);
        let mut segment = Segment::reserve(folder.path(), name, bytes).unwrap();
        let about = segment.file.metadata().unwrap();
        assert_eq!(about.len(), bytes as u64);
        assert!(std::os::unix::fs::MetadataExt::blocks(&about) * 512 >= bytes as u64);
        segment.begin(Position(0), 0);
        assert!(segment.append(&vec![b'x'; bytes - HEADER], &[]));
        assert!(!segment.append(b"x", &[]));
    }

    #[test]
    fn a_file_that_is_in_vain_is_not_made_to_its_end_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let name = Name { incarnation: Incarnation(1), number: 0 };
        assert!(Segment::prepare(folder.path(), name, 2 * FILLED_AT_ONCE, || true).unwrap().is_none());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
