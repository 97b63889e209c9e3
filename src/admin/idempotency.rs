//! `Idempotency-Key`: a request that makes something may be sent again, and is done once.
//!
//! The first answer is kept under the key, with a fingerprint of the request, for one to two days: the same request gets
//! it again, another one under the same key is refused, and one that is still under way is told so. Only answers of what
//! was done are kept: whoever was refused may mend the request and send it under the same key.
//! (draft-ietf-httpapi-idempotency-key-header-07.)

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_TYPE, ETAG, HeaderName, HeaderValue, LOCATION};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Admin;
use super::access::{as_caller, current, random_text};
use super::api::problem::Problem;
use super::api::shown_once::Secret;
use crate::domain::record::{Expected, Record, RecordKey, RecordKind, RecordValue, Revision, Saved};
use crate::store::StoreError;

const HEADER: &str = "idempotency-key";
/// Says of an answer that it is the first one, again.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// The longest key, in characters.
const KEY_CHARS_MAX: usize = 255;
/// The largest body that comes with a key; both it and its answer are held in memory.
const BODY_BYTES_MAX: usize = crate::links::import::FILE_BYTES_MAX;
const ANSWER_BYTES_MAX: usize = 16 << 20;
/// Records that one answer may take, compressed. A larger one is not kept, and its key only says that it was done.
const PARTS_MAX: usize = 16;
/// Records of past days that each new key removes.
const SWEPT: usize = 64;
/// A request that began longer ago has ended, with its process or without an answer.
const UNDER_WAY_S: i64 = 120;

const KIND: RecordKind = RecordKind::Idempotency;

/// The headers of an answer that are kept.
const KEPT: [HeaderName; 3] = [CONTENT_TYPE, LOCATION, ETAG];

/// What stands under a key.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Head {
    /// Nobody else's: a record that says the same as the one that is there is saved without a conflict, and of two requests
    /// in one millisecond each would be the first.
    nonce: String,
    /// Of method, path, query and body.
    fingerprint: String,
    began_at: Timestamp,
    answer: Option<Answer>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    /// How many records hold the body; `None` when it was too large or told a secret.
    parts: Option<usize>,
}

/// Does a request with a key once. Everything else passes through.
pub(super) async fn once(State(admin): State<Admin>, request: Request, next: Next) -> Response {
    if request.method() != Method::POST || !request.headers().contains_key(HEADER) {
        return next.run(request).await;
    }
    match do_once(&admin, request, next).await {
        Ok(response) => response,
        Err(problem) => problem.into_response(),
    }
}

async fn do_once(admin: &Admin, request: Request, next: Next) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let caller = current();
    let who = caller.as_ref().map(|caller| format!("{:?}", caller.who)).unwrap_or_default();
    let name = name(parts.headers.get(HEADER), &who)?;
    let too_large = |_| {
        let detail = "with an Idempotency-Key a body has at most 64 MiB; imports of impressions need none: the same file \
                      twice is one import";
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
    };
    let body = to_bytes(body, BODY_BYTES_MAX).await.map_err(too_large)?;
    let mut hash = blake3::Hasher::new();
    hash.update(parts.uri.to_string().as_bytes()).update(b"\n").update(&body);
    let fingerprint = hash.finalize().to_hex().to_string();

    let now = admin.clock.now();
    if let Some((key, head)) = known(admin, &name, now).await? {
        return again(admin, &key, &head, &fingerprint, now).await;
    }
    sweep(admin, now).await?;
    let key = key_of(now, &name)?;
    let head = Head { nonce: nonce()?, fingerprint, began_at: now, answer: None };
    let revision = match admin.store.put_record(KIND, &key, Expected::Absent, &value(&head)?).await? {
        Saved::Yes(revision) => revision,
        Saved::Full => return Err(Problem::unavailable("too many Idempotency-Keys are in use: try again tomorrow")),
        Saved::Changed => return Err(under_way()),
    };
    // A task of its own, so that it ends, and its answer is kept, when the client has gone.
    let (admin, request) = (admin.clone(), Request::from_parts(parts, Body::from(body)));
    let work = async move {
        let response = next.run(request).await;
        settle(&admin, &key, head, revision, response).await
    };
    let done = match caller {
        Some(caller) => tokio::spawn(as_caller(caller, work)),
        None => tokio::spawn(work),
    };
    done.await.map_err(|error| Problem::internal(format!("the request broke off: {error}")))?
}

/// The key's name among the records: nobody else's, and nothing of what was sent.
fn name(header: Option<&HeaderValue>, who: &str) -> Result<String, Problem> {
    let text = header.and_then(|value| value.to_str().ok()).unwrap_or_default().trim().trim_matches('"');
    if text.is_empty() || text.chars().count() > KEY_CHARS_MAX {
        let detail = format!("an Idempotency-Key has 1 to {KEY_CHARS_MAX} visible characters, such as a UUID");
        return Err(Problem::malformed(detail));
    }
    Ok(blake3::hash(format!("{who}\n{text}").as_bytes()).to_hex().to_string())
}

/// Keys begin with their day, so that those of past days come first.
fn key_of(at: Timestamp, name: &str) -> Result<RecordKey, Problem> {
    let day = at.strftime("%Y-%m-%d");
    RecordKey::new(&format!("{day} {name}")).ok_or_else(|| Problem::internal("a key of digits is none"))
}

fn nonce() -> Result<String, Problem> {
    random_text().map_err(|error| Problem::internal(format!("no random numbers: {error}")))
}

fn yesterday(now: Timestamp) -> Timestamp {
    now - jiff::SignedDuration::from_hours(24)
}

async fn known(admin: &Admin, name: &str, now: Timestamp) -> Result<Option<(RecordKey, Head)>, Problem> {
    for at in [now, yesterday(now)] {
        let key = key_of(at, name)?;
        if let Some(record) = admin.store.record(KIND, &key).await? {
            return Ok(Some((key, read(&record)?)));
        }
    }
    Ok(None)
}

/// Removes some of what is older than yesterday.
async fn sweep(admin: &Admin, now: Timestamp) -> Result<(), Problem> {
    let first_kept = yesterday(now).strftime("%Y-%m-%d").to_string();
    // Values are read with keys, so a few at a time.
    for record in admin.store.records(KIND, None, SWEPT).await? {
        if record.key.as_str() >= first_kept.as_str() {
            break;
        }
        admin.store.remove_record(KIND, &record.key).await?;
    }
    Ok(())
}

/// What a request gets whose key is known.
async fn again(
    admin: &Admin,
    key: &RecordKey,
    head: &Head,
    fingerprint: &str,
    now: Timestamp,
) -> Result<Response, Problem> {
    if head.fingerprint != fingerprint {
        let detail = "this Idempotency-Key came with another request before: use a new one";
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail));
    }
    let Some(answer) = &head.answer else {
        let is_under_way = now.duration_since(head.began_at).as_secs() < UNDER_WAY_S;
        return Err(if is_under_way { under_way() } else { unknown() });
    };
    let Some(parts) = answer.parts else {
        let detail =
            "this request was done, and its answer was not kept, being a secret or too large: look at what it made";
        return Err(Problem::new(StatusCode::CONFLICT, detail));
    };
    let mut packed = Vec::new();
    for part in 0..parts {
        let record = admin.store.record(KIND, &part_key(key, part)?).await?.ok_or_else(unknown)?;
        packed.extend_from_slice(record.value.as_bytes());
    }
    let body = zstd::bulk::decompress(&packed, ANSWER_BYTES_MAX).map_err(|_| unknown())?;
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    for (name, value) in &answer.headers {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(value)) {
            response.headers_mut().insert(name, value);
        }
    }
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    Ok(response)
}

fn under_way() -> Problem {
    Problem::new(StatusCode::CONFLICT, "the first request with this Idempotency-Key is still under way: ask again")
}

fn unknown() -> Problem {
    let detail = "the first request with this Idempotency-Key was cut off, and whether it was done is unknown: look, \
                  then send it with a new key if it was not";
    Problem::new(StatusCode::CONFLICT, detail)
}

/// Keeps an answer, or forgets the key of a request that was not done.
async fn settle(
    admin: &Admin,
    key: &RecordKey,
    head: Head,
    revision: Revision,
    response: Response,
) -> Result<Response, Problem> {
    if !response.status().is_success() {
        admin.store.remove_record(KIND, key).await?;
        return Ok(response);
    }
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, ANSWER_BYTES_MAX).await.map_err(|error| Problem::internal(error.to_string()))?;
    let kept =
        KEPT.iter().filter_map(|name| Some((name.to_string(), parts.headers.get(name)?.to_str().ok()?.to_owned())));
    let is_secret = Secret::is_in(&parts.extensions);
    let records = if is_secret { None } else { keep(admin, key, &body).await? };
    let answer = Answer { status: parts.status.as_u16(), headers: kept.collect(), parts: records };
    let head = Head { answer: Some(answer), ..head };
    admin.store.put_record(KIND, key, Expected::At(revision), &value(&head)?).await?;
    Ok(Response::from_parts(parts, Body::from(body)))
}

/// Writes an answer's body; how many records it took.
async fn keep(admin: &Admin, key: &RecordKey, body: &Bytes) -> Result<Option<usize>, Problem> {
    let packed = zstd::bulk::compress(body, 0).map_err(|error| Problem::internal(error.to_string()))?;
    let parts: Vec<&[u8]> = packed.chunks(RecordValue::BYTES_MAX).collect();
    if parts.len() > PARTS_MAX {
        return Ok(None);
    }
    for (at, part) in parts.iter().enumerate() {
        let value =
            RecordValue::new(part.to_vec()).ok_or_else(|| Problem::internal("a part is larger than it was cut"))?;
        admin.store.put_record(KIND, &part_key(key, at)?, Expected::Absent, &value).await?;
    }
    Ok(Some(parts.len()))
}

fn part_key(key: &RecordKey, part: usize) -> Result<RecordKey, Problem> {
    let text = format!("{} {part:02}", key.as_str());
    RecordKey::new(&text).ok_or_else(|| Problem::internal("a key of digits is none"))
}

fn value(head: &Head) -> Result<RecordValue, Problem> {
    let bytes = serde_json::to_vec(head).map_err(|error| Problem::internal(error.to_string()))?;
    RecordValue::new(bytes).ok_or_else(|| Problem::internal("the headers of an answer are too large to be kept"))
}

fn read(record: &Record) -> Result<Head, Problem> {
    let unreadable = |error: serde_json::Error| StoreError::Corrupt(format!("an idempotency key: {error}"));
    Ok(serde_json::from_slice(record.value.as_bytes()).map_err(unreadable)?)
}
