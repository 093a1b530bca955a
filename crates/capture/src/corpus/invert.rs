//! From the JSON of a record back to the values of the wire, by the shapes of the catalog.

use aws_wire::catalog::{Protocol, Service, ShapeId, ShapeKind};
use aws_wire::value::{Field, FieldKey, StructureValue, Timestamp, Value};
use serde_json::{Map, Value as Json};

use crate::render::{Direction, Renderer};

/// The structure that an object was rendered from. Keys that no member renders as are left out, so that they show up as
/// missing in the comparison.
pub(super) fn structure(
    service: &'static Service,
    protocol: Protocol,
    shape: Option<ShapeId>,
    object: &Map<String, Json>,
) -> StructureValue {
    let renderer = Renderer::new(service, protocol, Direction::Request);
    match shape {
        Some(shape) => of_shape(&renderer, shape, object),
        None => StructureValue { shape: ShapeId(0), fields: Vec::new() },
    }
}

/// The answer whose only structure was rendered, or the answer itself.
pub(super) fn unwrapped_answer(
    service: &'static Service,
    protocol: Protocol,
    shape: Option<ShapeId>,
    object: &Map<String, Json>,
) -> StructureValue {
    let renderer = Renderer::new(service, protocol, Direction::Response);
    let Some(shape) = shape else { return StructureValue { shape: ShapeId(0), fields: Vec::new() } };
    let members = &service.structure(shape).expect("a structure").members;
    let inner = members
        .first()
        .filter(|member| members.len() == 1 && matches!(service.shape(member.shape).kind, ShapeKind::Structure(_)));
    match inner {
        Some(member) => {
            let value = Value::Structure(of_shape(&renderer, member.shape, object));
            StructureValue { shape, fields: vec![Field { key: FieldKey::Member(0), value }] }
        }
        None => of_shape(&renderer, shape, object),
    }
}

fn of_shape(renderer: &Renderer<'_>, shape: ShapeId, object: &Map<String, Json>) -> StructureValue {
    let members = renderer.service.structure(shape).map_or(&[][..], |structure| &structure.members);
    let mut fields = Vec::new();
    for (key, json) in object {
        let found = members.iter().position(|member| renderer.key_of(member) == *key);
        let found =
            found.or_else(|| members.iter().position(|member| renderer.key(&member.name).eq_ignore_ascii_case(key)));
        if let Some(index) = found {
            let value = value(renderer, members[index].shape, json);
            fields.push(Field { key: FieldKey::Member(u16::try_from(index).expect("few members")), value });
        }
    }
    StructureValue { shape, fields }
}

fn value(renderer: &Renderer<'_>, shape: ShapeId, json: &Json) -> Value {
    match (&renderer.service.shape(shape).kind, json) {
        (_, Json::Null) => Value::Null,
        (ShapeKind::Structure(_), Json::Object(object)) => Value::Structure(of_shape(renderer, shape, object)),
        (ShapeKind::List { member, .. }, Json::Array(values)) => {
            Value::List(values.iter().map(|json| value(renderer, member.shape, json)).collect())
        }
        (ShapeKind::Map { value: element, .. }, Json::Object(object)) => {
            Value::Map(object.iter().map(|(key, json)| (key.clone(), value(renderer, element.shape, json))).collect())
        }
        (kind, json) => scalar(kind, json),
    }
}

/// A value without members. A text where the model has none is what stands for something hidden.
pub(super) fn scalar(kind: &ShapeKind, json: &Json) -> Value {
    match (kind, json) {
        (ShapeKind::Timestamp(_), json) => time(json).map_or(Value::Null, Value::Timestamp),
        (ShapeKind::Boolean, Json::String(text)) => Value::Boolean(text == "true"),
        (_, Json::Bool(truth)) => Value::Boolean(*truth),
        (ShapeKind::Integer | ShapeKind::Long | ShapeKind::Float, Json::String(text)) => {
            text.parse::<i64>().map_or(Value::Null, |number| Value::Number(number.into()))
        }
        (ShapeKind::Blob { .. }, Json::String(_)) => Value::Blob(b"bytes".to_vec()),
        (ShapeKind::Map { .. }, Json::String(_)) => Value::Map(vec![("key".to_owned(), Value::String("x".to_owned()))]),
        (_, Json::Number(number)) => Value::Number(number.clone()),
        (_, Json::String(text)) => Value::String(text.clone()),
        (ShapeKind::Document, json) => Value::Document(json.clone()),
        _ => Value::Null,
    }
}

/// A time in any of the forms of records.
pub(super) fn time(json: &Json) -> Option<Timestamp> {
    if let Some(number) = json.as_f64() {
        // Milliseconds or seconds, by size: seconds of this era have ten digits.
        let micros = if number > 1e11 { number * 1e3 } else { number * 1e6 };
        return Some(Timestamp::from_micros(micros.round() as i64));
    }
    let text = json.as_str()?;
    if text.parse::<jiff::Timestamp>().is_ok() {
        return aws_wire::protocol::timestamp::parse(text, None);
    }
    let plain: String = text.replace('\u{202f}', " ").replace(',', "");
    let zoned = jiff::fmt::strtime::parse("%b %d %Y %I:%M:%S %p", &plain).ok()?.to_datetime().ok()?;
    let time = zoned.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp();
    Some(Timestamp::from_micros(time.as_microsecond()))
}

/// The XML that a JSON body was made from; keys that are attributes in S3's bodies become attributes again.
pub(super) fn xml(name: &str, json: &Json) -> String {
    match json {
        Json::Array(values) => values.iter().map(|value| xml(name, value)).collect(),
        Json::Object(object) => {
            let (mut attributes, mut children) = (String::new(), String::new());
            for (key, value) in object {
                match value {
                    Json::String(text) if key.starts_with("xmlns") || key.starts_with("xsi:") => {
                        attributes.push_str(&format!(" {key}=\"{text}\""));
                    }
                    value => children.push_str(&xml(key, value)),
                }
            }
            format!("<{name}{attributes}>{children}</{name}>")
        }
        Json::String(text) => format!("<{name}>{text}</{name}>"),
        scalar => format!("<{name}>{scalar}</{name}>"),
    }
}
