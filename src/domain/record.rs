//! Records: small documents that the store keeps and does not read, each under a kind and a key, with a revision that
//! tells whether somebody else changed it.

/// What a record is about. Keys of different kinds have nothing to do with each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum RecordKind {
    /// What a person said about a link and a post.
    Match,
    /// Which columns of a file are what, by its header.
    Columns,
    /// What became of the clicks of one link and day.
    Conversion,
    /// Keys that every node of an installation shares.
    Secret,
    /// A named list of placements with their UTM.
    Template,
    /// An import of links from another tool.
    LinkImport,
    /// Where clicks and changes are passed on to.
    Hook,
    /// What was answered to a request that may be sent again.
    Idempotency,
    /// The people who may sign in.
    Account,
    /// Who is signed in.
    Session,
    /// What programs may ask with.
    Key,
    /// Statistics of one link or campaign that are shared with whoever has an address.
    Share,
    /// What was changed about a link.
    History,
    /// When a link was removed whose history is still there.
    Removal,
    /// Since when which rules judge.
    Rules,
    /// A file that somebody looks at before it is imported.
    Upload,
}

impl RecordKind {
    pub(crate) const ALL: [Self; 16] = [
        Self::Match,
        Self::Columns,
        Self::Conversion,
        Self::Secret,
        Self::Template,
        Self::LinkImport,
        Self::Hook,
        Self::Idempotency,
        Self::Account,
        Self::Session,
        Self::Key,
        Self::Share,
        Self::History,
        Self::Removal,
        Self::Rules,
        Self::Upload,
    ];

    /// The word it is stored under.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Match => "match",
            Self::Columns => "columns",
            Self::Conversion => "conversion",
            Self::Secret => "secret",
            Self::Template => "template",
            Self::LinkImport => "link-import",
            Self::Hook => "hook",
            Self::Idempotency => "idempotency",
            Self::Account => "account",
            Self::Session => "session",
            Self::Key => "key",
            Self::Share => "share",
            Self::History => "history",
            Self::Removal => "removal",
            Self::Rules => "rules",
            Self::Upload => "upload",
        }
    }
}

/// A record's name among its kind: 1 to 1,200 bytes without control characters, so that two permalinks fit.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct RecordKey(String);

impl RecordKey {
    pub(crate) const BYTES_MAX: usize = 1200;

    pub(crate) fn new(text: &str) -> Option<Self> {
        let fits = (1..=Self::BYTES_MAX).contains(&text.len()) && !text.chars().any(char::is_control);
        fits.then(|| Self(text.to_owned()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a record says: at most 64 KiB.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RecordValue(Vec<u8>);

impl RecordValue {
    pub(crate) const BYTES_MAX: usize = 64 << 10;

    pub(crate) fn new(bytes: Vec<u8>) -> Option<Self> {
        (bytes.len() <= Self::BYTES_MAX).then_some(Self(bytes))
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// The most records of one kind.
pub(crate) const RECORDS_MAX: usize = 100_000;

/// Grows with every record that is saved, whatever its kind and key: a record that was removed and made again is not
/// taken for the one it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Revision(pub(crate) u64);

/// A record as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) key: RecordKey,
    pub(crate) revision: Revision,
    pub(crate) value: RecordValue,
}

/// What must be there for a record to be saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    Absent,
    At(Revision),
}

/// Whether a record was saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Saved {
    /// It stands under this revision; also when it said the same before, so that a call may be repeated.
    Yes(Revision),
    /// Somebody else made, changed or removed it.
    Changed,
    /// There are [`RECORDS_MAX`] of its kind.
    Full,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_values_have_limits() {
        for wrong in ["", "a\nb", &"k".repeat(RecordKey::BYTES_MAX + 1)] {
            assert_eq!(RecordKey::new(wrong), None);
        }
        assert_eq!(RecordKey::new("x:1 7").unwrap().as_str(), "x:1 7");
        assert!(RecordValue::new(vec![0; RecordValue::BYTES_MAX]).is_some());
        assert!(RecordValue::new(vec![0; RecordValue::BYTES_MAX + 1]).is_none());
    }

    #[test]
    fn every_kind_has_a_word_of_its_own() {
        let words: std::collections::BTreeSet<_> = RecordKind::ALL.iter().map(|kind| kind.as_str()).collect();
        assert_eq!(words.len(), RecordKind::ALL.len());
    }
}
