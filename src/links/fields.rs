//! What an owner writes about a link, before anybody checked it: the one shape of create and edit.
//!
//! It is also the JSON of `POST` and `PATCH /api/v1/links`. A missing field leaves things as they are, `null`
//! clears, an unknown name is refused.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::ToSchema;

use crate::domain::object;
use crate::domain::utm::UtmField;

/// What happens to one field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Change<T> {
    #[default]
    Keep,
    Clear,
    Set(T),
}

impl<T> Change<T> {
    pub(crate) fn is_keep(&self) -> bool {
        matches!(self, Self::Keep)
    }

    pub(crate) fn set(&self) -> Option<&T> {
        match self {
            Self::Set(value) => Some(value),
            Self::Keep | Self::Clear => None,
        }
    }

    /// The value after the change; `cleared` is what clearing leaves.
    pub(super) fn over<U>(&self, current: U, cleared: U, set: impl FnOnce(&T) -> U) -> U {
        match self {
            Self::Keep => current,
            Self::Clear => cleared,
            Self::Set(value) => set(value),
        }
    }
}

impl<T> From<Option<T>> for Change<T> {
    /// `None` keeps: the way of a flag that was not given.
    fn from(given: Option<T>) -> Self {
        given.map_or(Self::Keep, Self::Set)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Change<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Self::Clear, Self::Set))
    }
}

impl<T: Serialize> Serialize for Change<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.set().serialize(serializer)
    }
}

/// Everything an owner can say about a link, as text. Checked by the catalog, and only there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LinkFields {
    #[serde(skip_serializing_if = "Change::is_keep")]
    #[schema(value_type = Option<String>)]
    pub(crate) url: Change<String>,
    /// Cleared or kept on create: a generated one.
    #[serde(skip_serializing_if = "Change::is_keep")]
    #[schema(value_type = Option<String>)]
    pub(crate) slug: Change<String>,
    #[serde(skip_serializing_if = "Change::is_keep")]
    #[schema(value_type = Option<String>)]
    pub(crate) domain: Change<String>,
    #[serde(skip_serializing_if = "Change::is_keep", deserialize_with = "utm")]
    #[schema(value_type = Option<UtmFields>)]
    pub(crate) utm: Change<UtmFields>,
    #[serde(skip_serializing_if = "Change::is_keep")]
    #[schema(value_type = Option<String>)]
    pub(crate) platform: Change<String>,
    #[serde(skip_serializing_if = "Change::is_keep")]
    #[schema(value_type = Option<String>)]
    pub(crate) level: Change<String>,
    #[serde(skip_serializing_if = "Change::is_keep")]
    #[schema(value_type = Option<Vec<String>>)]
    pub(crate) posts: Change<Vec<String>>,
    #[serde(skip_serializing_if = "Change::is_keep")]
    #[schema(value_type = Option<String>)]
    pub(crate) title: Change<String>,
    #[serde(skip_serializing_if = "Change::is_keep")]
    #[schema(value_type = Option<Vec<String>>)]
    pub(crate) tags: Change<Vec<String>>,
    /// Out of the way: lists leave the link out unless they are asked. It answers and counts as before.
    #[serde(skip_serializing_if = "Change::is_keep")]
    #[schema(value_type = Option<bool>)]
    pub(crate) archived: Change<bool>,
    #[serde(skip_serializing_if = "Change::is_keep")]
    #[schema(value_type = Option<u16>)]
    pub(crate) status: Change<u16>,
    #[serde(skip_serializing_if = "Change::is_keep")]
    #[schema(value_type = Option<bool>)]
    pub(crate) enabled: Change<bool>,
    #[serde(skip_serializing_if = "Change::is_keep")]
    #[schema(value_type = Option<bool>)]
    pub(crate) passthrough: Change<bool>,
    #[serde(skip_serializing_if = "Change::is_keep")]
    #[schema(value_type = Option<bool>)]
    pub(crate) visitor_utm: Change<bool>,
    #[serde(skip_serializing_if = "Change::is_keep")]
    #[schema(value_type = Option<String>)]
    pub(crate) expires_at: Change<String>,
    #[serde(skip_serializing_if = "Change::is_keep")]
    #[schema(value_type = Option<String>)]
    pub(crate) expired_url: Change<String>,
    /// With an edit only: the revision that it is based on, so that nobody's change is overwritten unseen.
    #[serde(skip_serializing_if = "Change::is_keep", deserialize_with = "revision")]
    #[schema(value_type = Option<u64>)]
    pub(crate) revision: Change<u64>,
}

/// No larger than the API's description says, so that every language can hold it.
fn revision<'de, D: Deserializer<'de>>(from: D) -> Result<Change<u64>, D::Error> {
    let Some(revision) = Option::<u64>::deserialize(from)? else { return Ok(Change::Clear) };
    match i64::try_from(revision) {
        Ok(_) => Ok(Change::Set(revision)),
        Err(_) => Err(serde::de::Error::custom(format!("revision {revision} is larger than any"))),
    }
}

fn utm<'de, D: Deserializer<'de>>(from: D) -> Result<Change<UtmFields>, D::Error> {
    Ok(object::maybe(from)?.map_or(Change::Clear, Change::Set))
}

/// The six UTM values, each changed on its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct UtmFields {
    #[serde(skip_serializing_if = "Change::is_keep")]
    #[schema(value_type = Option<String>)]
    pub(crate) source: Change<String>,
    #[serde(skip_serializing_if = "Change::is_keep")]
    #[schema(value_type = Option<String>)]
    pub(crate) medium: Change<String>,
    #[serde(skip_serializing_if = "Change::is_keep")]
    #[schema(value_type = Option<String>)]
    pub(crate) campaign: Change<String>,
    #[serde(skip_serializing_if = "Change::is_keep")]
    #[schema(value_type = Option<String>)]
    pub(crate) term: Change<String>,
    #[serde(skip_serializing_if = "Change::is_keep")]
    #[schema(value_type = Option<String>)]
    pub(crate) content: Change<String>,
    #[serde(skip_serializing_if = "Change::is_keep")]
    #[schema(value_type = Option<String>)]
    pub(crate) id: Change<String>,
}

impl UtmFields {
    pub(super) fn get(&self, field: UtmField) -> &Change<String> {
        match field {
            UtmField::Source => &self.source,
            UtmField::Medium => &self.medium,
            UtmField::Campaign => &self.campaign,
            UtmField::Term => &self.term,
            UtmField::Content => &self.content,
            UtmField::Id => &self.id,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revision_that_no_link_can_have_is_refused() {
        assert!(serde_json::from_str::<LinkFields>(r#"{"revision":9223372036854775807}"#).is_ok());
        assert!(serde_json::from_str::<LinkFields>(r#"{"revision":9223372036854775808}"#).is_err());
    }

    #[test]
    fn missing_keeps_null_clears_and_an_unknown_name_is_refused() {
        let fields: LinkFields = serde_json::from_str(r#"{"title":null,"slug":"a","utm":{"source":""}}"#).unwrap();
        assert_eq!(fields.title, Change::Clear);
        assert_eq!(fields.slug, Change::Set("a".to_owned()));
        assert_eq!(fields.url, Change::Keep);
        let wrong = serde_json::from_str::<LinkFields>(r#"{"sluq":"a"}"#).unwrap_err();
        assert!(wrong.to_string().contains("unknown field `sluq`"), "{wrong}");
        assert_eq!(serde_json::to_string(&fields).unwrap(), r#"{"slug":"a","utm":{"source":""},"title":null}"#);
    }
}
