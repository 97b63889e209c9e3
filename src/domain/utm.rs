//! UTM: the six parameters that name a click's campaign, and how they are merged into a destination.

/// The six `utm_*` values of a link. `None` means "not set"; a set value is never empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Utm {
    pub(crate) source: Option<String>,
    pub(crate) medium: Option<String>,
    pub(crate) campaign: Option<String>,
    pub(crate) term: Option<String>,
    pub(crate) content: Option<String>,
    pub(crate) id: Option<String>,
}
