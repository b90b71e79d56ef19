//! JSON in which an object is written as an object.
//!
//! A derived reader takes a list for the members of a struct in their order, so `"location": [30, 104]` would pass
//! for a place. This wrapper around any reader asks for a map wherever a struct is wanted, at every depth.
//! (Not behind `#[serde(untagged)]`, which reads from a copy of its own.)

use std::fmt;

use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor,
};

use crate::words::error::{Code, Error, Result};

/// Reads one JSON value strictly; names the path of what is wrong.
///
/// Errors: `malformed_json`, `invalid_field`.
pub fn from_slice<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    read(bytes, None)
}

/// [`from_slice`] for an object whose member `tag` has been read already and is not part of `T`.
pub fn from_tagged<T: DeserializeOwned>(text: &str, tag: &'static str) -> Result<T> {
    read(text.as_bytes(), Some(tag))
}

/// [`from_slice`] for what has been read as JSON before.
pub fn from_value<T: DeserializeOwned>(value: serde_json::Value) -> Result<T> {
    serde_path_to_error::deserialize(below(value)).map_err(|error| wrong_json(error.inner(), &error.path().to_string()))
}

fn read<T: DeserializeOwned>(bytes: &[u8], without: Option<&'static str>) -> Result<T> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    // The path is worth its price only for what is wrong, which is read a second time.
    let value = T::deserialize(Strict { inner: &mut reader, without }).map_err(|_again| {
        let mut reader = serde_json::Deserializer::from_slice(bytes);
        match serde_path_to_error::deserialize::<_, T>(Strict { inner: &mut reader, without }) {
            Err(error) => wrong_json(error.inner(), &error.path().to_string()),
            Ok(_) => Error::new(Code::MalformedJson),
        }
    })?;
    reader.end().map_err(|error| wrong_json(&error, "."))?;
    Ok(value)
}

fn wrong_json(error: &serde_json::Error, path: &str) -> Error {
    use serde_json::error::Category;
    match error.classify() {
        Category::Data => Error::field(path, error),
        Category::Io | Category::Syntax | Category::Eof => Error::new(Code::MalformedJson).detail(error.to_string()),
    }
}

/// A reader, visitor, seed or access whose structs are maps; `without` is left out of the outermost one.
struct Strict<I> {
    inner: I,
    without: Option<&'static str>,
}

/// Everything below the outermost object.
const fn below<I>(inner: I) -> Strict<I> {
    Strict { inner, without: None }
}

macro_rules! forward {
    ($( $method:ident ( $($argument:ident : $kind:ty),* ) )*) => { $(
        fn $method<V: Visitor<'de>>(self, $($argument: $kind,)* visitor: V) -> Result<V::Value, D::Error> {
            self.inner.$method($($argument,)* Strict { inner: visitor, without: self.without })
        }
    )* };
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Strict<D> {
    type Error = D::Error;

    forward! {
        deserialize_any() deserialize_bool() deserialize_i8() deserialize_i16() deserialize_i32() deserialize_i64()
        deserialize_i128() deserialize_u8() deserialize_u16() deserialize_u32() deserialize_u64() deserialize_u128()
        deserialize_f32() deserialize_f64() deserialize_char() deserialize_str() deserialize_string()
        deserialize_bytes() deserialize_byte_buf() deserialize_option() deserialize_unit() deserialize_seq()
        deserialize_map() deserialize_identifier() deserialize_ignored_any()
        deserialize_unit_struct(name: &'static str) deserialize_newtype_struct(name: &'static str)
        deserialize_tuple(len: usize) deserialize_tuple_struct(name: &'static str, len: usize)
        deserialize_enum(name: &'static str, variants: &'static [&'static str])
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.deserialize_map(visitor)
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

macro_rules! plain {
    ($( $method:ident $kind:ty )*) => { $(
        fn $method<E: serde::de::Error>(self, value: $kind) -> Result<V::Value, E> {
            self.inner.$method(value)
        }
    )* };
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Strict<V> {
    type Value = V::Value;

    fn expecting(&self, text: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.expecting(text)
    }

    plain! {
        visit_bool bool visit_i64 i64 visit_i128 i128 visit_u64 u64 visit_u128 u128 visit_f64 f64 visit_char char
        visit_str &str visit_borrowed_str &'de str visit_string String
        visit_bytes &[u8] visit_borrowed_bytes &'de [u8] visit_byte_buf Vec<u8>
    }

    fn visit_none<E: serde::de::Error>(self) -> Result<V::Value, E> {
        self.inner.visit_none()
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<V::Value, E> {
        self.inner.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, reader: D) -> Result<V::Value, D::Error> {
        self.inner.visit_some(below(reader))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, reader: D) -> Result<V::Value, D::Error> {
        self.inner.visit_newtype_struct(below(reader))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, access: A) -> Result<V::Value, A::Error> {
        self.inner.visit_seq(below(access))
    }

    fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<V::Value, A::Error> {
        self.inner.visit_map(Strict { inner: access, without: self.without })
    }

    fn visit_enum<A: EnumAccess<'de>>(self, access: A) -> Result<V::Value, A::Error> {
        self.inner.visit_enum(below(access))
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Strict<S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<S::Value, D::Error> {
        self.inner.deserialize(below(reader))
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Strict<A> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        self.inner.next_element_seed(below(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint()
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Strict<A> {
    type Error = A::Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        let Some(without) = self.without else { return self.inner.next_key_seed(seed) };
        while let Some(key) = self.inner.next_key::<std::borrow::Cow<'de, str>>()? {
            if key != without {
                return seed.deserialize(serde::de::value::CowStrDeserializer::new(key)).map(Some);
            }
            self.inner.next_value::<serde::de::IgnoredAny>()?;
        }
        Ok(None)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        self.inner.next_value_seed(below(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint()
    }
}

impl<'de, A: EnumAccess<'de>> EnumAccess<'de> for Strict<A> {
    type Error = A::Error;
    type Variant = Strict<A::Variant>;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self::Variant), A::Error> {
        self.inner.variant_seed(below(seed)).map(|(value, variant)| (value, below(variant)))
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for Strict<A> {
    type Error = A::Error;

    fn unit_variant(self) -> Result<(), A::Error> {
        self.inner.unit_variant()
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, A::Error> {
        self.inner.newtype_variant_seed(below(seed))
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, A::Error> {
        self.inner.tuple_variant(len, below(visitor))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        self.inner.struct_variant(fields, below(visitor))
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Place {
        lon: f64,
        lat: f64,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Call {
        place: Option<Place>,
        #[serde(default)]
        seen: Vec<Place>,
    }

    fn code(text: &str) -> Option<Code> {
        from_slice::<Call>(text.as_bytes()).err().map(|error| error.code())
    }

    #[test]
    fn an_object_is_no_list_at_any_depth() {
        let place = || Place { lon: 104.0, lat: 30.0 };
        let good = from_slice::<Call>(br#"{"place": {"lon": 104, "lat": 30.0}, "seen": [{"lat": 30, "lon": 104}]}"#);
        assert_eq!(good.ok(), Some(Call { place: Some(place()), seen: vec![place()] }));
        for wrong in ["[null]", r#"{"place": [104, 30]}"#, r#"{"seen": [[104, 30]]}"#, r#"{"other": 1}"#] {
            assert_eq!(code(wrong), Some(Code::InvalidField), "{wrong}");
        }
        for broken in ["{", r#"{"place": null} x"#] {
            assert_eq!(code(broken), Some(Code::MalformedJson), "{broken}");
        }
    }

    #[test]
    fn only_the_outermost_tag_is_left_out() {
        let read = |text| from_tagged::<Call>(text, "type");
        assert_eq!(read(r#"{"type": "call", "place": null}"#).ok(), Some(Call { place: None, seen: vec![] }));
        let deep = read(r#"{"type": "call", "place": {"type": 1, "lon": 1, "lat": 2}}"#);
        assert_eq!(deep.err().map(|error| error.code()), Some(Code::InvalidField));
    }
}
