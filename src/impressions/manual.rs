//! Numbers that somebody reads off a screen, of platforms that export none. Pure.
//!
//! It must never round what it was told: `1.2K` is 1,200, because that is all the screen says.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::Deserialize;

use crate::domain::metric::Metric;
use crate::domain::permalink;
use crate::domain::placement::{Level, Platform};
use crate::impressions::reading::{Grain, PlatformFile, PlatformPost, Reading, Slice};

/// The name of the dialect.
const DIALECT: &str = "manual";

/// The most numbers of one entry.
const NUMBERS_MAX: usize = 32;

/// One post, or one account, and its numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manual {
    pub(crate) platform: String,
    /// Its permalink or id; empty for an account.
    #[serde(default)]
    pub(crate) post: String,
    /// `post` unless said.
    #[serde(default)]
    pub(crate) level: Option<String>,
    #[serde(default)]
    pub(crate) account: Option<String>,
    /// The day that the numbers are of; from publication on unless said.
    #[serde(default)]
    pub(crate) day: Option<Date>,
    /// Until when they hold; now unless said.
    #[serde(default)]
    pub(crate) as_of: Option<Timestamp>,
    /// A metric's word to its number, as people read it: `1234`, `1,234`, `1.2K`, `3,4M`.
    pub(crate) numbers: BTreeMap<String, Count>,
}

/// A count as a JSON number or as text.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(untagged)]
pub(crate) enum Count {
    Number(u64),
    Text(String),
}

impl Manual {
    /// What it is listed as.
    pub(crate) fn name(&self) -> String {
        let account = || format!("{} {}", self.platform, self.account.as_deref().unwrap_or("profile"));
        permalink::name(&self.platform, &self.post).unwrap_or_else(account).replace('/', " ")
    }

    /// # Errors
    /// What is wrong with the entry, in words.
    pub(crate) fn platform_file(&self) -> Result<PlatformFile, String> {
        let platform = Platform::parse(&self.platform).map_err(|error| error.to_string())?;
        let level = match self.level.as_deref() {
            None => Level::Post,
            Some(word) => Level::parse(word).ok_or_else(|| format!("{word:?} is no level"))?,
        };
        if self.numbers.is_empty() || self.numbers.len() > NUMBERS_MAX {
            return Err(format!("an entry has 1 to {NUMBERS_MAX} numbers, such as views"));
        }
        let grain = self.day.map_or(Grain::Lifetime, Grain::Day);
        let number = |(word, count): (&String, &Count)| {
            let metric = Metric::parse(word).ok_or_else(|| format!("{word:?} is no metric, such as views"))?;
            let unreadable = || format!("{word}: {count:?} is no count");
            let value = count.read().ok_or_else(unreadable)?;
            Ok(Reading { post: 0, slice: 0, metric, grain, value })
        };
        let readings = self.numbers.iter().map(number).collect::<Result<_, String>>()?;
        Ok(PlatformFile {
            dialect: DIALECT.to_owned(),
            posts: vec![self.post(platform.as_str(), level)?],
            slices: vec![Slice::new()],
            readings,
            ..PlatformFile::default()
        })
    }

    fn post(&self, platform: &str, level: Level) -> Result<PlatformPost, String> {
        let name = match self.post.trim() {
            "" if level == Level::Profile => permalink::profile(platform, self.account.as_deref().unwrap_or("")),
            "" => return Err("the entry names no post: give its permalink or its id".to_owned()),
            post => permalink::name(platform, post).ok_or("the post's name is longer than 512 bytes")?,
        };
        let permalink = Some(self.post.trim()).filter(|post| post.starts_with("http")).map(str::to_owned);
        Ok(PlatformPost {
            platform: platform.to_owned(),
            level,
            names: vec![name],
            account: self.account.clone(),
            permalink,
            ..PlatformPost::default()
        })
    }
}

impl Count {
    /// `None` for what is no whole number once its unit is taken into account.
    fn read(&self) -> Option<u64> {
        match self {
            Self::Number(count) => Some(*count),
            Self::Text(text) => read_count(text),
        }
    }
}

/// Reads `1234`, `1,234`, `1 234`, `1.2K`, `3,4M`, `12 тыс.`: with a unit a mark is a decimal one, without it a mark
/// groups thousands.
pub(crate) fn read_count(text: &str) -> Option<u64> {
    const UNITS: [(&str, u64); 9] = [
        ("k", 1_000),
        ("m", 1_000_000),
        ("b", 1_000_000_000),
        ("tn", 1_000),
        ("mn", 1_000_000),
        ("тыс.", 1_000),
        ("тыс", 1_000),
        ("млн", 1_000_000),
        ("mil", 1_000),
    ];
    let text: String = text.trim().to_lowercase().chars().filter(|c| !c.is_whitespace()).collect();
    let unit = UNITS.iter().filter(|(unit, _)| text.ends_with(unit)).max_by_key(|(unit, _)| unit.len());
    match unit {
        None => read_whole(&text),
        Some((unit, times)) => read_decimal(text.strip_suffix(unit)?, *times),
    }
}

fn read_whole(text: &str) -> Option<u64> {
    let groups: Vec<&str> = text.split([',', '.', '\'', '’']).collect();
    let (first, rest) = groups.split_first()?;
    let are_thousands =
        rest.iter().all(|group| group.len() == 3) && (rest.is_empty() || (1..=3).contains(&first.len()));
    let digits = groups.concat();
    let is_number = are_thousands && !first.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().ok()).flatten()
}

fn read_decimal(text: &str, times: u64) -> Option<u64> {
    let (whole, fraction) = text.split_once(['.', ',']).unwrap_or((text, ""));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !is_number(whole) || !is_number(fraction) {
        return None;
    }
    let tenths = 10_u64.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let fraction: u64 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
    let part = fraction.checked_mul(times)?;
    let whole: u64 = whole.parse().ok()?;
    (part % tenths == 0).then(|| whole.checked_mul(times)?.checked_add(part / tenths)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_read_as_screens_show_them() {
        for (text, count) in [
            ("0", 0),
            ("1234", 1234),
            ("1,234", 1234),
            ("1.234.567", 1_234_567),
            ("1 234", 1234),
            ("1’234", 1234),
            ("1.2K", 1200),
            ("3,4M", 3_400_000),
            ("12 тыс.", 12_000),
            ("2k", 2000),
            ("1.25 mn", 1_250_000),
        ] {
            assert_eq!(read_count(text), Some(count), "{text}");
        }
        for wrong in ["", "-1", "1.2", "12,34", "1.2.3K", "K", "1.2345K", "many", "99999999999999M", "1e5", ",123"] {
            assert_eq!(read_count(wrong), None, "{wrong}");
        }
    }

    fn entry(json: &str) -> Result<PlatformFile, String> {
        serde_json::from_str::<Manual>(json).map_err(|error| error.to_string())?.platform_file()
    }

    #[test]
    fn an_entry_is_one_post_with_its_numbers() {
        let file = entry(
            r#"{"platform":"threads","post":"https://www.threads.net/@jane/post/C8abcDEF","numbers":{"views":"1.2K","clicks_link":7}}"#,
        )
        .unwrap();
        assert_eq!((file.posts[0].names[0].as_str(), file.posts[0].level), ("threads:C8abcDEF", Level::Post));
        let values: Vec<_> = file.readings.iter().map(|reading| (reading.metric.as_str(), reading.value)).collect();
        assert_eq!(values, [("clicks_link", 7), ("views", 1200)]);
        assert!(file.readings.iter().all(|reading| reading.grain == Grain::Lifetime));
    }

    #[test]
    fn an_entry_of_an_account_needs_no_post_and_may_be_of_one_day() {
        let file = entry(
            r#"{"platform":"tiktok","level":"profile","account":"@Jane","day":"2026-11-02","numbers":{"profile_visits":40}}"#,
        )
        .unwrap();
        assert_eq!(file.posts[0].names, ["tiktok:profile:jane"]);
        assert_eq!(file.readings[0].grain.to_string(), "2026-11-02");
    }

    #[test]
    fn a_wrong_entry_says_what_is_wrong() {
        for (json, part) in [
            (r#"{"platform":"x","numbers":{"views":1}}"#, "names no post"),
            (r#"{"platform":"X Y","post":"1","numbers":{"views":1}}"#, "platform"),
            (r#"{"platform":"x","post":"1","numbers":{}}"#, "1 to 32 numbers"),
            (r#"{"platform":"x","post":"1","numbers":{"likes":1}}"#, "\"likes\" is no metric"),
            (r#"{"platform":"x","post":"1","numbers":{"views":"some"}}"#, "is no count"),
            (r#"{"platform":"x","post":"1","level":"reel","numbers":{"views":1}}"#, "no level"),
            (r#"{"platform":"x","post":"1","numbers":{"views":-1}}"#, ""),
            (r#"{"platform":"x","post":"1","views":1,"numbers":{"views":1}}"#, "unknown field"),
        ] {
            let wrong = entry(json).unwrap_err();
            assert!(wrong.contains(part), "{json}: {wrong}");
        }
    }
}
