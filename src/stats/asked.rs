//! Which links a question is about, and what they declare that its answer tells apart.
//!
//! What a link declares is what it declares now: its clicks of the past move with it. A link that was removed declares
//! nothing that is known.
//! It must never read more of them than the question needs.

use std::collections::HashMap;

use hashbrown::HashMap as Counts;

use crate::domain::counter::{Count, UNKNOWN};
use crate::domain::facet::{DEFAULT_DOMAIN, Facet, LinkFacet, NONE};
use crate::domain::filter::{Filter, LinkSet};
use crate::domain::link::{Link, LinkId};
use crate::stats::query::By;
use crate::stats::{StatsError, read_links};
use crate::store::Store;

/// The links of one question.
#[derive(Default)]
pub(crate) struct Asked {
    pub(crate) links: LinkSet,
    /// Of each facet that the answer is broken down by, what each link declares.
    declared: HashMap<LinkFacet, HashMap<LinkId, Vec<String>>>,
}

impl Asked {
    /// # Errors
    /// When the store fails.
    pub(crate) async fn read(store: &dyn Store, filter: &Filter, by: &[By]) -> Result<Self, StatsError> {
        let facets: Vec<LinkFacet> = by.iter().filter_map(|by| link_facet(*by)).collect();
        if facets.is_empty() && filter.of_links().all(|(facet, _)| facet == LinkFacet::Link) {
            let (only, not) = filter.link_numbers();
            let links = if only.is_empty() { LinkSet::not(not) } else { only_but(only, &not) };
            return Ok(Self { links, declared: HashMap::new() });
        }
        let links = read_links(store, |link| Some(Reading::of(link, filter, &facets))).await?;
        Ok(Self::of(links, filter, &facets))
    }

    fn of(links: Vec<Reading>, filter: &Filter, facets: &[LinkFacet]) -> Self {
        let numbers = |wanted: bool| {
            links.iter().filter(|link| link.is_admitted == wanted).map(|link| link.id).collect::<Vec<_>>()
        };
        let set = if admits_removed(filter) { LinkSet::not(numbers(false)) } else { LinkSet::only(numbers(true)) };
        let mut declared: HashMap<LinkFacet, HashMap<LinkId, Vec<String>>> = HashMap::new();
        for link in links.into_iter().filter(|link| link.is_admitted) {
            for (facet, values) in facets.iter().zip(link.values) {
                declared.entry(*facet).or_default().insert(link.id, values);
            }
        }
        Self { links: set, declared }
    }

    /// The counts of links as counts of what they declare. Of a facet with several values a click counts under each.
    pub(crate) fn by_declared(&self, facet: LinkFacet, counts: &Counts<u64, Count>) -> Vec<(String, Count)> {
        let mut sums: HashMap<&str, Count> = HashMap::new();
        let unknown = [UNKNOWN.to_owned()];
        for (link, count) in counts {
            if facet == LinkFacet::Link {
                continue;
            }
            let values = self.declared.get(&facet).and_then(|links| links.get(&LinkId(*link)));
            for value in values.map_or(&unknown[..], Vec::as_slice) {
                sums.entry(value).or_default().add(*count);
            }
        }
        let numbers =
            counts.iter().filter(|_| facet == LinkFacet::Link).map(|(link, count)| (link.to_string(), *count));
        sums.into_iter().map(|(value, count)| (value.to_owned(), count)).chain(numbers).collect()
    }

    /// What the link is called whose number is `value`.
    pub(crate) fn label(&self, value: &str) -> Option<String> {
        let links = self.declared.get(&LinkFacet::Link)?;
        links.get(&LinkId(value.parse().ok()?))?.first().cloned()
    }
}

/// The links that a filter admits by number.
///
/// # Errors
/// When one of them is not there, or the store fails.
pub(crate) async fn named(store: &dyn Store, filter: &Filter) -> Result<Vec<Link>, StatsError> {
    let mut links = Vec::new();
    for id in filter.link_numbers().0 {
        links.push(store.link(id).await?.ok_or(StatsError::NoLink(id))?);
    }
    Ok(links)
}

fn link_facet(by: By) -> Option<LinkFacet> {
    if let By::Value(Facet::Link(facet)) = by { Some(facet) } else { None }
}

fn only_but(mut only: Vec<LinkId>, not: &[LinkId]) -> LinkSet {
    only.retain(|link| !not.contains(link));
    LinkSet::only(only)
}

/// Whether clicks on links that are not there any more are admitted: nothing is known of what those declared.
fn admits_removed(filter: &Filter) -> bool {
    filter.of_links().all(|(facet, choice)| match facet {
        LinkFacet::Link => filter.link_numbers().0.is_empty(),
        _ => choice.admits(UNKNOWN),
    })
}

/// What is needed of one link.
struct Reading {
    id: LinkId,
    is_admitted: bool,
    values: Vec<Vec<String>>,
}

impl Reading {
    fn of(link: &Link, filter: &Filter, facets: &[LinkFacet]) -> Self {
        let is_admitted = filter.of_links().all(|(facet, choice)| match facet {
            LinkFacet::Link => choice.admits(&link.id.to_string()),
            _ => choice.admits_any(declared(link, facet).iter().map(String::as_str)),
        });
        let values = facets.iter().filter(|_| is_admitted).map(|facet| declared(link, *facet)).collect();
        Self { id: link.id, is_admitted, values }
    }
}

/// What a link declares; of itself its name.
fn declared(link: &Link, facet: LinkFacet) -> Vec<String> {
    let spec = &link.spec;
    let or_none = |value: Option<&str>| vec![value.unwrap_or(NONE).to_owned()];
    let utm = &spec.utm;
    match facet {
        LinkFacet::Link if spec.domain.is_default() => vec![spec.slug.as_str().to_owned()],
        LinkFacet::Link => vec![format!("{}/{}", spec.domain.0, spec.slug.as_str())],
        LinkFacet::Domain if spec.domain.is_default() => vec![DEFAULT_DOMAIN.to_owned()],
        LinkFacet::Domain => vec![spec.domain.0.clone()],
        LinkFacet::Campaign => or_none(utm.campaign.as_deref()),
        LinkFacet::UtmSource => or_none(utm.source.as_deref()),
        LinkFacet::UtmMedium => or_none(utm.medium.as_deref()),
        LinkFacet::UtmTerm => or_none(utm.term.as_deref()),
        LinkFacet::UtmContent => or_none(utm.content.as_deref()),
        LinkFacet::UtmId => or_none(utm.id.as_deref()),
        LinkFacet::Platform => or_none(spec.placement.platform.as_ref().map(|platform| platform.as_str())),
        LinkFacet::Level => vec![spec.placement.level.as_str().to_owned()],
        LinkFacet::Tag if spec.tags.is_empty() => or_none(None),
        LinkFacet::Tag => spec.tags.clone(),
        LinkFacet::Archived => vec![if spec.archived { "yes" } else { "no" }.to_owned()],
    }
}
