//! XML bodies by their shapes.

use serde_json::Value as Json;

use super::binding::Binding;
use super::member_lookup::MemberLookup;
use super::query::pair_names;
use super::xml_tree::XmlElement;
use super::{query_names, scalar};
use crate::catalog::{Member, Service, ShapeId, ShapeKind};
use crate::value::{Field, FieldKey, StructureValue, Value};

/// Elements around every answer, which are no members of it.
const FRAME: [&str; 3] = ["ResponseMetadata", "requestId", "RequestId"];

/// The members of an element.
pub(super) fn structure(
    service: &Service,
    shape: ShapeId,
    binding: Binding,
    element: &XmlElement,
    depth: usize,
) -> StructureValue {
    let structure = service.structure(shape);
    let mut lookup = MemberLookup::new(structure);
    let mut fields: Vec<Field> = Vec::with_capacity(element.children.len().min(lookup.len()));
    let depth = depth.saturating_sub(1);
    for child in &element.children {
        let is_found = |member: &Member| is_named(service, member, &child.name) && binding.is_in_body(member);
        let Some(found) = lookup.find(fields.len(), is_found) else {
            if !FRAME.contains(&child.name.as_str()) && !binding.is_elsewhere(structure, &child.name) {
                let key = FieldKey::Unknown(child.name.clone());
                fields.push(Field { key, value: Value::Document(document(child)) });
            }
            continue;
        };
        let one = one_of(service, found.member, child, depth);
        match (found.field.and_then(|index| fields.get_mut(index)).map(|field| &mut field.value), one) {
            (None, One::Whole(value)) => fields.push(Field { key: FieldKey::Member(found.index), value }),
            (None, One::Item(item)) => {
                fields.push(Field { key: FieldKey::Member(found.index), value: Value::List(vec![item]) });
            }
            (None, One::Entry(key, value)) => {
                let value = Value::Map(vec![(key, value)]);
                fields.push(Field { key: FieldKey::Member(found.index), value });
            }
            (Some(Value::List(items)), One::Item(item)) => items.push(item),
            (Some(Value::Map(entries)), One::Entry(key, value)) => entries.push((key, value)),
            // Of an element that should be there once, the first counts.
            (Some(_), _) => {}
        }
    }
    let members = structure.map_or(&[][..], |structure| &structure.members).iter().zip(0_u16..);
    fields.extend(members.filter(|(member, _)| member.is_xml_attribute).filter_map(|(member, index)| {
        let text = element.attribute(member.wire_name())?;
        let value = scalar::from_text(service, member.shape, text, member.timestamp_format);
        Some(Field { key: FieldKey::Member(index), value })
    }));
    StructureValue { shape, fields }
}

/// What one element is of a member: all of it, or one of the items or entries that have no element around them.
enum One {
    Whole(Value),
    Item(Value),
    Entry(String, Value),
}

fn one_of(service: &Service, member: &Member, child: &XmlElement, depth: usize) -> One {
    match &service.shape(member.shape).kind {
        ShapeKind::List { member: item, is_flattened } if *is_flattened || member.is_flattened => {
            One::Item(value(service, item, child, depth))
        }
        ShapeKind::Map { key, value: item, is_flattened } if *is_flattened || member.is_flattened => {
            let (key, value) = entry(service, pair_names(service, member.shape, key, item), item, child, depth);
            One::Entry(key, value)
        }
        _ => One::Whole(value(service, member, child, depth)),
    }
}

/// Whether an element is of a member. The items of a list without an element around them go by the name of the member,
/// or by their own: requests and answers differ in it.
fn is_named(service: &Service, member: &Member, name: &str) -> bool {
    if member.is_xml_attribute {
        return false;
    }
    member.wire_name() == name
        || query_names::of(service, member.shape).is_some_and(|names| names.item == name)
        || match &service.shape(member.shape).kind {
            ShapeKind::List { member: item, is_flattened } if *is_flattened || member.is_flattened => {
                item.location_name.as_deref() == Some(name)
            }
            _ => false,
        }
}

/// The value of an element by the shape of its member.
pub(super) fn value(service: &Service, member: &Member, element: &XmlElement, depth: usize) -> Value {
    if depth == 0 {
        return Value::Document(document(element));
    }
    match &service.shape(member.shape).kind {
        ShapeKind::Structure(_) => Value::Structure(structure(service, member.shape, Binding::All, element, depth)),
        ShapeKind::List { member: item, .. } => {
            Value::List(element.children.iter().map(|child| value(service, item, child, depth - 1)).collect())
        }
        ShapeKind::Map { key, value: item, .. } => {
            let entries = element.children.iter();
            Value::Map(
                entries
                    .map(|child| entry(service, pair_names(service, member.shape, key, item), item, child, depth - 1))
                    .collect(),
            )
        }
        ShapeKind::Document => Value::Document(document(element)),
        _ if element.children.is_empty() => {
            scalar::from_text(service, member.shape, &element.text, member.timestamp_format)
        }
        _ => Value::Document(document(element)),
    }
}

fn entry(
    service: &Service,
    (key, value_name): (&str, &str),
    item: &Member,
    element: &XmlElement,
    depth: usize,
) -> (String, Value) {
    let key = element.child_text(key).unwrap_or_default().to_owned();
    let empty = XmlElement::default();
    (key, value(service, item, element.child(value_name).unwrap_or(&empty), depth))
}

/// Without a shape: texts, objects, and arrays where a name repeats.
pub(super) fn document(element: &XmlElement) -> Json {
    if element.children.is_empty() {
        return Json::String(element.text.clone());
    }
    let mut object = serde_json::Map::new();
    for child in &element.children {
        let json = document(child);
        match object.get_mut(&child.name) {
            None => {
                object.insert(child.name.clone(), json);
            }
            Some(Json::Array(items)) => items.push(json),
            Some(first) => {
                let first = std::mem::take(first);
                object.insert(child.name.clone(), Json::Array(vec![first, json]));
            }
        }
    }
    Json::Object(object)
}
