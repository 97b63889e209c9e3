//! The owner's own browsers: marks them, so that their visits are not counted. A domain's cookie can only be set by the
//! domain itself, so the page leads there with a ticket.

use axum::extract::State;
use maud::{Markup, html};

use super::settings;
use crate::admin::Admin;
use crate::admin::api::owner::of_every_domain;
use crate::domain::owner::{COOKIE_SECONDS, TICKET_SECONDS};

pub(super) async fn page(State(admin): State<Admin>) -> Markup {
    let tickets = of_every_domain(&admin);
    let content = html! {
        section.card {
            h1 { "Your own browsers" }
            p {
                "A marked browser may open your links as often as you like: its hits are kept as the owner's and are no "
                "clicks. Mark each browser you use, on each domain. The mark is a cookie that tells nothing else, and "
                "lasts " (COOKIE_SECONDS / 86_400) " days."
            }
            table {
                thead { tr { th scope="col" { "Domain" } th scope="col" { "This browser" } } }
                tbody {
                    @for domain in &tickets.domains {
                        tr {
                            td { (domain.url.split_once("://").map_or(domain.url.as_str(), |(_, host)| host)) }
                            td {
                                div.actions {
                                    a.button href=(domain.mark) rel="noreferrer noopener" { "Mark this browser" }
                                    a.button.plain href=(domain.unmark) rel="noreferrer noopener" { "Take the mark off" }
                                }
                            }
                        }
                    }
                }
            }
            p.hint {
                "The addresses behind the buttons are good for " (TICKET_SECONDS / 60) " minutes; load this page anew for "
                "fresh ones. For a phone, " code { "waypost owner" } " prints an address to open there. Whole networks "
                "are left out by " code { "classify.own_networks" } "."
            }
        }
    };
    settings::page("/owner", "Your own browsers", &content)
}
