//! Which links a list shows.
//!
//! It must never read all links for a page: it goes on from where the page before ended.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::bulk::BULK_MAX;
use super::catalog::{Catalog, Result};
use super::check;
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
    pub(crate) archived: Archived,
    /// Part of slug, title or destination, case ignored.
    pub(crate) part: Option<String>,
    /// These alone, at most [`BULK_MAX`]; they are one page.
    pub(crate) ids: Option<Vec<LinkId>>,
}

/// Whether links are listed that were put out of the way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Archived {
    /// Those alone.
    Yes,
    /// All others.
    No,
    #[default]
    All,
}

impl Archived {
    /// What lists show when nobody says.
    pub(crate) const USUAL: Self = Self::No;

    pub(crate) const ALL: [Self; 3] = [Self::No, Self::Yes, Self::All];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::All => "all",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|which| which.as_str() == text)
    }

    pub(crate) fn admits(self, spec: &LinkSpec) -> bool {
        match self {
            Self::Yes => spec.archived,
            Self::No => !spec.archived,
            Self::All => true,
        }
    }
}

/// A page of links, and the link to go on after when there may be more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LinkPage {
    pub(crate) links: Vec<Link>,
    pub(crate) next: Option<LinkId>,
}

/// The most links of one page.
pub(crate) const LIST_MAX: usize = 1000;

/// Links looked at for one page; a filter that matches little answers with what it has and where to go on.
const SCAN_MAX: usize = 100_000;

impl Catalog {
    /// Links that match, by id.
    ///
    /// # Errors
    /// When the filter names a domain that is not configured, or the store cannot answer.
    pub(crate) async fn list(&self, filter: &LinkFilter) -> Result<LinkPage> {
        let domain = match &filter.domain {
            Some(text) => Some(check::domain(text, &self.domains)?),
            None => None,
        };
        match (&filter.ids, &filter.slug) {
            (Some(ids), _) => self.list_named(ids, domain.as_ref(), filter).await,
            (None, Some(slug)) => self.list_slug(slug, domain.as_ref(), filter).await,
            (None, None) => self.list_scan(domain.as_ref(), filter).await,
        }
    }

    async fn list_named(&self, ids: &[LinkId], domain: Option<&DomainName>, filter: &LinkFilter) -> Result<LinkPage> {
        let mut page = LinkPage::default();
        for id in ids.iter().take(BULK_MAX) {
            page.links.extend(self.store.link(*id).await?.filter(|link| matches(link, domain, filter)));
        }
        Ok(page)
    }

    async fn list_slug(&self, slug: &str, domain: Option<&DomainName>, filter: &LinkFilter) -> Result<LinkPage> {
        let mut page = LinkPage::default();
        for name in self.domains.names().filter(|name| domain.is_none_or(|domain| domain == *name)) {
            page.links.extend(self.find(name, slug).await?);
        }
        page.links.retain(|link| filter.after.is_none_or(|after| link.id > after) && matches(link, domain, filter));
        page.links.sort_by_key(|link| link.id);
        page.links.truncate(filter.limit.clamp(1, LIST_MAX));
        Ok(page)
    }

    async fn list_scan(&self, domain: Option<&DomainName>, filter: &LinkFilter) -> Result<LinkPage> {
        let limit = filter.limit.clamp(1, LIST_MAX);
        let mut page = LinkPage { links: Vec::new(), next: filter.after };
        for _ in 0..SCAN_MAX / LIST_MAX {
            let found = self.store.links(page.next.unwrap_or(LinkId(0)), LIST_MAX).await?;
            let is_last = found.len() < LIST_MAX;
            for link in found {
                if page.links.len() == limit {
                    return Ok(page);
                }
                page.next = Some(link.id);
                if matches(&link, domain, filter) {
                    page.links.push(link);
                }
            }
            if is_last {
                return Ok(LinkPage { next: None, ..page });
            }
        }
        Ok(page)
    }
}

/// Whether `link` is one of those asked for; `domain` is the filter's domain, checked.
fn matches(link: &Link, domain: Option<&DomainName>, filter: &LinkFilter) -> bool {
    let spec = &link.spec;
    let is = |wanted: &Option<String>, test: &dyn Fn(&str) -> bool| wanted.as_deref().is_none_or(test);
    domain.is_none_or(|domain| *domain == spec.domain)
        && filter.archived.admits(spec)
        && is(&filter.tag, &|tag| spec.tags.iter().any(|own| own == tag))
        && is(&filter.campaign, &|campaign| spec.utm.campaign.as_deref() == Some(campaign))
        && is(&filter.part, &|part| mentions(spec, &part.to_lowercase()))
}

/// Whether slug, title or destination contain `part`, which is in small letters.
pub(crate) fn mentions(spec: &LinkSpec, part: &str) -> bool {
    let texts = [Some(spec.slug.as_str()), spec.title.as_deref(), Some(spec.destination.as_str())];
    texts.into_iter().flatten().any(|text| text.to_lowercase().contains(part))
}
