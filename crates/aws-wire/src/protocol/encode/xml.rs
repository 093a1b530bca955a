//! XML bodies.

use std::fmt::Write as _;

use serde_json::Value as Json;

use super::text::{text, time_format};
use crate::catalog::{Member, Operation, Service, ShapeKind, TimestampFormat};
use crate::protocol::query::pair_names;
use crate::protocol::query_names;
use crate::value::{FieldKey, StructureValue, Value};

/// The answer of the query protocol: the result in its wrapper, and the request id beside it.
pub(super) fn query_response(
    service: &Service,
    operation: &Operation,
    request_id: &str,
    value: Option<&StructureValue>,
) -> String {
    let mut out = Writer { service, direction: Direction::Response, out: String::new() };
    let root = format!("{}Response", operation.name);
    out.open(&root, service.xml_namespace.as_deref());
    if let Some(value) = value {
        let wrapper = operation.result_wrapper.clone().unwrap_or_else(|| format!("{}Result", operation.name));
        out.open(&wrapper, None);
        out.fields(value, &|_| true);
        out.close(&wrapper);
    }
    out.open("ResponseMetadata", None);
    out.leaf("RequestId", None, request_id);
    out.close("ResponseMetadata");
    out.close(&root);
    out.out
}

/// The answer of EC2's dialect: members and request id side by side.
pub(super) fn ec2_response(
    service: &Service,
    operation: &Operation,
    request_id: &str,
    value: Option<&StructureValue>,
) -> String {
    let mut out = Writer { service, direction: Direction::Response, out: String::new() };
    out.out.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let root = format!("{}Response", operation.name);
    let namespace = format!("http://ec2.amazonaws.com/doc/{}/", service.api_version);
    out.open(&root, Some(&namespace));
    out.leaf("requestId", None, request_id);
    if let Some(value) = value {
        out.fields(value, &|_| true);
    }
    out.close(&root);
    out.out
}

/// Which way a body goes; the names of items without an element around them depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Request,
    Response,
}

/// The wanted members of a structure in an element.
pub(super) fn body(
    service: &Service,
    direction: Direction,
    (root, namespace): (&str, Option<&str>),
    value: &StructureValue,
    is_wanted: &dyn Fn(&Member) -> bool,
) -> String {
    let mut out = Writer { service, direction, out: String::new() };
    out.start(root, namespace);
    out.attributes(value);
    out.out.push('>');
    out.fields(value, is_wanted);
    out.close(root);
    out.out
}

/// The value of a member that is the whole body and no structure.
pub(super) fn payload(service: &Service, direction: Direction, member: &Member, value: &Value) -> String {
    let mut out = Writer { service, direction, out: String::new() };
    out.value(member.wire_name(), member, value);
    out.out
}

struct Writer<'a> {
    service: &'a Service,
    direction: Direction,
    out: String,
}

impl Writer<'_> {
    /// `<name xmlns="…"`, still open for attributes.
    fn start(&mut self, name: &str, namespace: Option<&str>) {
        // Writing to a string does not fail.
        let _ = write!(self.out, "<{name}");
        if let Some(namespace) = namespace {
            self.out.push_str(" xmlns=\"");
            escaped(&mut self.out, namespace);
            self.out.push('"');
        }
    }

    fn open(&mut self, name: &str, namespace: Option<&str>) {
        self.start(name, namespace);
        self.out.push('>');
    }

    fn close(&mut self, name: &str) {
        let _ = write!(self.out, "</{name}>");
    }

    fn leaf(&mut self, name: &str, namespace: Option<&str>, text: &str) {
        self.open(name, namespace);
        escaped(&mut self.out, text);
        self.close(name);
    }

    /// The attributes that members of a structure are.
    fn attributes(&mut self, value: &StructureValue) {
        let members = self.service.structure(value.shape).map_or(&[][..], |structure| &structure.members);
        for field in &value.fields {
            let FieldKey::Member(index) = field.key else { continue };
            let Some(member) = members.get(usize::from(index)).filter(|member| member.is_xml_attribute) else {
                continue;
            };
            let name = member.wire_name();
            if let Some((prefix, _)) = name.split_once(':') {
                let namespace = member.xml_namespace.as_deref().unwrap_or(XML_SCHEMA_INSTANCE);
                let _ = write!(self.out, " xmlns:{prefix}=\"{namespace}\"");
            }
            let _ = write!(self.out, " {name}=\"");
            escaped(&mut self.out, &text(&field.value, time_format(self.service, member, TimestampFormat::Iso8601)));
            self.out.push('"');
        }
    }

    fn fields(&mut self, value: &StructureValue, is_wanted: &dyn Fn(&Member) -> bool) {
        let members = self.service.structure(value.shape).map_or(&[][..], |structure| &structure.members);
        for field in &value.fields {
            match &field.key {
                FieldKey::Member(index) => {
                    let member = members.get(usize::from(*index));
                    if let Some(member) = member.filter(|member| !member.is_xml_attribute && is_wanted(member)) {
                        self.member(member, &field.value);
                    }
                }
                FieldKey::Unknown(name) => match &field.value {
                    Value::Document(json) => self.json(name, json),
                    other => {
                        let text = text(other, TimestampFormat::Iso8601).into_owned();
                        self.leaf(name, None, &text);
                    }
                },
            }
        }
    }

    fn member(&mut self, member: &Member, value: &Value) {
        let service = self.service;
        match (value, &service.shape(member.shape).kind) {
            (Value::Null, _) => {}
            (Value::List(items), ShapeKind::List { member: item, is_flattened })
                if *is_flattened || member.is_flattened =>
            {
                let own = item.location_name.as_deref().filter(|_| self.direction == Direction::Response);
                let name = own.unwrap_or(flat_name(service, member));
                items.iter().for_each(|element| self.value(name, item, element));
            }
            (Value::Map(entries), ShapeKind::Map { key, value: item, is_flattened })
                if *is_flattened || member.is_flattened =>
            {
                for (entry_key, entry) in entries {
                    self.entry(
                        flat_name(service, member),
                        pair_names(service, member.shape, key, item),
                        item,
                        (entry_key, entry),
                    );
                }
            }
            _ => self.value(member.wire_name(), member, value),
        }
    }

    fn value(&mut self, name: &str, member: &Member, value: &Value) {
        let service = self.service;
        let namespace = member.xml_namespace.as_deref();
        match (value, &service.shape(member.shape).kind) {
            (Value::Structure(structure), _) => {
                self.start(name, namespace.filter(|_| !self.has_prefixed_attribute(structure)));
                self.attributes(structure);
                self.out.push('>');
                self.fields(structure, &|_| true);
                self.close(name);
            }
            (Value::List(items), ShapeKind::List { member: item, .. }) => {
                self.open(name, namespace);
                let item_name = item.location_name.as_deref().unwrap_or("member");
                items.iter().for_each(|element| self.value(item_name, item, element));
                self.close(name);
            }
            (Value::Map(entries), ShapeKind::Map { key, value: item, .. }) => {
                self.open(name, namespace);
                for (entry_key, entry) in entries {
                    self.entry("entry", pair_names(service, member.shape, key, item), item, (entry_key, entry));
                }
                self.close(name);
            }
            (Value::Document(json), _) => self.json(name, json),
            (value, _) => {
                let text = text(value, time_format(service, member, TimestampFormat::Iso8601));
                self.leaf(name, namespace, &text);
            }
        }
    }

    /// Whether a structure has an attribute with a prefix, such as `xsi:type`: the namespace that the model gives its
    /// member is that of the prefix then.
    fn has_prefixed_attribute(&self, value: &StructureValue) -> bool {
        self.service.structure(value.shape).is_some_and(|structure| {
            structure.members.iter().any(|member| member.is_xml_attribute && member.wire_name().contains(':'))
        })
    }

    fn entry(&mut self, name: &str, (key_name, value_name): (&str, &str), item: &Member, (key, value): (&str, &Value)) {
        self.open(name, None);
        self.leaf(key_name, None, key);
        self.value(value_name, item, value);
        self.close(name);
    }

    fn json(&mut self, name: &str, json: &Json) {
        match json {
            Json::Object(members) => {
                self.open(name, None);
                members.iter().for_each(|(key, json)| self.json(key, json));
                self.close(name);
            }
            Json::Array(items) => items.iter().for_each(|item| self.json(name, item)),
            Json::String(text) => self.leaf(name, None, text),
            Json::Null => {}
            scalar => self.leaf(name, None, &scalar.to_string()),
        }
    }
}

/// The name of items or entries without an element around them.
fn flat_name<'a>(service: &Service, member: &'a Member) -> &'a str {
    query_names::of(service, member.shape).map_or(member.wire_name(), |names| names.item)
}

/// Namespace of `xsi:type`, the one attribute with a prefix in the models.
const XML_SCHEMA_INSTANCE: &str = "http://www.w3.org/2001/XMLSchema-instance";

/// Writes a text so that every reader gets it back: line ends that readers normalise too.
fn escaped(out: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\r' => out.push_str("&#xD;"),
            _ => out.push(character),
        }
    }
}
