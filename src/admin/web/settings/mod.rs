//! The settings: what is one's own, and for owners what holds for everybody. Each page is one file beside this one; a
//! new one joins with a line in [`PAGES`] and its routes.

use axum::Router;
use axum::routing::{get, post};
use jiff::Timestamp;
use jiff::civil::Date;
use maud::{Markup, html};

use super::layout::{self, Place};
use super::may;
use crate::admin::Admin;
use crate::admin::api::problem::Problem;

mod accounts;
mod installation;
mod keys;
mod you;

/// Where the settings of one's own are; everybody has some.
pub(super) const YOU: &str = "/settings/you";

/// Paths and names, in the order of the tabs. Whoever may not look at a page has no tab of it.
const PAGES: [(&str, &str); 7] = [
    (YOU, "You"),
    ("/owner", "Your browsers"),
    ("/settings", "Installation"),
    ("/settings/accounts", "Accounts"),
    ("/settings/keys", "Keys"),
    (super::hooks::PATH, "Hooks"),
    (super::shares::PATH, "Share links"),
];

pub(super) fn routes() -> Router<Admin> {
    Router::new()
        .route("/settings", get(installation::page))
        .route("/settings/you", get(you::page))
        .route("/settings/you/password", post(you::set_password))
        .route("/settings/you/sessions/end", post(you::end_session))
        .route("/settings/you/sessions/end-all", post(you::end_all_sessions))
        .route("/settings/accounts", get(accounts::page).post(accounts::add))
        .route("/settings/accounts/{name}/role", post(accounts::set_role))
        .route("/settings/accounts/{name}/password", post(accounts::set_password))
        .route("/settings/accounts/{name}/remove", get(accounts::confirm_removal).post(accounts::remove))
        .route("/settings/keys", get(keys::page).post(keys::make))
        .route("/settings/keys/{id}/revoke", get(keys::confirm_revocation).post(keys::revoke))
}

/// A page of the settings, below its tabs. `content` begins with the page's `h1`.
pub(in crate::admin::web) fn page(at: &str, title: &str, content: &Markup) -> Markup {
    let tabs = PAGES.iter().filter(|(path, _)| may::open(path));
    layout::page(
        Place::Settings,
        title,
        &html! {
            nav.tabs aria-label="Settings" {
                @for (path, name) in tabs { a href=(path) aria-current=[(*path == at).then_some("page")] { (name) } }
            }
            (content)
        },
    )
}

/// A secret that is shown on this page and never again.
pub(in crate::admin::web) fn told_once(what: &str, secret: &str) -> Markup {
    html! {
        section.card.welcome role="status" {
            p { (what) " It is not shown again." }
            p.copying { span.copy title="Click to select all of it" { (secret) } }
        }
    }
}

/// Why a form was not taken.
pub(in crate::admin::web) fn refusal(problem: Option<&Problem>) -> Markup {
    html! {
        @if let Some(problem) = problem { p.wrong #wrong role="alert" { (super::text::sentence(problem.detail())) } }
    }
}

/// The first instant of a day that somebody chose in a form, if they did.
pub(in crate::admin::web) fn end_of(admin: &Admin, day: &str) -> Result<Option<Timestamp>, Problem> {
    if day.is_empty() {
        return Ok(None);
    }
    let start = day.parse::<Date>().and_then(|day| day.to_zoned(admin.report_zone.clone()));
    start.map(|start| Some(start.timestamp())).map_err(|_| Problem::invalid("ends", format!("{day:?} is not a day")))
}
