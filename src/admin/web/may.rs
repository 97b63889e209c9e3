//! What whoever looks at a page may do: a control that would be refused is not drawn.
//!
//! It must never hold a rule of its own: the table by which requests are let through decides.

use axum::http::Method;

use crate::admin::access::{Need, current, need};

/// Whether a link to `href` leads somewhere.
pub(super) fn open(href: &str) -> bool {
    is_let_through(&Method::GET, href)
}

/// Whether a form that is sent to `action` would be taken.
pub(super) fn send(action: &str) -> bool {
    is_let_through(&Method::POST, action)
}

fn is_let_through(method: &Method, address: &str) -> bool {
    let path = address.split(['?', '#']).next().unwrap_or_default();
    match need(method, path) {
        Need::Nothing => true,
        Need::Scope(scope) => current().is_some_and(|caller| caller.may(scope)),
    }
}
