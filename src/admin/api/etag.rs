//! A link's entity tag is its revision: `"7"`. It changes with every edit, and not with clicks: those are asked of `/stats`.
//! (RFC 9110, sections 8.8.3, 13.1 and 13.2.2.)
//!
//! The tag is strong although `clicks` beside it moves on: nobody edits clicks, and a weak one could guard no change.

use axum::http::StatusCode;
use axum::http::header::{ETAG, HeaderMap, HeaderName, HeaderValue, IF_MATCH, IF_NONE_MATCH};

use super::problem::Problem;

/// The header that says a link's revision.
pub(super) fn of(revision: u64) -> (HeaderName, HeaderValue) {
    let value = HeaderValue::from_str(&format!("\"{revision}\"")).unwrap_or(HeaderValue::from_static("\"0\""));
    (ETAG, value)
}

/// The revision that `If-Match` lets a request be about: `revision` if it names that, `None` if it is for any.
///
/// # Errors
/// 412 when it names others, or none.
pub(super) fn if_match(headers: &HeaderMap, revision: u64) -> Result<Option<u64>, Problem> {
    if !headers.contains_key(IF_MATCH) {
        return Ok(None);
    }
    // A weak tag says that two are much the same, which is not enough to write over one of them.
    match tags(headers, &IF_MATCH).find(|tag| *tag == "*" || is_of(tag, revision)) {
        Some("*") => Ok(None),
        Some(_) => Ok(Some(revision)),
        None => Err(changed()),
    }
}

/// The revision that a change is based on, as [`if_match`] says.
///
/// # Errors
/// 412 also when the change shall be made only if the link is another than it is.
pub(super) fn expected(headers: &HeaderMap, revision: u64) -> Result<Option<u64>, Problem> {
    let expected = if_match(headers, revision)?;
    if is_known(headers, revision) {
        let detail = "the link is one that `If-None-Match` names, so nothing was changed";
        return Err(Problem::new(StatusCode::PRECONDITION_FAILED, detail));
    }
    Ok(expected)
}

/// What a change gets that is based on a former revision.
pub(super) fn changed() -> Problem {
    Problem::new(StatusCode::PRECONDITION_FAILED, "the link was changed meanwhile: read it again and repeat the change")
}

/// Whether whoever asks has this revision already.
pub(super) fn is_known(headers: &HeaderMap, revision: u64) -> bool {
    tags(headers, &IF_NONE_MATCH).any(|tag| tag == "*" || is_of(tag.strip_prefix("W/").unwrap_or(tag), revision))
}

fn tags<'h>(headers: &'h HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'h str> {
    let texts = headers.get_all(name).iter().map(|value| value.to_str().unwrap_or_default());
    texts.flat_map(|text| text.split(',')).map(str::trim).filter(|tag| !tag.is_empty())
}

fn is_of(tag: &str, revision: u64) -> bool {
    tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"')).is_some_and(|tag| tag == revision.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn a_change_is_let_through_only_for_the_revision_that_it_is_for() {
        for (value, is_expected) in
            [("\"7\"", true), ("\"6\", \"7\"", true), ("\"6\"", false), ("W/\"7\"", false), ("7", false)]
        {
            assert_eq!(expected(&headers(IF_MATCH, value), 7).ok(), is_expected.then_some(Some(7)), "{value}");
        }
        assert_eq!(expected(&headers(IF_MATCH, "*"), 7).ok(), Some(None));
        assert_eq!(expected(&HeaderMap::new(), 7).ok(), Some(None));
        for nothing in ["", " , ", "\u{e9}"] {
            let value = HeaderValue::from_bytes(nothing.as_bytes()).unwrap();
            let headers = HeaderMap::from_iter([(IF_MATCH, value)]);
            assert!(expected(&headers, 7).is_err(), "{nothing:?} names no revision, so not this one");
        }
        for (value, is_let_through) in [("\"7\"", false), ("W/\"7\"", false), ("*", false), ("\"6\"", true)] {
            assert_eq!(expected(&headers(IF_NONE_MATCH, value), 7).is_ok(), is_let_through, "{value}");
        }
    }

    #[test]
    fn what_is_known_is_not_sent_again() {
        for (value, known) in [("\"7\"", true), ("W/\"7\"", true), ("\"6\",\"7\"", true), ("*", true), ("\"8\"", false)]
        {
            assert_eq!(is_known(&headers(IF_NONE_MATCH, value), 7), known, "{value}");
        }
    }
}
