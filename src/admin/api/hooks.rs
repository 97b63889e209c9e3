//! `/api/v1/hooks`: where clicks and changes are passed on to, and how that fares on the node that is asked.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::cursor::{LIMITS, Page};
use super::extract::{Asked, Number, Sent};
use super::problem::Problem;
use super::shown_once::ShownOnce;
use crate::admin::{Admin, wire};
use crate::domain::verdict::Verdict;
use crate::forward::{DeskError, HookFields, HookId, Made, Shown};

/// The most dead letters that one request names.
const LETTERS_MAX: usize = *LIMITS.end();

pub(super) fn router() -> OpenApiRouter<Admin> {
    OpenApiRouter::new()
        .routes(routes!(list, make))
        .routes(routes!(show, edit, remove))
        .routes(routes!(rotate))
        .routes(routes!(test))
        .routes(routes!(deliveries))
        .routes(routes!(replay))
}

/// Where clicks and changes are passed on to.
#[derive(Serialize, ToSchema)]
pub(in crate::admin) struct Hook {
    pub(in crate::admin) id: u64,
    name: String,
    /// `webhook`, `ga4`, `plausible`, `umami` or `matomo`.
    kind: String,
    url: String,
    /// What the product knows the site by; empty for a webhook.
    site: String,
    /// What a click is called at the product; empty for a webhook.
    event: String,
    /// Of `clicks`, `links` and `imports`.
    events: Vec<String>,
    verdicts: Vec<String>,
    campaigns: Vec<String>,
    /// As links have them: empty text is the default domain.
    domains: Vec<String>,
    active: bool,
    /// A secret is never told again.
    has_secret: bool,
    /// Until then the former secret signs, too.
    former_secret_until: Option<String>,
    created_at: String,
    /// On the node that is asked: `active`, `off`, `failing` or `paused`.
    status: String,
    /// Why it is paused, or what went wrong last.
    error: Option<String>,
    paused_at: Option<String>,
    failing_since: Option<String>,
    next_try: Option<String>,
    /// Hits and changes whose turn has not come.
    behind: u64,
    dead_letters: u64,
    passed_on: PassedOn,
}

/// Sums since the hook was made, on the node that is asked.
#[derive(Serialize, ToSchema)]
struct PassedOn {
    messages: u64,
    clicks: u64,
    /// Tries that went wrong.
    failures: u64,
    /// Messages that were given up.
    given_up: u64,
    /// Clicks and changes that were too old when their turn came, and dead letters that had to make room.
    skipped: u64,
}

#[derive(Serialize, ToSchema)]
struct Hooks {
    /// All of them: at most 50.
    hooks: Vec<Hook>,
}

/// A hook, and the secret that its messages are signed with: it is told this once.
#[derive(Serialize, ToSchema)]
struct HookWithSecret {
    hook: Hook,
    secret: Option<String>,
}

/// What a target said to a test.
#[derive(Serialize, ToSchema)]
struct Tested {
    taken: bool,
    /// Why it was not taken, or what was said beside.
    said: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct Deliveries {
    /// The last tries, the latest first.
    recent: Vec<Try>,
    /// Messages that were given up, oldest first.
    dead_letters: Vec<DeadLetter>,
    /// Where the dead letters go on: `after` of the next request. `null` on their last page.
    next: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct Try {
    at: String,
    message: String,
    /// `clicks.counted`, `link.made` and so on.
    event: String,
    clicks: u64,
    took_ms: u64,
    /// From 1.
    attempt: u32,
    taken: bool,
    /// Why it was not taken, or what was said beside.
    said: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct DeadLetter {
    letter: u64,
    at: String,
    message: String,
    event: String,
    clicks: u64,
    error: String,
}

/// Which dead letters to send again.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
struct Replay {
    /// All of them, if none is named.
    letters: Vec<u64>,
}

#[derive(Serialize, ToSchema)]
struct Replayed {
    /// Letters that are sent again in their turn.
    letters: u64,
}

impl Hook {
    pub(in crate::admin) fn new(shown: &Shown, now: Timestamp) -> Self {
        let (hook, standing) = (&shown.hook, &shown.standing);
        let paused = standing.paused.as_ref();
        let status = match (hook.active, paused, &standing.error) {
            (false, ..) => "off",
            (true, Some(_), _) => "paused",
            (true, None, Some(_)) => "failing",
            (true, None, None) => "active",
        };
        let former = hook.former_until(now.as_millisecond());
        Self {
            id: shown.id.0,
            name: hook.name.clone(),
            kind: hook.kind.as_str().to_owned(),
            url: hook.url.clone(),
            site: hook.site.clone(),
            event: hook.event.clone(),
            events: hook.events.names().into_iter().map(str::to_owned).collect(),
            verdicts: hook.filter.verdicts.iter().copied().map(Verdict::as_str).map(str::to_owned).collect(),
            campaigns: hook.filter.campaigns.clone(),
            domains: hook.filter.domains.clone(),
            active: hook.active,
            has_secret: hook.has_secret(),
            former_secret_until: former.map(wire::instant),
            created_at: wire::instant(hook.created_at),
            status: status.to_owned(),
            error: paused.map(|paused| paused.why.clone()).or_else(|| standing.error.clone()),
            paused_at: paused.map(|paused| wire::instant(paused.at)),
            failing_since: standing.failing_since.map(wire::instant),
            next_try: standing.next_try.filter(|_| paused.is_none()).map(wire::instant),
            behind: standing.behind,
            dead_letters: standing.dead_letters,
            passed_on: PassedOn {
                messages: standing.counts.messages,
                clicks: standing.counts.clicks,
                failures: standing.counts.failures,
                given_up: standing.counts.dead,
                skipped: standing.counts.skipped,
            },
        }
    }
}

impl HookWithSecret {
    fn new(made: Made, now: Timestamp) -> Self {
        Self { hook: Hook::new(&made.shown, now), secret: made.secret }
    }
}

/// List hooks.
#[utoipa::path(get, path = "/hooks", operation_id = "listHooks", tag = "Hooks", responses((status = OK, body = Hooks)))]
async fn list(State(admin): State<Admin>) -> Result<Json<Hooks>, Problem> {
    let now = admin.clock.now();
    let hooks = admin.hooks.list().await?.iter().map(|shown| Hook::new(shown, now)).collect();
    Ok(Json(Hooks { hooks }))
}

/// Make a hook. It is told of what comes from now on.
#[utoipa::path(post, path = "/hooks", operation_id = "makeHook", tag = "Hooks", request_body = HookFields,
    responses((status = CREATED, body = HookWithSecret)))]
async fn make(
    State(admin): State<Admin>,
    Sent(fields): Sent<HookFields>,
) -> Result<(StatusCode, ShownOnce<HookWithSecret>), Problem> {
    let made = admin.hooks.make(&fields).await?;
    Ok((StatusCode::CREATED, ShownOnce(HookWithSecret::new(made, admin.clock.now()))))
}

/// One hook.
#[utoipa::path(get, path = "/hooks/{id}", operation_id = "showHook", tag = "Hooks",
    params(("id" = u64, Path, description = "The hook's id")), responses((status = OK, body = Hook)))]
async fn show(State(admin): State<Admin>, Number(id): Number) -> Result<Json<Hook>, Problem> {
    Ok(Json(Hook::new(&admin.hooks.show(HookId(id)).await?, admin.clock.now())))
}

/// Change a hook. One that is paused goes on.
#[utoipa::path(patch, path = "/hooks/{id}", operation_id = "editHook", tag = "Hooks", request_body = HookFields,
    params(("id" = u64, Path, description = "The hook's id")), responses((status = OK, body = Hook)))]
async fn edit(
    State(admin): State<Admin>,
    Number(id): Number,
    Sent(fields): Sent<HookFields>,
) -> Result<Json<Hook>, Problem> {
    Ok(Json(Hook::new(&admin.hooks.edit(HookId(id), &fields).await?, admin.clock.now())))
}

/// Remove a hook with everything that waits for it.
#[utoipa::path(delete, path = "/hooks/{id}", operation_id = "removeHook", tag = "Hooks",
    params(("id" = u64, Path, description = "The hook's id")), responses((status = NO_CONTENT)))]
async fn remove(State(admin): State<Admin>, Number(id): Number) -> Result<StatusCode, Problem> {
    admin.hooks.remove(HookId(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Make a webhook's secret anew. For a day its messages are signed with both.
#[utoipa::path(post, path = "/hooks/{id}/secret", operation_id = "rotateHookSecret", tag = "Hooks",
    params(("id" = u64, Path, description = "The hook's id")), responses((status = OK, body = HookWithSecret)))]
async fn rotate(State(admin): State<Admin>, Number(id): Number) -> Result<ShownOnce<HookWithSecret>, Problem> {
    let made = admin.hooks.rotate(HookId(id)).await?;
    Ok(ShownOnce(HookWithSecret::new(made, admin.clock.now())))
}

/// Send a test message at once. Analytics products but GA4 count the click that it tells of.
#[utoipa::path(post, path = "/hooks/{id}/test", operation_id = "testHook", tag = "Hooks",
    params(("id" = u64, Path, description = "The hook's id")), responses((status = OK, body = Tested)))]
async fn test(State(admin): State<Admin>, Number(id): Number) -> Result<Json<Tested>, Problem> {
    Ok(Json(match admin.hooks.test(HookId(id)).await? {
        Ok(said) => Tested { taken: true, said },
        Err(why) => Tested { taken: false, said: Some(why) },
    }))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct DeliveryParams {
    /// `next` of the page before.
    after: Option<String>,
    /// Dead letters of a page, 100 unless said.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
}

/// The last 50 tries, and what was given up, by the node that is asked.
#[utoipa::path(get, path = "/hooks/{id}/deliveries", operation_id = "listDeliveries", tag = "Hooks",
    params(("id" = u64, Path, description = "The hook's id"), DeliveryParams),
    responses((status = OK, body = Deliveries)))]
async fn deliveries(
    State(admin): State<Admin>,
    Number(id): Number,
    Asked(params): Asked<DeliveryParams>,
) -> Result<Json<Deliveries>, Problem> {
    let page = Page::<u64>::asked(params.after.as_deref(), params.limit)?;
    let shown = admin.hooks.show(HookId(id)).await?;
    let recent = shown.standing.recent.into_iter().map(|delivery| Try {
        at: wire::instant(delivery.at),
        message: delivery.message,
        event: delivery.event,
        clicks: delivery.clicks,
        took_ms: delivery.took_ms,
        attempt: delivery.attempt,
        taken: delivery.error.is_none(),
        said: delivery.error.or(delivery.note),
    });
    // One more than the page holds says whether the list goes on.
    let letters = admin.hooks.dead_letters(HookId(id), page.after.unwrap_or(0), page.limit + 1).await?;
    let (letters, next) = page.of(letters, |letter| letter.number);
    let letters = letters.into_iter().map(|letter| DeadLetter {
        letter: letter.number,
        at: wire::instant(letter.at),
        message: letter.message,
        event: letter.event,
        clicks: letter.clicks,
        error: letter.error,
    });
    Ok(Json(Deliveries { recent: recent.collect(), dead_letters: letters.collect(), next }))
}

/// Send dead letters again.
#[utoipa::path(post, path = "/hooks/{id}/replay", operation_id = "replayDeadLetters", tag = "Hooks",
    request_body = Replay, params(("id" = u64, Path, description = "The hook's id")),
    responses((status = ACCEPTED, body = Replayed)))]
async fn replay(
    State(admin): State<Admin>,
    Number(id): Number,
    Sent(asked): Sent<Replay>,
) -> Result<(StatusCode, Json<Replayed>), Problem> {
    if asked.letters.len() > LETTERS_MAX {
        return Err(Problem::invalid("letters", format!("name at most {LETTERS_MAX}, or none for all")));
    }
    let letters = admin.hooks.replay(HookId(id), &asked.letters).await?;
    Ok((StatusCode::ACCEPTED, Json(Replayed { letters })))
}

impl From<DeskError> for Problem {
    fn from(error: DeskError) -> Self {
        let detail = error.to_string();
        match error {
            DeskError::Invalid(invalid) => Self::invalid(invalid.field, invalid.message),
            DeskError::NotFound(_) => Self::not_found(detail),
            DeskError::NoLetter(_) => Self::invalid("letters", detail),
            DeskError::Full => Self::new(StatusCode::CONFLICT, detail),
            DeskError::Changed(_) => Self::new(StatusCode::CONFLICT, detail),
            DeskError::NoSecret(_) => Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail),
            DeskError::NoRandom => Self::unavailable(detail),
            DeskError::Letters(error) => {
                tracing::error!(%error, "dead letters cannot be read");
                Self::internal("the dead letters cannot be read: the server's log says why")
            }
            DeskError::Store(error) => error.into(),
        }
    }
}
