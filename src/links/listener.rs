//! Who hears of what is done to links. It must never fail, nor hold up whoever makes a change.

use crate::domain::link::{DomainName, Link, LinkId};

/// Hears of every change at once; the cache does.
pub(crate) trait LinkListener: Send + Sync {
    /// `link` is new or different.
    fn changed(&self, link: &Link);
    /// Nothing is at `folded` on `domain` any more; it was link `id`.
    fn removed(&self, id: LinkId, domain: &DomainName, folded: &str);
    /// What was done to these links in one step, told once for each change that somebody made.
    fn told(&self, _done: Done, _links: &[Link]) {}
}

/// What somebody did to links.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Done {
    Made,
    Changed,
    Removed,
}
