//! Imports and their impressions. Rows are written first, in portions that block nobody for long, and count for
//! nothing until one short script puts their import in force; undone imports go the same way backwards.
//!
//! Which of several imports of one number is in force is decided when it is read, as in the embedded store.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;
use jiff::civil::Date;
use redis::cmd;
use serde::{Deserialize, Serialize};

use super::keys::score;
use super::line::Call;
use super::reaction::{Failure, Reaction, Result};
use super::{Server, report, scripts};
use crate::domain::impression::{
    Import, ImportId, ImportSummary, Imported, Impression, Kind, StoredImpression, Subject,
};
use crate::domain::link::LinkId;
use crate::domain::placement::PostRef;

/// Rows written or removed with one command.
const PORTION: usize = 500;

/// Tries until an import meets no other that comes into force at the same time.
const TRIES: usize = 8;

/// Seconds after which an import that was never finished is swept away.
const ABANDONED_S: i64 = 3_600;

/// The newer as-of wins; of two equal ones the later import.
type Rank = (Timestamp, ImportId);

/// What a number belongs to: the rows of one number differ in their import alone.
type Number = (String, Kind);

#[derive(Serialize, Deserialize)]
struct Summary {
    digest: String,
    file_name: String,
    as_of: Timestamp,
    imported_at: Timestamp,
    rows: u64,
}

pub(super) async fn put(server: &Server, import: &Import) -> Result<Imported> {
    let digest = digest_text(&import.digest);
    let same: Option<u64> = server.reports.read(cmd("HGET").arg(server.keys.digests()).arg(&digest)).await?;
    if let Some(id) = same {
        return Ok(Imported::Same { id: ImportId(id) });
    }
    sweep_abandoned(server, import.imported_at).await?;
    let id: u64 = server.reports.ask(cmd("INCR").arg(server.keys.import_ids())).await?;
    let id = ImportId(id);
    let mut open = cmd("ZADD");
    open.arg(server.keys.open_imports()).arg(import.imported_at.as_second().max(0)).arg(id.0);
    server.reports.ask::<()>(&open).await?;
    write_rows(server, id, &import.rows).await?;
    let imported = commit(server, id, import, digest).await?;
    if matches!(imported, Imported::Same { .. }) {
        sweep(server, id).await?;
    }
    Ok(imported)
}

/// A digest as it stands in keys and summaries.
pub(super) fn digest_text(digest: &[u8; 32]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

async fn write_rows(server: &Server, id: ImportId, rows: &[Impression]) -> Result<()> {
    let mut by_day: BTreeMap<Date, Vec<&Impression>> = BTreeMap::new();
    rows.iter().for_each(|row| by_day.entry(row.day).or_default().push(row));
    for (day, rows) in by_day {
        // First where it will be looked for, so that a half-written import can be swept away whole.
        server.reports.ask::<()>(cmd("SADD").arg(server.keys.import_days(id)).arg(day.to_string())).await?;
        let mut index = cmd("ZADD");
        index.arg(server.keys.impression_days()).arg(score(day)).arg(day.to_string());
        server.reports.ask::<()>(&index).await?;
        for portion in rows.chunks(PORTION) {
            let mut write = cmd("HSET");
            write.arg(server.keys.impressions(day));
            portion.iter().for_each(|row| {
                write.arg(field(id, row)).arg(row.count);
            });
            server.reports.ask::<()>(&write).await?;
        }
    }
    Ok(())
}

async fn commit(server: &Server, id: ImportId, import: &Import, digest: String) -> Result<Imported> {
    let (as_of, imported_at, rows) = (import.as_of, import.imported_at, import.rows.len() as u64);
    let summary = ImportSummary { id, file_name: import.file_name.clone(), as_of, imported_at, rows };
    let json = summary_text(&summary, digest.clone());
    for _ in 0..TRIES {
        let version = version(server).await?;
        let (added, replaced, kept) = compare(server, id, import).await?;
        let call = Call::new(&scripts::COMMIT_IMPORT)
            .key(server.keys.imports())
            .key(server.keys.digests())
            .key(server.keys.imports_version())
            .key(server.keys.open_imports())
            .key(server.keys.layout())
            .arg(id.0.to_string())
            .arg(json.as_str())
            .arg(digest.as_str())
            .arg(version)
            .arg(server.id.as_str());
        let reply: Vec<String> = server.reports.run_again(&call).await?;
        let other = reply.get(1).and_then(|id| id.parse().ok()).map(ImportId);
        match (reply.first().map_or("", String::as_str), other) {
            ("yes", _) => return Ok(Imported::New { id, added, replaced, kept }),
            // The answer to the first try was lost.
            ("same", Some(same)) if same == id => return Ok(Imported::New { id, added, replaced, kept }),
            ("same", Some(id)) => return Ok(Imported::Same { id }),
            ("changed", _) => {}
            ("swept", _) => return Err(busy("it took too long and was swept away")),
            _ => return Err(server.unexpected(&reply)),
        }
    }
    Err(busy("others come into force all the time"))
}

/// The summary of an import as it stands in the hash of imports.
pub(super) fn summary_text(summary: &ImportSummary, digest: String) -> String {
    let ImportSummary { file_name, as_of, imported_at, rows, .. } = summary.clone();
    let summary = Summary { digest, file_name, as_of, imported_at, rows };
    serde_json::to_string(&summary).expect("a summary has nothing that JSON cannot hold")
}

fn busy(why: &str) -> Failure {
    Failure { reaction: Reaction::Wait, said: format!("the import could not be put in force: {why}; import it again") }
}

async fn version(server: &Server) -> Result<String> {
    let version: Option<String> = server.reports.read(cmd("GET").arg(server.keys.imports_version())).await?;
    Ok(version.unwrap_or_else(|| "0".to_owned()))
}

/// How many rows are new, replace a number, or are older than the number in force.
async fn compare(server: &Server, id: ImportId, import: &Import) -> Result<(u64, u64, u64)> {
    let summaries = summaries(server).await?;
    let days: BTreeSet<Date> = import.rows.iter().map(|row| row.day).collect();
    let mut highest: HashMap<(Date, Number), Rank> = HashMap::new();
    for day in days {
        for row in day_rows(server, day, &summaries).await? {
            let rank = highest.entry((day, number_of(&row.impression))).or_insert((row.as_of, row.import));
            *rank = (*rank).max((row.as_of, row.import));
        }
    }
    let (mut added, mut replaced, mut kept) = (0, 0, 0);
    let own = (import.as_of, id);
    for row in &import.rows {
        match highest.get(&(row.day, number_of(row))) {
            None => added += 1,
            Some(rank) if *rank <= own => replaced += 1,
            Some(_) => kept += 1,
        }
        highest.entry((row.day, number_of(row))).or_insert(own);
    }
    Ok((added, replaced, kept))
}

pub(super) async fn undo(server: &Server, id: ImportId) -> Result<bool> {
    let call = Call::new(&scripts::UNDO_IMPORT)
        .key(server.keys.imports())
        .key(server.keys.digests())
        .key(server.keys.imports_version())
        .key(server.keys.open_imports())
        .arg(id.0.to_string());
    let undone: bool = server.reports.run(&call).await?;
    if undone {
        sweep(server, id).await?;
    }
    Ok(undone)
}

/// Removes the rows of imports that were begun and never finished, or undone and not swept away.
async fn sweep_abandoned(server: &Server, now: Timestamp) -> Result<()> {
    let mut range = cmd("ZRANGEBYSCORE");
    range.arg(server.keys.open_imports()).arg("-inf").arg(now.as_second().saturating_sub(ABANDONED_S));
    for id in server.reports.ask::<Vec<u64>>(&range).await? {
        // Before its rows, so that it cannot come into force while they go.
        sweep(server, ImportId(id)).await?;
    }
    Ok(())
}

async fn sweep(server: &Server, id: ImportId) -> Result<()> {
    let days: Vec<String> = server.reports.read(cmd("SMEMBERS").arg(server.keys.import_days(id))).await?;
    let start = format!("{} ", id.0);
    for day in days.iter().filter_map(|day| day.parse().ok()) {
        let key = server.keys.impressions(day);
        let mut fields: Vec<String> = server.reports.read(cmd("HKEYS").arg(&key)).await?;
        fields.retain(|field| field.starts_with(&start));
        for portion in fields.chunks(PORTION) {
            server.reports.ask::<()>(cmd("HDEL").arg(&key).arg(portion)).await?;
        }
    }
    server.reports.ask::<()>(cmd("ZREM").arg(server.keys.open_imports()).arg(id.0)).await?;
    server.reports.ask(cmd("DEL").arg(server.keys.import_days(id))).await
}

/// By id.
pub(super) async fn imports(server: &Server) -> Result<Vec<ImportSummary>> {
    let mut imports: Vec<_> = summaries(server).await?.into_values().collect();
    imports.sort_unstable_by_key(|import| import.id);
    Ok(imports)
}

pub(super) async fn summaries(server: &Server) -> Result<HashMap<ImportId, ImportSummary>> {
    let key = server.keys.imports();
    let fields: Vec<(u64, String)> = server.reports.read(cmd("HGETALL").arg(&key)).await?;
    let parse = |(id, json): (u64, String)| {
        let unreadable = |error| Failure::poison(format!("{key}: import {id}: {error}"));
        let Summary { file_name, as_of, imported_at, rows, .. } = serde_json::from_str(&json).map_err(unreadable)?;
        let id = ImportId(id);
        Ok((id, ImportSummary { id, file_name, as_of, imported_at, rows }))
    };
    fields.into_iter().map(parse).collect()
}

/// Ordered by day, then subject, then kind.
pub(super) async fn read(server: &Server, first: Date, last: Date) -> Result<Vec<StoredImpression>> {
    for _ in 0..TRIES {
        let before = version(server).await?;
        let summaries = summaries(server).await?;
        let mut in_force = Vec::new();
        for day in report::days(server, &server.keys.impression_days(), first, last).await? {
            in_force.extend(newest(day_rows(server, day, &summaries).await?));
        }
        // An import that was undone meanwhile has lost a part of its rows.
        if version(server).await? == before {
            return Ok(in_force);
        }
    }
    Err(busy("imports change all the time"))
}

fn newest(rows: Vec<StoredImpression>) -> impl Iterator<Item = StoredImpression> {
    let mut highest: BTreeMap<Number, StoredImpression> = BTreeMap::new();
    for row in rows {
        match highest.get(&number_of(&row.impression)) {
            Some(known) if (known.as_of, known.import) > (row.as_of, row.import) => {}
            _ => {
                highest.insert(number_of(&row.impression), row);
            }
        }
    }
    highest.into_values()
}

/// The rows of a day whose imports are in force.
pub(super) async fn day_rows(
    server: &Server,
    day: Date,
    imports: &HashMap<ImportId, ImportSummary>,
) -> Result<Vec<StoredImpression>> {
    let key = server.keys.impressions(day);
    let fields: Vec<(String, u64)> = server.reports.read(cmd("HGETALL").arg(&key)).await?;
    let mut rows = Vec::new();
    for (field, count) in fields {
        let unreadable = || Failure::poison(format!("{key}: {field:?} is no impression"));
        let (import, kind, subject) = parse_field(&field).ok_or_else(unreadable)?;
        if let Some(summary) = imports.get(&import) {
            let impression = Impression { subject, day, kind, count };
            rows.push(StoredImpression { impression, as_of: summary.as_of, import });
        }
    }
    Ok(rows)
}

fn number_of(row: &Impression) -> Number {
    (subject_text(&row.subject), row.kind)
}

/// `3 views link:7`: import, kind, subject.
pub(super) fn field(import: ImportId, row: &Impression) -> String {
    format!("{} {} {}", import.0, row.kind.as_str(), subject_text(&row.subject))
}

fn parse_field(field: &str) -> Option<(ImportId, Kind, Subject)> {
    let mut parts = field.splitn(3, ' ');
    let import = ImportId(parts.next()?.parse().ok()?);
    Some((import, Kind::parse(parts.next()?)?, subject_from(parts.next()?)?))
}

fn subject_text(subject: &Subject) -> String {
    match subject {
        Subject::Link(id) => format!("link:{id}"),
        Subject::Post(post) => format!("post:{}", post.as_str()),
    }
}

fn subject_from(text: &str) -> Option<Subject> {
    match text.split_once(':')? {
        ("link", id) => id.parse().ok().map(|id| Subject::Link(LinkId(id))),
        ("post", post) => PostRef::parse(post).ok().map(Subject::Post),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_names_import_kind_and_subject() {
        let post = Subject::Post(PostRef::parse("https://www.instagram.com/p/x/").unwrap());
        for subject in [Subject::Link(LinkId(7)), post] {
            let row = Impression { subject, day: Date::MIN, kind: Kind::StoryViews, count: 5 };
            let text = field(ImportId(3), &row);
            assert_eq!(parse_field(&text), Some((ImportId(3), row.kind, row.subject)));
        }
        for wrong in ["", "3", "3 views", "x views link:7", "3 likes link:7", "3 views link:x", "3 views 7"] {
            assert_eq!(parse_field(wrong), None, "{wrong}");
        }
    }
}
