//! The catalog: the one path by which links are made, changed and removed. API, pages and CLI all end here.
//!
//! Nothing else may write links to the store, so what is checked here holds everywhere.

use std::slice;
use std::sync::Arc;

use crate::clock::Clock;
use crate::domain::link::{DomainName, Link, LinkId, LinkSpec};
use crate::domain::slug::{Slug, fold_path};
use crate::store::{Created, Replaced, Store, StoreError};

use super::check::{self, Invalid, Limits};
use super::fields::LinkFields;
use super::generate::{self, GenerateError};
pub(crate) use super::listener::{Done, LinkListener};
use super::warnings::warnings;
use super::{Config, Domains, UtmPolicy, history};

pub(crate) struct Catalog {
    pub(super) store: Arc<dyn Store>,
    pub(super) domains: Arc<Domains>,
    pub(super) config: Config,
    pub(super) clock: Clock,
    pub(super) listener: Arc<dyn LinkListener>,
}

/// A link as it was saved, and what its owner may want to know about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Saved {
    pub(crate) link: Link,
    pub(crate) warnings: Vec<String>,
}

impl Saved {
    /// With what was saved otherwise than `fields` have it, said first.
    pub(super) fn after(self, catalog: &Catalog, fields: &LinkFields) -> Self {
        let mut warnings = catalog.config.utm.aliases().told(fields, &self.link.spec);
        warnings.extend(self.warnings);
        Self { warnings, ..self }
    }
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum CatalogError {
    #[error("{0}")]
    Invalid(#[from] Invalid),
    #[error("the slug {slug:?} is taken by link {by}: choose another one or edit that link")]
    Taken { slug: String, by: LinkId },
    #[error("link {0} does not exist")]
    NotFound(LinkId),
    #[error("link {0} was changed meanwhile: read it again and repeat the edit")]
    Changed(LinkId),
    #[error("{0}")]
    Generate(#[from] GenerateError),
    #[error("{SLUG_ATTEMPTS} generated slugs were all taken: raise `links.slug_chars`")]
    Full,
    #[error("{0}")]
    Store(#[from] StoreError),
}

pub(super) type Result<T, E = CatalogError> = std::result::Result<T, E>;

/// Generated slugs tried before the space is called full.
pub(super) const SLUG_ATTEMPTS: usize = 16;

impl Catalog {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        domains: Arc<Domains>,
        config: Config,
        clock: Clock,
        listener: Arc<dyn LinkListener>,
    ) -> Self {
        Self { store, domains, config, clock, listener }
    }

    pub(crate) fn domains(&self) -> &Domains {
        &self.domains
    }

    /// What UTM links must and may have.
    pub(crate) fn utm_policy(&self) -> &UtmPolicy {
        &self.config.utm
    }

    /// Makes a link. Without a slug it gets a generated one.
    ///
    /// # Errors
    /// When a field is wrong, the slug is taken, or the store cannot save.
    pub(crate) async fn create(&self, fields: &LinkFields) -> Result<Saved> {
        let mut draft = check::draft(fields, self.limits())?;
        self.config.utm.check(&draft.utm, None)?;
        draft.made = Some(history::author());
        let link = match draft.slug.take() {
            Some(slug) => self.create_at(&draft.into_spec(slug)).await?,
            None => self.create_generated(&draft).await?,
        };
        self.listener.changed(&link);
        self.listener.told(Done::Made, slice::from_ref(&link));
        Ok(self.saved(link).after(self, fields))
    }

    async fn create_at(&self, spec: &LinkSpec) -> Result<Link> {
        match self.store.create_link(spec, &self.folded(spec), self.clock.now()).await? {
            Created::Yes(link) => Ok(*link),
            Created::Taken(by) => Err(CatalogError::Taken { slug: spec.slug.as_str().to_owned(), by }),
        }
    }

    async fn create_generated(&self, draft: &check::Draft) -> Result<Link> {
        for _ in 0..SLUG_ATTEMPTS {
            let spec = draft.clone().into_spec(generate::slug(self.config.slug_chars)?);
            match self.create_at(&spec).await {
                Err(CatalogError::Taken { .. }) => {}
                other => return other,
            }
        }
        Err(CatalogError::Full)
    }

    /// Changes the fields that are given. If they name a revision, it must still be the link's.
    ///
    /// # Errors
    /// When there is no such link, a field is wrong, the slug is taken, or the link was changed meanwhile.
    pub(crate) async fn edit(&self, id: LinkId, fields: &LinkFields) -> Result<Saved> {
        let before = self.get(id).await?;
        if fields.revision.set().is_some_and(|revision| *revision != before.revision) {
            return Err(CatalogError::Changed(id));
        }
        let spec = check::edited(&before.spec, fields, self.limits())?;
        if spec == before.spec {
            return Ok(self.saved(before));
        }
        let folded = self.folded(&spec);
        let link = match self.store.replace_link(id, before.revision, &spec, &folded, self.clock.now()).await? {
            Replaced::Yes(link) => *link,
            Replaced::Changed => return Err(CatalogError::Changed(id)),
            Replaced::Taken(by) => return Err(CatalogError::Taken { slug: spec.slug.as_str().to_owned(), by }),
        };
        let old = self.folded(&before.spec);
        if (&before.spec.domain, &old) != (&spec.domain, &folded) {
            self.listener.removed(id, &before.spec.domain, &old);
        }
        self.listener.changed(&link);
        self.listener.told(Done::Changed, slice::from_ref(&link));
        history::write(&*self.store, &before.spec, &link).await;
        Ok(self.saved(link).after(self, fields))
    }

    /// Removes a link; its clicks and counters stay. With a revision, only if it still is the link's.
    ///
    /// # Errors
    /// When there is no such link, or it was changed meanwhile.
    pub(crate) async fn remove(&self, id: LinkId, revision: Option<u64>) -> Result<()> {
        let removed = self.remove_all(&[(id, revision)]).await?;
        removed.into_iter().next().unwrap_or(Err(CatalogError::NotFound(id)))
    }

    pub(crate) async fn get(&self, id: LinkId) -> Result<Link> {
        self.store.link(id).await?.ok_or(CatalogError::NotFound(id))
    }

    /// The link with this slug on this domain, if any.
    pub(crate) async fn find(&self, domain: &DomainName, slug: &str) -> Result<Option<Link>, StoreError> {
        let Ok(slug) = Slug::parse(slug) else { return Ok(None) };
        let folded = slug.folded(self.domains.matching(domain));
        self.store.link_by_slug(domain, &folded).await
    }

    /// The link that a cell of an imported file means: a slug, a short URL, or `domain/slug`. A bare slug is
    /// looked for on the default domain first.
    pub(crate) async fn resolve_link_cell(&self, cell: &str) -> Result<Option<LinkId>, StoreError> {
        let cell = cell.trim();
        if let Ok(url) = url::Url::parse(cell)
            && matches!(url.scheme(), "http" | "https")
        {
            return self.resolve_short_url(&url).await;
        }
        if let Some((host, slug)) = cell.split_once('/')
            && let Some(domain) = self.domains.named(host).filter(|_| !host.is_empty())
            && let Some(link) = self.find(domain, slug).await?
        {
            return Ok(Some(link.id));
        }
        for domain in self.domains.names() {
            if let Some(link) = self.find(domain, cell.trim_start_matches('/')).await? {
                return Ok(Some(link.id));
            }
        }
        Ok(None)
    }

    async fn resolve_short_url(&self, url: &url::Url) -> Result<Option<LinkId>, StoreError> {
        let Some(domain) = url.host_str().and_then(|host| self.domains.of_host(host)) else { return Ok(None) };
        let mut folded = String::new();
        if !fold_path(url.path(), self.domains.matching(domain), &mut folded) {
            return Ok(None);
        }
        Ok(self.store.link_by_slug(domain, &folded).await?.map(|link| link.id))
    }

    pub(super) fn limits(&self) -> Limits<'_> {
        let bytes_max = self.config.destination_bytes_max;
        Limits { domains: &self.domains, bytes_max, utm: &self.config.utm, is_moving_in: false }
    }

    pub(super) fn folded(&self, spec: &LinkSpec) -> String {
        spec.slug.folded(self.domains.matching(&spec.domain))
    }

    pub(super) fn saved(&self, link: Link) -> Saved {
        Saved { warnings: self.warnings(&link), link }
    }

    /// What is allowed about a link but probably not meant; one sentence for each doubt.
    pub(crate) fn warnings(&self, link: &Link) -> Vec<String> {
        self.doubts(&link.spec)
    }

    /// The same of a link that is not made yet.
    fn doubts(&self, spec: &LinkSpec) -> Vec<String> {
        warnings(spec, &self.config.utm, self.clock.now())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::domain::link::{Author, Way};
    use crate::links::fake_store::FakeStore;
    use crate::links::{DomainConfig, LinkFilter};

    #[derive(Default)]
    struct Heard(Mutex<Vec<String>>, Mutex<Vec<(Done, u64)>>);

    impl LinkListener for Heard {
        fn changed(&self, link: &Link) {
            self.0.lock().unwrap().push(format!("changed {} {}", link.id, link.spec.slug.as_str()));
        }

        fn removed(&self, id: LinkId, domain: &DomainName, folded: &str) {
            self.0.lock().unwrap().push(format!("removed {id} {}/{folded}", domain.0));
        }

        fn told(&self, done: Done, links: &[Link]) {
            self.1.lock().unwrap().extend(links.iter().map(|link| (done, link.revision)));
        }
    }

    struct Bench {
        catalog: Catalog,
        heard: Arc<Heard>,
    }

    fn bench(domains: &[DomainConfig]) -> Bench {
        let address = |text: &str| text.parse().unwrap();
        let domains = Domains::new(domains, address("127.0.0.1:8080"), address("127.0.0.1:8081")).unwrap();
        let heard = Arc::new(Heard::default());
        let config = crate::config::Config::default_values().links;
        let clock = Clock::fixed(1_700_000_000_000);
        let store = Arc::new(FakeStore::default());
        Bench { catalog: Catalog::new(store, Arc::new(domains), config, clock, heard.clone()), heard }
    }

    fn fields(json: &str) -> LinkFields {
        serde_json::from_str(json).unwrap()
    }

    impl Bench {
        fn create(&self, json: &str) -> Result<Saved> {
            wait(self.catalog.create(&fields(json)))
        }

        fn edit(&self, id: u64, json: &str) -> Result<Saved> {
            wait(self.catalog.edit(LinkId(id), &fields(json)))
        }

        fn error(&self, json: &str) -> (String, String) {
            match self.create(json).unwrap_err() {
                CatalogError::Invalid(invalid) => (invalid.field.to_owned(), invalid.message),
                other => ("-".to_owned(), other.to_string()),
            }
        }
    }

    fn wait<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
    }

    #[test]
    fn a_link_gets_its_utm_merged_and_a_generated_slug() {
        let bench = bench(&[]);
        let saved = bench
            .create(r#"{"url":"https://example.com/a?b=1&utm_medium=x#f","utm":{"source":"instagram","term":null}}"#)
            .unwrap();
        let spec = &saved.link.spec;
        assert_eq!(spec.slug.as_str().len(), 8);
        assert_eq!(spec.destination.as_str(), "https://example.com/a?b=1&utm_medium=x&utm_source=instagram#f");
        assert_eq!(spec.url.as_str(), "https://example.com/a?b=1&utm_medium=x#f");
        assert_eq!((spec.utm.source.as_deref(), spec.utm.medium.as_deref()), (Some("instagram"), Some("x")));
        assert_eq!(saved.warnings, Vec::<String>::new());
        assert_eq!(bench.heard.0.lock().unwrap().len(), 1);
    }

    fn ada() -> Author {
        Author { by: "ada".to_owned(), way: Some(Way::Web) }
    }

    fn history_of(bench: &Bench) -> Vec<history::Edit> {
        let link = wait(bench.catalog.get(LinkId(1))).unwrap();
        wait(history::of_link(&*bench.catalog.store, &link)).unwrap()
    }

    #[test]
    fn a_change_is_in_the_history_with_who_made_it_and_what_it_was() {
        let bench = bench(&[]);
        bench.create(r#"{"url":"https://e.com/a","slug":"x","tags":["old"]}"#).unwrap();
        let change = fields(r#"{"url":"https://e.com/b","utm":{"source":"x"},"tags":["a","b"],"enabled":false}"#);
        wait(history::written_by(ada(), bench.catalog.edit(LinkId(1), &change))).unwrap();
        bench.edit(1, r#"{"enabled":true}"#).unwrap();
        bench.edit(1, r#"{"enabled":true}"#).unwrap();
        let edits = history_of(&bench);
        let told: Vec<_> = edits.iter().map(|edit| (edit.by.as_str(), edit.revision, edit.fields.len())).collect();
        assert_eq!(told, [("Waypost", 1, 0), ("ada", 2, 4), ("Waypost", 3, 1)], "what changes nothing is no change");
        assert_eq!(edits.iter().map(|edit| edit.way).collect::<Vec<_>>(), [None, Some(Way::Web), None]);
        let first: Vec<_> = edits[1].fields.iter().map(|edit| [&*edit.field, &*edit.from, &*edit.to]).collect();
        assert_eq!(first[0], ["url", "https://e.com/a", "https://e.com/b"]);
        assert_eq!(first[1..3], [["utm.source", "", "x"], ["tags", "old", "a, b"]]);
        assert_eq!(first[3], ["enabled", "true", "false"]);
        wait(bench.catalog.remove(LinkId(1), None)).unwrap();
        let edits = wait(history::of_removed(&*bench.catalog.store, LinkId(1))).unwrap().unwrap();
        let told: Vec<_> = edits.iter().map(|edit| edit.deed.as_str()).collect();
        assert_eq!(told, ["made", "changed", "changed", "removed"]);
        assert!(edits[3].fields.iter().any(|field| field.field == "url" && field.from == "https://e.com/b"));
        assert_eq!(wait(history::of_removed(&*bench.catalog.store, LinkId(2))).unwrap(), None);
    }

    #[test]
    fn a_taken_slug_is_refused_whatever_its_case() {
        let bench = bench(&[]);
        bench.create(r#"{"url":"https://e.com","slug":"Spring"}"#).unwrap();
        let (_, message) = bench.error(r#"{"url":"https://e.com","slug":"sPRING"}"#);
        assert_eq!(message, "the slug \"sPRING\" is taken by link 1: choose another one or edit that link");
    }

    #[test]
    fn the_same_slug_on_two_domains_is_two_links() {
        let domain = |host: &str| toml::from_str::<DomainConfig>(&format!("host = \"{host}\"")).unwrap();
        let bench = bench(&[domain("a.example"), domain("b.example")]);
        bench.create(r#"{"url":"https://e.com","slug":"x"}"#).unwrap();
        bench.create(r#"{"url":"https://e.com","slug":"x","domain":"B.example"}"#).unwrap();
        let (field, message) = bench.error(r#"{"url":"https://e.com","domain":"c.example"}"#);
        assert_eq!(field, "domain");
        assert!(message.contains("use one of a.example, b.example"), "{message}");
        for (cell, id) in [
            ("x", Some(1)),
            ("/X", Some(1)),
            ("b.example/x", Some(2)),
            ("https://B.example/x/?utm_source=a", Some(2)),
            ("https://c.example/x", None),
            ("nothing", None),
            ("", None),
        ] {
            assert_eq!(wait(bench.catalog.resolve_link_cell(cell)).unwrap(), id.map(LinkId), "{cell}");
        }
    }

    #[test]
    fn what_a_link_must_not_be_is_refused_by_field() {
        let bench = bench(&[]);
        let too_many =
            format!(r#"{{"url":"https://e.com","posts":{:?}}}"#, (0..101).map(|n| n.to_string()).collect::<Vec<_>>());
        for (json, field) in [
            (r"{}", "url"),
            (r#"{"url":null}"#, "url"),
            (r#"{"url":"https://e.com","revision":1}"#, "revision"),
            (r#"{"url":"javascript:alert(1)"}"#, "url"),
            (r#"{"url":"http://localhost:8081/api"}"#, "url"),
            (r#"{"url":"https://e.com","expired_url":"http://127.0.0.1:8080/"}"#, "expired_url"),
            (r#"{"url":"https://e.com","slug":"api"}"#, "slug"),
            (r#"{"url":"https://e.com","slug":""}"#, "slug"),
            (r#"{"url":"https://e.com","utm":{"source":"a\nb"}}"#, "utm.source"),
            (r#"{"url":"https://e.com","platform":"Insta gram"}"#, "platform"),
            (r#"{"url":"https://e.com","level":"reel"}"#, "level"),
            (r#"{"url":"https://e.com","status":303}"#, "status"),
            (r#"{"url":"https://e.com","expires_at":"tomorrow"}"#, "expires_at"),
            (r#"{"url":"https://e.com","tags":[""]}"#, "tags"),
            (r#"{"url":"https://e.com","title":"a\u0000"}"#, "title"),
            (r#"{"url":"https://e.com","domain":"go.example.com"}"#, "domain"),
            (&too_many, "posts"),
        ] {
            assert_eq!(bench.error(json).0, field, "{json}");
        }
        assert!(bench.heard.0.lock().unwrap().is_empty(), "nothing changed");
    }

    #[test]
    fn an_edit_changes_what_is_given_and_tells_the_listener() {
        let bench = bench(&[]);
        bench
            .create(r#"{"url":"https://e.com/?utm_id=7","slug":"a","utm":{"source":"x"},"title":"T","status":301}"#)
            .unwrap();
        let saved =
            bench.edit(1, r#"{"slug":"b","title":null,"url":"https://f.com/?utm_id=8","utm":{"medium":"m"}}"#).unwrap();
        let spec = &saved.link.spec;
        assert_eq!(spec.destination.as_str(), "https://f.com/?utm_id=8&utm_source=x&utm_medium=m");
        assert_eq!((spec.title.as_deref(), spec.rules.status.code(), saved.link.revision), (None, 301, 2));
        assert_eq!(*bench.heard.0.lock().unwrap(), ["changed 1 a", "removed 1 /a", "changed 1 b"]);
        let same = bench.edit(1, r#"{"slug":"b"}"#).unwrap();
        assert_eq!(same.link.revision, 2, "nothing changed, nothing saved");
    }

    #[test]
    fn an_edit_of_an_older_revision_is_refused() {
        let bench = bench(&[]);
        bench.create(r#"{"url":"https://e.com","slug":"a"}"#).unwrap();
        bench.edit(1, r#"{"title":"new"}"#).unwrap();
        let late = bench.edit(1, r#"{"title":"other","revision":1}"#).unwrap_err();
        assert!(matches!(late, CatalogError::Changed(LinkId(1))));
        assert!(matches!(bench.edit(9, "{}").unwrap_err(), CatalogError::NotFound(LinkId(9))));
    }

    #[test]
    fn a_removed_link_is_gone() {
        let bench = bench(&[]);
        bench.create(r#"{"url":"https://e.com","slug":"A"}"#).unwrap();
        wait(bench.catalog.remove(LinkId(1), None)).unwrap();
        assert_eq!(bench.heard.0.lock().unwrap().last().unwrap(), "removed 1 /a");
        assert!(matches!(wait(bench.catalog.remove(LinkId(1), None)), Err(CatalogError::NotFound(_))));
    }

    #[test]
    fn doubts_are_said_but_do_not_stop() {
        let bench = bench(&[]);
        let saved = bench
            .create(r#"{"url":"http://e.com/?UTM_Term=a&n={{ad.id}}","utm":{"source":"Facebook"},"status":308,"expires_at":"2020-01-01T00:00:00Z"}"#)
            .unwrap();
        assert_eq!(saved.warnings.len(), 6, "{:#?}", saved.warnings);
        let saved = bench.create(r#"{"url":"http://intranet/"}"#).unwrap();
        assert_eq!(saved.warnings, ["intranet is not a public host name: visitors elsewhere may not reach it"]);
    }

    #[test]
    fn a_list_is_filtered_and_paged() {
        let bench = bench(&[]);
        for n in 1..=5 {
            let tag = if n % 2 == 0 { "even" } else { "odd" };
            let json =
                format!(r#"{{"url":"https://e.com/{n}","slug":"s{n}","tags":["{tag}"],"utm":{{"campaign":"k"}}}}"#);
            bench.create(&json).unwrap();
        }
        let ids = |filter: LinkFilter| {
            let page = wait(bench.catalog.list(&filter)).unwrap();
            (page.links.iter().map(|link| link.id.0).collect::<Vec<_>>(), page.next.map(|id| id.0))
        };
        let all = LinkFilter { limit: 100, ..LinkFilter::default() };
        assert_eq!(ids(LinkFilter { limit: 2, ..all.clone() }), (vec![1, 2], Some(2)));
        assert_eq!(ids(LinkFilter { after: Some(LinkId(4)), ..all.clone() }), (vec![5], None));
        assert_eq!(ids(LinkFilter { tag: Some("even".to_owned()), ..all.clone() }), (vec![2, 4], None));
        assert_eq!(ids(LinkFilter { slug: Some("S3".to_owned()), ..all.clone() }), (vec![3], None));
        assert_eq!(ids(LinkFilter { part: Some("E.COM/4".to_owned()), ..all.clone() }), (vec![4], None));
        assert_eq!(ids(LinkFilter { campaign: Some("other".to_owned()), ..all }), (vec![], None));
    }
}
