//! Where a link is shown: a platform, a level, and the posts it stands in.

use std::fmt;

use compact_str::CompactString;

/// The kind of place, which decides the denominator that its clicks may be divided by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Level {
    Post,
    Profile,
    Story,
    Ad,
    Email,
    #[default]
    Other,
}

impl Level {
    pub(crate) const ALL: [Self; 6] = [Self::Post, Self::Profile, Self::Story, Self::Ad, Self::Email, Self::Other];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Post => "post",
            Self::Profile => "profile",
            Self::Story => "story",
            Self::Ad => "ad",
            Self::Email => "email",
            Self::Other => "other",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.as_str() == text)
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A platform's name: lower-case letters, digits and `-`, 1 to 32 of them; `instagram`, `x`, `linkedin`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Platform(CompactString);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("platform {0:?} is not a name: use 1 to 32 lower-case letters, digits or '-', such as \"instagram\"")]
pub(crate) struct PlatformError(String);

impl Platform {
    pub(crate) const CHARS_MAX: usize = 32;

    pub(crate) fn parse(text: &str) -> Result<Self, PlatformError> {
        let folded = text.trim().to_ascii_lowercase();
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if folded.is_empty() || folded.len() > Self::CHARS_MAX || !folded.chars().all(allowed) {
            return Err(PlatformError(text.chars().take(64).collect()));
        }
        Ok(Self(CompactString::from(folded)))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// A post as its platform names it: a permalink or an id. Kept as given, trimmed; at most 512 bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct PostRef(String);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PostRefError {
    #[error("a post needs a permalink or an id; this one is empty")]
    Empty,
    #[error("post {0:?}… is longer than {max} bytes", max = PostRef::BYTES_MAX)]
    TooLong(String),
    #[error("post {0:?} contains a control character")]
    Control(String),
}

impl PostRef {
    pub(crate) const BYTES_MAX: usize = 512;

    pub(crate) fn parse(text: &str) -> Result<Self, PostRefError> {
        let text = text.trim();
        let head = || text.chars().take(64).collect();
        if text.is_empty() {
            return Err(PostRefError::Empty);
        }
        if text.len() > Self::BYTES_MAX {
            return Err(PostRefError::TooLong(head()));
        }
        if text.chars().any(char::is_control) {
            return Err(PostRefError::Control(head()));
        }
        Ok(Self(text.to_owned()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Platform, level and posts of one link.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Placement {
    pub(crate) platform: Option<Platform>,
    pub(crate) level: Level,
    pub(crate) posts: Vec<PostRef>,
}

impl Placement {
    /// The most posts one link may stand in.
    pub(crate) const POSTS_MAX: usize = 100;
}
