//! When two ways to write a post mean the same post. Pure.
//!
//! It must never guess: what is not plainly the same address stays different, because a wrong match would divide
//! clicks by somebody else's impressions.

use crate::domain::placement::PostRef;

/// The one form of a permalink: https, the host in lower case without `www.`, no fragment, no slash at the end.
/// Whatever is not an http(s) address (an id, a URN) stays as it is.
///
/// Path and query are kept as they are: case matters in `/p/CxYz`, and some platforms name the post in the query.
pub(crate) fn canonical(post: &PostRef) -> PostRef {
    let form = canonical_text(post.as_str());
    form.and_then(|form| PostRef::parse(&form).ok()).unwrap_or_else(|| post.clone())
}

fn canonical_text(text: &str) -> Option<String> {
    let (scheme, rest) = text.split_once("://")?;
    if !scheme.eq_ignore_ascii_case("https") && !scheme.eq_ignore_ascii_case("http") {
        return None;
    }
    let rest = rest.split('#').next()?;
    let (place, query) = rest.split_once('?').map_or((rest, None), |(place, query)| (place, Some(query)));
    let (host, path) = place.split_at(place.find('/').unwrap_or(place.len()));
    let host = host.to_ascii_lowercase();
    let host = host.trim_start_matches("www.");
    let path = path.trim_end_matches('/');
    let query = query.filter(|query| !query.is_empty()).map(|query| format!("?{query}")).unwrap_or_default();
    (!host.is_empty()).then(|| format!("https://{host}{path}{query}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(text: &str) -> String {
        canonical(&PostRef::parse(text).unwrap()).as_str().to_owned()
    }

    #[test]
    fn one_post_written_in_different_ways_has_one_form() {
        let same =
            ["https://www.instagram.com/p/CxYz/", "http://Instagram.com/p/CxYz", "HTTPS://www.instagram.com/p/CxYz/#c"];
        for text in same {
            assert_eq!(form(text), "https://instagram.com/p/CxYz");
        }
    }

    #[test]
    fn path_query_and_ids_are_kept_to_the_letter() {
        for text in [
            "https://instagram.com/p/cxyz",
            "https://facebook.com/photo.php?fbid=1&set=a.2",
            "17912345678901234",
            "urn:li:share:7",
            "spotify:track:1",
            "https://",
            "ftp://www.example.com/",
        ] {
            assert_eq!(form(text), text);
        }
    }

    #[test]
    fn a_form_is_its_own_form() {
        for text in ["https://www.www.example.com//", "http://WWW.a/?", "https://a/b/?#", "http://a#b?c"] {
            assert_eq!(form(&form(text)), form(text), "{text}");
        }
    }
}
