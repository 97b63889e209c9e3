//! What an owner writes about a hook, and the hook that becomes of it. Every error names its field and what to do.
//!
//! It is also the JSON of `POST` and `PATCH /api/v1/hooks`. A missing field leaves things as they are, `null` clears, an
//! unknown name is refused.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use url::Url;
use utoipa::ToSchema;

use super::guard::Guard;
use super::hook::{Events, Filter, Hook, Kind};
use super::secret::Secret;
use crate::domain::verdict::Verdict;
use crate::links::{Change, Domains};

const NAME_CHARS_MAX: usize = 100;
const URL_BYTES_MAX: usize = 2048;
/// Of a site, an event and a product's secret.
const TEXT_CHARS_MAX: usize = 200;
/// Names in one list of a filter.
const LISTED_MAX: usize = 100;
const LISTED_CHARS_MAX: usize = 255;

/// What a click is called at a product unless said otherwise; `pageview` counts it as a page view where there is such a thing.
pub(crate) const EVENT: &str = "short_link_click";

/// One field is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Invalid {
    /// Its name in the API.
    pub(crate) field: &'static str,
    pub(crate) message: String,
}

fn invalid<T>(field: &'static str, message: impl Into<String>) -> Result<T, Invalid> {
    Err(Invalid { field, message: message.into() })
}

/// Everything an owner can say about a hook, as text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct HookFields {
    #[serde(skip_serializing_if = "Change::is_keep")]
    #[schema(value_type = Option<String>)]
    pub(crate) name: Change<String>,
    /// `webhook` (the default), `ga4`, `plausible`, `umami` or `matomo`; it stays what it was made.
    #[serde(skip_serializing_if = "Change::is_keep")]
    #[schema(value_type = Option<String>)]
    pub(crate) kind: Change<String>,
    /// Where a webhook is sent to; or where the product is, without the path of its API.
    #[serde(skip_serializing_if = "Change::is_keep")]
    #[schema(value_type = Option<String>)]
    pub(crate) url: Change<String>,
    /// What the product knows the site by: GA4's measurement id, Plausible's domain, Umami's website id, Matomo's site id.
    #[serde(skip_serializing_if = "Change::is_keep")]
    #[schema(value_type = Option<String>)]
    pub(crate) site: Change<String>,
    /// What a click is called at the product.
    #[serde(skip_serializing_if = "Change::is_keep")]
    #[schema(value_type = Option<String>)]
    pub(crate) event: Change<String>,
    /// GA4's API secret or Matomo's `token_auth`. A webhook's is made here and shown once.
    #[serde(skip_serializing_if = "Change::is_keep")]
    #[schema(value_type = Option<String>)]
    pub(crate) secret: Change<String>,
    /// Of a webhook: `clicks`, `links`, `imports`; clicks alone, unless said.
    #[serde(skip_serializing_if = "Change::is_keep")]
    #[schema(value_type = Option<Vec<String>>)]
    pub(crate) events: Change<Vec<String>>,
    /// Of a webhook: which verdicts it is sent clicks of; `human` alone, unless said.
    #[serde(skip_serializing_if = "Change::is_keep")]
    #[schema(value_type = Option<Vec<String>>)]
    pub(crate) verdicts: Change<Vec<String>>,
    /// Only clicks of these campaigns.
    #[serde(skip_serializing_if = "Change::is_keep")]
    #[schema(value_type = Option<Vec<String>>)]
    pub(crate) campaigns: Change<Vec<String>>,
    /// Only clicks on these domains.
    #[serde(skip_serializing_if = "Change::is_keep")]
    #[schema(value_type = Option<Vec<String>>)]
    pub(crate) domains: Change<Vec<String>>,
    /// `false` switches it off: what comes meanwhile is not sent. `true` also lets a paused one go on.
    #[serde(skip_serializing_if = "Change::is_keep")]
    #[schema(value_type = Option<bool>)]
    pub(crate) active: Change<bool>,
}

/// What a check needs to know besides the fields.
pub(super) struct Checks<'a> {
    pub(super) domains: &'a Domains,
    pub(super) guard: &'a Guard,
    pub(super) now: Timestamp,
}

impl HookFields {
    /// The hook that is made of them. A webhook has no secret yet.
    pub(super) fn new_hook(&self, checks: &Checks<'_>) -> Result<Hook, Invalid> {
        let kind = match self.kind.set() {
            None => Kind::Webhook,
            Some(text) => Kind::parse(text).map_or_else(
                || invalid("kind", format!("{text:?} is none of webhook, ga4, plausible, umami and matomo")),
                Ok,
            )?,
        };
        let blank = Hook {
            name: String::new(),
            kind,
            url: usual_url(kind).to_owned(),
            site: String::new(),
            event: if kind == Kind::Webhook { String::new() } else { EVENT.to_owned() },
            active: true,
            events: Events::CLICKS,
            filter: Filter { verdicts: vec![Verdict::Human], ..Filter::default() },
            secret: None,
            former: None,
            created_at: checks.now,
            resumed_at: None,
        };
        Self { kind: Change::Keep, ..self.clone() }.over(&blank, checks)
    }

    /// `before` with these changes.
    pub(super) fn over(&self, before: &Hook, checks: &Checks<'_>) -> Result<Hook, Invalid> {
        let mut hook = before.clone();
        if self.kind.set().is_some_and(|kind| kind != before.kind.as_str()) {
            return invalid("kind", "a hook stays what it was made: make another one");
        }
        hook.name = text(&self.name, &before.name, "", "name", NAME_CHARS_MAX)?;
        hook.url = text(&self.url, &before.url, usual_url(hook.kind), "url", URL_BYTES_MAX)?;
        hook.url = checked_url(&hook.url, hook.kind, checks.guard)?;
        hook.site = text(&self.site, &before.site, "", "site", TEXT_CHARS_MAX)?;
        hook.event = text(&self.event, &before.event, EVENT, "event", TEXT_CHARS_MAX)?;
        self.check_secret(&mut hook, before)?;
        check_product(&mut hook)?;
        self.events_over(&mut hook)?;
        self.filter_over(&mut hook, checks.domains)?;
        if let Change::Set(active) = &self.active {
            hook.active = *active;
            hook.resumed_at = active.then_some(checks.now);
        }
        Ok(hook)
    }

    fn check_secret(&self, hook: &mut Hook, before: &Hook) -> Result<(), Invalid> {
        match &self.secret {
            // Else whoever may edit could have it sent to an address of theirs.
            Change::Keep if hook.kind != Kind::Webhook && before.secret.is_some() && hook.url != before.url => {
                return invalid("secret", "at another address the secret has to be given again");
            }
            Change::Keep => {}
            _ if matches!(hook.kind, Kind::Webhook | Kind::Plausible | Kind::Umami) => {
                return invalid("secret", "only ga4 and matomo take one; a webhook's is made here: see `rotate`");
            }
            Change::Clear => hook.secret = None,
            Change::Set(given) => {
                let given = text(&Change::Set(given.clone()), "", "", "secret", TEXT_CHARS_MAX)?;
                hook.secret = (!given.is_empty()).then(|| Secret::given(&given));
            }
        }
        Ok(())
    }

    fn events_over(&self, hook: &mut Hook) -> Result<(), Invalid> {
        let names = match &self.events {
            Change::Keep => return Ok(()),
            Change::Clear => {
                hook.events = Events::CLICKS;
                return Ok(());
            }
            Change::Set(names) => names,
        };
        let mut events = Events { clicks: false, links: false, imports: false };
        for name in names {
            match name.as_str() {
                "clicks" => events.clicks = true,
                "links" => events.links = true,
                "imports" => events.imports = true,
                other => return invalid("events", format!("{other:?} is none of clicks, links and imports")),
            }
        }
        match events {
            Events { clicks: false, links: false, imports: false } => invalid("events", "name at least one"),
            _ if hook.kind != Kind::Webhook && events != Events::CLICKS => {
                invalid("events", "only webhooks tell of more than clicks")
            }
            _ => {
                hook.events = events;
                Ok(())
            }
        }
    }

    fn filter_over(&self, hook: &mut Hook, domains: &Domains) -> Result<(), Invalid> {
        if let Some(names) = listed(&self.verdicts, "verdicts")? {
            let parse = |name: &String| {
                let known = Verdict::ALL.map(Verdict::as_str).join(", ");
                Verdict::parse(name).map_or_else(|| invalid("verdicts", format!("{name:?} is none of {known}")), Ok)
            };
            hook.filter.verdicts = names.iter().map(parse).collect::<Result<_, _>>()?;
            if hook.filter.verdicts.is_empty() {
                hook.filter.verdicts.push(Verdict::Human);
            }
            if hook.kind != Kind::Webhook && hook.filter.verdicts != [Verdict::Human] {
                return invalid("verdicts", "only human clicks are passed on to analytics");
            }
        }
        if let Some(names) = listed(&self.campaigns, "campaigns")? {
            hook.filter.campaigns = names;
        }
        if let Some(names) = listed(&self.domains, "domains")? {
            let name = |host: &String| match domains.named(host) {
                Some(name) => Ok(name.0.clone()),
                None => invalid("domains", format!("{host:?} is no domain of this Waypost")),
            };
            hook.filter.domains = names.iter().map(name).collect::<Result<_, _>>()?;
        }
        Ok(())
    }
}

/// What each product needs, and what a webhook has no use for.
fn check_product(hook: &mut Hook) -> Result<(), Invalid> {
    let site = hook.site.as_str();
    match hook.kind {
        Kind::Webhook if !site.is_empty() => return invalid("site", "a webhook has no site"),
        Kind::Webhook => hook.event.clear(),
        Kind::Ga4 if hook.secret.is_none() => {
            return invalid("secret", "Analytics wants an API secret: Admin, Data streams, Measurement Protocol");
        }
        Kind::Ga4 if !is_measurement_id(site) => {
            return invalid("site", "give the measurement id of the data stream, such as G-A1B2C3D4E5");
        }
        Kind::Plausible if site.is_empty() => {
            return invalid("site", "give the domain that Plausible knows the site by");
        }
        Kind::Umami if uuid::Uuid::try_parse(site).is_err() => {
            return invalid("site", "give the website id that Umami shows, a UUID");
        }
        Kind::Matomo if site.is_empty() || !site.bytes().all(|digit| digit.is_ascii_digit()) => {
            return invalid("site", "give the number that Matomo knows the site by");
        }
        _ => {}
    }
    let is_name = |event: &str| event.bytes().all(|letter| letter.is_ascii_alphanumeric() || letter == b'_');
    if hook.kind == Kind::Ga4 && (hook.event.len() > 40 || !is_name(&hook.event)) {
        return invalid("event", "Analytics takes up to 40 letters, digits and underscores");
    }
    // Umami refuses what a spreadsheet would take for a formula.
    if hook.event.starts_with(['=', '+', '-', '@']) {
        return invalid("event", "a name does not begin with =, +, - or @");
    }
    Ok(())
}

/// Where a product is unless one runs one's own.
fn usual_url(kind: Kind) -> &'static str {
    match kind {
        Kind::Webhook | Kind::Matomo => "",
        Kind::Ga4 => "https://www.google-analytics.com",
        Kind::Plausible => "https://plausible.io",
        Kind::Umami => "https://cloud.umami.is",
    }
}

fn is_measurement_id(text: &str) -> bool {
    text.strip_prefix("G-").is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|one| one.is_ascii_alphanumeric()))
}

fn text(
    change: &Change<String>,
    before: &str,
    cleared: &str,
    field: &'static str,
    chars_max: usize,
) -> Result<String, Invalid> {
    let text = match change {
        Change::Keep => return Ok(before.to_owned()),
        Change::Clear => return Ok(cleared.to_owned()),
        Change::Set(text) => text.trim(),
    };
    if text.chars().count() > chars_max || text.chars().any(char::is_control) {
        return invalid(field, format!("it has at most {chars_max} characters and no line break"));
    }
    Ok(if text.is_empty() { cleared } else { text }.to_owned())
}

fn listed(change: &Change<Vec<String>>, field: &'static str) -> Result<Option<Vec<String>>, Invalid> {
    let names = match change {
        Change::Keep => return Ok(None),
        Change::Clear => return Ok(Some(Vec::new())),
        Change::Set(names) => names,
    };
    let is_long = |name: &String| name.chars().count() > LISTED_CHARS_MAX;
    if names.len() > LISTED_MAX || names.iter().any(is_long) {
        return invalid(field, format!("at most {LISTED_MAX} names of {LISTED_CHARS_MAX} characters each"));
    }
    Ok(Some(names.clone()))
}

fn checked_url(text: &str, kind: Kind, guard: &Guard) -> Result<String, Invalid> {
    const FORM: &str = "give the whole address, such as https://example.com/hooks/waypost";
    let Ok(url) = Url::parse(text) else { return invalid("url", FORM) };
    if !url.username().is_empty() || url.password().is_some() {
        return invalid(
            "url",
            "it holds a user name or a password, which would be shown: put a token into its path or query",
        );
    }
    match url.scheme() {
        "https" => {}
        "http" if guard.has_own_networks() => {}
        "http" => return invalid("url", "without TLS anybody on the way reads along: use https://"),
        _ => return invalid("url", FORM),
    }
    if let Err(blocked) = guard.check_url(&url) {
        return invalid("url", blocked.to_string());
    }
    if url.fragment().is_some() || (kind != Kind::Webhook && url.query().is_some()) {
        return invalid("url", "leave out what stands behind # and, of a product, behind ?");
    }
    let url = String::from(url);
    Ok(if kind == Kind::Webhook { url } else { url.trim_end_matches('/').to_owned() })
}

#[cfg(test)]
#[path = "fields_tests.rs"]
mod tests;
