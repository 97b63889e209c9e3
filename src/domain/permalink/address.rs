//! A web address taken apart, as far as naming a post needs it. It must never fetch or resolve anything.

use percent_encoding::percent_decode_str;

use crate::domain::click_ids;

/// An `http` or `https` address, or one without a scheme whose host has a dot and that has a path.
pub(super) struct Address<'a> {
    /// In lower case, without port, `www.` and a dot at the end.
    pub(super) host: String,
    path: &'a str,
    query: Option<&'a str>,
}

impl<'a> Address<'a> {
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let rest = match text.split_once("://") {
            Some((scheme, rest)) if ["http", "https"].iter().any(|web| scheme.eq_ignore_ascii_case(web)) => rest,
            Some(_) => return None,
            None if is_bare(text) => text,
            None => return None,
        };
        let rest = rest.split('#').next()?;
        let (place, query) = rest.split_once('?').map_or((rest, None), |(place, query)| (place, Some(query)));
        let (host, path) = place.split_at(place.find('/').unwrap_or(place.len()));
        let host = host.to_ascii_lowercase();
        let host = host.strip_suffix(":443").or_else(|| host.strip_suffix(":80")).unwrap_or(&host);
        let host = host.trim_end_matches('.').trim_start_matches("www.");
        (!host.is_empty()).then(|| Self { host: host.to_owned(), path: path.trim_end_matches('/'), query })
    }

    /// The parts of the path, decoded.
    pub(super) fn segments(&self) -> Vec<String> {
        self.path.split('/').filter(|part| !part.is_empty()).map(decode).collect()
    }

    /// The first value of a query parameter, decoded; none when it is empty.
    pub(super) fn query(&self, name: &str) -> Option<String> {
        let pairs = self.query?.split('&').filter_map(|pair| pair.split_once('='));
        pairs.filter(|(key, value)| *key == name && !value.is_empty()).map(|(_, value)| decode(value)).next()
    }

    /// The one form of an address that no platform's rule knows: https, no fragment, no slash at the end, and without
    /// the parameters that say where a click came from. Path and the rest of the query stay as they are, because case
    /// matters in them and some platforms name the post in the query.
    pub(super) fn canonical(&self) -> String {
        let says_something = |pair: &&str| {
            let key = pair.split('=').next().unwrap_or_default();
            !pair.is_empty() && !key.starts_with("utm_") && !click_ids::is_click_id(key)
        };
        let query: Vec<_> = self.query.unwrap_or_default().split('&').filter(says_something).collect();
        let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
        format!("https://{}{}{query}", self.host, self.path)
    }
}

/// `instagram.com/p/x`, but not `10.5`, `a/b` or `urn:li:share:7`.
fn is_bare(text: &str) -> bool {
    let (host, path) = text.split_at(text.find('/').unwrap_or(text.len()));
    let top = host.rsplit('.').next().unwrap_or_default();
    let is_host = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-');
    path.len() > 1 && host.contains('.') && host.chars().all(is_host) && top.chars().any(char::is_alphabetic)
}

fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}
