//! A campaign kit: the links of many placements, made together: all of them or none.
//!
//! It must never leave half of them behind: what was made before another failed is removed again.

use jiff::civil::Date;

use super::catalog::{Catalog, CatalogError, Saved};
use super::check::{self, Invalid};
use super::generate;
use super::templates::Spot;
use super::{Change, LinkFields, UtmFields};
use crate::domain::link::{Link, LinkSpec};
use crate::domain::utm::UtmField;

/// The most links that are made together.
pub(crate) const LINKS_MAX: usize = 1000;

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
        let mut seen: Vec<LinkSpec> = Vec::new();
        let mut foreseen = Vec::with_capacity(links.len());
        for fields in links {
            let one = self.foresee(fields, &seen).await;
            seen.extend(one.iter().filter(|one| one.has_slug).map(|one| one.spec.clone()));
            foreseen.push(one);
        }
        foreseen
    }

    async fn foresee(&self, fields: &LinkFields, before: &[LinkSpec]) -> Result<Foreseen, CatalogError> {
        let mut draft = check::draft(fields, self.limits())?;
        let slug = draft.slug.take();
        let has_slug = slug.is_some();
        let spec = draft.into_spec(match slug {
            Some(slug) => slug,
            None => generate::slug(self.slug_chars())?,
        });
        if has_slug {
            self.must_be_free(&spec, before).await?;
        }
        Ok(Foreseen { warnings: self.doubts(&spec), spec, has_slug })
    }

    async fn must_be_free(&self, spec: &LinkSpec, before: &[LinkSpec]) -> Result<(), CatalogError> {
        let folded = self.folded(spec);
        if before.iter().any(|other| other.domain == spec.domain && self.folded(other) == folded) {
            let twice = format!("{:?} is the slug of two links here: choose another one", spec.slug.as_str());
            return Err(Invalid::new("slug", twice).into());
        }
        match self.store.link_by_slug(&spec.domain, &folded).await? {
            Some(by) => Err(CatalogError::Taken { slug: spec.slug.as_str().to_owned(), by: by.id }),
            None => Ok(()),
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
        let wrong = |(at, one): (usize, Result<Foreseen, CatalogError>)| one.err().map(|error| (at, error));
        let wrong: Vec<_> = self.foresee_all(links).await.into_iter().enumerate().filter_map(wrong).collect();
        if !wrong.is_empty() {
            return Err(KitError::Lines(wrong));
        }
        let mut made: Vec<Link> = Vec::with_capacity(links.len());
        for (at, fields) in links.iter().enumerate() {
            match self.create_unheard(fields).await {
                Ok(link) => made.push(link),
                Err(error) => {
                    self.take_back(&made).await;
                    return Err(KitError::Lines(vec![(at, error)]));
                }
            }
        }
        made.iter().for_each(|link| self.listener.changed(link));
        Ok(made.into_iter().map(|link| self.saved(link)).collect())
    }

    async fn create_unheard(&self, fields: &LinkFields) -> Result<Link, CatalogError> {
        let mut draft = check::draft(fields, self.limits())?;
        match draft.slug.take() {
            Some(slug) => self.create_at(&draft.into_spec(slug)).await,
            None => self.create_generated(&draft).await,
        }
    }

    /// Nobody was told of these links yet, so nobody can have posted one.
    async fn take_back(&self, made: &[Link]) {
        for link in made {
            if let Err(error) = self.remove(link.id).await {
                tracing::error!(link = link.id.0, %error, "a link of a campaign that was not made stays behind");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::clock::Clock;
    use crate::domain::link::{DomainName, LinkId};
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
