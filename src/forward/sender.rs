//! The sender: one request to a target and what it says to it, within a bounded time, to a checked address, without ever
//! following where the target points.
//!
//! It must never tell of a target's answer more than its status and what a product documents: who may make hooks is not
//! who may read what answers inside a network.

use std::error::Error;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER, USER_AGENT};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode};
use url::Url;

use super::course::Failure;
use super::guard::{Blocked, Checked, Guard, Resolver};
use super::hook::{Hook, Kind};
use super::message::Message;
use super::products;

const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// What is read of an answer, and for how long: nobody waits for the end of a body whose status says it all.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

const AGENT: &str = concat!("waypost/", env!("CARGO_PKG_VERSION"));

/// What a target said to a message that it took.
pub(super) type Note = Option<String>;

pub(super) struct Sender {
    guard: Guard,
    resolver: Arc<dyn Resolver>,
    within: Duration,
    /// Made at the first use: a machine without root certificates can still send where it needs none.
    secure: OnceLock<Client>,
    open: OnceLock<Client>,
}

impl Sender {
    /// `within` is how long a target may take for its answer.
    pub(super) fn new(guard: Guard, resolver: Arc<dyn Resolver>, within: Duration) -> Self {
        Self { guard, resolver, within, secure: OnceLock::new(), open: OnceLock::new() }
    }

    /// Sends a message.
    ///
    /// # Errors
    /// When it was not taken, and whether trying again may help.
    pub(super) async fn send(&self, hook: &Hook, message: &Message, now_ms: i64) -> Result<Note, Failure> {
        let url = address(hook)?;
        let response = self.post(url, headers(hook, message, now_ms)?, body(hook, message)).await?;
        judge(hook, response).await
    }

    /// Has Analytics check a message, which it does nowhere else: elsewhere it takes whatever comes.
    ///
    /// # Errors
    /// With what it finds wrong.
    pub(super) async fn validate(&self, hook: &Hook, message: &Message, now_ms: i64) -> Result<Note, Failure> {
        let mut url = address(hook)?;
        url.set_path("/debug/mp/collect");
        let mut response = self.post(url, headers(hook, message, now_ms)?, body(hook, message)).await?;
        if !response.status().is_success() {
            return judge(hook, response).await;
        }
        let answer: serde_json::Value = serde_json::from_slice(&read(&mut response).await).unwrap_or_default();
        let found = answer["validationMessages"].as_array().and_then(|all| all.first());
        match found.map(|found| found["description"].as_str().unwrap_or("it is not valid")) {
            None => Ok(Some("Analytics finds nothing wrong with it; nothing was counted".to_owned())),
            Some(wrong) => Err(Failure::Unwanted { why: format!("Analytics says: {}", told(wrong)) }),
        }
    }

    async fn post(&self, url: Url, headers: HeaderMap, body: String) -> Result<Response, Failure> {
        self.guard.check_url(&url).map_err(|blocked| Failure::Unwanted { why: blocked.to_string() })?;
        let client = self.client(url.scheme() == "https")?;
        client.post(url).headers(headers).body(body).send().await.map_err(|error| self.failure(&error))
    }

    fn client(&self, is_secure: bool) -> Result<&Client, Failure> {
        let cell = if is_secure { &self.secure } else { &self.open };
        if let Some(client) = cell.get() {
            return Ok(client);
        }
        // It fails only when a provider is installed already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let checked = Checked { resolver: self.resolver.clone(), guard: self.guard.clone(), is_secure };
        let mut builder = Client::builder()
            .dns_resolver(Arc::new(checked))
            .no_proxy()
            .redirect(Policy::none())
            .connect_timeout(CONNECT_WITHIN)
            .timeout(self.within);
        if !is_secure {
            builder = builder.tls_certs_only([]);
        }
        let client =
            builder.build().map_err(|error| away(format!("no connection can be made: {}", innermost(&error))))?;
        Ok(cell.get_or_init(|| client))
    }

    fn failure(&self, error: &reqwest::Error) -> Failure {
        if let Some(blocked) = blocked(error) {
            return Failure::Unwanted { why: blocked.to_string() };
        }
        if error.is_timeout() {
            return away(format!("no answer within {} s", self.within.as_secs_f32()));
        }
        away(innermost(error))
    }
}

/// Where requests of this hook go.
fn address(hook: &Hook) -> Result<Url, Failure> {
    let text = format!("{}{}", hook.url, products::path(hook.kind));
    let mut url = Url::parse(&text).map_err(|_| Failure::Unwanted { why: "its address is none".to_owned() })?;
    if hook.kind == Kind::Ga4 {
        let secret = hook.secret.as_ref().map_or("", |secret| secret.reveal());
        url.query_pairs_mut().append_pair("measurement_id", &hook.site).append_pair("api_secret", secret);
    }
    Ok(url)
}

fn body(hook: &Hook, message: &Message) -> String {
    match hook.kind {
        Kind::Matomo => products::matomo::bulk(&message.body, hook.secret.as_ref().map(|secret| secret.reveal())),
        _ => message.body.clone(),
    }
}

fn headers(hook: &Hook, message: &Message, now_ms: i64) -> Result<HeaderMap, Failure> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
    let mut put = |name: &str, value: &str| {
        let name = HeaderName::try_from(name).map_err(|_| ());
        let value = HeaderValue::try_from(value).map_err(|_| ());
        match (name, value) {
            (Ok(name), Ok(value)) => {
                headers.insert(name, value);
                Ok(())
            }
            _ => Err(Failure::Unwanted { why: "a header of it cannot be sent".to_owned() }),
        }
    };
    for (name, value) in &message.headers {
        put(name, value)?;
    }
    if hook.kind == Kind::Webhook {
        let at_s = now_ms.div_euclid(1000);
        let signatures: Vec<_> =
            hook.signers(now_ms).map(|secret| secret.sign(&message.id, at_s, &message.body)).collect();
        put("webhook-id", &message.id)?;
        put("webhook-timestamp", &at_s.to_string())?;
        put("webhook-signature", &signatures.join(" "))?;
    }
    Ok(headers)
}

/// Success and failure as Standard Webhooks has them; the same suits the products.
async fn judge(hook: &Hook, mut response: Response) -> Result<Note, Failure> {
    let status = response.status();
    let why = format!("it answered {}", status.as_u16());
    match status {
        status if status.is_success() => {}
        StatusCode::GONE => return Err(Failure::Gone),
        status if status.is_redirection() => {
            return Err(Failure::Unwanted {
                why: format!("{why}: redirects are not followed, so give the address itself"),
            });
        }
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS => {
            return Err(Failure::Away { why, retry_after_ms: retry_after_ms(&response) });
        }
        status if status.is_client_error() => return Err(Failure::Unwanted { why }),
        _ => return Err(Failure::Away { why, retry_after_ms: retry_after_ms(&response) }),
    }
    let dropped = response.headers().get("x-plausible-dropped").is_some_and(|count| count != "0");
    let body = read(&mut response).await;
    Ok(match hook.kind {
        Kind::Plausible if dropped => Some("Plausible dropped it: its filters take the visitor for a bot".to_owned()),
        Kind::Matomo => invalid_in(&body).map(|count| format!("Matomo found {count} of them invalid")),
        _ => None,
    })
}

/// How many requests of a bulk Matomo did not count.
fn invalid_in(body: &[u8]) -> Option<u64> {
    let answer: serde_json::Value = serde_json::from_slice(body).ok()?;
    answer["invalid"].as_u64().filter(|count| *count > 0)
}

/// What comes of an answer's body in a short time, so that its connection can be used again.
async fn read(response: &mut Response) -> Vec<u8> {
    let mut body = Vec::new();
    let whole = async {
        while let Ok(Some(chunk)) = response.chunk().await {
            body.extend_from_slice(&chunk);
            if body.len() > ANSWER_BYTES_MAX {
                break;
            }
        }
    };
    let _ = tokio::time::timeout(ANSWER_WITHIN, whole).await;
    body
}

/// `Retry-After` in seconds; as a date it is left to our own pauses.
fn retry_after_ms(response: &Response) -> Option<i64> {
    let seconds: i64 = response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(seconds.clamp(0, 1_000_000) * 1000)
}

fn away(why: String) -> Failure {
    Failure::Away { why, retry_after_ms: None }
}

fn blocked(error: &reqwest::Error) -> Option<&Blocked> {
    let mut error: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(cause) = error {
        if let Some(blocked) = cause.downcast_ref::<Blocked>() {
            return Some(blocked);
        }
        error = cause.source();
    }
    None
}

/// The last cause is the one that a person can do something about. It never holds the address, which may hold a secret.
fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    if cause.is::<reqwest::Error>() { "the connection broke".to_owned() } else { told(&cause.to_string()) }
}

/// Text from outside, cut and without what could act.
fn told(text: &str) -> String {
    text.chars().take(200).flat_map(char::escape_debug).collect()
}
