//! An import before it is stored: what it says of itself, worked out and packed. Pure.

use jiff::Timestamp;
use serde_json::Value;

use crate::domain::import::{About, Body, Digest};
use crate::impressions::admit;
use crate::impressions::body::{Content, pack};
use crate::impressions::book;
use crate::impressions::import::ImportError;
use crate::impressions::options::Options;
use crate::impressions::reading::PlatformFile;

/// The longest file name that is kept, in characters.
const FILE_NAME_CHARS_MAX: usize = 200;

/// Where numbers come from.
pub(super) struct Origin {
    /// Of the bytes.
    pub(super) file: blake3::Hash,
    pub(super) file_name: String,
    /// What somebody said about them, by name.
    pub(super) options: Vec<(String, String)>,
    /// Until when they hold, if somebody said that.
    pub(super) as_of: Option<Timestamp>,
}

impl Origin {
    pub(super) fn of(bytes: &[u8], options: &Options, as_of: Option<Timestamp>) -> Self {
        let file_name = clean_name(&options.file_name);
        Self { file: blake3::hash(bytes), file_name, options: said(options, as_of), as_of }
    }
}

/// An import that can be stored.
pub(super) struct Draft {
    pub(super) about: About,
    pub(super) content: Content,
    pub(super) body: Body,
}

impl Draft {
    /// # Errors
    /// When something in it is impossible, or it is too large to be kept.
    pub(super) fn new(origin: Origin, mut files: Vec<PlatformFile>, now: Timestamp) -> Result<Self, ImportError> {
        if origin.as_of.is_some() {
            // What somebody says is said to the second, and stands above the day in the file.
            files.iter_mut().for_each(|file| file.as_of = None);
        }
        let as_of = origin.as_of.unwrap_or_else(|| book::as_of(&files, now));
        admit::check(&mut files, as_of).map_err(ImportError::Wrong)?;
        let content = Content { files, options: origin.options };
        let (body, hash) = pack(&content).ok_or(ImportError::TooLarge)?;
        let files = &content.files;
        let days = || files.iter().flat_map(admit::days);
        let about = About {
            digest: digest(&origin.file, &hash, origin.as_of),
            file: Digest(*origin.file.as_bytes()),
            file_name: origin.file_name,
            dialects: files.iter().map(|file| file.dialect.clone()).collect(),
            as_of,
            imported_at: now,
            posts: files.iter().map(|file| file.posts.len() as u64).sum(),
            numbers: files.iter().map(|file| file.readings.len() as u64).sum(),
            first: days().map(|(first, _)| first).min(),
            last: days().map(|(_, last)| last).max(),
        };
        Ok(Self { about, content, body })
    }
}

/// Of the bytes, of what was read in them, and of the as-of that somebody said: a file read alike is the same import,
/// whatever was said to get there; one whose slug means another link by now, or of which a newer Waypost reads more, is
/// not.
fn digest(file: &blake3::Hash, read: &blake3::Hash, as_of: Option<Timestamp>) -> Digest {
    let mut digest = blake3::Hasher::new();
    digest.update(file.as_bytes()).update(read.as_bytes());
    digest.update(as_of.map(|as_of| as_of.to_string()).unwrap_or_default().as_bytes());
    Digest(*digest.finalize().as_bytes())
}

/// The options that somebody gave, each as its name and value.
fn said(options: &Options, as_of: Option<Timestamp>) -> Vec<(String, String)> {
    let Ok(Value::Object(all)) = serde_json::to_value(options) else { return Vec::new() };
    // The name is kept beside them, the day of asking says nothing, and the as-of is said to the second.
    let given = all.into_iter().filter(|(name, _)| !matches!(name.as_str(), "file_name" | "today" | "as_of" | "known"));
    let text = |value: Value| match value {
        Value::Null => None,
        Value::String(text) => Some(text),
        other => Some(other.to_string()),
    };
    let given = given.filter_map(|(name, value)| Some((name, text(value)?)));
    given.chain(as_of.map(|as_of| ("as_of".to_owned(), as_of.to_string()))).collect()
}

/// The last part of a path, without control characters.
fn clean_name(name: &str) -> String {
    let name = name.rsplit(['/', '\\']).next().unwrap_or("");
    let name: String = name.chars().filter(|c| !c.is_control()).take(FILE_NAME_CHARS_MAX).collect();
    if name.trim().is_empty() { "import.csv".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_somebody_said_is_an_option() {
        let options = Options {
            file_name: "a.csv".to_owned(),
            today: Some(jiff::civil::date(2026, 11, 21)),
            tz: Some("UTC".to_owned()),
            year: Some(2026),
            ..Options::default()
        };
        let given = said(&options, Some(Timestamp::UNIX_EPOCH));
        let names: Vec<_> = given.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(names, ["tz=UTC", "year=2026", "as_of=1970-01-01T00:00:00Z"]);
        assert!(said(&Options::default(), None).is_empty());
    }

    #[test]
    fn a_file_name_is_the_last_part_of_a_path() {
        assert_eq!(clean_name("a/b\\posts\u{7}.csv"), "posts.csv");
        assert_eq!(clean_name("../"), "import.csv");
        assert_eq!(clean_name(&"x".repeat(300)).len(), FILE_NAME_CHARS_MAX);
    }
}
