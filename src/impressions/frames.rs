//! Files in frames of bounded size: what the reading child says to the server, and what an import keeps. Neither end
//! holds a whole file twice.
//!
//! It must never depend on the order in which this version of the program lists its metrics: frames are kept.

use std::borrow::Cow;
use std::io::{self, Read, Write};

use jiff::civil::Date;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::domain::metric::Metric;
use crate::impressions::read::{NUMBERS_MAX, POSTS_MAX};
use crate::impressions::reading::{Grain, PlatformFile, PlatformPost, Reading, word};

/// The largest frame, and the most bytes of all frames of one answer or body.
pub(super) const FRAME_BYTES_MAX: usize = 32 << 20;
pub(super) const FRAMES_BYTES_MAX: usize = 384 << 20;
/// How many readings, and how many posts, are one frame.
pub(super) const READINGS_PER_FRAME: usize = 65_536;
pub(super) const POSTS_PER_FRAME: usize = 2048;

/// Goes before the frames of some files: the files without posts and readings, and what is needed to read those.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Cover {
    files: Vec<PlatformFile>,
    /// How many readings each file will have.
    readings: Vec<u32>,
    /// A reading's metric is its place in this list.
    metrics: Vec<Word>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Word(#[serde(with = "word::metric")] Metric);

/// A part of a file, which is named by its place in the cover.
#[derive(Serialize, Deserialize)]
pub(super) enum Frame<'a> {
    Posts(u32, Cow<'a, [PlatformPost]>),
    Readings(u32, Vec<Packed>),
    /// Without it, something was cut off.
    End,
}

/// A reading: post, slice, metric, grain, value.
type Packed = (u32, u32, u8, PackedGrain, u64);

#[derive(Clone, Copy, Serialize, Deserialize)]
pub(super) enum PackedGrain {
    Lifetime,
    Day(Day),
    Period(Day, Day),
}

/// Year, month, day.
type Day = (i16, i8, i8);

/// Writes a cover and its frames, with what else goes before them.
pub(super) fn write<'a, T: Serialize>(
    head: impl FnOnce(Cover) -> T,
    files: impl Iterator<Item = &'a PlatformFile> + Clone,
    to: &mut impl Write,
) -> io::Result<()> {
    let cover = Cover::of(files.clone());
    let metrics = cover.metrics.clone();
    write_frame(&head(cover), to)?;
    for (at, file) in (0..).zip(files) {
        for posts in file.posts.chunks(POSTS_PER_FRAME) {
            write_frame(&Frame::Posts(at, Cow::Borrowed(posts)), to)?;
        }
        for readings in file.readings.chunks(READINGS_PER_FRAME) {
            let packed = readings.iter().map(|reading| packed(reading, &metrics)).collect();
            write_frame(&Frame::Readings(at, packed), to)?;
        }
    }
    write_frame(&Frame::End, to)
}

/// Its length in four bytes, then itself.
pub(super) fn write_frame(frame: &impl Serialize, to: &mut impl Write) -> io::Result<()> {
    let bytes = postcard::to_stdvec(frame).map_err(io::Error::other)?;
    let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
    to.write_all(&length.to_le_bytes())?;
    to.write_all(&bytes)
}

/// Reads frames, and remembers how many bytes there may still be.
pub(super) struct Frames<R> {
    pub(super) from: R,
    buffer: Vec<u8>,
    left: usize,
}

impl<R> Frames<R> {
    pub(super) fn new(from: R, bytes_max: usize) -> Self {
        Self { from, buffer: Vec::new(), left: bytes_max }
    }

    /// Room for the next frame.
    pub(super) fn room(&mut self, length: u32) -> io::Result<(&mut R, &mut [u8])> {
        let length = length as usize;
        let left = self.left.checked_sub(length).filter(|_| length <= FRAME_BYTES_MAX);
        self.left = left.ok_or_else(|| wrong("it is too large"))?;
        self.buffer.resize(length, 0);
        Ok((&mut self.from, &mut self.buffer))
    }

    /// What was read into that room.
    pub(super) fn frame<T: DeserializeOwned>(&self) -> io::Result<T> {
        postcard::from_bytes(&self.buffer).map_err(|error| wrong(&error.to_string()))
    }
}

impl<R: Read> Frames<R> {
    /// The next frame.
    pub(super) fn next<T: DeserializeOwned>(&mut self) -> io::Result<T> {
        let mut length = [0; 4];
        self.from.read_exact(&mut length)?;
        let (from, room) = self.room(u32::from_le_bytes(length))?;
        from.read_exact(room)?;
        self.frame()
    }
}

impl Cover {
    fn of<'a>(files: impl Iterator<Item = &'a PlatformFile> + Clone) -> Self {
        let mut metrics = Vec::new();
        for reading in files.clone().flat_map(|file| &file.readings) {
            if !metrics.contains(&Word(reading.metric)) {
                metrics.push(Word(reading.metric));
            }
        }
        let readings = files.clone().map(|file| u32::try_from(file.readings.len()).unwrap_or(u32::MAX)).collect();
        Self { files: files.map(PlatformFile::without_posts).collect(), readings, metrics }
    }

    /// Makes room for what its frames will bring, so that a long list is never copied while it grows.
    pub(super) fn reserve(&mut self) {
        for (file, count) in self.files.iter_mut().zip(&self.readings) {
            file.readings.reserve_exact((*count as usize).min(NUMBERS_MAX));
        }
    }

    /// Puts a frame where it belongs. `false` after the last one.
    pub(super) fn take(&mut self, frame: Frame<'_>) -> io::Result<bool> {
        let missing = || wrong("a table is missing");
        match frame {
            Frame::Posts(at, posts) => {
                let file = self.files.get_mut(at as usize).ok_or_else(missing)?;
                file.posts.extend(posts.into_owned());
                bounded(file.posts.len(), POSTS_MAX)?;
            }
            Frame::Readings(at, packed) => {
                let file = self.files.get_mut(at as usize).ok_or_else(missing)?;
                bounded(file.readings.len() + packed.len(), NUMBERS_MAX)?;
                for packed in packed {
                    file.readings.push(unpacked(packed, &self.metrics).ok_or_else(|| wrong("a number is none"))?);
                }
            }
            Frame::End => return Ok(false),
        }
        Ok(true)
    }

    /// The files with all that their frames brought.
    pub(super) fn into_files(self) -> Vec<PlatformFile> {
        self.files
    }
}

fn bounded(count: usize, most: usize) -> io::Result<()> {
    if count > most { Err(wrong("it is too large")) } else { Ok(()) }
}

pub(super) fn wrong(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

fn packed(reading: &Reading, metrics: &[Word]) -> Packed {
    let metric = metrics.iter().position(|metric| metric.0 == reading.metric).unwrap_or(metrics.len());
    let day = |day: Date| (day.year(), day.month(), day.day());
    let grain = match reading.grain {
        Grain::Lifetime => PackedGrain::Lifetime,
        Grain::Day(date) => PackedGrain::Day(day(date)),
        Grain::Period(from, to) => PackedGrain::Period(day(from), day(to)),
    };
    (reading.post, reading.slice, metric as u8, grain, reading.value)
}

fn unpacked((post, slice, metric, grain, value): Packed, metrics: &[Word]) -> Option<Reading> {
    let day = |(year, month, day)| Date::new(year, month, day).ok();
    let grain = match grain {
        PackedGrain::Lifetime => Grain::Lifetime,
        PackedGrain::Day(date) => Grain::Day(day(date)?),
        PackedGrain::Period(from, to) => Grain::Period(day(from)?, day(to)?),
    };
    Some(Reading { post, slice, metric: metrics.get(usize::from(metric))?.0, grain, value })
}
