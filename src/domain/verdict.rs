//! What a hit turned out to be. Never a boolean: the reason says which rule decided.

use std::fmt;

/// The eight things a hit can be. "Clicks" without an adjective are the `Human` ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Verdict {
    /// A person followed the link.
    Human,
    /// A platform fetched the link to draw its preview card.
    Preview,
    /// A crawler, a monitor, a script.
    Bot,
    /// A mail gateway or link checker looked before a person did.
    Scanner,
    /// A browser loaded the link in advance.
    Prefetch,
    /// A `HEAD` request.
    Head,
    /// The same visitor on the same link again within the double-tap window.
    Duplicate,
    /// The people who run this Waypost.
    Owner,
}

impl Verdict {
    pub(crate) const ALL: [Self; 8] = [
        Self::Human,
        Self::Preview,
        Self::Bot,
        Self::Scanner,
        Self::Prefetch,
        Self::Head,
        Self::Duplicate,
        Self::Owner,
    ];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Human => "human",
            Self::Preview => "preview",
            Self::Bot => "bot",
            Self::Scanner => "scanner",
            Self::Prefetch => "prefetch",
            Self::Head => "head",
            Self::Duplicate => "duplicate",
            Self::Owner => "owner",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|verdict| verdict.as_str() == text)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
