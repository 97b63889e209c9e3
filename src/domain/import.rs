//! An import: one upload of a platform's numbers, kept as it was read.
//!
//! It must never say what the numbers mean: which of them are in force is decided over all imports, above the store.

use std::fmt;

use jiff::Timestamp;
use jiff::civil::Date;

/// The store's number for an import, from 1, never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ImportId(pub(crate) u64);

impl fmt::Display for ImportId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// 32 bytes of BLAKE3, written as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Digest(pub(crate) [u8; 32]);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

impl Digest {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut digest = [0; 32];
        if text.len() != 2 * digest.len() || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        for (at, byte) in digest.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok()?;
        }
        Some(Self(digest))
    }
}

/// What an import says of itself; `import list` shows it, and no body is read for that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct About {
    /// Of the file's bytes and of every option that changes how they are read: the same twice is a no-op.
    pub(crate) digest: Digest,
    /// Of the file's bytes. Of several imports of one file, read with different options, the newest is in force.
    pub(crate) file: Digest,
    pub(crate) file_name: String,
    /// The dialects that its tables are written in.
    pub(crate) dialects: Vec<String>,
    /// Until when the numbers hold; clicks after it do not belong to them.
    pub(crate) as_of: Timestamp,
    pub(crate) imported_at: Timestamp,
    pub(crate) posts: u64,
    pub(crate) numbers: u64,
    /// The first and the last day that it has numbers of or says to cover.
    pub(crate) first: Option<Date>,
    pub(crate) last: Option<Date>,
}

/// An import that is to be stored: all of it or nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Import {
    pub(crate) about: About,
    pub(crate) body: Body,
}

/// What a file said, in a form that only `impressions` reads. Stores keep it as it is.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Body(Vec<u8>);

impl Body {
    pub(crate) const BYTES_MAX: usize = 32 << 20;

    /// `None` when it is too large to be kept.
    pub(crate) fn new(bytes: Vec<u8>) -> Option<Self> {
        (bytes.len() <= Self::BYTES_MAX).then_some(Self(bytes))
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Body({} bytes)", self.0.len())
    }
}

/// What became of an import.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Imported {
    New(ImportId),
    /// The same file with the same options is there already.
    Same(ImportId),
}

/// An import as it is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ImportSummary {
    pub(crate) id: ImportId,
    pub(crate) about: About,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_read_back_from_its_digits_and_from_nothing_else() {
        let digest = Digest(std::array::from_fn(|at| at as u8 * 8));
        assert_eq!(Digest::parse(&digest.to_string()), Some(digest));
        for wrong in ["", "0g", &"0".repeat(63), &"ä".repeat(32), &format!("+{}", "0".repeat(63))] {
            assert_eq!(Digest::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_body_has_a_limit() {
        assert!(Body::new(vec![0; Body::BYTES_MAX]).is_some());
        assert!(Body::new(vec![0; Body::BYTES_MAX + 1]).is_none());
    }
}
