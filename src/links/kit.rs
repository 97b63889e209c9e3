//! A campaign kit: the links of many placements, made together: all of them or none.
//!
//! It must never leave half of them behind: they are one step of the store.

use jiff::civil::Date;

use super::bulk::{BULK_MAX, How, Outcome, Wanted};
use super::catalog::{Catalog, CatalogError, Saved};
use super::templates::Spot;
use super::{Change, LinkFields, UtmFields};
use crate::domain::link::LinkSpec;
use crate::domain::utm::UtmField;
use crate::store::StoreError;

/// The most links that are made together.
pub(crate) const LINKS_MAX: usize = BULK_MAX;

/// What the links of a campaign share.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Kit {
    pub(crate) url: String,
    /// None where there is no choice.
    pub(crate) domain: Option<String>,
    pub(crate) campaign: String,
    /// Each link's title begins with it and ends with the placement.
    pub(crate) title: String,
    pub(crate) tags: Vec<String>,
    /// What `{day}` becomes.
    pub(crate) day: Date,
}

/// One link of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) spot: Spot,
    /// Generated where empty.
    pub(crate) slug: String,
    /// Permalinks or ids of the posts that it will stand in.
    pub(crate) posts: Vec<String>,
}

impl Kit {
    /// What the catalog is asked to make for `line`.
    pub(crate) fn fields(&self, line: &Line) -> LinkFields {
        let value = |field| given(&line.spot.fill(line.spot.value(field), &self.campaign, self.day));
        LinkFields {
            url: given(&self.url),
            slug: given(&line.slug),
            domain: self.domain.clone().into(),
            utm: Change::Set(UtmFields {
                source: value(UtmField::Source),
                medium: value(UtmField::Medium),
                campaign: given(&line.spot.fill(&self.campaign, "", self.day)),
                term: value(UtmField::Term),
                content: value(UtmField::Content),
                id: value(UtmField::Id),
            }),
            platform: given(&line.spot.platform),
            level: given(&line.spot.level),
            posts: listed(&line.posts),
            title: given(&self.title_of(line)),
            tags: listed(&self.tags),
            ..LinkFields::default()
        }
    }

    fn title_of(&self, line: &Line) -> String {
        let parts = [self.title.trim(), line.spot.name.trim()];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
    }
}

fn given(text: &str) -> Change<String> {
    let text = text.trim();
    if text.is_empty() { Change::Clear } else { Change::Set(text.to_owned()) }
}

fn listed(items: &[String]) -> Change<Vec<String>> {
    let items: Vec<_> = items.iter().filter(|item| !item.trim().is_empty()).cloned().collect();
    if items.is_empty() { Change::Clear } else { Change::Set(items) }
}

/// A link as it would be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Foreseen {
    /// Whose slug is an example where none was asked for.
    pub(crate) spec: LinkSpec,
    pub(crate) has_slug: bool,
    pub(crate) warnings: Vec<String>,
}

/// Why none was made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KitError {
    #[error("{0} links at once are too many: make at most {LINKS_MAX} at a time")]
    TooMany(usize),
    /// Each line that is wrong, by its place, and why.
    #[error("{}", lines(.0))]
    Lines(Vec<(usize, CatalogError)>),
}

fn lines(wrong: &[(usize, CatalogError)]) -> String {
    let first = wrong.first().map(|(at, error)| format!("line {}: {error}", at + 1)).unwrap_or_default();
    let more = wrong.len().saturating_sub(1);
    if more > 0 { format!("{first}; and {more} more lines are wrong") } else { first }
}

impl Catalog {
    /// What making these links would do, one answer for each; nothing is changed.
    pub(crate) async fn foresee_all(&self, links: &[LinkFields]) -> Vec<Result<Foreseen, CatalogError>> {
        let how = How { dry_run: true, all_or_nothing: false };
        match self.create_many(&wanted(links), how).await {
            Ok(outcomes) => {
                outcomes.into_iter().zip(links).map(|(outcome, fields)| foreseen(outcome, fields)).collect()
            }
            Err(error) => {
                let why = error.to_string();
                links.iter().map(|_| Err(StoreError::Unavailable(why.clone()).into())).collect()
            }
        }
    }

    /// Makes all of these links, or none.
    ///
    /// # Errors
    /// When one is wrong or cannot be saved; every line that is wrong is named.
    pub(crate) async fn create_all(&self, links: &[LinkFields]) -> Result<Vec<Saved>, KitError> {
        if links.len() > LINKS_MAX {
            return Err(KitError::TooMany(links.len()));
        }
        let how = How { dry_run: false, all_or_nothing: true };
        let outcomes =
            self.create_many(&wanted(links), how).await.map_err(|error| KitError::Lines(vec![(0, error)]))?;
        let (mut made, mut wrong) = (Vec::with_capacity(links.len()), Vec::new());
        for (at, outcome) in outcomes.into_iter().enumerate() {
            match outcome {
                Outcome::Done(saved) => made.push(saved),
                Outcome::Refused(error) => wrong.push((at, error)),
                Outcome::Fit(_) => {}
            }
        }
        if wrong.is_empty() { Ok(made) } else { Err(KitError::Lines(wrong)) }
    }
}

fn wanted(links: &[LinkFields]) -> Vec<Wanted> {
    links.iter().map(|fields| Wanted { fields: fields.clone(), ..Wanted::default() }).collect()
}

fn foreseen(outcome: Outcome, fields: &LinkFields) -> Result<Foreseen, CatalogError> {
    match outcome {
        Outcome::Refused(error) => Err(error),
        Outcome::Done(saved) | Outcome::Fit(saved) => {
            let has_slug = fields.slug.set().is_some();
            Ok(Foreseen { spec: saved.link.spec, has_slug, warnings: saved.warnings })
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::clock::Clock;
    use crate::domain::link::{DomainName, Link, LinkId};
    use crate::links::Domains;
    use crate::links::catalog::LinkListener;
    use crate::links::fake_store::FakeStore;

    /// How many links somebody heard of.
    #[derive(Default)]
    struct Heard(AtomicUsize);

    impl LinkListener for Heard {
        fn changed(&self, _: &Link) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }

        fn removed(&self, _: LinkId, _: &DomainName, _: &str) {}
    }

    fn catalog(heard: &Arc<Heard>) -> Catalog {
        let domains = Domains::new(&[], "127.0.0.1:8080".parse().unwrap(), "127.0.0.1:8081".parse().unwrap()).unwrap();
        let config = crate::config::Config::default_values().links;
        let store = Arc::new(FakeStore::default());
        Catalog::new(store, Arc::new(domains), config, Clock::fixed(1_700_000_000_000), heard.clone())
    }

    fn wait<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
    }

    fn kit() -> Kit {
        Kit {
            url: "https://example.com/a".to_owned(),
            campaign: "spring".to_owned(),
            title: "Spring sale".to_owned(),
            day: jiff::civil::date(2026, 11, 2),
            ..Kit::default()
        }
    }

    fn line(name: &str, slug: &str) -> Line {
        let spot = Spot {
            name: name.to_owned(),
            platform: "instagram".to_owned(),
            level: "story".to_owned(),
            source: "{platform}".to_owned(),
            content: "{level}-{campaign}".to_owned(),
            ..Spot::default()
        };
        Line { spot, slug: slug.to_owned(), posts: Vec::new() }
    }

    #[test]
    fn each_line_becomes_a_link_with_its_placeholders_filled_in() {
        let heard = Arc::default();
        let catalog = catalog(&heard);
        let fields = [kit().fields(&line("Story", "s")), kit().fields(&line("", ""))];
        let made = wait(catalog.create_all(&fields)).unwrap();
        let first = &made[0].link.spec;
        assert_eq!(
            first.destination.as_str(),
            "https://example.com/a?utm_source=instagram&utm_campaign=spring&utm_content=story-spring"
        );
        assert_eq!((first.slug.as_str(), first.title.as_deref()), ("s", Some("Spring sale, Story")));
        assert_eq!(made[1].link.spec.title.as_deref(), Some("Spring sale"));
        assert_eq!(heard.0.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn one_wrong_line_keeps_all_of_them_out_and_each_is_named() {
        let heard = Arc::default();
        let catalog = catalog(&heard);
        wait(catalog.create(&kit().fields(&line("", "Taken")))).unwrap();
        let lines = [line("", "a"), line("", "taken"), line("", "A"), line("", "b?c")];
        let fields: Vec<_> = lines.iter().map(|line| kit().fields(line)).collect();
        let KitError::Lines(wrong) = wait(catalog.create_all(&fields)).unwrap_err() else { panic!("all wrong") };
        assert_eq!(wrong.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [1, 2, 3]);
        assert!(wrong[1].1.to_string().contains("the slug of two links here"));
        assert_eq!(wait(catalog.find(&DomainName::DEFAULT, "a")).unwrap(), None);
        assert_eq!(heard.0.load(Ordering::Relaxed), 1, "nobody hears of links that were not made");
    }

    #[test]
    fn more_links_than_fit_are_refused_before_one_is_made() {
        let heard = Arc::default();
        let catalog = catalog(&heard);
        let fields = vec![kit().fields(&line("", "")); LINKS_MAX + 1];
        assert!(matches!(wait(catalog.create_all(&fields)), Err(KitError::TooMany(1001))));
    }
}
