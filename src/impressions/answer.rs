//! What the reading child says to the server: frames of bounded size, so that neither holds the answer twice.
//!
//! It must never be kept: both ends are the same program, and the next one may say it otherwise. What is kept is
//! written by `body`.

use std::io::{self, Write};

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::domain::impression::Kind;
use crate::domain::metric::{Clicks, Metric, Shown};
use crate::impressions::read::NUMBERS_MAX;
use crate::impressions::reading::{Contents, Grain, PlatformPost, Reading, Refusal};

/// The largest frame and the largest answer, in bytes.
const FRAME_BYTES_MAX: usize = 32 << 20;
const ANSWER_BYTES_MAX: usize = 384 << 20;
/// How many readings, and how many posts, are one frame.
const READINGS_PER_FRAME: usize = 65_536;
const POSTS_PER_FRAME: usize = 2048;

/// One frame: its length in four bytes, then itself.
#[derive(Serialize, Deserialize)]
enum Frame {
    Refused(Refusal),
    /// Everything but the posts and readings of its tables, which follow, and how many readings each will have.
    Contents(Contents, Vec<u32>),
    Posts(u32, Vec<PlatformPost>),
    Readings(u32, Vec<Packed>),
    /// Without it, the answer was cut off.
    End,
}

/// A reading: post, slice, metric, grain, value. Metric and grain are numbers here and words wherever they stay.
type Packed = (u32, u32, u8, PackedGrain, u64);

#[derive(Clone, Copy, Serialize, Deserialize)]
enum PackedGrain {
    Lifetime,
    Day(i16, i8, i8),
    Period((i16, i8, i8), (i16, i8, i8)),
}

/// Writes an answer.
pub(super) fn write(answer: Result<Contents, Refusal>, to: &mut impl Write) -> io::Result<()> {
    let mut contents = match answer {
        Ok(contents) => contents,
        Err(refusal) => {
            write_frame(&Frame::Refused(refusal), to)?;
            return write_frame(&Frame::End, to);
        }
    };
    let mut inner = Vec::new();
    for table in &mut contents.tables {
        inner.push((std::mem::take(&mut table.file.posts), std::mem::take(&mut table.file.readings)));
    }
    let counts = inner.iter().map(|(_, readings)| u32::try_from(readings.len()).unwrap_or(u32::MAX)).collect();
    write_frame(&Frame::Contents(contents, counts), to)?;
    let metrics = metrics();
    for (table, (mut posts, readings)) in (0..).zip(inner) {
        while !posts.is_empty() {
            let rest = posts.split_off(posts.len().min(POSTS_PER_FRAME));
            write_frame(&Frame::Posts(table, std::mem::replace(&mut posts, rest)), to)?;
        }
        for readings in readings.chunks(READINGS_PER_FRAME) {
            let packed = readings.iter().map(|reading| packed(reading, &metrics)).collect();
            write_frame(&Frame::Readings(table, packed), to)?;
        }
    }
    write_frame(&Frame::End, to)
}

fn write_frame(frame: &Frame, to: &mut impl Write) -> io::Result<()> {
    let bytes = postcard::to_stdvec(frame).map_err(io::Error::other)?;
    let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
    to.write_all(&length.to_le_bytes())?;
    to.write_all(&bytes)
}

/// Reads an answer.
///
/// # Errors
/// When it is cut off, larger than its bounds, or none.
pub(super) async fn read(mut from: impl AsyncRead + Unpin) -> io::Result<Result<Contents, Refusal>> {
    let mut answer: Option<Result<Contents, Refusal>> = None;
    let (mut buffer, mut left) = (Vec::new(), ANSWER_BYTES_MAX);
    let metrics = metrics();
    loop {
        let length = from.read_u32_le().await? as usize;
        left =
            left.checked_sub(length).filter(|_| length <= FRAME_BYTES_MAX).ok_or_else(|| wrong("it is too large"))?;
        buffer.resize(length, 0);
        from.read_exact(&mut buffer).await?;
        let frame = postcard::from_bytes(&buffer).map_err(|error| wrong(&error.to_string()))?;
        match (frame, &mut answer) {
            (Frame::Contents(mut contents, counts), None) => {
                for (table, count) in contents.tables.iter_mut().zip(counts) {
                    table.file.readings.reserve_exact((count as usize).min(NUMBERS_MAX));
                }
                answer = Some(Ok(contents));
            }
            (Frame::Refused(refusal), None) => answer = Some(Err(refusal)),
            (Frame::Posts(table, posts), Some(Ok(contents))) => {
                let table = contents.tables.get_mut(table as usize).ok_or_else(|| wrong("a table is missing"))?;
                table.file.posts.extend(posts);
            }
            (Frame::Readings(table, packed), Some(Ok(contents))) => {
                let table = contents.tables.get_mut(table as usize).ok_or_else(|| wrong("a table is missing"))?;
                for packed in packed {
                    table.file.readings.push(unpacked(packed, &metrics).ok_or_else(|| wrong("a number is none"))?);
                }
            }
            (Frame::End, Some(_)) => return answer.ok_or_else(|| wrong("it is empty")),
            _ => return Err(wrong("its parts are out of order")),
        }
    }
}

fn wrong(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

/// Every metric, at the place that is its number in a frame.
fn metrics() -> Vec<Metric> {
    let impressions = Kind::ALL.into_iter().map(Metric::Impressions);
    let clicks = Clicks::ALL.into_iter().map(Metric::Clicks);
    let shown = Shown::ALL.into_iter().map(Metric::Shown);
    impressions.chain(clicks).chain(shown).chain([Metric::Spend]).collect()
}

fn packed(reading: &Reading, metrics: &[Metric]) -> Packed {
    let metric = metrics.iter().position(|metric| *metric == reading.metric).unwrap_or(metrics.len());
    let day = |day: Date| (day.year(), day.month(), day.day());
    let grain = match reading.grain {
        Grain::Lifetime => PackedGrain::Lifetime,
        Grain::Day(date) => PackedGrain::Day(date.year(), date.month(), date.day()),
        Grain::Period(from, to) => PackedGrain::Period(day(from), day(to)),
    };
    (reading.post, reading.slice, metric as u8, grain, reading.value)
}

fn unpacked((post, slice, metric, grain, value): Packed, metrics: &[Metric]) -> Option<Reading> {
    let day = |(year, month, day)| Date::new(year, month, day).ok();
    let grain = match grain {
        PackedGrain::Lifetime => Grain::Lifetime,
        PackedGrain::Day(year, month, of_month) => Grain::Day(day((year, month, of_month))?),
        PackedGrain::Period(from, to) => Grain::Period(day(from)?, day(to)?),
    };
    Some(Reading { post, slice, metric: *metrics.get(usize::from(metric))?, grain, value })
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::impressions::reading::{PlatformFile, Table};

    async fn read_back(answer: Result<Contents, Refusal>) -> io::Result<Result<Contents, Refusal>> {
        let mut said = Vec::new();
        write(answer, &mut said).unwrap();
        read(&said[..]).await
    }

    fn contents() -> Contents {
        let (from, to) = (date(2026, 11, 1), date(2026, 11, 30));
        let grains = [Grain::Lifetime, Grain::Day(from), Grain::Period(from, to)];
        let reading = |(metric, grain)| Reading { post: 1, slice: 0, metric, grain, value: 7 };
        let readings = metrics().into_iter().flat_map(|metric| grains.map(|grain| (metric, grain))).map(reading);
        let posts = vec![PlatformPost { text: "a".repeat(100), ..PlatformPost::default() }; POSTS_PER_FRAME + 1];
        let readings = readings.cycle().take(READINGS_PER_FRAME + 1).collect();
        let file = PlatformFile { posts, readings, ..PlatformFile::default() };
        let named = |name: &str| Table { name: name.to_owned(), file: file.clone(), ..Table::default() };
        Contents { tables: vec![named("a"), Table::default(), named("b")], passed_over: Vec::new() }
    }

    #[tokio::test]
    async fn an_answer_is_read_back_as_it_was_written() {
        assert!(read_back(Ok(contents())).await.unwrap() == Ok(contents()));
        let refusal = Refusal::from("no".to_owned());
        assert_eq!(read_back(Err(refusal.clone())).await.unwrap(), Err(refusal));
    }

    #[tokio::test]
    async fn an_answer_that_is_cut_off_out_of_order_or_too_large_is_none() {
        let mut said = Vec::new();
        write(Ok(Contents::default()), &mut said).unwrap();
        assert!(read(&said[..said.len() - 1]).await.is_err());
        assert!(read(&[said.clone(), said].concat()[5..]).await.is_err());
        assert!(read(&u32::MAX.to_le_bytes()[..]).await.unwrap_err().to_string().contains("too large"));
    }
}
