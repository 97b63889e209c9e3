//! Excel workbooks: XLSX and the older binary XLS.
//!
//! It must run in the limited child only: how much a small workbook asks for is known when it has asked.

use std::io::Cursor;

use calamine::{Data, DataRef, Reader, SheetType, Xls, XlsError, Xlsx, XlsxError};

use super::grid::{Grid, moment, number};
use crate::impressions::table::{Epoch, Sheet};

/// The most sheets of one workbook.
const SHEETS_MAX: usize = 64;

const LOCKED: &str = "the workbook is protected by a password: save it without one";

/// Reads an XLSX workbook, cell by cell.
///
/// # Errors
/// In words, when it is damaged, protected or beyond the bounds.
pub(super) fn xlsx(bytes: &[u8]) -> Result<Vec<Sheet>, String> {
    let mut workbook = Xlsx::new(Cursor::new(bytes)).map_err(xlsx_error)?;
    let epoch = epoch(workbook.has_1904_epoch());
    let mut sheets = Vec::new();
    for name in names(&workbook)? {
        let mut grid = Grid::new(Some(epoch));
        let mut cells = workbook.worksheet_cells_reader(&name).map_err(xlsx_error)?;
        while let Some(cell) = cells.next_cell().map_err(xlsx_error)? {
            let (row, column) = cell.get_position();
            if let Some(text) = of_xlsx(cell.get_value()) {
                grid.put(row as usize, column as usize, &text)?;
            }
        }
        sheets.push(grid.finish(&name));
    }
    Ok(sheets)
}

/// Reads an XLS workbook.
///
/// # Errors
/// In words, when it is damaged, protected or beyond the bounds.
pub(super) fn xls(bytes: &[u8]) -> Result<Vec<Sheet>, String> {
    if holds_encrypted_package(bytes) {
        return Err(LOCKED.to_owned());
    }
    let mut workbook = Xls::new(Cursor::new(bytes)).map_err(xls_error)?;
    let epoch = epoch(workbook.has_1904_epoch());
    let mut sheets = Vec::new();
    for name in names(&workbook)? {
        let mut grid = Grid::new(Some(epoch));
        let range = workbook.worksheet_range(&name).map_err(xls_error)?;
        let (top, left) = range.start().unwrap_or((0, 0));
        for (row, column, value) in range.used_cells() {
            if let Some(text) = of_xls(value) {
                grid.put(row + top as usize, column + left as usize, &text)?;
            }
        }
        sheets.push(grid.finish(&name));
    }
    Ok(sheets)
}

fn epoch(is_1904: bool) -> Epoch {
    if is_1904 { Epoch::Y1904 } else { Epoch::Y1900 }
}

fn names<'a, R: Reader<Cursor<&'a [u8]>>>(workbook: &R) -> Result<Vec<String>, String> {
    let tables = workbook.sheets_metadata().iter().filter(|sheet| sheet.typ == SheetType::WorkSheet);
    let names: Vec<String> = tables.map(|sheet| sheet.name.clone()).collect();
    if names.len() > SHEETS_MAX {
        return Err(format!("the workbook has more than {SHEETS_MAX} sheets"));
    }
    Ok(names)
}

/// A cell as text; `None` where there is nothing. An error value says nothing either.
fn of_xlsx(value: &DataRef<'_>) -> Option<String> {
    match value {
        DataRef::SharedString(text) => Some((*text).to_owned()),
        DataRef::Empty | DataRef::Error(_) => None,
        other => of_xls(&Data::from(other.clone())),
    }
}

fn of_xls(value: &Data) -> Option<String> {
    match value {
        Data::Int(value) => Some(value.to_string()),
        Data::Float(value) => Some(number(*value)),
        Data::String(text) | Data::DateTimeIso(text) | Data::DurationIso(text) => Some(text.clone()),
        Data::Bool(value) => Some(value.to_string()),
        Data::DateTime(at) => Some(moment(*at)),
        Data::Error(_) | Data::Empty => None,
    }
}

fn xlsx_error(error: XlsxError) -> String {
    match error {
        XlsxError::Password => LOCKED.to_owned(),
        error => format!("the workbook is damaged: {error}"),
    }
}

fn xls_error(error: XlsError) -> String {
    match error {
        XlsError::Password => LOCKED.to_owned(),
        error => format!("the workbook is damaged, or not one: {error}"),
    }
}

/// A protected XLSX is an old-style container around the encrypted new-style one; this is the name of that part.
fn holds_encrypted_package(bytes: &[u8]) -> bool {
    let name: Vec<u8> = "EncryptedPackage".encode_utf16().flat_map(u16::to_le_bytes).collect();
    bytes.windows(name.len()).any(|window| window == name)
}
