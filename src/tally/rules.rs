//! The owner's tables: read from the folder that `classify.rules` names, at start.
//!
//! With the geo files the only IO of classification. A table that is not sound stops a start, because clicks that
//! were judged by half of the rules would have to be judged again.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::classify::tables::{FILE_BYTES_MAX, RuleError, RuleFile};
use crate::classify::{Classifier, Config};

/// What such a file is called.
const SUFFIX: &str = ".tsv";

/// The most files that a folder may hold; there are far fewer tables.
const FILES_MAX: usize = 64;

/// Why the owner's tables cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RulesError {
    #[error("classify.rules: cannot read {path}: {cause}", path = path.display())]
    Read { path: PathBuf, cause: io::Error },
    #[error("classify.rules: {path} is larger than {FILE_BYTES_MAX} bytes", path = path.display())]
    TooLarge { path: PathBuf },
    #[error("classify.rules: {folder} holds more than {FILES_MAX} tables", folder = folder.display())]
    TooMany { folder: PathBuf },
    #[error("classify.rules: {folder}/{error}", folder = folder.display())]
    Unsound { folder: PathBuf, error: RuleError },
}

/// The classifier by the built-in tables and those of the folder that `config` names.
///
/// # Errors
/// When the folder or one of its tables cannot be used; the error names the file and the line.
pub(crate) fn classifier(config: &Config) -> Result<Classifier, RulesError> {
    let files = read(&config.rules)?;
    Classifier::new(config, &files).map_err(|error| RulesError::Unsound { folder: config.rules.clone(), error })
}

/// The tables in `folder`, by name; none if `folder` is empty text.
fn read(folder: &Path) -> Result<Vec<RuleFile>, RulesError> {
    if folder.as_os_str().is_empty() {
        return Ok(Vec::new());
    }
    let failed = |cause| RulesError::Read { path: folder.to_owned(), cause };
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name().to_string_lossy().into_owned();
        // Editors leave hidden files behind.
        if name.ends_with(SUFFIX) && !name.starts_with('.') {
            names.push(name);
        }
        if names.len() > FILES_MAX {
            return Err(RulesError::TooMany { folder: folder.to_owned() });
        }
    }
    names.sort();
    names.into_iter().map(|name| Ok(RuleFile { text: read_file(&folder.join(&name))?, name })).collect()
}

fn read_file(path: &Path) -> Result<String, RulesError> {
    let failed = |cause| RulesError::Read { path: path.to_owned(), cause };
    let mut text = String::new();
    File::open(path).map_err(failed)?.take(FILE_BYTES_MAX + 1).read_to_string(&mut text).map_err(failed)?;
    if text.len() as u64 > FILE_BYTES_MAX {
        return Err(RulesError::TooLarge { path: path.to_owned() });
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classify::RULES_VERSION;

    fn with(files: &[(&str, &str)]) -> Result<Classifier, String> {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let config = Config { rules: folder.path().to_owned(), ..crate::config::Config::default_values().classify };
        classifier(&config).map_err(|error| error.to_string())
    }

    #[test]
    fn tables_are_read_by_name_and_change_the_version_of_the_rules() {
        let mine = with(&[("bots.tsv", "acme-reader\tbot\tacme\n"), ("README.md", "not a table")]).unwrap();
        assert_ne!(mine.version(), RULES_VERSION);
        assert_eq!(mine.version() & 0xfff, RULES_VERSION);
        assert_eq!(with(&[]).unwrap().version(), RULES_VERSION);
    }

    #[test]
    fn a_table_that_is_not_sound_is_named_with_its_line() {
        let error = with(&[("aliases.tsv", "# mine\nig instagram\n")]).err().unwrap();
        assert!(error.contains("/aliases.tsv, line 2: it has 1 cells where 2 are wanted"), "{error}");
        assert!(with(&[("alias.tsv", "")]).err().unwrap().contains("is no table"));
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error_and_no_folder_is_none() {
        let config = crate::config::Config::default_values().classify;
        assert!(classifier(&config).is_ok());
        let error = classifier(&Config { rules: "/nowhere/at/all".into(), ..config }).err().unwrap();
        assert!(error.to_string().contains("/nowhere/at/all"), "{error}");
    }
}
