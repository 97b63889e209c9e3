//! Columns: how headers are compared, and what a column can hold.
//!
//! Pure. It must never take two headers for one because they look alike to a person but name different numbers.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use unicode_normalization::UnicodeNormalization;

use crate::domain::metric::Metric;

/// A column of a dialect: its headers in all known languages, folded, and what it holds.
pub(crate) struct Column {
    pub(crate) role: Role,
    pub(crate) names: &'static [&'static str],
}

/// Shortens the tables of the dialects.
pub(super) const fn column(role: Role, names: &'static [&'static str]) -> Column {
    Column { role, names }
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Role {
    /// The post's, ad's or newsletter's own id.
    Id,
    Permalink,
    /// A post by its id or its permalink.
    Post,
    /// A link of ours: a slug, a short URL, or domain and slug.
    Link,
    Platform,
    Account,
    Text,
    Published,
    Format,
    Campaign,
    AdSet,
    Ad,
    /// Ids of campaign and ad set.
    OtherId,
    /// Where the ad or post leads.
    Url,
    /// What the platform adds to [`Role::Url`].
    UrlParameters,
    Day,
    From,
    To,
    /// Two days in one cell.
    Span,
    /// When the file was made, the same in each row.
    AsOf,
    Currency,
    /// A part of the audience or of the delivery, by its name in `slice`.
    Slice(&'static str),
    Metric(Metric),
    /// The metric that the file's title names.
    Titled,
    /// The platform's own click-through rate: read as a check, never kept.
    Rate(Scale),
}

/// How a rate is written where it has no `%`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Scale {
    /// `1.5` is 1.5 %.
    Percent,
    /// `0.015` is 1.5 %.
    Fraction,
}

/// The slices that a file may have.
const SLICES: [&str; 10] =
    ["age", "gender", "country", "region", "platform", "placement", "device", "hour", "asset", "objective"];

impl Role {
    /// Roles that have a word of their own and nothing inside.
    const PLAIN: [(Self, &'static str); 23] = [
        (Self::Post, "post"),
        (Self::Link, "link"),
        (Self::Id, "id"),
        (Self::Permalink, "permalink"),
        (Self::Platform, "platform"),
        (Self::Account, "account"),
        (Self::Text, "text"),
        (Self::Published, "published"),
        (Self::Format, "format"),
        (Self::Campaign, "campaign"),
        (Self::AdSet, "ad_set"),
        (Self::Ad, "ad"),
        (Self::OtherId, "other_id"),
        (Self::Url, "url"),
        (Self::UrlParameters, "url_parameters"),
        (Self::Day, "date"),
        (Self::From, "from"),
        (Self::To, "to"),
        (Self::Span, "period"),
        (Self::AsOf, "as_of"),
        (Self::Currency, "currency"),
        (Self::Rate(Scale::Percent), "ctr_percent"),
        (Self::Rate(Scale::Fraction), "ctr"),
    ];

    /// The word of `--map`: `views`, `date`, `slice.age`.
    pub(crate) fn word(self) -> String {
        match self {
            Self::Metric(metric) => metric.as_str().to_owned(),
            Self::Slice(name) => format!("slice.{name}"),
            Self::Titled => "titled".to_owned(),
            role => Self::PLAIN.iter().find(|(plain, _)| *plain == role).map_or("", |(_, word)| word).to_owned(),
        }
    }

    pub(crate) fn parse(word: &str) -> Option<Self> {
        let plain = Self::PLAIN.iter().find(|(_, plain)| *plain == word).map(|(role, _)| *role);
        let slice = || {
            let name = word.strip_prefix("slice.")?;
            SLICES.into_iter().find(|slice| *slice == name).map(Self::Slice)
        };
        plain.or_else(slice).or_else(|| Metric::parse(word).map(Self::Metric))
    }

    /// Whether several columns may hold it.
    pub(crate) fn may_repeat(self) -> bool {
        matches!(self, Self::Text | Self::Url | Self::OtherId | Self::Rate(_))
    }
}

impl Serialize for Role {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.word())
    }
}

impl<'de> Deserialize<'de> for Role {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        Self::parse(&word).ok_or_else(|| serde::de::Error::custom(format!("{word:?} is no role of a column")))
    }
}

/// A header as it is compared: composed letters, lower case, one space where there are any, no byte order mark, no
/// `_` for a space.
pub(crate) fn fold(header: &str) -> String {
    let mut folded = String::with_capacity(header.len());
    for letter in header.nfc() {
        match letter {
            '\u{feff}' | '\u{200b}' | '\u{200e}' | '\u{200f}' => {}
            letter if letter.is_whitespace() || letter == '_' => {
                if !folded.is_empty() && !folded.ends_with(' ') {
                    folded.push(' ');
                }
            }
            letter => folded.extend(letter.to_lowercase()),
        }
    }
    folded.truncate(folded.trim_end().len());
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn e25_e26_headers_are_compared_without_case_spaces_marks_and_the_form_of_accents() {
        for (header, folded) in [
            ("Phone number clicks ", "phone number clicks"),
            ("URL\u{a0}Clicks", "url clicks"),
            ("\u{feff}Post ID", "post id"),
            ("story_views", "story views"),
            ("Permala\u{308}nk", "permal\u{e4}nk"),
            ("Reactions, Comments and Shares", "reactions, comments and shares"),
            (" \t", ""),
        ] {
            assert_eq!(fold(header), folded);
        }
    }

    #[test]
    fn a_role_is_read_back_from_its_word() {
        let metrics = ["views", "clicks_link", "spend", "opens"].map(|word| Role::parse(word).unwrap());
        let slices = SLICES.map(Role::Slice);
        for role in Role::PLAIN.iter().map(|(role, _)| *role).chain(metrics).chain(slices) {
            assert_eq!(Role::parse(&role.word()), Some(role));
        }
        assert_eq!(Role::parse("slice.shoe_size"), None);
        assert_eq!(Role::parse("titled"), None);
    }
}
