//! Imports. A body is written first, in portions that block nobody for long, and counts for nothing until one short
//! script puts its import in force.

use jiff::Timestamp;
use redis::cmd;
use serde::{Deserialize, Serialize};

use super::line::Call;
use super::reaction::{Failure, Reaction, Result};
use super::{Server, scripts};
use crate::domain::import::{About, Body, Import, ImportId, ImportSummary, Imported};
use crate::store::about;

/// Bytes of a body that go with one command.
const PORTION_BYTES: usize = 256 << 10;

/// Seconds after which an import that was never finished is swept away.
const ABANDONED_S: i64 = 3_600;

/// What stands under the id of an import.
#[derive(Serialize, Deserialize)]
struct Entry {
    /// The scripts read it.
    digest: String,
    about: String,
    portions: usize,
}

pub(super) async fn put(server: &Server, import: &Import) -> Result<Imported> {
    let digest = import.about.digest.to_string();
    let same: Option<u64> = server.reports.read(cmd("HGET").arg(server.keys.digests()).arg(&digest)).await?;
    if let Some(id) = same {
        return Ok(Imported::Same(ImportId(id)));
    }
    sweep_abandoned(server, import.about.imported_at).await?;
    let id: u64 = server.reports.ask(cmd("INCR").arg(server.keys.import_ids())).await?;
    let id = ImportId(id);
    let mut open = cmd("ZADD");
    open.arg(server.keys.open_imports()).arg(import.about.imported_at.as_second().max(0)).arg(id.0);
    server.reports.ask::<()>(&open).await?;
    let imported = match write_body(server, id, &import.body).await {
        Ok(portions) => commit(server, id, import, portions).await,
        Err(failure) => Err(failure),
    };
    // What an unknown outcome left behind is swept away later, unless it is in force.
    if matches!(imported, Ok(Imported::Same(_))) {
        remove(server, id, "open").await?;
    }
    imported
}

/// A body in the portions that it is kept in.
pub(super) fn portions(body: &Body) -> std::slice::Chunks<'_, u8> {
    body.as_bytes().chunks(PORTION_BYTES)
}

/// What stands under the id of an import whose body takes so many portions.
pub(super) fn entry_text(about: &About, portions: usize) -> String {
    let entry = Entry { digest: about.digest.to_string(), about: about::encode(about), portions };
    serde_json::to_string(&entry).expect("an entry has nothing that JSON cannot hold")
}

/// How many portions it took.
async fn write_body(server: &Server, id: ImportId, body: &Body) -> Result<usize> {
    let portions = portions(body);
    let count = portions.len();
    for (number, portion) in portions.enumerate() {
        let call = Call::new(&scripts::WRITE_BODY)
            .key(server.keys.open_imports())
            .key(server.keys.import_body(id))
            .arg(id.to_string())
            .arg(number.to_string())
            .arg(portion);
        let reply: Vec<String> = server.reports.run_again(&call).await?;
        match reply.first().map(String::as_str) {
            Some("yes") => {}
            Some("swept") => return Err(swept()),
            _ => return Err(server.unexpected(&reply)),
        }
    }
    Ok(count)
}

async fn commit(server: &Server, id: ImportId, import: &Import, portions: usize) -> Result<Imported> {
    let call = Call::new(&scripts::COMMIT_IMPORT)
        .key(server.keys.imports())
        .key(server.keys.digests())
        .key(server.keys.open_imports())
        .key(server.keys.layout())
        .arg(id.to_string())
        .arg(entry_text(&import.about, portions))
        .arg(import.about.digest.to_string())
        .arg(server.id.as_str());
    let reply: Vec<String> = server.reports.run_again(&call).await?;
    let other = reply.get(1).and_then(|id| id.parse().ok()).map(ImportId);
    match (reply.first().map_or("", String::as_str), other) {
        ("yes", _) => Ok(Imported::New(id)),
        // The answer to the first try was lost.
        ("same", Some(same)) if same == id => Ok(Imported::New(id)),
        ("same", Some(same)) => Ok(Imported::Same(same)),
        ("swept", _) => Err(swept()),
        _ => Err(server.unexpected(&reply)),
    }
}

fn swept() -> Failure {
    let said = "the import could not be put in force: it took too long and was swept away; import it again";
    Failure::of(Reaction::Wait, said.to_owned())
}

/// Removes imports that were begun and never finished.
async fn sweep_abandoned(server: &Server, now: Timestamp) -> Result<()> {
    let mut range = cmd("ZRANGEBYSCORE");
    range.arg(server.keys.open_imports()).arg("-inf").arg(now.as_second().saturating_sub(ABANDONED_S));
    for id in server.reports.read::<Vec<u64>>(&range).await? {
        remove(server, ImportId(id), "open").await?;
    }
    Ok(())
}

pub(super) async fn undo(server: &Server, id: ImportId) -> Result<bool> {
    remove(server, id, "stored").await
}

/// Only while it is in that state, so that sweeping never takes an import that came into force meanwhile.
async fn remove(server: &Server, id: ImportId, state: &str) -> Result<bool> {
    let call = Call::new(&scripts::UNDO_IMPORT)
        .key(server.keys.imports())
        .key(server.keys.digests())
        .key(server.keys.open_imports())
        .key(server.keys.import_body(id))
        .arg(id.to_string())
        .arg(state);
    server.reports.run(&call).await
}

/// By id.
pub(super) async fn list(server: &Server) -> Result<Vec<ImportSummary>> {
    let key = server.keys.imports();
    let fields: Vec<(u64, String)> = server.reports.read(cmd("HGETALL").arg(&key)).await?;
    let parse = |(id, json): (u64, String)| {
        let id = ImportId(id);
        let entry = entry(server, id, &json)?;
        let about = about::decode(&entry.about).map_err(|why| unreadable(server, id, &why))?;
        Ok(ImportSummary { id, about })
    };
    let mut imports = fields.into_iter().map(parse).collect::<Result<Vec<_>>>()?;
    imports.sort_unstable_by_key(|import| import.id);
    Ok(imports)
}

pub(super) async fn body(server: &Server, id: ImportId) -> Result<Option<Body>> {
    let Some(entry) = find(server, id).await? else { return Ok(None) };
    let key = server.keys.import_body(id);
    let mut bytes = Vec::new();
    for number in 0..entry.portions {
        let portion: Option<Vec<u8>> = server.reports.read(cmd("HGET").arg(&key).arg(number)).await?;
        match portion {
            Some(portion) => bytes.extend(portion),
            // It was undone meanwhile, or somebody removed a part of it.
            None if find(server, id).await?.is_none() => return Ok(None),
            None => return Err(unreadable(server, id, "a part of its body is missing")),
        }
    }
    Body::new(bytes).map(Some).ok_or_else(|| unreadable(server, id, "its body is larger than any that is written"))
}

async fn find(server: &Server, id: ImportId) -> Result<Option<Entry>> {
    let json: Option<String> = server.reports.read(cmd("HGET").arg(server.keys.imports()).arg(id.0)).await?;
    json.map(|json| entry(server, id, &json)).transpose()
}

fn entry(server: &Server, id: ImportId, json: &str) -> Result<Entry> {
    serde_json::from_str(json).map_err(|error| unreadable(server, id, &error.to_string()))
}

fn unreadable(server: &Server, id: ImportId, why: &str) -> Failure {
    Failure::poison(format!("{}: import {id}: {why}", server.keys.imports()))
}
