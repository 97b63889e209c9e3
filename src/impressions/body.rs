//! What an import keeps of its file: the tables as they were read, and the options they were read with, packed.
//!
//! It must never unpack more than its bound, whatever the bytes say.

use std::io::{self, BufWriter, Write};

use crate::domain::import::Body;
use crate::impressions::frames::{self, Cover, FRAMES_BYTES_MAX, Frame, Frames};
use crate::impressions::reading::PlatformFile;

/// Fast, and small enough: a day's readings differ in few bytes.
const LEVEL: i32 = 3;
/// The first byte of a packed body: zstd around a cover, its frames, and the options.
const FORM: u8 = 1;

/// What is packed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Content {
    pub(crate) files: Vec<PlatformFile>,
    /// As somebody gave them, for `import show`: name and value.
    pub(crate) options: Vec<(String, String)>,
}

/// Why a body cannot be read, in words for an operator.
#[derive(Debug, thiserror::Error)]
#[error("it cannot be unpacked: {0}")]
pub(crate) struct Unreadable(String);

/// The body, and the BLAKE3 of the files in it; `None` when it is too large to be kept.
pub(crate) fn pack(content: &Content) -> Option<(Body, blake3::Hash)> {
    let mut packed = vec![FORM];
    let encoder = zstd::Encoder::new(&mut packed, LEVEL).ok()?;
    let mut to = BufWriter::new(Hashed { to: encoder, hash: blake3::Hasher::new() });
    frames::write(|cover| cover, content.files.iter(), &mut to).ok()?;
    let Hashed { to: mut encoder, hash } = to.into_inner().ok()?;
    frames::write_frame(&content.options, &mut encoder).ok()?;
    encoder.finish().ok()?;
    Some((Body::new(packed)?, hash.finalize()))
}

/// Hashes what is written through it.
struct Hashed<W> {
    to: W,
    hash: blake3::Hasher,
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.to.write(bytes)?;
        self.hash.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// # Errors
/// When the bytes are no body that [`pack`] made.
pub(crate) fn unpack(body: &Body) -> Result<Content, Unreadable> {
    unpack_within(body, FRAMES_BYTES_MAX)
}

fn unpack_within(body: &Body, bytes_max: usize) -> Result<Content, Unreadable> {
    let packed = match body.as_bytes().split_first() {
        Some((&FORM, packed)) => packed,
        Some((form, _)) => return Err(Unreadable(format!("a newer Waypost wrote it (form {form})"))),
        None => return Err(Unreadable("it is empty".to_owned())),
    };
    content(packed, bytes_max).map_err(|error| Unreadable(error.to_string()))
}

fn content(packed: &[u8], bytes_max: usize) -> io::Result<Content> {
    let mut frames = Frames::new(zstd::Decoder::new(packed)?, bytes_max);
    let mut cover: Cover = frames.next()?;
    cover.reserve();
    while cover.take(frames.next::<Frame<'static>>()?)? {}
    Ok(Content { files: cover.into_files(), options: frames.next()? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::impression::Kind;
    use crate::domain::metric::{Clicks, Metric};
    use crate::impressions::reading::{Grain, PlatformPost, Reading};

    #[test]
    fn a_body_is_unpacked_as_it_was_packed() {
        let reading = |(metric, value)| Reading { post: 0, slice: 0, metric, grain: Grain::Lifetime, value };
        // Not in the order in which the program lists them.
        let metrics = [Metric::Spend, Metric::Clicks(Clicks::Link), Metric::Impressions(Kind::Views)];
        let file = PlatformFile {
            dialect: "x-posts".to_owned(),
            posts: vec![PlatformPost { text: "a".to_owned(), ..PlatformPost::default() }],
            readings: metrics.into_iter().zip(1..).map(reading).collect(),
            ..PlatformFile::default()
        };
        let content = Content { files: vec![file], options: vec![("tz".to_owned(), "UTC".to_owned())] };
        assert_eq!(unpack(&pack(&content).unwrap().0).unwrap(), content);
    }

    #[test]
    fn what_was_not_packed_here_is_refused_in_words() {
        let refused = |bytes: &[u8]| unpack(&Body::new(bytes.to_vec()).unwrap()).unwrap_err().to_string();
        assert!(refused(&[]).contains("empty"));
        assert!(refused(&[9, 1]).contains("newer Waypost"));
        assert!(refused(&[FORM, 1, 2, 3]).contains("cannot be unpacked"));
    }

    #[test]
    fn a_body_that_unpacks_without_end_is_given_up() {
        let file = PlatformFile { dialect: "x".repeat(1000), ..PlatformFile::default() };
        let (body, _) = pack(&Content { files: vec![file], options: Vec::new() }).unwrap();
        assert!(unpack_within(&body, 1100).is_ok());
        assert!(unpack_within(&body, 1000).unwrap_err().to_string().contains("too large"));
    }
}
