//! Configuration: the compiled-in defaults of `config/waypost.toml`, then a file, then `WAYPOST_…` variables,
//! then flags. Unknown keys are refused, never ignored.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::admin::Setting;

/// Every key with its default; also what `serve` runs on when there is no file.
pub(crate) const DEFAULTS: &str = include_str!("../config/waypost.toml");

/// The configuration of one node, resolved: every value is there and in range.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) data: PathBuf,
    pub(crate) redirect: crate::redirect::Config,
    pub(crate) domains: Vec<crate::links::DomainConfig>,
    pub(crate) admin: crate::admin::Config,
    pub(crate) links: crate::links::Config,
    pub(crate) journal: crate::journal::Config,
    pub(crate) classify: crate::classify::Config,
    pub(crate) tally: crate::tally::Config,
    pub(crate) store: crate::store::Config,
    pub(crate) archive: crate::archive::Config,
    pub(crate) report: crate::stats::Config,
    pub(crate) ctr: crate::stats::rates::Config,
    pub(crate) hooks: crate::forward::Config,
    pub(crate) log: crate::telemetry::Config,
}

/// What was wrong with a configuration, in words for the person who wrote it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    #[error("cannot read the configuration file {path}: {cause}")]
    Read { path: PathBuf, cause: std::io::Error },
    #[error("{origin}: {message}")]
    Invalid { origin: String, message: String },
}

impl ConfigError {
    /// A value of the wrong type or an unknown key; TOML's own text names the key on its last line.
    fn of_value(origin: String, error: &toml::de::Error) -> Self {
        let text = error.to_string();
        let key = text.lines().find_map(|line| line.strip_prefix("in `")?.strip_suffix('`'));
        let message = key.map_or_else(|| error.message().to_owned(), |key| format!("{key}: {}", error.message()));
        Self::Invalid { origin, message }
    }
}

/// The five settings that are also flags of `serve`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flags {
    pub(crate) data: Option<String>,
    pub(crate) redirect: Option<String>,
    pub(crate) admin: Option<String>,
    pub(crate) store: Option<String>,
    pub(crate) archive: Option<String>,
}

impl Config {
    /// Defaults, then `file`, then `environment`, then `flags`.
    ///
    /// # Errors
    /// When the file cannot be read, a key is unknown, or a value has the wrong type or is out of range.
    pub(crate) fn load(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
        flags: &Flags,
    ) -> Result<Self, ConfigError> {
        Self::resolve(file, environment, flags).map(|(_, config)| config)
    }

    /// What [`Config::load`] loads, together with the settings it was made of, in the form of the file.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub(crate) fn resolve(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
        flags: &Flags,
    ) -> Result<(toml::Table, Self), ConfigError> {
        let mut table = defaults();
        let mut origin = "configuration".to_owned();
        if let Some(path) = file {
            let text =
                std::fs::read_to_string(path).map_err(|cause| ConfigError::Read { path: path.to_owned(), cause })?;
            origin = path.display().to_string();
            overlay(&mut table, parse(&text, &origin)?);
        }
        apply_environment(&mut table, environment)?;
        apply_flags(&mut table, flags);
        let mut config: Self = table.clone().try_into().map_err(|error| ConfigError::of_value(origin, &error))?;
        config.check()?;
        config.admin.settings = described(&table);
        Ok((table, config))
    }

    /// The defaults alone, as `serve` in an empty folder uses them.
    ///
    /// # Panics
    /// Never: a test loads the compiled-in file.
    #[cfg(test)]
    pub(crate) fn default_values() -> Self {
        defaults().try_into().expect("config/waypost.toml is complete; the test `the_defaults_load` proves it")
    }

    fn check(&self) -> Result<(), ConfigError> {
        // Port 0 lets the system choose, and it never chooses the same port twice.
        if self.redirect.address == self.admin.address && self.admin.address.port() != 0 {
            return Err(invalid("admin.address", "the two planes need two addresses".to_owned()));
        }
        self.check_ranges()?;
        jiff::tz::TimeZone::get(&self.report.time_zone).map_err(|_| {
            invalid(
                "report.time_zone",
                format!("{:?} is not an IANA time zone such as \"Europe/Stockholm\"", self.report.time_zone),
            )
        })?;
        crate::archive::Address::of(&self.archive, &self.data)
            .map_err(|error| invalid("archive", error.to_string()))?;
        Ok(())
    }

    /// Numbers without sense outside a range. What is only unwise is for whoever runs it to choose.
    fn check_ranges(&self) -> Result<(), ConfigError> {
        let Self { links, journal, tally, store, .. } = self;
        within("links.slug_chars", links.slug_chars, &crate::links::SLUG_CHARS)?;
        within("links.destination_bytes_max", links.destination_bytes_max, &crate::links::DESTINATION_BYTES)?;
        within("journal.sync_ms", journal.sync_ms, &crate::journal::SYNC_MS)?;
        within("journal.segment_mib", journal.segment_mib, &crate::journal::SEGMENT_MIB)?;
        within("tally.batch_hits_max", tally.batch_hits_max, &crate::tally::BATCH_HITS)?;
        within("store.shards", store.shards, &crate::store::SHARDS)
    }
}

fn within<T: PartialOrd + Display>(key: &str, number: T, range: &RangeInclusive<T>) -> Result<(), ConfigError> {
    if range.contains(&number) {
        return Ok(());
    }
    Err(invalid(key, format!("{number} is not between {} and {}", range.start(), range.end())))
}

fn invalid(key: &str, message: String) -> ConfigError {
    ConfigError::Invalid { origin: key.to_owned(), message }
}

fn defaults() -> toml::Table {
    DEFAULTS.parse().expect("config/waypost.toml is TOML; the test `the_defaults_load` proves it")
}

fn parse(text: &str, origin: &str) -> Result<toml::Table, ConfigError> {
    text.parse().map_err(|error: toml::de::Error| ConfigError::Invalid {
        origin: origin.to_owned(),
        message: error.to_string(),
    })
}

/// Every setting in the order of the file, with its sentences and the value that holds.
fn described(table: &toml::Table) -> Vec<Setting> {
    let defaults = defaults();
    let (mut section, mut about, mut settings) = (String::new(), String::new(), Vec::new());
    for line in DEFAULTS.lines() {
        if let Some(comment) = line.strip_prefix('#') {
            about.push_str(comment);
            continue;
        }
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            section = format!("{name}.");
        } else if let Some((name, _)) = line.split_once(" = ") {
            let key = format!("{section}{name}");
            let (value, default) = (at(table, &key), at(&defaults, &key));
            let is_default = value == default;
            let value = value.map(|value| without_passwords(value).to_string()).unwrap_or_default();
            settings.push(Setting { key, value, is_default, about: about.trim().to_owned() });
        }
        about.clear();
    }
    settings
}

/// The value of `journal.sync_ms`.
fn at<'a>(table: &'a toml::Table, key: &str) -> Option<&'a toml::Value> {
    let (first, rest) = key.split_once('.').map_or((key, None), |(first, rest)| (first, Some(rest)));
    match rest {
        Some(rest) => at(table.get(first)?.as_table()?, rest),
        None => table.get(first),
    }
}

/// A value as it may be shown.
pub(crate) fn without_passwords(value: &toml::Value) -> toml::Value {
    use toml::Value;
    match value {
        Value::String(text) => Value::String(without_password(text)),
        Value::Array(items) => Value::Array(items.iter().map(without_passwords).collect()),
        Value::Table(table) => {
            Value::Table(table.iter().map(|(key, value)| (key.clone(), without_passwords(value))).collect())
        }
        other => other.clone(),
    }
}

/// `redis://user:secret@host` without the secret. A password may itself hold an `@`, so the last one counts.
fn without_password(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    let authority = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest[..authority].rfind('@') {
        Some(at) => format!("{scheme}://***{}", &rest[at..]),
        None => text.to_owned(),
    }
}

/// Lays `over` on `base`: tables merge, everything else replaces.
fn overlay(base: &mut toml::Table, over: toml::Table) {
    for (key, value) in over {
        match (base.get_mut(&key), value) {
            (Some(toml::Value::Table(below)), toml::Value::Table(above)) => overlay(below, above),
            (_, value) => {
                base.insert(key, value);
            }
        }
    }
}

/// `WAYPOST_STORE_URL` sets `store.url`: the key's path in capitals, joined by `_`. Lists are comma-separated.
fn apply_environment(
    table: &mut toml::Table,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<(), ConfigError> {
    for (name, text) in environment {
        let Some(key) = name.strip_prefix("WAYPOST_") else { continue };
        if CLIENT_VARIABLES.contains(&name.as_str()) {
            continue;
        }
        let key = ALIASES.iter().find(|(alias, _)| *alias == key).map_or(key, |(_, key)| key);
        let invalid = |message: String| ConfigError::Invalid { origin: name.clone(), message };
        let slot = find(table, &key.to_ascii_lowercase())
            .ok_or_else(|| invalid("no setting has this name; `waypost check-config --print` lists them".to_owned()))?;
        *slot = read_like(slot, &text).map_err(invalid)?;
    }
    Ok(())
}

/// Variables that belong to the client commands, not to the server.
const CLIENT_VARIABLES: [&str; 4] = ["WAYPOST_SERVER", "WAYPOST_KEY", "WAYPOST_CONFIG", "WAYPOST_DOMAINS"];

/// The short names of the settings that are flags of `serve`.
const ALIASES: [(&str, &str); 4] =
    [("REDIRECT", "REDIRECT_ADDRESS"), ("ADMIN", "ADMIN_ADDRESS"), ("STORE", "STORE_URL"), ("ARCHIVE", "ARCHIVE_URL")];

fn find<'a>(table: &'a mut toml::Table, key: &str) -> Option<&'a mut toml::Value> {
    if table.get(key).is_some_and(|value| !value.is_table()) {
        return table.get_mut(key);
    }
    let (section, rest) = table.iter().find_map(|(section, value)| {
        let rest = key.strip_prefix(section.as_str())?.strip_prefix('_')?;
        value.is_table().then(|| (section.clone(), rest.to_owned()))
    })?;
    find(table.get_mut(&section)?.as_table_mut()?, &rest)
}

fn read_like(default: &toml::Value, text: &str) -> Result<toml::Value, String> {
    let wrong = |what: &str| format!("{text:?} is not {what}");
    Ok(match default {
        toml::Value::Integer(_) => toml::Value::Integer(text.parse().map_err(|_| wrong("a whole number"))?),
        toml::Value::Float(_) => toml::Value::Float(text.parse().map_err(|_| wrong("a number"))?),
        toml::Value::Boolean(_) => toml::Value::Boolean(text.parse().map_err(|_| wrong("true or false"))?),
        toml::Value::Array(_) => toml::Value::Array(
            text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(|item| item.to_owned().into()).collect(),
        ),
        _ => toml::Value::String(text.to_owned()),
    })
}

fn apply_flags(table: &mut toml::Table, flags: &Flags) {
    let pairs = [
        ("data", &flags.data),
        ("redirect_address", &flags.redirect),
        ("admin_address", &flags.admin),
        ("store_url", &flags.store),
        ("archive_url", &flags.archive),
    ];
    for (key, value) in pairs {
        if let (Some(value), Some(slot)) = (value, find(table, key)) {
            *slot = toml::Value::String(value.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(environment: &[(&str, &str)], flags: &Flags) -> Result<Config, ConfigError> {
        let pairs = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Config::load(None, pairs, flags)
    }

    #[test]
    fn the_defaults_load() {
        let config = Config::default_values();
        assert_eq!(config.redirect.address.to_string(), "127.0.0.1:8080");
        load(&[], &Flags::default()).unwrap();
    }

    #[test]
    fn a_flag_wins_over_the_environment_and_the_environment_over_the_defaults() {
        let flags = Flags { admin: Some("127.0.0.1:7".to_owned()), ..Flags::default() };
        let environment = [("WAYPOST_ADMIN", "127.0.0.1:5"), ("WAYPOST_JOURNAL_SYNC_MS", "3"), ("PATH", "/bin")];
        let config = load(&environment, &flags).unwrap();
        assert_eq!(config.admin.address.port(), 7);
        assert_eq!(config.journal.sync_ms, 3);
    }

    #[test]
    fn an_unknown_variable_or_a_value_of_the_wrong_type_is_refused_by_name() {
        let wrong = load(&[("WAYPOST_JOURNAL_SYNC_MSS", "3")], &Flags::default()).unwrap_err();
        assert!(wrong.to_string().contains("WAYPOST_JOURNAL_SYNC_MSS"), "{wrong}");
        let wrong = load(&[("WAYPOST_JOURNAL_SYNC_MS", "soon")], &Flags::default()).unwrap_err();
        assert!(wrong.to_string().contains("\"soon\" is not a whole number"), "{wrong}");
    }

    #[test]
    fn a_number_outside_its_range_is_refused_by_name() {
        for (key, least, most, outside) in [
            ("links.slug_chars", "6", "64", &["5", "65"][..]),
            ("links.destination_bytes_max", "1", "8192", &["0", "8193"]),
            ("journal.sync_ms", "0", "1000", &["1001"]),
            ("journal.segment_mib", "1", "1024", &["0", "1025"]),
            ("tally.batch_hits_max", "1", "10000000", &["0", "10000001"]),
            ("store.shards", "1", "256", &["0", "257"]),
        ] {
            let variable = format!("WAYPOST_{}", key.replace('.', "_").to_uppercase());
            let load = |number| load(&[(variable.as_str(), number)], &Flags::default());
            for number in [least, most] {
                load(number).unwrap();
            }
            for number in outside {
                let wrong = load(number).unwrap_err().to_string();
                assert_eq!(wrong, format!("{key}: {number} is not between {least} and {most}"));
            }
            let wrong = load("-1").unwrap_err().to_string();
            assert!(wrong.contains(key) && wrong.contains("-1"), "{wrong}");
        }
    }

    #[test]
    fn passwords_are_not_shown() {
        for (given, shown) in [
            ("redis://waypost:s3cr@t@redis:6379/0", "redis://***@redis:6379/0"),
            ("redis://redis:6379/0?a=@", "redis://redis:6379/0?a=@"),
            ("rediss://:x@h", "rediss://***@h"),
            ("./data", "./data"),
        ] {
            assert_eq!(without_password(given), shown);
        }
    }

    #[test]
    fn every_setting_is_described_with_the_value_that_holds() {
        let environment = [("WAYPOST_STORE_URL", "redis://:secret@h"), ("WAYPOST_LINKS_UTM_SOURCE", "a,b")];
        let settings = load(&environment, &Flags::default()).unwrap().admin.settings;
        let keys = DEFAULTS.lines().filter(|line| line.contains(" = ") && !line.starts_with('#')).count();
        assert_eq!(settings.len(), keys);
        assert!(settings.iter().all(|setting| setting.about.len() > 5 && !setting.value.is_empty()));
        let changed: Vec<_> = settings.iter().filter(|setting| !setting.is_default).collect();
        let told: Vec<_> = changed.iter().map(|setting| (setting.key.as_str(), setting.value.as_str())).collect();
        assert_eq!(told, [("links.utm.source", r#"["a", "b"]"#), ("store.url", r#""redis://***@h""#)]);
    }

    #[test]
    fn every_key_of_the_file_has_a_sentence_and_a_field() {
        let mut comment = false;
        for line in DEFAULTS.lines() {
            let is_key = line.contains(" = ") && !line.starts_with('#');
            assert!(!is_key || comment, "no sentence above: {line}");
            comment = line.starts_with('#');
        }
        Config::default_values();
    }
}
