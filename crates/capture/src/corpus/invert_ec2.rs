//! From the JSON of EC2's records back to the values of the wire.

use aws_wire::catalog::{Operation, Service, ShapeId, ShapeKind};
use aws_wire::value::{Field, FieldKey, StructureValue, Value};
use serde_json::{Map, Value as Json};

use super::invert::scalar;
use crate::ec2::{member_keys, set_element};
use crate::render::lower_first;

pub(super) fn classic_request(
    service: &'static Service,
    operation: &Operation,
    parameters: &Map<String, Json>,
) -> StructureValue {
    let mut parameters = parameters.clone();
    if operation.name == "RunInstances" {
        if let Some(Json::Object(instance)) =
            parameters.shift_remove("instancesSet").and_then(|set| set["items"].get(0).cloned())
        {
            parameters.extend(instance);
        }
        for key in ["tenancy", "availabilityZone"] {
            if let Some(value) = parameters.shift_remove(key) {
                parameters.insert("placement".to_owned(), serde_json::json!({ key: value }));
            }
        }
    }
    let shape = operation.input.expect("an input");
    classic(service, operation, shape, &parameters, true)
}

pub(super) fn classic_response(
    service: &'static Service,
    operation: &Operation,
    elements: &Map<String, Json>,
) -> StructureValue {
    let mut output = match operation.output {
        Some(shape) => classic(service, operation, shape, elements, false),
        None => StructureValue { shape: ShapeId(0), fields: Vec::new() },
    };
    let has_return = output.fields.iter().any(|field| {
        let FieldKey::Member(index) = field.key else { return false };
        service.structure(output.shape).is_some_and(|shape| shape.members[usize::from(index)].name == "Return")
    });
    if elements.contains_key("_return") && !has_return {
        let value = Value::String("true".to_owned());
        output.fields.push(Field { key: FieldKey::Unknown("return".to_owned()), value });
    }
    output
}

fn classic(
    service: &'static Service,
    operation: &Operation,
    shape: ShapeId,
    object: &Map<String, Json>,
    is_request: bool,
) -> StructureValue {
    let members = service.structure(shape).map_or(&[][..], |structure| &structure.members);
    let shape_name = &service.shape(shape).name;
    let mut fields = Vec::new();
    for (key, json) in object {
        for (index, member) in members.iter().enumerate() {
            if !member_keys(service, &operation.name, shape_name, member, is_request).contains(key) {
                continue;
            }
            let element = set_element(service, &operation.name, shape_name, member, is_request);
            if let Some(value) = classic_value(service, operation, member.shape, json, is_request, &element) {
                fields.push(Field { key: FieldKey::Member(u16::try_from(index).expect("few")), value });
            }
        }
    }
    StructureValue { shape, fields }
}

fn classic_value(
    service: &'static Service,
    operation: &Operation,
    shape: ShapeId,
    json: &Json,
    is_request: bool,
    element: &str,
) -> Option<Value> {
    match (&service.shape(shape).kind, json) {
        (ShapeKind::List { member, .. }, json) => {
            let items = match json {
                Json::Array(items) => items.clone(),
                Json::Object(set) => {
                    let items = set.values().next().and_then(Json::as_array).cloned().unwrap_or_default();
                    if items.is_empty() && is_request {
                        return None;
                    }
                    items
                }
                _ => return None,
            };
            let values = items.iter().filter_map(|item| match (&service.shape(member.shape).kind, item) {
                (ShapeKind::Structure(_), Json::Object(object)) => {
                    Some(Value::Structure(classic(service, operation, member.shape, object, is_request)))
                }
                (kind, item) => Some(scalar(kind, item.get(element)?)),
            });
            let values: Vec<Value> = values.collect();
            (values.len() == items.len()).then_some(Value::List(values))
        }
        (ShapeKind::Structure(structure), Json::String(_)) => {
            // A hidden wrapper.
            let value = Value::Blob(b"secret".to_vec());
            let fields =
                structure.members.iter().take(1).map(|_| Field { key: FieldKey::Member(0), value: value.clone() });
            Some(Value::Structure(StructureValue { shape, fields: fields.collect() }))
        }
        (ShapeKind::Structure(_), Json::Object(object)) => {
            Some(Value::Structure(classic(service, operation, shape, object, is_request)))
        }
        (ShapeKind::String, Json::Object(empty)) if empty.is_empty() => Some(Value::String(String::new())),
        (kind, json) => Some(scalar(kind, json)),
    }
}

pub(super) fn raw_request(service: &'static Service, operation: &Operation, request: &Json) -> StructureValue {
    let shape = operation.input.expect("an input");
    let inner = request.as_object().and_then(|object| object.values().next()).and_then(Json::as_object);
    raw(service, shape, inner.unwrap_or(&Map::new()), true)
}

pub(super) fn raw_response(service: &'static Service, operation: &Operation, response: &Json) -> StructureValue {
    let inner = response.as_object().and_then(|object| object.values().next()).and_then(Json::as_object);
    match operation.output {
        Some(shape) => raw(service, shape, inner.unwrap_or(&Map::new()), false),
        None => StructureValue { shape: ShapeId(0), fields: Vec::new() },
    }
}

fn raw(service: &'static Service, shape: ShapeId, object: &Map<String, Json>, is_request: bool) -> StructureValue {
    let members = service.structure(shape).map_or(&[][..], |structure| &structure.members);
    let mut fields = Vec::new();
    for (key, json) in object {
        let found = members.iter().position(|member| {
            if is_request {
                let name = member.query_name.as_deref().unwrap_or(member.wire_name());
                lower_first(name) == lower_first(key)
            } else {
                member.wire_name() == key
            }
        });
        if let Some(index) = found {
            let value = raw_value(service, members[index].shape, json, is_request);
            fields.push(Field { key: FieldKey::Member(u16::try_from(index).expect("few")), value });
        }
    }
    StructureValue { shape, fields }
}

fn raw_value(service: &'static Service, shape: ShapeId, json: &Json, is_request: bool) -> Value {
    match (&service.shape(shape).kind, json) {
        (ShapeKind::List { .. }, Json::String(empty)) if empty.is_empty() => Value::List(Vec::new()),
        (ShapeKind::List { member, .. }, json) => {
            let held = if is_request { json } else { json.get(member.wire_name()).unwrap_or(json) };
            let items = held.as_array().cloned().unwrap_or_else(|| vec![held.clone()]);
            let content = |item: &Json| item.get("content").cloned().unwrap_or_else(|| item.clone());
            Value::List(items.iter().map(|item| raw_value(service, member.shape, &content(item), is_request)).collect())
        }
        (ShapeKind::Structure(_), Json::Object(object)) => Value::Structure(raw(service, shape, object, is_request)),
        (ShapeKind::Structure(_), _) => Value::Structure(StructureValue { shape, fields: Vec::new() }),
        (ShapeKind::String, json @ (Json::Bool(_) | Json::Number(_))) => Value::String(json.to_string()),
        (kind, json) => scalar(kind, json),
    }
}
