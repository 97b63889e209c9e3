//! A message: one request as it will be sent, without the secrets that are added at the last moment. What waits, fails and
//! is kept as a dead letter is always a message, so that a later try sends the same.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::hook::{Hook, HookId, Kind};
use super::outbox::Told;
use super::products;
use crate::archive::click_json;
use crate::domain::click::Click;
use crate::domain::link::DomainName;
use crate::domain::position::{Incarnation, Position};
use crate::domain::slug::Slug;
use crate::links::Domains;

/// One request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Message {
    /// The same however often it is sent: `webhook-id`.
    pub(super) id: String,
    /// `clicks.counted`, `link.made` and so on.
    pub(super) event: String,
    /// Clicks in it.
    pub(super) clicks: u64,
    /// Headers besides those that every request to such a target has.
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
}

/// Clicks that go out together, and whence they come.
pub(super) struct Batch<'a> {
    pub(super) hook: HookId,
    pub(super) incarnation: Incarnation,
    pub(super) from: Position,
    pub(super) to: Position,
    /// At least one.
    pub(super) clicks: &'a [Click],
}

impl Message {
    /// The requests that tell of `batch`: one, unless the product takes one click at a time.
    pub(super) fn of_clicks(hook: &Hook, batch: &Batch<'_>, domains: &Domains) -> Vec<Self> {
        let of_one = |click: &Click| {
            let (headers, body) = products::of_click(hook, &Shown::of(click, domains));
            let id = format!("msg_{}", click.id.simple());
            Self { id, event: CLICKS.to_owned(), clicks: 1, headers, body }
        };
        match hook.kind {
            Kind::Webhook => vec![Self::whole(batch, webhook_body(batch.clicks))],
            Kind::Matomo => {
                let shown = batch.clicks.iter().map(|click| Shown::of(click, domains));
                vec![Self::whole(batch, products::matomo::requests(hook, shown))]
            }
            Kind::Ga4 | Kind::Plausible | Kind::Umami => batch.clicks.iter().map(of_one).collect(),
        }
    }

    fn whole(batch: &Batch<'_>, body: String) -> Self {
        let clicks = batch.clicks.len() as u64;
        Self { id: batch_id(batch), event: CLICKS.to_owned(), clicks, headers: Vec::new(), body }
    }

    /// What a webhook is told of a change.
    pub(super) fn of_change(hook: HookId, told: &Told) -> Self {
        let body = json!({ "type": told.event, "timestamp": told.at, "data": told.data }).to_string();
        let id = name(&format!("{hook} change {} {}", told.number, told.at));
        Self { id, event: told.event.clone(), clicks: 0, headers: Vec::new(), body }
    }

    /// What somebody sends to see whether anything arrives.
    pub(super) fn of_test(hook: &Hook, id: HookId, click: &Click, domains: &Domains) -> Self {
        let name = name(&format!("{id} test {}", click.id));
        if hook.kind == Kind::Webhook {
            let data = json!({ "hook": id.0, "click": click_json(click) });
            let body = json!({ "type": TEST, "timestamp": instant(click.time_ms), "data": data }).to_string();
            return Self { id: name, event: TEST.to_owned(), clicks: 0, headers: Vec::new(), body };
        }
        let batch = Batch {
            hook: id,
            incarnation: Incarnation(0),
            from: Position::START,
            to: Position::START,
            clicks: std::slice::from_ref(click),
        };
        let message = Self::of_clicks(hook, &batch, domains).into_iter().next();
        let message = message.expect("one click makes one message");
        Self { id: name, event: TEST.to_owned(), ..message }
    }
}

const CLICKS: &str = "clicks.counted";
const TEST: &str = "test";

fn webhook_body(clicks: &[Click]) -> String {
    let last = clicks.iter().map(|click| click.time_ms).max().unwrap_or(0);
    let clicks: Vec<Value> = clicks.iter().map(|click| click_json(click).into()).collect();
    json!({ "type": CLICKS, "timestamp": instant(last), "data": { "clicks": clicks } }).to_string()
}

pub(super) fn instant(time_ms: i64) -> String {
    jiff::Timestamp::from_millisecond(time_ms).map_or_else(|_| String::new(), |instant| format!("{instant:.3}"))
}

/// The same for the same clicks. The incarnation must not be told: click ids cannot be guessed as long as it is not known.
fn batch_id(batch: &Batch<'_>) -> String {
    name(&format!("{} {} {} {}", batch.hook, batch.incarnation, batch.from, batch.to))
}

fn name(of: &str) -> String {
    format!("msg_{}", &blake3::hash(of.as_bytes()).to_hex()[..32])
}

/// A click with what products want to know and the click does not hold.
pub(super) struct Shown<'a> {
    pub(super) click: &'a Click,
    /// `https://go.example.com/spring`, with the UTM of the link as its query.
    pub(super) url: url::Url,
    /// Where the visitor came from, without a query.
    pub(super) referrer: Option<String>,
}

impl<'a> Shown<'a> {
    pub(super) fn of(click: &'a Click, domains: &Domains) -> Self {
        let domain = DomainName(click.link.domain.clone());
        let short = Slug::parse(&click.link.slug).map(|slug| domains.short_url(&domain, &slug));
        let base = || domains.bases().next().unwrap_or("http://localhost").to_owned();
        let parsed = url::Url::parse(&short.unwrap_or_else(|_| base()));
        let mut url = parsed.unwrap_or_else(|_| url::Url::parse("http://localhost/").expect("it is a URL"));
        let utm = click.link.utm.iter().map(|(field, value)| (format!("utm_{}", field.name()), value));
        let utm: Vec<_> = utm.collect();
        if !utm.is_empty() {
            url.query_pairs_mut().extend_pairs(utm);
        }
        let look = &click.look;
        let referrer =
            (!look.referrer_host.is_empty()).then(|| format!("https://{}{}", look.referrer_host, look.referrer_path));
        Self { click, url, referrer }
    }

    /// 16 hexadecimal digits that are another visitor's tomorrow.
    pub(super) fn visitor(&self) -> String {
        format!("{:016x}", self.click.visitor.0)
    }
}
