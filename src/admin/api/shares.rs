//! `/api/v1/shares`: addresses with which anybody may look at the numbers of one link or one campaign.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{Named, Sent};
use super::keys::instant;
use super::problem::Problem;
use super::shown_once::ShownOnce;
use crate::admin::access::{self, Caller, Shared};
use crate::admin::{Admin, wire};
use crate::domain::link::LinkId;

pub(super) fn router() -> OpenApiRouter<Admin> {
    OpenApiRouter::new().routes(routes!(list, make)).routes(routes!(revoke))
}

/// A share link, without its address.
#[derive(Serialize, ToSchema)]
struct Share {
    id: String,
    /// The link whose numbers it shows, or else
    link: Option<u64>,
    /// the campaign.
    campaign: Option<String>,
    /// RFC 3339, in UTC.
    made_at: String,
    made_by: String,
    expires_at: Option<String>,
}

impl Share {
    fn new(id: String, share: access::Share) -> Self {
        let (link, campaign) = match share.of {
            Shared::Link(id) => (Some(id), None),
            Shared::Campaign(name) => (None, Some(name)),
        };
        let expires_at = share.expires_at.map(wire::instant);
        Self { id, link, campaign, made_at: wire::instant(share.made_at), made_by: share.made_by, expires_at }
    }
}

#[derive(Serialize, ToSchema)]
struct ShareList {
    /// All of them, the oldest first: at most 500.
    shares: Vec<Share>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewShare {
    /// A link's id; or
    link: Option<u64>,
    /// a `utm_campaign`.
    #[schema(max_length = 255)]
    campaign: Option<String>,
    /// RFC 3339. Without one it is good until it is revoked.
    expires_at: Option<String>,
}

/// A share link that was just made.
#[derive(Serialize, ToSchema)]
struct MadeShare {
    #[serde(flatten)]
    about: Share,
    /// The address. It is not told again.
    url: String,
}

/// List the share links.
#[utoipa::path(get, path = "/shares", operation_id = "listShares", tag = "Links",
    responses((status = OK, body = ShareList)))]
async fn list(State(admin): State<Admin>) -> Result<Json<ShareList>, Problem> {
    let shares = admin.access.shares.list().await?;
    Ok(Json(ShareList { shares: shares.into_iter().map(|(id, share)| Share::new(id, share)).collect() }))
}

/// Share the numbers of a link or of a campaign with whoever has the address.
#[utoipa::path(post, path = "/shares", operation_id = "makeShare", tag = "Links", request_body = NewShare,
    responses((status = CREATED, body = MadeShare)))]
async fn make(
    State(admin): State<Admin>,
    caller: Caller,
    Sent(wanted): Sent<NewShare>,
) -> Result<(StatusCode, ShownOnce<MadeShare>), Problem> {
    let of = match (wanted.link, &wanted.campaign) {
        (Some(id), None) => Shared::link(LinkId(id)),
        (None, Some(name)) => Shared::campaign(name)?,
        _ => return Err(Problem::invalid("link", "name either a link or a campaign")),
    };
    let expires_at = instant("expires_at", wanted.expires_at.as_deref())?;
    let (id, share, url) = make_share(&admin, &caller, of, expires_at).await?;
    Ok((StatusCode::CREATED, ShownOnce(MadeShare { about: Share::new(id, share), url })))
}

/// Revoke a share link. Its address leads nowhere from now on.
#[utoipa::path(delete, path = "/shares/{id}", operation_id = "revokeShare", tag = "Links",
    params(("id" = String, Path, description = "The share link's id")), responses((status = NO_CONTENT)))]
async fn revoke(State(admin): State<Admin>, Named(id): Named) -> Result<StatusCode, Problem> {
    if admin.access.shares.revoke(&id).await? {
        return Ok(StatusCode::NO_CONTENT);
    }
    Err(Problem::not_found(format!("there is no share link {id:?}")))
}

/// What the API and the page do: a link has to be there. Its id, what is kept, and its address.
pub(in crate::admin) async fn make_share(
    admin: &Admin,
    caller: &Caller,
    of: Shared,
    expires_at: Option<jiff::Timestamp>,
) -> Result<(String, access::Share, String), Problem> {
    if let Shared::Link(id) = of {
        admin.catalog.get(LinkId(id)).await?;
    }
    let share = access::Share { of, made_at: admin.clock.now(), made_by: caller.name(), expires_at };
    let (id, token) = admin.access.shares.make(&share).await?;
    let base = match admin.config.public_url.trim_end_matches('/') {
        "" => format!("http://{}", admin.address),
        base => base.to_owned(),
    };
    Ok((id, share, format!("{base}/share/{token}")))
}
