//! A destination: where a link leads, UTM already merged in, ready to be a `Location` header.

/// An absolute http or https URL in its serialised form: ASCII, no control character, no credentials.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Destination(String);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DestinationError {
    #[error("the destination is empty")]
    Empty,
}

impl Destination {
    /// The longest destination unless `links.destination_bytes_max` raises it.
    pub(crate) const BYTES_MAX: usize = 2048;

    pub(crate) fn parse(_text: &str, _bytes_max: usize) -> Result<Self, DestinationError> {
        unimplemented!()
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}
