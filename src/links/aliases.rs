//! Other words for UTM values, as `[links.utm.aliases]` of the configuration lists them: whoever writes `ig` means
//! `instagram`, and that is what the link gets.
//!
//! They are put in place when a link is made or its UTM is changed, and said. What a link has already is never touched.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::fields::LinkFields;
use crate::domain::link::LinkSpec;
use crate::domain::utm::{Utm, UtmField};

/// `[links.utm.aliases]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Aliases {
    source: Words,
    medium: Words,
    campaign: Words,
    term: Words,
    content: Words,
}

/// The aliases of one field in small letters, and what each stands for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(try_from = "Vec<String>")]
struct Words(BTreeMap<String, String>);

impl TryFrom<Vec<String>> for Words {
    type Error = String;

    fn try_from(lines: Vec<String>) -> Result<Self, String> {
        let mut words = BTreeMap::new();
        for line in lines {
            let (alias, value) =
                line.split_once('=').map(|(alias, value)| (alias.trim(), value.trim())).unwrap_or_default();
            if alias.is_empty() || value.is_empty() {
                return Err(format!("{line:?} is not an alias and what it stands for: write it like \"ig=instagram\""));
            }
            if words.insert(alias.to_lowercase(), value.to_owned()).is_some() {
                return Err(format!("{alias:?} is there twice"));
            }
        }
        match words.values().find(|value| words.get(&value.to_lowercase()).is_some_and(|meant| meant != *value)) {
            Some(value) => Err(format!("{value:?} is an alias itself: say what the first one stands for in the end")),
            None => Ok(Self(words)),
        }
    }
}

impl Aliases {
    /// What `value` stands for, if it is an alias. Case and blanks around it count for nothing.
    pub(super) fn meant(&self, field: UtmField, value: &str) -> Option<&str> {
        let words = self.of(field)?;
        words.0.get(&value.trim().to_lowercase()).map(String::as_str).filter(|meant| *meant != value)
    }

    /// What aliases of this field stand for.
    pub(super) fn values(&self, field: UtmField) -> impl Iterator<Item = &str> {
        self.of(field).into_iter().flat_map(|words| words.0.values().map(String::as_str))
    }

    fn of(&self, field: UtmField) -> Option<&Words> {
        match field {
            UtmField::Source => Some(&self.source),
            UtmField::Medium => Some(&self.medium),
            UtmField::Campaign => Some(&self.campaign),
            UtmField::Term => Some(&self.term),
            UtmField::Content => Some(&self.content),
            UtmField::Id => None,
        }
    }

    /// What stands for the values of `now` that are aliases and are not as in `before`.
    pub(super) fn in_place_of<'a>(
        &'a self,
        now: &'a Utm,
        before: Option<&'a Utm>,
    ) -> impl Iterator<Item = (UtmField, &'a str)> {
        let is_new = move |field, value| before.is_none_or(|before| before.get(field) != Some(value));
        let changed = now.iter().filter(move |(field, value)| is_new(*field, *value));
        changed.filter_map(|(field, value)| Some((field, self.meant(field, value)?)))
    }

    /// One sentence for each alias that was written about a link and is in it as what it stands for.
    pub(super) fn told(&self, fields: &LinkFields, saved: &LinkSpec) -> Vec<String> {
        let carried = fields.url.set().and_then(|url| url.split_once('?')).map(|(_, query)| query);
        let carried = Utm::read(carried.and_then(|query| query.split('#').next()).unwrap_or_default());
        let written = |field| fields.utm.set().and_then(|utm| utm.get(field).set()).map(String::as_str);
        let told = |field: UtmField| {
            let value = written(field).or(carried.get(field))?;
            let meant = self.meant(field, value).filter(|meant| saved.utm.get(field) == Some(meant))?;
            Some(format!("{} {:?} is saved as {meant:?}, which it is another word for here", field.key(), value.trim()))
        };
        UtmField::ALL.into_iter().filter_map(told).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(lines: &[&str]) -> Result<Words, String> {
        Words::try_from(lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn an_alias_is_known_in_any_case_and_stands_for_one_value() {
        let source = words(&["ig=instagram", "Insta = instagram", "instagram=instagram"]).unwrap();
        let none = || Words::default();
        let aliases = Aliases { source, medium: none(), campaign: none(), term: none(), content: none() };
        for value in ["ig", "IG", " insta ", "Instagram"] {
            assert_eq!(aliases.meant(UtmField::Source, value), Some("instagram"), "{value}");
        }
        assert_eq!(aliases.meant(UtmField::Source, "instagram"), None);
        assert_eq!((aliases.meant(UtmField::Medium, "ig"), aliases.meant(UtmField::Id, "ig")), (None, None));
    }

    #[test]
    fn what_is_no_alias_is_refused_with_what_to_write() {
        for (lines, says) in [
            (&["ig"][..], "write it like"),
            (&["=instagram"], "write it like"),
            (&["ig=instagram", "IG=x"], "is there twice"),
            (&["ig=insta", "insta=instagram"], "\"insta\" is an alias itself"),
        ] {
            let wrong = words(lines).unwrap_err();
            assert!(wrong.contains(says), "{wrong}");
        }
    }
}
