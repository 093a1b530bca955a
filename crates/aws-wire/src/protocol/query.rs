//! Form-encoded requests: the query protocol and EC2's dialect of it.
//!
//! `Filters.member.1.Name=x` is a path into a tree. Sorted by their names, the pairs of a form are that tree; it is read by
//! the shapes.

use std::borrow::Cow;

use percent_encoding::percent_decode;
use serde_json::Value as Json;

use super::member_lookup::MemberLookup;
use super::{DEPTH_MAX, query_names, scalar};
use crate::RequestHead;
use crate::catalog::{Member, Protocol, Service, ShapeId, ShapeKind};
use crate::value::{Field, FieldKey, StructureValue, Value};

/// A name and its value.
type Pair<'a> = (Cow<'a, str>, Cow<'a, str>);

/// A node of the tree that the names of a form are: all pairs whose names begin alike.
///
/// The pairs are sorted by the parts of their names, so that a node is a slice of them and building the tree costs one
/// sort, whatever the names are.
#[derive(Debug, Clone, Copy)]
struct Node<'a> {
    pairs: &'a [Pair<'a>],
    /// How many bytes of the names are the name of this node; `None` for the root, which has no name.
    at: Option<usize>,
}

/// Decodes the form in the query string and the body. Total: what is no form has no members.
pub fn decode_request(
    service: &Service,
    input: ShapeId,
    protocol: Protocol,
    head: &RequestHead<'_>,
    body: &[u8],
) -> StructureValue {
    let of_head = head.query.unwrap_or("").as_bytes();
    let mut all: Vec<Pair<'_>> = pairs(of_head).chain(pairs(body)).filter(|(name, _)| is_parameter(name)).collect();
    // Of repeated parameters the first counts, as for the action: the sort is stable.
    all.sort_by(|(left, _), (right, _)| left.split('.').cmp(right.split('.')));
    structure(service, input, Node { pairs: &all, at: None }, protocol, DEPTH_MAX)
}

/// Whether a pair is a parameter of the call. The protocol has some of its own, a query string may hold the signature of
/// a presigned request, and what nests too deeply is no parameter of anything.
fn is_parameter(name: &str) -> bool {
    let is_of_the_protocol = matches!(name, "Action" | "Version") || name.starts_with("X-Amz-");
    !is_of_the_protocol && name.bytes().filter(|byte| *byte == b'.').count() < DEPTH_MAX
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

impl<'a> Node<'a> {
    /// A node without anything.
    const EMPTY: Self = Self { pairs: &[], at: None };

    /// The value at this name itself.
    fn value(&self) -> Option<&'a str> {
        let (name, value) = self.pairs.first()?;
        (self.at == Some(name.len())).then_some(value)
    }

    /// The names below, each with its node, in the order of the names.
    fn children(&self) -> impl Iterator<Item = (&'a str, Self)> + use<'a> {
        let Self { pairs, at } = *self;
        let start = at.map_or(0, |at| at + 1);
        let own = pairs.iter().take_while(|(name, _)| at == Some(name.len())).count();
        pairs[own..].chunk_by(move |(left, _), (right, _)| part(left, start) == part(right, start)).filter_map(
            move |pairs| {
                let name = part(&pairs.first()?.0, start);
                Some((name, Self { pairs, at: Some(start + name.len()) }))
            },
        )
    }

    fn has_children(&self) -> bool {
        self.children().next().is_some()
    }

    /// The node with this name.
    fn child(&self, name: &str) -> Option<Self> {
        self.children().find(|(found, _)| *found == name).map(|(_, node)| node)
    }

    /// Children with numbers for names, in the order of the numbers.
    fn numbered(&self) -> Vec<Self> {
        let mut items: Vec<(u64, Self)> =
            self.children().filter_map(|(name, node)| Some((name.parse().ok()?, node))).collect();
        items.sort_by_key(|(number, _)| *number);
        items.into_iter().map(|(_, node)| node).collect()
    }

    /// Without a shape: texts, and objects of texts.
    fn to_json(self) -> Json {
        if !self.has_children() {
            return Json::from(self.value().unwrap_or_default());
        }
        Json::Object(self.children().map(|(name, node)| (name.to_owned(), node.to_json())).collect())
    }
}

/// The part of a name that begins at a byte, up to the next dot.
fn part(name: &str, start: usize) -> &str {
    let rest = name.get(start..).unwrap_or_default();
    rest.split('.').next().unwrap_or_default()
}

fn structure(service: &Service, shape: ShapeId, node: Node<'_>, protocol: Protocol, depth: usize) -> StructureValue {
    let mut lookup = MemberLookup::new(service.structure(shape));
    let mut fields: Vec<Field> = Vec::new();
    for (name, child) in node.children() {
        let field = fields.len();
        let mut is_alias = false;
        let found = lookup.find(field, |member| is_member_name(service, member, protocol, name)).or_else(|| {
            is_alias = true;
            lookup.find(field, |member| is_alias_of(member, protocol, name))
        });
        // Of two names for one member, the proper one counts.
        let Some(found) = found.filter(|found| !is_alias || found.field.is_none()) else {
            fields.push(Field { key: FieldKey::Unknown(name.to_owned()), value: Value::Document(child.to_json()) });
            continue;
        };
        let value = value(service, found.member, child, protocol, depth.saturating_sub(1));
        match found.field.and_then(|index| fields.get_mut(index)) {
            None => fields.push(Field { key: FieldKey::Member(found.index), value }),
            Some(field) => field.value = value,
        }
    }
    // In the order of the model; the names of a form may come in any.
    fields.sort_by_key(|field| match field.key {
        FieldKey::Member(index) => u32::from(index),
        FieldKey::Unknown(_) => u32::MAX,
    });
    StructureValue { shape, fields }
}

/// Whether a name in a form is that of a member.
fn is_member_name(service: &Service, member: &Member, protocol: Protocol, name: &str) -> bool {
    match (protocol, &member.query_name, &member.location_name) {
        (Protocol::Ec2, None, Some(of_member)) => is_capitalised(name, of_member),
        _ => member_name(service, member, protocol) == name,
    }
}

/// Whether a name stands for a member beside its proper one. Clients write an empty list under the name of the member,
/// even where its elements have another name; and the specification of EC2's dialect writes all names with a first letter
/// in upper case, some clients only those that the model gives for the wire.
fn is_alias_of(member: &Member, protocol: Protocol, name: &str) -> bool {
    member.wire_name() == name || (protocol == Protocol::Ec2 && is_capitalised(name, &member.name))
}

/// Whether a name is another one with its first letter in upper case.
fn is_capitalised(name: &str, plain: &str) -> bool {
    let (mut name, mut plain) = (name.chars(), plain.chars());
    name.next() == plain.next().map(|first| first.to_ascii_uppercase()) && name.as_str() == plain.as_str()
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

fn value(service: &Service, member: &Member, node: Node<'_>, protocol: Protocol, depth: usize) -> Value {
    if depth == 0 {
        return Value::Document(node.to_json());
    }
    match &service.shape(member.shape).kind {
        ShapeKind::Structure(_) => Value::Structure(structure(service, member.shape, node, protocol, depth)),
        ShapeKind::List { member: item, is_flattened } => {
            let is_flattened = *is_flattened || member.is_flattened || protocol == Protocol::Ec2;
            let list = match is_flattened {
                true => node,
                false => node.child(item.location_name.as_deref().unwrap_or("member")).unwrap_or(Node::EMPTY),
            };
            let items = list.numbered().into_iter();
            Value::List(items.map(|node| value(service, item, node, protocol, depth - 1)).collect())
        }
        ShapeKind::Map { key, value: item, is_flattened } => {
            let is_flattened = *is_flattened || member.is_flattened;
            let map = if is_flattened { node } else { node.child("entry").unwrap_or(Node::EMPTY) };
            let (key_name, value_name) = pair_names(service, member.shape, key, item);
            let entries = map.numbered().into_iter().map(|entry| {
                let key = entry.child(key_name).and_then(|node| node.value()).unwrap_or_default().to_owned();
                let node = entry.child(value_name).unwrap_or(Node::EMPTY);
                (key, value(service, item, node, protocol, depth - 1))
            });
            Value::Map(entries.collect())
        }
        _ => match node.value() {
            Some(text) if !node.has_children() => {
                scalar::from_text(service, member.shape, text, member.timestamp_format)
            }
            _ => Value::Document(node.to_json()),
        },
    }
}
