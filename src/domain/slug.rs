//! A slug: the path segment of a link, and the form of it that is compared.

/// A slug as its owner wrote it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Slug(String);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SlugError {
    #[error("the slug is empty")]
    Empty,
}

/// How a domain compares slugs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Matching {
    #[default]
    IgnoreCase,
    Strict,
}

impl Slug {
    pub(crate) fn parse(_text: &str) -> Result<Self, SlugError> {
        unimplemented!()
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The form that is looked up and that must be unique on a domain.
    pub(crate) fn folded(&self, _matching: Matching) -> String {
        unimplemented!()
    }
}
