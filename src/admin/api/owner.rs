//! `GET /api/v1/owner`: the addresses that mark a browser as the owner's on each domain, good for a few minutes.

use axum::Json;
use axum::extract::State;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::admin::{Admin, wire};
use crate::domain::owner::{ADDRESS_PATH, Errand, OWNER_PATH, TICKET_SECONDS};

pub(super) fn router() -> OpenApiRouter<Admin> {
    OpenApiRouter::new().routes(routes!(tickets))
}

/// Addresses that mark a browser as the owner's, one for each domain, good for a few minutes.
#[utoipa::path(get, path = "/owner", operation_id = "markOwner", tag = "Clicks",
    responses((status = OK, body = wire::OwnerTickets)))]
async fn tickets(State(admin): State<Admin>) -> Json<wire::OwnerTickets> {
    Json(of_every_domain(&admin))
}

/// Fresh tickets. A cookie belongs to one host, so each domain has its own.
pub(in crate::admin) fn of_every_domain(admin: &Admin) -> wire::OwnerTickets {
    let now = admin.clock.now();
    let on =
        |base: &str, path: &str, errand| format!("{base}{path}?{}", admin.owner.ticket(errand, now.as_millisecond()));
    let domain = |base: &str| wire::OwnerDomain {
        url: base.to_owned(),
        mark: on(base, OWNER_PATH, Errand::Mark { https: base.starts_with("https://") }),
        unmark: on(base, OWNER_PATH, Errand::Unmark),
        address: on(base, ADDRESS_PATH, Errand::Address),
    };
    wire::OwnerTickets {
        expires_at: wire::instant(now.saturating_add(jiff::SignedDuration::from_secs(TICKET_SECONDS)).unwrap_or(now)),
        domains: admin.catalog.domains().bases().map(domain).collect(),
    }
}
