//! Forms: requests of the query protocol and of EC2's dialect.

use std::fmt::Write as _;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value as Json;

use super::text::{text, time_format};
use crate::catalog::{Member, Operation, Protocol, Service, ShapeKind, TimestampFormat};
use crate::protocol::query::{member_name, pair_names};
use crate::value::{FieldKey, StructureValue, Value};

/// What is percent-encoded everywhere: all but the unreserved characters of RFC 3986.
pub(super) const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

pub(super) fn request(service: &Service, operation: &Operation, protocol: Protocol, value: &StructureValue) -> String {
    let mut form = Form { service, protocol, out: String::new() };
    form.pair("Action", &operation.name);
    form.pair("Version", &service.api_version);
    form.structure("", value);
    form.out
}

struct Form<'a> {
    service: &'a Service,
    protocol: Protocol,
    out: String,
}

impl Form<'_> {
    fn pair(&mut self, name: &str, text: &str) {
        if !self.out.is_empty() {
            self.out.push('&');
        }
        let (name, text) = (utf8_percent_encode(name, RESERVED), utf8_percent_encode(text, RESERVED));
        // Writing to a string does not fail.
        let _ = write!(self.out, "{name}={text}");
    }

    fn structure(&mut self, prefix: &str, value: &StructureValue) {
        let members = self.service.structure(value.shape).map_or(&[][..], |structure| &structure.members);
        for field in &value.fields {
            match &field.key {
                FieldKey::Member(index) => {
                    if let Some(member) = members.get(usize::from(*index)) {
                        self.member(prefix, member, &field.value);
                    }
                }
                FieldKey::Unknown(name) => self.unknown(&joined(prefix, name), &field.value),
            }
        }
    }

    fn member(&mut self, prefix: &str, member: &Member, value: &Value) {
        let is_empty_list = matches!(value, Value::List(items) if items.is_empty());
        match value {
            Value::Null => {}
            // Only the query protocol can say that a list is empty, under the name of the member.
            _ if is_empty_list && self.protocol == Protocol::Query => {
                self.pair(&joined(prefix, member.wire_name()), "")
            }
            _ => {
                let name = joined(prefix, &member_name(self.service, member, self.protocol));
                self.value(&name, member, value);
            }
        }
    }

    fn value(&mut self, name: &str, member: &Member, value: &Value) {
        match (value, &self.service.shape(member.shape).kind) {
            (Value::Structure(structure), _) => self.structure(name, structure),
            (Value::List(items), ShapeKind::List { member: item, is_flattened }) => {
                let is_flattened = *is_flattened || member.is_flattened || self.protocol == Protocol::Ec2;
                let name = match is_flattened {
                    true => name.to_owned(),
                    false => joined(name, item.location_name.as_deref().unwrap_or("member")),
                };
                if items.is_empty() && self.protocol == Protocol::Query {
                    self.pair(&name, "");
                }
                for (index, element) in items.iter().enumerate() {
                    self.value(&format!("{name}.{}", index + 1), item, element);
                }
            }
            (Value::Map(entries), ShapeKind::Map { key, value: item, is_flattened }) => {
                let is_flattened = *is_flattened || member.is_flattened;
                let name = if is_flattened { name.to_owned() } else { joined(name, "entry") };
                let (key_name, item_name) = pair_names(self.service, member.shape, key, item);
                for (index, (entry_key, entry)) in entries.iter().enumerate() {
                    self.pair(&format!("{name}.{}.{key_name}", index + 1), entry_key);
                    self.value(&format!("{name}.{}.{item_name}", index + 1), item, entry);
                }
            }
            (Value::Document(json), _) => self.json(name, json),
            (value, _) => {
                let text = text(value, time_format(self.service, member, TimestampFormat::Iso8601));
                self.pair(name, &text);
            }
        }
    }

    fn unknown(&mut self, name: &str, value: &Value) {
        match value {
            Value::Document(json) => self.json(name, json),
            Value::Null => {}
            other => {
                let text = text(other, TimestampFormat::Iso8601);
                self.pair(name, &text);
            }
        }
    }

    fn json(&mut self, name: &str, json: &Json) {
        match json {
            Json::Object(members) => members.iter().for_each(|(key, json)| self.json(&joined(name, key), json)),
            Json::Array(items) => {
                items.iter().enumerate().for_each(|(index, json)| self.json(&format!("{name}.{}", index + 1), json));
            }
            Json::String(text) => self.pair(name, text),
            Json::Null => {}
            scalar => self.pair(name, &scalar.to_string()),
        }
    }
}

fn joined(prefix: &str, name: &str) -> String {
    if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") }
}
