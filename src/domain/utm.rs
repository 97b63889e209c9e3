//! UTM: the six parameters that name a click's campaign, and how they are merged into a destination.
//!
//! A destination's own query is its owner's: it stays byte for byte and in order, only `utm_*` change.

use std::fmt::Write;

use percent_encoding::percent_decode;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::destination::{Destination, DestinationError};

/// The six `utm_*` values of a link. `None` means "not set"; a set value is never empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Utm {
    pub(crate) source: Option<String>,
    pub(crate) medium: Option<String>,
    pub(crate) campaign: Option<String>,
    pub(crate) term: Option<String>,
    pub(crate) content: Option<String>,
    pub(crate) id: Option<String>,
}

/// One of the six, in the order in which they are appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UtmField {
    Source,
    Medium,
    Campaign,
    Term,
    Content,
    Id,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UtmError {
    #[error("utm {} is {chars} characters long: use at most {max}", .field.name(), max = Utm::CHARS_MAX)]
    TooLong { field: UtmField, chars: usize },
    #[error("utm {} contains a control character or line break: remove it", .field.name())]
    Control { field: UtmField },
}

impl UtmField {
    pub(crate) const ALL: [Self; 6] = [Self::Source, Self::Medium, Self::Campaign, Self::Term, Self::Content, Self::Id];

    /// The parameter's name in a query.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::Source => "utm_source",
            Self::Medium => "utm_medium",
            Self::Campaign => "utm_campaign",
            Self::Term => "utm_term",
            Self::Content => "utm_content",
            Self::Id => "utm_id",
        }
    }

    /// The word for it in API, CLI and pages.
    pub(crate) fn name(self) -> &'static str {
        &self.key()["utm_".len()..]
    }

    /// Where it stands in the API's JSON of a link.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Source => "utm.source",
            Self::Medium => "utm.medium",
            Self::Campaign => "utm.campaign",
            Self::Term => "utm.term",
            Self::Content => "utm.content",
            Self::Id => "utm.id",
        }
    }

    /// The field a raw parameter name stands for; case is ignored, because analytics tools meet both spellings.
    fn of_key(raw: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| same_name(raw, field.key()))
    }
}

impl Utm {
    /// The longest value, in characters.
    pub(crate) const CHARS_MAX: usize = 255;

    pub(crate) fn get(&self, field: UtmField) -> Option<&str> {
        match field {
            UtmField::Source => self.source.as_deref(),
            UtmField::Medium => self.medium.as_deref(),
            UtmField::Campaign => self.campaign.as_deref(),
            UtmField::Term => self.term.as_deref(),
            UtmField::Content => self.content.as_deref(),
            UtmField::Id => self.id.as_deref(),
        }
    }

    fn slot(&mut self, field: UtmField) -> &mut Option<String> {
        match field {
            UtmField::Source => &mut self.source,
            UtmField::Medium => &mut self.medium,
            UtmField::Campaign => &mut self.campaign,
            UtmField::Term => &mut self.term,
            UtmField::Content => &mut self.content,
            UtmField::Id => &mut self.id,
        }
    }

    /// Sets a field to what an owner gave, trimmed; an empty text unsets it.
    ///
    /// # Errors
    /// When the value is too long or holds a control character.
    pub(crate) fn set(&mut self, field: UtmField, text: &str) -> Result<(), UtmError> {
        let text = text.trim();
        let chars = text.chars().count();
        if chars > Self::CHARS_MAX {
            return Err(UtmError::TooLong { field, chars });
        }
        if text.chars().any(char::is_control) {
            return Err(UtmError::Control { field });
        }
        *self.slot(field) = (!text.is_empty()).then(|| text.to_owned());
        Ok(())
    }

    /// The fields that are set, in the order in which they are appended.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (UtmField, &str)> {
        UtmField::ALL.into_iter().filter_map(|field| Some((field, self.get(field)?)))
    }

    /// What a query carries: the first non-empty value of each, cut to its limit, control characters left out.
    pub(crate) fn read(query: &str) -> Self {
        let mut utm = Self::default();
        for pair in query.split('&') {
            let (key, raw) = pair.split_once('=').unwrap_or((pair, ""));
            let Some(field) = UtmField::of_key(key) else { continue };
            if utm.get(field).is_none() {
                *utm.slot(field) = read_value(raw);
            }
        }
        utm
    }

    /// These values, and `below`'s where there is none.
    pub(crate) fn over(&self, below: &Self) -> Self {
        self.map(|field| self.get(field).or(below.get(field)))
    }

    /// These values without those that `carried` holds too.
    pub(crate) fn without(&self, carried: &Self) -> Self {
        self.map(|field| self.get(field).filter(|value| Some(*value) != carried.get(field)))
    }

    fn map<'a>(&self, value: impl Fn(UtmField) -> Option<&'a str>) -> Self {
        let mut utm = Self::default();
        for field in UtmField::ALL {
            *utm.slot(field) = value(field).map(str::to_owned);
        }
        utm
    }

    /// `url` with these values in its query. A value that is there already keeps its place and its spelling; a
    /// different one is replaced in place and its repeats go; a missing one is appended; the fragment stays last.
    /// `utm_*` without a value are left out.
    ///
    /// # Errors
    /// When the result is longer than `bytes_max`.
    pub(crate) fn merge_into(&self, url: &Destination, bytes_max: usize) -> Result<Destination, DestinationError> {
        let parts = url.parts();
        let mut text = parts.base.to_owned();
        let mut separator = '?';
        let mut append = |pair: &str| {
            text.push(separator);
            text.push_str(pair);
            separator = '&';
        };
        let mut placed = [false; UtmField::ALL.len()];
        for pair in parts.query.into_iter().flat_map(|query| query.split('&')) {
            self.place(pair, &mut placed, &mut append);
        }
        for (field, value) in self.iter().filter(|(field, _)| !placed[*field as usize]) {
            append(&written(field, value));
        }
        if let Some(fragment) = parts.fragment {
            let _ = write!(text, "#{fragment}");
        }
        Destination::parse(&text, bytes_max)
    }

    /// What becomes of one parameter that the destination has.
    fn place(&self, pair: &str, placed: &mut [bool], append: &mut impl FnMut(&str)) {
        let (key, raw) = pair.split_once('=').unwrap_or((pair, ""));
        let Some(field) = UtmField::of_key(key) else { return append(pair) };
        match self.get(field) {
            None if raw.is_empty() => {}
            None => append(pair),
            Some(_) if std::mem::replace(&mut placed[field as usize], true) => {}
            Some(value) if key == field.key() && decoded_text(raw) == value => append(pair),
            Some(value) => append(&written(field, value)),
        }
    }
}

/// What a value keeps as it is: unreserved characters, and braces so that `{{campaign.name}}` stays a macro.
const VALUE: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'{').remove(b'}');

fn written(field: UtmField, value: &str) -> String {
    format!("{}={}", field.key(), utf8_percent_encode(value, VALUE))
}

/// Whether a decoded value is a macro that an advertising tool should have filled in: `{{campaign.name}}` (Meta),
/// `{campaignid}` (Google, Microsoft), `__CAMPAIGN_NAME__` (TikTok), `[campaign]`, `%%placement%%`.
pub(crate) fn is_macro(value: &str) -> bool {
    let between = |open: &str, close: &str| {
        value.len() > open.len() + close.len() && value.starts_with(open) && value.ends_with(close)
    };
    (value.contains("{{") && value.contains("}}"))
        || [("{", "}"), ("__", "__"), ("[", "]"), ("%%", "%%")].iter().any(|(open, close)| between(open, close))
}

fn read_value(raw: &str) -> Option<String> {
    let text: String =
        decoded_text(raw).chars().filter(|character| !character.is_control()).take(Utm::CHARS_MAX).collect();
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// `+` and `%20` are both a space, as form encoding has it.
fn decoded_text(raw: &str) -> String {
    let spaced: Vec<u8> = raw.bytes().map(|byte| if byte == b'+' { b' ' } else { byte }).collect();
    String::from_utf8_lossy(&percent_decode(&spaced).collect::<Vec<u8>>()).into_owned()
}

/// The bytes of a raw parameter name, decoded and in lower case. Allocates nothing: it runs on the hot path.
pub(super) fn name_bytes(raw: &str) -> impl Iterator<Item = u8> {
    percent_decode(raw.as_bytes()).map(|byte| byte.to_ascii_lowercase())
}

/// Whether two raw parameter names mean the same one to a lenient reader.
pub(super) fn same_name(one: &str, other: &str) -> bool {
    name_bytes(one).eq(name_bytes(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utm(pairs: &[(UtmField, &str)]) -> Utm {
        let mut utm = Utm::default();
        for (field, value) in pairs {
            utm.set(*field, value).unwrap();
        }
        utm
    }

    fn merged(url: &str, pairs: &[(UtmField, &str)]) -> String {
        let url = Destination::parse(url, 2048).unwrap();
        utm(pairs).merge_into(&url, 2048).unwrap().as_str().to_owned()
    }

    use UtmField::{Campaign, Content, Id, Medium, Source, Term};

    #[test]
    fn missing_values_are_appended_in_one_order_before_the_fragment() {
        let all = [(Id, "7"), (Content, "c"), (Term, "t"), (Campaign, "k"), (Medium, "m"), (Source, "s")];
        assert_eq!(
            merged("https://e.com/a#top?x", &all),
            "https://e.com/a?utm_source=s&utm_medium=m&utm_campaign=k&utm_term=t&utm_content=c&utm_id=7#top?x"
        );
        assert_eq!(merged("https://e.com/#top", &[]), "https://e.com/#top");
        assert_eq!(merged("https://e.com/?a", &[(Source, "s")]), "https://e.com/?a&utm_source=s");
    }

    #[test]
    fn the_rest_of_the_query_stays_byte_for_byte() {
        let query = "b=2&a=1&a=1&empty=&bare&x=%2B%2f+%7e&referrer=deepLink%3D1&via={via}";
        assert_eq!(
            merged(&format!("https://e.com/?{query}"), &[(Source, "s")]),
            format!("https://e.com/?{query}&utm_source=s")
        );
    }

    #[test]
    fn a_set_value_replaces_the_first_in_place_and_drops_its_repeats() {
        assert_eq!(
            merged("https://e.com/?utm_source=old&a=1&UTM_SOURCE=older&utm_medium=m", &[(Source, "new")]),
            "https://e.com/?utm_source=new&a=1&utm_medium=m"
        );
        assert_eq!(merged("https://e.com/?utm%5Fsource=old", &[(Source, "new")]), "https://e.com/?utm_source=new");
    }

    #[test]
    fn a_value_that_is_there_already_keeps_its_spelling_and_empty_ones_go() {
        let url = "https://e.com/?utm_campaign=spring+sale&utm_term=&utm_id";
        assert_eq!(merged(url, &[(Campaign, "spring sale")]), "https://e.com/?utm_campaign=spring+sale");
        assert_eq!(merged("https://e.com/?utm_term=", &[]), "https://e.com/");
    }

    #[test]
    fn values_are_percent_encoded_but_macros_survive() {
        assert_eq!(
            merged("https://e.com/", &[(Source, " a&b=c+d#ä "), (Campaign, "{{campaign.name}} x")]),
            "https://e.com/?utm_source=a%26b%3Dc%2Bd%23%C3%A4&utm_campaign={{campaign.name}}%20x"
        );
    }

    #[test]
    fn reading_takes_the_first_that_says_something() {
        let read = Utm::read("utm_source=&a=1&Utm_Source=spring+s%C3%A4le%20x&utm_source=z&utm_term=%0a&utm_id=%ff");
        assert_eq!(read, utm(&[(Source, "spring säle x"), (Id, "\u{fffd}")]));
        assert_eq!(Utm::read(""), Utm::default());
    }

    #[test]
    fn a_macro_is_known_by_its_brackets_in_the_ways_of_each_tool() {
        for value in ["{{campaign.name}}", "x-{{ad.id}}", "{keyword}", "__CAMPAIGN_NAME__", "[site]", "%%placement%%"] {
            assert!(is_macro(value), "{value}");
        }
        for value in ["", "{}", "____", "spring", "{a", "a}", "__init", "[]", "100%"] {
            assert!(!is_macro(value), "{value}");
        }
    }

    #[test]
    fn layers_lie_over_each_other_and_come_off_again() {
        let carried = utm(&[(Source, "a"), (Medium, "m")]);
        let own = utm(&[(Source, "b"), (Term, "t")]);
        let both = own.over(&carried);
        assert_eq!(both, utm(&[(Source, "b"), (Medium, "m"), (Term, "t")]));
        assert_eq!(both.without(&carried), own);
    }

    #[test]
    fn long_values_and_control_characters_are_refused_by_field() {
        let mut utm = Utm::default();
        assert!(utm.set(Source, &"ä".repeat(255)).is_ok());
        let wrong = utm.set(Medium, &"a".repeat(256)).unwrap_err();
        assert_eq!(wrong.to_string(), "utm medium is 256 characters long: use at most 255");
        assert_eq!(utm.set(Id, "a\r\nb"), Err(UtmError::Control { field: Id }));
        utm.set(Source, "  ").unwrap();
        assert_eq!(utm, Utm::default());
    }

    #[test]
    fn a_destination_that_grows_too_long_is_refused() {
        let url = Destination::parse("https://e.com/", 30).unwrap();
        assert!(matches!(utm(&[(Source, "abcdefghij")]).merge_into(&url, 30), Err(DestinationError::TooLong { .. })));
    }
}
