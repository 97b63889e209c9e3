//! Which links a list shows. Pure.

use crate::domain::link::{DomainName, Link, LinkId, LinkSpec};

/// Which links to list. Everything that is set must match.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LinkFilter {
    /// Links after this one.
    pub(crate) after: Option<LinkId>,
    /// At most [`LIST_MAX`].
    pub(crate) limit: usize,
    /// Exact, as its domain compares slugs.
    pub(crate) slug: Option<String>,
    pub(crate) domain: Option<String>,
    pub(crate) tag: Option<String>,
    pub(crate) campaign: Option<String>,
    /// Part of slug, title or destination, case ignored.
    pub(crate) part: Option<String>,
}

/// A page of links, and the link to go on after when there may be more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LinkPage {
    pub(crate) links: Vec<Link>,
    pub(crate) next: Option<LinkId>,
}

/// The most links of one page.
pub(crate) const LIST_MAX: usize = 1000;

/// Whether `link` is one of those asked for; `domain` is the filter's domain, checked.
pub(super) fn matches(link: &Link, domain: Option<&DomainName>, filter: &LinkFilter) -> bool {
    let spec = &link.spec;
    let is = |wanted: &Option<String>, test: &dyn Fn(&str) -> bool| wanted.as_deref().is_none_or(test);
    domain.is_none_or(|domain| *domain == spec.domain)
        && is(&filter.tag, &|tag| spec.tags.iter().any(|own| own == tag))
        && is(&filter.campaign, &|campaign| spec.utm.campaign.as_deref() == Some(campaign))
        && is(&filter.part, &|part| mentions(spec, &part.to_lowercase()))
}

/// Whether slug, title or destination contain `part`, which is in small letters.
pub(crate) fn mentions(spec: &LinkSpec, part: &str) -> bool {
    let texts = [Some(spec.slug.as_str()), spec.title.as_deref(), Some(spec.destination.as_str())];
    texts.into_iter().flatten().any(|text| text.to_lowercase().contains(part))
}
