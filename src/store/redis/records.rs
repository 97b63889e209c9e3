//! Records: a hash of each kind, beside a sorted set of its keys, because a hash has no order.

use redis::cmd;

use super::line::Call;
use super::reaction::{Failure, Result};
use super::{Server, scripts};
use crate::domain::record::{Expected, RECORDS_MAX, Record, RecordKey, RecordKind, RecordValue, Revision, Saved};

/// Records fetched with one command: 64 MB of the largest ones.
const FETCHED_MAX: usize = 1_000;

pub(super) async fn put(
    server: &Server,
    kind: RecordKind,
    key: &RecordKey,
    expected: Expected,
    value: &RecordValue,
) -> Result<Saved> {
    let expected = match expected {
        Expected::Absent => String::new(),
        Expected::At(revision) => revision.0.to_string(),
    };
    let call = Call::new(&scripts::PUT_RECORD)
        .key(server.keys.records(kind))
        .key(server.keys.record_keys(kind))
        .key(server.keys.record_revisions())
        .key(server.keys.layout())
        .arg(key.as_str())
        .arg(expected)
        .arg(value.as_bytes())
        .arg(server.id.as_str())
        .arg(RECORDS_MAX.to_string());
    let reply: Vec<String> = server.lookups.run_again(&call).await?;
    let revision = reply.get(1).and_then(|revision| revision.parse().ok()).map(Revision);
    match (reply.first().map_or("", String::as_str), revision) {
        ("yes", Some(revision)) => Ok(Saved::Yes(revision)),
        ("changed", _) => Ok(Saved::Changed),
        ("full", _) => Ok(Saved::Full),
        _ => Err(server.unexpected(&reply)),
    }
}

pub(super) async fn get(server: &Server, kind: RecordKind, key: &RecordKey) -> Result<Option<Record>> {
    let hash = server.keys.records(kind);
    let stored: Option<Vec<u8>> = server.lookups.read(cmd("HGET").arg(&hash).arg(key.as_str())).await?;
    stored.map(|stored| record(&hash, key.clone(), &stored)).transpose()
}

pub(super) async fn remove(server: &Server, kind: RecordKind, key: &RecordKey) -> Result<bool> {
    let call = Call::new(&scripts::REMOVE_RECORD)
        .key(server.keys.records(kind))
        .key(server.keys.record_keys(kind))
        .arg(key.as_str());
    server.lookups.run(&call).await
}

/// By the bytes of their keys. One that is removed meanwhile is left out.
pub(super) async fn list(
    server: &Server,
    kind: RecordKind,
    after: Option<RecordKey>,
    limit: usize,
) -> Result<Vec<Record>> {
    let (mut records, mut after) = (Vec::new(), after);
    while records.len() < limit {
        let keys = keys_after(server, kind, after.as_ref(), FETCHED_MAX.min(limit - records.len())).await?;
        let Some(last) = keys.last() else { break };
        after = Some(last.clone());
        records.extend(fetch(server, kind, keys).await?);
    }
    Ok(records)
}

async fn keys_after(
    server: &Server,
    kind: RecordKind,
    after: Option<&RecordKey>,
    limit: usize,
) -> Result<Vec<RecordKey>> {
    let set = server.keys.record_keys(kind);
    let from = after.map_or_else(|| "-".to_owned(), |key| format!("({}", key.as_str()));
    let mut range = cmd("ZRANGEBYLEX");
    range.arg(&set).arg(from).arg("+").arg("LIMIT").arg(0).arg(limit);
    let keys: Vec<String> = server.reports.read(&range).await?;
    let parse = |key: String| RecordKey::new(&key).ok_or_else(|| unreadable(&set, &key));
    keys.into_iter().map(parse).collect()
}

async fn fetch(server: &Server, kind: RecordKind, keys: Vec<RecordKey>) -> Result<Vec<Record>> {
    let hash = server.keys.records(kind);
    let mut get = cmd("HMGET");
    get.arg(&hash);
    keys.iter().for_each(|key| {
        get.arg(key.as_str());
    });
    let values: Vec<Option<Vec<u8>>> = server.reports.read(&get).await?;
    let stored = keys.into_iter().zip(values).filter_map(|(key, value)| Some((key, value?)));
    stored.map(|(key, value)| record(&hash, key, &value)).collect()
}

/// `12 VALUE`: the revision, then whatever was saved.
fn record(hash: &str, key: RecordKey, stored: &[u8]) -> Result<Record> {
    let parse = || {
        let space = stored.iter().position(|byte| *byte == b' ')?;
        let revision = std::str::from_utf8(&stored[..space]).ok()?.parse().ok()?;
        Some((Revision(revision), RecordValue::new(stored[space + 1..].to_vec())?))
    };
    let (revision, value) = parse().ok_or_else(|| unreadable(hash, key.as_str()))?;
    Ok(Record { key, revision, value })
}

/// A record as it stands in the hash of its kind.
pub(super) fn stored(record: &Record) -> Vec<u8> {
    let mut stored = format!("{} ", record.revision.0).into_bytes();
    stored.extend(record.value.as_bytes());
    stored
}

fn unreadable(hash: &str, key: &str) -> Failure {
    Failure::poison(format!("{hash}: {key:?} is no record"))
}
