//! Making and revoking share links. What is done here is what `/api/v1/shares` does.

use axum::Form;
use axum::extract::rejection::{FormRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use serde::Deserialize;

use super::layout::{Place, Question};
use super::settings::{self, end_of, refusal, told_once};
use super::text::when;
use super::{Refused, may, unreadable};
use crate::admin::Admin;
use crate::admin::access::{Caller, Share, Shared};
use crate::admin::api::problem::Problem;
use crate::admin::api::shares::make_share;
use crate::domain::link::LinkId;

pub(super) const PATH: &str = "/shares";

/// What the form begins with.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    /// A slug, a short URL, or empty.
    #[serde(default)]
    link: String,
    #[serde(default)]
    campaign: String,
    /// A day of the report time zone, or nothing.
    #[serde(default)]
    ends: String,
}

pub(super) async fn page(
    State(admin): State<Admin>,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Result<Markup, Refused> {
    let Query(wanted) = wanted?;
    draw(&admin, &wanted, None, None).await
}

/// Makes a share link and shows its address.
pub(super) async fn make(
    State(admin): State<Admin>,
    caller: Caller,
    wanted: Result<Form<Wanted>, FormRejection>,
) -> Result<Response, Refused> {
    let Form(wanted) = wanted.map_err(unreadable)?;
    match made(&admin, &caller, &wanted).await {
        Ok(url) => {
            let told = told_once("Whoever has this address sees the numbers, and nothing else.", &url);
            let page = draw(&admin, &Wanted::default(), Some(told), None).await?;
            Ok((StatusCode::CREATED, page).into_response())
        }
        Err(problem) => Ok((problem.status(), draw(&admin, &wanted, None, Some(&problem)).await?).into_response()),
    }
}

async fn made(admin: &Admin, caller: &Caller, wanted: &Wanted) -> Result<String, Problem> {
    let of = match (wanted.link.trim(), wanted.campaign.trim()) {
        (link, "") if !link.is_empty() => {
            let unknown = || Problem::invalid("link", format!("there is no link {link:?}"));
            let id = match link.strip_prefix("id:") {
                Some(id) => id.parse().ok().map(LinkId),
                None => admin.catalog.resolve_link_cell(link).await?,
            };
            Shared::link(id.ok_or_else(unknown)?)
        }
        ("", campaign) if !campaign.is_empty() => Shared::campaign(campaign)?,
        _ => return Err(Problem::invalid("link", "name either a link or a campaign")),
    };
    let (_, _, url) = make_share(admin, caller, of, end_of(admin, &wanted.ends)?).await?;
    Ok(url)
}

pub(super) async fn confirm_revocation(Path(id): Path<String>) -> Markup {
    Question {
        at: Place::Settings,
        title: "Revoke this share link?",
        consequence: "Whoever opens its address from now on sees that nothing is shared there. You can make another one.",
        verb: "Revoke it",
        action: &format!("{PATH}/{}/revoke", percent_encoding::utf8_percent_encode(&id, percent_encoding::NON_ALPHANUMERIC)),
        back: PATH,
    }
    .page()
}

pub(super) async fn revoke(State(admin): State<Admin>, Path(id): Path<String>) -> Result<Redirect, Refused> {
    if admin.access.shares.revoke(&id).await? {
        return Ok(Redirect::to(PATH));
    }
    Err(Problem::not_found("there is no such share link: it may have been revoked already").into())
}

async fn draw(
    admin: &Admin,
    wanted: &Wanted,
    told: Option<Markup>,
    problem: Option<&Problem>,
) -> Result<Markup, Refused> {
    let shares = admin.access.shares.list().await?;
    let content = html! {
        @if let Some(told) = told { (told) }
        section.card {
            h1 { "Share links" }
            p { "The numbers of one link or campaign for people without an account. Nothing is shared until you make an address for it." }
            @if shares.is_empty() { p.hint { "Nothing is shared." } } @else { (table(admin, &shares).await?) }
        }
        @if may::send(PATH) { (form(wanted, problem)) }
    };
    Ok(settings::page(PATH, "Share links", &content))
}

async fn table(admin: &Admin, shares: &[(String, Share)]) -> Result<Markup, Refused> {
    let mut names = Vec::new();
    for (_, share) in shares {
        names.push(name(admin, &share.of).await?);
    }
    Ok(html! {
        table {
            thead { tr { th scope="col" { "Of" } th.roomy scope="col" { "Made" } th scope="col" { "Ends" } th scope="col" { span.unseen { "Revoke" } } } }
            tbody {
                @for ((id, share), name) in shares.iter().zip(&names) {
                    tr {
                        th scope="row" { (name) small { (id) } }
                        td.roomy { (when(share.made_at, &admin.report_zone)) small { "by " (share.made_by) } }
                        td { @match share.expires_at { Some(at) => (when(at, &admin.report_zone)), None => span.unknown { "never" } } }
                        td { @if may::send(PATH) { a.button.plain href={ (PATH) "/" (id) "/revoke" } aria-label={ "Revoke " (id) } { "Revoke" } } }
                    }
                }
            }
        }
    })
}

async fn name(admin: &Admin, of: &Shared) -> Result<Markup, Refused> {
    Ok(match of {
        Shared::Campaign(name) => html! { "campaign " b { (name) } },
        Shared::Link(id) => match admin.store.link(LinkId(*id)).await? {
            Some(link) => html! {
                a href={ "/links/" (link.id) } { (admin.catalog.domains().readable(&link.spec.domain, &link.spec.slug)) }
            },
            None => html! { span.unknown { "link " (id) ", which was removed" } },
        },
    })
}

fn form(wanted: &Wanted, problem: Option<&Problem>) -> Markup {
    html! {
        section.card {
            h2 { "New share link" }
            form.stack.narrow method="post" action=(PATH) {
                div {
                    label for="link" { "Link: its slug, short URL, or id:7" }
                    input #link name="link" value=(wanted.link) autocomplete="off" autocapitalize="none" spellcheck="false"
                        aria-describedby=[problem.map(|_| "wrong")];
                }
                div {
                    label for="campaign" { "or campaign: its utm_campaign" }
                    input #campaign name="campaign" value=(wanted.campaign) autocomplete="off" maxlength="255";
                }
                div {
                    label for="ends" { "Ends at the beginning of (empty: when it is revoked)" }
                    input #ends name="ends" type="date" value=(wanted.ends);
                }
                (refusal(problem))
                div { button { "Make the share link" } }
            }
        }
    }
}
