//! Containers: what kind of file some bytes are, and the tables in it.
//!
//! What a file is called decides nothing. A kind that is not read is refused with advice on what to do instead.

mod archive;
mod delimited;
mod grid;
mod spreadsheet;
mod text;
mod xml;

pub(crate) use self::grid::serial;
use crate::impressions::table::Sheet;

/// The largest file, and the most that an archive may unpack to, in bytes.
pub(crate) const FILE_BYTES_MAX: usize = 200_000_000;

/// A part of an upload that was left out.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub(crate) struct PassedOver {
    /// The file of an archive or the sheet of a workbook.
    pub(crate) name: String,
    pub(crate) reason: String,
}

/// The tables of an upload.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Opened {
    pub(crate) sheets: Vec<Sheet>,
    pub(crate) passed_over: Vec<PassedOver>,
}

/// Opens a file.
///
/// # Errors
/// In words, when there is no table in it.
pub(crate) fn open(bytes: Vec<u8>) -> Result<Opened, String> {
    if bytes.len() > FILE_BYTES_MAX {
        return Err(format!("the file is larger than {} MB", FILE_BYTES_MAX / 1_000_000));
    }
    let mut opened = Opened::default();
    match kind(&bytes)? {
        Kind::Archive => {
            archive::each(&bytes, &mut opened, open_member)?;
            if opened.sheets.is_empty() {
                return Err(nothing_in(&opened));
            }
        }
        kind => opened.sheets = tables(kind, "", bytes)?,
    }
    Ok(opened)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Archive,
    Xlsx,
    Xls,
    Text,
}

/// A file of an archive that cannot be read is passed over and said; the others are read.
fn open_member(opened: &mut Opened, member: archive::Member) {
    let archive::Member { name, bytes } = member;
    let read = match kind(&bytes) {
        Ok(Kind::Archive) => Err("it is an archive inside of the archive: unpack it first".to_owned()),
        Ok(kind) => tables(kind, &name, bytes),
        Err(refused) => Err(refused),
    };
    match read {
        Ok(sheets) => opened.sheets.extend(sheets),
        Err(reason) => opened.passed_over.push(PassedOver { name, reason }),
    }
}

fn nothing_in(opened: &Opened) -> String {
    let found = opened.passed_over.first().map(|passed| format!(" ({}: {})", passed.name, passed.reason));
    format!("there is no table in the archive{}", found.unwrap_or_default())
}

fn tables(kind: Kind, name: &str, bytes: Vec<u8>) -> Result<Vec<Sheet>, String> {
    let sheets = match kind {
        Kind::Xlsx => spreadsheet::xlsx(&bytes)?,
        Kind::Xls => spreadsheet::xls(&bytes)?,
        Kind::Archive => Vec::new(),
        Kind::Text => {
            let decoded = text::decode(bytes)?;
            refuse_markup(&decoded.text)?;
            if !xml::is_workbook(&decoded.text) {
                return Ok(vec![delimited::sheet(name, decoded)?]);
            }
            xml::sheets(&decoded.text)?
        }
    };
    if sheets.iter().all(|sheet| sheet.text.is_empty()) {
        return Err("the workbook is empty".to_owned());
    }
    let named = |sheet: Sheet| Sheet { name: joined(name, &sheet.name), ..sheet };
    Ok(sheets.into_iter().filter(|sheet| !sheet.text.is_empty()).map(named).collect())
}

/// `archive's file / sheet`.
fn joined(file: &str, sheet: &str) -> String {
    if file.is_empty() { sheet.to_owned() } else { format!("{file}/{sheet}") }
}

/// What a file is, by its first bytes.
fn kind(bytes: &[u8]) -> Result<Kind, String> {
    if bytes.is_empty() {
        return Err("the file is empty".to_owned());
    }
    if is_lock_file(bytes) {
        return Err("this is a lock file that Excel keeps beside an open workbook: \
                    choose the file of the same name without \"~$\""
            .to_owned());
    }
    if bytes.starts_with(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1") {
        return Ok(Kind::Xls);
    }
    if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06") {
        return match archive::document(bytes) {
            Some("XLSX") => Ok(Kind::Xlsx),
            Some(other) => Err(format!("this is {other}: save the table as XLSX or CSV")),
            None => Ok(Kind::Archive),
        };
    }
    const REFUSED: [(&[u8], &str); 6] = [
        (b"\x1f\x8b", "this file is compressed with gzip: unpack it first"),
        (b"7z\xbc\xaf", "this is a 7z archive: unpack it first"),
        (b"Rar!", "this is a RAR archive: unpack it first"),
        (b"%PDF", "this is a PDF: download the table as CSV or XLSX instead"),
        (b"\x89PNG", "this is a picture: download the table as CSV or XLSX instead"),
        (b"\xff\xd8\xff", "this is a picture: download the table as CSV or XLSX instead"),
    ];
    let refused = REFUSED.into_iter().find(|(magic, _)| bytes.starts_with(magic));
    refused.map_or(Ok(Kind::Text), |(_, advice)| Err(advice.to_owned()))
}

/// 165 bytes: how long somebody's name is, the name filled up with spaces, and the same in two bytes a letter.
fn is_lock_file(bytes: &[u8]) -> bool {
    bytes.len() == 165
        && bytes[0] <= 54
        && bytes[1..].contains(&0)
        && bytes[usize::from(bytes[0]) + 1..55].iter().all(|byte| *byte == b' ' || *byte == 0)
}

fn refuse_markup(text: &str) -> Result<(), String> {
    let start: String = text.trim_start().chars().take(64).collect::<String>().to_ascii_lowercase();
    if ["<!doctype html", "<html", "<table", "<head", "<meta"].iter().any(|tag| start.starts_with(tag)) {
        return Err("this is a web page, even if it is called a spreadsheet: open it in a spreadsheet program and \
                    save it as XLSX, or download the table as CSV"
            .to_owned());
    }
    if start.starts_with(['{', '[']) && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok() {
        return Err("this is JSON: download the table as CSV or XLSX instead".to_owned());
    }
    Ok(())
}
