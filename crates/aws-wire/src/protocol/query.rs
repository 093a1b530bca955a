//! Form-encoded requests: the query protocol and EC2's dialect of it.
//!
//! `Filters.member.1.Name=x` is a path into a tree. The tree is built from the names alone, then read by the shapes.

use std::borrow::Cow;
use std::collections::BTreeMap;

use percent_encoding::percent_decode;
use serde_json::Value as Json;

use super::{DEPTH_MAX, query_names, scalar};
use crate::RequestHead;
use crate::catalog::{Member, Protocol, Service, ShapeId, ShapeKind};
use crate::value::{Field, FieldKey, StructureValue, Value};

/// A node of the tree: the value at this name, and what is below it.
#[derive(Debug, Default)]
struct Node {
    value: Option<String>,
    children: BTreeMap<String, Node>,
}

/// Decodes the form in the query string and the body. Total: what is no form has no members.
pub fn decode_request(
    service: &Service,
    input: ShapeId,
    protocol: Protocol,
    head: &RequestHead<'_>,
    body: &[u8],
) -> StructureValue {
    let mut root = Node::default();
    for (name, value) in pairs(head.query.unwrap_or("").as_bytes()).chain(pairs(body)) {
        let is_of_the_protocol = matches!(&*name, "Action" | "Version");
        // A query string may hold the signature of a presigned request.
        if !is_of_the_protocol && !name.starts_with("X-Amz-") {
            root.insert(&name, value.into_owned());
        }
    }
    structure(service, input, root, protocol, DEPTH_MAX)
}

/// The decoded pairs of a form.
pub fn pairs(form: &[u8]) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    form.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()).map(|pair| {
        let equals = pair.iter().position(|byte| *byte == b'=');
        let (name, value) = equals.map_or((pair, &b""[..]), |at| (&pair[..at], &pair[at + 1..]));
        (form_text(name), form_text(value))
    })
}

fn form_text(encoded: &[u8]) -> Cow<'_, str> {
    if encoded.contains(&b'+') {
        let spaced: Vec<u8> = encoded.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
        return Cow::Owned(percent_decode(&spaced).decode_utf8_lossy().into_owned());
    }
    percent_decode(encoded).decode_utf8_lossy()
}

impl Node {
    fn insert(&mut self, name: &str, value: String) {
        let mut node = self;
        for (depth, part) in name.split('.').enumerate() {
            if depth >= DEPTH_MAX {
                return;
            }
            node = node.children.entry(part.to_owned()).or_default();
        }
        // Of repeated parameters the first counts, as for the action.
        node.value.get_or_insert(value);
    }

    /// Children with numbers for names, in the order of the numbers.
    fn numbered(self) -> Vec<Node> {
        let mut items: Vec<(u64, Node)> =
            self.children.into_iter().filter_map(|(name, node)| Some((name.parse().ok()?, node))).collect();
        items.sort_by_key(|(number, _)| *number);
        items.into_iter().map(|(_, node)| node).collect()
    }

    /// Without a shape: texts, and objects of texts.
    fn into_json(self) -> Json {
        if self.children.is_empty() {
            return Json::String(self.value.unwrap_or_default());
        }
        Json::Object(self.children.into_iter().map(|(name, node)| (name, node.into_json())).collect())
    }
}

fn structure(service: &Service, shape: ShapeId, mut node: Node, protocol: Protocol, depth: usize) -> StructureValue {
    let mut fields = Vec::new();
    let members = service.structure(shape).map_or(&[][..], |structure| &structure.members);
    for (index, member) in members.iter().enumerate() {
        let name = member_name(service, member, protocol);
        // Clients write an empty list under the name of the member, even where its elements have another name.
        let mut child = node.children.remove(&*name).or_else(|| node.children.remove(member.wire_name()));
        if child.is_none() && protocol == Protocol::Ec2 {
            // The specification writes all names with a first letter in upper case, some clients only those that the
            // model gives for the wire.
            child = node.children.remove(&capitalised(&name));
        }
        if let (Some(child), Ok(index)) = (child, u16::try_from(index)) {
            let value = value(service, member, child, protocol, depth.saturating_sub(1));
            fields.push(Field { key: FieldKey::Member(index), value });
        }
    }
    let unknown = node
        .children
        .into_iter()
        .map(|(name, child)| Field { key: FieldKey::Unknown(name), value: Value::Document(child.into_json()) });
    fields.extend(unknown);
    StructureValue { shape, fields }
}

/// The name of a member in a form.
pub(super) fn member_name<'a>(service: &'a Service, member: &'a Member, protocol: Protocol) -> Cow<'a, str> {
    if protocol == Protocol::Ec2 {
        return match (&member.query_name, &member.location_name) {
            (Some(name), _) => Cow::Borrowed(name),
            (None, Some(name)) => Cow::Owned(capitalised(name)),
            (None, None) => Cow::Borrowed(&member.name),
        };
    }
    if let Some(names) = query_names::of(service, member.shape) {
        return Cow::Borrowed(names.item);
    }
    if let ShapeKind::List { member: item, is_flattened } = &service.shape(member.shape).kind
        && (*is_flattened || member.is_flattened)
        && let Some(name) = &item.location_name
    {
        return Cow::Borrowed(name);
    }
    Cow::Borrowed(member.wire_name())
}

/// The names of key and value in an entry of a map.
pub(super) fn pair_names<'a>(
    service: &Service,
    map: ShapeId,
    key: &'a Member,
    value: &'a Member,
) -> (&'a str, &'a str) {
    let (of_key, of_value) = query_names::of(service, map).map_or(("key", "value"), |names| names.pair);
    (key.location_name.as_deref().unwrap_or(of_key), value.location_name.as_deref().unwrap_or(of_value))
}

fn capitalised(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + letters.as_str())
}

fn value(service: &Service, member: &Member, mut node: Node, protocol: Protocol, depth: usize) -> Value {
    if depth == 0 {
        return Value::Document(node.into_json());
    }
    match &service.shape(member.shape).kind {
        ShapeKind::Structure(_) => Value::Structure(structure(service, member.shape, node, protocol, depth)),
        ShapeKind::List { member: item, is_flattened } => {
            let is_flattened = *is_flattened || member.is_flattened || protocol == Protocol::Ec2;
            let list = if is_flattened {
                node
            } else {
                let name = item.location_name.as_deref().unwrap_or("member");
                node.children.remove(name).unwrap_or_default()
            };
            let items = list.numbered().into_iter();
            Value::List(items.map(|node| value(service, item, node, protocol, depth - 1)).collect())
        }
        ShapeKind::Map { key, value: item, is_flattened } => {
            let is_flattened = *is_flattened || member.is_flattened;
            let map = if is_flattened { node } else { node.children.remove("entry").unwrap_or_default() };
            let (key_name, value_name) = pair_names(service, member.shape, key, item);
            let entries = map.numbered().into_iter().map(|mut entry| {
                let key = entry.children.remove(key_name).and_then(|node| node.value).unwrap_or_default();
                let node = entry.children.remove(value_name).unwrap_or_default();
                (key, value(service, item, node, protocol, depth - 1))
            });
            Value::Map(entries.collect())
        }
        _ => match node.value {
            Some(text) if node.children.is_empty() => {
                scalar::from_text(service, member.shape, &text, member.timestamp_format)
            }
            _ => Value::Document(node.into_json()),
        },
    }
}
