//! What UTM the links of this installation must and may have, as `[links.utm]` of the configuration says.
//!
//! It is asked in one place, when a link is made or changed. It never touches a link that is there already: a value that
//! an edit leaves as it is stays allowed.

use serde::Deserialize;

use crate::domain::utm::{Utm, UtmField};

use super::aliases::Aliases;
use super::check::Invalid;
use super::spelling::nearest;

/// The most allowed values that a refusal lists.
const LISTED_MAX: usize = 20;

/// `[links.utm]`. An empty list allows every value.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Written")]
pub(crate) struct UtmPolicy {
    written: Written,
}

/// As it is written in the file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    required: Vec<Required>,
    source: Vec<String>,
    medium: Vec<String>,
    campaign: Vec<String>,
    term: Vec<String>,
    content: Vec<String>,
    aliases: Aliases,
}

impl TryFrom<Written> for UtmPolicy {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let policy = Self { written };
        for field in UtmField::ALL {
            let mut meant = policy.aliases().values(field);
            if let Some(value) = meant.find(|value| policy.check_value(field, value).is_err()) {
                let name = field.name();
                return Err(format!(
                    "links.utm.aliases.{name} stands for {value:?}, which links.utm.{name} does not allow"
                ));
            }
        }
        Ok(policy)
    }
}

/// A field that every link must have.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "String")]
struct Required(UtmField);

impl TryFrom<String> for Required {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let known = UtmField::ALL.map(UtmField::name);
        let at = known.iter().position(|name| *name == text);
        at.map(|at| Self(UtmField::ALL[at])).ok_or_else(|| format!("{text:?} is none of {}", known.join(", ")))
    }
}

impl UtmPolicy {
    /// The values that this field may have; none means that all are allowed.
    pub(crate) fn allowed(&self, field: UtmField) -> &[String] {
        match field {
            UtmField::Source => &self.written.source,
            UtmField::Medium => &self.written.medium,
            UtmField::Campaign => &self.written.campaign,
            UtmField::Term => &self.written.term,
            UtmField::Content => &self.written.content,
            UtmField::Id => &[],
        }
    }

    /// Other words for values.
    pub(super) fn aliases(&self) -> &Aliases {
        &self.written.aliases
    }

    /// Whether somebody decided that this very value is right.
    pub(super) fn names(&self, field: UtmField, value: &str) -> bool {
        self.allowed(field).iter().any(|allowed| allowed == value)
    }

    /// # Errors
    /// When a value of `utm` that is not as in `before` is not allowed, or one that is needed is missing.
    pub(super) fn check(&self, utm: &Utm, before: Option<&Utm>) -> Result<(), Invalid> {
        let changed = |field: &UtmField| before.is_none_or(|before| before.get(*field) != utm.get(*field));
        for field in UtmField::ALL.into_iter().filter(changed) {
            match utm.get(field) {
                Some(value) => self.check_value(field, value)?,
                None if self.written.required.iter().any(|required| required.0 == field) => {
                    return Err(Invalid::new(field.path(), self.demand(field)));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// # Errors
    /// When this field may not have this value, nor what it is an alias of.
    pub(super) fn check_value(&self, field: UtmField, value: &str) -> Result<(), Invalid> {
        let value = self.aliases().meant(field, value).unwrap_or(value);
        let is_allowed = self.allowed(field).is_empty() || self.names(field, value);
        if is_allowed { Ok(()) } else { Err(Invalid::new(field.path(), self.refusal(field, value))) }
    }

    fn refusal(&self, field: UtmField, value: &str) -> String {
        let name = field.name();
        let allowed = self.allowed(field);
        match nearest(value, allowed.iter().map(String::as_str)) {
            Some(meant) => format!(
                "utm {name} {value:?} is not one of the values that links.utm.{name} allows: did you mean {meant:?}? All \
                 of them: {}",
                listed(allowed)
            ),
            None => format!(
                "utm {name} {value:?} is not one of the values that links.utm.{name} allows: use one of {}",
                listed(allowed)
            ),
        }
    }

    fn demand(&self, field: UtmField) -> String {
        let name = field.name();
        let allowed = self.allowed(field);
        let what = if allowed.is_empty() { "give one".to_owned() } else { format!("use one of {}", listed(allowed)) };
        format!("every link here needs a utm {name} (links.utm.required): {what}")
    }
}

fn listed(values: &[String]) -> String {
    let shown = &values[..values.len().min(LISTED_MAX)];
    let more = values.len() - shown.len();
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{rest}", shown.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(toml: &str) -> UtmPolicy {
        let empty = "required = []\nsource = []\nmedium = []\ncampaign = []\nterm = []\ncontent = []\n";
        let aliases = "[aliases]\nsource = []\nmedium = []\ncampaign = []\nterm = []\ncontent = []\n";
        let mut table: toml::Table = format!("{empty}{aliases}").parse().unwrap();
        table.extend(toml.parse::<toml::Table>().unwrap());
        table.try_into().unwrap()
    }

    fn utm(pairs: &[(UtmField, &str)]) -> Utm {
        let mut utm = Utm::default();
        for (field, value) in pairs {
            utm.set(*field, value).unwrap();
        }
        utm
    }

    use UtmField::{Campaign, Medium, Source};

    #[test]
    fn a_value_that_is_not_allowed_is_refused_with_what_was_probably_meant() {
        let policy = policy("source = [\"instagram\", \"newsletter\"]\n");
        let refusal = |value| policy.check(&utm(&[(Source, value), (Medium, "anything")]), None);
        assert_eq!(refusal("instagram"), Ok(()));
        let wrong = refusal("Instgram").unwrap_err();
        assert_eq!(wrong.field, "utm.source");
        assert!(wrong.message.contains("did you mean \"instagram\"?"), "{}", wrong.message);
        assert!(refusal("poster").unwrap_err().message.ends_with("use one of instagram, newsletter"));
    }

    #[test]
    fn a_field_that_every_link_needs_is_asked_for() {
        let policy = policy("required = [\"source\", \"campaign\"]\ncampaign = [\"spring\"]\n");
        assert_eq!(policy.check(&utm(&[(Source, "x"), (Campaign, "spring")]), None), Ok(()));
        let missing = policy.check(&utm(&[(Source, "x")]), None).unwrap_err();
        assert_eq!(missing.field, "utm.campaign");
        assert!(missing.message.ends_with("(links.utm.required): use one of spring"), "{}", missing.message);
    }

    #[test]
    fn an_edit_is_asked_only_about_what_it_changes() {
        let policy = policy("required = [\"campaign\"]\nsource = [\"instagram\"]\n");
        let old = utm(&[(Source, "poster")]);
        assert_eq!(policy.check(&old, Some(&old)), Ok(()));
        assert!(policy.check(&utm(&[(Source, "flyer")]), Some(&old)).is_err());
        let named = utm(&[(Source, "poster"), (Campaign, "k")]);
        assert!(policy.check(&old, Some(&named)).is_err(), "what is needed cannot be taken away");
    }

    #[test]
    fn an_alias_is_judged_by_what_it_stands_for_and_stands_only_for_what_is_allowed() {
        let aliases = |to: &str| {
            let lists = "medium = []\ncampaign = []\nterm = []\ncontent = []\n";
            format!("source = [\"instagram\"]\n[aliases]\nsource = [\"ig={to}\"]\n{lists}")
        };
        let policy = policy(&aliases("instagram"));
        assert_eq!(policy.check_value(Source, "IG"), Ok(()));
        assert!(policy.check_value(Source, "fb").is_err());
        let empty = "required = []\nmedium = []\ncampaign = []\nterm = []\ncontent = []\n";
        let wrong = toml::from_str::<UtmPolicy>(&format!("{empty}{}", aliases("facebook"))).unwrap_err();
        assert!(wrong.message().contains("links.utm.aliases.source stands for \"facebook\""), "{wrong}");
    }

    #[test]
    fn a_long_list_is_not_shown_whole_and_an_unknown_field_is_refused() {
        let names: Vec<String> = (0..30).map(|n| format!("name-{n}")).collect();
        assert!(listed(&names).ends_with("name-19 and 10 more"));
        assert!(Required::try_from("sauce".to_owned()).unwrap_err().contains("none of source, medium"));
    }
}
