//! JSON bodies.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value as Json;

use super::{DEPTH_MAX, DecodeError, timestamp};
use crate::catalog::{Location, Service, ShapeId, ShapeKind, Structure, TimestampFormat};
use crate::value::{Field, FieldKey, StructureValue, Value};

/// Decodes a JSON body as a structure; an empty body is an empty structure.
///
/// # Errors
/// The body is not a JSON object.
pub fn decode_structure(service: &Service, shape: ShapeId, body: &[u8]) -> Result<StructureValue, DecodeError> {
    match parse(body)? {
        Json::Object(object) => Ok(structure(service, shape, object, DEPTH_MAX)),
        Json::Null => Ok(StructureValue { shape, fields: Vec::new() }),
        _ => Err(DecodeError::new("JSON", "it is no object")),
    }
}

/// Parses a body; an empty one is null.
pub(super) fn parse(body: &[u8]) -> Result<Json, DecodeError> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Json::Null);
    }
    serde_json::from_slice(body).map_err(|error| DecodeError::new("JSON", error.to_string()))
}

/// The members of a JSON object, those of the body first found by their wire names.
pub(super) fn structure(
    service: &Service,
    shape: ShapeId,
    object: serde_json::Map<String, Json>,
    depth: usize,
) -> StructureValue {
    let members = service.structure(shape);
    let fields = object
        .into_iter()
        .map(|(name, json)| match members.and_then(|structure| body_member(structure, &name)) {
            Some((index, member)) => {
                let value = value(service, member.shape, json, member.timestamp_format, depth.saturating_sub(1));
                Field { key: FieldKey::Member(index), value }
            }
            None => Field { key: FieldKey::Unknown(name), value: Value::Document(json) },
        })
        .collect();
    StructureValue { shape, fields }
}

fn body_member<'a>(structure: &'a Structure, name: &str) -> Option<(u16, &'a crate::catalog::Member)> {
    let mut members = structure.members.iter().enumerate();
    let (index, member) =
        members.find(|(_, member)| member.location == Location::Body && member.wire_name() == name)?;
    Some((u16::try_from(index).ok()?, member))
}

/// A JSON value by its shape; one that does not fit stays a document.
pub(super) fn value(
    service: &Service,
    shape: ShapeId,
    json: Json,
    format: Option<TimestampFormat>,
    depth: usize,
) -> Value {
    if depth == 0 {
        return Value::Document(json);
    }
    match (&service.shape(shape).kind, json) {
        (ShapeKind::Document, json) => Value::Document(json),
        (_, Json::Null) => Value::Null,
        (ShapeKind::Structure(_), Json::Object(object)) => Value::Structure(structure(service, shape, object, depth)),
        (ShapeKind::List { member, .. }, Json::Array(items)) => Value::List(
            items
                .into_iter()
                .map(|item| value(service, member.shape, item, member.timestamp_format, depth - 1))
                .collect(),
        ),
        (ShapeKind::Map { value: member, .. }, Json::Object(object)) => Value::Map(
            object
                .into_iter()
                .map(|(key, item)| (key, value(service, member.shape, item, member.timestamp_format, depth - 1)))
                .collect(),
        ),
        (ShapeKind::Timestamp(of_shape), json) => {
            let format = format.or(*of_shape);
            let time = match &json {
                Json::Number(number) => number.as_f64().and_then(timestamp::from_seconds),
                Json::String(text) => timestamp::parse(text, format),
                _ => None,
            };
            time.map_or(Value::Document(json), Value::Timestamp)
        }
        (ShapeKind::Blob { .. }, Json::String(text)) => STANDARD.decode(&text).map_or(Value::String(text), Value::Blob),
        (_, Json::Bool(truth)) => Value::Boolean(truth),
        (_, Json::Number(number)) => Value::Number(number),
        (_, Json::String(text)) => Value::String(text),
        (_, json) => Value::Document(json),
    }
}
