//! The referrer, taken apart: a host, a path and, for apps, a package. Its query is dropped here and never kept.

use std::net::IpAddr;

use compact_str::CompactString;

use crate::domain::click::Click;

use super::names::{Names, lower};

/// The longest host, as DNS has it.
const HOST_BYTES_MAX: usize = 253;

/// Empty fields mean that there was no referrer, or none that could be understood.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Referrer {
    /// Lower-case, without port; for an app its Android package.
    pub(super) host: CompactString,
    pub(super) path: CompactString,
    is_app: bool,
}

impl Referrer {
    /// Takes a `Referer` header apart: `http`, `https` and `android-app`; anything else is no referrer.
    pub(super) fn parse(text: &str) -> Self {
        let Some((scheme, rest)) = text.trim().split_once("://") else { return Self::default() };
        let is_app = scheme.eq_ignore_ascii_case("android-app");
        if !is_app && !scheme.eq_ignore_ascii_case("https") && !scheme.eq_ignore_ascii_case("http") {
            return Self::default();
        }
        let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at(end);
        let Some(host) = host(authority) else { return Self::default() };
        Self { host, path: path(rest), is_app }
    }

    /// What a click has kept of its referrer. An app is known by its package, or by having been called by it whole.
    pub(super) fn kept(click: &Click, packages: &Names) -> Self {
        let host = click.look.referrer_host.clone();
        let called_whole = !host.is_empty() && click.origin.seen_on == host && registrable(&host) != host;
        let is_app = packages.find(&host).is_some() || called_whole;
        Self { is_app, host, path: click.look.referrer_path.clone() }
    }

    /// Who it names: a known source, or the registrable domain of a host nobody knows. Empty if there is none.
    pub(super) fn source(&self, hosts: &Names, packages: &Names) -> CompactString {
        if self.is_app {
            return packages.find(&self.host).map_or_else(|| self.host.clone(), CompactString::from);
        }
        match hosts.find_host(&self.host) {
            Some(source) => CompactString::from(source),
            None => registrable(&self.host),
        }
    }
}

/// Lower-case, without credentials, port and final dot; `None` if it holds what no host can.
fn host(authority: &str) -> Option<CompactString> {
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let bracket = if host.starts_with('[') { host.find(']')? + 1 } else { 0 };
    let (bracketed, tail) = host.split_at(bracket);
    let tail = tail.split_once(':').map_or(tail, |(host, _)| host);
    let host = if bracketed.is_empty() { tail.trim_end_matches('.') } else { bracketed };
    let allowed = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']');
    let sound = !host.is_empty() && host.len() <= HOST_BYTES_MAX && host.chars().all(allowed);
    sound.then(|| lower(host))
}

fn path(rest: &str) -> CompactString {
    let end = rest.find(['?', '#']).unwrap_or(rest.len());
    let path = &rest[..end];
    if path.chars().any(char::is_control) { CompactString::default() } else { CompactString::from(path) }
}

/// `www.blog.example.co.uk` is `example.co.uk`; an address and a bare name stay what they are.
fn registrable(host: &str) -> CompactString {
    if host.parse::<IpAddr>().is_ok() || host.starts_with('[') {
        return CompactString::from(host);
    }
    CompactString::from(psl::domain_str(host).unwrap_or(host))
}

#[cfg(test)]
mod tests {
    use super::super::tables::Tables;
    use super::*;

    fn source(text: &str) -> CompactString {
        let tables = Tables::built_in();
        Referrer::parse(text).source(&Names::of(tables.referrers()), &Names::of(tables.packages()))
    }

    #[test]
    fn a_referrer_loses_its_query_its_port_and_its_credentials() {
        let referrer = Referrer::parse("https://user:pass@L.Instagram.com:443/a/b?u=secret#x");
        assert_eq!((referrer.host.as_str(), referrer.path.as_str()), ("l.instagram.com", "/a/b"));
        assert_eq!(Referrer::parse("http://[2001:db8::1]:8080/x").host, "[2001:db8::1]");
    }

    #[test]
    fn known_hosts_and_packages_have_names() {
        for (text, name) in [
            ("https://l.instagram.com/", "instagram"),
            ("https://lm.facebook.com/l.php?u=x", "facebook"),
            ("https://t.co/abc", "x"),
            ("https://lnkd.in/x", "linkedin"),
            ("https://www.google.co.uk/", "google"),
            ("https://mail.google.com/", "gmail"),
            ("https://old.reddit.com/r/rust", "reddit"),
            ("android-app://com.linkedin.android/", "linkedin"),
            ("android-app://com.google.android.gm", "gmail"),
            ("android-app://org.unknown.app/", "org.unknown.app"),
        ] {
            assert_eq!(source(text), name, "{text}");
        }
    }

    #[test]
    fn a_host_that_only_looks_like_a_known_one_keeps_its_own_name() {
        assert_eq!(source("https://notfacebook.com/"), "notfacebook.com");
        assert_eq!(source("https://www.microsoft.com/"), "microsoft.com");
        assert_eq!(source("https://facebook.com.evil.example/"), "evil.example");
    }

    #[test]
    fn an_unknown_host_stands_for_its_registrable_domain() {
        assert_eq!(source("https://www.blog.example.co.uk/post"), "example.co.uk");
        assert_eq!(source("http://192.0.2.7/x"), "192.0.2.7");
        assert_eq!(source("http://intranet/x"), "intranet");
    }

    #[test]
    fn what_is_no_referrer_is_none() {
        for text in
            ["", "about:blank", "javascript://x", "https://", "https://?x", "https://a b/", "://", "https://[::1"]
        {
            assert_eq!(Referrer::parse(text), Referrer::default(), "{text:?}");
        }
    }
}
