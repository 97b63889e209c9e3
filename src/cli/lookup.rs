//! Which link a person means: a slug, a short URL, or `id:7`.

use percent_encoding::percent_decode_str;
use serde::Deserialize;

use super::client::{Client, Refused};

/// A link as its owner names it on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LinkName {
    Id(u64),
    Slug(String),
    ShortUrl { url: String, slug: String },
}

impl LinkName {
    /// Reads `id:7`, `http://host/slug` or a slug. No slug holds a `:`, so none is hidden by the other two.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if let Some(id) = text.strip_prefix("id:") {
            return id.parse().map(Self::Id).map_err(|_| "an id is a number, such as id:7".to_owned());
        }
        if text.starts_with("http://") || text.starts_with("https://") {
            return Self::parse_url(text);
        }
        match text.trim_matches('/') {
            "" => Err("a slug is needed".to_owned()),
            slug => Ok(Self::Slug(slug.to_owned())),
        }
    }

    fn parse_url(text: &str) -> Result<Self, String> {
        let url = url::Url::parse(text).map_err(|_| "not a URL".to_owned())?;
        let path = percent_decode_str(url.path()).decode_utf8().map_err(|_| "not a short URL".to_owned())?;
        match path.trim_matches('/') {
            "" => Err("a short URL has a slug after its host".to_owned()),
            slug => Ok(Self::ShortUrl { url: text.to_owned(), slug: slug.to_owned() }),
        }
    }
}

impl std::fmt::Display for LinkName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Id(id) => write!(f, "id:{id}"),
            Self::Slug(slug) => write!(f, "{slug:?}"),
            Self::ShortUrl { url, .. } => write!(f, "{url}"),
        }
    }
}

/// What every command needs to know of the link it was given.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Found {
    pub(crate) id: u64,
    pub(crate) short_url: String,
    pub(crate) domain: String,
}

#[derive(Deserialize)]
struct Page {
    links: Vec<Found>,
}

/// Asks the server which link `name` means, on `domain` if one is given.
pub(crate) async fn find(client: &Client, name: &LinkName, domain: Option<&str>) -> anyhow::Result<Found> {
    let slug = match name {
        LinkName::Id(id) => return by_id(client, *id, name).await,
        LinkName::Slug(slug) | LinkName::ShortUrl { slug, .. } => slug,
    };
    let query = [("slug", Some(slug.clone())), ("domain", domain.map(str::to_owned))];
    let page: Page = client.get("/api/v1/links", &query).await?.read()?;
    choose(name, page.links)
}

async fn by_id(client: &Client, id: u64, name: &LinkName) -> anyhow::Result<Found> {
    match client.get(&format!("/api/v1/links/{id}"), &[]).await {
        Ok(answer) => answer.read(),
        Err(error) if error.downcast_ref::<Refused>().is_some_and(|refused| refused.status == 404) => {
            Err(missing(name))
        }
        Err(error) => Err(error),
    }
}

fn choose(name: &LinkName, mut links: Vec<Found>) -> anyhow::Result<Found> {
    if let LinkName::ShortUrl { url, .. } = name {
        let host = host_of(url);
        // The default domain answers on every host when no domain is configured.
        let of_host = links.iter().position(|link| host_of(&link.short_url) == host);
        let chosen = of_host.or_else(|| links.iter().position(|link| link.domain.is_empty()));
        return chosen.map(|index| links.swap_remove(index)).ok_or_else(|| missing(name));
    }
    match links.len() {
        0 => Err(missing(name)),
        1 => Ok(links.swap_remove(0)),
        _ => {
            let choices: Vec<_> = links.iter().map(|link| link.short_url.as_str()).collect();
            anyhow::bail!("{name} is on several domains ({}): say which with --domain", choices.join(", "))
        }
    }
}

fn host_of(url: &str) -> Option<(String, Option<u16>)> {
    let url = url::Url::parse(url).ok()?;
    Some((url.host_str()?.to_owned(), url.port()))
}

fn missing(name: &LinkName) -> anyhow::Error {
    anyhow::anyhow!("there is no link {name}; `waypost link list` shows the links there are")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(id: u64, short_url: &str, domain: &str) -> Found {
        Found { id, short_url: short_url.to_owned(), domain: domain.to_owned() }
    }

    #[test]
    fn a_link_is_named_by_slug_short_url_or_id() {
        assert_eq!(LinkName::parse("id:7"), Ok(LinkName::Id(7)));
        assert_eq!(LinkName::parse("/spring/sale/"), Ok(LinkName::Slug("spring/sale".to_owned())));
        assert_eq!(LinkName::parse("7"), Ok(LinkName::Slug("7".to_owned())));
        let url = "https://go.example.com/v%C3%A5r";
        assert_eq!(LinkName::parse(url), Ok(LinkName::ShortUrl { url: url.to_owned(), slug: "vår".to_owned() }));
        for wrong in ["", "/", "id:x", "https://go.example.com/", "http://"] {
            assert!(LinkName::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_slug_on_two_domains_asks_which() {
        let both = vec![link(1, "https://a.example/s", ""), link(2, "https://b.example/s", "b.example")];
        let error = choose(&LinkName::parse("s").unwrap(), both.clone()).unwrap_err().to_string();
        assert!(error.contains("https://b.example/s") && error.contains("--domain"), "{error}");
        let chosen = choose(&LinkName::parse("https://b.example/s").unwrap(), both).unwrap();
        assert_eq!(chosen.id, 2);
    }

    #[test]
    fn a_short_url_of_an_unknown_host_is_a_link_of_the_default_domain_or_none() {
        let name = LinkName::parse("http://localhost:8080/s").unwrap();
        assert_eq!(choose(&name, vec![link(1, "http://127.0.0.1:8080/s", "")]).unwrap().id, 1);
        assert!(choose(&name, vec![link(2, "https://b.example/s", "b.example")]).is_err());
    }
}
