//! The cookie that carries a session's name, and nothing else.
//!
//! Over https it is bound to this very host (`__Host-`, RFC 6265bis section 4.1.3.2). On the loopback browsers speak
//! plain http, where they would drop such a cookie.

use axum::http::header::{COOKIE, HeaderMap, ORIGIN};

use super::access::AGE_MAX;

const NAME: &str = "waypost_session";
const NAME_OVER_HTTPS: &str = "__Host-waypost_session";

/// The session's name in the request's cookies. The one that only https can set counts first.
pub(super) fn session_name(headers: &HeaderMap) -> Option<&str> {
    named(headers, NAME_OVER_HTTPS).or_else(|| named(headers, NAME))
}

fn named<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let cookies = headers.get_all(COOKIE).iter().filter_map(|header| header.to_str().ok());
    let mut pairs = cookies.flat_map(|header| header.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(other, _)| *other == name).map(|(_, value)| value)
}

/// Makes the browser keep a session, whose form came with these headers.
pub(super) fn keeping(session: &str, headers: &HeaderMap) -> String {
    let seconds = AGE_MAX.as_secs();
    if is_https(headers) {
        format!("{NAME_OVER_HTTPS}={session}; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age={seconds}")
    } else {
        format!("{NAME}={session}; Path=/; HttpOnly; SameSite=Strict; Max-Age={seconds}")
    }
}

/// Makes the browser forget its session, however it was kept.
pub(super) fn forgetting() -> [String; 2] {
    [
        format!("{NAME_OVER_HTTPS}=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0"),
        format!("{NAME}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0"),
    ]
}

/// As the browser sees it: a proxy may have taken the TLS off. Browsers send `Origin` with every form.
fn is_https(headers: &HeaderMap) -> bool {
    headers.get(ORIGIN).is_some_and(|origin| origin.as_bytes().starts_with(b"https://"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn over_https_the_cookie_is_bound_to_the_host() {
        let secure = keeping("x", &headers(&[("origin", "https://stats.example.com")]));
        assert!(secure.starts_with("__Host-waypost_session=x; Path=/; Secure; HttpOnly; SameSite=Strict"), "{secure}");
        let plain = keeping("x", &headers(&[("origin", "http://localhost:8081")]));
        assert!(plain.starts_with("waypost_session=x; Path=/; HttpOnly; SameSite=Strict"), "{plain}");
    }

    #[test]
    fn a_session_is_found_among_other_cookies_and_https_wins() {
        for (cookies, found) in [
            ("a=b; waypost_session=x; c=d", Some("x")),
            ("waypost_session=x; __Host-waypost_session=y", Some("y")),
            ("xwaypost_session=x", None),
            ("waypost_session", None),
        ] {
            assert_eq!(session_name(&headers(&[("cookie", cookies)])), found, "{cookies}");
        }
    }
}
