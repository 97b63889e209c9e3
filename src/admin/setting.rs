//! One setting as it is shown: read where the configuration is read, so that no page has to know what there is.

/// A key of `waypost.toml` and what holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Setting {
    /// `journal.sync_ms`
    pub(crate) key: String,
    /// As the file writes it, passwords left out.
    pub(crate) value: String,
    pub(crate) is_default: bool,
    /// What the file says about it.
    pub(crate) about: String,
}
