//! The admin key: made at first start, kept in a file only its owner can read, compared by hash.

use std::fs::OpenOptions;
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::access::{hash, random_text};

/// The name of the key's file in the data folder.
const FILE: &str = "admin.key";

/// `wp_` and 32 random bytes in base64url.
const PREFIX: &str = "wp_";

/// The longest key file that is read.
const FILE_BYTES_MAX: u64 = 1024;

/// The hash of the key: enough to check one, useless to whoever reads memory or a log.
#[derive(Clone, Copy)]
pub(crate) struct KeyHash(blake3::Hash);

impl KeyHash {
    pub(crate) fn of(key: &str) -> Self {
        Self(hash(key))
    }

    /// What sessions that were begun with this key belong to; a new key ends them.
    pub(super) fn holder(self) -> String {
        format!("key-{}", &hash(&self.0.to_hex()).to_hex()[..16])
    }

    /// Takes the same time wherever the first difference is: `blake3::Hash` compares in constant time.
    pub(super) fn matches(self, key: &str) -> bool {
        self.0 == hash(key)
    }
}

/// Reads the key of this data folder, or makes one at first start. `true` when it is new.
///
/// # Errors
/// When the file can be neither read nor made, or is empty.
pub(crate) fn open_key(data: &Path) -> io::Result<(String, bool)> {
    let path = data.join(FILE);
    match std::fs::File::open(&path) {
        Ok(file) => Ok((read_key(file)?, false)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok((make_key(&path)?, true)),
        Err(error) => Err(error),
    }
}

fn read_key(file: std::fs::File) -> io::Result<String> {
    let mut text = String::new();
    file.take(FILE_BYTES_MAX).read_to_string(&mut text)?;
    let key = text.trim();
    if key.len() < PREFIX.len() + 20 {
        let message = format!("{FILE} holds no key: remove it and a new one is made at the next start");
        return Err(io::Error::new(ErrorKind::InvalidData, message));
    }
    Ok(key.to_owned())
}

/// Written under another name first, so that a kill in the middle leaves no half key behind.
fn make_key(path: &Path) -> io::Result<String> {
    let key = format!("{PREFIX}{}", random_text().map_err(io::Error::other)?);
    let unfinished = path.with_extension("key.tmp");
    let _ = std::fs::remove_file(&unfinished);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
    writeln!(file, "{key}")?;
    file.sync_all()?;
    std::fs::rename(&unfinished, path)?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_key_is_made_once_and_only_its_owner_can_read_it() {
        let data = tempfile::tempdir().unwrap();
        let (key, is_new) = open_key(data.path()).unwrap();
        assert!(is_new && key.starts_with("wp_") && key.len() == 46, "{key}");
        assert_eq!(open_key(data.path()).unwrap(), (key.clone(), false));
        let mode = std::fs::metadata(data.path().join("admin.key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(KeyHash::of(&key).matches(&key));
        assert!(!KeyHash::of(&key).matches("wp_"));
    }

    #[test]
    fn an_empty_key_file_opens_nothing() {
        let data = tempfile::tempdir().unwrap();
        std::fs::write(data.path().join("admin.key"), "\n").unwrap();
        assert_eq!(open_key(data.path()).unwrap_err().kind(), ErrorKind::InvalidData);
    }
}
