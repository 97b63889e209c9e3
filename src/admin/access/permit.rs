//! The one table of what a request needs: by its path and method, before it is routed. Pure.
//!
//! A path that is not in the table needs `read` to be looked at and `links` to be changed, so that a new route is never
//! open to everybody, nor to viewers, because somebody forgot a line.

use axum::http::Method;

use super::caller::Scope;

/// What must be known of whoever asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::admin) enum Need {
    /// Nothing: it tells nothing, or asks for a secret of its own.
    Nothing,
    Scope(Scope),
}

/// What a path needs, and everything below it. `*` is any one segment.
struct Rule {
    path: &'static str,
    look: Need,
    change: Need,
}

impl Rule {
    /// As routes do, it compares a path as it was sent: an escaped letter fits nothing.
    fn fits(&self, path: &str) -> bool {
        let mut parts = path.split('/');
        let mut wanted = self.path.split('/');
        let is_part = |wanted: &str, part: &str| wanted == part || (wanted == "*" && !part.is_empty());
        let begins = wanted.all(|wanted| parts.next().is_some_and(|part| is_part(wanted, part)));
        begins && (self.look != Need::Nothing || parts.next().is_none())
    }
}

/// For everybody. Nothing below it is.
const fn open(path: &'static str) -> Rule {
    Rule { path, look: Need::Nothing, change: Need::Nothing }
}

/// Looked at by whoever may read.
const fn changed_with(change: Scope, path: &'static str) -> Rule {
    Rule { path, look: Need::Scope(Scope::Read), change: Need::Scope(change) }
}

/// Not even looked at without the scope.
const fn only_with(scope: Scope, path: &'static str) -> Rule {
    Rule { path, look: Need::Scope(scope), change: Need::Scope(scope) }
}

/// What is in no rule.
const ELSE: Rule = changed_with(Scope::Links, "/");

/// The longest path that fits decides.
const RULES: [Rule; 32] = [
    open("/healthz"),
    open("/assets/*"),
    open("/sign-in"),
    open("/set-up"),
    // The token in the path is the secret.
    open("/share/*"),
    // The API's description.
    open("/api"),
    open("/api/openapi.json"),
    changed_with(Scope::Links, "/api/v1"),
    only_with(Scope::Admin, "/api/v1/accounts"),
    only_with(Scope::Admin, "/api/v1/keys"),
    only_with(Scope::Admin, "/api/v1/hooks"),
    only_with(Scope::Admin, "/api/v1/reclassify"),
    only_with(Scope::Admin, "/api/v1/verify"),
    changed_with(Scope::Imports, "/api/v1/imports"),
    changed_with(Scope::Imports, "/api/v1/columns"),
    changed_with(Scope::Imports, "/api/v1/matches"),
    changed_with(Scope::Imports, "/api/v1/conversions"),
    changed_with(Scope::Imports, "/imports"),
    changed_with(Scope::Imports, "/matches"),
    // Pages with nothing but a form.
    only_with(Scope::Links, "/links/new"),
    only_with(Scope::Links, "/links/*/edit"),
    only_with(Scope::Links, "/links/*/remove"),
    only_with(Scope::Links, "/links/import"),
    only_with(Scope::Links, "/templates/edit"),
    only_with(Scope::Links, "/templates/remove"),
    only_with(Scope::Imports, "/imports/check"),
    only_with(Scope::Imports, "/imports/manual"),
    only_with(Scope::Imports, "/imports/*/undo"),
    only_with(Scope::Links, "/shares/*/revoke"),
    // One's own: password, sessions, browsers, and the way out.
    changed_with(Scope::Read, "/settings/you"),
    changed_with(Scope::Read, "/sign-out"),
    only_with(Scope::Admin, "/settings"),
];

/// What a request needs.
pub(in crate::admin) fn need(method: &Method, path: &str) -> Need {
    let fitting = RULES.iter().filter(|rule| rule.fits(path));
    let rule = fitting.max_by_key(|rule| rule.path.split('/').count()).unwrap_or(&ELSE);
    if is_safe(method) { rule.look } else { rule.change }
}

/// Methods that change nothing.
pub(in crate::admin) fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_path_that_fits_decides_and_what_is_new_is_closed() {
        let nothing = Need::Nothing;
        let [read, links, imports, admin] = Scope::ALL.map(Need::Scope);
        for (path, look, change) in [
            ("/", read, links),
            ("/healthz", nothing, nothing),
            ("/healthz2", read, links),
            ("/assets/a.css", nothing, nothing),
            ("/metrics", read, links),
            ("/api", nothing, nothing),
            ("/api/openapi.json", nothing, nothing),
            ("/api/v1", read, links),
            ("/api/v1/links/7", read, links),
            ("/api/v1/not-made-yet", read, links),
            ("/api/v1/imports/7", read, imports),
            ("/api/v1/accounts", admin, admin),
            ("/api/v1/accounts/ada", admin, admin),
            ("/api/v1/accountsx", read, links),
            ("/api/v1/%61ccounts", read, links),
            ("/links/7", read, links),
            ("/links/7/edit", links, links),
            ("/links//edit", read, links),
            ("/imports/7/undo", imports, imports),
            ("/settings", admin, admin),
            ("/settings/hooks/7", admin, admin),
            ("/settings/you/sessions", read, read),
            ("/sign-out", read, read),
            ("/share/x", nothing, nothing),
            ("/share", read, links),
            ("/api/v2", read, links),
            ("/sign-in/x", read, links),
        ] {
            assert_eq!(need(&Method::GET, path), look, "GET {path}");
            assert_eq!(need(&Method::HEAD, path), look, "HEAD {path}");
            for method in [Method::POST, Method::DELETE, Method::PATCH, Method::PUT, Method::OPTIONS] {
                assert_eq!(need(&method, path), change, "{method} {path}");
            }
        }
    }

    #[test]
    fn no_path_has_two_rules() {
        let paths: std::collections::BTreeSet<_> = RULES.iter().map(|rule| rule.path).collect();
        assert_eq!(paths.len(), RULES.len());
    }
}
