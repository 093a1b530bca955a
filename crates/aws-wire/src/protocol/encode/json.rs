//! JSON bodies.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

use super::text::{seconds_number, time_format, time_text};
use crate::catalog::{Member, Service, ShapeKind, TimestampFormat};
use crate::value::{Field, FieldKey, StructureValue, Timestamp, Value};

/// The members of a structure as a JSON object.
pub(super) fn structure(service: &Service, value: &StructureValue) -> Vec<u8> {
    write(&Fields { service, value, is_wanted: &|_| true })
}

/// The members that are wanted, and those that the catalog does not know, as a JSON object.
pub(super) fn structure_where(
    service: &Service,
    value: &StructureValue,
    is_wanted: &dyn Fn(&Member) -> bool,
) -> Vec<u8> {
    write(&Fields { service, value, is_wanted })
}

/// The value of one member.
pub(super) fn member(service: &Service, member: &Member, value: &Value) -> Vec<u8> {
    write(&Element { service, member: Some(member), value })
}

fn write(value: &impl Serialize) -> Vec<u8> {
    // Keys are texts and numbers are finite: nothing can fail.
    serde_json::to_vec(value).unwrap_or_default()
}

struct Fields<'a> {
    service: &'a Service,
    value: &'a StructureValue,
    is_wanted: &'a dyn Fn(&Member) -> bool,
}

impl Serialize for Fields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let structure = self.service.structure(self.value.shape);
        let members = structure.map_or(&[][..], |structure| &structure.members);
        let mut object = serializer.serialize_map(None)?;
        for Field { key, value } in &self.value.fields {
            match key {
                FieldKey::Member(index) => {
                    if let Some(member) = members.get(usize::from(*index)).filter(|member| (self.is_wanted)(member)) {
                        let element = Element { service: self.service, member: Some(member), value };
                        object.serialize_entry(member.wire_name(), &element)?;
                    }
                }
                FieldKey::Unknown(name) => {
                    object.serialize_entry(name, &Element { service: self.service, member: None, value })?;
                }
            }
        }
        object.end()
    }
}

/// A value, and the member or element that it is of if that is known.
struct Element<'a> {
    service: &'a Service,
    member: Option<&'a Member>,
    value: &'a Value,
}

impl Element<'_> {
    fn time<S: Serializer>(&self, time: Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        let of_place = TimestampFormat::UnixTimestamp;
        let format = self.member.map_or(of_place, |member| time_format(self.service, member, of_place));
        match format {
            TimestampFormat::UnixTimestamp if time.micros % 1_000_000 == 0 => {
                serializer.serialize_i64(time.micros / 1_000_000)
            }
            TimestampFormat::UnixTimestamp => serializer.serialize_f64(seconds_number(time)),
            format => serializer.serialize_str(&time_text(time, format)),
        }
    }
}

impl Serialize for Element<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let service = self.service;
        let kind = self.member.map(|member| &service.shape(member.shape).kind);
        match self.value {
            Value::Null => serializer.serialize_unit(),
            Value::Boolean(truth) => serializer.serialize_bool(*truth),
            Value::Number(number) => number.serialize(serializer),
            Value::String(text) => serializer.serialize_str(text),
            Value::Timestamp(time) => self.time(*time, serializer),
            Value::Blob(bytes) => serializer.serialize_str(&STANDARD.encode(bytes)),
            Value::List(items) => {
                let member = match kind {
                    Some(ShapeKind::List { member, .. }) => Some(member),
                    _ => None,
                };
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                for value in items {
                    list.serialize_element(&Element { service, member, value })?;
                }
                list.end()
            }
            Value::Map(entries) => {
                let member = match kind {
                    Some(ShapeKind::Map { value, .. }) => Some(value),
                    _ => None,
                };
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                for (key, value) in entries {
                    map.serialize_entry(key, &Element { service, member, value })?;
                }
                map.end()
            }
            Value::Structure(value) => Fields { service, value, is_wanted: &|_| true }.serialize(serializer),
            Value::Document(json) => json.serialize(serializer),
        }
    }
}
