//! ZIP archives: the tables in them, one by one.
//!
//! It must never write a file, open an archive inside of the archive, or unpack more than its bounds, whatever the
//! archive says about itself.

use std::io::{Cursor, Read};

use zip::ZipArchive;

use super::{FILE_BYTES_MAX, Opened, PassedOver};

/// The most files of one archive.
const MEMBERS_MAX: usize = 200;
/// The longest name that is kept, in characters.
const NAME_CHARS_MAX: usize = 200;

/// A file of the archive, unpacked.
pub(super) struct Member {
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
}

/// Whether the archive is really a document of an office program; its name for people.
pub(super) fn document(bytes: &[u8]) -> Option<&'static str> {
    let archive = ZipArchive::new(Cursor::new(bytes)).ok()?;
    const KINDS: [(&str, &str); 5] = [
        ("xl/workbook.xml", "XLSX"),
        ("xl/workbook.bin", "a binary workbook (XLSB)"),
        ("word/document.xml", "a Word document"),
        ("content.xml", "an OpenDocument file"),
        ("Index/Document.iwa", "a Numbers document"),
    ];
    KINDS.into_iter().find(|(path, _)| archive.index_for_name(path).is_some()).map(|(_, kind)| kind)
}

/// Hands every file that could be a table to `open`, and says what was passed over.
///
/// # Errors
/// In words, when the archive is damaged or beyond the bounds.
pub(super) fn each(bytes: &[u8], opened: &mut Opened, mut open: impl FnMut(&mut Opened, Member)) -> Result<(), String> {
    let damaged = |error: &dyn std::fmt::Display| format!("the archive is damaged: {error}");
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|error| damaged(&error))?;
    if archive.len() > MEMBERS_MAX {
        return Err(format!("the archive holds {} files; at most {MEMBERS_MAX} are read", archive.len()));
    }
    let mut left = FILE_BYTES_MAX;
    for at in 0..archive.len() {
        let mut member = archive.by_index(at).map_err(|error| damaged(&error))?;
        let name = shown(&member.name().unwrap_or_default());
        if member.is_dir() || is_of_a_system(&name) {
            continue;
        }
        if let Some(reason) = refusal(&name, member.encrypted()) {
            opened.passed_over.push(PassedOver { name, reason: reason.to_owned() });
            continue;
        }
        let mut unpacked = Vec::new();
        member.by_ref().take(left as u64 + 1).read_to_end(&mut unpacked).map_err(|error| damaged(&error))?;
        left = left.checked_sub(unpacked.len()).ok_or_else(too_large)?;
        open(opened, Member { name, bytes: unpacked });
    }
    Ok(())
}

fn too_large() -> String {
    format!("the archive unpacks to more than {} MB", FILE_BYTES_MAX / 1_000_000)
}

/// A name is only ever shown; `../` in it leads nowhere.
fn shown(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(NAME_CHARS_MAX).collect()
}

/// What macOS and Windows leave in archives.
fn is_of_a_system(name: &str) -> bool {
    let last = name.rsplit(['/', '\\']).next().unwrap_or("");
    name.starts_with("__MACOSX/") || last.starts_with("._") || last == ".DS_Store" || last == "Thumbs.db"
}

fn refusal(name: &str, encrypted: bool) -> Option<&'static str> {
    let last = name.rsplit(['/', '\\']).next().unwrap_or("");
    let extension = last.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
    match extension.as_deref() {
        _ if encrypted => Some("it is protected by a password"),
        _ if last.starts_with("~$") => Some("it is a lock file of an open workbook"),
        Some("zip" | "gz" | "7z" | "rar") => Some("it is an archive inside of the archive: unpack it first"),
        Some("csv" | "tsv" | "txt" | "xls" | "xlsx") => None,
        _ => Some("it is not a table"),
    }
}
