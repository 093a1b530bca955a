//! XML bodies by their shapes.

use serde_json::Value as Json;

use super::scalar;
use super::xml_tree::XmlElement;
use crate::catalog::{Location, Member, Service, ShapeId, ShapeKind};
use crate::value::{Field, FieldKey, StructureValue, Value};

/// Elements around every answer, which are no members of it.
const FRAME: [&str; 3] = ["ResponseMetadata", "requestId", "RequestId"];

/// The members of an element.
pub(super) fn structure(service: &Service, shape: ShapeId, element: &XmlElement, depth: usize) -> StructureValue {
    let mut fields = Vec::new();
    let mut is_known = vec![false; element.children.len()];
    let members = service.structure(shape).map_or(&[][..], |structure| &structure.members);
    for (index, member) in members.iter().enumerate() {
        if member.location != Location::Body {
            continue;
        }
        let Ok(index) = u16::try_from(index) else { break };
        let found = find(service, member, element, &mut is_known, depth.saturating_sub(1));
        fields.extend(found.map(|value| Field { key: FieldKey::Member(index), value }));
    }
    let unknown = element
        .children
        .iter()
        .zip(&is_known)
        .filter(|(child, is_known)| !**is_known && !FRAME.contains(&child.name.as_str()));
    fields.extend(unknown.map(|(child, _)| Field {
        key: FieldKey::Unknown(child.name.clone()),
        value: Value::Document(document(child)),
    }));
    StructureValue { shape, fields }
}

/// The value of a member inside an element, if it is there.
fn find(
    service: &Service,
    member: &Member,
    element: &XmlElement,
    is_known: &mut [bool],
    depth: usize,
) -> Option<Value> {
    if member.is_xml_attribute {
        let text = element.attribute(member.wire_name())?;
        return Some(scalar::from_text(service, member.shape, text, member.timestamp_format));
    }
    let kind = &service.shape(member.shape).kind;
    let is_flattened = member.is_flattened
        || matches!(kind, ShapeKind::List { is_flattened: true, .. } | ShapeKind::Map { is_flattened: true, .. });
    let name = match kind {
        ShapeKind::List { member: item, .. } if is_flattened => {
            item.location_name.as_deref().unwrap_or(member.wire_name())
        }
        _ => member.wire_name(),
    };
    let mut found = Vec::new();
    for (child, known) in element.children.iter().zip(is_known) {
        if child.name == name {
            *known = true;
            found.push(child);
        }
    }
    let first = *found.first()?;
    Some(match kind {
        ShapeKind::List { member: item, .. } if is_flattened => {
            Value::List(found.into_iter().map(|child| value(service, item, child, depth)).collect())
        }
        ShapeKind::Map { key, value: item, .. } if is_flattened => {
            Value::Map(found.into_iter().map(|child| entry(service, key, item, child, depth)).collect())
        }
        _ => value(service, member, first, depth),
    })
}

/// The value of an element by the shape of its member.
pub(super) fn value(service: &Service, member: &Member, element: &XmlElement, depth: usize) -> Value {
    if depth == 0 {
        return Value::Document(document(element));
    }
    match &service.shape(member.shape).kind {
        ShapeKind::Structure(_) => Value::Structure(structure(service, member.shape, element, depth)),
        ShapeKind::List { member: item, .. } => {
            Value::List(element.children.iter().map(|child| value(service, item, child, depth - 1)).collect())
        }
        ShapeKind::Map { key, value: item, .. } => {
            let entries = element.children.iter();
            Value::Map(entries.map(|child| entry(service, key, item, child, depth - 1)).collect())
        }
        ShapeKind::Document => Value::Document(document(element)),
        _ if element.children.is_empty() => {
            scalar::from_text(service, member.shape, &element.text, member.timestamp_format)
        }
        _ => Value::Document(document(element)),
    }
}

fn entry(service: &Service, key: &Member, item: &Member, element: &XmlElement, depth: usize) -> (String, Value) {
    let key_name = key.location_name.as_deref().unwrap_or("key");
    let value_name = item.location_name.as_deref().unwrap_or("value");
    let key = element.child_text(key_name).unwrap_or_default().to_owned();
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
