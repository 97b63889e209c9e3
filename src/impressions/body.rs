//! What an import keeps of its file: the tables as they were read, and the options they were read with, packed.
//!
//! It must never unpack more than its bound, whatever the bytes say.

use std::io::{self, BufWriter, Read, Write};

use serde::Deserialize;

use crate::domain::import::Body;
use crate::impressions::reading::PlatformFile;

/// The largest body, unpacked: two million readings of 100 bytes, and the posts they belong to.
const UNPACKED_BYTES_MAX: u64 = 384 << 20;
/// Fast, and small enough: a day's readings differ in few bytes.
const LEVEL: i32 = 3;
/// The first byte of a packed body: zstd around two JSON texts, the files and the options.
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
    serde_json::to_writer(&mut to, &content.files).ok()?;
    let Hashed { to: mut encoder, hash } = to.into_inner().ok()?;
    serde_json::to_writer(&mut encoder, &content.options).ok()?;
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
    let unreadable = |error: &dyn std::fmt::Display| Unreadable(error.to_string());
    let packed = match body.as_bytes().split_first() {
        Some((&FORM, packed)) => packed,
        Some((form, _)) => return Err(Unreadable(format!("a newer Waypost wrote it (form {form})"))),
        None => return Err(Unreadable("it is empty".to_owned())),
    };
    let mut json = Vec::new();
    let decoder = zstd::Decoder::new(packed).map_err(|error| unreadable(&error))?;
    decoder.take(UNPACKED_BYTES_MAX + 1).read_to_end(&mut json).map_err(|error| unreadable(&error))?;
    if json.len() as u64 > UNPACKED_BYTES_MAX {
        return Err(Unreadable(format!("it is larger than {UNPACKED_BYTES_MAX} bytes")));
    }
    let mut parts = serde_json::Deserializer::from_slice(&json);
    let files = Vec::deserialize(&mut parts).map_err(|error| unreadable(&error))?;
    let options = Vec::deserialize(&mut parts).map_err(|error| unreadable(&error))?;
    Ok(Content { files, options })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_unpacked_as_it_was_packed() {
        let file = PlatformFile { dialect: "x-posts".to_owned(), ..PlatformFile::default() };
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
        let mut packed = vec![FORM];
        let mut encoder = zstd::Encoder::new(&mut packed, LEVEL).unwrap();
        std::io::copy(&mut std::io::repeat(b' ').take(UNPACKED_BYTES_MAX + 2), &mut encoder).unwrap();
        encoder.finish().unwrap();
        assert!(unpack(&Body::new(packed).unwrap()).unwrap_err().to_string().contains("larger than"));
    }
}
