//! Imports: what each says of itself, and its body as it came. Undoing one is removing its row.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::error::{Reason, Result};
use super::number::Number;
use crate::domain::import::{Body, Import, ImportId, ImportSummary, Imported};
use crate::store::about;

const SAME: &str = "SELECT id FROM imports WHERE digest = ?1";
const INSERT: &str = "INSERT INTO imports (digest, about, body) VALUES (?1, ?2, ?3)";

pub(super) fn put(file: &Connection, import: &Import) -> Result<Imported> {
    let digest = import.about.digest.0;
    let same: Option<Number> = file.prepare_cached(SAME)?.query_row([digest], |row| row.get(0)).optional()?;
    if let Some(Number(id)) = same {
        return Ok(Imported::Same(ImportId(id)));
    }
    file.prepare_cached(INSERT)?.execute(params![digest, about::encode(&import.about), import.body.as_bytes()])?;
    Ok(Imported::New(ImportId(file.last_insert_rowid().unsigned_abs())))
}

pub(super) fn undo(file: &Connection, id: ImportId) -> Result<bool> {
    Ok(file.prepare_cached("DELETE FROM imports WHERE id = ?1")?.execute([Number(id.0)])? > 0)
}

/// By id.
pub(super) fn list(file: &Connection) -> Result<Vec<ImportSummary>> {
    let mut list = file.prepare_cached("SELECT id, about FROM imports ORDER BY id")?;
    let mut rows = list.query([])?;
    let mut imports = Vec::new();
    while let Some(row) = rows.next()? {
        imports.push(summary(row)?);
    }
    Ok(imports)
}

/// The first import after this one.
pub(super) fn next(file: &Connection, after: ImportId) -> Result<Option<ImportSummary>> {
    let mut find = file.prepare_cached("SELECT id, about FROM imports WHERE id > ?1 ORDER BY id LIMIT 1")?;
    let mut rows = find.query([Number(after.0)])?;
    rows.next()?.map(summary).transpose()
}

fn summary(row: &Row<'_>) -> Result<ImportSummary> {
    let id = ImportId(row.get::<_, Number>(0)?.0);
    let about = about::decode(&row.get::<_, String>(1)?).map_err(|why| Reason::of(why).in_row(|| name(id)))?;
    Ok(ImportSummary { id, about })
}

pub(super) fn body(file: &Connection, id: ImportId) -> Result<Option<Body>> {
    let mut find = file.prepare_cached("SELECT body FROM imports WHERE id = ?1")?;
    let found: Option<Vec<u8>> = find.query_row([Number(id.0)], |row| row.get(0)).optional()?;
    let too_large = || Reason::of("its body is larger than any that is written").in_row(|| name(id));
    found.map(|bytes| Body::new(bytes).ok_or_else(too_large)).transpose()
}

fn name(import: ImportId) -> String {
    format!("import {import}")
}
