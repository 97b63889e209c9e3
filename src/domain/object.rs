//! JSON objects as they are sent, for structs with named fields. Serde alone takes an array for one, too, its items for
//! the fields in their order: what is sent by mistake must never be taken for something else.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

pub(crate) struct Object<T>(pub(crate) T);

/// For `deserialize_with`: a field that is an object.
pub(crate) fn one<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<T, D::Error> {
    Object::deserialize(from).map(|Object(sent)| sent)
}

/// The same of one that may be `null`.
pub(crate) fn maybe<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<Option<T>, D::Error> {
    Ok(Option::deserialize(from)?.map(|Object(sent)| sent))
}

/// The same of a list of objects.
pub(crate) fn many<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<Vec<T>, D::Error> {
    Ok(Vec::deserialize(from)?.into_iter().map(|Object(sent)| sent).collect())
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor(PhantomData)).map(Self)
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default)]
    struct Inner {
        a: u8,
    }

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default)]
    struct Outer {
        #[serde(deserialize_with = "one")]
        one: Inner,
        #[serde(deserialize_with = "maybe")]
        maybe: Option<Inner>,
        #[serde(deserialize_with = "many")]
        many: Vec<Inner>,
    }

    #[test]
    fn an_array_is_no_object_wherever_it_stands() {
        let read = |json: &str| serde_json::from_str(json).map(|Object(outer): Object<Outer>| outer);
        let whole = read(r#"{"one":{"a":1},"maybe":{"a":2},"many":[{"a":3},{}]}"#).unwrap();
        assert_eq!((whole.one.a, whole.maybe.map(|inner| inner.a), whole.many.len()), (1, Some(2), 2));
        assert_eq!(read(r#"{"maybe":null}"#).unwrap(), Outer::default());
        for wrong in ["[]", r#"{"one":[1]}"#, r#"{"maybe":[1]}"#, r#"{"many":[[1]]}"#, r#"{"one":null}"#] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
