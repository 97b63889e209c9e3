//! Checksums of a click file: one of its data, one of its footer, both CRC-32C in the footer's own notes.
//!
//! Parquet alone does not see a flipped bit: of all single damaged bytes in a click file a quarter changed what was
//! read without an error. A click file must never be read without this check.
//!
//! The footer's checksum stands in the footer itself, so it is taken with its own eight digits as zeros. The file
//! stays plain Parquet: to other engines the two are notes that they do not look at.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;

use super::read::Damage;

/// The note with the checksum of everything before the footer.
pub(super) const DATA_KEY: &str = "waypost.data_crc32c";
const FOOTER_KEY: &str = "waypost.footer_crc32c";

/// Stands before the digits of the footer's checksum and nowhere else in a footer.
const MARK: &[u8] = b"footer-crc32c:";
const DIGITS: usize = 8;

/// A Parquet file ends with four bytes that tell how long its footer is, and `PAR1`.
pub(super) const TAIL_BYTES: usize = 8;

/// A click file's footer takes some kilobytes for each row group.
const FOOTER_BYTES_MAX: usize = 16 * 1024 * 1024;

const READ_BYTES: usize = 64 * 1024;

/// A writer that knows the checksum of what went through, and holds the footer back until it has one too.
pub(super) struct Checksummed<W> {
    out: W,
    data: u32,
    footer: Option<Vec<u8>>,
}

impl<W: Write> Checksummed<W> {
    pub(super) fn new(out: W) -> Self {
        Self { out, data: 0, footer: None }
    }

    /// Says that all data is written and the footer follows; returns the notes that it has to hold.
    pub(super) fn end_data(&mut self) -> [(&'static str, String); 2] {
        self.footer = Some(Vec::new());
        let mark = String::from_utf8_lossy(MARK);
        [(DATA_KEY, digits(self.data)), (FOOTER_KEY, format!("{mark}{}", digits(0)))]
    }

    /// Writes the footer, its checksum filled in.
    pub(super) fn finish(mut self) -> io::Result<W> {
        let mut footer = self.footer.take().unwrap_or_default();
        let place = place_of_digits(&footer).ok_or_else(|| io::Error::other("the footer has lost its checksum"))?;
        let checksum = crc32c::crc32c(&footer);
        footer[place..place + DIGITS].copy_from_slice(digits(checksum).as_bytes());
        self.out.write_all(&footer)?;
        Ok(self.out)
    }
}

impl<W: Write> Write for Checksummed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(footer) = &mut self.footer {
            footer.extend_from_slice(bytes);
            return Ok(bytes.len());
        }
        let written = self.out.write(bytes)?;
        self.data = crc32c::crc32c_append(self.data, &bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// The data of a file whose footer is sound.
pub(super) struct Data {
    length: u64,
}

/// Checks the footer, without which nothing that the file says about itself can be believed.
pub(super) fn check_footer(file: &File) -> Result<Data, Damage> {
    let length = file.metadata()?.len();
    let tail_start = length.checked_sub(TAIL_BYTES as u64).ok_or(Damage::Foreign)?;
    let mut tail = [0; TAIL_BYTES];
    file.read_exact_at(&mut tail, tail_start)?;
    let mut footer = vec![0; footer_bytes(&tail)?];
    let start = length.checked_sub(footer.len() as u64).ok_or(Damage::Foreign)?;
    file.read_exact_at(&mut footer, start)?;
    check(&footer)?;
    Ok(Data { length: start })
}

/// How long the footer is, by the last bytes of the file, [`TAIL_BYTES`] of which have to be there.
pub(super) fn footer_bytes(end: &[u8]) -> Result<usize, Damage> {
    let tail = end.last_chunk::<TAIL_BYTES>().ok_or(Damage::Foreign)?;
    let bytes = u32::from_le_bytes([tail[0], tail[1], tail[2], tail[3]]) as usize;
    Some(bytes.saturating_add(TAIL_BYTES)).filter(|bytes| *bytes <= FOOTER_BYTES_MAX).ok_or(Damage::Foreign)
}

/// Compares a footer with its checksum.
pub(super) fn check(footer: &[u8]) -> Result<(), Damage> {
    let place = place_of_digits(footer).ok_or(Damage::Foreign)?;
    let (before, rest) = footer.split_at(place);
    let (recorded, after) = rest.split_at(DIGITS);
    let checksum = [before, &[b'0'; DIGITS], after].iter().fold(0, |sum, part| crc32c::crc32c_append(sum, part));
    if recorded == digits(checksum).as_bytes() { Ok(()) } else { Err(Damage::Checksum) }
}

impl Data {
    /// Reads all data once and compares its checksum with the `recorded` one.
    pub(super) fn check(&self, file: &File, recorded: u32) -> Result<(), Damage> {
        let mut buffer = vec![0; READ_BYTES];
        let (mut offset, mut checksum) = (0, 0);
        while offset < self.length {
            let wanted = usize::try_from(self.length - offset).map_or(READ_BYTES, |rest| rest.min(READ_BYTES));
            file.read_exact_at(&mut buffer[..wanted], offset)?;
            checksum = crc32c::crc32c_append(checksum, &buffer[..wanted]);
            offset += wanted as u64;
        }
        if checksum == recorded { Ok(()) } else { Err(Damage::Checksum) }
    }
}

/// Where in `footer` the digits of its checksum stand.
fn place_of_digits(footer: &[u8]) -> Option<usize> {
    let mark = footer.windows(MARK.len()).rposition(|window| window == MARK)?;
    let place = mark + MARK.len();
    (place + DIGITS <= footer.len()).then_some(place)
}

fn digits(checksum: u32) -> String {
    format!("{checksum:08x}")
}
