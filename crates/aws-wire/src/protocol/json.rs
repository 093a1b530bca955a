//! JSON bodies, read into values without a tree between.

use std::fmt;

use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Number, Value as Json};

use super::binding::Binding;
use super::member_lookup::MemberLookup;
use super::{DEPTH_MAX, DecodeError, scalar, timestamp};
use crate::catalog::{Member, Service, ShapeId, ShapeKind, TimestampFormat};
use crate::value::{Field, FieldKey, StructureValue, Value};

/// Most items that a list reserves room for before it has read them.
const RESERVED_ITEMS_MAX: usize = 64;

/// Key with the name of a shape, which some writers add to structures and unions; it says nothing that the shape does not.
const TYPE_MARK: &str = "__type";

/// Decodes a JSON body as a structure; an empty body, or a null, is an empty structure. Of a member given twice the
/// last counts.
///
/// # Errors
/// The body is not a JSON object.
pub(super) fn decode_structure(
    service: &Service,
    shape: ShapeId,
    binding: Binding,
    body: &[u8],
) -> Result<StructureValue, DecodeError> {
    let empty = StructureValue { shape, fields: Vec::new() };
    if is_blank(body) {
        return Ok(empty);
    }
    match decode(Seed { service, shape, binding, format: None, depth: DEPTH_MAX }, body)? {
        Value::Structure(structure) => Ok(structure),
        Value::Null => Ok(empty),
        _ => Err(DecodeError::new("JSON", "it is no object")),
    }
}

/// Decodes a JSON body as the value of a member.
pub(super) fn decode_member(service: &Service, member: &Member, body: &[u8]) -> Result<Value, DecodeError> {
    if is_blank(body) {
        return Ok(Value::Null);
    }
    let format = member.timestamp_format;
    decode(Seed { service, shape: member.shape, binding: Binding::All, format, depth: DEPTH_MAX }, body)
}

/// Parses a body; an empty one is null.
pub(super) fn parse(body: &[u8]) -> Result<Json, DecodeError> {
    if is_blank(body) {
        return Ok(Json::Null);
    }
    serde_json::from_slice(body).map_err(|error| DecodeError::new("JSON", error.to_string()))
}

fn is_blank(body: &[u8]) -> bool {
    body.iter().all(u8::is_ascii_whitespace)
}

fn decode(seed: Seed<'_>, body: &[u8]) -> Result<Value, DecodeError> {
    let failed = |error: serde_json::Error| DecodeError::new("JSON", error.to_string());
    let mut reader = serde_json::Deserializer::from_slice(body);
    let value = seed.deserialize(&mut reader).map_err(failed)?;
    reader.end().map_err(failed)?;
    Ok(value)
}

/// What a value that is to be read should be. A value that does not fit its shape is kept as what it is.
#[derive(Clone, Copy)]
struct Seed<'a> {
    service: &'a Service,
    shape: ShapeId,
    binding: Binding,
    format: Option<TimestampFormat>,
    depth: usize,
}

impl<'a> Seed<'a> {
    fn kind(&self) -> &'a ShapeKind {
        &self.service.shape(self.shape).kind
    }

    /// What a member, element or value inside should be.
    fn inside(&self, member: &Member) -> Self {
        Self {
            service: self.service,
            shape: member.shape,
            binding: Binding::All,
            format: member.timestamp_format,
            depth: self.depth.saturating_sub(1),
        }
    }

    fn number(&self, number: Number) -> Value {
        if let ShapeKind::Timestamp(_) = self.kind()
            && let Some(time) = number.as_f64().and_then(timestamp::from_seconds)
        {
            return Value::Timestamp(time);
        }
        Value::Number(number)
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        if self.depth == 0 || matches!(self.kind(), ShapeKind::Document) {
            return Json::deserialize(deserializer).map(Value::Document);
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Value, E> {
        Ok(Value::Boolean(truth))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(self.number(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(self.number(number.into()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Number::from_f64(number).map_or(Value::Null, |number| self.number(number)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(match self.kind() {
            ShapeKind::Timestamp(of_shape) => timestamp::parse(text, self.format.or(*of_shape))
                .map_or_else(|| Value::String(text.to_owned()), Value::Timestamp),
            ShapeKind::Blob { .. } => scalar::base64(text).map_or_else(|| Value::String(text.to_owned()), Value::Blob),
            _ => Value::String(text.to_owned()),
        })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let ShapeKind::List { member, .. } = self.kind() else {
            return Json::deserialize(SeqAccessDeserializer::new(items)).map(Value::Document);
        };
        let mut list = Vec::with_capacity(items.size_hint().unwrap_or(0).min(RESERVED_ITEMS_MAX));
        while let Some(item) = items.next_element_seed(self.inside(member))? {
            list.push(item);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        match self.kind() {
            ShapeKind::Structure(structure) => {
                let mut lookup = MemberLookup::new(Some(structure));
                let mut fields: Vec<Field> = Vec::new();
                while let Some(name) = entries.next_key_seed(Name)? {
                    let is_named = |member: &Member| member.wire_name() == &*name && self.binding.is_in_body(member);
                    let Some(found) = lookup.find(fields.len(), is_named) else {
                        if name == TYPE_MARK || self.binding.is_elsewhere(Some(structure), &name) {
                            entries.next_value::<IgnoredAny>()?;
                            continue;
                        }
                        let value = Value::Document(entries.next_value()?);
                        fields.push(Field { key: FieldKey::Unknown(name.into_owned()), value });
                        continue;
                    };
                    let value = entries.next_value_seed(self.inside(found.member))?;
                    match found.field.and_then(|index| fields.get_mut(index)) {
                        Some(field) => field.value = value,
                        None => fields.push(Field { key: FieldKey::Member(found.index), value }),
                    }
                }
                Ok(Value::Structure(StructureValue { shape: self.shape, fields }))
            }
            ShapeKind::Map { value: member, .. } => {
                let mut map = Vec::new();
                while let Some(key) = entries.next_key::<String>()? {
                    map.push((key, entries.next_value_seed(self.inside(member))?));
                }
                Ok(Value::Map(map))
            }
            _ => Json::deserialize(MapAccessDeserializer::new(entries)).map(Value::Document),
        }
    }
}

/// A key, borrowed from the body where it has no escapes.
struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = std::borrow::Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = std::borrow::Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Self::Value, E> {
        Ok(name.into())
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(name.to_owned().into())
    }
}
